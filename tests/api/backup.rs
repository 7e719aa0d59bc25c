//! Backups: everything that the directory holds, restored into an empty database.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use academic_directory::config::DatabaseConfig;
use academic_directory::database::{self, Database, MigrationAction, OpenOptions};
use academic_directory::model::record::NameUse;
use academic_directory::store::Store;
use academic_directory::store::curation::name_command::{ChosenName, NameDecision};
use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::curation::start_with_records;
use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::{database_state, find_inconsistencies};
use crate::support::process::{CommandOutput, Workspace, run_to_completion};
use crate::support::synthetic_data::SeededRng;
use crate::support::{
    TestApp, create_database, create_empty_database, database_config, execute_sql, orcid, organization_record,
    paper_record, parse_records, researcher_record, ror, topic_record, with_fields,
};

/// The backup of a database, by the command line.
fn back_up(workspace: &Workspace, url: &str) -> String {
    let outcome = run_to_completion(&mut workspace.command_with_database(url, &["export", "backup"]));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout
}

fn restore(workspace: &Workspace, url: &str, backup: impl AsRef<[u8]>) -> CommandOutput {
    let file = workspace.write_file("backup.jsonl", backup);
    workspace.import(url, &["backup", file])
}

/// Restores a backup into a new database and returns its address.
async fn restore_copy(workspace: &Workspace, backup: &str) -> String {
    let url = create_database().await;
    let outcome = restore(workspace, &url, backup);
    let rows = backup.lines().filter(|line| line.starts_with(r#"{"table""#)).count();
    assert_eq!(outcome.summary(), format!("restored {rows} rows"), "{outcome:?}");
    url
}

const NAMES: [&str; 10] = [
    "Ida Brook",
    "I. Brook",
    "Ida M. Brook",
    "Anna Lake",
    "Ben Lake",
    "BEN LAKE",
    "Andr'as Bovsnjak",
    "András Bošnjak",
    "Wei Xudo",
    "Zoë Pier",
];
const TITLES: [&str; 6] =
    ["On weirs", "On tides", "On \"mills\" \\ and more", "Proofs\u{2028}", "Protéines", "水の流れ"];

fn pick<'a>(rng: &mut SeededRng, list: &[&'a str]) -> &'a str {
    list[rng.below(list.len())]
}

/// A batch of records of every kind, which partly describe the same entities.
fn random_batch(rng: &mut SeededRng) -> Vec<Value> {
    let mut records = Vec::new();
    for _ in 0..1 + rng.below(2) {
        let number = 1 + rng.below(4) as u64;
        let relation = ["parent", "successor"][rng.below(2)];
        records.push(with_fields(
            organization_record(number, &format!("Institute {number}")),
            json!({ "relations": [[relation, ror(number + 1)]] }),
        ));
        records.push(topic_record(&format!("Topic {}", rng.below(4))));
    }
    for _ in 0..rng.below(4) {
        let uses = ["DISPLAY", "SEARCH_ONLY", "PRIVATE"];
        let mut record = with_fields(
            researcher_record(pick(rng, &NAMES)),
            json!({ "otherNames": [{ "value": pick(rng, &NAMES), "use": pick(rng, &uses) }],
                "biography": { "en": format!("{} \u{1f30a}\n\"quoted\"", pick(rng, &TITLES)) },
                "topics": [{ "labels": { "en": format!("Topic {}", rng.below(6)) } }],
                "affiliations": [{ "organization": { "ror": ror(1 + rng.below(6) as u64) }, "affiliationKind": "EMPLOYMENT",
                    "isPrimary": rng.one_in(2), "startDate": "2001-02", "hasEnded": rng.one_in(2) }],
                "withholdPublishedName": rng.one_in(5) }),
        );
        if rng.one_in(3) {
            record["orcid"] = json!(orcid(100 + rng.below(3) as u64));
        }
        records.push(record);
    }
    for _ in 0..1 + rng.below(5) {
        let authors: Vec<&str> = (0..1 + rng.below(4)).map(|_| pick(rng, &NAMES)).collect();
        let year = (!rng.one_in(4)).then(|| 1990 + i32::try_from(rng.below(9)).unwrap_or_default());
        let mut paper = paper_record(pick(rng, &TITLES), year, &authors);
        paper["sourceId"] = json!(rng.below(12).to_string());
        if rng.one_in(2) {
            paper["doi"] = json!(format!("10.1000/{}", rng.below(8)));
        }
        paper["abstract"] = json!({ "en": "An abstract about \u{0}weirs".replace('\u{0}', "") });
        paper["abstractCompleteness"] = json!("FULL");
        records.push(paper);
    }
    records
}

