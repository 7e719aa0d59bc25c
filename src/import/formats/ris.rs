//! RIS references, as reference managers and publishers export them.

use std::io::BufRead;

use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::{self, BoundedLines, NOT_UTF8_WARNING, format_size};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::{author_list, field_parsing};
use crate::model::identifier::Doi;
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, ExternalIdentifier, PaperRecord, PaperType, Record};
use crate::model::standard_number::{StandardNumber, parse_standard_numbers};
use crate::text::names;
use crate::text::pages::{page_ends, parse_pages};

const MAX_LINE_BYTES: usize = 1 << 20;
const MAX_REFERENCE_BYTES: usize = 16 << 20;

/// The fields of a reference, in order.
#[derive(Default)]
struct RisReference {
    line: usize,
    fields: Vec<(String, String)>,
    size_bytes: usize,
    error: Option<String>,
    has_invalid_utf8: bool,
    is_unterminated: bool,
}

/// RIS references.
#[derive(Debug)]
pub(crate) struct RisFormat;

impl Format for RisFormat {
    fn name(&self) -> &'static str {
        "ris"
    }

    fn help(&self) -> &'static str {
        "RIS references"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::ReferenceManager
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ris"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        match head.content_kind {
            ContentKind::Ris => true,
            ContentKind::Text => head.contains(b"\nTY  - "),
            _ => false,
        }
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
    let mut lines = BoundedLines::new(reader, MAX_LINE_BYTES);
    let mut current: Option<RisReference> = None;
    let mut has_fields = false;
    let mut before: Option<(usize, String)> = None;
    while let Some(line) = lines.next_raw_line()? {
        let (text, has_invalid_utf8) = lines::decode_text(line);
        let text = text.trim_matches('\u{feff}').to_owned();
        let (number, is_truncated) = (lines.number, lines.is_truncated);
        let Some((tag, value)) = parse_field(&text) else {
            // Publishers write lines about themselves before the first reference.
            if !has_fields && !text.trim().is_empty() && before.is_none() {
                let kind = ContentKind::of(text.as_bytes());
                if !matches!(kind, ContentKind::Text | ContentKind::Ris) {
                    return Err(ReadAbort::Unreadable(number, not_ris_reason(kind)));
                }
                before = Some((number, text));
                continue;
            }
            // A line without a tag continues the previous field.
            if let Some(RisReference { fields, size_bytes: size, .. }) = &mut current
                && let Some((_, value)) = fields.last_mut()
                && !text.trim().is_empty()
                && *size < MAX_REFERENCE_BYTES
            {
                value.push('\n');
                value.push_str(text.trim());
                *size += text.len();
            }
            continue;
        };
        if !std::mem::replace(&mut has_fields, true)
            && let Some((first, _)) = &before
        {
            sink.push_note(*first, "the lines before the first reference were ignored".to_owned())?;
        }
        let is_end = tag == "ER";
        // A TY line starts a reference, unless only TY lines precede it.
        let begins = tag == "TY" && current.as_ref().is_some_and(|open| open.fields.iter().any(|(tag, _)| tag != "TY"));
        if begins && let Some(mut open) = current.take() {
            open.is_unterminated = true;
            emit_reference(open, sink)?;
        }
        if !is_end {
            let reference = current.get_or_insert_with(|| RisReference { line: number, ..RisReference::default() });
            reference.has_invalid_utf8 |= has_invalid_utf8;
            reference.size_bytes += value.len();
            if is_truncated {
                reference.error.get_or_insert_with(|| lines.too_long_reason());
            } else if reference.size_bytes > MAX_REFERENCE_BYTES {
                let fault = format!("the reference is larger than {}", format_size(MAX_REFERENCE_BYTES));
                reference.error.get_or_insert(fault);
                reference.fields.clear();
            } else {
                reference.fields.push((tag.to_owned(), value.to_owned()));
            }
        } else if let Some(reference) = current.take() {
            emit_reference(reference, sink)?;
        }
    }
    match current {
        Some(mut open) => {
            open.error.get_or_insert_with(|| {
                "the reference that starts here is not closed; the file is truncated".to_owned()
            });
            emit_reference(open, sink)
        }
        None if has_fields => Ok(()),
        None => Err(match before {
            Some((number, text)) => ReadAbort::Unreadable(number, not_ris_reason(ContentKind::of(text.as_bytes()))),
            None => ReadAbort::Unreadable(0, "it is empty".to_owned()),
        }),
    }
}

