//! The lookup key, the filter and the order of papers.

use async_graphql::{Context, Enum, ID, InputObject, OneofObject};

use crate::error::Error;
use crate::graphql::engine::field_directives::Cost;
use crate::graphql::inputs::filter_cost;
use crate::graphql::inputs::filter_limits::FilterBudget;
use crate::graphql::inputs::identifier::{
    IdentifierKey, bounded_strings, canonical_identifiers, check_list_size, decode_ids, id_key, reject_nul,
};
use crate::graphql::inputs::order::{OrderDirection, resolve_order};
use crate::graphql::inputs::range::{IntRange, year_range};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::inputs::search_query::parse_optional_query;
use crate::graphql::types::paper::PaperType;
use crate::model::global_id::NodeKind;
use crate::model::identifier::Doi;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::LookupKey;
use crate::store::reader::organization_link::{self, LinkedOrganizations, PaperOrganizationLinks};
use crate::store::reader::page::SortDirection as Direction;
use crate::store::reader::paper as store;

/// Exactly one key of a paper.
#[derive(OneofObject)]
pub enum PaperBy {
    /// The global ID.
    Id(ID),
    /// The URL slug.
    Slug(String),
    /// The DOI, bare or as a URL.
    Doi(String),
    /// The arXiv ID, with or without its version, bare or as a URL.
    ArxivId(String),
    /// An identifier of any other scheme.
    Identifier(IdentifierKey),
}

