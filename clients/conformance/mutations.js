// Random changes to documents and variables, most of which make them invalid.

import { print } from 'graphql';

import { insertLiterals } from './documents.js';

const name = (value) => ({ kind: 'Name', value });
const FRAGMENTS_OF_TEXT = [
  '{', '}', '(', ')', '[', ']', '$', '@', '!', ':', '=', '|', '&', '...', '... on', '"', '"""', '#', ',', '\ufeff', '\u0000', 'é', '\\',
  'on', 'fragment', 'query', 'mutation', 'type A { b: Int }', 'true', 'null', '00', '1.', '-', '1e5', '0x1', '99999999999999999999',
  '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u{1F600}"', '"\\u{110000}"', '"\\x"', '"""a\n  b\\""" """', '"described"', '__typename',
];

/** All nodes of a document for which a predicate holds. */
function nodes(document, predicate) {
  const found = [];
  const walk = (node, parent) => {
    if (Array.isArray(node)) node.forEach((item) => walk(item, parent));
    else if (node && typeof node === 'object') {
      if (node.kind && predicate(node)) found.push({ node, parent });
      Object.values(node).forEach((child) => walk(child, node.kind ? node : parent));
    }
  };
  walk(document, null);
  return found;
}

/** Replaces what a node is by what another one is. */
function become(node, other) {
  Object.keys(node).forEach((key) => delete node[key]);
  Object.assign(node, structuredClone(other));
}

export class Mutator {
  constructor(schema, random) {
    const types = Object.values(schema.getTypeMap());
    const fields = types.flatMap((type) => Object.values(type.getFields?.() ?? {}));
    this.random = random;
    this.names = {
      types: [...types.map((type) => type.name), 'Unknown'],
      fields: [...new Set([...fields.map((field) => field.name), '__typename', '__schema', '__type', 'unknown'])],
      arguments: [...new Set([...fields.flatMap((field) => (field.args ?? []).map((argument) => argument.name)), 'if', 'unknown'])],
      directives: ['skip', 'include', 'deprecated', 'oneOf', 'specifiedBy', 'unknown'],
      enumValues: types.flatMap((type) => type.getValues?.() ?? []).map((value) => value.name),
    };
  }

  /** Changes a document and its variables, and returns the text of the document. */
  mutate(request) {
    const { random } = this;
    const changes = [
      () => this.changeValue(request), () => this.changeValue(request), () => this.changeValue(request),
      () => this.changeVariable(request), () => this.changeVariable(request), () => this.changeVariable(request),
      () => this.changeJson(request), () => this.changeJson(request),
      () => this.rename(request), () => this.rename(request),
      () => this.changeArguments(request), () => this.changeArguments(request),
      () => this.addDirective(request), () => this.addDirective(request),
      () => this.changeSelections(request), () => this.changeSelections(request),
      () => this.changeDefinitions(request),
    ];
    const count = 1 + random.below(2);
    for (let index = 0; index < count; index += 1) random.pick(changes)();
    const text = insertLiterals(print(request.document));
    return random.chance(0.12) ? this.changeText(text) : text;
  }

  node(request, ...kinds) {
    const found = nodes(request.document, (node) => kinds.includes(node.kind));
    return found.length > 0 ? this.random.pick(found) : null;
  }

  randomValue() {
    const { random } = this;
    return random.pick([
      () => ({ kind: 'IntValue', value: random.pick(['0', '1', '-1', '2147483648', '99999999999999999999']) }),
      () => ({ kind: 'FloatValue', value: random.pick(['1.5', '1.0', '1e3']) }),
      () => ({ kind: 'StringValue', value: random.pick(['', 'x', 'NAME', '1', 'true']) }),
      () => ({ kind: 'BooleanValue', value: random.chance(0.5) }),
      () => ({ kind: 'NullValue' }),
      () => ({ kind: 'EnumValue', value: random.pick(this.names.enumValues) }),
      () => ({ kind: 'ListValue', values: [] }),
      () => ({ kind: 'ObjectValue', fields: [] }),
      () => ({ kind: 'Variable', name: name(`v${random.below(4)}`) }),
    ])();
  }

