//! Parses GraphQL documents, as the specification (sections 2 and B.2) defines them. The engine's own parser rejects some
//! valid documents, such as those with surrogate pairs in strings, and accepts some invalid ones.

use async_graphql::indexmap::IndexMap;
use async_graphql::indexmap::map::Entry;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
    InlineFragment, OperationDefinition, OperationType, Selection, SelectionSet, Type, TypeCondition,
    VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value as ConstValue};
use async_graphql_value::{Number, Value};

use crate::graphql::engine::lexer::{Lexer, SyntaxError, Token};
use crate::graphql::engine::{PARSE_FAILED, VALIDATION_FAILED, request_error};

/// Maximum nesting depth of what can contain itself. The limits on a document are lower (60 selection sets, 32 values).
const MAX_NESTING: usize = 100;

type Parsed<T> = Result<T, SyntaxError>;
type Arguments = Vec<(Positioned<Name>, Positioned<Value>)>;

/// Parses a document of operations and fragments.
///
/// # Errors
/// The first syntax error, or all definitions that are not unique.
pub(crate) fn parse_document(text: &str) -> Result<ExecutableDocument, Vec<ServerError>> {
    let parsed = Parser::new(text).and_then(Parser::document);
    let (document, duplicates) = parsed.map_err(|error| {
        let SyntaxError { message, position } = error;
        let message = format!("syntax error at line {}, column {}: {message}", position.line, position.column);
        vec![request_error(PARSE_FAILED, message, position)]
    })?;
    if duplicates.is_empty() { Ok(document) } else { Err(duplicates) }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    position: Pos,
    nesting: usize,
    /// Errors of the document that its syntax tree cannot represent.
    duplicates: Vec<ServerError>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parsed<Self> {
        let mut lexer = Lexer::new(text);
        let (token, position) = lexer.next_token()?;
        Ok(Self { lexer, token, position, nesting: 0, duplicates: Vec::new() })
    }

    /// Returns the current token and reads the next one.
    fn advance(&mut self) -> Parsed<Token<'a>> {
        let (token, position) = self.lexer.next_token()?;
        self.position = position;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn is_at(&self, punctuator: char) -> bool {
        self.token == Token::Punctuator(punctuator)
    }

    fn is_at_keyword(&self, keyword: &str) -> bool {
        self.token == Token::Name(keyword)
    }

    /// Reads a punctuator if it is the current token.
    fn take(&mut self, punctuator: char) -> Parsed<bool> {
        let is_at = self.is_at(punctuator);
        if is_at {
            self.advance()?;
        }
        Ok(is_at)
    }

    fn expect(&mut self, punctuator: char) -> Parsed<()> {
        if self.take(punctuator)? { Ok(()) } else { Err(self.expected(&format!("`{punctuator}`"))) }
    }

    fn expected(&self, what: &str) -> SyntaxError {
        SyntaxError { message: format!("expected {what}, found {}", self.token).into(), position: self.position }
    }

    fn name(&mut self, what: &str) -> Parsed<Positioned<Name>> {
        let position = self.position;
        let Token::Name(name) = self.token else { return Err(self.expected(what)) };
        self.advance()?;
        Ok(Positioned::new(Name::new(name), position))
    }

    /// Parses one or more items in brackets; nothing if the opening bracket is missing.
    fn list<T>(&mut self, brackets: [char; 2], item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        if self.take(brackets[0])? {
            items.push(item(self)?);
            while !self.take(brackets[1])? {
                items.push(item(self)?);
            }
        }
        Ok(items)
    }

    /// Parses something that can contain itself.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            return Err(SyntaxError { message: "the document is nested too deep".into(), position: self.position });
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    fn duplicate(&mut self, message: String, position: Pos) {
        self.duplicates.push(request_error(VALIDATION_FAILED, message, position));
    }

    fn document(mut self) -> Parsed<(ExecutableDocument, Vec<ServerError>)> {
        let mut anonymous: Option<Positioned<OperationDefinition>> = None;
        let mut named = IndexMap::new();
        let mut fragments = IndexMap::new();
        loop {
            let start = self.position;
            let is_described = matches!(self.token, Token::String(_));
            if is_described {
                self.advance()?;
            }
            if self.is_at_keyword("fragment") {
                let (name, fragment) = self.fragment_definition()?;
                let message = format!("there is more than one fragment named {}", name.node);
                match fragments.entry(name.node) {
                    Entry::Occupied(_) => self.duplicate(message, name.pos),
                    Entry::Vacant(vacant) => _ = vacant.insert(Positioned::new(fragment, start)),
                }
            } else {
                let (name, operation) = self.operation(is_described)?;
                let operation = Positioned::new(operation, start);
                match name {
                    Some(name) => {
                        let message = format!("there is more than one operation named {}", name.node);
                        match named.entry(name.node) {
                            Entry::Occupied(_) => self.duplicate(message, name.pos),
                            Entry::Vacant(vacant) => _ = vacant.insert(operation),
                        }
                    }
                    None if anonymous.is_some() => self.duplicate_anonymous(start),
                    None => anonymous = Some(operation),
                }
            }
            if self.token == Token::End {
                break;
            }
        }
        let operations = match anonymous {
            Some(operation) => {
                if !named.is_empty() {
                    self.duplicate_anonymous(operation.pos);
                }
                DocumentOperations::Single(operation)
            }
            None => DocumentOperations::Multiple(named.into_iter().collect()),
        };
        Ok((ExecutableDocument { operations, fragments: fragments.into_iter().collect() }, self.duplicates))
    }

    fn duplicate_anonymous(&mut self, position: Pos) {
        self.duplicate("an operation without a name must be the only operation of the document".to_owned(), position);
    }

    fn operation(&mut self, is_described: bool) -> Parsed<(Option<Positioned<Name>>, OperationDefinition)> {
        let ty = match self.token {
            Token::Punctuator('{') if !is_described => None,
            Token::Name("query") => Some(OperationType::Query),
            Token::Name("mutation") => Some(OperationType::Mutation),
            Token::Name("subscription") => Some(OperationType::Subscription),
            _ => return Err(self.expected("an operation or a fragment")),
        };
        let mut operation = OperationDefinition {
            ty: ty.unwrap_or(OperationType::Query),
            variable_definitions: Vec::new(),
            directives: Vec::new(),
            selection_set: Positioned::default(),
        };
        let mut name = None;
        if ty.is_some() {
            self.advance()?;
            if matches!(self.token, Token::Name(_)) {
                name = Some(self.name("a name")?);
            }
            operation.variable_definitions = self.list(['(', ')'], Self::variable_definition)?;
            operation.directives = self.directives(false)?;
        }
        operation.selection_set = self.selection_set()?;
        Ok((name, operation))
    }

    fn variable_definition(&mut self) -> Parsed<Positioned<VariableDefinition>> {
        if matches!(self.token, Token::String(_)) {
            self.advance()?;
        }
        let start = self.position;
        self.expect('$')?;
        let name = self.name("the name of a variable")?;
        self.expect(':')?;
        let type_position = self.position;
        let var_type = Positioned::new(self.ty()?, type_position);
        let mut default_value = None;
        if self.take('=')? {
            let position = self.position;
            default_value = Some(Positioned::new(constant(self.value(true)?), position));
        }
        let directives = self.directives(true)?;
        Ok(Positioned::new(VariableDefinition { name, var_type, directives, default_value }, start))
    }

    fn ty(&mut self) -> Parsed<Type> {
        let base = if self.take('[')? {
            let inner = self.nested(Self::ty)?;
            self.expect(']')?;
            BaseType::List(Box::new(inner))
        } else {
            BaseType::Named(self.name("a type")?.node)
        };
        let nullable = !self.take('!')?;
        Ok(Type { base, nullable })
    }

    fn fragment_definition(&mut self) -> Parsed<(Positioned<Name>, FragmentDefinition)> {
        self.advance()?;
        if self.is_at_keyword("on") {
            return Err(self.expected("the name of a fragment"));
        }
        let name = self.name("the name of a fragment")?;
        if !self.is_at_keyword("on") {
            return Err(self.expected("`on` and the type of the fragment"));
        }
        let type_condition = self.type_condition()?;
        let directives = self.directives(false)?;
        let selection_set = self.selection_set()?;
        Ok((name, FragmentDefinition { type_condition, directives, selection_set }))
    }

    fn type_condition(&mut self) -> Parsed<Positioned<TypeCondition>> {
        let start = self.position;
        self.advance()?;
        Ok(Positioned::new(TypeCondition { on: self.name("a type")? }, start))
    }

    fn selection_set(&mut self) -> Parsed<Positioned<SelectionSet>> {
        let start = self.position;
        if !self.is_at('{') {
            return Err(self.expected("`{` and the fields to select"));
        }
        let items = self.nested(|parser| parser.list(['{', '}'], Self::selection))?;
        Ok(Positioned::new(SelectionSet { items }, start))
    }

    fn selection(&mut self) -> Parsed<Positioned<Selection>> {
        let start = self.position;
        if self.token != Token::Spread {
            return Ok(Positioned::new(Selection::Field(Positioned::new(self.field()?, start)), start));
        }
        self.advance()?;
        if matches!(self.token, Token::Name(name) if name != "on") {
            let fragment_name = self.name("the name of a fragment")?;
            let spread = FragmentSpread { fragment_name, directives: self.directives(false)? };
            return Ok(Positioned::new(Selection::FragmentSpread(Positioned::new(spread, start)), start));
        }
        let type_condition = if self.is_at_keyword("on") { Some(self.type_condition()?) } else { None };
        let directives = self.directives(false)?;
        let inline = InlineFragment { type_condition, directives, selection_set: self.selection_set()? };
        Ok(Positioned::new(Selection::InlineFragment(Positioned::new(inline, start)), start))
    }

    fn field(&mut self) -> Parsed<Field> {
        let mut name = self.name("a field, a fragment or `}`")?;
        let mut alias = None;
        if self.take(':')? {
            alias = Some(std::mem::replace(&mut name, self.name("the name of a field")?));
        }
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let selection_set = if self.is_at('{') { self.selection_set()? } else { Positioned::default() };
        Ok(Field { alias, name, arguments, directives, selection_set })
    }

    fn arguments(&mut self, is_constant: bool) -> Parsed<Arguments> {
        self.list(['(', ')'], |parser| {
            let name = parser.name("the name of an argument")?;
            parser.expect(':')?;
            let position = parser.position;
            Ok((name, Positioned::new(parser.value(is_constant)?, position)))
        })
    }

    fn directives(&mut self, is_constant: bool) -> Parsed<Vec<Positioned<Directive>>> {
        let mut directives = Vec::new();
        while self.is_at('@') {
            let start = self.position;
            self.advance()?;
            let name = self.name("the name of a directive")?;
            directives.push(Positioned::new(Directive { name, arguments: self.arguments(is_constant)? }, start));
        }
        Ok(directives)
    }

    fn value(&mut self, is_constant: bool) -> Parsed<Value> {
        let position = self.position;
        match self.token {
            Token::Punctuator('$') if is_constant => Err(SyntaxError {
                message: "a variable cannot be used in the definition of a variable".into(),
                position,
            }),
            Token::Punctuator('$') => {
                self.advance()?;
                Ok(Value::Variable(self.name("the name of a variable")?.node))
            }
            Token::Punctuator('[') => {
                self.advance()?;
                let mut items = Vec::new();
                while !self.take(']')? {
                    items.push(self.nested(|parser| parser.value(is_constant))?);
                }
                Ok(Value::List(items))
            }
            Token::Punctuator('{') => self.object(is_constant),
            _ => match self.advance()? {
                Token::Int(text) => number(text, position),
                Token::Float(text) => float(text, position),
                Token::String(text) => Ok(Value::String(text)),
                Token::Name("true") => Ok(Value::Boolean(true)),
                Token::Name("false") => Ok(Value::Boolean(false)),
                Token::Name("null") => Ok(Value::Null),
                Token::Name(name) => Ok(Value::Enum(Name::new(name))),
                other => Err(SyntaxError { message: format!("expected a value, found {other}").into(), position }),
            },
        }
    }

    fn object(&mut self, is_constant: bool) -> Parsed<Value> {
        self.advance()?;
        let mut fields = IndexMap::new();
        while !self.take('}')? {
            let name = self.name("the name of an input field, or `}`")?;
            self.expect(':')?;
            let value = self.nested(|parser| parser.value(is_constant))?;
            let message = format!("the input field {} is given more than once", name.node);
            match fields.entry(name.node) {
                Entry::Occupied(_) => self.duplicate(message, name.pos),
                Entry::Vacant(vacant) => _ = vacant.insert(value),
            }
        }
        Ok(Value::Object(fields))
    }
}

