//! The lookup key, the filter and the order of researchers.

use async_graphql::{Context, Enum, ID, InputObject, OneofObject};

use crate::error::Error;
use crate::graphql::engine::field_directives::Cost;
use crate::graphql::inputs::filter_cost;
use crate::graphql::inputs::filter_limits::FilterBudget;
use crate::graphql::inputs::identifier::{IdentifierKey, canonical_identifiers, decode_ids, id_key, reject_nul};
use crate::graphql::inputs::order::{OrderDirection, resolve_order};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::inputs::search_query::parse_optional_query;
use crate::graphql::types::affiliation::AffiliationFilter;
use crate::model::global_id::NodeKind;
use crate::model::identifier::Orcid;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::LookupKey;
use crate::store::reader::page::SortDirection as Direction;
use crate::store::reader::researcher as store;

/// Exactly one key of a researcher.
#[derive(OneofObject)]
pub enum ResearcherBy {
    /// The global ID.
    Id(ID),
    /// The URL slug of the profile page.
    Slug(String),
    /// The ORCID iD, bare or as a URL.
    Orcid(String),
    /// An identifier of any other scheme.
    Identifier(IdentifierKey),
}

impl ResearcherBy {
    /// Returns the lookup key; `None` if nothing can match.
    pub fn into_lookup_key(self) -> Option<LookupKey> {
        reject_nul(match self {
            Self::Id(id) => return id_key(&id, NodeKind::Researcher),
            Self::Slug(slug) => LookupKey::Slug(slug.trim().to_lowercase()),
            Self::Orcid(orcid) => return LookupKey::identifier(IdentifierColumn::Orcid, &orcid),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Filters researchers. All conditions are combined with AND. Omitted or null conditions are ignored; an empty list of
/// values matches nothing.
///
/// IDs of merged entities resolve to the surviving entity. Unknown IDs match nothing; IDs of another type are an error.
///
/// Filters can be nested with `and`, `or` and `not` up to 5 levels deep, with at most 100 nested filters in total.
#[derive(InputObject, Default)]
pub struct ResearcherFilter {
    /// Has any of these IDs; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::IDS))]
    ids: Option<Vec<ID>>,
    /// Has any of these ORCID iDs, bare or as URLs; at most 500.
    orcids: Option<Vec<String>>,
    /// Has an affiliation that matches this filter. By default it must be a current employment, membership or invited
    /// position.
    affiliation: Option<AffiliationFilter>,
    /// Declares any of these topics or their narrower topics, or has papers on them; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    topic_ids: Option<Vec<ID>>,
    /// Has a paper with any of these researchers, as in `Researcher.coauthors`; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    coauthor_ids: Option<Vec<ID>>,
    /// Has an ORCID iD.
    has_orcid: Option<bool>,
    /// Has papers.
    has_papers: Option<bool>,
    /// Matches this search query by name, as in `search`: ignoring accents, case and word order, and tolerating typos
    /// if fewer than 20 names match exactly. At most 500 characters; a blank query is ignored.
    query: Option<String>,
    /// Was last changed at or after this time.
    #[graphql(directive = Cost::apply(filter_cost::UPDATED_SINCE))]
    updated_since: Option<DateTime>,
    /// Matches all of these filters. An empty list matches everything.
    and: Option<Vec<ResearcherFilter>>,
    /// Matches any of these filters. An empty list matches nothing.
    or: Option<Vec<ResearcherFilter>>,
    /// Does not match this filter.
    not: Option<Box<ResearcherFilter>>,
}

impl ResearcherFilter {
    /// Converts the filter to the store's; without a filter all researchers match.
    ///
    /// # Errors
    /// If an ID is invalid, a list is too long, or nested filters exceed a limit.
    pub fn into_store_filter(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::ResearcherFilter, Error> {
        filter.unwrap_or_default().convert_within(ctx, &mut FilterBudget::new(ctx))
    }

    fn convert_within(
        self,
        ctx: &Context<'_>,
        budget: &mut FilterBudget<'_>,
    ) -> Result<store::ResearcherFilter, Error> {
        let filter = self;
        let convert = |filter: Self, budget: &mut FilterBudget<'_>| filter.convert_within(ctx, budget);
        let affiliation =
            filter.affiliation.map(|affiliation| AffiliationFilter::into_store_filter(Some(affiliation), ctx));
        Ok(store::ResearcherFilter {
            ids: decode_ids(ctx, "ids", filter.ids, NodeKind::Researcher)?,
            orcids: canonical_identifiers::<Orcid>(ctx, "orcids", filter.orcids)?,
            affiliation: affiliation.transpose()?,
            topic_ids: decode_ids(ctx, "topicIds", filter.topic_ids, NodeKind::Topic)?,
            coauthor_ids: decode_ids(ctx, "coauthorIds", filter.coauthor_ids, NodeKind::Researcher)?,
            has_orcid: filter.has_orcid,
            has_papers: filter.has_papers,
            query: parse_optional_query("query", filter.query)?,
            updated_since: filter.updated_since.map(|time| time.0),
            and: budget.convert_nested_list(filter.and, convert)?,
            or: budget.convert_nested_list(filter.or, convert)?,
            not: filter.not.map(|filter| budget.convert_nested(*filter, convert)).transpose()?.map(Box::new),
        })
    }
}

/// Fields by which researchers can be sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::ResearcherOrder")]
pub enum ResearcherOrderField {
    /// By name, family name first, ignoring accents.
    Name,
    /// By the number of papers; in `Topic.researchers`, of papers on the topic.
    PaperCount,
    /// By the year of the latest paper. Researchers without one sort as the earliest.
    LastPublicationYear,
    /// By the time of the last change.
    UpdatedAt,
    /// By how well `filter.query` matches; DESC returns the best match first. Requires a query, for which it is the
    /// default.
    Relevance,
}

/// Sort order for researchers. Ties are broken by ID.
#[derive(InputObject)]
pub struct ResearcherOrder {
    /// The field to sort by.
    field: ResearcherOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

impl ResearcherOrder {
    /// Resolves the order; the default is by name, or relevance if the filter has a search query.
    ///
    /// # Errors
    /// If the order is by relevance and the filter has no search query.
    pub fn resolve_by_name(
        order: Option<Self>,
        filter: &store::ResearcherFilter,
    ) -> Result<(store::ResearcherOrder, Direction), Error> {
        Self::resolve(order, filter, (store::ResearcherOrder::Name, Direction::Ascending))
    }

    /// Resolves the order; the default is the most papers first, or relevance if the filter has a search query.
    ///
    /// # Errors
    /// If the order is by relevance and the filter has no search query.
    pub fn resolve_most_papers_first(
        order: Option<Self>,
        filter: &store::ResearcherFilter,
    ) -> Result<(store::ResearcherOrder, Direction), Error> {
        Self::resolve(order, filter, (store::ResearcherOrder::PaperCount, Direction::Descending))
    }

    fn resolve(
        order: Option<Self>,
        filter: &store::ResearcherFilter,
        default: (store::ResearcherOrder, Direction),
    ) -> Result<(store::ResearcherOrder, Direction), Error> {
        let requested = order.map(|order| (order.field.into(), order.direction.into()));
        resolve_order(requested, filter.query.as_ref(), store::ResearcherOrder::Relevance, default)
    }
}
