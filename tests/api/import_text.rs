//! Text and placeholders of imports: every format gives the same plain text, and nothing is made of a missing value.

use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::process::Workspace;
use crate::support::{TestApp, pluck_strings};

const PAPERS_QUERY: &str = "{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title venueName
    displayName(languages: [\"en\"]) { value } abstract { text } identifiers { scheme value }
    authorships { nodes { position name affiliationsAsPublished } } } } }";

/// Imports a file of a format into a directory of its own and returns its papers.
async fn import(format: &str, content: &str) -> (Vec<Value>, TestApp) {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let file = workspace.write_file("input", content);
    let outcome = workspace.import(&app.database_url, &[format, file]);
    assert_eq!(outcome.code, Some(0), "{format}: {}", outcome.stderr);
    let papers = app.data(PAPERS_QUERY).await["papers"]["nodes"].as_array().expect("papers").clone();
    (papers, app)
}

/// The same work in every format that has abstracts.
fn with_markup() -> [(&'static str, String); 10] {
    let title = "&lt;i&gt;Lutra&lt;/i&gt; &amp;amp; H<sub>2</sub>O at p < 0.05";
    let (venue, text) = ("Soil &amp; Water", "<p>&lt;b&gt;Reeds&lt;/b&gt; cost $5 and $6.</p>");
    let index: serde_json::Map<String, Value> =
        text.split(' ').enumerate().map(|(position, word)| (word.to_owned(), json!([position]))).collect();
    let xml = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    [
        (
            "bibtex",
            format!(
                "@article{{k, title = {{{title}}}, journal = {{{venue}}}, abstract = {{{}}}, author = {{Brook, Ida}}}}",
                text.replace('$', "\\$")
            ),
        ),
        ("ris", format!("TY  - JOUR\nTI  - {title}\nJF  - {venue}\nAB  - {text}\nAU  - Brook, Ida\nER  - \n")),
        (
            "csl",
            json!([{ "id": "k", "type": "article-journal", "title": title, "container-title": venue, "abstract": text,
                "author": [{ "given": "Ida", "family": "Brook" }] }])
            .to_string(),
        ),
        (
            "crossref",
            json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "journal-article", "title": [title],
                "container-title": [venue], "abstract": text, "author": [{ "given": "Ida", "family": "Brook" }] })
            .to_string(),
        ),
        (
            "datacite",
            json!({ "id": "10.1000/k", "type": "dois", "attributes": { "doi": "10.1000/k", "titles": [{ "title": title }],
                "container": { "title": venue }, "descriptions": [{ "descriptionType": "Abstract", "description": text }],
                "creators": [{ "givenName": "Ida", "familyName": "Brook", "name": "Brook, Ida" }] } })
            .to_string(),
        ),
        (
            "openalex",
            json!({ "id": "https://openalex.org/W1", "title": title, "abstract_inverted_index": index,
                "primary_location": { "source": { "display_name": venue } },
                "authorships": [{ "author": { "display_name": "Ida Brook" }, "raw_author_name": "Ida Brook" }] })
            .to_string(),
        ),
        (
            "pubmed",
            format!(
                "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><Journal><Title>{}</Title></Journal>\
                <ArticleTitle>{}</ArticleTitle><Abstract><AbstractText>{}</AbstractText></Abstract><AuthorList><Author>\
                <LastName>Brook</LastName><ForeName>Ida</ForeName></Author></AuthorList></Article></MedlineCitation></PubmedArticle>\
                </PubmedArticleSet>",
                xml(venue),
                xml(title),
                xml(text)
            ),
        ),
        (
            "semantic-scholar",
            json!({ "paperId": "a", "title": title, "venue": venue, "abstract": text, "authors": [{ "authorId": "1", "name": "Ida Brook" }] })
                .to_string(),
        ),
        (
            "marcxml",
            format!(
                "<collection xmlns=\"http://www.loc.gov/MARC21/slim\"><record><leader>00000naa a2200000 c 4500</leader>\
                <datafield tag=\"100\"><subfield code=\"a\">Brook, Ida</subfield></datafield>\
                <datafield tag=\"245\"><subfield code=\"a\">{}</subfield></datafield>\
                <datafield tag=\"520\"><subfield code=\"a\">{}</subfield></datafield>\
                <datafield tag=\"773\"><subfield code=\"t\">{}</subfield></datafield></record></collection>",
                xml(title),
                xml(text),
                xml(venue)
            ),
        ),
        (
            "crossref",
            format!(
                "<doi_records><doi_record><crossref><journal><journal_metadata><full_title>{}</full_title></journal_metadata>\
                <journal_article><titles><title>{}</title></titles><contributors><person_name contributor_role=\"author\">\
                <given_name>Ida</given_name><surname>Brook</surname></person_name></contributors>\
                <jats:abstract><jats:p>{}</jats:p></jats:abstract></journal_article></journal></crossref></doi_record></doi_records>",
                xml(venue),
                xml(title),
                xml(text)
            ),
        ),
    ]
}

