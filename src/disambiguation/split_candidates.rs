//! Split candidates: researchers whose papers may be by several people (conflated profiles).

use std::collections::BTreeMap;

use crate::disambiguation::clustering::BlockClustering;
use crate::disambiguation::mention::{Mention, Vocabulary};
use crate::text::names::{Commonness, NameForm};

/// The minimum number of papers of a part.
const MIN_PART_PAPERS: usize = 3;
/// The maximum number of coauthors listed for a part.
const MAX_LISTED_COAUTHORS: usize = 3;

/// A researcher whose papers may be by several people.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitCandidate {
    /// Likelihood that they are several people, from 0 to 1.
    pub likelihood: f32,
    /// The possible people, largest number of papers first.
    pub parts: Vec<SplitPart>,
}

/// Papers that belong together and share no evidence with the others.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitPart {
    /// Indices of the mentions.
    pub members: Vec<usize>,
    /// First and last year of publication.
    pub years: Option<(i32, i32)>,
    /// The most frequent coauthors.
    pub coauthors: Vec<String>,
}

/// Returns a split candidate if the mentions of one researcher fall into several parts of at least three papers each,
/// which neither coauthors nor organizations connect. Returns `None` if a manual decision concerns any of the mentions.
#[must_use]
pub fn find_split_candidate(mentions: &[Mention], vocabulary: &Vocabulary) -> Option<SplitCandidate> {
    if mentions.len() < 2 * MIN_PART_PAPERS || mentions.iter().any(|mention| mention.decided_researcher_id.is_some()) {
        return None;
    }
    let groups = BlockClustering::new(mentions, vocabulary).into_linked_clusters();
    let mut parts: Vec<SplitPart> = groups
        .into_iter()
        .filter(|group| group.len() >= MIN_PART_PAPERS)
        .map(|group| describe_part(group, mentions, vocabulary))
        .collect();
    if parts.len() < 2 {
        return None;
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.members.len()));
    let have_organizations = parts.iter().all(|part| {
        part.members
            .iter()
            .any(|index| !mentions[*index].organizations.is_empty() || !mentions[*index].affiliations.is_empty())
    });
    let by_name = mentions.iter().map(|mention| NameForm::new(&mention.name).commonness).max();
    let likelihood = match by_name {
        Some(Commonness::VeryCommon) => 0.75,
        Some(Commonness::Common) => 0.55,
        _ => 0.3,
    } + if have_organizations { 0.2 } else { 0.0 };
    Some(SplitCandidate { likelihood, parts })
}

/// Returns a part with its years and most frequent coauthors.
fn describe_part(members: Vec<usize>, mentions: &[Mention], vocabulary: &Vocabulary) -> SplitPart {
    let mut counted: BTreeMap<u32, usize> = BTreeMap::new();
    for coauthor in members.iter().flat_map(|index| &mentions[*index].coauthors) {
        *counted.entry(*coauthor).or_default() += 1;
    }
    let mut coauthors: Vec<(usize, &str)> =
        counted.into_iter().map(|(number, papers)| (papers, vocabulary.coauthor_name(number))).collect();
    coauthors.sort_by_key(|(papers, name)| (std::cmp::Reverse(*papers), *name));
    let years = members.iter().filter_map(|index| mentions[*index].years);
    let years = years.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    SplitPart {
        members,
        years,
        coauthors: coauthors.into_iter().take(MAX_LISTED_COAUTHORS).map(|(_, name)| name.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_groups_of_coauthors_are_split() {
        let mut vocabulary = Vocabulary::default();
        let mut mention = |paper: i64, coauthor: &str| Mention {
            name: "Wei Zhang".to_owned(),
            paper: Some(paper),
            coauthors: vec![vocabulary.intern_coauthor(coauthor)],
            years: Some((2000, 2000)),
            stable_key: paper.unsigned_abs(),
            ..Mention::default()
        };
        let two: Vec<Mention> =
            (0..7).map(|paper| mention(paper, if paper < 4 { "Ida Brook" } else { "Tom Ford" })).collect();
        let one: Vec<Mention> = (0..7).map(|paper| mention(paper, "Ida Brook")).collect();
        let candidate = find_split_candidate(&two, &vocabulary).expect("a split candidate");
        assert_eq!(candidate.parts.iter().map(|part| part.members.len()).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(candidate.parts[1].coauthors, ["Tom Ford"]);
        assert_eq!(find_split_candidate(&one, &vocabulary), None);
        let decided: Vec<Mention> =
            two.into_iter().map(|mention| Mention { decided_researcher_id: Some(1), ..mention }).collect();
        assert_eq!(find_split_candidate(&decided, &vocabulary), None);
    }
}
