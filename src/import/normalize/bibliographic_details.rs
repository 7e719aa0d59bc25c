//! Bibliographic details of papers of all formats: volume, issue, pages, article number, edition, publisher, ISSNs,
//! ISBNs and keywords, each in one form, so that the same details in two formats are equal.

use std::collections::HashSet;

use crate::import::normalize::clean_record::clean_optional_line;
use crate::model::identifier::ArxivId;
use crate::model::record::{PaperRecord, PaperType};
use crate::model::standard_number::{StandardNumber, parse_standard_numbers};
use crate::model::text_limit::{MAX_DETAIL_CHARS, MAX_KEYWORDS, MAX_NAME_CHARS, MAX_STANDARD_NUMBERS, check_length};
use crate::text::names;
use crate::text::pages::parse_pages;

const VOLUME_LABELS: [&str; 3] = ["volume", "vol.", "vol"];
const ISSUE_LABELS: [&str; 7] = ["number", "issue", "num.", "nos.", "no.", "nr.", "iss."];
const EDITION_LABELS: [&str; 5] = ["edition", "edn.", "edn", "ed.", "ed"];
/// English ordinals of editions, from 1.
const ORDINALS: [&str; 20] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
];
/// The endings of ordinals in digits: 2nd, 3e, 4ème, 5., 6ª.
const ORDINAL_ENDINGS: [&str; 10] = ["st", "nd", "rd", "th", "e", "ème", "è", ".", "ª", "º"];

/// Normalizes the details of a paper. A value that is too long or not valid is ignored, with a warning.
pub(crate) fn normalize_details(record: &mut PaperRecord, warnings: &mut Vec<String>) {
    for (value, what) in [
        (&mut record.volume, "volume"),
        (&mut record.issue, "issue"),
        (&mut record.pages, "pages"),
        (&mut record.article_number, "article number"),
        (&mut record.edition, "edition"),
    ] {
        *value = clean_detail(value.take(), what, MAX_DETAIL_CHARS, warnings);
    }
    record.publisher_name = clean_detail(record.publisher_name.take(), "publisher", MAX_NAME_CHARS, warnings);
    record.volume = record.volume.take().map(|text| strip_label_before(&join_dashes(&text), &VOLUME_LABELS));
    record.issue = record.issue.take().map(|text| strip_label_before(&join_dashes(&text), &ISSUE_LABELS));
    // dblp writes the arXiv id of a preprint as its volume.
    record.volume.take_if(|volume| volume.strip_prefix("abs/").is_some_and(|id| id.parse::<ArxivId>().is_ok()));
    split_issue(record);
    normalize_pages(record);
    record.edition = record.edition.take().map(|text| normalize_edition(&text));
    normalize_standard_numbers(record, warnings);
    record.keywords = normalize_keywords(&record.keywords, warnings);
}

fn clean_detail(text: Option<String>, what: &str, max_chars: usize, warnings: &mut Vec<String>) -> Option<String> {
    let text = clean_optional_line(text, what, warnings)?;
    match check_length(&format!("the {what}"), &text, max_chars) {
        Ok(()) => Some(text),
        Err(reason) => {
            warnings.push(format!("{reason}; it was ignored"));
            None
        }
    }
}

/// Replaces all dashes, single or several, by a hyphen, as in the volume `12-13`.
fn join_dashes(text: &str) -> String {
    let is_dash = |c: char| matches!(c, '-' | '‐' | '‑' | '‒' | '–' | '—' | '−');
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut joined = String::with_capacity(text.len());
    for character in text.chars() {
        match is_dash(character) {
            true if joined.ends_with('-') => {}
            true => joined.push('-'),
            false => joined.push(character),
        }
    }
    joined
}

/// Removes a label before a number: `Vol. 12`. Text without a number is a value of its own: `Volume of honour`.
fn strip_label_before(text: &str, labels: &[&str]) -> String {
    let rest = labels.iter().find_map(|label| {
        let start = text.get(..label.len()).filter(|start| start.eq_ignore_ascii_case(label))?;
        Some(text[start.len()..].trim_start_matches([' ', ':', '.']))
    });
    rest.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(text).to_owned()
}

/// Splits the issue from a volume that has both, `12(3)`.
fn split_issue(record: &mut PaperRecord) {
    let Some(volume) = record.volume.as_deref().filter(|_| record.issue.is_none()) else { return };
    let parts = volume.strip_suffix(')').and_then(|text| text.split_once('('));
    let Some((before, issue)) = parts.map(|(before, issue)| (before.trim(), issue.trim())) else { return };
    if !before.is_empty() && !issue.is_empty() && !issue.contains(['(', ')']) {
        (record.volume, record.issue) = (Some(before.to_owned()), Some(issue.to_owned()));
    }
}