fn not_ris_reason(kind: ContentKind) -> String {
    format!("it is not RIS; it starts like {kind}")
}

/// Splits a line into tag and value: `AU  - Brook, Ida`.
fn parse_field(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = (line.get(..2)?, line.get(2..)?);
    let is_tag =
        tag.bytes().enumerate().all(|(index, byte)| byte.is_ascii_uppercase() || (index == 1 && byte.is_ascii_digit()));
    let value = rest.trim_start().strip_prefix('-')?;
    let gap = rest.len() - rest.trim_start().len();
    (is_tag && (1..=2).contains(&gap) && (value.is_empty() || value.starts_with(char::is_whitespace)))
        .then(|| (tag, value.trim()))
}

fn emit_reference(reference: RisReference, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let line = reference.line;
    if let Some(fault) = reference.error {
        return sink.push_invalid(line, fault);
    }
    let mut warnings = Vec::new();
    if reference.has_invalid_utf8 {
        warnings.push(NOT_UTF8_WARNING.to_owned());
    }
    if reference.is_unterminated {
        warnings.push("the reference has no ER line".to_owned());
    }
    match paper_record(&reference, &mut warnings) {
        Ok(paper) => sink.push_record(line, Record::Paper(paper), warnings),
        Err(reason) => sink.push_invalid(line, reason),
    }
}

impl RisReference {
    /// Returns the values of the first of the tags that has any.
    fn values(&self, tags: &[&str]) -> Vec<&str> {
        let values_of = |tag: &str| -> Vec<&str> {
            let values = self.fields.iter().filter(|(own_tag, value)| own_tag == tag && !value.trim().is_empty());
            values.map(|(_, value)| value.as_str()).collect()
        };
        tags.iter().map(|tag| values_of(tag)).find(|values| !values.is_empty()).unwrap_or_default()
    }

    fn first_value(&self, tags: &[&str]) -> Option<&str> {
        self.values(tags).first().copied()
    }
}

fn paper_record(reference: &RisReference, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let Some(kind) = reference.first_value(&["TY"]) else {
        return Err("it has no type: a reference starts with a TY line".to_owned());
    };
    let is_proceedings = kind == "CONF" && reference.first_value(&["TI", "T1", "CT"]).is_none();
    let is_whole_book = matches!(kind, "BOOK" | "EDBOOK") || is_proceedings;
    let title = reference.first_value(&["TI", "T1", "CT"]);
    let title = title.or_else(|| reference.first_value(&["BT"]).filter(|_| is_whole_book)).ok_or("it has no title")?;
    // A whole book is part of a series, which is not a venue.
    let venue_tags: &[&str] = match kind {
        _ if is_whole_book => &[],
        // The journal of a conference paper may be the series of the proceedings.
        "CONF" | "CPAPER" => &["T2", "BT", "C3", "JF", "JO", "JA", "J2", "JW"],
        _ => &["JF", "T2", "JO", "BT", "JA", "J2", "JW"],
    };
    let venue = reference.first_value(venue_tags);
    let detail = |tags: &[&str]| reference.first_value(tags).map(ToOwned::to_owned);
    let is_report = kind == "RPRT";
    let abstract_text = reference.first_value(&["AB", "N2"]).unwrap_or_default();
    let language = reference.first_value(&["LA"]).and_then(field_parsing::language_tag);
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    Ok(PaperRecord {
        title: title.to_owned(),
        abstract_completeness: field_parsing::abstract_completeness(abstract_text),
        abstract_text: LocalizedText::new(tag.as_ref(), abstract_text),
        publication_date: publication_date(reference, warnings),
        paper_type: paper_type(kind),
        venue_name: venue.map(ToOwned::to_owned),
        volume: detail(&["VL"]),
        // Programs write the number of a report in either field.
        issue: if is_report { detail(&["IS", "M1"]) } else { detail(&["IS", "CP"]) },
        pages: pages(reference),
        article_number: detail(&["C7"]),
        edition: reference.first_value(&["ET"]).filter(|edition| !is_date(edition)).map(ToOwned::to_owned),
        publisher_name: detail(&["PB"]),
        issns: if is_report {
            standard_numbers(reference, &mut Vec::new())
        } else {
            standard_numbers(reference, warnings)
        },
        keywords: reference.values(&["KW"]).into_iter().map(ToOwned::to_owned).collect(),
        language,
        doi: find_doi(reference, warnings),
        url: reference
            .first_value(&["UR", "LK"])
            .and_then(|url| url.split([' ', ';', '\n']).next())
            .map(ToOwned::to_owned),
        identifiers: pubmed_identifiers(reference),
        authors: author_records(&reference.values(&["AU", "A1"])),
        ..PaperRecord::default()
    })
}

