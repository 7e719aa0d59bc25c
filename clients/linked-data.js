// Types the JSON-LD of every entity of the demonstration dataset by `schema-dts`, the types of schema.org: unknown properties,
// and values of other types than a property has, do not compile.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { withService } from './service.js';

const OUTPUT = fileURLToPath(new URL('build/linked-data/documents.ts', import.meta.url));
const COMPILER = fileURLToPath(new URL('node_modules/.bin/tsc', import.meta.url));
const OPTIONS = ['--ignoreConfig', '--noEmit', '--types', '', '--strict', '--skipLibCheck', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2024'];

/**
 * What `schema-dts` has no types for: texts with their language, which are texts in JSON-LD, terms of other vocabularies, and
 * the context, which is not part of a thing.
 */
function withoutExtensions(value) {
  if (Array.isArray(value)) return value.map(withoutExtensions);
  if (value === null || typeof value !== 'object') return value;
  if ('@value' in value) return value['@value'];
  const own = Object.entries(value).filter(([name]) => !name.includes(':') && name !== '@context');
  return Object.fromEntries(own.map(([name, member]) => [name, withoutExtensions(member)]));
}

const documents = await withService({ RATE_LIMIT_COST_PER_MINUTE: '0' }, async (url) => {
  const base = url.replace(/\/graphql$/, '');
  const index = await (await fetch(`${base}/sitemap.xml`)).text();
  const addresses = (xml) => [...xml.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, address]) => address);
  const pages = [];
  for (const part of addresses(index)) pages.push(...addresses(await (await fetch(part)).text()));
  const found = [];
  for (const page of pages) {
    const response = await fetch(`${page}.jsonld`);
    assert.equal(response.status, 200, page);
    const document = await response.json();
    const identity = (document.mainEntity ?? document)['@id'];
    const followed = await (await fetch(identity, { headers: { accept: 'application/ld+json' } })).json();
    assert.equal((followed.mainEntity ?? followed)['@id'], identity, page);
    found.push({ page, document });
  }
  return found;
});
assert.ok(documents.length > 50, `only ${documents.length} documents`);

const lines = documents.map(({ page, document }, index) => {
  const thing = JSON.stringify(withoutExtensions(document));
  return `// ${page}\nexport const document${index}: ${document['@type']} = ${thing};`;
});
const types = [...new Set(documents.map(({ document }) => document['@type']))].sort();
mkdirSync(dirname(OUTPUT), { recursive: true });
writeFileSync(OUTPUT, `import type { ${types.join(', ')} } from 'schema-dts';\n${lines.join('\n')}\n`);
const { status, stdout } = spawnSync(COMPILER, [...OPTIONS, OUTPUT], { encoding: 'utf8' });
assert.equal(status, 0, stdout.split('\n').slice(0, 20).join('\n'));
console.log(`${documents.length} documents of the types ${types.join(', ')} have the types of schema.org`);
