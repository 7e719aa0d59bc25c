//! Chains of coauthors between two people.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::entity::researcher;
use crate::error::Error;
use crate::graphql::connection::connection;
use crate::graphql::context::State as _;
use crate::graphql::inputs::identifier::number;
use crate::graphql::types::paper::{PaperConnection, PaperOrder};
use crate::graphql::types::researcher::Researcher;
use crate::model::global_id::Kind;
use crate::store::reader::coauthor_path::Bounds;
use crate::store::reader::coauthorship::CoauthorFilter;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::lookup::{ById, ByKey, Key};
use crate::store::reader::page::Parent;
use crate::store::reader::paper::{PaperFilter, PaperScope, Papers};

/// The most steps that can be asked for.
const MOST_STEPS: usize = 10;

/// A chain of coauthors between two people: each wrote with the next.
#[derive(SimpleObject)]
pub struct CoauthorPath {
    /// The steps from the one to the other; none where the two are one.
    steps: Vec<CoauthorStep>,
}

/// Two people in a chain of coauthors, who wrote together.
pub struct CoauthorStep {
    from: Arc<researcher::Model>,
    to: Arc<researcher::Model>,
}

/// Two people in a chain of coauthors, who wrote together.
#[Object]
impl CoauthorStep {
    /// The one nearer to the start.
    async fn from(&self) -> Researcher {
        Researcher(Arc::clone(&self.from))
    }

    /// The one nearer to the goal.
    async fn to(&self) -> Researcher {
        Researcher(Arc::clone(&self.to))
    }

    /// The papers that the two wrote together, newest first; those with more authors than the directory's consortium
    /// size tie nobody and are not among them.
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let (order, direction) = PaperOrder::or_newest(None, &PaperFilter::default())?;
        let scope = PaperScope::Shared(CoauthorFilter::default());
        let list = Papers { scope, filter: PaperFilter::default(), order, direction };
        let pair = Parent { key: self.from.id, other: self.to.id };
        connection(ctx, pair, list, PageArguments { first, after, last, before }).await
    }
}

/// The part of the query that reads chains of coauthors.
#[derive(Default)]
pub struct CoauthorPathQuery;

#[Object]
impl CoauthorPathQuery {
    /// A shortest chain of coauthors between two people, the same one as long as nothing changes; null where none is
    /// within maxLength steps, or an id is of nobody. Papers with more authors than the directory's consortium size tie
    /// nobody. The search comes to at most 50,000 people: where that does not do, it ends in an error that says which
    /// maxLength would.
    async fn coauthor_path(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Where the chain starts: the id of a person. The id of somebody merged leads to who it became."
        )]
        from_id: ID,
        #[graphql(desc = "Where it ends: the id of a person, likewise. The same person makes a chain without steps.")]
        to_id: ID,
        #[graphql(desc = "The most steps: 1 to 10.", default = 6)] max_length: i32,
    ) -> Result<Option<CoauthorPath>, Error> {
        let longest = usize::try_from(max_length)
            .ok()
            .filter(|steps| (1..=MOST_STEPS).contains(steps))
            .ok_or_else(|| Error::BadUserInput(format!("maxLength is {max_length}; it can be 1 to {MOST_STEPS}")))?;
        let from = ByKey::<researcher::Model>::new(Key::Id(number("fromId", &from_id, Kind::Researcher)?));
        let to = ByKey::new(Key::Id(number("toId", &to_id, Kind::Researcher)?));
        let ends = ctx.loaders().load_many([from.clone(), to.clone()]).await?;
        let (Some(from), Some(to)) = (ends.get(&from), ends.get(&to)) else { return Ok(None) };
        let bounds = Bounds { longest, people: ctx.limits().path_people };
        let Some(path) = ctx.store().coauthor_path(from.id, to.id, bounds).await? else { return Ok(None) };
        let people = ctx.loaders().load_many(path.iter().copied().map(ById::new)).await?;
        let person = |id: i64| people.get(&ById::new(id)).cloned();
        let step = |pair: &[i64]| Some(CoauthorStep { from: person(*pair.first()?)?, to: person(*pair.last()?)? });
        // Nobody is missing, unless somebody was removed since the search.
        Ok(path.windows(2).map(step).collect::<Option<Vec<_>>>().map(|steps| CoauthorPath { steps }))
    }
}
