//! Coauthor networks: the closest coauthors of a researcher, or the people of an organization who write papers together, and
//! the pairs of coauthors among them. Two SQL queries, however many networks.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::entity::researcher;
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnProjection as _, ColumnSet};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::reader::affiliation::AffiliationFilter;
use crate::store::reader::coauthorship::{COUNT_WORKS, CoauthorFilter, CoauthorOrder, Coauthors};
use crate::store::reader::lookup::is_any_of_ids;
use crate::store::reader::organization::with_descendants;
use crate::store::reader::page::parent_is_gone;
use crate::store::reader::page::{List as _, SortDirection};

/// Whose network it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkScope {
    /// A researcher, who is not a member: the members are the coauthors.
    Researcher,
    /// An organization: the members are its people who wrote papers together.
    Organization,
}

impl NetworkScope {
    fn parent(self) -> EntityType {
        match self {
            Self::Researcher => EntityType::Researcher,
            Self::Organization => EntityType::Organization,
        }
    }
}

/// Loader key of the network of a researcher or an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CoauthorNetworkKey {
    /// Whose network it is.
    pub scope: NetworkScope,
    /// Id of the researcher or organization.
    pub parent_id: i64,
    /// Filter on the members, and on the papers that count. `min_paper_count` also applies to the pairs.
    pub filter: Arc<CoauthorFilter>,
    /// Maximum number of members.
    pub size: u32,
    /// Columns of the members to read.
    pub columns: ColumnSet,
    /// Whether to read the pairs among the members.
    pub has_links: bool,
    /// Whether to count those who are not among the members.
    pub has_total: bool,
}

/// Network of coauthors.
#[derive(Debug, Default)]
pub struct CoauthorNetwork {
    /// Members, those with the most joint works first.
    pub members: Vec<NetworkMember>,
    /// Pairs of members with joint works, by the positions of the members.
    pub links: Vec<NetworkLink>,
    /// Number of all who match the filter, members included; 0 if it was not requested.
    pub total: i64,
}

/// Member of a network.
#[derive(Debug)]
pub struct NetworkMember {
    /// Researcher.
    pub researcher: Arc<researcher::Model>,
    /// Number of joint works: with the researcher whose network it is, or with other people of the organization.
    pub paper_count: i32,
    /// Year of the last of them; 0 if no year is known.
    pub last_year: i32,
}

/// Two members who wrote works together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkLink {
    /// Position of one member.
    pub from: usize,
    /// Position of the other member, which is greater.
    pub to: usize,
    /// Number of joint works.
    pub paper_count: i32,
    /// Year of the last of them; 0 if no year is known.
    pub last_year: i32,
}

impl LoaderKey for CoauthorNetworkKey {
    const NAME: &'static str = "coauthor_network::members";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self { parent_id: id_of(self.scope.parent(), self.parent_id), ..self.clone() })
    }
}

const LINKS_QUERY: &str = "coauthor_network::links";

impl Loader<CoauthorNetworkKey> for Store {
    type Value = Arc<CoauthorNetwork>;

    async fn load(&self, keys: &[CoauthorNetworkKey]) -> Result<HashMap<CoauthorNetworkKey, Self::Value>, Error> {
        let mut groups: HashMap<_, Vec<&CoauthorNetworkKey>> = HashMap::new();
        for key in keys {
            groups.entry((key.scope, &key.filter, key.size)).or_default().push(key);
        }
        let networks = try_join_all(groups.into_values().map(async |keys| {
            let mut networks = self.load_members(&keys).await?;
            if keys.iter().any(|key| key.has_links) {
                self.load_links(&keys, &mut networks).await?;
            }
            let networks: HashMap<i64, Arc<CoauthorNetwork>> =
                networks.into_iter().map(|(parent, network)| (parent, Arc::new(network))).collect();
            let by_key = |key: &&CoauthorNetworkKey| Some(((*key).clone(), Arc::clone(networks.get(&key.parent_id)?)));
            Ok::<_, Error>(keys.iter().filter_map(by_key).collect::<Vec<_>>())
        }));
        Ok(networks.await?.into_iter().flatten().collect())
    }
}

