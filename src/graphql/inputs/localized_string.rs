//! Texts in the reader's language.

use async_graphql::{Enum, SimpleObject};

use crate::model::language::{LanguageTag, Languages, LocalizedText};
use crate::model::record;

/// A text in the best language for the reader, and whether it had to fall back to another.
#[derive(SimpleObject)]
pub struct LocalizedString {
    /// The text.
    pub value: String,
    /// Its language; null for proper names and where the source does not tell.
    pub language: Option<LanguageTag>,
    /// True where the text is known to be in a language that the reader did not ask for. Another region or script of a
    /// language that was asked for is no fallback, nor is the default language where no language was asked for.
    pub is_fallback: bool,
}

impl LocalizedString {
    /// A text that is in no language, such as a person's name.
    pub fn neutral(value: impl Into<String>) -> Self {
        Self { value: value.into(), language: None, is_fallback: false }
    }

    /// The best of several, where there is any.
    pub fn best(texts: &LocalizedText, languages: &Languages) -> Option<Self> {
        texts.best(languages).map(|best| Self {
            value: best.value.to_owned(),
            language: best.language.and_then(|tag| tag.parse().ok()),
            is_fallback: best.is_fallback,
        })
    }
}

/// What kind of name it is.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::NameKind")]
pub enum NameKind {
    /// The name to show where no language is asked for.
    Display,
    /// A full name, or a vocabulary's preferred label.
    Label,
    /// Another name it goes by.
    Alias,
    /// Its initials.
    Acronym,
}

/// One name in one language.
#[derive(SimpleObject)]
pub struct LocalizedName {
    /// The name.
    value: String,
    /// Its language; null where the source does not tell.
    language: Option<LanguageTag>,
    /// What kind of name it is.
    kind: NameKind,
}

impl From<&record::Name> for LocalizedName {
    fn from(name: &record::Name) -> Self {
        Self {
            value: name.value.clone(),
            language: name.language.as_ref().and_then(|tag| tag.parse().ok()),
            kind: name.kind.into(),
        }
    }
}
