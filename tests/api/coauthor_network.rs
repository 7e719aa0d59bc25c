//! Coauthor networks of researchers and organizations: people, links, filters, and what they cost.

use std::collections::BTreeMap;

use academic_directory::config::Limits;
use serde_json::{Value, json};

use crate::curation::run_successfully;
use crate::support::synthetic_data::{SeededRng, synthetic_papers, synthetic_records};
use crate::support::{
    TestApp, organization_record, paper_record, parse_records, pluck_strings, researcher_record, ror, topic_record,
    with_fields,
};

const SELECTION: &str =
    "{ omittedCount nodes { paperCount lastYear researcher { slug } } links { from to paperCount lastYear } }";

/// Ada's coauthors are Bo, Cy and Di; Ed wrote with Cy only. All but Ed belong to the college, Ada to a part of it.
pub fn network_records() -> Value {
    let works = |organization: u64, end: Option<&str>| {
        let start = if end.is_some() { "1998" } else { "1999" };
        json!({ "affiliations": [{ "organization": { "ror": ror(organization) },
        "affiliationKind": "EMPLOYMENT", "startDate": start, "endDate": end }] })
    };
    let about = |label: &str| json!({ "topics": [{ "labels": { "en": label } }] });
    json!([
        organization_record(1, "College"),
        with_fields(organization_record(2, "Part"), json!({ "relations": [["parent", ror(1)]] })),
        topic_record("Oceans"),
        with_fields(topic_record("Tides"), json!({ "broader": [{ "labels": { "en": "Oceans" } }] })),
        with_fields(researcher_record("Ada Berg"), works(2, None)),
        with_fields(researcher_record("Bo Dahl"), works(1, None)),
        with_fields(researcher_record("Cy Ek"), works(1, None)),
        with_fields(researcher_record("Di Falk"), works(1, None)),
        with_fields(researcher_record("Ed Gran"), works(1, Some("2005"))),
        with_fields(paper_record("One", Some(2001), &["Ada Berg", "Bo Dahl"]), about("Tides")),
        paper_record("Two", Some(2005), &["Ada Berg", "Bo Dahl", "Cy Ek"]),
        paper_record("Three", Some(2003), &["Ada Berg", "Bo Dahl"]),
        paper_record("Undated", None, &["Ada Berg", "Di Falk"]),
        paper_record("Apart", Some(2010), &["Bo Dahl", "Cy Ek"]),
        paper_record("Again", Some(2012), &["Cy Ek", "Di Falk"]),
        paper_record("Outside", Some(2011), &["Cy Ek", "Ed Gran"]),
        // One author above the consortium size.
        paper_record("Crowd", Some(2013), &["Ada Berg", "Bo Dahl", "Cy Ek", "Di Falk", "Fay Holt", "Gus Ivar"]),
    ])
}

pub async fn network_directory() -> TestApp {
    let app = TestApp::start_with_limits(Limits::default(), 5).await;
    app.create_records(network_records()).await;
    app
}

/// A network as text: each person with works and last year, each link, and how many are left out.
async fn network(app: &TestApp, parent: &str, arguments: &str) -> String {
    let data = app.data(&format!("{{ {parent} {{ coauthorNetwork{arguments} {SELECTION} }} }}")).await;
    let network = data.as_object().and_then(|data| data.values().next()).expect("a parent")["coauthorNetwork"].clone();
    let slugs = pluck_strings(&network["nodes"], &["researcher", "slug"]);
    let nodes = network["nodes"].as_array().expect("nodes").iter().zip(&slugs);
    // Equally close people are sorted by ID, which the test does not know.
    let mut people: Vec<(i64, String)> = nodes
        .map(|(node, slug)| {
            (-node["paperCount"].as_i64().unwrap_or(0), format!("{slug} {} {}", node["paperCount"], node["lastYear"]))
        })
        .collect();
    assert!(people.is_sorted_by_key(|(count, _)| *count), "{network}");
    people.sort();
    let mut links: Vec<String> = network["links"]
        .as_array()
        .expect("links")
        .iter()
        .map(|link| {
            let index = |end: &str| usize::try_from(link[end].as_u64().expect("an index")).expect("an index");
            assert!(index("from") < index("to"), "{link}");
            let mut ends = [&slugs[index("from")], &slugs[index("to")]];
            ends.sort();
            format!("{}-{} {} {}", ends[0], ends[1], link["paperCount"], link["lastYear"])
        })
        .collect();
    links.sort();
    let people: Vec<String> = people.into_iter().map(|(_, person)| person).collect();
    format!("{} | {} | {}", people.join(", "), links.join(", "), network["omittedCount"])
}

const ADA: &str = "researcher(by: {slug: \"ada-berg\"})";
const COLLEGE: &str = "organization(by: {slug: \"college\"})";

