//! Scalars: dates, URLs and language tags.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike as _, NaiveDate, SecondsFormat, Utc};

use crate::model::language::LanguageTag;
use crate::model::partial_date::PartialDate;

fn expect_string(value: Value) -> Result<String, Value> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(other),
    }
}

/// A calendar date: `YYYY-MM-DD` (ISO 8601).
pub struct Date(pub NaiveDate);

/// A calendar date: `YYYY-MM-DD` (ISO 8601).
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = expect_string(value).map_err(InputValueError::expected_type)?;
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text);
        // Postgres does not support all the years that chrono does.
        let date = date.filter(|date| (1..=9999).contains(&date.year()));
        date.map(Self)
            .ok_or_else(|| InputValueError::custom(format!("'{text}' is not a date; use the format YYYY-MM-DD")))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A calendar date, as precisely as it is known: `YYYY`, `YYYY-MM` or `YYYY-MM-DD` (ISO 8601).
#[Scalar]
impl ScalarType for PartialDate {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = expect_string(value).map_err(InputValueError::expected_type)?;
        text.parse().map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A timestamp in UTC (RFC 3339), such as `2026-01-31T12:00:00Z`.
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A timestamp in UTC (RFC 3339), such as `2026-01-31T12:00:00Z`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = expect_string(value).map_err(InputValueError::expected_type)?;
        let timestamp = chrono::DateTime::parse_from_rfc3339(&text);
        timestamp.map(|timestamp| Self(timestamp.to_utc())).map_err(|_| {
            InputValueError::custom(format!(
                "'{text}' is not an RFC 3339 timestamp; use a format such as 2026-01-31T12:00:00Z"
            ))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A BCP 47 language tag, such as `fr`, `en` or `fr-CA`; at most 100 characters.
///
/// A list of tags is sorted by preference and overrides the request's `Accept-Language` header. Only the first 20 tags
/// are used.
///
/// Each tag is tried as given, then without its last subtag (`zh-Hant-TW`, `zh-Hant`, `zh`). Each of these also matches
/// a text with an additional region or script. If nothing matches, the fallbacks are the directory's default language,
/// a text without a language, and any text.
///
/// In `Accept-Language`, `q=0` excludes a language; `*` and malformed entries are ignored.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc5646")]
impl ScalarType for LanguageTag {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = expect_string(value).map_err(InputValueError::expected_type)?;
        text.parse().map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// An absolute URL (RFC 3986).
pub struct Url(pub String);

/// An absolute URL (RFC 3986).
#[Scalar(name = "URL", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3986")]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = expect_string(value).map_err(InputValueError::expected_type)?;
        match url::Url::parse(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(InputValueError::custom(format!("'{text}' is not an absolute URL: {error}"))),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// Converts a stored URL.
pub fn stored_url(stored: Option<&String>) -> Option<Url> {
    stored.map(|text| Url(text.clone()))
}

/// Converts a count to a GraphQL `Int`; a count that is too large becomes the maximum.
pub fn saturating_i32(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
