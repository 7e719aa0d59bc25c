//! PubMed XML, as in the annual baseline files and API responses. Articles are extracted one by one, so that a
//! malformed article does not affect the others.

use std::io::BufRead;

use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::{self, NOT_UTF8_WARNING, format_size, unreadable_error};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml::{self, XmlElement};
use crate::import::normalize::field_parsing;
use crate::import::normalize::placeholder::{Missing, is_placeholder};
use crate::model::identifier::{Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, OrganizationReference, PaperRecord, PaperType, Record};
use crate::text::pages::parse_pages;

/// Maximum size of an article; an article with five thousand authors is a tenth of it.
const MAX_ARTICLE_BYTES: usize = 16 << 20;
const ARTICLE_TAGS: [&[u8]; 2] = [b"<PubmedArticle", b"<PubmedBookArticle"];

/// PubMed XML.
#[derive(Debug)]
pub(crate) struct PubMedFormat;

impl Format for PubMedFormat {
    fn name(&self) -> &'static str {
        "pubmed"
    }

    fn help(&self) -> &'static str {
        "PubMed articles and book chapters in XML"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Markup && ARTICLE_TAGS.iter().any(|tag| head.contains(tag))
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
    let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
    if head.is_empty() {
        return Err(ReadAbort::Unreadable(0, "it is empty".to_owned()));
    }
    if ContentKind::of(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)) != ContentKind::Markup {
        return Err(ReadAbort::Unreadable(1, format!("it is not XML; it starts like {}", ContentKind::of(head))));
    }
    if !contains_bytes(head, b"Pubmed") {
        return Err(ReadAbort::Unreadable(1, "it is XML, but not PubMed XML".to_owned()));
    }
    let mut articles = ArticleSplitter { buffer: Vec::new(), searched_bytes: 0, buffer_line: 1, open_article: None };
    loop {
        let available = reader.fill_buf().map_err(|error| unreadable_error(articles.buffer_line, &error))?;
        let amount = available.len();
        articles.buffer.extend_from_slice(available);
        reader.consume(amount);
        while let Some((line, text)) = articles.next_article() {
            match text {
                Ok(text) => emit_article(line, &text, sink)?,
                Err(reason) => sink.push_invalid(line, reason)?,
            }
        }
        if amount == 0 {
            return match articles.open_article {
                Some((line, _)) => Err(ReadAbort::Unreadable(
                    line,
                    "the article that starts here is not closed; the file is truncated".to_owned(),
                )),
                None => Ok(()),
            };
        }
    }
}

/// Splits the input into articles.
struct ArticleSplitter {
    buffer: Vec<u8>,
    /// The length of the searched prefix of the buffer.
    searched_bytes: usize,
    /// The line number of the start of the buffer.
    buffer_line: usize,
    /// The line number of an article that has started, and its end tag.
    open_article: Option<(usize, &'static [u8])>,
}

impl ArticleSplitter {
    fn next_article(&mut self) -> Option<(usize, Result<Vec<u8>, String>)> {
        if self.open_article.is_none() {
            let start = self.find_tag(|text| {
                ARTICLE_TAGS.iter().any(|beginning| {
                    text.starts_with(beginning)
                        && text
                            .get(beginning.len())
                            .is_some_and(|next| matches!(next, b'>' | b' ' | b'\n' | b'\r' | b'\t'))
                })
            })?;
            self.discard(start);
            let end: &[u8] =
                if self.buffer.starts_with(ARTICLE_TAGS[1]) { b"</PubmedBookArticle>" } else { b"</PubmedArticle>" };
            self.open_article = Some((self.buffer_line, end));
            self.searched_bytes = 1;
        }
        let (line, end) = self.open_article?;
        // The start of another article ends an unclosed one.
        let found = self.find_tag(|text| text.starts_with(end) || text.starts_with(b"<PubmedArticle>"));
        let Some(index) = found else {
            if self.buffer.len() <= MAX_ARTICLE_BYTES {
                return None;
            }
            let length = self.buffer.len();
            self.discard(length);
            self.open_article = None;
            return Some((
                line,
                Err(format!("the article that starts here is larger than {}", format_size(MAX_ARTICLE_BYTES))),
            ));
        };
        self.open_article = None;
        if !self.buffer[index..].starts_with(end) {
            self.discard(index);
            return Some((line, Err("the article that starts here is not closed before the next one".to_owned())));
        }
        let text = self.buffer[..index + end.len()].to_vec();
        self.discard(index + end.len());
        Some((line, Ok(text)))
    }

