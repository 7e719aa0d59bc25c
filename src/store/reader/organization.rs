//! Organization lists, filters and orders, and descendants of organizations.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::entity::organization;
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::LanguagePreferences;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::label_order;
use crate::store::reader::lookup::is_any_of_ids;
use crate::store::reader::page::{
    List, ListSource, MergePartitions, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns,
};
use crate::store::reader::search;
use crate::text::tokenizer::SearchTerms;

/// Returns a query for the ids that `roots` selects and, if requested, their descendants. Terminates on cycles in the
/// data.
pub(crate) fn with_descendants(roots: Sql, include_descendants: bool) -> Sql {
    if !include_descendants {
        return roots;
    }
    sql!("WITH RECURSIVE below(id) AS (").then(roots).then(
        " UNION SELECT organization_parent.child_id FROM organization_parent \
         JOIN below ON below.id = organization_parent.parent_id) SELECT below.id FROM below",
    )
}

/// Filter on organizations. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrganizationFilter {
    /// Organization is any of these.
    pub ids: Option<Vec<i64>>,
    /// Organization has any of these ROR ids.
    pub rors: Option<Vec<String>>,
    /// Organization is of any of these ROR types.
    pub types: Option<Vec<String>>,
    /// Organization has any of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Organization is in any of these countries.
    pub country_codes: Option<Vec<String>>,
    /// A name of the organization matches this search.
    pub query: Option<SearchTerms>,
    /// Organization was updated at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
}

impl OrganizationFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(ids) = &self.ids {
            conditions.push(is_any_of_ids::<organization::Model>("organization.id", ids));
        }
        if let Some(rors) = &self.rors {
            conditions.push(organization::COLUMN.ror.eq_any(rors.clone()).into());
        }
        if let Some(types) = &self.types {
            conditions.push(organization::COLUMN.types.overlap(types.clone()).into());
        }
        if let Some(statuses) = &self.statuses {
            conditions.push(organization::COLUMN.status.eq_any(statuses.clone()).into());
        }
        if let Some(countries) = &self.country_codes {
            conditions.push(organization::COLUMN.country_code.eq_any(countries.clone()).into());
        }
        conditions.extend(self.query.as_ref().map(|query| search::matches_query(EntityType::Organization, query)));
        if let Some(since) = self.updated_since {
            conditions.push(organization::COLUMN.updated_at.gte(since).into());
        }
        conditions
    }
}

/// Sort fields of organizations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationOrder {
    /// Name in the best match of these languages.
    Name(LanguagePreferences),
    /// Number of current researchers, descendants included, as last computed.
    ResearcherCount,
    /// Time of the last update.
    UpdatedAt,
    /// Relevance to the filter's query.
    Relevance,
}

/// List of organizations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Organizations {
    /// Whether only the children of the parent are listed.
    pub is_limited_to_children: bool,
    /// Filter on the organizations.
    pub filter: OrganizationFilter,
    /// Sort field.
    pub order: OrganizationOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl List for Organizations {
    type Node = organization::Model;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "organizations::page";
    const COUNT_QUERY: &'static str = "organizations::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        self.is_limited_to_children.then_some(EntityType::Organization)
    }

    fn source(&self, _: &Store) -> ListSource {
        let mut from = sql!("organization");
        let mut conditions = self.filter.conditions();
        if self.is_limited_to_children {
            from = from.then(" JOIN organization_parent ON organization_parent.child_id = organization.id");
            conditions.push("organization_parent.parent_id = parent.key".into());
        }
        // Both keys come from one table, so that one index has both.
        let keys = match &self.order {
            OrganizationOrder::Name(_) => {
                vec![label_order::label_sort_key(), label_order::label_id_key(EntityType::Organization)]
            }
            OrganizationOrder::ResearcherCount => {
                from = from
                    .then(" JOIN organization_statistics ON organization_statistics.organization_id = organization.id");
                vec![
                    SortKey::new("organization_statistics.researcher_count", SortKeyType::Integer),
                    SortKey::new("organization_statistics.organization_id", SortKeyType::Integer),
                ]
            }
            OrganizationOrder::UpdatedAt => vec![
                SortKey::new("organization.updated_at", SortKeyType::Timestamp),
                SortKey::new("organization.id", SortKeyType::Integer),
            ],
            OrganizationOrder::Relevance => {
                from = from.then(search::relevance_join(EntityType::Organization, self.filter.query.as_ref()));
                vec![search::relevance_key(), SortKey::new("organization.id", SortKeyType::Integer)]
            }
        };
        ListSource {
            node_alias: "organization",
            edge_columns: no_edge_columns,
            from,
            conditions,
            sort_keys: keys,
            direction: self.direction,
        }
    }

    fn merge_partitions(&self) -> Option<MergePartitions> {
        match &self.order {
            OrganizationOrder::Name(languages) => {
                Some(label_order::label_partitions(EntityType::Organization, "organization.id", languages))
            }
            OrganizationOrder::ResearcherCount | OrganizationOrder::UpdatedAt | OrganizationOrder::Relevance => None,
        }
    }
}

/// Loader key of the counts of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrganizationStatisticsKey(pub i64);

/// The counts of an organization, as last computed.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct OrganizationStatistics {
    /// Row id of the organization.
    pub organization_id: i64,
    /// Current researchers, with those of descendants.
    pub researcher_count: i32,
}

impl LoaderKey for OrganizationStatisticsKey {
    const NAME: &'static str = "organization::statistics";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self(id_of(EntityType::Organization, self.0)))
    }
}

impl Loader<OrganizationStatisticsKey> for Store {
    type Value = OrganizationStatistics;

    async fn load(
        &self,
        keys: &[OrganizationStatisticsKey],
    ) -> Result<HashMap<OrganizationStatisticsKey, Self::Value>, Error> {
        let sql = sql!(
            "SELECT organization_id, researcher_count FROM organization_statistics WHERE organization_id = ANY(?)",
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<OrganizationStatistics>(OrganizationStatisticsKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (OrganizationStatisticsKey(row.organization_id), row)).collect())
    }
}
