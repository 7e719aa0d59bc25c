//! Decisions survive imports of the same file, changed records and other sources.

use serde_json::{Value, json};

use crate::curation::{duplicate_and_conflated_records, run_identity, start_with_records};
use crate::support::csl::to_json_lines;
use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::{database_state, find_inconsistencies};
use crate::support::process::Workspace;
use crate::support::{TestApp, orcid, paper_record, parse_records, pluck_strings, researcher_record, with_fields};

fn run_decision(app: &TestApp, arguments: &[&str]) {
    let outcome = run_identity(app, arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}: {}", outcome.stdout);
}

/// Runs `import records`.
fn import_records(app: &TestApp, source: &str, records: &[Value]) -> String {
    let workspace = Workspace::new();
    let outcome = workspace.import(
        &app.database_url,
        &["records", workspace.write_file("records.jsonl", to_json_lines(records)), "--source", source],
    );
    outcome.summary().to_owned()
}

/// The authors of each paper, as slugs in order.
async fn authors_by_paper(app: &TestApp) -> Vec<String> {
    let sql = "SELECT paper.slug || ': ' || string_agg(coalesce(researcher.slug, '-'), ', ' ORDER BY list_order) FROM paper \
         JOIN authorship ON paper_id = paper.id LEFT JOIN researcher ON researcher.id = researcher_id \
         GROUP BY paper.id ORDER BY paper.id";
    query_strings(&app.database_url, sql).await
}

async fn researcher_names(app: &TestApp) -> Vec<String> {
    query_strings(&app.database_url, "SELECT slug || ' ' || display_name FROM researcher ORDER BY id").await
}

/// Modifies every record so that it counts as updated.
fn modified_records(records: &[Value]) -> Vec<Value> {
    let change = |record: &Value| match record["kind"].as_str() {
        Some("paper") => with_fields(record.clone(), json!({ "venueName": "Annals of Water" })),
        Some("researcher") => with_fields(record.clone(), json!({ "portraitUrl": "https://example.org/portrait" })),
        _ => record.clone(),
    };
    records.iter().map(change).collect()
}

const CURATED_AUTHORS: [&str; 6] = [
    "on-weirs: ida-brook, tom-ford",
    "on-tides: ida-brook, tom-ford, uma-leeds",
    "on-mills: uma-leeds, ida-brook",
    "proofs: wei-xudo, uma-leeds",
    "proteins: ben-oak, wei-xudo-2",
    "protein-folds: wei-xudo-2, ben-oak",
];

async fn curated_directory() -> TestApp {
    let app = start_with_records().await;
    run_decision(&app, &["merge", "ida-brook", "ida-m-brook"]);
    run_decision(&app, &["split", "wei-xudo", "--papers", "proteins", "protein-folds"]);
    assert_eq!(authors_by_paper(&app).await, CURATED_AUTHORS);
    app
}