    /// Returns the position of a matching tag whose name is completely buffered.
    fn find_tag(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let max_tag_bytes = 24;
        let end = self.buffer.len();
        for index in self.searched_bytes..end {
            if self.buffer[index] == b'<' {
                if index + max_tag_bytes > end && end > 0 && !self.buffer[index..].contains(&b'>') {
                    self.searched_bytes = index;
                    return None;
                }
                if is_wanted(&self.buffer[index..]) {
                    return Some(index);
                }
            }
        }
        self.searched_bytes = end;
        if self.open_article.is_none() {
            self.discard(end);
        }
        None
    }

    fn discard(&mut self, amount: usize) {
        self.buffer_line += self.buffer[..amount].iter().filter(|byte| **byte == b'\n').count();
        self.buffer.drain(..amount);
        self.searched_bytes = 0;
    }
}

fn contains_bytes(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn emit_article(line: usize, bytes: &[u8], sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let (text, has_invalid_utf8) = lines::decode_text(bytes);
    let mut warnings = if has_invalid_utf8 { vec![NOT_UTF8_WARNING.to_owned()] } else { Vec::new() };
    match xml::parse_xml(&text).and_then(|article| paper_record(&article, &mut warnings)) {
        Ok(paper) => sink.push_record(line, Record::Paper(paper), warnings),
        Err(reason) => sink.push_invalid(line, reason),
    }
}

fn paper_record(root: &XmlElement, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let citation = root
        .descendant_at(&["MedlineCitation"])
        .or_else(|| root.descendant_at(&["BookDocument"]))
        .ok_or("it has no citation")?;
    // A book document has no `Article` element around its fields.
    let article = citation.descendant_at(&["Article"]).unwrap_or(citation);
    let is_title = |title: &String| !is_placeholder(title, Missing::Title);
    let title =
        article.text_at(&["ArticleTitle"]).filter(is_title).or_else(|| citation.text_at(&["Book", "BookTitle"]));
    let vernacular = article.text_at(&["VernacularTitle"]);
    let is_translated = title.is_some();
    let title = title.or_else(|| vernacular.clone()).ok_or("it has no title")?;
    // Brackets mark a title that PubMed translated.
    let title = title
        .strip_prefix('[')
        .and_then(|title| title.strip_suffix("].").or_else(|| title.strip_suffix(']')))
        .unwrap_or(&title);
    let language =
        article.text_at(&["Language"]).filter(|code| code != "und").and_then(|code| field_parsing::language_tag(&code));
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    let english = "en".parse::<LanguageTag>().ok();
    let abstract_text = abstract_text(article);
    let (title, vernacular) =
        (strip_final_period(title), vernacular.map(|title| strip_final_period(&title).to_owned()));
    let (title, translated_titles) = match (vernacular, tag.as_ref()) {
        (Some(vernacular), Some(_)) if is_translated => (vernacular, LocalizedText::new(english.as_ref(), title)),
        _ => (title.to_owned(), LocalizedText::default()),
    };
    let ids =
        root.descendant_at(&["PubmedData", "ArticleIdList"]).or_else(|| citation.descendant_at(&["ArticleIdList"]));
    let id = |kind: &str| {
        let of_kind = ids?.children_named("ArticleId").find(|id| id.attribute("IdType") == Some(kind))?;
        Some(of_kind.text().trim().to_owned()).filter(|text| !text.is_empty())
    };
    let location =
        article.children_named("ELocationID").find(|id| id.attribute("EIdType") == Some("doi")).map(XmlElement::text);
    let book = article.descendant_at(&["Book"]);
    let pages = pages(article);
    // Journals without pages give the article number as the item identifier of the publisher, which has other forms too.
    let item_number = article
        .children_named("ELocationID")
        .filter(|id| id.attribute("EIdType") == Some("pii"))
        .find_map(|id| parse_pages(&id.text()).article_number);
    let pmid = citation.text_at(&["PMID"]).ok_or("it has no PMID")?;
    let kinds: Vec<String> = article
        .descendant_at(&["PublicationTypeList"])
        .into_iter()
        .flat_map(|list| list.children_named("PublicationType"))
        .map(XmlElement::text)
        .collect();
    let venue = [&["Journal", "Title"][..], &["Journal", "ISOAbbreviation"], &["Book", "BookTitle"]];
    let venue_name = venue.iter().find_map(|path| article.text_at(path)).filter(|venue| *venue != title);
    let authors = article.children_named("AuthorList").find(|list| list.attribute("Type") != Some("editors"));
    if authors.is_some_and(|list| list.attribute("CompleteYN") == Some("N")) {
        warnings.push("PubMed lists only some of its authors".to_owned());
    }
    Ok(PaperRecord {
        title,
        translated_titles,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        // PubMed's abstracts are English, regardless of the language of the article.
        abstract_text: LocalizedText::new(english.as_ref(), abstract_text),
        publication_date: publication_date(article, citation, warnings),
        paper_type: paper_type(&kinds, root.name == "PubmedBookArticle"),
        venue_name,
        volume: article
            .text_at(&["Journal", "JournalIssue", "Volume"])
            .or_else(|| book.and_then(|book| book.text_at(&["Volume"]))),
        issue: article.text_at(&["Journal", "JournalIssue", "Issue"]),
        article_number: item_number.filter(|_| pages.is_none()),
        pages,
        edition: book.and_then(|book| book.text_at(&["Edition"])),
        publisher_name: book.and_then(|book| book.text_at(&["Publisher", "PublisherName"])),
        issns: [&["Article", "Journal", "ISSN"][..], &["MedlineJournalInfo", "ISSNLinking"]]
            .iter()
            .filter_map(|path| citation.text_at(path))
            .collect(),
        isbns: book.into_iter().flat_map(|book| book.children_named("Isbn")).map(XmlElement::text).collect(),
        // Other lists are those of indexers.
        keywords: citation
            .children_named("KeywordList")
            .filter(|list| list.attribute("Owner") == Some("NOTNLM"))
            .flat_map(|list| list.children_named("Keyword"))
            .map(XmlElement::text)
            .collect(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(id("doi").or(location).as_deref(), warnings),
        url: Some(format!("https://pubmed.ncbi.nlm.nih.gov/{pmid}/")),
        is_retracted: kinds.iter().any(|kind| kind == "Retracted Publication"),
        identifiers: [
            field_parsing::scheme_identifier("pmid", Some(pmid)),
            field_parsing::scheme_identifier("pmcid", id("pmc")),
        ]
        .into_iter()
        .flatten()
        .collect(),
        authors: authors.map(|list| author_records(list, warnings)).unwrap_or_default(),
        ..PaperRecord::default()
    })
}

/// Returns the pages, of which PubMed abbreviates the last one: `1221-5`.
fn pages(article: &XmlElement) -> Option<String> {
    let pagination = article.descendant_at(&["Pagination"])?;
    let range = || field_parsing::page_range(pagination.text_at(&["StartPage"]), pagination.text_at(&["EndPage"]));
    pagination.text_at(&["MedlinePgn"]).or_else(range)
}

/// Strips the period that PubMed adds to every title.
fn strip_final_period(title: &str) -> &str {
    title.strip_suffix('.').filter(|title| !title.ends_with('.')).unwrap_or(title)
}

/// Returns the abstract, one section per line with its label.
fn abstract_text(article: &XmlElement) -> String {
    let parts = article
        .descendant_at(&["Abstract"])
        .into_iter()
        .flat_map(|text| text.children_named("AbstractText"))
        .filter_map(|part| {
            let text = part.text().split_whitespace().collect::<Vec<_>>().join(" ");
            match part.attribute("Label").filter(|label| !label.eq_ignore_ascii_case("unlabelled")) {
                _ if text.is_empty() => None,
                Some(label) => Some(format!("{label}: {text}")),
                None => Some(text),
            }
        });
    parts.collect::<Vec<_>>().join("\n")
}

/// Returns the date of the issue or of the online publication, preferring the more precise one.
fn publication_date(article: &XmlElement, citation: &XmlElement, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let mut parse_element = |element: &XmlElement| {
        if let Some(written) = element.text_at(&["MedlineDate"]) {
            let year = field_parsing::parse_date(&written, &mut Vec::new())?.year().into();
            let month = written.split_whitespace().nth(1).and_then(field_parsing::parse_month);
            return PartialDate::new(year, month, None).ok();
        }
        let year = element.text_at(&["Year"])?.parse().ok()?;
        let month = element.text_at(&["Month"]).and_then(|month| field_parsing::parse_month(&month));
        let day = element.text_at(&["Day"]).filter(|_| month.is_some()).and_then(|day| day.parse().ok());
        field_parsing::date_or_year(year, month, day, warnings)
    };
    let issue = article.descendant_at(&["Journal", "JournalIssue", "PubDate"]).and_then(&mut parse_element);
    let online = article.descendant_at(&["ArticleDate"]).and_then(&mut parse_element);
    let book = citation.descendant_at(&["Book", "PubDate"]).and_then(&mut parse_element);
    let exactness = |date: &PartialDate| date.to_string().len();
    match (issue.or(book), online) {
        (Some(issue), Some(online)) if issue.year() == online.year() && exactness(&online) > exactness(&issue) => {
            Some(online)
        }
        (issue, online) => issue.or(online),
    }
}

fn paper_type(kinds: &[String], is_book: bool) -> PaperType {
    let has = |kind: &str| kinds.iter().any(|own_kind| own_kind == kind);
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

fn author_records(list: &XmlElement, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    (1..)
        .zip(list.children_named("Author").filter(|author| author.attribute("ValidYN") != Some("N")))
        .map(|(position, author)| author_record(position, author, warnings))
        .collect()
}

fn author_record(position: u32, author: &XmlElement, warnings: &mut Vec<String>) -> AuthorRecord {
    let family = author.text_at(&["LastName"]);
    let given = author.text_at(&["ForeName"]).or_else(|| author.text_at(&["Initials"]));
    let suffix = author.text_at(&["Suffix"]);
    let person = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref(), suffix.as_deref()]);
    let orcid =
        author.children_named("Identifier").find(|id| id.attribute("Source") == Some("ORCID")).map(XmlElement::text);
    let mut orcid_warnings = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(orcid.as_deref(), &mut orcid_warnings);
    warnings.extend(orcid_warnings.into_iter().map(|note| format!("author {position}: {note}")));
    let affiliations = || author.children_named("AffiliationInfo");
    let organizations = affiliations().filter_map(|affiliation| {
        let id = affiliation
            .children_named("Identifier")
            .find(|id| id.attribute("Source").is_some_and(|source| source.eq_ignore_ascii_case("ROR")))?;
        Some(OrganizationReference {
            ror: Some(id.text().parse::<Ror>().ok()?),
            name: affiliation.text_at(&["Affiliation"]),
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
        affiliations_as_published: affiliations()
            .filter_map(|affiliation| affiliation.text_at(&["Affiliation"]))
            .collect(),
        organizations: organizations.collect(),
        ..AuthorRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::test_support::{papers, read_bytes};

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
        let outcome = read_bytes(&PubMedFormat, set(&[article]).as_bytes());
        assert_eq!(outcome.messages(), ["4: warning: PubMed lists only some of its authors"]);
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
    fn titles_that_are_not_available() {
        let with = |vernacular: &str, language: &str| {
            an_article(1, "[Not Available].").replace(
                "</ArticleTitle>",
                &format!(
                    "</ArticleTitle><VernacularTitle>{vernacular}</VernacularTitle><Language>{language}</Language>"
                ),
            )
        };
        let articles = [&with("Des seuils.", "fre"), &with("Des vannes.", "und"), &an_article(3, "[Not Available].")];
        let outcome = read_bytes(&PubMedFormat, set(&articles.map(String::as_str)).as_bytes());
        let read: Vec<(String, bool)> =
            papers(&outcome).into_iter().map(|paper| (paper.title, paper.translated_titles.is_empty())).collect();
        assert_eq!(read, [("Des seuils".to_owned(), true), ("Des vannes".to_owned(), true)]);
        assert_eq!(outcome.messages(), ["6: invalid record: it has no title"]);
    }

    #[test]
    fn a_malformed_article_does_not_affect_the_others() {
        let (first, last) = (an_article(1, "Weirs"), an_article(5, "Dams"));
        let articles = [
            &first,
            "<PubmedArticle><MedlineCitation></PubmedArticle>",
            "<PubmedArticle><Open>",
            &an_article(4, ""),
            &last,
        ];
        let outcome = read_bytes(&PubMedFormat, set(&articles).as_bytes());
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Weirs", "Dams"]);
        let messages = outcome.messages();
        assert_eq!(messages.len(), 3, "{messages:#?}");
        assert!(messages[0].starts_with("5: invalid record: it is not valid XML"), "{messages:?}");
        assert_eq!(messages[1], "6: invalid record: the article that starts here is not closed before the next one");
        assert_eq!(messages[2], "7: invalid record: it has no title");
        let whole = set(&[&first, &last]);
        let truncated = read_bytes(&PubMedFormat, &whole.as_bytes()[..whole.len() - 60]);
        assert_eq!(papers(&truncated).len(), 1);
        assert_eq!(
            truncated.messages(),
            ["5: unreadable file: the article that starts here is not closed; the file is truncated"]
        );
    }

    #[test]
    fn other_formats_are_rejected() {
        assert_eq!(
            read_bytes(&PubMedFormat, b"<html></html>").messages(),
            ["1: unreadable file: it is XML, but not PubMed XML"]
        );
        assert_eq!(
            read_bytes(&PubMedFormat, b"TY  - JOUR").messages(),
            ["1: unreadable file: it is not XML; it starts like RIS"]
        );
    }
}
