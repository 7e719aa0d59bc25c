//! Cursors of the feed, revisions, and the epochs that both belong to.
//!
//! After a restore or a failover that lost commits, the same positions are given to other changes: the feed is forked. An
//! epoch is the time between two forks. A cursor says in which epoch it was made, and remains valid up to the earliest
//! fork since then, because everything before that is common to both.

use std::fmt::{self, Debug, Formatter};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::Error;
use crate::model::change::FeedPosition;

/// The version of the cursor's format, its first byte.
const VERSION: u8 = 1;
/// Version, epoch, and two positions with kind and id.
const CONTENT_BYTES: usize = 43;
/// The bytes of the signature. They detect typing errors and invented cursors; there is nothing to gain by forging one.
const SIGNATURE_BYTES: usize = 4;
/// Derives the key of cursors from the secret of the directory.
const CURSOR_LABEL: &[u8] = b"change feed cursor";

/// An epoch of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedEpoch {
    /// Its random id.
    pub id: i64,
    /// The last position that it shares with the epoch before.
    pub fork_position: i64,
}

/// The state of a reader, as a client keeps it.
///
/// In the middle of a walk, the reader has read up to `at`, but it does not know everything up to there: an entity that
/// has moved beyond since the walk began has not been read. It knows everything up to `since`, where the walk began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedCursor {
    /// Up to where the reader has read.
    pub at: FeedPosition,
    /// Up to where the reader knows everything: what is reported is relative to this.
    pub since: FeedPosition,
}

impl FeedCursor {
    /// Before the first change.
    pub const START: Self = Self { at: FeedPosition::START, since: FeedPosition::START };

    /// A reader that knows everything up to a position, such as the end of the feed.
    #[must_use]
    pub fn complete(at: FeedPosition) -> Self {
        Self { at, since: at }
    }
}

/// What cursors and revisions are made of and checked against.
#[derive(Clone)]
pub struct FeedState {
    key: [u8; 32],
    /// From the first to the current one: each continues the one before.
    epochs: Vec<FeedEpoch>,
    /// The last position of the feed.
    head: FeedPosition,
}

/// A cursor that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CursorError {
    /// It was not made by this directory, or has been changed.
    #[error("after is not a cursor of the change feed; use the value of `cursor` or of `directory.changeCursor`")]
    Invalid,
    /// The directory was restored to a state before it.
    #[error(
        "the directory was restored to a state before this cursor, and what was read since may not exist any more: start again without a cursor, and remove what that walk does not return"
    )]
    Forked,
}

impl From<CursorError> for Error {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Invalid => Self::BadUserInput(error.to_string()),
            CursorError::Forked => Self::Forked(error.to_string()),
        }
    }
}

impl Debug for FeedState {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FeedState").field("epochs", &self.epochs).field("head", &self.head).finish()
    }
}

impl FeedState {
    /// Creates the state of a directory with this secret, whose feed has these epochs, the current one last.
    ///
    /// # Errors
    /// If there is no epoch, which a migration creates.
    pub(crate) fn new(secret: &str, epochs: Vec<FeedEpoch>, head: FeedPosition) -> Result<Self, Error> {
        if epochs.is_empty() {
            return Err(Error::internal("the change feed has no epoch"));
        }
        Ok(Self { key: hmac(secret.as_bytes(), CURSOR_LABEL), epochs, head })
    }

    /// Returns the last position of the feed when the state was read.
    #[must_use]
    pub fn head(&self) -> FeedPosition {
        self.head
    }

    /// Returns the id of the current epoch.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epochs.last().map_or(0, |epoch| epoch.id)
    }

    /// Returns the cursor, in the current epoch, of a reader that knows everything up to a position.
    #[must_use]
    pub fn encode(&self, at: FeedPosition) -> String {
        self.encode_cursor(FeedCursor::complete(at))
    }

    /// Returns the cursor in the current epoch.
    #[must_use]
    pub fn encode_cursor(&self, cursor: FeedCursor) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.current_epoch().to_be_bytes());
        for FeedPosition { position, kind, id } in [cursor.at, cursor.since] {
            bytes.extend(position.to_be_bytes());
            bytes.push(u8::try_from(kind).unwrap_or(u8::MAX));
            bytes.extend(id.to_be_bytes());
        }
        let signature = hmac(&self.key, &bytes);
        bytes.extend(&signature[..SIGNATURE_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the position of a cursor.
    ///
    /// # Errors
    /// If the cursor is not one of this directory, or the directory was restored to a state before it. The state of a
    /// replica may be older than the cursor: ask the primary then.
    pub fn decode(&self, text: &str) -> Result<FeedPosition, CursorError> {
        self.decode_cursor(text).map(|cursor| cursor.at)
    }

    /// Returns what a cursor says.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_cursor(&self, text: &str) -> Result<FeedCursor, CursorError> {
        let (epoch_id, cursor) = self.parse(text).ok_or(CursorError::Invalid)?;
        self.check(epoch_id, cursor.at.position)?;
        Ok(cursor)
    }

    /// Returns the id of the current epoch.
    #[must_use]
    pub fn current_epoch(&self) -> i64 {
        self.epochs.last().map_or(0, |epoch| epoch.id)
    }

    /// Checks that a position of an epoch still exists.
    ///
    /// # Errors
    /// If the directory was restored to a state before it.
    pub fn check(&self, epoch: i64, position: i64) -> Result<(), CursorError> {
        let number = self.epochs.iter().position(|own| own.id == epoch).ok_or(CursorError::Forked)?;
        let forks = self.epochs[number + 1..].iter().map(|epoch| epoch.fork_position);
        let end = forks.min().unwrap_or(self.head.position);
        if position > end { Err(CursorError::Forked) } else { Ok(()) }
    }

    /// Returns the signature of a text that is not a cursor. `label` says what it is, so that it is not taken for another.
    #[must_use]
    pub fn sign(&self, label: &str, content: &[u8]) -> [u8; 32] {
        hmac(&hmac(&self.key, label.as_bytes()), content)
    }

    /// The epoch and the content of a cursor.
    fn parse(&self, text: &str) -> Option<(i64, FeedCursor)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, signature) = bytes.split_at_checked(CONTENT_BYTES)?;
        if signature != &hmac(&self.key, content)[..SIGNATURE_BYTES] || content[0] != VERSION {
            return None;
        }
        let number = |start: usize| Some(i64::from_be_bytes(content.get(start..start + 8)?.try_into().ok()?));
        let position = |start: usize| {
            let kind = i16::from(*content.get(start + 8)?);
            Some(FeedPosition { position: number(start)?, kind, id: number(start + 9)? })
        };
        Some((number(1)?, FeedCursor { at: position(9)?, since: position(26)? }))
    }

    /// Returns the revision of an entity that last changed at this position. Another state of the entity has another
    /// revision, also after a fork.
    #[must_use]
    pub fn revision(&self, position: i64) -> String {
        let mut earlier = self.epochs.iter().rev().filter(|epoch| epoch.fork_position < position);
        let epoch = earlier.next().or(self.epochs.first()).map_or(0, |epoch| epoch.id);
        revision(position, epoch)
    }
}

