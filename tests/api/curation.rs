//! Curation: merging and splitting researchers, dry runs, undo and history.

use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, query_strings};
use crate::support::database_state::{database_state, find_inconsistencies};
use crate::support::process::{CommandOutput, Workspace, run_to_completion};
use crate::support::{
    TestApp, orcid, organization_record, paper_record, pluck_strings, researcher_record, ror, topic_record, with_fields,
};

/// Runs `identity` with these arguments.
pub fn run_identity(app: &TestApp, arguments: &[&str]) -> CommandOutput {
    run_to_completion(
        &mut Workspace::new().command_with_database(&app.database_url, &[&["identity"], arguments].concat()),
    )
}

/// Runs `identity` successfully and returns its output.
pub fn run_successfully(app: &TestApp, arguments: &[&str]) -> String {
    let outcome = run_identity(app, arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    outcome.stdout
}

/// Runs `identity`, which must fail, and returns its error message.
pub fn run_failing(app: &TestApp, arguments: &[&str]) -> String {
    let outcome = run_identity(app, arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{arguments:?}");
    outcome.stderr
}

fn paper_with_doi(title: &str, year: i32, doi: &str, authors: &[&str]) -> Value {
    with_fields(paper_record(title, Some(year), authors), json!({ "doi": doi }))
}

/// Ida Brook has a duplicate profile as Ida M. Brook; Wei Xudo's profile conflates two people.
pub fn duplicate_and_conflated_records() -> Vec<Value> {
    let affiliation = |number: u64, kind: &str, title: Value, start: &str| json!({ "organization": { "ror": ror(number) }, "affiliationKind": kind, "roleTitle": title, "startDate": start });
    let primary = with_fields(
        affiliation(1, "EMPLOYMENT", json!({ "en": "Hydrologist" }), "2015-03"),
        json!({ "isPrimary": true }),
    );
    let french = with_fields(
        affiliation(1, "EMPLOYMENT", json!({ "fr": "Hydrologue" }), "2015-03"),
        json!({ "isPrimary": true }),
    );
    vec![
        organization_record(1, "Water Institute"),
        organization_record(2, "Mill College"),
        topic_record("Weirs"),
        topic_record("Tides"),
        with_fields(
            researcher_record("Ida Brook"),
            json!({ "headline": { "en": "Weirs and more" }, "affiliations": [primary], "topics": [{ "labels": { "en": "Weirs" } }],
                "identifiers": [{ "scheme": "scopus", "value": "700123" }], "otherNames": ["Ida Brook-Ford"] }),
        ),
        with_fields(
            researcher_record("Ida M. Brook"),
            json!({ "orcid": orcid(7), "biography": { "fr": "Elle mesure." }, "homepageUrl": "https://example.org/ida",
                "affiliations": [french, affiliation(2, "EDUCATION", json!({}), "2008")], "otherNames": ["I. M. Brook"],
                "topics": [{ "labels": { "en": "Tides" } }, { "labels": { "en": "Weirs" } }],
                "identifiers": [{ "scheme": "dblp", "value": "b/Brook" }] }),
        ),
        paper_with_doi("On weirs", 2015, "10.1000/weirs", &["Ida Brook", "Tom Ford"]),
        paper_with_doi("On tides", 2009, "10.1000/tides", &["Ida M. Brook", "Tom Ford", "Uma Leeds"]),
        paper_with_doi("On mills", 2017, "10.1000/mills", &["Uma Leeds", "Ida M. Brook"]),
        paper_with_doi("Proofs", 2001, "10.1000/proofs", &["Wei Xudo", "Uma Leeds"]),
        paper_with_doi("Proteins", 2012, "10.1000/proteins", &["Ben Oak", "Wei Xudo"]),
        paper_with_doi("Protein folds", 2014, "10.1000/folds", &["Wei Xudo", "Ben Oak"]),
    ]
}

pub async fn start_with_records() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!(duplicate_and_conflated_records())).await;
    // As every command does on startup.
    app.store.rebuild_name_repairs_if_stale().await.expect("the names");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    app
}

