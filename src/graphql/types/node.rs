//! The interfaces `Node` and `Entity`, and lookup by global ID.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, Object, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
};
use futures_util::future::try_join_all;

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::types::affiliation::Affiliation;
use crate::graphql::types::authorship::Authorship;
use crate::graphql::types::localized_string::LocalizedString;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::topic::Topic;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::model::language::LanguageTag;
use crate::store::reader::lookup::{ByLookupKey, LookupKey};

/// An object with a global ID, by which it can be fetched again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Globally unique, opaque ID. It is permanent."))]
pub enum Node {
    /// A researcher.
    Researcher(Researcher),
    /// An organization.
    Organization(Organization),
    /// A topic.
    Topic(Topic),
    /// A paper.
    Paper(Paper),
    /// An affiliation of a researcher with an organization.
    Affiliation(Affiliation),
    /// An authorship: one author of one paper.
    Authorship(Authorship),
}

/// An object that has a page of its own and can be found by search.
#[derive(Interface)]
#[allow(clippy::duplicated_attributes, reason = "two fields of the same type are not duplicates")]
#[graphql(
    field(name = "id", ty = "ID", desc = "Globally unique, opaque ID. It is permanent."),
    field(name = "slug", ty = "String", desc = "URL slug: lowercase ASCII letters, digits and hyphens."),
    field(
        name = "display_name",
        ty = "LocalizedString",
        desc = "The name to display, in the best language available.",
        arg(
            name = "languages",
            ty = "Option<Vec<LanguageTag>>",
            desc = "Preferred languages, most preferred first. Defaults to the request's `Accept-Language` header."
        ),
        directive = Cost::apply(FREE)
    ),
    field(
        name = "former_ids",
        ty = "Vec<ID>",
        desc = "IDs of entities merged into this one. They permanently resolve to it.",
        directive = Cost::apply(statements(1))
    ),
    field(
        name = "revision",
        ty = "String",
        desc = "The revision, opaque: it is another one after every change that the change feed reports.",
        directive = Cost::apply(statements(1))
    ),
    field(name = "created_at", ty = "DateTime", desc = "When it was added to the directory."),
    field(name = "updated_at", ty = "DateTime", desc = "When its data in the directory last changed.")
)]
pub enum Entity {
    /// A researcher.
    Researcher(Researcher),
    /// An organization.
    Organization(Organization),
    /// A topic.
    Topic(Topic),
    /// A paper.
    Paper(Paper),
}

/// Registers that `Entity` implements `Node`. The derive macro cannot express it: an interface listed as a member of
/// another would become one of its possible types, which must be objects.
pub struct EntityImplementsNode;

impl OutputType for EntityImplementsNode {
    fn type_name() -> Cow<'static, str> {
        Entity::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.add_implements(&Entity::type_name(), &Node::type_name());
        Entity::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

/// Root fields for lookup by global ID.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Fetches an object by its global ID. Null if it does not exist.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ID from any `id` field. The ID of a merged entity resolves to the survivor.")] id: ID,
    ) -> Result<Option<Node>, Error> {
        Ok(load_nodes(ctx, &[id]).await?.pop().flatten())
    }

    /// Fetches objects by their global IDs, in the order of the IDs. Null for each ID that does not exist.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The IDs; at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, Error> {
        let maximum = ctx.limits().page.maximum_size as usize;
        if ids.len() > maximum {
            let given = ids.len();
            let message = format!("ids has {given} entries; the limit is {maximum}: split the request");
            return Err(Error::limit_exceeded("listEntries", given, maximum, message));
        }
        load_nodes(ctx, &ids).await
    }
}

/// Loads objects of any types with one SQL statement for each type.
async fn load_nodes(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>, Error> {
    let node = async |id: &ID| -> Result<Option<Node>, Error> {
        let Ok(id) = id.parse::<GlobalId>() else { return Ok(None) };
        load_node(ctx, id).await
    };
    try_join_all(ids.iter().map(node)).await
}

/// Loads an object by its ID; `None` if it does not exist. IDs requested concurrently are batched.
///
/// # Errors
/// If the database query fails.
pub async fn load_node(ctx: &Context<'_>, GlobalId { kind, row_id }: GlobalId) -> Result<Option<Node>, Error> {
    let loader = ctx.data_loader();
    Ok(match kind {
        NodeKind::Researcher => loader
            .load_one(lookup_key::<Researcher>(ctx, row_id))
            .await?
            .map(|model| Node::Researcher(Researcher(model))),
        NodeKind::Organization => loader
            .load_one(lookup_key::<Organization>(ctx, row_id))
            .await?
            .map(|model| Node::Organization(Organization(model))),
        NodeKind::Topic => {
            loader.load_one(lookup_key::<Topic>(ctx, row_id)).await?.map(|model| Node::Topic(Topic(model)))
        }
        NodeKind::Paper => {
            loader.load_one(lookup_key::<Paper>(ctx, row_id)).await?.map(|model| Node::Paper(Paper(model)))
        }
        NodeKind::Affiliation => loader
            .load_one(lookup_key::<Affiliation>(ctx, row_id))
            .await?
            .map(|model| Node::Affiliation(Affiliation(model))),
        NodeKind::Authorship => {
            loader.load_one(lookup_key::<Authorship>(ctx, row_id)).await?.map(|author| Node::Authorship(author.into()))
        }
    })
}

/// Creates a lookup key with the columns that the query reads.
fn lookup_key<T: ProjectedType + 'static>(ctx: &Context<'_>, row_id: i64) -> ByLookupKey<T::Row> {
    ByLookupKey::with_columns(LookupKey::Id(row_id), selected_columns::<T>(ctx))
}
