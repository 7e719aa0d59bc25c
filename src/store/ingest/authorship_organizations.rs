//! The organizations of authors. One that is not imported yet is awaited, and linked when it arrives, so that the order
//! of imports does not matter.

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::record::OrganizationReference;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::exported_ids::{exported_record_key, map_exported_ids};
use crate::store::ingest::organization::find_organizations_by_ror;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;

json_row! {
    struct AuthorshipOrganizationRow {
        authorship_id: i64,
        organization_id: i64,
    }
}

json_row! {
    struct AwaitedOrganizationRow<'a> {
        authorship_id: i64,
        ror: Option<&'a str>,
        /// The record of another directory's export, if there is no ROR ID.
        source: Option<&'a str>,
        key: Option<String>,
    }
}

/// Links authorships with their organizations. Those with a ROR ID that no organization has yet are stored as awaited,
/// and so are those with another directory's ID whose record is not imported yet.
pub(crate) async fn link_authorship_organizations(
    uow: &UnitOfWork<'_>,
    references: Vec<(i64, &OrganizationReference)>,
) -> Result<(), Error> {
    let exported = references.iter().filter_map(|(_, organization)| organization.id);
    let by_id = map_exported_ids(uow, EntityType::Organization, exported).await?;
    let rors = references.iter().filter_map(|(_, organization)| organization.ror.as_ref().map(ToString::to_string));
    let by_ror = find_organizations_by_ror(uow, rors).await?;
    let (mut links, mut awaited) = (Vec::new(), Vec::new());
    for (authorship_id, organization) in references {
        let exported = organization.id.and_then(|id| by_id.get(&id));
        let ror = organization.ror.as_ref().map(|ror| ror.as_str());
        let key = organization.id.filter(|_| ror.is_none()).map(|id| exported_record_key(EntityType::Organization, id));
        match exported.or_else(|| by_ror.get(ror?)) {
            Some(id) => links.push(AuthorshipOrganizationRow { authorship_id, organization_id: *id }),
            None if ror.is_some() || key.is_some() => awaited.push(AwaitedOrganizationRow {
                authorship_id,
                ror,
                source: key.is_some().then(|| uow.source()),
                key,
            }),
            None => {}
        }
    }
    let insert = "INSERT INTO authorship_organization (authorship_id, organization_id) \
         SELECT authorship_id, organization_id FROM rows ON CONFLICT DO NOTHING";
    uow.execute_with_rows(&links, insert).await?;
    let insert = "INSERT INTO authorship_awaited_organization (authorship_id, ror, source, key) \
         SELECT authorship_id, ror, source, key FROM rows ON CONFLICT DO NOTHING";
    uow.execute_with_rows(&awaited, insert).await
}

/// Links the authorships that await one of these organizations. The link is evidence for the author, whose block is
/// disambiguated again.
pub(crate) async fn link_awaited_authorships(uow: &UnitOfWork<'_>, organizations: &[i64]) -> Result<(), Error> {
    let link = sql!(
        "WITH arrived AS (DELETE FROM authorship_awaited_organization AS awaited USING organization \
         WHERE organization.ror = awaited.ror AND organization.id = ANY(?) \
         RETURNING awaited.authorship_id, organization.id AS organization_id), \
         described AS (DELETE FROM authorship_awaited_organization AS awaited USING source_record \
         WHERE source_record.source = awaited.source AND source_record.key = awaited.key \
         AND source_record.organization_id = ANY(?) RETURNING awaited.authorship_id, source_record.organization_id), \
         found AS (SELECT * FROM arrived UNION SELECT * FROM described), \
         linked AS (INSERT INTO authorship_organization (authorship_id, organization_id) \
         SELECT authorship_id, organization_id FROM found ON CONFLICT DO NOTHING) INSERT INTO identity_pending \
         SELECT DISTINCT authorship.block FROM found JOIN authorship ON authorship.id = found.authorship_id \
         WHERE authorship.block IS NOT NULL ON CONFLICT DO NOTHING",
        bigint_array(organizations.iter().copied()),
        bigint_array(organizations.iter().copied()),
    );
    uow.execute(link).await
}
