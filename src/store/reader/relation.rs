//! Unpaginated relations with few items, such as an organization's parents or an entity's identifiers.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::{organization, paper, topic};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnProjection, ColumnSet, column_projection};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::reader::page::is_gone;

/// Stands for the columns of the items in [`Relation::SQL`].
const COLUMNS: &str = "{columns}";

/// Relation from an entity to a few others.
pub trait Relation: Send + Sync + 'static {
    /// Related item.
    type Node: ColumnProjection + Send + Sync + 'static;
    /// Table or alias of the items in the query.
    const TABLE: &'static str;
    /// Query for the key of the parent and the `{columns}` of each item. Its only parameter is the array of parent ids.
    const SQL: &'static str;
    /// Name of the query in traces.
    const QUERY: &'static str;
    /// The type of the parent if it can be merged with others.
    const MERGEABLE_PARENT: Option<EntityType>;
}

/// Loader key of the related items of an entity.
pub struct RelationKey<R>(i64, PhantomData<fn() -> R>);

impl<R> RelationKey<R> {
    /// Key of the items related to the entity with this id.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self(id, PhantomData)
    }
}

// Derived implementations would require the same traits of `R`.
impl<R> Clone for RelationKey<R> {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}
impl<R> PartialEq for RelationKey<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<R> Eq for RelationKey<R> {}
impl<R> std::hash::Hash for RelationKey<R> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<R: Relation> LoaderKey for RelationKey<R> {
    const NAME: &'static str = R::QUERY;

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self::new(id_of(R::MERGEABLE_PARENT?, self.0)))
    }
}

impl<R: Relation> Loader<RelationKey<R>> for Store {
    type Value = Arc<Vec<Arc<R::Node>>>;

    async fn load(&self, keys: &[RelationKey<R>]) -> Result<HashMap<RelationKey<R>, Self::Value>, Error> {
        let ids = || bigint_array(keys.iter().map(|key| key.0));
        let text = R::SQL.replacen(COLUMNS, &R::Node::select_list(R::TABLE, ColumnSet::ALL), 1);
        let mut sql = sql!("SELECT item.parent_key, item FROM (").then_with(&text, ids()).then(") AS item");
        if let Some(kind) = R::MERGEABLE_PARENT {
            // A parent that is gone has a row without an item.
            sql = sql
                .then_with(" UNION ALL SELECT asked.id, NULL FROM unnest(?::bigint[])", ids())
                .then(" AS asked(id) WHERE ")
                .then(is_gone(kind, "asked.id"));
        }
        let mut items: HashMap<i64, Vec<Arc<R::Node>>> = keys.iter().map(|key| (key.0, Vec::new())).collect();
        for row in self.query_rows(RelationKey::<R>::NAME, sql).await? {
            match row.keyed_record()? {
                (parent, Some(mut item)) => {
                    let _parent: i64 = item.next_value()?;
                    let node = R::Node::from_columns(&mut item, ColumnSet::ALL)?;
                    items.entry(parent).or_default().push(Arc::new(node));
                }
                (parent, None) => drop(items.remove(&parent)),
            }
        }
        Ok(items.into_iter().map(|(id, nodes)| (RelationKey::new(id), Arc::new(nodes))).collect())
    }
}

macro_rules! relation {
    ($(#[$doc:meta])* $name:ident, $parent:expr, $node:ty, $table:literal, $query:expr, $sql:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Relation for $name {
            type Node = $node;
            const TABLE: &'static str = $table;
            const SQL: &'static str = $sql;
            const QUERY: &'static str = $query;
            const MERGEABLE_PARENT: Option<EntityType> = $parent;
        }
    };
}

