// Executes requests by the service and by graphql-js, over the data of the service's response.

import { Kind, execute, isAbstractType, parse, print, responsePathAsArray, visit } from 'graphql';

import { LIMIT_CODES, exemption } from './verdicts.js';

/** The response key of the type of each object, which is added to the request that gets the data. */
const TYPE_KEY = 'zz__type';

/** The same document, with the type of each object. No selection of it is skipped. */
function withTypes(text) {
  const typename = { kind: Kind.FIELD, alias: { kind: Kind.NAME, value: TYPE_KEY }, name: { kind: Kind.NAME, value: '__typename' } };
  return print(visit(parse(text), { SelectionSet: { leave: (node) => ({ ...node, selections: [...node.selections, typename] }) } }));
}

const resolveField = (errors) => (source, _args, _context, info) => {
  if (errors.has(JSON.stringify(responsePathAsArray(info.path)))) throw new Error('failed');
  return source[info.path.key];
};

/** Returns how the service's response differs from what graphql-js makes of the same data; null if it does not. */
export async function compareExecution(schema, service, request) {
  const [response, mock] = await Promise.all([service.send(request), service.send({ ...request, text: withTypes(request.text) })]);
  if (response.data === undefined || mock.data === undefined) {
    const [error] = response.errors ?? mock.errors;
    const isExpected = LIMIT_CODES.includes(error.extensions.code) || error.extensions.code === 'TIMEOUT' || exemption(schema, request);
    return { isExecuted: false, reason: isExpected ? null : `\n  the service: ${error.message}` };
  }
  const paths = (errors) => new Set((errors ?? []).map((error) => JSON.stringify(error.path)));
  const expected = await execute({
    schema,
    document: parse(request.text),
    variableValues: request.variables,
    operationName: request.operationName,
    rootValue: mock.data ?? {},
    fieldResolver: resolveField(paths(mock.errors)),
    typeResolver: (value) => value[TYPE_KEY],
  });
  const [ours, reference] = [JSON.stringify(response.data), JSON.stringify(expected.data)];
  const hasErrors = response.errors !== undefined;
  if (ours !== reference) return { isExecuted: true, hasErrors, reason: `\n  the service: ${ours}\n  graphql-js:  ${reference}` };
  return { isExecuted: true, hasErrors, reason: null };
}

/** The schema for execution: leaf values are those of the service, which are serialized already. */
export function mockSchema(schema) {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!type.name.startsWith('__') && !isAbstractType(type) && 'serialize' in type && !('getValues' in type)) type.serialize = (value) => value;
  }
  return schema;
}
