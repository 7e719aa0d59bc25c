//! PubMed: articles in XML, as its yearly files and its API have them. They are cut out one by one, so that a damaged one
//! costs only itself.

use std::io::BufRead;

use crate::import::io::lines::{self, NOT_UTF_8, looks_like, size, unreadable};
use crate::import::io::xml::{self, Element};
use crate::import::normalize::field_parsing;
use crate::import::normalize::strip_markup::plain;
use crate::import::{Sink, Stop};
use crate::model::identifier::{Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, OrganizationReference, PaperRecord, PaperType, Record};

/// The largest article: that of five thousand authors is a tenth of it.
const LONGEST: usize = 16 << 20;
const BEGINNINGS: [&[u8]; 2] = [b"<PubmedArticle", b"<PubmedBookArticle"];

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let head = reader.fill_buf().map_err(|error| unreadable(1, &error))?;
    if head.is_empty() {
        return Err(Stop::Unreadable(0, "it is empty".to_owned()));
    }
    if looks_like(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)) != "XML or HTML" {
        return Err(Stop::Unreadable(1, format!("it does not begin like XML but like {}", looks_like(head))));
    }
    if !contains(head, b"Pubmed") {
        return Err(Stop::Unreadable(1, "it is XML of another kind than PubMed's".to_owned()));
    }
    let mut articles = Articles { pending: Vec::new(), searched: 0, line: 1, open: None };
    loop {
        let available = reader.fill_buf().map_err(|error| unreadable(articles.line, &error))?;
        let amount = available.len();
        articles.pending.extend_from_slice(available);
        reader.consume(amount);
        while let Some((line, text)) = articles.next() {
            match text {
                Ok(text) => give(line, &text, sink)?,
                Err(reason) => sink.rejected(line, reason)?,
            }
        }
        if amount == 0 {
            return match articles.open {
                Some((line, _)) => Err(Stop::Unreadable(
                    line,
                    "the article that begins here does not end; the file is cut off".to_owned(),
                )),
                None => Ok(()),
            };
        }
    }
}

/// Cuts articles out of what was read.
struct Articles {
    pending: Vec<u8>,
    /// How much of it has been looked through.
    searched: usize,
    /// The line that it begins on.
    line: usize,
    /// The line of the article that has begun, and what ends it.
    open: Option<(usize, &'static [u8])>,
}

impl Articles {
    fn next(&mut self) -> Option<(usize, Result<Vec<u8>, String>)> {
        if self.open.is_none() {
            let start = self.find(|text| {
                BEGINNINGS.iter().any(|beginning| {
                    text.starts_with(beginning)
                        && text
                            .get(beginning.len())
                            .is_some_and(|next| matches!(next, b'>' | b' ' | b'\n' | b'\r' | b'\t'))
                })
            })?;
            self.drop(start);
            let end: &[u8] =
                if self.pending.starts_with(BEGINNINGS[1]) { b"</PubmedBookArticle>" } else { b"</PubmedArticle>" };
            self.open = Some((self.line, end));
            self.searched = 1;
        }
        let (line, end) = self.open?;
        // One that begins inside of another ends that one.
        let found = self.find(|text| text.starts_with(end) || text.starts_with(b"<PubmedArticle>"));
        let Some(at) = found else {
            if self.pending.len() <= LONGEST {
                return None;
            }
            let length = self.pending.len();
            self.drop(length);
            self.open = None;
            return Some((line, Err(format!("the article that begins here has more than {}", size(LONGEST)))));
        };
        self.open = None;
        if !self.pending[at..].starts_with(end) {
            self.drop(at);
            return Some((
                line,
                Err("the article that begins here does not end before the next one begins".to_owned()),
            ));
        }
        let text = self.pending[..at + end.len()].to_vec();
        self.drop(at + end.len());
        Some((line, Ok(text)))
    }

    /// Where a tag is, of which the whole name has been read.
    fn find(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let longest = 24;
        let end = self.pending.len();
        for at in self.searched..end {
            if self.pending[at] == b'<' {
                if at + longest > end && end > 0 && !self.pending[at..].contains(&b'>') {
                    self.searched = at;
                    return None;
                }
                if is_wanted(&self.pending[at..]) {
                    return Some(at);
                }
            }
        }
        self.searched = end;
        if self.open.is_none() {
            self.drop(end);
        }
        None
    }