  changeValue(request) {
    const { random } = this;
    const kinds = ['IntValue', 'FloatValue', 'StringValue', 'BooleanValue', 'NullValue', 'EnumValue', 'ListValue', 'ObjectValue', 'Variable'];
    const target = this.node(request, ...kinds);
    if (!target || target.parent.kind === 'VariableDefinition') return;
    const { node } = target;
    random.pick([
      () => become(node, this.randomValue()),
      () => become(node, { kind: 'ListValue', values: [structuredClone(node)] }),
      () => become(node, { kind: 'ListValue', values: [structuredClone(node), this.randomValue()] }),
      () => node.kind === 'EnumValue' && become(node, { kind: 'StringValue', value: node.value }),
      () => node.kind === 'StringValue' && /^\w+$/.test(node.value) && become(node, { kind: 'EnumValue', value: node.value }),
      () => node.kind === 'ObjectValue' && node.fields.length > 0 && node.fields.push(structuredClone(random.pick(node.fields))),
      () => node.kind === 'ObjectValue' && node.fields.splice(random.below(node.fields.length + 1), 1),
      () =>
        node.kind === 'ObjectValue' &&
        node.fields.push({ kind: 'ObjectField', name: name(random.pick(this.names.arguments)), value: this.randomValue() }),
    ])();
  }

  changeVariable(request) {
    const { random } = this;
    const operation = this.node(request, 'OperationDefinition')?.node;
    const definitions = operation?.variableDefinitions;
    if (!definitions) return;
    const definition = definitions.length > 0 ? random.pick(definitions) : null;
    const added = () => ({
      kind: 'VariableDefinition',
      variable: { kind: 'Variable', name: name(`v${random.below(5)}`) },
      type: { kind: 'NamedType', name: name(random.pick(this.names.types)) },
      directives: [],
    });
    if (!definition || random.chance(0.1)) {
      definitions.push(added());
      return;
    }
    random.pick([
      () => definitions.splice(definitions.indexOf(definition), 1),
      () => definitions.push(structuredClone(definition)),
      () => (definition.type = definition.type.kind === 'NonNullType' ? definition.type.type : { kind: 'NonNullType', type: definition.type }),
      () => (definition.type = { kind: 'ListType', type: definition.type }),
      () => (definition.type = { kind: 'NamedType', name: name(random.pick(this.names.types)) }),
      () => (definition.type = { kind: 'NamedType', name: name(random.pick(['Int', 'Float', 'String', 'ID', 'Boolean'])) }),
      () => (definition.defaultValue = undefined),
      () => (definition.defaultValue = this.constant()),
      () => (definition.defaultValue = { kind: 'NullValue' }),
      () => (definition.variable = { kind: 'Variable', name: name(`v${random.below(5)}`) }),
      () => delete request.variables[definition.variable.name.value],
    ])();
  }

  constant() {
    const value = this.randomValue();
    return value.kind === 'Variable' ? { kind: 'NullValue' } : value;
  }

  changeJson(request) {
    const { random } = this;
    const keys = Object.keys(request.variables);
    const key = keys.length > 0 && random.chance(0.8) ? random.pick(keys) : `v${random.below(4)}`;
    const value = request.variables[key];
    const values = [null, 0, 1, -1, 1.5, 1e3, 2147483648, 1e20, '', 'x', 'NAME', '1', true, false, [], [null], [[1]], ['x', 1], {}, { x: 1 }];
    random.pick([
      () => delete request.variables[key],
      () => (request.variables[key] = random.pick(values)),
      () => (request.variables[key] = [value ?? null]),
      () => {
        if (value && typeof value === 'object' && !Array.isArray(value)) value[random.pick([...Object.keys(value), 'x', 'ids', 'slug'])] = random.pick(values);
      },
    ])();
  }

  rename(request) {
    const { random, names } = this;
    const target = this.node(request, 'Field', 'Argument', 'Directive', 'FragmentSpread', 'NamedType', 'ObjectField', 'Variable');
    if (!target) return;
    const { node } = target;
    const choices = {
      Field: names.fields,
      Argument: names.arguments,
      ObjectField: names.arguments,
      Directive: names.directives,
      FragmentSpread: ['F0', 'F1', 'F2', 'F9'],
      NamedType: names.types,
      Variable: ['v0', 'v1', 'v2', 'v9'],
    };
    node.name = name(random.pick(choices[node.kind]));
  }

