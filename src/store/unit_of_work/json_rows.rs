//! Rows that are passed to Postgres as one JSON parameter. The struct of a row is the only place that names its
//! columns.

use serde::Serialize;
use serde_json::Value;

use crate::disambiguation::{Evidence, MatchMethod};
use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::{
    AbstractCompleteness, AffiliationKind, NameRecord, NameUse, OrganizationRelation, PaperType,
};
use crate::store::access::sql_fragment::Sql;
use crate::text::names::RepairRule;

/// A row of [`rows_cte`]. [`json_row!`] implements it.
pub(crate) trait JsonRow: Serialize {
    /// The name and the SQL type of each column.
    const COLUMNS: &'static [(&'static str, &'static str)];
}

impl<T: JsonRow> JsonRow for &T {
    const COLUMNS: &'static [(&'static str, &'static str)] = T::COLUMNS;
}

/// `WITH rows AS (…)` over rows that are passed as one JSON parameter.
pub(crate) fn rows_cte<T: JsonRow>(rows: &[T]) -> Result<Sql, Error> {
    let columns: Vec<String> = T::COLUMNS.iter().map(|(name, sql_type)| format!("{name} {sql_type}")).collect();
    let columns = columns.join(", ");
    let json = serde_json::to_string(rows).map_err(Error::internal)?;
    let text = format!("WITH rows AS MATERIALIZED (SELECT * FROM json_to_recordset(?::text::json) AS row({columns})) ");
    Ok(Sql::with(&text, json))
}

/// A value whose JSON Postgres reads as a column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no SQL type of its own",
    note = "name the SQL type of the column after the type of the field: `author_count: usize as \"integer\"`"
)]
pub(crate) trait JsonColumn {
    /// The SQL type of a value.
    const SQL_TYPE: &'static str;
    /// The SQL type of a list of values.
    const LIST_SQL_TYPE: &'static str;
}

macro_rules! column_types {
    ($($sql_type:literal, $list_sql_type:literal: $($type:ty),+;)+) => {
        $($(impl JsonColumn for $type {
            const SQL_TYPE: &'static str = $sql_type;
            const LIST_SQL_TYPE: &'static str = $list_sql_type;
        })+)+
    };
}
column_types! {
    "smallint", "smallint[]": i16;
    "integer", "integer[]": i32;
    "bigint", "bigint[]": i64;
    "real", "real[]": f32;
    "double precision", "double precision[]": f64;
    "boolean", "boolean[]": bool;
    "text", "text[]": str, String;
    // Enums stored as words.
    "text", "text[]": AbstractCompleteness, AffiliationKind, MatchMethod, NameUse, OrganizationRelation, PaperType;
    "text", "text[]": RepairRule;
    // A list of them is stored as one JSON array.
    "jsonb", "jsonb": Evidence, LocalizedText, NameRecord, Value;
}

impl<T: JsonColumn + ?Sized> JsonColumn for &T {
    const SQL_TYPE: &'static str = T::SQL_TYPE;
    const LIST_SQL_TYPE: &'static str = T::LIST_SQL_TYPE;
}

impl<T: JsonColumn> JsonColumn for Option<T> {
    const SQL_TYPE: &'static str = T::SQL_TYPE;
    const LIST_SQL_TYPE: &'static str = T::LIST_SQL_TYPE;
}

// An array type of Postgres has any number of dimensions, and so has an array of JSON.
impl<T: JsonColumn> JsonColumn for [T] {
    const SQL_TYPE: &'static str = T::LIST_SQL_TYPE;
    const LIST_SQL_TYPE: &'static str = T::LIST_SQL_TYPE;
}

impl<T: JsonColumn> JsonColumn for Vec<T> {
    const SQL_TYPE: &'static str = <[T]>::SQL_TYPE;
    const LIST_SQL_TYPE: &'static str = <[T]>::LIST_SQL_TYPE;
}

/// Returns the column of a field: its name without the `r#` of a keyword.
pub(crate) const fn column_of_field(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Declares a struct that is a [`JsonRow`]. A column has the name of its field and the SQL type of the field's type,
/// unless a literal follows: `provided_fields as "told": Vec<String>`, `author_count: usize as "integer"`.
macro_rules! json_row {
    (@name $field:ident) => { $crate::store::unit_of_work::json_rows::column_of_field(stringify!($field)) };
    (@name $field:ident $name:literal) => { $name };
    (@type $type:ty) => { <$type as $crate::store::unit_of_work::json_rows::JsonColumn>::SQL_TYPE };
    (@type $type:ty, $sql_type:literal) => { $sql_type };
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $row:ident $(<$lifetime:lifetime>)? {
            $(
                $(#[$field_attribute:meta])*
                $field_visibility:vis $field:ident $(as $name:literal)?: $type:ty $(as $sql_type:literal)?
            ),+ $(,)?
        }
    ) => {
        #[derive(::serde::Serialize)]
        $(#[$attribute])*
        $visibility struct $row $(<$lifetime>)? {
            $(
                $(#[$field_attribute])*
                $(#[serde(rename = $name)])?
                $field_visibility $field: $type,
            )+
        }

        impl $(<$lifetime>)? $crate::store::unit_of_work::json_rows::JsonRow for $row $(<$lifetime>)? {
            const COLUMNS: &'static [(&'static str, &'static str)] = &[$((
                $crate::store::unit_of_work::json_rows::json_row!(@name $field $($name)?),
                $crate::store::unit_of_work::json_rows::json_row!(@type $type $(, $sql_type)?),
            )),+];
        }
    };
}
pub(crate) use json_row;

#[cfg(test)]
mod tests {
    use super::*;

    json_row! {
        /// A row with each kind of field.
        struct ExampleRow<'a> {
            pub id: i64,
            /// A keyword.
            r#type: PaperType,
            provided_fields as "told": Option<&'a [String]>,
            names: Vec<NameRecord>,
            author_count: usize as "integer",
        }
    }

    #[test]
    fn columns_are_those_of_the_struct() {
        let row =
            ExampleRow { id: 1, r#type: PaperType::Other, provided_fields: None, names: Vec::new(), author_count: 2 };
        let statement = rows_cte(&[&row]).and_then(Sql::into_statement).expect("a statement");
        assert_eq!(
            statement.sql,
            "WITH rows AS MATERIALIZED (SELECT * FROM json_to_recordset($1::text::json) AS \
             row(id bigint, type text, told text[], names jsonb, author_count integer)) "
        );
        let json = r#"[{"id":1,"type":"OTHER","told":null,"names":[],"author_count":2}]"#;
        assert_eq!(statement.values.map(|values| values.0), Some(vec![json.into()]));
    }
}
