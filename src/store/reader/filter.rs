//! Filters shared by several lists.

use sea_orm::{ColumnTrait, Condition};

use crate::entity::paper;
use crate::store::access::sql_fragment::Sql;

/// Inclusive range of years; a paper without a year is in no range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct YearRange {
    /// First year.
    pub from: Option<i32>,
    /// Last year.
    pub to: Option<i32>,
}

impl YearRange {
    pub(crate) fn condition(self) -> Sql {
        let year = paper::COLUMN.publication_year;
        let from = self.from.map(|from| year.gte(from));
        let to = self.to.map(|to| year.lte(to));
        Condition::all().add(year.is_not_null()).add_option(from).add_option(to).into()
    }
}

/// Returns the condition that a column has (`true`) or lacks a value.
pub(crate) fn has_value(column: impl ColumnTrait, expected: bool) -> Sql {
    if expected { column.is_not_null() } else { column.is_null() }.into()
}
