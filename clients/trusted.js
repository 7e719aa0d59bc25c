// Runs what clients were compiled to, as they would: by its id alone, against a service that runs nothing else. The
// manifests are those that relay-compiler and graphql-codegen wrote (`npm run compile`).

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { withService } from './service.js';

const MANIFESTS = ['build/relay/operations.json', 'build/codegen/persisted-documents.json'];
/** For operations that are not of the cookbook; an id that names nothing is null. */
const VARIABLES = { slug: 'razvan-pascanu', languages: ['fr', 'en'], doi: '10.1000/182', id: 'bm9ib2R5', first: 2 };

/** What the cookbook asks an operation with. */
function variablesOf(text) {
  const [, name] = /^(?:query|fragment) (\w+)/m.exec(text);
  const words = name.replace(/Query$/, '').replace(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  const path = new URL(`../web/src/examples/${words}.variables.json`, import.meta.url);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : VARIABLES;
}

async function ask(url, body) {
  const headers = { accept: 'application/graphql-response+json', 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

async function failuresOf(manifest) {
  const path = fileURLToPath(new URL(manifest, import.meta.url));
  const operations = Object.entries(JSON.parse(readFileSync(path, 'utf8')));
  const failed = [];
  await withService({ OPERATIONS: 'trusted', OPERATIONS_MANIFEST: path }, async (url) => {
    for (const [documentId, text] of operations) {
      const { status, body } = await ask(url, { documentId, variables: variablesOf(text) });
      if (status !== 200 || body.errors) failed.push(`${text.slice(0, 40)}… is ${status}: ${JSON.stringify(body.errors)}`);
      const isProfile = /query Profile(Query)?\(/.test(text);
      if (isProfile && !body.data?.researcher?.name) failed.push(`the profile has no name: ${JSON.stringify(body)}`);
    }
    const other = await ask(url, { query: '{ directory { name } }' });
    if (other.status !== 403) failed.push(`an operation of nobody is ${other.status}`);
  });
  if (operations.length < 10) failed.push(`there are only ${operations.length} operations in ${manifest}`);
  console.log(`${operations.length} operations of ${manifest} were asked for by their ids`);
  return failed;
}

for (const manifest of MANIFESTS) {
  const failed = await failuresOf(manifest);
  failed.forEach((line) => console.error(line));
  if (failed.length > 0) process.exitCode = 1;
}