const RESEARCHER_QUERY: &str = "query($by: ResearcherBy!) { researcher(by: $by) { name slug orcid otherNames homepageUrl
    biography(languages: [\"fr\"]) { value } headline(languages: [\"en\"]) { value } identifiers { scheme value }
    statistics { paperCount coauthorCount } papers(orderBy: {field: TITLE, direction: ASC}) { nodes { slug } }
    topics { edges { isDeclared node { slug } } }
    affiliations { nodes { kind isPrimary roleTitle { value } organization { slug } } } coauthors { nodes { slug } } } }";

pub async fn find_researcher(app: &TestApp, by: Value) -> Value {
    app.data_with_variables(RESEARCHER_QUERY, json!({ "by": by })).await["researcher"].clone()
}

#[tokio::test]
async fn merge_and_undo() {
    let app = start_with_records().await;
    let (survivor, former) =
        (app.find_id("researcher", "ida-brook").await, app.find_id("researcher", "ida-m-brook").await);
    let before = database_state(&app.database_url).await;
    let decision = ["merge", "ida-brook", &orcid(7), "--note", "same mails", "--by", "Ana"];

    let dry_run = run_successfully(&app, &[&decision[..], &["--dry-run"]].concat());
    insta::assert_snapshot!(dry_run.replace(&former, "FORMER").replace(&survivor, "SURVIVOR"), @r#"
    merge

    Ida Brook (ida-brook)
      id             SURVIVOR
      slug           ida-brook
      ORCID iD       none → 0000-0000-0000-0079
      papers         1 → 3
        + On mills (2017), on-mills, 10.1000/mills, as "Ida M. Brook"
        + On tides (2009), on-tides, 10.1000/tides, as "Ida M. Brook"
      years          2015 → 2009–2017
      coauthors      1 → 2
      other names    1 → 3
        + Ida M. Brook
        + I. M. Brook
      profile        1 → 3
        + biography (fr)
        + homepage https://example.org/ida
      affiliations   1 → 2
        - Water Institute, employment, Hydrologist, 2015-03–, primary
        + Water Institute, employment, Hydrologist / Hydrologue, 2015-03–, primary
        + Mill College, education, 2008–
      topics         1 → 2
        + Tides
      identifiers    1 → 2
        + dblp:b/Brook
      records        1 → 2
        + test researcher:0000-0000-0000-0079
      previous ids   0 → 1
        + ida-m-brook, FORMER

    Ida M. Brook (ida-m-brook) is removed
      the id FORMER, the slug ida-m-brook, the ORCID iD 0000-0000-0000-0079 redirect to Ida Brook (ida-brook)
      had 2 papers, 2 affiliations, 2 topics, 1 identifier, 1 record

    dry run: nothing was changed
    "#);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
    assert_eq!(query_strings(&app.database_url, "SELECT count(*) FROM identity_decision").await, ["0"]);

    let merged = run_successfully(&app, &decision);
    let lines = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (dry_run, merged) = (lines(&dry_run), lines(&merged));
    assert_eq!(dry_run[..dry_run.len() - 1], merged[..merged.len() - 1], "the dry run reports the actual changes");

    let found = find_researcher(&app, json!({ "slug": "ida-brook" })).await;
    insta::assert_json_snapshot!(found, @r#"
    {
      "affiliations": {
        "nodes": [
          {
            "isPrimary": true,
            "kind": "EMPLOYMENT",
            "organization": {
              "slug": "water-institute"
            },
            "roleTitle": {
              "value": "Hydrologist"
            }
          },
          {
            "isPrimary": false,
            "kind": "EDUCATION",
            "organization": {
              "slug": "mill-college"
            },
            "roleTitle": null
          }
        ]
      },
      "biography": {
        "value": "Elle mesure."
      },
      "coauthors": {
        "nodes": [
          {
            "slug": "uma-leeds"
          },
          {
            "slug": "tom-ford"
          }
        ]
      },
      "headline": {
        "value": "Weirs and more"
      },
      "homepageUrl": "https://example.org/ida",
      "identifiers": [
        {
          "scheme": "dblp",
          "value": "b/Brook"
        },
        {
          "scheme": "scopus",
          "value": "700123"
        }
      ],
      "name": "Ida Brook",
      "orcid": "https://orcid.org/0000-0000-0000-0079",
      "otherNames": [
        "Ida Brook-Ford",
        "Ida M. Brook",
        "I. M. Brook"
      ],
      "papers": {
        "nodes": [
          {
            "slug": "on-mills"
          },
          {
            "slug": "on-tides"
          },
          {
            "slug": "on-weirs"
          }
        ]
      },
      "slug": "ida-brook",
      "statistics": {
        "coauthorCount": 2,
        "paperCount": 3
      },
      "topics": {
        "edges": [
          {
            "isDeclared": true,
            "node": {
              "slug": "weirs"
            }
          },
          {
            "isDeclared": true,
            "node": {
              "slug": "tides"
            }
          }
        ]
      }
    }
    "#);
    for by in [
        json!({ "slug": "ida-m-brook" }),
        json!({ "orcid": orcid(7) }),
        json!({ "id": former }),
        json!({ "identifier": { "scheme": "dblp", "value": "b/Brook" } }),
    ] {
        assert_eq!(find_researcher(&app, by.clone()).await, found, "{by}");
    }
    let node = "query($id: ID!) { node(id: $id) { id ... on Researcher { formerIds name } } }";
    assert_eq!(
        app.data_with_variables(node, json!({ "id": former })).await["node"],
        json!({ "id": survivor, "formerIds": [former], "name": "Ida Brook" })
    );
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    let pins = "SELECT DISTINCT researcher.slug FROM identity_pin JOIN researcher ON researcher.id = researcher_id";
    assert_eq!(query_strings(&app.database_url, pins).await, ["ida-brook"]);
    let resolved =
        "SELECT method || ' ' || confidence || ' ' || evidence FROM authorship_resolution WHERE method = 'DECISION'";
    assert_eq!(
        query_strings(&app.database_url, resolved).await,
        [r#"DECISION 1 [{"kind": "DECISION", "value": "1"}]"#; 3]
    );

    let undone = run_successfully(&app, &["undo", "1", "--dry-run"]);
    insta::assert_snapshot!(undone.replace(&former, "FORMER").replace(&survivor, "SURVIVOR"), @r#"
    undo of decision 1 (merge)

    Ida Brook (ida-brook)
      id             SURVIVOR
      slug           ida-brook
      ORCID iD       0000-0000-0000-0079 → none
      papers         3 → 1
        - On mills (2017), on-mills, 10.1000/mills, as "Ida M. Brook"
        - On tides (2009), on-tides, 10.1000/tides, as "Ida M. Brook"
      years          2009–2017 → 2015
      coauthors      2 → 1
      other names    3 → 1
        - Ida M. Brook
        - I. M. Brook
      profile        3 → 1
        - biography (fr)
        - homepage https://example.org/ida
      affiliations   2 → 1
        - Water Institute, employment, Hydrologist / Hydrologue, 2015-03–, primary
        - Mill College, education, 2008–
        + Water Institute, employment, Hydrologist, 2015-03–, primary
      topics         2 → 1
        - Tides
      identifiers    2 → 1
        - dblp:b/Brook
      records        2 → 1
        - test researcher:0000-0000-0000-0079
      previous ids   1 → 0
        - ida-m-brook, FORMER

    Ida M. Brook (ida-m-brook) is restored
      id             FORMER
      slug           ida-m-brook
      ORCID iD       none → 0000-0000-0000-0079
      papers         0 → 2
        + On mills (2017), on-mills, 10.1000/mills, as "Ida M. Brook"
        + On tides (2009), on-tides, 10.1000/tides, as "Ida M. Brook"
      years          none → 2009–2017
      coauthors      0 → 2
      other names    0 → 1
        + I. M. Brook
      profile        0 → 2
        + biography (fr)
        + homepage https://example.org/ida
      affiliations   0 → 2
        + Water Institute, employment, Hydrologue, 2015-03–, primary
        + Mill College, education, 2008–
      topics         0 → 2
        + Tides
        + Weirs
      identifiers    0 → 1
        + dblp:b/Brook
      records        0 → 1
        + test researcher:0000-0000-0000-0079

    dry run: nothing was changed
    "#);
    assert_eq!(find_researcher(&app, json!({ "id": former })).await, found);
    run_successfully(&app, &["undo", "1", "--by", "Ben"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
}

#[tokio::test]
async fn split_and_undo() {
    let app = start_with_records().await;
    let source = app.find_id("researcher", "wei-xudo").await;
    let before = database_state(&app.database_url).await;
    let decision = ["split", "wei-xudo", "--papers", "10.1000/PROTEINS", "https://doi.org/10.1000/folds"];
    let dry_run = run_successfully(&app, &[&decision[..], &["--dry-run"]].concat());
    assert_dumps_equal(&database_state(&app.database_url).await, &before);

    run_successfully(&app, &[&decision[..], &["--note", "a chemist"]].concat());
    let target = app.find_id("researcher", "wei-xudo-2").await;
    // The ID of a new researcher differs between dry run and decision.
    let dry_run: String = dry_run
        .lines()
        .filter(|line| !line.trim_start().starts_with("id "))
        .fold(String::new(), |text, line| text + line + "\n");
    insta::assert_snapshot!(dry_run, @r#"
    split

    Wei Xudo (wei-xudo)
      slug           wei-xudo
      papers         3 → 1
        - Protein folds (2014), protein-folds, 10.1000/folds, as "Wei Xudo"
        - Proteins (2012), proteins, 10.1000/proteins, as "Wei Xudo"
      years          2001–2014 → 2001
      coauthors      2 → 1

    Wei Xudo (wei-xudo-2) is created
      slug           wei-xudo-2
      papers         0 → 2
        + Protein folds (2014), protein-folds, 10.1000/folds, as "Wei Xudo"
        + Proteins (2012), proteins, 10.1000/proteins, as "Wei Xudo"
      years          none → 2012–2014
      coauthors      0 → 1

    dry run: nothing was changed
    "#);
    let found = find_researcher(&app, json!({ "id": target })).await;
    assert_eq!(found["name"], "Wei Xudo");
    assert_eq!(pluck_strings(&found["papers"]["nodes"], &["slug"]), ["protein-folds", "proteins"]);
    assert_eq!(pluck_strings(&found["coauthors"]["nodes"], &["slug"]), ["ben-oak"]);
    let rest = find_researcher(&app, json!({ "id": source })).await;
    assert_eq!(pluck_strings(&rest["papers"]["nodes"], &["slug"]), ["proofs"]);
    assert_eq!(pluck_strings(&rest["coauthors"]["nodes"], &["slug"]), ["uma-leeds"]);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    let pins = "SELECT paper.slug || ' ' || researcher.slug FROM identity_pin JOIN researcher ON researcher.id = researcher_id \
         JOIN paper ON paper.id = paper_id ORDER BY paper.id";
    assert_eq!(
        query_strings(&app.database_url, pins).await,
        ["proofs wei-xudo", "proteins wei-xudo-2", "protein-folds wei-xudo-2"]
    );

    let undone = run_successfully(&app, &["undo", "1"]);
    assert!(undone.contains("Wei Xudo (wei-xudo-2) is removed\n"), "{undone}");
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

#[tokio::test]
async fn split_into_an_existing_researcher() {
    let app = start_with_records().await;
    let before = database_state(&app.database_url).await;
    run_successfully(&app, &["split", "wei-xudo", "--papers", "proofs", "--into", "tom-ford"]);
    let found = find_researcher(&app, json!({ "slug": "tom-ford" })).await;
    assert_eq!(pluck_strings(&found["papers"]["nodes"], &["slug"]), ["on-tides", "on-weirs", "proofs"]);
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    // Papers can be given by ID.
    let paper = app.find_id("paper", "on-weirs").await;
    run_successfully(&app, &["split", "tom-ford", "--papers", &paper, "--into", "ben-oak"]);
    assert_eq!(find_researcher(&app, json!({ "slug": "ben-oak" })).await["statistics"]["paperCount"], 3);
    run_successfully(&app, &["undo", "2"]);
    run_successfully(&app, &["undo", "1"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
}

/// An ORCID iD that a source gives for the papers moves with them.
#[tokio::test]
async fn orcid_follows_the_papers() {
    let app = start_with_records().await;
    app.execute_sql(&format!("UPDATE researcher SET orcid = '{}' WHERE slug = 'wei-xudo'", orcid(9))).await;
    app.execute_sql(&format!("UPDATE authorship SET orcid = '{}' FROM paper WHERE paper.id = paper_id AND paper.slug = 'proteins' AND name = 'Wei Xudo'", orcid(9))).await;
    let before = database_state(&app.database_url).await;
    run_successfully(&app, &["split", "wei-xudo", "--papers", "proteins", "protein-folds"]);
    assert_eq!(find_researcher(&app, json!({ "orcid": orcid(9) })).await["slug"], "wei-xudo-2");
    run_successfully(&app, &["undo", "1"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &before);
    assert_eq!(find_researcher(&app, json!({ "orcid": orcid(9) })).await["slug"], "wei-xudo");
}

#[tokio::test]
async fn doubtful_orcids_stay() {
    let app = start_with_records().await;
    app.execute_sql(&format!(
        "UPDATE authorship SET orcid = '{}', is_orcid_doubtful = true FROM paper WHERE paper.id = paper_id \
         AND paper.slug = 'proteins' AND name = 'Wei Xudo'",
        orcid(9)
    ))
    .await;
    run_successfully(&app, &["split", "wei-xudo", "--papers", "proteins", "protein-folds"]);
    assert_eq!(find_researcher(&app, json!({ "slug": "wei-xudo-2" })).await["orcid"], Value::Null);
}

#[tokio::test]
async fn several_merges() {
    let app = start_with_records().await;
    let first = database_state(&app.database_url).await;
    let ids = [app.find_id("researcher", "ben-oak").await, app.find_id("researcher", "wei-xudo").await];
    run_successfully(&app, &["merge", "uma-leeds", "tom-ford", "ida-m-brook", "--force"]);
    let second = database_state(&app.database_url).await;
    run_successfully(&app, &["merge", "ben-oak", "wei-xudo", "--force"]);
    let third = database_state(&app.database_url).await;
    run_successfully(&app, &["merge", "uma-leeds", "ben-oak", "--force"]);
    // Chains of redirects are followed.
    for id in &ids {
        assert_eq!(find_researcher(&app, json!({ "id": id })).await["slug"], "uma-leeds");
    }
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
    let sentence = run_failing(&app, &["undo", "1"]);
    assert_eq!(
        sentence,
        "error: decision 1 cannot be undone before later decisions about the same researchers; first undo 3\n"
    );
    run_successfully(&app, &["undo", "3"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &third);
    // Independent decisions can be undone in any order.
    run_successfully(&app, &["undo", "1"]);
    run_successfully(&app, &["undo", "2"]);
    assert_dumps_equal(&database_state(&app.database_url).await, &first);
    run_successfully(&app, &["merge", "uma-leeds", "tom-ford", "ida-m-brook", "--force"]);
    let again: Vec<String> = database_state(&app.database_url).await;
    let without_decisions = |lines: &[String]| -> Vec<String> {
        let is_other =
            |line: &&String| !line.starts_with("identity_pin ") && !line.starts_with("authorship_resolution ");
        lines.iter().filter(is_other).cloned().collect()
    };
    assert_dumps_equal(&without_decisions(&again), &without_decisions(&second));
}

#[tokio::test]
async fn history() {
    let app = start_with_records().await;
    assert_eq!(run_successfully(&app, &["history"]), "no decisions yet\n");
    run_successfully(&app, &["merge", "ida-brook", "ida-m-brook", "--note", "same mails", "--by", "Ana"]);
    run_successfully(&app, &["split", "wei-xudo", "--papers", "proofs"]);
    run_successfully(&app, &["merge", "tom-ford", "ben-oak"]);
    run_successfully(&app, &["undo", "2", "--by", "Ben"]);
    app.execute_sql("UPDATE identity_decision SET decided_at = '2026-01-02T03:04:05Z', undone_at = '2026-01-03T03:04:05Z' WHERE id = 2; \
         UPDATE identity_decision SET decided_at = '2026-01-02T03:04:05Z'").await;
    insta::assert_snapshot!(run_successfully(&app, &["history"]), @r"
    decision  time (UTC)        action                                                                    by   note        undone
    1         2026-01-02 03:04  merge of Ida M. Brook (ida-m-brook) into Ida Brook (ida-brook), 2 papers  Ana  same mails
    2         2026-01-02 03:04  split of 1 paper from Wei Xudo (wei-xudo) to Wei Xudo (wei-xudo-2)                         2026-01-03 03:04 by Ben
    3         2026-01-02 03:04  merge of Ben Oak (ben-oak) into Tom Ford (tom-ford), 2 papers
    ");
    // A key of a merged researcher.
    let of_one = run_successfully(&app, &["history", "ben-oak"]);
    assert_eq!(of_one.lines().count(), 2, "{of_one}");
    assert!(of_one.contains("merge of Ben Oak (ben-oak) into Tom Ford (tom-ford), 2 papers"), "{of_one}");
    assert_eq!(run_successfully(&app, &["history", "uma-leeds"]), "no decisions yet\n");

    let listed: Value = serde_json::from_str(&run_successfully(&app, &["history", &orcid(7), "--json"])).expect("JSON");
    let survivor = app.find_id("researcher", "ida-brook").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let people = listed[0]["people"].clone();
    assert_eq!(people[0], json!({ "id": survivor, "slug": "ida-brook", "name": "Ida Brook", "role": "SURVIVOR" }));
    assert_eq!(pluck_strings(&people, &["role"]), ["SURVIVOR", "FORMER"]);
    let rest = |field: &str| listed[0][field].clone();
    assert_eq!(rest("kind"), "MERGE");
    assert_eq!(rest("decidedAt"), "2026-01-02T03:04:05Z");
    assert_eq!((rest("decidedBy"), rest("note")), (json!("Ana"), json!("same mails")));
    assert_eq!((rest("undoneAt"), rest("undoneBy"), rest("paperCount")), (json!(null), json!(null), json!(2)));
}

/// A new table that references researchers must be handled in merges and undo (`store/curation`), and be listed here.
/// `coauthorship` has no foreign keys; its rows are counted from the authorships.
#[tokio::test]
async fn tables_referencing_researchers() {
    let app = TestApp::start().await;
    let tables = "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = 'researcher'::regclass ORDER BY 1";
    assert_eq!(
        query_strings(&app.database_url, tables).await,
        [
            "affiliation",
            "authorship",
            "authorship",
            "external_id",
            "name_decision",
            "researcher_name",
            "researcher_statistics",
            "researcher_topic",
            "search_entry",
            "source_record",
        ]
    );
}

/// The log of a decision is that it was made.
#[tokio::test]
async fn dry_runs_log_no_decision() {
    let app = start_with_records().await;
    let workspace = Workspace::new();
    let log_of = |arguments: &[&str]| {
        let mut command = workspace.command_with_database(&app.database_url, arguments);
        let outcome = run_to_completion(command.env("LOG", "info,sqlx=warn,sea_orm_migration=warn"));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.stderr
    };
    let ida = orcid(7);
    let merge = ["identity", "merge", "ida-brook", &ida, "--by", "Ana"];
    let split = ["identity", "split", "wei-xudo", "--papers", "proofs", "--by", "Ana"];
    let undo = ["identity", "undo", "1", "--by", "Ana"];
    let add = ["names", "add", "ida-brook", "I. Brook", "--use", "search-only"];
    let none = "";
    for (arguments, logged) in [
        (&merge[..], "recorded a curation decision decision=1 kind=\"MERGE\" by=\"Ana\""),
        (&split[..], "recorded a curation decision decision=2 kind=\"SPLIT\" by=\"Ana\""),
        (&undo[..], "undid a curation decision decision=1 by=\"Ana\""),
        (&add[..], none),
    ] {
        let before = database_state(&app.database_url).await;
        let log = log_of(&[arguments, &["--dry-run"]].concat());
        assert!(!log.contains("decision"), "{arguments:?}: {log}");
        assert_eq!(database_state(&app.database_url).await, before, "{arguments:?}");
        let log = log_of(arguments);
        assert!(log.contains(logged), "{arguments:?}: {log}");
    }
}
