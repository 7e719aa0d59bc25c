//! Damage in published names, and its repair.

use async_graphql::{Enum, SimpleObject};

use crate::store::reader::name_repair;
use crate::text::names;

/// Damage found in a published name. A certain repair is applied; any other is a suggestion until the directory has the
/// repaired spelling from another source.
#[derive(SimpleObject)]
pub struct NameRepair {
    /// The whole name, repaired.
    value: String,
    /// The kind of damage. If there are several, the least certain one.
    rule: NameRepairRule,
    /// The confidence that the repaired name is correct, from 0 to 1.
    confidence: f64,
    /// Whether the repair is applied: it is certain, or the repaired spelling occurs elsewhere in the directory.
    /// Otherwise it is only a suggestion.
    is_applied: bool,
}

impl From<name_repair::StoredNameRepair> for NameRepair {
    fn from(repair: name_repair::StoredNameRepair) -> Self {
        let name_repair::StoredNameRepair { value, rule, confidence, is_applied } = repair;
        Self { value, rule: rule.into(), confidence, is_applied }
    }
}

/// Kinds of damage that can be detected.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "names::RepairRule")]
pub enum NameRepairRule {
    /// LaTeX commands in the name: `B\"{u}nz`.
    Latex,
    /// A LaTeX accent without its backslash: `Andr'as`, `Ili'c`, `M"uller`.
    BareAccent,
    /// A LaTeX caron without its backslash, which leaves a v: `Bovsnjak`. Never certain.
    Caron,
    /// UTF-8 decoded in another encoding: `JosÃ©`.
    MisreadEncoding,
    /// An accent before or after its letter: `M¨uller`.
    DetachedAccent,
    /// An accent as a combining mark, or a mark that no language uses on that letter.
    DecomposedAccent,
    /// HTML character references or tags in the name: `Jos&eacute;`.
    HtmlEntity,
    /// The name or the family name in capital letters. Certain if all names of the paper are in capitals, never certain
    /// beside ordinary names.
    Capitals,
    /// Characters that are not part of the name: footnote marks, email addresses, unbalanced brackets.
    StrayCharacters,
}
