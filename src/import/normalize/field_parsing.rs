//! Parsers shared by formats: strings in JSON objects, identifiers, dates, languages and name parts.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use isolang::Language;
use serde_json::Value;

use crate::model::partial_date::PartialDate;
use crate::model::record::{AbstractCompleteness, ExternalIdentifier};
use crate::text::markup::strip_markup;

/// Returns a non-empty string or a number as a string; of a list, the first one.
pub(crate) fn text_field(object: &Value, field: &str) -> Option<String> {
    text_fields(object, field).next()
}

/// Returns all strings of a field, which may be a single value or a list.
pub(crate) fn text_fields<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = String> + use<'a> {
    as_list(object.get(field)).iter().filter_map(scalar_text)
}

fn scalar_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the elements of a list; a single value is a list of one, null an empty list.
pub(crate) fn as_list(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
    }
}

/// Returns the value at a path of fields.
pub(crate) fn value_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, field| value.get(field)).filter(|value| !value.is_null())
}

/// Parses an identifier; an invalid one is reported and ignored.
pub(crate) fn parse_identifier<T>(text: Option<&str>, warnings: &mut Vec<String>) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    match text.map(str::trim).filter(|text| !text.is_empty())?.parse() {
        Ok(identifier) => Some(identifier),
        Err(error) => {
            warnings.push(format!("{error}; it was ignored"));
            None
        }
    }
}

/// Joins the first and the last page; either may be missing.
pub(crate) fn page_range(first: Option<String>, last: Option<String>) -> Option<String> {
    match (first, last) {
        (Some(first), Some(last)) if first != last => Some(format!("{first}--{last}")),
        (first, last) => first.or(last),
    }
}

/// Creates an external identifier, unless the value is empty.
pub(crate) fn scheme_identifier(scheme: &str, value: Option<String>) -> Option<ExternalIdentifier> {
    Some(ExternalIdentifier { scheme: scheme.to_owned(), value: value?.trim().to_owned() })
        .filter(|id| !id.value.is_empty())
}

/// Parses a date in parts: year, month, day. A date that does not exist is shortened to its year.
pub(crate) fn date_from_parts(parts: &[Value], warnings: &mut Vec<String>) -> Option<PartialDate> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let part = |index: usize| parts.get(index).and_then(number).filter(|part| *part != 0);
    date_or_year(part(0)?, part(1), part(2), warnings)
}

/// Creates a date from a year and optional parts. A date that does not exist is shortened to its year.
pub(crate) fn date_or_year(
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    warnings: &mut Vec<String>,
) -> Option<PartialDate> {
    let day = month.and(day);
    PartialDate::new(year, month, day).ok().or_else(|| {
        let date = PartialDate::new(year, None, None).ok();
        let outcome = date.map_or("ignored".to_owned(), |date| format!("shortened to {date}"));
        let text: Vec<String> = [Some(year), month, day].into_iter().flatten().map(|part| part.to_string()).collect();
        warnings.push(format!("the date [{}] is not a valid date; it was {outcome}", text.join(",")));
        date
    })
}

/// Parses a date as sources write it: ISO 8601, with a time, EDTF, day.month.year, or any text with a year.
///
/// Of a range, the start is used, or the end if the start is unknown. A date that does not exist is shortened to its year. Years BC are ignored.
pub(crate) fn parse_date(text: &str, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let text = text.trim();
    let exact = text.get(..10).and_then(|date| date.parse().ok()).or_else(|| text.parse().ok());
    if let Some(date) = exact.or_else(|| parse_edtf(text)).or_else(|| parse_day_first(text)) {
        return Some(date);
    }
    let digits = text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 4);
    let year: Option<PartialDate> = digits.filter(|_| !text.starts_with('-')).and_then(|digits| digits.parse().ok());
    let is_exact = text.chars().filter(char::is_ascii_digit).count() >= 6 && text.split(['-', '/']).count() == 3;
    let prefix: String = text.chars().take(40).collect();
    match year {
        Some(year) if is_exact => {
            warnings.push(format!("the date '{prefix}' is not a valid date; it was shortened to {year}"));
        }
        None if text.chars().any(|c| c.is_ascii_digit()) => {
            warnings.push(format!("'{prefix}' is not a recognizable date and was ignored"));
        }
        _ => {}
    }
    year
}

