//! Semantic Scholar's papers: responses of the Academic Graph API, and the lines of the `papers` dataset.

use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::{JsonFormatGuard, JsonMatch};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing::{self, as_list, scheme_identifier, text_field, text_fields};
use crate::import::normalize::{author_list, dblp_name};
use crate::model::identifier::{ArxivId, Doi, Orcid};
use crate::model::language::LocalizedText;
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, PaperRecord, PaperType, Record};

/// The scheme of Semantic Scholar's author IDs.
const SCHEME: &str = "semantic-scholar";

/// Semantic Scholar's papers.
#[derive(Debug)]
pub(crate) struct SemanticScholarFormat;

impl Format for SemanticScholarFormat {
    fn name(&self) -> &'static str {
        "semantic-scholar"
    }

    fn help(&self) -> &'static str {
        "Semantic Scholar papers: API responses, or the papers dataset"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Aggregator
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonl", "ndjson"]
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        if is_paper(value) {
            let has_title = text_field(value, "title").is_some();
            return Some(match has_title || value.get("authors").is_some() {
                true => JsonMatch::Importable("a Semantic Scholar paper"),
                false => JsonMatch::NotImportable("a part of a Semantic Scholar paper without its title".to_owned()),
            });
        }
        if citation_partner(value).is_some() {
            return Some(JsonMatch::Importable("a Semantic Scholar citation"));
        }
        if field(value, "authorId").is_some() {
            return Some(match as_list(value.get("papers")).first() {
                Some(_) => JsonMatch::Importable("a Semantic Scholar author with papers"),
                None => JsonMatch::NotImportable("a Semantic Scholar author without papers".to_owned()),
            });
        }
        let listed =
            ["data", "recommendedPapers", "matches"].iter().flat_map(|list| as_list(value.get(list))).next()?;
        (is_paper(listed) || citation_partner(listed).is_some() || field(listed, "authorId").is_some())
            .then_some(JsonMatch::Importable("a Semantic Scholar API response"))
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
    let mut guard = JsonFormatGuard::new(&["semantic-scholar"]);
    json::read_records(reader, &[&["data"], &["recommendedPapers"]], sink, |line, value, sink| {
        // A batch has null for a paper that was not found.
        if value.is_null() || !guard.accepts(&value, line, sink)? {
            return Ok(());
        }
        emit_value(line, &value, sink)
    })
}

/// Emits a paper, the papers of an author, or those of a list.
fn emit_value(line: usize, value: &Value, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    if let Some(paper) = citation_partner(value) {
        return emit_paper(line, paper, None, sink);
    }
    let is_list = |name: &&&str| value.get(**name).is_some_and(Value::is_array);
    if let Some(list) = ["data", "recommendedPapers"].iter().find(is_list) {
        return as_list(value.get(*list)).iter().try_for_each(|value| emit_value(line, value, sink));
    }
    if !is_paper(value) && field(value, "authorId").is_some() {
        let papers = as_list(value.get("papers"));
        return papers.iter().try_for_each(|paper| emit_paper(line, paper, Some(value), sink));
    }
    emit_paper(line, value, None, sink)
}

fn emit_paper(line: usize, paper: &Value, owner: Option<&Value>, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut warnings = Vec::new();
    match paper_record(paper, owner, &mut warnings) {
        Ok(record) => sink.push_record(line, Record::Paper(record), warnings),
        Err(reason) => sink.push_invalid(line, reason),
    }
}

/// Returns a field by its name in the API, or by the one in datasets, which is in lower case.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).or_else(|| value.get(name.to_ascii_lowercase())).filter(|value| !value.is_null())
}

/// Returns a text by its name in the API or in datasets.
fn text(value: &Value, name: &str) -> Option<String> {
    text_field(value, name).or_else(|| text_field(value, &name.to_ascii_lowercase()))
}

fn is_paper(value: &Value) -> bool {
    field(value, "paperId").is_some() || field(value, "corpusId").is_some()
}

/// Returns the other paper of a citation, in a list of citations or references.
fn citation_partner(value: &Value) -> Option<&Value> {
    ["citingPaper", "citedPaper"].iter().find_map(|name| value.get(name)).filter(|paper| paper.is_object())
}

