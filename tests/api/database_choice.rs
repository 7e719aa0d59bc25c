//! Which database a command uses: its first line says so, and no command creates one by mistake.

use serde_json::{Value, json};

use crate::support::csl::to_json_lines;
use crate::support::process::{ChildProcess, Workspace, run_to_completion};
use crate::support::{create_database, create_empty_database, organization_record};

/// The name of the database in a URL.
fn name_of(url: &str) -> String {
    url::Url::parse(url).expect("a URL").path().trim_start_matches('/').to_owned()
}

#[tokio::test]
async fn first_lines() {
    let workspace = Workspace::new();
    let mut url = url::Url::parse(&create_database().await).expect("a URL");
    url.set_password(Some("secret")).expect("a password");
    let url = url.to_string();
    let file = workspace.write_file("one.jsonl", to_json_lines(&[organization_record(1, "College")]));
    let expected = format!("database: {} at /", name_of(&url));
    let imported = workspace.import(&url, &["records", file]);
    assert_eq!(imported.summary(), "read 1: created 1, updated 0, unchanged 0, invalid 0");
    let run = |arguments: &[&str]| run_to_completion(&mut workspace.command_with_database(&url, arguments));
    let (checked, json, exported) = (run(&["check"]), run(&["check", "--json"]), run(&["export", "records"]));
    for (text, what) in [
        (&imported.stdout, "import"),
        (&checked.stdout, "check"),
        (&json.stderr, "check --json"),
        (&exported.stderr, "export"),
    ] {
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with(&expected) && !first.contains("secret"), "{what}: {text}");
    }
    assert!(serde_json::from_str::<Value>(&json.stdout).is_ok() && exported.stdout.starts_with('{'), "{exported:?}");
    let mut service =
        ChildProcess::start(&mut workspace.command_with_database(&url, &["serve", "--listen", "127.0.0.1:0"]));
    let line = service.wait_for_line("database: ");
    assert!(line.starts_with(&name_of(&url)) && !line.contains("secret"), "{line}");
}

/// The result stays the only line of standard output in JSON.
#[tokio::test]
async fn first_lines_in_json() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let file = workspace.write_file("one.jsonl", to_json_lines(&[organization_record(1, "College")]));
    let mut command = workspace.command_with_database(&url, &["import", "records", file]);
    let imported = run_to_completion(command.env("LOG_FORMAT", "json"));
    assert_eq!((imported.code, imported.stdout.lines().count()), (Some(0), 1), "{imported:?}");
    let first: Value = serde_json::from_str(imported.stderr_lines()[0]).expect("JSON");
    assert!(first["message"].as_str().is_some_and(|text| text.starts_with("database: ")), "{first}");
}

/// Without `DATABASE_URL`, an import into a directory without a database says that it creates one, or does not.
#[tokio::test]
async fn embedded_databases_are_created_knowingly() {
    let workspace = Workspace::new();
    let file = workspace.write_file("one.jsonl", to_json_lines(&[organization_record(1, "College")]));
    let refused = run_to_completion(&mut workspace.command(&["import", "records", file, "--existing"]));
    let directory = workspace.path("data");
    let expected = format!("error: there is no database in {}, and --existing was given: set", directory.display());
    assert!(refused.code == Some(1) && refused.stderr.starts_with(&expected), "{refused:?}");
    assert!(!directory.exists(), "a directory was created");
    for arguments in [&["demo", "remove"][..], &["import", "backup", "missing.jsonl", "--existing"]] {
        let refused = run_to_completion(&mut workspace.command(arguments));
        assert!(refused.code == Some(1) && !directory.exists(), "{refused:?}");
    }

    let created = run_to_completion(&mut workspace.command(&["import", "records", file]));
    let first = created.stdout.lines().next().unwrap_or_default();
    let place = directory.join("postgres");
    let expected = format!("database: academic_directory of the embedded Postgres in {}", place.display());
    assert_eq!(first, format!("{expected}, which was created now, since DATABASE_URL is unset"));
    let again = run_to_completion(&mut workspace.command(&["import", "records", file, "--existing"]));
    assert_eq!(again.stdout.lines().next(), Some(expected.as_str()), "{again:?}");
    assert_eq!(again.summary(), "read 1: created 0, updated 0, unchanged 1, invalid 0");
}

/// A database of `DATABASE_URL` that no directory has used yet.
#[tokio::test]
async fn databases_without_tables() {
    let workspace = Workspace::new();
    let url = create_empty_database().await;
    let file = workspace.write_file("one.json", json!([]).to_string());
    let refused = workspace.import(&url, &["csl", file, "--existing"]);
    let expected = format!("error: {} at ", name_of(&url));
    assert!(refused.stderr.starts_with(&expected), "{refused:?}");
    assert!(refused.stderr.contains("is no database of a directory yet, and --existing was given"), "{refused:?}");
}
