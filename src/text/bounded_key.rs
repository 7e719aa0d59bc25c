//! Keys that fit into an index.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Maximum length of a key. An entry of a B-tree index of Postgres has at most 2,704 bytes, and some indexes have a second
/// text of up to 600 bytes.
const MAX_KEY_BYTES: usize = 2_000;
/// Bytes of the digest that stands for the rest of a longer key.
const DIGEST_BYTES: usize = 16;

/// Returns the key, or if it is too long for an index, its beginning with a digest of the whole: different keys stay
/// different.
#[must_use]
pub fn bounded_key(mut key: String) -> String {
    if key.len() > MAX_KEY_BYTES {
        let digest = Sha256::digest(&key);
        key.truncate(key.floor_char_boundary(MAX_KEY_BYTES - 1 - 2 * DIGEST_BYTES));
        key.push('#');
        HEXLOWER.encode_append(&digest[..DIGEST_BYTES], &mut key);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_keys_stay_different() {
        let (one, other) = (format!("{}a", "é".repeat(1_500)), format!("{}b", "é".repeat(1_500)));
        assert_ne!(bounded_key(one.clone()), bounded_key(other));
        assert_eq!(bounded_key(one.clone()), bounded_key(one));
        assert_eq!(bounded_key("é".repeat(1_000)), "é".repeat(1_000));
    }

    proptest! {
        #[test]
        fn keys_are_bounded(text in "\\PC{0,3000}") {
            let key = bounded_key(text);
            prop_assert!(key.len() <= MAX_KEY_BYTES);
            prop_assert_eq!(bounded_key(key.clone()), key);
        }
    }
}