/// Parses a date of the Extended Date/Time Format (EDTF), as BibLaTeX uses it: `2004-06/2005-02`, `2004-07/..`, `1723~`,
/// `2010-05?`, `2004-22` (a season), `1994-XX`. Month and day may have one digit.
fn parse_edtf(text: &str) -> Option<PartialDate> {
    let ends: Vec<&str> = text.split('/').map(|end| end.trim().trim_matches(['~', '?', '%'])).collect();
    let is_known = |end: &&str| !matches!(*end, "" | ".." | "*" | "open" | "unknown");
    let date = ends.iter().copied().find(is_known).filter(|_| ends.len() <= 2)?;
    let mut parts =
        date.split('T').next().unwrap_or_default().split('-').map(|part| part.trim_matches(['~', '?', '%']));
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| -> Option<i64> {
        let is_number = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| is_number)
    };
    let is_unspecified = |part: &str| !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'X' | b'u'));
    let year = number(parts.next()?, 4..=4)?;
    let month = match parts.next() {
        Some(month) if !is_unspecified(month) => Some(number(month, 1..=2)?),
        _ => None,
    };
    let day = match parts.next() {
        Some(day) if !is_unspecified(day) => Some(number(day, 1..=2)?),
        _ => None,
    };
    let month = month.filter(|month| !(21..=41).contains(month));
    PartialDate::new(year, month, month.and(day)).ok().filter(|_| parts.next().is_none())
}

/// Parses a date such as `1.9.2014`, in the order of the languages that write it with dots.
pub(crate) fn parse_day_first(text: &str) -> Option<PartialDate> {
    let mut parts = text.split('.').map(str::trim);
    let (day, month, year) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let is_year = year.len() == 4 && parts.next().is_none();
    PartialDate::new(year.parse().ok()?, Some(month), Some(day)).ok().filter(|_| is_year)
}

/// Parses a month: its number, or the start of its English name.
pub(crate) fn parse_month(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let text = text.trim().to_lowercase();
    if let Ok(number) = text.parse::<i64>() {
        return Some(number).filter(|number| (1..=12).contains(number));
    }
    let number = MONTHS.iter().position(|month| text.starts_with(month))?;
    i64::try_from(number + 1).ok()
}

/// Parses a month that may have a day: `nov`, `11`, `15~nov`, `Nov 15`. Of several months, as in `jan/feb`, the first.
pub(crate) fn month_and_day(text: &str) -> (Option<i64>, Option<i64>) {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = words.iter().find(|word| word.chars().any(char::is_alphabetic)).or(words.first());
    let day = words.iter().filter(|_| words.len() == 2).find(|word| word.chars().all(|c| c.is_ascii_digit()));
    (name.and_then(|name| parse_month(name)), day.and_then(|day| day.parse().ok()))
}

/// Detects whether an abstract is absent, truncated or full.
pub(crate) fn abstract_completeness(text: &str) -> AbstractCompleteness {
    let text = strip_markup(text);
    let text = text.trim_end();
    if text.is_empty() {
        AbstractCompleteness::Absent
    } else if text.ends_with('…') || text.ends_with("...") {
        AbstractCompleteness::Truncated
    } else {
        AbstractCompleteness::Full
    }
}

/// Joins the parts of a name that are present.
pub(crate) fn join_name_parts(parts: &[Option<&str>]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    Some(parts.join(" ")).filter(|text| !text.is_empty())
}

/// The languages by their lowercase names, in English and in the language itself.
static LANGUAGES_BY_NAME: LazyLock<HashMap<String, Language>> = LazyLock::new(|| {
    let named = |name: fn(&Language) -> Option<&'static str>| {
        isolang::languages().filter_map(move |language| Some((name(&language)?.to_lowercase(), language)))
    };
    // Of equal names, the last one counts: that of a language with a two-letter code.
    let mut names: Vec<_> = named(Language::to_autonym).chain(named(|language| Some(language.to_name()))).collect();
    names.sort_by_key(|(_, language)| language.to_639_1().is_some());
    names.into_iter().collect()
});