async fn random_researcher(rng: &mut SeededRng, app: &TestApp) -> Option<(i64, String)> {
    let rows = query_strings(&app.database_url, "SELECT id || ' ' || slug FROM researcher ORDER BY id").await;
    let row = rows.get(rng.below(rows.len()))?;
    let (id, slug) = row.split_once(' ')?;
    Some((id.parse().ok()?, slug.to_owned()))
}

/// A decision on names, or a merge, a split or an undo. What the domain refuses changes nothing.
async fn random_decision(rng: &mut SeededRng, app: &TestApp) {
    let (Some((id, one)), Some((_, other))) = (random_researcher(rng, app).await, random_researcher(rng, app).await)
    else {
        return;
    };
    let is_dry_run = rng.one_in(5);
    let name_use = [NameUse::Display, NameUse::SearchOnly, NameUse::Private][rng.below(3)];
    let name = pick(rng, &NAMES).to_owned();
    let names = match rng.below(8) {
        0 | 1 => Some(NameDecision::Set {
            chosen: Some(ChosenName { name, given_name: None, family_name: None }),
            former_use: name_use,
            withholds_published_name: rng.one_in(2).then_some(rng.one_in(2)),
        }),
        2 => Some(NameDecision::Add { name, name_use }),
        3 => Some(NameDecision::Remove { name }),
        _ => None,
    };
    if let Some(decision) = names {
        let _ = app.store.decide_names(&one, &decision, is_dry_run).await;
        return;
    }
    let decided_by = DecidedBy { by: Some("Zoë \"Z\" Pier".to_owned()), note: Some("seen\nby hand".to_owned()) };
    let request = match rng.below(4) {
        0 => {
            let theirs = format!(
                "SELECT paper.slug FROM paper JOIN authorship ON paper_id = paper.id WHERE researcher_id = {id} ORDER BY paper.id"
            );
            let mut papers = query_strings(&app.database_url, &theirs).await;
            papers.truncate(papers.len().div_ceil(2));
            CurationRequest::Split { researcher: one, papers, into: rng.one_in(2).then_some(other), decided_by }
        }
        1 => CurationRequest::Undo { decision: 1 + rng.below(4) as i64, by: Some("Zoë".to_owned()) },
        _ => CurationRequest::Merge { survivor: one, former: vec![other], force: true, decided_by },
    };
    let _ = app.store.decide(&request, is_dry_run).await;
}

/// For random sequences of imports and decisions: the copy has the same rows in every table, derived ones too, and gives
/// the same backup.
#[tokio::test]
async fn a_restored_backup_is_the_directory() {
    let workspace = Workspace::new();
    for seed in 1..=8 {
        let mut rng = SeededRng::new(seed);
        let app = TestApp::start().await;
        for _ in 0..3 + rng.below(12) {
            match rng.below(5) {
                0 | 1 => {
                    let source = ["one", "two", "test"][rng.below(3)];
                    app.write_records_from(source, &parse_records(json!(random_batch(&mut rng)))).await;
                }
                // An import that was interrupted before the disambiguation.
                2 if rng.one_in(3) => {
                    app.write_records_without_disambiguation(&parse_records(json!(random_batch(&mut rng)))).await;
                }
                _ => random_decision(&mut rng, &app).await,
            }
        }
        app.store.refresh_statistics_if_stale().await.expect("the counts");
        let backup = back_up(&workspace, &app.database_url);
        let copy = restore_copy(&workspace, &backup).await;
        assert!(back_up(&workspace, &copy) == backup, "seed {seed}: the copy gives another backup");
        assert_dumps_equal(&database_state(&copy).await, &database_state(&app.database_url).await);
        let inconsistencies = find_inconsistencies(&copy).await;
        assert_eq!(inconsistencies, find_inconsistencies(&app.database_url).await, "seed {seed}");
        // The next import does the same in both.
        let copy = TestApp::start_on_database(copy, academic_directory::config::Limits::default(), 100).await;
        let batch = parse_records(json!(random_batch(&mut rng)));
        for directory in [&app, &copy] {
            directory.write_records_from("three", &batch).await;
        }
        let ids = "SELECT json_build_array(id, slug, display_name, other_names) FROM researcher ORDER BY id";
        assert_eq!(
            query_strings(&copy.database_url, ids).await,
            query_strings(&app.database_url, ids).await,
            "seed {seed}"
        );
    }
}

