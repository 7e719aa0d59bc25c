//! Affiliations: lists of them, and the people and places they select.

use std::any::type_name;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::FromQueryResult;

use crate::entity::affiliation;
use crate::entity::researcher;
use crate::error::Error;
use crate::model::language::{Languages, LocalizedText};
use crate::model::record::AffiliationKind;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::reader::label_order;
use crate::store::reader::lookup::{is_one_of, survivors};
use crate::store::reader::organization;
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Parts, Plain, Source, nothing};
use crate::store::{Keyed, Store};

/// Which affiliations; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AffiliationFilter {
    /// Any of these kinds.
    pub kinds: Option<Vec<AffiliationKind>>,
    /// At any of these organizations.
    pub organization_ids: Option<Vec<i64>>,
    /// Or anywhere below them.
    pub include_descendants: bool,
    /// Of any of these people.
    pub researcher_ids: Option<Vec<i64>>,
    /// Held on that day.
    pub as_of: Option<NaiveDate>,
    /// Held today, or not.
    pub is_current: Option<bool>,
    /// Changed then or later.
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

const CURRENT: &str = "affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE";

impl AffiliationFilter {
    /// The conditions on a row of `affiliation`.
    pub(crate) fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(kinds) = &self.kinds {
            conditions.push(Sql::with("affiliation.kind = ANY(?)", texts(kinds.iter().map(|kind| word(*kind)))));
        }
        if let Some(organizations) = &self.organization_ids {
            let named = survivors::<crate::entity::organization::Model>(organizations);
            let listed = organization::or_below(named, self.include_descendants);
            conditions.push(Sql::is_in("affiliation.organization_id", listed));
        }
        if let Some(researchers) = &self.researcher_ids {
            conditions.push(is_one_of::<researcher::Model>("affiliation.researcher_id", researchers));
        }
        if let Some(day) = self.as_of {
            conditions
                .push(Sql::with("affiliation.starts_on <= ?", day).then_with(" AND affiliation.ends_on >= ?", day));
        }
        match self.is_current {
            Some(true) => conditions.push(CURRENT.into()),
            Some(false) => conditions.push(Sql::from("NOT (").then(CURRENT).then(")")),
            None => {}
        }
        if let Some(since) = self.updated_since {
            conditions.push(Sql::with("affiliation.updated_at >= ?", since));
        }
        conditions
    }

    /// The filter as it selects people: those who work, belong or are invited somewhere now, unless it says otherwise.
    #[must_use]
    pub fn of_people(&self) -> Self {
        let mut filter = self.clone();
        filter.kinds.get_or_insert_with(|| {
            vec![AffiliationKind::Employment, AffiliationKind::Membership, AffiliationKind::InvitedPosition]
        });
        if filter.as_of.is_none() && filter.is_current.is_none() {
            filter.is_current = Some(true);
        }
        filter
    }

    /// The ids of the people whom [`Self::of_people`] selects.
    pub(crate) fn people(&self) -> Sql {
        Sql::from("SELECT affiliation.researcher_id FROM affiliation WHERE ")
            .then(Sql::all(self.of_people().conditions()))
    }
}

fn word(kind: AffiliationKind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// By what affiliations are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AffiliationOrder {
    /// The primary one first, then those that last, then by their start. Of one person or organization: no index has it.
    Importance,
    /// By the start; unknown starts are the earliest.
    StartDate,
    /// By the organization's name in the best of these languages.
    OrganizationName(Languages),
    /// By the researcher's name.
    ResearcherName,
    /// By the last change.
    UpdatedAt,
}

/// Whose affiliations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AffiliationScope {
    /// Everybody's.
    All,
    /// The parent's, a researcher.
    Researcher,
    /// Those at the parent, an organization.
    Organization,
}

/// A list of affiliations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Affiliations {
    /// Whose.
    pub scope: AffiliationScope,
    /// Which.
    pub filter: AffiliationFilter,
    /// By what.
    pub order: AffiliationOrder,
    /// Which way.
    pub direction: OrderDirection,
}

impl List for Affiliations {
    type Node = affiliation::Model;
    type Edge = Plain;

    fn is_quick(&self, _: usize) -> bool {
        self.scope == AffiliationScope::Researcher
    }

