//! Merges researchers by decision: the survivor gets the papers, affiliations, topics, identifiers, records and texts
//! of the others.

use std::collections::HashSet;

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::{DerivePartialModel, EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::entity::{external_id, researcher, researcher_name, researcher_topic, source_record, statement_timestamp};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::ingest::merge_researchers::{ResearcherMerge, merge_researchers};
use crate::store::ingest::name_visibility::{load_names, recompute_names};
use crate::store::ingest::reassign_authorships::{Reassignment, load_authorships_of, move_authorships};
use crate::store::ingest::researcher::is_same_role;
use crate::store::ingest::researcher_matching::clear_orcids;
use crate::store::unit_of_work::UnitOfWork;
use crate::text::names::{self, NameSimilarity};

/// A researcher who takes part in a merge or a split.
#[derive(Clone, Debug, DerivePartialModel)]
#[sea_orm(entity = "researcher::Entity")]
pub(crate) struct ResearcherRef {
    pub id: i64,
    pub slug: String,
    pub display_name: String,
    pub name_key: String,
    /// The other names that sources provide, visible or not.
    pub told_names: Vec<String>,
    pub orcid: Option<String>,
}

impl ResearcherRef {
    /// The researcher as messages name them.
    pub(crate) fn label(&self) -> String {
        format!("{} ({})", self.display_name, self.slug)
    }
}

/// Whether a name is a form of another, and not a former name.
pub(crate) fn is_name_variant(name: &str, displayed: &str) -> bool {
    names::compare_names(name, displayed).similarity >= NameSimilarity::Compatible
}

/// The other names of the merged researcher: each once, without the display name.
fn merge_source_names(survivor: &ResearcherRef, former: &[ResearcherRef]) -> Vec<String> {
    let mut seen = HashSet::from([names::name_key(&survivor.display_name)]);
    seen.extend(survivor.told_names.iter().map(|name| names::name_key(name)));
    let theirs = former.iter().flat_map(|researcher| {
        let own = Some(&researcher.display_name).filter(|name| is_name_variant(name, &survivor.display_name));
        own.into_iter().chain(&researcher.told_names)
    });
    let added: Vec<String> = theirs.filter(|name| seen.insert(names::name_key(name))).cloned().collect();
    survivor.told_names.iter().cloned().chain(added).collect()
}

/// The researchers with these ids, in the same order.
pub(crate) async fn load_researcher_refs(
    uow: &UnitOfWork<'_>,
    researchers: &[i64],
) -> Result<Vec<ResearcherRef>, Error> {
    let found = researcher::Entity::find().filter(researcher::COLUMN.id.eq_any(researchers.iter().copied()));
    let mut found = found.into_partial_model::<ResearcherRef>().all(uow.db()).await?;
    found.sort_by_key(|researcher| researchers.iter().position(|id| *id == researcher.id));
    Ok(found)
}

/// Moves everything of other researchers to the survivor, and redirects their ids and slugs. With `keeps_names`,
/// authors with one of their names match the survivor.
pub(crate) async fn merge_into(
    uow: &mut UnitOfWork<'_>,
    survivor: &ResearcherRef,
    former: &[ResearcherRef],
    keeps_names: bool,
) -> Result<(), Error> {
    let researchers: Vec<i64> = former.iter().map(|researcher| researcher.id).collect();
    merge_orcids(uow, survivor, former).await?;
    merge_profiles(uow, survivor, former).await?;
    for researcher in former {
        merge_names(uow, survivor.id, researcher.id).await?;
    }
    external_id::Entity::update_many()
        .set(external_id::ActiveModel { researcher_id: Set(Some(survivor.id)), ..Default::default() })
        .filter(external_id::COLUMN.researcher_id.eq_any(researchers.iter().copied()))
        .exec(uow.db())
        .await?;
    let moved_record = source_record::ActiveModel {
        researcher_id: Set(Some(survivor.id)),
        is_of_former: Set(true),
        ..Default::default()
    };
    source_record::Entity::update_many()
        .set(moved_record)
        .filter(source_record::COLUMN.researcher_id.eq_any(researchers.iter().copied()))
        .exec(uow.db())
        .await?;
    for researcher_id in &researchers {
        merge_affiliations(uow, survivor.id, *researcher_id).await?;
        merge_topics(uow, survivor.id, *researcher_id).await?;
    }
    let moves: Vec<Reassignment> = load_authorships_of(uow, &researchers)
        .await?
        .into_iter()
        .map(|authorship| Reassignment {
            authorship_id: authorship.id,
            paper_id: authorship.paper_id,
            former_id: Some(authorship.researcher_id),
            researcher_id: survivor.id,
        })
        .collect();
    move_authorships(uow, &moves).await?;
    let merges = former.iter().map(|researcher| ResearcherMerge {
        former_id: researcher.id,
        survivor_id: survivor.id,
        name_key: keeps_names.then(|| researcher.name_key.clone()),
    });
    merge_researchers(uow, &merges.collect::<Vec<_>>()).await?;
    recompute_names(uow, survivor.id, None).await?;
    uow.mark_dirty(EntityType::Researcher, [survivor.id]);
    Ok(())
}

/// The survivor has one ORCID iD. The others become identifiers that still match the survivor.
async fn merge_orcids(uow: &UnitOfWork<'_>, survivor: &ResearcherRef, former: &[ResearcherRef]) -> Result<(), Error> {
    clear_orcids(uow, former.iter().map(|researcher| researcher.id)).await?;
    let mut orcids = former.iter().filter_map(|researcher| researcher.orcid.clone());
    if survivor.orcid.is_none()
        && let Some(orcid) = orcids.next()
    {
        let survivor =
            researcher::ActiveModel { id: Unchanged(survivor.id), orcid: Set(Some(orcid)), ..Default::default() };
        researcher::Entity::update(survivor).exec_without_returning(uow.db()).await?;
    }
    let others: Vec<String> = orcids.collect();
    if others.is_empty() {
        return Ok(());
    }
    let insert = sql!(
        "INSERT INTO external_id (scheme, value, researcher_id) SELECT 'orcid', former.orcid, ?::bigint \
         FROM unnest(?::text[]) AS former(orcid) ON CONFLICT DO NOTHING",
        survivor.id,
        text_array(others),
    );
    uow.execute(insert).await
}

/// Names are combined; texts and URLs fill missing values.
async fn merge_profiles(uow: &UnitOfWork<'_>, survivor: &ResearcherRef, former: &[ResearcherRef]) -> Result<(), Error> {
    for researcher in former {
        let sql = sql!(
            "UPDATE researcher AS kept SET headline = former.headline || kept.headline, \
             biography = former.biography || kept.biography, portrait_url = coalesce(kept.portrait_url, \
             former.portrait_url), homepage_url = coalesce(kept.homepage_url, former.homepage_url) \
             FROM researcher AS former WHERE former.id = ? AND kept.id = ?",
            researcher.id,
            survivor.id,
        );
        uow.execute(sql).await?;
    }
    researcher::Entity::update_many()
        .set(researcher::ActiveModel { told_names: Set(merge_source_names(survivor, former)), ..Default::default() })
        .col_expr(researcher::Column::UpdatedAt, statement_timestamp())
        .filter(researcher::COLUMN.id.eq(survivor.id))
        .exec(uow.db())
        .await?;
    Ok(())
}

/// Decisions on the other's names apply unless the survivor has one, and names that the other hides are hidden, even if
/// one is the survivor's display name.
async fn merge_names(uow: &UnitOfWork<'_>, survivor: i64, former: i64) -> Result<(), Error> {
    let (survivor_names, former_names) = (load_names(uow, survivor).await?, load_names(uow, former).await?);
    let forms: Vec<String> = former_names.visible()?.hidden_forms.into_iter().collect();
    let is_hidden = !forms.is_empty() && names::name_reveals_hidden(&survivor_names.display_name, &forms);
    if !survivor_names.is_decided && (former_names.is_decided || is_hidden) {
        let sql = sql!(
            "UPDATE researcher AS kept SET display_name = given.display_name, given_name = given.given_name, \
             family_name = given.family_name, sort_name = given.sort_name, name_key = given.name_key, \
             block = given.block, told_names = array_remove(kept.told_names || ?, given.display_name) \
             FROM researcher AS given WHERE given.id = ? AND kept.id = ?",
            text_array(
                Some(survivor_names.display_name).filter(|name| is_name_variant(name, &former_names.display_name))
            ),
            former,
            survivor,
        );
        uow.execute(sql).await?;
    }
    let sql = sql!(
        "UPDATE researcher AS kept SET withholds_published_name = kept.withholds_published_name \
         OR given.withholds_published_name FROM researcher AS given WHERE given.id = ? AND kept.id = ?",
        former,
        survivor,
    );
    uow.execute(sql).await?;
    let sql = sql!(
        "INSERT INTO name_decision AS kept (researcher_id, display_name, given_name, family_name, \
         withholds_published_name, decided_at) SELECT ?::bigint, display_name, given_name, family_name, \
         withholds_published_name, decided_at FROM name_decision WHERE researcher_id = ? ON CONFLICT (researcher_id) \
         DO UPDATE SET given_name = CASE WHEN kept.display_name IS NULL THEN EXCLUDED.given_name ELSE kept.given_name \
         END, family_name = CASE WHEN kept.display_name IS NULL THEN EXCLUDED.family_name ELSE kept.family_name END, \
         display_name = coalesce(kept.display_name, EXCLUDED.display_name), \
         withholds_published_name = coalesce(kept.withholds_published_name \
         OR EXCLUDED.withholds_published_name, kept.withholds_published_name, EXCLUDED.withholds_published_name)",
        survivor,
        former,
    );
    uow.execute(sql).await?;
    researcher_name::Entity::update_many()
        .set(researcher_name::ActiveModel { researcher_id: Set(survivor), ..Default::default() })
        .filter(researcher_name::COLUMN.researcher_id.eq(former))
        .exec(uow.db())
        .await?;
    Ok(())
}

/// Affiliations that an import would take for the same are merged.
async fn merge_affiliations(uow: &UnitOfWork<'_>, survivor: i64, former: i64) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct AffiliationPairRow {
        id: i64,
        same: Option<i64>,
    }
    let moving = "SELECT id, NULL::bigint AS same FROM affiliation WHERE researcher_id = ? ORDER BY id";
    for AffiliationPairRow { id, .. } in uow.rows::<AffiliationPairRow>(Sql::with(moving, former)).await? {
        // A title that contains the other is preferred, since nothing has to be added.
        let same = sql!(
            "SELECT moving.id, held.id AS same FROM affiliation AS moving LEFT JOIN LATERAL (SELECT other.id \
             FROM affiliation AS other WHERE other.researcher_id = ? \
             AND other.organization_id = moving.organization_id AND ",
            survivor,
        )
        .then(is_same_role("other", "moving"))
        .then(sql!(
            " ORDER BY other.role_title = moving.role_title DESC, other.role_title @> moving.role_title DESC, other.id \
             LIMIT 1) AS held ON true WHERE moving.id = ?",
            id,
        ));
        let same = uow.rows::<AffiliationPairRow>(same).await?.pop().and_then(|pair| pair.same);
        let statement = match same {
            Some(same) => sql!(
                "WITH gone AS (DELETE FROM affiliation WHERE id = ? RETURNING *) UPDATE affiliation AS held \
                 SET role_title = gone.role_title || held.role_title, \
                 department_name = gone.department_name || held.department_name, end_date = coalesce(held.end_date, \
                 gone.end_date), has_ended = held.has_ended OR gone.has_ended, is_primary = held.is_primary \
                 OR gone.is_primary AND NOT EXISTS (SELECT FROM affiliation AS other \
                 WHERE other.researcher_id = held.researcher_id \
                 AND other.is_primary), updated_at = statement_timestamp() FROM gone WHERE held.id = ?",
                id,
                same,
            ),
            None => sql!(
                "UPDATE affiliation SET researcher_id = ?, updated_at = statement_timestamp(), \
                 is_primary = is_primary AND NOT EXISTS (SELECT FROM affiliation AS other WHERE other.is_primary \
                 AND other.researcher_id = ?) WHERE id = ?",
                survivor,
                survivor,
                id,
            ),
        };
        uow.execute(statement).await?;
    }
    Ok(())
}

