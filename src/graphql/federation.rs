//! The directory as a subgraph of Apollo Federation: the SDL that is composed into a supergraph, and the entities that a
//! router looks up.
//!
//! async-graphql's own federation turns one missing entity into an error of the whole list, which breaks pages.

use std::sync::{Arc, LazyLock};

use async_graphql::{Any, Context, ID, Name, Object, SimpleObject, Union, Value, indexmap::IndexMap};
use futures_util::future::join_all;

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::engine::lookahead::ProjectedType;
use crate::graphql::engine::selected_columns::selected_columns;
use crate::graphql::inputs::identifier::id_key;
use crate::graphql::types::affiliation::Affiliation;
use crate::graphql::types::authorship::Authorship;
use crate::graphql::types::organization::{Organization, OrganizationBy};
use crate::graphql::types::paper::{Paper, PaperBy};
use crate::graphql::types::researcher::{Researcher, ResearcherBy};
use crate::graphql::types::topic::{Topic, TopicBy};
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::reader::lookup::{ByLookupKey, LookupKey, LookupTable};

/// What the SDL of a subgraph starts with. The definitions are those of Federation 2.3, so that tools that do not know it
/// can read the SDL as well.
const PREAMBLE: &str = include_str!("federation/preamble.graphql");
/// Types that other subgraphs may define as well, with the same fields.
const SHAREABLE_TYPES: [&str; 5] = ["PageInfo", "LocalizedString", "LocalizedName", "Identifier", "YearCount"];
/// The interface whose representations, from subgraphs that extend it with `@interfaceObject`, can be of several types.
const ENTITY: &str = "Entity";

/// A field that identifies an object, and the lookup key for its value; no key if the value cannot be valid.
type KeyField = (&'static str, fn(String) -> Option<LookupKey>);

const RESEARCHER_KEYS: &[KeyField] = &[
    ("id", |id| ResearcherBy::Id(ID(id)).into_lookup_key()),
    ("slug", |slug| ResearcherBy::Slug(slug).into_lookup_key()),
    ("orcid", |orcid| ResearcherBy::Orcid(orcid).into_lookup_key()),
];
const ORGANIZATION_KEYS: &[KeyField] = &[
    ("id", |id| OrganizationBy::Id(ID(id)).into_lookup_key()),
    ("slug", |slug| OrganizationBy::Slug(slug).into_lookup_key()),
    ("ror", |ror| OrganizationBy::Ror(ror).into_lookup_key()),
];
const TOPIC_KEYS: &[KeyField] =
    &[("id", |id| TopicBy::Id(ID(id)).into_lookup_key()), ("slug", |slug| TopicBy::Slug(slug).into_lookup_key())];
const PAPER_KEYS: &[KeyField] = &[
    ("id", |id| PaperBy::Id(ID(id)).into_lookup_key()),
    ("slug", |slug| PaperBy::Slug(slug).into_lookup_key()),
    ("doi", |doi| PaperBy::Doi(doi).into_lookup_key()),
    ("arxivId", |arxiv_id| PaperBy::ArxivId(arxiv_id).into_lookup_key()),
];
const AFFILIATION_KEYS: &[KeyField] = &[("id", |id| id_key(&ID(id), NodeKind::Affiliation))];
const AUTHORSHIP_KEYS: &[KeyField] = &[("id", |id| id_key(&ID(id), NodeKind::Authorship))];

/// The fields that identify objects of a type.
fn key_fields(kind: NodeKind) -> &'static [KeyField] {
    match kind {
        NodeKind::Researcher => RESEARCHER_KEYS,
        NodeKind::Organization => ORGANIZATION_KEYS,
        NodeKind::Topic => TOPIC_KEYS,
        NodeKind::Paper => PAPER_KEYS,
        NodeKind::Affiliation => AFFILIATION_KEYS,
        NodeKind::Authorship => AUTHORSHIP_KEYS,
    }
}

/// An object that a router can look up by one of its keys.
#[derive(Union)]
#[graphql(name = "_Entity")]
pub enum FederatedEntity {
    /// A researcher.
    Researcher(Researcher),
    /// An organization.
    Organization(Organization),
    /// A topic.
    Topic(Topic),
    /// A paper.
    Paper(Paper),
    /// An affiliation.
    Affiliation(Affiliation),
    /// An authorship.
    Authorship(Authorship),
}

/// The directory as a subgraph.
#[derive(SimpleObject)]
#[graphql(name = "_Service")]
pub struct Service {
    /// The SDL of the subgraph.
    sdl: &'static str,
}

