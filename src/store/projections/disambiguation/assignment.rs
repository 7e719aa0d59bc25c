//! Which of the people who are there each of those is whom a block of names was found to have.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::disambiguation::{Mention, Person};

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Somebody who is there.
    Held(i64),
    /// Nobody who is there.
    New,
    /// Nobody can tell.
    Open,
}

/// Somebody who is there.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Holder {
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
pub(crate) struct Asked<'a> {
    pub block: &'a str,
    pub person: &'a Person,
    pub mentions: &'a [Mention],
    pub held: Vec<i64>,
}

/// Tells who people are, by their mentions and whoever holds these now: whom a decision or a record names, who has the ORCID iD
/// or another id, and of the others who holds most of the mentions. Nobody is two of them.
pub(crate) fn claims(people: &[Asked<'_>], holders: &[Holder]) -> Vec<Claim> {
    let by_id: HashMap<i64, &Holder> = holders.iter().map(|holder| (holder.id, holder)).collect();
    let by_orcid: HashMap<&str, i64> =
        holders.iter().filter_map(|holder| Some((holder.orcid.as_deref()?, holder.id))).collect();
    let by_author_id: HashMap<&str, i64> = holders
        .iter()
        .flat_map(|holder| holder.author_ids.iter().map(|author_id| (author_id.as_str(), holder.id)))
        .collect();
    let mut claims: Vec<Option<Claim>> =
        people.iter().map(|asked| asked.person.is_open.then_some(Claim::Open)).collect();
    // Whoever is told by an id or a decision may be in several blocks, under several names.
    let mut taken: HashMap<i64, HashSet<&str>> = HashMap::new();
    let mut give = |claims: &mut Vec<Option<Claim>>, place: usize, id: Option<i64>, is_told: bool| {
        let Some(id) = id.filter(|id| by_id.contains_key(id)) else { return };
        let blocks = taken.entry(id).or_default();
        if claims[place].is_none() && (blocks.is_empty() || is_told) && blocks.insert(people[place].block) {
            claims[place] = Some(Claim::Held(id));
        }
    };
    for (place, Asked { mentions, .. }) in people.iter().enumerate() {
        give(&mut claims, place, mentions.iter().find_map(|mention| mention.decided), true);
    }
    let is_on_paper = |asked: &Asked<'_>| asked.mentions.iter().any(|mention| mention.paper.is_some());
    let recorded = |asked: &Asked<'_>| asked.mentions.iter().find_map(|mention| mention.record_of);
    for (place, asked) in people.iter().enumerate().filter(|(_, asked)| is_on_paper(asked)) {
        give(&mut claims, place, recorded(asked), true);
    }
    for (place, Asked { mentions, .. }) in people.iter().enumerate() {
        let orcid = mentions.iter().find_map(|mention| mention.orcid.as_deref());
        give(&mut claims, place, orcid.and_then(|orcid| by_orcid.get(orcid).copied()), true);
    }
    // A record of its own, or an ORCID iD that nobody here tells, is somebody else's until evidence says so.
    let is_free = |holder: &Holder, mentions: &[Mention]| {
        let tells = |orcid: &String| mentions.iter().any(|mention| mention.orcid.as_ref() == Some(orcid));
        !holder.is_recorded && holder.orcid.as_ref().is_none_or(tells)
    };
    for (place, Asked { mentions, .. }) in people.iter().enumerate() {
        let ids = mentions.iter().flat_map(|mention| &mention.author_ids);
        let held = ids.filter_map(|author_id| by_author_id.get(author_id.as_str()).copied());
        let free = held.filter(|id| by_id.get(id).is_some_and(|holder| is_free(holder, mentions)));
        give(&mut claims, place, free.min(), true);
    }
    for (_, place, id) in majorities(people, &by_id, is_free) {
        give(&mut claims, place, Some(id), false);
    }
    // Of a record or a name without papers nothing follows for who has some.
    for (place, asked) in people.iter().enumerate() {
        give(&mut claims, place, recorded(asked), true);
    }
    let otherwise = |asked| if is_on_paper(asked) { Claim::New } else { Claim::Open };
    claims.into_iter().zip(people).map(|(claim, asked)| claim.unwrap_or_else(|| otherwise(asked))).collect()
}

/// How many mentions of each of the people somebody holds who may be them, most first.
fn majorities(
    people: &[Asked<'_>],
    by_id: &HashMap<i64, &Holder>,
    is_free: impl Fn(&Holder, &[Mention]) -> bool,
) -> Vec<(usize, usize, i64)> {
    let mut all = Vec::new();
    for (place, Asked { block, mentions, held, .. }) in people.iter().enumerate() {
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