relation!(
    /// Parent organizations.
    OrganizationParents,
    Some(EntityType::Organization),
    organization::Model,
    "organization",
    "organization::parents",
    "SELECT organization_parent.child_id AS parent_key, {columns} FROM organization_parent \
     JOIN organization ON organization.id = organization_parent.parent_id \
     WHERE organization_parent.child_id = ANY(?) ORDER BY organization.id"
);
relation!(
    /// Ancestor organizations, nearest first.
    OrganizationAncestors,
    Some(EntityType::Organization),
    organization::Model,
    "organization",
    "organization::ancestors",
    "WITH RECURSIVE above(key, id, distance) AS (\
     SELECT child_id, parent_id, 1 FROM organization_parent WHERE child_id = ANY(?) \
     UNION ALL SELECT above.key, organization_parent.parent_id, above.distance + 1 FROM above \
     JOIN organization_parent ON organization_parent.child_id = above.id) CYCLE id SET is_cycle USING path \
     SELECT nearest.key AS parent_key, {columns} FROM (SELECT key, id, min(distance) AS distance FROM above \
     WHERE NOT is_cycle AND id <> key GROUP BY key, id) AS nearest JOIN organization ON organization.id = nearest.id \
     ORDER BY nearest.distance, organization.id"
);
relation!(
    /// Predecessors of an organization.
    OrganizationPredecessors,
    Some(EntityType::Organization),
    organization::Model,
    "organization",
    "organization::predecessors",
    "SELECT organization_succession.successor_id AS parent_key, {columns} FROM organization_succession \
     JOIN organization ON organization.id = organization_succession.predecessor_id \
     WHERE organization_succession.successor_id = ANY(?) ORDER BY organization.id"
);
relation!(
    /// Successors of an organization.
    OrganizationSuccessors,
    Some(EntityType::Organization),
    organization::Model,
    "organization",
    "organization::successors",
    "SELECT organization_succession.predecessor_id AS parent_key, {columns} FROM organization_succession \
     JOIN organization ON organization.id = organization_succession.successor_id \
     WHERE organization_succession.predecessor_id = ANY(?) ORDER BY organization.id"
);
relation!(
    /// Broader topics.
    TopicBroader,
    None,
    topic::Model,
    "topic",
    "topic::broader",
    "SELECT topic_broader.topic_id AS parent_key, {columns} FROM topic_broader \
     JOIN topic ON topic.id = topic_broader.broader_id WHERE topic_broader.topic_id = ANY(?) ORDER BY topic.id"
);
relation!(
    /// Organizations matched to an author's affiliations as published.
    AuthorshipOrganizations,
    None,
    organization::Model,
    "organization",
    "authorship::organizations",
    "SELECT authorship_organization.authorship_id AS parent_key, {columns} FROM authorship_organization \
     JOIN organization ON organization.id = authorship_organization.organization_id \
     WHERE authorship_organization.authorship_id = ANY(?) ORDER BY organization.id"
);

relation!(
    /// Other versions of a version of record, latest first.
    PaperVersions,
    None,
    paper::Model,
    "paper",
    "paper::versions",
    "SELECT paper.version_of_id AS parent_key, {columns} FROM paper WHERE paper.version_of_id = ANY(?) \
     ORDER BY paper.publication_key DESC, paper.id"
);

/// Identifier of another scheme.
#[derive(Clone, Debug)]
pub struct ExternalId {
    /// Scheme.
    pub scheme: String,
    /// Identifier.
    pub value: String,
}

column_projection!(ExternalId { | scheme, value });

/// Id of a merged entity.
#[derive(Clone, Debug)]
pub struct PreviousId {
    /// Numeric id.
    pub former_id: i64,
}

column_projection!(PreviousId { | former_id });

macro_rules! identity_relations {
    ($identifiers:ident, $previous_ids:ident, $table:literal, $parent:expr) => {
        relation!(
            /// External identifiers.
            $identifiers,
            $parent,
            ExternalId,
            "external_id",
            concat!($table, "::external_ids"),
            concat!(
                "SELECT ", $table, "_id AS parent_key, {columns} FROM external_id WHERE ", $table,
                "_id = ANY(?) ORDER BY scheme, value"
            )
        );
        relation!(
            /// Ids of entities merged into it.
            $previous_ids,
            $parent,
            PreviousId,
            "former_identity",
            concat!($table, "::previous_ids"),
            concat!(
                "SELECT survivor_id AS parent_key, {columns} FROM former_identity WHERE kind = '", $table,
                "' AND survivor_id = ANY(?) ORDER BY former_id"
            )
        );
    };
}

identity_relations!(ResearcherIdentifiers, ResearcherPreviousIds, "researcher", Some(EntityType::Researcher));
identity_relations!(OrganizationIdentifiers, OrganizationPreviousIds, "organization", Some(EntityType::Organization));
identity_relations!(TopicIdentifiers, TopicPreviousIds, "topic", None);
identity_relations!(PaperIdentifiers, PaperPreviousIds, "paper", None);
