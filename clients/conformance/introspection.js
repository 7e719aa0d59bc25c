// Compares the introspected schema with schema.graphql.

import { buildClientSchema, getIntrospectionQuery, introspectionFromSchema, lexicographicSortSchema, printSchema } from 'graphql';

const OPTIONS = { specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true };
const QUERIES = [{}, OPTIONS, { ...OPTIONS, experimentalDirectiveDeprecation: true }];
/** What every schema has; each implementation describes it in its own words. */
const BUILT_IN = ['Int', 'Float', 'String', 'Boolean', 'ID', 'skip', 'include', 'deprecated', 'specifiedBy', 'oneOf'];

/** Introspection with all lists sorted by name, without what every schema has. */
function normalize(value) {
  if (Array.isArray(value)) {
    const own = value.filter((item) => !item?.name?.startsWith?.('__') && !BUILT_IN.includes(item?.name) || item.kind === undefined && item.args === undefined);
    const items = own.map(normalize);
    return items.every((item) => item?.name) ? items.toSorted((one, other) => (one.name < other.name ? -1 : 1)) : items;
  }
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normalize(item)]));
  }
  return value;
}

/** Returns the differences, and the schema that a client builds. */
export async function compareIntrospection(schema, service) {
  const differences = [];
  let introspected;
  for (const options of QUERIES) {
    const data = await service.data(getIntrospectionQuery(options));
    introspected = buildClientSchema(data);
    const [ours, expected] = [introspected, schema].map((one) => printSchema(lexicographicSortSchema(one)));
    if (options.specifiedByUrl) differences.push(...differingLines(ours, expected));
    const normalized = [data, introspectionFromSchema(schema, { ...defaults(), ...options })].map((one) => JSON.stringify(normalize(one), null, 1));
    differences.push(...differingLines(...normalized));
  }
  return { differences, introspected };
}

/** `introspectionFromSchema` asks for more than `getIntrospectionQuery` by default. */
function defaults() {
  return { specifiedByUrl: false, directiveIsRepeatable: false, schemaDescription: false, inputValueDeprecation: false, oneOf: false };
}

function differingLines(ours, expected) {
  const [own, other] = [ours, expected].map((text) => text.split('\n'));
  const index = own.findIndex((line, position) => line !== other[position]);
  if (index < 0 && own.length === other.length) return [];
  return [`introspection differs from schema.graphql at line ${index + 1}: "${own[index]}", expected "${other[index]}"`];
}
