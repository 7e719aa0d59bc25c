//! The decision to merge researchers.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::entity::{authorship, paper};
use crate::error::Error;
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::curation::reference::find_researchers;
use crate::store::curation::researcher_summary::summarize_researchers;
use crate::store::curation::undo_log::take_snapshot;
use crate::store::curation::{
    DecidedBy, DecisionKind, DecisionOutcome, DecisionParty, DecisionRole, begin_decision, pin_authorships,
    record_decision,
};
use crate::store::ingest::merge_researchers::full_merge::{
    ResearcherRef, is_name_variant, load_researcher_refs, merge_into,
};
use crate::store::ingest::reassign_authorships::load_authorships_of;
use crate::store::unit_of_work::UnitOfWork;

/// Maximum number of papers listed in a message.
const MAX_LISTED_PAPERS: usize = 5;

/// The first slugs of a list, and the number of the others.
pub(super) fn abbreviate_list(slugs: &[String]) -> String {
    let listed = slugs.iter().take(MAX_LISTED_PAPERS).map(String::as_str).collect::<Vec<_>>().join(", ");
    match slugs.len().saturating_sub(MAX_LISTED_PAPERS) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Merges researchers, and records the decision.
pub(super) async fn merge_by_decision(
    uow: &mut UnitOfWork<'_>,
    survivor: &str,
    former: &[String],
    force: bool,
    decided_by: &DecidedBy,
) -> Result<DecisionOutcome, DecisionError> {
    let keys: Vec<&str> = std::iter::once(survivor).chain(former.iter().map(String::as_str)).collect();
    let researcher_ids = find_researchers(uow, &keys).await?;
    let parties = load_researcher_refs(uow, &researcher_ids).await?;
    ensure_distinct(&keys, &researcher_ids, &parties)?;
    if !force {
        ensure_one_orcid(&parties)?;
        ensure_no_shared_papers(uow, &researcher_ids).await?;
    }
    let Some((survivor, former)) = parties.split_first() else {
        return Err(Error::internal("no researcher to merge").into());
    };

    let before = summarize_researchers(uow, &researcher_ids).await?;
    let authorships = load_authorships_of(uow, &researcher_ids).await?;
    let authorship_ids: Vec<i64> = authorships.iter().map(|authorship| authorship.id).collect();
    let unassigned = find_unassigned_authorships(uow, &researcher_ids).await?;
    let snapshot = take_snapshot(uow, &researcher_ids, &[authorship_ids.as_slice(), &unassigned].concat()).await?;
    let moved = authorships.iter().filter(|authorship| authorship.researcher_id != survivor.id).count();
    let affected = parties.iter().map(|party| {
        let role = if party.id == survivor.id { DecisionRole::Survivor } else { DecisionRole::Former };
        DecisionParty::new(party, role)
    });
    let pending = begin_decision(uow, DecisionKind::Merge, decided_by, affected.collect(), moved).await?;
    merge_into(uow, survivor, former, true).await?;
    // Authorships that became unassigned are pinned too, so that disambiguation does not assign them to others.
    let pins: Vec<(i64, i64)> = authorship_ids.iter().map(|id| (*id, survivor.id)).collect();
    pin_authorships(uow, &pending, &pins).await?;
    let (decision, kind) = record_decision(uow, pending, &snapshot).await?;
    let after = summarize_researchers(uow, &researcher_ids).await?;
    // The survivor's display name changes if a duplicate has a decided name or hides it.
    let displayed =
        after.iter().find(|summary| summary.id == survivor.id).map_or(&survivor.display_name, |summary| &summary.name);
    let names = former.iter().chain([survivor]).map(|party| &party.display_name);
    let notes = names.filter(|name| !is_name_variant(name, displayed)).map(|name| {
        format!(
            "'{name}' is not a form of the name '{displayed}' and is displayed only as a name on papers; add it to the other \
             names to display it always"
        )
    });
    let notes = notes.collect();
    Ok(DecisionOutcome { decision, kind, before, after, notes })
}

/// Authorships that are unassigned because these researchers have another one on the paper.
async fn find_unassigned_authorships(uow: &UnitOfWork<'_>, researcher_ids: &[i64]) -> Result<Vec<i64>, Error> {
    let unassigned = authorship::Entity::find()
        .select_only()
        .column(authorship::Column::Id)
        .filter(authorship::COLUMN.same_as_id.eq_any(researcher_ids.iter().copied()))
        .filter(authorship::COLUMN.researcher_id.is_null())
        .order_by_asc(authorship::Column::Id);
    Ok(unassigned.into_tuple().all(uow.db()).await?)
}

async fn ensure_no_shared_papers(uow: &UnitOfWork<'_>, researcher_ids: &[i64]) -> Result<(), DecisionError> {
    let shared = find_shared_papers(uow, researcher_ids).await?;
    if shared.is_empty() { Ok(()) } else { Err(CurationError::SharedPapers(abbreviate_list(&shared)).into()) }
}

/// The slugs of papers of which several of these researchers are authors.
async fn find_shared_papers(uow: &UnitOfWork<'_>, researcher_ids: &[i64]) -> Result<Vec<String>, Error> {
    let shared = authorship::Entity::find()
        .inner_join(paper::Entity)
        .select_only()
        .column(paper::Column::Slug)
        .filter(authorship::COLUMN.researcher_id.eq_any(researcher_ids.iter().copied()))
        .group_by(paper::Column::Id)
        .having(authorship::Column::Id.count().gt(1))
        .order_by_asc(paper::Column::Id);
    Ok(shared.into_tuple().all(uow.db()).await?)
}

fn ensure_distinct(keys: &[&str], researcher_ids: &[i64], parties: &[ResearcherRef]) -> Result<(), CurationError> {
    for (index, id) in researcher_ids.iter().enumerate() {
        if let Some(first) = researcher_ids.iter().take(index).position(|other| other == id) {
            let person = parties.iter().find(|party| party.id == *id).map(ResearcherRef::label).unwrap_or_default();
            return Err(CurationError::SameResearcher {
                one: keys[first].to_owned(),
                other: keys[index].to_owned(),
                person,
            });
        }
    }
    Ok(())
}

fn ensure_one_orcid(parties: &[ResearcherRef]) -> Result<(), CurationError> {
    let orcids: HashSet<&String> = parties.iter().filter_map(|party| party.orcid.as_ref()).collect();
    if orcids.len() < 2 {
        return Ok(());
    }
    let listed = parties.iter().filter_map(|party| Some(format!("{} has {}", party.label(), party.orcid.as_ref()?)));
    Err(CurationError::ConflictingOrcids(listed.collect::<Vec<_>>().join(", ")))
}
