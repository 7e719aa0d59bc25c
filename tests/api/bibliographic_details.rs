//! Bibliographic details of papers: volume, issue, pages, article number, edition, publisher, ISSNs, ISBNs, keywords.

use serde_json::{Value, json};

use crate::support::process::{Workspace, run_to_completion};
use crate::support::{TestApp, paper_record, parse_records, with_fields};

const DETAILS: &str = "volume issue pages articleNumber edition publisherName issns isbns keywords";

/// The details of the only paper of a directory.
async fn details(app: &TestApp) -> Value {
    let data = app.data(&format!("{{ papers {{ nodes {{ {DETAILS} }} }} }}")).await;
    let papers = data["papers"]["nodes"].as_array().expect("papers");
    let [paper] = papers.as_slice() else { panic!("one paper: {papers:?}") };
    paper.clone()
}

/// Imports a file into a directory of its own; returns its details and the messages of the import.
async fn import(format: &str, content: &str) -> (Value, String) {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let outcome = workspace.import(&app.database_url, &[format, workspace.write_file("input", content)]);
    assert!(outcome.summary().contains("created 1,"), "{format}: {outcome:?}");
    (details(&app).await, outcome.stderr)
}

/// The same article in each format, with what the format can have.
fn articles() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let whole = vec!["volume", "issue", "pages", "publisherName", "issns", "keywords"];
    let work = json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "journal-article", "title": ["On weirs"],
        "volume": "12", "journal-issue": { "issue": "3" }, "page": "1221-1225", "publisher": "Weir Press",
        "ISSN": ["0028-0836", "1476-4687"] });
    let openalex = json!({ "id": "https://openalex.org/W1", "title": "On weirs", "type": "article",
        "biblio": { "volume": "12", "issue": "3", "first_page": "1221", "last_page": "1225" },
        "primary_location": { "source": { "display_name": "Waters", "type": "journal", "issn": ["0028-0836", "1476-4687"],
            "host_organization_name": "Weir Press" } }, "keywords": [{ "display_name": "Computed" }] });
    let datacite = json!({ "id": "10.1000/k", "type": "dois", "attributes": { "doi": "10.1000/k", "titles": [{ "title": "On weirs" }],
        "publisher": { "name": "Weir Press" }, "creators": [], "container": { "title": "Waters", "identifierType": "ISSN",
            "identifier": "0028-0836", "volume": "12", "issue": "3", "firstPage": "1221", "lastPage": "1225" },
        "relatedIdentifiers": [{ "relationType": "IsPartOf", "relatedIdentifierType": "EISSN", "relatedIdentifier": "14764687" }],
        "subjects": [{ "subject": "weirs" }, { "subject": "flow" }, { "subject": "Hydrology", "subjectScheme": "LCSH" }] } });
    let cited = "@article{k, title = {On weirs}, volume = {12}, number = {3}, pages = {1221--1225}, publisher = {Weir Press}, keywords = {weirs, flow}}";
    let orcid = json!({ "work": { "title": { "title": { "value": "On weirs" } }, "type": "journal-article", "visibility": "public",
        "citation": { "citation-type": "bibtex", "citation-value": cited },
        "external-ids": { "external-id": [
            { "external-id-type": "issn", "external-id-value": "0028-0836", "external-id-relationship": "part-of" },
            { "external-id-type": "issn", "external-id-value": "1476-4687", "external-id-relationship": "part-of" }] } } });
    let pubmed = "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><Journal><ISSN>0028-0836</ISSN><JournalIssue>\
        <Volume>12</Volume><Issue>3</Issue></JournalIssue></Journal><ArticleTitle>On weirs.</ArticleTitle>\
        <Pagination><MedlinePgn>1221-5</MedlinePgn></Pagination></Article>\
        <MedlineJournalInfo><ISSNLinking>1476-4687</ISSNLinking></MedlineJournalInfo>\
        <KeywordList Owner=\"NOTNLM\"><Keyword>weirs</Keyword><Keyword>flow</Keyword></KeywordList>\
        <KeywordList Owner=\"NASA\"><Keyword>Indexed</Keyword></KeywordList></MedlineCitation></PubmedArticle></PubmedArticleSet>";
    let records = json!({ "kind": "paper", "title": "On weirs", "authors": [], "volume": "12", "issue": "3", "pages": "1221-5",
        "publisherName": "Weir Press", "issns": ["00280836", "1476-4687"], "keywords": ["weirs", "flow", "Weirs"] });
    let csl = json!([{ "id": "k", "type": "article-journal", "title": "On weirs", "volume": 12, "issue": "3", "page": "1221-1225",
        "publisher": "Weir Press", "ISSN": "0028-0836, 1476-4687", "keyword": "weirs, flow" }]);
    vec![
        ("bibtex", cited.replace("publisher =", "issn = {0028-0836, 1476-4687}, publisher ="), whole.clone()),
        (
            "ris",
            "TY  - JOUR\nTI  - On weirs\nVL  - 12\nIS  - 3\nSP  - 1221\nEP  - 1225\nPB  - Weir Press\nSN  - 0028-0836 (print)\n\
             SN  - 1476-4687\nKW  - weirs\nKW  - flow\nER  - \n"
                .to_owned(),
            whole.clone(),
        ),
        ("csl", csl.to_string(), whole.clone()),
        ("records", records.to_string(), whole.clone()),
        ("datacite", datacite.to_string(), whole.clone()),
        ("orcid", orcid.to_string(), whole.clone()),
        ("crossref", work.to_string(), vec!["volume", "issue", "pages", "publisherName", "issns"]),
        ("openalex", openalex.to_string(), vec!["volume", "issue", "pages", "publisherName", "issns"]),
        ("pubmed", pubmed.to_owned(), vec!["volume", "issue", "pages", "issns", "keywords"]),
    ]
}

