//! Crossref's XML: UNIXREF and UNIXSD records, results of queries, and deposits. The elements that describe one
//! publication, or the publications of one volume, are read one by one.

use std::io::BufRead;

use crate::import::formats::crossref::{is_of_institution, paper_type};
use crate::import::formats::detection::FileHead;
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml::XmlElement;
use crate::import::io::xml::element_stream::{RecordElements, expect_xml, read_elements};
use crate::import::normalize::abstract_heading::strip_abstract_markup;
use crate::import::normalize::field_parsing;
use crate::model::identifier::{Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, OrganizationReference, PaperRecord, Record};

/// The elements that describe publications. A query of UNIXSD is a wrapper of one of the others.
const RECORDS: RecordElements = RecordElements {
    names: &[
        "journal",
        "conference",
        "book",
        "dissertation",
        "posted_content",
        "report-paper",
        "database",
        "standard",
        "peer_review",
        "pending_publication",
        "query",
        "error",
    ],
    content_marks: &["titles>", "article_title>", "_metadata"],
    noun: "record",
};

/// Whether a file that is XML is Crossref's, judged by its beginning.
pub(super) fn is_crossref_xml(head: &FileHead<'_>) -> bool {
    [&b"<doi_record"[..], b"<crossref_result", b"<crossref_metadata", b"<doi_batch", b"//www.crossref.org/"]
        .iter()
        .any(|mark| head.contains(mark))
}

/// Reads a file to its end.
pub(super) fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
    expect_xml(head)?;
    let head = FileHead::new(head);
    if !is_crossref_xml(&head) {
        return Err(ReadAbort::Unreadable(1, "it is XML, but not Crossref's".to_owned()));
    }
    // A deposit describes a book and its chapters; a record of a chapter also has the book, as its context.
    let is_deposit = head.contains(b"<doi_batch");
    read_elements(reader, &RECORDS, sink, |line, element, encoding_warnings, sink| {
        let works = works_of(element, is_deposit);
        if works.is_empty() {
            return sink.push_invalid(line, no_work_reason(element));
        }
        for work in works {
            let mut warnings = encoding_warnings.clone();
            match paper_record(&work, &mut warnings) {
                Ok(paper) => sink.push_record(line, Record::Paper(paper), warnings)?,
                Err(reason) => sink.push_invalid(line, reason)?,
            }
        }
        Ok(())
    })
}

fn no_work_reason(element: &XmlElement) -> String {
    match element.name.as_str() {
        "error" => format!("Crossref answered: {}", element.text().trim()),
        "query" => "Crossref did not find the publication of this query".to_owned(),
        name => format!("it describes a {}, not a publication in it", name.replace('_', " ")),
    }
}

/// A publication in the elements that describe it.
struct CrossrefWork<'a> {
    /// The type of the work in the JSON of the API, and its subtype.
    kind: (String, String),
    /// The element with titles, contributors and the DOI.
    own: &'a XmlElement,
    /// The elements about the volume, the most specific one first: an issue, then its journal.
    hosts: Vec<&'a XmlElement>,
}