#[tokio::test]
async fn unchanged_records() {
    let app = curated_directory().await;
    let before = database_state(&app.database_url).await;
    assert_eq!(
        import_records(&app, "test", &duplicate_and_conflated_records()),
        "read 12: created 0, updated 0, unchanged 12, invalid 0"
    );
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

#[tokio::test]
async fn changed_records() {
    let app = curated_directory().await;
    let before = researcher_names(&app).await;
    import_records(&app, "test", &modified_records(&duplicate_and_conflated_records()));
    assert_eq!(authors_by_paper(&app).await, CURATED_AUTHORS);
    assert_eq!(researcher_names(&app).await, before, "the merged record neither renames nor creates a researcher");
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    // The survivor keeps the affiliations, topics and names of both records.
    let survivor_sql = "SELECT concat_ws(' | ', other_names::text, (SELECT count(*) FROM affiliation WHERE researcher_id = researcher.id), \
         (SELECT count(*) FROM affiliation WHERE researcher_id = researcher.id AND is_primary), \
         (SELECT string_agg(topic.slug, ',' ORDER BY position) FROM researcher_topic JOIN topic ON topic.id = topic_id \
         WHERE researcher_id = researcher.id), orcid, portrait_url) FROM researcher WHERE slug = 'ida-brook'";
    assert_eq!(
        query_strings(&app.database_url, survivor_sql).await,
        [format!(
            "{{\"Ida Brook-Ford\",\"Ida M. Brook\",\"I. M. Brook\"}} | 2 | 1 | weirs,tides | {} | https://example.org/portrait",
            orcid(7)
        )]
    );
    assert_eq!(
        query_strings(&app.database_url, "SELECT count(*) FROM authorship_resolution WHERE method = 'DECISION'").await,
        ["6"]
    );

    // Later changes stay; everything else is restored.
    run_decision(&app, &["undo", "2"]);
    run_decision(&app, &["undo", "1"]);
    assert_eq!(
        authors_by_paper(&app).await,
        [
            "on-weirs: ida-brook, tom-ford",
            "on-tides: ida-m-brook, tom-ford, uma-leeds",
            "on-mills: uma-leeds, ida-m-brook",
            "proofs: wei-xudo, uma-leeds",
            "proteins: ben-oak, wei-xudo",
            "protein-folds: wei-xudo, ben-oak",
        ]
    );
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    assert_eq!(query_strings(&app.database_url, "SELECT count(*) FROM identity_pin").await, ["0"]);
    // The merged record changed while it belonged to the survivor; a new import applies it to its own researcher.
    let own = "SELECT slug FROM researcher WHERE portrait_url IS NOT NULL ORDER BY slug";
    assert_eq!(query_strings(&app.database_url, own).await, ["ida-brook"]);
    import_records(&app, "test", &modified_records(&duplicate_and_conflated_records()));
    assert_eq!(query_strings(&app.database_url, own).await, ["ida-brook", "ida-m-brook"]);
}

#[tokio::test]
async fn records_of_another_source() {
    let app = curated_directory().await;
    let before = researcher_names(&app).await;
    import_records(&app, "other", &duplicate_and_conflated_records());
    assert_eq!(authors_by_paper(&app).await, CURATED_AUTHORS);
    assert_eq!(researcher_names(&app).await, before);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    // With another spelling, and the ORCID iD of another person.
    let spelled = [with_fields(
        paper_record("On tides", Some(2009), &[]),
        json!({ "doi": "10.1000/tides", "authors": [
            { "position": 1, "name": "Brook, I. M.", "orcid": orcid(11) }, { "position": 2, "name": "T. Ford" }, { "position": 3, "name": "Lee U" }] }),
    )];
    import_records(&app, "another", &spelled);
    assert_eq!(authors_by_paper(&app).await[1], "on-tides: ida-brook, tom-ford, lee-u");
}

/// Author positions shift or disappear: a decision follows the author's name.
#[tokio::test]
async fn shifted_author_positions() {
    let app = curated_directory().await;
    let of = |authors: &[&str]| {
        [with_fields(paper_record("Proteins", Some(2012), authors), json!({ "doi": "10.1000/proteins" }))]
    };
    for (authors_of, expected) in [
        (&["Uma Leeds", "Ben Oak", "Wei Xudo"][..], "proteins: uma-leeds, ben-oak, wei-xudo-2"),
        (&["Wei Xudo", "Uma Leeds"][..], "proteins: wei-xudo-2, uma-leeds"),
        (&["Uma Leeds"][..], "proteins: uma-leeds"),
        (&["Tom Ford", "Uma Leeds", "Wei Xudo", "Ben Oak"][..], "proteins: tom-ford, uma-leeds, wei-xudo-2, ben-oak"),
        (&["Ben Oak", "W. Xudo"][..], "proteins: ben-oak, wei-xudo-2"),
    ] {
        app.write_records(&parse_records(json!(of(authors_of)))).await;
        assert_eq!(authors_by_paper(&app).await[4], expected, "{authors_of:?}");
        assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    }
}

/// A different name at the position of a decision: the decision is kept and reported.
#[tokio::test]
async fn different_name_at_a_position() {
    let app = curated_directory().await;
    let proteins = json!([with_fields(
        paper_record("Proteins", Some(2012), &["Ben Oak", "Ann Poe"]),
        json!({ "doi": "10.1000/proteins" })
    )]);
    let written = app.write_records(&parse_records(proteins)).await;
    assert_eq!(authors_by_paper(&app).await[4], "proteins: ben-oak, wei-xudo-2");
    let notes: Vec<&String> = written.notes.iter().map(|(_, note)| note).collect();
    assert_eq!(
        notes,
        ["Ann Poe replaces an author who was assigned by a decision, which still applies; if it is wrong now, \
          split the paper from the researcher"]
    );
}

/// New records with the name or ORCID iD of a merged researcher belong to the survivor, even after an undo.
#[tokio::test]
async fn later_records() {
    let app = curated_directory().await;
    let tides = [
        paper_record("Tides again", Some(2020), &["Ida M. Brook"]),
        with_fields(
            researcher_record("I. Brook"),
            json!({ "orcid": orcid(7), "homepageUrl": "https://example.org/brook" }),
        ),
    ];
    app.write_records(&parse_records(json!(tides))).await;
    assert_eq!(authors_by_paper(&app).await[6], "tides-again: ida-brook");
    let count = researcher_names(&app).await.len();
    run_decision(&app, &["undo", "1"]);
    assert_eq!(authors_by_paper(&app).await[6], "tides-again: ida-brook");
    assert_eq!(researcher_names(&app).await.len(), count + 1);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());

    // Undoing a split returns later papers, too, and leaves a redirect.
    app.write_records(&parse_records(json!([with_fields(
        paper_record("More folds", Some(2021), &[]),
        json!({ "authors": [{ "position": 1, "name": "Wei Xudo", "orcid": orcid(9) }] })
    )])))
    .await;
    app.execute_sql(
        "UPDATE authorship SET researcher_id = (SELECT id FROM researcher WHERE slug = 'wei-xudo-2') \
         WHERE paper_id = (SELECT id FROM paper WHERE slug = 'more-folds'); \
         UPDATE researcher_statistics SET paper_count = 0, work_count = 0, first_year = 0, last_year = 0 \
         WHERE researcher_id = (SELECT id FROM researcher WHERE slug = 'wei-xudo-3'); \
         UPDATE search_entry SET popularity = 0 WHERE researcher_id = (SELECT id FROM researcher WHERE slug = 'wei-xudo-3')",
    )
    .await;
    run_decision(&app, &["undo", "2"]);
    assert_eq!(authors_by_paper(&app).await[7], "more-folds: wei-xudo");
    let found =
        app.data("{ researcher(by: {slug: \"wei-xudo-2\"}) { slug formerIds statistics { paperCount } } }").await;
    assert_eq!(found["researcher"]["slug"], "wei-xudo");
    assert_eq!(found["researcher"]["statistics"]["paperCount"], 4);
    assert_eq!(pluck_strings(&json!([found["researcher"]]), &["slug"]), ["wei-xudo"]);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
}

