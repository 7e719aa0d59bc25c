//! Affiliation lists, filters and orders, and the employment shown in a researcher's headline.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ColumnTrait as _, FromQueryResult};

use crate::entity::{affiliation, researcher};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::{LanguagePreferences, LocalizedText};
use crate::model::record::AffiliationKind;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::KeyedRow;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::lookup::{is_any_of_ids, resolve_merged_ids};
use crate::store::reader::page::{
    List, ListSource, MergePartitions, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns,
};
use crate::store::reader::{label_order, organization};

/// Filter on affiliations. Conditions are combined with AND; `None` imposes no condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AffiliationFilter {
    /// Affiliation is of any of these kinds.
    pub kinds: Option<Vec<AffiliationKind>>,
    /// Affiliation is at any of these organizations.
    pub organization_ids: Option<Vec<i64>>,
    /// Whether `organization_ids` includes the descendants of these organizations.
    pub include_descendants: bool,
    /// Affiliation belongs to any of these researchers.
    pub researcher_ids: Option<Vec<i64>>,
    /// Affiliation is held on this day.
    pub as_of: Option<NaiveDate>,
    /// Affiliation is (`true`) or is not (`false`) held today.
    pub is_current: Option<bool>,
    /// Affiliation was updated at or after this time.
    pub updated_since: Option<DateTime<Utc>>,
}

impl Default for AffiliationFilter {
    fn default() -> Self {
        Self {
            kinds: None,
            organization_ids: None,
            include_descendants: true,
            researcher_ids: None,
            as_of: None,
            is_current: None,
            updated_since: None,
        }
    }
}

const IS_CURRENT: &str = "affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE";

impl AffiliationFilter {
    /// Returns the conditions on a row of `affiliation`.
    pub(crate) fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(kinds) = &self.kinds {
            conditions.push(affiliation::Column::Kind.eq_any(kinds.iter().copied()).into());
        }
        if let Some(organizations) = &self.organization_ids {
            let roots = resolve_merged_ids::<crate::entity::organization::Model>(organizations);
            let organization_ids = organization::with_descendants(roots, self.include_descendants);
            conditions.push(Sql::in_subquery("affiliation.organization_id", organization_ids));
        }
        if let Some(researchers) = &self.researcher_ids {
            conditions.push(is_any_of_ids::<researcher::Model>("affiliation.researcher_id", researchers));
        }
        if let Some(day) = self.as_of {
            conditions.push(sql!("affiliation.starts_on <= ? AND affiliation.ends_on >= ?", day, day));
        }
        match self.is_current {
            Some(true) => conditions.push(IS_CURRENT.into()),
            Some(false) => conditions.push(sql!("NOT (").then(IS_CURRENT).then(")")),
            None => {}
        }
        if let Some(since) = self.updated_since {
            conditions.push(affiliation::COLUMN.updated_at.gte(since).into());
        }
        conditions
    }

    /// Returns the filter as applied to researchers. Unless set, `kinds` defaults to employment, membership and invited
    /// position, and `is_current` to `true`.
    #[must_use]
    pub fn for_researchers(&self) -> Self {
        let mut filter = self.clone();
        filter.kinds.get_or_insert_with(|| {
            vec![AffiliationKind::Employment, AffiliationKind::Membership, AffiliationKind::InvitedPosition]
        });
        if filter.as_of.is_none() && filter.is_current.is_none() {
            filter.is_current = Some(true);
        }
        filter
    }

    /// Returns the condition that a column is the id of a researcher with an affiliation that
    /// [`Self::for_researchers`] selects, at one of the organizations of a query if there is one.
    pub(crate) fn is_held_by(&self, researcher_id: &str, organization_ids: Option<Sql>) -> Sql {
        let mut conditions = self.for_researchers().conditions();
        conditions.extend(organization_ids.map(|ids| Sql::in_subquery("affiliation.organization_id", ids)));
        Sql::from(researcher_id)
            .then(" IN (SELECT affiliation.researcher_id FROM affiliation WHERE ")
            .then(Sql::all(conditions))
            .then(")")
    }
}

