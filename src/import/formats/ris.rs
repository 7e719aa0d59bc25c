//! RIS, as reference managers and publishers export it.

use std::io::BufRead;

use crate::import::io::lines::{self, Lines, NOT_UTF_8, looks_like, size};
use crate::import::normalize::field_parsing;
use crate::import::normalize::strip_markup::plain;
use crate::import::{Sink, Stop};
use crate::model::identifier::Doi;
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, Identifier, PaperRecord, PaperType, Record};
use crate::text::names;

const LONGEST_LINE: usize = 1 << 20;
const LONGEST_RECORD: usize = 16 << 20;

/// A reference: its fields in order.
#[derive(Default)]
struct Reference {
    line: usize,
    fields: Vec<(String, String)>,
    size: usize,
    fault: Option<String>,
    is_mended: bool,
    has_no_end: bool,
}

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut lines = Lines::new(reader, LONGEST_LINE);
    let mut current: Option<Reference> = None;
    let mut has_fields = false;
    while let Some(line) = lines.next_untrimmed()? {
        let (text, is_mended) = lines::text(line);
        let text = text.trim_matches('\u{feff}').to_owned();
        let (number, is_cut) = (lines.number, lines.is_cut);
        let Some((tag, value)) = field(&text) else {
            if !has_fields && !text.trim().is_empty() {
                let reason = format!("it does not begin like RIS but like {}", looks_like(text.as_bytes()));
                return Err(Stop::Unreadable(number, reason));
            }
            // A line without a tag goes on with the field before it.
            if let Some(Reference { fields, size, .. }) = &mut current
                && let Some((_, value)) = fields.last_mut()
                && !text.trim().is_empty()
                && *size < LONGEST_RECORD
            {
                value.push('\n');
                value.push_str(text.trim());
                *size += text.len();
            }
            continue;
        };
        has_fields = true;
        let is_end = tag == "ER";
        // A type begins a reference, unless nothing but types came before.
        let begins = tag == "TY" && current.as_ref().is_some_and(|open| open.fields.iter().any(|(tag, _)| tag != "TY"));
        if begins && let Some(mut open) = current.take() {
            open.has_no_end = true;
            give(open, sink)?;
        }
        if !is_end {
            let reference = current.get_or_insert_with(|| Reference { line: number, ..Reference::default() });
            reference.is_mended |= is_mended;
            reference.size += value.len();
            if is_cut {
                reference.fault.get_or_insert_with(|| lines.too_long());
            } else if reference.size > LONGEST_RECORD {
                let fault = format!("the reference has more than {}", size(LONGEST_RECORD));
                reference.fault.get_or_insert(fault);
                reference.fields.clear();
            } else {
                reference.fields.push((tag.to_owned(), value.to_owned()));
            }
        } else if let Some(reference) = current.take() {
            give(reference, sink)?;
        }
    }
    match current {
        Some(mut open) => {
            open.fault
                .get_or_insert_with(|| "the reference that begins here does not end; the file is cut off".to_owned());
            give(open, sink)
        }
        None if has_fields => Ok(()),
        None => Err(Stop::Unreadable(0, "it is empty".to_owned())),
    }
}

/// The tag and the value of a line: `AU  - Brook, Ida`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = (line.get(..2)?, line.get(2..)?);
    let is_tag =
        tag.bytes().enumerate().all(|(place, byte)| byte.is_ascii_uppercase() || (place == 1 && byte.is_ascii_digit()));
    let value = rest.trim_start().strip_prefix('-')?;
    let gap = rest.len() - rest.trim_start().len();
    (is_tag && (1..=2).contains(&gap) && (value.is_empty() || value.starts_with(char::is_whitespace)))
        .then(|| (tag, value.trim()))
}

fn give(reference: Reference, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let line = reference.line;
    if let Some(fault) = reference.fault {
        return sink.rejected(line, fault);
    }
    let mut notes = Vec::new();
    if reference.is_mended {
        notes.push(NOT_UTF_8.to_owned());
    }
    if reference.has_no_end {
        notes.push("the reference has no end; the next one begins".to_owned());
    }
    match paper(&reference, &mut notes) {
        Ok(paper) => sink.record(line, Record::Paper(paper), notes),
        Err(reason) => sink.rejected(line, reason),
    }
}

