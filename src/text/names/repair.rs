//! Repair of damaged names. Each kind of damage that can be recognized is a rule.
//!
//! A rule returns a confidence. Certain repairs are applied. Uncertain ones are suggestions, applied only if the
//! directory has the suggested spelling from elsewhere. Apostrophes need care: "Andr'as" lost an accent, but O'Brien,
//! Xi'an, Mus'ab, Gimel'farb and Ka'ahumanu are undamaged.

mod accents;
mod bare_accents;
mod capitals;
mod encoding;
mod latex;
mod stray_characters;
#[cfg(test)]
mod tests;

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::text::names::name_key;
use crate::text::normalize::{clean, collapse_whitespace};

/// The minimum confidence of a repair that is applied without confirmation.
const CERTAIN_CONFIDENCE: f64 = 0.9;
/// The minimum confidence of a suggestion that is reported before it is confirmed. Below it, most names of this kind
/// are undamaged.
const PLAUSIBLE_CONFIDENCE: f64 = 0.3;
/// The maximum number of times that all rules are applied.
const MAX_REPAIR_ROUNDS: usize = 4;
/// The confidence of a suggestion whose spelling is found elsewhere.
const CONFIRMED_CONFIDENCE: f64 = 0.95;

/// A kind of damage. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RepairRule {
    /// LaTeX in the name: `B\"{u}nz`.
    #[serde(rename = "LATEX")]
    Latex,
    /// A LaTeX accent without its backslash: "Andr'as", "Ili'c", `M"uller`.
    #[serde(rename = "BARE_ACCENT")]
    BareAccent,
    /// A LaTeX caron without its backslash, as a v: "Bovsnjak".
    #[serde(rename = "CARON")]
    Caron,
    /// UTF-8 that was read as Latin-1 or Windows-1252: "JosÃ©".
    #[serde(rename = "MISREAD_ENCODING")]
    MisreadEncoding,
    /// A spacing accent before or after its letter: "G´omez".
    #[serde(rename = "DETACHED_ACCENT")]
    DetachedAccent,
    /// A combining accent, or one that no language has on this letter: "Martı́n", "Ales̆".
    #[serde(rename = "DECOMPOSED_ACCENT")]
    DecomposedAccent,
    /// HTML character references or tags: "Jos&eacute;", "<i>José</i>".
    #[serde(rename = "HTML_ENTITY")]
    HtmlEntity,
    /// Capital letters throughout: "IDA BROOK", "Ida BROOK".
    #[serde(rename = "CAPITALS")]
    Capitals,
    /// Characters that are not part of a name: footnote marks, e-mail addresses, unmatched brackets.
    #[serde(rename = "STRAY_CHARACTERS")]
    StrayCharacters,
}

/// A repaired name.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// The whole name, repaired.
    pub value: String,
    /// The rule. If several were applied, the least certain one.
    pub rule: RepairRule,
    /// Confidence, from 0 to 1.
    pub confidence: f64,
}

impl Repair {
    /// Returns whether the repair needs no confirmation.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.confidence >= CERTAIN_CONFIDENCE
    }

    /// Returns whether the repair is reported before it is confirmed.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.confidence >= PLAUSIBLE_CONFIDENCE
    }

    /// Returns whether the repaired name has other letters, not only another case.
    fn changes_letters(&self) -> bool {
        self.rule != RepairRule::Capitals
    }

    /// Returns the repair after its spelling was found elsewhere.
    #[must_use]
    pub fn confirmed(self) -> Self {
        Self { confidence: self.confidence.max(CONFIRMED_CONFIDENCE), ..self }
    }
}

/// The result of checking a name as published for damage.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairedName {
    /// The name, cleaned, with certain repairs applied.
    pub name: String,
    /// The certain repair, if any.
    pub certain: Option<Repair>,
    /// A further, uncertain repair that needs confirmation.
    pub suggestion: Option<Repair>,
}

impl RepairedName {
    /// Returns the repair to report: the suggestion if it is plausible, else the certain repair.
    #[must_use]
    pub fn reported_repair(&self) -> Option<&Repair> {
        self.suggestion.as_ref().filter(|repair| repair.is_plausible()).or(self.certain.as_ref())
    }

    /// Returns the name key by which another name confirms the suggestion. Nothing confirms that capitals are not meant:
    /// they make no difference to the key.
    #[must_use]
    pub fn suggestion_key(&self) -> Option<String> {
        self.suggestion.as_ref().filter(|repair| repair.changes_letters()).map(|repair| name_key(&repair.value))
    }

    /// Returns the name key by which this name confirms suggestions of other names, or `None` if it may be damaged
    /// itself. All suggestions add a letter beyond ASCII, so that only names with such a letter can confirm one.
    #[must_use]
    pub fn confirming_key(&self) -> Option<String> {
        let is_doubtful =
            self.suggestion.as_ref().is_some_and(|repair| repair.is_plausible() && repair.changes_letters());
        (!is_doubtful && !self.name.is_ascii()).then(|| name_key(&self.name))
    }
}