#[tokio::test]
async fn network_of_a_researcher() {
    let app = network_directory().await;
    let topic = app.find_id("topic", "oceans").await;
    let bo = app.find_id("researcher", "bo-dahl").await;
    let college = app.find_id("organization", "college").await;
    let filters = [
        ("", "bo-dahl 3 2005, cy-ek 1 2005, di-falk 1 null | bo-dahl-cy-ek 2 2010, cy-ek-di-falk 1 2012 | 0"),
        ("(first: 1)", "bo-dahl 3 2005 |  | 2"),
        ("(filter: {minPaperCount: 2})", "bo-dahl 3 2005 |  | 0"),
        (
            "(filter: {publicationYear: {from: 2003, to: 2010}})",
            "bo-dahl 2 2005, cy-ek 1 2005 | bo-dahl-cy-ek 2 2010 | 0",
        ),
        ("(filter: {publicationYear: {from: 2006}})", " |  | 0"),
    ];
    for (arguments, expected) in filters {
        assert_eq!(network(&app, ADA, arguments).await, expected, "{arguments}");
    }
    for (arguments, expected) in [
        (format!("(filter: {{topicIds: [{topic:?}]}})"), "bo-dahl 1 2001 |  | 0"),
        (format!("(filter: {{ids: [{bo:?}]}})"), "bo-dahl 3 2005 |  | 0"),
        (
            format!("(filter: {{affiliation: {{organizationIds: [{college:?}]}}, publicationYear: {{to: 2012}}}})"),
            "bo-dahl 3 2005, cy-ek 1 2005 | bo-dahl-cy-ek 2 2010 | 0",
        ),
        (
            "(filter: {maxAuthorsPerPaper: 6})".to_owned(),
            "bo-dahl 4 2013, cy-ek 2 2013, di-falk 2 2013, fay-holt 1 2013, gus-ivar 1 2013 | bo-dahl-cy-ek 3 2013, \
             bo-dahl-di-falk 1 2013, bo-dahl-fay-holt 1 2013, bo-dahl-gus-ivar 1 2013, cy-ek-di-falk 2 2013, \
             cy-ek-fay-holt 1 2013, cy-ek-gus-ivar 1 2013, di-falk-fay-holt 1 2013, di-falk-gus-ivar 1 2013, \
             fay-holt-gus-ivar 1 2013 | 0",
        ),
    ] {
        assert_eq!(network(&app, ADA, &arguments).await, expected, "{arguments}");
    }
}

#[tokio::test]
async fn network_of_an_organization() {
    let app = network_directory().await;
    for (arguments, expected) in [
        (
            "",
            "ada-berg 4 2005, bo-dahl 4 2010, cy-ek 3 2012, di-falk 2 2012 | ada-berg-bo-dahl 3 2005, ada-berg-cy-ek 1 \
             2005, ada-berg-di-falk 1 null, bo-dahl-cy-ek 2 2010, cy-ek-di-falk 1 2012 | 0",
        ),
        (
            "(filter: {publicationYear: {from: 2005}})",
            "cy-ek 3 2012, bo-dahl 2 2010, ada-berg 1 2005, di-falk 1 2012 | ada-berg-bo-dahl 1 2005, ada-berg-cy-ek 1 \
             2005, bo-dahl-cy-ek 2 2010, cy-ek-di-falk 1 2012 | 0",
        ),
        ("(filter: {minPaperCount: 3})", "ada-berg 4 2005, bo-dahl 4 2010, cy-ek 3 2012 | ada-berg-bo-dahl 3 2005 | 0"),
    ] {
        assert_eq!(network(&app, COLLEGE, arguments).await, expected, "{arguments}");
    }
    assert!(network(&app, COLLEGE, "(first: 2)").await.ends_with("| ada-berg-bo-dahl 3 2005 | 2"));
    assert_eq!(network(&app, "organization(by: {slug: \"part\"})", "").await, " |  | 0");
}

#[tokio::test]
async fn merged_people_are_one() {
    // The command has the usual consortium size, so that the large paper counts.
    let app = TestApp::start().await;
    app.create_records(network_records()).await;
    run_successfully(&app, &["merge", "di-falk", "ed-gran", "--by", "Ana"]);
    app.refresh_statistics().await;
    let ada = network(&app, ADA, "").await;
    assert!(
        ada.starts_with("bo-dahl 4 2013, cy-ek 2 2013, di-falk 2 2013, fay-holt 1 2013, gus-ivar 1 2013 |"),
        "{ada}"
    );
    // Together, on their own, and Ed's.
    assert!(ada.contains("cy-ek-di-falk 3 2013"), "{ada}");
    let former = network(&app, "researcher(by: {slug: \"ed-gran\"})", "").await;
    assert_eq!(former, network(&app, "researcher(by: {slug: \"di-falk\"})", "").await);
    let college = network(&app, COLLEGE, "").await;
    assert!(college.starts_with("ada-berg 5 2013, bo-dahl 5 2013, cy-ek 5 2013, di-falk 4 2013 |"), "{college}");
}

