//! Tables of people and their affiliations, one affiliation per row. The columns are documented in
//! `docs/importing.md`.

use std::collections::{HashMap, VecDeque};
use std::io::BufRead;

use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::delimited::{self, MAX_LINES_BEFORE_HEADER, split_row};
use crate::import::io::lines::{self, BoundedLines, NOT_UTF8_WARNING};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing;
use crate::model::identifier::{Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{
    AffiliationKind, AffiliationRecord, ExternalIdentifier, NameUse, OrganizationReference, OtherName, Record,
    ResearcherRecord, TopicReference, local_scheme,
};
use crate::text::names;

const MAX_LINE_BYTES: usize = 1 << 20;
/// Maximum number of lines of a row; quoted fields may contain line breaks.
const MAX_ROW_LINES: usize = 500;
/// Maximum total size of buffered rows; the rows of a person may be anywhere in the file.
const MAX_BUFFERED_BYTES: usize = 256 << 20;

/// Number of unknown columns that a note names.
const MAX_LISTED_COLUMNS: usize = 5;

/// The supported columns. Columns of `LOCALIZED_COLUMNS` may have a language suffix, as in `role_title@fr`.
const COLUMNS: [&str; 22] = [
    "name",
    "given_name",
    "family_name",
    "orcid",
    "other_names",
    "search_only_names",
    "private_names",
    "withhold_published_name",
    "headline",
    "biography",
    "homepage_url",
    "portrait_url",
    "identifiers",
    "topics",
    "organization",
    "ror",
    "affiliation_kind",
    "role_title",
    "department",
    "start_date",
    "end_date",
    "is_primary",
];
const LOCALIZED_COLUMNS: [&str; 5] = ["headline", "biography", "topics", "role_title", "department"];

const AFFILIATION_KINDS: [(&str, AffiliationKind); 7] = [
    ("employment", AffiliationKind::Employment),
    ("membership", AffiliationKind::Membership),
    ("education", AffiliationKind::Education),
    ("qualification", AffiliationKind::Qualification),
    ("service", AffiliationKind::Service),
    ("invited_position", AffiliationKind::InvitedPosition),
    ("distinction", AffiliationKind::Distinction),
];

const NAME_COLUMNS: [(&str, NameUse); 3] = [
    ("other_names", NameUse::Display),
    ("search_only_names", NameUse::SearchOnly),
    ("private_names", NameUse::Private),
];

/// A column of the header: one of `COLUMNS` and its language.
struct CsvColumn {
    name: &'static str,
    language: Option<LanguageTag>,
}

struct CsvHeader {
    delimiter: u8,
    columns: Vec<Option<CsvColumn>>,
}

/// A person, merged from the rows read so far.
struct CsvPerson {
    line: usize,
    record: ResearcherRecord,
    warnings: Vec<String>,
}

/// Tables of people and their affiliations.
#[derive(Debug)]
pub(crate) struct CsvFormat;

impl Format for CsvFormat {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn help(&self) -> &'static str {
        "People and affiliations as CSV, one affiliation per row; the first line names the columns"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Curated
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        let mut lines = head.text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let header = lines.find(|line| !delimited::is_before_header(line));
        header.is_some_and(|line| ContentKind::of(line) == ContentKind::Text && is_people_header(line))
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, sink)
    }
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut rows = CsvRowReader { lines: BoundedLines::new(reader, MAX_LINE_BYTES), pushed_back: VecDeque::new() };
    let (line, (header, unknown)) = rows.read_header(sink)?;
    if let Some(note) = unknown {
        sink.push_note(line, note)?;
    }
    let mut people = CsvPeople::default();
    while let Some(row) = rows.next_row(header.delimiter)? {
        match row {
            CsvRow::Complete { line, fields, has_invalid_utf8, size } => {
                let mut warnings = if has_invalid_utf8 { vec![NOT_UTF8_WARNING.to_owned()] } else { Vec::new() };
                match header.parse_researcher(&fields, &mut warnings) {
                    Ok(record) => people.add(line, record, warnings, size),
                    Err(reason) => sink.push_invalid(line, reason)?,
                }
            }
            CsvRow::Malformed { line, reason } => sink.push_invalid(line, reason)?,
        }
        if people.buffered_bytes > MAX_BUFFERED_BYTES {
            people.emit_all(sink)?;
            sink.push_note(
                line,
                "too many rows to buffer; a person whose rows are far apart becomes two records".to_owned(),
            )?;
        }
    }
    people.emit_all(sink)
}