/// Returns the pages: a start and an end, or all of them in the field for the start.
fn pages(reference: &RisReference) -> Option<String> {
    let (start, end) = (reference.first_value(&["SP"]), reference.first_value(&["EP"]));
    let (Some(first), Some(last)) = (start, end) else { return start.or(end).map(ToOwned::to_owned) };
    let parsed = parse_pages(first).pages;
    let has_end =
        parsed.as_deref().and_then(page_ends).is_some_and(|(_, end)| parse_pages(last).pages.as_deref() == Some(end));
    Some(if has_end || first == last { first.to_owned() } else { format!("{first}--{last}") })
}

/// Whether an edition is the date of the online publication, for which EndNote uses the field.
fn is_date(edition: &str) -> bool {
    edition.contains('/') || edition.split('-').count() == 3
}

/// Returns the ISSNs and ISBNs. In a report, the field may have its number instead.
fn standard_numbers(reference: &RisReference, warnings: &mut Vec<String>) -> Vec<String> {
    let values = reference.fields.iter().filter(|(tag, _)| tag == "SN").map(|(_, value)| value.as_str());
    let mut numbers = Vec::new();
    for number in values.flat_map(parse_standard_numbers) {
        match number {
            Ok(StandardNumber::Issn(number) | StandardNumber::Isbn(number)) => numbers.push(number),
            Err(error) => warnings.push(format!("{error}; it was ignored")),
        }
    }
    numbers
}

/// Returns the most precise date: `2005/07/15`, `2005/07/15/`, `2005///`, `2005`.
fn publication_date(reference: &RisReference, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let read = |text: &str| {
        let mut parts = text.split(['/', '-']).map(str::trim);
        let Some(year) = field_parsing::parse_date(parts.next()?, &mut Vec::new()) else {
            // The first of `1-1-2004` and `MAR 5` has a year.
            return field_parsing::parse_date(text, &mut Vec::new()).filter(|_| text.len() > 4);
        };
        let month = parts.next().filter(|month| !month.is_empty());
        let number = month.and_then(|month| field_parsing::parse_month(month).or_else(|| month.parse().ok()));
        let day = number.and_then(|_| parts.next()?.parse().ok()).filter(|day| *day > 0);
        field_parsing::date_or_year(year.year().into(), number.filter(|month| *month != 0), day, warnings)
    };
    let dates = ["DA", "PY", "Y1"].iter().flat_map(|tag| reference.values(&[tag])).filter_map(read);
    let best = dates.fold(None, |best: Option<PartialDate>, date| match best {
        Some(best) if best.to_string().len() >= date.to_string().len() => Some(best),
        _ => Some(date),
    })?;
    // EndNote writes the month and the day apart from the year: `DA  - Mar 5`.
    let has_year = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() == 4);
    let is_month = |text: &&str| !has_year(text) && text.chars().any(char::is_alphabetic);
    let Some(without_year) = reference.values(&["DA"]).into_iter().find(is_month).filter(|_| best.month().is_none())
    else {
        return Some(best);
    };
    let (month, day) = field_parsing::month_and_day(without_year);
    PartialDate::new(best.year().into(), month, month.and(day)).ok().or(Some(best))
}

