//! Organizations: lists of them, and what is below them.

use chrono::{DateTime, Utc};

use crate::entity::organization;
use crate::model::language::Languages;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::reader::label_order;
use crate::store::reader::lookup::is_one_of;
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Parts, Plain, Source, nothing};
use crate::store::reader::search;
use crate::text::tokenizer::Query;

/// The ids that `roots` selects and, where asked, those of everything below them. Cycles in the data end it.
pub(crate) fn or_below(roots: Sql, include_descendants: bool) -> Sql {
    if !include_descendants {
        return roots;
    }
    Sql::from("WITH RECURSIVE below(id) AS (").then(roots).then(
        " UNION SELECT organization_parent.child_id FROM organization_parent \
             JOIN below ON below.id = organization_parent.parent_id) SELECT below.id FROM below",
    )
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
    /// With a name that this finds.
    pub query: Option<Query>,
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
        conditions.extend(self.query.as_ref().map(|query| search::is_found(search::Kind::Organization, query)));
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
    /// By the number of people there or below now, as it was last counted.
    ResearcherCount,
    /// By the last change.
    UpdatedAt,
    /// By how well the filter's query matches.
    Relevance,
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
        // Both from one table, whose index has both.
        let keys = match &self.order {
            OrganizationOrder::Name(_) => vec![label_order::key(), label_order::id("organization")],
            OrganizationOrder::ResearcherCount => {
                from = from
                    .then(" JOIN organization_statistics ON organization_statistics.organization_id = organization.id");
                vec![
                    Key::new("organization_statistics.researcher_count", KeyKind::Integer),
                    Key::new("organization_statistics.organization_id", KeyKind::Integer),
                ]
            }
            OrganizationOrder::UpdatedAt => vec![
                Key::new("organization.updated_at", KeyKind::Timestamp),
                Key::new("organization.id", KeyKind::Integer),
            ],
            OrganizationOrder::Relevance => {
                let query = self.filter.query.as_ref();
                from = from.then(
                    query.map_or_else(Sql::default, |query| search::by_relevance(search::Kind::Organization, query)),
                );
                vec![search::relevance(), Key::new("organization.id", KeyKind::Integer)]
            }
        };
        Source { node: "organization", edge: nothing, from, conditions, keys, direction: self.direction }
    }

    fn parts(&self) -> Option<Parts> {
        match &self.order {
            OrganizationOrder::Name(languages) => {
                Some(label_order::parts("organization", "organization.id", languages))
            }
            OrganizationOrder::ResearcherCount | OrganizationOrder::UpdatedAt | OrganizationOrder::Relevance => None,
        }
    }
}