/// The revision of an entity that last changed at a position in an epoch.
pub(crate) fn revision(position: i64, epoch: i64) -> String {
    format!("{}-{}", base36(position.unsigned_abs()), base36(epoch.cast_unsigned()))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key of any length is valid.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(u32::try_from(number % 36).unwrap_or_default(), 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(position: i64) -> FeedPosition {
        FeedPosition { position, kind: 5, id: 9 }
    }

    fn state(epochs: &[(i64, i64)], head: i64) -> FeedState {
        let epochs = epochs.iter().map(|(id, fork_position)| FeedEpoch { id: *id, fork_position: *fork_position });
        FeedState::new("secret", epochs.collect(), at(head)).expect("a state")
    }

    #[test]
    fn cursors_are_valid_up_to_the_earliest_fork_since() {
        let first = state(&[(7, 0)], 100);
        let (early, late) = (first.encode(at(40)), first.encode(at(90)));
        assert_eq!(first.decode(&late), Ok(at(90)));
        // The directory was restored to 60, and later to 50.
        let second = state(&[(7, 0), (8, 60)], 120);
        assert_eq!(second.decode(&early), Ok(at(40)));
        assert_eq!(second.decode(&late), Err(CursorError::Forked));
        let between = second.encode(at(55));
        let third = state(&[(7, 0), (8, 60), (9, 50)], 200);
        assert_eq!(third.decode(&early), Ok(at(40)));
        assert_eq!(third.decode(&between), Err(CursorError::Forked));
        // A restored directory that has not recorded anything since.
        assert_eq!(state(&[(7, 0)], 60).decode(&late), Err(CursorError::Forked));
        // A cursor of a branch that was abandoned.
        assert_eq!(state(&[(7, 0), (11, 60)], 120).decode(&second.encode(at(10))), Err(CursorError::Forked));
    }

    #[test]
    fn cursors_of_other_directories_are_invalid() {
        let epochs = vec![FeedEpoch { id: 7, fork_position: 0 }];
        let other = FeedState::new("other", epochs, at(100)).expect("a state");
        let own = state(&[(7, 0)], 100);
        assert_eq!(own.decode(&other.encode(at(1))), Err(CursorError::Invalid));
        for text in ["", "x", "AAAA", "not a cursor"] {
            assert_eq!(own.decode(text), Err(CursorError::Invalid));
        }
    }

    #[test]
    fn revisions_differ_between_epochs() {
        let first = state(&[(7, 0)], 100);
        let second = state(&[(7, 0), (8, 60)], 100);
        assert_eq!(first.revision(60), second.revision(60));
        assert_ne!(first.revision(61), second.revision(61));
        assert_eq!(first.revision(61), "1p-7");
    }

    proptest! {
        #[test]
        fn cursors_round_trip(position in 0_i64.., kind in 0_i16..6, id in 0_i64..) {
            let state = state(&[(-3, 0)], i64::MAX);
            let at = FeedPosition { position, kind, id };
            prop_assert_eq!(state.decode(&state.encode(at)), Ok(at));
            let cursor = FeedCursor { at, since: FeedPosition { position: position / 2, kind, id } };
            prop_assert_eq!(state.decode_cursor(&state.encode_cursor(cursor)), Ok(cursor));
        }

        #[test]
        fn a_changed_byte_is_noticed(index in 0_usize..47, flip in 1_u8..) {
            let state = state(&[(-3, 0)], i64::MAX);
            let mut bytes = URL_SAFE_NO_PAD.decode(state.encode(at(8123))).expect("base64url");
            bytes[index] ^= flip;
            prop_assert_eq!(state.decode(&URL_SAFE_NO_PAD.encode(bytes)), Err(CursorError::Invalid));
        }
    }
}
