//! Coauthors: the connection, its filter and its order.

use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, Enum, ID, InputObject, Object};

use crate::error::Error;
use crate::graphql::connection::{Connection, ConnectionType, load_connection};
use crate::graphql::engine::eager_resolver::EagerObject;
use crate::graphql::engine::field_directives::{Cost, FieldCost, Reads, statements};
use crate::graphql::inputs::filter_cost;
use crate::graphql::inputs::identifier::decode_ids;
use crate::graphql::inputs::order::OrderDirection;
use crate::graphql::inputs::range::{IntRange, check_not_negative, year_range};
use crate::graphql::types::affiliation::AffiliationFilter;
use crate::graphql::types::paper::{PaperConnection, PaperOrder};
use crate::graphql::types::researcher::Researcher;
use crate::model::global_id::NodeKind;
use crate::store::reader::coauthorship as store;
use crate::store::reader::cursor::PageArguments;
use crate::store::reader::page::{ListRow, ParentKey, SortDirection as Direction};
use crate::store::reader::paper::{PaperFilter, PaperScope, Papers};

/// Filters coauthors and the papers that connect them. All conditions are combined with AND. Omitted or null conditions
/// are ignored; an empty list matches nothing.
///
/// IDs of merged entities resolve to the surviving entity. Unknown IDs match nothing; IDs of another type are an error.
#[derive(InputObject, Default)]
pub struct CoauthorFilter {
    /// Is one of these researchers; at most 500. Use it to find the links within a known set.
    #[graphql(directive = Cost::apply(filter_cost::IDS))]
    ids: Option<Vec<ID>>,
    /// Counts only papers published in these years. A paper without a year is never in a range, not even in one without
    /// bounds.
    publication_year: Option<IntRange>,
    /// Has an affiliation that matches this filter.
    affiliation: Option<AffiliationFilter>,
    /// Counts only papers on any of these topics or their narrower topics; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    topic_ids: Option<Vec<ID>>,
    /// Has at least this many joint works that pass the filter; 0 or more. Versions of a work count once. A coauthor
    /// always has at least 1.
    min_paper_count: Option<i32>,
    /// Counts only papers with at most this many authors, counting every authorship; 0 or more. Defaults to
    /// `Directory.consortiumSize`. Only papers with at least 2 authors create coauthors.
    max_authors_per_paper: Option<i32>,
}

impl CoauthorFilter {
    /// Converts the filter to the store's; without a filter all coauthors match.
    ///
    /// # Errors
    /// If an ID is invalid, a list is too long, a range is reversed, or a number is negative.
    pub fn into_store_filter(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::CoauthorFilter, Error> {
        let filter = filter.unwrap_or_default();
        let affiliation =
            filter.affiliation.map(|affiliation| AffiliationFilter::into_store_filter(Some(affiliation), ctx));
        Ok(store::CoauthorFilter {
            ids: decode_ids(ctx, "ids", filter.ids, NodeKind::Researcher)?,
            publication_year: year_range("publicationYear", filter.publication_year)?,
            affiliation: affiliation.transpose()?,
            topic_ids: decode_ids(ctx, "topicIds", filter.topic_ids, NodeKind::Topic)?,
            min_paper_count: check_not_negative("minPaperCount", filter.min_paper_count)?,
            max_authors_per_paper: check_not_negative("maxAuthorsPerPaper", filter.max_authors_per_paper)?,
        })
    }
}

/// Fields by which coauthors can be sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::CoauthorOrder")]
pub enum CoauthorOrderField {
    /// By the number of joint works that pass the filter. Versions of a work count once.
    PaperCount,
    /// By the year of the latest joint paper that passes the filter.
    LastYear,
    /// By the coauthor's name, family name first.
    Name,
}

/// Sort order for coauthors. Ties are broken by ID.
#[derive(InputObject)]
pub struct CoauthorOrder {
    /// The field to sort by.
    field: CoauthorOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

impl CoauthorOrder {
    /// Resolves the order; the default is the most joint papers first.
    pub fn resolve_most_papers_first(order: Option<Self>) -> (store::CoauthorOrder, Direction) {
        order.map_or((store::CoauthorOrder::PaperCount, Direction::Descending), |order| {
            (order.field.into(), order.direction.into())
        })
    }
}

/// A page of coauthors.
pub type CoauthorConnection = EagerObject<Connection<store::Coauthors>>;

/// Edge data of a coauthor.
pub struct CoauthorEdgeFields {
    pair: ParentKey,
    list: Arc<store::Coauthors>,
    edge: store::CoauthorEdge,
}

/// Edge data of a coauthor.
#[Object]
impl CoauthorEdgeFields {
    /// The number of joint works that pass the filter. Versions of a work count once.
    #[graphql(directive = Reads::apply(&["paper_count"]))]
    async fn paper_count(&self) -> i32 {
        self.edge.paper_count
    }

    /// The year of the earliest joint paper that passes the filter; versions of works are included. Null if no year is
    /// known.
    #[graphql(directive = Reads::apply(&["first_year"]))]
    async fn first_year(&self) -> Option<i32> {
        Some(self.edge.first_year).filter(|year| *year != 0)
    }

    /// The year of the latest joint paper that passes the filter; versions of works are included. Null if no year is
    /// known.
    #[graphql(directive = Reads::apply(&["last_year"]))]
    async fn last_year(&self) -> Option<i32> {
        Some(self.edge.last_year).filter(|year| *year != 0)
    }

    /// Exactly the papers counted in `paperCount`, newest first by default. Each work is represented by its version of
    /// record if both wrote it and it passes the filter, otherwise by the latest version.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(statements(1)))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn papers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Sort order. Defaults to newest first.")] order_by: Option<PaperOrder>,
        #[graphql(
            desc = "Returns the first _n_ items: 1 to 100. Defaults to 20 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Returns the last _n_ items: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Returns items before this cursor.")] before: Option<String>,
    ) -> Result<PaperConnection, Error> {
        let (order, direction) = PaperOrder::resolve_newest_first(order_by, &PaperFilter::default())?;
        let scope = PaperScope::Shared(self.list.filter.clone());
        let list = Papers { scope, filter: PaperFilter::default(), order, direction };
        load_connection(ctx, self.pair, list, PageArguments { first, after, last, before }).await
    }
}

impl ConnectionType for store::Coauthors {
    const NAME: &'static str = "Coauthor";
    type NodeObject = Researcher;
    type EdgeFields = CoauthorEdgeFields;
    type Facets = EmptyFields;
    // Joint papers are counted, not only coauthors.
    const TOTAL_COUNT: FieldCost = statements(1).counts(60);

    fn edge_fields(parent: ParentKey, list: &Arc<Self>, row: &ListRow<Self>, edge: &Self::Edge) -> Self::EdgeFields {
        let pair = ParentKey { primary: parent.primary, secondary: row.node.id };
        CoauthorEdgeFields { pair, list: Arc::clone(list), edge: edge.clone() }
    }
}