/// Returns the publications that an element describes.
fn works_of(element: &XmlElement, is_deposit: bool) -> Vec<CrossrefWork<'_>> {
    let work = |kind: &str, own, hosts| CrossrefWork { kind: (kind.to_owned(), String::new()), own, hosts };
    let child = |name: &str| element.descendant_at(&[name]);
    let children = |name: &'static str| element.children_named(name);
    match element.name.as_str() {
        "journal" => {
            let hosts: Vec<_> = ["journal_issue", "journal_metadata"].iter().filter_map(|name| child(name)).collect();
            children("journal_article").map(|own| work("journal-article", own, hosts.clone())).collect()
        }
        "conference" => {
            let proceedings = ["proceedings_metadata", "proceedings_series_metadata"];
            let proceedings: Vec<_> = proceedings.iter().filter_map(|name| child(name)).collect();
            let hosts: Vec<_> = proceedings.iter().copied().chain(child("event_metadata")).collect();
            let papers = children("conference_paper").map(|own| work("proceedings-article", own, hosts.clone()));
            let papers: Vec<_> = papers.collect();
            let is_wanted = is_deposit || papers.is_empty();
            let volume = proceedings.first().filter(|_| is_wanted).map(|own| work("proceedings", own, Vec::new()));
            papers.into_iter().chain(volume.filter(|volume| has_title(volume.own))).collect()
        }
        "book" => book_works(element, is_deposit),
        "database" => {
            let hosts: Vec<_> = child("database_metadata").into_iter().collect();
            children("dataset").map(|own| work("dataset", own, hosts.clone())).collect()
        }
        "report-paper" => {
            let own = ["report-paper_metadata", "report-paper_series_metadata"].iter().find_map(|name| child(name));
            own.map(|own| work("report", own, Vec::new())).into_iter().collect()
        }
        "standard" => child("standard_metadata").map(|own| work("standard", own, Vec::new())).into_iter().collect(),
        "dissertation" => vec![work("dissertation", element, Vec::new())],
        "posted_content" => {
            let subtype = element.attribute("type").unwrap_or("preprint").to_owned();
            vec![CrossrefWork { kind: ("posted-content".to_owned(), subtype), own: element, hosts: Vec::new() }]
        }
        "query" => {
            let is_resolved = element.attribute("status").is_none_or(|status| status.ends_with("resolved"))
                && element.attribute("status") != Some("unresolved");
            let doi_type = element.descendant_at(&["doi"]).and_then(|doi| doi.attribute("type")).unwrap_or_default();
            Some(work(query_kind(doi_type), element, Vec::new())).filter(|_| is_resolved).into_iter().collect()
        }
        "error" => Vec::new(),
        other => vec![work(other, element, Vec::new())],
    }
}

/// Returns the chapters of a book, or the book.
fn book_works(element: &XmlElement, is_deposit: bool) -> Vec<CrossrefWork<'_>> {
    let book = ["book_metadata", "book_series_metadata", "book_set_metadata"];
    let Some(book) = book.iter().find_map(|name| element.descendant_at(&[name])) else { return Vec::new() };
    let kind_of = |item: &XmlElement| match item.attribute("component_type") {
        Some("section") => "book-section",
        Some("part") => "book-part",
        Some("track") => "book-track",
        Some("reference_entry") => "reference-entry",
        _ => "book-chapter",
    };
    let chapters = element.children_named("content_item").map(|own| CrossrefWork {
        kind: (kind_of(own).to_owned(), String::new()),
        own,
        hosts: vec![book],
    });
    let chapters: Vec<_> = chapters.collect();
    let book_kind = match element.attribute("book_type") {
        Some("edited_book") => "edited-book",
        Some("monograph") => "monograph",
        Some("reference") => "reference-book",
        _ => "book",
    };
    let is_wanted = is_deposit || chapters.is_empty();
    let whole = CrossrefWork { kind: (book_kind.to_owned(), String::new()), own: book, hosts: Vec::new() };
    chapters.into_iter().chain(Some(whole).filter(|_| is_wanted)).collect()
}

/// Returns the type in the JSON of the API for a type of DOI in a result of a query.
fn query_kind(doi_type: &str) -> &'static str {
    match doi_type {
        "journal_article" => "journal-article",
        "conference_paper" => "proceedings-article",
        "conference_title" => "proceedings",
        "book_content" => "book-chapter",
        "book_title" | "book_series" | "book_set" => "book",
        "dissertation" => "dissertation",
        "report-paper_title" | "report-paper_content" => "report",
        "posted_content" => "posted-content",
        _ => "other",
    }
}

fn has_title(element: &XmlElement) -> bool {
    title_of(element).is_some()
}

