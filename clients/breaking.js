// Names what `schema.graphql` would break for those who use the last release, whose schema is `released.graphql`. A change
// that breaks something is let through where CHANGELOG.md tells of it under "Unreleased", in these very words.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';

/** What breaks and is not told, what breaks and is told, and what may surprise a client without breaking it. */
export function compare(released, current, changelog) {
  const [before, after] = [buildSchema(released), buildSchema(current)];
  const descriptions = (changes) => changes.map(({ description }) => description);
  const told = new Set(unreleased(changelog));
  const breaking = descriptions(findBreakingChanges(before, after));
  return {
    untold: breaking.filter((change) => !told.has(change)),
    told: breaking.filter((change) => told.has(change)),
    dangerous: descriptions(findDangerousChanges(before, after)),
  };
}

function unreleased(changelog) {
  const section = changelog.split(/^## /m).find((section) => section.startsWith('Unreleased')) ?? '';
  return section.split('\n').filter((line) => line.startsWith('- ')).map((line) => line.slice(2).trim());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const { untold, told, dangerous } = compare(read('released.graphql'), read('../schema.graphql'), read('../CHANGELOG.md'));
  untold.forEach((change) => console.error(`breaks clients, and CHANGELOG.md does not tell: ${change}`));
  told.forEach((change) => console.log(`breaks clients, as CHANGELOG.md tells: ${change}`));
  dangerous.forEach((change) => console.log(`may surprise clients: ${change}`));
  console.log(`${untold.length + told.length} breaking changes since the last release, ${untold.length} of them untold`);
  process.exitCode = untold.length === 0 ? 0 : 1;
}
