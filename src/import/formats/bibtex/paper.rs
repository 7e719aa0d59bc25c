//! Entries become records of papers.

use crate::import::formats::bibtex::authors::author_records;
use crate::import::formats::bibtex::latex;
use crate::import::formats::bibtex::library::BibtexEntry;
use crate::import::normalize::bibliographic_details::split_keywords;
use crate::import::normalize::field_parsing;
use crate::model::identifier::{ArxivId, Doi};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{PaperRecord, PaperType};

pub(super) fn paper_record(entry: &BibtexEntry, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let raw = |name: &str| entry.fields.get(name).map(String::as_str).filter(|text| !text.trim().is_empty());
    let mut text =
        |name: &str| raw(name).map(|text| latex::latex_to_text(name, text, warnings)).filter(|text| !text.is_empty());
    let title = text("title").ok_or("it has no title")?;
    let title = match text("subtitle") {
        Some(subtitle) => format!("{title}: {subtitle}"),
        None => title,
    };
    let venue = ["journaltitle", "journal", "booktitle", "maintitle", "eventtitle", "howpublished"];
    let venue_name = venue.iter().find_map(|name| text(name)).filter(|venue| !venue.contains("://"));
    let publisher_name = publisher_fields(&entry.entry_type).iter().find_map(|name| text(name));
    let (volume, number, issue) = (text("volume"), text("number"), text("issue"));
    // The number of a book is that of the series, which has volumes or numbers. Of a journal, `issue` is a title, such as
    // "Spring".
    let (volume, issue) = match paper_type(&entry.entry_type, false) {
        PaperType::Book | PaperType::BookChapter if volume.is_none() => (number, issue),
        _ => (volume, number.or(issue)),
    };
    let pages = text("pages");
    let article_number = ["eid", "articleno", "article-number"].iter().find_map(|name| text(name));
    let edition = text("edition");
    let issns = ["issn", "eissn"].iter().filter_map(|name| text(name)).collect();
    let isbns = text("isbn").into_iter().collect();
    let keywords = ["keywords", "keyword", "author_keywords"].iter().find_map(|name| text(name));
    let abstract_text = text("abstract").unwrap_or_default();
    let language = text("langid").or_else(|| text("language")).and_then(|name| field_parsing::language_tag(&name));
    let dates = [text("date"), text("year"), text("month"), text("day")];
    let eprint_kind = text("eprinttype").or_else(|| text("archiveprefix")).unwrap_or_default().to_lowercase();
    let (doi, eprint, url, pmid) = (text("doi"), text("eprint"), text("url"), text("pmid"));
    let arxiv_id = eprint.filter(|id| eprint_kind == "arxiv" || id.to_lowercase().starts_with("arxiv:"));
    let arxiv_id = field_parsing::parse_identifier::<ArxivId>(arxiv_id.as_deref(), warnings);
    // dblp writes the arXiv id of a preprint as the volume of CoRR.
    let in_volume = || raw("volume")?.trim().strip_prefix("abs/")?.parse::<ArxivId>().ok();
    let arxiv_id = arxiv_id.or_else(in_volume);
    // The first of several URLs.
    let url = url.and_then(|url| url.split([' ', ';', ',']).next().map(ToOwned::to_owned));
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    Ok(PaperRecord {
        title,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        abstract_text: LocalizedText::new(tag.as_ref(), abstract_text),
        publication_date: publication_date(dates.each_ref().map(Option::as_deref), warnings),
        paper_type: paper_type(&entry.entry_type, arxiv_id.is_some()),
        venue_name,
        volume,
        issue,
        pages,
        article_number,
        edition,
        publisher_name,
        issns,
        isbns,
        keywords: keywords.map(|text| split_keywords(&text)).unwrap_or_default(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(doi.as_deref(), warnings),
        arxiv_id,
        url,
        identifiers: field_parsing::scheme_identifier("pmid", pmid).into_iter().collect(),
        authors: raw("author").map(|text| author_records(text, warnings)).unwrap_or_default(),
        ..PaperRecord::default()
    })
}

/// Returns the fields that may name the publisher, the first one first. Google Scholar gives the publisher of
/// proceedings as their organization.
fn publisher_fields(entry_type: &str) -> &'static [&'static str] {
    match paper_type(entry_type, false) {
        PaperType::Thesis => &["school", "institution", "publisher", "organization"],
        PaperType::Report => &["institution", "school", "publisher", "organization"],
        _ => &["publisher", "organization", "institution", "school"],
    }
}

/// Returns the date in the fields `date`, `year`, `month` and `day`.
fn publication_date([date, year, month, day]: [Option<&str>; 4], warnings: &mut Vec<String>) -> Option<PartialDate> {
    if let Some(date) = date.and_then(|date| field_parsing::parse_date(date, warnings)) {
        return Some(date);
    }
    let in_year = field_parsing::parse_date(year?, warnings)?;
    // Some programs write the whole date as the year. `2001-02` may be two years.
    if in_year.day().is_some() {
        return Some(in_year);
    }
    let year: i64 = in_year.year().into();
    let (month, in_month) = field_parsing::month_and_day(month.unwrap_or_default());
    let day = day.map_or(in_month, |day| day.trim().parse().ok());
    field_parsing::date_or_year(year, month, day, warnings)
}

fn paper_type(entry_type: &str, is_on_arxiv: bool) -> PaperType {
    match entry_type {
        "article" | "suppperiodical" | "review" => PaperType::Article,
        "inproceedings" | "conference" => PaperType::ConferencePaper,
        "book" | "mvbook" | "collection" | "mvcollection" | "proceedings" | "mvproceedings" | "reference"
        | "mvreference" | "booklet" => PaperType::Book,
        "incollection" | "inbook" | "bookinbook" | "suppbook" | "suppcollection" | "inreference" => {
            PaperType::BookChapter
        }
        "phdthesis" | "mastersthesis" | "thesis" => PaperType::Thesis,
        "techreport" | "report" => PaperType::Report,
        "dataset" => PaperType::Dataset,
        _ if is_on_arxiv => PaperType::Preprint,
        _ => PaperType::Other,
    }
}
