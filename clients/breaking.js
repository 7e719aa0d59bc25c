// Lists the breaking changes from `released.graphql`, the schema of the last release, to `schema.graphql`. Each one must be
// listed in the section "Unreleased" of CHANGELOG.md, with exactly the description that is printed here.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';

/** Returns the breaking changes that the changelog omits, those that it lists, and the dangerous changes. */
export function compare(released, current, changelog) {
  const [before, after] = [buildSchema(released), buildSchema(current)];
  const descriptions = (changes) => changes.map(({ description }) => description);
  const listed = new Set(unreleased(changelog));
  const breaking = descriptions(findBreakingChanges(before, after));
  return {
    undocumented: breaking.filter((change) => !listed.has(change)),
    documented: breaking.filter((change) => listed.has(change)),
    dangerous: descriptions(findDangerousChanges(before, after)),
  };
}

function unreleased(changelog) {
  const section = changelog.split(/^## /m).find((section) => section.startsWith('Unreleased')) ?? '';
  return section.split('\n').filter((line) => line.startsWith('- ')).map((line) => line.slice(2).trim());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const { undocumented, documented, dangerous } = compare(read('released.graphql'), read('../schema.graphql'), read('../CHANGELOG.md'));
  undocumented.forEach((change) => console.error(`breaking change that is not in CHANGELOG.md: ${change}`));
  documented.forEach((change) => console.log(`breaking change: ${change}`));
  dangerous.forEach((change) => console.log(`dangerous change: ${change}`));
  console.log(`${undocumented.length + documented.length} breaking changes since the last release, ${undocumented.length} of them not in CHANGELOG.md`);
  process.exitCode = undocumented.length === 0 ? 0 : 1;
}
