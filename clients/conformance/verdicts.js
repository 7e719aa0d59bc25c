// Whether graphql-js and the service accept a request.

import { setTimeout } from 'node:timers/promises';

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
const MAX_ATTEMPTS = 10;
const RETRY_PAUSE_MS = 1_000;
export const LIMIT_CODES = ['LIMIT_EXCEEDED', 'QUERY_TOO_DEEP', 'QUERY_TOO_COMPLEX'];

/** The verdict of graphql-js: `accepted`, or `rejected` with the reason. */
export function referenceVerdict(schema, { text, variables, operationName }) {
  const rejected = (error) => ({ verdict: 'rejected', reason: error.message });
  let document;
  try {
    document = parse(text, { noLocation: true });
    // Validation fails with an exception if the root field of a subscription may be skipped.
    const [error] = validate(schema, document, RULES, { maxErrors: 1 });
    if (error) return rejected(error);
  } catch (error) {
    if (error instanceof GraphQLError) return rejected(error);
    throw error;
  }
  const operation = getOperationAST(document, operationName);
  if (!operation) return rejected(new Error('no operation is selected'));
  if (!schema.getRootType(operation.operation)) return rejected(new Error(`the schema has no ${operation.operation}`));
  const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  return errors ? rejected(errors[0]) : { verdict: 'accepted' };
}

/** Why verdicts about a request may differ; null if they must not. */
export function exemption(schema, { text, variables }) {
  let reason = null;
  const typeInfo = new TypeInfo(schema);
  const isNull = (node) => node.kind === Kind.VARIABLE && (variables[node.name.value] ?? null) === null;
  const enter = (node) => {
    if (node.kind === Kind.FLOAT && !Number.isFinite(Number(node.value))) reason = 'a number is infinite in JavaScript';
    if (node.kind === Kind.DIRECTIVE && node.arguments.some(({ value }) => isNull(value))) {
      reason = 'a condition of @skip or @include is null: graphql-js fails where the field is';
    }
    if (node.kind === Kind.OPERATION_DEFINITION && node.operation === 'subscription' && /@(skip|include)/.test(text)) {
      reason = 'the root field of a subscription may be skipped: graphql-js 16 accepts that';
    }
    const place = node.kind === Kind.LIST ? typeInfo.getParentInputType() : typeInfo.getInputType();
    const type = getNullableType(place);
    if ([Kind.LIST, Kind.OBJECT].includes(node.kind) && isScalarType(type) && !isSpecifiedScalarType(type)) {
      reason = 'a list or an object for a custom scalar, with variables in it';
    }
  };
  try {
    visit(parse(text), visitWithTypeInfo(typeInfo, { enter }));
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
  }
  return reason;
}

/** Sends requests to the service. */
export class Service {
  constructor(url) {
    this.url = url;
  }

  /** Retries what the service was too busy for, as the documentation tells clients to. */
  async send(request, headers = {}) {
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: request.text, variables: request.variables, operationName: request.operationName }),
      });
      const result = await response.json();
      const isBusy = result.errors?.some(({ extensions }) => extensions?.code === 'SERVICE_UNAVAILABLE');
      if (!isBusy || attempt === MAX_ATTEMPTS) return result;
      await setTimeout(RETRY_PAUSE_MS);
    }
  }

  async data(text) {
    const { data, errors } = await this.send({ text });
    if (errors) throw new Error(`${text}: ${JSON.stringify(errors)}`);
    return data;
  }

  /** The verdict of the service, which does not execute the request. */
  async verdict(request) {
    // A subscription is accepted by whom can receive its events.
    const headers = { 'x-query-cost': 'only', accept: 'application/json, text/event-stream' };
    const { data, errors } = await this.send(request, headers);
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
    return ours.verdict !== reference.verdict && ours.verdict !== 'exempt' && !exemption(schema, candidate);
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
