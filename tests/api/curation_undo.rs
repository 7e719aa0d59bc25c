//! Undo restores the previous state exactly, for random decisions, and keeps what has changed since.

use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::curation::{find_researcher, run_failing, run_successfully, start_with_records};
use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::{database_state, find_inconsistencies};
use crate::support::synthetic_data::SeededRng;
use crate::support::{
    TestApp, orcid, organization_record, paper_record, parse_records, researcher_record, ror, topic_record, with_fields,
};

/// Researchers with affiliations, topics, identifiers and papers, which partly overlap.
fn random_records(rng: &mut SeededRng) -> Vec<Value> {
    let mut records = vec![
        organization_record(1, "One"),
        organization_record(2, "Two"),
        topic_record("Sea"),
        topic_record("Sand"),
        topic_record("Salt"),
    ];
    for person in 0..8 {
        let affiliation = |rng: &mut SeededRng, is_primary: bool| {
            let titles = [
                json!({}),
                json!({ "en": "Reader" }),
                json!({ "fr": "Lectrice" }),
                json!({ "en": "Dean", "fr": "Doyenne" }),
            ];
            let mut affiliation_record = json!({ "organization": { "ror": ror(1 + rng.below(2) as u64) }, "affiliationKind": "EMPLOYMENT",
                "isPrimary": is_primary, "roleTitle": titles[rng.below(4)] });
            if rng.below(2) == 0 {
                affiliation_record["startDate"] = json!("1994");
            }
            affiliation_record
        };
        let affiliations: Vec<Value> = (0..rng.below(4)).map(|number| affiliation(rng, number == 0)).collect();
        let topics: Vec<Value> = ["Sea", "Sand", "Salt"]
            .iter()
            .filter(|_| rng.below(2) == 0)
            .map(|label| json!({ "labels": { "en": label } }))
            .collect();
        let mut record = with_fields(
            researcher_record(&format!("Person {person}")),
            json!({ "affiliations": affiliations, "topics": topics }),
        );
        if rng.below(2) == 0 {
            record["orcid"] = json!(orcid(100 + person));
        }
        if rng.below(2) == 0 {
            record["biography"] = json!({ (["en", "fr"][rng.below(2)]): format!("The life of {person}.") });
        }
        record["identifiers"] = json!([{ "scheme": "scopus", "value": person.to_string() }]);
        records.push(record);
    }
    for number in 0..14 {
        let mut authors: Vec<String> = (0..1 + rng.below(4)).map(|_| format!("Person {}", rng.below(12))).collect();
        authors.dedup();
        let year = (rng.below(4) > 0).then(|| 1990 + i32::try_from(rng.below(9)).unwrap_or_default());
        let paper =
            paper_record(&format!("Work {number}"), year, &authors.iter().map(String::as_str).collect::<Vec<_>>());
        records.push(with_fields(paper, json!({ "topics": [{ "labels": { "en": "Sea" } }] })));
    }
    records
}

/// Undoing random decisions in reverse order restores each intermediate state.
#[tokio::test]
async fn undo_restores_the_previous_state() {
    for seed in 1..=6 {
        let mut rng = SeededRng::new(seed);
        let app = TestApp::start().await;
        app.write_records(&parse_records(json!(random_records(&mut rng)))).await;
        let mut states = vec![database_state(&app.database_url).await];
        let mut decisions = Vec::new();
        for _ in 0..6 {
            let slugs = query_strings(&app.database_url, "SELECT slug FROM researcher ORDER BY id").await;
            let mut random_slug = || slugs[rng.below(slugs.len())].clone();
            let (one, other) = (random_slug(), random_slug());
            let theirs = format!(
                "SELECT paper.slug FROM paper JOIN authorship ON paper_id = paper.id JOIN researcher ON researcher.id = researcher_id \
                 WHERE researcher.slug = '{one}' ORDER BY paper.id"
            );
            let mut papers = query_strings(&app.database_url, &theirs).await;
            papers.truncate(papers.len() / 2);
            let signature = DecidedBy::default();
            let request = match rng.below(3) {
                0 => CurationRequest::Split {
                    researcher: one,
                    papers,
                    into: (rng.below(2) == 0).then_some(other),
                    decided_by: signature,
                },
                _ => CurationRequest::Merge { survivor: one, former: vec![other], force: true, decided_by: signature },
            };
            let dry_run = app.store.decide(&request, true).await;
            app.store.refresh_statistics_if_stale().await.expect("the counts");
            assert_dumps_equal(&database_state(&app.database_url).await, &states[states.len() - 1]);
            let Ok(made) = app.store.decide(&request, false).await else {
                assert!(dry_run.is_err(), "{request:?}");
                continue;
            };
            assert_eq!(dry_run.expect("a dry run that succeeds, too").before, made.before);
            app.store.refresh_statistics_if_stale().await.expect("the counts");
            assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new(), "{request:?}");
            decisions.push(made.decision);
            states.push(database_state(&app.database_url).await);
        }
        assert!(decisions.len() > 1, "seed {seed} makes no decision");
        states.pop();
        for (decision, state_before) in decisions.iter().zip(&states).rev() {
            let request = CurationRequest::Undo { decision: *decision, by: None };
            app.store.decide(&request, false).await.expect("an undoing");
            app.store.refresh_statistics_if_stale().await.expect("the counts");
            assert_dumps_equal(&database_state(&app.database_url).await, state_before);
        }
    }
}