enum CsvRow {
    Complete { line: usize, fields: Vec<String>, has_invalid_utf8: bool, size: usize },
    Malformed { line: usize, reason: String },
}

/// Splits a file into rows. A row continues on the next line if a quoted field is open at the end of the line.
struct CsvRowReader<'a> {
    lines: BoundedLines<'a>,
    pushed_back: VecDeque<(usize, Vec<u8>, bool)>,
}

impl CsvRowReader<'_> {
    fn next_line(&mut self) -> Result<Option<(usize, Vec<u8>, bool)>, ReadAbort> {
        if let Some(line) = self.pushed_back.pop_front() {
            return Ok(Some(line));
        }
        let Some(line) = self.lines.next_raw_line()? else { return Ok(None) };
        let line = line.to_vec();
        Ok(Some((self.lines.number, line, self.lines.is_truncated)))
    }

    /// Reads the header: the first of the first lines that is one. Some programs write a title, comments or Excel's
    /// `sep=;` before it.
    fn read_header(&mut self, sink: &mut RecordSink<'_>) -> Result<(usize, (CsvHeader, Option<String>)), ReadAbort> {
        let mut fault = None;
        let (mut skipped, mut has_unknown_lines) = (0, false);
        while let Some((number, line, is_truncated)) = self.next_line()?.filter(|_| skipped <= MAX_LINES_BEFORE_HEADER)
        {
            if is_truncated {
                return Err(ReadAbort::Unreadable(number, self.lines.too_long_reason()));
            }
            let text = lines::decode_text(&line).0;
            if text.trim().is_empty() {
                continue;
            }
            match CsvHeader::parse(&text) {
                Ok(header) => {
                    if has_unknown_lines {
                        sink.push_note(number, delimited::skipped_lines_note(skipped))?;
                    }
                    return Ok((number, header));
                }
                Err(reason) if ContentKind::of(text.as_bytes()) != ContentKind::Text => {
                    return Err(fault.unwrap_or(ReadAbort::Unreadable(number, reason)));
                }
                Err(reason) => {
                    has_unknown_lines |= !delimited::is_before_header(&line);
                    fault.get_or_insert(ReadAbort::Unreadable(number, reason));
                }
            }
            skipped += 1;
        }
        Err(fault.unwrap_or(ReadAbort::Unreadable(0, "it is empty".to_owned())))
    }

    fn next_row(&mut self, delimiter: u8) -> Result<Option<CsvRow>, ReadAbort> {
        let (number, first, is_truncated) = loop {
            match self.next_line()? {
                None => return Ok(None),
                Some((_, line, false)) if line.trim_ascii().is_empty() => {}
                Some(line) => break line,
            }
        };
        if is_truncated {
            return Ok(Some(CsvRow::Malformed { line: number, reason: self.lines.too_long_reason() }));
        }
        let mut quotes = QuoteScanner::default();
        quotes.scan_line(&first, delimiter);
        let mut whole = first;
        let mut others = Vec::new();
        while quotes.is_open && !quotes.is_broken {
            let next =
                if others.len() < MAX_ROW_LINES && whole.len() < MAX_LINE_BYTES { self.next_line()? } else { None };
            let Some((line, text, is_truncated)) = next else { break };
            quotes.scan_line(&text, delimiter);
            quotes.is_broken |= is_truncated;
            whole.push(b'\n');
            whole.extend_from_slice(&text);
            others.push((line, text, is_truncated));
        }
        if quotes.is_open || quotes.is_broken {
            // The following lines are rows of their own.
            for line in others.into_iter().rev() {
                self.pushed_back.push_front(line);
            }
            let reason = "the quotation marks in this row do not match".to_owned();
            return Ok(Some(CsvRow::Malformed { line: number, reason }));
        }
        let (text, has_invalid_utf8) = lines::decode_text(&whole);
        Ok(Some(match split_row(&text, delimiter) {
            Some(fields) => CsvRow::Complete { line: number, size: text.len(), fields, has_invalid_utf8 },
            None => CsvRow::Malformed { line: number, reason: "it is not a valid row".to_owned() },
        }))
    }
}

