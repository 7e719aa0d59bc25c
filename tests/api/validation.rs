//! Requests that are accepted and rejected, by the rules of the GraphQL specification. `clients/conformance.js` compares
//! many more with graphql-js.

use serde_json::{Value, json};

use crate::support::{TestApp, paper_record, researcher_record};

#[tokio::test]
async fn invalid_documents() {
    let app = TestApp::start().await;
    for (query, message) in [
        ("{ __typename @unknown }", "the directive @unknown does not exist"),
        ("{ __typename(unknown: 1) }", "the field Query.__typename has no argument unknown"),
        ("{ __typename @skip(if: $a) }", "the variable $a is not defined by the operation"),
        (
            "{ researchers(orderBy: {field: \"NAME\", direction: ASC}) { totalCount } }",
            "field must be of type ResearcherOrderField!, found a string",
        ),
        ("query($id: Int!) { node(id: $id) { id } }", "the variable $id is of type Int!, but id must be of type ID!"),
        ("query($id: ID) { nodes(ids: [$id]) { id } }", "the variable $id is of type ID, but ids must be of type ID!"),
        ("{ researcher(by: {slug: \"a\", slug: \"b\"}) { id } }", "the input field slug is given more than once"),
        ("query($a: Int = 1 $a: Int) { __typename }", "the variable $a is defined more than once"),
    ] {
        let response = app.query(query, json!({})).await;
        assert_eq!(response.messages().first().map(String::as_str), Some(message), "{query}: {}", response.body);
        assert_eq!(response.codes()[0], "GRAPHQL_VALIDATION_FAILED", "{query}");
        assert_eq!(response.body.get("data"), None, "{query}");
    }
}

#[tokio::test]
async fn valid_documents() {
    let app = TestApp::start().await;
    for query in [
        "query($a: Boolean!) { __typename @include(if: $a) }",
        "\"Described\" query q(\"A flag\" $a: Boolean!) { ...F @include(if: $a) } \"Fields\" fragment F on Query { __typename }",
        "{ ... on # a comment\n Query { __typename } }",
        "query($ids: [ ID! ]! = [\"x\"]) { nodes(ids: $ids) { __typename } }",
        "query($first: Int!) { papers(first: $first) { totalCount } }",
        "{ researchers(filter: {ids: []}) { totalCount } node(id: 7) { id } }",
    ] {
        app.data_with_variables(query, json!({ "a": true, "first": 1 })).await;
    }
}

#[tokio::test]
async fn string_escapes() {
    let app = TestApp::start().await;
    app.create_records(json!([paper_record("Tides 😀 é", Some(2001), &["Ada Berg"])])).await;
    for literal in [r#""😀 é""#, r#""\ud83d\ude00 \u00e9""#, r#""\u{1F600} \u{e9}""#, r#""""😀 é""""#] {
        let query = format!(
            "{{ type: __type(name: {literal}) {{ name }} papers(filter: {{query: {literal}}}) {{ totalCount }} }}"
        );
        let data = app.data(&query).await;
        assert_eq!(data["type"], Value::Null, "{literal}");
        assert_eq!(data["papers"]["totalCount"], 1, "{literal}");
    }
    for literal in [r#""\ud83d""#, r#""\u{110000}""#, r#""\x""#] {
        let response = app.query(&format!("{{ __type(name: {literal}) {{ name }} }}"), json!({})).await;
        assert_eq!(response.codes(), ["GRAPHQL_PARSE_FAILED"], "{literal}");
    }
}

#[tokio::test]
async fn syntax_errors() {
    let app = TestApp::start().await;
    for (query, message, line, column) in [
        ("{\n  a(b: ]) }", "syntax error at line 2, column 8: expected a value, found `]`", 2, 8),
        (
            "{ a",
            "syntax error at line 1, column 4: expected a field, a fragment or `}`, found the end of the document",
            1,
            4,
        ),
        (
            "{ papers(filter: {query: \"é\\ud800\"}) }",
            "syntax error at line 1, column 28: invalid escape sequence in a string; write a backslash as \\\\, and a \
             character as \\uXXXX or \\u{X}, where X are hexadecimal digits of a Unicode character",
            1,
            28,
        ),
    ] {
        let response = app.query(query, json!({})).await;
        let error = &response.body["errors"][0];
        assert_eq!(
            (error["message"].as_str(), response.codes()),
            (Some(message), vec!["GRAPHQL_PARSE_FAILED".to_owned()])
        );
        assert_eq!(error["locations"], json!([{ "line": line, "column": column }]));
    }
}