/// What an export of records omits: hidden names, decisions, and the history, which can be undone in the copy.
#[tokio::test]
async fn decisions_and_hidden_names_are_restored() {
    let app = start_with_records().await;
    let workspace = Workspace::new();
    let original = back_up(&workspace, &app.database_url);
    let run = |url: &str, arguments: &[&str]| {
        let outcome = run_to_completion(&mut workspace.command_with_database(url, arguments));
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome.stdout
    };
    run(&app.database_url, &["identity", "merge", "ida-brook", "ida-m-brook", "--by", "ada"]);
    run(&app.database_url, &["names", "set", "wei-xudo", "--display", "Vee Xudo", "--former-use", "private"]);
    let listed = |url: &str| (run(url, &["names", "list", "vee-xudo"]), run(url, &["identity", "history"]));
    let copy = restore_copy(&workspace, &back_up(&workspace, &app.database_url)).await;
    assert_eq!(listed(&copy), listed(&app.database_url));
    assert!(listed(&copy).0.contains("private      Wei Xudo (decided)"), "{}", listed(&copy).0);
    for url in [&copy, &app.database_url] {
        run(url, &["identity", "undo", "1"]);
        run(url, &["names", "set", "vee-xudo", "--display", "Wei Xudo"]);
    }
    let without_times = |backup: String| -> Vec<String> {
        let lines = backup.lines().map(|line| serde_json::from_str(line).expect("a line"));
        let strip = |mut line: Value| {
            if let Some(row) = line["row"].as_object_mut() {
                row.retain(|column, _| column != "at" && !column.ends_with("_at"));
            }
            line.to_string()
        };
        // The feed of the copy begins another epoch.
        let is_of_both = |line: &String| !line.contains("feed_epoch") && !line.contains("\"rows\":");
        lines.map(strip).filter(is_of_both).collect()
    };
    let of = |url: &str| without_times(back_up(&workspace, url));
    assert_dumps_equal(&of(&copy), &of(&app.database_url));
    // The first backup is unaffected.
    let earlier = restore_copy(&workspace, &original).await;
    assert!(back_up(&workspace, &earlier) == original, "the earlier state is another");
}

/// An id that was assigned is not assigned to another entity, even if the first was deleted before the backup.
#[tokio::test]
async fn ids_are_not_assigned_again() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ida Brook"), researcher_record("Tom Ford")])).await;
    app.execute_sql("DELETE FROM researcher WHERE slug = 'tom-ford'").await;
    let workspace = Workspace::new();
    let copy = restore_copy(&workspace, &back_up(&workspace, &app.database_url)).await;
    let file = workspace.write_file("more.jsonl", format!("{}\n", researcher_record("Uma Leeds")));
    assert_eq!(workspace.import(&copy, &["records", file]).code, Some(0));
    let ids = query_strings(&copy, "SELECT id FROM researcher ORDER BY id").await;
    assert_eq!(ids, ["1", "3"]);
}

#[tokio::test]
async fn files_are_private_and_may_be_compressed() {
    let app = start_with_records().await;
    let workspace = Workspace::new();
    // Left by a command that was interrupted.
    workspace.write_file("backup.jsonl.part", "old");
    let arguments = ["export", "backup", "--output", "backup.jsonl"];
    let outcome = run_to_completion(&mut workspace.command_with_database(&app.database_url, &arguments));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{outcome:?}");
    let mode = std::fs::metadata(workspace.path("backup.jsonl")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let backup = std::fs::read(workspace.path("backup.jsonl")).expect("a backup");
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    compressed.write_all(&backup).expect("a compressed backup");
    let compressed = compressed.finish().expect("a compressed backup");
    let url = create_database().await;
    assert!(restore(&workspace, &url, &compressed).summary().starts_with("restored "));
    assert!(back_up(&workspace, &url).as_bytes() == backup, "the copy differs");

    let url = create_database().await;
    let outcome = restore(&workspace, &url, &compressed[..compressed.len() - 20]);
    assert!(outcome.stderr.contains("the backup is incomplete, and nothing was restored: line "), "{outcome:?}");
    assert_eq!(query_strings(&url, "SELECT count(*) FROM researcher").await, ["0"]);
}

/// Each is refused with one sentence, and the database stays as it was.
#[tokio::test]
async fn what_cannot_be_restored() {
    let app = start_with_records().await;
    let workspace = Workspace::new();
    let backup = back_up(&workspace, &app.database_url);
    let url = create_database().await;
    let refuse = |url: &str, backup: &str, reason: &str| {
        let outcome = restore(&workspace, url, backup);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let errors: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(reason), "{reason}: {outcome:?}");
    };
    refuse(&app.database_url, &backup, "the database is not empty (there are rows of organization)");
    assert!(back_up(&workspace, &app.database_url) == backup, "the database was changed");

    let lines: Vec<&str> = backup.lines().collect();
    let header: Value = serde_json::from_str(lines[0]).expect("a header");
    let migration = header["migration"].as_str().expect("a migration");
    refuse(
        &url,
        &backup.replacen(migration, "m20991231_000999_more", 1),
        "by a newer version of academic-directory (m20991231_000999_more",
    );
    refuse(&url, &backup.replacen("\"version\":1", "\"version\":2", 1), "its format has version 2");
    refuse(&url, &lines[1..].join("\n"), "it is not a backup");
    refuse(&url, "", "it is empty");
    refuse(
        &url,
        &lines[..lines.len() - 1].join("\n"),
        "incomplete, and nothing was restored: its last line is missing",
    );
    let record = lines.iter().position(|line| line.starts_with("{\"table\":\"source_record\"")).expect("a record");
    let without_a_row = [&lines[..record], &lines[record + 1..]].concat().join("\n");
    refuse(&url, &without_a_row, "incomplete, and nothing was restored: it has ");
    refuse(
        &url,
        &[&lines[..3], &["{\"table\":\"directory_change\",\"row\":{}}"]].concat().join("\n"),
        "line 4 of the backup is invalid",
    );
    refuse(&url, &format!("{backup}{{\"rows\":1}}"), "it follows the last line");
    let twice = [
        &lines[..lines.len() - 1],
        &[lines.iter().find(|line| line.starts_with("{\"table\":\"paper\"")).expect("a paper")],
    ]
    .concat();
    refuse(&url, &[twice.as_slice(), &[lines[lines.len() - 1]]].concat().join("\n"), "");
    assert_eq!(query_strings(&url, "SELECT count(*) FROM organization").await, ["0"]);

    workspace.write_file("backup.jsonl", &backup);
    let with_option = workspace.import(&url, &["backup", "backup.jsonl", "--source", "one"]);
    assert!(with_option.stderr.contains("only --existing applies to it"), "{with_option:?}");
    let filtered =
        run_to_completion(&mut workspace.command_with_database(&url, &["export", "backup", "--year", "2019"]));
    assert!(filtered.stderr.contains("apply to bibtex, ris and csl only"), "{filtered:?}");
    // Nothing of these was left.
    assert!(restore(&workspace, &url, &backup).summary().starts_with("restored "));
}

