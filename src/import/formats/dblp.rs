//! dblp's XML: the page of a person, of a publication or of a list, and the whole database.

use std::io::BufRead;

use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml::XmlElement;
use crate::import::io::xml::element_stream::{RecordElements, expect_xml, read_elements};
use crate::import::normalize::{author_list, dblp_name, field_parsing};
use crate::model::identifier::{ArxivId, Doi, Orcid};
use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;
use crate::model::record::{
    AffiliationKind, AffiliationRecord, AuthorRecord, ExternalIdentifier, OrganizationReference, PaperRecord,
    PaperType, Record, ResearcherRecord,
};

/// The scheme of dblp's keys of people, such as `35/7092-44`.
const SCHEME: &str = "dblp";
/// The start of the key of a person's record.
const PERSON_KEY_PREFIX: &str = "homepages/";

const RECORDS: RecordElements = RecordElements {
    names: &[
        "article",
        "inproceedings",
        "proceedings",
        "book",
        "incollection",
        "phdthesis",
        "mastersthesis",
        "data",
        "www",
        "person",
    ],
    content_marks: &["<title>", "<author"],
    noun: "record",
};

/// dblp's publications and people.
#[derive(Debug)]
pub(crate) struct DblpFormat;

impl Format for DblpFormat {
    fn name(&self) -> &'static str {
        "dblp"
    }

    fn help(&self) -> &'static str {
        "dblp's XML: people with their publications, publications, or the whole database"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Markup && is_dblp(head)
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
        expect_xml(head)?;
        if !is_dblp(&FileHead::new(head)) {
            return Err(ReadAbort::Unreadable(1, "it is XML, but not dblp's".to_owned()));
        }
        read_elements(reader, &RECORDS, sink, |line, element, warnings, sink| {
            emit_element(line, element, warnings, sink)
        })
    }
}

fn is_dblp(head: &FileHead<'_>) -> bool {
    [&b"<dblp>"[..], b"<dblp ", b"<dblpperson", b"<!DOCTYPE dblp"].iter().any(|mark| head.contains(mark))
}

fn emit_element(
    line: usize,
    element: &XmlElement,
    mut warnings: Vec<String>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let key = element.attribute("key").unwrap_or_default();
    if element.name == "person" || key.starts_with(PERSON_KEY_PREFIX) {
        return match person_record(element, key, &mut warnings) {
            Ok(Some(record)) => sink.push_record(line, Record::Researcher(record), warnings),
            Ok(None) => Ok(()),
            Err(note) => sink.push_note(line, note),
        };
    }
    // The pages of conferences and journals are not publications.
    if element.name == "www" {
        return Ok(());
    }
    match paper_record(element, key, &mut warnings) {
        Ok(record) => sink.push_record(line, Record::Paper(record), warnings),
        Err(reason) => sink.push_invalid(line, reason),
    }
}

