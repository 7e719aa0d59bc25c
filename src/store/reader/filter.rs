//! Filters shared by several lists.

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
        let from = self.from.map(|year| Sql::with("paper.publication_year >= ?", year));
        let to = self.to.map(|year| Sql::with("paper.publication_year <= ?", year));
        Sql::all([Some("paper.publication_year IS NOT NULL".into()), from, to].into_iter().flatten())
    }
}