#[tokio::test]
async fn equal_in_every_format() {
    let expected = json!({ "volume": "12", "issue": "3", "pages": "1221–1225", "articleNumber": null, "edition": null,
        "publisherName": "Weir Press", "issns": ["0028-0836", "1476-4687"], "isbns": [], "keywords": ["weirs", "flow"] });
    for (format, content, fields) in articles() {
        let (details, messages) = import(format, &content).await;
        for (field, value) in expected.as_object().expect("an object") {
            let is_empty = |value: &Value| value.is_null() || value == &json!([]);
            if fields.contains(&field.as_str()) || is_empty(value) {
                assert_eq!(&details[field], value, "{format}: {field} ({messages})");
            } else {
                assert!(is_empty(&details[field]), "{format}: {field}");
            }
        }
        assert!(!messages.contains("warning:"), "{format}: {messages}");
    }
}

/// A book in each format that has ISBNs and editions.
#[tokio::test]
async fn books() {
    let expected = json!({ "volume": null, "issue": null, "pages": null, "articleNumber": null, "edition": "2",
        "publisherName": "Weir Press", "issns": [], "isbns": ["9780306406157"], "keywords": [] });
    let crossref = json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "monograph", "title": ["On weirs"],
        "edition-number": "2", "publisher": "Weir Press", "ISBN": ["http://id.crossref.org/isbn/9780306406157"] });
    let csl = json!([{ "id": "k", "type": "book", "title": "On weirs", "edition": "2nd ed.", "publisher": "Weir Press", "ISBN": "0-306-40615-2" }]);
    let pubmed = "<PubmedArticleSet><PubmedBookArticle><BookDocument><PMID>1</PMID><Book><Publisher><PublisherName>Weir Press</PublisherName>\
        </Publisher><BookTitle>On weirs</BookTitle><Edition>2nd</Edition><Isbn>0306406152</Isbn></Book></BookDocument></PubmedBookArticle></PubmedArticleSet>";
    let orcid = json!({ "work": { "title": { "title": { "value": "On weirs" } }, "type": "book", "visibility": "public",
        "journal-title": { "value": "Weir Press" }, "citation": { "citation-type": "BIBTEX", "citation-value": "@book{k, title={On weirs}, edition={Second}}" },
        "external-ids": { "external-id": [{ "external-id-type": "isbn", "external-id-value": "0306406152", "external-id-relationship": "self" }] } } });
    for (format, content) in [
        (
            "bibtex",
            "@book{k, title={On weirs}, edition={Second}, publisher={Weir Press}, isbn={0-306-40615-2}}".to_owned(),
        ),
        (
            "ris",
            "TY  - BOOK\nTI  - On weirs\nET  - 2nd ed.\nPB  - Weir Press\nSN  - 978-0-306-40615-7\nER  - \n".to_owned(),
        ),
        ("csl", csl.to_string()),
        ("crossref", crossref.to_string()),
        ("orcid", orcid.to_string()),
        ("pubmed", pubmed.to_owned()),
    ] {
        let (details, messages) = import(format, &content).await;
        assert_eq!(details, expected, "{format}: {messages}");
    }
}

