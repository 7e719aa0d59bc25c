//! Authorships: the authors of a paper, in order.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult};
use serde::Deserialize;

use crate::entity::authorship;
use crate::error::Error;
use crate::store::access::column_projection::{Columns, Places, Selected};
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::page::{Key, KeyKind, List, OrderDirection, Plain, Source, nothing};
use crate::store::{Keyed, Store};
use crate::text::names::{self, EVERY_NAME};

/// The authors of the parent, a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authorships;

/// What joins to an authorship, named here, whoever it is of, as `resolved`.
macro_rules! joins_resolved {
    ($authorship:literal) => {
        concat!(
            " LEFT JOIN researcher AS resolved ON resolved.id = coalesce(",
            $authorship,
            ".researcher_id, ",
            $authorship,
            ".same_as_id)"
        )
    };
}
pub(crate) use joins_resolved;

/// What hides names of a person.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Hiding {
    /// The name that is shown.
    pub name: String,
    /// By what others show a hidden one.
    pub forms: Vec<String>,
}

impl Hiding {
    /// Whether a name is not to be shown.
    pub(crate) fn is_shown_by(&self, name: &str) -> bool {
        !self.forms.is_empty() && names::shows_hidden(name, &self.forms)
    }

    /// Whether a key or an address has a word of a hidden name, also where all published names are withheld.
    pub(crate) fn is_told_by(&self, text: &str) -> bool {
        let forms: Vec<String> = self.forms.iter().filter(|form| *form != EVERY_NAME).cloned().collect();
        !forms.is_empty() && names::shows_hidden(text, &forms)
    }

    /// Takes away what tells a hidden name and is none itself.
    pub(crate) fn hide_in(&self, texts: &mut Vec<String>) {
        texts.retain(|text| !names::tells_hidden(text, &self.forms));
    }
}

/// An author of a paper, as it may be shown. An authorship is read in this way alone: the row itself has the published name
/// also where that is not to be shown.
#[derive(Clone, Debug)]
pub struct Author {
    /// The place on the paper; a name in it that is not to be shown is the person's own one instead.
    pub authorship: authorship::Model,
    /// The display name of whom it was resolved to; none where that is nobody.
    pub resolved_name: Option<String>,
    /// Whether the published name is not to be shown.
    pub is_name_withheld: bool,
}

impl Author {
    /// An authorship of whoever has this name, and these forms of hidden ones.
    #[must_use]
    pub fn new(mut authorship: authorship::Model, person: Option<String>, hidden_forms: Option<Vec<String>>) -> Self {
        let hiding = Hiding { name: person.clone().unwrap_or_default(), forms: hidden_forms.unwrap_or_default() };
        let is_name_withheld =
            hiding.is_shown_by(&authorship.name_as_published) || hiding.is_shown_by(&authorship.name);
        if let Some(name) = person.as_ref().filter(|_| is_name_withheld) {
            authorship.name_as_published.clone_from(name);
            authorship.name.clone_from(name);
        }
        hiding.hide_in(&mut authorship.affiliations_as_published);
        let resolved_name = person.filter(|_| authorship.researcher_id.is_some());
        Self { authorship, resolved_name, is_name_withheld }
    }
}

impl Columns for Author {
    const NAMES: &'static [&'static str] = authorship::Model::NAMES;

    fn of(table: &str, selected: Selected) -> String {
        authorship::Model::of(table, selected) + ", resolved.display_name, resolved.hidden_forms"
    }

    fn read(places: &mut Places<'_>, selected: Selected) -> Result<Self, DbErr> {
        let authorship = authorship::Model::read(places, selected)?;
        Ok(Self::new(authorship, places.read()?, places.read()?))
    }
}

/// The place of the parent, a researcher, on a paper.
#[derive(Clone, Debug)]
pub struct OwnAuthorship(pub Author);

impl Columns for OwnAuthorship {
    const NAMES: &'static [&'static str] = Author::NAMES;

    // What is known of the person is the same in all rows, and read once.
    fn of(table: &str, selected: Selected) -> String {
        authorship::Model::of(table, selected)
            + ", (SELECT display_name FROM researcher WHERE id = parent.key), \
               (SELECT hidden_forms FROM researcher WHERE id = parent.key)"
    }

    fn read(places: &mut Places<'_>, selected: Selected) -> Result<Self, DbErr> {
        Author::read(places, selected).map(Self)
    }
}

impl List for Authorships {
    type Node = Author;
    type Edge = Plain;

    fn is_quick(&self, _: usize) -> bool {
        true
    }

    fn source(&self, _: &Store) -> Source {
        Source {
            node: "authorship",
            edge: nothing,
            from: concat!("authorship", joins_resolved!("authorship")).into(),
            conditions: vec!["authorship.paper_id = parent.key".into()],
            // No two of a paper have the same.
            keys: vec![Key::new("authorship.list_order", KeyKind::Integer)],
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
