//! The files of `packaging/` against the program: metrics of the dashboard and the alerts, settings, versions, the unit.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::configuration::variable_names;
use crate::support::TestApp;
use crate::support::process::Workspace;

const DASHBOARD: &str = "packaging/grafana/academic-directory.json";
const ALERTS: &str = "packaging/prometheus/alerts.yml";
const ALERTS_TEST: &str = "packaging/prometheus/alerts_test.yml";
const UNIT: &str = "packaging/debian/academic-directory.service";
const DOCKERFILE: &str = "packaging/container/Dockerfile";
const COMPOSE: &str = "packaging/container/compose.yml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the program's metrics in a text.
fn metric_names(text: &str) -> BTreeSet<String> {
    let is_separator = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    let names = text.split(is_separator).filter(|word| word.starts_with("academic_directory_"));
    names.map(str::to_owned).collect()
}

/// The series of a metric, as Prometheus stores them.
fn series(metric: &str, kind: &str) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        "counter" => &["_total"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" => &["_info"],
        "gauge" => &[""],
        other => panic!("{metric} is a {other}"),
    };
    suffixes.iter().map(|suffix| format!("{metric}{suffix}")).collect()
}

/// Runs a program of the system, or prints that the test is skipped.
fn run_if_installed(command: &mut Command) -> Option<Output> {
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: {} is not installed", command.get_program().display());
            None
        }
        output => Some(output.expect("a program that runs")),
    }
}

#[tokio::test]
async fn dashboard_and_alerts_have_metrics_of_the_program() {
    let app = TestApp::start().await;
    // A metric with labels is there once it has a value: a request, and one that is rejected.
    app.data("{ __typename }").await;
    app.query("{ unknown }", json!({})).await;
    let text = app.client().get(app.url("/metrics")).send().await.expect("a response").text().await.expect("text");
    let metrics: Vec<Vec<String>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(metric, kind)| series(metric, kind))
        .collect();
    assert!(metrics.len() > 20);
    let existing: BTreeSet<&String> = metrics.iter().flatten().collect();
    for path in [DASHBOARD, ALERTS, ALERTS_TEST] {
        let named = metric_names(&text_of(path));
        assert!(named.len() > 5, "{path}: {named:?}");
        let unknown: Vec<&String> = named.iter().filter(|name| !existing.contains(name)).collect();
        assert!(unknown.is_empty(), "{path} has metrics that the program has not: {unknown:?}");
    }
    let shown = metric_names(&text_of(DASHBOARD));
    let missing: Vec<_> = metrics.iter().filter(|series| !series.iter().any(|name| shown.contains(name))).collect();
    assert!(missing.is_empty(), "{DASHBOARD} lacks metrics of the program: {missing:?}");
}

#[test]
fn alerts_pass_their_tests() {
    for arguments in [["check", "rules", ALERTS], ["test", "rules", ALERTS_TEST]] {
        let Some(output) = run_if_installed(Command::new("promtool").args(arguments).current_dir(root())) else {
            return;
        };
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn settings_exist() {
    let known = variable_names();
    let is_name = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let named_in = |text: &str, separator: char| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).split_once(separator));
        names.map(|(name, _)| name).filter(is_name).map(str::to_owned).collect()
    };
    let file = named_in(&text_of("packaging/debian/academic-directory.env"), '=');
    let variables =
        text_of(DOCKERFILE).lines().find_map(|line| line.strip_prefix("ENV ")).expect("variables").to_owned();
    let image = named_in(&variables.replace(' ', "\n"), '=');
    let compose = text_of(COMPOSE);
    let service = compose.split("\n  database:\n").next().expect("the service");
    for (place, names) in [("the file of the package", file), (DOCKERFILE, image), (COMPOSE, named_in(service, ':'))] {
        assert!(names.len() > 1, "{place}: {names:?}");
        for name in names {
            assert!(known.contains(&name), "{place}: {name} is not a setting");
        }
    }
}

#[test]
fn versions_are_those_of_the_crate() {
    let heading = format!("## {} (", env!("CARGO_PKG_VERSION"));
    assert!(text_of("CHANGELOG.md").lines().any(|line| line.starts_with(&heading)), "CHANGELOG.md has no {heading}…)");
    let image = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(text_of(DOCKERFILE).lines().any(|line| line.starts_with(&image)), "{DOCKERFILE} has no {image}…");
}

#[test]
fn systemd_accepts_the_unit() {
    let workspace = Workspace::new();
    let program = env!("CARGO_BIN_EXE_academic-directory");
    // systemd looks for the program.
    let unit = text_of(UNIT).replace("/usr/bin/academic-directory", program);
    assert!(unit.contains(program));
    workspace.write_file("academic-directory.service", unit);
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(workspace.path("academic-directory.service"));
    let Some(output) = run_if_installed(&mut command) else { return };
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