impl Store {
    /// Reads the members of networks that have the same scope, filter and size.
    async fn load_members(&self, keys: &[&CoauthorNetworkKey]) -> Result<HashMap<i64, CoauthorNetwork>, Error> {
        let mut networks: HashMap<i64, CoauthorNetwork> =
            keys.iter().map(|key| (key.parent_id, CoauthorNetwork::default())).collect();
        let Some(first) = keys.first() else { return Ok(networks) };
        let columns = keys.iter().fold(ColumnSet::NONE, |all, key| all.union(key.columns));
        let total = if keys.iter().any(|key| key.has_total) { "count(*) OVER ()" } else { "0::bigint" };
        let (order, source) = match first.scope {
            NetworkScope::Researcher => ("pair.coauthor_id", self.coauthors_sql(&first.filter)),
            NetworkScope::Organization => ("pair.researcher_id", self.colleagues_sql(&first.filter)),
        };
        let columns_sql = researcher::Model::select_list("researcher", columns);
        let sql = sql!(
            "SELECT parent.key AS parent_key, member.* FROM (SELECT key, 0::bigint AS other FROM unnest(?::bigint[]) \
             AS each(key)) AS parent LEFT JOIN LATERAL (",
            bigint_array(keys.iter().map(|key| key.parent_id)),
        )
        .then(source.with)
        .then(format!("SELECT true AS found, {total} AS total, pair.paper_count, pair.last_year, {columns_sql} FROM "))
        .then(source.from)
        .then(" WHERE ")
        .then(Sql::all(source.conditions))
        .then(format!(" ORDER BY pair.paper_count DESC, {order} DESC"))
        .then(sql!(" LIMIT ?) AS member ON true WHERE member.found OR ", i64::from(first.size)))
        .then(parent_is_gone(first.scope.parent()));
        let sql = if first.scope == NetworkScope::Organization { sql.counting_many_rows() } else { sql };
        for row in &self.query_rows(CoauthorNetworkKey::NAME, sql).await? {
            let mut cursor = row.columns()?;
            let parent: i64 = cursor.next_value()?;
            if cursor.next_value::<Option<bool>>()?.is_none() {
                networks.remove(&parent);
                continue;
            }
            let network = networks.entry(parent).or_default();
            network.total = cursor.next_value()?;
            let (paper_count, last_year) = (cursor.next_value()?, cursor.next_value()?);
            let researcher = Arc::new(researcher::Model::from_columns(&mut cursor, columns)?);
            network.members.push(NetworkMember { researcher, paper_count, last_year });
        }
        Ok(networks)
    }

    /// The coauthors of `parent.key`.
    fn coauthors_sql(&self, filter: &CoauthorFilter) -> MembersSql {
        let order = CoauthorOrder::PaperCount;
        let list = Coauthors { filter: filter.clone(), order, direction: SortDirection::Descending };
        let source = list.source(self);
        MembersSql { with: Sql::default(), from: source.from, conditions: source.conditions }
    }

    /// The people of the organization `parent.key` who wrote papers with others of them. A paper counts if at least two of
    /// them are its authors.
    fn colleagues_sql(&self, filter: &CoauthorFilter) -> MembersSql {
        let belongs = AffiliationFilter::default();
        let organizations = with_descendants("SELECT parent.key".into(), belongs.include_descendants);
        let mut people = belongs.for_researchers().conditions();
        people.push(Sql::in_subquery("affiliation.organization_id", organizations));
        if let Some(researchers) = &filter.ids {
            people.push(is_any_of_ids::<researcher::Model>("affiliation.researcher_id", researchers));
        }
        if let Some(affiliation) = &filter.affiliation {
            people.push(affiliation.is_held_by("affiliation.researcher_id", None));
        }
        let with = sql!(
            "WITH colleague AS MATERIALIZED (SELECT DISTINCT affiliation.researcher_id AS id FROM affiliation WHERE "
        )
        .then(Sql::all(people))
        .then(
            "), own AS MATERIALIZED (SELECT authorship.researcher_id, paper.id AS paper_id, \
             coalesce(paper.version_of_id, paper.id) AS work_id, paper.publication_year FROM colleague \
             JOIN authorship ON authorship.researcher_id = colleague.id JOIN paper ON paper.id = authorship.paper_id \
             WHERE ",
        )
        .then(Sql::all(filter.paper_conditions(self)))
        .then(
            "), joint AS (SELECT own.paper_id FROM own GROUP BY own.paper_id \
             HAVING min(own.researcher_id) < max(own.researcher_id)) ",
        );
        let from = "(SELECT own.researcher_id, count(DISTINCT own.work_id)::integer AS paper_count, \
             coalesce(max(own.publication_year), 0) AS last_year FROM own JOIN joint ON joint.paper_id = own.paper_id \
             GROUP BY own.researcher_id) AS pair JOIN researcher ON researcher.id = pair.researcher_id";
        let conditions = filter.min_paper_count.map(|min_papers| sql!("pair.paper_count >= ?", min_papers));
        MembersSql { with, from: from.into(), conditions: conditions.into_iter().collect() }
    }