/// Returns the language tag for a tag, a three-letter code, a name in English or in the language itself, or a name that
/// LaTeX has for it.
pub(crate) fn language_tag(text: &str) -> Option<String> {
    /// What is not a name or code of ISO 639-3: names of LaTeX, and the other codes of ISO 639-2.
    const ALIASES: [(&str, &str); 30] = [
        ("american", "en-US"),
        ("usenglish", "en-US"),
        ("british", "en-GB"),
        ("ukenglish", "en-GB"),
        ("ngerman", "de"),
        ("naustrian", "de-AT"),
        ("francais", "fr"),
        ("brazilian", "pt-BR"),
        ("greek", "el"),
        ("farsi", "fa"),
        ("alb", "sq"),
        ("arm", "hy"),
        ("baq", "eu"),
        ("bur", "my"),
        ("chi", "zh"),
        ("cze", "cs"),
        ("dut", "nl"),
        ("fre", "fr"),
        ("geo", "ka"),
        ("ger", "de"),
        ("gre", "el"),
        ("ice", "is"),
        ("mac", "mk"),
        ("mao", "mi"),
        ("may", "ms"),
        ("per", "fa"),
        ("rum", "ro"),
        ("slo", "sk"),
        ("tib", "bo"),
        ("wel", "cy"),
    ];
    let (text, folded) = (text.trim(), text.trim().to_lowercase());
    if let Some((_, tag)) = ALIASES.iter().find(|(alias, _)| *alias == folded) {
        return Some((*tag).to_owned());
    }
    let language = Language::from_639_3(&folded).or_else(|| LANGUAGES_BY_NAME.get(&folded).copied());
    if let Some(language) = language {
        return Some(language.to_639_1().unwrap_or_else(|| language.to_639_3()).to_owned());
    }
    let is_tag = text.split(['-', '_']).next().is_some_and(|first| (2..=3).contains(&first.len()));
    is_tag.then(|| text.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        for (text, tag) in [
            ("eng", "en"),
            ("French", "fr"),
            ("français", "fr"),
            ("Deutsch", "de"),
            ("ngerman", "de"),
            ("Brazilian", "pt-BR"),
            ("ger", "de"),
            ("nor", "no"),
            ("grc", "grc"),
            ("Vietnamese", "vi"),
            ("日本語", "ja"),
            ("pt_BR", "pt-BR"),
            ("zh-Hant", "zh-Hant"),
            ("de", "de"),
        ] {
            assert_eq!(language_tag(text).as_deref(), Some(tag), "{text}");
        }
        assert_eq!(language_tag("Klingonese"), None);
    }

    #[test]
    fn months_and_dates() {
        assert_eq!(
            (parse_month("Sept."), parse_month("09"), parse_month("13"), parse_month("Spring")),
            (Some(9), Some(9), None, None)
        );
        for (text, expected) in [
            ("15~nov", (Some(11), Some(15))),
            ("Mar. 5", (Some(3), Some(5))),
            ("jan/feb", (Some(1), None)),
            ("03", (Some(3), None)),
            ("", (None, None)),
        ] {
            assert_eq!(month_and_day(text), expected, "{text}");
        }
        let mut warnings = Vec::new();
        let mut date = |text: &str| parse_date(text, &mut warnings).map(|date| date.to_string());
        assert_eq!(date("2015-02-03T10:00").as_deref(), Some("2015-02-03"));
        assert_eq!(date("c. 1900").as_deref(), Some("1900"));
        assert_eq!(date("1999/2000").as_deref(), Some("1999"));
        for (written, expected) in [
            ("2004-06/2005-02", "2004-06"),
            ("1995-03-30/1995-04-05", "1995-03-30"),
            ("2004-07/", "2004-07"),
            ("2004-07/..", "2004-07"),
            ("../2005-02", "2005-02"),
            ("1723~", "1723"),
            ("2010-05?", "2010-05"),
            ("2010-05-03%", "2010-05-03"),
            ("2004-22", "2004"),
            ("1994-XX-XX", "1994"),
            ("2021-5-3", "2021-05-03"),
            ("1991-92", "1991"),
            ("c2018", "2018"),
            ("01.09.2014", "2014-09-01"),
            ("2014-03-26T10:20:00Z", "2014-03-26"),
        ] {
            assert_eq!(date(written).as_deref(), Some(expected), "{written}");
        }
        assert_eq!((date("soon"), date("")), (None, None));
        assert_eq!(date("2024-13-45").as_deref(), Some("2024"));
        assert_eq!((date("-0050"), date("98")), (None, None));
        assert_eq!(
            warnings,
            [
                "the date '2024-13-45' is not a valid date; it was shortened to 2024",
                "'-0050' is not a recognizable date and was ignored",
                "'98' is not a recognizable date and was ignored",
            ]
        );
    }
}
