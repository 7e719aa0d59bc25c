//! Which papers, and in which order.

use async_graphql::{Context, Enum, ID, InputObject, OneofObject};

use crate::error::Error;
use crate::graphql::inputs::filter_limits::Nesting;
use crate::graphql::inputs::identifier::{
    IdentifierKey, bounded, canonical, column_key, id_key, numbers, possible, words,
};
use crate::graphql::inputs::order::{IntRange, OrderDirection, or_relevance, years};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::types::paper::PaperType;
use crate::graphql::types::search::looked_for;
use crate::model::global_id::Kind;
use crate::model::identifier::{ArxivId, Doi};
use crate::store::reader::lookup::Key;
use crate::store::reader::page::OrderDirection as Direction;
use crate::store::reader::paper as store;

/// Exactly one key of a paper.
#[derive(OneofObject)]
pub enum PaperBy {
    /// The directory's own id.
    Id(ID),
    /// Its name in an address.
    Slug(String),
    /// The DOI: bare or as an address.
    Doi(String),
    /// The arXiv id, with or without version, bare or as an address.
    ArxivId(String),
    /// An id of any other scheme.
    Identifier(IdentifierKey),
}

impl PaperBy {
    pub(super) fn key(self) -> Option<Key> {
        possible(match self {
            Self::Id(id) => return id_key(&id, Kind::Paper),
            Self::Slug(slug) => Key::Slug(slug.trim().to_lowercase()),
            Self::Doi(doi) => return column_key::<Doi>("doi", &doi),
            Self::ArxivId(arxiv_id) => return column_key::<ArxivId>("arxiv_id", &arxiv_id),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Which papers. All conditions hold together; an absent or null one is none, and an empty list of values matches nothing.
/// The ids of what was merged stand for what it became, unknown ones for nothing, and ids of another type are refused.
/// By and, or and not filters stand in each other at most 5 deep, and one holds at most 100 others in all.
#[derive(InputObject, Default)]
pub struct PaperFilter {
    /// Any of these; at most 500.
    ids: Option<Vec<ID>>,
    /// With any of these DOIs, bare or as addresses; at most 500.
    dois: Option<Vec<String>>,
    /// By any of these people, whatever their position; at most 500.
    author_ids: Option<Vec<ID>>,
    /// With an author who was at any of these organizations, or below, at the time of the paper; at most 500.
    organization_ids: Option<Vec<ID>>,
    /// On any of these topics or narrower ones; at most 500.
    topic_ids: Option<Vec<ID>>,
    /// Of these years; a paper without a year is in no range, not even in one that is open at both ends.
    publication_year: Option<IntRange>,
    /// Of any of these types; at most 500.
    types: Option<Vec<PaperType>>,
    /// In any of these venues, named as venueName has them; at most 500.
    venue_names: Option<Vec<String>>,
    /// Whether there is an abstract to show.
    has_abstract: Option<bool>,
    /// Whether there is a DOI.
    has_doi: Option<bool>,
    /// Whether it was retracted.
    is_retracted: Option<bool>,
    /// Whether it is a version of another paper, such as the preprint of an article. With false a list has each work once, as
    /// its version of record; lists have every version where nothing is said.
    is_version: Option<bool>,
    /// By words of the title or the abstract, as search finds them. At most 500 characters; white space alone is no
    /// condition.
    query: Option<String>,
    /// Changed at this moment or later.
    updated_since: Option<DateTime>,
    /// Those that pass each of these; all do where the list is empty.
    and: Option<Vec<PaperFilter>>,
    /// Those that pass any of these; none does where the list is empty.
    or: Option<Vec<PaperFilter>>,
    /// Those that do not pass this.
    not: Option<Box<PaperFilter>>,
}

impl PaperFilter {
    /// The filter for the store; every paper passes an absent one.
    ///
    /// # Errors
    /// Where an id is none, a list is too long, a range has no years, or filters nest too deep or are too many.
    pub fn or_all(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::PaperFilter, Error> {
        filter.unwrap_or_default().taken(ctx, &mut Nesting::of(ctx))
    }

    fn taken(self, ctx: &Context<'_>, nesting: &mut Nesting<'_>) -> Result<store::PaperFilter, Error> {
        let filter = self;
        let inner = |filter: Self, nesting: &mut Nesting<'_>| filter.taken(ctx, nesting);
        let types = bounded(ctx, "types", filter.types)?;
        Ok(store::PaperFilter {
            ids: numbers(ctx, "ids", filter.ids, Kind::Paper)?,
            dois: canonical::<Doi>(ctx, "dois", filter.dois)?,
            author_ids: numbers(ctx, "authorIds", filter.author_ids, Kind::Researcher)?,
            organization_ids: numbers(ctx, "organizationIds", filter.organization_ids, Kind::Organization)?,
            topic_ids: numbers(ctx, "topicIds", filter.topic_ids, Kind::Topic)?,
            publication_year: years("publicationYear", filter.publication_year)?,
            types: types.map(|types| types.into_iter().map(Into::into).collect()),
            venue_names: words(ctx, "venueNames", filter.venue_names)?,
            has_abstract: filter.has_abstract,
            has_doi: filter.has_doi,
            is_retracted: filter.is_retracted,
            is_version: filter.is_version,
            query: looked_for("query", filter.query)?,
            updated_since: filter.updated_since.map(|moment| moment.0),
            and: nesting.each(filter.and, inner)?,
            or: nesting.each(filter.or, inner)?,
            not: filter.not.map(|filter| nesting.inner(*filter, inner)).transpose()?.map(Box::new),
        })
    }
}

/// By what papers are ordered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::PaperOrder")]
pub enum PaperOrderField {
    /// By the day it appeared, as far as known; papers without a year count as earliest.
    PublicationDate,
    /// By the title as published, without accents and punctuation.
    Title,
    /// By the number of authors.
    AuthorCount,
    /// By the last change.
    UpdatedAt,
    /// By how well filter.query matches, best last: DESC has the best first. Only with a query, and the default there.
    Relevance,
}

/// An order of papers; ties end on the id.
#[derive(InputObject)]
pub struct PaperOrder {
    /// By what.
    field: PaperOrderField,
    /// Which way.
    direction: OrderDirection,
}

impl PaperOrder {
    /// The order asked for, else newest first, or by relevance where the filter has a query.
    ///
    /// # Errors
    /// Where it is by relevance and the filter has no query.
    pub fn or_newest(
        order: Option<Self>,
        filter: &store::PaperFilter,
    ) -> Result<(store::PaperOrder, Direction), Error> {
        let asked = order.map(|order| (order.field.into(), order.direction.into()));
        let newest = (store::PaperOrder::PublicationDate, Direction::Descending);
        or_relevance(asked, filter.query.as_ref(), store::PaperOrder::Relevance, newest)
    }
}