impl PaperBy {
    /// Returns the lookup key; `None` if nothing can match.
    pub fn into_lookup_key(self) -> Option<LookupKey> {
        reject_nul(match self {
            Self::Id(id) => return id_key(&id, NodeKind::Paper),
            Self::Slug(slug) => LookupKey::Slug(slug.trim().to_lowercase()),
            Self::Doi(doi) => return LookupKey::identifier(IdentifierColumn::Doi, &doi),
            Self::ArxivId(arxiv_id) => return LookupKey::identifier(IdentifierColumn::ArxivId, &arxiv_id),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Filters papers. All conditions are combined with AND. Omitted or null conditions are ignored; an empty list of
/// values matches nothing.
///
/// IDs of merged entities resolve to the surviving entity. Unknown IDs match nothing; IDs of another type are an error.
///
/// Filters can be nested with `and`, `or` and `not` up to 5 levels deep, with at most 100 nested filters in total.
#[derive(InputObject, Default)]
pub struct PaperFilter {
    /// Has any of these IDs; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::IDS))]
    ids: Option<Vec<ID>>,
    /// Has any of these DOIs, bare or as URLs; at most 500.
    dois: Option<Vec<String>>,
    /// Has any of these researchers as an author, in any position; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    author_ids: Option<Vec<ID>>,
    /// Is linked to any of these organizations or their descendants, by any of `organizationLinks`; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    organization_ids: Option<Vec<ID>>,
    /// The links that count for `organizationIds`; any of them suffices. Defaults to all. Without `organizationIds`, it
    /// has no effect.
    organization_links: Option<Vec<PaperOrganizationLink>>,
    /// Is on any of these topics or their narrower topics; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::RELATED))]
    topic_ids: Option<Vec<ID>>,
    /// Was published in these years. A paper without a year is never in a range, not even in one without bounds.
    publication_year: Option<IntRange>,
    /// Has any of these types; at most 500.
    types: Option<Vec<PaperType>>,
    /// Has any of these values of `venueName`; at most 500.
    venue_names: Option<Vec<String>>,
    /// Has an abstract that can be displayed.
    has_abstract: Option<bool>,
    /// Has a DOI.
    has_doi: Option<bool>,
    /// Was retracted.
    is_retracted: Option<bool>,
    /// Is a version of another paper, such as the preprint of an article. With false, a list contains each work once,
    /// as its version of record. By default it contains all versions.
    is_version: Option<bool>,
    /// Matches this search query in its title or abstract, as in `search`. At most 500 characters; a blank query is
    /// ignored.
    query: Option<String>,
    /// Was last changed at or after this time.
    #[graphql(directive = Cost::apply(filter_cost::UPDATED_SINCE))]
    updated_since: Option<DateTime>,
    /// Matches all of these filters. An empty list matches everything.
    and: Option<Vec<PaperFilter>>,
    /// Matches any of these filters. An empty list matches nothing.
    or: Option<Vec<PaperFilter>>,
    /// Does not match this filter.
    not: Option<Box<PaperFilter>>,
}

impl PaperFilter {
    /// Converts the filter to the store's; without a filter all papers match.
    ///
    /// # Errors
    /// If an ID is invalid, a list is too long, a range is reversed, or nested filters exceed a limit.
    pub fn into_store_filter(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::PaperFilter, Error> {
        filter.unwrap_or_default().convert_within(ctx, &mut FilterBudget::new(ctx))
    }

    fn convert_within(self, ctx: &Context<'_>, budget: &mut FilterBudget<'_>) -> Result<store::PaperFilter, Error> {
        let filter = self;
        let convert = |filter: Self, budget: &mut FilterBudget<'_>| filter.convert_within(ctx, budget);
        let types = check_list_size(ctx, "types", filter.types)?;
        let links = check_list_size(ctx, "organizationLinks", filter.organization_links)?;
        let links = links.map_or(PaperOrganizationLinks::ALL, to_store_links);
        let organizations = decode_ids(ctx, "organizationIds", filter.organization_ids, NodeKind::Organization)?;
        Ok(store::PaperFilter {
            ids: decode_ids(ctx, "ids", filter.ids, NodeKind::Paper)?,
            dois: canonical_identifiers::<Doi>(ctx, "dois", filter.dois)?,
            author_ids: decode_ids(ctx, "authorIds", filter.author_ids, NodeKind::Researcher)?,
            organizations: organizations.map(|ids| LinkedOrganizations { ids, links }),
            topic_ids: decode_ids(ctx, "topicIds", filter.topic_ids, NodeKind::Topic)?,
            publication_year: year_range("publicationYear", filter.publication_year)?,
            types: types.map(|types| types.into_iter().map(Into::into).collect()),
            venue_names: bounded_strings(ctx, "venueNames", filter.venue_names)?,
            has_abstract: filter.has_abstract,
            has_doi: filter.has_doi,
            is_retracted: filter.is_retracted,
            is_version: filter.is_version,
            query: parse_optional_query("query", filter.query)?,
            updated_since: filter.updated_since.map(|time| time.0),
            and: budget.convert_nested_list(filter.and, convert)?,
            or: budget.convert_nested_list(filter.or, convert)?,
            not: filter.not.map(|filter| budget.convert_nested(*filter, convert)).transpose()?.map(Box::new),
        })
    }
}

/// A link between a paper and an organization.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "organization_link::PaperOrganizationLink")]
pub enum PaperOrganizationLink {
    /// An author gives the organization as affiliation on the paper.
    Authorship,
    /// An author was affiliated with the organization when the paper appeared, by an employment, a membership or an
    /// invited position. Dates are compared as precisely as both are known. An affiliation without an end date is a
    /// current one, and one without dates covers all years. A paper without a year is not linked, nor one by people
    /// whose affiliation ended on an unknown date.
    Membership,
}

/// Converts a list of links to the store's set.
pub fn to_store_links(links: Vec<PaperOrganizationLink>) -> PaperOrganizationLinks {
    links.into_iter().map(organization_link::PaperOrganizationLink::from).collect()
}

/// Fields by which papers can be sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::PaperOrder")]
pub enum PaperOrderField {
    /// By publication date, as precisely as it is known. Papers without a year sort as the earliest.
    PublicationDate,
    /// By the title as published, ignoring accents and punctuation.
    Title,
    /// By the number of authors.
    AuthorCount,
    /// By the time of the last change.
    UpdatedAt,
    /// By how well `filter.query` matches; DESC returns the best match first. Requires a query, for which it is the
    /// default.
    Relevance,
}

/// Sort order for papers. Ties are broken by ID.
#[derive(InputObject)]
pub struct PaperOrder {
    /// The field to sort by.
    field: PaperOrderField,
    /// The sort direction.
    direction: OrderDirection,
}

impl PaperOrder {
    /// Resolves the order; the default is newest first, or relevance if the filter has a search query.
    ///
    /// # Errors
    /// If the order is by relevance and the filter has no search query.
    pub fn resolve_newest_first(
        order: Option<Self>,
        filter: &store::PaperFilter,
    ) -> Result<(store::PaperOrder, Direction), Error> {
        let requested = order.map(|order| (order.field.into(), order.direction.into()));
        let newest = (store::PaperOrder::PublicationDate, Direction::Descending);
        resolve_order(requested, filter.query.as_ref(), store::PaperOrder::Relevance, newest)
    }
}
