//! The organizations of authors. One that is not imported yet is awaited, and linked when it arrives, so that the order
//! of imports does not matter.

use serde::Serialize;

use crate::error::Error;
use crate::model::record::OrganizationReference;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::ingest::exported_ids::map_exported_ids;
use crate::store::ingest::organization::find_organizations_by_ror;
use crate::store::unit_of_work::UnitOfWork;

#[derive(Serialize)]
struct AuthorshipOrganizationRow {
    one: i64,
    other: i64,
}

#[derive(Serialize)]
struct AwaitedOrganizationRow<'a> {
    authorship_id: i64,
    ror: &'a str,
}

/// Links authorships with their organizations. Those with a ROR ID that no organization has yet are stored as awaited.
pub(crate) async fn link_authorship_organizations(
    uow: &UnitOfWork<'_>,
    references: Vec<(i64, &OrganizationReference)>,
) -> Result<(), Error> {
    let exported = references.iter().filter_map(|(_, organization)| organization.id);
    let by_id = map_exported_ids(uow, "organization", exported).await?;
    let rors = references.iter().filter_map(|(_, organization)| organization.ror.as_ref().map(ToString::to_string));
    let by_ror = find_organizations_by_ror(uow, rors).await?;
    let (mut links, mut awaited) = (Vec::new(), Vec::new());
    for (authorship_id, organization) in references {
        let exported = organization.id.and_then(|id| by_id.get(&id));
        let ror = organization.ror.as_ref().map(|ror| ror.as_str());
        match (exported.or_else(|| by_ror.get(ror?)), ror) {
            (Some(id), _) => links.push(AuthorshipOrganizationRow { one: authorship_id, other: *id }),
            (None, Some(ror)) => awaited.push(AwaitedOrganizationRow { authorship_id, ror }),
            (None, None) => {}
        }
    }
    let insert = "INSERT INTO authorship_organization (authorship_id, organization_id) SELECT one, other FROM rows \
         ON CONFLICT DO NOTHING";
    uow.execute_with_rows("one bigint, other bigint", &links, insert).await?;
    let insert = "INSERT INTO authorship_awaited_organization (authorship_id, ror) SELECT authorship_id, ror FROM rows \
         ON CONFLICT DO NOTHING";
    uow.execute_with_rows("authorship_id bigint, ror text", &awaited, insert).await
}

/// Links the authorships that await one of these organizations. The link is evidence for the author, whose block is
/// disambiguated again.
pub(crate) async fn link_awaited_authorships(uow: &UnitOfWork<'_>, organizations: &[i64]) -> Result<(), Error> {
    let link = Sql::with(
        "WITH arrived AS (DELETE FROM authorship_awaited_organization AS awaited USING organization \
         WHERE organization.ror = awaited.ror AND organization.id = ANY(?) \
         RETURNING awaited.authorship_id, organization.id AS organization_id), \
         linked AS (INSERT INTO authorship_organization (authorship_id, organization_id) \
         SELECT authorship_id, organization_id FROM arrived ON CONFLICT DO NOTHING) \
         INSERT INTO identity_pending SELECT DISTINCT authorship.block FROM arrived \
         JOIN authorship ON authorship.id = arrived.authorship_id WHERE authorship.block IS NOT NULL ON CONFLICT DO NOTHING",
        bigint_array(organizations.iter().copied()),
    );
    uow.execute(link).await
}
