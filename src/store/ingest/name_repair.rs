//! Repair of author names that were damaged in transit (encoding, capitals, LaTeX), while records are written.
//!
//! Certain repairs are applied at once. A suggestion is applied while another name of the directory has the suggested
//! spelling; `projections::name_repairs` reconsiders suggestions whose spelling was added or removed.

use std::collections::HashSet;

use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::model::record::{AuthorRecord, ResearcherRecord};
use crate::store::access::sql_fragment::{sql, text_array};
use crate::store::ingest::researcher_matching::NamedAuthor;
use crate::store::reader::export::is_exported_key;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names::{self, ListCapitals, NameParts, Repair, RepairedName};

/// An author of a record, with the repaired name.
pub(crate) struct RepairedAuthor<'a> {
    pub record: &'a AuthorRecord,
    pub name: RepairedAuthorName,
    parts: ProvidedNameParts,
}

/// The repair of a published name.
pub(crate) struct RepairedAuthorName {
    /// The name to display.
    pub name: String,
    /// The repair or suggestion, if the name is damaged.
    pub repair: Option<Repair>,
    /// Whether the repair is applied in the name.
    pub is_applied: bool,
    /// The name key that would confirm the suggestion.
    pub suggestion_key: Option<String>,
    /// The name key of an undamaged name, which confirms suggestions for others.
    pub confirming_key: Option<String>,
}

impl RepairedAuthorName {
    /// The repaired name, or the suggestion if it is confirmed.
    pub(crate) fn new(repaired: RepairedName, is_confirmed: bool) -> Self {
        let (suggestion_key, confirming_key) = (repaired.suggestion_key(), repaired.confirming_key());
        let reported = repaired.reported_repair().cloned();
        let (name, repair) = match repaired.suggestion.filter(|_| is_confirmed) {
            Some(suggestion) => (suggestion.value.clone(), Some(suggestion.confirmed())),
            None => (repaired.name, reported),
        };
        let is_applied = repair.as_ref().is_some_and(|repair| repair.value == name);
        Self { name, repair, is_applied, suggestion_key, confirming_key }
    }

    /// Whether the displayed name is the suggested one.
    pub(crate) fn is_suggestion_applied(name: &str, suggestion_key: Option<&str>) -> bool {
        suggestion_key == Some(names::name_key(name).as_str())
    }
}

/// Given name and family name as a source provides them; neither if it provides the whole name only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProvidedNameParts {
    pub(crate) given: Option<String>,
    pub(crate) family: Option<String>,
}

impl<'a> RepairedAuthor<'a> {
    fn new(record: &'a AuthorRecord, repaired: RepairedName, is_confirmed: bool) -> Self {
        let name = RepairedAuthorName::new(repaired, is_confirmed);
        let parts = ProvidedNameParts::of_author(record);
        Self { record, parts: parts.transferred(&record.name, &name.name), name }
    }

    /// The name keys of the published and of the displayed name.
    pub(crate) fn identity_keys(&self) -> Vec<String> {
        let mut keys = vec![names::name_key(&self.record.name), names::name_key(&self.name.name)];
        keys.dedup();
        keys
    }

    /// How many words of the displayed name are the family name, if the source says so.
    pub(crate) fn family_words(&self) -> Option<i16> {
        let name = &self.name.name;
        if self.parts.is_empty() {
            return self.record.family_words.filter(|count| NameParts::with_family_words(name, *count).is_some());
        }
        self.named_author().name_parts().family_words(name)
    }

    /// The author as matched to a researcher.
    pub(crate) fn named_author(&self) -> NamedAuthor<'_> {
        self.parts.named_author(&self.name.name, self.record.orcid.as_ref())
    }
}

impl ProvidedNameParts {
    fn of_author(record: &AuthorRecord) -> Self {
        let provided = Self { given: record.given_name.clone(), family: record.family_name.clone() };
        let counted = record.family_words.filter(|_| provided.is_empty());
        let divided = counted.and_then(|count| NameParts::with_family_words(&record.name, count));
        divided.map_or(provided, |NameParts { given, family }| Self { given, family })
    }

    fn is_empty(&self) -> bool {
        self.given.is_none() && self.family.is_none()
    }