/// A backup that was made before an upgrade: it is restored into the schema of then, and migrated.
#[tokio::test]
async fn backups_of_older_schemas_are_migrated() {
    const LAST: &str = "m20261129_000030_write_time";
    let url = create_empty_database().await;
    let config = database_config(&url, 100);
    let mut migrations = database::run_migrations(&config, MigrationAction::Up).await.expect("the migrations");
    while migrations.iter().any(|(name, is_applied)| *is_applied && name.as_str() > LAST) {
        migrations = database::run_migrations(&config, MigrationAction::Down).await.expect("the migrations");
    }
    let insert = "INSERT INTO topic (id, slug, scheme, code, display_names, sort_names, names) \
         VALUES (7, 'weirs', 'local', NULL, '{\"en\": \"Weirs\"}', '{\"en\": \"weirs\"}', \
         '[{\"kind\": \"DISPLAY\", \"value\": \"Weirs\", \"language\": \"en\"}]')";
    execute_sql(&url, insert).await;
    let backup = back_up_at(&config, LAST).await;
    assert!(backup.contains(LAST) && backup.contains("'weirs'".trim_matches('\'')), "{backup}");

    let workspace = Workspace::new();
    for copy in [create_database().await, create_empty_database().await] {
        assert!(restore(&workspace, &copy, &backup).summary().starts_with("restored "));
        let status = run_to_completion(&mut workspace.command_with_database(&copy, &["migrate", "status"]));
        assert!(!status.stdout.contains("pending m"), "{status:?}");
        let labels = "SELECT sort_name FROM topic_label WHERE topic_id = 7";
        assert_eq!(query_strings(&copy, labels).await, ["weirs", "weirs"]);
    }
    // Migrations of a database with data are not reverted for a backup.
    let app = start_with_records().await;
    let outcome = restore(&workspace, &app.database_url, &backup);
    assert!(outcome.stderr.contains("the database is not empty"), "{outcome:?}");
    let status = run_to_completion(&mut workspace.command_with_database(&app.database_url, &["migrate", "status"]));
    assert!(!status.stdout.contains("pending m"), "{status:?}");
}

/// The backup of a database that is not migrated further.
async fn back_up_at(config: &DatabaseConfig, migration: &str) -> String {
    let options = OpenOptions { empty_at_migration: Some(migration.to_owned()), ..OpenOptions::default() };
    let database = Database::open_with(config, &options).await.expect("a database");
    let snapshot = Store::new(&database.primary, 100).export_snapshot().await.expect("a snapshot");
    let mut backup = String::new();
    let write = |line: &str| -> Result<(), academic_directory::error::Error> {
        backup.push_str(line);
        backup.push('\n');
        Ok(())
    };
    snapshot.write_backup(write).await.expect("a backup");
    backup
}
