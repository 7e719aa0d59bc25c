//! Resumption tokens: where a list continues. They are stateless and signed, so that they survive restarts and never expire.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::harvest::protocol::{ErrorCode, ListKind, MetadataFormat, OaiError};
use crate::model::change::FeedPosition;
use crate::store::changes::cursor::FeedState;

/// The version of the token's format, its first byte.
const VERSION: u8 = 1;
const LABEL: &str = "OAI-PMH resumption token";
/// The bytes of the signature. They detect typing errors and invented tokens; there is nothing to gain by forging one.
const SIGNATURE_BYTES: usize = 8;

/// Where a list of records continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListToken {
    /// The verb.
    pub kind: ListKind,
    /// The format.
    pub format: MetadataFormat,
    /// The set.
    pub set: Option<String>,
    /// The last record of the page before.
    pub after: FeedPosition,
    /// The last position before the range of the list.
    pub start: i64,
    /// The latest datestamp of the list, in seconds since 1970.
    pub until: i64,
    /// The date of the first response, in seconds since 1970. It is that of all pages: what changes after it is in the next
    /// list.
    pub response_date: i64,
    /// The number of records on the pages before.
    pub cursor: u64,
    /// The number of records of the list, if it was counted.
    pub size: Option<u64>,
}

impl ListToken {
    /// Writes the token.
    #[must_use]
    pub fn encode(&self, feed: &FeedState) -> String {
        let kind = match self.kind {
            ListKind::Identifiers => 0,
            ListKind::Records => 1,
        };
        let format = match self.format {
            MetadataFormat::DublinCore => 0,
            MetadataFormat::Cerif => 1,
        };
        let mut bytes = vec![VERSION, kind, format, u8::try_from(self.after.kind).unwrap_or(u8::MAX)];
        let numbers = [
            feed.current_epoch(),
            self.after.position,
            self.after.id,
            self.start,
            self.until,
            self.response_date,
            self.cursor.cast_signed(),
            self.size.map_or(-1, u64::cast_signed),
        ];
        bytes.extend(numbers.into_iter().flat_map(i64::to_be_bytes));
        if let Some(set) = &self.set {
            bytes.push(b' ');
            bytes.extend(set.bytes());
        }
        seal(bytes, feed)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// If it was not made by this directory, or the directory was restored to a state before it.
    pub fn decode(text: &str, feed: &FeedState) -> Result<Self, OaiError> {
        let (epoch, token) = open(text, feed).and_then(|bytes| Self::parse(&bytes)).ok_or_else(invalid)?;
        let forked = |_| {
            let message = "the directory was restored to a state before this token, and records that it has passed may not \
                 exist any more; start the list again";
            ErrorCode::BadResumptionToken.error(message)
        };
        feed.check(epoch, token.after.position).map_err(forked)?;
        Ok(token)
    }

    /// The epoch and the token.
    fn parse(bytes: &[u8]) -> Option<(i64, Self)> {
        let (header, rest) = bytes.split_at_checked(4)?;
        let (numbers, set) = rest.split_at_checked(64)?;
        let [VERSION, kind, format, after_kind] = *header else { return None };
        let mut numbers = numbers.chunks_exact(8).filter_map(|number| number.try_into().ok()).map(i64::from_be_bytes);
        let mut number = || numbers.next();
        let (epoch, position, id) = (number()?, number()?, number()?);
        let token = Self {
            kind: *[ListKind::Identifiers, ListKind::Records].get(usize::from(kind))?,
            format: *MetadataFormat::ALL.get(usize::from(format))?,
            after: FeedPosition { position, kind: i16::from(after_kind), id },
            start: number()?,
            until: number()?,
            response_date: number()?,
            cursor: number()?.cast_unsigned(),
            size: number()?.try_into().ok(),
            set: match set.split_first() {
                None => None,
                Some((b' ', spec)) => Some(String::from_utf8(spec.to_vec()).ok()?),
                Some(_) => return None,
            },
        };
        Some((epoch, token))
    }
}

/// Writes the token after which the list of sets continues: that of the last organization.
#[must_use]
pub fn encode_set_token(last_organization_id: i64, feed: &FeedState) -> String {
    seal(last_organization_id.to_be_bytes().to_vec(), feed)
}

/// Reads the organization after which the list of sets continues.
///
/// # Errors
/// If the token was not made by this directory.
pub fn decode_set_token(text: &str, feed: &FeedState) -> Result<i64, OaiError> {
    let bytes = open(text, feed).and_then(|bytes| bytes.try_into().ok());
    bytes.map(i64::from_be_bytes).ok_or_else(invalid)
}

fn seal(mut bytes: Vec<u8>, feed: &FeedState) -> String {
    let signature = feed.sign(LABEL, &bytes);
    bytes.extend(&signature[..SIGNATURE_BYTES]);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(text: &str, feed: &FeedState) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let signature = bytes.split_off(bytes.len().checked_sub(SIGNATURE_BYTES)?);
    (signature == feed.sign(LABEL, &bytes)[..SIGNATURE_BYTES]).then_some(bytes)
}

fn invalid() -> OaiError {
    ErrorCode::BadResumptionToken.error("the resumptionToken is not one of this repository; start the list again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::changes::cursor::FeedEpoch;
    use proptest::prelude::*;

    fn feed(epochs: &[(i64, i64)], head: i64) -> FeedState {
        let epochs = epochs.iter().map(|(id, fork_position)| FeedEpoch { id: *id, fork_position: *fork_position });
        let head = FeedPosition { position: head, kind: 5, id: 9 };
        FeedState::new("secret", epochs.collect(), head).expect("a state")
    }

    fn token(position: i64, set: Option<&str>) -> ListToken {
        ListToken {
            kind: ListKind::Records,
            format: MetadataFormat::Cerif,
            set: set.map(str::to_owned),
            after: FeedPosition { position, kind: 5, id: 7 },
            start: 3,
            until: 1_790_000_000,
            response_date: 1_790_000_001,
            cursor: 100,
            size: Some(4711),
        }
    }

    #[test]
    fn tokens_are_valid_up_to_the_earliest_fork_since() {
        let first = feed(&[(7, 0)], 100);
        let (early, late) = (token(40, None).encode(&first), token(90, Some("org:a")).encode(&first));
        assert_eq!(ListToken::decode(&late, &first), Ok(token(90, Some("org:a"))));
        let restored = feed(&[(7, 0), (8, 60)], 120);
        assert_eq!(ListToken::decode(&early, &restored), Ok(token(40, None)));
        let error = ListToken::decode(&late, &restored).expect_err("a forked token");
        assert_eq!(error.code, ErrorCode::BadResumptionToken);
    }

    #[test]
    fn tokens_of_lists_and_sets_differ() {
        let feed = feed(&[(7, 0)], 100);
        let sets = encode_set_token(12, &feed);
        assert_eq!(decode_set_token(&sets, &feed), Ok(12));
        assert!(ListToken::decode(&sets, &feed).is_err());
        assert!(decode_set_token(&token(40, None).encode(&feed), &feed).is_err());
    }

    proptest! {
        #[test]
        fn other_texts_are_rejected(text in any::<String>()) {
            let feed = feed(&[(7, 0)], 100);
            prop_assert!(ListToken::decode(&text, &feed).is_err());
            prop_assert!(decode_set_token(&text, &feed).is_err());
        }

        #[test]
        fn a_changed_byte_is_noticed(index in 0_usize..76, flip in 1_u8..) {
            let feed = feed(&[(7, 0)], 100);
            let mut bytes = URL_SAFE_NO_PAD.decode(token(40, None).encode(&feed)).expect("base64url");
            bytes[index] ^= flip;
            prop_assert!(ListToken::decode(&URL_SAFE_NO_PAD.encode(bytes), &feed).is_err());
        }
    }
}