#[tokio::test]
async fn operation_selection() {
    let app = TestApp::start().await;
    for (query, operation, message) in [
        (
            "query a { __typename } query b { __typename }",
            "",
            "the document has several operations; name one of them in operationName",
        ),
        ("query a { __typename }", "b", "the document has no operation named b"),
        ("{ __typename }", "a", "the document has no operation named a"),
        ("mutation { __typename }", "", "the schema has no mutations; send a query"),
        ("subscription { __typename }", "", "a subscription cannot select __typename"),
    ] {
        let body = json!({ "query": query, "operationName": operation });
        let request = app.client().post(app.url("/graphql")).json(&body);
        let response: Value = request.send().await.expect("a response").json().await.expect("JSON");
        assert_eq!(response["errors"][0]["message"], message, "{query}");
    }
}

#[tokio::test]
async fn variable_values() {
    let app = TestApp::start().await;
    let query = "query($filter: ResearcherFilter, $first: Int, $by: ResearcherBy!, $order: ResearcherOrder) {
        researchers(filter: $filter, first: $first, orderBy: $order) { totalCount }
        ... @skip(if: true) { researchersBy(keys: [$by]) { id } } }";
    let by = json!({ "slug": "a" });
    let ok = app.query(query, json!({ "by": by, "first": 1.0, "filter": { "orcids": "0000-0002-1825-0097" } })).await;
    assert_eq!(ok.data(), &json!({ "researchers": { "totalCount": 0 } }));
    for (variables, message) in [
        (json!({}), "the variable by of type ResearcherBy! has no value"),
        (
            json!({ "by": { "slug": "a", "orcid": "b" } }),
            "the value of the variable by is not of type ResearcherBy!: it needs exactly one field, which is not null",
        ),
        (json!({ "by": by, "first": 1.5 }), "the value of the variable first is not of type Int"),
        (
            json!({ "by": by, "filter": { "unknown": 1 } }),
            "the value of the variable filter is not of type ResearcherFilter, which has no field unknown",
        ),
        (
            json!({ "by": by, "filter": { "ids": ["a", null] } }),
            "the value of the variable filter.ids[1] is not of type ID!",
        ),
        (
            json!({ "by": by, "order": { "field": "UNKNOWN", "direction": "ASC" } }),
            "the value of the variable order.field is not of type ResearcherOrderField!",
        ),
    ] {
        let response = app.query(query, variables).await;
        assert_eq!(response.messages(), [message]);
        assert_eq!(response.codes(), ["GRAPHQL_VALIDATION_FAILED"]);
    }
}

/// An argument or input field whose variable has no value takes its default; null is an error.
#[tokio::test]
async fn absent_variables() {
    let app = TestApp::start().await;
    app.create_records(json!([
        researcher_record("Ada Berg"),
        paper_record("Tides", Some(2001), &["Ada Berg", "Ben Cole"]),
    ]))
    .await;
    let query = "query($style: String) { papers { nodes { formattedCitation(style: $style) } } }";
    let absent = app.query(query, json!({})).await;
    let given = app.query(query, json!({ "style": "apa" })).await;
    assert_eq!(absent.data(), given.data());
    let null = app.query(query, json!({ "style": null })).await;
    assert_eq!(null.codes(), ["BAD_USER_INPUT"], "{}", null.body);
    let query =
        "query($below: Boolean) { directory { quality(filter: {includeDescendants: $below}) { issues { count } } } }";
    app.data(query).await;
}

/// Documents of the maximum size, whose validation takes long in a simple implementation.
#[tokio::test]
async fn hostile_documents() {
    let app = TestApp::start().await;
    let repeat = |count: usize, part: &str| part.repeat(count);
    for query in [
        format!("{{ node(id: \"x\") {{ {} }} }}", repeat(100, "... on Researcher { papers { nodes { title } } } ")),
        format!(
            "{{ {} }} fragment F on Query {{ {} }}",
            repeat(95, "...F "),
            repeat(95, "directory { name { value } } ")
        ),
        format!("query({}) {{ a }}", (0..100).map(|number| format!("$v{number}: Int ")).collect::<String>()),
        format!("{{ {} }}", (0..4_900).map(|number| format!("a{number} ")).collect::<String>()),
        format!("{{ node(id: \"x\") {{ {} }} }}", repeat(300, "...F ...G "))
            + " fragment F on Researcher { papers { nodes { ...H } } } fragment G on Researcher { papers { nodes { ...H } } } \
               fragment H on Paper { authorships { nodes { researcher { name } } } }",
    ] {
        let started_at = std::time::Instant::now();
        let response = app.query(&query, json!({})).await;
        let text = response.body.to_string();
        println!("{} bytes within {:?}: {text:.120}", query.len(), started_at.elapsed());
        assert!(response.codes().iter().all(|code| code != "INTERNAL" && code != "TIMEOUT"), "{}", response.body);
    }
    app.data("{ __typename }").await;
}
