//! Facets: counts over the whole filtered list, independent of the page.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use academic_directory::config::Limits;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::synthetic_data::{self, SeededRng, college_records};
use crate::support::{
    TestApp, organization_record, paper_record, pluck, pluck_strings, researcher_record, ror, topic_record,
    unlimited_limits, with_fields,
};

fn topic_references(labels: &[&str]) -> Value {
    labels.iter().map(|label| json!({ "labels": { "en": label } })).collect()
}

fn affiliation(number: u64, kind: &str, rest: Value) -> Value {
    with_fields(json!({ "organization": { "ror": ror(number) }, "affiliationKind": kind }), rest)
}

fn author_with_organizations(position: usize, name: &str, organizations: &[u64]) -> Value {
    let organizations: Value = organizations.iter().map(|organization| json!({ "ror": ror(*organization) })).collect();
    json!({ "position": position, "name": name, "organizations": organizations })
}

/// Three researchers at a college with a laboratory and at an academy, and their five papers.
async fn college_directory() -> TestApp {
    let app = TestApp::start().await;
    let below = |label: &str, broader: &str| {
        with_fields(topic_record(label), json!({ "broader": topic_references(&[broader]) }))
    };
    let work = |title: &str, year, authors: Value, rest: Value| {
        with_fields(with_fields(paper_record(title, year, &[]), json!({ "authors": authors })), rest)
    };
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(organization_record(2, "Laboratory"), json!({ "relations": [["parent", ror(1)]] })),
        organization_record(3, "Academy"),
        topic_record("Oceans"),
        below("Tides", "Oceans"),
        topic_record("Winds"),
        with_fields(
            researcher_record("Ada Berg"),
            json!({
                "affiliations": [affiliation(2, "EMPLOYMENT", json!({})), affiliation(2, "MEMBERSHIP", json!({})), affiliation(3, "EDUCATION", json!({}))],
                "topics": topic_references(&["Winds", "Tides"]),
            })
        ),
        with_fields(
            researcher_record("Bo Dahl"),
            json!({ "affiliations": [affiliation(1, "EMPLOYMENT", json!({})), affiliation(3, "EMPLOYMENT", json!({ "endDate": "2001" }))] })
        ),
        with_fields(researcher_record("Cy Ek"), json!({ "affiliations": [affiliation(2, "INVITED_POSITION", json!({ "startDate": "2019" }))] })),
        work(
            "One",
            Some(2010),
            json!([author_with_organizations(1, "Ada Berg", &[2]), author_with_organizations(2, "Bo Dahl", &[2, 3])]),
            json!({ "venueName": "Sea Letters", "topics": topic_references(&["Tides"]) }),
        ),
        work(
            "Two",
            Some(2003),
            json!([author_with_organizations(1, "Bo Dahl", &[3])]),
            json!({ "venueName": "Annals", "topics": topic_references(&["Tides", "Winds"]) }),
        ),
        work(
            "Three",
            Some(2010),
            json!([author_with_organizations(1, "Bo Dahl", &[]), author_with_organizations(2, "Cy Ek", &[1])]),
            json!({ "venueName": "Sea Letters", "type": "BOOK" }),
        ),
        work("Four", None, json!([author_with_organizations(1, "Ada Berg", &[2])]), json!({ "type": "THESIS", "topics": topic_references(&["Tides"]) })),
        work("Five", Some(1999), json!([]), json!({ "type": "BOOK", "venueName": "Annals" })),
    ]))
    .await;
    app
}

#[tokio::test]
async fn paper_facets() {
    let app = college_directory().await;
    let facets = async |list: &str| {
        let query = format!(
            "{{ {list} {{ facets {{ publicationYears {{ year count }} types {{ type count }} venues {{ value count }}
             topics {{ topic {{ slug }} count }} researchers {{ researcher {{ slug }} count }}
             organizations {{ organization {{ slug }} count }} }} }} }}"
        );
        app.data(&query).await.as_object().and_then(|data| data.values().next().cloned()).unwrap_or_default()["facets"]
            .clone()
    };
    let expected = json!({
        "publicationYears": [{ "year": 1999, "count": 1 }, { "year": 2003, "count": 1 }, { "year": 2010, "count": 2 }],
        "types": [{ "type": "ARTICLE", "count": 2 }, { "type": "BOOK", "count": 2 }, { "type": "THESIS", "count": 1 }],
        "venues": [{ "value": "Annals", "count": 2 }, { "value": "Sea Letters", "count": 2 }],
        // Broader topics are not counted.
        "topics": [{ "topic": { "slug": "tides" }, "count": 3 }, { "topic": { "slug": "winds" }, "count": 1 }],
        "researchers": [
            { "researcher": { "slug": "bo-dahl" }, "count": 3 },
            { "researcher": { "slug": "ada-berg" }, "count": 2 },
            { "researcher": { "slug": "cy-ek" }, "count": 1 },
        ],
        // A paper counts once per organization; ancestors are not counted.
        "organizations": [
            { "organization": { "slug": "laboratory" }, "count": 2 },
            { "organization": { "slug": "academy" }, "count": 2 },
            { "organization": { "slug": "college" }, "count": 1 },
        ],
    });
    assert_eq!(facets("papers").await, expected);
    // Independent of the page.
    assert_eq!(facets("papers(last: 1)").await, expected);
    assert_eq!(
        facets("papers(filter: {publicationYear: {to: 1999}})").await,
        json!({
            "publicationYears": [{ "year": 1999, "count": 1 }], "types": [{ "type": "BOOK", "count": 1 }],
            "venues": [{ "value": "Annals", "count": 1 }], "topics": [], "researchers": [], "organizations": [],
        })
    );
    assert_eq!(
        facets("papers(filter: {ids: []})").await,
        json!({ "publicationYears": [], "types": [], "venues": [], "topics": [], "researchers": [], "organizations": [] })
    );
}

