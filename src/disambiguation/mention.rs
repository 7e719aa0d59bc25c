//! Author mentions, the data they are compared by, and the evidence that two mentions share.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::disambiguation::AffiliationWords;
use crate::text::names::{Commonness, NameForm};
use crate::text::normalize::{clean, fold};

/// A mention of an author: one author of one paper, or one name of a researcher's own record.
#[derive(Clone, Debug, Default)]
pub struct Mention {
    /// The name, repaired.
    pub name: String,
    /// The paper. `None` for a researcher's own record.
    pub paper: Option<i64>,
    /// The researcher whose own record this is, or who has this name by a decision or as a hidden name. Mentions of
    /// different researchers are never united.
    pub recorded_researcher_id: Option<i64>,
    /// The researcher that a manual decision assigned to the mention.
    pub decided_researcher_id: Option<i64>,
    /// ORCID iD.
    pub orcid: Option<String>,
    /// Author ids of sources, as `scheme:value`.
    pub author_ids: Vec<String>,
    /// The other authors, numbered by [`Vocabulary::intern_coauthor`].
    pub coauthors: Vec<u32>,
    /// Organizations, numbered by [`Vocabulary::intern_organization`].
    pub organizations: Vec<u32>,
    /// Affiliations as published, numbered by [`Vocabulary::intern_affiliation`].
    pub affiliations: Vec<u32>,
    /// The venue, numbered by [`Vocabulary::intern_venue`].
    pub venue: Option<u32>,
    /// First and last year of publication.
    pub years: Option<(i32, i32)>,
    /// Ids of the paper's topics.
    pub topics: Vec<i64>,
    /// A key that does not depend on the order of import. It breaks ties.
    pub stable_key: u64,
}

/// Interned names, affiliations, venues and organizations. Mentions refer to them by number.
#[derive(Debug, Default)]
pub struct Vocabulary {
    coauthor_names: Interner,
    commonness: Vec<Commonness>,
    affiliations: Interner,
    affiliation_words: Vec<AffiliationWords>,
    venues: Interner,
    organizations: HashMap<i64, u32>,
    organization_names: Vec<String>,
}

#[derive(Debug, Default)]
struct Interner {
    by_text: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Interner {
    /// Returns the number of a text, and whether it is new.
    fn intern(&mut self, text: &str) -> (u32, bool) {
        if let Some(number) = self.by_text.get(text) {
            return (*number, false);
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.by_text.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        (number, true)
    }

    fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }
}

impl Vocabulary {
    /// Returns the number of a coauthor's name. Spellings that differ only in case, accents and hyphens have the same
    /// number.
    pub fn intern_coauthor(&mut self, name: &str) -> u32 {
        let key = fold(name).replace(' ', "");
        if let Some(number) = self.coauthor_names.by_text.get(&key) {
            return *number;
        }
        let (number, _) = self.coauthor_names.intern(&key);
        // Evidence shows the name as published, not its key.
        self.coauthor_names.texts[number as usize] = clean(name);
        self.commonness.push(NameForm::new(name).commonness);
        number
    }

    /// Returns the number of an affiliation as published, or `None` if it has no words to compare.
    pub fn intern_affiliation(&mut self, affiliation: &str) -> Option<u32> {
        let words = AffiliationWords::new(affiliation);
        if words.is_empty() {
            return None;
        }
        let (number, is_new) = self.affiliations.intern(affiliation);
        if is_new {
            self.affiliation_words.push(words);
        }
        Some(number)
    }

    /// Returns the number of an organization, which is identified by its id.
    pub fn intern_organization(&mut self, id: i64, name: &str) -> u32 {
        let next = u32::try_from(self.organization_names.len()).unwrap_or(u32::MAX);
        let number = *self.organizations.entry(id).or_insert(next);
        if number == next {
            self.organization_names.push(name.to_owned());
        }
        number
    }

    /// Returns the number of a venue.
    pub fn intern_venue(&mut self, name: &str) -> u32 {
        self.venues.intern(&fold(name)).0
    }

    pub(super) fn coauthor_name(&self, number: u32) -> &str {
        self.coauthor_names.text(number)
    }

    pub(super) fn coauthor_commonness(&self, number: u32) -> Commonness {
        self.commonness.get(number as usize).copied().unwrap_or(Commonness::VeryCommon)
    }

    pub(super) fn affiliation_text(&self, number: u32) -> &str {
        self.affiliations.text(number)
    }

    pub(super) fn affiliation_words(&self, number: u32) -> Option<&AffiliationWords> {
        self.affiliation_words.get(number as usize)
    }

    pub(super) fn organization_name(&self, number: u32) -> &str {
        self.organization_names.get(number as usize).map_or("", String::as_str)
    }

    pub(super) fn venue_name(&self, number: u32) -> &str {
        self.venues.text(number)
    }
}

/// A piece of evidence that a mention is of a researcher, in the form in which it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The kind of evidence.
    pub kind: EvidenceKind,
    /// The id, name or title. Absent if the kind says it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The kinds of evidence, strongest first. The words are stored, and the order is the order in which evidence is
/// stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// A manual decision.
    #[serde(rename = "DECISION")]
    Decision,
    /// The ORCID iD.
    #[serde(rename = "ORCID")]
    Orcid,
    /// An author id of the source.
    #[serde(rename = "AUTHOR_ID")]
    AuthorId,
    /// A common coauthor.
    #[serde(rename = "SHARED_COAUTHOR")]
    SharedCoauthor,
    /// A common organization.
    #[serde(rename = "SHARED_ORGANIZATION")]
    SharedOrganization,
    /// A common venue.
    #[serde(rename = "SHARED_VENUE")]
    SharedVenue,
    /// A common topic.
    #[serde(rename = "SHARED_TOPIC")]
    SharedTopic,
    /// Papers in the same years.
    #[serde(rename = "CLOSE_YEARS")]
    CloseYears,
    /// The same full name.
    #[serde(rename = "SAME_NAME")]
    SameName,
    /// A rare name.
    #[serde(rename = "RARE_NAME")]
    RareName,
    /// A compatible variant of the name: an initial, a middle name, another spelling.
    #[serde(rename = "NAME_VARIANT")]
    NameVariant,
}