    fn source(&self, _: &Store) -> Source {
        let mut from = Sql::from("affiliation");
        let mut conditions = self.filter.conditions();
        match self.scope {
            AffiliationScope::All => {}
            AffiliationScope::Researcher => conditions.push("affiliation.researcher_id = parent.key".into()),
            AffiliationScope::Organization => conditions.push("affiliation.organization_id = parent.key".into()),
        }
        let mut keys = match &self.order {
            AffiliationOrder::Importance => vec![
                Key::new("affiliation.is_primary", KeyKind::Boolean),
                Key::new(format!("({CURRENT})"), KeyKind::Boolean),
                Key::new("affiliation.starts_on", KeyKind::Date),
            ],
            AffiliationOrder::StartDate => vec![Key::new("affiliation.starts_on", KeyKind::Date)],
            AffiliationOrder::OrganizationName(_) => vec![label_order::key().last_of_index()],
            AffiliationOrder::ResearcherName => {
                from = from.then(" JOIN researcher ON researcher.id = affiliation.researcher_id");
                vec![Key::new("researcher.sort_name", KeyKind::Text).last_of_index()]
            }
            AffiliationOrder::UpdatedAt => vec![Key::new("affiliation.updated_at", KeyKind::Timestamp)],
        };
        keys.push(Key::new("affiliation.id", KeyKind::Integer));
        Source { node: "affiliation", edge: nothing, from, conditions, keys, direction: self.direction }
    }

    fn parts(&self) -> Option<Parts> {
        match &self.order {
            AffiliationOrder::OrganizationName(languages) => {
                Some(label_order::parts("organization", "affiliation.organization_id", languages))
            }
            AffiliationOrder::Importance
            | AffiliationOrder::StartDate
            | AffiliationOrder::ResearcherName
            | AffiliationOrder::UpdatedAt => None,
        }
    }
}

/// Asks for the affiliations that put a person into an organization's list of people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AffiliationsBehind {
    /// The organization whose list it is.
    pub organization: i64,
    /// The person.
    pub researcher: i64,
    /// The list's filter.
    pub filter: Arc<AffiliationFilter>,
}

struct Behind {
    organization: i64,
    researcher: i64,
    model: affiliation::Model,
}

impl FromQueryResult for Behind {
    fn from_query_result(row: &sea_orm::QueryResult, _: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            organization: row.try_get("", "parent_key")?,
            researcher: row.try_get("", "researcher_id")?,
            model: affiliation::Model::from_query_result(row, "")?,
        })
    }
}

impl Loader<AffiliationsBehind> for Store {
    type Value = Vec<Arc<affiliation::Model>>;

    async fn load(&self, keys: &[AffiliationsBehind]) -> Result<HashMap<AffiliationsBehind, Self::Value>, Error> {
        let mut pairs: HashMap<&Arc<AffiliationFilter>, Vec<(i64, i64)>> = HashMap::new();
        for key in keys {
            pairs.entry(&key.filter).or_default().push((key.organization, key.researcher));
        }
        let mut found: HashMap<AffiliationsBehind, Self::Value> = HashMap::new();
        for (filter, pairs) in pairs {
            let below = organization::or_below("SELECT parent.key".into(), filter.include_descendants);
            let sql = Sql::with(
                "SELECT parent.key AS parent_key, affiliation.* FROM unnest(?::bigint[], ",
                ids(pairs.iter().map(|pair| pair.0)),
            )
            .then_with(
                "?::bigint[]) AS parent(key, person) JOIN affiliation ON affiliation.researcher_id = parent.person",
                ids(pairs.iter().map(|pair| pair.1)),
            )
            .then(" WHERE ")
            .then(Sql::is_in("affiliation.organization_id", below))
            .then(" AND ")
            .then(Sql::all(filter.of_people().conditions()))
            .then(" ORDER BY affiliation.is_primary DESC, affiliation.starts_on DESC, affiliation.id");
            for row in self.rows::<Behind>(type_name::<AffiliationsBehind>(), sql).await? {
                let key = AffiliationsBehind {
                    organization: row.organization,
                    researcher: row.researcher,
                    filter: Arc::clone(filter),
                };
                found.entry(key).or_default().push(Arc::new(row.model));
            }
        }
        Ok(found)
    }
}

/// Asks for what makes a person's headline: the primary employment, else the current one that began last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmploymentOf(pub i64);

/// A role and where it is held.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Employment {
    /// The role's title.
    pub role_title: LocalizedText,
    /// The organization's name.
    pub display_names: LocalizedText,
}

impl Loader<EmploymentOf> for Store {
    type Value = Arc<Employment>;

    async fn load(&self, keys: &[EmploymentOf]) -> Result<HashMap<EmploymentOf, Self::Value>, Error> {
        let sql = Sql::with(
            "SELECT parent.key AS parent_key, employment.* FROM unnest(?::bigint[]) AS parent(key) \
             CROSS JOIN LATERAL (SELECT affiliation.role_title, organization.display_names FROM affiliation \
             JOIN organization ON organization.id = affiliation.organization_id \
             WHERE affiliation.researcher_id = parent.key AND affiliation.kind = 'EMPLOYMENT' AND ",
            ids(keys.iter().map(|key| key.0)),
        )
        .then(CURRENT)
        .then(
            " ORDER BY affiliation.is_primary DESC, affiliation.starts_on DESC, affiliation.id LIMIT 1) AS employment",
        );
        let rows = self.rows::<Keyed<Employment>>(type_name::<EmploymentOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (EmploymentOf(row.key), Arc::new(row.value))).collect())
    }
}
