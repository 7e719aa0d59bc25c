//! Partial dates: a year, a month or a day, as precise as the source states it.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A calendar date of stated precision, written `YYYY`, `YYYY-MM` or `YYYY-MM-DD` (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartialDate {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

/// The error for a date that does not exist or is not in one of the accepted formats.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a date; use YYYY, YYYY-MM or YYYY-MM-DD with a year from 0001 to 9999")]
pub struct InvalidPartialDate(String);

impl PartialDate {
    /// Creates a date from its parts. A day requires a month.
    ///
    /// # Errors
    /// If the calendar has no such date.
    pub fn new(year: i64, month: Option<i64>, day: Option<i64>) -> Result<Self, InvalidPartialDate> {
        let invalid = || {
            let parts = [Some(year), month, day].into_iter().flatten().map(|part| part.to_string());
            InvalidPartialDate(parts.collect::<Vec<_>>().join("-"))
        };
        let narrow = |part: Option<i64>| part.map(u8::try_from).transpose().map_err(|_| invalid());
        let date = Self { year: u16::try_from(year).map_err(|_| invalid())?, month: narrow(month)?, day: narrow(day)? };
        let exists = (1..=9999).contains(&year)
            && (date.day.is_none() || date.month.is_some())
            && NaiveDate::from_ymd_opt(
                i32::from(date.year),
                u32::from(date.month.unwrap_or(1)),
                u32::from(date.day.unwrap_or(1)),
            )
            .is_some();
        if exists { Ok(date) } else { Err(invalid()) }
    }

    /// Returns the year.
    #[must_use]
    pub fn year(self) -> i32 {
        i32::from(self.year)
    }

    /// Returns the month, from 1, if known.
    #[must_use]
    pub fn month(self) -> Option<u8> {
        self.month
    }

    /// Returns the day of the month, from 1, if known.
    #[must_use]
    pub fn day(self) -> Option<u8> {
        self.day
    }

    /// Returns whether the date is before another one, as far as both are known: 2015 is not before 2015-02-03.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        let (months, days) = (self.month.zip(other.month), self.day.zip(other.day));
        let (own_month, month) = months.unwrap_or_default();
        let (own_day, day) = months.and(days).unwrap_or_default();
        (self.year, own_month, own_day) < (other.year, month, day)
    }
}

impl FromStr for PartialDate {
    type Err = InvalidPartialDate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidPartialDate(text.chars().take(40).collect());
        let mut parts = text.split('-');
        let mut part = |width: usize| match parts.next() {
            None => Ok(None),
            Some(digits) if digits.len() == width && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Some).map_err(|_| invalid())
            }
            Some(_) => Err(invalid()),
        };
        let (year, month, day) = (part(4)?.ok_or_else(invalid)?, part(2)?, part(2)?);
        if parts.next().is_some() {
            return Err(invalid());
        }
        Self::new(year, month, day).map_err(|_| invalid())
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().flatten() {
            write!(formatter, "-{part:02}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for PartialDate {
    type Error = InvalidPartialDate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PartialDate> for String {
    fn from(date: PartialDate) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_formats() {
        for written in ["2015", "2015-02", "2016-02-29", "0999"] {
            assert_eq!(written.parse::<PartialDate>().expect("a date").to_string(), written);
        }
        for written in
            ["", "15", "2015-2", "2015-13", "2015-02-30", "2015-02-01-01", "0000", "-2015", "2015-", "２０１５"]
        {
            assert!(written.parse::<PartialDate>().is_err(), "{written}");
        }
    }

    #[test]
    fn a_day_needs_a_month() {
        assert!(PartialDate::new(2015, None, Some(3)).is_err());
        assert_eq!(PartialDate::new(2015, Some(3), None).expect("a date").to_string(), "2015-03");
    }
}
