//! Query limits: depth, node count, document size and list sizes.

use academic_directory::config::Limits;
use serde_json::{Value, json};

use crate::support::{TestApp, paper_record, unlimited_limits};

async fn start_limited(limits: Limits) -> TestApp {
    let app = TestApp::start_with_limits(limits, 100).await;
    app.create_records(json!([paper_record("One", Some(2001), &["Ada Berg", "Bo Dahl"])])).await;
    app
}

/// A query with this nesting depth.
fn nested_fields(depth: usize) -> String {
    let steps = ["authorships", "nodes", "researcher", "papers", "nodes"];
    let fields: Vec<&str> = ["papers", "nodes"].into_iter().chain(steps.into_iter().cycle()).take(depth - 1).collect();
    let fields = fields.into_iter().map(|field| match field {
        "papers" | "authorships" => format!("{field}(first: 1)"),
        other => other.to_owned(),
    });
    format!("{{ {} {{ __typename {}", fields.collect::<Vec<_>>().join(" { "), " }".repeat(depth))
}

#[tokio::test]
async fn depth_limit() {
    let app = start_limited(Limits { depth: 6, ..Limits::default() }).await;
    app.data("{ papers { nodes { authorships { nodes { researcher { name } } } } } }").await;
    for query in [
        "{ papers { nodes { authorships { nodes { researcher { statistics { paperCount } } } } } } }",
        "{ papers { nodes { ...a } } } fragment a on Paper { authorships { nodes { ...b } } } fragment b on Authorship { researcher { statistics { paperCount } } }",
        "{ papers { nodes { ... on Paper { authorships { ... { nodes { researcher { statistics { paperCount } } } } } } } } }",
    ] {
        let refusal = app.client_error(query, json!({})).await;
        assert_eq!(
            refusal, "the query is nested 7 levels deep; the limit is 6: request fewer levels at once",
            "{query}"
        );
    }
}

#[tokio::test]
async fn default_depth_limit() {
    let app = start_limited(Limits { depth: Limits::default().depth, ..unlimited_limits() }).await;
    let in_fragment = |query: String| format!("{{ ...all }} fragment all on Query {query}");
    let in_inline = |query: String| format!("{{ ... on Query {query} }}");
    app.data(&nested_fields(50)).await;
    app.data(&in_fragment(nested_fields(50))).await;
    app.data(&in_inline(nested_fields(50))).await;
    for query in [
        nested_fields(51),
        in_fragment(nested_fields(51)),
        in_inline(nested_fields(51)),
        nested_fields(1_500),
        "{".repeat(10_000),
        "{ a ".repeat(5_000),
    ] {
        let response = app.query(&query, json!({})).await;
        assert_eq!(response.codes(), ["QUERY_TOO_DEEP"], "{:.60}: {}", query, response.body);
    }
    // A depth of exactly 50 through fragments, and one level more.
    let spread = |length: usize| {
        let links: Vec<String> = (0..length)
            .map(|link| match link {
                0 => "fragment f0 on Researcher { name }".to_owned(),
                _ => format!(
                    "fragment f{link} on Researcher {{ papers(first: 1) {{ nodes {{ authorships(first: 1) {{ nodes {{ researcher {{ ...f{} }} }} }} }} }} }}",
                    link - 1
                ),
            })
            .collect();
        format!("{{ researchers(first: 1) {{ nodes {{ ...f{} }} }} }} {}", length - 1, links.join(" "))
    };
    app.data(&spread(10)).await;
    assert_eq!(app.query(&spread(11), json!({})).await.codes(), ["QUERY_TOO_DEEP"]);
    for value in ["{not:".repeat(5_000), "[".repeat(10_000)] {
        let response = app.query(&format!("{{ researchers(filter: {value}"), json!({})).await;
        assert_eq!(response.codes(), ["LIMIT_EXCEEDED"], "{}", response.body);
    }
}