/// Sort fields of affiliations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AffiliationOrder {
    /// Primary first, then current, then by start date. No index covers it: only for the affiliations of one researcher
    /// or organization.
    Importance,
    /// Start date; unknown dates sort as the earliest.
    StartDate,
    /// Name of the organization in the best match of these languages.
    OrganizationName(LanguagePreferences),
    /// Sort name of the researcher.
    ResearcherName,
    /// Time of the last update.
    UpdatedAt,
}

/// Which affiliations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AffiliationScope {
    /// All affiliations.
    All,
    /// Affiliations of the parent, a researcher.
    Researcher,
    /// Affiliations at the parent, an organization.
    Organization,
}

/// List of affiliations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Affiliations {
    /// Which affiliations are listed.
    pub scope: AffiliationScope,
    /// Filter on the affiliations.
    pub filter: AffiliationFilter,
    /// Sort field.
    pub order: AffiliationOrder,
    /// Sort direction.
    pub direction: SortDirection,
}

impl List for Affiliations {
    type Node = affiliation::Model;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "affiliations::page";
    const COUNT_QUERY: &'static str = "affiliations::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        match self.scope {
            AffiliationScope::All => None,
            AffiliationScope::Researcher => Some(EntityType::Researcher),
            AffiliationScope::Organization => Some(EntityType::Organization),
        }
    }

    fn is_batchable(&self, _: usize) -> bool {
        self.scope == AffiliationScope::Researcher
    }

    fn source(&self, _: &Store) -> ListSource {
        let mut from = sql!("affiliation");
        let mut conditions = self.filter.conditions();
        match self.scope {
            AffiliationScope::All => {}
            AffiliationScope::Researcher => conditions.push("affiliation.researcher_id = parent.key".into()),
            AffiliationScope::Organization => conditions.push("affiliation.organization_id = parent.key".into()),
        }
        let mut keys = match &self.order {
            AffiliationOrder::Importance => vec![
                SortKey::new("affiliation.is_primary", SortKeyType::Boolean),
                SortKey::new(format!("({IS_CURRENT})"), SortKeyType::Boolean),
                SortKey::new("affiliation.starts_on", SortKeyType::Date),
            ],
            AffiliationOrder::StartDate => vec![SortKey::new("affiliation.starts_on", SortKeyType::Date)],
            AffiliationOrder::OrganizationName(_) => vec![label_order::label_sort_key().ending_index()],
            AffiliationOrder::ResearcherName => {
                from = from.then(" JOIN researcher ON researcher.id = affiliation.researcher_id");
                vec![SortKey::new("researcher.sort_name", SortKeyType::Text).ending_index()]
            }
            AffiliationOrder::UpdatedAt => vec![SortKey::new("affiliation.updated_at", SortKeyType::Timestamp)],
        };
        keys.push(SortKey::new("affiliation.id", SortKeyType::Integer));
        ListSource {
            node_alias: "affiliation",
            edge_columns: no_edge_columns,
            from,
            conditions,
            sort_keys: keys,
            direction: self.direction,
        }
    }

    fn merge_partitions(&self) -> Option<MergePartitions> {
        match &self.order {
            AffiliationOrder::OrganizationName(languages) => {
                Some(label_order::label_partitions(EntityType::Organization, "affiliation.organization_id", languages))
            }
            AffiliationOrder::Importance
            | AffiliationOrder::StartDate
            | AffiliationOrder::ResearcherName
            | AffiliationOrder::UpdatedAt => None,
        }
    }
}

/// Loader key of the affiliations that qualify a researcher for an organization's list of researchers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QualifyingAffiliations {
    /// Organization that is the parent of the list.
    pub organization_id: i64,
    /// Researcher in the list.
    pub researcher_id: i64,
    /// Filter of the list.
    pub filter: Arc<AffiliationFilter>,
}

struct QualifyingAffiliationRow {
    organization: i64,
    researcher: i64,
    model: affiliation::Model,
}

impl FromQueryResult for QualifyingAffiliationRow {
    fn from_query_result(row: &sea_orm::QueryResult, _: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            organization: row.try_get("", "parent_key")?,
            researcher: row.try_get("", "researcher_id")?,
            model: affiliation::Model::from_query_result(row, "")?,
        })
    }
}

