//! `.env.example` lists every setting with its default.

use std::collections::{BTreeMap, BTreeSet};

use academic_directory::cli::Cli;
use clap::CommandFactory as _;

const ENV_EXAMPLE: &str = include_str!("../../.env.example");

/// The environment variables of the command line interface with their defaults.
fn defined_settings() -> BTreeMap<String, Option<String>> {
    let mut command = Cli::command();
    command.build();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let arguments = commands.flat_map(clap::Command::get_arguments);
    let settings = arguments.filter_map(|argument| {
        let name = argument.get_env()?.to_str().expect("UTF-8").to_owned();
        let default = argument.get_default_values().first().map(|value| value.to_str().expect("UTF-8").to_owned());
        Some((name, default))
    });
    settings.collect()
}

/// The names of all variables.
pub fn variable_names() -> Vec<String> {
    defined_settings().into_keys().collect()
}

/// The variables in `.env.example` with their values; a variable that is commented out has no default.
fn example_settings() -> BTreeMap<String, Option<String>> {
    let settings = ENV_EXAMPLE.lines().filter_map(|line| {
        let (name, value) = line.trim_start_matches('#').split_once('=')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_name.then(|| (name.to_owned(), (!line.starts_with('#')).then(|| value.trim_matches('"').to_owned())))
    });
    settings.collect()
}

#[test]
fn example_has_every_setting_and_default() {
    assert!(defined_settings().len() > 10);
    assert_eq!(example_settings(), defined_settings());
}

#[test]
fn example_explains_every_setting() {
    let lines: Vec<&str> = ENV_EXAMPLE.lines().collect();
    let is_setting = |line: &str| {
        example_settings().keys().any(|name| line.trim_start_matches('#').starts_with(&format!("{name}=")))
    };
    for (before, line) in lines.iter().zip(&lines[1..]).filter(|(_, line)| is_setting(line)) {
        assert!(before.starts_with("# ") && !before.starts_with("# ---"), "{line} is undocumented");
    }
}

/// The settings of a command that its help shows, by heading.
fn shown_settings(command: &clap::Command) -> BTreeMap<String, Vec<String>> {
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        if let Some(name) = argument.get_env() {
            let heading = argument.get_help_heading().unwrap_or_default().to_owned();
            shown.entry(heading).or_default().push(name.to_str().expect("UTF-8").to_owned());
        }
    }
    shown
}

/// The headings of `--help` are the sections of the documentation.
#[test]
fn help_has_the_groups_of_the_documentation() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = std::fs::read_to_string(path).expect("the documentation");
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = "";
    for line in text.split("\n## Settings\n").nth(1).expect("the settings").lines() {
        if let Some(name) = line.strip_prefix("### ") {
            heading = name;
        } else if let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            documented.entry(heading.to_owned()).or_default().insert(name.to_owned());
        }
    }
    let mut command = Cli::with_own_settings();
    command.build();
    let shown = shown_settings(&command).into_iter().map(|(heading, names)| (heading, BTreeSet::from_iter(names)));
    assert_eq!(BTreeMap::from_iter(shown), documented);
}

#[test]
fn subcommands_show_only_their_settings() {
    let mut command = Cli::with_own_settings();
    command.build();
    let names =
        |command: &clap::Command| -> BTreeSet<String> { shown_settings(command).into_values().flatten().collect() };
    let log = BTreeSet::from(["LOG".to_owned(), "LOG_FORMAT".to_owned()]);
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let shown = names(subcommand);
        let has = |name: &str| shown.contains(name);
        let name = subcommand.get_name();
        assert!(shown.is_superset(&log), "{name}: {shown:?}");
        assert_eq!(has("DATABASE_URL") && has("DATA_DIR") && has("MIGRATE"), name != "schema", "{name}: {shown:?}");
        assert_eq!(
            has("LISTEN") || has("MAX_QUERY_COST") || has("DATABASE_READ_URLS"),
            name == "serve",
            "{name}: {shown:?}"
        );
        assert_eq!(has("SOURCE_ORDER"), name == "import", "{name}: {shown:?}");
        for nested in subcommand.get_subcommands().filter(|nested| nested.get_name() != "help") {
            assert_eq!(names(nested), shown, "{name} {}", nested.get_name());
        }
    }
}