/// Returns the title with its subtitle, unless the title contains the subtitle.
fn title_of(element: &XmlElement) -> Option<String> {
    let titles = [&["titles", "title"][..], &["proceedings_title"], &["article_title"], &["volume_title"]];
    let title = titles.iter().find_map(|path| element.text_at(path))?;
    match element.text_at(&["titles", "subtitle"]) {
        Some(subtitle) if !title.to_lowercase().contains(&subtitle.to_lowercase()) => {
            Some(format!("{title}: {subtitle}"))
        }
        _ => Some(title),
    }
}

fn paper_record(work: &CrossrefWork<'_>, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let own = work.own;
    let (kind, subtype) = (work.kind.0.as_str(), work.kind.1.as_str());
    let title = title_of(own).ok_or_else(|| format!("it has no title (its type is {kind})"))?;
    let described = || std::iter::once(own).chain(work.hosts.iter().copied());
    let language = described().find_map(|element| element.attribute("language")).map(ToOwned::to_owned);
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let mut abstracts = LocalizedText::default();
    for element in own.children_named("abstract").filter(|element| element.attribute("abstract-type").is_none()) {
        let language = element.attribute("lang").and_then(|tag| tag.parse().ok()).or_else(|| tag.clone());
        let text = strip_abstract_markup(&element.inner_markup());
        if !text.is_empty() && abstracts.is_empty() {
            abstracts.insert(language.as_ref(), text);
        }
    }
    let abstract_text = abstracts.iter().next().map(|(_, text)| text.to_owned()).unwrap_or_default();
    let doi = own.text_at(&["doi_data", "doi"]).or_else(|| own.text_at(&["doi"]));
    Ok(PaperRecord {
        title,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        abstract_text: abstracts,
        publication_date: described().find_map(|element| publication_date(element, warnings)),
        paper_type: paper_type(kind, subtype),
        venue_name: venue_name(work),
        volume: described().find_map(|element| text_at_any(element, &[&["journal_volume", "volume"], &["volume"]])),
        issue: described().find_map(|element| element.text_at(&["issue"])),
        pages: pages(own),
        article_number: article_number(own),
        edition: described().find_map(|element| element.text_at(&["edition_number"])),
        publisher_name: described().find_map(|element| publisher_name(element, is_published_by_institution(work))),
        issns: described()
            .flat_map(standard_numbers)
            .filter(|number| number.name == "issn")
            .map(element_text)
            .collect(),
        isbns: described()
            .flat_map(standard_numbers)
            .filter(|number| number.name == "isbn")
            .map(element_text)
            .collect(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(doi.as_deref(), warnings),
        url: own.text_at(&["doi_data", "resource"]),
        authors: author_records(own, warnings),
        ..PaperRecord::default()
    })
}

/// Returns the first text at one of the paths.
fn text_at_any(element: &XmlElement, paths: &[&[&str]]) -> Option<String> {
    paths.iter().find_map(|path| element.text_at(path))
}

fn element_text(element: &XmlElement) -> String {
    element.text().trim().to_owned()
}

/// Returns the first and the last page, or all pages if there are others.
fn pages(own: &XmlElement) -> Option<String> {
    let pages = own.descendant_at(&["pages"]).unwrap_or(own);
    let range = match (pages.text_at(&["first_page"])?, pages.text_at(&["last_page"])) {
        (first, Some(last)) if first != last => format!("{first}-{last}"),
        (first, _) => first,
    };
    Some(pages.text_at(&["other_pages"]).map_or_else(|| range.clone(), |others| format!("{range}, {others}")))
}

fn article_number(own: &XmlElement) -> Option<String> {
    let item = own.descendant_at(&["publisher_item"]).unwrap_or(own);
    let is_article = |number: &&XmlElement| {
        number.attribute("item_number_type").is_some_and(|kind| kind.replace(['_', '-'], " ").contains("article"))
    };
    item.children_named("item_number").find(is_article).map(element_text)
}

fn is_published_by_institution(work: &CrossrefWork<'_>) -> bool {
    is_of_institution(paper_type(&work.kind.0, &work.kind.1))
}

/// Returns the publisher, or the institution that published a thesis or a report.
fn publisher_name(element: &XmlElement, is_by_institution: bool) -> Option<String> {
    let institution = || element.text_at(&["institution", "institution_name"]).filter(|_| is_by_institution);
    element.text_at(&["publisher", "publisher_name"]).or_else(institution)
}

/// Returns the elements with ISSNs and ISBNs of a publication or its volume, also those of the series.
fn standard_numbers(element: &XmlElement) -> impl Iterator<Item = &XmlElement> {
    element.children().chain(element.children_named("series_metadata").flat_map(XmlElement::children))
}

fn venue_name(work: &CrossrefWork<'_>) -> Option<String> {
    let of_host = work.hosts.iter().find_map(|host| {
        let paths = [&["full_title"][..], &["proceedings_title"], &["titles", "title"], &["conference_name"]];
        paths.iter().find_map(|path| host.text_at(path))
    });
    let own = || text_at_any(work.own, &[&["group_title"], &["journal_title"]]);
    // Of a preprint, the institution is the server.
    let server =
        || work.own.text_at(&["institution", "institution_name"]).filter(|_| !is_published_by_institution(work));
    // In the result of a query, the title of the volume is the venue of an article.
    let volume = || work.own.text_at(&["volume_title"]).filter(|_| work.own.text_at(&["article_title"]).is_some());
    of_host.or_else(own).or_else(volume).or_else(server)
}

/// Returns the earliest date of publication, as precise as one of the same year is. A date of posting, approval or review
/// is used where the publication has no other.
fn publication_date(element: &XmlElement, warnings: &mut Vec<String>) -> Option<PartialDate> {
    const DATES: [&str; 7] = [
        "publication_date",
        "posted_date",
        "approval_date",
        "completion_date",
        "review_date",
        "creation_date",
        "acceptance_date",
    ];
    let in_database = element.descendant_at(&["database_date"]);
    let dates_named = |name: &str| {
        element
            .children()
            .chain(in_database.iter().flat_map(|dates| dates.children()))
            .filter(move |date| date.name == name)
            .collect::<Vec<_>>()
    };
    let dates = DATES.iter().map(|name| dates_named(name)).find(|dates| !dates.is_empty());
    let in_query = || element.children_named("year").collect::<Vec<_>>();
    let dates: Vec<PartialDate> =
        dates.unwrap_or_else(in_query).into_iter().filter_map(|date| parse_date(date, warnings)).collect();
    let year = dates.iter().map(|date| date.year()).min()?;
    let of_year = dates.into_iter().filter(|date| date.year() == year);
    // Of dates that are equally precise, the first one.
    of_year.min_by_key(|date| {
        let text = date.to_string();
        (std::cmp::Reverse(text.len()), text)
    })
}

fn parse_date(date: &XmlElement, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let number = |name: &str| date.text_at(&[name]).and_then(|text| text.parse::<i64>().ok());
    let year = if date.name == "year" { date.text().trim().parse().ok() } else { number("year") };
    // Months above 12 are seasons and quarters.
    let month = number("month").filter(|month| (1..=12).contains(month));
    field_parsing::date_or_year(year?, month, number("day").filter(|day| *day != 0), warnings)
}

fn author_records(own: &XmlElement, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    // The author of a thesis may stand outside of the list of contributors.
    let contributors = own.children_named("contributors").flat_map(XmlElement::children);
    let contributors = contributors.chain(own.children_named("person_name"));
    let is_author = |contributor: &&XmlElement| {
        matches!(contributor.name.as_str(), "person_name" | "organization" | "contributor")
            && contributor.attribute("contributor_role").is_none_or(|role| role == "author")
    };
    (1..)
        .zip(contributors.filter(is_author))
        .map(|(position, contributor)| author_record(position, contributor, warnings))
        .collect()
}

fn author_record(position: u32, contributor: &XmlElement, warnings: &mut Vec<String>) -> AuthorRecord {
    let part = |name: &str| contributor.text_at(&[name]);
    let (given, family) = (part("given_name"), part("surname"));
    let person = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref(), part("suffix").as_deref()]);
    let mut orcid_warnings = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(part("ORCID").as_deref(), &mut orcid_warnings);
    warnings.extend(orcid_warnings.into_iter().map(|warning| format!("author {position}: {warning}")));
    let institutions = || contributor.children_named("affiliations").flat_map(|all| all.children_named("institution"));
    let names = institutions().filter_map(|institution| institution.text_at(&["institution_name"]));
    let texts = contributor.children_named("affiliation").map(|affiliation| affiliation.text().trim().to_owned());
    let organizations = institutions().filter_map(|institution| {
        let ror = institution.children_named("institution_id").find_map(|id| id.text().trim().parse::<Ror>().ok())?;
        let name = institution.text_at(&["institution_name"]);
        Some(OrganizationReference { ror: Some(ror), name, ..Default::default() })
    });
    AuthorRecord {
        position: Some(position),
        name: person.unwrap_or_else(|| contributor.text().trim().to_owned()),
        given_name: family.as_ref().and(given),
        family_name: family,
        orcid,
        affiliations_as_published: names.chain(texts).filter(|text| !text.is_empty()).collect(),
        organizations: organizations.collect(),
        ..AuthorRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::formats::crossref::CrossrefFormat;
    use crate::import::test_support::{papers, read_bytes};
    use crate::model::record::PaperType;

    /// Wraps the description of a publication as the API returns it.
    fn answer(content: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<doi_records>\n<doi_record owner=\"10.1000\"><crossref>{content}</crossref></doi_record></doi_records>"
        )
    }

    fn read(content: &str) -> (Vec<PaperRecord>, Vec<String>) {
        let outcome = read_bytes(&CrossrefFormat, content.as_bytes());
        (papers(&outcome), outcome.messages())
    }

    const ARTICLE: &str = r#"<journal><journal_metadata language="en"><full_title>Waters &amp; Weirs</full_title><issn>1234-5679</issn></journal_metadata>
        <journal_issue><publication_date media_type="print"><month>02</month><year>2021</year></publication_date><journal_volume><volume>7</volume></journal_volume><issue>2</issue></journal_issue>
        <journal_article publication_type="full_text"><titles><title>On H<sub>2</sub>O at <i>p</i> &lt; 0.05</title><subtitle>a survey</subtitle></titles>
        <contributors><person_name sequence="first" contributor_role="author"><given_name>Ida</given_name><surname>Brook</surname><suffix>Jr.</suffix>
          <affiliations><institution><institution_name>A University</institution_name><institution_id type="ror">https://ror.org/05dxps055</institution_id></institution></affiliations>
          <ORCID authenticated="true">https://orcid.org/0000-0002-1825-0097</ORCID></person_name>
          <person_name sequence="additional" contributor_role="editor"><given_name>Ed</given_name><surname>Itor</surname></person_name>
          <person_name sequence="additional" contributor_role="author"><surname>Ford</surname><affiliation>Here, There</affiliation></person_name>
          <organization sequence="additional" contributor_role="author">The Weir Group</organization></contributors>
        <jats:abstract><jats:title>Abstract</jats:title><jats:p>Weirs &amp; locks.</jats:p><jats:p>More.</jats:p></jats:abstract>
        <publication_date media_type="online"><month>01</month><day>5</day><year>2021</year></publication_date>
        <publication_date media_type="print"><year>2021</year></publication_date>
        <pages><first_page>10</first_page><last_page>19</last_page></pages>
        <publisher_item><item_number item_number_type="article_number">104567</item_number></publisher_item>
        <doi_data><doi>10.1000/W</doi><resource>https://waters.example/w</resource></doi_data>
        <citation_list><citation key="1"><doi>10.1000/other</doi><article_title>Other</article_title></citation></citation_list></journal_article></journal>"#;

    #[test]
    fn fields_of_an_article() {
        let (papers, messages) = read(&answer(ARTICLE));
        assert_eq!(messages, Vec::<String>::new());
        let paper = &papers[0];
        assert_eq!(paper.title, "On H2O at p < 0.05: a survey");
        assert_eq!(paper.venue_name.as_deref(), Some("Waters & Weirs"));
        assert_eq!(paper.abstract_text.iter().next(), Some(("en", "Weirs & locks.\nMore.")));
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2021-01-05"));
        assert_eq!((paper.paper_type, paper.doi.as_ref().map(Doi::as_str)), (PaperType::Article, Some("10.1000/w")));
        assert_eq!(paper.url.as_deref(), Some("https://waters.example/w"));
        assert_eq!((paper.volume.as_deref(), paper.issue.as_deref()), (Some("7"), Some("2")));
        assert_eq!((paper.pages.as_deref(), paper.article_number.as_deref()), (Some("10–19"), Some("104567")));
        assert_eq!(paper.issns, ["1234-5679"]);
        let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Ida Brook Jr.", "Ford", "The Weir Group"]);
        let first = &paper.authors[0];
        assert_eq!(first.orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
        assert_eq!(first.organizations[0].ror.as_ref().map(Ror::as_str), Some("05dxps055"));
        assert_eq!(first.affiliations_as_published, ["A University"]);
        assert_eq!(paper.authors[1].affiliations_as_published, ["Here, There"]);
    }

    #[test]
    fn publications_of_every_kind() {
        let named = |title: &str| {
            format!("<titles><title>{title}</title></titles><doi_data><doi>10.1000/{title}</doi></doi_data>")
        };
        let dated = "<publication_date><year>2020</year></publication_date>";
        for (content, expected) in [
            (
                format!(
                    "<conference><event_metadata><conference_name>C</conference_name></event_metadata><proceedings_metadata><proceedings_title>Proc. C</proceedings_title>{dated}</proceedings_metadata><conference_paper>{}</conference_paper></conference>",
                    named("a")
                ),
                "a ConferencePaper 2020 Proc. C",
            ),
            (
                format!(
                    "<conference><event_metadata><conference_name>C</conference_name></event_metadata><proceedings_metadata><proceedings_title>Proc. C</proceedings_title>{dated}</proceedings_metadata></conference>"
                ),
                "Proc. C Book 2020 -",
            ),
            (
                format!("<book book_type=\"monograph\"><book_metadata>{}{dated}</book_metadata></book>", named("b")),
                "b Book 2020 -",
            ),
            (
                format!(
                    "<book book_type=\"edited_book\"><book_metadata>{}{dated}</book_metadata><content_item component_type=\"chapter\">{}</content_item></book>",
                    named("b"),
                    named("c")
                ),
                "c BookChapter 2020 b",
            ),
            (
                format!(
                    "<dissertation><person_name contributor_role=\"author\"><surname>Brook</surname></person_name>{}<approval_date><month>13</month><year>1999</year></approval_date><institution><institution_name>U</institution_name></institution></dissertation>",
                    named("d")
                ),
                "d Thesis 1999 -",
            ),
            (
                format!(
                    "<posted_content type=\"preprint\"><group_title>Hydrology</group_title>{}<posted_date><month>3</month><day>1</day><year>2020</year></posted_date></posted_content>",
                    named("e")
                ),
                "e Preprint 2020-03-01 Hydrology",
            ),
            (
                format!(
                    "<report-paper><report-paper_metadata>{}{dated}</report-paper_metadata></report-paper>",
                    named("f")
                ),
                "f Report 2020 -",
            ),
            (
                format!(
                    "<database><database_metadata>{}</database_metadata><dataset>{}<database_date><publication_date><year>2020</year></publication_date></database_date></dataset></database>",
                    named("g"),
                    named("h")
                ),
                "h Dataset 2020 g",
            ),
        ] {
            let (papers, messages) = read(&answer(&content));
            assert_eq!(messages, Vec::<String>::new(), "{content}");
            let paper = &papers[0];
            let date = paper.publication_date.map(|date| date.to_string()).unwrap_or_default();
            let venue = paper.venue_name.as_deref().unwrap_or("-");
            assert_eq!(format!("{} {:?} {date} {venue}", paper.title, paper.paper_type), expected);
            assert_eq!(papers.len(), 1);
        }
    }

    #[test]
    fn details_of_books() {
        let book = "<book book_type=\"edited_book\"><book_series_metadata><series_metadata><titles><title>Series</title></titles><issn>0028-0836</issn></series_metadata>\
            <titles><title>Waters</title></titles><volume>3</volume><edition_number>2</edition_number><isbn media_type=\"print\">978-3-16-148410-0</isbn>\
            <publisher><publisher_name>Water Press</publisher_name></publisher></book_series_metadata>\
            <content_item component_type=\"chapter\"><titles><title>Weirs</title></titles><pages><first_page>5</first_page></pages></content_item></book>";
        let chapter = read(&answer(book)).0.remove(0);
        assert_eq!((chapter.title.as_str(), chapter.venue_name.as_deref()), ("Weirs", Some("Waters")));
        assert_eq!((chapter.volume.as_deref(), chapter.edition.as_deref()), (Some("3"), Some("2")));
        assert_eq!((chapter.pages.as_deref(), chapter.publisher_name.as_deref()), (Some("5"), Some("Water Press")));
        assert_eq!((chapter.issns, chapter.isbns), (vec!["0028-0836".to_owned()], vec!["9783161484100".to_owned()]));
    }

    #[test]
    fn results_of_queries() {
        let wrapped = format!(
            "<crossref_result xmlns=\"http://www.crossref.org/qrschema/3.0\"><query_result><body><query status=\"resolved\"><doi type=\"journal_article\">10.1000/w</doi><crm-item name=\"publisher-name\">P</crm-item><doi_record><crossref>{ARTICLE}</crossref></doi_record></query>\n\
             <query status=\"resolved\"><doi type=\"journal_article\">10.1000/q</doi><journal_title>Waters</journal_title><contributors><contributor sequence=\"first\" contributor_role=\"author\"><given_name>Tom</given_name><surname>Ford</surname></contributor></contributors><year media_type=\"print\">2009</year><article_title>Locks</article_title></query>\n\
             <query status=\"unresolved\"/></body></query_result></crossref_result>"
        );
        let (papers, messages) = read(&wrapped);
        let titles: Vec<&str> = papers.iter().map(|paper| paper.title.as_str()).collect();
        assert_eq!(titles, ["On H2O at p < 0.05: a survey", "Locks"]);
        assert_eq!((papers[1].venue_name.as_deref(), papers[1].authors[0].name.as_str()), (Some("Waters"), "Tom Ford"));
        assert_eq!(papers[1].publication_date.map(PartialDate::year), Some(2009));
        let line = wrapped.lines().count();
        assert_eq!(messages, [format!("{line}: invalid record: Crossref did not find the publication of this query")]);
    }

    #[test]
    fn deposits_have_books_and_chapters() {
        let deposit = "<doi_batch version=\"5.3.1\"><head/><body><book book_type=\"edited_book\"><book_metadata><titles><title>B</title></titles></book_metadata>\
            <content_item component_type=\"chapter\"><titles><title>C</title></titles></content_item></book></body></doi_batch>";
        let titles: Vec<String> = read(deposit).0.into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["C", "B"]);
    }

    #[test]
    fn other_answers_are_rejected() {
        let (_, messages) = read(&answer("<error>doi:10.1000/x not found</error>"));
        assert_eq!(messages, ["3: invalid record: Crossref answered: doi:10.1000/x not found"]);
        let (_, messages) =
            read(&answer("<journal><journal_metadata><full_title>W</full_title></journal_metadata></journal>"));
        assert_eq!(messages, ["3: invalid record: it describes a journal, not a publication in it"]);
        assert_eq!(read("<html></html>").1, ["1: unreadable file: it is XML, but not Crossref's"]);
        let cut = answer(ARTICLE);
        let (papers, messages) = read(&cut[..cut.len() - 100]);
        assert_eq!(papers.len(), 0);
        assert_eq!(messages, ["3: unreadable file: the record that starts here is not closed; the file is truncated"]);
    }
}
