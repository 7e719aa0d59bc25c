//! Organizations that were only named, until a registry tells which they are.

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::search::Kind;
use crate::store::unit_of_work::Batch;

/// An organization that records only name, and the only one with a ROR id that has the name.
#[derive(Serialize, FromQueryResult)]
struct Adopted {
    former_id: i64,
    survivor_id: i64,
}

const COLUMNS: &str = "former_id bigint, survivor_id bigint";

impl Store {
    /// Makes organizations that records only name those with a ROR id that are the only active ones of the name: whether the
    /// registry came before the records or after them does not matter. Gives how many.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn adopt_organizations(&self) -> Result<usize, Error> {
        let transaction = self.begin_batch().await?;
        let mut batch = Batch::new(&transaction, "", self.consortium_size, 0);
        let sql = "SELECT named.id AS former_id, min(found.id) AS survivor_id FROM organization AS named \
             CROSS JOIN LATERAL jsonb_array_elements(named.names) AS name JOIN organization AS found \
             ON found.names @> jsonb_build_array(jsonb_build_object('value', name -> 'value')) AND found.status = 'ACTIVE' \
             AND found.ror IS NOT NULL WHERE named.ror IS NULL \
             AND NOT EXISTS (SELECT FROM source_record WHERE organization_id = named.id) \
             GROUP BY named.id HAVING count(DISTINCT found.id) = 1 ORDER BY 1";
        let adopted = batch.rows::<Adopted>(sql.into()).await?;
        if !adopted.is_empty() {
            batch.adopt(&adopted).await?;
            batch.index_touched().await?;
            batch.outdate_totals().await?;
        }
        self.commit(transaction).await?;
        Ok(adopted.len())
    }
}

impl Batch<'_> {
    async fn adopt(&mut self, adopted: &[Adopted]) -> Result<(), Error> {
        let former = || ids(adopted.iter().map(|row| row.former_id));
        self.join_affiliations(adopted).await?;
        let affiliations = "UPDATE affiliation SET organization_id = rows.survivor_id, updated_at = now() FROM rows \
             WHERE affiliation.organization_id = rows.former_id";
        self.with_rows(COLUMNS, adopted, affiliations).await?;
        // Where somebody was is evidence of who they are.
        let evidence = "INSERT INTO identity_pending SELECT DISTINCT authorship.block FROM authorship_organization \
             JOIN authorship ON authorship.id = authorship_id WHERE organization_id = ANY(?) AND authorship.block IS NOT NULL \
             ON CONFLICT DO NOTHING";
        self.execute(Sql::with(evidence, former())).await?;
        let authors = "INSERT INTO authorship_organization (authorship_id, organization_id) \
             SELECT authorship_id, rows.survivor_id FROM authorship_organization JOIN rows ON organization_id = rows.former_id \
             ON CONFLICT DO NOTHING";
        self.with_rows(COLUMNS, adopted, authors).await?;
        let people = "INSERT INTO identity_pending SELECT DISTINCT researcher.block FROM affiliation \
             JOIN researcher ON researcher.id = affiliation.researcher_id JOIN rows ON rows.survivor_id = affiliation.organization_id \
             WHERE researcher.block IS NOT NULL ON CONFLICT DO NOTHING";
        self.with_rows(COLUMNS, adopted, people).await?;
        self.forget(Kind::Organization, adopted.iter().map(|row| row.former_id).collect()).await?;
        let lead = ", moved AS (UPDATE former_identity SET survivor_id = rows.survivor_id FROM rows \
             WHERE former_identity.kind = 'organization' AND former_identity.survivor_id = rows.former_id) \
             INSERT INTO former_identity (kind, former_id, former_slug, survivor_id) \
             SELECT 'organization', organization.id, organization.slug, rows.survivor_id \
             FROM rows JOIN organization ON organization.id = rows.former_id";
        self.with_rows(COLUMNS, adopted, lead).await?;
        self.execute(Sql::with("DELETE FROM organization WHERE id = ANY(?)", former())).await
    }

    /// Somebody's role that is told of both becomes one, as it does where the second comes after the registry.
    async fn join_affiliations(&mut self, adopted: &[Adopted]) -> Result<(), Error> {
        #[derive(Serialize, FromQueryResult)]
        struct Same {
            former_id: i64,
            held_id: i64,
            is_primary: bool,
        }
        let sql = crate::store::unit_of_work::rows_sql(COLUMNS, adopted)?.then(
            "SELECT DISTINCT ON (named.id) named.id AS former_id, held.id AS held_id, named.is_primary \
             FROM rows JOIN affiliation AS named ON named.organization_id = rows.former_id JOIN affiliation AS held \
             ON held.organization_id = rows.survivor_id AND held.researcher_id = named.researcher_id AND held.kind = named.kind \
             AND held.start_date IS NOT DISTINCT FROM named.start_date \
             AND NOT EXISTS (SELECT FROM jsonb_each_text(held.role_title) AS title \
             WHERE jsonb_exists(named.role_title, title.key) AND named.role_title ->> title.key <> title.value) \
             ORDER BY named.id, held.id",
        );
        let same = self.rows::<Same>(sql).await?;
        let columns = "former_id bigint, held_id bigint, is_primary boolean";
        let join = "UPDATE affiliation SET role_title = named.role_title || affiliation.role_title, \
             department_name = named.department_name || affiliation.department_name, \
             end_date = coalesce(affiliation.end_date, named.end_date), updated_at = now() \
             FROM rows JOIN affiliation AS named ON named.id = rows.former_id WHERE affiliation.id = rows.held_id";
        self.with_rows(columns, &same, join).await?;
        let former: HashSet<i64> = same.iter().map(|row| row.former_id).collect();
        if !former.is_empty() {
            self.execute(Sql::with("DELETE FROM affiliation WHERE id = ANY(?)", ids(former))).await?;
        }
        let primary = "UPDATE affiliation SET is_primary = true FROM rows WHERE rows.is_primary AND affiliation.id = rows.held_id";
        self.with_rows(columns, &same, primary).await
    }
}
