//! Ids of other schemes, and the keys by which clients look things up.

use async_graphql::{Context, ID, InputObject, SimpleObject};

use crate::error::Error;
use crate::graphql::context::State as _;
use crate::graphql::inputs::scalars::Url;
use crate::model::global_id::{GlobalId, Kind};
use crate::store::reader::lookup::Key;
use crate::store::reader::relation::{ExternalId, FormerId, RelatedTo, Relation};

/// An id that another scheme gave it.
#[derive(SimpleObject)]
pub struct Identifier {
    /// The scheme in lower case: `scopus`, `dblp`, `grid`, `wikidata`, or the name of the source that was imported.
    scheme: String,
    /// The id as the scheme writes it.
    value: String,
    /// Where the scheme shows it; null where there is no such page.
    url: Option<Url>,
}

impl From<&ExternalId> for Identifier {
    fn from(id: &ExternalId) -> Self {
        let value = &id.value;
        let url = match id.scheme.as_str() {
            "orcid" => Some(format!("https://orcid.org/{value}")),
            "wikidata" => Some(format!("https://www.wikidata.org/wiki/{value}")),
            "isni" => Some(format!("https://isni.org/isni/{}", value.replace(' ', ""))),
            "scopus" => Some(format!("https://www.scopus.com/authid/detail.uri?authorId={value}")),
            "dblp" => Some(format!("https://dblp.org/pid/{value}")),
            "openalex" => Some(format!("https://openalex.org/{value}")),
            "pmid" => Some(format!("https://pubmed.ncbi.nlm.nih.gov/{value}/")),
            "fundref" => Some(format!("https://doi.org/10.13039/{value}")),
            _ => None,
        };
        Self { scheme: id.scheme.clone(), value: value.clone(), url: url.map(Url) }
    }
}

/// An id of any other scheme: the source's own key, Scopus, DBLP, GRID and so on.
#[derive(InputObject)]
pub struct IdentifierKey {
    /// The scheme, in any case: `scopus`, `dblp`, `grid`, `wikidata`, or the name of the source that was imported.
    scheme: String,
    /// The id as the scheme writes it.
    value: String,
}

impl From<IdentifierKey> for Key {
    fn from(key: IdentifierKey) -> Self {
        Self::Identifier { scheme: key.scheme.trim().to_lowercase(), value: key.value.trim().to_owned() }
    }
}

/// A client's id as a key of one kind; none where it is an id of another kind, or none at all.
pub fn id_key(id: &ID, kind: Kind) -> Option<Key> {
    id.parse::<GlobalId>().ok().filter(|id| id.kind == kind).map(|id| Key::Id(id.number))
}

/// A client's identifier as a key; none where it is not in the form of its scheme, since nothing has such a one.
pub fn column_key<T: std::str::FromStr + std::fmt::Display>(column: &'static str, text: &str) -> Option<Key> {
    text.parse::<T>().ok().map(|identifier| Key::Column(column, identifier.to_string()))
}

/// A text that no slug, scheme or value can equal is no key: the database refuses null characters.
pub fn possible(key: Key) -> Option<Key> {
    let has_null = match &key {
        Key::Id(_) => false,
        Key::Slug(text) | Key::Column(_, text) => text.contains('\0'),
        Key::Identifier { scheme, value } => scheme.contains('\0') || value.contains('\0'),
    };
    (!has_null).then_some(key)
}

/// The numbers of the ids in a filter.
///
/// # Errors
/// Where one is no id of this directory, or of another kind, or there are more than a list may have.
pub fn numbers(ctx: &Context<'_>, field: &str, ids: Option<Vec<ID>>, kind: Kind) -> Result<Option<Vec<i64>>, Error> {
    let Some(ids) = bounded(ctx, field, ids)? else { return Ok(None) };
    ids.iter().map(|id| number(field, id, kind)).collect::<Result<_, _>>().map(Some)
}

/// The number of an id of one kind.
///
/// # Errors
/// Where it is no id of this directory, or of another kind.
pub fn number(field: &str, id: &ID, kind: Kind) -> Result<i64, Error> {
    let id: GlobalId = id.parse()?;
    if id.kind == kind {
        return Ok(id.number);
    }
    let (given, wanted) = (id.kind.name(), kind.name());
    Err(Error::BadUserInput(format!("{field} takes ids of type {wanted}; '{id}' is of type {given}")))
}

/// A list of a filter, if it is no longer than a list may be.
///
/// # Errors
/// Where it is.
pub fn bounded<T>(ctx: &Context<'_>, field: &str, list: Option<Vec<T>>) -> Result<Option<Vec<T>>, Error> {
    let most = ctx.limits().list_entries;
    match list {
        Some(list) if list.len() > most => {
            let given = list.len();
            let message = format!("{field} has {given} entries; a list takes at most {most}: ask in several requests");
            Err(Error::limit("listEntries", given, most, message))
        }
        list => Ok(list),
    }
}

/// The canonical forms of identifiers in a filter; those not in the form of their scheme match nothing.
///
/// # Errors
/// Where there are more than a list may have.
pub fn canonical<T: std::str::FromStr + std::fmt::Display>(
    ctx: &Context<'_>,
    field: &str,
    identifiers: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, Error> {
    let identifiers = bounded(ctx, field, identifiers)?;
    Ok(identifiers
        .map(|texts| texts.iter().filter_map(|text| text.parse::<T>().ok()).map(|id| id.to_string()).collect()))
}

/// Texts of a filter; one with a null character matches nothing.
///
/// # Errors
/// Where there are more than a list may have.
pub fn words(ctx: &Context<'_>, field: &str, words: Option<Vec<String>>) -> Result<Option<Vec<String>>, Error> {
    let words = bounded(ctx, field, words)?;
    Ok(words.map(|words| words.into_iter().filter(|word| !word.contains('\0')).collect()))
}

/// Its ids of other schemes.
///
/// # Errors
/// Where the database does not answer.
pub async fn identifiers<R: Relation<Node = ExternalId>>(ctx: &Context<'_>, id: i64) -> Result<Vec<Identifier>, Error> {
    let ids = ctx.loaders().load_one(RelatedTo::<R>::new(id)).await?.unwrap_or_default();
    Ok(ids.iter().map(|id| Identifier::from(&**id)).collect())
}

/// The ids of what was merged into it.
///
/// # Errors
/// Where the database does not answer.
pub async fn former_ids<R: Relation<Node = FormerId>>(
    ctx: &Context<'_>,
    id: i64,
    kind: Kind,
) -> Result<Vec<ID>, Error> {
    let ids = ctx.loaders().load_one(RelatedTo::<R>::new(id)).await?.unwrap_or_default();
    Ok(ids.iter().map(|former| GlobalId { kind, number: former.former_id }.to_string().into()).collect())
}