#[tokio::test]
async fn arguments_and_statements() {
    let app = network_directory().await;
    for first in [0, -1, 101, i32::MAX] {
        let refused = app
            .client_error(&format!("{{ {ADA} {{ coauthorNetwork(first: {first}) {{ omittedCount }} }} }}"), json!({}))
            .await;
        assert_eq!(refused, format!("first is {first}; it must be between 1 and 100"));
    }
    for (parent, expected) in
        [(ADA, 3), (COLLEGE, 3), ("researchers(first: 4) { nodes", 3), ("organizations { nodes", 3)]
    {
        let close = if parent.contains("nodes") { "}" } else { "" };
        let query = format!("{{ {parent} {{ coauthorNetwork {SELECTION} }} {close} }}");
        let (response, statements) = app.query_counting_statements(&query, json!({})).await;
        response.data();
        assert_eq!(statements, expected, "{query}");
    }
    // Links are only read if they are selected.
    let query = format!("{{ {ADA} {{ coauthorNetwork {{ nodes {{ paperCount }} }} }} }}");
    assert_eq!(app.query_counting_statements(&query, json!({})).await.1, 2);
}

/// The people are those of `coauthors`, and the links are the coauthors of each among the others.
#[tokio::test]
async fn agrees_with_coauthors() {
    const PEOPLE: usize = 20;
    let mut links_seen = 0;
    for (seed, filter) in [(31, "{}"), (32, "{publicationYear: {from: 2002, to: 2004}}"), (33, "{minPaperCount: 2}")] {
        let works = synthetic_papers(&mut SeededRng::new(seed), PEOPLE, 50);
        let app = TestApp::start_with_limits(Limits::default(), 4).await;
        app.write_records(&parse_records(json!(synthetic_records(&works, PEOPLE)))).await;
        for person in (0..PEOPLE).step_by(4) {
            let parent = format!("researcher(by: {{slug: \"person-{person}\"}})");
            let query = format!(
                "{{ {parent} {{ coauthorNetwork(first: 6, filter: {filter}) {{ omittedCount nodes {{ paperCount lastYear researcher {{ id slug }} }} \
                 links {{ from to paperCount lastYear }} }} coauthors(first: 6, filter: {filter}) {{ totalCount edges {{ paperCount lastYear node {{ slug }} }} }} }} }}"
            );
            let data = app.data(&query).await["researcher"].clone();
            let network = &data["coauthorNetwork"];
            let nodes = network["nodes"].as_array().expect("nodes");
            let edges = data["coauthors"]["edges"].as_array().expect("edges");
            let as_node = |edge: &Value| json!([edge["node"]["slug"], edge["paperCount"], edge["lastYear"]]);
            let node = |node: &Value| json!([node["researcher"]["slug"], node["paperCount"], node["lastYear"]]);
            assert_eq!(
                nodes.iter().map(node).collect::<Vec<_>>(),
                edges.iter().map(as_node).collect::<Vec<_>>(),
                "{query}"
            );
            let total = data["coauthors"]["totalCount"].as_u64().expect("a total");
            assert_eq!(network["omittedCount"].as_u64(), Some(total - nodes.len() as u64), "{query}");
            let ids = pluck_strings(&network["nodes"], &["researcher", "id"]);
            let mut expected: BTreeMap<(usize, usize), Value> = BTreeMap::new();
            for (from, id) in ids.iter().enumerate() {
                let filter = filter.replacen('{', &format!("{{ids: {ids:?}, "), 1);
                let query = format!(
                    "{{ node(id: {id:?}) {{ ... on Researcher {{ coauthors(first: 100, filter: {filter}) {{ edges {{ paperCount lastYear node {{ id }} }} }} }} }} }}"
                );
                for edge in app.data(&query).await["node"]["coauthors"]["edges"].as_array().into_iter().flatten() {
                    let to = ids.iter().position(|id| edge["node"]["id"] == *id).expect("one of the others");
                    if from < to {
                        expected.insert((from, to), json!([edge["paperCount"], edge["lastYear"]]));
                    }
                }
            }
            let number = |value: &Value| usize::try_from(value.as_u64().expect("an index")).expect("an index");
            let links = network["links"].as_array().expect("links").iter();
            let links: Vec<((usize, usize), Value)> = links
                .map(|link| {
                    ((number(&link["from"]), number(&link["to"])), json!([link["paperCount"], link["lastYear"]]))
                })
                .collect();
            assert_eq!(links, expected.into_iter().collect::<Vec<_>>(), "{query}");
            links_seen += links.len();
        }
    }
    assert!(links_seen > 20, "only {links_seen} links");
}
