//! External identifiers of entities.

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::{json_row, rows_cte};

json_row! {
    /// An identifier that a record assigns to an entity.
    #[derive(Clone)]
    pub(crate) struct ExternalIdRow {
        /// The index of the record in the batch.
        pub(crate) index: usize as "bigint",
        /// The entity.
        pub(crate) id: i64,
        /// The scheme in lower case.
        pub(crate) scheme: String,
        /// The identifier within the scheme.
        pub(crate) value: String,
    }
}

/// Adds the identifiers that records give researchers. One that only papers of another researcher gave moves with the
/// record, as if the record had been imported before the papers. `are_told` says that they come from a source about the
/// researcher, not from papers by way of an export.
pub(crate) async fn add_researcher_identifiers(
    uow: &mut UnitOfWork<'_>,
    ids: Vec<ExternalIdRow>,
    are_told: bool,
) -> Result<(), Error> {
    // Identifiers with the scheme `orcid` were assigned by merges.
    let release = "DELETE FROM external_id USING rows WHERE external_id.scheme = rows.scheme AND external_id.value = rows.value \
         AND external_id.researcher_id <> rows.id AND rows.scheme <> 'orcid' \
         AND NOT external_id.is_told \
         AND NOT EXISTS (SELECT FROM identity_pin WHERE identity_pin.researcher_id = external_id.researcher_id)";
    uow.execute_with_rows(&ids, release).await?;
    add_identifiers(uow, EntityType::Researcher, ids.clone()).await?;
    if are_told { mark_told(uow, &ids).await } else { Ok(()) }
}

/// Remembers that records of the researchers have these identifiers, not only papers.
pub(crate) async fn mark_told(uow: &UnitOfWork<'_>, ids: &[ExternalIdRow]) -> Result<(), Error> {
    let tell = "UPDATE external_id SET is_told = true FROM rows WHERE external_id.scheme = rows.scheme \
         AND external_id.value = rows.value AND external_id.researcher_id = rows.id AND NOT is_told";
    uow.execute_with_rows(ids, tell).await
}

/// Adds identifiers. One that belongs to another entity stays there, with a warning.
pub(crate) async fn add_identifiers(
    uow: &mut UnitOfWork<'_>,
    kind: EntityType,
    ids: Vec<ExternalIdRow>,
) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct ConflictRow {
        index: i64,
        scheme: String,
        value: String,
    }
    if ids.is_empty() {
        return Ok(());
    }
    let column = kind.reference_column();
    let insert = format!(
        "INSERT INTO external_id (scheme, value, {column}) SELECT scheme, value, id FROM rows \
         ON CONFLICT (scheme, value) WHERE {column} IS NOT NULL DO NOTHING"
    );
    uow.execute_with_rows(&ids, &insert).await?;
    let conflicts = format!(
        "SELECT rows.index, rows.scheme, rows.value FROM rows JOIN external_id AS held ON held.scheme = rows.scheme \
         AND held.value = rows.value AND held.{column} IS NOT NULL WHERE held.{column} <> rows.id"
    );
    for ConflictRow { index, scheme, value } in uow.rows::<ConflictRow>(rows_cte(&ids)?.then(conflicts)).await? {
        let note = format!("{scheme} {value} already identifies another {} and was not moved", kind.table());
        uow.add_note(usize::try_from(index).unwrap_or_default(), note);
    }
    Ok(())
}