impl Reference {
    /// The values of the first of these tags that has any.
    fn all(&self, tags: &[&str]) -> Vec<&str> {
        let of = |tag: &str| -> Vec<&str> {
            let values = self.fields.iter().filter(|(own, value)| own == tag && !value.trim().is_empty());
            values.map(|(_, value)| value.as_str()).collect()
        };
        tags.iter().map(|tag| of(tag)).find(|values| !values.is_empty()).unwrap_or_default()
    }

    fn first(&self, tags: &[&str]) -> Option<&str> {
        self.all(tags).first().copied()
    }
}

fn paper(reference: &Reference, notes: &mut Vec<String>) -> Result<PaperRecord, String> {
    let Some(kind) = reference.first(&["TY"]) else {
        return Err("it has no type: a reference begins with TY".to_owned());
    };
    let is_whole_book = matches!(kind, "BOOK" | "EDBOOK" | "CONF");
    let title = reference.first(&["TI", "T1", "CT"]);
    let title = title.or_else(|| reference.first(&["BT"]).filter(|_| is_whole_book)).ok_or("it has no title")?;
    // What a book is in is a series, and no venue.
    let venue = if is_whole_book { None } else { reference.first(&["JF", "T2", "JO", "BT", "JA", "J2", "JW"]) };
    let abstract_text = plain(reference.first(&["AB", "N2"]).unwrap_or_default());
    let language = reference.first(&["LA"]).and_then(field_parsing::language);
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    Ok(PaperRecord {
        title: plain(title),
        abstract_completeness: field_parsing::completeness(&abstract_text),
        abstract_text: LocalizedText::of(tag.as_ref(), abstract_text),
        publication_date: date(reference, notes),
        paper_type: paper_type(kind),
        venue_name: venue.map(plain),
        language,
        doi: doi(reference, notes),
        url: reference.first(&["UR", "LK"]).and_then(|url| url.split([' ', ';', '\n']).next()).map(ToOwned::to_owned),
        identifiers: identifiers(reference),
        authors: authors(&reference.all(&["AU", "A1"])),
        ..PaperRecord::default()
    })
}

/// The most exact date: `2005/07/15`, `2005/07/15/`, `2005///`, `2005`.
fn date(reference: &Reference, notes: &mut Vec<String>) -> Option<PartialDate> {
    let read = |text: &str| {
        let mut parts = text.split(['/', '-']).map(str::trim);
        let Some(year) = field_parsing::written_date(parts.next()?, &mut Vec::new()) else {
            // Such as `1-1-2004` and `MAR 5`, of which the first has a year.
            return field_parsing::written_date(text, &mut Vec::new()).filter(|_| text.len() > 4);
        };
        let month = parts.next().filter(|month| !month.is_empty());
        let number = month.and_then(|month| field_parsing::month(month).or_else(|| month.parse().ok()));
        let day = number.and_then(|_| parts.next()?.parse().ok()).filter(|day| *day > 0);
        field_parsing::date(year.year().into(), number.filter(|month| *month != 0), day, notes)
    };
    let dates = ["DA", "PY", "Y1"].iter().flat_map(|tag| reference.all(&[tag])).filter_map(read);
    dates.fold(None, |best: Option<PartialDate>, date| match best {
        Some(best) if best.to_string().len() >= date.to_string().len() => Some(best),
        _ => Some(date),
    })
}

/// Where it has a field of its own, else where a field of another kind holds one.
fn doi(reference: &Reference, notes: &mut Vec<String>) -> Option<Doi> {
    let own = reference.first(&["DO"]);
    let elsewhere = || {
        let values = ["M3", "N1", "UR"].iter().flat_map(|tag| reference.all(&[tag]));
        values.filter(|value| value.contains("10.")).find_map(|value| value.parse::<Doi>().ok())
    };
    own.and_then(|own| field_parsing::identifier::<Doi>(Some(own), notes)).or_else(elsewhere)
}

fn identifiers(reference: &Reference) -> Vec<Identifier> {
    let is_pubmed = reference.first(&["DB", "DP"]).is_some_and(|name| name.to_lowercase().contains("pubmed"));
    let accession = reference.first(&["AN"]).filter(|id| is_pubmed && id.bytes().all(|byte| byte.is_ascii_digit()));
    let marked =
        |tag: &str, mark: &str| reference.first(&[tag]).and_then(|id| id.strip_suffix(mark)).map(ToOwned::to_owned);
    let pmid = marked("U1", "[pmid]").or_else(|| accession.map(ToOwned::to_owned));
    [field_parsing::id_of("pmid", pmid), field_parsing::id_of("pmcid", marked("U2", "[pmcid]"))]
        .into_iter()
        .flatten()
        .collect()
}