impl LoaderKey for QualifyingAffiliations {
    const NAME: &'static str = "affiliation::qualifying";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self {
            organization_id: id_of(EntityType::Organization, self.organization_id),
            researcher_id: id_of(EntityType::Researcher, self.researcher_id),
            filter: Arc::clone(&self.filter),
        })
    }
}

impl Loader<QualifyingAffiliations> for Store {
    type Value = Vec<Arc<affiliation::Model>>;

    async fn load(
        &self,
        keys: &[QualifyingAffiliations],
    ) -> Result<HashMap<QualifyingAffiliations, Self::Value>, Error> {
        let mut pairs: HashMap<&Arc<AffiliationFilter>, Vec<(i64, i64)>> = HashMap::new();
        for key in keys {
            pairs.entry(&key.filter).or_default().push((key.organization_id, key.researcher_id));
        }
        let mut affiliations: HashMap<QualifyingAffiliations, Self::Value> = HashMap::new();
        for (filter, pairs) in pairs {
            let organization_ids =
                organization::with_descendants("SELECT parent.key".into(), filter.include_descendants);
            let sql = sql!(
                "SELECT parent.key AS parent_key, affiliation.* \
                 FROM unnest(?::bigint[], ?::bigint[]) AS parent(key, person) \
                 JOIN affiliation ON affiliation.researcher_id = parent.person WHERE ",
                bigint_array(pairs.iter().map(|pair| pair.0)),
                bigint_array(pairs.iter().map(|pair| pair.1)),
            )
            .then(Sql::in_subquery("affiliation.organization_id", organization_ids))
            .then(" AND ")
            .then(Sql::all(filter.for_researchers().conditions()))
            .then(" ORDER BY affiliation.is_primary DESC, affiliation.starts_on DESC, affiliation.id");
            for row in self.query_all::<QualifyingAffiliationRow>(QualifyingAffiliations::NAME, sql).await? {
                let key = QualifyingAffiliations {
                    organization_id: row.organization,
                    researcher_id: row.researcher,
                    filter: Arc::clone(filter),
                };
                affiliations.entry(key).or_default().push(Arc::new(row.model));
            }
        }
        Ok(affiliations)
    }
}

/// Loader key of a researcher's headline employment: the primary current one, otherwise the one that started last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmploymentKey(pub i64);

/// Role and the organization where it is held.
#[derive(Clone, Debug)]
pub struct Employment {
    /// Title of the role.
    pub role_title: LocalizedText,
    /// Name of the organization.
    pub display_names: LocalizedText,
}

/// Row of a researcher, with null columns if there is no current employment.
#[derive(FromQueryResult)]
struct EmploymentRow {
    role_title: Option<LocalizedText>,
    display_names: Option<LocalizedText>,
}

impl EmploymentRow {
    fn employment(self) -> Option<Employment> {
        Some(Employment { role_title: self.role_title?, display_names: self.display_names? })
    }
}

impl LoaderKey for EmploymentKey {
    const NAME: &'static str = "affiliation::employment";

    fn with_ids(&self, id_of: &mut dyn FnMut(EntityType, i64) -> i64) -> Option<Self> {
        Some(Self(id_of(EntityType::Researcher, self.0)))
    }
}

impl Loader<EmploymentKey> for Store {
    type Value = Option<Arc<Employment>>;

    async fn load(&self, keys: &[EmploymentKey]) -> Result<HashMap<EmploymentKey, Self::Value>, Error> {
        let sql = sql!(
            "SELECT parent.key AS parent_key, employment.* FROM researcher JOIN unnest(?::bigint[]) AS parent(key) \
             ON parent.key = researcher.id LEFT JOIN LATERAL (SELECT affiliation.role_title, organization.display_names FROM affiliation \
             JOIN organization ON organization.id = affiliation.organization_id \
             WHERE affiliation.researcher_id = parent.key AND affiliation.kind = 'EMPLOYMENT' AND ",
            bigint_array(keys.iter().map(|key| key.0)),
        )
        .then(IS_CURRENT)
        .then(
            " ORDER BY affiliation.is_primary DESC, affiliation.starts_on DESC, affiliation.id LIMIT 1) AS employment ON true",
        );
        let rows = self.query_all::<KeyedRow<EmploymentRow>>(EmploymentKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (EmploymentKey(row.key), row.value.employment().map(Arc::new))).collect())
    }
}