/// Tracks quotation marks across the lines of a row.
#[derive(Default)]
struct QuoteScanner {
    is_open: bool,
    /// Whether a quotation mark closed inside a field; the opening mark is then unmatched.
    is_broken: bool,
}

impl QuoteScanner {
    fn scan_line(&mut self, line: &[u8], delimiter: u8) {
        let mut is_start = !self.is_open;
        let mut bytes = line.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if self.is_open && bytes.peek() == Some(&b'"') => {
                    bytes.next();
                }
                b'"' if self.is_open => {
                    self.is_open = false;
                    self.is_broken |=
                        bytes.peek().is_some_and(|next| *next != delimiter && !next.is_ascii_whitespace());
                }
                // Inside a field a quotation mark is an ordinary character.
                b'"' => self.is_open = is_start,
                _ => {}
            }
            is_start = byte == delimiter;
        }
    }
}

/// Whether a line is the header of a table of people.
fn is_people_header(line: &[u8]) -> bool {
    line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t' | b'|'))
        && CsvHeader::parse(&lines::decode_text(line).0).is_ok()
}

impl CsvHeader {
    /// Parses a header; also returns a note about unknown columns.
    fn parse(line: &str) -> Result<(Self, Option<String>), String> {
        let kind = ContentKind::of(line.as_bytes());
        if kind != ContentKind::Text {
            return Err(format!("it is not CSV; it starts like {kind}"));
        }
        let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
        let delimiter =
            [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let names = split_row(line, delimiter).unwrap_or_default();
        let mut unknown = Vec::new();
        let columns: Vec<Option<CsvColumn>> = names
            .iter()
            .map(|name| {
                let column = parse_column(name);
                if column.is_none() {
                    unknown.push(name.chars().take(40).collect::<String>());
                }
                column
            })
            .collect();
        let has = |name: &str| columns.iter().flatten().any(|column| column.name == name);
        if !has("name") && !has("family_name") {
            return Err(format!(
                "its first line has no column `name` or `family_name`; the columns are {}",
                COLUMNS.join(", ")
            ));
        }
        let note = (!unknown.is_empty()).then(|| {
            let names = unknown.iter().take(MAX_LISTED_COLUMNS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if unknown.len() > MAX_LISTED_COLUMNS { ", …" } else { "" };
            let columns = if unknown.len() == 1 { "column was" } else { "columns were" };
            format!("{} unknown {columns} ignored: {names}{more}", unknown.len())
        });
        Ok((Self { delimiter, columns }, note))
    }

    fn parse_researcher(&self, fields: &[String], warnings: &mut Vec<String>) -> Result<ResearcherRecord, String> {
        let (amount, expected) = (fields.len(), self.columns.len());
        if fields.iter().skip(expected).any(|field| !field.is_empty()) {
            return Err(format!(
                "it has {amount} fields, but the first line has {expected}; is a quotation mark missing?"
            ));
        }
        let all = |name: &'static str| {
            let columns = self.columns.iter().zip(fields);
            columns.filter_map(move |(column, field)| {
                let column = column.as_ref().filter(|column| column.name == name && !field.is_empty())?;
                Some((column.language.as_ref(), field.as_str()))
            })
        };
        let one = |name: &'static str| all(name).next().map(|(_, field)| field.to_owned());
        let localized = |name: &'static str| {
            let mut texts = LocalizedText::default();
            all(name).for_each(|(language, text)| texts.insert(language, text));
            texts
        };
        let (given_name, family_name) = (one("given_name"), one("family_name"));
        let name =
            one("name").or_else(|| field_parsing::join_name_parts(&[given_name.as_deref(), family_name.as_deref()]));
        let list = |text: &str| {
            text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>()
        };
        let identifiers = one("identifiers").map(|text| list(&text)).unwrap_or_default().into_iter().map(|text| {
            // An identifier without a colon has no scheme; normalization reports it.
            let (scheme, value) = text.split_once(':').unwrap_or(("", &text));
            ExternalIdentifier { scheme: scheme.trim().to_lowercase(), value: value.trim().to_owned() }
        });
        let withhold_published_name =
            parse_boolean(one("withhold_published_name"), "withhold_published_name", warnings);
        let topics = all("topics").flat_map(|(language, text)| {
            list(text)
                .into_iter()
                .map(move |label| TopicReference::new(local_scheme(), None, LocalizedText::new(language, label)))
        });
        let other_names = NAME_COLUMNS.into_iter().flat_map(|(column, name_use)| {
            let names = one(column).map(|text| list(&text)).unwrap_or_default();
            names.into_iter().map(move |value| OtherName { value, name_use })
        });
        let mut record = ResearcherRecord {
            name: name.ok_or("it has no name")?,
            given_name,
            family_name,
            other_names: other_names.collect(),
            withhold_published_name,
            orcid: field_parsing::parse_identifier::<Orcid>(one("orcid").as_deref(), warnings),
            headline: localized("headline"),
            biography: localized("biography"),
            homepage_url: one("homepage_url"),
            portrait_url: one("portrait_url"),
            identifiers: identifiers.collect(),
            topics: topics.collect(),
            ..ResearcherRecord::default()
        };
        let organization = OrganizationReference {
            ror: field_parsing::parse_identifier::<Ror>(one("ror").as_deref(), warnings),
            name: one("organization"),
            ..Default::default()
        };
        let kind = one("affiliation_kind");
        let Some(kind) = parse_affiliation_kind(kind.as_deref()) else {
            let kinds: Vec<&str> = AFFILIATION_KINDS.iter().map(|(name, _)| *name).collect();
            let written = kind.unwrap_or_default();
            warnings.push(format!(
                "'{written}' is not an affiliation kind ({}); the affiliation was ignored",
                kinds.join(", ")
            ));
            return Ok(record);
        };
        if organization.ror.is_none() && organization.name.is_none() {
            return Ok(record);
        }
        let is_primary = parse_boolean(one("is_primary"), "is_primary", warnings);
        let start_date = one("start_date").and_then(|written| {
            field_parsing::parse_day_first(&written)
                .or_else(|| field_parsing::parse_identifier(Some(written.as_str()), warnings))
        });
        let (end_date, has_ended) = parse_end(one("end_date"), warnings);
        record.affiliations.push(AffiliationRecord {
            id: None,
            organization,
            kind,
            role_title: localized("role_title"),
            department_name: localized("department"),
            start_date,
            end_date,
            has_ended,
            is_primary,
        });
        Ok(record)
    }
}