/// Declared topics are added after the survivor's.
async fn merge_topics(uow: &UnitOfWork<'_>, survivor: i64, former: i64) -> Result<(), Error> {
    let insert = sql!(
        "INSERT INTO researcher_topic (researcher_id, topic_id, position) \
         SELECT person.id, moving.topic_id, person.last + row_number() OVER (ORDER BY moving.position, \
         moving.topic_id) FROM (SELECT ?::bigint AS id, (SELECT coalesce(max(position), 0) FROM researcher_topic \
         WHERE researcher_id = ?) AS last) AS person, researcher_topic AS moving WHERE moving.researcher_id = ? \
         ON CONFLICT DO NOTHING",
        survivor,
        survivor,
        former,
    );
    uow.execute(insert).await?;
    researcher_topic::Entity::delete_many()
        .filter(researcher_topic::COLUMN.researcher_id.eq(former))
        .exec(uow.db())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn researcher(name: &str, others: &[&str]) -> ResearcherRef {
        ResearcherRef {
            id: 0,
            slug: String::new(),
            display_name: name.to_owned(),
            name_key: names::name_key(name),
            told_names: others.iter().map(|name| (*name).to_owned()).collect(),
            orcid: None,
        }
    }

    #[test]
    fn names_of_a_merged_researcher() {
        let survivor = researcher("Ida Brook", &["I. M. Brook"]);
        let former = [
            researcher("I. Brook", &["ida brook", "Ida-Marie Brook"]),
            researcher("I. Brook", &[]),
            researcher("Ida Ford", &[]),
        ];
        // Ida Ford is called Ida Brook now, so that name is not displayed.
        assert_eq!(merge_source_names(&survivor, &former), ["I. M. Brook", "I. Brook", "Ida-Marie Brook"]);
    }
}
