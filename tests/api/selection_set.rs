//! Selection sets: each field has its value alone and among all others, and duplicate fields are merged.

use serde_json::{Value, json};

use crate::support::{
    TestApp, orcid, organization_record, paper_record, researcher_record, ror, topic_record, with_fields,
};

/// The innermost type of an introspected type: its kind and name.
fn innermost_type(ty: &Value) -> (&str, &str) {
    match ty["name"].as_str() {
        Some(name) => (ty["kind"].as_str().expect("a kind"), name),
        None => innermost_type(&ty["ofType"]),
    }
}

/// The selection set for a field of this type.
fn subselection(kind: &str, name: &str) -> &'static str {
    match (kind, name) {
        ("SCALAR" | "ENUM", _) => "",
        (_, "LocalizedString" | "LocalizedName") => "{ value }",
        (_, "Abstract") => "{ text excerpt(maxLength: 20) { text } }",
        (_, "Identifier") => "{ scheme value }",
        (_, "CoauthorNetwork") => "{ nodes { paperCount } omittedCount }",
        (_, "OrganizationStatistics") => "{ researcherCount }",
        (_, "ResearcherStatistics" | "TopicStatistics") => "{ paperCount }",
        (_, name) if name.ends_with("Connection") => "(first: 2) { nodes { id } }",
        _ => "{ id }",
    }
}

/// Relations and redirects that the records of this test have none of. They are not columns.
const EMPTY_FIELDS: [&str; 13] = [
    "Researcher.formerIds",
    "Researcher.identifiers",
    "Organization.ancestors",
    "Organization.formerIds",
    "Organization.identifiers",
    "Organization.parents",
    "Organization.predecessors",
    "Organization.successors",
    "Topic.broader",
    "Topic.formerIds",
    "Paper.formerIds",
    "Paper.versionOf",
    "Paper.versions",
];

/// Whether a value may be that of a column that was not read.
fn is_default(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        value => *value == json!(null) || *value == json!("") || *value == json!(0) || *value == json!(false),
    }
}