fn parse_column(written: &str) -> Option<CsvColumn> {
    let (name, language) = match written.split_once('@') {
        Some((name, language)) => (name, Some(language)),
        None => (written, None),
    };
    let name = name.trim().to_lowercase().replace([' ', '-'], "_");
    let name = COLUMNS.into_iter().find(|supported| *supported == name)?;
    let language = match language {
        Some(tag) if LOCALIZED_COLUMNS.contains(&name) => Some(tag.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some(CsvColumn { name, language })
}

/// Parses an affiliation kind; the default is employment.
fn parse_affiliation_kind(written: Option<&str>) -> Option<AffiliationKind> {
    let Some(written) = written else { return Some(AffiliationKind::Employment) };
    let written = written.to_lowercase().replace([' ', '-'], "_");
    AFFILIATION_KINDS.iter().find(|(name, _)| *name == written).map(|(_, kind)| *kind)
}

/// Words in `end_date` for an affiliation that is held, in the languages of [`parse_boolean`].
const ONGOING: [&str; 31] = [
    "present",
    "to present",
    "current",
    "currently",
    "ongoing",
    "now",
    "today",
    "to date",
    "open",
    "..",
    "-",
    "–",
    "—",
    "n/a",
    "na",
    "none",
    "null",
    "aujourd'hui",
    "présent",
    "en cours",
    "heute",
    "laufend",
    "oggi",
    "in corso",
    "actual",
    "actualidad",
    "presente",
    "atual",
    "hoje",
    "heden",
    "nu",
];

/// Words in `end_date` for an affiliation that has ended on an unknown day.
const ENDED: [&str; 16] = [
    "ended",
    "past",
    "former",
    "formerly",
    "previous",
    "left",
    "yes",
    "unknown",
    "?",
    "terminé",
    "ancien",
    "beendet",
    "ehemalig",
    "finito",
    "terminado",
    "beëindigd",
];

/// Parses the end of an affiliation: the date, and whether it has ended without one. What cannot be read is an end too.
fn parse_end(text: Option<String>, warnings: &mut Vec<String>) -> (Option<PartialDate>, bool) {
    let Some(text) = text else { return (None, false) };
    let date = field_parsing::parse_day_first(&text).or_else(|| text.trim().parse().ok());
    let word = text.trim().to_lowercase();
    if date.is_some() || ONGOING.contains(&word.as_str()) {
        return (date, false);
    }
    if !ENDED.contains(&word.as_str()) {
        let written: String = text.chars().take(40).collect();
        warnings.push(format!("'{written}' in end_date is not a date; the affiliation has ended on an unknown one"));
    }
    (None, true)
}

/// Parses a boolean as spreadsheets write it in several languages.
fn parse_boolean(text: Option<String>, column: &str, warnings: &mut Vec<String>) -> bool {
    let Some(text) = text else { return false };
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "x" | "vrai" | "oui" | "wahr" | "ja" | "j" | "vero" | "sì" | "si" | "sí"
        | "verdadero" | "verdadeiro" | "sim" | "waar" => true,
        "" | "false" | "no" | "n" | "0" | "-" | "faux" | "non" | "falsch" | "nein" | "falso" | "não" | "nao"
        | "onwaar" | "nee" => false,
        _ => {
            warnings.push(format!("'{text}' in {column} is neither yes nor no; no was assumed"));
            false
        }
    }
}

/// People in the order of their first rows.
#[derive(Default)]
struct CsvPeople {
    people: Vec<CsvPerson>,
    index_by_key: HashMap<String, usize>,
    buffered_bytes: usize,
}

impl CsvPeople {
    fn add(&mut self, line: usize, record: ResearcherRecord, warnings: Vec<String>, size: usize) {
        self.buffered_bytes += size + 500;
        let key = record.orcid.as_ref().map_or_else(|| names::name_key(&record.name), ToString::to_string);
        let Some(index) = self.index_by_key.get(&key) else {
            self.index_by_key.insert(key, self.people.len());
            self.people.push(CsvPerson { line, record, warnings });
            return;
        };
        let CsvPerson { record: merged, warnings: messages, .. } = &mut self.people[*index];
        messages.extend(warnings.into_iter().map(|note| format!("line {line}: {note}")));
        let is_another =
            |before: &Option<String>, now: &Option<String>| before.is_some() && now.is_some() && before != now;
        for (name, before, now) in [
            ("homepage_url", &merged.homepage_url, &record.homepage_url),
            ("portrait_url", &merged.portrait_url, &record.portrait_url),
        ] {
            if is_another(before, now) {
                messages.push(format!("line {line}: another {name} of the same person was ignored"));
            }
        }
        merged.given_name = merged.given_name.take().or(record.given_name);
        merged.family_name = merged.family_name.take().or(record.family_name);
        merged.homepage_url = merged.homepage_url.take().or(record.homepage_url);
        merged.portrait_url = merged.portrait_url.take().or(record.portrait_url);
        let other_name = Some(record.name).filter(|name| *name != merged.name).map(OtherName::from);
        merged.withhold_published_name |= record.withhold_published_name;
        extend_unique(&mut merged.other_names, record.other_names.into_iter().chain(other_name));
        extend_unique(&mut merged.identifiers, record.identifiers);
        extend_unique(&mut merged.topics, record.topics);
        extend_unique(&mut merged.affiliations, record.affiliations);
        if merged.headline.is_empty() {
            merged.headline = record.headline;
        }
        if merged.biography.is_empty() {
            merged.biography = record.biography;
        }
    }

    fn emit_all(&mut self, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
        let people = std::mem::take(self);
        for CsvPerson { line, mut record, mut warnings } in people.people {
            let mut has_primary = false;
            for affiliation in &mut record.affiliations {
                if affiliation.is_primary && std::mem::replace(&mut has_primary, true) {
                    affiliation.is_primary = false;
                    warnings.push("more than one affiliation is primary; the first one was used".to_owned());
                }
            }
            sink.push_record(line, Record::Researcher(record), warnings)?;
        }
        Ok(())
    }
}

fn extend_unique<T: PartialEq>(merged: &mut Vec<T>, new: impl IntoIterator<Item = T>) {
    for value in new {
        if !merged.contains(&value) {
            merged.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CsvFormat;
    use crate::import::test_support::{read_bytes, researchers};
    use crate::model::record::NameUse;

    #[test]
    fn lines_before_the_header() {
        let table = "name;start_date;organization\nIda Brook;01.09.2014;A School\n";
        for (before, notes) in [
            ("sep=;\n", vec![]),
            ("\u{feff}# made by hand\n\nsep=;\r\n", vec![]),
            ("Our staff\nof 2024\n\n", vec!["4: note: 2 lines before the header ignored"]),
        ] {
            let outcome = read_bytes(&CsvFormat, format!("{before}{table}").as_bytes());
            assert_eq!(outcome.messages(), notes);
            let people = researchers(&outcome);
            assert_eq!(people[0].name, "Ida Brook");
            let start = people[0].affiliations[0].start_date.map(|date| date.to_string());
            assert_eq!(start.as_deref(), Some("2014-09-01"));
        }
        let outcome = read_bytes(&CsvFormat, "Dear all,\n".repeat(1000).as_bytes());
        assert_eq!(outcome.messages().len(), 1);
        assert!(outcome.messages()[0].starts_with("1: unreadable file: its first line has no column"));
    }

    #[test]
    fn ends_of_affiliations() {
        let ends = ["", "2016-04", "31.12.2016", "Present", "—", "past", "?", "spring term", "2016-13"];
        let rows: Vec<String> = ends.iter().map(|end| format!("Person {end};A School;{end}")).collect();
        let outcome = read_bytes(&CsvFormat, format!("name;organization;end_date\n{}\n", rows.join("\n")).as_bytes());
        let read: Vec<(String, bool)> = researchers(&outcome)
            .iter()
            .flat_map(|person| &person.affiliations)
            .map(|held| (held.end_date.map(|date| date.to_string()).unwrap_or_default(), held.has_ended))
            .collect();
        let expected = ["", "2016-04", "2016-12-31", "", "", "ended", "ended", "ended", "ended"];
        let expected = expected.map(|end| (end.replace("ended", ""), end == "ended"));
        assert_eq!(read, expected);
        assert_eq!(
            outcome.messages(),
            [
                "9: warning: 'spring term' in end_date is not a date; the affiliation has ended on an unknown one",
                "10: warning: '2016-13' in end_date is not a date; the affiliation has ended on an unknown one"
            ]
        );
    }

    #[test]
    fn rows_of_a_person_are_merged() {
        let text = "\u{feff}Name;ORCID;organization;Role title@fr;role_title@en;start_date;is_primary;topics@en;shoe size\r\n\
            Ida Brook;0000-0002-1825-0097;Water Institute;Hydrologue;Hydrologist;2015-03;yes;Weirs; 38\r\n\
            Tom Ford;;Water Institute;\"Chef; adjoint\";;;;;\r\n\r\n\
            I. Brook;0000-0002-1825-0097;A School;;;1999;yes;Weirs; \r\n";
        let outcome = read_bytes(&CsvFormat, text.as_bytes());
        let people = researchers(&outcome);
        assert_eq!(people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Ida Brook", "Tom Ford"]);
        assert_eq!((people[0].affiliations.len(), people[0].topics.len()), (2, 1));
        assert_eq!(people[0].other_names, ["I. Brook".to_owned().into()]);
        let titles: Vec<_> = people[0].affiliations[0].role_title.iter().collect();
        assert_eq!(titles, [("en", "Hydrologist"), ("fr", "Hydrologue")]);
        assert_eq!(people[1].affiliations[0].role_title.iter().next(), Some(("fr", "Chef; adjoint")));
        assert_eq!(
            outcome.messages(),
            [
                "1: note: 1 unknown column was ignored: shoe size",
                "2: warning: more than one affiliation is primary; the first one was used"
            ]
        );
    }

    #[test]
    fn hidden_names() {
        let text = "name,other_names,search_only_names,private_names,withhold_published_name\n\
            Ida Brook,I. B.,Ida Lake; I. Lake,Ida Sea,yes\nTom Ford,,,,\n";
        let people = researchers(&read_bytes(&CsvFormat, text.as_bytes()));
        let names = |index: usize| people[index].other_names.iter().map(|name| (name.value.as_str(), name.name_use));
        let expected = [
            ("I. B.", NameUse::Display),
            ("Ida Lake", NameUse::SearchOnly),
            ("I. Lake", NameUse::SearchOnly),
            ("Ida Sea", NameUse::Private),
        ];
        assert_eq!(names(0).collect::<Vec<_>>(), expected);
        assert_eq!(names(1).count(), 0);
        assert_eq!(people.iter().map(|person| person.withhold_published_name).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn yes_and_no() {
        let text = "name,withhold_published_name,identifiers\nAna,WAHR,scopus:\nBen,nein,scopus:1\nCy,perhaps,orcid\n";
        let outcome = read_bytes(&CsvFormat, text.as_bytes());
        let people = researchers(&outcome);
        assert_eq!(
            people.iter().map(|person| person.withhold_published_name).collect::<Vec<_>>(),
            [true, false, false]
        );
        assert_eq!(people.iter().map(|person| person.identifiers.len()).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(
            outcome.messages(),
            [
                "2: warning: the id 'scopus:' has no scheme or no value and was ignored",
                "4: warning: 'perhaps' in withhold_published_name is neither yes nor no; no was assumed",
                "4: warning: the id ':orcid' has no scheme or no value and was ignored",
            ]
        );
    }

    #[test]
    fn carriage_returns_end_lines() {
        let people = researchers(&read_bytes(&CsvFormat, b"name,organization\rIda Brook,Here\rTom Ford,There\r"));
        assert_eq!(people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Ida Brook", "Tom Ford"]);
    }

    #[test]
    fn a_malformed_row_does_not_affect_the_others() {
        let text = b"name,orcid,organization,affiliation_kind,start_date\n\
            Ida Brook,1234,Here,king,\n\"Open,,,,\nTom Ford,,Here,,soon\n,,Here,,\nAn\xe9 Pont,,,,\nUma,,,,,too,many\nZo\xc3\xab,,\"two\nlines\",,\n";
        let outcome = read_bytes(&CsvFormat, text);
        let names: Vec<String> = researchers(&outcome).into_iter().map(|person| person.name).collect();
        assert_eq!(names, ["Ida Brook", "Tom Ford", "Ané Pont", "Zoë"]);
        let messages = outcome.messages();
        assert_eq!(
            messages.iter().filter(|line| line.contains("invalid record")).collect::<Vec<_>>(),
            [
                "3: invalid record: the quotation marks in this row do not match",
                "5: invalid record: it has no name",
                "7: invalid record: it has 7 fields, but the first line has 5; is a quotation mark missing?",
            ]
        );
        assert!(
            messages.iter().any(|line| line.starts_with("2: warning: 'king' is not an affiliation kind")),
            "{messages:?}"
        );
        assert!(messages.iter().any(|line| line.starts_with("4: warning: 'soon' is not a date")), "{messages:?}");
    }

    #[test]
    fn ten_thousand_columns() {
        let columns: Vec<String> = (0..10_000).map(|n| format!("column{n}")).collect();
        let row = vec!["x"; 10_000].join(",");
        let text = format!("name,{}\nIda Brook,{row}\nTom Ford\n{},{row}\nUma Ferry\n", columns.join(","), row);
        let outcome = read_bytes(&CsvFormat, text.as_bytes());
        let names: Vec<String> = researchers(&outcome).into_iter().map(|person| person.name).collect();
        assert_eq!(names, ["Ida Brook", "Tom Ford", "Uma Ferry"]);
        assert_eq!(
            outcome.messages(),
            [
                "1: note: 10000 unknown columns were ignored: column0, column1, column2, column3, column4, …",
                "4: invalid record: it has 20000 fields, but the first line has 10001; is a quotation mark missing?",
            ]
        );
    }

    #[test]
    fn other_formats_are_rejected() {
        let messages = read_bytes(&CsvFormat, b"title,year\nA,1\n").messages();
        assert!(
            messages[0].starts_with("1: unreadable file: its first line has no column `name` or `family_name`"),
            "{messages:?}"
        );
        assert_eq!(
            read_bytes(&CsvFormat, b"{}").messages(),
            ["1: unreadable file: it is not CSV; it starts like JSON"]
        );
    }
}
