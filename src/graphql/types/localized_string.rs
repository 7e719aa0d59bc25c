//! Localized strings and names.

use async_graphql::{Enum, SimpleObject};

use crate::model::language::{LanguagePreferences, LanguageTag, LocalizedText};
use crate::model::record;

/// A string in the best language available for the reader.
#[derive(SimpleObject)]
pub struct LocalizedString {
    /// The text.
    pub value: String,
    /// The language of the text. Null for proper names, and if the source does not provide it.
    pub language: Option<LanguageTag>,
    /// Whether the text is in a language that was not requested. A different region or script of a requested language
    /// is not a fallback. Neither is the default language if no language was requested.
    pub is_fallback: bool,
}

impl LocalizedString {
    /// Creates a string without a language, such as a person's name.
    pub fn without_language(value: impl Into<String>) -> Self {
        Self { value: value.into(), language: None, is_fallback: false }
    }

    /// Selects the best match; `None` if there is no text.
    pub fn best_match(texts: &LocalizedText, languages: &LanguagePreferences) -> Option<Self> {
        texts.best_match(languages).map(|best| Self {
            value: best.value.to_owned(),
            language: best.language.and_then(|tag| tag.parse().ok()),
            is_fallback: best.is_fallback,
        })
    }
}

/// The kind of name.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::NameKind")]
pub enum NameKind {
    /// The display name if no language is requested.
    Display,
    /// A full name, or the preferred label of a vocabulary.
    Label,
    /// An alternative name.
    Alias,
    /// An acronym or initials.
    Acronym,
}

/// A name in one language.
#[derive(SimpleObject)]
pub struct LocalizedName {
    /// The name.
    value: String,
    /// The language of the name. Null if the source does not provide it.
    language: Option<LanguageTag>,
    /// The kind of name.
    kind: NameKind,
}

impl From<&record::NameRecord> for LocalizedName {
    fn from(name: &record::NameRecord) -> Self {
        Self {
            value: name.value.clone(),
            language: name.language.as_ref().and_then(|tag| tag.parse().ok()),
            kind: name.kind.into(),
        }
    }
}
