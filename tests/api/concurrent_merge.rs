//! Queries while entities are merged, restored and deleted between two nesting levels.
//!
//! A statement reads what was committed when it started. These tests lock the table that the second level reads, change
//! the directory in the locking transaction, and commit: the second level then reads another state than the first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use academic_directory::config::Limits;
use academic_directory::store::curation::{CurationRequest, DecidedBy};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::curation::start_with_records;
use crate::support::synthetic_data::college_records;
use crate::support::{
    TestApp, create_database, delay_database, organization_record, parse_records, pluck_strings, researcher_record,
    ror, unlimited_limits, with_fields,
};

/// Moves what Ida M. Brook has to Ida Brook and deletes her, as a merge does.
const MERGE: &str = "
    UPDATE affiliation SET researcher_id = survivor.id, is_primary = false FROM researcher AS survivor, researcher AS former
      WHERE survivor.slug = 'ida-brook' AND former.slug = 'ida-m-brook' AND researcher_id = former.id;
    UPDATE authorship SET researcher_id = survivor.id FROM researcher AS survivor, researcher AS former
      WHERE survivor.slug = 'ida-brook' AND former.slug = 'ida-m-brook' AND researcher_id = former.id;
    INSERT INTO former_identity (kind, former_id, former_slug, survivor_id)
      SELECT 'researcher', former.id, former.slug, survivor.id FROM researcher AS survivor, researcher AS former
      WHERE survivor.slug = 'ida-brook' AND former.slug = 'ida-m-brook';
    DELETE FROM researcher WHERE slug = 'ida-m-brook'";

/// Executes a query whose second level reads `researcher` after this change.
async fn query_across(app: &TestApp, change: &str, query: &str) -> Value {
    let lock = app.lock_table("researcher").await;
    let (response, ()) = tokio::join!(app.query(query, json!({})), async {
        app.wait_until_blocked().await;
        lock.execute(&format!("{change}; COMMIT")).await;
    });
    response.data().clone()
}

#[tokio::test]
async fn merged_researchers_resolve_to_the_survivor() {
    let app = start_with_records().await;
    let query = "{ affiliations(first: 10) { nodes { researcher { slug } } } }";
    let before = app.data(query).await;
    let slugs = |data: &Value| pluck_strings(&data["affiliations"]["nodes"], &["researcher", "slug"]);
    assert_eq!(slugs(&before).iter().filter(|slug| *slug == "ida-m-brook").count(), 2, "{before}");

    let across = query_across(&app, MERGE, query).await;
    let expected: Vec<String> = slugs(&before).iter().map(|slug| slug.replace("ida-m-brook", "ida-brook")).collect();
    assert_eq!(slugs(&across), expected);
}

#[tokio::test]
async fn facets_resolve_merged_researchers() {
    let app = start_with_records().await;
    let query = "{ papers { facets { researchers { researcher { slug } count } } } }";
    let facets = query_across(&app, MERGE, query).await["papers"]["facets"]["researchers"].clone();
    let slugs = pluck_strings(&facets, &["researcher", "slug"]);
    assert_eq!(slugs.iter().filter(|slug| *slug == "ida-brook").count(), 2, "{facets}");
}

#[tokio::test]
async fn deleted_researchers_are_omitted_from_lists() {
    let app = start_with_records().await;
    let delete = "UPDATE authorship SET researcher_id = NULL FROM researcher WHERE slug = 'ida-m-brook' AND researcher_id = researcher.id; \
                  DELETE FROM researcher WHERE slug = 'ida-m-brook'";
    let query = "{ affiliations(first: 10) { edges { node { researcher { slug } } } nodes { researcher { slug } } } }";
    let across = query_across(&app, delete, query).await;
    let affiliations = &across["affiliations"];
    assert_eq!(pluck_strings(&affiliations["nodes"], &["researcher", "slug"]), ["ida-brook"]);
    assert_eq!(pluck_strings(&affiliations["edges"], &["node", "researcher", "slug"]), ["ida-brook"]);
}

#[tokio::test]
async fn deleted_authors_are_null() {
    let app = start_with_records().await;
    let delete = "UPDATE authorship SET researcher_id = NULL FROM researcher WHERE slug = 'ida-m-brook' AND researcher_id = researcher.id; \
                  DELETE FROM researcher WHERE slug = 'ida-m-brook'";
    // Only names that may be hidden are read from `researcher` with the authorship.
    let query = r#"{ facets: papers { facets { researchers { researcher { slug } } } }
        affiliation: affiliations(first: 1) { nodes { id } } }"#;
    let across = query_across(&app, delete, query).await;
    let slugs = pluck_strings(&across["facets"]["facets"]["researchers"], &["researcher", "slug"]);
    assert!(!slugs.is_empty() && !slugs.contains(&"ida-m-brook".to_owned()), "{across}");
}