#[tokio::test]
async fn markup_in_every_format() {
    for (format, content) in with_markup() {
        let (papers, _app) = import(format, &content).await;
        let [paper] = papers.as_slice() else { panic!("{format}: {papers:?}") };
        let texts = [&paper["title"], &paper["venueName"], &paper["abstract"]["text"]];
        assert_eq!(texts, ["Lutra & H2O at p < 0.05", "Soil & Water", "Reeds cost $5 and $6."], "{format}");
        assert_eq!(pluck_strings(&paper["authorships"]["nodes"], &["name"]), ["Ida Brook"], "{format}");
    }
}

/// A work without an author or a venue before a real author, in every format.
fn with_placeholders() -> [(&'static str, String); 10] {
    [
        (
            "bibtex",
            "@article{k, title = {Weirs}, journal = {[s.n.]}, pmid = {n/a}, author = {Anonymous and Brook, Ida}}".to_owned(),
        ),
        (
            "ris",
            "TY  - JOUR\nTI  - Weirs\nJF  - [S.n.]\nAU  - [No authors listed]\nAU  - Brook, Ida\nU1  - NA[pmid]\nER  - \n"
                .to_owned(),
        ),
        (
            "csl",
            json!([{ "id": "n/a", "type": "article-journal", "title": "Weirs", "container-title": "N/A", "PMID": "NA",
                "author": [{ "literal": "&NA;" }, { "given": "Ida", "family": "Brook" }] }])
            .to_string(),
        ),
        (
            "crossref",
            json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "journal-article", "title": ["Weirs"],
                "container-title": ["Unknown"], "author": [{ "family": "&NA;", "sequence": "first" }, { "given": "Ida", "family": "Brook",
                "affiliation": [{ "name": "Not available" }] }] })
            .to_string(),
        ),
        (
            "datacite",
            json!({ "id": "10.1000/k", "type": "dois", "attributes": { "doi": "10.1000/k", "titles": [{ "title": ":unas" },
                { "title": "Weirs", "titleType": "Other" }], "publisher": ":unav",
                "creators": [{ "name": "(:unkn) unknown" }, { "givenName": "Ida", "familyName": "Brook", "name": "Brook, Ida",
                "affiliation": ["(:unav)"] }] } })
            .to_string(),
        ),
        (
            "openalex",
            json!({ "id": "https://openalex.org/W1", "title": "Weirs", "ids": { "pmid": "null" },
                "authorships": [{ "author": { "display_name": "[Anonymous]" } },
                { "author": { "id": "https://openalex.org/A9999999999", "display_name": "Ida Brook" } }] })
            .to_string(),
        ),
        (
            "semantic-scholar",
            json!({ "paperId": "a", "title": "Weirs", "venue": "N/A", "externalIds": { "PubMed": "NA" },
                "authors": [{ "name": "Anonymous" }, { "name": "Ida Brook", "affiliations": ["(:unav)"] }] })
            .to_string(),
        ),
        (
            "dblp",
            "<dblp><article><author>Anonymous</author><author>Ida Brook</author><title>Weirs.</title><journal>[s.n.]</journal>\
            </article></dblp>"
                .to_owned(),
        ),
        (
            "marcxml",
            "<collection xmlns=\"http://www.loc.gov/MARC21/slim\"><record><leader>00000naa a2200000 c 4500</leader>\
            <datafield tag=\"100\"><subfield code=\"a\">[Anonymous]</subfield></datafield>\
            <datafield tag=\"700\"><subfield code=\"a\">Brook, Ida</subfield><subfield code=\"u\">N/A</subfield></datafield>\
            <datafield tag=\"245\"><subfield code=\"a\">Weirs</subfield></datafield>\
            <datafield tag=\"773\"><subfield code=\"t\">[S.n.]</subfield></datafield></record></collection>"
                .to_owned(),
        ),
        (
            "crossref",
            "<doi_records><journal><journal_metadata><full_title>Unknown</full_title></journal_metadata><journal_article>\
            <titles><title>Weirs</title></titles><contributors><organization contributor_role=\"author\">&amp;NA;</organization>\
            <person_name contributor_role=\"author\"><given_name>Ida</given_name><surname>Brook</surname></person_name></contributors>\
            </journal_article></journal></doi_records>"
                .to_owned(),
        ),
    ]
}