/// Numbers of articles are not pages, in any field that sources use for them.
#[tokio::test]
async fn article_numbers() {
    let crossref = json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "journal-article", "title": ["On weirs"],
        "page": "e12345", "article-number": "e12345" });
    let openalex = json!({ "id": "https://openalex.org/W1", "title": "On weirs", "type": "article",
        "biblio": { "first_page": "e12345", "last_page": "e12345" } });
    let pubmed = "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ELocationID EIdType=\"pii\">e12345</ELocationID>\
        <ArticleTitle>On weirs.</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>";
    let datacite = json!({ "id": "10.1000/k", "type": "dois", "attributes": { "doi": "10.1000/k", "titles": [{ "title": "On weirs" }], "creators": [],
        "relatedItems": [{ "relationType": "IsPublishedIn", "number": "e12345", "numberType": "Article" }] } });
    for (format, content) in [
        ("bibtex", "@article{k, title={On weirs}, eid={e12345}}".to_owned()),
        ("bibtex", "@article{k, title={On weirs}, pages={e12345}}".to_owned()),
        ("bibtex", "@article{k, title={On weirs}, articleno={e12345}, pages={e12345--e12345}}".to_owned()),
        ("ris", "TY  - JOUR\nTI  - On weirs\nC7  - e12345\nER  - \n".to_owned()),
        ("ris", "TY  - JOUR\nTI  - On weirs\nSP  - e12345\nER  - \n".to_owned()),
        (
            "csl",
            json!([{ "type": "article-journal", "title": "On weirs", "number": "e12345", "page": "e12345" }])
                .to_string(),
        ),
        ("crossref", crossref.to_string()),
        ("openalex", openalex.to_string()),
        ("pubmed", pubmed.to_owned()),
        ("datacite", datacite.to_string()),
    ] {
        let (details, messages) = import(format, &content).await;
        assert_eq!(
            (&details["articleNumber"], &details["pages"]),
            (&json!("e12345"), &json!(null)),
            "{format}: {messages}"
        );
    }
}

/// The institution of a thesis is its publisher, not a venue.
#[tokio::test]
async fn theses() {
    let crossref = json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "dissertation", "title": ["On weirs"],
        "publisher": "Thesis Service", "institution": [{ "name": "College" }] });
    for (format, content) in [
        ("bibtex", "@phdthesis{k, title={On weirs}, school={College}}".to_owned()),
        ("bibtex", "@thesis{k, title={On weirs}, institution={College}, publisher={Thesis Service}}".to_owned()),
        ("ris", "TY  - THES\nTI  - On weirs\nPB  - College\nER  - \n".to_owned()),
        ("csl", json!([{ "type": "thesis", "title": "On weirs", "publisher": "College" }]).to_string()),
        ("crossref", crossref.to_string()),
        ("orcid", json!({ "work": { "title": { "title": { "value": "On weirs" } }, "type": "dissertation-thesis", "visibility": "public",
            "journal-title": { "value": "College" } } }).to_string()),
    ] {
        let app = TestApp::start().await;
        let workspace = Workspace::new();
        workspace.import(&app.database_url, &[format, workspace.write_file("input", &content)]);
        let data = app.data("{ papers { nodes { type publisherName venueName } } }").await;
        let expected = json!([{ "type": "THESIS", "publisherName": "College", "venueName": null }]);
        assert_eq!(data["papers"]["nodes"], expected, "{format}");
    }
}

#[tokio::test]
async fn invalid_values_are_reported() {
    let content = format!(
        "@article{{k, title={{On weirs}}, issn={{0028-0837}}, isbn={{12345}}, volume={{{}}}, number={{n/a}}, pages={{n/a-n/a}}, publisher={{[s.n.]}}}}",
        "9".repeat(201)
    );
    let (details, messages) = import("bibtex", &content).await;
    assert!(
        messages.contains("'0028-0837' is not a valid ISSN: its check digit is wrong; it was ignored"),
        "{messages}"
    );
    assert!(messages.contains("'12345' is not an ISSN or ISBN; it was ignored"), "{messages}");
    assert!(messages.contains("has 201 characters; the maximum is 200; it was ignored"), "{messages}");
    assert_eq!(messages.matches("warning:").count(), 3, "{messages}");
    let expected = json!({ "volume": null, "issue": null, "pages": null, "articleNumber": null, "edition": null,
        "publisherName": null, "issns": [], "isbns": [], "keywords": [] });
    assert_eq!(details, expected);
}

