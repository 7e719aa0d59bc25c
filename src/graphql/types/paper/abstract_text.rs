//! Abstracts of papers.

use async_graphql::{Enum, Object, SimpleObject};

use crate::error::Error;
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::model::language::LanguageTag;
use crate::model::record;
use crate::text::excerpt::excerpt;

/// How much of an abstract the directory has.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "record::AbstractCompleteness")]
pub enum AbstractCompleteness {
    /// All of it.
    Full,
    /// Its beginning: the source cut it.
    Truncated,
    /// None: the source has none.
    Absent,
    /// None to show: there is one that may not be shown here.
    Withheld,
}

/// A paper's abstract, or why there is none to show.
pub struct Abstract {
    pub(super) completeness: AbstractCompleteness,
    pub(super) text: Option<LocalizedString>,
}

/// A paper's abstract, or why there is none to show.
#[Object]
impl Abstract {
    /// How much of it there is.
    async fn completeness(&self) -> AbstractCompleteness {
        self.completeness
    }

    /// The text, plain; null when ABSENT or WITHHELD.
    async fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.value.as_str())
    }

    /// The language of the text, where known.
    async fn language(&self) -> Option<LanguageTag> {
        self.text.as_ref()?.language.clone()
    }

    /// True where the text is known to be in a language that the reader did not ask for; false when there is no text.
    async fn is_fallback(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.is_fallback)
    }

    /// The first sentences, cut at a word and never inside a character; isTruncated says whether a reader can expand it.
    async fn excerpt(
        &self,
        #[graphql(desc = "The most characters, as a reader counts them: 1 to 10,000.", default = 300)] max_length: i32,
    ) -> Result<Option<Excerpt>, Error> {
        let most = usize::try_from(max_length)
            .ok()
            .filter(|most| (1..=10_000).contains(most))
            .ok_or_else(|| Error::BadUserInput(format!("maxLength is {max_length}; it can be 1 to 10,000")))?;
        Ok(self.text.as_ref().map(|text| {
            let shown = excerpt(&text.value, most);
            Excerpt { text: shown.to_owned(), is_truncated: shown.len() < text.value.trim_end().len() }
        }))
    }
}

/// The beginning of a text.
#[derive(SimpleObject)]
pub struct Excerpt {
    /// The beginning, without an ellipsis.
    text: String,
    /// Whether the text goes on.
    is_truncated: bool,
}