  changeArguments(request) {
    const { random } = this;
    const { node } = this.node(request, 'Field', 'Directive') ?? {};
    if (!node?.arguments) return;
    random.pick([
      () => node.arguments.splice(random.below(node.arguments.length + 1), 1),
      () => node.arguments.length > 0 && node.arguments.push(structuredClone(random.pick(node.arguments))),
      () => node.arguments.push({ kind: 'Argument', name: name(random.pick(this.names.arguments)), value: this.randomValue() }),
      () => node.arguments.reverse(),
    ])();
  }

  addDirective(request) {
    const { random } = this;
    const kinds = ['Field', 'InlineFragment', 'FragmentSpread', 'OperationDefinition', 'FragmentDefinition', 'VariableDefinition'];
    const { node } = this.node(request, ...kinds) ?? {};
    if (!node) return;
    const hasVariable = node.kind !== 'VariableDefinition' && random.chance(0.3);
    const value = hasVariable ? this.randomValue() : { kind: 'BooleanValue', value: random.chance(0.5) };
    if (node.kind === 'VariableDefinition' && value.kind === 'Variable') return;
    const args = random.chance(0.85) ? [{ kind: 'Argument', name: name('if'), value }] : [];
    node.directives.push({ kind: 'Directive', name: name(random.pick(this.names.directives)), arguments: args });
  }

  changeSelections(request) {
    const { random } = this;
    const { node } = this.node(request, 'SelectionSet') ?? {};
    if (!node) return;
    const { selections } = node;
    const selection = random.pick(selections);
    const typename = (alias) => ({ kind: 'Field', alias: alias && name(alias), name: name('__typename'), arguments: [], directives: [] });
    random.pick([
      () => selections.push(structuredClone(selection)),
      () => selections.push({ ...structuredClone(selection), directives: [] }),
      () => selection.kind === 'Field' && (selection.alias = name(random.pick(['a0', 'a1', 't0', 'id', 'name', '__typename']))),
      () => selection.kind === 'Field' && (selection.alias = undefined),
      () => selection.kind === 'Field' && (selection.selectionSet = undefined),
      () => selection.kind === 'Field' && (selection.selectionSet ??= { kind: 'SelectionSet', selections: [typename()] }),
      () => selections.push(typename(random.pick([undefined, 'a0', 't0', 'id']))),
      () => selections.push({ kind: 'FragmentSpread', name: name(`F${random.below(3)}`), directives: [] }),
      () =>
        selections.push({
          kind: 'InlineFragment',
          typeCondition: { kind: 'NamedType', name: name(random.pick(this.names.types)) },
          directives: [],
          selectionSet: { kind: 'SelectionSet', selections: [structuredClone(selection)] },
        }),
      () => {
        const other = structuredClone(selection);
        if (other.kind === 'Field') other.arguments.push({ kind: 'Argument', name: name(random.pick(this.names.arguments)), value: this.randomValue() });
        selections.push(other);
      },
    ])();
  }

  changeDefinitions(request) {
    const { random } = this;
    const { definitions } = request.document;
    const definition = random.pick(definitions);
    random.pick([
      () => definitions.push(structuredClone(definition)),
      () => definitions.splice(definitions.indexOf(definition), definitions.length > 1 ? 1 : 0),
      () => definition.kind === 'OperationDefinition' && (definition.operation = random.pick(['mutation', 'subscription'])),
      () => definition.kind === 'OperationDefinition' && (definition.name = random.pick([undefined, name('Q0'), name('Q7')])),
      () => definition.kind === 'FragmentDefinition' && (definition.name = name('F1')),
      () => definitions.reverse(),
      () => (request.operationName = random.pick([undefined, 'Q0', 'Q1', 'Unknown'])),
    ])();
  }

  /** Changes a few tokens of a text. */
  changeText(text) {
    const { random } = this;
    const tokens = text.match(/"""[^]*?"""|"(?:[^"\\\n]|\\.)*"|\.\.\.|[\w.+-]+|\s+|[^]/g) ?? [text];
    const index = random.below(tokens.length);
    random.pick([
      () => tokens.splice(index, 1),
      () => tokens.splice(index, 0, tokens[random.below(tokens.length)]),
      () => tokens.splice(index, 0, random.pick(FRAGMENTS_OF_TEXT)),
      () => tokens.splice(index, 0, ` ${random.pick(FRAGMENTS_OF_TEXT)} `),
      () => (tokens[index] = random.pick(FRAGMENTS_OF_TEXT)),
      () => tokens.splice(index),
    ])();
    return tokens.join('');
  }
}