fn normalize_pages(record: &mut PaperRecord) {
    if let Some(number) = record.article_number.take() {
        record.article_number = parse_pages(&number).article_number.or(Some(number));
    }
    let Some(text) = record.pages.take() else { return };
    // Of a whole work, one number is the number of its pages.
    let is_whole = matches!(record.paper_type, PaperType::Book | PaperType::Thesis | PaperType::Report);
    let is_page_count = |text: &str| is_whole && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_page_count(&text) {
        return;
    }
    let parsed = parse_pages(&text);
    record.article_number = record.article_number.take().or(parsed.article_number);
    record.pages = parsed.pages.filter(|pages| !is_page_count(pages) && record.article_number.as_ref() != Some(pages));
}

/// The number of an edition, or its text without the word "edition": `2nd ed.` and `Second` are `2`.
fn normalize_edition(text: &str) -> String {
    let ends = EDITION_LABELS.iter().find_map(|label| {
        let start = text.len().checked_sub(label.len())?;
        let end = text.get(start..).filter(|end| end.eq_ignore_ascii_case(label))?;
        let before = text[..text.len() - end.len()].trim_end();
        Some(before).filter(|before| before.len() < start || before.ends_with('.'))
    });
    let plain = ends.map(str::trim).filter(|plain| !plain.is_empty()).unwrap_or(text);
    let folded = plain.to_lowercase();
    if let Some(index) = ORDINALS.iter().position(|ordinal| *ordinal == folded) {
        return (index + 1).to_string();
    }
    let digits = folded.bytes().take_while(u8::is_ascii_digit).count();
    match folded.split_at(digits) {
        (number, ending) if !number.is_empty() && ORDINAL_ENDINGS.contains(&ending) => number.to_owned(),
        _ => plain.to_owned(),
    }
}

/// Moves each ISSN and ISBN to the list of its kind, and ignores invalid ones with a warning.
fn normalize_standard_numbers(record: &mut PaperRecord, warnings: &mut Vec<String>) {
    let written = [std::mem::take(&mut record.issns), std::mem::take(&mut record.isbns)];
    for number in written.iter().flatten().flat_map(|text| parse_standard_numbers(text)) {
        let (list, number) = match number {
            Ok(StandardNumber::Issn(number)) => (&mut record.issns, number),
            Ok(StandardNumber::Isbn(number)) => (&mut record.isbns, number),
            Err(error) => {
                warnings.push(format!("{error}; it was ignored"));
                continue;
            }
        };
        if !list.contains(&number) {
            list.push(number);
        }
    }
    for (list, what) in [(&mut record.issns, "ISSNs"), (&mut record.isbns, "ISBNs")] {
        limit_list(list, MAX_STANDARD_NUMBERS, what, warnings);
    }
}

/// Returns the keywords as published, each once regardless of case and accents. A semicolon always separates two.
fn normalize_keywords(keywords: &[String], warnings: &mut Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut normalized = Vec::new();
    for keyword in keywords.iter().flat_map(|text| text.split([';', '\n'])) {
        let Some(keyword) = clean_detail(Some(keyword.to_owned()), "keyword", MAX_DETAIL_CHARS, warnings) else {
            continue;
        };
        let folded = names::fold(&keyword);
        if seen.insert(if folded.is_empty() { keyword.clone() } else { folded }) {
            normalized.push(keyword);
        }
    }
    limit_list(&mut normalized, MAX_KEYWORDS, "keywords", warnings);
    normalized
}

fn limit_list(list: &mut Vec<String>, max: usize, what: &str, warnings: &mut Vec<String>) {
    if list.len() > max {
        warnings.push(format!("it has {} {what}; only the first {max} were kept", list.len()));
        list.truncate(max);
    }
}