/// Returns the DOI in its own field, or in another field that contains one.
fn find_doi(reference: &RisReference, warnings: &mut Vec<String>) -> Option<Doi> {
    let own_value = reference.first_value(&["DO"]);
    let elsewhere = || {
        let values = ["M3", "N1", "UR"].iter().flat_map(|tag| reference.values(&[tag]));
        values.filter(|value| value.contains("10.")).find_map(|value| value.parse::<Doi>().ok())
    };
    own_value.and_then(|value| field_parsing::parse_identifier::<Doi>(Some(value), warnings)).or_else(elsewhere)
}

fn pubmed_identifiers(reference: &RisReference) -> Vec<ExternalIdentifier> {
    let is_pubmed = reference.first_value(&["DB", "DP"]).is_some_and(|name| name.to_lowercase().contains("pubmed"));
    let accession =
        reference.first_value(&["AN"]).filter(|id| is_pubmed && id.bytes().all(|byte| byte.is_ascii_digit()));
    let marked = |tag: &str, mark: &str| {
        reference.first_value(&[tag]).and_then(|id| id.strip_suffix(mark)).map(ToOwned::to_owned)
    };
    let pmid = marked("U1", "[pmid]").or_else(|| accession.map(ToOwned::to_owned));
    [field_parsing::scheme_identifier("pmid", pmid), field_parsing::scheme_identifier("pmcid", marked("U2", "[pmcid]"))]
        .into_iter()
        .flatten()
        .collect()
}

fn author_records(values: &[&str]) -> Vec<AuthorRecord> {
    // Each line has one author, or several separated by semicolons.
    let names = values.iter().flat_map(|value| value.split('\n')).flat_map(names::split_at_semicolons).map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    (1..).zip(names).map(|(position, name)| author_list::author_from_text(Some(position), name)).collect()
}

