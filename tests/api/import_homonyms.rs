//! People of one name whom sources tell apart: dblp's homonym numbers and keys, Semantic Scholar's author IDs.

use serde_json::{Value, json};

use crate::support::process::Workspace;
use crate::support::{TestApp, pluck_strings};

const PAPERS_QUERY: &str =
    "{ papers(orderBy: {field: TITLE, direction: ASC}) { nodes { title authorships { nodes { name
    nameAsPublished researcher { slug name identifiers { scheme value } } } } } } }";

/// Imports files, each as its format and content, and returns the first author of each paper, by title.
async fn first_authors(files: &[(&str, &str)]) -> Vec<Value> {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    for (format, content) in files {
        let file = workspace.write_file(format, content);
        let outcome = workspace.import(&app.database_url, &[format, file]);
        assert_eq!(outcome.code, Some(0), "{format}: {}", outcome.stderr);
    }
    let data = app.data(PAPERS_QUERY).await;
    let papers = data["papers"]["nodes"].as_array().expect("papers");
    papers.iter().map(|paper| paper["authorships"]["nodes"][0].clone()).collect()
}

fn slugs(authors: &[Value]) -> Vec<&str> {
    authors.iter().map(|author| author["researcher"]["slug"].as_str().unwrap_or_default()).collect()
}

/// Papers of two people called Wei Wang, one of them with dblp's key, in XML and in BibTeX.
#[tokio::test]
async fn homonym_numbers_of_dblp() {
    let xml = "<?xml version=\"1.0\"?>\n<dblpperson name=\"Wei Wang 0044\" pid=\"35/7092-44\"><person key=\"homepages/35/7092-44\">\
        <author pid=\"35/7092-44\">Wei Wang 0044</author></person>\
        <r><article key=\"a\"><author pid=\"35/7092-44\">Wei Wang 0044</author><title>A weir.</title><year>2020</year></article></r>\
        <r><article key=\"b\"><author pid=\"35/7092-44\">Wei Wang 0044</author><title>B lock.</title><year>2021</year></article></r></dblpperson>";
    let bibtex = "@article{c, title={C dam}, author={Wei Wang 0044 and Ida Brook}, year=2022}\n\
        @article{d, title={D dyke}, author={Wei Wang 0001 and Tom Ford}, year=2020}";
    let authors = first_authors(&[("dblp", xml), ("bibtex", bibtex)]).await;
    let names = json!(authors);
    assert_eq!(pluck_strings(&names, &["name"]), ["Wei Wang"; 4]);
    assert_eq!(pluck_strings(&names, &["researcher", "name"]), ["Wei Wang"; 4]);
    let people = slugs(&authors);
    assert_eq!([people[0], people[1], people[2]], [people[0]; 3]);
    assert_ne!(people[0], people[3]);
    let ids = &authors[0]["researcher"]["identifiers"];
    assert_eq!(pluck_strings(ids, &["scheme"]), ["dblp", "dblp-name"]);
    assert_eq!(pluck_strings(ids, &["value"]), ["35/7092-44", "Wei Wang 0044"]);
}

/// The author of Semantic Scholar with one ID is one person under two names, and another ID of the same common name is
/// another person.
#[tokio::test]
async fn author_ids_of_semantic_scholar() {
    let paper = |title: &str, id: &str, name: &str, coauthor: &str| {
        json!({ "paperId": title, "title": title, "year": 2020,
            "authors": [{ "authorId": id, "name": name }, { "authorId": format!("of-{title}"), "name": coauthor }] })
    };
    let response = json!({ "total": 3, "offset": 0, "data": [
        paper("A weir", "17", "Wei Wang", "Ida Brook"),
        paper("B lock", "17", "W. Wang", "Tom Ford"),
        paper("C dam", "18", "Wei Wang", "Uma Ferry"),
    ] });
    let authors = first_authors(&[("semantic-scholar", &response.to_string())]).await;
    let people = slugs(&authors);
    assert_eq!(people[0], people[1]);
    assert_ne!(people[0], people[2]);
    assert_eq!(authors[2]["researcher"]["identifiers"], json!([{ "scheme": "semantic-scholar", "value": "18" }]));
}
