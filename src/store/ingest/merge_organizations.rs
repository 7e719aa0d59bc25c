//! Merges organizations that records only name into the registered organization of that name.

use std::collections::HashSet;

use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::entity::{affiliation, organization};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::ingest::researcher::is_same_role;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};
use crate::store::unit_of_work::{ProjectionEvent, TableScans, UnitOfWork};

json_row! {
    /// An organization that records only name, and the only organization with a ROR ID that has the name.
    #[derive(FromQueryResult)]
    struct OrganizationMerge {
        former_id: i64,
        survivor_id: i64,
    }
}

/// Organizations that are merged in one transaction.
const MERGES_PER_STEP: usize = 100;

/// The query for merges of organizations that fulfil a condition.
fn named_organizations(condition: Sql) -> Sql {
    Sql::from(
        "SELECT named.id AS former_id, min(found.id) AS survivor_id FROM organization AS named \
         CROSS JOIN LATERAL jsonb_array_elements(named.names) AS name JOIN organization AS found \
         ON found.names @> jsonb_build_array(jsonb_build_object('value', name -> 'value')) AND found.status = 'ACTIVE' \
         AND found.ror IS NOT NULL WHERE named.ror IS NULL ",
    )
    .then(condition)
    .then(
        " AND NOT EXISTS (SELECT FROM source_record WHERE organization_id = named.id) \
         GROUP BY named.id HAVING count(DISTINCT found.id) = 1 ORDER BY 1",
    )
}

impl Store {
    /// Merges organizations that records only name into the only active one with a ROR ID and that name, so that the
    /// order of imports does not matter. Returns how many were merged.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub async fn merge_named_organizations(&self) -> Result<usize, Error> {
        // The whole table is read without the write lock, which each step takes.
        let found = self.retry(|| self.find_named_organizations()).await?;
        let mut merged = 0;
        for step in found.chunks(MERGES_PER_STEP) {
            merged += self.retry(|| self.try_merge_named_organizations(step)).await?;
        }
        Ok(merged)
    }

    async fn find_named_organizations(&self) -> Result<Vec<OrganizationMerge>, Error> {
        let uow = UnitOfWork::begin_unlocked(self).await?;
        // Rows are found by indexes, as in a step.
        uow.execute_unprepared("SET LOCAL enable_seqscan = off").await?;
        let merges = uow.rows::<OrganizationMerge>(named_organizations("".into())).await?;
        uow.rollback().await?;
        Ok(merges)
    }

    async fn try_merge_named_organizations(&self, found: &[OrganizationMerge]) -> Result<usize, Error> {
        let mut uow = UnitOfWork::begin(self, TableScans::Avoid).await?;
        // Since they were found, others may have been written.
        let condition = sql!("AND named.id = ANY(?)", bigint_array(found.iter().map(|merge| merge.former_id)));
        let merges = uow.rows::<OrganizationMerge>(named_organizations(condition)).await?;
        if !merges.is_empty() {
            merge_organizations(&mut uow, &merges).await?;
            uow.dirty.statistics = true;
        }
        uow.commit().await?;
        Ok(merges.len())
    }
}

/// Moves everything of the former organizations to the survivors, to which their ids and slugs redirect.
async fn merge_organizations(uow: &mut UnitOfWork<'_>, merges: &[OrganizationMerge]) -> Result<(), Error> {
    let former: Vec<i64> = merges.iter().map(|row| row.former_id).collect();
    merge_duplicate_affiliations(uow, merges).await?;
    let affiliations = "UPDATE affiliation SET organization_id = rows.survivor_id, updated_at = statement_timestamp() FROM rows \
         WHERE affiliation.organization_id = rows.former_id";
    uow.execute_with_rows(merges, affiliations).await?;
    // Affiliations are evidence for disambiguation.
    uow.execute(sql!(
        "INSERT INTO identity_pending SELECT DISTINCT authorship.block FROM authorship_organization \
         JOIN authorship ON authorship.id = authorship_id WHERE organization_id = ANY(?) \
         AND authorship.block IS NOT NULL ON CONFLICT DO NOTHING",
        bigint_array(former.iter().copied()),
    ))
    .await?;
    let authors = "INSERT INTO authorship_organization (authorship_id, organization_id) \
         SELECT authorship_id, rows.survivor_id FROM authorship_organization JOIN rows ON organization_id = rows.former_id \
         ON CONFLICT DO NOTHING";
    uow.execute_with_rows(merges, authors).await?;
    let people = "INSERT INTO identity_pending SELECT DISTINCT researcher.block FROM affiliation \
         JOIN researcher ON researcher.id = affiliation.researcher_id JOIN rows ON rows.survivor_id = affiliation.organization_id \
         WHERE researcher.block IS NOT NULL ON CONFLICT DO NOTHING";
    uow.execute_with_rows(merges, people).await?;
    uow.notify(ProjectionEvent::EntitiesRemoved { kind: EntityType::Organization, ids: &former }).await?;
    let redirect = ", moved AS (UPDATE former_identity SET survivor_id = rows.survivor_id FROM rows \
         WHERE former_identity.kind = 'organization' AND former_identity.survivor_id = rows.former_id) \
         INSERT INTO former_identity (kind, former_id, former_slug, survivor_id) \
         SELECT 'organization', organization.id, organization.slug, rows.survivor_id \
         FROM rows JOIN organization ON organization.id = rows.former_id";
    uow.execute_with_rows(merges, redirect).await?;
    organization::Entity::delete_many()
        .filter(organization::COLUMN.id.eq_any(former.iter().copied()))
        .exec(uow.db())
        .await?;
    Ok(())
}

/// Merges affiliations that a researcher has with both organizations, as an import after the registry would.
async fn merge_duplicate_affiliations(uow: &mut UnitOfWork<'_>, merges: &[OrganizationMerge]) -> Result<(), Error> {
    json_row! {
        #[derive(FromQueryResult)]
        struct DuplicateAffiliationRow {
            former_id: i64,
            held_id: i64,
            is_primary: bool,
        }
    }
    let is_same = is_same_role("held", "named");
    let sql = rows_cte(merges)?.then(format!(
        "SELECT DISTINCT ON (named.id) named.id AS former_id, held.id AS held_id, named.is_primary FROM rows \
         JOIN affiliation AS named ON named.organization_id = rows.former_id \
         JOIN affiliation AS held ON held.organization_id = rows.survivor_id \
         AND held.researcher_id = named.researcher_id AND {is_same} ORDER BY named.id, held.id"
    ));
    let same = uow.rows::<DuplicateAffiliationRow>(sql).await?;
    let join = "UPDATE affiliation SET role_title = named.role_title || affiliation.role_title, \
         department_name = named.department_name || affiliation.department_name, \
         end_date = coalesce(affiliation.end_date, named.end_date), \
         has_ended = affiliation.has_ended OR named.has_ended, updated_at = statement_timestamp() \
         FROM rows JOIN affiliation AS named ON named.id = rows.former_id WHERE affiliation.id = rows.held_id";
    uow.execute_with_rows(&same, join).await?;
    let former: HashSet<i64> = same.iter().map(|row| row.former_id).collect();
    if !former.is_empty() {
        affiliation::Entity::delete_many().filter(affiliation::COLUMN.id.eq_any(former)).exec(uow.db()).await?;
    }
    let primary =
        "UPDATE affiliation SET is_primary = true FROM rows WHERE rows.is_primary AND affiliation.id = rows.held_id";
    uow.execute_with_rows(&same, primary).await
}
