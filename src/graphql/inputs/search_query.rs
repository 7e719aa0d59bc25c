//! Search queries, as arguments and in filters.

use crate::error::Error;
use crate::text::tokenizer::SearchTerms;

/// Maximum length of a search query.
const MAX_QUERY_CHARS: usize = 500;

/// Parses a search query; `None` if it is blank.
///
/// # Errors
/// If it is too long.
pub fn parse_query(field: &str, text: &str) -> Result<Option<SearchTerms>, Error> {
    let length = text.chars().count();
    if length > MAX_QUERY_CHARS {
        let message = format!(
            "{field} has {length} characters; the limit is {MAX_QUERY_CHARS}: search for a name, a title or a few words"
        );
        return Err(Error::limit_exceeded("queryCharacters", length, MAX_QUERY_CHARS, message));
    }
    Ok(SearchTerms::new(text))
}

/// Returns the number of words that a search for this text looks up; 0 if it is too long, and thus rejected.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    if text.chars().nth(MAX_QUERY_CHARS).is_some() {
        return 0;
    }
    SearchTerms::new(text).map_or(0, |query| query.distinct_terms().len() as u64)
}

/// Parses the search query of a filter; `None` if it is omitted or blank.
///
/// # Errors
/// If it is too long.
pub fn parse_optional_query(field: &str, text: Option<String>) -> Result<Option<SearchTerms>, Error> {
    text.map_or(Ok(None), |text| parse_query(field, &text))
}
