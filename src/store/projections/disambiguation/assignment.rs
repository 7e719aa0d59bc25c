//! Which of the people who are there each of those is whom a block of names was found to have.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::disambiguation::{AuthorCluster, Mention};

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// Somebody who is there.
    Existing(i64),
    /// Nobody who is there.
    New,
    /// Nobody can tell.
    Unresolved,
}

/// Somebody who is there.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct ExistingResearcher {
    pub id: i64,
    pub orcid: Option<String>,
    /// Where the name is that they are shown by.
    pub block: Option<String>,
    /// Whether a source has a record of the person.
    pub is_recorded: bool,
    /// The ids that sources gave them, with their schemes.
    pub author_ids: Vec<String>,
}

/// One of the people of a block, and who holds the mentions now.
pub(crate) struct Cluster<'a> {
    pub block: &'a str,
    pub person: &'a AuthorCluster,
    pub mentions: &'a [Mention],
    pub current_researcher_ids: Vec<i64>,
}

/// Tells who people are, by their mentions and whoever holds these now: whom a decision or a record names, who has the ORCID iD
/// or another id, and of the others who holds most of the mentions. Nobody is two of them.
pub(crate) fn assign_clusters(people: &[Cluster<'_>], holders: &[ExistingResearcher]) -> Vec<Assignment> {
    let by_id: HashMap<i64, &ExistingResearcher> = holders.iter().map(|holder| (holder.id, holder)).collect();
    let by_orcid: HashMap<&str, i64> =
        holders.iter().filter_map(|holder| Some((holder.orcid.as_deref()?, holder.id))).collect();
    let by_author_id: HashMap<&str, i64> = holders
        .iter()
        .flat_map(|holder| holder.author_ids.iter().map(|author_id| (author_id.as_str(), holder.id)))
        .collect();
    let mut claims: Vec<Option<Assignment>> =
        people.iter().map(|asked| asked.person.is_unresolved.then_some(Assignment::Unresolved)).collect();
    // Whoever is told by an id or a decision may be in several blocks, under several names.
    let mut taken: HashMap<i64, HashSet<&str>> = HashMap::new();
    let mut give = |claims: &mut Vec<Option<Assignment>>, place: usize, id: Option<i64>, is_told: bool| {
        let Some(id) = id.filter(|id| by_id.contains_key(id)) else { return };
        let blocks = taken.entry(id).or_default();
        if claims[place].is_none() && (blocks.is_empty() || is_told) && blocks.insert(people[place].block) {
            claims[place] = Some(Assignment::Existing(id));
        }
    };
    for (place, Cluster { mentions, .. }) in people.iter().enumerate() {
        give(&mut claims, place, mentions.iter().find_map(|mention| mention.decided_researcher_id), true);
    }
    let is_on_paper = |asked: &Cluster<'_>| asked.mentions.iter().any(|mention| mention.paper.is_some());
    let recorded = |asked: &Cluster<'_>| asked.mentions.iter().find_map(|mention| mention.recorded_researcher_id);
    for (place, asked) in people.iter().enumerate().filter(|(_, asked)| is_on_paper(asked)) {
        give(&mut claims, place, recorded(asked), true);
    }
    for (place, Cluster { mentions, .. }) in people.iter().enumerate() {
        let orcid = mentions.iter().find_map(|mention| mention.orcid.as_deref());
        give(&mut claims, place, orcid.and_then(|orcid| by_orcid.get(orcid).copied()), true);
    }
    // A record of its own, or an ORCID iD that nobody here tells, is somebody else's until evidence says so.
    let is_free = |holder: &ExistingResearcher, mentions: &[Mention]| {
        let tells = |orcid: &String| mentions.iter().any(|mention| mention.orcid.as_ref() == Some(orcid));
        !holder.is_recorded && holder.orcid.as_ref().is_none_or(tells)
    };
    for (place, Cluster { mentions, .. }) in people.iter().enumerate() {
        let ids = mentions.iter().flat_map(|mention| &mention.author_ids);
        let held = ids.filter_map(|author_id| by_author_id.get(author_id.as_str()).copied());
        let free = held.filter(|id| by_id.get(id).is_some_and(|holder| is_free(holder, mentions)));
        give(&mut claims, place, free.min(), true);
    }
    for (_, place, id) in majority_assignments(people, &by_id, is_free) {
        give(&mut claims, place, Some(id), false);
    }
    // Of a record or a name without papers nothing follows for who has some.
    for (place, asked) in people.iter().enumerate() {
        give(&mut claims, place, recorded(asked), true);
    }
    let otherwise = |asked| if is_on_paper(asked) { Assignment::New } else { Assignment::Unresolved };
    claims.into_iter().zip(people).map(|(claim, asked)| claim.unwrap_or_else(|| otherwise(asked))).collect()
}

/// How many mentions of each of the people somebody holds who may be them, most first.
fn majority_assignments(
    people: &[Cluster<'_>],
    by_id: &HashMap<i64, &ExistingResearcher>,
    is_free: impl Fn(&ExistingResearcher, &[Mention]) -> bool,
) -> Vec<(usize, usize, i64)> {
    let mut all = Vec::new();
    for (place, Cluster { block, mentions, current_researcher_ids: held, .. }) in people.iter().enumerate() {
        let mut counted: BTreeMap<i64, usize> = BTreeMap::new();
        for id in held {
            *counted.entry(*id).or_default() += 1;
        }
        for (id, amount) in counted {
            let Some(holder) = by_id.get(&id) else { continue };
            // Somebody of another name is there by what is known of that name.
            let is_of_name = holder.block.as_ref().is_none_or(|held| held == block);
            if is_of_name && is_free(holder, mentions) {
                all.push((amount, place, id));
            }
        }
    }
    all.sort_unstable_by_key(|(amount, place, id)| (std::cmp::Reverse(*amount), *id, *place));
    all
}