/// Redirects to a researcher whom a split created are deleted with the researcher.
#[tokio::test]
async fn redirects_to_created_researchers() {
    let app = start_with_records().await;
    run_successfully(&app, &["split", "wei-xudo", "--papers", "proteins", "protein-folds"]);
    app.insert_redirect("researcher", 900, "w-xudo", "wei-xudo-2").await;
    app.execute_sql(
        "INSERT INTO former_slug (kind, slug, id) SELECT 'researcher', 'xudo', id FROM researcher \
         WHERE slug = 'wei-xudo-2'",
    )
    .await;
    run_successfully(&app, &["undo", "1"]);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    let redirects = "SELECT slug FROM former_slug UNION ALL SELECT former_slug FROM former_identity";
    assert_eq!(query_strings(&app.database_url, redirects).await, [""; 0]);
}

/// Undoing a split is rejected if the new researcher has data since, and the former one no longer exists.
#[tokio::test]
async fn created_researchers_with_data() {
    let app = start_with_records().await;
    run_successfully(&app, &["split", "wei-xudo", "--papers", "proteins", "protein-folds"]);
    let record = with_fields(researcher_record("Wei Xudo"), json!({ "homepageUrl": "https://example.org/wei" }));
    app.write_records_from("other", &parse_records(json!([record]))).await;
    app.execute_sql(
        "INSERT INTO external_id (scheme, value, researcher_id) SELECT 'scopus', '1', id FROM researcher \
         WHERE slug = 'wei-xudo-2'; \
         DELETE FROM paper WHERE slug IN ('proofs', 'proteins', 'protein-folds'); \
         DELETE FROM researcher WHERE slug = 'wei-xudo'",
    )
    .await;
    let error = run_failing(&app, &["undo", "1"]);
    assert!(error.contains("Wei Xudo (wei-xudo-2)"), "{error}");
    assert_eq!(find_researcher(&app, json!({ "slug": "wei-xudo-2" })).await["identifiers"][0]["value"], "1");
}

/// A row of which nothing is restored, since all of it has changed again, is not updated.
#[tokio::test]
async fn rows_that_changed_since() {
    let app = start_with_records().await;
    run_successfully(&app, &["merge", "ida-brook", "ida-m-brook"]);
    let merged = "FROM affiliation JOIN researcher ON researcher.id = researcher_id \
        WHERE slug = 'ida-brook' AND role_title ? 'fr'";
    assert_eq!(query_strings(&app.database_url, &format!("SELECT count(*) {merged}")).await, ["1"]);
    app.execute_sql(
        "UPDATE affiliation SET role_title = '{\"en\": \"Dean\"}', updated_at = '2001-01-01Z' WHERE role_title ? 'fr'",
    )
    .await;
    run_successfully(&app, &["undo", "1"]);
    let stored = "SELECT updated_at::date::text FROM affiliation WHERE role_title ->> 'en' = 'Dean'";
    assert_eq!(query_strings(&app.database_url, stored).await, ["2001-01-01"]);
}
