//! How the domain's own types are stored in columns.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable, TryGetableFromJson, Value};
use serde::Deserialize;
use serde::de::value::{Error as WordError, StrDeserializer};

use crate::model::language::LocalizedText;
use crate::model::record::{AbstractCompleteness, AffiliationKind, Name, NameUse, PaperType};
use crate::text::names::RepairRule;

/// A list of names with their kinds, as stored in one column.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Names(pub Vec<Name>);

/// A type stored as JSONB.
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

/// An enumeration stored as the word that serde gives its value.
macro_rules! word_column {
    ($type:ty) => {
        impl TryGetable for $type {
            fn try_get_by<I: ColIdx>(result: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let word = <String as TryGetable>::try_get_by(result, index)?;
                <$type>::deserialize(StrDeserializer::<WordError>::new(&word))
                    .map_err(|error| TryGetError::DbErr(sea_orm::DbErr::Type(error.to_string())))
            }
        }

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let word = serde_json::to_value(value).ok();
                Value::String(word.as_ref().and_then(|word| word.as_str()).map(ToOwned::to_owned))
            }
        }

        impl ValueType for $type {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                match value {
                    Value::String(Some(word)) => {
                        <$type>::deserialize(StrDeserializer::<WordError>::new(&word)).map_err(|_| ValueTypeErr)
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
json_column!(Names);
word_column!(AbstractCompleteness);
word_column!(AffiliationKind);
word_column!(NameUse);
word_column!(PaperType);
word_column!(RepairRule);
