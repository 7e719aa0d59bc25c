//! What makes two papers versions of one work, and which of them is the version of record. All of it follows from what the
//! papers are, and nothing from which of them came first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::venue::is_same_series;
use crate::names::{self, Likeness};
use crate::record::PaperType;

/// So many papers of one title, or of one DOI, are looked at; where more share it, it tells nothing of any two of them. It
/// bounds the work that a heading of a thousand papers makes.
pub const MOST_SHARING: usize = 50;
/// A preprint and what became of it, a talk and its article: so many years lie between them at most.
const YEARS_APART: i32 = 2;
/// Letters that a title has at least where it says enough to be told from others, and words of a script that parts them.
const TELLING: (usize, usize) = (15, 3);
/// Authors of two papers who are compared each with each where nothing shorter leads from one to the other.
const COMPARED: usize = 900;

/// First words of titles that stand over different things of the same people.
const HEADINGS: [&str; 51] = [
    "abstracts of",
    "acknowledgement",
    "acknowledgements",
    "acknowledgment",
    "acknowledgments",
    "announcement",
    "announcements",
    "author index",
    "avant propos",
    "back matter",
    "book review",
    "book reviews",
    "call for",
    "contents",
    "editorial",
    "editors",
    "einleitung",
    "foreword",
    "front matter",
    "from the editor",
    "from the editors",
    "guest editor",
    "guest editorial",
    "guest editors",
    "in memoriam",
    "in this issue",
    "introduction",
    "introduccion",
    "invited talk",
    "issue information",
    "keynote",
    "letter from",
    "letter to",
    "letters to",
    "list of",
    "message from",
    "news from",
    "note from",
    "obituary",
    "panel discussion",
    "panel session",
    "preface",
    "proceedings",
    "program committee",
    "review of",
    "special issue",
    "subject index",
    "table of",
    "title page",
    "vorwort",
    "welcome",
];
/// Words of titles of what is written about another paper, or goes with it.
const ABOUT_ANOTHER: [&str; 24] = [
    "addendum",
    "appendix",
    "berichtigung",
    "comment",
    "commentary",
    "comments",
    "corrigenda",
    "corrigendum",
    "correction",
    "corrections",
    "discussion",
    "errata",
    "erratum",
    "erwiderung",
    "rectificatif",
    "rejoinder",
    "reply",
    "replies",
    "response",
    "retraction",
    "reponse",
    "supplement",
    "supplementary",
    "supplemental",
];
/// Words of titles that come back every year with the same authors.
const YEARLY: [&str; 12] = [
    "annual",
    "bibliography",
    "competition",
    "findings",
    "highlights",
    "minutes",
    "overview",
    "report",
    "shared task",
    "tutorial",
    "workshop",
    "yearly",
];

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

    /// By what the version of record comes first: a published one, with a DOI, the latest.
    fn rank(&self) -> (u8, bool, Reverse<i32>, &str) {
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
        (kind, self.dois.is_empty(), Reverse(self.date), &self.key)
    }

    fn years_to(&self, other: &Self) -> Option<i32> {
        Some((self.year? - other.year?).abs())
    }

    fn is_in_series_of(&self, other: &Self) -> bool {
        matches!((&self.venue, &other.venue), (Some(one), Some(other)) if is_same_series(one, other))
    }
}

/// Whether a title says enough that a paper of the same title may be the same work: no heading, and not very short.
pub fn is_telling(title: &str) -> bool {
    let folded = names::fold(title);
    // A word of a script without spaces has one to three characters.
    let weight = |letter: char| match letter {
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => 3,
        letter => usize::from(letter.is_alphanumeric()),
    };
    let is_dense = folded.chars().any(|letter| weight(letter) == 3);
    let letters: usize = folded.chars().map(weight).sum();
    let is_heading = HEADINGS
        .iter()
        .any(|heading| folded.strip_prefix(heading).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
    let is_about = folded.split(' ').next().is_some_and(|word| ABOUT_ANOTHER.contains(&word));
    letters >= TELLING.0 && (is_dense || folded.split(' ').count() >= TELLING.1) && !is_heading && !is_about
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
    // What the same people publish under the same title in another year is a work that comes back with the years, unless a
    // talk became an article or found a larger audience.
    let title = format!(" {} ", one.title);
    let comes_back = YEARLY.iter().any(|words| title.contains(&format!(" {words} ")));
    let is_carried_on = one.paper_type != other.paper_type
        || matches!(one.paper_type, PaperType::ConferencePaper | PaperType::Thesis | PaperType::Dataset);
    is_carried_on && !comes_back && !one.is_in_series_of(other)
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

/// Whether most words of the shorter title are in the longer one.
fn are_akin(one: &str, other: &str) -> bool {
    let words = |title: &str| title.split(' ').map(ToOwned::to_owned).collect::<HashSet<String>>();
    let (one, other) = (words(one), words(other));
    let common = one.intersection(&other).count();
    common >= 2 && common * 5 >= one.len().min(other.len()) * 4
}

/// Whether one title is that of a part of the other work, of another part, or of what is written about it.
fn is_part_or_about(one: &str, other: &str) -> bool {
    let words = |title: &str| -> BTreeSet<String> {
        let tells = |word: &&str| ABOUT_ANOTHER.contains(word) || is_number(word);
        title.split(' ').filter(tells).map(ToOwned::to_owned).collect()
    };
    words(one) != words(other)
}

fn is_number(word: &str) -> bool {
    let all = |is: fn(char) -> bool| !word.is_empty() && word.chars().all(is);
    all(|letter| letter.is_ascii_digit()) || all(|letter| matches!(letter, 'i' | 'v' | 'x'))
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
    let (mut by_title, mut by_doi): (BTreeMap<&str, Vec<usize>>, BTreeMap<&str, Vec<usize>>) = Default::default();
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
        // Who wrote it may be unknown of one of two papers with the same DOI and the same words in their titles.
        let is_certain = *tells == Basis::Doi && are_akin(&papers[*one].title, &papers[*other].title);
        let is_untold = authors_of(*one).is_empty() || authors_of(*other).is_empty();
        if !(is_certain && is_untold) && !share_authors(authors_of(*one), authors_of(*other)) {
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

#[cfg(test)]
mod tests;
