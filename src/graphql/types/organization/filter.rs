//! The lookup key, the filter and the order of organizations.

use async_graphql::{Context, Enum, ID, InputObject, OneofObject};

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::Cost;
use crate::graphql::inputs::filter_cost;
use crate::graphql::inputs::identifier::{
    IdentifierKey, bounded_strings, canonical_identifiers, check_list_size, decode_ids, id_key, reject_nul,
};
use crate::graphql::inputs::order::{OrderDirection, resolve_order};
use crate::graphql::inputs::scalars::DateTime;
use crate::graphql::inputs::search_query::parse_optional_query;
use crate::graphql::types::organization::{OrganizationStatus, OrganizationType, to_stored_words};
use crate::model::global_id::NodeKind;
use crate::model::identifier::Ror;
use crate::model::language::LanguageTag;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::LookupKey;
use crate::store::reader::organization as store;
use crate::store::reader::page::SortDirection as Direction;

/// Exactly one key of an organization.
#[derive(OneofObject)]
pub enum OrganizationBy {
    /// The global ID.
    Id(ID),
    /// The URL slug.
    Slug(String),
    /// The ROR ID, bare or as a URL.
    Ror(String),
    /// An identifier of any other scheme.
    Identifier(IdentifierKey),
}

impl OrganizationBy {
    /// Returns the lookup key; `None` if nothing can match.
    pub fn into_lookup_key(self) -> Option<LookupKey> {
        reject_nul(match self {
            Self::Id(id) => return id_key(&id, NodeKind::Organization),
            Self::Slug(slug) => LookupKey::Slug(slug.trim().to_lowercase()),
            Self::Ror(ror) => return LookupKey::identifier(IdentifierColumn::Ror, &ror),
            Self::Identifier(identifier) => identifier.into(),
        })
    }
}

/// Filters organizations. All conditions are combined with AND. Omitted or null conditions are ignored; an empty list
/// matches nothing.
///
/// IDs of merged entities resolve to the surviving entity. Unknown IDs match nothing; IDs of another type are an error.
#[derive(InputObject, Default)]
pub struct OrganizationFilter {
    /// Has any of these IDs; at most 500.
    #[graphql(directive = Cost::apply(filter_cost::IDS))]
    ids: Option<Vec<ID>>,
    /// Has any of these ROR IDs, bare or as URLs; at most 500.
    rors: Option<Vec<String>>,
    /// Has any of these types; at most 500.
    types: Option<Vec<OrganizationType>>,
    /// Has any of these statuses. By default withdrawn organizations are included.
    statuses: Option<Vec<OrganizationStatus>>,
    /// Is based in any of these countries; at most 500. Codes are ISO 3166-1 alpha-2, case-insensitive.
    country_codes: Option<Vec<String>>,
    /// Matches this search query in any of its names and languages, as in `search`. At most 500 characters; a blank
    /// query is ignored.
    query: Option<String>,
    /// Was last changed at or after this time.
    #[graphql(directive = Cost::apply(filter_cost::UPDATED_SINCE))]
    updated_since: Option<DateTime>,
}

impl OrganizationFilter {
    /// Converts the filter to the store's; without a filter all organizations match.
    pub(super) fn into_store_filter(
        filter: Option<Self>,
        ctx: &Context<'_>,
    ) -> Result<store::OrganizationFilter, Error> {
        let filter = filter.unwrap_or_default();
        let countries = bounded_strings(ctx, "countryCodes", filter.country_codes)?;
        Ok(store::OrganizationFilter {
            ids: decode_ids(ctx, "ids", filter.ids, NodeKind::Organization)?,
            rors: canonical_identifiers::<Ror>(ctx, "rors", filter.rors)?,
            types: to_stored_words(check_list_size(ctx, "types", filter.types)?),
            statuses: to_stored_words(check_list_size(ctx, "statuses", filter.statuses)?),
            country_codes: countries.map(|codes| codes.iter().map(|code| code.trim().to_uppercase()).collect()),
            query: parse_optional_query("query", filter.query)?,
            updated_since: filter.updated_since.map(|time| time.0),
        })
    }
}

/// Fields by which organizations can be sorted.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum OrganizationOrderField {
    /// By name, in the language selected by `languages`.
    Name,
    /// By the number of current researchers, including descendants. It is updated after each import and at the start of
    /// each day.
    ResearcherCount,
    /// By the time of the last change.
    UpdatedAt,
    /// By how well `filter.query` matches; DESC returns the best match first. Requires a query, for which it is the
    /// default.
    Relevance,
}

/// Sort order for organizations. Ties are broken by ID.
#[derive(InputObject)]
pub struct OrganizationOrder {
    /// The field to sort by.
    field: OrganizationOrderField,
    /// The sort direction.
    direction: OrderDirection,
    /// Preferred languages for NAME, most preferred first. Defaults to the request's `Accept-Language` header.
    languages: Option<Vec<LanguageTag>>,
}

impl OrganizationOrder {
    /// Resolves the order; the default is by name, or relevance if the filter has a search query.
    pub(super) fn resolve_by_name(
        order: Option<Self>,
        filter: &store::OrganizationFilter,
        ctx: &Context<'_>,
    ) -> Result<(store::OrganizationOrder, Direction), Error> {
        let to_store_field = |field, languages| match field {
            OrganizationOrderField::Name => store::OrganizationOrder::Name(ctx.languages(languages)),
            OrganizationOrderField::ResearcherCount => store::OrganizationOrder::ResearcherCount,
            OrganizationOrderField::UpdatedAt => store::OrganizationOrder::UpdatedAt,
            OrganizationOrderField::Relevance => store::OrganizationOrder::Relevance,
        };
        let requested = order.map(|order| (to_store_field(order.field, order.languages), order.direction.into()));
        let by_name = (store::OrganizationOrder::Name(ctx.languages(None)), Direction::Ascending);
        resolve_order(requested, filter.query.as_ref(), store::OrganizationOrder::Relevance, by_name)
    }
}
