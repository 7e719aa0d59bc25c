//! Merges of researchers who have nothing left after their authorships moved to others.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use crate::entity::{authorship, researcher};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::access::sql_fragment::{bigint_array, sql, text_array};
use crate::store::ingest::merge_researchers::{ResearcherMerge, merge_researchers};
use crate::store::ingest::reassign_authorships::{Reassignment, find_pinned, move_authorships};
use crate::store::ingest::slug::slug_of_text;
use crate::store::reader::export::is_exported_key;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names::{self, NameSimilarity};

/// SQL condition: the researcher has data besides papers.
pub(crate) const HAS_DATA_BESIDES_PAPERS: &str = concat!(
    "(researcher.orcid IS NOT NULL OR EXISTS (SELECT FROM source_record WHERE researcher_id = researcher.id AND NOT ",
    is_exported_key!("source_record.key"),
    ") OR EXISTS (SELECT FROM external_id WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM affiliation WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM researcher_name WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM name_decision WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM researcher_topic WHERE researcher_id = researcher.id))"
);

/// Moves authorships that are not pinned, and merges researchers who have nothing left into those who have most of
/// their papers, so that their ids and slugs redirect.
pub(crate) async fn reassign_and_merge_emptied(uow: &mut UnitOfWork<'_>, moves: &[Reassignment]) -> Result<(), Error> {
    let pinned = find_pinned(uow, moves).await?;
    let moves: Vec<Reassignment> = moves.iter().filter(|row| !pinned.contains(&row.authorship_id)).cloned().collect();
    move_authorships(uow, &moves).await?;
    merge_emptied_researchers(uow, &moves).await
}

/// Merges the former researchers of these moves who have nothing left into those who have most of their papers.
pub(crate) async fn merge_emptied_researchers(uow: &mut UnitOfWork<'_>, moves: &[Reassignment]) -> Result<(), Error> {
    merge_emptied_into(uow, moves, &choose_successors(moves)).await
}

/// Merges the former researchers of these moves who have nothing left into their successors.
pub(crate) async fn merge_emptied_into(
    uow: &mut UnitOfWork<'_>,
    moves: &[Reassignment],
    successors: &HashMap<i64, i64>,
) -> Result<(), Error> {
    let former: HashSet<i64> = moves.iter().filter_map(|row| row.former_id).collect();
    let empty = find_empty_researchers(uow, former).await?;
    let merges: Vec<ResearcherMerge> = empty
        .iter()
        .filter_map(|id| successors.get(id).map(|survivor| (*id, *survivor)))
        .map(|(former_id, survivor_id)| ResearcherMerge { former_id, survivor_id, name_key: None })
        .collect();
    merge_researchers(uow, &merges).await?;
    reclaim_slugs(uow, merges.iter().map(|row| row.survivor_id).collect()).await
}

/// Merges former authors of papers who have nothing left, since their papers have other authors now, into the authors
/// with the most similar names: the initials of one source into the full name of another. `former` are papers with
/// their former authors.
pub(crate) async fn merge_replaced_authors(uow: &mut UnitOfWork<'_>, former: &[(i64, i64)]) -> Result<(), Error> {
    let empty = find_empty_researchers(uow, former.iter().map(|(_, researcher)| *researcher)).await?;
    if empty.is_empty() {
        return Ok(());
    }
    let empty = researcher::Entity::find()
        .select_only()
        .columns([researcher::Column::Id, researcher::Column::DisplayName])
        .filter(researcher::COLUMN.id.eq_any(empty))
        .order_by_asc(researcher::Column::Id);
    let empty: Vec<(i64, String)> = empty.into_tuple().all(uow.db()).await?;
    let papers_of = |id: i64| former.iter().filter(move |(_, former)| *former == id).map(|(paper, _)| *paper);
    let papers: HashSet<i64> = empty.iter().flat_map(|(id, _)| papers_of(*id)).collect();
    let authors = authorship::Entity::find()
        .select_only()
        .columns([authorship::Column::PaperId, authorship::Column::ResearcherId, authorship::Column::Name])
        .filter(authorship::COLUMN.researcher_id.is_not_null())
        .filter(authorship::COLUMN.paper_id.eq_any(papers));
    let authors: Vec<(i64, i64, String)> = authors.into_tuple().all(uow.db()).await?;
    let successor = |id: i64, display_name: &str| {
        let own: HashSet<i64> = papers_of(id).collect();
        let on_papers = authors.iter().filter(|(paper_id, ..)| own.contains(paper_id));
        let similar = on_papers
            .map(|(_, author_id, name)| (names::compare_names(display_name, name).similarity, *author_id))
            .filter(|(similarity, _)| *similarity >= NameSimilarity::Compatible);
        similar.max_by_key(|(similarity, id)| (*similarity, std::cmp::Reverse(*id))).map(|(_, id)| id)
    };
    let merges: Vec<ResearcherMerge> = empty
        .iter()
        .filter_map(|(id, display_name)| Some((*id, successor(*id, display_name)?)))
        .map(|(former_id, survivor_id)| ResearcherMerge { former_id, survivor_id, name_key: None })
        .collect();
    merge_researchers(uow, &merges).await?;
    reclaim_slugs(uow, merges.iter().map(|row| row.survivor_id).collect()).await
}

