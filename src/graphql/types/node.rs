//! Everything that has an id.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, Object, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
};
use futures_util::future::try_join_all;

use crate::error::Error;
use crate::graphql::context::State as _;
use crate::graphql::engine::lookahead::{Reads, columns_of};
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::types::affiliation::Affiliation;
use crate::graphql::types::authorship::Authorship;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::topic::Topic;
use crate::model::global_id::{GlobalId, Kind};
use crate::model::language::LanguageTag;
use crate::store::reader::lookup::{ByKey, Key};

/// Anything with an id of its own, by which it can be read again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id: opaque, unique in the directory, the same for ever."))]
pub enum Node {
    /// A person.
    Researcher(Researcher),
    /// An organization.
    Organization(Organization),
    /// A topic.
    Topic(Topic),
    /// A paper.
    Paper(Paper),
    /// What a person is at an organization.
    Affiliation(Affiliation),
    /// An author's place on a paper.
    Authorship(Authorship),
}

/// What a page can be about and a search can find.
#[derive(Interface)]
#[allow(clippy::duplicated_attributes, reason = "two fields of one type are no duplicates")]
#[graphql(
    field(name = "id", ty = "ID", desc = "Its id: opaque, unique in the directory, the same for ever."),
    field(
        name = "slug",
        ty = "String",
        desc = "Its name in an address: lower-case ASCII letters, digits and hyphens."
    ),
    field(
        name = "display_name",
        ty = "LocalizedString",
        desc = "The name to show.",
        arg(
            name = "languages",
            ty = "Option<Vec<LanguageTag>>",
            desc = "In order of preference; the request's Accept-Language where absent."
        )
    ),
    field(name = "former_ids", ty = "Vec<ID>", desc = "The ids of what was merged into it; they lead here for ever."),
    field(name = "created_at", ty = "DateTime", desc = "When it came into the directory."),
    field(name = "updated_at", ty = "DateTime", desc = "When what the directory says of it last changed.")
)]
pub enum Entity {
    /// A person.
    Researcher(Researcher),
    /// An organization.
    Organization(Organization),
    /// A topic.
    Topic(Topic),
    /// A paper.
    Paper(Paper),
}

/// Registers that `Entity` implements `Node`, which the derive has no word for: a member of an interface that is an
/// interface itself would become one of its possible types, and those are objects.
pub struct EntityIsNode;

impl OutputType for EntityIsNode {
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

/// The part of the query that reads things by id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Whatever has this id; null where nothing does.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "An id from any id field. The id of something merged leads to what it became.")] id: ID,
    ) -> Result<Option<Node>, Error> {
        Ok(read(ctx, &[id]).await?.pop().flatten())
    }

    /// What has these ids, in their order; null where nothing has one.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, Error> {
        let most = ctx.limits().page.maximum_size as usize;
        if ids.len() > most {
            let given = ids.len();
            let message = format!("ids has {given} entries; it takes at most {most}: ask in several requests");
            return Err(Error::limit("listEntries", given, most, message));
        }
        read(ctx, &ids).await
    }
}

/// Reads ids of any kinds, one statement for each kind.
async fn read(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>, Error> {
    let node = async |id: &ID| -> Result<Option<Node>, Error> {
        let Ok(id) = id.parse::<GlobalId>() else { return Ok(None) };
        by_id(ctx, id).await
    };
    try_join_all(ids.iter().map(node)).await
}

/// Whatever has an id; nothing where nothing does. Ids that are asked for at the same time are read together.
///
/// # Errors
/// Where the database does not answer.
pub async fn by_id(ctx: &Context<'_>, GlobalId { kind, number }: GlobalId) -> Result<Option<Node>, Error> {
    let loaders = ctx.loaders();
    Ok(match kind {
        Kind::Researcher => {
            loaders.load_one(asked::<Researcher>(ctx, number)).await?.map(|model| Node::Researcher(Researcher(model)))
        }
        Kind::Organization => loaders
            .load_one(asked::<Organization>(ctx, number))
            .await?
            .map(|model| Node::Organization(Organization(model))),
        Kind::Topic => loaders.load_one(asked::<Topic>(ctx, number)).await?.map(|model| Node::Topic(Topic(model))),
        Kind::Paper => loaders.load_one(asked::<Paper>(ctx, number)).await?.map(|model| Node::Paper(Paper(model))),
        Kind::Affiliation => loaders
            .load_one(asked::<Affiliation>(ctx, number))
            .await?
            .map(|model| Node::Affiliation(Affiliation(model))),
        Kind::Authorship => {
            loaders.load_one(asked::<Authorship>(ctx, number)).await?.map(|author| Node::Authorship(author.into()))
        }
    })
}

/// Asks for what the query reads of a row.
fn asked<T: Reads + 'static>(ctx: &Context<'_>, number: i64) -> ByKey<T::Row> {
    ByKey::selecting(Key::Id(number), columns_of::<T>(ctx))
}