/// Papers with every detail, as records.
fn detailed_papers() -> Value {
    json!([
        with_fields(
            paper_record("An article", Some(2001), &["Ida Brook"]),
            json!({ "type": "ARTICLE", "venueName": "Waters", "volume": "12", "issue": "3-4", "pages": "1-5–1-9, 27", "publisherName": "Weir & Sons",
                "issns": ["0028-0836", "1476-4687"], "keywords": ["Models, Theoretical", "flow"], "doi": "10.1000/a" })
        ),
        with_fields(
            paper_record("By number", Some(2002), &["Ida Brook"]),
            json!({ "type": "ARTICLE", "venueName": "Waters", "volume": "12", "articleNumber": "17", "keywords": ["Models, Theoretical"],
                "doi": "10.1000/b" })
        ),
        with_fields(
            paper_record("A book", Some(2003), &["Ida Brook"]),
            json!({ "type": "BOOK", "edition": "2", "publisherName": "Weir Press", "isbns": ["9780306406157", "9783161484100"], "volume": "7" })
        ),
        with_fields(
            paper_record("A chapter", Some(2004), &["Ida Brook"]),
            json!({ "type": "BOOK_CHAPTER", "venueName": "Weirs", "pages": "xii–xx", "edition": "Revised", "publisherName": "Weir Press",
                "isbns": ["9780306406157"], "issns": ["0028-0836"] })
        ),
        with_fields(
            paper_record("A thesis", Some(2005), &["Ida Brook"]),
            json!({ "type": "THESIS", "publisherName": "College" })
        ),
        with_fields(
            paper_record("A report", Some(2006), &["Ida Brook"]),
            json!({ "type": "REPORT", "publisherName": "Institute", "issue": "TR-7", "keywords": ["weirs", "flow"] })
        ),
        with_fields(
            paper_record("A talk", Some(2007), &["Ida Brook"]),
            json!({ "type": "CONFERENCE_PAPER", "venueName": "Water Days", "pages": "S12–S15", "volume": "3", "publisherName": "Weir Press" })
        ),
        with_fields(
            paper_record("A preprint", Some(2008), &["Ida Brook"]),
            json!({ "type": "PREPRINT", "arxivId": "2001.00001", "keywords": ["weirs"] })
        ),
        with_fields(
            paper_record("Another preprint", Some(2008), &["Ida Brook"]),
            json!({ "type": "PREPRINT", "venueName": "bioRxiv", "publisherName": "Cold Spring Harbor Laboratory" })
        ),
        with_fields(
            paper_record("Data", Some(2009), &["Ida Brook"]),
            json!({ "type": "DATASET", "publisherName": "Data Archive", "edition": "3", "keywords": ["weirs", "flow"] })
        ),
        with_fields(
            paper_record("Something", Some(2010), &["Ida Brook"]),
            json!({ "type": "OTHER", "publisherName": "Weir Press", "issns": ["0028-0836"] })
        ),
    ])
}

async fn all_details(app: &TestApp) -> Value {
    let query = format!(
        "{{ papers(orderBy: {{field: TITLE, direction: ASC}}) {{ nodes {{ title type venueName {DETAILS} }} }} }}"
    );
    app.data(&query).await["papers"]["nodes"].clone()
}

/// An export in any format, imported into an empty directory, gives the same details.
#[tokio::test]
async fn exports_keep_the_details() {
    let app = TestApp::start().await;
    app.create_records(detailed_papers()).await;
    let expected = all_details(&app).await;
    assert_eq!(expected.as_array().map(Vec::len), Some(11));
    let workspace = Workspace::new();
    for (format, file) in [("bibtex", "all.bib"), ("ris", "all.ris"), ("csl", "all.json"), ("records", "all.jsonl")] {
        let export = ["export", format, "--output", file];
        let outcome = run_to_completion(&mut workspace.command_with_database(&app.database_url, &export));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let other = TestApp::start().await;
        let imported = workspace.import(&other.database_url, &[format, file]);
        assert!(imported.summary().ends_with(", updated 0, unchanged 0, invalid 0"), "{imported:?}");
        assert_eq!(all_details(&other).await, expected, "{format}");
    }
}

