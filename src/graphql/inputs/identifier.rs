//! IDs and identifiers as clients pass them: lookup keys and lists in filters.

use async_graphql::{Context, ID, InputObject};

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::reader::lookup::LookupKey;

/// An identifier of any other scheme, such as Scopus, DBLP, GRID, or the source's own key.
#[derive(InputObject)]
pub struct IdentifierKey {
    /// The scheme, case-insensitive, such as `scopus`, `dblp`, `grid` or `wikidata`, or the name of an imported source.
    scheme: String,
    /// The identifier as the scheme writes it.
    value: String,
}

impl From<IdentifierKey> for LookupKey {
    fn from(key: IdentifierKey) -> Self {
        Self::ExternalId { scheme: key.scheme.trim().to_lowercase(), value: key.value.trim().to_owned() }
    }
}

/// Converts a client's ID to a lookup key; `None` if it is malformed or of another type.
pub fn id_key(id: &ID, kind: NodeKind) -> Option<LookupKey> {
    id.parse::<GlobalId>().ok().filter(|id| id.kind == kind).map(|id| LookupKey::Id(id.row_id))
}

/// Returns `None` for a key that contains a NUL character, which Postgres rejects and no stored value contains.
pub fn reject_nul(key: LookupKey) -> Option<LookupKey> {
    let has_nul = match &key {
        LookupKey::Id(_) => false,
        LookupKey::Slug(text) | LookupKey::Column(_, text) => text.contains('\0'),
        LookupKey::ExternalId { scheme, value } => scheme.contains('\0') || value.contains('\0'),
    };
    (!has_nul).then_some(key)
}

/// Decodes the IDs in a filter.
///
/// # Errors
/// If an ID is malformed or of another type, or the list is too long.
pub fn decode_ids(
    ctx: &Context<'_>,
    field: &str,
    ids: Option<Vec<ID>>,
    kind: NodeKind,
) -> Result<Option<Vec<i64>>, Error> {
    let Some(ids) = check_list_size(ctx, field, ids)? else { return Ok(None) };
    ids.iter().map(|id| decode_id(field, id, kind)).collect::<Result<_, _>>().map(Some)
}

/// Decodes an ID of the given type.
///
/// # Errors
/// If the ID is malformed or of another type.
pub fn decode_id(field: &str, id: &ID, kind: NodeKind) -> Result<i64, Error> {
    let id: GlobalId = id.parse()?;
    if id.kind == kind {
        return Ok(id.row_id);
    }
    let (given, expected) = (id.kind.type_name(), kind.type_name());
    Err(Error::BadUserInput(format!("{field} takes IDs of type {expected}; '{id}' is of type {given}")))
}

/// Checks the length of a list in a filter.
///
/// # Errors
/// If it exceeds the limit.
pub fn check_list_size<T>(ctx: &Context<'_>, field: &str, list: Option<Vec<T>>) -> Result<Option<Vec<T>>, Error> {
    let maximum = ctx.limits().list_entries;
    match list {
        Some(list) if list.len() > maximum => {
            let given = list.len();
            let message = format!("{field} has {given} entries; the limit is {maximum}: split the request");
            Err(Error::limit_exceeded("listEntries", given, maximum, message))
        }
        list => Ok(list),
    }
}

/// Returns the canonical forms of identifiers in a filter; malformed ones match nothing.
///
/// # Errors
/// If the list is too long.
pub fn canonical_identifiers<T: std::str::FromStr + std::fmt::Display>(
    ctx: &Context<'_>,
    field: &str,
    identifiers: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, Error> {
    let identifiers = check_list_size(ctx, field, identifiers)?;
    Ok(identifiers
        .map(|texts| texts.iter().filter_map(|text| text.parse::<T>().ok()).map(|id| id.to_string()).collect()))
}

/// Returns the strings of a filter; those with a NUL character match nothing.
///
/// # Errors
/// If the list is too long.
pub fn bounded_strings(
    ctx: &Context<'_>,
    field: &str,
    strings: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, Error> {
    let strings = check_list_size(ctx, field, strings)?;
    Ok(strings.map(|strings| strings.into_iter().filter(|string| !string.contains('\0')).collect()))
}