fn paper_record(paper: &Value, owner: Option<&Value>, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let title = text(paper, "title").ok_or("it has no title")?;
    let ids = field(paper, "externalIds").unwrap_or(&Value::Null);
    let id = |name: &str| text(ids, name);
    let abstract_text = text(paper, "abstract").unwrap_or_default();
    let in_journal = |name: &str| field(paper, "journal").and_then(|journal| text(journal, name));
    let authors = as_list(paper.get("authors"));
    let listed = (1..).zip(authors).map(|(position, author)| author_record(Some(position), author, warnings));
    let listed: Vec<AuthorRecord> = listed.collect();
    // The papers of an author may be listed without their authors.
    let owner = owner.filter(|_| listed.is_empty()).map(|owner| author_record(None, owner, warnings));
    let authors_are_incomplete = owner.is_some();
    let identifiers = [
        scheme_identifier("corpusid", text(paper, "corpusId").or_else(|| id("CorpusId"))),
        scheme_identifier("pmid", id("PubMed")),
        scheme_identifier("pmcid", id("PubMedCentral").map(|id| format!("PMC{}", id.trim_start_matches("PMC")))),
        scheme_identifier("mag", id("MAG")),
        scheme_identifier("dblp", id("DBLP")),
        scheme_identifier("acl", id("ACL")),
    ];
    Ok(PaperRecord {
        source_id: paper_id(paper),
        title,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        abstract_text: LocalizedText::new(None, abstract_text),
        publication_date: publication_date(paper, warnings),
        paper_type: paper_type(paper),
        venue_name: venue_name(paper),
        volume: in_journal("volume"),
        pages: in_journal("pages"),
        issns: field(paper, "publicationVenue").and_then(|venue| text(venue, "issn")).into_iter().collect(),
        doi: field_parsing::parse_identifier::<Doi>(id("DOI").as_deref(), warnings),
        arxiv_id: field_parsing::parse_identifier::<ArxivId>(id("ArXiv").as_deref(), warnings),
        url: text(paper, "url"),
        identifiers: identifiers.into_iter().flatten().collect(),
        authors: listed.into_iter().chain(owner).collect(),
        authors_are_incomplete,
        ..PaperRecord::default()
    })
}