fn authors(values: &[&str]) -> Vec<AuthorRecord> {
    // One author a line, or several with semicolons between them.
    let names = values.iter().flat_map(|value| value.split('\n')).flat_map(names::by_semicolons).map(str::trim);
    let names = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("anonymous"));
    (1..).zip(names).map(|(position, name)| author(position, name)).collect()
}

/// `Family, Given, Suffix`; a name without a comma is as it is.
fn author(position: u32, written: &str) -> AuthorRecord {
    let mut parts = written.split(',').map(names::clean);
    let (family, given, suffix) = (parts.next(), parts.next(), parts.next());
    let has_parts = given.as_ref().is_some_and(|given| !given.is_empty());
    let name = field_parsing::join(&[given.as_deref(), family.as_deref(), suffix.as_deref()]);
    AuthorRecord {
        position: Some(position),
        name: name.filter(|_| has_parts).unwrap_or_else(|| written.trim_end_matches(',').to_owned()),
        given_name: given.filter(|_| has_parts),
        family_name: family.filter(|_| has_parts),
        ..AuthorRecord::default()
    }
}

fn paper_type(kind: &str) -> PaperType {
    match kind.trim() {
        "JOUR" | "MGZN" | "NEWS" | "EJOUR" | "INPR" => PaperType::Article,
        "CPAPER" => PaperType::ConferencePaper,
        // Of a whole meeting; many use it for one paper all the same.
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
    use crate::import::Format;
    use crate::import::tests::{papers, read};

    #[test]
    fn fields_of_a_reference() {
        let text = "\u{feff}\nTY  - JOUR\r\nTI  - On <i>weirs</i>\r\nAU  - Brook,Ida \r\nAU  - Ford, Tom, Jr.\r\nA2  - Editor, An\r\nPY  - 2005\r\n\
            DA  - 2005/07/15/\r\nT2  - Waters\r\nAB  - One.\r\nTwo.\r\nDO  - doi:10.1000/X\r\nDB  - PubMed\r\nAN  - 1234\r\nLA  - eng\r\nER  -\r\n";
        let outcome = read(&Format::Ris, text.as_bytes());
        assert_eq!(outcome.told(), Vec::<String>::new());
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
            let outcome = read(&Format::Ris, format!("TY  - JOUR\nTI  - T\n{tag}  - {value}\nER  - \n").as_bytes());
            papers(&outcome)[0].publication_date.map(|date| date.to_string()).unwrap_or_default()
        };
        assert_eq!(date("PY", "2001/09/01/"), "2001-09-01");
        assert_eq!(date("PY", "2001///"), "2001");
        assert_eq!(date("Y1", "2015/october"), "2015-10");
        assert_eq!(date("PY", "2001/00/00/"), "2001");
        assert_eq!(date("PY", "YEAR/MONTH/DAY/"), "");
        assert_eq!(date("PY", "2001/02/30"), "2001");
    }

    #[test]
    fn damage_costs_one_reference() {
        let text = "TY  - JOUR\nTI  - Weirs\nER  - \nTI  - Typeless\nER  - \nTY  - JOUR\nTI  - Open\nTY  - JOUR\nTI  - Lo\u{ef}cks\nER  - \nTY  - JOUR\nAU  - Brook\nER  - \nTY  - JOUR\nTI  - Cut";
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        let outcome = read(&Format::Ris, &bytes);
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Weirs", "Open", "Loïcks"]);
        let expected = [
            "4: rejected: it has no type: a reference begins with TY",
            "6: mended: the reference has no end; the next one begins",
            "8: mended: it is not UTF-8 and was read as Windows-1252",
            "11: rejected: it has no title",
            "14: rejected: the reference that begins here does not end; the file is cut off",
        ];
        assert_eq!(outcome.told(), expected);
    }

    #[test]
    fn others_are_refused() {
        let outcome = read(&Format::Ris, b"@article{a, title={T}}");
        assert_eq!(outcome.told(), ["1: not read: it does not begin like RIS but like BibTeX"]);
    }
}