/// Those of the researchers who have nothing but a name.
pub(crate) async fn find_empty_researchers(
    uow: &UnitOfWork<'_>,
    researchers: impl IntoIterator<Item = i64>,
) -> Result<Vec<i64>, Error> {
    let mut researchers = researchers.into_iter().peekable();
    if researchers.peek().is_none() {
        return Ok(Vec::new());
    }
    let sql = sql!("SELECT id FROM researcher WHERE id = ANY(?) AND NOT ", bigint_array(researchers))
        .then(HAS_DATA_BESIDES_PAPERS)
        .then(" AND NOT EXISTS (SELECT FROM authorship WHERE researcher_id = researcher.id) ORDER BY id");
    uow.tuples(sql).await
}

/// Gives researchers the slug of their name if a researcher merged into them had it: "ida-jovanovic" rather than
/// "ida-jovanovic-2". The other slug redirects. Slugs of researchers with curation decisions stay.
async fn reclaim_slugs(uow: &UnitOfWork<'_>, researchers: Vec<i64>) -> Result<(), Error> {
    if researchers.is_empty() {
        return Ok(());
    }
    let names = researcher::Entity::find()
        .select_only()
        .columns([researcher::Column::Id, researcher::Column::DisplayName])
        .filter(researcher::COLUMN.id.eq_any(researchers));
    let names: Vec<(i64, String)> = names.into_tuple().all(uow.db()).await?;
    let swap = sql!(
        "WITH swapped AS (SELECT former.former_id, person.id, person.slug AS old, wanted.slug AS new \
         FROM unnest(?::bigint[], ?::text[]) AS wanted(id, slug) JOIN researcher AS person ON person.id = wanted.id \
         AND person.slug <> wanted.slug JOIN former_identity AS former ON former.kind = 'researcher' \
         AND former.former_slug = wanted.slug AND former.survivor_id = person.id \
         AND NOT EXISTS (SELECT FROM identity_decision WHERE undone_at IS NULL \
         AND researcher_ids && ARRAY[person.id, former.former_id])), addressed AS (UPDATE researcher \
         SET slug = swapped.new FROM swapped WHERE researcher.id = swapped.id) UPDATE former_identity \
         SET former_slug = swapped.old FROM swapped WHERE former_identity.kind = 'researcher' \
         AND former_identity.former_id = swapped.former_id",
        bigint_array(names.iter().map(|(id, _)| *id)),
        text_array(names.iter().map(|(_, display_name)| slug_of_text(display_name, EntityType::Researcher))),
    );
    uow.execute(swap).await
}

/// The researcher who receives most authorships of each former one; the lowest id on a tie.
pub(crate) fn choose_successors(moves: &[Reassignment]) -> HashMap<i64, i64> {
    let mut gained: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for row in moves {
        if let Some(former) = row.former_id.filter(|former| *former != row.researcher_id) {
            *gained.entry((former, row.researcher_id)).or_default() += 1;
        }
    }
    let mut most: HashMap<i64, (usize, i64)> = HashMap::new();
    for ((former, successor), amount) in gained {
        let best = most.entry(former).or_insert((amount, successor));
        if amount > best.0 {
            *best = (amount, successor);
        }
    }
    most.into_iter().map(|(former, (_, successor))| (former, successor)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_have_most_authorships() {
        let row = |former: Option<i64>, researcher_id: i64| Reassignment {
            authorship_id: 0,
            paper_id: 0,
            former_id: former,
            researcher_id,
        };
        let moves = [row(Some(1), 9), row(Some(1), 5), row(Some(1), 9), row(Some(2), 7), row(Some(2), 4), row(None, 3)];
        assert_eq!(choose_successors(&moves), HashMap::from([(1, 9), (2, 4)]));
        assert_eq!(choose_successors(&[row(Some(1), 1)]), HashMap::new());
    }
}
