import assert from 'node:assert/strict';
import test from 'node:test';

import { compare } from './breaking.js';

const RELEASED = `
  type Query { paper(doi: String): Paper, papers: [Paper!]! }
  type Paper { title: String!, year: Int, kind: Kind }
  enum Kind { BOOK THESIS }
`;

test('what is added breaks nothing, but a new value may surprise', () => {
  const current = RELEASED.replace('year: Int', 'year: Int, venue: String').replace('THESIS', 'THESIS REPORT');
  const { untold, told, dangerous } = compare(RELEASED, current, '');
  assert.deepEqual([untold, told], [[], []]);
  assert.match(dangerous.join(), /REPORT was added to enum type Kind/);
});

test('what is removed, renamed, narrowed or demanded is named', () => {
  const current = `
    type Query { paper(doi: String!): Paper, papers: [Paper]! }
    type Paper { name: String!, year: String }
    enum Kind { BOOK }
  `;
  const { untold } = compare(RELEASED, current, '');
  for (const named of ['Paper.title was removed', 'Paper.kind was removed', 'Paper.year changed type', 'Query.papers changed type']) {
    assert.ok(untold.some((change) => change.startsWith(named)), `${named} is not among ${untold}`);
  }
  assert.ok(untold.some((change) => change.includes('THESIS was removed from enum type Kind')));
  assert.ok(untold.some((change) => change.includes('arg doi has changed type')));
});

test('a change that the changelog tells is let through, one of an earlier release is not', () => {
  const current = RELEASED.replace(', kind: Kind', '');
  const line = '- Paper.kind was removed.';
  assert.deepEqual(compare(RELEASED, current, `# Changes\n\n## Unreleased\n\n${line}\n`).untold, []);
  const earlier = `# Changes\n\n## Unreleased\n\n- Nothing.\n\n## 0.1.0\n\n${line}\n`;
  assert.deepEqual(compare(RELEASED, current, earlier).untold, ['Paper.kind was removed.']);
});
