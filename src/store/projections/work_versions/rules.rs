//! What makes two papers versions of one work, and which of them is the version of record. All of it follows from what the
//! papers are, and nothing from which of them came first.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::model::record::PaperType;
use crate::store::projections::work_versions::title::{are_akin, comes_back, is_part_or_about, is_telling};
use crate::store::projections::work_versions::venue::{is_journal, is_same_series, is_workshop, repeats};
use crate::text::names::{self, Likeness};

/// So many papers of one title, or of one DOI, are looked at; where more share it, it tells nothing of any two of them. It
/// bounds the work that a heading of a thousand papers makes.
pub const MOST_SHARING: usize = 50;
/// A preprint and what became of it, a talk and its article: so many years lie between them at most.
const YEARS_APART: i32 = 2;
/// Authors of two papers who are compared each with each where nothing shorter leads from one to the other.
const COMPARED: usize = 900;

/// What tells that two papers are versions of one work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The same DOI.
    Doi,
    /// The same title, by the same people, within a few years.
    Title,
}

impl Basis {
    /// As it is stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Doi => "DOI",
            Self::Title => "TITLE",
        }
    }
}

/// A paper, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its id.
    pub id: i64,
    /// The title, folded.
    pub title: String,
    /// What kind of work it is.
    pub paper_type: PaperType,
    /// The year it appeared.
    pub year: Option<i32>,
    /// The day it appeared as a number, larger for later.
    pub date: i32,
    /// Where.
    pub venue: Option<String>,
    /// Its DOI, and one that another paper has.
    pub dois: BTreeSet<String>,
    /// What it is called by its sources, the same whenever it came.
    pub key: String,
}

/// An author of a paper.
#[derive(Clone, Debug)]
pub struct Author {
    /// The name.
    pub name: String,
    /// Who that is.
    pub researcher_id: Option<i64>,
}

/// What is alike of a work's versions but for the kind of work: a thesis and an article are two works of the same title.
#[derive(PartialEq, Eq)]
enum Form {
    Writing,
    Book,
    Thesis,
    Data,
}

impl Candidate {
    fn form(&self) -> Form {
        match self.paper_type {
            PaperType::Book => Form::Book,
            PaperType::Thesis => Form::Thesis,
            PaperType::Dataset => Form::Data,
            PaperType::Article
            | PaperType::ConferencePaper
            | PaperType::Preprint
            | PaperType::BookChapter
            | PaperType::Report
            | PaperType::Other => Form::Writing,
        }
    }

    fn is_preprint(&self) -> bool {
        self.paper_type == PaperType::Preprint
    }

    /// By what the version of record comes first: a published one, with a DOI, beyond a workshop, the latest.
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

    fn years_to(&self, other: &Self) -> Option<i32> {
        Some((self.year? - other.year?).abs())
    }

    fn is_in_series_of(&self, other: &Self) -> bool {
        matches!((&self.venue, &other.venue), (Some(one), Some(other)) if is_same_series(one, other))
    }
}

/// Whether two papers of the same title may be one work, by all but their authors.
fn may_share_title(one: &Candidate, other: &Candidate) -> bool {
    let Some(years) = one.years_to(other) else { return false };
    if one.title != other.title || one.form() != other.form() || years > YEARS_APART {
        return false;
    }
    if one.is_preprint() || other.is_preprint() {
        return true;
    }
    if years == 0 {
        // One issue does not have the same work under two DOIs.
        let has_two = one.dois.is_disjoint(&other.dois) && !one.dois.is_empty() && !other.dois.is_empty();
        return !(has_two && one.is_in_series_of(other));
    }
    // What the same people publish under the same title in another year comes back with the years, unless it was carried on
    // from a talk to an article, from a workshop to a conference.
    let is_carried_on = if one.paper_type == other.paper_type {
        match one.paper_type {
            PaperType::ConferencePaper => is_carried_on(one, other),
            PaperType::Thesis | PaperType::Dataset => true,
            _ => false,
        }
    } else {
        true
    };
    is_carried_on && !comes_back(&one.title) && !one.is_in_series_of(other)
}

/// Whether a talk was given again before more people: of a workshop at a conference, of either in a journal that its source
/// takes for proceedings.
fn is_carried_on(one: &Candidate, other: &Candidate) -> bool {
    let (earlier, later) = if one.date <= other.date { (one, other) } else { (other, one) };
    let (Some(earlier), Some(later)) = (&earlier.venue, &later.venue) else { return false };
    let is_larger = (is_workshop(earlier) && !is_workshop(later)) || (is_journal(later) && !is_journal(earlier));
    is_larger && !repeats(earlier) && !repeats(later)
}

