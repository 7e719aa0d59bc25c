//! Subscriptions to the change feed.

use async_graphql::{Context, ID, Object, Subscription};
use futures_util::stream::{Empty, empty};

use crate::entity::researcher;
use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::decode_ids;
use crate::graphql::subscriptions::{EventShape, ResumeAfter, SourceSlot};
use crate::graphql::types::change::{Change, ChangeFilterArguments, ChangeKind, ChangePage};
use crate::graphql::types::researcher::Researcher;
use crate::model::change as model;
use crate::model::change::ChangeFilter;
use crate::model::global_id::NodeKind;
use crate::store::changes::subscription::{ChangeSelection, MAX_BATCH_CHANGES};
use crate::store::reader::lookup::{ById, ByLookupKey, LookupKey};

/// A change of a researcher.
pub struct ResearcherChange {
    change: model::Change,
    described: Change,
}

impl ResearcherChange {
    pub(crate) fn new(change: model::Change, described: Change) -> Self {
        Self { change, described }
    }
}

/// A change of a researcher.
#[Object]
impl ResearcherChange {
    /// What changed.
    #[graphql(directive = Cost::apply(FREE))]
    async fn change(&self) -> &Change {
        &self.described
    }

    /// The researcher in its current state, which may be newer than this change. Null if it no longer exists.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn researcher(&self, ctx: &Context<'_>) -> Result<Option<Researcher>, Error> {
        if matches!(self.change.operation, model::ChangeOperation::Deleted | model::ChangeOperation::Merged) {
            return Ok(None);
        }
        let key = ById::<researcher::Model>::with_columns(self.change.at.id, selected_columns::<Researcher>(ctx));
        let row = ctx.data_loader().load_one(key).await?;
        Ok(row.filter(|row| row.id == self.change.at.id).map(Researcher))
    }
}

/// The root of all subscriptions: changes of the directory, as they are committed.
#[derive(Default)]
pub struct SubscriptionFields;

/// The root of all subscriptions: changes of the directory, as they are committed. They are sent over WebSocket (protocol
/// graphql-transport-ws) and as server-sent events, at /graphql.
#[Subscription(name = "Subscription")]
impl SubscriptionFields {
    /// The change feed: first what changed after the cursor, then what changes, without gaps or duplicates. Each event has
    /// at most 100 changes, and follows the commit within a second.
    #[graphql(directive = Cost::apply(statements(3).rows(100)))]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Starts after this cursor: that of the last event, to resume. Null starts with the next change. In \
                    server-sent events, the cursor is the ID of an event, and Last-Event-ID takes precedence."
        )]
        after: Option<String>,
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
    ) -> Result<Empty<ChangePage>, Error> {
        let organizations = decode_ids(ctx, "organizationIds", organization_ids.clone(), NodeKind::Organization)?;
        let filter = ChangeFilterArguments { kinds, organization_ids, fields, sources: None }.resolve(ctx).await?;
        let selection = ChangeSelection { filter, organizations, entities: None };
        start(ctx, after, selection, EventShape::Page).await?;
        Ok(empty())
    }

    /// The changes of up to 100 researchers, each as an event of its own. A paper that a researcher gains or loses is the
    /// field `papers`.
    #[graphql(directive = Cost::apply(statements(2)))]
    async fn researcher_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The IDs of the researchers, at most 100. The ID of a merged one also selects the survivor.")]
        ids: Vec<ID>,
        #[graphql(
            desc = "Starts after this cursor: `change.cursor` of the last event, to resume. Null starts with the next \
                    change."
        )]
        after: Option<String>,
    ) -> Result<Empty<ResearcherChange>, Error> {
        if ids.len() > MAX_BATCH_CHANGES {
            let message =
                format!("ids has {} entries; the limit is {MAX_BATCH_CHANGES}: send several subscriptions", ids.len());
            return Err(Error::limit_exceeded("listEntries", ids.len(), MAX_BATCH_CHANGES, message));
        }
        let ids = decode_ids(ctx, "ids", Some(ids), NodeKind::Researcher)?.unwrap_or_default();
        let keys = ids.iter().map(|id| ByLookupKey::<researcher::Model>::new(LookupKey::Id(*id)));
        let survivors = ctx.data_loader().load_many(keys).await?;
        let entities = ids.iter().copied().chain(survivors.values().map(|row| row.id)).collect();
        let filter = ChangeFilter { kinds: Some(vec![model::ChangeKind::Researcher]), ..ChangeFilter::default() };
        let selection = ChangeSelection { filter, organizations: None, entities: Some(entities) };
        start(ctx, after, selection, EventShape::Researcher).await?;
        Ok(empty())
    }
}

/// Starts the subscription of the field being resolved.
async fn start(
    ctx: &Context<'_>,
    after: Option<String>,
    selection: ChangeSelection,
    shape: EventShape,
) -> Result<(), Error> {
    let resumed = ctx.data_opt::<ResumeAfter>().and_then(|resume| resume.0.clone());
    let after = resumed.or(after);
    let source = ctx.store().subscribe_to_changes(after.as_deref(), selection).await?;
    if let Some(slot) = ctx.data_opt::<std::sync::Arc<SourceSlot>>() {
        slot.set(source, shape);
    }
    Ok(())
}
