// Rules for the schema and for the operations of the cookbook. `npm run lint` runs ESLint from the root of the repository,
// because it ignores files outside of the working directory.
import { readFileSync } from 'node:fs';

import graphqlEslint from '@graphql-eslint/eslint-plugin';
import { buildSchema, isObjectType } from 'graphql';

const { configs, parser } = graphqlEslint;
const SCHEMA = 'schema.graphql';
const OPERATIONS = 'web/src/examples/*.graphql';
const schema = buildSchema(readFileSync(SCHEMA, 'utf8'));

// Only types that implement Node need an id. Other types, such as pages, counts per year and texts, are values.
const isValue = (type) => isObjectType(type) && !type.getInterfaces().some((one) => one.name === 'Node');
const values = Object.values(schema.getTypeMap()).filter(isValue).map((type) => type.name);

const languageOptions = { parser, parserOptions: { graphQLConfig: { schema: SCHEMA, documents: OPERATIONS } } };

export default [
  { plugins: { '@graphql-eslint': graphqlEslint }, linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: [SCHEMA],
    languageOptions,
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      '@graphql-eslint/strict-id-in-types': ['error', { exceptions: { types: values } }],
      // Connections have `nodes` in addition to `edges`, and short lists of values are plain lists.
      '@graphql-eslint/relay-edge-types': [
        'error',
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          EnumValueDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
        },
      ],
      // `Change.changedAt` is a time, not a part of the type's name.
      '@graphql-eslint/no-typename-prefix': 'off',
      '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
      '@graphql-eslint/require-nullable-fields-with-oneof': 'error',
    },
  },
  {
    files: [OPERATIONS],
    languageOptions,
    rules: {
      ...configs['flat/operations-recommended'].rules,
      // The operations select only what a page shows. Relay, Apollo and urql add the ids that they need.
      '@graphql-eslint/require-selections': 'off',
    },
  },
];