/// An authorship with an unchanged name keeps its researcher, even if the name alone would match another.
#[tokio::test]
async fn authorships_keep_their_researchers() {
    let app = TestApp::start().await;
    let one = |venue: &str| {
        json!([with_fields(
            paper_record("On mills", Some(2001), &["Wei Xudo", "Uma Leeds"]),
            json!({ "venueName": venue })
        )])
    };
    app.write_records(&parse_records(one("A"))).await;
    app.create_records(json!([with_fields(researcher_record("Wei Xudo Senior"), json!({ "orcid": orcid(3) }))])).await;
    app.execute_sql("UPDATE authorship SET researcher_id = (SELECT id FROM researcher WHERE slug = 'wei-xudo-senior') WHERE name = 'Wei Xudo'; \
         DELETE FROM authorship_resolution; INSERT INTO authorship_resolution SELECT id, 'EVIDENCE', 0.75, '[{\"kind\": \"SHARED_COAUTHOR\", \"value\": \"Uma Leeds\"}]' \
         FROM authorship WHERE name = 'Wei Xudo'").await;
    app.write_records_without_disambiguation(&parse_records(one("B"))).await;
    assert_eq!(authors_by_paper(&app).await, ["on-mills: wei-xudo-senior, uma-leeds"]);
    let why = "SELECT method || ' ' || confidence || ' ' || (evidence -> 0 ->> 'value') FROM authorship_resolution";
    assert_eq!(query_strings(&app.database_url, why).await, ["EVIDENCE 0.75 Uma Leeds"]);
    // A different name is a different researcher.
    app.write_records_without_disambiguation(&parse_records(json!([paper_record(
        "On mills",
        Some(2001),
        &["Wei Lin", "Uma Leeds"]
    )])))
    .await;
    assert_eq!(authors_by_paper(&app).await, ["on-mills: wei-lin, uma-leeds"]);
    assert_eq!(query_strings(&app.database_url, why).await, Vec::<String>::new());
}

