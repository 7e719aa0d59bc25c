//! Values as people write them in spreadsheets.

use crate::import::normalize::field_parsing;
use crate::model::partial_date::PartialDate;
use crate::model::record::AffiliationKind;

pub(super) const AFFILIATION_KINDS: [(&str, AffiliationKind); 7] = [
    ("employment", AffiliationKind::Employment),
    ("membership", AffiliationKind::Membership),
    ("education", AffiliationKind::Education),
    ("qualification", AffiliationKind::Qualification),
    ("service", AffiliationKind::Service),
    ("invited_position", AffiliationKind::InvitedPosition),
    ("distinction", AffiliationKind::Distinction),
];

/// Parses an affiliation kind; the default is employment.
pub(super) fn parse_affiliation_kind(written: Option<&str>) -> Option<AffiliationKind> {
    let Some(written) = written else { return Some(AffiliationKind::Employment) };
    let written = written.to_lowercase().replace([' ', '-'], "_");
    AFFILIATION_KINDS.iter().find(|(name, _)| *name == written).map(|(_, kind)| *kind)
}

/// Words in `end_date` for an affiliation that is held, in the languages of [`parse_boolean`].
const ONGOING: [&str; 31] = [
    "present",
    "to present",
    "current",
    "currently",
    "ongoing",
    "now",
    "today",
    "to date",
    "open",
    "..",
    "-",
    "–",
    "—",
    "n/a",
    "na",
    "none",
    "null",
    "aujourd'hui",
    "présent",
    "en cours",
    "heute",
    "laufend",
    "oggi",
    "in corso",
    "actual",
    "actualidad",
    "presente",
    "atual",
    "hoje",
    "heden",
    "nu",
];

/// Words in `end_date` for an affiliation that has ended on an unknown day.
const ENDED: [&str; 16] = [
    "ended",
    "past",
    "former",
    "formerly",
    "previous",
    "left",
    "yes",
    "unknown",
    "?",
    "terminé",
    "ancien",
    "beendet",
    "ehemalig",
    "finito",
    "terminado",
    "beëindigd",
];

/// Parses the end of an affiliation: the date, and whether it has ended without one. What cannot be read is an end too.
pub(super) fn parse_end(text: Option<String>, warnings: &mut Vec<String>) -> (Option<PartialDate>, bool) {
    let Some(text) = text else { return (None, false) };
    let date = field_parsing::parse_day_first(&text).or_else(|| text.trim().parse().ok());
    let word = text.trim().to_lowercase();
    if date.is_some() || ONGOING.contains(&word.as_str()) {
        return (date, false);
    }
    if !ENDED.contains(&word.as_str()) {
        let written: String = text.chars().take(40).collect();
        warnings.push(format!("'{written}' in end_date is not a date; the affiliation has ended on an unknown one"));
    }
    (None, true)
}

/// Parses a boolean as spreadsheets write it in several languages.
pub(super) fn parse_boolean(text: Option<String>, column: &str, warnings: &mut Vec<String>) -> bool {
    let Some(text) = text else { return false };
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "x" | "vrai" | "oui" | "wahr" | "ja" | "j" | "vero" | "sì" | "si" | "sí"
        | "verdadero" | "verdadeiro" | "sim" | "waar" => true,
        "" | "false" | "no" | "n" | "0" | "-" | "faux" | "non" | "falsch" | "nein" | "falso" | "não" | "nao"
        | "onwaar" | "nee" => false,
        _ => {
            warnings.push(format!("'{text}' in {column} is neither yes nor no; no was assumed"));
            false
        }
    }
}
