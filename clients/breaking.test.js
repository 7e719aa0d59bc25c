import assert from 'node:assert/strict';
import test from 'node:test';

import { compare } from './breaking.js';

const RELEASED = `
  type Query { paper(doi: String): Paper, papers: [Paper!]! }
  type Paper { title: String!, year: Int, kind: Kind }
  enum Kind { BOOK THESIS }
`;

test('additions are not breaking, but a new enum value is dangerous', () => {
  const current = RELEASED.replace('year: Int', 'year: Int, venue: String').replace('THESIS', 'THESIS REPORT');
  const { undocumented, documented, dangerous } = compare(RELEASED, current, '');
  assert.deepEqual([undocumented, documented], [[], []]);
  assert.match(dangerous.join(), /REPORT was added to enum type Kind/);
});

test('removals, renames, type changes and required arguments are breaking', () => {
  const current = `
    type Query { paper(doi: String!): Paper, papers: [Paper]! }
    type Paper { name: String!, year: String }
    enum Kind { BOOK }
  `;
  const { undocumented } = compare(RELEASED, current, '');
  for (const description of ['Paper.title was removed', 'Paper.kind was removed', 'Paper.year changed type', 'Query.papers changed type']) {
    assert.ok(undocumented.some((change) => change.startsWith(description)), `${description} is not among ${undocumented}`);
  }
  assert.ok(undocumented.some((change) => change.includes('THESIS was removed from enum type Kind')));
  assert.ok(undocumented.some((change) => change.includes('arg doi has changed type')));
});

test('breaking changes must be listed in the unreleased section of the changelog', () => {
  const current = RELEASED.replace(', kind: Kind', '');
  const line = '- Paper.kind was removed.';
  assert.deepEqual(compare(RELEASED, current, `# Changes\n\n## Unreleased\n\n${line}\n`).undocumented, []);
  const earlier = `# Changes\n\n## Unreleased\n\n- Nothing.\n\n## 0.1.0\n\n${line}\n`;
  assert.deepEqual(compare(RELEASED, current, earlier).undocumented, ['Paper.kind was removed.']);
});