fn paper_type(kind: &str) -> PaperType {
    match kind.trim() {
        "JOUR" | "MGZN" | "NEWS" | "EJOUR" | "INPR" => PaperType::Article,
        "CPAPER" => PaperType::ConferencePaper,
        // CONF stands for whole proceedings, but is often used for single papers.
        "CONF" => PaperType::ConferencePaper,
        "BOOK" | "EBOOK" | "EDBOOK" => PaperType::Book,
        "CHAP" | "ECHAP" | "ENCYC" | "DICT" => PaperType::BookChapter,
        "THES" => PaperType::Thesis,
        "RPRT" => PaperType::Report,
        "DATA" | "AGGR" => PaperType::Dataset,
        "UNPB" => PaperType::Preprint,
        _ => PaperType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::test_support::{papers, read_bytes};

    #[test]
    fn fields_of_a_reference() {
        let text = "\u{feff}\nTY  - JOUR\r\nTI  - On <i>weirs</i>\r\nAU  - Brook,Ida \r\nAU  - Ford, Tom, Jr.\r\nA2  - Editor, An\r\nPY  - 2005\r\n\
            DA  - 2005/07/15/\r\nT2  - Waters\r\nAB  - One.\r\nTwo.\r\nDO  - doi:10.1000/X\r\nDB  - PubMed\r\nAN  - 1234\r\nLA  - eng\r\nER  -\r\n";
        let outcome = read_bytes(&RisFormat, text.as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        let paper = papers(&outcome).remove(0);
        assert_eq!((paper.title.as_str(), paper.venue_name.as_deref()), ("On weirs", Some("Waters")));
        let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Ida Brook", "Tom Ford Jr."]);
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2005-07-15"));
        assert_eq!(paper.doi.as_ref().map(Doi::as_str), Some("10.1000/x"));
        assert_eq!(paper.abstract_text.iter().collect::<Vec<_>>(), [("en", "One.\nTwo.")]);
        assert_eq!(paper.identifiers[0].value, "1234");
    }

    #[test]
    fn dates() {
        let date = |tag: &str, value: &str| {
            let outcome = read_bytes(&RisFormat, format!("TY  - JOUR\nTI  - T\n{tag}  - {value}\nER  - \n").as_bytes());
            papers(&outcome)[0].publication_date.map(|date| date.to_string()).unwrap_or_default()
        };
        assert_eq!(date("PY", "2001/09/01/"), "2001-09-01");
        assert_eq!(date("PY", "2001///"), "2001");
        assert_eq!(date("Y1", "2015/october"), "2015-10");
        assert_eq!(date("PY", "2001/00/00/"), "2001");
        assert_eq!(date("PY", "YEAR/MONTH/DAY/"), "");
        assert_eq!(date("PY", "2001/02/30"), "2001");
        assert_eq!(date("DA", "Mar 5\nPY  - 2004"), "2004-03-05");
        assert_eq!(date("DA", "5 March\nPY  - 2004"), "2004-03-05");
        assert_eq!(date("DA", "JAN-FEB\nPY  - 2004"), "2004-01");
        assert_eq!(date("DA", "Mar 5\nPY  - 2004/07"), "2004-07");
        assert_eq!(date("DA", "Feb 30\nPY  - 2004"), "2004");
        assert_eq!(date("DA", "Mar 5"), "");
    }

    #[test]
    fn a_malformed_reference_does_not_affect_the_others() {
        let text = "TY  - JOUR\nTI  - Weirs\nER  - \nTI  - Typeless\nER  - \nTY  - JOUR\nTI  - Open\nTY  - JOUR\nTI  - Lo\u{ef}cks\nER  - \nTY  - JOUR\nAU  - Brook\nER  - \nTY  - JOUR\nTI  - Cut";
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        let outcome = read_bytes(&RisFormat, &bytes);
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Weirs", "Open", "Loïcks"]);
        let expected = [
            "4: invalid record: it has no type: a reference starts with a TY line",
            "6: warning: the reference has no ER line",
            "8: warning: it is not UTF-8 and was read as Windows-1252",
            "11: invalid record: it has no title",
            "14: invalid record: the reference that starts here is not closed; the file is truncated",
        ];
        assert_eq!(outcome.messages(), expected);
    }

    #[test]
    fn lines_outside_references() {
        let reference = |title: &str| format!("TY  - JOUR\nTI  - {title}\nER  - \n");
        let text = format!(
            "Provider: A Press\nContent: text/plain\n\n{}Full text: https://press.example/1\n\n{}",
            reference("Weirs"),
            reference("Locks")
        );
        let outcome = read_bytes(&RisFormat, text.as_bytes());
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Weirs", "Locks"]);
        assert_eq!(outcome.messages(), ["1: note: the lines before the first reference were ignored"]);
        let letter = read_bytes(&RisFormat, b"Dear all,\nno references here\n");
        assert_eq!(letter.messages(), ["1: unreadable file: it is not RIS; it starts like text"]);
    }

    #[test]
    fn venues_of_conference_papers() {
        let venue = |kind: &str, fields: &str| {
            let text = format!("TY  - {kind}\n{fields}ER  - \n");
            papers(&read_bytes(&RisFormat, text.as_bytes()))[0].venue_name.clone().unwrap_or_default()
        };
        assert_eq!(venue("CONF", "TI  - Weirs\nT2  - Meeting on Rivers\nJO  - Rivers\n"), "Meeting on Rivers");
        assert_eq!(venue("CPAPER", "TI  - Weirs\nJO  - Rivers\n"), "Rivers");
        assert_eq!(venue("CONF", "BT  - Meeting on Rivers\nT2  - A Series\n"), "");
    }

    #[test]
    fn several_people_in_a_field() {
        let text = "TY  - JOUR\nTI  - T\nAU  - Brook, I.M., Ford, T., Ferry, U.\nAU  - Quist, Uma, Jr.,\nAU  - van der Oak L.\nER  - \n";
        let outcome = read_bytes(&RisFormat, text.as_bytes());
        let paper = papers(&outcome).remove(0);
        let names: Vec<String> = paper
            .authors
            .iter()
            .map(|author| format!("{}|{}", author.name, author.family_name.as_deref().unwrap_or_default()))
            .collect();
        let expected =
            ["I.M. Brook|Brook", "T. Ford|Ford", "U. Ferry|Ferry", "Uma Quist Jr.|Quist", "L. van der Oak|van der Oak"];
        assert_eq!(names, expected);
        assert_eq!(outcome.messages(), ["1: warning: author 1 names 3 people and was split"]);
    }

    #[test]
    fn other_formats_are_rejected() {
        let outcome = read_bytes(&RisFormat, b"@article{a, title={T}}");
        assert_eq!(outcome.messages(), ["1: unreadable file: it is not RIS; it starts like BibTeX"]);
    }
}
