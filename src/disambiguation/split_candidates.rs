//! Who may be several people though they are taken for one.

use std::collections::BTreeMap;

use crate::disambiguation::clustering::Block;
use crate::disambiguation::mention::{Known, Mention};
use crate::text::names::{Commonness, Form};

/// Fewer papers tell nothing.
const SUBSTANTIAL: usize = 3;
/// So many coauthors of a part are told.
const TOLD: usize = 3;

/// Somebody whose papers may be of several people.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// How likely they are several, from 0 to 1.
    pub likelihood: f32,
    /// What may be the people, the one with most papers first.
    pub parts: Vec<Part>,
}

/// Papers that hang together and have nothing to do with the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The places of the mentions.
    pub members: Vec<usize>,
    /// From the first year to the last.
    pub years: Option<(i32, i32)>,
    /// The coauthors that most of the papers have.
    pub coauthors: Vec<String>,
}

/// Whether the mentions of one person fall apart into several with a number of papers each, where neither coauthors nor
/// organizations link them. People decided that it is one person: then it is.
#[must_use]
pub fn mixture(mentions: &[Mention], known: &Known) -> Option<Mixture> {
    if mentions.len() < 2 * SUBSTANTIAL || mentions.iter().any(|mention| mention.decided.is_some()) {
        return None;
    }
    let groups = Block::new(mentions, known).linked();
    let mut parts: Vec<Part> = groups
        .into_iter()
        .filter(|group| group.len() >= SUBSTANTIAL)
        .map(|group| part(group, mentions, known))
        .collect();
    if parts.len() < 2 {
        return None;
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.members.len()));
    let have_organizations = parts.iter().all(|part| {
        part.members
            .iter()
            .any(|place| !mentions[*place].organizations.is_empty() || !mentions[*place].affiliations.is_empty())
    });
    let by_name = mentions.iter().map(|mention| Form::new(&mention.name).commonness).max();
    let likelihood = match by_name {
        Some(Commonness::VeryCommon) => 0.75,
        Some(Commonness::Common) => 0.55,
        _ => 0.3,
    } + if have_organizations { 0.2 } else { 0.0 };
    Some(Mixture { likelihood, parts })
}

fn part(members: Vec<usize>, mentions: &[Mention], known: &Known) -> Part {
    let mut counted: BTreeMap<u32, usize> = BTreeMap::new();
    for coauthor in members.iter().flat_map(|place| &mentions[*place].coauthors) {
        *counted.entry(*coauthor).or_default() += 1;
    }
    let mut coauthors: Vec<(usize, &str)> =
        counted.into_iter().map(|(number, papers)| (papers, known.coauthor_name(number))).collect();
    coauthors.sort_by_key(|(papers, name)| (std::cmp::Reverse(*papers), *name));
    let years = members.iter().filter_map(|place| mentions[*place].years);
    let years = years.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    Part { members, years, coauthors: coauthors.into_iter().take(TOLD).map(|(_, name)| name.to_owned()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_circles_of_coauthors() {
        let mut known = Known::default();
        let mut mention = |paper: i64, coauthor: &str| Mention {
            name: "Wei Zhang".to_owned(),
            paper: Some(paper),
            coauthors: vec![known.coauthor(coauthor)],
            years: Some((2000, 2000)),
            stable_key: paper.unsigned_abs(),
            ..Mention::default()
        };
        let two: Vec<Mention> =
            (0..7).map(|paper| mention(paper, if paper < 4 { "Ida Brook" } else { "Tom Ford" })).collect();
        let one: Vec<Mention> = (0..7).map(|paper| mention(paper, "Ida Brook")).collect();
        let found = mixture(&two, &known).expect("a mixture");
        assert_eq!(found.parts.iter().map(|part| part.members.len()).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(found.parts[1].coauthors, ["Tom Ford"]);
        assert_eq!(mixture(&one, &known), None);
        let decided: Vec<Mention> = two.into_iter().map(|mention| Mention { decided: Some(1), ..mention }).collect();
        assert_eq!(mixture(&decided, &known), None);
    }
}
