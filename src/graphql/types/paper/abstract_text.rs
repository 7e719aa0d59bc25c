//! The abstract of a paper.

use async_graphql::{Enum, Object, SimpleObject};

use crate::error::Error;
use crate::graphql::engine::field_directives::{Cost, FREE};
use crate::graphql::types::localized_string::LocalizedString;
use crate::model::language::LanguageTag;
use crate::model::record;
use crate::text::excerpt::excerpt;

/// How much of an abstract is available.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::AbstractCompleteness")]
pub enum AbstractCompleteness {
    /// The full abstract.
    Full,
    /// The beginning: the source truncated it.
    Truncated,
    /// No abstract: the source has none.
    Absent,
    /// No abstract: it exists, but it is restricted and cannot be displayed.
    Withheld,
}

/// The abstract of a paper, or the reason why it is not available.
pub struct Abstract {
    pub(super) completeness: AbstractCompleteness,
    pub(super) text: Option<LocalizedString>,
}

/// The abstract of a paper, or the reason why it is not available.
#[Object]
impl Abstract {
    /// How much of the abstract is available.
    async fn completeness(&self) -> AbstractCompleteness {
        self.completeness
    }

    /// The abstract as plain text. Null if `completeness` is ABSENT or WITHHELD.
    async fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.value.as_str())
    }

    /// The language of the text. Null if unknown.
    async fn language(&self) -> Option<LanguageTag> {
        self.text.as_ref()?.language.clone()
    }

    /// Whether the text is in a language that was not requested. False if there is no text.
    async fn is_fallback(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.is_fallback)
    }

    /// The beginning of the abstract, truncated at a word boundary. Null if there is no text.
    #[graphql(directive = Cost::apply(FREE))]
    async fn excerpt(
        &self,
        #[graphql(desc = "The maximum length in characters (grapheme clusters): 1 to 10,000.", default = 300)]
        max_length: i32,
    ) -> Result<Option<Excerpt>, Error> {
        let max_characters = usize::try_from(max_length)
            .ok()
            .filter(|max_characters| (1..=10_000).contains(max_characters))
            .ok_or_else(|| {
                Error::BadUserInput(format!("maxLength is {max_length}; it must be between 1 and 10,000"))
            })?;
        Ok(self.text.as_ref().map(|text| {
            let excerpt_text = excerpt(&text.value, max_characters);
            Excerpt { text: excerpt_text.to_owned(), is_truncated: excerpt_text.len() < text.value.trim_end().len() }
        }))
    }
}

/// The beginning of a text.
#[derive(SimpleObject)]
pub struct Excerpt {
    /// The beginning of the text, without an ellipsis.
    text: String,
    /// Whether the text was truncated, so that there is more to show.
    is_truncated: bool,
}