/// Whether two papers of the same DOI may be one work, by all but their authors. `sharing` papers have the DOI.
fn may_share_doi(one: &Candidate, other: &Candidate, sharing: usize) -> bool {
    if one.dois.is_disjoint(&other.dois) || is_part_or_about(&one.title, &other.title) {
        return false;
    }
    // The DOI of a volume stands on all that is in it.
    let is_one_volume = one.is_in_series_of(other) && one.year == other.year;
    are_akin(&one.title, &other.title) || (sharing == 2 && !is_one_volume && one.form() == other.form())
}

/// Whether at least half of the authors of the paper with fewer are among those of the other.
fn share_authors(one: &[Author], other: &[Author]) -> bool {
    let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if few.is_empty() {
        return false;
    }
    let people: HashSet<i64> = many.iter().filter_map(|author| author.researcher_id).collect();
    let mut families: HashMap<String, Vec<&Author>> = HashMap::new();
    for author in many {
        families.entry(family(&author.name)).or_default().push(author);
    }
    let is_among = |author: &Author| {
        let namesakes = families.get(&family(&author.name));
        author.researcher_id.is_some_and(|id| people.contains(&id))
            || namesakes.is_some_and(|others| others.iter().any(|other| may_be_one(author, other)))
            || (few.len() * many.len() <= COMPARED && many.iter().any(|other| may_be_one(author, other)))
    };
    few.iter().filter(|author| is_among(author)).count() * 2 >= few.len()
}

fn may_be_one(one: &Author, other: &Author) -> bool {
    names::compare(&one.name, &other.name).likeness > Likeness::Different
}

fn family(name: &str) -> String {
    let parsed = names::parse(name);
    names::fold(&parsed.family.or(parsed.given).unwrap_or_default())
}

/// The pairs of papers that may be versions, by all but their authors, each once.
pub fn possible_pairs(papers: &[Candidate]) -> Vec<(usize, usize, Basis)> {
    let mut by_title: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_doi: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, paper) in papers.iter().enumerate() {
        if is_telling(&paper.title) {
            by_title.entry(&paper.title).or_default().push(place);
        }
        for doi in &paper.dois {
            by_doi.entry(doi).or_default().push(place);
        }
    }
    let mut pairs: BTreeMap<(usize, usize), Basis> = BTreeMap::new();
    for places in by_title.values().filter(|places| places.len() <= MOST_SHARING) {
        for (one, other) in each_pair(places) {
            if may_share_title(&papers[one], &papers[other]) {
                pairs.insert((one, other), Basis::Title);
            }
        }
    }
    for places in by_doi.values().filter(|places| places.len() <= MOST_SHARING) {
        for (one, other) in each_pair(places) {
            if may_share_doi(&papers[one], &papers[other], places.len()) {
                pairs.insert((one, other), Basis::Doi);
            }
        }
    }
    pairs.into_iter().map(|((one, other), basis)| (one, other, basis)).collect()
}

fn each_pair(places: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    places.iter().enumerate().flat_map(|(index, one)| places[index + 1..].iter().map(|other| (*one, *other)))
}

/// Of each paper that is a version: its version of record, and what tells so. A work is one group, whichever of its papers
/// tell of which others.
pub fn versions(
    papers: &[Candidate],
    pairs: &[(usize, usize, Basis)],
    authors: &HashMap<i64, Vec<Author>>,
) -> HashMap<i64, (i64, Basis)> {
    let none = Vec::new();
    let authors_of = |place: usize| authors.get(&papers[place].id).unwrap_or(&none);
    let mut groups: Vec<usize> = (0..papers.len()).collect();
    let mut basis: HashMap<usize, Basis> = HashMap::new();
    for (one, other, tells) in pairs {
        let (authors, others) = (authors_of(*one), authors_of(*other));
        // Who wrote it may be unknown of one of two papers with the same DOI and the same words in their titles.
        let is_untold = authors.is_empty() || others.is_empty();
        let is_certain = *tells == Basis::Doi && are_akin(&papers[*one].title, &papers[*other].title);
        if !(share_authors(authors, others) || is_untold && is_certain) {
            continue;
        }
        for place in [one, other] {
            let known = basis.entry(*place).or_insert(*tells);
            *known = (*known).min(*tells);
        }
        let (one, other) = (root(&groups, *one), root(&groups, *other));
        groups[one.max(other)] = one.min(other);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in basis.keys() {
        members.entry(root(&groups, *place)).or_default().push(*place);
    }
    let mut found = HashMap::new();
    for places in members.values() {
        let Some(record) = places.iter().min_by_key(|place| papers[**place].rank()) else { continue };
        for place in places.iter().filter(|place| *place != record) {
            if let Some(basis) = basis.get(place) {
                found.insert(papers[*place].id, (papers[*record].id, *basis));
            }
        }
    }
    found
}

fn root(groups: &[usize], place: usize) -> usize {
    let mut place = place;
    while groups[place] != place {
        place = groups[place];
    }
    place
}
