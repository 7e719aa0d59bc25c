//! Short lists that need no pages: an organization's parents, a thing's identifiers and the like.

use std::any::type_name;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use sea_orm::FromQueryResult;

use crate::entity::organization;
use crate::entity::paper;
use crate::entity::topic;
use crate::error::Error;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::{Keyed, Store, grouped};

/// A relation from one thing to a few others.
pub trait Relation: Send + Sync + 'static {
    /// The others.
    type Node: FromQueryResult + Send + Sync + 'static;
    /// A statement that gives the nodes of each `parent_key`; its one parameter is the array of the parents' ids.
    const SQL: &'static str;
}

/// Asks for what stands in a relation to a thing.
pub struct RelatedTo<R>(i64, PhantomData<fn() -> R>);

impl<R> RelatedTo<R> {
    /// What stands in the relation to the thing with this id.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self(id, PhantomData)
    }
}

// Derived, these would ask the same of R.
impl<R> Clone for RelatedTo<R> {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}
impl<R> PartialEq for RelatedTo<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<R> Eq for RelatedTo<R> {}
impl<R> std::hash::Hash for RelatedTo<R> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<R: Relation> Loader<RelatedTo<R>> for Store {
    type Value = Arc<Vec<Arc<R::Node>>>;

    async fn load(&self, keys: &[RelatedTo<R>]) -> Result<HashMap<RelatedTo<R>, Self::Value>, Error> {
        let sql = Sql::with(R::SQL, ids(keys.iter().map(|key| key.0)));
        let groups = grouped(self.rows::<Keyed<R::Node>>(type_name::<RelatedTo<R>>(), sql).await?);
        let shared = |nodes: Vec<R::Node>| Arc::new(nodes.into_iter().map(Arc::new).collect());
        Ok(groups.into_iter().map(|(id, nodes)| (RelatedTo::new(id), shared(nodes))).collect())
    }
}

macro_rules! relation {
    ($(#[$meaning:meta])* $name:ident, $node:ty, $sql:expr) => {
        $(#[$meaning])*
        pub struct $name;

        impl Relation for $name {
            type Node = $node;
            const SQL: &'static str = $sql;
        }
    };
}

relation!(
    /// The organizations directly above.
    OrganizationParents,
    organization::Model,
    "SELECT organization_parent.child_id AS parent_key, organization.* FROM organization_parent \
     JOIN organization ON organization.id = organization_parent.parent_id \
     WHERE organization_parent.child_id = ANY(?) ORDER BY organization.id"
);
relation!(
    /// All organizations above, nearest first.
    OrganizationAncestors,
    organization::Model,
    "WITH RECURSIVE above(key, id, distance) AS (\
     SELECT child_id, parent_id, 1 FROM organization_parent WHERE child_id = ANY(?) \
     UNION ALL SELECT above.key, organization_parent.parent_id, above.distance + 1 FROM above \
     JOIN organization_parent ON organization_parent.child_id = above.id) CYCLE id SET is_cycle USING path \
     SELECT nearest.key AS parent_key, organization.* FROM (SELECT key, id, min(distance) AS distance FROM above \
     WHERE NOT is_cycle AND id <> key GROUP BY key, id) AS nearest JOIN organization ON organization.id = nearest.id \
     ORDER BY nearest.distance, organization.id"
);
relation!(
    /// The organizations that came before.
    OrganizationPredecessors,
    organization::Model,
    "SELECT organization_succession.successor_id AS parent_key, organization.* FROM organization_succession \
     JOIN organization ON organization.id = organization_succession.predecessor_id \
     WHERE organization_succession.successor_id = ANY(?) ORDER BY organization.id"
);
relation!(
    /// The organizations that came after.
    OrganizationSuccessors,
    organization::Model,
    "SELECT organization_succession.predecessor_id AS parent_key, organization.* FROM organization_succession \
     JOIN organization ON organization.id = organization_succession.successor_id \
     WHERE organization_succession.predecessor_id = ANY(?) ORDER BY organization.id"
);
relation!(
    /// The topics directly above.
    TopicBroader,
    topic::Model,
    "SELECT topic_broader.topic_id AS parent_key, topic.* FROM topic_broader \
     JOIN topic ON topic.id = topic_broader.broader_id WHERE topic_broader.topic_id = ANY(?) ORDER BY topic.id"
);
relation!(
    /// The organizations that an author's printed affiliations were matched to.
    AuthorshipOrganizations,
    organization::Model,
    "SELECT authorship_organization.authorship_id AS parent_key, organization.* FROM authorship_organization \
     JOIN organization ON organization.id = authorship_organization.organization_id \
     WHERE authorship_organization.authorship_id = ANY(?) ORDER BY organization.id"
);

relation!(
    /// The papers of which this is the version of record, latest first.
    PaperVersions,
    paper::Model,
    "SELECT paper.version_of_id AS parent_key, paper.* FROM paper WHERE paper.version_of_id = ANY(?) \
     ORDER BY paper.publication_key DESC, paper.id"
);

/// An id of another scheme.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ExternalId {
    /// The scheme.
    pub scheme: String,
    /// The id.
    pub value: String,
}

/// The id of something that was merged.
#[derive(Clone, Debug, FromQueryResult)]
pub struct FormerId {
    /// Its number.
    pub former_id: i64,
}

macro_rules! identity {
    ($identifiers:ident, $former:ident, $table:literal) => {
        relation!(
            /// The ids that others gave it.
            $identifiers,
            ExternalId,
            concat!(
                "SELECT ", $table, "_id AS parent_key, scheme, value FROM external_id WHERE ", $table,
                "_id = ANY(?) ORDER BY scheme, value"
            )
        );
        relation!(
            /// The ids of what was merged into it.
            $former,
            FormerId,
            concat!(
                "SELECT survivor_id AS parent_key, former_id FROM former_identity WHERE kind = '", $table,
                "' AND survivor_id = ANY(?) ORDER BY former_id"
            )
        );
    };
}

identity!(ResearcherIdentifiers, ResearcherFormerIds, "researcher");
identity!(OrganizationIdentifiers, OrganizationFormerIds, "organization");
identity!(TopicIdentifiers, TopicFormerIds, "topic");
identity!(PaperIdentifiers, PaperFormerIds, "paper");
