//! The scalars: dates, addresses and language tags, each with its standard.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike as _, NaiveDate, SecondsFormat, Utc};

use crate::model::language::LanguageTag;
use crate::model::partial_date::PartialDate;

fn text(value: Value) -> Result<String, Value> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(other),
    }
}

/// A calendar date: YYYY-MM-DD (ISO 8601).
pub struct Date(pub NaiveDate);

/// A calendar date: YYYY-MM-DD (ISO 8601).
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::expected_type)?;
        let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text);
        // Postgres refuses some of the years that chrono knows.
        let date = date.filter(|date| (1..=9999).contains(&date.year()));
        date.map(Self).ok_or_else(|| InputValueError::custom(format!("'{text}' is not a date; write YYYY-MM-DD")))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A date as far as it is known: YYYY, YYYY-MM or YYYY-MM-DD (ISO 8601).
#[Scalar]
impl ScalarType for PartialDate {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::expected_type)?;
        text.parse().map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A moment: RFC 3339, in UTC.
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A moment: RFC 3339, in UTC.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::expected_type)?;
        let moment = chrono::DateTime::parse_from_rfc3339(&text);
        moment.map(|moment| Self(moment.to_utc())).map_err(|_| {
            InputValueError::custom(format!(
                "'{text}' is not a moment; write one as RFC 3339 has it: 2026-01-31T12:00:00Z"
            ))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// The tag of a language: BCP 47, such as fr, en or fr-CA, of at most 100 characters. A list of them is in order of
/// preference, of which the first twenty count, and goes before the request's Accept-Language. Each tag is tried as it is,
/// then without its last part (zh-Hant-TW, zh-Hant, zh), and each of these also finds a text of one of its regions or
/// scripts. Where nothing is found the directory's default language is tried, then a text of unknown language, then any.
/// In Accept-Language q=0 takes a language off what is tried, `*` names none, and what is malformed is passed over.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc5646")]
impl ScalarType for LanguageTag {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::expected_type)?;
        text.parse().map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// An absolute address: RFC 3986.
pub struct Url(pub String);

/// An absolute address: RFC 3986.
#[Scalar(name = "URL", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3986")]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::expected_type)?;
        match url::Url::parse(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(InputValueError::custom(format!("'{text}' is not an address: {error}"))),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An address as stored, where there is one.
pub fn url(stored: Option<&String>) -> Option<Url> {
    stored.map(|text| Url(text.clone()))
}