/// Splits a field that has all keywords: at semicolons, or at commas if it has no semicolon.
pub(crate) fn split_keywords(text: &str) -> Vec<String> {
    let separator = if text.contains(';') { ';' } else { ',' };
    text.split(separator).map(|keyword| keyword.trim().to_owned()).filter(|keyword| !keyword.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(mut record: PaperRecord) -> (PaperRecord, Vec<String>) {
        let mut warnings = Vec::new();
        normalize_details(&mut record, &mut warnings);
        (record, warnings)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn volumes_and_issues() {
        for (volume, issue, expected) in [
            ("12", Some("3"), (Some("12"), Some("3"))),
            ("Vol. 12", Some("No. 3"), (Some("12"), Some("3"))),
            ("volume 12", Some("3–4"), (Some("12"), Some("3-4"))),
            ("12--13", Some("Suppl. 1"), (Some("12-13"), Some("Suppl. 1"))),
            ("12(3)", None, (Some("12"), Some("3"))),
            ("LNCS 1234", Some("Special issue"), (Some("LNCS 1234"), Some("Special issue"))),
            ("abs/2301.00001", None, (None, None)),
        ] {
            let (record, warnings) = normalized(PaperRecord {
                volume: Some(volume.to_owned()),
                issue: issue.map(ToOwned::to_owned),
                ..PaperRecord::default()
            });
            assert_eq!((record.volume.as_deref(), record.issue.as_deref()), expected);
            assert_eq!(warnings, Vec::<String>::new());
        }
    }

    #[test]
    fn editions() {
        for (text, expected) in [
            ("2", "2"),
            ("2nd", "2"),
            ("Second", "2"),
            ("2nd ed.", "2"),
            ("second edition", "2"),
            ("3rd revised ed.", "3rd revised"),
            ("Revised", "Revised"),
            ("Unabridged", "Unabridged"),
            ("3e", "3"),
        ] {
            assert_eq!(normalize_edition(text), expected);
            assert_eq!(normalize_edition(expected), expected);
        }
    }

    #[test]
    fn article_numbers_are_not_pages() {
        let details = |pages: &str, number: Option<&str>| {
            let (record, _) = normalized(PaperRecord {
                pages: Some(pages.to_owned()),
                article_number: number.map(ToOwned::to_owned),
                ..PaperRecord::default()
            });
            format!("{}|{}", record.pages.unwrap_or_default(), record.article_number.unwrap_or_default())
        };
        assert_eq!(details("e12345", None), "|e12345");
        assert_eq!(details("17", Some("17")), "|17");
        assert_eq!(details("17", Some("Article 17")), "|17");
        assert_eq!(details("1--12", Some("104567")), "1–12|104567");
        assert_eq!(details("e12345", Some("12345")), "|12345");
        let book = PaperRecord { paper_type: PaperType::Book, pages: Some("320".to_owned()), ..PaperRecord::default() };
        assert_eq!(normalized(book).0.pages, None);
    }

    #[test]
    fn standard_numbers_of_either_field() {
        let (record, warnings) = normalized(PaperRecord {
            issns: texts(&["0028-0836, 1476-4687", "0028-0836", "978-3-16-148410-0", "0028-0837", "print"]),
            isbns: texts(&["0-306-40615-2"]),
            ..PaperRecord::default()
        });
        assert_eq!(record.issns, ["0028-0836", "1476-4687"]);
        assert_eq!(record.isbns, ["9783161484100", "9780306406157"]);
        assert_eq!(warnings, ["'0028-0837' is not a valid ISSN: its check digit is wrong; it was ignored"]);
    }

    #[test]
    fn keywords_once_and_bounded() {
        let (record, warnings) = normalized(PaperRecord {
            keywords: texts(&["Weirs ", "rivers; Flow", "weirs", "", "Models, Theoretical", &"x".repeat(201)]),
            ..PaperRecord::default()
        });
        assert_eq!(record.keywords, ["Weirs", "rivers", "Flow", "Models, Theoretical"]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let many = (0..150).map(|number| format!("word {number}")).collect();
        let (record, warnings) = normalized(PaperRecord { keywords: many, ..PaperRecord::default() });
        assert_eq!(record.keywords.len(), MAX_KEYWORDS);
        assert_eq!(warnings, ["it has 150 keywords; only the first 100 were kept"]);
    }

    #[test]
    fn fields_of_keywords() {
        assert_eq!(split_keywords("weirs, rivers"), ["weirs", "rivers"]);
        assert_eq!(split_keywords("Models, Theoretical; rivers"), ["Models, Theoretical", "rivers"]);
        assert_eq!(split_keywords("Models, Theoretical;"), ["Models, Theoretical"]);
    }

    #[test]
    fn too_long_values_are_ignored() {
        let (record, warnings) = normalized(PaperRecord { volume: Some("1".repeat(201)), ..PaperRecord::default() });
        assert_eq!(record.volume, None);
        assert!(warnings[0].ends_with("has 201 characters; the maximum is 200; it was ignored"), "{warnings:?}");
    }
}