#[tokio::test]
async fn placeholders_in_every_format() {
    for (format, content) in with_placeholders() {
        let (papers, app) = import(format, &content).await;
        let [paper] = papers.as_slice() else { panic!("{format}: {papers:?}") };
        assert_eq!((&paper["title"], &paper["venueName"]), (&json!("Weirs"), &Value::Null), "{format}");
        let expected = json!([{ "position": 1, "name": "Ida Brook", "affiliationsAsPublished": [] }]);
        assert_eq!(paper["authorships"]["nodes"], expected, "{format}");
        let people = app.data("{ researchers { nodes { name identifiers { value } } } }").await;
        let expected = json!({ "researchers": { "nodes": [{ "name": "Ida Brook", "identifiers": [] }] } });
        assert_eq!(people, expected, "{format}");
        let ids =
            query_strings(&app.database_url, "SELECT value FROM external_id WHERE value IN ('NA', 'n/a', 'null')")
                .await;
        assert_eq!(ids, Vec::<String>::new(), "{format}");
    }
}

/// Authors with the null ID of OpenAlex are people of their own.
#[tokio::test]
async fn authors_with_a_null_id_are_not_one_person() {
    let work = |id: &str, title: &str, name: &str| {
        json!({ "id": format!("https://openalex.org/{id}"), "title": title, "authorships": [
            { "author": { "id": "https://openalex.org/A9999999999", "display_name": name }, "raw_author_name": name }] })
        .to_string()
    };
    let works =
        [work("W1", "Weirs", "Ida Brook"), work("W2", "Locks", "Tom Ford"), work("W3", "Dams", "Ana Ilić")].join("\n");
    let (papers, app) = import("openalex", &works).await;
    let names: Vec<&Value> = papers.iter().map(|paper| &paper["authorships"]["nodes"][0]["name"]).collect();
    assert_eq!(names, ["Ana Ilić", "Tom Ford", "Ida Brook"]);
    let people = app.data("{ researchers(orderBy: {field: NAME, direction: ASC}) { nodes { name } } }").await;
    assert_eq!(pluck_strings(&people["researchers"]["nodes"], &["name"]), ["Ida Brook", "Tom Ford", "Ana Ilić"]);
}

#[tokio::test]
async fn records_that_are_only_placeholders() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let people = workspace.write_file(
        "people.csv",
        "name,organization,identifiers,other_names\nAnonymous,Water Institute,,\nUnknown,,,\nIda Brook,N/A,scopus:none,n.n.\n\
        \"Anon, Jane\",Unknown Rivers Institute,scopus:1,\n",
    );
    let outcome = workspace.import(&app.database_url, &["csv", people]);
    assert_eq!(outcome.summary(), "read 4: created 2, updated 0, unchanged 0, invalid 2");
    let papers = workspace.write_file(
        "papers.bib",
        "@article{a, title={[Untitled]}, author={Brook, Ida}}\n@article{b, title={Unknown unknowns}, author={Anon, Jane}}\n\
        @article{c, title={Untitled (1999)}, journal={Unknown Waters}}",
    );
    let outcome = workspace.import(&app.database_url, &["bibtex", papers]);
    assert_eq!(outcome.stderr_lines(), ["papers.bib:1: invalid record: it has no title"]);
    let query = "{ researchers(orderBy: {field: NAME, direction: ASC}) { nodes { name otherNames identifiers { value }
        affiliations { nodes { organization { displayName { value } } } } } } organizations { totalCount } }";
    let expected = json!({
        "researchers": { "nodes": [
            { "name": "Anon, Jane", "otherNames": [], "identifiers": [{ "value": "1" }],
                "affiliations": { "nodes": [{ "organization": { "displayName": { "value": "Unknown Rivers Institute" } } }] } },
            { "name": "Ida Brook", "otherNames": [], "identifiers": [], "affiliations": { "nodes": [] } },
        ] },
        "organizations": { "totalCount": 1 },
    });
    assert_eq!(app.data(query).await, expected);
    let titles = app.data("{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title venueName } } }").await;
    let expected = json!([
        { "title": "Unknown unknowns", "venueName": null }, { "title": "Untitled (1999)", "venueName": "Unknown Waters" }]);
    assert_eq!(titles["papers"]["nodes"], expected);
}

/// Markup in the published name of an author stays there, and is repaired in the name.
#[tokio::test]
async fn markup_in_names() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let work = json!({ "DOI": "10.1000/k", "prefix": "10.1000", "member": "1", "type": "journal-article", "title": ["Weirs"],
        "author": [{ "given": "Jos&amp;eacute;", "family": "<i>Pier</i>" }] });
    let file = workspace.write_file("work.json", work.to_string());
    workspace.import(&app.database_url, &["crossref", file]);
    let query = "{ papers { nodes { authorships { nodes { name nameAsPublished nameRepair { rule isApplied } } } } } }";
    let expected = json!([{ "name": "José Pier", "nameAsPublished": "Jos&amp;eacute; <i>Pier</i>",
        "nameRepair": { "rule": "HTML_ENTITY", "isApplied": true } }]);
    assert_eq!(app.data(query).await["papers"]["nodes"][0]["authorships"]["nodes"], expected);
}