#[tokio::test]
async fn citations() {
    let app = TestApp::start().await;
    app.create_records(detailed_papers()).await;
    let styles = ["apa", "chicago", "harvard", "ieee", "mla", "nature", "vancouver"];
    let fields = styles.map(|style| format!("{style}: formattedCitation(style: \"{style}\")")).join(" ");
    let query = format!(
        "{{ papers(filter: {{dois: [\"10.1000/a\"]}}) {{ nodes {{ {fields} bibtex: citation(format: BIBTEX) }} }} }}"
    );
    let data = app.data(&query).await;
    let paper = &data["papers"]["nodes"][0];
    for style in styles {
        let text = paper[style].as_str().expect("a citation");
        assert!(text.contains("12") && text.contains("27"), "{style}: {text}");
    }
    let bibtex = paper["bibtex"].as_str().expect("an entry");
    for line in ["  volume = {12},", "  number = {3-4},", "  pages = {1-5--1-9, 27},", "  publisher = {Weir \\& Sons},"]
    {
        assert!(bibtex.contains(line), "{bibtex}");
    }
}

/// The source with the highest precedence wins field by field, in any order of imports. What a preprint says of itself
/// never applies to the published version.
#[tokio::test]
async fn precedence_and_preprints() {
    let paper =
        |more: Value| parse_records(json!([with_fields(paper_record("On weirs", Some(2001), &["Ida Brook"]), more)]));
    let sources = [
        ("crossref", paper(json!({ "doi": "10.1000/a", "type": "ARTICLE", "volume": "12", "issns": ["0028-0836"] }))),
        (
            "bibtex",
            paper(
                json!({ "doi": "10.1000/a", "type": "ARTICLE", "volume": "13", "issue": "3", "arxivId": "2001.00001" }),
            ),
        ),
        (
            "datacite",
            paper(
                json!({ "arxivId": "2001.00001", "type": "PREPRINT", "publisherName": "arXiv", "volume": "1", "keywords": ["draft"] }),
            ),
        ),
    ];
    let expected = json!({ "volume": "12", "issue": "3", "pages": null, "articleNumber": null, "edition": null,
        "publisherName": null, "issns": ["0028-0836"], "isbns": [], "keywords": [] });
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        let app = TestApp::start().await;
        for source in order {
            let (name, records) = &sources[source];
            app.write_records_from(name, records).await;
        }
        assert_eq!(details(&app).await, expected, "{order:?}");
    }
    // Alone, a preprint has its details.
    let app = TestApp::start().await;
    app.write_records_from("datacite", &sources[2].1).await;
    assert_eq!(details(&app).await["publisherName"], "arXiv");
}

/// Missing details are issues of data quality.
#[tokio::test]
async fn missing_details() {
    let app = TestApp::start().await;
    app.create_records(detailed_papers()).await;
    app.create_records(json!([
        with_fields(paper_record("Bare", Some(2008), &[]), json!({ "type": "ARTICLE" })),
        with_fields(paper_record("Bare book", Some(2008), &[]), json!({ "type": "BOOK" })),
    ]))
    .await;
    let query =
        "{ directory { quality { issues(kinds: [PAPER_WITHOUT_VOLUME, PAPER_WITHOUT_PAGES, PAPER_WITHOUT_PUBLISHER]) {
        kind count samples { ... on Paper { title } } } } } }";
    let data = app.data(query).await;
    assert_eq!(
        data["directory"]["quality"]["issues"],
        json!([
            { "kind": "PAPER_WITHOUT_VOLUME", "count": 1, "samples": [{ "title": "Bare" }] },
            { "kind": "PAPER_WITHOUT_PAGES", "count": 1, "samples": [{ "title": "Bare" }] },
            { "kind": "PAPER_WITHOUT_PUBLISHER", "count": 1, "samples": [{ "title": "Bare book" }] },
        ])
    );
}

/// A selection of details reads these columns only.
#[tokio::test]
async fn details_without_others() {
    let app = TestApp::start().await;
    app.create_records(detailed_papers()).await;
    for field in DETAILS.split(' ') {
        let data = app.data(&format!("{{ papers(first: 10) {{ nodes {{ title {field} }} }} }}")).await;
        let values = data["papers"]["nodes"].as_array().expect("papers").iter().map(|paper| &paper[field]);
        assert!(values.into_iter().any(|value| !value.is_null() && value != &json!([])), "{field}");
    }
}
