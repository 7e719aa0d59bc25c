//! Column projection: decodes rows by column index and selects only the columns that the query needs.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::postgres::types::PgRecordDecoder;
use sea_orm::sqlx::types::Json;
use sea_orm::sqlx::{self, Row as _, ValueRef as _};
use sea_orm::{ActiveEnum as _, DbErr, QueryResult};

use crate::entity::{affiliation, authorship, organization, paper, researcher, researcher_statistics, topic};
use crate::model::language::LocalizedText;
use crate::model::record::{AbstractCompleteness, AffiliationKind, NameRecords, PaperType};

/// Set of column indexes in [`ColumnProjection::OPTIONAL_COLUMNS`], as a bit set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ColumnSet(u64);

impl ColumnSet {
    /// All columns.
    pub const ALL: Self = Self(u64::MAX);
    /// Only the columns that are always read.
    pub const NONE: Self = Self(0);

    /// Returns the set of columns with these names, or [`Self::ALL`] if a name is unknown.
    #[must_use]
    pub fn from_names<C: ColumnProjection>(names: &[impl AsRef<str>]) -> Self {
        let index = |name: &_| C::OPTIONAL_COLUMNS.iter().position(|column| *column == AsRef::as_ref(name));
        names.iter().map(index).try_fold(0, |set, index| Some(set | 1 << index?)).map_or(Self::ALL, Self)
    }

    /// Returns whether the column at this index is in the set.
    #[must_use]
    pub fn contains(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }

    /// Returns the union of both sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Cursor over the columns of a row, or of a composite value (record) in it.
pub enum ColumnCursor<'r> {
    /// Row and the index of the next column.
    Row(&'r PgRow, usize),
    /// Remaining columns of the record.
    Record(PgRecordDecoder<'r>),
}

fn as_pg_row(result: &QueryResult) -> Result<&PgRow, DbErr> {
    result.try_as_pg_row().ok_or_else(|| DbErr::Type("a row of another database".to_owned()))
}

fn decode_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbErr {
    DbErr::Type(error.into().to_string())
}

impl<'r> ColumnCursor<'r> {
    /// Returns a cursor at the first column of a row.
    ///
    /// # Errors
    /// Returns an error if the row is not a Postgres row.
    pub fn from_row(result: &'r QueryResult) -> Result<Self, DbErr> {
        Ok(Self::Row(as_pg_row(result)?, 0))
    }

    /// Returns a cursor at the first column of the record in this column.
    ///
    /// # Errors
    /// Returns an error if the column is not a record.
    pub fn from_record(result: &'r QueryResult, column: usize) -> Result<Self, DbErr> {
        let record = as_pg_row(result)?.try_get_raw(column).map_err(decode_error)?;
        PgRecordDecoder::new(record).map(Self::Record).map_err(decode_error)
    }

    /// Returns a cursor over the record in a column, or `None` if it is null.
    ///
    /// # Errors
    /// Returns an error if the column is not a record.
    pub fn from_optional_record(result: &'r QueryResult, column: usize) -> Result<Option<Self>, DbErr> {
        let record = as_pg_row(result)?.try_get_raw(column).map_err(decode_error)?;
        if record.is_null() {
            return Ok(None);
        }
        PgRecordDecoder::new(record).map(|record| Some(Self::Record(record))).map_err(decode_error)
    }

    /// Decodes the next column.
    ///
    /// # Errors
    /// Returns an error if the column has another type.
    pub fn next_value<T: ColumnValue>(&mut self) -> Result<T, DbErr> {
        T::from_next(self)
    }

    fn decode<T>(&mut self) -> Result<T, DbErr>
    where
        T: for<'d> sqlx::Decode<'d, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        match self {
            Self::Row(row, next) => {
                *next += 1;
                row.try_get(*next - 1).map_err(decode_error)
            }
            Self::Record(rest) => rest.try_decode().map_err(decode_error),
        }
    }
}

/// Part of a row, decoded from a selection of its columns.
pub trait ColumnProjection: Sized {
    /// Columns that are read only if selected.
    const OPTIONAL_COLUMNS: &'static [&'static str];

    /// Returns the SQL select list of the selected columns, qualified by this table.
    fn select_list(table: &str, selected: ColumnSet) -> String;