#[tokio::test]
async fn single_fields() {
    let app = TestApp::start().await;
    let text = |en: &str, fr: &str| json!({ "en": en, "fr": fr });
    // Every field has a value that a column that is not read would not have.
    let organization = with_fields(
        organization_record(1, "College"),
        json!({ "types": ["EDUCATION"], "countryCode": "CH", "city": "Lugano", "homepageUrl": "https://college.example.org" }),
    );
    let topic = with_fields(topic_record("Oceans"), json!({ "scheme": "seas", "code": "o1" }));
    let person = with_fields(
        researcher_record("Ada Berg"),
        json!({
            "givenName": "Ada", "familyName": "Berg", "otherNames": ["Ada B. Berg"], "orcid": orcid(1),
            "portraitUrl": "https://example.org/ada.png", "homepageUrl": "https://example.org/ada",
            "headline": text("Professor of tides", "Professeure des marées"),
            "biography": text("She measures the sea.", "Elle mesure la mer."),
            "affiliations": [{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "isPrimary": true,
                "startDate": "2001-02", "endDate": "2090-03",
                "roleTitle": text("Professor", "Professeure"), "departmentName": text("Sea", "Mer") }],
        }),
    );
    let work = with_fields(
        paper_record("Tides", None, &["Ada Berg"]),
        json!({ "language": "en", "abstract": text("Water rises.", "L'eau monte."), "abstractCompleteness": "FULL",
            "translatedTitles": { "fr": "Marées" }, "publicationDate": "2001-05-06", "type": "ARTICLE",
            "venueName": "Waters", "volume": "3", "issue": "4", "pages": "5-9", "articleNumber": "e7", "edition": "2",
            "publisherName": "Sea Press", "issns": ["0378-5955"], "isbns": ["9783161484100"], "keywords": ["moon"],
            "doi": "10.5555/tides", "arxivId": "2101.00001", "url": "https://example.org/tides", "isRetracted": true }),
    );
    app.create_records(json!([organization, topic, person, work])).await;

    let mut empty_fields = Vec::new();
    let schema = "query Type($name: String!) { __type(name: $name) { fields { name args { type { kind } }
        type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } }";
    for (list, name) in [
        ("researchers", "Researcher"),
        ("organizations", "Organization"),
        ("topics", "Topic"),
        ("papers", "Paper"),
        ("affiliations", "Affiliation"),
    ] {
        let introspection = app.query(schema, json!({ "name": name })).await;
        let fields: Vec<(String, String)> = introspection.data()["__type"]["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .map(|field| {
                let (kind, ty) = innermost_type(&field["type"]);
                let name = field["name"].as_str().expect("a name").to_owned();
                let arguments = if name == "citation" { "(format: BIBTEX)" } else { "" };
                (name.clone(), format!("{name}{arguments}{}", subselection(kind, ty)))
            })
            .collect();
        let all: Vec<&str> = fields.iter().map(|(_, selection)| selection.as_str()).collect();
        let whole = app.data(&format!("{{ {list} {{ nodes {{ {} }} }} }}", all.join(" "))).await;
        let whole = &whole[list]["nodes"][0];
        let id = whole["id"].as_str().expect("an id");
        let by_id = app.data(&format!("{{ node(id: \"{id}\") {{ ... on {name} {{ {} }} }} }}", all.join(" "))).await;
        assert_eq!(whole, &by_id["node"], "{name} in a list, and by its id");
        let values = whole.as_object().expect("an object");
        let empty = values.iter().filter(|(_, value)| is_default(value));
        empty_fields.extend(empty.map(|(field, _)| format!("{name}.{field}")));
        for (field, selection) in fields {
            for query in [
                format!("{{ {list} {{ nodes {{ {selection} }} }} }}"),
                format!(
                    "{{ {list} {{ edges {{ node {{ ...F }} }} }} }} fragment F on {name} {{ ... {{ {selection} }} }}"
                ),
            ] {
                let alone = app.data(&query).await;
                let rows = &alone[list];
                let node = if rows["nodes"].is_array() { &rows["nodes"][0] } else { &rows["edges"][0]["node"] };
                assert_eq!(node[&field], whole[&field], "{query}");
            }
        }
    }
    assert_eq!(empty_fields, EMPTY_FIELDS);
}

#[tokio::test]
async fn duplicate_fields_are_merged() {
    let app = TestApp::start().await;
    app.create_records(json!([
        researcher_record("Ada Berg"),
        paper_record("Tides", Some(2001), &["Ada Berg", "Ben Cole"]),
        paper_record("Waves", Some(2002), &["Ada Berg", "Ben Cole"]),
    ]))
    .await;
    let id = app.data("{ researcher(by: {slug: \"ada-berg\"}) { id } }").await["researcher"]["id"].clone();
    let ada = format!("node(id: {id})");
    for (twice, once) in [
        (
            "{ researcher(by: {slug: \"ada-berg\"}) { name papers(first: 2) { nodes { title } } } ...A }
             fragment A on Query { researcher(by: {slug: \"ada-berg\"}) { slug ...B papers(first: 2) { totalCount } } }
             fragment B on Researcher { papers(first: 2) { nodes { authorships { nodes { name } } } nodes { title id } } }"
                .to_owned(),
            "{ researcher(by: {slug: \"ada-berg\"}) { name papers(first: 2) {
                nodes { title authorships { nodes { name } } id } totalCount
             } slug } }"
                .to_owned(),
        ),
        (
            format!(
                "{{ {ada} {{ ... on Researcher {{ coauthors(first: 1) {{ edges {{ node {{ name }} }} }} }} ...N }} ...M }}
                 fragment N on Node {{ id ... on Researcher {{ coauthors(first: 1) {{ edges {{ paperCount node {{ slug }} }} }} }} }}
                 fragment M on Query {{ {ada} {{ ... on Researcher {{ coauthors(first: 1) {{ edges {{ node {{
                     papers(first: 1) {{ nodes {{ title }} }} }} }} }} }} }} }}"
            ),
            format!(
                "{{ {ada} {{ ... on Researcher {{ coauthors(first: 1) {{ edges {{ node {{
                     name slug papers(first: 1) {{ nodes {{ title }} }} }} paperCount }} }} }} id }} }}"
            ),
        ),
        (
            "{ search(query: \"berg\", first: 1) { nodes { ... on Researcher { papers(first: 1) { nodes { title } } } } } ...S }
             fragment S on Query { search(query: \"berg\", first: 1) { nodes { ... on Entity { slug ... on Researcher {
                 papers(first: 1) { nodes { publicationYear authorships(first: 1) { nodes { researcher { name } } } } } } } } } }"
                .to_owned(),
            "{ search(query: \"berg\", first: 1) { nodes { ... on Researcher {
                 papers(first: 1) { nodes { title publicationYear authorships(first: 1) { nodes { researcher { name } } } } } }
                 ... on Entity { slug } } } }"
                .to_owned(),
        ),
    ] {
        assert_eq!(response_text(&app, &twice).await, response_text(&app, &once).await, "{twice}");
    }
}

