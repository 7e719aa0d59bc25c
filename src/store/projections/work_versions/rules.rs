//! Matching rules: which papers are versions of one work, and which of them is the version of record. They depend on
//! paper metadata alone, not on the order of imports.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::model::record::PaperType;
use crate::store::projections::work_versions::title::{
    are_titles_similar, is_distinctive_title, is_part_or_commentary, is_recurring_title,
};
use crate::store::projections::work_versions::venue::{is_journal, is_recurring_session, is_same_series, is_workshop};
use crate::text::names::{self, NameSimilarity};

/// Maximum number of papers that share a title or a DOI and are compared. If more share it, it is ignored. This bounds
/// the work for a heading that a thousand papers have.
pub const MAX_SHARING_PAPERS: usize = 50;
/// Maximum number of years between versions, such as a preprint and its article.
const MAX_YEARS_APART: i32 = 2;
/// Maximum number of pairs of authors that are compared if no cheaper test matches.
const MAX_AUTHOR_COMPARISONS: usize = 900;

/// The evidence that two papers are versions of one work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionBasis {
    /// The same DOI.
    Doi,
    /// The same title and authors, within a few years.
    Title,
}

impl VersionBasis {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Doi => "DOI",
            Self::Title => "TITLE",
        }
    }
}

/// A paper that may have versions.
#[derive(Clone, Debug)]
pub struct VersionCandidate {
    /// Its id.
    pub id: i64,
    /// The title, folded.
    pub title: String,
    /// The type.
    pub paper_type: PaperType,
    /// The year of publication.
    pub year: Option<i32>,
    /// The date of publication as a number that increases with time.
    pub date: i32,
    /// The name of the venue.
    pub venue: Option<String>,
    /// Its DOI, and a DOI that it shares with another paper.
    pub dois: BTreeSet<String>,
    /// A key of its source records, independent of the order of imports.
    pub key: String,
}

/// An author of a paper.
#[derive(Clone, Debug)]
pub struct VersionAuthor {
    /// The name.
    pub name: String,
    /// The researcher.
    pub researcher_id: Option<i64>,
}

/// What versions of a work have in common: a thesis and an article of the same title are two works.
#[derive(PartialEq, Eq)]
enum WorkForm {
    Writing,
    Book,
    Thesis,
    Data,
}

impl VersionCandidate {
    fn form(&self) -> WorkForm {
        match self.paper_type {
            PaperType::Book => WorkForm::Book,
            PaperType::Thesis => WorkForm::Thesis,
            PaperType::Dataset => WorkForm::Data,
            PaperType::Article
            | PaperType::ConferencePaper
            | PaperType::Preprint
            | PaperType::BookChapter
            | PaperType::Report
            | PaperType::Other => WorkForm::Writing,
        }
    }

    fn is_preprint(&self) -> bool {
        self.paper_type == PaperType::Preprint
    }

    /// The rank of the version of record, lowest first: published, with a DOI, not at a workshop, latest.
    fn rank(&self) -> (u8, bool, bool, Reverse<i32>, &str) {
        let kind = match self.paper_type {
            PaperType::Preprint => 2,
            PaperType::Report | PaperType::Other => 1,
            PaperType::Article
            | PaperType::ConferencePaper
            | PaperType::Book
            | PaperType::BookChapter
            | PaperType::Thesis
            | PaperType::Dataset => 0,
        };
        let is_workshop = self.venue.as_deref().is_some_and(is_workshop);
        (kind, self.dois.is_empty(), is_workshop, Reverse(self.date), &self.key)
    }

    fn years_between(&self, other: &Self) -> Option<i32> {
        Some((self.year? - other.year?).abs())
    }

    fn is_in_series_of(&self, other: &Self) -> bool {
        matches!((&self.venue, &other.venue), (Some(one), Some(other)) if is_same_series(one, other))
    }
}

/// Whether two papers may be versions by their titles, regardless of their authors.
fn may_be_versions_by_title(one: &VersionCandidate, other: &VersionCandidate) -> bool {
    let Some(years) = one.years_between(other) else { return false };
    if one.title != other.title || one.form() != other.form() || years > MAX_YEARS_APART {
        return false;
    }
    if one.is_preprint() || other.is_preprint() {
        return true;
    }
    if years == 0 {
        // An issue does not contain the same work under two DOIs.
        let has_two = one.dois.is_disjoint(&other.dois) && !one.dois.is_empty() && !other.dois.is_empty();
        return !(has_two && one.is_in_series_of(other));
    }
    // The same title in another year is a recurring title, unless the work was extended: from a talk to an article, or
    // from a workshop to a conference.
    let is_carried_on = if one.paper_type == other.paper_type {
        match one.paper_type {
            PaperType::ConferencePaper => is_extended_publication(one, other),
            PaperType::Thesis | PaperType::Dataset => true,
            _ => false,
        }
    } else {
        true
    };
    is_carried_on && !is_recurring_title(&one.title) && !one.is_in_series_of(other)
}

/// Whether a talk was published again at a larger venue: from a workshop to a conference, or in a journal that its
/// source takes for proceedings.
fn is_extended_publication(one: &VersionCandidate, other: &VersionCandidate) -> bool {
    let (earlier, later) = if one.date <= other.date { (one, other) } else { (other, one) };
    let (Some(earlier), Some(later)) = (&earlier.venue, &later.venue) else { return false };
    let is_larger = (is_workshop(earlier) && !is_workshop(later)) || (is_journal(later) && !is_journal(earlier));
    is_larger && !is_recurring_session(earlier) && !is_recurring_session(later)
}

