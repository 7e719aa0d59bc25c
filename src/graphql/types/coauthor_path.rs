//! Shortest paths between two researchers in the coauthor graph.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::entity::researcher;
use crate::error::Error;
use crate::graphql::connection::load_connection;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::inputs::identifier::decode_id;
use crate::graphql::types::paper::{PaperConnection, PaperOrder};
use crate::graphql::types::researcher::Researcher;
use crate::model::global_id::NodeKind;
use crate::store::reader::coauthor_path::PathLimits;
use crate::store::reader::coauthorship::CoauthorFilter;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ById, ByLookupKey, LookupKey};
use crate::store::reader::page::ParentKey;
use crate::store::reader::paper::{PaperFilter, PaperScope, Papers};

/// Maximum value of `maxLength`.
const MAX_PATH_STEPS: usize = 10;

/// A path in the coauthor graph: each researcher is a coauthor of the next.
#[derive(SimpleObject)]
pub struct CoauthorPath {
    /// The steps of the path. Empty if both ends are the same researcher.
    #[graphql(directive = Cost::apply(FREE))]
    steps: Vec<CoauthorStep>,
}

/// One step of a coauthor path: two researchers who are coauthors.
pub struct CoauthorStep {
    from: Arc<researcher::Model>,
    to: Arc<researcher::Model>,
}

/// One step of a coauthor path: two researchers who are coauthors.
#[Object]
impl CoauthorStep {
    /// The researcher nearer to the start.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn from(&self) -> Researcher {
        Researcher(Arc::clone(&self.from))
    }

    /// The researcher nearer to the end.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn to(&self) -> Researcher {
        Researcher(Arc::clone(&self.to))
    }

    /// The papers both researchers wrote, newest first. Papers with more authors than `Directory.consortiumSize` are
    /// excluded.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let (order, direction) = PaperOrder::resolve_newest_first(None, &PaperFilter::default())?;
        let scope = PaperScope::Shared(CoauthorFilter::default());
        let list = Papers { scope, filter: PaperFilter::default(), order, direction };
        let pair = ParentKey { primary: self.from.id, secondary: self.to.id };
        load_connection(ctx, pair, list, PageArguments { first, after, last, before }).await
    }
}

/// Root fields for coauthor paths.
#[derive(Default)]
pub struct CoauthorPathQuery;

#[Object]
impl CoauthorPathQuery {
    /// A shortest path between two researchers in the coauthor graph; the result is deterministic. Null if there is no
    /// path of at most `maxLength` steps, or if an ID does not exist. Papers with more authors than
    /// `Directory.consortiumSize` are excluded.
    ///
    /// The search visits at most 50,000 researchers. If that is not enough, it fails with an error that suggests a
    /// smaller `maxLength`.
    #[graphql(directive = Cost::apply(statements(30)))]
    async fn coauthor_path(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The researcher at the start of the path. The ID of a merged researcher resolves to the survivor."
        )]
        from_id: ID,
        #[graphql(
            desc = "The researcher at the end of the path. If it is the same as at the start, the path has no steps."
        )]
        to_id: ID,
        #[graphql(desc = "The maximum number of steps: 1 to 10.", default = 6)] max_length: i32,
    ) -> Result<Option<CoauthorPath>, Error> {
        let max_length_steps =
            usize::try_from(max_length).ok().filter(|steps| (1..=MAX_PATH_STEPS).contains(steps)).ok_or_else(|| {
                Error::BadUserInput(format!("maxLength is {max_length}; it must be between 1 and {MAX_PATH_STEPS}"))
            })?;
        let from =
            ByLookupKey::<researcher::Model>::new(LookupKey::Id(decode_id("fromId", &from_id, NodeKind::Researcher)?));
        let to = ByLookupKey::new(LookupKey::Id(decode_id("toId", &to_id, NodeKind::Researcher)?));
        let ends = ctx.data_loader().load_many([from.clone(), to.clone()]).await?;
        let (Some(from), Some(to)) = (ends.get(&from), ends.get(&to)) else { return Ok(None) };
        let bounds = PathLimits { max_length: max_length_steps, max_researchers: ctx.limits().path_researchers };
        let Some(path) = ctx.store().find_coauthor_path(from.id, to.id, bounds).await? else { return Ok(None) };
        let researchers = ctx.data_loader().load_many(path.iter().copied().map(ById::new)).await?;
        let researcher_by_id = |id: i64| researchers.get(&ById::new(id)).cloned();
        let step = |pair: &[i64]| {
            Some(CoauthorStep { from: researcher_by_id(*pair.first()?)?, to: researcher_by_id(*pair.last()?)? })
        };
        // A researcher is only missing if it was deleted after the search.
        Ok(path.windows(2).map(step).collect::<Option<Vec<_>>>().map(|steps| CoauthorPath { steps }))
    }
}
