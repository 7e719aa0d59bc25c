// Random valid documents with their variables.

import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

const MAX_DEPTH = 4;
const name = (value) => ({ kind: 'Name', value });
const namedType = (value) => ({ kind: 'NamedType', name: name(value) });
const variable = (value) => ({ kind: 'Variable', name: name(value) });
const argument = (key, value) => ({ kind: 'Argument', name: name(key), value });

/** Strings, each with several literals that mean it. The printer writes a marker, which is replaced by the literal. */
const LITERALS = [
  ['', ['""', '""""""']],
  ['é', ['"é"', '"\\u00e9"', '"\\u{e9}"', '"""é"""']],
  ['😀', ['"😀"', '"\\ud83d\\ude00"', '"\\u{1F600}"']],
  ['a\nb', ['"a\\nb"', '"""\n  a\n  b\n"""']],
  ['"\\/\b\f\r\t', ['"\\"\\\\\\/\\b\\f\\r\\t"']],
  ['"""', ['"\\"\\"\\""', '"""\n\\"""\n"""']],
];
const MARKER = /"\$literal (\d+) (\d+)\$"/g;

/** Replaces the markers in a printed document. */
export function insertLiterals(text) {
  return text.replace(MARKER, (_, entry, form) => LITERALS[entry][1][form]);
}

const SCALARS = {
  Date: ['2020-01-31', '1999-12-01'],
  DateTime: ['2020-01-31T12:00:00Z', '2000-01-01T00:00:00+01:00'],
  LanguageTag: ['en', 'fr', 'de-CH'],
  PartialDate: ['2020', '2019-05', '2018-01-02'],
  URL: ['https://example.org/'],
};

/** Builds documents for a schema. `samples` are values of arguments by their name, such as ids that exist. */
export class DocumentBuilder {
  constructor(schema, random, samples) {
    Object.assign(this, { schema, random, samples });
  }

  /** A document, and variables and an operation name for it. */
  build() {
    const { random } = this;
    this.fragments = new Map();
    const operations = Array.from({ length: random.chance(0.1) ? 2 : 1 }, (_, index) => {
      Object.assign(this, { definitions: new Map(), values: {} });
      const selectionSet = this.selectionSet(this.schema.getQueryType(), 0);
      const isNamed = random.chance(0.5);
      return { selectionSet, definitions: [...this.definitions.values()], values: this.values, name: isNamed ? `Q${index}` : null };
    });
    // An operation that shares the document with another has a name, and uses no fragment of the other.
    if (operations.length > 1) operations.forEach((operation, index) => (operation.name = `Q${index}`));
    const chosen = random.pick(operations);
    const definitions = operations.map((operation) => ({
      kind: 'OperationDefinition',
      operation: 'query',
      name: operation.name ? name(operation.name) : undefined,
      variableDefinitions: operation.definitions,
      directives: [],
      selectionSet: operation.selectionSet,
    }));
    const document = { kind: 'Document', definitions: [...definitions, ...this.fragments.values()] };
    const operationName = operations.length > 1 || (chosen.name && random.chance(0.5)) ? chosen.name : undefined;
    return { document, variables: chosen.values, operationName };
  }

  selectionSet(type, depth) {
    const { random } = this;
    const selections = [];
    const count = 1 + random.below(depth === 0 ? 3 : 4);
    for (let index = 0; index < count; index += 1) selections.push(...this.selection(type, depth));
    if (selections.length === 0) selections.push(this.typename());
    return { kind: 'SelectionSet', selections };
  }

  selection(type, depth) {
    const { random } = this;
    if (random.chance(0.12)) return [this.typename()];
    if (depth < MAX_DEPTH && random.chance(isAbstractType(type) ? 0.6 : 0.12)) return [this.fragment(type, depth)];
    if (type === this.schema.getQueryType() && random.chance(0.06)) return [this.introspection()];
    const field = this.field(type, depth);
    return field ? [field] : [];
  }

  typename() {
    const alias = this.random.chance(0.2) ? name(`t${this.random.below(3)}`) : undefined;
    return { kind: 'Field', alias, name: name('__typename'), arguments: [], directives: this.directives() };
  }

