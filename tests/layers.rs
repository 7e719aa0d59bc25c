//! Checks the layering of `src/`: which module may import which, and which may name an external crate.
//!
//! Rust allows circular imports between modules, so that this test is what keeps dependencies pointing one way.

#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules from the bottom layer up. A module imports only modules of lower layers.
const LAYERS: &[&[&str]] = &[
    &["text"],
    &["model"],
    &["disambiguation", "citation"],
    &["config"],
    &["error"],
    &["telemetry"],
    &["database"],
    &["entity"],
    &["store"],
    &["graphql", "import", "export", "demo", "harvest", "linked_data", "pages", "webhooks"],
    &["http"],
    &["cli"],
    &["lib", "main"],
];

/// The same for the modules of `store`.
const STORE_LAYERS: &[&[&str]] =
    &[&["access"], &["changes"], &["reader"], &["unit_of_work"], &["ingest"], &["projections", "curation"]];

/// External paths, and the only top-level modules that may name them.
const EXTERNAL: &[(&str, &[&str])] = &[
    ("actix_web", &["http"]),
    ("async_graphql", &["graphql", "http", "error"]),
    ("sea_orm", &["entity", "store", "database", "error"]),
    ("std::env", &["config"]),
];

/// The modules whose enums and JSON types are columns, and all that they may name of SeaORM: how they are stored.
const STORED_TYPES: &[&str] = &["model", "text"];
const STORED_TYPE_DERIVES: &[&str] = &["DeriveActiveEnum", "EnumIter", "FromJsonQueryResult"];

/// A source file: its path below `src/`, its module path, and its code without comments and unit tests.
struct Source {
    file: String,
    module: Vec<String>,
    code: String,
}

fn source_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            source_files(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
}

/// All sources but files of unit tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    files.sort();
    let source = |path: PathBuf| {
        let file = path.strip_prefix(&root).expect("a path below src").to_string_lossy().into_owned();
        let module: Vec<String> = file.trim_end_matches(".rs").split('/').map(ToOwned::to_owned).collect();
        let is_test = module.last().is_some_and(|name| name == "tests" || name.ends_with("_tests"));
        (!is_test).then(|| Source { file, module, code: code_of(&fs::read_to_string(path).expect("a source file")) })
    };
    files.into_iter().filter_map(source).collect()
}

/// The code of a file without line comments, and without the unit tests at its end.
fn code_of(text: &str) -> String {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let is_test_module = |lines: &[&str]| {
        lines[0].trim() == "#[cfg(test)]" && lines[1].trim_start().starts_with("mod ") && lines[1].ends_with('{')
    };
    let end = code.windows(2).position(is_test_module).unwrap_or(code.len());
    code[..end].join("\n")
}

/// Whether the text before or after a match ends or begins outside an identifier.
fn is_boundary(character: Option<char>) -> bool {
    character.is_none_or(|character| !character.is_alphanumeric() && character != '_')
}

/// The offsets behind each occurrence of a path, which is not a part of a longer identifier.
fn occurrences(code: &str, path: &str) -> Vec<usize> {
    let found = code.match_indices(path).map(|(start, _)| (start, start + path.len()));
    let whole = found
        .filter(|(start, end)| is_boundary(code[..*start].chars().last()) && is_boundary(code[*end..].chars().next()));
    whole.map(|(_, end)| end).collect()
}

/// Expands the use tree that follows a path prefix, such as `::store::{access::Loader, reader}`, into whole paths.
fn expand(tree: &str, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    let mut rest = tree;
    while let Some(next) = rest.strip_prefix("::") {
        if let Some(group) = next.strip_prefix('{') {
            let mut offset = tree.len() - group.len();
            while !tree[offset..].trim_start_matches([' ', '\n', ',']).starts_with('}') && offset < tree.len() {
                offset = tree.len() - tree[offset..].trim_start_matches([' ', '\n', ',']).len();
                let member = format!("::{}", &tree[offset..]);
                let length = expand(&member, &path, paths);
                // `*` is skipped by one character.
                offset += length.saturating_sub(2).max(1);
            }
            return tree.len() - tree[offset..].trim_start_matches([' ', '\n', ',']).len() + 1;
        }
        let end = next.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(next.len());
        if end == 0 {
            break;
        }
        path.push(next[..end].to_owned());
        rest = &next[end..];
    }
    paths.push(path);
    tree.len() - rest.len()
}

