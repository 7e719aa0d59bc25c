//! What is known of an author of a paper, and what two of them share.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::disambiguation::AffiliationWords;
use crate::text::names::{Commonness, NameForm};

/// One author of one paper, or one record of a person.
#[derive(Clone, Debug, Default)]
pub struct Mention {
    /// The name, mended.
    pub name: String,
    /// The paper; nothing where it is a person's own record.
    pub paper: Option<i64>,
    /// Whose own record it is, or who has it under a name that nobody else has it by: two of these are two people.
    pub recorded_researcher_id: Option<i64>,
    /// Whom people decided it to be.
    pub decided_researcher_id: Option<i64>,
    /// The ORCID iD.
    pub orcid: Option<String>,
    /// Ids that sources gave the author, with their schemes.
    pub author_ids: Vec<String>,
    /// The other authors, as [`Known::coauthor`] numbers them.
    pub coauthors: Vec<u32>,
    /// Organizations, as [`Known::organization`] numbers them.
    pub organizations: Vec<u32>,
    /// Affiliations as printed, as [`Known::affiliation`] numbers them.
    pub affiliations: Vec<u32>,
    /// Where the paper appeared, as [`Known::venue`] numbers it.
    pub venue: Option<u32>,
    /// When it appeared.
    pub years: Option<(i32, i32)>,
    /// What it is about, by the ids of topics.
    pub topics: Vec<i64>,
    /// What stays the same in whatever order papers come: ties end on it.
    pub stable_key: u64,
}

/// The names, affiliations and venues that mentions refer to by number.
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
    /// The number of a text, and whether it is new.
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
    /// The number of a coauthor's name; all spellings that differ in case, accents and hyphens only have the same.
    pub fn intern_coauthor(&mut self, name: &str) -> u32 {
        let key = crate::text::names::fold(name).replace(' ', "");
        if let Some(number) = self.coauthor_names.by_text.get(&key) {
            return *number;
        }
        let (number, _) = self.coauthor_names.intern(&key);
        // What is told of it is the name, not the key.
        self.coauthor_names.texts[number as usize] = crate::text::names::clean(name);
        self.commonness.push(NameForm::new(name).commonness);
        number
    }

    /// The number of an affiliation as printed; nothing where no word of it tells.
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

    /// The number of an organization that is known by its id.
    pub fn intern_organization(&mut self, id: i64, name: &str) -> u32 {
        let next = u32::try_from(self.organization_names.len()).unwrap_or(u32::MAX);
        let number = *self.organizations.entry(id).or_insert(next);
        if number == next {
            self.organization_names.push(name.to_owned());
        }
        number
    }

    /// The number of a venue.
    pub fn intern_venue(&mut self, name: &str) -> u32 {
        self.venues.intern(&crate::text::names::fold(name)).0
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

/// What speaks for an author being somebody; serialized as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// The id, the name, the place; nothing where the kind says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The kinds of evidence, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// Somebody decided it.
    #[serde(rename = "DECISION")]
    Decision,
    /// The ORCID iD.
    #[serde(rename = "ORCID")]
    Orcid,
    /// The id that a source gives the author.
    #[serde(rename = "AUTHOR_ID")]
    AuthorId,
    /// Somebody both wrote with.
    #[serde(rename = "SHARED_COAUTHOR")]
    SharedCoauthor,
    /// An organization both name.
    #[serde(rename = "SHARED_ORGANIZATION")]
    SharedOrganization,
    /// A venue both appeared in.
    #[serde(rename = "SHARED_VENUE")]
    SharedVenue,
    /// A topic both write on.
    #[serde(rename = "SHARED_TOPIC")]
    SharedTopic,
    /// Papers in the same years.
    #[serde(rename = "CLOSE_YEARS")]
    CloseYears,
    /// The same full name.
    #[serde(rename = "SAME_NAME")]
    SameName,
    /// A name that few people have.
    #[serde(rename = "RARE_NAME")]
    RareName,
    /// A form of the name that fits: an initial, a middle name, another spelling.
    #[serde(rename = "NAME_VARIANT")]
    NameVariant,
}
