//! The change feed: the type of a change, and the root field `changes`.

use async_graphql::{Context, Enum, ID, Object};
use migration::changed_fields::{KINDS, field_names};

use crate::entity::{affiliation, organization, paper, researcher, topic};
use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::{EagerList, EagerObject};
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::{bounded_strings, check_list_size, decode_ids};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::types::affiliation::Affiliation;
use crate::graphql::types::node::Node;
use crate::graphql::types::organization::Organization;
use crate::graphql::types::paper::Paper;
use crate::graphql::types::researcher::Researcher;
use crate::graphql::types::topic::Topic;
use crate::model::change as model;
use crate::model::change::ChangeFilter;
use crate::model::global_id::NodeKind;
use crate::store::changes::cursor::{FeedCursor, FeedState};
use crate::store::changes::feed::RevisionKey;
use crate::store::reader::cursor::PageError;
use crate::store::reader::lookup::ById;

/// Maximum number of changes in a page.
const MAX_CHANGES: u32 = 500;

/// The kinds of entity whose changes are reported.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "model::ChangeKind")]
pub enum ChangeKind {
    /// A researcher.
    Researcher,
    /// An organization.
    Organization,
    /// An affiliation. It also is a field of its researcher and of its organization.
    Affiliation,
    /// A topic.
    Topic,
    /// A paper. Its authorships are a field of it, and of the `papers` of their researchers.
    Paper,
}

/// The effect of a change, relative to the cursor of the request.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "model::ChangeOperation")]
pub enum ChangeOperation {
    /// The entity did not exist at the cursor.
    Created,
    /// Some of its fields changed since the cursor: see `fields`.
    Updated,
    /// The entity no longer exists.
    Deleted,
    /// The entity was merged into another: see `survivorId`.
    Merged,
}

/// What changed about one entity since the cursor of the request. It contains no values: read them from `node`.
pub struct Change {
    change: model::Change,
    cursor: String,
    revision: String,
}

impl Change {
    /// Describes a change to a client, with the cursor after it.
    #[must_use]
    pub fn new(change: model::Change, cursor: FeedCursor, state: &FeedState) -> Self {
        Self { cursor: state.encode_cursor(cursor), revision: state.revision(change.at.position), change }
    }
}

/// What changed about one entity since the cursor of the request. It contains no values: read them from `node`.
#[Object]
impl Change {
    /// The cursor just after this change.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The ID of the entity. Of a merged or deleted entity, the ID that it had.
    async fn id(&self) -> ID {
        self.change.global_id().to_string().into()
    }

    /// The kind of the entity.
    async fn kind(&self) -> ChangeKind {
        self.change.kind.into()
    }

    /// The effect, relative to the cursor of the request.
    async fn operation(&self) -> ChangeOperation {
        self.change.operation.into()
    }

    /// If the entity was updated, the fields that changed since the cursor of the request, sorted. A text in several
    /// languages is one field for each, such as `headline@fr`; a derived `headline` has no language. Empty if the entity was
    /// created, deleted or merged.
    async fn fields(&self) -> &[String] {
        &self.change.fields
    }

    /// The time of the entity's last change.
    async fn changed_at(&self) -> DateTime {
        DateTime(self.change.changed_at)
    }

    /// The revision of the entity after its last change.
    async fn revision(&self) -> &str {
        &self.revision
    }

    /// The source of the last change. Null for decisions, for derived data and for maintenance.
    async fn source(&self) -> Option<&str> {
        self.change.source.as_deref()
    }

    /// The ID of the entity that this one was merged into. Null if it was not merged.
    async fn survivor_id(&self) -> Option<ID> {
        self.change.survivor_global_id().map(|id| id.to_string().into())
    }

    /// The entity in its current state, which may be newer than this change. Null if it no longer exists.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn node(&self, ctx: &Context<'_>) -> Result<Option<Node>, Error> {
        load_exactly(ctx, &self.change).await
    }
}

/// Loads the entity of a change. One that was merged is not replaced by the survivor.
async fn load_exactly(ctx: &Context<'_>, change: &model::Change) -> Result<Option<Node>, Error> {
    if matches!(change.operation, model::ChangeOperation::Deleted | model::ChangeOperation::Merged) {
        return Ok(None);
    }
    let (loader, id) = (ctx.data_loader(), change.at.id);
    Ok(match change.kind {
        model::ChangeKind::Researcher => {
            let key = ById::<researcher::Model>::with_columns(id, selected_columns::<Researcher>(ctx));
            let row = loader.load_one(key).await?.filter(|row| row.id == id);
            row.map(|row| Node::Researcher(Researcher(row)))
        }
        model::ChangeKind::Organization => {
            let key = ById::<organization::Model>::with_columns(id, selected_columns::<Organization>(ctx));
            let row = loader.load_one(key).await?.filter(|row| row.id == id);
            row.map(|row| Node::Organization(Organization(row)))
        }
        model::ChangeKind::Affiliation => {
            let key = ById::<affiliation::Model>::with_columns(id, selected_columns::<Affiliation>(ctx));
            loader.load_one(key).await?.map(|row| Node::Affiliation(Affiliation(row)))
        }
        model::ChangeKind::Topic => {
            let key = ById::<topic::Model>::with_columns(id, selected_columns::<Topic>(ctx));
            let row = loader.load_one(key).await?.filter(|row| row.id == id);
            row.map(|row| Node::Topic(Topic(row)))
        }
        model::ChangeKind::Paper => {
            let key = ById::<paper::Model>::with_columns(id, selected_columns::<Paper>(ctx));
            let row = loader.load_one(key).await?.filter(|row| row.id == id);
            row.map(|row| Node::Paper(Paper(row)))
        }
    })
}

