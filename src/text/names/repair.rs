//! Names that were damaged on their way, and what they were: each kind of damage that leaves a trace is a rule.
//!
//! A rule says how sure it is of a name. What is certain is mended at once; what is not is a suggestion, which waits until
//! the directory has the suggested spelling from somewhere else. Apostrophes are where care is due: "Andr'as" lost an
//! accent, and O'Brien, Xi'an, Mus'ab, Gimel'farb and Ka'ahumanu lost nothing.

mod accents;
mod bare;
mod capitals;
mod encoding;
mod latex;
mod stray;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::text::names::{clean, identity_key};

/// From here on a repair is made without asking.
const CERTAIN: f64 = 0.9;
/// From here on a suggestion is told before it is confirmed; below it there are more undamaged names that look so.
const PLAUSIBLE: f64 = 0.3;
/// How often the rules are gone through.
const MOST_ROUNDS: usize = 4;
/// How sure a suggestion is whose spelling is found elsewhere.
const CONFIRMED: f64 = 0.95;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RepairRule {
    /// LaTeX left in the name: `B\"{u}nz`.
    Latex,
    /// LaTeX's accent without its backslash: "Andr'as", "Ili'c", `M"uller`.
    BareAccent,
    /// LaTeX's caron without its backslash, as a v: "Bovsnjak".
    Caron,
    /// UTF-8 that was read as Latin-1 or Windows-1252: "JosÃ©".
    MisreadEncoding,
    /// An accent as a character of its own before or behind its letter: "G´omez".
    DetachedAccent,
    /// An accent as a combining mark, or a mark that no language puts on the letter: "Martı́n", "Ales̆".
    DecomposedAccent,
    /// Character references of HTML: "Jos&eacute;".
    HtmlEntity,
    /// Capital letters throughout: "IDA BROOK", "Ida BROOK".
    Capitals,
    /// What is no part of a name: marks of footnotes, addresses, single brackets.
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
        self.confidence >= CERTAIN
    }

    /// Whether a person should hear of it before it is confirmed.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        self.confidence >= PLAUSIBLE
    }

    /// The same, once its spelling is found elsewhere.
    #[must_use]
    pub fn confirmed(self) -> Self {
        Self { confidence: self.confidence.max(CONFIRMED), ..self }
    }
}

/// A name as published, looked at for damage.
#[derive(Clone, Debug, PartialEq)]
pub struct Mended {
    /// The name, clean, with all that is certain repaired.
    pub name: String,
    /// What was repaired.
    pub certain: Option<Repair>,
    /// What may have to be repaired besides, once it is confirmed.
    pub suggestion: Option<Repair>,
}

impl Mended {
    /// What a person should hear of before anything is confirmed: the suggestion, if that is plausible, or what was repaired.
    #[must_use]
    pub fn told(&self) -> Option<&Repair> {
        self.suggestion.as_ref().filter(|repair| repair.is_plausible()).or(self.certain.as_ref())
    }

    /// The identity key by which another name confirms the suggestion.
    #[must_use]
    pub fn suggestion_key(&self) -> Option<String> {
        self.suggestion.as_ref().map(|repair| identity_key(&repair.value))
    }

    /// The identity key by which this name confirms the suggestions of others; none where it may be damaged itself. All
    /// suggestions bring a letter beyond ASCII, so that only names with such a letter confirm one.
    #[must_use]
    pub fn confirming_key(&self) -> Option<String> {
        let is_doubtful = self.suggestion.as_ref().is_some_and(Repair::is_plausible);
        (!is_doubtful && !self.name.is_ascii()).then(|| identity_key(&self.name))
    }
}

type Step = (RepairRule, f64, fn(&str) -> Option<String>);

/// What is certain, in the order in which damage is taken off again.
const CERTAIN_STEPS: [Step; 8] = [
    (RepairRule::MisreadEncoding, 0.99, crate::text::names::repair::encoding::read_again),
    (RepairRule::HtmlEntity, 0.99, crate::text::names::repair::encoding::without_references),
    (RepairRule::DecomposedAccent, 0.99, crate::text::names::repair::accents::composed),
    (RepairRule::Latex, 0.98, crate::text::names::repair::latex::decoded),
    (RepairRule::DetachedAccent, 0.95, crate::text::names::repair::accents::attached),
    (RepairRule::StrayCharacters, 0.95, crate::text::names::repair::stray::removed),
    (RepairRule::BareAccent, 0.95, crate::text::names::repair::bare::certain),
    (RepairRule::Capitals, 0.9, crate::text::names::repair::capitals::lowered),
];

/// Looks for damage in a name as published.
#[must_use]
pub fn mend(published: &str) -> Mended {
    let mut name = published.to_owned();
    let mut found: Option<(RepairRule, f64)> = None;
    // One repair may uncover another.
    for _ in 0..MOST_ROUNDS {
        let before = name.clone();
        for (rule, confidence, step) in CERTAIN_STEPS {
            // What leaves nothing that can be read repairs nothing, nor does what takes other white space.
            let is_repaired =
                |value: &String| value.chars().any(char::is_alphabetic) && as_published(value) != as_published(&name);
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
    Mended { suggestion: suggested(&name), certain, name }
}

/// A name as it is without repairs: with single spaces, but its characters as they came.
fn as_published(published: &str) -> String {
    crate::text::names::collapse(published.chars().filter(|c| c.is_whitespace() || !c.is_control()))
}

/// What a name may have been, where it is not certain.
fn suggested(name: &str) -> Option<Repair> {
    let accents = crate::text::names::repair::bare::likely(name);
    let before = accents.as_ref().map_or(name, |(value, _)| value);
    let carons = crate::text::names::repair::bare::carons(before);
    let (value, rule, confidence) = match (carons, accents) {
        (Some((value, caron)), Some((_, accent))) if accent < caron => (value, RepairRule::BareAccent, accent),
        (Some((value, caron)), _) => (value, RepairRule::Caron, caron),
        (None, Some((value, accent))) => (value, RepairRule::BareAccent, accent),
        (None, None) => return None,
    };
    (value != name).then_some(Repair { value, rule, confidence })
}