/// Returns the ID of a paper. Lines of datasets have it in the URL only.
fn paper_id(paper: &Value) -> Option<String> {
    let in_url = || {
        let url = text(paper, "url")?;
        let id = url.trim_end_matches('/').rsplit('/').next()?;
        Some(id.to_owned()).filter(|id| id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let corpus_id = || Some(format!("CorpusId:{}", text(paper, "corpusId")?));
    text(paper, "paperId").or_else(in_url).or_else(corpus_id)
}

/// Returns the exact date if it is in the year of publication, otherwise the year.
fn publication_date(paper: &Value, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let exact = text(paper, "publicationDate").and_then(|date| field_parsing::parse_date(&date, warnings));
    let year = text(paper, "year").and_then(|year| field_parsing::parse_date(&year, warnings));
    match (exact, year) {
        (Some(exact), Some(year)) if exact.year() != year.year() => Some(year),
        (exact, year) => exact.or(year),
    }
}

fn venue_name(paper: &Value) -> Option<String> {
    let name_in = |place: &str| field(paper, place).and_then(|place| text(place, "name"));
    name_in("publicationVenue").or_else(|| text(paper, "venue")).or_else(|| name_in("journal"))
}

/// Returns the type. A paper can have several; that it was at a conference or in a book says more than that it is a
/// journal's.
fn paper_type(paper: &Value) -> PaperType {
    let named: Vec<String> = text_fields(paper, "publicationTypes").collect();
    let types = if named.is_empty() { text_fields(paper, "publicationtypes").collect() } else { named };
    let has = |kinds: &[&str]| types.iter().any(|kind| kinds.contains(&kind.as_str()));
    let articles =
        ["JournalArticle", "Review", "CaseReport", "ClinicalTrial", "Editorial", "LettersAndComments", "MetaAnalysis"];
    let venue_type = || field(paper, "publicationVenue").and_then(|venue| text(venue, "type")).unwrap_or_default();
    let has_volume = || field(paper, "journal").is_some_and(|journal| text(journal, "volume").is_some());
    if has(&["Dataset"]) {
        PaperType::Dataset
    } else if has(&["BookSection"]) {
        PaperType::BookChapter
    } else if has(&["Book"]) {
        PaperType::Book
    } else if has(&["Conference"]) || types.is_empty() && venue_type() == "conference" {
        PaperType::ConferencePaper
    } else if has(&articles) || types.is_empty() && (venue_type() == "journal" || has_volume()) {
        PaperType::Article
    } else {
        PaperType::Other
    }
}

fn author_record(position: Option<u32>, author: &Value, warnings: &mut Vec<String>) -> AuthorRecord {
    let ids = field(author, "externalIds").unwrap_or(&Value::Null);
    let mut orcid_warnings = Vec::new();
    let orcid = field_parsing::parse_identifier::<Orcid>(text(ids, "ORCID").as_deref(), &mut orcid_warnings);
    let number = position.map_or_else(String::new, |position| format!("author {position}: "));
    warnings.extend(orcid_warnings.into_iter().map(|warning| format!("{number}{warning}")));
    // Semantic Scholar knows dblp's names of an author, with the homonym number.
    let dblp_names = text_fields(ids, "DBLP").filter_map(|name| dblp_name::homonym_identifier(&name));
    AuthorRecord {
        orcid,
        identifiers: scheme_identifier(SCHEME, text(author, "authorId")).into_iter().chain(dblp_names).collect(),
        affiliations_as_published: text_fields(author, "affiliations").collect(),
        ..author_list::author_from_text(position, &text(author, "name").unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::test_support::{papers, read_bytes};

    fn a_paper() -> Value {
        json!({ "paperId": "649def34f8be52c8b66281af98ae884c09aef38b", "corpusId": 7, "title": "Weirs",
            "externalIds": { "DOI": "10.1000/W", "ArXiv": "2101.00001", "PubMed": "12", "PubMedCentral": "34", "DBLP": "journals/w/B20", "MAG": "5" },
            "url": "https://www.semanticscholar.org/paper/649def34f8be52c8b66281af98ae884c09aef38b",
            "abstract": "Rivers rise.", "venue": "Waters", "publicationVenue": { "name": "Journal of Waters", "type": "journal" },
            "year": 2020, "publicationDate": "2020-03-04", "publicationTypes": ["JournalArticle"], "journal": { "name": "Waters", "volume": "7" },
            "authors": [{ "authorId": "17", "name": "Ida Brook", "externalIds": { "DBLP": ["Ida Brook 0002"], "ORCID": "0000-0002-1825-0097" } },
                { "authorId": null, "name": "T. Ford", "affiliations": ["Here"] }] })
    }

    fn read(value: &Value) -> (Vec<PaperRecord>, Vec<String>) {
        let outcome = read_bytes(&SemanticScholarFormat, value.to_string().as_bytes());
        (papers(&outcome), outcome.messages())
    }

    #[test]
    fn fields_of_a_paper() {
        let (papers, messages) = read(&a_paper());
        assert_eq!(messages, Vec::<String>::new());
        let paper = &papers[0];
        assert_eq!(paper.source_id.as_deref(), Some("649def34f8be52c8b66281af98ae884c09aef38b"));
        assert_eq!(paper.venue_name.as_deref(), Some("Journal of Waters"));
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2020-03-04"));
        assert_eq!((paper.paper_type, paper.doi.as_ref().map(Doi::as_str)), (PaperType::Article, Some("10.1000/w")));
        let formatted = |ids: &[crate::model::record::ExternalIdentifier]| -> Vec<String> {
            ids.iter().map(|id| format!("{}:{}", id.scheme, id.value)).collect()
        };
        assert_eq!(
            formatted(&paper.identifiers),
            ["corpusid:7", "pmid:12", "pmcid:PMC34", "mag:5", "dblp:journals/w/B20"]
        );
        let authors = &paper.authors;
        assert_eq!(formatted(&authors[0].identifiers), ["semantic-scholar:17", "dblp-name:Ida Brook 0002"]);
        assert_eq!(authors[0].orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
        assert_eq!((authors[1].name.as_str(), authors[1].identifiers.len()), ("T. Ford", 0));
        assert_eq!(authors[1].affiliations_as_published, ["Here"]);
    }

    #[test]
    fn responses_of_every_shape() {
        let paper = a_paper();
        for response in [
            paper.clone(),
            json!([paper, null]),
            json!({ "total": 1, "offset": 0, "next": 1, "data": [paper] }),
            json!({ "total": 1, "token": "t", "data": [paper] }),
            json!({ "offset": 0, "data": [{ "contexts": [], "citingPaper": paper }] }),
            json!({ "offset": 0, "data": [{ "citedPaper": paper }] }),
            json!({ "recommendedPapers": [paper] }),
            json!({ "authorId": "17", "name": "Ida Brook", "papers": [paper] }),
            json!([{ "authorId": "17", "name": "Ida Brook", "papers": [paper] }, null]),
        ] {
            let (papers, messages) = read(&response);
            assert_eq!(messages, Vec::<String>::new(), "{response}");
            let names: Vec<&str> = papers.iter().flat_map(|paper| &paper.authors).map(|a| a.name.as_str()).collect();
            assert_eq!(names, ["Ida Brook", "T. Ford"], "{response}");
        }
    }

    #[test]
    fn papers_of_an_author_without_their_authors() {
        let author = json!({ "authorId": "17", "name": "Ida Brook", "papers": [{ "paperId": "a", "title": "Weirs" }] });
        let paper = read(&author).0.remove(0);
        assert!(paper.authors_are_incomplete);
        assert_eq!((paper.authors[0].name.as_str(), paper.authors[0].position), ("Ida Brook", None));
        assert_eq!(paper.authors[0].identifiers[0].value, "17");
    }

    #[test]
    fn lines_of_the_dataset() {
        let line = json!({ "corpusid": 7, "externalids": { "ACL": null, "ArXiv": null, "CorpusId": "7", "DOI": "10.1000/w" },
            "url": "https://www.semanticscholar.org/paper/649def34f8be52c8b66281af98ae884c09aef38b", "title": "Weirs",
            "authors": [{ "authorId": "17", "name": "Ida Brook" }], "venue": "", "year": 2020, "publicationtypes": ["Conference", "JournalArticle"],
            "publicationdate": null, "journal": { "name": "Waters", "pages": "1-2", "volume": "7" } });
        let outcome = read_bytes(&SemanticScholarFormat, format!("{line}\n{line}\n").as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        let papers = papers(&outcome);
        assert_eq!(papers.len(), 2);
        assert_eq!(papers[0].source_id.as_deref(), Some("649def34f8be52c8b66281af98ae884c09aef38b"));
        assert_eq!(
            (papers[0].paper_type, papers[0].venue_name.as_deref()),
            (PaperType::ConferencePaper, Some("Waters"))
        );
        assert_eq!(papers[0].doi.as_ref().map(Doi::as_str), Some("10.1000/w"));
        assert_eq!((papers[0].volume.as_deref(), papers[0].pages.as_deref()), (Some("7"), Some("1–2")));
    }

    #[test]
    fn other_data_is_rejected() {
        for (value, reason) in [
            (
                json!({ "authorId": "17", "name": "Ida Brook", "hIndex": 3 }),
                "1: unreadable file: it looks like a Semantic Scholar author without papers, which cannot be imported",
            ),
            (
                json!({ "corpusid": 7, "abstract": "Rivers rise." }),
                "1: unreadable file: it looks like a part of a Semantic Scholar paper without its title, which cannot be imported",
            ),
            (
                json!({ "id": "https://openalex.org/W1" }),
                "1: unreadable file: it looks like an OpenAlex work; use `import openalex`",
            ),
        ] {
            assert_eq!(read(&value).1, [reason]);
        }
    }
}