/// Merges and undos beside queries of every kind of reference, with a database 5 ms away: no response has errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn merges_and_undos_beside_queries() {
    let (_proxy, distant_url) = delay_database(&create_database().await, Duration::from_millis(5));
    let app = Arc::new(TestApp::start_on_database(distant_url, Limits::default(), 100).await);
    let employment = |number: u64| json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" });
    let person =
        |name: &str, number| with_fields(researcher_record(name), json!({ "affiliations": [employment(number)] }));
    let papers = (0..12).map(|number| {
        let authors = [["Ida Brook", "Tom Ford"], ["Ida M. Brook", "Uma Leeds"]][number % 2];
        crate::support::paper_record(&format!("Brook study {number}"), Some(2000), &authors)
    });
    let records: Vec<Value> = [organization_record(1, "Water Institute"), organization_record(2, "Mill College")]
        .into_iter()
        .chain([person("Ida Brook", 1), person("Ida M. Brook", 2), person("Tom Ford", 1)])
        .chain(papers)
        .collect();
    app.create_records(json!(records)).await;

    let is_done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (app, is_done) = (Arc::clone(&app), Arc::clone(&is_done));
        async move {
            let merge = CurationRequest::Merge {
                survivor: "ida-brook".to_owned(),
                former: vec!["ida-m-brook".to_owned()],
                force: true,
                decided_by: DecidedBy::default(),
            };
            let mut merge_count = 0;
            while !is_done.load(Ordering::Relaxed) {
                let merged = app.store.decide(&merge, false).await.expect("a merge");
                let undo = CurationRequest::Undo { decision: merged.decision, by: None };
                app.store.decide(&undo, false).await.expect("an undo");
                merge_count += 1;
            }
            merge_count
        }
    });
    let queries = [
        "{ affiliations(first: 10) { nodes { researcher { slug } organization { slug } } } }",
        "{ papers { facets { researchers { researcher { slug } } organizations { organization { slug } } } } }",
        r#"{ search(query: "brook") { edges { highlights { field } node { slug } } } }"#,
        r#"{ autocomplete(query: "bro") { label hint node { slug } } }"#,
        "{ researchers { nodes { slug affiliations { nodes { researcher { slug } } } coauthors { edges { paperCount node { slug } } } } } }",
        "{ papers { nodes { authorships { nodes { name researcher { slug affiliations { nodes { researcher { slug } } } } } } } } }",
    ];
    let query_count = std::env::var("MERGE_TEST_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(240);
    let errors: Vec<String> = futures_util::stream::iter(0..query_count)
        .map(|number: usize| {
            let app = Arc::clone(&app);
            async move {
                // A comment makes each query another one for the response cache.
                let query = format!("{} # {number}", queries[number % queries.len()]);
                let response = app.query(&query, json!({})).await;
                response.body.get("errors").map(|errors| format!("{query}: {errors}"))
            }
        })
        .buffer_unordered(8)
        .filter_map(std::future::ready)
        .collect()
        .await;
    is_done.store(true, Ordering::Relaxed);
    let merge_count = writer.await.expect("the writer");
    println!("{query_count} queries beside {merge_count} merges and undos: {} failed", errors.len());
    assert!(merge_count > 0);
    assert_eq!(errors, Vec::<String>::new());
}

/// What is read about a person in further statements.
const PERSON_FIELDS: &str = r#"
    affiliations(first: 5) { totalCount nodes { organization { slug } } } headline(languages: ["en"]) { value }
    papers(first: 5) { totalCount edges { authorship { name } node { slug } } facets { types { type count } topics { count topic { slug } } } }
    coauthors(first: 5) { totalCount edges { paperCount node { slug } papers(first: 3) { totalCount nodes { slug } } } }
    topics(first: 5) { totalCount nodes { slug } } statistics { paperCount papersPerYear { year count } }
    identifiers { scheme value } formerIds otherNames
    coauthorNetwork(first: 5) { omittedCount nodes { paperCount researcher { slug } } links { paperCount } }"#;
/// What is read about an organization in further statements.
const ORGANIZATION_FIELDS: &str = "
    parents { slug } ancestors { slug } predecessors { slug } successors { slug } identifiers { scheme value } formerIds
    children(first: 5) { totalCount nodes { slug } } affiliations(first: 5) { totalCount nodes { id } }
    researchers(first: 5) { totalCount edges { affiliations { id } node { slug } } facets { topics { count topic { slug } } } }
    papers(first: 5) { totalCount nodes { slug } facets { types { type count } } } statistics { researcherCount }
    coauthorNetwork(first: 5) { omittedCount nodes { paperCount researcher { slug } } links { paperCount } }";