    fn drop(&mut self, amount: usize) {
        self.line += self.pending[..amount].iter().filter(|byte| **byte == b'\n').count();
        self.pending.drain(..amount);
        self.searched = 0;
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn give(line: usize, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
    let (text, is_mended) = lines::text(bytes);
    let mut notes = if is_mended { vec![NOT_UTF_8.to_owned()] } else { Vec::new() };
    match xml::parse(&text).and_then(|article| paper(&article, &mut notes)) {
        Ok(paper) => sink.record(line, Record::Paper(paper), notes),
        Err(reason) => sink.rejected(line, reason),
    }
}

fn paper(root: &Element, notes: &mut Vec<String>) -> Result<PaperRecord, String> {
    let citation = root.at(&["MedlineCitation"]).or_else(|| root.at(&["BookDocument"])).ok_or("it has no citation")?;
    // The document of a book has its fields without an article around them.
    let article = citation.at(&["Article"]).unwrap_or(citation);
    let title = article.text_at(&["ArticleTitle"]).or_else(|| citation.text_at(&["Book", "BookTitle"]));
    let vernacular = article.text_at(&["VernacularTitle"]);
    let title = title.or_else(|| vernacular.clone()).ok_or("it has no title")?;
    // A title in brackets is PubMed's translation.
    let title = title
        .strip_prefix('[')
        .and_then(|title| title.strip_suffix("].").or_else(|| title.strip_suffix(']')))
        .unwrap_or(&title);
    let language =
        article.text_at(&["Language"]).filter(|code| code != "und").and_then(|code| field_parsing::language(&code));
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let english = "en".parse::<LanguageTag>().ok();
    let abstract_text = abstract_of(article);
    let (title, vernacular) = (without_point(title), vernacular.map(|title| without_point(&title).to_owned()));
    let (title, translated_titles) = match (vernacular, tag.as_ref()) {
        (Some(vernacular), Some(_)) => (vernacular, LocalizedText::of(english.as_ref(), title)),
        _ => (title.to_owned(), LocalizedText::default()),
    };
    let ids = root.at(&["PubmedData", "ArticleIdList"]).or_else(|| citation.at(&["ArticleIdList"]));
    let id = |kind: &str| {
        let of_kind = ids?.all("ArticleId").find(|id| id.attribute("IdType") == Some(kind))?;
        Some(of_kind.text().trim().to_owned()).filter(|text| !text.is_empty())
    };
    let location = article.all("ELocationID").find(|id| id.attribute("EIdType") == Some("doi")).map(Element::text);
    let pmid = citation.text_at(&["PMID"]).ok_or("it has no PMID")?;
    let kinds: Vec<String> = article
        .at(&["PublicationTypeList"])
        .into_iter()
        .flat_map(|list| list.all("PublicationType"))
        .map(Element::text)
        .collect();
    let venue = [&["Journal", "Title"][..], &["Journal", "ISOAbbreviation"], &["Book", "BookTitle"]];
    let venue_name = venue.iter().find_map(|path| article.text_at(path)).filter(|venue| *venue != title);
    let authors = article.all("AuthorList").find(|list| list.attribute("Type") != Some("editors"));
    if authors.is_some_and(|list| list.attribute("CompleteYN") == Some("N")) {
        notes.push("PubMed has not all of its authors".to_owned());
    }
    Ok(PaperRecord {
        title: plain(&title),
        translated_titles,
        abstract_completeness: field_parsing::completeness(&abstract_text),
        // PubMed's abstracts are English, whatever the article's language.
        abstract_text: LocalizedText::of(english.as_ref(), abstract_text),
        publication_date: date(article, citation, notes),
        paper_type: paper_type(&kinds, root.name == "PubmedBookArticle"),
        venue_name,
        language,
        doi: field_parsing::identifier::<Doi>(id("doi").or(location).as_deref(), notes),
        url: Some(format!("https://pubmed.ncbi.nlm.nih.gov/{pmid}/")),
        is_retracted: kinds.iter().any(|kind| kind == "Retracted Publication"),
        identifiers: [field_parsing::id_of("pmid", Some(pmid)), field_parsing::id_of("pmcid", id("pmc"))]
            .into_iter()
            .flatten()
            .collect(),
        authors: authors.map(|list| crate::import::formats::pubmed::authors(list, notes)).unwrap_or_default(),
        ..PaperRecord::default()
    })
}

/// A title without the point that PubMed puts behind all of them.
fn without_point(title: &str) -> &str {
    title.strip_suffix('.').filter(|title| !title.ends_with('.')).unwrap_or(title)
}

/// The abstract, each part on a line of its own with its label before it.
fn abstract_of(article: &Element) -> String {
    let parts = article.at(&["Abstract"]).into_iter().flat_map(|text| text.all("AbstractText")).filter_map(|part| {
        let text = part.text().split_whitespace().collect::<Vec<_>>().join(" ");
        match part.attribute("Label").filter(|label| !label.eq_ignore_ascii_case("unlabelled")) {
            _ if text.is_empty() => None,
            Some(label) => Some(format!("{label}: {text}")),
            None => Some(text),
        }
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// The day on which it appeared, by the issue or online, whichever is told more exactly.
fn date(article: &Element, citation: &Element, notes: &mut Vec<String>) -> Option<PartialDate> {
    let mut of = |element: &Element| {
        if let Some(written) = element.text_at(&["MedlineDate"]) {
            let year = field_parsing::written_date(&written, &mut Vec::new())?.year().into();
            let month = written.split_whitespace().nth(1).and_then(field_parsing::month);
            return PartialDate::new(year, month, None).ok();
        }
        let year = element.text_at(&["Year"])?.parse().ok()?;
        let month = element.text_at(&["Month"]).and_then(|month| field_parsing::month(&month));
        let day = element.text_at(&["Day"]).filter(|_| month.is_some()).and_then(|day| day.parse().ok());
        field_parsing::date(year, month, day, notes)
    };
    let issue = article.at(&["Journal", "JournalIssue", "PubDate"]).and_then(&mut of);
    let online = article.at(&["ArticleDate"]).and_then(&mut of);
    let book = citation.at(&["Book", "PubDate"]).and_then(&mut of);
    let exactness = |date: &PartialDate| date.to_string().len();
    match (issue.or(book), online) {
        (Some(issue), Some(online)) if issue.year() == online.year() && exactness(&online) > exactness(&issue) => {
            Some(online)
        }
        (issue, online) => issue.or(online),
    }
}

fn paper_type(kinds: &[String], is_book: bool) -> PaperType {
    let has = |kind: &str| kinds.iter().any(|own| own == kind);
    if is_book {
        PaperType::BookChapter
    } else if has("Preprint") {
        PaperType::Preprint
    } else if has("Dataset") {
        PaperType::Dataset
    } else {
        PaperType::Article
    }
}

fn authors(list: &Element, notes: &mut Vec<String>) -> Vec<AuthorRecord> {
    (1..)
        .zip(list.all("Author").filter(|author| author.attribute("ValidYN") != Some("N")))
        .map(|(position, author)| crate::import::formats::pubmed::author(position, author, notes))
        .collect()
}

fn author(position: u32, author: &Element, notes: &mut Vec<String>) -> AuthorRecord {
    let family = author.text_at(&["LastName"]);
    let given = author.text_at(&["ForeName"]).or_else(|| author.text_at(&["Initials"]));
    let suffix = author.text_at(&["Suffix"]);
    let person = field_parsing::join(&[given.as_deref(), family.as_deref(), suffix.as_deref()]);
    let orcid = author.all("Identifier").find(|id| id.attribute("Source") == Some("ORCID")).map(Element::text);
    let mut own = Vec::new();
    let orcid = field_parsing::identifier::<Orcid>(orcid.as_deref(), &mut own);
    notes.extend(own.into_iter().map(|note| format!("author {position}: {note}")));
    let places = || author.all("AffiliationInfo");
    let organizations = places().filter_map(|place| {
        let id = place
            .all("Identifier")
            .find(|id| id.attribute("Source").is_some_and(|source| source.eq_ignore_ascii_case("ROR")))?;
        Some(OrganizationReference {
            ror: Some(id.text().parse::<Ror>().ok()?),
            name: place.text_at(&["Affiliation"]),
            ..Default::default()
        })
    });
    AuthorRecord {
        position: Some(position),
        name: person.or_else(|| author.text_at(&["CollectiveName"])).unwrap_or_default(),
        given_name: family.as_ref().and(given),
        family_name: family,
        orcid,
        equal_contribution_group: (author.attribute("EqualContrib") == Some("Y")).then_some(1),
        affiliations_as_published: places().filter_map(|place| place.text_at(&["Affiliation"])).collect(),
        organizations: organizations.collect(),
        ..AuthorRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Format;
    use crate::import::tests::{papers, read};

    fn set(articles: &[&str]) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE PubmedArticleSet>\n<PubmedArticleSet>\n{}\n</PubmedArticleSet>\n",
            articles.join("\n")
        )
    }

    fn an_article(pmid: u32, title: &str) -> String {
        format!(
            "<PubmedArticle><MedlineCitation><PMID Version=\"1\">{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
        )
    }

    #[test]
    fn fields_of_an_article() {
        let article = r#"<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID>12</PMID><Article>
            <Journal><JournalIssue><PubDate><MedlineDate>2001 Nov-Dec</MedlineDate></PubDate></JournalIssue><Title>Waters</Title></Journal>
            <ArticleTitle>[On <i>H</i><sub>2</sub>O &amp; weirs].</ArticleTitle><VernacularTitle>Des seuils.</VernacularTitle>
            <Abstract><AbstractText Label="AIM">To rise.</AbstractText><AbstractText Label="RESULTS">p &lt; 0.05</AbstractText></Abstract>
            <AuthorList CompleteYN="N"><Author ValidYN="Y" EqualContrib="Y"><LastName>Brook</LastName><ForeName>Ida</ForeName><Suffix>Jr</Suffix>
              <Identifier Source="ORCID">0000-0002-1825-0097</Identifier><AffiliationInfo><Affiliation>Here.</Affiliation></AffiliationInfo></Author>
              <Author><CollectiveName>The Weir Group</CollectiveName></Author></AuthorList>
            <Language>fre</Language><PublicationTypeList><PublicationType>Retracted Publication</PublicationType></PublicationTypeList></Article></MedlineCitation>
            <PubmedData><ArticleIdList><ArticleId IdType="doi">10.1000/P</ArticleId><ArticleId IdType="pmc">PMC1</ArticleId></ArticleIdList>
            <ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.1000/other</ArticleId></ArticleIdList></Reference></ReferenceList></PubmedData></PubmedArticle>"#;
        let outcome = read(&Format::PubMed, set(&[article]).as_bytes());
        assert_eq!(outcome.told(), ["4: mended: PubMed has not all of its authors"]);
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.title, "Des seuils");
        assert_eq!(paper.translated_titles.iter().next(), Some(("en", "On H2O & weirs")));
        assert_eq!(paper.abstract_text.iter().next(), Some(("en", "AIM: To rise.\nRESULTS: p < 0.05")));
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2001-11"));
        assert_eq!(paper.doi.as_ref().map(Doi::as_str), Some("10.1000/p"));
        assert!(paper.is_retracted);
        let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
        assert_eq!(names, ["Ida Brook Jr", "The Weir Group"]);
        let ids: Vec<String> = paper.identifiers.iter().map(|id| format!("{}:{}", id.scheme, id.value)).collect();
        assert_eq!(ids, ["pmid:12", "pmcid:PMC1"]);
    }

    #[test]
    fn damage_costs_one_article() {
        let (first, last) = (an_article(1, "Weirs"), an_article(5, "Dams"));
        let articles = [
            &first,
            "<PubmedArticle><MedlineCitation></PubmedArticle>",
            "<PubmedArticle><Open>",
            &an_article(4, ""),
            &last,
        ];
        let outcome = read(&Format::PubMed, set(&articles).as_bytes());
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Weirs", "Dams"]);
        let told = outcome.told();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[0].starts_with("5: rejected: it is not XML"), "{told:?}");
        assert_eq!(told[1], "6: rejected: the article that begins here does not end before the next one begins");
        assert_eq!(told[2], "7: rejected: it has no title");
        let whole = set(&[&first, &last]);
        let cut = read(&Format::PubMed, &whole.as_bytes()[..whole.len() - 60]);
        assert_eq!(papers(&cut).len(), 1);
        assert_eq!(cut.told(), ["5: not read: the article that begins here does not end; the file is cut off"]);
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(
            read(&Format::PubMed, b"<html></html>").told(),
            ["1: not read: it is XML of another kind than PubMed's"]
        );
        assert_eq!(
            read(&Format::PubMed, b"TY  - JOUR").told(),
            ["1: not read: it does not begin like XML but like RIS"]
        );
    }
}