fn number(text: &str, position: Pos) -> Parsed<Value> {
    match text.parse::<i64>() {
        Ok(integer) => Ok(Value::Number(integer.into())),
        Err(_) => {
            text.parse::<u64>().map_or_else(|_| float(text, position), |integer| Ok(Value::Number(integer.into())))
        }
    }
}

fn float(text: &str, position: Pos) -> Parsed<Value> {
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map(Value::Number).ok_or(SyntaxError { message: "the number is too large".into(), position })
}

/// Converts a value that was parsed without variables.
fn constant(value: Value) -> ConstValue {
    value.into_const().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages(text: &str) -> Vec<String> {
        parse_document(text).err().into_iter().flatten().map(|error| error.message).collect()
    }

    #[test]
    fn valid_documents() {
        for text in [
            "{a}",
            "query{a}",
            "query q($a:[ Int ! ]! = [1 2] @b(c: {d: [null]}) \"described\" $e: A) @f {a: b(c: $a, d: [$e {f: $e}]) @g}",
            "query a { ... on A { b } ...@skip(if: true){ c } } fragment on_ on A @b { c } \"described\" query b { on }",
            "{ a(b: 1, c: -2.5e3, d: \"\\ud83d\\ude00\", e: \"\"\"f\"\"\", g: true, h: null, i: J, k: [], l: {}) }",
            "fragment a on on { query: mutation fragment }",
            "{ a(b: 99999999999999999999) }",
            "# comment\n{ a } # end",
        ] {
            assert_eq!(messages(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn syntax_errors() {
        for (text, message) in [
            (
                "",
                "syntax error at line 1, column 1: expected an operation or a fragment, found the end of the document",
            ),
            (
                "{ a",
                "syntax error at line 1, column 4: expected a field, a fragment or `}`, found the end of the document",
            ),
            ("{}", "syntax error at line 1, column 2: expected a field, a fragment or `}`, found `}`"),
            ("{ a }\n  }", "syntax error at line 2, column 3: expected an operation or a fragment, found `}`"),
            ("query()", "syntax error at line 1, column 7: expected `$`, found `)`"),
            (
                "query($a: Int = $b) { a }",
                "syntax error at line 1, column 17: a variable cannot be used in the definition of a variable",
            ),
            ("{ a() }", "syntax error at line 1, column 5: expected the name of an argument, found `)`"),
            ("{ a(b:) }", "syntax error at line 1, column 7: expected a value, found `)`"),
            ("{ a { } }", "syntax error at line 1, column 7: expected a field, a fragment or `}`, found `}`"),
            ("{ ... }", "syntax error at line 1, column 7: expected `{` and the fields to select, found `}`"),
            (
                "fragment on on A { a }",
                "syntax error at line 1, column 10: expected the name of a fragment, found `on`",
            ),
            (
                "fragment a A { a }",
                "syntax error at line 1, column 12: expected `on` and the type of the fragment, found `A`",
            ),
            (
                "\"described\" { a }",
                "syntax error at line 1, column 13: expected an operation or a fragment, found `{`",
            ),
            (
                "type A { b: Int }",
                "syntax error at line 1, column 1: expected an operation or a fragment, found `type`",
            ),
            ("query($a: [Int) { a }", "syntax error at line 1, column 15: expected `]`, found `)`"),
            ("{ a(b: 1e999) }", "syntax error at line 1, column 8: the number is too large"),
            ("{ é }", "syntax error at line 1, column 3: unexpected character 'é'"),
            (
                "{ a(b: \"c) }",
                "syntax error at line 1, column 8: the string is not closed on its line; close it with \", or use a block string (\"\"\")",
            ),
        ] {
            assert_eq!(messages(text), [message], "{text}");
        }
    }

    #[test]
    fn duplicate_definitions() {
        for (text, count) in [
            ("query a { b } query a { b }", 1),
            ("{ a } { b } { c }", 2),
            ("{ a } query b { c }", 1),
            ("{ ...a } fragment a on A { b } fragment a on A { c }", 1),
            ("{ a(b: {c: 1, c: 2}) }", 1),
        ] {
            assert_eq!(messages(text).len(), count, "{text}");
        }
    }

    #[test]
    fn nesting() {
        for open in ["{a", "{a(b:[", "{a(b:{c:", "query($a:["] {
            let (start, repeated) = open.split_at(open.len() - 1);
            assert!(!messages(&format!("{start}{}", repeated.repeat(100_000))).is_empty());
        }
        assert_eq!(
            messages(&"{a".repeat(100_000)),
            ["syntax error at line 1, column 201: the document is nested too deep"]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_rejected(text in "\\PC*|[{}()\\[\\]\"\\\\#.\\n a-z0-9$@!:=]*") {
            let _ = parse_document(&text);
        }
    }
}