    /// Reads the pairs among the members of each network.
    async fn load_links(
        &self,
        keys: &[&CoauthorNetworkKey],
        networks: &mut HashMap<i64, CoauthorNetwork>,
    ) -> Result<(), Error> {
        let Some(filter) = keys.first().map(|key| &key.filter) else { return Ok(()) };
        let positions: HashMap<i64, HashMap<i64, usize>> = networks
            .iter()
            .filter(|(_, network)| network.members.len() > 1)
            .map(|(parent, network)| {
                let ids = network.members.iter().map(|member| member.researcher.id);
                (*parent, ids.enumerate().map(|(position, id)| (id, position)).collect())
            })
            .collect();
        if positions.is_empty() {
            return Ok(());
        }
        let members = positions.values().map(|members| {
            let ids: Vec<String> = members.keys().map(i64::to_string).collect();
            format!("{{{}}}", ids.join(","))
        });
        let sql = sql!(
            "SELECT parent.key, link.* FROM unnest(?::bigint[], ?::text[]) AS parent(key, members) CROSS JOIN LATERAL (",
            bigint_array(positions.keys().copied()),
            text_array(members),
        )
        .then(self.pairs_sql(filter))
        .then(") AS link");
        for row in &self.query_rows(LINKS_QUERY, sql).await? {
            let mut cursor = row.columns()?;
            let parent: i64 = cursor.next_value()?;
            let pair: (i64, i64) = (cursor.next_value()?, cursor.next_value()?);
            let (paper_count, last_year) = (cursor.next_value()?, cursor.next_value()?);
            let position = |id: i64| positions.get(&parent)?.get(&id).copied();
            let ends = position(pair.0).zip(position(pair.1));
            if let (Some((one, other)), Some(network)) = (ends, networks.get_mut(&parent)) {
                let (from, to) = (one.min(other), one.max(other));
                network.links.push(NetworkLink { from, to, paper_count, last_year });
            }
        }
        for network in networks.values_mut() {
            network.links.sort_unstable_by_key(|link| (link.from, link.to));
        }
        Ok(())
    }

    /// The pairs among `parent.members`, each once.
    fn pairs_sql(&self, filter: &CoauthorFilter) -> Sql {
        let min_papers = filter.min_paper_count.unwrap_or_default();
        if filter.uses_stored_pairs() {
            return sql!(
                "SELECT pair.researcher_id, pair.coauthor_id, pair.paper_count, pair.last_year FROM coauthorship AS pair \
                 WHERE pair.researcher_id = ANY(parent.members::bigint[]) \
                 AND pair.coauthor_id = ANY(parent.members::bigint[]) AND pair.researcher_id < pair.coauthor_id \
                 AND pair.paper_count >= ?",
                min_papers,
            );
        }
        sql!("SELECT mine.researcher_id, theirs.researcher_id AS coauthor_id, ")
            .then(COUNT_WORKS)
            .then(
                "::integer AS paper_count, coalesce(max(paper.publication_year), 0) AS last_year FROM authorship AS mine \
                 JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id \
                 AND theirs.researcher_id > mine.researcher_id \
                 WHERE mine.researcher_id = ANY(parent.members::bigint[]) \
                 AND theirs.researcher_id = ANY(parent.members::bigint[]) AND ",
            )
            .then(Sql::all(filter.paper_conditions(self)))
            .then(" GROUP BY mine.researcher_id, theirs.researcher_id HAVING ")
            .then(COUNT_WORKS)
            .then(sql!(" >= ?", min_papers))
    }
}

/// Where the members of a network come from: rows of `pair`, each with its `researcher`.
struct MembersSql {
    with: Sql,
    from: Sql,
    conditions: Vec<Sql>,
}