/// The response text, which shows the field order.
async fn response_text(app: &TestApp, query: &str) -> String {
    let request = app.client().post(app.url("/graphql")).json(&json!({ "query": query }));
    request.send().await.expect("a response").text().await.expect("a text")
}

#[tokio::test]
async fn field_order() {
    let app = TestApp::start().await;
    app.create_records(json!([
        researcher_record("Ada Berg"),
        paper_record("Tides", Some(2001), &["Ada Berg"]),
        paper_record("Waves", Some(2002), &["Ada Berg"]),
    ]))
    .await;
    for (query, expected) in [
        (
            "{ researcher(by: {slug: \"ada-berg\"}) { statistics { papersPerYear { count year } paperCount } name } }",
            r#"{"researcher":{"statistics":{"papersPerYear":[{"count":1,"year":2001},{"count":1,"year":2002}],"paperCount":2},"name":"Ada Berg"}}"#,
        ),
        (
            "{ researcher(by: {slug: \"ada-berg\"}) { papers(first: 1) { edges { authorship { paper { title } position } } } } }",
            r#"{"researcher":{"papers":{"edges":[{"authorship":{"paper":{"title":"Waves"},"position":1}}]}}}"#,
        ),
        (
            "{ search(query: \"berg\", first: 1) { nodes { ... on Researcher { papers(first: 1) { nodes { title } } } ... on Entity { slug } } } }",
            r#"{"search":{"nodes":[{"papers":{"nodes":[{"title":"Waves"}]},"slug":"ada-berg"}]}}"#,
        ),
        (
            "{ search(query: \"berg\", first: 1) { nodes { ... on Paper { slug id } ... on Researcher { name slug } } } }",
            r#"{"search":{"nodes":[{"name":"Ada Berg","slug":"ada-berg"}]}}"#,
        ),
        (
            "{ papers { facets { researchers { researcher { slug } count } } totalCount } }",
            r#"{"papers":{"facets":{"researchers":[{"researcher":{"slug":"ada-berg"},"count":2}]},"totalCount":2}}"#,
        ),
    ] {
        assert_eq!(response_text(&app, query).await, format!("{{\"data\":{expected}}}"), "{query}");
    }
}

