// Executes the compiled operations of the clients by their ids, on a service that accepts only trusted operations. The
// manifests are written by relay-compiler and graphql-codegen (`npm run compile`).

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { withService } from './service.js';

const MANIFESTS = ['build/relay/operations.json', 'build/codegen/persisted-documents.json'];
/** Variables for operations that are not in the cookbook. The id does not exist, so its result is null. */
const VARIABLES = { slug: 'razvan-pascanu', languages: ['fr', 'en'], doi: '10.1000/182', id: 'bm9ib2R5', first: 2 };

/** The variables of an operation in the cookbook, or `VARIABLES`. */
function variablesOf(text) {
  const [, name] = /^(?:query|fragment) (\w+)/m.exec(text);
  const words = name.replace(/Query$/, '').replace(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  const path = new URL(`../web/src/examples/${words}.variables.json`, import.meta.url);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : VARIABLES;
}

async function execute(url, body) {
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
      const { status, body } = await execute(url, { documentId, variables: variablesOf(text) });
      if (status !== 200 || body.errors) failed.push(`${text.slice(0, 40)}…: status ${status}, ${JSON.stringify(body.errors)}`);
      const isProfile = /query Profile(Query)?\(/.test(text);
      if (isProfile && !body.data?.researcher?.name) failed.push(`the profile has no name: ${JSON.stringify(body)}`);
    }
    const untrusted = await execute(url, { query: '{ directory { name } }' });
    if (untrusted.status !== 403) failed.push(`an operation outside of the manifest has status ${untrusted.status}`);
  });
  if (operations.length < 10) failed.push(`${manifest} has only ${operations.length} operations`);
  console.log(`executed ${operations.length} operations of ${manifest} by their ids`);
  return failed;
}

for (const manifest of MANIFESTS) {
  const failed = await failuresOf(manifest);
  failed.forEach((line) => console.error(line));
  if (failed.length > 0) process.exitCode = 1;
}