#[tokio::test]
async fn researcher_facets() {
    let app = college_directory().await;
    let query = |list: &str| {
        format!(
            "{{ {list} {{ facets {{ organizations {{ organization {{ slug }} count }} topics {{ topic {{ slug }} count }} }} }} }}"
        )
    };
    let organizations = |counts: &[(&str, i32)]| -> Value {
        counts.iter().map(|(slug, count)| json!({ "organization": { "slug": slug }, "count": count })).collect()
    };
    let topics = |counts: &[(&str, i32)]| -> Value {
        counts.iter().map(|(slug, count)| json!({ "topic": { "slug": slug }, "count": count })).collect()
    };
    // A researcher counts once per organization and topic; past affiliations and education do not count.
    assert_eq!(
        app.data(&query("researchers(first: 1)")).await["researchers"]["facets"],
        json!({
            "organizations": organizations(&[("laboratory", 2), ("college", 1)]),
            "topics": topics(&[("tides", 2), ("winds", 2)]),
        })
    );
    // The filter selects the researchers that are counted, not the facet's entries.
    let academy = app.find_id("organization", "academy").await;
    let studied =
        format!("researchers(filter: {{affiliation: {{organizationIds: [{academy:?}], kinds: [EDUCATION]}}}})");
    assert_eq!(
        app.data(&query(&studied)).await["researchers"]["facets"],
        json!({ "organizations": organizations(&[("laboratory", 1)]), "topics": topics(&[("tides", 1), ("winds", 1)]) })
    );
}

#[tokio::test]
async fn facets_of_given_ids() {
    let app = college_directory().await;
    let (tides, oceans) = (app.find_id("topic", "tides").await, app.find_id("topic", "oceans").await);
    let unknown = URL_SAFE_NO_PAD.encode("Topic:987654");
    let entry = |slug: &str, count: i32| json!({ "topic": { "slug": slug }, "count": count });
    let query = "query($ids: [ID!], $first: Int! = 10) { papers { facets { topics(ids: $ids, first: $first) { topic { slug } count } } } }";
    for (ids, expected) in [
        // Requested IDs: includes zeros, sorted by count, without duplicates and unknown IDs.
        (json!([oceans, tides]), json!([entry("tides", 3), entry("oceans", 0)])),
        (json!([oceans, oceans, unknown]), json!([entry("oceans", 0)])),
        (json!([unknown]), json!([])),
        (json!([]), json!([])),
        (json!(null), json!([entry("tides", 3), entry("winds", 1)])),
    ] {
        let found = app.data_with_variables(query, json!({ "ids": ids })).await;
        assert_eq!(found["papers"]["facets"]["topics"], expected, "{ids}");
    }
    // `first` does not apply to requested IDs.
    let found = app.data_with_variables(query, json!({ "ids": [oceans, tides], "first": 1 })).await;
    assert_eq!(found["papers"]["facets"]["topics"], json!([entry("tides", 3), entry("oceans", 0)]));
    // An empty list has zeros, too.
    let found = app.data(&format!("{{ researchers(filter: {{ids: []}}) {{ facets {{ topics(ids: [{oceans:?}]) {{ topic {{ slug }} count }} }} }} }}")).await;
    assert_eq!(found["researchers"]["facets"]["topics"], json!([entry("oceans", 0)]));
    insta::assert_snapshot!(
        app.client_error(query, json!({ "ids": [app.find_id("researcher", "ada-berg").await] })).await,
        @"ids takes IDs of type Topic; 'UmVzZWFyY2hlcjox' is of type Researcher"
    );
    app.client_error(query, json!({ "ids": ["tides"] })).await;
    app.client_error(query, json!({ "ids": vec![tides; 501] })).await;
}

