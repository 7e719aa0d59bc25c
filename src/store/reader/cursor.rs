//! Cursor pagination: page arguments and opaque cursors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::PageLimits;
use crate::error::Error;
use crate::store::reader::fingerprint::is_unversioned;

/// Position in a list: the row's sort keys and the fingerprint of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Fingerprint of the list, from [`fingerprint`](crate::store::reader::fingerprint::fingerprint).
    pub fingerprint: String,
    /// Sort keys of the row, as text; the id is last.
    pub keys: Vec<String>,
}

impl Cursor {
    /// Encodes the cursor as an opaque string for clients.
    #[must_use]
    pub fn encode(&self) -> String {
        let parts: Vec<&str> = std::iter::once(&self.fingerprint).chain(&self.keys).map(String::as_str).collect();
        URL_SAFE_NO_PAD.encode(serde_json::json!(parts).to_string())
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut parts: Vec<String> = serde_json::from_slice(&bytes).ok()?;
        if parts.len() < 2 {
            return None;
        }
        let keys = parts.split_off(1);
        Some(Self { fingerprint: parts.pop()?, keys })
    }
}

/// Direction in which a page is read from its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageDirection {
    /// First rows after the cursor.
    Forward,
    /// Last rows before the cursor.
    Backward,
}

/// Requested page: at most `size` rows from one end of the range between two cursors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// Maximum number of rows.
    pub size: u32,
    /// End of the range to read from.
    pub direction: PageDirection,
    /// Only rows after this cursor.
    pub after: Option<Cursor>,
    /// Only rows before this cursor.
    pub before: Option<Cursor>,
}

/// Relay arguments of a connection, as provided by the client.
#[derive(Clone, Debug, Default)]
pub struct PageArguments {
    /// Returns the first _n_ items.
    pub first: Option<i32>,
    /// Returns items after this cursor.
    pub after: Option<String>,
    /// Returns the last _n_ items.
    pub last: Option<i32>,
    /// Returns items before this cursor.
    pub before: Option<String>,
}

/// Invalid page arguments.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PageError {
    /// Both `first` and `last` are given.
    #[error("first and last cannot both be given; give only one of them")]
    FirstAndLast,
    /// Page size is out of range.
    #[error("{argument} is {given}; it must be between 1 and {maximum}")]
    SizeOutOfRange {
        /// `first` or `last`.
        argument: &'static str,
        /// Value provided by the client.
        given: i32,
        /// Maximum page size.
        maximum: u32,
    },
    /// Cursor cannot be decoded.
    #[error("{argument} is not a valid cursor; use a cursor from an edge or from pageInfo")]
    InvalidCursor {
        /// `after` or `before`.
        argument: &'static str,
    },
    /// Cursor belongs to another list.
    #[error(
        "{argument} is a cursor of another list; a cursor is valid only for the same field, parent, filter, order and \
         languages: repeat these, or omit the cursor"
    )]
    ForeignCursor {
        /// `after` or `before`.
        argument: &'static str,
    },
}

impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        Self::BadUserInput(error.to_string())
    }
}

impl PageRequest {
    /// Validates a client's arguments against the limits and the fingerprint that `list` returns.
    ///
    /// # Errors
    /// Returns an error if the arguments contradict each other, exceed a limit, or contain a cursor of another list.
    pub fn from_arguments(
        arguments: &PageArguments,
        list: impl Fn() -> String,
        limits: PageLimits,
    ) -> Result<Self, PageError> {
        let size = |argument, given: i32| match u32::try_from(given) {
            Ok(size) if (1..=limits.maximum_size).contains(&size) => Ok(size),
            _ => Err(PageError::SizeOutOfRange { argument, given, maximum: limits.maximum_size }),
        };
        let cursor = |argument, given: &Option<String>| match given.as_deref().map(Cursor::decode) {
            None => Ok(None),
            Some(None) => Err(PageError::InvalidCursor { argument }),
            Some(Some(cursor)) if !is_unversioned(&cursor.fingerprint) && cursor.fingerprint != list() => {
                Err(PageError::ForeignCursor { argument })
            }
            Some(cursor) => Ok(cursor),
        };
        let (size, direction) = match (arguments.first, arguments.last) {
            (Some(_), Some(_)) => return Err(PageError::FirstAndLast),
            (Some(first), None) => (size("first", first)?, PageDirection::Forward),
            (None, Some(last)) => (size("last", last)?, PageDirection::Backward),
            (None, None) => (limits.default_size, PageDirection::Forward),
        };
        let (after, before) = (cursor("after", &arguments.after)?, cursor("before", &arguments.before)?);
        Ok(Self { size, direction, after, before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: PageLimits = PageLimits { default_size: 20, maximum_size: 100 };

    fn page(arguments: &PageArguments) -> Result<PageRequest, PageError> {
        PageRequest::from_arguments(arguments, || "1.list".to_owned(), LIMITS)
    }

    #[test]
    fn page_size_is_between_one_and_the_maximum() {
        assert_eq!(page(&PageArguments::default()).expect("a page").size, 20);
        assert_eq!(page(&PageArguments { last: Some(100), ..Default::default() }).expect("a page").size, 100);
        for first in [0, -1, 101, i32::MIN] {
            let page = page(&PageArguments { first: Some(first), ..Default::default() });
            assert_eq!(page, Err(PageError::SizeOutOfRange { argument: "first", given: first, maximum: 100 }));
        }
        let both = PageArguments { first: Some(1), last: Some(1), ..Default::default() };
        assert_eq!(page(&both), Err(PageError::FirstAndLast));
    }

    #[test]
    fn cursors_of_other_lists_are_rejected() {
        let cursor = |list: &str| Cursor { fingerprint: list.to_owned(), keys: vec!["1".to_owned()] };
        let after = |text: String| page(&PageArguments { after: Some(text), ..Default::default() });
        assert_eq!(after(cursor("1.list").encode()).expect("a page").after, Some(cursor("1.list")));
        assert_eq!(after(cursor("1.other").encode()), Err(PageError::ForeignCursor { argument: "after" }));
        assert_eq!(after(cursor("2.list").encode()), Err(PageError::ForeignCursor { argument: "after" }));
        // Cursors of the previous release have no version.
        assert_eq!(after(cursor("R2_fHxyz").encode()).expect("a page").after, Some(cursor("R2_fHxyz")));
        assert_eq!(after("x".to_owned()), Err(PageError::InvalidCursor { argument: "after" }));
    }

    proptest! {
        #[test]
        fn cursors_round_trip(list in any::<String>(), keys in prop::collection::vec(any::<String>(), 1..4)) {
            let cursor = Cursor { fingerprint: list, keys };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn decoding_arbitrary_text_does_not_panic(text in any::<String>()) {
            let _ = Cursor::decode(&text);
        }
    }
}