/// Root fields for the router of a supergraph. They are not part of the published schema.
#[derive(Default)]
pub struct FederationQuery;

#[Object]
impl FederationQuery {
    /// Looks up the objects that these representations identify, in their order; null for each that does not exist.
    // For each type: by ID, the survivors of merged ones, and by other keys.
    #[graphql(name = "_entities", directive = Cost::apply(statements(3)))]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        representations: Vec<Any>,
    ) -> Result<Vec<Option<Result<FederatedEntity, Error>>>, Error> {
        let maximum = ctx.limits().representations;
        if representations.len() > maximum {
            let given = representations.len();
            let message = format!("representations has {given} entries; the limit is {maximum}: split the request");
            return Err(Error::limit_exceeded("representations", given, maximum, message));
        }
        // All at once, so that the loader batches them. The failure of one does not affect the others.
        let entities = representations.iter().map(async |Any(representation)| {
            let key = match representation_key(representation) {
                Ok(key) => key?,
                Err(error) => return Some(Err(error)),
            };
            load_entity(ctx, key).await.transpose()
        });
        Ok(join_all(entities).await)
    }

    /// The directory as a subgraph.
    #[graphql(name = "_service", directive = Cost::apply(FREE.rows(1_000)))]
    async fn service(&self) -> Service {
        static SDL: LazyLock<String> = LazyLock::new(crate::graphql::subgraph_sdl);
        Service { sdl: &SDL }
    }
}

/// Returns the type and the lookup key of a representation; `None` if nothing can match.
fn representation_key(representation: &Value) -> Result<Option<(NodeKind, LookupKey)>, Error> {
    let fields = match representation {
        Value::Object(fields) => fields,
        _ => return Err(Error::BadUserInput("a representation must be an object".to_owned())),
    };
    let type_name = match fields.get("__typename") {
        Some(Value::String(name)) => name.as_str(),
        _ => return Err(Error::BadUserInput("a representation needs the field __typename".to_owned())),
    };
    if type_name == ENTITY {
        let Some((_, id)) = first_key(ENTITY, &["id"], fields)? else { return Ok(None) };
        let id = id.parse::<GlobalId>().ok().filter(|id| is_entity(id.kind));
        return Ok(id.map(|id| (id.kind, LookupKey::Id(id.row_id))));
    }
    let Some(kind) = NodeKind::by_type_name(type_name) else {
        let type_name: String = type_name.chars().take(80).collect();
        return Err(Error::BadUserInput(format!("this subgraph has no entities of type {type_name}")));
    };
    let names: Vec<&str> = key_fields(kind).iter().map(|(name, _)| *name).collect();
    let Some((index, value)) = first_key(kind.type_name(), &names, fields)? else { return Ok(None) };
    let key = key_fields(kind).get(index).and_then(|(_, lookup_key)| lookup_key(value.to_owned()));
    Ok(key.map(|key| (kind, key)))
}

/// Returns the first key field that is not null, and its value; `None` if all that are given are null.
fn first_key<'a>(
    type_name: &str,
    names: &[&str],
    fields: &'a IndexMap<Name, Value>,
) -> Result<Option<(usize, &'a str)>, Error> {
    let mut has_key = false;
    for (index, name) in names.iter().enumerate() {
        match fields.get(*name) {
            None => {}
            Some(Value::Null) => has_key = true,
            Some(Value::String(value)) => return Ok(Some((index, value))),
            Some(_) => {
                return Err(Error::BadUserInput(format!("{name} of a representation of {type_name} must be a string")));
            }
        }
    }
    if has_key {
        return Ok(None);
    }
    let names = names.join(", ");
    Err(Error::BadUserInput(format!("a representation of {type_name} needs one of its keys: {names}")))
}

fn is_entity(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Researcher | NodeKind::Organization | NodeKind::Topic | NodeKind::Paper)
}

async fn load_entity(ctx: &Context<'_>, (kind, key): (NodeKind, LookupKey)) -> Result<Option<FederatedEntity>, Error> {
    Ok(match kind {
        NodeKind::Researcher => load(ctx, key).await?.map(FederatedEntity::Researcher),
        NodeKind::Organization => load(ctx, key).await?.map(FederatedEntity::Organization),
        NodeKind::Topic => load(ctx, key).await?.map(FederatedEntity::Topic),
        NodeKind::Paper => load(ctx, key).await?.map(FederatedEntity::Paper),
        NodeKind::Affiliation => load(ctx, key).await?.map(FederatedEntity::Affiliation),
        NodeKind::Authorship => load(ctx, key).await?.map(FederatedEntity::Authorship),
    })
}