type RepairStep = (RepairRule, f64, fn(&str) -> Option<String>);

/// The certain repairs, in the order in which they are applied.
const CERTAIN_REPAIRS: [RepairStep; 8] = [
    (RepairRule::MisreadEncoding, 0.99, encoding::decode_misread_utf8),
    (RepairRule::HtmlEntity, 0.99, encoding::strip_html),
    (RepairRule::DecomposedAccent, 0.99, accents::compose_accents),
    (RepairRule::Latex, 0.98, latex::decode_latex),
    (RepairRule::DetachedAccent, 0.95, accents::attach_accents),
    (RepairRule::StrayCharacters, 0.95, stray_characters::remove_stray_characters),
    (RepairRule::BareAccent, 0.95, bare_accents::repair_certain_accents),
    (RepairRule::Capitals, 0.9, capitals::lower_capitals),
];

/// What the other names of a list say about names in capitals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListCapitals {
    /// Nothing: each name is judged by itself.
    #[default]
    Unknown,
    /// Every name, of at least two, is in capitals, which mean nothing there.
    Throughout,
    /// Some name is written in the ordinary way, so that capitals may be meant.
    Beside,
}

impl ListCapitals {
    /// Looks at the names of a list.
    #[must_use]
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let (mut count, mut are_all) = (0, true);
        for name in names {
            count += 1;
            are_all &= !name.contains(char::is_lowercase);
            if capitals::is_ordinary(name) {
                return Self::Beside;
            }
        }
        if are_all && count > 1 { Self::Throughout } else { Self::Unknown }
    }
}

/// Repairs a name as published.
#[must_use]
pub fn repair_name(published: &str) -> RepairedName {
    repair_listed_name(published, ListCapitals::Unknown)
}

/// Repairs a name as published in a list. Capitals are lowered if every name is in capitals, and only suggested to be
/// lowered beside ordinary names.
#[must_use]
pub fn repair_listed_name(published: &str, list: ListCapitals) -> RepairedName {
    // Some rules look at the first character.
    let mut name = published.trim().to_owned();
    let mut found: Option<(RepairRule, f64)> = None;
    // One repair can make another one possible.
    for _ in 0..MAX_REPAIR_ROUNDS {
        let before = name.clone();
        for (rule, confidence, step) in CERTAIN_REPAIRS {
            // A result without letters, or one that differs in white space only, is not a repair.
            let is_repaired = |value: &String| {
                value.chars().any(char::is_alphabetic) && normalize_published(value) != normalize_published(&name)
            };
            let step = match (rule, list) {
                (RepairRule::Capitals, ListCapitals::Throughout) => capitals::lower_listed_capitals,
                (RepairRule::Capitals, ListCapitals::Beside) => continue,
                _ => step,
            };
            let Some(value) = step(&name).filter(is_repaired) else { continue };
            name = value;
            if found.is_none_or(|(_, least)| confidence < least) {
                found = Some((rule, confidence));
            }
        }
        if name == before {
            break;
        }
    }
    let name = clean(&name);
    let certain = found.map(|(rule, confidence)| Repair { value: name.clone(), rule, confidence });
    let suggestion =
        suggest_repair(&name).or_else(|| suggest_lower_case(&name).filter(|_| list == ListCapitals::Beside));
    RepairedName { suggestion, certain, name }
}

/// Returns a name in capitals in lower case.
fn suggest_lower_case(name: &str) -> Option<Repair> {
    let lowered = |value: String, confidence| Repair { value, rule: RepairRule::Capitals, confidence };
    let by_itself = capitals::lower_capitals(name).map(|value| lowered(value, 0.8));
    by_itself.or_else(|| capitals::lower_listed_capitals(name).map(|value| lowered(value, 0.5)))
}

/// Returns the name without repairs: with collapsed white space, and otherwise its original characters.
fn normalize_published(published: &str) -> String {
    collapse_whitespace(published.chars().filter(|c| c.is_whitespace() || !c.is_control()))
}

/// Returns an uncertain repair, if there is one.
fn suggest_repair(name: &str) -> Option<Repair> {
    let accents = bare_accents::suggest_accents(name);
    let before = accents.as_ref().map_or(name, |(value, _)| value);
    let carons = bare_accents::suggest_carons(before);
    let (value, rule, confidence) = match (carons, accents) {
        (Some((value, caron)), Some((_, accent))) if accent < caron => (value, RepairRule::BareAccent, accent),
        (Some((value, caron)), _) => (value, RepairRule::Caron, caron),
        (None, Some((value, accent))) => (value, RepairRule::BareAccent, accent),
        (None, None) => return None,
    };
    (value != name).then_some(Repair { value, rule, confidence })
}
