//! Keys by which lists are sorted.

use crate::text::names;

/// Maximum length of a sort key, since index entries have a limit.
const MAX_SORT_KEY_CHARS: usize = 200;

/// The folded title, by which papers are sorted and papers of the same title are found.
#[must_use]
pub fn sort_title(title: &str) -> String {
    let folded = names::fold(title);
    let key = if folded.is_empty() { title.to_lowercase() } else { folded };
    truncate_sort_key(&key)
}

/// Returns the beginning of a sort key that fits into an index.
#[must_use]
pub(crate) fn truncate_sort_key(key: &str) -> String {
    key.chars().take(MAX_SORT_KEY_CHARS).collect()
}