#[tokio::test]
async fn facet_sizes() {
    let app = college_directory().await;
    let facet = async |arguments: &str| {
        let query = format!("{{ papers {{ facets {{ researchers{arguments} {{ researcher {{ slug }} }} }} }} }}");
        pluck_strings(&app.data(&query).await["papers"]["facets"]["researchers"], &["researcher", "slug"]).join(" ")
    };
    assert_eq!(facet("(first: 1)").await, "bo-dahl");
    assert_eq!(facet("(first: 2)").await, "bo-dahl ada-berg");
    assert_eq!(facet("(first: 100)").await, "bo-dahl ada-berg cy-ek");
    for (list, facets) in [
        ("papers", ["venues", "topics", "researchers", "organizations"].as_slice()),
        ("researchers", ["topics", "organizations"].as_slice()),
    ] {
        for facet in facets {
            for first in [0, -1, 101, i32::MAX, i32::MIN] {
                let query = format!("{{ {list} {{ facets {{ {facet}(first: {first}) {{ count }} }} }} }}");
                let message = app.client_error(&query, json!({})).await;
                assert_eq!(message, format!("first is {first}; it must be between 1 and 100"), "{query}");
            }
        }
    }
}

#[tokio::test]
async fn default_facet_size() {
    let app = TestApp::start().await;
    let papers: Vec<Value> = (10..30)
        .map(|number| {
            with_fields(
                paper_record(&format!("Paper {number}"), None, &[]),
                json!({ "venueName": format!("V{number}") }),
            )
        })
        .collect();
    app.create_records(json!(papers)).await;
    let found = app.data("{ papers { facets { venues { value } } } }").await;
    let expected: Vec<String> = (10..20).map(|number| format!("V{number}")).collect();
    assert_eq!(pluck_strings(&found["papers"]["facets"]["venues"], &["value"]), expected);
}

#[tokio::test]
async fn field_errors() {
    let app = college_directory().await;
    app.execute_sql("ALTER TABLE paper_topic RENAME TO elsewhere").await;
    let response = app
        .query("{ papers(first: 1) { nodes { title } facets { types { count } topics { count } } } }", json!({}))
        .await;
    assert_eq!(response.codes(), ["INTERNAL"; 2]);
    assert_eq!(response.body["data"]["papers"], json!({ "nodes": [{ "title": "Three" }], "facets": null }));
    let facets = "{ papers(first: 1) { nodes { title } facets { venues(first: 0) { count } } } }";
    let response = app.query(facets, json!({})).await;
    assert_eq!(response.body["data"]["papers"], json!({ "nodes": [{ "title": "Three" }], "facets": null }));
}

/// Papers for all facets, including unresolved authors, repeated and past affiliations, and missing years and venues.
async fn synthetic_directory(seed: u64, people: usize) -> TestApp {
    let app = TestApp::start_with_limits(unlimited_limits(), 6).await;
    let mut rng = SeededRng::new(seed);
    let works = synthetic_data::synthetic_papers(&mut rng, people, 60);
    let mut records = vec![organization_record(1, "Place 1")];
    // 2 and 3 are parts of 1, 4 of 2, and 5 of 3; 6 is unrelated.
    for (number, parent) in [(2, 1), (3, 1), (4, 2), (5, 3)] {
        let organization_number = organization_record(number, &format!("Place {number}"));
        records.push(with_fields(organization_number, json!({ "relations": [["parent", ror(parent)]] })));
    }
    records.push(organization_record(6, "Place 6"));
    let organization_number = |rng: &mut SeededRng| 1 + rng.below(6) as u64;
    for record in synthetic_data::synthetic_records(&works, people) {
        records.push(match record["kind"].as_str() {
            Some("researcher") => {
                let affiliations: Vec<Value> = (0..rng.below(5))
                    .map(|number| {
                        let kinds = ["EMPLOYMENT", "MEMBERSHIP", "INVITED_POSITION", "EDUCATION", "SERVICE"];
                        let end = if rng.one_in(3) {
                            json!({ "endDate": "2011" })
                        } else {
                            json!({ "hasEnded": rng.one_in(3) })
                        };
                        let rest = with_fields(end, json!({ "startDate": (2000 + number).to_string() }));
                        affiliation(organization_number(&mut rng), kinds[rng.below(kinds.len())], rest)
                    })
                    .collect();
                let topics: Vec<String> =
                    (0..4).filter(|_| rng.one_in(4)).map(|number| format!("Topic {number}")).collect();
                let topics = topic_references(&topics.iter().map(String::as_str).collect::<Vec<_>>());
                with_fields(record, json!({ "affiliations": affiliations, "topics": topics }))
            }
            Some("paper") => {
                let mut authors = record["authors"].clone();
                for author in authors.as_array_mut().into_iter().flatten() {
                    let organizations: Value =
                        (0..rng.below(3)).map(|_| json!({ "ror": ror(organization_number(&mut rng)) })).collect();
                    author["organizations"] = organizations;
                }
                let kinds = ["ARTICLE", "PREPRINT", "BOOK_CHAPTER", "THESIS"];
                let venue = (!rng.one_in(4)).then(|| ["Annals", "annals", "Éphémérides", "Zoo"][rng.below(4)]);
                let kind = kinds[rng.below(kinds.len())];
                with_fields(record, json!({ "authors": authors, "type": kind, "venueName": venue }))
            }
            _ => record,
        });
    }
    app.create_records(json!(records)).await;
    app.execute_sql("UPDATE authorship SET researcher_id = NULL WHERE id % 9 = 0").await;
    app
}