/// Another source describes a merged researcher by an ORCID iD that the survivor lacks.
#[tokio::test]
async fn records_of_merged_researchers() {
    let app = start_with_records().await;
    app.create_records(json!([with_fields(researcher_record("Ida Brook-Oak"), json!({ "orcid": orcid(8) }))])).await;
    run_decision(&app, &["merge", "ida-m-brook", "ida-brook-oak", "--force"]);
    let before = researcher_names(&app).await;
    let record = with_fields(
        researcher_record("Ida Oak"),
        json!({ "orcid": orcid(8), "homepageUrl": "https://example.org/oak", "portraitUrl": "https://example.org/oak.png" }),
    );
    import_records(&app, "other", &[record]);
    assert_eq!(researcher_names(&app).await, before);
    let filled = "SELECT concat_ws(' ', orcid, homepage_url, portrait_url) FROM researcher WHERE slug = 'ida-m-brook'";
    let expected = format!("{} https://example.org/ida https://example.org/oak.png", orcid(7));
    assert_eq!(query_strings(&app.database_url, filled).await, [expected]);
}

/// Two registered ORCID iDs of one person: papers with either one belong to the survivor.
#[tokio::test]
async fn two_orcids_of_one_researcher() {
    let app = TestApp::start().await;
    let by = |title: &str, number: u64, name: &str| {
        with_fields(
            paper_record(title, Some(2015), &[]),
            json!({ "authors": [{ "position": 1, "name": name, "orcid": orcid(number) }] }),
        )
    };
    let people = [1, 2].map(|number| with_fields(researcher_record("Ida Brook"), json!({ "orcid": orcid(number) })));
    app.create_records(json!([
        people[0],
        people[1],
        by("s1", 1, "Ida Brook"),
        by("s2", 2, "Ida Brook"),
        paper_record("s3", Some(2015), &["Idabella Brook"])
    ]))
    .await;
    let before = database_state(&app.database_url).await;
    run_decision(&app, &["merge", "ida-brook-2", "ida-brook", "--force"]);
    app.write_records(&parse_records(json!([
        by("s3", 2, "Idabella Brook"),
        by("s4", 1, "Ida Brook"),
        by("s5", 2, "Ida Brook"),
        by("s6", 1, "I. Brook")
    ])))
    .await;
    let held = "SELECT string_agg(DISTINCT slug, ' ') || ' ' || count(*) FROM authorship JOIN researcher ON researcher.id = researcher_id";
    assert_eq!(query_strings(&app.database_url, held).await, ["ida-brook-2 6"]);
    for number in [1, 2] {
        let found = app
            .data_with_variables(
                "query By($orcid: String!) { researcher(by: {orcid: $orcid}) { slug } }",
                json!({ "orcid": orcid(number) }),
            )
            .await;
        assert_eq!(found["researcher"]["slug"], json!("ida-brook-2"));
    }
    assert_eq!(find_inconsistencies(&app.database_url).await, [""; 0]);
    run_decision(&app, &["undo", "1"]);
    let after = query_strings(
        &app.database_url,
        "SELECT slug || ' ' || orcid FROM researcher WHERE orcid IS NOT NULL ORDER BY slug",
    )
    .await;
    assert_eq!(after, [format!("ida-brook {}", orcid(1)), format!("ida-brook-2 {}", orcid(2))]);
    assert!(!before.is_empty());
}
