// Whether graphql-js and the service accept a request.

import {
  GraphQLError,
  Kind,
  TypeInfo,
  getNamedType,
  getNullableType,
  getOperationAST,
  getVariableValues,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  recommendedRules,
  specifiedRules,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/**
 * A variable that is the only field of an object must be non-null. The rule of graphql-js misses this if the object is
 * required or stands for a list of one.
 */
function OneOfVariablesRule(context) {
  const uses = new Map();
  let current;
  return {
    OperationDefinition: (node) => void uses.set(node, (current = [])),
    FragmentDefinition: (node) => void uses.set(node, (current = [])),
    ObjectField: (node) => {
      const isOneOf = getNamedType(context.getParentInputType())?.isOneOf;
      if (isOneOf && node.value.kind === Kind.VARIABLE) current.push(node.value);
    },
    Document: {
      leave: (document) => {
        for (const operation of document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)) {
          const nullable = new Map(operation.variableDefinitions.map((node) => [node.variable.name.value, node.type.kind !== Kind.NON_NULL_TYPE]));
          const definitions = [operation, ...context.getRecursivelyReferencedFragments(operation)];
          for (const node of definitions.flatMap((definition) => uses.get(definition) ?? [])) {
            if (nullable.get(node.name.value)) context.reportError(new GraphQLError('a nullable variable in a OneOf object', { nodes: node }));
          }
        }
      },
    },
  };
}

/** The rules of the specification. How deep introspection may go is a limit of each server. */
const RULES = [...specifiedRules.filter((rule) => !recommendedRules.includes(rule)), OneOfVariablesRule];
const LIMIT_CODES = ['LIMIT_EXCEEDED', 'QUERY_TOO_DEEP', 'QUERY_TOO_COMPLEX'];

/** The verdict of graphql-js: `accepted`, `rejected` with the reason, or `exempt` with the reason. */
export function referenceVerdict(schema, { text, variables, operationName }) {
  const rejected = (error) => ({ verdict: 'rejected', reason: error.message });
  let document;
  try {
    document = parse(text);
  } catch (error) {
    if (error instanceof GraphQLError) return rejected(error);
    throw error;
  }
  const exempt = exemption(schema, document);
  if (exempt) return { verdict: 'exempt', reason: exempt };
  const [error] = validate(schema, document, RULES, { maxErrors: 1 });
  if (error) return rejected(error);
  const operation = getOperationAST(document, operationName);
  if (!operation) return rejected(new Error('no operation is selected'));
  if (!schema.getRootType(operation.operation)) return rejected(new Error(`the schema has no ${operation.operation}`));
  const { errors, coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (errors) return rejected(errors[0]);
  if (hasNullCondition(document, coerced)) return { verdict: 'exempt', reason: 'a condition of @skip or @include is null' };
  return { verdict: 'accepted', document };
}

/** Why a document is not compared; null if it is. */
function exemption(schema, document) {
  let reason = null;
  const typeInfo = new TypeInfo(schema);
  const visitor = {
    FloatValue: (node) => {
      // It is infinite in JavaScript.
      if (!Number.isFinite(Number(node.value))) reason = 'a number is too large';
    },
    enter: (node) => {
      const place = node.kind === 'ListValue' ? typeInfo.getParentInputType() : typeInfo.getInputType();
      const type = getNullableType(place);
      const isCustomScalar = isScalarType(type) && !isSpecifiedScalarType(type);
      if (isCustomScalar && ['ListValue', 'ObjectValue'].includes(node.kind)) reason = 'a list or an object for a custom scalar';
    },
  };
  visit(document, visitWithTypeInfo(typeInfo, { enter: (node) => { visitor[node.kind]?.(node); visitor.enter(node); } }));
  return reason;
}

/** Whether a condition is null: graphql-js fails where the field is, the service rejects the request. */
function hasNullCondition(document, variables) {
  let hasNull = false;
  visit(document, {
    Directive: (node) => {
      for (const { value } of node.arguments) hasNull ||= value.kind === Kind.VARIABLE && (variables[value.name.value] ?? null) === null;
    },
  });
  return hasNull;
}

/** Sends requests to the service. */
export class Service {
  constructor(url) {
    this.url = url;
  }

  async send(request, headers = {}) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: request.text, variables: request.variables, operationName: request.operationName }),
    });
    return response.json();
  }

  async data(text) {
    const { data, errors } = await this.send({ text });
    if (errors) throw new Error(`${text}: ${JSON.stringify(errors)}`);
    return data;
  }

  /** The verdict of the service, which does not execute the request. */
  async verdict(request) {
    const { data, errors } = await this.send(request, { 'x-query-cost': 'only' });
    if (!errors) return data === null ? { verdict: 'accepted' } : { verdict: 'broken', reason: 'data without execution' };
    const codes = errors.map((error) => error.extensions.code);
    if (codes.some((code) => LIMIT_CODES.includes(code))) return { verdict: 'exempt', reason: `limit: ${errors[0].extensions.limit}` };
    const isRejected = data === undefined && codes.every((code) => code.startsWith('GRAPHQL_'));
    return { verdict: isRejected ? 'rejected' : 'broken', reason: errors[0].message };
  }
}

/** The smallest part of a request about which the verdicts still differ. */
export async function shrink(schema, service, request) {
  const differ = async (candidate) => {
    const [ours, reference] = [await service.verdict(candidate), referenceVerdict(schema, candidate)];
    return ours.verdict !== reference.verdict && ours.verdict !== 'exempt' && reference.verdict !== 'exempt';
  };
  let best = request;
  for (const key of Object.keys(request.variables)) {
    const { [key]: _, ...variables } = best.variables;
    if (await differ({ ...best, variables })) best = { ...best, variables };
  }
  let tokens = request.text.match(/"""[^]*?"""|"(?:[^"\\\n]|\\.)*"|\.\.\.|[\w.+-]+|\s+|[^]/g) ?? [];
  for (let size = tokens.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start < tokens.length; ) {
      const fewer = tokens.toSpliced(start, size);
      if (await differ({ ...best, text: fewer.join('') })) {
        tokens = fewer;
        best = { ...best, text: fewer.join('') };
      } else {
        start += size;
      }
    }
  }
  return best;
}
