//! Authorships: the authors of a paper, in order, with suppressed names redacted.

use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult};
use serde::Deserialize;

use crate::entity::authorship;
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnCursor, ColumnProjection, ColumnSet};
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::keyed_rows::KeyedRow;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::reader::page::{List, ListSource, NoEdge, SortDirection, SortKey, SortKeyType, no_edge_columns};
use crate::text::names::{self, WILDCARD_FORM};

/// List of the authors of the parent, a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authorships;

/// SQL that joins the researcher an authorship resolves to, as `resolved`. Its argument is the alias of the authorship.
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

/// Hidden names of a researcher and the display name that replaces them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NameRedaction {
    /// Display name of the researcher.
    pub name: String,
    /// Normalized forms that identify a hidden name.
    pub forms: Vec<String>,
}

impl NameRedaction {
    /// Returns whether an author name shows a hidden name and must be replaced.
    pub(crate) fn redacts_name(&self, name: &str) -> bool {
        !self.forms.is_empty() && names::name_reveals_hidden(name, &self.forms)
    }

    /// Returns whether a key or slug contains a word of a hidden name. Unlike [`Self::redacts_name`], it ignores the
    /// wildcard that suppresses all published names.
    pub(crate) fn redacts_text(&self, text: &str) -> bool {
        let forms: Vec<String> = self.forms.iter().filter(|form| *form != WILDCARD_FORM).cloned().collect();
        !forms.is_empty() && names::name_reveals_hidden(text, &forms)
    }

    /// Removes texts that reveal a hidden name, such as an affiliation text that contains it.
    pub(crate) fn remove_redacted(&self, texts: &mut Vec<String>) {
        texts.retain(|text| !names::text_reveals_hidden(text, &self.forms));
    }
}

/// Authorship with suppressed names redacted. Read authorships only through this type: the row itself contains the
/// published name even if it is suppressed.
#[derive(Clone, Debug)]
pub struct RedactedAuthorship {
    /// Row of the authorship; a suppressed name is replaced by the display name of the researcher.
    pub authorship: authorship::Model,
    /// Display name of the resolved researcher; `None` if the author is unresolved.
    pub resolved_name: Option<String>,
    /// Whether the published name is suppressed.
    pub is_name_suppressed: bool,
}

impl RedactedAuthorship {
    /// Redacts an authorship of the researcher with this display name and these hidden forms.
    #[must_use]
    pub fn new(
        mut authorship: authorship::Model,
        display_name: Option<String>,
        hidden_forms: Option<Vec<String>>,
    ) -> Self {
        let hiding =
            NameRedaction { name: display_name.clone().unwrap_or_default(), forms: hidden_forms.unwrap_or_default() };
        let is_name_suppressed =
            hiding.redacts_name(&authorship.name_as_published) || hiding.redacts_name(&authorship.name);
        if let Some(name) = display_name.as_ref().filter(|_| is_name_suppressed) {
            authorship.name_as_published.clone_from(name);
            authorship.name.clone_from(name);
        }
        hiding.remove_redacted(&mut authorship.affiliations_as_published);
        let resolved_name = display_name.filter(|_| authorship.researcher_id.is_some());
        Self { authorship, resolved_name, is_name_suppressed }
    }
}

impl ColumnProjection for RedactedAuthorship {
    const OPTIONAL_COLUMNS: &'static [&'static str] = authorship::Model::OPTIONAL_COLUMNS;

    fn select_list(table: &str, selected: ColumnSet) -> String {
        authorship::Model::select_list(table, selected) + ", resolved.display_name, resolved.hidden_forms"
    }

    fn from_columns(columns: &mut ColumnCursor<'_>, selected: ColumnSet) -> Result<Self, DbErr> {
        let authorship = authorship::Model::from_columns(columns, selected)?;
        Ok(Self::new(authorship, columns.next_value()?, columns.next_value()?))
    }
}

/// Edge of a researcher's paper list: the authorship of the parent, a researcher.
#[derive(Clone, Debug)]
pub struct ResearcherPaperEdge(pub RedactedAuthorship);

impl ColumnProjection for ResearcherPaperEdge {
    const OPTIONAL_COLUMNS: &'static [&'static str] = RedactedAuthorship::OPTIONAL_COLUMNS;

    // The parent researcher is the same in all rows: these subqueries are evaluated once.
    fn select_list(table: &str, selected: ColumnSet) -> String {
        authorship::Model::select_list(table, selected)
            + ", (SELECT display_name FROM researcher WHERE id = parent.key), \
               (SELECT hidden_forms FROM researcher WHERE id = parent.key)"
    }

    fn from_columns(columns: &mut ColumnCursor<'_>, selected: ColumnSet) -> Result<Self, DbErr> {
        RedactedAuthorship::from_columns(columns, selected).map(Self)
    }
}

impl List for Authorships {
    type Node = RedactedAuthorship;
    type Edge = NoEdge;
    const PAGE_QUERY: &'static str = "authorships::page";
    const COUNT_QUERY: &'static str = "authorships::count";

    fn mergeable_parent(&self) -> Option<EntityType> {
        None
    }

    fn is_batchable(&self, _: usize) -> bool {
        true
    }

    fn source(&self, _: &Store) -> ListSource {
        ListSource {
            node_alias: "authorship",
            edge_columns: no_edge_columns,
            from: concat!("authorship", join_resolved_researcher!("authorship")).into(),
            conditions: vec!["authorship.paper_id = parent.key".into()],
            // Unique within a paper.
            sort_keys: vec![SortKey::new("authorship.list_order", SortKeyType::Integer)],
            direction: SortDirection::Ascending,
        }
    }
}

/// Loader key of the highest author position of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastPositionKey(pub i64);

#[derive(FromQueryResult)]
struct LastPositionRow {
    last: i32,
}

impl LoaderKey for LastPositionKey {
    const NAME: &'static str = "authorship::last_position";
}

impl Loader<LastPositionKey> for Store {
    type Value = i32;

    async fn load(&self, keys: &[LastPositionKey]) -> Result<HashMap<LastPositionKey, i32>, Error> {
        let sql = sql!(
            "SELECT paper_id AS parent_key, max(position) AS last FROM authorship WHERE paper_id = ANY(?) \
             AND position IS NOT NULL GROUP BY paper_id",
            bigint_array(keys.iter().map(|key| key.0)),
        );
        let rows = self.query_all::<KeyedRow<LastPositionRow>>(LastPositionKey::NAME, sql).await?;
        Ok(rows.into_iter().map(|row| (LastPositionKey(row.key), row.value.last)).collect())
    }
}