/// A page of the change feed.
pub struct ChangePage {
    page: crate::store::changes::feed::ChangePage,
    state: FeedState,
}

impl ChangePage {
    /// Describes a page to a client, with the state that its cursors are made of.
    #[must_use]
    pub fn new(page: crate::store::changes::feed::ChangePage, state: FeedState) -> Self {
        Self { page, state }
    }
}

/// A page of the change feed.
#[Object]
impl ChangePage {
    /// The changes, in the order in which they were committed: each entity once, at its last change.
    #[graphql(directive = Cost::apply(FREE.of_page()))]
    async fn changes(&self) -> EagerList<Change> {
        let described =
            |change: &model::Change| Change::new(change.clone(), self.page.cursor_at(change.at), &self.state);
        EagerList(self.page.changes.iter().map(described).collect())
    }

    /// The cursor after this page: pass it as `after` for the next page. It is set, and may have advanced, even if
    /// `changes` is empty.
    async fn cursor(&self) -> String {
        self.state.encode_cursor(self.page.cursor())
    }

    /// Whether there are changes to look at after this page.
    async fn has_more(&self) -> bool {
        self.page.has_more
    }
}

/// The arguments by which a client restricts the feed.
#[derive(Default)]
pub struct ChangeFilterArguments {
    /// Only entities of these kinds.
    pub kinds: Option<Vec<ChangeKind>>,
    /// Only entities that belong to these organizations or to their descendants, or did.
    pub organization_ids: Option<Vec<ID>>,
    /// Only these fields.
    pub fields: Option<Vec<String>>,
    /// Only these sources.
    pub sources: Option<Vec<String>>,
}

impl ChangeFilterArguments {
    /// Checks the arguments, and finds the descendants of the organizations.
    ///
    /// # Errors
    /// If a list is too long, an ID is of another type, a field does not exist, or the query fails.
    pub async fn resolve(self, ctx: &Context<'_>) -> Result<ChangeFilter, Error> {
        let kinds = check_list_size(ctx, "kinds", self.kinds)?;
        let fields = bounded_strings(ctx, "fields", self.fields)?;
        if let Some(unknown) = fields.iter().flatten().find(|field| !is_field(field)) {
            let message = format!("fields contains '{unknown:.80}', which is not a field of the change feed");
            return Err(Error::BadUserInput(format!("{message}; the fields are {}", all_fields().join(", "))));
        }
        let organizations = match decode_ids(ctx, "organizationIds", self.organization_ids, NodeKind::Organization)? {
            Some(ids) => Some(ctx.store().with_descendants(&ids).await?),
            None => None,
        };
        Ok(ChangeFilter {
            kinds: kinds.map(|kinds| kinds.into_iter().map(model::ChangeKind::from).collect()),
            organizations,
            fields,
            sources: bounded_strings(ctx, "sources", self.sources)?,
        })
    }
}

/// The fields of all kinds, sorted, without languages.
#[must_use]
pub fn all_fields() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KINDS.iter().flat_map(|(kind, _)| field_names(*kind)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn is_field(name: &str) -> bool {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    all_fields().contains(&name)
}

/// Root fields for the change feed.
#[derive(Default)]
pub struct ChangeQuery;

#[Object]
impl ChangeQuery {
    /// What changed after a cursor, in the order in which it was committed. A walk through the pages returns each entity
    /// that changed exactly once, at its last change, and misses nothing.
    #[graphql(directive = Cost::apply(statements(8)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns changes after this cursor, which never expires. Null returns every entity, including those that \
                    were deleted or merged. The error `CURSOR_FORKED` means that the directory was restored to a state \
                    before the cursor: start again from null."
        )]
        after: Option<String>,
        #[graphql(
            desc = "Returns at most this many changes: 1 to 500. With filters, a page may be short or empty while \
                    `hasMore` is true.",
            default = 100
        )]
        first: i32,
        #[graphql(desc = "Returns only entities of these kinds.")] kinds: Option<Vec<ChangeKind>>,
        #[graphql(
            desc = "Returns only entities that belong to one of these organizations or to a descendant, or that left it \
                    after the cursor."
        )]
        organization_ids: Option<Vec<ID>>,
        #[graphql(
            desc = "Returns updated entities only if one of these fields changed, such as `headline` or `headline@fr`."
        )]
        fields: Option<Vec<String>>,
        #[graphql(desc = "Returns only entities whose last change is by one of these sources.")] sources: Option<
            Vec<String>,
        >,
    ) -> Result<EagerObject<ChangePage>, Error> {
        let size = u32::try_from(first).ok().filter(|size| (1..=MAX_CHANGES).contains(size));
        let size = size.ok_or(PageError::SizeOutOfRange { argument: "first", given: first, maximum: MAX_CHANGES })?;
        let filter = ChangeFilterArguments { kinds, organization_ids, fields, sources }.resolve(ctx).await?;
        let (store, state, after) = ctx.store().feed_cursor(after.as_deref()).await?;
        let page = store.change_page(after, &filter, size as usize).await?;
        Ok(EagerObject(ChangePage { page, state }))
    }
}

/// Loads the revision of an entity.
///
/// # Errors
/// If the database query fails.
pub async fn load_revision(ctx: &Context<'_>, kind: model::ChangeKind, id: i64) -> Result<String, Error> {
    let revision = ctx.data_loader().load_one(RevisionKey { kind, id }).await?;
    // The row of an entity is never deleted: the entity was created after the snapshot of a replica that fell back.
    revision.ok_or(Error::Deleted("entity"))
}
