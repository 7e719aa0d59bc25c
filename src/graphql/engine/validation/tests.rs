use super::*;
use crate::graphql::engine::parser::parse_document;

const SCHEMA: &str = r#"
    type Query {
      a(b: Int, c: Int! = 1, d: [Int!], e: E, f: In, g: One, h: ID, i: Date, j: Boolean, k: String, l: Float): Int
      required(b: Int!): Int
      object: A
      node: N
      list: [N!]
      union: U
    }
    interface N { id: ID! same: N }
    type A implements N { id: ID! x: Int y: [Int] z: A same: N named(a: Int): String }
    type B implements N { id: ID! x: Int! y: Int z: B same: N named(a: Int): String }
    type C { x: Int }
    union U = A | C
    enum E { P Q }
    scalar Date
    input In { a: Int! b: [In!] c: Int! = 1 }
    input One @oneOf { a: Int b: String }
"#;

fn errors(text: &str) -> Vec<String> {
    let document = parse_document(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let errors = validate(&document, &SchemaIndex::parse(SCHEMA), 10_000);
    assert!(errors.iter().all(|error| error.locations.len() == 1), "{text}");
    errors.into_iter().map(|error| error.message).collect()
}

#[test]
fn valid_documents() {
    for text in [
        "{ a }",
        "query q { a } query r { a ...F } fragment F on Query { object { id } }",
        "{ a(b: 1, c: -2, d: [1, 2], e: P, f: {a: 1, b: [{a: 2}]}, g: {a: 1}, h: \"x\", i: 1.5, j: true, k: \"\", l: 1) }",
        "{ a(b: null, d: 1, f: {a: 1, b: {a: 2}, c: 3}, h: 99999999999999999999, i: [{x: 1}], l: 1.5) }",
        "query($a: Int) { a(b: $a, c: $a) }",
        "query($a: Int!, $b: Int) { a(b: $a, d: [$a], f: {a: $a, c: $b}) required(b: $a) }",
        "query($a: Int = 1) { required(b: $a) a(d: [1, $a]) }",
        "query($a: [Int!]!, $b: Boolean!) { a(d: $a) @include(if: $b) }",
        "query($a: String!) { a(g: {b: $a}) }",
        "query($a: In = {a: 1}) { a(f: $a, e: Q) @skip(if: false) ...F } fragment F on Query { t: __typename ...G }
         fragment G on Query { b: a }",
        "{ __typename __schema { __typename queryType { name } } __type(name: \"A\") { ... on __Type { kind } } }",
        "{ node { __typename ... on A { x } ... on B { id } ... on N { id } ... { id } ...F } } fragment F on A { y }",
        "{ union { __typename ... on N { id } ... on C { x } } }",
        // Fields that can be merged.
        "{ a a x: a x: a object { id } object { x id } node { id ... on A { id } } }",
        "{ node { ... on A { v: y } ... on B { w: y } ... on A { named(a: 1) } ... on B { named(a: 2) } } }",
        "{ node { ... on A { z { id } } ... on B { z { x } } } }",
        "{ a(d: [1], f: {a: 1, c: 2}) a(f: {c: 2, a: 1}, d: [1]) }",
    ] {
        assert_eq!(errors(text), [""; 0], "{text}");
    }
}

#[test]
fn fields_and_fragments() {
    for (text, expected) in [
        ("{ b }", "the type Query has no field b"),
        ("{ object { b } }", "the type A has no field b"),
        ("{ union { x } }", "the type U has no field x"),
        ("{ object { __schema { __typename } } }", "the type A has no field __schema"),
        ("{ object }", "the field Query.object is of type A; select at least one of its fields"),
        ("{ a { b } }", "the field Query.a is of type Int, which has no fields to select"),
        ("{ __typename { b } }", "the field Query.__typename is of type String!, which has no fields to select"),
        ("{ ...F }", "the fragment F is not defined"),
        ("{ a } fragment F on A { x }", "the fragment F is not used by an operation"),
        ("{ ...F } fragment F on X { x }", "the type X does not exist"),
        ("{ ... on E { x } }", "the type E has no fields and cannot have fragments"),
        ("{ ... on A { x } }", "an object of type Query cannot be of type A"),
        ("{ union { ...F } } fragment F on B { x }", "an object of type U cannot be of type B"),
        ("{ ...F } fragment F on Query { a ...F }", "the fragment F spreads itself"),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ... { ...F } }", "the fragment F spreads itself"),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn arguments_and_directives() {
    for (text, expected) in [
        ("{ a(x: 1) }", "the field Query.a has no argument x"),
        ("{ __typename(x: 1) }", "the field Query.__typename has no argument x"),
        ("{ a(b: 1, b: 1) }", "the argument b is given more than once"),
        ("{ required }", "the field Query.required needs the argument b of type Int!"),
        ("{ __type { name } }", "the field Query.__type needs the argument name of type String!"),
        ("{ a @x }", "the directive @x does not exist"),
        ("{ __typename @x }", "the directive @x does not exist"),
        ("{ a @skip }", "the directive @skip needs the argument if of type Boolean!"),
        ("{ a @skip(if: true) @skip(if: true) }", "the directive @skip is given more than once"),
        ("query @skip(if: true) { a }", "the directive @skip cannot be used here"),
        ("{ a @deprecated }", "the directive @deprecated cannot be used here"),
        ("{ a @include(if: 1) }", "if must be of type Boolean!, found 1"),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn literals() {
    for (text, expected) in [
        ("{ a(b: \"1\") }", "b must be of type Int, found a string"),
        ("{ a(b: 1.0) }", "b must be of type Int, found 1.0"),
        ("{ a(b: 2147483648) }", "b must be of type Int, found 2147483648"),
        ("{ a(c: null) }", "c must be of type Int!, found null"),
        ("{ a(d: [1, null]) }", "d must be of type Int!, found null"),
        ("{ a(d: [[1]]) }", "d must be of type Int!, found a list"),
        ("{ a(e: \"P\") }", "e must be of type E, found a string"),
        ("{ a(e: R) }", "e must be of type E, found R"),
        ("{ a(h: 1.5) }", "h must be of type ID, found 1.5"),
        ("{ a(j: 1) }", "j must be of type Boolean, found 1"),
        ("{ a(k: x) }", "k must be of type String, found x"),
        ("{ a(l: true) }", "l must be of type Float, found true"),
        ("{ a(f: 1) }", "f must be of type In, found 1"),
        ("{ a(f: [{a: 1}]) }", "f must be of type In, found a list"),
        ("{ a(f: {}) }", "an object of type In needs the field a of type Int!"),
        ("{ a(f: {a: 1, x: 1}) }", "the type In has no field x"),
        ("{ a(f: {a: 1, b: [{a: \"x\"}]}) }", "a must be of type Int!, found a string"),
        ("{ a(g: {}) }", "an object of type One has exactly one field, which is not null"),
        ("{ a(g: {a: 1, b: \"x\"}) }", "an object of type One has exactly one field, which is not null"),
        ("{ a(g: {a: null}) }", "an object of type One has exactly one field, which is not null"),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn variables_of_all_kinds() {
    for (text, expected) in [
        ("{ a(b: $x) }", "the variable $x is not defined by the operation"),
        ("{ __typename @skip(if: $x) }", "the variable $x is not defined by the operation"),
        ("query($x: Int) { a }", "the variable $x is not used"),
        ("query($x: Int, $x: Int) { a(b: $x) }", "the variable $x is defined more than once"),
        ("query($x: X) { a(b: $x) }", "the type X does not exist"),
        ("query($x: A) { a(b: $x) }", "a variable cannot be of type A"),
        ("query($x: Int = \"1\") { a(b: $x) }", "x must be of type Int, found a string"),
        ("query($x: Int! = null) { a(b: $x) }", "x must be of type Int!, found null"),
        ("query($x: Int!) { a(h: $x) }", "the variable $x is of type Int!, but h must be of type ID"),
        ("query($x: Int) { required(b: $x) }", "the variable $x is of type Int, but b must be of type Int!"),
        ("query($x: Int = null) { required(b: $x) }", "the variable $x is of type Int, but b must be of type Int!"),
        ("query($x: Int) { a(d: [$x]) }", "the variable $x is of type Int, but d must be of type Int!"),
        ("query($x: Int!) { a(d: $x) }", "the variable $x is of type Int!, but d must be of type [Int!]"),
        ("query($x: [Int]) { a(d: $x) }", "the variable $x is of type [Int], but d must be of type [Int!]"),
        ("query($x: Int) { a(f: {a: $x}) }", "the variable $x is of type Int, but a must be of type Int!"),
        (
            "query($x: Int) { a(g: {a: $x}) }",
            "the variable $x of type Int can be null, but the only field of an object cannot",
        ),
        (
            "query q($x: Int) { a(b: $x) ...F } query r { ...F } fragment F on Query { y: a(b: $x) }",
            "the variable $x is not defined by the operation",
        ),
        ("query q($x: Int @skip(if: true)) { a(b: $x) }", "the directive @skip cannot be used here"),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn fields_that_cannot_be_merged() {
    for (text, expected) in [
        (
            "{ x: a x: __typename }",
            "x would be of type Int and of type String! in the response; use an alias for one of them",
        ),
        (
            "{ object { v: x v: named } }",
            "v would be of type Int and of type String in the response; use an alias for one of them",
        ),
        (
            "{ object { named(a: 1) named(a: 2) } }",
            "named would be the field named with different arguments in the response; use an alias for one of them",
        ),
        (
            "{ object { named(a: 1) named } }",
            "named would be the field named with different arguments in the response; use an alias for one of them",
        ),
        (
            "query($a: Int) { object { named(a: 1) named(a: $a) } }",
            "named would be the field named with different arguments in the response; use an alias for one of them",
        ),
        (
            "mutation m { __typename __typename(a: 1) } query q { a }",
            "__typename would be the field __typename with different arguments in the response; use an alias for one of them",
        ),
        (
            "mutation m { unknown(a: 1) { x } unknown(a: 2) { x } } query q { a }",
            "unknown would be the field unknown with different arguments in the response; use an alias for one of them",
        ),
        (
            "{ a(d: [1]) a(d: [1, 2]) }",
            "a would be the field a with different arguments in the response; use an alias for one of them",
        ),
        (
            "{ node { ... on A { y } ... on B { y } } }",
            "y would be of type [Int] and of type Int in the response; use an alias for one of them",
        ),
        (
            "{ node { ... on A { x } ... on B { x } } }",
            "x would be of type Int and of type Int! in the response; use an alias for one of them",
        ),
        (
            "{ node { ... on A { z { v: id } } ... on B { z { v: x } } } }",
            "v would be of type ID! and of type Int! in the response; use an alias for one of them",
        ),
        (
            "{ object { v: z { id } v: same { id } } }",
            "v would be the fields z and same in the response; use an alias for one of them",
        ),
        (
            "{ node { same { id } ... on A { same: z { id } } } }",
            "same would be the fields same and z in the response; use an alias for one of them",
        ),
        (
            "{ object { z { ...F } } object { z { v: named } } } fragment F on A { v: x }",
            "v would be of type Int and of type String in the response; use an alias for one of them",
        ),
    ] {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn errors_are_limited() {
    let fields: Vec<String> = (0..1_000).map(|number| format!("x{number}")).collect();
    let errors = errors(&format!("{{ {} }}", fields.join(" ")));
    assert_eq!(errors.len(), MAX_ERRORS);
    assert_eq!(errors.last().map(String::as_str), Some("the document has too many errors; validation stopped here"));
}

/// Documents whose fields take a time to compare that is quadratic or exponential in a simple implementation.
#[test]
fn hostile_documents() {
    let repeated = format!("{{ {} }}", "object { x }".repeat(3_000));
    assert_eq!(errors(&repeated), [""; 0]);
    let nested = |levels: usize| {
        let level = "... on A { same { ...F } } ... on B { same { ...F } } same { ";
        format!("{{ node {{ {} id {} }} }} fragment F on N {{ id }}", level.repeat(levels), "}".repeat(levels))
    };
    assert_eq!(errors(&nested(3)), [""; 0]);
    let message = "the fields of the document take too long to compare: select fewer fields on interfaces";
    assert_eq!(errors(&nested(40)), [message]);
    let chain: String = (0..200)
        .map(|link| format!("fragment F{link} on A {{ z {{ ...F{} ...F{} }} }} ", link + 1, link + 1))
        .collect();
    let chain = format!("{{ object {{ ...F0 }} }} {chain} fragment F200 on A {{ x }}");
    assert_eq!(errors(&chain), [""; 0]);
}
