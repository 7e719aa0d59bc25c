//! Organizations: lists of them, and what is below them.

use chrono::{DateTime, Utc};

use super::Store;
use super::list::{Key, KeyKind, List, OrderDirection, Plain, Source};
use super::lookup::is_one_of;
use super::sql::{Sql, texts};
use crate::entity::organization;
use crate::language::Languages;

/// The ids that `roots` selects and, where asked, those of everything below them. Cycles in the data end it.
pub(super) fn or_below(roots: Sql, include_descendants: bool) -> Sql {
    if !include_descendants {
        return roots;
    }
    Sql::from("WITH RECURSIVE below(id) AS (").then(roots).then(
        " UNION SELECT organization_parent.child_id FROM organization_parent \
             JOIN below ON below.id = organization_parent.parent_id) SELECT below.id FROM below",
    )
}

/// A key by a label in the best of some languages, from a column of folded labels.
pub(super) fn label_key(column: &str, languages: &Languages) -> Key {
    let expression = Sql::with(&format!("(localized({column}, ?) COLLATE \"C\")"), texts(languages.chain().to_vec()));
    Key::new(expression, KeyKind::Text)
}

/// Which organizations; all conditions hold together, and an absent one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrganizationFilter {
    /// Any of these.
    pub ids: Option<Vec<i64>>,
    /// With any of these ROR ids.
    pub rors: Option<Vec<String>>,
    /// Of any of these types, in ROR's words.
    pub types: Option<Vec<String>>,
    /// With any of these statuses.
    pub statuses: Option<Vec<String>>,
    /// In any of these countries.
    pub country_codes: Option<Vec<String>>,
    /// Changed then or later.
    pub updated_since: Option<DateTime<Utc>>,
}

impl OrganizationFilter {
    fn conditions(&self) -> Vec<Sql> {
        let mut conditions = Vec::new();
        if let Some(numbers) = &self.ids {
            conditions.push(is_one_of::<organization::Model>("organization.id", numbers));
        }
        if let Some(rors) = &self.rors {
            conditions.push(Sql::with("organization.ror = ANY(?)", texts(rors.clone())));
        }
        if let Some(types) = &self.types {
            conditions.push(Sql::with("organization.types && ?", texts(types.clone())));
        }
        if let Some(statuses) = &self.statuses {
            conditions.push(Sql::with("organization.status = ANY(?)", texts(statuses.clone())));
        }
        if let Some(countries) = &self.country_codes {
            conditions.push(Sql::with("organization.country_code = ANY(?)", texts(countries.clone())));
        }
        if let Some(since) = self.updated_since {
            conditions.push(Sql::with("organization.updated_at >= ?", since));
        }
        conditions
    }
}

/// By what organizations are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrganizationOrder {
    /// By the name in the best of these languages.
    Name(Languages),
    /// By the number of people there or below now.
    ResearcherCount,
    /// By the last change.
    UpdatedAt,
}

/// A list of organizations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Organizations {
    /// Only those directly below the parent.
    pub children_of_parent: bool,
    /// Which.
    pub filter: OrganizationFilter,
    /// By what.
    pub order: OrganizationOrder,
    /// Which way.
    pub direction: OrderDirection,
}

/// The number of people now at each organization or below it: each current affiliation counts for all that is above.
const RESEARCHER_COUNTS: &str = "LEFT JOIN (WITH RECURSIVE held(researcher_id, organization_id) AS (\
    SELECT researcher_id, organization_id FROM affiliation \
    WHERE kind IN ('EMPLOYMENT', 'MEMBERSHIP', 'INVITED_POSITION') AND starts_on <= CURRENT_DATE AND ends_on >= CURRENT_DATE \
    UNION SELECT held.researcher_id, organization_parent.parent_id FROM held \
    JOIN organization_parent ON organization_parent.child_id = held.organization_id) \
    SELECT organization_id, count(*) AS researcher_count FROM held GROUP BY organization_id) AS people \
    ON people.organization_id = organization.id";

impl List for Organizations {
    type Node = organization::Model;
    type Edge = Plain;

    fn source(&self, _: &Store) -> Source {
        let mut from = Sql::from("organization");
        let mut conditions = self.filter.conditions();
        if self.children_of_parent {
            from = from.then(" JOIN organization_parent ON organization_parent.child_id = organization.id");
            conditions.push("organization_parent.parent_id = parent.key".into());
        }
        let key = match &self.order {
            OrganizationOrder::Name(languages) => label_key("organization.sort_names", languages),
            OrganizationOrder::ResearcherCount => {
                from = from.then(" ").then(RESEARCHER_COUNTS);
                Key::new("coalesce(people.researcher_count, 0)", KeyKind::Integer)
            }
            OrganizationOrder::UpdatedAt => Key::new("organization.updated_at", KeyKind::Timestamp),
        };
        let keys = vec![key, Key::new("organization.id", KeyKind::Integer)];
        Source { columns: "organization.*".to_owned(), from, conditions, keys, direction: self.direction }
    }
}
