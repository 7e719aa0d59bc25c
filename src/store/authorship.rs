//! Authorships: the authors of a paper, in order.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult, QueryResult};

use super::columns::Columns;
use super::list::{Key, KeyKind, List, OrderDirection, Plain, Source};
use super::loaders::Loader;
use super::sql::{Sql, ids};
use super::{Keyed, Store};
use crate::entity::authorship;
use crate::error::Error;

/// The authors of the parent, a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authorships;

/// An author of a paper, with what the authorship's own row does not have.
#[derive(Clone, Debug)]
pub struct Author {
    /// The place on the paper.
    pub authorship: authorship::Model,
    /// The display name of whom it was resolved to; none where that is nobody, or was not read.
    pub resolved_name: Option<String>,
}

impl From<authorship::Model> for Author {
    fn from(authorship: authorship::Model) -> Self {
        Self { authorship, resolved_name: None }
    }
}

impl Columns for Author {
    const COUNT: usize = authorship::Model::COUNT + 1;

    fn of(table: &str, with_texts: bool) -> String {
        authorship::Model::of(table, with_texts) + ", resolved.display_name"
    }

    fn read(row: &QueryResult, first: usize) -> Result<Self, DbErr> {
        let resolved_name = row.try_get_by_index(first + authorship::Model::COUNT)?;
        Ok(Self { authorship: authorship::Model::read(row, first)?, resolved_name })
    }
}

impl List for Authorships {
    type Node = Author;
    type Edge = Plain;

    fn source(&self, _: &Store) -> Source {
        Source {
            node: "authorship",
            edge: String::new(),
            from: "authorship LEFT JOIN researcher AS resolved ON resolved.id = authorship.researcher_id".into(),
            conditions: vec!["authorship.paper_id = parent.key".into()],
            keys: vec![
                Key::new("authorship.list_order", KeyKind::Integer),
                Key::new("authorship.id", KeyKind::Integer),
            ],
            direction: OrderDirection::Ascending,
        }
    }
}

/// Asks for the last position among a paper's authors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastPositionOf(pub i64);

#[derive(FromQueryResult)]
struct LastPosition {
    last: i32,
}

impl Loader<LastPositionOf> for Store {
    type Value = i32;

    async fn load(&self, keys: &[LastPositionOf]) -> Result<HashMap<LastPositionOf, i32>, Error> {
        let sql = Sql::with(
            "SELECT paper_id AS parent_key, max(position) AS last FROM authorship \
             WHERE paper_id = ANY(?) AND position IS NOT NULL GROUP BY paper_id",
            ids(keys.iter().map(|key| key.0)),
        );
        let rows = self.rows::<Keyed<LastPosition>>(type_name::<LastPositionOf>(), sql).await?;
        Ok(rows.into_iter().map(|row| (LastPositionOf(row.key), row.value.last)).collect())
    }
}
