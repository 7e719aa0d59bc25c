// Writes each operation of the cookbook to a TypeScript module, as the Relay compiler requires, and creates the files that
// the compiler does not create.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse, print, visit } from 'graphql';

const examples = fileURLToPath(new URL('../web/src/examples', import.meta.url));
const build = fileURLToPath(new URL('build', import.meta.url));
const modules = join(build, 'cookbook');
const artifacts = join(build, 'relay');

rmSync(build, { recursive: true, force: true });
mkdirSync(modules, { recursive: true });
mkdirSync(artifacts);
writeFileSync(join(artifacts, 'operations.json'), '{}\n');

const files = readdirSync(examples).filter((name) => name.endsWith('.graphql'));
for (const file of files) {
  const module = basename(file, '.graphql').replace(/(^|-)(.)/g, (_, _hyphen, letter) => letter.toUpperCase());
  // Relay requires the names of operations and fragments to start with the name of the module.
  const rename = (node, name) => ({ ...node, name: { ...node.name, value: name } });
  const document = visit(parse(readFileSync(join(examples, file), 'utf8')), {
    OperationDefinition: (node) => rename(node, `${module}Query`),
    FragmentDefinition: (node) => rename(node, `${module}_${node.name.value}`),
    FragmentSpread: (node) => rename(node, `${module}_${node.name.value}`),
  });
  const text = `import { graphql } from 'relay-runtime';\n\ngraphql\`\n${print(document)}\n\`;\n`;
  writeFileSync(join(modules, `${module}.ts`), text);
}
console.log(`wrote ${files.length} operations of the cookbook as modules`);
