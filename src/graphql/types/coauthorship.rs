//! Coauthors.

use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::error::Error;
use crate::graphql::connection::{Connection, Shown, connection};
use crate::graphql::engine::eager_resolver::AtOnce;
use crate::graphql::engine::lookahead::FieldReads;
use crate::graphql::inputs::identifier::numbers;
use crate::graphql::inputs::order::{IntRange, OrderDirection, years};
use crate::graphql::types::affiliation::AffiliationFilter;
use crate::graphql::types::paper::{PaperConnection, PaperOrder};
use crate::graphql::types::researcher::Researcher;
use crate::model::global_id::Kind;
use crate::store::reader::coauthorship as store;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::page::{OrderDirection as Direction, Parent, Row};
use crate::store::reader::paper::{PaperFilter, PaperScope, Papers};

/// Which coauthors, and by which papers. All conditions hold together; an absent or null one is none, and an empty list
/// matches nobody. The ids of what was merged stand for what it became, unknown ones for nobody, and ids of another type
/// are refused.
#[derive(InputObject, Default)]
pub struct CoauthorFilter {
    /// Only these people: the links within a known set; at most 500.
    ids: Option<Vec<ID>>,
    /// By papers of these years; a paper without a year is in no range, not even in one that is open at both ends.
    publication_year: Option<IntRange>,
    /// Coauthors with one affiliation that passes all of this.
    affiliation: Option<AffiliationFilter>,
    /// By papers on any of these topics or narrower ones; at most 500.
    topic_ids: Option<Vec<ID>>,
    /// With at least so many papers together that pass the filter, each work counted once: 0 or more. Coauthors have at least 1 in any case.
    min_paper_count: Option<i32>,
    /// By papers with at most so many authors, everyone on the paper counted: 0 or more; the directory's consortium size
    /// where absent. A paper makes coauthors from 2 authors on.
    max_authors_per_paper: Option<i32>,
}

impl CoauthorFilter {
    /// The filter for the store; everybody passes an absent one.
    ///
    /// # Errors
    /// Where an id is none, a list is too long, a range has no years, or an amount is negative.
    pub fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::CoauthorFilter, Error> {
        let filter = filter.unwrap_or_default();
        let affiliation = filter.affiliation.map(|affiliation| AffiliationFilter::or_all(Some(affiliation), ctx));
        Ok(store::CoauthorFilter {
            ids: numbers(ctx, "ids", filter.ids, Kind::Researcher)?,
            publication_year: years("publicationYear", filter.publication_year)?,
            affiliation: affiliation.transpose()?,
            topic_ids: numbers(ctx, "topicIds", filter.topic_ids, Kind::Topic)?,
            min_paper_count: amount("minPaperCount", filter.min_paper_count)?,
            max_authors_per_paper: amount("maxAuthorsPerPaper", filter.max_authors_per_paper)?,
        })
    }
}

/// An amount, which cannot be negative.
fn amount(field: &str, given: Option<i32>) -> Result<Option<i32>, Error> {
    match given {
        Some(amount) if amount < 0 => Err(Error::BadUserInput(format!("{field} is {amount}; it can be 0 or more"))),
        amount => Ok(amount),
    }
}

/// By what coauthors are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::CoauthorOrder")]
pub enum CoauthorOrderField {
    /// By the number of papers together that pass the filter, each work counted once.
    PaperCount,
    /// By the year of the last of these papers.
    LastYear,
    /// By the coauthor's name, family name first.
    Name,
}

/// An order of coauthors; ties end on the id.
#[derive(InputObject)]
pub struct CoauthorOrder {
    /// By what.
    field: CoauthorOrderField,
    /// Which way.
    direction: OrderDirection,
}

impl CoauthorOrder {
    /// The order asked for, else those with most papers together first.
    pub fn or_most_papers(order: Option<Self>) -> (store::CoauthorOrder, Direction) {
        order.map_or((store::CoauthorOrder::PaperCount, Direction::Descending), |order| {
            (order.field.into(), order.direction.into())
        })
    }
}

/// A page of coauthors.
pub type CoauthorConnection = AtOnce<Connection<store::Coauthors>>;

/// What ties two people who wrote together.
pub struct CoauthorFields {
    pair: Parent,
    list: Arc<store::Coauthors>,
    tie: store::CoauthorEdge,
}

/// What ties two people who wrote together.
#[Object]
impl CoauthorFields {
    /// How many papers they wrote together that pass the filter. A work counts once, however many versions of it pass.
    async fn paper_count(&self) -> i32 {
        self.tie.paper_count
    }

    /// The year of the first paper that passes the filter and has a year, versions of works included.
    async fn first_year(&self) -> Option<i32> {
        Some(self.tie.first_year).filter(|year| *year != 0)
    }

    /// The year of the last paper that passes the filter and has a year, versions of works included.
    async fn last_year(&self) -> Option<i32> {
        Some(self.tie.last_year).filter(|year| *year != 0)
    }

    /// Exactly the papers that are counted, newest first: of a work the version of record where both wrote it and it passes
    /// the filter, else the latest version.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the schema")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Another order.")] order_by: Option<PaperOrder>,
        #[graphql(desc = "So many from the start: 1 to 100, 20 where neither first nor last is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let (order, direction) = PaperOrder::or_newest(order_by, &PaperFilter::default())?;
        let scope = PaperScope::Shared(self.list.filter.clone());
        let list = Papers { scope, filter: PaperFilter::default(), order, direction };
        connection(ctx, self.pair, list, PageArguments { first, after, last, before }).await
    }
}

impl Shown for store::Coauthors {
    const NAME: &'static str = "Coauthor";
    type Shown = Researcher;
    type Fields = CoauthorFields;
    type Facets = EmptyFields;
    const FIELDS: &'static [FieldReads] = &[
        ("paperCount", &["paper_count"]),
        ("firstYear", &["first_year"]),
        ("lastYear", &["last_year"]),
        ("papers", &[]),
    ];

    fn fields(parent: Parent, list: &Arc<Self>, row: &Row<Self>, edge: &Self::Edge) -> Self::Fields {
        let pair = Parent { key: parent.key, other: row.node.id };
        CoauthorFields { pair, list: Arc::clone(list), tie: edge.clone() }
    }
}
