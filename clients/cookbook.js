// Puts the operations of the cookbook into modules, one each, as Relay's compiler wants them, and lays out what the
// compiler does not make by itself.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse, print, visit } from 'graphql';

const from = fileURLToPath(new URL('../web/src/examples', import.meta.url));
const build = fileURLToPath(new URL('build', import.meta.url));
const modules = join(build, 'cookbook');
const artifacts = join(build, 'relay');

rmSync(build, { recursive: true, force: true });
mkdirSync(modules, { recursive: true });
mkdirSync(artifacts);
writeFileSync(join(artifacts, 'operations.json'), '{}\n');

const files = readdirSync(from).filter((name) => name.endsWith('.graphql'));
for (const file of files) {
  const module = basename(file, '.graphql').replace(/(^|-)(.)/g, (_, _hyphen, letter) => letter.toUpperCase());
  // Relay holds what a module has to the module's name.
  const named = (node, name) => ({ ...node, name: { ...node.name, value: name } });
  const document = visit(parse(readFileSync(join(from, file), 'utf8')), {
    OperationDefinition: (node) => named(node, `${module}Query`),
    FragmentDefinition: (node) => named(node, `${module}_${node.name.value}`),
    FragmentSpread: (node) => named(node, `${module}_${node.name.value}`),
  });
  const text = `import { graphql } from 'relay-runtime';\n\ngraphql\`\n${print(document)}\n\`;\n`;
  writeFileSync(join(modules, `${module}.ts`), text);
}
console.log(`${files.length} operations of the cookbook are modules`);