  fragment(type, depth) {
    const { random } = this;
    const possible = isAbstractType(type) ? this.schema.getPossibleTypes(type) : [type];
    const object = random.pick(possible);
    const condition = random.chance(0.2) ? random.pick([type, ...object.getInterfaces()]) : object;
    const selectionSet = this.selectionSet(condition, depth + 1);
    const directives = this.directives();
    if (random.chance(0.6)) {
      const typeCondition = condition === type && random.chance(0.3) ? undefined : namedType(condition.name);
      return { kind: 'InlineFragment', typeCondition, directives, selectionSet };
    }
    const key = `F${this.fragments.size}`;
    const definition = { kind: 'FragmentDefinition', name: name(key), typeCondition: namedType(condition.name), directives: [], selectionSet };
    this.fragments.set(key, definition);
    return { kind: 'FragmentSpread', name: name(key), directives };
  }

  field(type, depth) {
    const { random } = this;
    const fields = Object.values(type.getFields()).filter((field) => depth < MAX_DEPTH || isLeafType(getNamedType(field.type)));
    if (fields.length === 0) return null;
    const field = random.pick(fields);
    const given = field.args.filter((definition) => isRequiredArgument(definition) || random.chance(0.4));
    const isConnection = field.args.some((definition) => definition.name === 'first');
    const args = given.filter((definition) => !isConnection || !['first', 'last', 'after', 'before'].includes(definition.name));
    const values = args.map((definition) => argument(definition.name, this.value(definition.type, definition, 0)));
    // Small pages, so that the documents can be executed.
    if (isConnection) values.push(argument('first', this.smallPage(field.args.find((definition) => definition.name === 'first'))));
    // Different arguments need different response keys.
    const alias = values.length > 0 || random.chance(0.1) ? name(`a${this.aliases++}`) : undefined;
    const inner = getNamedType(field.type);
    const selectionSet = isCompositeType(inner) ? this.selectionSet(inner, depth + 1) : undefined;
    return { kind: 'Field', alias, name: name(field.name), arguments: values, directives: this.directives(), selectionSet };
  }

  aliases = 0;

  smallPage(definition) {
    if (this.random.chance(0.3)) return this.variable(definition.type, definition, 1 + this.random.below(3));
    return { kind: 'IntValue', value: String(1 + this.random.below(3)) };
  }

  introspection() {
    const field = (key, selections) => ({
      kind: 'Field',
      name: name(key),
      arguments: [],
      directives: this.directives(),
      selectionSet: selections && { kind: 'SelectionSet', selections },
    });
    const reference = () => field('type', [field('kind'), field('name'), field('ofType', [field('__typename'), field('name')])]);
    const includesDeprecated = argument('includeDeprecated', { kind: 'BooleanValue', value: this.random.chance(0.5) });
    const details = [
      () => field('name'),
      () => field('isOneOf'),
      () => field('specifiedByURL'),
      () => field('__typename'),
      () => ({ ...field('fields', [field('name'), field('isDeprecated'), reference(), field('args', [field('name'), field('defaultValue')])]), arguments: [includesDeprecated] }),
      () => field('inputFields', [field('name'), field('defaultValue'), reference()]),
      () => field('enumValues', [field('name'), field('deprecationReason')]),
      () => field('interfaces', [field('name')]),
    ];
    const selections = [field('kind'), ...details.filter(() => this.random.chance(0.4)).map((detail) => detail())];
    const types = Object.keys(this.schema.getTypeMap()).filter((key) => !key.startsWith('__'));
    const key = argument('name', { kind: 'StringValue', value: this.random.pick([...types, 'Nothing']) });
    return { ...field('__type', selections), alias: name(`a${this.aliases++}`), arguments: [key] };
  }

  directives() {
    const { random } = this;
    if (!random.chance(0.1)) return [];
    const directive = random.pick(['skip', 'include']);
    const value = random.chance(0.5);
    const condition = random.chance(0.4)
      ? this.variable(this.schema.getType('Boolean'), { name: 'if', isNonNull: true }, value)
      : { kind: 'BooleanValue', value };
    return [{ kind: 'Directive', name: name(directive), arguments: [argument('if', condition)] }];
  }

  /** A use of a new variable of a type, whose value is given in JSON. */
  variable(type, definition, value) {
    const { random } = this;
    const key = `v${this.definitions.size}`;
    const isNonNull = isNonNullType(type) || definition.isNonNull;
    const nullable = isNonNullType(type) ? type.ofType : type;
    let declared = this.typeNode(nullable);
    let defaultValue;
    const canOmit = !isNonNull || definition.defaultValue !== undefined;
    if (canOmit && !definition.isOneOf && random.chance(0.6)) {
      // A nullable variable; without a value, the default of its place applies.
      if (random.chance(0.7)) value = undefined;
    } else {
      declared = { kind: 'NonNullType', type: declared };
    }
    if (value === undefined || !isLeafType(getNullableType(type))) {
      // No default: the variable is absent, or its value is not a simple one.
    } else if (random.chance(0.3)) {
      defaultValue = this.literal(nullable, definition, 2);
      if (random.chance(0.5)) value = undefined;
    }
    const node = { kind: 'VariableDefinition', variable: variable(key), type: declared, defaultValue, directives: [] };
    this.definitions.set(key, node);
    if (value !== undefined) this.values[key] = value;
    return variable(key);
  }

