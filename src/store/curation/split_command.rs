//! The decision to move some papers of a researcher to another.

use std::collections::{BTreeMap, HashSet};

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, SelectExt as _};

use crate::entity::{paper, researcher};
use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::store::access::sql_fragment::sql;
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::curation::merge_command::abbreviate_list;
use crate::store::curation::reference::{find_papers, find_researchers};
use crate::store::curation::researcher_summary::summarize_researchers;
use crate::store::curation::undo_log::take_snapshot;
use crate::store::curation::{
    DecidedBy, DecisionKind, DecisionOutcome, DecisionParty, DecisionRole, begin_decision, pin_authorships,
    record_decision,
};
use crate::store::ingest::merge_researchers::emptied::HAS_DATA_BESIDES_PAPERS;
use crate::store::ingest::merge_researchers::full_merge::{ResearcherRef, load_researcher_refs};
use crate::store::ingest::reassign_authorships::{HeldAuthorship, Reassignment, load_authorships_of, move_authorships};
use crate::store::ingest::researcher_matching::create_researcher;
use crate::store::unit_of_work::UnitOfWork;

/// Moves papers to another researcher, and records the decision.
pub(super) async fn split_researcher(
    uow: &mut UnitOfWork<'_>,
    researcher: &str,
    papers: &[String],
    into: Option<&str>,
    decided_by: &DecidedBy,
) -> Result<DecisionOutcome, DecisionError> {
    let keys: Vec<&str> = std::iter::once(researcher).chain(into).collect();
    let mut researcher_ids = find_researchers(uow, &keys).await?;
    let papers = find_papers(uow, papers).await?;
    let parties = load_researcher_refs(uow, &researcher_ids).await?;
    let (source, target) = match (parties.as_slice(), researcher_ids.as_slice()) {
        ([source], [_]) => (source, None),
        ([source, target], _) => (source, Some(target)),
        ([person], [_, _]) => {
            let (one, other) = (researcher.to_owned(), into.unwrap_or_default().to_owned());
            return Err(CurationError::SameResearcher { one, other, person: person.label() }.into());
        }
        _ => return Err(Error::internal("no researcher to split").into()),
    };
    let authorships = load_authorships_of(uow, &[source.id]).await?;
    let (moved, remaining): (Vec<HeldAuthorship>, Vec<HeldAuthorship>) =
        authorships.iter().cloned().partition(|authorship| papers.contains(&authorship.paper_id));
    ensure_author_of(uow, source, &papers, &moved).await?;
    if remaining.is_empty() && !has_data_besides_papers(uow, source).await? {
        return Err(CurationError::WouldBeEmpty { person: source.label() }.into());
    }
    if let Some(target) = target {
        ensure_not_author_of(uow, target, &papers).await?;
    }

    let before = summarize_researchers(uow, &researcher_ids).await?;
    let authorship_ids: Vec<i64> = authorships.iter().map(|authorship| authorship.id).collect();
    let snapshot = take_snapshot(uow, &researcher_ids, &authorship_ids).await?;
    let target_id = match target {
        Some(target) => target.id,
        None => create_split_researcher(uow, source, &moved, &remaining).await?,
    };
    if target.is_none() {
        researcher_ids.push(target_id);
    }
    let parties = load_researcher_refs(uow, &researcher_ids).await?;
    let affected = parties.iter().map(|party| {
        let role = if party.id == target_id { DecisionRole::Target } else { DecisionRole::Source };
        DecisionParty::new(party, role)
    });
    let pending = begin_decision(uow, DecisionKind::Split, decided_by, affected.collect(), moved.len()).await?;
    let moves = moved.iter().map(|authorship| Reassignment {
        authorship_id: authorship.id,
        paper_id: authorship.paper_id,
        former_id: Some(source.id),
        researcher_id: target_id,
    });
    move_authorships(uow, &moves.collect::<Vec<_>>()).await?;
    let pins: Vec<(i64, i64)> = moved
        .iter()
        .map(|authorship| (authorship.id, target_id))
        .chain(remaining.iter().map(|authorship| (authorship.id, source.id)))
        .collect();
    pin_authorships(uow, &pending, &pins).await?;
    let (decision, kind) = record_decision(uow, pending, &snapshot).await?;
    let after = summarize_researchers(uow, &researcher_ids).await?;
    Ok(DecisionOutcome { decision, kind, before, after, notes: Vec::new() })
}

async fn ensure_author_of(
    uow: &UnitOfWork<'_>,
    source: &ResearcherRef,
    papers: &[i64],
    moved: &[HeldAuthorship],
) -> Result<(), DecisionError> {
    let theirs: HashSet<i64> = moved.iter().map(|authorship| authorship.paper_id).collect();
    let others: Vec<i64> = papers.iter().copied().filter(|id| !theirs.contains(id)).collect();
    if others.is_empty() {
        return Ok(());
    }
    let papers = abbreviate_list(&load_paper_slugs(uow, &others).await?);
    Err(CurationError::NotAuthorOf { person: source.label(), papers }.into())
}

