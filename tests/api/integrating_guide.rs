//! The programs and tables of `docs/integrating.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use migration::changed_fields::{KINDS, field_names};
use serde_json::{Value, json};

use crate::support::process::Workspace;
use crate::support::{TestApp, organization_record, paper_record, researcher_record, ror, topic_record, with_fields};

fn guide() -> &'static str {
    include_str!("../../docs/integrating.md")
}

fn code_block(language: &str) -> &'static str {
    let (_, rest) = guide().split_once(&format!("```{language}\n")).expect("a program");
    rest.split_once("```").expect("its end").0
}

#[test]
fn table_of_fields_is_complete() {
    for (number, table) in KINDS {
        let beginning = format!("| `{}` | ", table.to_uppercase());
        let line = guide().lines().find_map(|line| line.strip_prefix(&beginning)).expect("a line of the table");
        let fields: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        assert_eq!(fields, field_names(number), "{table}");
    }
}

/// The display names or kinds of the copied entities, by their IDs.
fn read_copy(workspace: &Workspace) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(workspace.path("copy.json")).expect("the copy");
    let copy: Value = serde_json::from_str(&text).expect("JSON");
    copy["entities"].as_object().expect("entities").iter().map(|(id, node)| (id.clone(), node.clone())).collect()
}

async fn follows_the_directory(program: &str, language: &str, file: &str) {
    if Command::new(program).arg("--version").output().is_err() {
        return println!("skipped: there is no {program}");
    }
    let (app, workspace) = (TestApp::start().await, Workspace::new());
    workspace.write_file(file, code_block(language));
    let run = async || {
        let mut command = Command::new(program);
        command.args([workspace.path(file), app.url("/graphql").into(), workspace.path("copy.json")]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a task").expect("the program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let place = json!([{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" }]);
    app.create_records(json!([
        organization_record(1, "College"),
        topic_record("Weirs"),
        with_fields(researcher_record("Ida Brook"), json!({ "affiliations": place })),
        paper_record("On weirs", Some(2015), &["Ida Brook"]),
    ]))
    .await;
    run().await;
    let copy = read_copy(&workspace);
    let names: BTreeSet<&str> = copy.values().filter_map(|node| node["displayName"]["value"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["College", "Ida Brook", "On weirs", "Weirs"]));
    assert_eq!(copy.len(), 5, "and an affiliation");
    app.execute_sql("UPDATE researcher SET display_name = 'Ida Ford'; DELETE FROM paper").await;
    run().await;
    let copy = read_copy(&workspace);
    let names: BTreeSet<&str> = copy.values().filter_map(|node| node["displayName"]["value"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["College", "Ida Ford", "Weirs"]));
    // The directory is restored to a state before the cursor: the copy is made anew.
    app.execute_sql("UPDATE change SET position = 1, visible_since = 1; SELECT setval('change_position', 1)").await;
    run().await;
    assert_eq!(read_copy(&workspace), copy);
}

#[tokio::test]
async fn python_keeps_a_copy_in_step() {
    follows_the_directory("python3", "python", "copy.py").await;
}

#[tokio::test]
async fn javascript_keeps_a_copy_in_step() {
    follows_the_directory("node", "javascript", "copy.js").await;
}
