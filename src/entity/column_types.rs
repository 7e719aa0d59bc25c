//! Column types of domain types.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable, TryGetableFromJson, Value};
use serde::Deserialize;
use serde::de::value::{Error as EnumError, StrDeserializer};

use crate::model::language::LocalizedText;
use crate::model::record::{AbstractCompleteness, AffiliationKind, NameRecord, NameUse, PaperType};
use crate::text::names::RepairRule;

/// Names with their kinds, stored as one JSONB column.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct NameRecords(pub Vec<NameRecord>);

/// Stores a type as JSONB.
macro_rules! json_column {
    ($type:ty) => {
        impl TryGetableFromJson for $type {}

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::Json(serde_json::to_value(value).ok().map(Box::new))
            }
        }

        impl ValueType for $type {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                match value {
                    Value::Json(Some(json)) => serde_json::from_value(*json).map_err(|_| ValueTypeErr),
                    _ => Err(ValueTypeErr),
                }
            }

            fn type_name() -> String {
                stringify!($type).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::Json
            }

            fn column_type() -> ColumnType {
                ColumnType::JsonBinary
            }
        }

        impl Nullable for $type {
            fn null() -> Value {
                Value::Json(None)
            }
        }
    };
}

/// Stores an enum as text, by its serde name.
macro_rules! string_enum_column {
    ($type:ty) => {
        impl TryGetable for $type {
            fn try_get_by<I: ColIdx>(result: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let name = <String as TryGetable>::try_get_by(result, index)?;
                <$type>::deserialize(StrDeserializer::<EnumError>::new(&name))
                    .map_err(|error| TryGetError::DbErr(sea_orm::DbErr::Type(error.to_string())))
            }
        }

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let name = serde_json::to_value(value).ok();
                Value::String(name.as_ref().and_then(|name| name.as_str()).map(ToOwned::to_owned))
            }
        }

        impl ValueType for $type {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                match value {
                    Value::String(Some(name)) => {
                        <$type>::deserialize(StrDeserializer::<EnumError>::new(&name)).map_err(|_| ValueTypeErr)
                    }
                    _ => Err(ValueTypeErr),
                }
            }

            fn type_name() -> String {
                stringify!($type).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::String
            }

            fn column_type() -> ColumnType {
                ColumnType::Text
            }
        }

        impl Nullable for $type {
            fn null() -> Value {
                Value::String(None)
            }
        }
    };
}

json_column!(LocalizedText);
json_column!(NameRecords);
string_enum_column!(AbstractCompleteness);
string_enum_column!(AffiliationKind);
string_enum_column!(NameUse);
string_enum_column!(PaperType);
string_enum_column!(RepairRule);
