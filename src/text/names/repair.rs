//! Names that were damaged on their way, and what they were: each kind of damage that leaves a trace is a rule.
//!
//! A rule says how sure it is of a name. What is certain is mended at once; what is not is a suggestion, which waits until
//! the directory has the suggested spelling from somewhere else. Apostrophes are where care is due: "Andr'as" lost an
//! accent, and O'Brien, Xi'an, Mus'ab, Gimel'farb and Ka'ahumanu lost nothing.

mod accents;
mod bare_accents;
mod capitals;
mod encoding;
mod latex;
mod stray_characters;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::text::names::{clean, name_key};

/// From here on a repair is made without asking.
const CERTAIN_CONFIDENCE: f64 = 0.9;
/// From here on a suggestion is told before it is confirmed; below it there are more undamaged names that look so.
const PLAUSIBLE_CONFIDENCE: f64 = 0.3;
/// How often the rules are gone through.
const MAX_REPAIR_ROUNDS: usize = 4;
/// How sure a suggestion is whose spelling is found elsewhere.
const CONFIRMED_CONFIDENCE: f64 = 0.95;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RepairRule {
    /// LaTeX left in the name: `B\"{u}nz`.
    #[serde(rename = "LATEX")]
    Latex,
    /// LaTeX's accent without its backslash: "Andr'as", "Ili'c", `M"uller`.
    #[serde(rename = "BARE_ACCENT")]
    BareAccent,
    /// LaTeX's caron without its backslash, as a v: "Bovsnjak".
    #[serde(rename = "CARON")]
    Caron,
    /// UTF-8 that was read as Latin-1 or Windows-1252: "JosÃ©".
    #[serde(rename = "MISREAD_ENCODING")]
    MisreadEncoding,
    /// An accent as a character of its own before or behind its letter: "G´omez".
    #[serde(rename = "DETACHED_ACCENT")]
    DetachedAccent,
    /// An accent as a combining mark, or a mark that no language puts on the letter: "Martı́n", "Ales̆".
    #[serde(rename = "DECOMPOSED_ACCENT")]
    DecomposedAccent,
    /// Character references of HTML: "Jos&eacute;".
    #[serde(rename = "HTML_ENTITY")]
    HtmlEntity,
    /// Capital letters throughout: "IDA BROOK", "Ida BROOK".
    #[serde(rename = "CAPITALS")]
    Capitals,
    /// What is no part of a name: marks of footnotes, addresses, single brackets.
    #[serde(rename = "STRAY_CHARACTERS")]
    StrayCharacters,
}

/// What a damaged name was.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// The whole name, repaired.
    pub value: String,
    /// The kind of damage; of several the least certain one.
    pub rule: RepairRule,
    /// How sure the rule is, from 0 to 1.
    pub confidence: f64,
}

impl Repair {
    /// Whether it needs no confirmation.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.confidence >= CERTAIN_CONFIDENCE
    }

    /// Whether a person should hear of it before it is confirmed.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.confidence >= PLAUSIBLE_CONFIDENCE
    }

    /// The same, once its spelling is found elsewhere.
    #[must_use]
    pub fn confirmed(self) -> Self {
        Self { confidence: self.confidence.max(CONFIRMED_CONFIDENCE), ..self }
    }
}

/// A name as published, looked at for damage.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairedName {
    /// The name, clean, with all that is certain repaired.
    pub name: String,
    /// What was repaired.
    pub certain: Option<Repair>,
    /// What may have to be repaired besides, once it is confirmed.
    pub suggestion: Option<Repair>,
}

impl RepairedName {
    /// What a person should hear of before anything is confirmed: the suggestion, if that is plausible, or what was repaired.
    #[must_use]
    pub fn reported_repair(&self) -> Option<&Repair> {
        self.suggestion.as_ref().filter(|repair| repair.is_plausible()).or(self.certain.as_ref())
    }

    /// The identity key by which another name confirms the suggestion.
    #[must_use]
    pub fn suggestion_key(&self) -> Option<String> {
        self.suggestion.as_ref().map(|repair| name_key(&repair.value))
    }

    /// The identity key by which this name confirms the suggestions of others; none where it may be damaged itself. All
    /// suggestions bring a letter beyond ASCII, so that only names with such a letter confirm one.
    #[must_use]
    pub fn confirming_key(&self) -> Option<String> {
        let is_doubtful = self.suggestion.as_ref().is_some_and(Repair::is_plausible);
        (!is_doubtful && !self.name.is_ascii()).then(|| name_key(&self.name))
    }
}

type RepairStep = (RepairRule, f64, fn(&str) -> Option<String>);

/// What is certain, in the order in which damage is taken off again.
const CERTAIN_REPAIRS: [RepairStep; 8] = [
    (RepairRule::MisreadEncoding, 0.99, crate::text::names::repair::encoding::decode_misread_utf8),
    (RepairRule::HtmlEntity, 0.99, crate::text::names::repair::encoding::decode_html_entities),
    (RepairRule::DecomposedAccent, 0.99, crate::text::names::repair::accents::compose_accents),
    (RepairRule::Latex, 0.98, crate::text::names::repair::latex::decode_latex),
    (RepairRule::DetachedAccent, 0.95, crate::text::names::repair::accents::attach_accents),
    (RepairRule::StrayCharacters, 0.95, crate::text::names::repair::stray_characters::remove_stray_characters),
    (RepairRule::BareAccent, 0.95, crate::text::names::repair::bare_accents::repair_certain_accents),
    (RepairRule::Capitals, 0.9, crate::text::names::repair::capitals::lower_capitals),
];

/// Looks for damage in a name as published.
#[must_use]
pub fn repair_name(published: &str) -> RepairedName {
    let mut name = published.to_owned();
    let mut found: Option<(RepairRule, f64)> = None;
    // One repair may uncover another.
    for _ in 0..MAX_REPAIR_ROUNDS {
        let before = name.clone();
        for (rule, confidence, step) in CERTAIN_REPAIRS {
            // What leaves nothing that can be read repairs nothing, nor does what takes other white space.
            let is_repaired = |value: &String| {
                value.chars().any(char::is_alphabetic) && normalize_published(value) != normalize_published(&name)
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
    RepairedName { suggestion: suggest_repair(&name), certain, name }
}

/// A name as it is without repairs: with single spaces, but its characters as they came.
fn normalize_published(published: &str) -> String {
    crate::text::names::collapse_whitespace(published.chars().filter(|c| c.is_whitespace() || !c.is_control()))
}

/// What a name may have been, where it is not certain.
fn suggest_repair(name: &str) -> Option<Repair> {
    let accents = crate::text::names::repair::bare_accents::suggest_accents(name);
    let before = accents.as_ref().map_or(name, |(value, _)| value);
    let carons = crate::text::names::repair::bare_accents::suggest_carons(before);
    let (value, rule, confidence) = match (carons, accents) {
        (Some((value, caron)), Some((_, accent))) if accent < caron => (value, RepairRule::BareAccent, accent),
        (Some((value, caron)), _) => (value, RepairRule::Caron, caron),
        (None, Some((value, accent))) => (value, RepairRule::BareAccent, accent),
        (None, None) => return None,
    };
    (value != name).then_some(Repair { value, rule, confidence })
}
