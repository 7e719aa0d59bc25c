//! Authorships: the authors of a paper, in order.

use std::any::type_name;
use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult};
use serde::Deserialize;

use crate::entity::authorship;
use crate::error::Error;
use crate::store::access::column_projection::{ColumnCursor, ColumnProjection, ColumnSet};
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::reader::page::{List, ListSource, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns};
use crate::store::{KeyedRow, Store};
use crate::text::names::{self, WILDCARD_FORM};

/// The authors of the parent, a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authorships;

/// What joins to an authorship, named here, whoever it is of, as `resolved`.
macro_rules! join_resolved_researcher {
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
pub(crate) use join_resolved_researcher;

/// What hides names of a person.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NameRedaction {
    /// The name that is shown.
    pub name: String,
    /// By what others show a hidden one.
    pub forms: Vec<String>,
}

impl NameRedaction {
    /// Whether a name is not to be shown.
    pub(crate) fn redacts_name(&self, name: &str) -> bool {
        !self.forms.is_empty() && names::name_reveals_hidden(name, &self.forms)
    }

    /// Whether a key or an address has a word of a hidden name, also where all published names are withheld.
    pub(crate) fn redacts_text(&self, text: &str) -> bool {
        let forms: Vec<String> = self.forms.iter().filter(|form| *form != WILDCARD_FORM).cloned().collect();
        !forms.is_empty() && names::name_reveals_hidden(text, &forms)
    }

    /// Takes away what tells a hidden name and is none itself.
    pub(crate) fn remove_redacted(&self, texts: &mut Vec<String>) {
        texts.retain(|text| !names::text_reveals_hidden(text, &self.forms));
    }
}

/// An author of a paper, as it may be shown. An authorship is read in this way alone: the row itself has the published name
/// also where that is not to be shown.
#[derive(Clone, Debug)]
pub struct RedactedAuthorship {
    /// The place on the paper; a name in it that is not to be shown is the person's own one instead.
    pub authorship: authorship::Model,
    /// The display name of whom it was resolved to; none where that is nobody.
    pub resolved_name: Option<String>,
    /// Whether the published name is not to be shown.
    pub is_name_suppressed: bool,
}

impl RedactedAuthorship {
    /// An authorship of whoever has this name, and these forms of hidden ones.
    #[must_use]
    pub fn new(mut authorship: authorship::Model, person: Option<String>, hidden_forms: Option<Vec<String>>) -> Self {
        let hiding =
            NameRedaction { name: person.clone().unwrap_or_default(), forms: hidden_forms.unwrap_or_default() };
        let is_name_suppressed =
            hiding.redacts_name(&authorship.name_as_published) || hiding.redacts_name(&authorship.name);
        if let Some(name) = person.as_ref().filter(|_| is_name_suppressed) {
            authorship.name_as_published.clone_from(name);
            authorship.name.clone_from(name);
        }
        hiding.remove_redacted(&mut authorship.affiliations_as_published);
        let resolved_name = person.filter(|_| authorship.researcher_id.is_some());
        Self { authorship, resolved_name, is_name_suppressed }
    }
}

impl ColumnProjection for RedactedAuthorship {
    const OPTIONAL_COLUMNS: &'static [&'static str] = authorship::Model::OPTIONAL_COLUMNS;

    fn select_list(table: &str, selected: ColumnSet) -> String {
        authorship::Model::select_list(table, selected) + ", resolved.display_name, resolved.hidden_forms"
    }

    fn from_columns(places: &mut ColumnCursor<'_>, selected: ColumnSet) -> Result<Self, DbErr> {
        let authorship = authorship::Model::from_columns(places, selected)?;
        Ok(Self::new(authorship, places.next_value()?, places.next_value()?))
    }
}

/// The place of the parent, a researcher, on a paper.
#[derive(Clone, Debug)]
pub struct ResearcherPaperEdge(pub RedactedAuthorship);

impl ColumnProjection for ResearcherPaperEdge {
    const OPTIONAL_COLUMNS: &'static [&'static str] = RedactedAuthorship::OPTIONAL_COLUMNS;

    // What is known of the person is the same in all rows, and read once.
    fn select_list(table: &str, selected: ColumnSet) -> String {
        authorship::Model::select_list(table, selected)
            + ", (SELECT display_name FROM researcher WHERE id = parent.key), \
               (SELECT hidden_forms FROM researcher WHERE id = parent.key)"
    }

    fn from_columns(places: &mut ColumnCursor<'_>, selected: ColumnSet) -> Result<Self, DbErr> {
        RedactedAuthorship::from_columns(places, selected).map(Self)
    }
}

impl List for Authorships {
    type Node = RedactedAuthorship;
    type Edge = NoEdge;

    fn is_batchable(&self, _: usize) -> bool {
        true
    }

    fn source(&self, _: &Store) -> ListSource {
        ListSource {
            node_alias: "authorship",
            edge_columns: no_edge_columns,
            from: concat!("authorship", join_resolved_researcher!("authorship")).into(),
            conditions: vec!["authorship.paper_id = parent.key".into()],
            // No two of a paper have the same.
            sort_keys: vec![SortKey::new("authorship.list_order", SortKeyType::Integer)],
            direction: SortDirection::Ascending,
        }
    }
}

/// Asks for the last position among a paper's authors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastPositionKey(pub i64);

#[derive(FromQueryResult)]
struct LastPositionRow {
    last: i32,
}

impl Loader<LastPositionKey> for Store {
    type Value = i32;

    async fn load(&self, keys: &[LastPositionKey]) -> Result<HashMap<LastPositionKey, i32>, Error> {
        let sql = Sql::with(
            "SELECT paper_id AS parent_key, max(position) AS last FROM authorship \
             WHERE paper_id = ANY(?) AND position IS NOT NULL GROUP BY paper_id",
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<KeyedRow<LastPositionRow>>(type_name::<LastPositionKey>(), sql).await?;
        Ok(rows.into_iter().map(|row| (LastPositionKey(row.key), row.value.last)).collect())
    }
}