#[tokio::test]
async fn document_limits() {
    let app = start_limited(Limits::default()).await;
    let many = |amount: usize, part: &dyn Fn(usize) -> String| (0..amount).map(part).collect::<Vec<_>>().join(" ");
    for (limit, counted, query) in [
        ("tokens", 15_001, format!("{{ {} }}", many(14_999, &|_| "a".to_owned()))),
        ("aliases", 101, format!("{{ {} }}", many(101, &|number| format!("a{number}: __typename")))),
        ("aliases", 4_000, format!("{{ {} }}", many(4_000, &|number| format!("a{number}: __typename")))),
        ("directives", 51, format!("{{ __typename {} }}", many(51, &|_| "@include(if: true)".to_owned()))),
        ("directives", 60, format!("{{ __typename {} }}", many(60, &|_| "@unknown".to_owned()))),
        ("repeatedFields", 101, format!("{{ {} }}", many(101, &|_| "__typename".to_owned()))),
        ("rootFields", 60, format!("{{ {} }}", many(60, &|number| format!("a{number}: __typename")))),
        ("operations", 51, many(51, &|number| format!("query a{number} {{ __typename }}"))),
        ("variables", 101, format!("query({}) {{ __typename }}", many(101, &|number| format!("$a{number}: Int")))),
        ("valueDepth", 33, format!("{{ a(b: {}1{}) }}", "[".repeat(33), "]".repeat(33))),
    ] {
        let response = app.query(&query, json!({})).await;
        let error = &response.body["errors"][0];
        assert_eq!(response.codes(), ["LIMIT_EXCEEDED"], "{limit}: {}", response.body);
        assert_eq!((&error["extensions"]["limit"], &error["extensions"]["counted"]), (&json!(limit), &json!(counted)));
        assert!(error["extensions"]["maximum"].as_u64().is_some_and(|most| most < counted), "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(&counted.to_string())), "{error}");
    }
    // Ten thousand aliases exceed the token limit.
    let aliases = format!("{{ {} }}", many(10_000, &|number| format!("a{number}: __typename")));
    assert_eq!(app.query(&aliases, json!({})).await.codes(), ["LIMIT_EXCEEDED"]);
    insta::assert_snapshot!(
        app.client_error(&format!("{{ {} }}", many(101, &|number| format!("a{number}: __typename"))), json!({})).await,
        @"the query has 101 aliases; the limit is 100"
    );
    let deep = json!({ "a": (0..40).fold(json!(1), |inner, _| json!([inner])) });
    assert_eq!(app.query("query($a: [Int]) { __typename }", deep).await.codes(), ["LIMIT_EXCEEDED"]);
}

#[tokio::test]
async fn exponential_fragments() {
    let app = start_limited(Limits::default()).await;
    for (fields, last) in [("...f{} ...f{}", "__typename"), ("a{}: __typename ...f{} ...f{}", "__typename")] {
        let mut query = "{ ...f30 }".to_owned();
        for number in (1..=30).rev() {
            let below = fields.replace("a{}", &format!("a{number}")).replace("{}", &(number - 1).to_string());
            query.push_str(&format!(" fragment f{number} on Query {{ {below} }}"));
        }
        query.push_str(&format!(" fragment f0 on Query {{ {last} }}"));
        let started_at = std::time::Instant::now();
        let (response, statements) = app.query_counting_statements(&query, json!({})).await;
        println!("rejected within {:?}", started_at.elapsed());
        assert_eq!(response.codes(), ["QUERY_TOO_COMPLEX"], "{}", response.body);
        assert_eq!(statements, 0);
    }
    // A chain of as many fragments as the token limit allows.
    let chain: String = (0..1_800).map(|link| format!("fragment f{link} on Query {{ ...f{} }} ", link + 1)).collect();
    let chain = format!("{{ ...f0 }} {chain} fragment f1800 on Query {{ __typename }}");
    let response = app.query(&chain, json!({})).await;
    assert_eq!(response.codes(), ["QUERY_TOO_DEEP"], "{}", response.body);
    // Recursive fragments.
    for query in [
        "{ ...a } fragment a on Query { ...a }",
        "{ ...a } fragment a on Query { ...b ...b } fragment b on Query { ...a ...a }",
        "{ ...a } fragment a on Query { researchers { nodes { ...b } } } fragment b on Researcher { coauthors { nodes { ...b } } }",
    ] {
        let response = app.query(query, json!({})).await;
        assert!(response.codes().iter().all(|code| code == "GRAPHQL_VALIDATION_FAILED"), "{}", response.body);
    }
}

#[tokio::test]
async fn node_limit() {
    let app = start_limited(Limits::default()).await;
    // A typical Relay query passes.
    app.data(
        "{ researchers(first: 20) { edges { cursor node { name papers(first: 20) { edges { node { title \
         authorships(first: 20) { edges { node { name } } pageInfo { hasNextPage } } } } } } } } }",
    )
    .await;
    let six = "{ researchers(first: 100) { nodes { coauthors(first: 100) { nodes { papers(first: 100) { nodes { \
         authorships(first: 100) { nodes { researcher { coauthors(first: 100) { nodes { papers(first: 100) { nodes { title } } } } } } } } } } } } } }";
    let (response, statements) = app.query_counting_statements(six, json!({})).await;
    assert_eq!((response.codes(), statements), (vec!["QUERY_TOO_COMPLEX".to_owned()], 0));
    insta::assert_snapshot!(
        response.messages()[0],
        @"the query could return 1010201010100 nodes; the limit is 500000 (for example, use first: 8 for all lists)"
    );
    let fitting = six.replace("first: 100", "first: 8");
    app.data(&fitting).await;
    // Deep nesting must not overflow the product.
    for levels in 1..=6 {
        let (open, close) = (
            "coauthors(first: 100) { nodes { papers(first: 100) { nodes { authorships(first: 100) { nodes { researcher { ",
            " } } } } } } }",
        );
        let query = format!(
            "{{ researchers(first: 100) {{ nodes {{ {} name {} }} }} }}",
            open.repeat(levels),
            close.repeat(levels)
        );
        assert_eq!(app.query(&query, json!({})).await.codes(), ["QUERY_TOO_COMPLEX"], "{levels} times three lists");
    }
}

#[tokio::test]
async fn node_count_estimate() {
    let app = start_limited(Limits { nodes: 130, ..Limits::default() }).await;
    for query in [
        "{ papers(first: 100) { nodes { id } } }",
        "{ papers(first: 30) { nodes { authorships(first: 3) { nodes { id } } } } }",
        "{ papers(first: 100) { totalCount } }",
        "{ papers(first: 100) { nodes { id } } more: papers(first: 100) @include(if: false) { nodes { id } } }",
        "{ papers(first: 100) { nodes { id } } ... @skip(if: true) { more: papers(first: 100) { nodes { id } } } }",
    ] {
        app.data(query).await;
    }
    for query in [
        "{ a: papers(first: 100) { nodes { id } } b: papers(last: 31) { nodes { id } } }",
        "{ papers(first: 10) { nodes { authorships(first: 13) { nodes { id } } } } }",
        "{ papers { nodes { authorships { nodes { id } } } } }",
        "{ papers { edges { node { ... on Entity { ...links } } } } } fragment links on Paper { authorships { nodes { id } } }",
        "query($first: Int = 100) { papers(first: $first) { nodes { id } } more: papers(first: $first) { nodes { id } } }",
    ] {
        let refusal = app.client_error(query, json!({})).await;
        assert!(refusal.contains("the limit is 130"), "{query}: {refusal}");
    }
    let query = "query($first: Int!, $more: Boolean!) { a: papers(first: $first) { nodes { id } } \
         b: papers(first: $first) @include(if: $more) { nodes { id } } }";
    app.data_with_variables(query, json!({ "first": 100, "more": false })).await;
    app.data_with_variables(query, json!({ "first": 60, "more": true })).await;
    app.client_error(query, json!({ "first": 100, "more": true })).await;
}

#[tokio::test]
async fn skipped_fields_are_not_counted() {
    let app = start_limited(Limits { nodes: 130, ..Limits::default() }).await;
    for (directive, leaves_out) in [("skip", true), ("include", false)] {
        let query = |default| {
            format!(
                "query($flag: Boolean! = {default}) {{ papers(first: 100) {{ nodes {{ id }} }} \
                 ... @{directive}(if: $flag) {{ more: papers(first: 100) {{ nodes {{ id }} }} }} \
                 again: papers(first: 100) @{directive}(if: $flag) {{ nodes {{ id }} }} }}"
            )
        };
        let data = app.data(&query(leaves_out)).await;
        assert_eq!(data.as_object().map(|fields| fields.len()), Some(1), "{data}");
        app.client_error(&query(leaves_out), json!({ "flag": !leaves_out })).await;
        app.client_error(&query(!leaves_out), json!({})).await;
        let data = app.data_with_variables(&query(!leaves_out), json!({ "flag": leaves_out })).await;
        assert_eq!(data.as_object().map(|fields| fields.len()), Some(1), "{data}");
    }
}

/// Sends a query with the `X-Query-Cost` header; returns the number of statements and the response.
async fn query_with_cost(app: &TestApp, query: &str, wanted: &str) -> (u64, Value) {
    let before = app.store.statement_counter().total();
    let request =
        app.client().post(app.url("/graphql")).header("X-Query-Cost", wanted).json(&json!({ "query": query }));
    let response = request.send().await.expect("a response").json().await.expect("JSON");
    (app.store.statement_counter().total() - before, response)
}

#[tokio::test]
async fn cost_report() {
    let app = start_limited(Limits::default()).await;
    let query =
        "{ papers(first: 10) { totalCount nodes { title authorships(first: 5) { nodes { researcher { name } } } } } }";
    let (statements, response) = query_with_cost(&app, query, "report").await;
    // Ten papers with five authorships and researchers each; statements for the list, its total, the authorships and
    // the researchers; 40 for the total.
    let cost = json!({ "requested": { "nodes": 110, "cost": 550, "statements": 4 }, "limit": { "nodes": 500_000, "cost": 600_000 } });
    assert_eq!(response["extensions"]["cost"], cost);
    assert_eq!(response["data"]["papers"]["totalCount"], 1);
    assert_eq!(statements, 4);
    let (statements, response) = query_with_cost(&app, query, "only").await;
    assert_eq!((statements, response), (0, json!({ "data": null, "extensions": { "cost": cost } })));
    let (_, response) = query_with_cost(&app, query, "maybe").await;
    assert_eq!(response["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert_eq!(app.query(query, json!({})).await.body.get("extensions"), None);
}

#[tokio::test]
async fn introspection() {
    let app = start_limited(Limits::default()).await;
    let standard = include_str!("introspection.graphql");
    assert!(app.data(standard).await["__schema"]["types"].as_array().is_some_and(|types| types.len() > 50));
    let (open, close) = ("fields { type { ", " } }");
    let cycle =
        |times: usize| format!("{{ __schema {{ types {{ {} name {} }} }} }}", open.repeat(times), close.repeat(times));
    app.data(&cycle(1)).await;
    let response = app.query(&cycle(3), json!({})).await;
    assert_eq!(response.codes(), ["LIMIT_EXCEEDED"], "{}", response.body);
    let spread = "{ __type(name: \"Query\") { ...a } } fragment a on __Type { fields { type { ...b } } } \
         fragment b on __Type { fields { type { ...c } } } fragment c on __Type { interfaces { possibleTypes { name } } }";
    assert_eq!(app.query(spread, json!({})).await.codes(), ["LIMIT_EXCEEDED"]);
    // Wide rather than deep.
    let wide: Vec<String> = (0..45)
        .map(|number| format!("a{number}: __schema {{ types {{ fields {{ type {{ fields {{ name }} }} }} }} }}"))
        .collect();
    assert_eq!(app.query(&format!("{{ {} }}", wide.join(" ")), json!({})).await.codes(), ["QUERY_TOO_COMPLEX"]);

    let data = app
        .data(
            "{ __type(name: \"Entity\") { kind interfaces { name } possibleTypes { name } }
             by: __type(name: \"PaperBy\") { isOneOf inputFields { name } } none: __type(name: \"None\") { name }
             date: __type(name: \"Date\") { specifiedByURL fields { name } }
             __schema { mutationType { name } directives { name isRepeatable } } }",
        )
        .await;
    assert_eq!(data["__type"]["interfaces"], json!([{ "name": "Node" }]));
    assert_eq!(data["__type"]["possibleTypes"].as_array().map(Vec::len), Some(4));
    assert_eq!((&data["by"]["isOneOf"], &data["none"]), (&json!(true), &Value::Null));
    assert!(data["date"]["specifiedByURL"].is_string() && data["date"]["fields"].is_null());
    assert_eq!(data["__schema"]["mutationType"], Value::Null);
    let names: Vec<&str> = data["__schema"]["directives"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|directive| directive["isRepeatable"] == false)
        .filter_map(|directive| directive["name"].as_str())
        .collect();
    assert_eq!(names, ["oneOf", "include", "skip", "deprecated", "specifiedBy"]);

    let closed = start_limited(Limits { introspection: false, ..Limits::default() }).await;
    for query in [
        standard,
        "{ __type(name: \"Query\") { name } }",
        "{ ...a } fragment a on Query { ... { hidden: __schema { queryType { name } } } }",
    ] {
        assert_eq!(closed.query(query, json!({})).await.codes(), ["INTROSPECTION_OFF"]);
    }
    assert_eq!(closed.data("{ __typename papers { nodes { __typename } } }").await["__typename"], "Query");
}

#[tokio::test]
async fn list_size_limit() {
    let app = start_limited(Limits { list_entries: 3, ..Limits::default() }).await;
    let id = app.find_id("paper", "one").await;
    let query = "query($ids: [ID!]) { papers(filter: {ids: $ids}) { nodes { slug } } }";
    assert_eq!(
        app.data_with_variables(query, json!({ "ids": [id, id, id] })).await["papers"]["nodes"],
        json!([{ "slug": "one" }])
    );
    insta::assert_snapshot!(
        app.client_error(query, json!({ "ids": [id, id, id, id] })).await,
        @"ids has 4 entries; the limit is 3: split the request"
    );
    let query = "query($keys: [PaperBy!]!) { papersBy(keys: $keys) { slug } }";
    let keys = |amount| json!({ "keys": vec![json!({ "slug": "one" }); amount] });
    app.data_with_variables(query, keys(3)).await;
    app.client_error(query, keys(4)).await;
}

#[tokio::test]
async fn nodes_limit() {
    let app = start_limited(Limits::default()).await;
    let id = app.find_id("paper", "one").await;
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let found = app.data_with_variables(query, json!({ "ids": vec![&id; 100] })).await;
    assert_eq!(found["nodes"].as_array().map(Vec::len), Some(100));
    insta::assert_snapshot!(
        app.client_error(query, json!({ "ids": vec![&id; 101] })).await,
        @"ids has 101 entries; the limit is 100: split the request"
    );
}