/// Loads an object by a key. Keys requested concurrently are batched.
async fn load<T>(ctx: &Context<'_>, key: LookupKey) -> Result<Option<T>, Error>
where
    T: ProjectedType + From<Arc<T::Row>> + 'static,
    T::Row: LookupTable,
{
    let key = ByLookupKey::<T::Row>::with_columns(key, selected_columns::<T>(ctx));
    Ok(ctx.data_loader().load_one(key).await?.map(T::from))
}

/// Turns the SDL of the fields that a subgraph has into that of a subgraph.
pub(super) fn with_federation_directives(sdl: &str) -> String {
    let lines = sdl.lines().map(|line| match line.strip_suffix(" {").and_then(directives_of) {
        Some(directives) => line.replace(" {", &format!("{directives} {{")),
        None => line.to_owned(),
    });
    format!("{PREAMBLE}\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// Returns the directives of a type, by the line on which its definition begins.
fn directives_of(definition: &str) -> Option<String> {
    let mut words = definition.split_whitespace();
    let (keyword, name) = (words.next()?, words.next()?);
    let keys: Vec<&str> = match keyword {
        "interface" if name == ENTITY => vec!["id"],
        "type" => {
            let kind = NodeKind::by_type_name(name);
            kind.into_iter().flat_map(key_fields).map(|(name, _)| *name).collect()
        }
        _ => Vec::new(),
    };
    if SHAREABLE_TYPES.contains(&name) {
        return Some(" @shareable".to_owned());
    }
    Some(keys.iter().map(|key| format!(" @key(fields: \"{key}\")")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn key(representation: Json) -> Result<Option<String>, String> {
        let key = representation_key(&Value::from_json(representation).expect("a value"));
        key.map(|key| key.map(|key| format!("{key:?}"))).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_of_representations() {
        let id = GlobalId { kind: NodeKind::Paper, row_id: 7 }.to_string();
        for (representation, expected) in [
            (json!({ "__typename": "Researcher", "slug": " Ida " }), Some("(Researcher, Slug(\"ida\"))")),
            (json!({ "__typename": "Researcher", "orcid": null, "slug": "ida" }), Some("(Researcher, Slug(\"ida\"))")),
            (
                json!({ "__typename": "Researcher", "orcid": "https://orcid.org/0000-0002-1825-0097" }),
                Some("(Researcher, Column(Orcid, \"0000-0002-1825-0097\"))"),
            ),
            (
                json!({ "__typename": "Paper", "arxivId": "arXiv:2301.00001v2", "title": 1 }),
                Some("(Paper, Column(ArxivId, \"2301.00001\"))"),
            ),
            (json!({ "__typename": "Entity", "id": id }), Some("(Paper, Id(7))")),
            (json!({ "__typename": "Paper", "id": id }), Some("(Paper, Id(7))")),
            // Nothing can match.
            (json!({ "__typename": "Topic", "id": id }), None),
            (json!({ "__typename": "Entity", "id": "x" }), None),
            (json!({ "__typename": "Researcher", "orcid": null }), None),
            (json!({ "__typename": "Researcher", "orcid": "x" }), None),
            (json!({ "__typename": "Researcher", "slug": "\0" }), None),
        ] {
            assert_eq!(key(representation.clone()), Ok(expected.map(ToOwned::to_owned)), "{representation}");
        }
    }

    #[test]
    fn invalid_representations() {
        for (representation, message) in [
            (json!(3), "a representation must be an object"),
            (json!({ "id": "x" }), "a representation needs the field __typename"),
            (json!({ "__typename": "Person" }), "this subgraph has no entities of type Person"),
            (json!({ "__typename": "Topic" }), "a representation of Topic needs one of its keys: id, slug"),
            (json!({ "__typename": "Topic", "id": 3 }), "id of a representation of Topic must be a string"),
        ] {
            assert_eq!(key(representation), Err(message.to_owned()));
        }
    }

    #[test]
    fn directives_of_the_subgraph() {
        for (line, expected) in [
            ("type Topic implements Node & Entity", " @key(fields: \"id\") @key(fields: \"slug\")"),
            ("interface Entity implements Node", " @key(fields: \"id\")"),
            ("type PageInfo", " @shareable"),
            ("interface Node", ""),
            ("input Paper", ""),
        ] {
            assert_eq!(directives_of(line).as_deref(), Some(expected), "{line}");
        }
    }
}
