//! Selects the input files, including those in folders, in the order of their names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::import::formats::Format;

/// Maximum nesting depth of folders.
const MAX_FOLDER_DEPTH: usize = 32;
/// Number of skipped files that a note names.
const MAX_LISTED_FILES: usize = 3;

/// A file to read, or a message about a folder.
pub(crate) enum InputSource {
    File(PathBuf),
    /// The note about skipped files.
    Note(PathBuf, String),
    /// The reason why a folder is unreadable.
    Unreadable(PathBuf, String),
}

/// Returns the named files and the files in named folders that match the format, except those in excluded folders.
pub(crate) fn find_input_sources(
    paths: &[PathBuf],
    format: &dyn Format,
    excluded_folders: &[PathBuf],
) -> Vec<InputSource> {
    let excluded: Vec<PathBuf> = excluded_folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let mut sources = Vec::new();
    for path in paths {
        if format.extensions().is_empty() || !path.is_dir() {
            sources.push(InputSource::File(path.clone()));
            continue;
        }
        let mut skipped = Vec::new();
        let before = sources.len();
        walk_folder(
            path,
            format,
            0,
            &mut FolderWalk {
                sources: &mut sources,
                skipped: &mut skipped,
                excluded: &excluded,
                visited: HashSet::new(),
            },
        );
        if sources[before..].iter().all(|source| matches!(source, InputSource::Note(..))) {
            sources.push(InputSource::Unreadable(
                path.clone(),
                format!("no file in this folder is in the format {}", format.name()),
            ));
        }
        if !skipped.is_empty() {
            let names: Vec<&str> = skipped.iter().take(MAX_LISTED_FILES).map(String::as_str).collect();
            let more = if skipped.len() > MAX_LISTED_FILES { ", …" } else { "" };
            let what = if skipped.len() == 1 { "file that is" } else { "files that are" };
            let note = format!("skipped {} {what} not {}: {}{more}", skipped.len(), format.name(), names.join(", "));
            sources.push(InputSource::Note(path.clone(), note));
        }
    }
    sources
}

/// The state of a walk through a folder.
struct FolderWalk<'a> {
    sources: &'a mut Vec<InputSource>,
    skipped: &'a mut Vec<String>,
    /// The canonical paths of folders that are not read.
    excluded: &'a [PathBuf],
    /// Visited folders; symbolic links may form cycles.
    visited: HashSet<PathBuf>,
}

fn walk_folder(folder: &Path, format: &dyn Format, depth: usize, walk: &mut FolderWalk<'_>) {
    if let Ok(real) = folder.canonicalize() {
        if walk.excluded.contains(&real) {
            let note = "skipped this folder: it has the database of the service".to_owned();
            walk.sources.push(InputSource::Note(folder.to_owned(), note));
            return;
        }
        if !walk.visited.insert(real) {
            return;
        }
    }
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match entries {
        Ok(entries) if depth <= MAX_FOLDER_DEPTH => entries,
        Ok(_) => {
            let reason = format!("it is nested more than {MAX_FOLDER_DEPTH} folders deep");
            walk.sources.push(InputSource::Unreadable(folder.to_owned(), reason));
            return;
        }
        Err(error) => {
            walk.sources.push(InputSource::Unreadable(folder.to_owned(), format!("it cannot be opened: {error}")));
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() && format.skipped_folders().iter().any(|name| entry.file_name() == *name) {
            walk.skipped.push(format!("{}/", entry.file_name().to_string_lossy()));
        } else if path.is_dir() {
            walk_folder(&path, format, depth + 1, walk);
        // Pipes and devices are skipped; a broken link is reported when it is opened.
        } else if has_format_extension(&path, format) && (path.is_file() || !path.exists()) {
            walk.sources.push(InputSource::File(path));
        } else {
            walk.skipped.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
}

/// Whether a file name has an extension of the format, ignoring a compression suffix.
pub(crate) fn has_format_extension(path: &Path, format: &dyn Format) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    if name.starts_with('.') || name == "manifest" {
        return false;
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    format.extensions().contains(&extension)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::import::formats;

    #[test]
    fn cycles_of_symbolic_links() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.ris"), "TY  - JOUR").expect("a file");
        for name in ["b", "c"] {
            symlink(folder.path(), folder.path().join(name)).expect("a link");
        }
        symlink("nowhere", folder.path().join("d.ris")).expect("a link");
        let sources = find_input_sources(&[folder.path().to_owned()], formats::by_name("ris").expect("a format"), &[]);
        let files: Vec<String> = sources
            .iter()
            .filter_map(|source| match source {
                InputSource::File(path) => Some(path.file_name()?.to_string_lossy().into_owned()),
                _ => None,
            })
            .collect();
        assert_eq!((files, sources.len()), (vec!["a.ris".to_owned(), "d.ris".to_owned()], 2));
    }
}
