//! Pages of lists: which part of a list is asked for, and the cursors that mark places in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::store::reader::fingerprint::is_unversioned;

/// A place in a list: the row's values of the list's order keys, and which list it is a place in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The list's fingerprint, as [`fingerprint`](crate::store::reader::fingerprint::fingerprint) has it.
    pub list: String,
    /// The row's order keys as text, the id last.
    pub keys: Vec<String>,
}

impl Cursor {
    /// The cursor as clients see it: opaque.
    #[must_use]
    pub fn encode(&self) -> String {
        let parts: Vec<&str> = std::iter::once(&self.list).chain(&self.keys).map(String::as_str).collect();
        URL_SAFE_NO_PAD.encode(serde_json::json!(parts).to_string())
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut parts: Vec<String> = serde_json::from_slice(&bytes).ok()?;
        if parts.len() < 2 {
            return None;
        }
        let keys = parts.split_off(1);
        Some(Self { list: parts.pop()?, keys })
    }
}

/// Which way a page is read from its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The first rows after the cursor.
    Forward,
    /// The last rows before the cursor.
    Backward,
}

/// A part of a list: at most `size` rows, from one end of what lies between two cursors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// The largest number of rows.
    pub size: u32,
    /// From which end.
    pub direction: Direction,
    /// Only rows after this place.
    pub after: Option<Cursor>,
    /// Only rows before this place.
    pub before: Option<Cursor>,
}

/// The Relay arguments of a connection, as a client gave them.
#[derive(Clone, Debug, Default)]
pub struct PageArguments {
    /// How many from the start.
    pub first: Option<i32>,
    /// Only what follows this cursor.
    pub after: Option<String>,
    /// How many from the end.
    pub last: Option<i32>,
    /// Only what precedes this cursor.
    pub before: Option<String>,
}

/// How large a page may be.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Where neither `first` nor `last` is given.
    pub default_size: u32,
    /// The most that may be asked for.
    pub maximum_size: u32,
}

/// Why a page cannot be given.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PageError {
    /// Both ends at once.
    #[error("first and last cannot both be given; choose the end of the list to read from")]
    BothEnds,
    /// Too small or too large.
    #[error("{argument} is {given}; it can be 1 to {maximum}")]
    Size {
        /// `first` or `last`.
        argument: &'static str,
        /// What was given.
        given: i32,
        /// The largest that passes.
        maximum: u32,
    },
    /// Not a cursor at all.
    #[error("{argument} is not a cursor of this directory; take one from an edge's cursor or from pageInfo")]
    Cursor {
        /// `after` or `before`.
        argument: &'static str,
    },
    /// A cursor of another list.
    #[error(
        "{argument} is a cursor of another list; a cursor belongs to its field, the thing that has it, filter, order and \
         languages: repeat these, or start again without it"
    )]
    OtherList {
        /// `after` or `before`.
        argument: &'static str,
    },
}

impl Page {
    /// Reads a client's arguments, for the list with the fingerprint that `list` gives.
    ///
    /// # Errors
    /// Where the arguments contradict each other, pass a limit, or hold a cursor of something else.
    pub fn new(arguments: &PageArguments, list: impl Fn() -> String, limits: PageLimits) -> Result<Self, PageError> {
        let size = |argument, given: i32| match u32::try_from(given) {
            Ok(size) if (1..=limits.maximum_size).contains(&size) => Ok(size),
            _ => Err(PageError::Size { argument, given, maximum: limits.maximum_size }),
        };
        let cursor = |argument, given: &Option<String>| match given.as_deref().map(Cursor::decode) {
            None => Ok(None),
            Some(None) => Err(PageError::Cursor { argument }),
            Some(Some(cursor)) if !is_unversioned(&cursor.list) && cursor.list != list() => {
                Err(PageError::OtherList { argument })
            }
            Some(cursor) => Ok(cursor),
        };
        let (size, direction) = match (arguments.first, arguments.last) {
            (Some(_), Some(_)) => return Err(PageError::BothEnds),
            (Some(first), None) => (size("first", first)?, Direction::Forward),
            (None, Some(last)) => (size("last", last)?, Direction::Backward),
            (None, None) => (limits.default_size, Direction::Forward),
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

    fn page(arguments: &PageArguments) -> Result<Page, PageError> {
        Page::new(arguments, || "1.list".to_owned(), LIMITS)
    }

    #[test]
    fn sizes() {
        assert_eq!(page(&PageArguments::default()).expect("a page").size, 20);
        assert_eq!(page(&PageArguments { last: Some(100), ..Default::default() }).expect("a page").size, 100);
        for first in [0, -1, 101, i32::MIN] {
            let refused = page(&PageArguments { first: Some(first), ..Default::default() });
            assert_eq!(refused, Err(PageError::Size { argument: "first", given: first, maximum: 100 }));
        }
        let both = PageArguments { first: Some(1), last: Some(1), ..Default::default() };
        assert_eq!(page(&both), Err(PageError::BothEnds));
    }

    #[test]
    fn cursors_belong_to_their_list() {
        let cursor = |list: &str| Cursor { list: list.to_owned(), keys: vec!["1".to_owned()] };
        let after = |text: String| page(&PageArguments { after: Some(text), ..Default::default() });
        assert_eq!(after(cursor("1.list").encode()).expect("a page").after, Some(cursor("1.list")));
        assert_eq!(after(cursor("1.other").encode()), Err(PageError::OtherList { argument: "after" }));
        assert_eq!(after(cursor("2.list").encode()), Err(PageError::OtherList { argument: "after" }));
        // Cursors of the release before this one have no version.
        assert_eq!(after(cursor("R2_fHxyz").encode()).expect("a page").after, Some(cursor("R2_fHxyz")));
        assert_eq!(after("x".to_owned()), Err(PageError::Cursor { argument: "after" }));
    }

    proptest! {
        #[test]
        fn cursors_come_back(list in any::<String>(), keys in prop::collection::vec(any::<String>(), 1..4)) {
            let cursor = Cursor { list, keys };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text in any::<String>()) {
            let _ = Cursor::decode(&text);
        }
    }
}