#[tokio::test]
async fn duplicate_field_errors() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("Tides", Some(2001), &["Ada Berg"]),
        paper_record("Waves", Some(2002), &["Ada Berg"])
    ]))
    .await;
    for query in [
        "{ papers { nodes { title formattedCitation(style: \"none\") citation(format: BIBTEX) } } }",
        "{ papers { nodes { ...A ...B } } } fragment A on Paper { formattedCitation(style: \"none\") }
         fragment B on Paper { formattedCitation(style: \"none\") title }",
    ] {
        let response = app.query(query, json!({})).await;
        assert_eq!(response.codes(), ["BAD_USER_INPUT", "BAD_USER_INPUT"], "{query}");
    }
}

/// An object of which nothing is selected is `{}`.
#[tokio::test]
async fn empty_objects() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ada Berg"), paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let id = app.data("{ researcher(by: {slug: \"ada-berg\"}) { id } }").await["researcher"]["id"].clone();
    for (query, expected) in [
        ("{ __typename @skip(if: true) }".to_owned(), "{}"),
        ("{ directory { name @skip(if: true) { value } } }".to_owned(), r#"{"directory":{}}"#),
        ("{ directory { name { value @skip(if: true) } } }".to_owned(), r#"{"directory":{"name":{}}}"#),
        ("{ papers { nodes @include(if: false) { id } } }".to_owned(), r#"{"papers":{}}"#),
        ("{ papers { nodes { ... @skip(if: true) { id } } } }".to_owned(), r#"{"papers":{"nodes":[{}]}}"#),
        (
            "{ papers { nodes { ...F } } } fragment F on Paper { id @skip(if: true) }".to_owned(),
            r#"{"papers":{"nodes":[{}]}}"#,
        ),
        (format!("{{ node(id: {id}) {{ ... on Paper {{ title }} }} }}"), r#"{"node":{}}"#),
        (format!("{{ nodes(ids: [{id}, \"x\"]) {{ id @skip(if: true) }} }}"), r#"{"nodes":[{},null]}"#),
        (
            "{ search(query: \"berg\", first: 1) { nodes { ... on Topic { id } } } }".to_owned(),
            r#"{"search":{"nodes":[{}]}}"#,
        ),
        ("{ __type(name: \"Paper\") { name @skip(if: true) } }".to_owned(), r#"{"__type":{}}"#),
    ] {
        assert_eq!(response_text(&app, &query).await, format!("{{\"data\":{expected}}}"), "{query}");
    }
}

/// The order of fields depends on the type of the object, and not on skipped fields.
#[tokio::test]
async fn field_order_of_types() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ada Berg"), paper_record("Tides", Some(2001), &["Ada Berg"])])).await;
    let id = app.data("{ researcher(by: {slug: \"ada-berg\"}) { id } }").await["researcher"]["id"].clone();
    let fragments =
        "fragment P on Paper { __typename slug } fragment R on Researcher { name ... on Entity { __typename slug } }";
    for (query, expected) in [
        (
            format!("{{ node(id: {id}) {{ ...P ...R }} }} {fragments}"),
            r#"{"node":{"name":"Ada Berg","__typename":"Researcher","slug":"ada-berg"}}"#,
        ),
        (
            format!("{{ search(query: \"berg\", first: 1) {{ nodes {{ ...P ...R }} }} }} {fragments}"),
            r#"{"search":{"nodes":[{"name":"Ada Berg","__typename":"Researcher","slug":"ada-berg"}]}}"#,
        ),
        ("{ a: __typename @skip(if: true) b: __typename a: __typename }".to_owned(), r#"{"b":"Query","a":"Query"}"#),
        (
            "{ papers { nodes { title @skip(if: true) slug title } } }".to_owned(),
            r#"{"papers":{"nodes":[{"slug":"tides","title":"Tides"}]}}"#,
        ),
    ] {
        assert_eq!(response_text(&app, &query).await, format!("{{\"data\":{expected}}}"), "{query}");
    }
    // A failed field keeps its place.
    let query = "{ researchers { nodes { slug coauthors(first: 0) { totalCount } name } } }";
    let text = response_text(&app, query).await;
    let expected =
        r#"{"data":{"researchers":{"nodes":[{"slug":"ada-berg","coauthors":null,"name":"Ada Berg"}]}},"errors""#;
    assert!(text.starts_with(expected), "{text}");
}