    /// The parts of the name in another spelling, with as many words each. Empty if the words do not correspond.
    pub(crate) fn transferred(self, from: &str, to: &str) -> Self {
        let (from, to) = (names::clean(from), names::clean(to));
        if from == to {
            return self;
        }
        let clean = |part: &Option<String>| part.as_deref().map(names::clean).unwrap_or_default();
        let (given, family) = (clean(&self.given), clean(&self.family));
        let words: Vec<&str> = to.split(' ').collect();
        let is_in_order = from.strip_prefix(&given).is_some_and(|rest| rest.trim_start().starts_with(&family));
        if given.is_empty() || family.is_empty() || !is_in_order || words.len() != from.split(' ').count() {
            return Self::default();
        }
        let start = given.split(' ').count();
        let end = start + family.split(' ').count();
        let part = |words: Option<&[&str]>| words.map(|words| words.join(" "));
        Self { given: part(words.get(..start)), family: part(words.get(start..end)) }
    }

    /// The author with these parts of the name.
    pub(crate) fn named_author<'a>(&'a self, name: &'a str, orcid: Option<&'a Orcid>) -> NamedAuthor<'a> {
        NamedAuthor { name, given: self.given.as_deref(), family: self.family.as_deref(), orcid }
    }
}

/// The name of a researcher's own record and its parts, with certain repairs applied.
pub(crate) fn repair_researcher_name(record: &ResearcherRecord) -> (String, Option<String>, Option<String>) {
    let name = names::repair_name(&record.name).name;
    let parts = ProvidedNameParts { given: record.given_name.clone(), family: record.family_name.clone() };
    let ProvidedNameParts { given, family } = parts.transferred(&record.name, &name);
    (name, given, family)
}

/// The authors of the papers' records with repaired names: certain repairs, and suggestions that the directory confirms.
pub(crate) async fn repair_author_names<'a>(
    uow: &mut UnitOfWork<'_>,
    papers: impl Iterator<Item = &'a [AuthorRecord]>,
) -> Result<Vec<RepairedAuthor<'a>>, Error> {
    let repaired = papers.flat_map(|authors| {
        let list = ListCapitals::of(authors.iter().map(|author| author.name.as_str()));
        let repair = move |author: &'a AuthorRecord| names::repair_listed_name(&author.name, list);
        authors.iter().map(move |author| (author, repair(author)))
    });
    let repaired: Vec<_> = repaired.collect();
    let spellings: HashSet<String> = repaired.iter().filter_map(|(_, repaired)| repaired.confirming_key()).collect();
    let suggested = repaired.iter().filter_map(|(_, repaired)| repaired.suggestion_key());
    let confirmed = find_confirmed_spellings(uow, suggested.collect()).await?;
    let authors = repaired.into_iter().map(|(record, repaired)| {
        let key = repaired.suggestion_key();
        RepairedAuthor::new(
            record,
            repaired,
            key.is_some_and(|key| confirmed.contains(&key) || spellings.contains(&key)),
        )
    });
    let authors = authors.collect();
    uow.dirty.spellings.extend(spellings);
    Ok(authors)
}

/// Those of the suggested spellings that an undamaged author name has, or a researcher by a record or a decision.
pub(crate) async fn find_confirmed_spellings(
    uow: &UnitOfWork<'_>,
    keys: HashSet<String>,
) -> Result<HashSet<String>, Error> {
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = sql!(
        concat!(
            "SELECT asked.key FROM unnest(?::text[]) AS asked(key) WHERE EXISTS (SELECT FROM authorship \
             WHERE authorship.confirming_key = asked.key) OR EXISTS (SELECT FROM researcher_name \
             WHERE researcher_name.name_key = asked.key) OR EXISTS (SELECT FROM researcher \
             JOIN source_record ON source_record.researcher_id = researcher.id AND NOT ",
            is_exported_key!("source_record.key"),
            " WHERE researcher.name_key = asked.key) \
             OR EXISTS (SELECT FROM former_identity WHERE kind = 'researcher' AND former_identity.name_key = asked.key)"
        ),
        text_array(keys),
    );
    Ok(uow.tuples(sql).await?.into_iter().collect())
}
