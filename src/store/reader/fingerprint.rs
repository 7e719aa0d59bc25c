//! Fingerprints of lists. A cursor carries the fingerprint of its list, so that another list rejects it.
//!
//! A fingerprint is a hash of a canonical form. Every list, filter field and sort order has an explicit word in
//! `lists`, which does not depend on Rust names: renaming code keeps all cursors valid. An absent filter field writes
//! nothing, so that a new field keeps them valid too. Structs are destructured without `..`: a field that is
//! missing there does not compile.

mod lists;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};

use crate::store::reader::page::ParentKey;

/// Version of the canonical forms, and prefix of each fingerprint. Increment it when a word in `lists` changes.
const FINGERPRINT_VERSION: &str = "1.";

/// Number of bytes of the hash in a fingerprint.
const HASH_BYTES: usize = 6;

/// Returns the fingerprint of a parent's list: [`FINGERPRINT_VERSION`] and the truncated SHA-256 of its canonical form,
/// in URL-safe base64.
#[must_use]
pub fn fingerprint<L: CanonicalForm>(parent: ParentKey, list: &L) -> String {
    let digest = Sha256::digest(canonical_form(parent, list).as_bytes());
    let mut fingerprint = FINGERPRINT_VERSION.to_owned();
    URL_SAFE_NO_PAD.encode_string(&digest[..HASH_BYTES], &mut fingerprint);
    fingerprint
}

/// Returns whether a fingerprint is from a release before fingerprints had a version. Cursors with such fingerprints are
/// accepted for one release if the number and types of their keys fit.
#[must_use]
pub fn is_unversioned(fingerprint: &str) -> bool {
    !fingerprint.contains('.')
}

fn canonical_form<L: CanonicalForm>(parent: ParentKey, list: &L) -> String {
    let mut out = String::new();
    out.field("parent", &(parent.primary != 0).then_some(parent.primary));
    out.field("second_parent", &(parent.secondary != 0).then_some(parent.secondary));
    list.write_canonical(&mut out);
    out
}

/// Value with a canonical form, which fingerprints are computed from.
pub trait CanonicalForm {
    /// Appends the canonical form.
    fn write_canonical(&self, out: &mut String);

    /// Returns whether the value is absent, so that neither it nor its field's name is written.
    fn is_absent(&self) -> bool {
        false
    }
}

trait CanonicalFields {
    /// Appends a field with its name, unless its value is absent.
    fn field(&mut self, name: &str, value: &impl CanonicalForm);
}

impl CanonicalFields for String {
    fn field(&mut self, name: &str, value: &impl CanonicalForm) {
        if !value.is_absent() {
            self.push_str(name);
            self.push('=');
            value.write_canonical(self);
            self.push(';');
        }
    }
}

impl<T: CanonicalForm> CanonicalForm for Option<T> {
    fn write_canonical(&self, out: &mut String) {
        if let Some(value) = self {
            value.write_canonical(out);
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: CanonicalForm> CanonicalForm for Vec<T> {
    fn write_canonical(&self, out: &mut String) {
        out.push('[');
        for value in self {
            value.write_canonical(out);
            out.push(',');
        }
        out.push(']');
    }
}

impl<T: CanonicalForm> CanonicalForm for Box<T> {
    fn write_canonical(&self, out: &mut String) {
        (**self).write_canonical(out);
    }
}

impl CanonicalForm for String {
    /// Quoted, so that a text cannot imitate other syntax.
    fn write_canonical(&self, out: &mut String) {
        out.push('"');
        for character in self.chars() {
            if matches!(character, '"' | '\\') {
                out.push('\\');
            }
            out.push(character);
        }
        out.push('"');
    }
}

/// Implements the canonical form by `Display`.
macro_rules! canonical_by_display {
    ($($type:ty),+) => {$(
        impl CanonicalForm for $type {
            fn write_canonical(&self, out: &mut String) {
                // Writing to a string cannot fail.
                let _ = write!(out, "{self}");
            }
        }
    )+};
}
canonical_by_display!(bool, i32, i64, NaiveDate);

impl CanonicalForm for DateTime<Utc> {
    fn write_canonical(&self, out: &mut String) {
        out.push_str(&self.to_rfc3339());
    }
}