/// A person and an organization of which everything is known, and a duplicate of each.
async fn start_with_duplicates() -> TestApp {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    let relations = json!([["parent", ror(10)], ["predecessor", ror(11)], ["successor", ror(12)]]);
    let identifiers = json!([{ "scheme": "dblp", "value": "p/Person" }]);
    let mut records = college_records(8);
    records.extend([
        organization_record(10, "University"),
        organization_record(11, "Old College"),
        organization_record(12, "New College"),
        with_fields(organization_record(1, "College"), json!({ "relations": relations, "identifiers": identifiers })),
        organization_record(13, "Colege"),
        with_fields(
            researcher_record("Person 0"),
            json!({ "identifiers": identifiers, "otherNames": ["Person Null"],
                "affiliations": [{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT",
                    "roleTitle": { "en": "Reader" }, "startDate": "2001" }] }),
        ),
        researcher_record("Persona Zero"),
    ]);
    app.write_records(&parse_records(json!(records))).await;
    app
}

/// Reads fields of a list, which merges `former` with `survivor` between the list and the statements below it. Returns what
/// it says about `former`, and what is said about `survivor` afterwards.
async fn read_across_merge(
    app: &TestApp,
    (kind, list): (&str, &str),
    [former, survivor]: [&str; 2],
    fields: &str,
    locked: &str,
) -> [Value; 2] {
    let query = format!("{{ {list}(first: 50) {{ nodes {{ slug {fields} }} }} }}");
    let merge = format!(
        "INSERT INTO former_identity (kind, former_id, former_slug, survivor_id) SELECT '{kind}', former.id, former.slug, survivor.id \
         FROM {kind} AS survivor, {kind} AS former WHERE survivor.slug = '{survivor}' AND former.slug = '{former}'; \
         DELETE FROM {kind} WHERE slug = '{former}'; COMMIT"
    );
    let find = |data: &Value, slug: &str| {
        let nodes = data[list]["nodes"].as_array().expect("nodes").clone();
        let mut node = nodes.into_iter().find(|node| node["slug"] == slug).expect("the entity");
        node.as_object_mut().expect("an object").remove("slug");
        node
    };
    let lock = app.lock_table(locked).await;
    let (across, ()) = tokio::join!(app.query(&query, json!({})), async {
        app.wait_until_blocked().await;
        lock.execute(&merge).await;
    });
    let after = app.data(&format!("{query} # after")).await;
    [find(across.data(), former), find(&after, survivor)]
}

/// Asserts that every list has items and every count is above 0, so that equal answers mean something.
fn assert_nothing_is_empty(path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| assert_nothing_is_empty(&format!("{path}.{name}"), value));
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "{path} is empty");
            items.iter().for_each(|item| assert_nothing_is_empty(path, item));
        }
        Value::Null => panic!("{path} is null"),
        value => assert!(*value != json!(0) || path.ends_with("omittedCount"), "{path} is 0"),
    }
}

#[tokio::test]
async fn lists_of_merged_researchers_are_those_of_the_survivor() {
    let app = start_with_duplicates().await;
    let locked =
        "affiliation, authorship, coauthorship, researcher_statistics, researcher_topic, external_id, former_identity";
    let [across, after] =
        read_across_merge(&app, ("researcher", "researchers"), ["persona-zero", "person-0"], PERSON_FIELDS, locked)
            .await;
    assert_nothing_is_empty("researcher", &after);
    // The names of its row were read before.
    let [across, after] = [across, after].map(|person| with_fields(person, json!({ "otherNames": null })));
    assert_eq!(across, after);
}

#[tokio::test]
async fn lists_of_merged_organizations_are_those_of_the_survivor() {
    let app = start_with_duplicates().await;
    let locked = "affiliation, authorship, paper_organization, organization_parent, organization_succession, \
                  organization_statistics, external_id, former_identity";
    let [across, after] =
        read_across_merge(&app, ("organization", "organizations"), ["colege", "college"], ORGANIZATION_FIELDS, locked)
            .await;
    assert_nothing_is_empty("organization", &after);
    assert_eq!(across, after);
}

/// A list of a researcher who was deleted after the researchers were listed is empty.
#[tokio::test]
async fn lists_of_deleted_researchers_are_empty() {
    let app = start_with_duplicates().await;
    let query = "{ researchers(first: 50) { nodes { slug affiliations { totalCount nodes { id } } papers { facets { types { count } } } } } }";
    let lock = app.lock_table("affiliation").await;
    let (response, ()) = tokio::join!(app.query(query, json!({})), async {
        app.wait_until_blocked().await;
        lock.execute("DELETE FROM researcher WHERE slug = 'persona-zero'; COMMIT").await;
    });
    let nodes = response.data()["researchers"]["nodes"].as_array().expect("nodes").clone();
    let deleted = nodes.iter().find(|node| node["slug"] == "persona-zero").expect("the researcher");
    assert_eq!(deleted["affiliations"], json!({ "totalCount": 0, "nodes": [] }));
    assert_eq!(deleted["papers"]["facets"]["types"], json!([]));
}
