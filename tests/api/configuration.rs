//! `.env.example` lists every setting with its default.

use std::collections::BTreeMap;

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