  typeNode(type) {
    if (isNonNullType(type)) return { kind: 'NonNullType', type: this.typeNode(type.ofType) };
    if (isListType(type)) return { kind: 'ListType', type: this.typeNode(type.ofType) };
    return namedType(type.name);
  }

  value(type, definition, depth) {
    if (this.random.chance(0.25)) return this.variable(type, definition, this.json(type, definition, depth));
    return this.literal(type, definition, depth);
  }

  literal(type, definition, depth) {
    const { random } = this;
    if (isNonNullType(type)) type = type.ofType;
    else if (!definition.isOneOf && random.chance(0.08)) return { kind: 'NullValue' };
    if (isListType(type)) {
      if (random.chance(0.2) && !isListType(getNullableType(type.ofType))) return this.literal(type.ofType, definition, depth);
      const values = Array.from({ length: random.below(3) }, () => this.value(type.ofType, { ...definition, defaultValue: undefined, isOneOf: false }, depth + 1));
      return { kind: 'ListValue', values };
    }
    if (isInputObjectType(type)) {
      const fields = this.inputFields(type, depth).map((field) => ({
        kind: 'ObjectField',
        name: name(field.name),
        value: this.value(field.type, { ...field, isOneOf: type.isOneOf }, depth + 1),
      }));
      return { kind: 'ObjectValue', fields };
    }
    if (isEnumType(type)) return { kind: 'EnumValue', value: random.pick(type.getValues()).name };
    switch (type.name) {
      case 'Int':
        return { kind: 'IntValue', value: String(random.below(4)) };
      case 'Float':
        return random.chance(0.5) ? { kind: 'FloatValue', value: '1.5' } : { kind: 'IntValue', value: '2' };
      case 'Boolean':
        return { kind: 'BooleanValue', value: random.chance(0.5) };
      case 'ID':
        return random.chance(0.1) ? { kind: 'IntValue', value: '7' } : { kind: 'StringValue', value: this.text(definition) };
      case 'String': {
        const entry = random.below(LITERALS.length);
        if (random.chance(0.3)) return { kind: 'StringValue', value: `$literal ${entry} ${random.below(LITERALS[entry][1].length)}$` };
        return { kind: 'StringValue', value: this.text(definition) };
      }
      default:
        return { kind: 'StringValue', value: random.pick(SCALARS[type.name]) };
    }
  }

  /** A value in JSON. */
  json(type, definition, depth) {
    const { random } = this;
    if (isNonNullType(type)) type = type.ofType;
    else if (!definition.isOneOf && random.chance(0.1)) return null;
    if (isListType(type)) {
      if (random.chance(0.1)) return this.json(type.ofType, definition, depth);
      return Array.from({ length: random.below(3) }, () => this.json(type.ofType, { ...definition, isOneOf: false }, depth + 1));
    }
    if (isInputObjectType(type)) {
      const fields = this.inputFields(type, depth);
      return Object.fromEntries(fields.map((field) => [field.name, this.json(field.type, { ...field, isOneOf: type.isOneOf }, depth + 1)]));
    }
    if (isEnumType(type)) return random.pick(type.getValues()).name;
    switch (type.name) {
      case 'Int':
        return random.below(4);
      case 'Float':
        return random.pick([1, 1.5]);
      case 'Boolean':
        return random.chance(0.5);
      case 'ID':
        return random.chance(0.1) ? 7 : this.text(definition);
      case 'String':
        return random.chance(0.3) ? random.pick(LITERALS)[0] : this.text(definition);
      default:
        return random.pick(SCALARS[type.name]);
    }
  }

  inputFields(type, depth) {
    const fields = Object.values(type.getFields());
    if (type.isOneOf) return [this.random.pick(fields)];
    const isSmall = (field) => depth < 2 || isLeafType(getNamedType(field.type));
    return fields.filter((field) => isRequiredInputField(field) || (this.random.chance(0.15) && isSmall(field)));
  }

  text(definition) {
    return this.random.pick(this.samples[definition.name] ?? this.samples.other);
  }
}