    /// Decodes the value from the next columns. Columns that are not selected get their default value.
    ///
    /// # Errors
    /// Returns an error if a column has another type.
    fn from_columns(columns: &mut ColumnCursor<'_>, selected: ColumnSet) -> Result<Self, DbErr>;
}

/// Value that can be decoded from a column.
pub trait ColumnValue: Sized {
    /// Decodes the next column.
    ///
    /// # Errors
    /// Returns an error if the column has another type.
    fn from_next(columns: &mut ColumnCursor<'_>) -> Result<Self, DbErr>;
}

/// Types that sqlx decodes. SeaORM would allocate an error message for each null and parse JSON twice.
macro_rules! decode_natively {
    ($($type:ty),*) => {
        $(impl ColumnValue for $type {
            fn from_next(columns: &mut ColumnCursor<'_>) -> Result<Self, DbErr> {
                columns.decode()
            }
        })*
    };
}
decode_natively!(bool, i32, i64, String, Vec<String>, DateTimeUtc);
decode_natively!(Option<bool>, Option<i32>, Option<i64>, Option<String>, Option<Vec<String>>);

macro_rules! decode_json {
    ($($type:ty),*) => {
        $(impl ColumnValue for $type {
            fn from_next(columns: &mut ColumnCursor<'_>) -> Result<Self, DbErr> {
                columns.decode().map(|Json(value)| value)
            }
        })*
    };
}
decode_json!(LocalizedText, NameRecords);

/// Enums stored as words.
macro_rules! decode_enum {
    ($($type:ty),*) => {
        $(impl ColumnValue for $type {
            fn from_next(columns: &mut ColumnCursor<'_>) -> Result<Self, DbErr> {
                <$type>::try_from_value(&columns.decode()?)
            }
        })*
    };
}
decode_enum!(AbstractCompleteness, AffiliationKind, PaperType);

/// Implements [`ColumnProjection`] for a struct from its fields, in order. A column is named like the field or by the
/// literal after it. Fields before the bar are always read, those after the semicolon never. A field of an entity that is in
/// none of the lists does not compile.
macro_rules! column_projection {
    ($type:ty { $($always:ident),* $(,)? $(| $($field:ident $(= $name:literal)?),* $(,)?)? $(; $($unread:ident),* $(,)?)? }) => {
        impl $crate::store::access::column_projection::ColumnProjection for $type {
            const OPTIONAL_COLUMNS: &'static [&'static str] = &[$($(stringify!($field)),*)?];

            fn select_list(table: &str, selected: $crate::store::access::column_projection::ColumnSet) -> String {
                let always: &[&str] = &[$(stringify!($always)),*];
                let names: &[&str] = &[
                    $($($crate::store::access::column_projection::column_projection!(@name $field $($name)?)),*)?
                ];
                let optional = names.iter().enumerate().filter(|(index, _)| selected.contains(*index));
                let columns = always.iter().chain(optional.map(|(_, name)| name));
                columns.map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
            }

            fn from_columns(
                columns: &mut $crate::store::access::column_projection::ColumnCursor<'_>,
                selected: $crate::store::access::column_projection::ColumnSet,
            ) -> Result<Self, sea_orm::DbErr> {
                $(let $always = columns.next_value()?;)*
                $(
                    let mut selected_columns = (0..).map(|index| selected.contains(index));
                    let mut is_selected = || selected_columns.next().unwrap_or_default();
                    $(let $field = if is_selected() { columns.next_value()? } else { Default::default() };)*
                )?
                Ok(Self { $($always,)* $($($field,)*)? $($($unread: Default::default(),)*)? })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}
pub(crate) use column_projection;

column_projection!(researcher::Model {
    id
    | slug, display_name, given_name, family_name, other_names, orcid, portrait_url, homepage_url, created_at, updated_at,
    headline, biography;
    search_only_names, told_names, hidden_forms, withholds_published_name, sort_name, name_key, block
});
column_projection!(researcher_statistics::Model {
    researcher_id | paper_count, work_count, coauthor_count, first_year, last_year
});
column_projection!(organization::Model {
    id
    | slug, ror, display_names, types, status, country_code, city, homepage_url, created_at, updated_at, names;
    sort_names
});
column_projection!(affiliation::Model {
    id, researcher_id, organization_id, kind
    | start_date, end_date, has_ended, is_primary, created_at, updated_at, role_title, department_name
});
column_projection!(topic::Model {
    id
    | slug, scheme, code, display_names, created_at, updated_at, names;
    concept_uri, sort_names
});
column_projection!(paper::Model {
    id, version_of_id
    | slug, title, abstract_completeness, publication_date, publication_year, paper_type = "type", venue_name, language, doi,
    arxiv_id, url, is_retracted, author_count, created_at, updated_at, translated_titles, abstract_text, volume, issue,
    pages, article_number, edition, publisher_name, issns, isbns, keywords;
    sort_title, shared_doi, version_basis
});
// Redaction needs `researcher_id`, `name_as_published` and `name`.
column_projection!(authorship::Model {
    id, paper_id, researcher_id, name_as_published, name
    | position, is_corresponding, equal_contribution_group, affiliations_as_published;
    list_order, publication_key, repair_value, repair_rule, repair_confidence, is_repair_applied, suggestion_key,
    confirming_key, same_as_id, orcid, author_ids, block, is_orcid_doubtful, doubtful_ids,
    family_words
});
