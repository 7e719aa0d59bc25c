//! Authorships: the authors of a paper, in order.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::FromQueryResult;

use super::columns::Columns as _;
use super::list::{Key, KeyKind, List, OrderDirection, Plain, Source};
use super::loaders::Loader;
use super::sql::{Sql, ids};
use super::{Keyed, Store};
use crate::entity::authorship;
use crate::error::Error;

/// The authors of the parent, a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authorships;

impl List for Authorships {
    type Node = authorship::Model;
    type Edge = Plain;

    fn source(&self, _: &Store) -> Source {
        Source {
            columns: authorship::Model::of("authorship"),
            from: "authorship".into(),
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
