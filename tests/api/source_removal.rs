//! Removal of what one source provided, from entities that stay.

use serde_json::{Value, json};

use crate::curation::{find_researcher, run_successfully, start_with_records};
use crate::shared_orcid::paper;
use crate::support::database_dump::query_strings;
use crate::support::{TestApp, orcid, parse_records, pluck_strings, researcher_record, with_fields};

async fn write(app: &TestApp, source: &str, records: Value) {
    app.write_records_from(source, &parse_records(records)).await;
}

async fn remove(app: &TestApp, source: &str) {
    app.store.remove_source(source).await.expect("the removal");
}

/// A name that only the source hid is displayed again, if another source has a record of the researcher too.
#[tokio::test]
async fn hidden_names() {
    let ben = with_fields(researcher_record("Ben Brook"), json!({ "orcid": orcid(1) }));
    let hiding = with_fields(ben.clone(), json!({ "otherNames": [{ "value": "Anna Lake", "use": "SEARCH_ONLY" }] }));
    let query = "{ researcher(by: {slug: \"ben-brook\"}) { papers { edges { authorship { nameAsPublished } } } } }";
    let published = async |app: &TestApp| {
        let found = app.data(query).await;
        pluck_strings(&found["researcher"]["papers"]["edges"], &["authorship", "nameAsPublished"])
    };
    let app = TestApp::start().await;
    write(&app, "hr", json!([hiding])).await;
    write(&app, "test", json!([ben, paper("Tides", &[("Anna Lake", 1)])])).await;
    assert_eq!(published(&app).await, ["Ben Brook"]);
    remove(&app, "hr").await;
    assert_eq!(published(&app).await, ["Anna Lake"]);
    let stored = "SELECT concat_ws(' ', search_only_names, hidden_forms) FROM researcher WHERE slug = 'ben-brook'";
    assert_eq!(query_strings(&app.database_url, stored).await, ["{}"]);

    // A researcher with an identity decision keeps the profile, but not the names.
    let app = start_with_records().await;
    let hiding = json!({ "orcid": orcid(7), "otherNames": [{ "value": "Anna Lake", "use": "PRIVATE" }] });
    write(&app, "hr", json!([with_fields(researcher_record("Ida M. Brook"), hiding)])).await;
    run_successfully(&app, &["merge", "ida-m-brook", "ida-brook"]);
    let stored = "SELECT hidden_forms IS NOT NULL FROM researcher WHERE slug = 'ida-m-brook'";
    assert_eq!(query_strings(&app.database_url, stored).await, ["true"]);
    remove(&app, "hr").await;
    assert_eq!(query_strings(&app.database_url, stored).await, ["false"]);
}

/// Whose an ORCID iD is depends on all papers with it: without those of the source, it is another author's.
#[tokio::test]
async fn doubtful_orcids() {
    let app = TestApp::start().await;
    write(&app, "other", json!([paper("b", &[("Xia Wuhl", 1), ("Oda Velt", 0)])])).await;
    write(&app, "test", json!([paper("a", &[("Albrecht Lamm", 1), ("Xia Wuhl", 0)])])).await;
    let doubtful = "SELECT name FROM authorship WHERE is_orcid_doubtful";
    assert_eq!(query_strings(&app.database_url, doubtful).await, ["Albrecht Lamm"]);
    remove(&app, "other").await;
    app.store.disambiguate_authors(|_| ()).await.expect("the disambiguation");
    assert_eq!(query_strings(&app.database_url, doubtful).await, [""; 0]);
    assert_eq!(find_researcher(&app, json!({ "orcid": orcid(1) })).await["name"], "Albrecht Lamm");
}

/// The ORCID iD of a profile stays if papers of other sources have it, unless it is doubtful there.
#[tokio::test]
async fn orcids_of_profiles() {
    let app = TestApp::start().await;
    let person = |name: &str, number: u64| with_fields(researcher_record(name), json!({ "orcid": orcid(number) }));
    write(&app, "hr", json!([person("Tom Ford", 1), person("Ida Brook", 2)])).await;
    write(&app, "test", json!([paper("a", &[("Tom Ford", 1), ("Ida Brook", 2)])])).await;
    app.execute_sql("UPDATE authorship SET is_orcid_doubtful = true WHERE name = 'Ida Brook'").await;
    remove(&app, "hr").await;
    let stored = "SELECT concat_ws(' ', slug, orcid) FROM researcher ORDER BY slug";
    let expected = ["ida-brook".to_owned(), format!("tom-ford {}", orcid(1))];
    assert_eq!(query_strings(&app.database_url, stored).await, expected);
}
