//! Identifiers of other schemes, and the IDs of merged entities.

use async_graphql::{Context, ID, SimpleObject};

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::inputs::scalars::Url;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::identifier::external_id_url;
use crate::store::reader::relation::{ExternalId, PreviousId, Relation, RelationKey};

/// An identifier from an external scheme.
#[derive(SimpleObject)]
pub struct Identifier {
    /// The scheme in lowercase, such as `scopus`, `dblp`, `grid` or `wikidata`, or the name of an imported source.
    scheme: String,
    /// The identifier as the scheme writes it.
    value: String,
    /// The URL of the identifier's page in the scheme. Null if there is none.
    url: Option<Url>,
}

impl From<&ExternalId> for Identifier {
    fn from(id: &ExternalId) -> Self {
        let url = external_id_url(&id.scheme, &id.value);
        Self { scheme: id.scheme.clone(), value: id.value.clone(), url: url.map(Url) }
    }
}

/// Loads the identifiers of other schemes.
///
/// # Errors
/// If the database query fails.
pub async fn load_identifiers<R: Relation<Node = ExternalId>>(
    ctx: &Context<'_>,
    id: i64,
) -> Result<Vec<Identifier>, Error> {
    let ids = ctx.data_loader().load_one(RelationKey::<R>::new(id)).await?.unwrap_or_default();
    Ok(ids.iter().map(|id| Identifier::from(&**id)).collect())
}

/// Loads the IDs of the entities merged into this one.
///
/// # Errors
/// If the database query fails.
pub async fn load_former_ids<R: Relation<Node = PreviousId>>(
    ctx: &Context<'_>,
    id: i64,
    kind: NodeKind,
) -> Result<Vec<ID>, Error> {
    let ids = ctx.data_loader().load_one(RelationKey::<R>::new(id)).await?.unwrap_or_default();
    Ok(ids.iter().map(|former| GlobalId { kind, row_id: former.former_id }.to_string().into()).collect())
}
