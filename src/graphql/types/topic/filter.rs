//! The lookup key, the filter and the order of topics.

use async_graphql::{Context, Enum, ID, InputObject, OneofObject};

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE};
use crate::graphql::inputs::filter_cost;
use crate::graphql::inputs::identifier::{IdentifierKey, bounded_strings, decode_ids, id_key, reject_nul};
use crate::graphql::inputs::order::{OrderDirection, resolve_order};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::inputs::search_query::parse_optional_query;
use crate::model::global_id::NodeKind;
use crate::model::language::LanguageTag;
use crate::store::reader::lookup::LookupKey;
use crate::store::reader::page::SortDirection as Direction;
use crate::store::reader::topic as store;

/// Exactly one key of a topic.
#[derive(OneofObject)]
pub enum TopicBy {
    /// The global ID.
    Id(ID),
    /// The URL slug.
    Slug(String),
    /// The code in its vocabulary, or an identifier of any other scheme.
    Identifier(IdentifierKey),
}

impl TopicBy {
    /// Returns the lookup key; `None` if nothing can match.
    pub fn into_lookup_key(self) -> Option<LookupKey> {
        reject_nul(match self {
            Self::Id(id) => return id_key(&id, NodeKind::Topic),
            Self::Slug(slug) => LookupKey::Slug(slug.trim().to_lowercase()),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Filters topics. All conditions are combined with AND. Omitted or null conditions are ignored; an empty list matches
/// nothing.
///
/// IDs of merged entities resolve to the surviving entity. Unknown IDs match nothing; IDs of another type are an error.
#[derive(InputObject, Default)]
pub struct TopicFilter {
    /// Has any of these IDs; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::IDS))]
    ids: Option<Vec<ID>>,
    /// Belongs to any of these vocabularies; at most 500.
    schemes: Option<Vec<String>>,
    /// Is narrower than any of these topics, at any depth; at most 500.
    #[graphql(directive = Cost::apply(FREE))]
    broader_ids: Option<Vec<ID>>,
    /// Matches this search query in any of its labels and languages, as in `search`. At most 500 characters; a blank
    /// query is ignored.
    query: Option<String>,
    /// Was last changed at or after this time.
    #[graphql(directive = Cost::apply(filter_cost::UPDATED_SINCE))]
    updated_since: Option<DateTime>,
}

impl TopicFilter {
    /// Converts the filter to the store's; without a filter all topics match.
    pub(super) fn into_store_filter(filter: Option<Self>, ctx: &Context<'_>) -> Result<store::TopicFilter, Error> {
        let filter = filter.unwrap_or_default();
        Ok(store::TopicFilter {
            ids: decode_ids(ctx, "ids", filter.ids, NodeKind::Topic)?,
            schemes: bounded_strings(ctx, "schemes", filter.schemes)?,
            broader_ids: decode_ids(ctx, "broaderIds", filter.broader_ids, NodeKind::Topic)?,
            query: parse_optional_query("query", filter.query)?,
            updated_since: filter.updated_since.map(|time| time.0),
        })
    }
}

/// Fields by which topics can be sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum TopicOrderField {
    /// By label, in the language selected by `languages`.
    Label,
    /// By the number of papers, including those on narrower topics. It is updated after each import and at the start of
    /// each day. In `Researcher.topics`, by the current number of the researcher's papers on the topic itself.
    PaperCount,
    /// By the number of researchers who declare the topic or have papers on it, including narrower topics. It is
    /// updated after each import and at the start of each day.
    ResearcherCount,
    /// By the time of the last change.
    UpdatedAt,
    /// By how well `filter.query` matches; DESC returns the best match first. Requires a query, for which it is the
    /// default.
    Relevance,
}

/// Sort order for topics. Ties are broken by ID.
#[derive(InputObject)]
pub struct TopicOrder {
    /// The field to sort by.
    field: TopicOrderField,
    /// The sort direction.
    direction: OrderDirection,
    /// Preferred languages for LABEL, most preferred first. Defaults to the request's `Accept-Language` header.
    languages: Option<Vec<LanguageTag>>,
}

impl TopicOrder {
    fn resolve(
        order: Option<Self>,
        filter: &store::TopicFilter,
        ctx: &Context<'_>,
        default: store::TopicOrder,
    ) -> Result<(store::TopicOrder, Direction), Error> {
        let to_store_field = |field, languages| match field {
            TopicOrderField::Label => store::TopicOrder::Label(ctx.languages(languages)),
            TopicOrderField::PaperCount => store::TopicOrder::PaperCount,
            TopicOrderField::ResearcherCount => store::TopicOrder::ResearcherCount,
            TopicOrderField::UpdatedAt => store::TopicOrder::UpdatedAt,
            TopicOrderField::Relevance => store::TopicOrder::Relevance,
        };
        let requested = order.map(|order| (to_store_field(order.field, order.languages), order.direction.into()));
        resolve_order(requested, filter.query.as_ref(), store::TopicOrder::Relevance, (default, Direction::Ascending))
    }

    /// Resolves the order; the default is by label, or relevance if the filter has a search query.
    ///
    /// # Errors
    /// If the order is by relevance and the filter has no search query.
    pub fn resolve_by_label(
        order: Option<Self>,
        filter: &store::TopicFilter,
        ctx: &Context<'_>,
    ) -> Result<(store::TopicOrder, Direction), Error> {
        Self::resolve(order, filter, ctx, store::TopicOrder::Label(ctx.languages(None)))
    }

    /// Resolves the order; the default is the list's own. Such a list has no filter, and so no relevance.
    ///
    /// # Errors
    /// If the order is by relevance.
    pub fn resolve_list_order(order: Option<Self>, ctx: &Context<'_>) -> Result<(store::TopicOrder, Direction), Error> {
        Self::resolve(order, &store::TopicFilter::default(), ctx, store::TopicOrder::Own)
    }
}