/// The modules of this crate that a source names, by absolute and by relative paths.
fn imports(source: &Source) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for end in occurrences(&source.code, "crate") {
        expand(&source.code[end..], &[], &mut paths);
    }
    for supers in 1..=source.module.len() {
        let relative = vec!["super"; supers].join("::");
        let base = &source.module[..source.module.len() - supers];
        for end in occurrences(&source.code, &relative) {
            let starts_here = !source.code[..end - relative.len()].ends_with("::");
            if starts_here && !source.code[end..].starts_with("::super") {
                expand(&source.code[end..], base, &mut paths);
            }
        }
    }
    paths.into_iter().filter(|path| !path.is_empty()).collect()
}

/// Whether a source names nothing of SeaORM but the derives of stored types and their attributes.
fn only_derives(source: &Source) -> bool {
    occurrences(&source.code, "sea_orm").into_iter().all(|end| {
        let mut paths = Vec::new();
        expand(&source.code[end..], &[], &mut paths);
        let is_attribute = source.code[..end].ends_with("#[sea_orm") && source.code[end..].starts_with('(');
        let is_derive =
            |path: &Vec<String>| matches!(path.as_slice(), [name] if STORED_TYPE_DERIVES.contains(&name.as_str()));
        is_attribute || paths.iter().all(is_derive)
    })
}

fn layer_of(module: &str, layers: &[&[&str]]) -> Option<usize> {
    layers.iter().position(|layer| layer.contains(&module))
}

/// Imports of the same or a higher layer, among the modules below this prefix.
fn violations(sources: &[Source], prefix: &[&str], layers: &[&[&str]]) -> Vec<String> {
    let depth = prefix.len();
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.module.len() > depth && source.module[..depth] == *prefix) {
        let own = source.module[depth].as_str();
        let Some(layer) = layer_of(own, layers) else {
            violations.push(format!("{}: add the module {own} to the layers of this test", source.file));
            continue;
        };
        for path in imports(source).iter().filter(|path| path.len() > depth && path[..depth] == *prefix) {
            let imported = path[depth].as_str();
            if imported != own && layer_of(imported, layers).is_some_and(|other| other >= layer) {
                violations.push(format!("{} imports crate::{}", source.file, path.join("::")));
            }
        }
    }
    violations
}

fn assert_none(mut violations: Vec<String>, rule: &str) {
    violations.sort();
    violations.dedup();
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

#[test]
fn modules_import_lower_layers() {
    assert_none(violations(&sources(), &[], LAYERS), "a module imports only modules of lower layers");
}

#[test]
fn store_modules_import_lower_layers() {
    assert_none(
        violations(&sources(), &["store"], STORE_LAYERS),
        "inside store: access <- changes <- reader <- unit_of_work <- ingest <- projections, curation",
    );
}

#[test]
fn external_crates_are_confined() {
    let mut violations = Vec::new();
    for source in sources() {
        for (path, modules) in EXTERNAL {
            let is_allowed = modules.contains(&source.module[0].as_str())
                || *path == "sea_orm" && STORED_TYPES.contains(&source.module[0].as_str()) && only_derives(&source);
            if !is_allowed && !occurrences(&source.code, path).is_empty() {
                violations.push(format!("{} names {path}, which is confined to {}", source.file, modules.join(", ")));
            }
        }
    }
    assert_none(violations, "external crates are confined to some modules");
}

#[test]
fn paths_are_expanded() {
    let source = |module: &str, code: &str| Source {
        file: format!("{module}.rs"),
        module: module.split('/').map(ToOwned::to_owned).collect(),
        code: code_of(code),
    };
    let paths = |module, code| imports(&source(module, code)).iter().map(|path| path.join("::")).collect::<Vec<_>>();
    let nested =
        "use crate::{model::record, store::{access::Loader, reader::{self, page}}};\nfn f() { crate::text::fold() }";
    assert_eq!(
        paths("http", nested),
        ["model::record", "store::access::Loader", "store::reader::self", "store::reader::page", "text::fold"]
    );
    assert_eq!(paths("store/ingest/paper", "use super::super::reader::page; // crate::http"), ["store::reader::page"]);
    assert_eq!(
        paths("store/ingest", "use super::access::*;\n#[cfg(test)]\nmod tests {\n use crate::http;\n}"),
        ["store::access"]
    );
    let stored = "use sea_orm::{DeriveActiveEnum, EnumIter};\n#[sea_orm(rs_type = \"String\")]\nenum A {}";
    assert!(only_derives(&source("model/record", stored)));
    assert!(!only_derives(&source("model/record", "use sea_orm::{EnumIter, EntityTrait};")));
    let lower = violations(&[source("model/record", "use crate::store::Store;")], &[], LAYERS);
    assert_eq!(lower, ["model/record.rs imports crate::store::Store"]);
}
