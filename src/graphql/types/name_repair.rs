//! What was damaged in a name.

use async_graphql::{Enum, SimpleObject};

use crate::store::reader::name_repair;
use crate::text::names;

/// What was damaged in a published name. What is certain is shown repaired; the rest is a suggestion until the directory has
/// the suggested spelling from elsewhere.
#[derive(SimpleObject)]
pub struct NameRepair {
    /// The whole name, repaired.
    value: String,
    /// The kind of damage; of several the least certain one.
    rule: NameRepairRule,
    /// How sure it is that the name was so, from 0 to 1.
    confidence: f64,
    /// Whether it was made, because it is certain or because the repaired spelling is found elsewhere in the directory. Else it
    /// is only suggested.
    is_applied: bool,
}

impl From<name_repair::NameRepair> for NameRepair {
    fn from(repair: name_repair::NameRepair) -> Self {
        let name_repair::NameRepair { value, rule, confidence, is_applied } = repair;
        Self { value, rule: rule.into(), confidence, is_applied }
    }
}

/// A kind of damage that leaves a trace.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "names::RepairRule")]
pub enum NameRepairRule {
    /// LaTeX was left in the name: `B\"{u}nz`.
    Latex,
    /// An accent of LaTeX lost its backslash: `Andr'as`, `Ili'c`, `M"uller`.
    BareAccent,
    /// A caron of LaTeX lost its backslash and became a v: `Bovsnjak`. Never certain.
    Caron,
    /// UTF-8 was read in another encoding: `JosÃ©`.
    MisreadEncoding,
    /// An accent stands before or behind its letter: `M¨uller`.
    DetachedAccent,
    /// An accent is a combining mark, or a mark that no language puts on that letter.
    DecomposedAccent,
    /// Character references of HTML were left in the name: `Jos&eacute;`.
    HtmlEntity,
    /// The name, or its family name, is in capital letters.
    Capitals,
    /// Something stands in the name that is no part of it: marks of footnotes, addresses, single brackets.
    StrayCharacters,
}