/// Returns the record of a person; none if it says no more than the publications do. A person whose name has a homonym
/// number is one of several of that name: without an ORCID iD, the record would be matched to another one of them, and
/// the reason is returned.
fn person_record(
    element: &XmlElement,
    key: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<ResearcherRecord>, String> {
    let names: Vec<String> = element.children_named("author").map(clean_text).collect();
    let Some(dblp_name) = names.first() else { return Ok(None) };
    let urls = || element.children_named("url").map(|url| url.text().trim().to_owned());
    let orcid = urls().find(|url| url.contains("orcid.org/"));
    let orcid = field_parsing::parse_identifier::<Orcid>(orcid.as_deref(), warnings);
    // The database has a record for each name, and most have nothing else.
    if orcid.is_none() && element.name == "www" {
        return Ok(None);
    }
    if orcid.is_none() && dblp_name::strip_homonym_number(dblp_name).is_some() {
        return Err(format!(
            "'{dblp_name}' is one of several people of that name and has no ORCID iD here; only the publications are imported"
        ));
    }
    let bare = |name: &String| dblp_name::strip_homonym_number(name).unwrap_or(name).to_owned();
    let display = bare(dblp_name);
    let pid = key.strip_prefix(PERSON_KEY_PREFIX).map(ToOwned::to_owned);
    let mut identifiers: Vec<ExternalIdentifier> = field_parsing::scheme_identifier(SCHEME, pid).into_iter().collect();
    identifiers.extend(names.iter().filter_map(|name| dblp_name::homonym_identifier(name)));
    identifiers.extend(urls().filter_map(|url| identifier_in_url(&url)));
    let homepage = urls().find(|url| !is_profile(url));
    let affiliations = element.children_named("note").filter(|note| note.attribute("type") == Some("affiliation"));
    Ok(Some(ResearcherRecord {
        other_names: names[1..].iter().map(bare).filter(|name| *name != display).map(Into::into).collect(),
        name: display,
        orcid,
        identifiers,
        homepage_url: homepage,
        affiliations: affiliations.map(affiliation_record).collect(),
        ..ResearcherRecord::default()
    }))
}

/// Returns an affiliation as dblp describes it: the organization with its place, without the role.
fn affiliation_record(note: &XmlElement) -> AffiliationRecord {
    AffiliationRecord {
        id: None,
        organization: OrganizationReference { name: Some(clean_text(note)), ..Default::default() },
        kind: AffiliationKind::Membership,
        role_title: LocalizedText::default(),
        department_name: LocalizedText::default(),
        start_date: None,
        end_date: None,
        // The label of an affiliation that has ended is "former".
        has_ended: note.attribute("label").is_some_and(|label| label.starts_with("former")),
        is_primary: false,
    }
}

/// Returns the identifier in the URL of a profile elsewhere.
fn identifier_in_url(url: &str) -> Option<ExternalIdentifier> {
    let after = |mark: &str| url.split_once(mark).map(|(_, id)| id.split(['&', '#']).next().unwrap_or(id).to_owned());
    let wikidata = after("wikidata.org/entity/").or_else(|| after("wikidata.org/wiki/"));
    field_parsing::scheme_identifier("wikidata", wikidata)
        .or_else(|| field_parsing::scheme_identifier("google-scholar", after("scholar.google.com/citations?user=")))
}

/// Returns whether a URL is of a profile at another site, not of a homepage.
fn is_profile(url: &str) -> bool {
    const SITES: [&str; 14] = [
        "orcid.org/",
        "wikidata.org/",
        "wikipedia.org/",
        "scholar.google.",
        "dl.acm.org/",
        "genealogy.math.",
        "mathgenealogy.org/",
        "github.com/",
        "linkedin.com/",
        "twitter.com/",
        "researchgate.net/",
        "d-nb.info/",
        "viaf.org/",
        "openreview.net/",
    ];
    !url.starts_with("http") || SITES.iter().any(|site| url.contains(site))
}

fn clean_text(element: &XmlElement) -> String {
    element.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn paper_record(element: &XmlElement, key: &str, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let text = |name: &str| element.text_at(&[name]);
    let title = text("title").ok_or("it has no title")?;
    // dblp adds a period to every title.
    let title = title.strip_suffix('.').filter(|title| !title.ends_with('.')).unwrap_or(&title).to_owned();
    let links: Vec<String> = element.children_named("ee").map(|link| link.text().trim().to_owned()).collect();
    let on_arxiv = links.iter().find_map(|link| link.parse::<ArxivId>().ok());
    let in_volume = || text("volume")?.strip_prefix("abs/")?.parse::<ArxivId>().ok();
    let arxiv_id = on_arxiv.or_else(in_volume);
    // Of a preprint, the DOI is arXiv's.
    let doi = links.iter().filter(|link| link.contains("doi.org/")).find_map(|link| link.parse::<Doi>().ok());
    let year = text("year");
    let publication_type = element.attribute("publtype").unwrap_or_default();
    let venue = ["journal", "booktitle"].iter().find_map(|name| text(name));
    let venue = venue.filter(|_| !matches!(element.name.as_str(), "book" | "proceedings"));
    Ok(PaperRecord {
        source_id: Some(key.to_owned()).filter(|key| !key.is_empty()),
        title,
        publication_date: publication_date(year.as_deref(), text("month").as_deref(), warnings),
        paper_type: paper_type(element, publication_type),
        venue_name: venue,
        volume: text("volume"),
        issue: text("number"),
        pages: text("pages"),
        publisher_name: text("school").or_else(|| text("publisher")),
        isbns: element.children_named("isbn").map(clean_text).collect(),
        doi,
        arxiv_id,
        url: links.into_iter().find(|link| link.starts_with("http")),
        is_retracted: publication_type.contains("withdrawn"),
        authors: (1..)
            .zip(element.children_named("author"))
            .map(|(position, author)| author_record(position, author, warnings))
            .collect(),
        ..PaperRecord::default()
    })
}

fn publication_date(year: Option<&str>, month: Option<&str>, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let date = field_parsing::parse_date(year?, warnings)?;
    let month = month.and_then(|month| field_parsing::parse_month(month.split(['/', '-']).next().unwrap_or(month)));
    if date.month().is_some() { Some(date) } else { PartialDate::new(date.year().into(), month, None).ok() }
}

fn paper_type(element: &XmlElement, publication_type: &str) -> PaperType {
    match element.name.as_str() {
        "article" if publication_type.contains("informal") => PaperType::Preprint,
        "article" => PaperType::Article,
        "inproceedings" => PaperType::ConferencePaper,
        "book" | "proceedings" => PaperType::Book,
        "incollection" => PaperType::BookChapter,
        "phdthesis" | "mastersthesis" => PaperType::Thesis,
        "data" if publication_type.contains("software") => PaperType::Other,
        "data" => PaperType::Dataset,
        _ => PaperType::Other,
    }
}

/// Returns an author: without the homonym number, but with it and dblp's key of the person as identifiers.
fn author_record(position: u32, author: &XmlElement, warnings: &mut Vec<String>) -> AuthorRecord {
    let name = clean_text(author);
    let mut orcid_warnings = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(author.attribute("orcid"), &mut orcid_warnings);
    warnings.extend(orcid_warnings.into_iter().map(|warning| format!("author {position}: {warning}")));
    let pid = field_parsing::scheme_identifier(SCHEME, author.attribute("pid").map(ToOwned::to_owned));
    AuthorRecord {
        orcid,
        identifiers: pid.into_iter().chain(dblp_name::homonym_identifier(&name)).collect(),
        ..author_list::author_from_text(Some(position), dblp_name::strip_homonym_number(&name).unwrap_or(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::test_support::{papers, read_bytes, researchers};

    const DATABASE: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE dblp SYSTEM "dblp.dtd">
<dblp>
<article mdate="2020-01-01" key="journals/waters/BrookF20"><author orcid="0000-0002-1825-0097">Ida Br&uuml;ck</author><author>Wei Brook 0044</author><title>On H<sub>2</sub>O &amp; weirs.</title><pages>1-9</pages><year>2020</year><volume>7</volume><journal>J. Waters</journal><number>2</number><ee type="oa">https://doi.org/10.1000/W</ee><url>db/journals/waters/waters7.html#BrookF20</url></article>
<article publtype="informal" key="journals/corr/abs-2101-00001"><author>Wei Brook 0044</author><title>What about locks?</title><journal>CoRR</journal><volume>abs/2101.00001</volume><year>2021</year><ee type="oa">https://arxiv.org/abs/2101.00001</ee></article>
<inproceedings key="conf/water/Brook19"><author>Tom Ford</author><title>Dams...</title><booktitle>WATER</booktitle><year>2019</year><month>July/August</month><crossref>conf/water/2019</crossref></inproceedings>
<proceedings key="conf/water/2019"><editor>Ed Itor</editor><title>Proc. of WATER.</title><publisher>Press</publisher><year>2019</year></proceedings>
<phdthesis key="phd/Ford99"><author>Tom Ford</author><title>Weirs.</title><school>Riverton U.</school><year>1999</year></phdthesis>
<article key="a"><author>A</author><title>Unclosed.</title>
<article publtype="withdrawn" key="journals/waters/X"><author>Tom Ford</author><title>Sluices.</title><journal>J. Waters</journal><year>2001</year></article>
<www key="homepages/35/7092-44"><author>Wei Brook 0044</author><title>Home Page</title></www>
<www key="homepages/1/2"><author>Tom Ford</author><author>Thomas Ford 0002</author><title>Home Page</title><url>https://orcid.org/0000-0002-1694-233X</url></www>
<www key="www/org/waters"><title>Waters Online</title><url>https://waters.example</url></www>
</dblp>"#;

    #[test]
    fn the_database() {
        let outcome = read_bytes(&DblpFormat, DATABASE.as_bytes());
        assert_eq!(
            outcome.messages(),
            ["9: invalid record: the record that starts here is not closed before the next one"]
        );
        let read: Vec<String> = papers(&outcome)
            .iter()
            .map(|paper| {
                let date = paper.publication_date.map(|date| date.to_string()).unwrap_or_default();
                let venue = paper.venue_name.as_deref().unwrap_or("-");
                format!("{} | {:?} {date} {venue} {}", paper.title, paper.paper_type, paper.is_retracted)
            })
            .collect();
        assert_eq!(
            read,
            [
                "On H2O & weirs | Article 2020 J. Waters false",
                "What about locks? | Preprint 2021 CoRR false",
                "Dams... | ConferencePaper 2019-07 WATER false",
                "Proc. of WATER | Book 2019 - false",
                "Weirs | Thesis 1999 - false",
                "Sluices | Article 2001 J. Waters true",
            ]
        );
        let papers = papers(&outcome);
        let (article, preprint) = (&papers[0], &papers[1]);
        assert_eq!(article.source_id.as_deref(), Some("journals/waters/BrookF20"));
        assert_eq!(article.doi.as_ref().map(Doi::as_str), Some("10.1000/w"));
        assert_eq!((article.volume.as_deref(), article.issue.as_deref()), (Some("7"), Some("2")));
        assert_eq!((article.pages.as_deref(), preprint.volume.as_deref()), (Some("1–9"), None));
        assert_eq!(papers[3].publisher_name.as_deref(), Some("Press"));
        assert_eq!(article.authors[0].name, "Ida Brück");
        assert_eq!(article.authors[0].orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
        let homonym = &article.authors[1];
        assert_eq!((homonym.name.as_str(), homonym.identifiers[0].value.as_str()), ("Wei Brook", "Wei Brook 0044"));
        assert_eq!(preprint.arxiv_id.as_ref().map(ArxivId::as_str), Some("2101.00001"));
        let people = researchers(&outcome);
        assert_eq!(people.len(), 1);
        assert_eq!((people[0].name.as_str(), people[0].other_names[0].value.as_str()), ("Tom Ford", "Thomas Ford"));
        assert_eq!(people[0].identifiers[0].value, "1/2");
    }

    #[test]
    fn the_page_of_a_person() {
        let page = |name: &str, more: &str| {
            format!(
                "<?xml version=\"1.0\"?>\n<dblpperson name=\"{name}\" pid=\"35/7092-44\" n=\"1\">\n\
                 <person key=\"homepages/35/7092-44\" mdate=\"2020-01-01\"><author pid=\"35/7092-44\">{name}</author>\
                 <note type=\"affiliation\">Riverton University, Riverton, R</note><note label=\"former\" type=\"affiliation\">Old College</note>\
                 <url>https://scholar.google.com/citations?user=abc</url><url>https://brook.example</url>{more}</person>\n\
                 <r><article key=\"journals/w/B\"><author pid=\"35/7092-44\">{name}</author><title>Weirs.</title><year>2020</year></article></r>\n\
                 <coauthors n=\"0\"/></dblpperson>"
            )
        };
        let numbered = read_bytes(&DblpFormat, page("Wei Brook 0044", "").as_bytes());
        assert_eq!(
            numbered.messages(),
            [
                "3: note: 'Wei Brook 0044' is one of several people of that name and has no ORCID iD here; only the publications are imported"
            ]
        );
        assert_eq!(researchers(&numbered).len(), 0);
        let author = papers(&numbered)[0].authors[0].clone();
        let ids: Vec<String> = author.identifiers.iter().map(|id| format!("{}:{}", id.scheme, id.value)).collect();
        assert_eq!(
            (author.name.as_str(), ids),
            ("Wei Brook", vec!["dblp:35/7092-44".to_owned(), "dblp-name:Wei Brook 0044".to_owned()])
        );

        let orcid = "<url>https://orcid.org/0000-0002-1825-0097</url>";
        let known = read_bytes(&DblpFormat, page("Wei Brook 0044", orcid).as_bytes());
        assert_eq!(known.messages(), Vec::<String>::new());
        let person = researchers(&known).remove(0);
        let ids: Vec<String> = person.identifiers.iter().map(|id| format!("{}:{}", id.scheme, id.value)).collect();
        assert_eq!(person.name, "Wei Brook");
        assert_eq!(ids, ["dblp:35/7092-44", "dblp-name:Wei Brook 0044", "google-scholar:abc"]);
        assert_eq!(person.homepage_url.as_deref(), Some("https://brook.example/"));
        let organizations: Vec<_> =
            person.affiliations.iter().map(|held| (held.organization.name.as_deref(), held.has_ended)).collect();
        assert_eq!(organizations, [(Some("Riverton University, Riverton, R"), false), (Some("Old College"), true)]);
    }

    #[test]
    fn other_files_are_rejected() {
        let outcome = read_bytes(&DblpFormat, b"<html></html>");
        assert_eq!(outcome.messages(), ["1: unreadable file: it is XML, but not dblp's"]);
    }
}
