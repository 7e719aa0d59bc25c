//! Display names of organizations and topics.

use crate::model::language::LocalizedText;
use crate::model::record::{NameKind, NameRecord};
use crate::text::names;

/// The display name in each language: the source's display name, else its first label. Aliases and acronyms are used
/// only if there is nothing else.
pub(crate) fn choose_display_names(names: &[NameRecord]) -> LocalizedText {
    let mut display = LocalizedText::default();
    let mut add = |name: &NameRecord| {
        let language = name.language.as_ref().and_then(|tag| tag.parse().ok());
        display.insert(language.as_ref(), name.value.clone());
    };
    let of_kind = |kind| names.iter().filter(move |name| name.kind == kind);
    // A later name replaces an earlier one, so the first label is added last, and the display name after it.
    of_kind(NameKind::Label).rev().for_each(&mut add);
    of_kind(NameKind::Display).rev().for_each(&mut add);
    if display.is_empty() {
        let other = of_kind(NameKind::Alias).chain(of_kind(NameKind::Acronym)).next();
        if let Some(name) = other {
            let language = name.language.as_ref().and_then(|tag| tag.parse().ok());
            display.insert(language.as_ref(), name.value.clone());
        }
    }
    display
}

/// The folded names, by which lists are sorted.
pub(crate) fn fold_sort_names(display: &LocalizedText) -> LocalizedText {
    display.map(|name| {
        let folded = names::fold(name);
        if folded.is_empty() { name.to_lowercase() } else { folded }
    })
}
