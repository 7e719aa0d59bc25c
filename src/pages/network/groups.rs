//! Groups of people who write with each other, found by label propagation: everybody joins the group of most of their joint
//! papers, in turn, until nobody changes. There is no randomness.

use std::collections::{BTreeMap, HashMap};

/// Number of groups that are told apart: the largest have a letter each, and all other people have the last one.
pub(super) const GROUPS: usize = 6;
/// Rounds after which the search ends: two groups can compete for a person for ever.
const MAX_ROUNDS: usize = 20;

/// A link between two people by their indexes, with its weight.
pub(super) type WeightedLink = (usize, usize, f64);

/// The group of each person: below [`GROUPS`]` - 1`, the largest first, for groups of two people or more; else the last.
pub(super) fn find(people: usize, links: &[WeightedLink]) -> Vec<usize> {
    let mut neighbours: Vec<Vec<(usize, f64)>> = vec![Vec::new(); people];
    for &(from, to, weight) in links.iter().filter(|(from, to, _)| from != to && *from < people && *to < people) {
        neighbours[from].push((to, weight));
        neighbours[to].push((from, weight));
    }
    let mut labels: Vec<usize> = (0..people).collect();
    for _ in 0..MAX_ROUNDS {
        let mut has_changed = false;
        for person in 0..people {
            let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
            for &(other, weight) in &neighbours[person] {
                *weights.entry(labels[other]).or_default() += weight;
            }
            // Of equally heavy labels, the own one stays; else the first wins.
            let own = weights.get(&labels[person]).copied().unwrap_or(0.0);
            let mut best = (labels[person], own);
            for (label, weight) in weights {
                if weight > best.1 {
                    best = (label, weight);
                }
            }
            has_changed |= best.0 != labels[person];
            labels[person] = best.0;
        }
        if !has_changed {
            break;
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (person, label) in labels.iter().enumerate() {
        members.entry(*label).or_default().push(person);
    }
    let mut groups: Vec<Vec<usize>> = members.into_values().filter(|members| members.len() > 1).collect();
    groups.sort_by_key(|members| (std::cmp::Reverse(members.len()), members[0]));
    let named = groups.iter().take(GROUPS - 1).enumerate();
    let group_of: HashMap<usize, usize> =
        named.flat_map(|(group, members)| members.iter().map(move |person| (*person, group))).collect();
    (0..people).map(|person| group_of.get(&person).copied().unwrap_or(GROUPS - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_who_write_together_are_a_group() {
        // A triangle, a stronger pair, one link between them, somebody alone.
        let links = [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (3, 4, 3.0), (2, 3, 1.0)];
        assert_eq!(find(6, &links), [0, 0, 0, 1, 1, GROUPS - 1]);
        assert_eq!(find(0, &[]), Vec::<usize>::new());
        assert_eq!(find(1, &[(0, 0, 1.0), (0, 7, 1.0)]), [GROUPS - 1], "links to nobody are ignored");
    }

    #[test]
    fn small_groups_share_the_last_letter() {
        let links: Vec<WeightedLink> = (0..8).map(|pair| (2 * pair, 2 * pair + 1, 1.0)).collect();
        let groups = find(16, &links);
        assert_eq!(groups[..10], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert!(groups[10..].iter().all(|group| *group == GROUPS - 1));
    }
}
