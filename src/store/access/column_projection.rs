//! Columns read by their places in a row, and only those that are wanted: what a query does not select is neither sent nor
//! taken apart.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::postgres::types::PgRecordDecoder;
use sea_orm::sqlx::types::Json;
use sea_orm::sqlx::{self, Row as _};
use sea_orm::{DbErr, QueryResult};
use serde::Deserialize as _;
use serde::de::value::{Error as WordError, StrDeserializer};

use crate::entity::affiliation;
use crate::entity::authorship;
use crate::entity::organization;
use crate::entity::organization::Names;
use crate::entity::paper;
use crate::entity::researcher;
use crate::entity::topic;
use crate::model::language::LocalizedText;
use crate::model::record::{AbstractCompleteness, AffiliationKind, PaperType};

/// Which columns are wanted, by their places among [`Columns::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selected(u64);

impl Selected {
    /// All there are.
    pub const ALL: Self = Self(u64::MAX);
    /// Only those that are always read.
    pub const NONE: Self = Self(0);

    /// The columns of these names; all where one of them is none of its names.
    #[must_use]
    pub fn of<C: Columns>(names: &[&str]) -> Self {
        let place = |name: &&str| C::NAMES.iter().position(|known| known == name);
        names.iter().map(place).try_fold(0, |all, place| Some(all | 1 << place?)).map_or(Self::ALL, Self)
    }

    /// Whether the column at this place is wanted.
    #[must_use]
    pub fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    /// What either wants.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The columns of a row, read one after the other: its own, or those of a record in it.
pub enum Places<'r> {
    /// The row, and the place of the next column.
    Columns(&'r PgRow, usize),
    /// What is left of the record.
    Record(PgRecordDecoder<'r>),
}

fn of_postgres(result: &QueryResult) -> Result<&PgRow, DbErr> {
    result.try_as_pg_row().ok_or_else(|| DbErr::Type("a row of another database".to_owned()))
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbErr {
    DbErr::Type(error.into().to_string())
}

impl<'r> Places<'r> {
    /// The columns of a row.
    ///
    /// # Errors
    /// Where it is none of Postgres.
    pub fn of(result: &'r QueryResult) -> Result<Self, DbErr> {
        Ok(Self::Columns(of_postgres(result)?, 0))
    }

    /// The columns of the record at a place.
    ///
    /// # Errors
    /// Where there is no record.
    pub fn of_record(result: &'r QueryResult, place: usize) -> Result<Self, DbErr> {
        let record = of_postgres(result)?.try_get_raw(place).map_err(unreadable)?;
        PgRecordDecoder::new(record).map(Self::Record).map_err(unreadable)
    }

    /// What the next column holds.
    ///
    /// # Errors
    /// Where that is of another type.
    pub fn read<T: Column>(&mut self) -> Result<T, DbErr> {
        T::next(self)
    }

    fn by_the_driver<T>(&mut self) -> Result<T, DbErr>
    where
        T: for<'d> sqlx::Decode<'d, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        match self {
            Self::Columns(row, next) => {
                *next += 1;
                row.try_get(*next - 1).map_err(unreadable)
            }
            Self::Record(rest) => rest.try_decode().map_err(unreadable),
        }
    }
}

/// A part of a row.
pub trait Columns: Sized {
    /// Its columns that are read where they are wanted.
    const NAMES: &'static [&'static str];

    /// Its columns of a table, as a list in SQL.
    fn of(table: &str, selected: Selected) -> String;

    /// Reads it at the next places. What is not wanted is as empty as it can be.
    ///
    /// # Errors
    /// Where a column is of another type.
    fn read(places: &mut Places<'_>, selected: Selected) -> Result<Self, DbErr>;
}

/// What a column can hold.
pub trait Column: Sized {
    /// What the next column holds.
    ///
    /// # Errors
    /// Where that is of another type.
    fn next(places: &mut Places<'_>) -> Result<Self, DbErr>;
}

/// Types that the driver reads by itself: SeaORM would make a message of each null, and read JSON twice.
macro_rules! read_by_the_driver {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn next(places: &mut Places<'_>) -> Result<Self, DbErr> {
                places.by_the_driver()
            }
        })*
    };
}
read_by_the_driver!(bool, i32, i64, String, Vec<String>, DateTimeUtc);
read_by_the_driver!(Option<bool>, Option<i32>, Option<i64>, Option<String>, Option<Vec<String>>);

macro_rules! read_as_json {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn next(places: &mut Places<'_>) -> Result<Self, DbErr> {
                places.by_the_driver().map(|Json(value)| value)
            }
        })*
    };
}
read_as_json!(LocalizedText, Names);

/// Stored as the word that serde gives each value.
macro_rules! read_as_word {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn next(places: &mut Places<'_>) -> Result<Self, DbErr> {
                let word: String = places.by_the_driver()?;
                <$type>::deserialize(StrDeserializer::<WordError>::new(&word)).map_err(unreadable)
            }
        })*
    };
}
read_as_word!(AbstractCompleteness, AffiliationKind, PaperType);

/// Names the columns of a struct's fields, in order: each by the field's name or by the text behind it. Those before the bar
/// are always read.
macro_rules! columns {
    ($type:ty { $($always:ident),* $(,)? $(| $($field:ident $(= $name:literal)?),* $(,)?)? }) => {
        impl $crate::store::access::column_projection::Columns for $type {
            const NAMES: &'static [&'static str] = &[$($(stringify!($field)),*)?];

            fn of(table: &str, selected: $crate::store::access::column_projection::Selected) -> String {
                let always: &[&str] = &[$(stringify!($always)),*];
                let names: &[&str] = &[$($($crate::store::access::column_projection::columns!(@name $field $($name)?)),*)?];
                let wanted = names.iter().enumerate().filter(|(place, _)| selected.has(*place)).map(|(_, name)| name);
                always.iter().chain(wanted).map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
            }

            fn read(
                places: &mut $crate::store::access::column_projection::Places<'_>,
                selected: $crate::store::access::column_projection::Selected,
            ) -> Result<Self, sea_orm::DbErr> {
                $(let $always = places.read()?;)*
                $(
                    let mut wanted = (0..).map(|place| selected.has(place));
                    let mut is_wanted = || wanted.next().unwrap_or_default();
                    $(let $field = if is_wanted() { places.read()? } else { Default::default() };)*
                )?
                Ok(Self { $($always,)* $($($field,)*)? })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}
pub(crate) use columns;

columns!(researcher::Model {
    id
    | slug, display_name, given_name, family_name, other_names, orcid, portrait_url, homepage_url, created_at, updated_at,
    headline, biography
});
columns!(organization::Model {
    id
    | slug, ror, display_names, types, status, country_code, city, homepage_url, created_at, updated_at, names
});
columns!(affiliation::Model {
    id, researcher_id, organization_id, kind
    | start_date, end_date, is_primary, created_at, updated_at, role_title, department_name
});
columns!(topic::Model { id | slug, scheme, code, display_names, created_at, updated_at, names });
columns!(paper::Model {
    id, version_of_id
    | slug, title, abstract_completeness, publication_date, publication_year, paper_type = "type", venue_name, language, doi,
    arxiv_id, url, is_retracted, author_count, created_at, updated_at, translated_titles, abstract_text
});
// Which name of an author may be shown is told by all of them.
columns!(authorship::Model {
    id, paper_id, researcher_id, name_as_published, name
    | position, is_corresponding, equal_contribution_group, affiliations_as_published
});
