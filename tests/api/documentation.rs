//! The documentation against the program and the repository: defaults of settings, links, the size of the screenshots.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use academic_directory::cli::Cli;
use clap::CommandFactory as _;

/// Documents with tables of settings: `| variable | default | meaning |`.
const SETTINGS_DOCUMENTS: [&str; 3] = ["README.md", "SECURITY.md", "docs/operations.md"];
/// The document with all settings.
const SETTINGS_REFERENCE: &str = "docs/operations.md";
/// How a table writes that a setting has no default.
const UNSET: &str = "unset";
const SCREENSHOTS: &str = "docs/images";
const MAX_SCREENSHOT_BYTES: u64 = 200_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Each environment variable of the program with its default, as tables write it.
fn defaults() -> BTreeMap<String, String> {
    let mut command = Cli::command();
    command.build();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let arguments = commands.flat_map(clap::Command::get_arguments);
    let settings = arguments.filter_map(|argument| {
        let name = argument.get_env()?.to_str().expect("UTF-8").to_owned();
        let default = argument.get_default_values().first().map(|value| value.to_str().expect("UTF-8"));
        Some((name, default.map_or_else(|| UNSET.to_owned(), |default| format!("`{default}`"))))
    });
    settings.collect()
}

/// The variables of a document's tables with their defaults.
fn documented(text: &str) -> Vec<(String, String)> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?;
        let is_variable = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let default = cells.next()?;
        let is_default = default == UNSET || (default.starts_with('`') && default.ends_with('`'));
        (is_variable && is_default).then(|| (name.to_owned(), default.to_owned()))
    });
    rows.collect()
}

/// All Markdown files at the root, in `docs/` and in `bench/`.
fn documents() -> Vec<PathBuf> {
    let directories = ["", "docs", "bench"].map(|directory| root().join(directory));
    let files = directories.iter().flat_map(|directory| fs::read_dir(directory).expect("a directory"));
    let files = files.map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    files.sort();
    files
}

/// A document without its code blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let words = heading.to_lowercase();
        let words = words.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        words.map(|character| if character == ' ' { '-' } else { character }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn settings_have_their_defaults() {
    let defaults = defaults();
    assert!(defaults.len() > 10);
    for document in SETTINGS_DOCUMENTS {
        let settings = documented(&text_of(document));
        assert!(settings.len() > 10, "{document}");
        for (name, default) in settings {
            assert_eq!(Some(&default), defaults.get(&name), "{name} in {document}");
        }
    }
}

#[test]
fn reference_has_every_setting_once() {
    let mut names: Vec<String> = documented(&text_of(SETTINGS_REFERENCE)).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, defaults().into_keys().collect::<Vec<_>>());
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for link in prose(&text).split("](").skip(1) {
            let link = link.split([')', ' ']).next().unwrap_or_default();
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target = match path {
                "" => document.clone(),
                path => document.parent().expect("a directory").join(path),
            };
            let is_there = match anchor {
                None => target.exists(),
                Some(anchor) => fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !is_there {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}

#[test]
fn screenshots_are_small() {
    let files: Vec<_> = fs::read_dir(root().join(SCREENSHOTS)).expect("the screenshots").map(Result::unwrap).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let bytes = file.metadata().expect("its size").len();
        assert!((1..MAX_SCREENSHOT_BYTES).contains(&bytes), "{} has {bytes} bytes", file.path().display());
    }
}
