//! Assignment of clusters to existing researchers.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::disambiguation::Mention;

/// The researcher of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignment {
    /// An existing researcher.
    Existing(i64),
    /// A researcher to create.
    New,
    /// No researcher: the cluster is ambiguous.
    Unresolved,
}

/// An existing researcher that a cluster may be assigned to.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct ExistingResearcher {
    pub id: i64,
    pub orcid: Option<String>,
    /// The block of the display name.
    pub block: Option<String>,
    /// Whether a source has a record of the researcher.
    pub is_recorded: bool,
    /// The identifiers that sources assigned, as `scheme:value`.
    pub author_ids: Vec<String>,
}

/// A cluster, with the researchers who have its mentions now.
pub(crate) struct Cluster<'a> {
    pub block: &'a str,
    /// Whether it is ambiguous.
    pub is_unresolved: bool,
    pub mentions: &'a [Mention],
    pub current_researcher_ids: Vec<i64>,
}

/// Assigns each cluster to the researcher named by a decision or a record, else to the one with the ORCID iD or another
/// identifier, else to the one with most of the mentions. No researcher gets two clusters of a block.
pub(crate) fn assign_clusters(clusters: &[Cluster<'_>], researchers: &[ExistingResearcher]) -> Vec<Assignment> {
    let by_id: HashMap<i64, &ExistingResearcher> =
        researchers.iter().map(|researcher| (researcher.id, researcher)).collect();
    let by_orcid: HashMap<&str, i64> =
        researchers.iter().filter_map(|researcher| Some((researcher.orcid.as_deref()?, researcher.id))).collect();
    let by_author_id: HashMap<&str, i64> = researchers
        .iter()
        .flat_map(|researcher| researcher.author_ids.iter().map(|author_id| (author_id.as_str(), researcher.id)))
        .collect();
    let mut assignments: Vec<Option<Assignment>> =
        clusters.iter().map(|cluster| cluster.is_unresolved.then_some(Assignment::Unresolved)).collect();
    // A researcher identified by an id or a decision may have several blocks, under several names.
    let mut taken: HashMap<i64, HashSet<&str>> = HashMap::new();
    let mut assign = |assignments: &mut Vec<Option<Assignment>>, index: usize, id: Option<i64>, is_identified: bool| {
        let Some(id) = id.filter(|id| by_id.contains_key(id)) else { return };
        let blocks = taken.entry(id).or_default();
        if assignments[index].is_none() && (blocks.is_empty() || is_identified) && blocks.insert(clusters[index].block)
        {
            assignments[index] = Some(Assignment::Existing(id));
        }
    };
    for (index, Cluster { mentions, .. }) in clusters.iter().enumerate() {
        assign(&mut assignments, index, mentions.iter().find_map(|mention| mention.decided_researcher_id), true);
    }
    let is_on_paper = |cluster: &Cluster<'_>| cluster.mentions.iter().any(|mention| mention.paper.is_some());
    let recorded = |cluster: &Cluster<'_>| cluster.mentions.iter().find_map(|mention| mention.recorded_researcher_id);
    for (index, cluster) in clusters.iter().enumerate().filter(|(_, cluster)| is_on_paper(cluster)) {
        assign(&mut assignments, index, recorded(cluster), true);
    }
    for (index, Cluster { mentions, .. }) in clusters.iter().enumerate() {
        let orcid = mentions.iter().find_map(|mention| mention.orcid.as_deref());
        assign(&mut assignments, index, orcid.and_then(|orcid| by_orcid.get(orcid).copied()), true);
    }
    // A researcher with a record, or with an ORCID iD that is not in the cluster, is a different person unless evidence
    // links them.
    let is_free = |researcher: &ExistingResearcher, mentions: &[Mention]| {
        let has_orcid = |orcid: &String| mentions.iter().any(|mention| mention.orcid.as_ref() == Some(orcid));
        !researcher.is_recorded && researcher.orcid.as_ref().is_none_or(has_orcid)
    };
    for (index, Cluster { mentions, .. }) in clusters.iter().enumerate() {
        let ids = mentions.iter().flat_map(|mention| &mention.author_ids);
        let researcher_ids = ids.filter_map(|author_id| by_author_id.get(author_id.as_str()).copied());
        let free = researcher_ids.filter(|id| by_id.get(id).is_some_and(|researcher| is_free(researcher, mentions)));
        assign(&mut assignments, index, free.min(), true);
    }
    for (_, index, id) in majority_assignments(clusters, &by_id, is_free) {
        assign(&mut assignments, index, Some(id), false);
    }
    // A record or a name without papers says nothing about a cluster with papers, so it comes last.
    for (index, cluster) in clusters.iter().enumerate() {
        assign(&mut assignments, index, recorded(cluster), true);
    }
    let otherwise = |cluster| if is_on_paper(cluster) { Assignment::New } else { Assignment::Unresolved };
    assignments
        .into_iter()
        .zip(clusters)
        .map(|(assignment, cluster)| assignment.unwrap_or_else(|| otherwise(cluster)))
        .collect()
}

/// The number of mentions of each cluster that an eligible researcher has, highest first.
fn majority_assignments(
    clusters: &[Cluster<'_>],
    by_id: &HashMap<i64, &ExistingResearcher>,
    is_free: impl Fn(&ExistingResearcher, &[Mention]) -> bool,
) -> Vec<(usize, usize, i64)> {
    let mut all = Vec::new();
    for (index, Cluster { block, mentions, current_researcher_ids: researcher_ids, .. }) in clusters.iter().enumerate()
    {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for id in researcher_ids {
            *counts.entry(*id).or_default() += 1;
        }
        for (id, amount) in counts {
            let Some(researcher) = by_id.get(&id) else { continue };
            // A researcher of another name belongs to the block of that name.
            let is_of_name = researcher.block.as_ref().is_none_or(|researcher_ids| researcher_ids == block);
            if is_of_name && is_free(researcher, mentions) {
                all.push((amount, index, id));
            }
        }
    }
    all.sort_unstable_by_key(|(amount, index, id)| (std::cmp::Reverse(*amount), *id, *index));
    all
}