/// Whether two papers may be versions by their DOIs, regardless of their authors. `sharing` papers have the DOI.
fn may_be_versions_by_doi(one: &VersionCandidate, other: &VersionCandidate, sharing: usize) -> bool {
    if one.dois.is_disjoint(&other.dois) || is_part_or_commentary(&one.title, &other.title) {
        return false;
    }
    // All papers of a volume may have the volume's DOI.
    let is_one_volume = one.is_in_series_of(other) && one.year == other.year;
    are_titles_similar(&one.title, &other.title) || (sharing == 2 && !is_one_volume && one.form() == other.form())
}

/// Whether at least half of the authors of the paper with fewer authors are among those of the other.
fn have_common_authors(one: &[VersionAuthor], other: &[VersionAuthor]) -> bool {
    let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if few.is_empty() {
        return false;
    }
    let people: HashSet<i64> = many.iter().filter_map(|author| author.researcher_id).collect();
    let mut families: HashMap<String, Vec<&VersionAuthor>> = HashMap::new();
    for author in many {
        families.entry(family_key(&author.name)).or_default().push(author);
    }
    let is_among = |author: &VersionAuthor| {
        let namesakes = families.get(&family_key(&author.name));
        author.researcher_id.is_some_and(|id| people.contains(&id))
            || namesakes.is_some_and(|others| others.iter().any(|other| may_be_same_author(author, other)))
            || (few.len() * many.len() <= MAX_AUTHOR_COMPARISONS
                && many.iter().any(|other| may_be_same_author(author, other)))
    };
    few.iter().filter(|author| is_among(author)).count() * 2 >= few.len()
}

/// Whether two authors may be the same person.
fn may_be_same_author(one: &VersionAuthor, other: &VersionAuthor) -> bool {
    names::compare_names(&one.name, &other.name).similarity > NameSimilarity::Different
}

fn family_key(name: &str) -> String {
    let parsed = names::parse_name(name);
    names::fold(&parsed.family.or(parsed.given).unwrap_or_default())
}

/// The pairs of papers that may be versions, regardless of their authors, each once.
pub fn candidate_pairs(papers: &[VersionCandidate]) -> Vec<(usize, usize, VersionBasis)> {
    let mut by_title: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_doi: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, paper) in papers.iter().enumerate() {
        if is_distinctive_title(&paper.title) {
            by_title.entry(&paper.title).or_default().push(index);
        }
        for doi in &paper.dois {
            by_doi.entry(doi).or_default().push(index);
        }
    }
    let mut pairs: BTreeMap<(usize, usize), VersionBasis> = BTreeMap::new();
    for indexes in by_title.values().filter(|indexes| indexes.len() <= MAX_SHARING_PAPERS) {
        for (one, other) in each_pair(indexes) {
            if may_be_versions_by_title(&papers[one], &papers[other]) {
                pairs.insert((one, other), VersionBasis::Title);
            }
        }
    }
    for indexes in by_doi.values().filter(|indexes| indexes.len() <= MAX_SHARING_PAPERS) {
        for (one, other) in each_pair(indexes) {
            if may_be_versions_by_doi(&papers[one], &papers[other], indexes.len()) {
                pairs.insert((one, other), VersionBasis::Doi);
            }
        }
    }
    pairs.into_iter().map(|((one, other), basis)| (one, other, basis)).collect()
}

fn each_pair(indexes: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    indexes.iter().enumerate().flat_map(|(index, one)| indexes[index + 1..].iter().map(|other| (*one, *other)))
}

/// The version of record and the evidence of each paper that is a version. All papers that are linked directly or
/// indirectly are one work.
pub fn link_versions(
    papers: &[VersionCandidate],
    pairs: &[(usize, usize, VersionBasis)],
    authors: &HashMap<i64, Vec<VersionAuthor>>,
) -> HashMap<i64, (i64, VersionBasis)> {
    let none = Vec::new();
    let authors_of = |index: usize| authors.get(&papers[index].id).unwrap_or(&none);
    let mut groups: Vec<usize> = (0..papers.len()).collect();
    let mut basis: HashMap<usize, VersionBasis> = HashMap::new();
    for (one, other, evidence) in pairs {
        let (authors, others) = (authors_of(*one), authors_of(*other));
        // With the same DOI and a similar title, the authors of one paper may be unknown.
        let is_unknown = authors.is_empty() || others.is_empty();
        let is_certain =
            *evidence == VersionBasis::Doi && are_titles_similar(&papers[*one].title, &papers[*other].title);
        if !(have_common_authors(authors, others) || is_unknown && is_certain) {
            continue;
        }
        for index in [one, other] {
            let stronger = basis.entry(*index).or_insert(*evidence);
            *stronger = (*stronger).min(*evidence);
        }
        let (one, other) = (find_root(&groups, *one), find_root(&groups, *other));
        groups[one.max(other)] = one.min(other);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in basis.keys() {
        members.entry(find_root(&groups, *index)).or_default().push(*index);
    }
    let mut found = HashMap::new();
    for indexes in members.values() {
        let Some(version_of_record) = indexes.iter().min_by_key(|index| papers[**index].rank()) else { continue };
        for index in indexes.iter().filter(|index| *index != version_of_record) {
            if let Some(basis) = basis.get(index) {
                found.insert(papers[*index].id, (papers[*version_of_record].id, *basis));
            }
        }
    }
    found
}

fn find_root(groups: &[usize], index: usize) -> usize {
    let mut index = index;
    while groups[index] != index {
        index = groups[index];
    }
    index
}