/// An entry of a facet: its key and count.
type FacetEntry = (String, i64);

/// The number in a global ID.
fn row_number(id: &str) -> i64 {
    let plain = URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    plain.and_then(|plain| plain.split_once(':')?.1.parse().ok()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The entries of a facet in the response.
fn returned_entries(entries: &Value, path: &[&str]) -> Vec<FacetEntry> {
    let what = pluck(entries, path);
    let counts = pluck(entries, &["count"]);
    what.into_iter().zip(counts).map(|(what, count)| (text(what), count.as_i64().unwrap_or(-1))).collect()
}

/// Counts the nodes for each key that `keys_of` returns, starting with zero for `requested` keys.
fn expected_entries(nodes: &Value, requested: &[String], keys_of: impl Fn(&Value) -> Vec<Value>) -> Vec<FacetEntry> {
    let mut counts: BTreeMap<String, i64> = requested.iter().map(|key| (key.clone(), 0)).collect();
    for node in nodes.as_array().into_iter().flatten() {
        for key in keys_of(node).iter().map(text).collect::<BTreeSet<String>>() {
            *counts.entry(key).or_default() += 1;
        }
    }
    let mut counts: Vec<FacetEntry> = counts.into_iter().collect();
    counts.sort_by_key(|(key, count)| (Reverse(*count), row_number(key), key.clone()));
    counts
}

/// Asserts that a facet of entities matches the listed nodes: all entries, the first two, and requested IDs.
fn assert_facet_matches(
    name: &str,
    facets: &Value,
    facet: &str,
    entity_field: &str,
    expected: &[FacetEntry],
    given: &[String],
) {
    let path = [entity_field, "id"];
    assert_eq!(returned_entries(&facets[facet], &path), expected, "{facet} of {name}");
    let few = expected.iter().take(2).cloned().collect::<Vec<_>>();
    assert_eq!(returned_entries(&facets[format!("few_{facet}")], &path), few, "the first two of {facet} of {name}");
    let mut of_given: Vec<FacetEntry> = given
        .iter()
        .map(|id| expected.iter().find(|(other, _)| other == id).cloned().unwrap_or((id.clone(), 0)))
        .collect();
    of_given.sort_by_key(|(id, count)| (Reverse(*count), row_number(id)));
    assert_eq!(returned_entries(&facets[format!("given_{facet}")], &path), of_given, "given {facet} of {name}");
}

/// Selects a facet with all entries, the first two, and requested IDs.
fn facet_selection(facet: &str, entity_field: &str) -> String {
    let entry = format!("{{ {entity_field} {{ id }} count }}");
    format!(
        "{facet}(first: 100) {entry} few_{facet}: {facet}(first: 2) {entry} given_{facet}: {facet}(ids: ${facet}) {entry}"
    )
}

/// The IDs that are requested in facets of the synthetic directory.
struct RequestedIds {
    topics: Vec<String>,
    researchers: Vec<String>,
    organizations: Vec<String>,
}

impl RequestedIds {
    async fn select(app: &TestApp) -> Self {
        let ids = async |list: &str| pluck_strings(&app.nodes(&[list], "id").await, &["id"]);
        let mut researchers = ids("researchers(first: 100)").await;
        researchers.truncate(5);
        Self { topics: ids("topics").await, researchers, organizations: ids("organizations").await }
    }

    fn variables(&self) -> Value {
        json!({ "topics": self.topics, "researchers": self.researchers, "organizations": self.organizations })
    }
}

/// The facets of a list beside a page of one, and all its nodes.
async fn facets_and_nodes(
    app: &TestApp,
    variables: (&str, Value),
    path: &[&str],
    facets: &str,
    nodes_selection: &str,
) -> (Value, Value) {
    let (list, parents) = path.split_last().expect("a list");
    let page = |size: u32| {
        let (name, arguments) = list.split_once('(').unwrap_or((list, ")"));
        format!("{name}(first: {size}, {arguments}")
    };
    let lists = format!(
        "{{ page: {} {{ facets {{ {facets} }} }} all: {} {{ totalCount {nodes_selection} }} }}",
        page(1),
        page(100)
    );
    let query = parents.iter().rev().fold(lists, |inner, parent| format!("{{ step: {parent} {inner} }}"));
    let mut found = app.data_with_variables(&format!("query({}) {query}", variables.0), variables.1).await;
    while let Some(step) = found.get_mut("step").map(Value::take).or_else(|| found.get_mut(0).map(Value::take)) {
        found = step;
    }
    (found["page"]["facets"].take(), found["all"].take())
}

async fn assert_paper_facets_match(app: &TestApp, given: &RequestedIds, path: &[&str]) -> usize {
    let name = path.join(" ");
    let facets = format!(
        "publicationYears {{ year count }} types {{ type count }} venues(first: 100) {{ value count }} few_venues: venues(first: 2) {{ value count }} {} {} {}",
        facet_selection("topics", "topic"),
        facet_selection("researchers", "researcher"),
        facet_selection("organizations", "organization"),
    );
    let nodes_selection = "nodes { publicationYear type venueName topics(first: 100) { nodes { id } } \
                  authorships(first: 100) { nodes { researcher { id } organizations { id } } } }";
    let declared = "$topics: [ID!], $researchers: [ID!], $organizations: [ID!]";
    let (facets, all) = facets_and_nodes(app, (declared, given.variables()), path, &facets, nodes_selection).await;
    let papers = &all["nodes"];
    assert_eq!(all["totalCount"].as_u64().map(|count| count as usize), papers.as_array().map(Vec::len), "{name}");
    let value = |field: &'static str| {
        move |paper: &Value| Some(paper[field].clone()).into_iter().filter(|value| !value.is_null()).collect()
    };
    let mut years = expected_entries(papers, &[], value("publicationYear"));
    years.sort();
    assert_eq!(returned_entries(&facets["publicationYears"], &["year"]), years, "years of {name}");
    assert_eq!(
        returned_entries(&facets["types"], &["type"]),
        expected_entries(papers, &[], value("type")),
        "types of {name}"
    );
    let venues = expected_entries(papers, &[], value("venueName"));
    assert_eq!(returned_entries(&facets["venues"], &["value"]), venues, "venues of {name}");
    let few = venues.into_iter().take(2).collect::<Vec<_>>();
    assert_eq!(returned_entries(&facets["few_venues"], &["value"]), few, "the first two venues of {name}");
    let topics = expected_entries(papers, &[], |paper| cloned(pluck(&paper["topics"]["nodes"], &["id"])));
    assert_facet_matches(&name, &facets, "topics", "topic", &topics, &given.topics);
    let authors = |paper: &Value| paper["authorships"]["nodes"].clone();
    let researchers = expected_entries(papers, &[], |paper| {
        cloned(pluck(&authors(paper), &["researcher", "id"]).into_iter().filter(|id| !id.is_null()).collect())
    });
    assert_facet_matches(&name, &facets, "researchers", "researcher", &researchers, &given.researchers);
    let organizations = expected_entries(papers, &[], |paper| {
        let authorships = authors(paper);
        pluck(&authorships, &["organizations"])
            .into_iter()
            .flat_map(|authorships| cloned(pluck(authorships, &["id"])))
            .collect()
    });
    assert_facet_matches(&name, &facets, "organizations", "organization", &organizations, &given.organizations);
    papers.as_array().map_or(0, Vec::len)
}

fn cloned(values: Vec<&Value>) -> Vec<Value> {
    values.into_iter().cloned().collect()
}

async fn assert_researcher_facets_match(app: &TestApp, given: &RequestedIds, path: &[&str]) -> usize {
    let name = path.join(" ");
    let facets = format!("{} {}", facet_selection("topics", "topic"), facet_selection("organizations", "organization"));
    let nodes_selection = "nodes { topics(first: 100) { nodes { id } } \
                  affiliations(first: 100, filter: {isCurrent: true}) { nodes { kind organization { id } } } }";
    let declared = "$topics: [ID!], $organizations: [ID!]";
    let (facets, all) = facets_and_nodes(app, (declared, given.variables()), path, &facets, nodes_selection).await;
    let people = &all["nodes"];
    assert_eq!(all["totalCount"].as_u64().map(|count| count as usize), people.as_array().map(Vec::len), "{name}");
    let topics = expected_entries(people, &[], |person| cloned(pluck(&person["topics"]["nodes"], &["id"])));
    assert_facet_matches(&name, &facets, "topics", "topic", &topics, &given.topics);
    let organizations = expected_entries(people, &[], |person| {
        let affiliations = person["affiliations"]["nodes"].as_array().into_iter().flatten();
        let counts = |kind: &Value| ["EMPLOYMENT", "MEMBERSHIP", "INVITED_POSITION"].iter().any(|other| kind == other);
        affiliations
            .filter(|affiliation| counts(&affiliation["kind"]))
            .map(|affiliation| affiliation["organization"]["id"].clone())
            .collect()
    });
    assert_facet_matches(&name, &facets, "organizations", "organization", &organizations, &given.organizations);
    people.as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn paper_facets_match_the_list() {
    let app = synthetic_directory(21, 14).await;
    let given = RequestedIds::select(&app).await;
    let (topic, organization, person) =
        (&app.find_id("topic", "topic-1").await, &given.organizations[1], app.find_id("researcher", "person-3").await);
    let some = pluck_strings(&app.nodes(&["papers(first: 9)"], "id").await, &["id"]);
    let filters = [
        "{}".to_owned(),
        format!("{{topicIds: [{topic:?}]}}"),
        format!("{{organizationIds: [{organization:?}]}}"),
        format!("{{authorIds: [{person:?}]}}"),
        format!("{{ids: {some:?}}}"),
        "{publicationYear: {from: 2002, to: 2004}}".to_owned(),
        "{types: [PREPRINT, THESIS]}".to_owned(),
        "{venueNames: [\"annals\", \"Zoo\"]}".to_owned(),
        "{hasAbstract: false, hasDoi: false, isRetracted: false, updatedSince: \"2001-01-01T00:00:00Z\"}".to_owned(),
        format!("{{topicIds: [{topic:?}], types: [ARTICLE, PREPRINT, THESIS], publicationYear: {{to: 2004}}}}"),
    ];
    let parents = [
        None,
        Some((r#"researcher(by: {slug: "person-3"})"#, "")),
        Some((r#"organization(by: {slug: "place-1"})"#, "")),
        Some((r#"organization(by: {slug: "place-1"})"#, "includeDescendants: false, ")),
        Some((r#"topic(by: {slug: "topic-0"})"#, "")),
        Some((r#"topic(by: {slug: "topic-0"})"#, "includeNarrower: false, ")),
    ];
    for parent in parents {
        let mut found = 0;
        for filter in &filters {
            let list = format!("papers({}filter: {filter})", parent.map_or("", |(_, arguments)| arguments));
            let path: Vec<&str> = parent.map(|(parent, _)| parent).into_iter().chain([list.as_str()]).collect();
            found += assert_paper_facets_match(&app, &given, &path).await;
        }
        assert!(found >= 20, "only {found} papers were listed below {parent:?}");
        let empty = ["papers(filter: {ids: []})"];
        let path: Vec<&str> = parent.map(|(parent, _)| parent).into_iter().chain(empty).collect();
        assert_eq!(assert_paper_facets_match(&app, &given, &path).await, 0);
    }
    for coauthors in [
        "coauthors(first: 1)",
        "coauthors(first: 1, filter: {publicationYear: {from: 2001}})",
        "coauthors(first: 1, filter: {maxAuthorsPerPaper: 100})",
    ] {
        let path = [r#"researcher(by: {slug: "person-3"})"#, coauthors, "edges", "papers"];
        assert!(assert_paper_facets_match(&app, &given, &path).await > 0, "{coauthors}");
    }
}

#[tokio::test]
async fn researcher_facets_match_the_list() {
    let app = synthetic_directory(22, 40).await;
    let given = RequestedIds::select(&app).await;
    let (topic, organization) = (app.find_id("topic", "topic-3").await, &given.organizations[1]);
    let filters = [
        "{}".to_owned(),
        format!("{{topicIds: [{topic:?}]}}"),
        format!("{{ids: {:?}}}", given.researchers),
        format!("{{affiliation: {{organizationIds: [{organization:?}]}}}}"),
        format!(
            "{{affiliation: {{organizationIds: [{organization:?}], includeDescendants: false, isCurrent: false}}}}"
        ),
        "{affiliation: {kinds: [EDUCATION], asOf: \"2005-05-05\"}}".to_owned(),
        "{hasPapers: true, hasOrcid: false}".to_owned(),
        "{hasPapers: false}".to_owned(),
    ];
    let parents = [
        (None, ""),
        (Some(r#"topic(by: {slug: "topic-0"})"#), ""),
        (Some(r#"topic(by: {slug: "topic-0"})"#), "includeNarrower: false, "),
        (Some(r#"organization(by: {slug: "place-1"})"#), ""),
        (Some(r#"organization(by: {slug: "place-1"})"#), "affiliation: {kinds: [EDUCATION, SERVICE]}, "),
        (
            Some(r#"organization(by: {slug: "place-1"})"#),
            "affiliation: {isCurrent: false, includeDescendants: false}, ",
        ),
    ];
    for (parent, arguments) in parents {
        let mut found = 0;
        for filter in &filters {
            let list = format!("researchers({arguments}filter: {filter})");
            let path: Vec<&str> = parent.into_iter().chain([list.as_str()]).collect();
            found += assert_researcher_facets_match(&app, &given, &path).await;
        }
        assert!(found >= 4, "only {found} people were listed below {parent:?} {arguments}");
    }
}

#[tokio::test]
async fn topic_researchers_by_paper_count() {
    let app = synthetic_directory(23, 20).await;
    for number in 0..4 {
        let slug = format!("topic-{number}");
        let id = app.find_id("topic", &slug).await;
        let query = format!(
            "{{ topic(by: {{slug: {slug:?}}}) {{ researchers(first: 100) {{ edges {{ paperCount lastYear node {{
             papers(first: 100, filter: {{topicIds: [{id:?}]}}) {{ totalCount nodes {{ publicationYear }} }} }} }} }} }} }}"
        );
        let edges = app.data(&query).await["topic"]["researchers"]["edges"].clone();
        let counts = pluck(&edges, &["paperCount"]);
        assert_eq!(counts, pluck(&edges, &["node", "papers", "totalCount"]), "{slug}");
        let counts: Vec<Option<i64>> = counts.iter().map(|count| count.as_i64()).collect();
        assert!(counts.len() >= 5 && counts.first() != counts.last(), "{slug}: {counts:?}");
        assert!(counts.is_sorted_by_key(|count| Reverse(*count)), "{slug}: {counts:?}");
        for edge in edges.as_array().into_iter().flatten() {
            let years = pluck(&edge["node"]["papers"]["nodes"], &["publicationYear"]);
            assert_eq!(edge["lastYear"].as_i64(), years.iter().filter_map(|year| year.as_i64()).max(), "{slug}");
        }
    }
}

async fn count_statements(app: &TestApp, query: &str, variables: Value) -> u64 {
    let (response, statements) = app.query_counting_statements(query, variables).await;
    response.data();
    statements
}

#[tokio::test]
async fn statement_counts() {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    app.create_records(json!(college_records(12))).await;
    let of_papers = "publicationYears { year count } types { type count } venues { value count } topics { count } \
                     researchers { count } organizations { count }";
    let given = "a: topics(first: 3) { count } b: topics(ids: $topics) { count } c: topics(ids: $none) { count } \
                 d: organizations(ids: $organizations) { count } e: organizations(first: 2) { count }";
    let nodes = "topics { topic { slug } } researchers { researcher { slug } } organizations { organization { slug } }";
    let of_people = "organizations { count } topics { count } a: topics(ids: $topics) { count }";
    let given_ids = RequestedIds::select(&app).await;
    let variables = json!({ "topics": given_ids.topics, "none": [], "organizations": given_ids.organizations });
    for (expected, query) in [
        (1, format!("papers(first: 1) {{ facets {{ {of_papers} }} }}")),
        (1, format!("papers(first: 1) {{ facets {{ {of_papers} {given} }} }}")),
        (1, format!("papers(first: 1) {{ a: facets {{ {of_papers} }} b: facets {{ {given} }} }}")),
        (0, "papers(first: 1) { facets { c: topics(ids: $none) { count } } }".to_owned()),
        // The facets, the page and the total.
        (3, format!("papers(first: 1) {{ facets {{ {of_papers} }} nodes {{ title }} totalCount }}")),
        (1, "papers(first: 1) { facets { __typename } pageInfo { hasNextPage } }".to_owned()),
        (1, format!("papers(first: 1) {{ facets @skip(if: true) {{ {of_papers} }} pageInfo {{ hasNextPage }} }}")),
        // One statement for entities of all types.
        (2, format!("papers(first: 1) {{ facets {{ {nodes} }} }}")),
        (1, format!("researchers(first: 1) {{ facets {{ {of_people} }} }}")),
        // For several parents.
        (
            2,
            format!("researchers(first: 12) {{ nodes {{ papers(first: 1) {{ facets {{ {of_papers} {given} }} }} }} }}"),
        ),
        (2, format!("topics(first: 12) {{ nodes {{ papers(first: 1) {{ facets {{ {of_papers} {given} }} }} }} }}")),
        (2, format!("topics(first: 12) {{ nodes {{ researchers(first: 1) {{ facets {{ {of_people} }} }} }} }}")),
        (2, format!("organizations(first: 12) {{ nodes {{ researchers(first: 1) {{ facets {{ {of_people} }} }} }} }}")),
        (
            3,
            format!(
                "researcher(by: {{slug: \"person-0\"}}) {{ coauthors(first: 9) {{ edges {{ papers(first: 1) {{ facets {{ {of_papers} {given} }} }} }} }} }}"
            ),
        ),
        // Different filters are different lists.
        (
            2,
            format!(
                "a: papers(first: 1) {{ facets {{ {of_papers} }} }} b: papers(first: 1, filter: {{types: [ARTICLE]}}) {{ facets {{ {of_papers} }} }}"
            ),
        ),
    ] {
        let mut wanted: Vec<String> = Vec::new();
        for name in ["topics", "none", "organizations"] {
            if query.contains(&format!("${name}")) {
                wanted.push(format!("${name}: [ID!]"));
            }
        }
        let declared = if wanted.is_empty() { String::new() } else { format!("({})", wanted.join(", ")) };
        assert_eq!(
            count_statements(&app, &format!("query{declared} {{ {query} }}"), variables.clone()).await,
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn organization_matrix() {
    let app = TestApp::start().await;
    app.create_records(json!(college_records(12))).await;
    let ids = pluck_strings(&app.nodes(&["organizations"], "id").await, &["id"]);
    assert_eq!(ids.len(), 7);
    let matrix = |row: &dyn Fn(usize) -> String| {
        let rows: Vec<String> = ids
            .iter()
            .enumerate()
            .map(|(index, id)| {
                let facet = format!("organizations(ids: {}) {{ organization {{ id }} count }}", row(index));
                format!("o{index}: organization(by: {{id: {id:?}}}) {{ papers(includeDescendants: false, links: [AUTHORSHIP]) {{ totalCount facets {{ {facet} }} }} }}")
            })
            .collect();
        format!("query($ids: [ID!]) {{ {} }}", rows.join(" "))
    };
    let whole = matrix(&|_| "$ids".to_owned());
    let (response, statements) = app.query_counting_statements(&whole, json!({ "ids": ids })).await;
    // The organizations, the totals, the facets, and their organizations.
    assert_eq!(statements, 4);
    let cell = |data: &Value, row: usize, column: usize| {
        let cells =
            returned_entries(&data[format!("o{row}")]["papers"]["facets"]["organizations"], &["organization", "id"]);
        cells.into_iter().find(|(id, _)| *id == ids[column]).map(|(_, count)| count)
    };
    let data = response.data();
    for row in 0..ids.len() {
        assert_eq!(cell(data, row, row), data[format!("o{row}")]["papers"]["totalCount"].as_i64());
        for column in 0..ids.len() {
            assert!(cell(data, row, column).is_some(), "{row} {column}");
            assert_eq!(cell(data, row, column), cell(data, column, row), "{row} {column}");
        }
    }
    let together: Vec<Option<i64>> = (1..ids.len()).map(|column| cell(data, 0, column)).collect();
    assert!(together.iter().any(|count| *count > Some(0)), "{together:?}");
    // Half of the matrix, with different IDs per row.
    let half = matrix(&|row| format!("{:?}", &ids[row..])).replace("query($ids: [ID!]) ", "");
    let (response, statements) = app.query_counting_statements(&half, json!({})).await;
    assert_eq!(statements, 4);
    for row in 0..ids.len() {
        for column in 0..ids.len() {
            let expected = if column < row { None } else { cell(data, row, column) };
            assert_eq!(cell(response.data(), row, column), expected, "{row} {column}");
        }
    }
}

#[tokio::test]
async fn facet_query_cost() {
    let app = TestApp::start_with_limits(Limits { nodes: 99, ..Limits::default() }, 100).await;
    let id = URL_SAFE_NO_PAD.encode("Topic:1");
    let ids = |amount: usize| format!("{:?}", vec![&id; amount]);
    let of = |list: &str, facet: &str| format!("{{ {list}(first: 1) {{ facets {{ {facet} {{ count }} }} }} }}");
    for (list, facet) in [
        ("papers", "publicationYears".to_owned()),
        ("papers", "types".to_owned()),
        ("papers", "venues".to_owned()),
        ("papers", "topics(first: 90)".to_owned()),
        ("papers", format!("topics(first: 100, ids: {})", ids(20))),
        ("researchers", "organizations(first: 90)".to_owned()),
        ("researchers", format!("topics(ids: {})", ids(90))),
    ] {
        app.data(&of(list, &facet)).await;
    }
    for (list, facet) in [
        ("papers", "venues(first: 100)".to_owned()),
        ("papers", "topics(first: 100)".to_owned()),
        ("papers", "researchers(first: 100)".to_owned()),
        ("papers", "organizations(first: 100)".to_owned()),
        ("papers", format!("topics(first: 1, ids: {})", ids(120))),
        ("researchers", "organizations(first: 100)".to_owned()),
        ("researchers", format!("topics(ids: {})", ids(120))),
    ] {
        let query = of(list, &facet);
        let refusal = app.client_error(&query, json!({})).await;
        assert!(refusal.contains("nodes; the limit is 99"), "{query}: {refusal}");
    }
    let few: Vec<String> = (0..12).map(|number| format!("a{number}: topics(first: 8) {{ count }}")).collect();
    let query = format!("{{ papers(first: 1) {{ facets {{ {} }} }} }}", few.join(" "));
    app.data(&query).await;
    let query = query.replace("first: 8)", "first: 9)");
    app.client_error(&query, json!({})).await;
}