async fn ensure_not_author_of(
    uow: &UnitOfWork<'_>,
    target: &ResearcherRef,
    papers: &[i64],
) -> Result<(), DecisionError> {
    let held = load_authorships_of(uow, &[target.id]).await?;
    let both: Vec<i64> = held.iter().map(|authorship| authorship.paper_id).filter(|id| papers.contains(id)).collect();
    if both.is_empty() {
        return Ok(());
    }
    let papers = abbreviate_list(&load_paper_slugs(uow, &both).await?);
    Err(CurationError::AlreadyAuthorOf { person: target.label(), papers }.into())
}

async fn load_paper_slugs(uow: &UnitOfWork<'_>, papers: &[i64]) -> Result<Vec<String>, Error> {
    let slugs = paper::Entity::find()
        .select_only()
        .column(paper::Column::Slug)
        .filter(paper::COLUMN.id.eq_any(papers.iter().copied()))
        .order_by_asc(paper::Column::Id);
    Ok(slugs.into_tuple().all(uow.db()).await?)
}

/// Whether a researcher has data besides papers.
async fn has_data_besides_papers(uow: &UnitOfWork<'_>, person: &ResearcherRef) -> Result<bool, Error> {
    let researcher = researcher::Entity::find_by_id(person.id).filter(Expr::cust(HAS_DATA_BESIDES_PAPERS));
    Ok(researcher.exists(uow.db()).await?)
}

/// Creates a researcher with the name of the authorships, and the ORCID iD that came with them.
async fn create_split_researcher(
    uow: &mut UnitOfWork<'_>,
    source: &ResearcherRef,
    moved: &[HeldAuthorship],
    remaining: &[HeldAuthorship],
) -> Result<i64, Error> {
    let name = most_common_name(moved).ok_or_else(|| Error::internal("a split without papers"))?;
    let orcid = choose_split_orcid(uow, source, moved, remaining).await?;
    if orcid.as_ref().is_some_and(|orcid| source.orcid.as_deref() == Some(orcid.as_str())) {
        let released = researcher::ActiveModel { id: Unchanged(source.id), orcid: Set(None), ..Default::default() };
        researcher::Entity::update(released).exec_without_returning(uow.db()).await?;
    }
    create_researcher(uow, name, orcid.as_ref()).await
}

/// The only ORCID iD of the moved authorships, if no remaining one has it and neither another researcher nor the
/// researcher's own record does.
async fn choose_split_orcid(
    uow: &UnitOfWork<'_>,
    source: &ResearcherRef,
    moved: &[HeldAuthorship],
    remaining: &[HeldAuthorship],
) -> Result<Option<Orcid>, Error> {
    let orcids: HashSet<&String> = moved.iter().filter_map(HeldAuthorship::own_orcid).collect();
    let mut orcids = orcids.into_iter();
    let (Some(orcid), None) = (orcids.next(), orcids.next()) else { return Ok(None) };
    if remaining.iter().any(|authorship| authorship.own_orcid() == Some(orcid)) {
        return Ok(None);
    }
    let taken = sql!(
        "SELECT EXISTS (SELECT FROM researcher WHERE orcid = ? AND (id <> ? OR EXISTS (SELECT FROM source_record \
         WHERE researcher_id = researcher.id AND key = ?))) OR EXISTS (SELECT FROM external_id \
         WHERE researcher_id IS NOT NULL AND scheme = 'orcid' AND value = ?)",
        orcid.clone(),
        source.id,
        format!("researcher:{orcid}"),
        orcid.clone(),
    );
    let is_taken = uow.tuples::<bool>(taken).await?.contains(&true);
    Ok(orcid.parse().ok().filter(|_| !is_taken))
}

/// The most common name of the authorships; the longest of several.
fn most_common_name(authorships: &[HeldAuthorship]) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for authorship in authorships {
        *counts.entry(&authorship.name).or_default() += 1;
    }
    let best = counts.into_iter().max_by_key(|(name, count)| (*count, name.chars().count(), std::cmp::Reverse(*name)));
    best.map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_new_researchers() {
        let authorship = |name: &str| HeldAuthorship {
            id: 0,
            paper_id: 0,
            researcher_id: 0,
            name: name.to_owned(),
            orcid: None,
            is_orcid_doubtful: false,
        };
        let named = |names: &[&str]| {
            let authorships: Vec<HeldAuthorship> = names.iter().map(|name| authorship(name)).collect();
            most_common_name(&authorships).map(ToOwned::to_owned)
        };
        assert_eq!(named(&["W. Xu", "Wei Xu", "W. Xu"]).as_deref(), Some("W. Xu"));
        assert_eq!(named(&["W. Xu", "Wei Xu"]).as_deref(), Some("Wei Xu"));
        assert_eq!(named(&["Wei Xu", "Wei Xa"]).as_deref(), Some("Wei Xa"));
        assert_eq!(named(&[]), None);
    }
}
