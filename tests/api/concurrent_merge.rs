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
use crate::support::{
    TestApp, create_database, delay_database, organization_record, pluck_strings, researcher_record, ror, with_fields,
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
