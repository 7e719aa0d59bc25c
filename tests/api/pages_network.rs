//! The pages of coauthor networks: picture, table, filters and files say the same.

use std::collections::BTreeSet;

use academic_directory::config::{HttpConfig, Limits};
use serde_json::json;

use crate::coauthor_network::{network_directory, network_records};
use crate::pages::fetch;
use crate::support::xml::Element;
use crate::support::{
    TestApp, create_database, database_config, http_config, network_config, paper_record, parse_records,
};

const ADA: &str = "/en/people/ada-berg/network";
const COLLEGE: &str = "/en/organizations/college/network";

/// The parts of a page between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// The descriptions of the people in the large picture.
fn people(page: &str) -> Vec<String> {
    let picture = between(page, "<svg class=\"graph graph-large\"", "</svg>").concat();
    let labels = between(&picture, "<a href=\"", "</a>").into_iter();
    labels.filter_map(|link| Some(between(link, "aria-label=\"", "\"").first()?.to_string())).collect()
}

/// The rows of the table: name, people linked to, numbers.
fn rows(page: &str) -> Vec<(String, String, Vec<String>)> {
    let row = |row: &str| {
        let first = |start: &str, end: &str| between(row, start, end).first().copied().unwrap_or_default().to_owned();
        let ties = first("</summary><p>", "<a").replace("<br>", "");
        let name = first("class=\"quiet\" href=", "</a>");
        let numbers = between(row, "<td class=\"num", "</td>").into_iter();
        let numbers = numbers.map(|cell| cell.rsplit('>').next().unwrap_or_default().to_owned()).collect();
        (name.rsplit('>').next().unwrap_or_default().to_owned(), ties, numbers)
    };
    between(page, "<tbody>", "</tbody>").concat().split("<tr>").skip(1).map(row).collect()
}

#[tokio::test]
async fn picture_and_table_say_the_same() {
    let app = network_directory().await;
    let page = fetch(&app, ADA, &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{}", page.body);
    for text in
        ["3 people, 2 links, 1 group", "<meta name=\"robots\" content=\"noindex\">", "Papers with more than 5 authors"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let pictured = people(&page.body);
    assert_eq!(pictured[0], "Bo Dahl, 3 papers together, last in 2005, group A");
    assert_eq!(pictured.len(), 3, "{pictured:?}");
    let rows = rows(&page.body);
    let named: BTreeSet<&str> = rows.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(named, BTreeSet::from(["Bo Dahl", "Cy Ek", "Di Falk"]));
    for (name, ties, numbers) in &rows {
        let (expected_ties, expected) = match name.as_str() {
            "Bo Dahl" => ("Cy Ek", ["3", "2001", "2005"]),
            "Cy Ek" => ("Bo Dahl, Di Falk", ["1", "2005", "2005"]),
            _ => ("Cy Ek", ["1", "", ""]),
        };
        assert_eq!((ties.as_str(), numbers.as_slice()), (expected_ties, &expected.map(str::to_owned)[..]), "{name}");
        assert!(pictured.iter().any(|person| person.starts_with(name.as_str())), "{name}");
    }
    // The same directory is drawn in the same way.
    assert_eq!(fetch(&app, ADA, &[]).await.body, page.body);

    let college = fetch(&app, COLLEGE, &[]).await.body;
    assert!(college.contains("4 people, 5 links"), "{college}");
    assert_eq!(people(&college).len(), 4);
    let french = fetch(&app, &COLLEGE.replace("/en/", "/fr/"), &[]).await.body;
    for text in [
        "Qui publie avec qui",
        "4 personnes, 5 liens",
        "publications en commun, dernière en 2012, groupe",
        "Télécharger\u{202f}:",
    ] {
        assert!(french.replace("&#8239;", "\u{202f}").contains(text), "{text}: {french}");
    }
}

#[tokio::test]
async fn filters_and_orders() {
    let app = network_directory().await;
    let topic = app.find_id("topic", "oceans").await;
    let names = async |query: &str| {
        let page = fetch(&app, &format!("{ADA}{query}"), &[]).await;
        assert_eq!(page.status, 200, "{query}: {}", page.body);
        rows(&page.body).into_iter().map(|(name, ..)| name).collect::<Vec<_>>().join(", ")
    };
    for (query, expected) in [
        ("?since=2003&until=2004", "Bo Dahl"),
        ("?since=2004&until=2003", "Bo Dahl"),
        ("?min=3", "Bo Dahl"),
        ("?min=7", ""),
        ("?sort=name", "Bo Dahl, Cy Ek, Di Falk"),
        ("?sort=first", "Cy Ek, Bo Dahl, Di Falk"),
        ("?since=&until=&topic=&min=", "Bo Dahl, "),
    ] {
        let found = names(query).await;
        assert!(found == expected || (expected.ends_with(", ") && found.starts_with(expected)), "{query}: {found}");
    }
    assert_eq!(names(&format!("?topic={topic}")).await, "Bo Dahl");
    let page = fetch(&app, &format!("{ADA}?topic={topic}&since=2001"), &[]).await.body;
    for text in ["selected>Oceans</option>", "value=\"2001\"", "Remove the filters", "1 person, 0 links"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let empty = fetch(&app, &format!("{ADA}?since=2020"), &[]).await.body;
    assert!(empty.contains("No papers together were found.") && !empty.contains("<svg class=\"graph"), "{empty}");
    for query in ["?since=then", "?min=none", "?sort=age", "?topic=NONSENSE", "?format=pdf"] {
        assert_eq!(fetch(&app, &format!("{ADA}{query}"), &[]).await.status, 400, "{query}");
    }
    // A slug of a topic redirects to its ID.
    assert_eq!(fetch(&app, &format!("{ADA}?topic=oceans"), &[]).await.status, 303);
    assert_eq!(fetch(&app, &format!("{ADA}?topic=nonsense"), &[]).await.status, 404);
}

#[tokio::test]
async fn csv() {
    let app = network_directory().await;
    let file = fetch(&app, &format!("{ADA}?format=csv"), &[]).await;
    assert_eq!(file.status, 200, "{}", file.body);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"ada-berg-network.csv\"");
    assert!(file.header("content-security-policy").contains("sandbox"));
    let text = file.body.strip_prefix('\u{feff}').unwrap_or(&file.body);
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines[0], "id,slug,name,headline,papers,first_year,last_year,group,linked_with");
    let bo = app.find_id("researcher", "bo-dahl").await;
    assert_eq!(lines[1], format!("{bo},bo-dahl,Bo Dahl,College,3,2001,2005,A,Cy Ek"));
    assert!(text.contains(",Cy Ek,College,1,2005,2005,A,\"Bo Dahl; Di Falk\"\r\n"), "{text}");
    assert_eq!((lines.len(), lines[4]), (5, ""));
    // The order of the table has no effect, filters have.
    let filtered = fetch(&app, &format!("{ADA}?format=csv&min=2&sort=name"), &[]).await.body;
    assert_eq!(filtered.lines().count(), 2, "{filtered}");
    let college = fetch(&app, &format!("{COLLEGE}?format=csv"), &[]).await;
    assert_eq!(college.header("content-disposition"), "attachment; filename=\"college-network.csv\"");
    assert!(college.body.contains("id,slug,name,headline,papers,last_year,group,linked_with"), "{}", college.body);
    // What a spreadsheet would calculate is a text.
    app.execute_sql("UPDATE researcher SET display_name = '=cmd(\"x\"), y' WHERE slug = 'bo-dahl'").await;
    let guarded = fetch(&app, &format!("{ADA}?format=csv"), &[]).await.body;
    assert!(guarded.contains(",bo-dahl,\"'=cmd(\"\"x\"\"), y\","), "{guarded}");
}

#[tokio::test]
async fn graphml() {
    let app = network_directory().await;
    app.execute_sql("UPDATE researcher SET display_name = 'Bo <b>&\"Dahl\"' WHERE slug = 'bo-dahl'").await;
    let file = fetch(&app, &format!("{ADA}?format=graphml"), &[]).await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/xml; charset=utf-8"), "{}", file.body);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"ada-berg-network.graphml\"");
    // Character references, which the parser of the tests does not know.
    let text = [("&#38;", "&amp;"), ("&#60;", "&lt;"), ("&#62;", "&gt;"), ("&#34;", "&quot;")]
        .into_iter()
        .fold(file.body.clone(), |text, (from, to)| text.replace(from, to));
    let root = Element::parse(&text);
    let graph = root.children.iter().find(|child| child.name == "graph").expect("a graph");
    let of_kind = |kind: &'static str| graph.children.iter().filter(move |child| child.name == kind);
    let value = |element: &Element, key: &str| {
        let is_key = |data: &&Element| data.attributes.iter().any(|(name, value)| name == "key" && value == key);
        element.children.iter().find(is_key).map(|data| data.text.clone())
    };
    let labels: BTreeSet<String> = of_kind("node").filter_map(|node| value(node, "label")).collect();
    let expected = ["Ada Berg", "Bo <b>&\"Dahl\"", "Cy Ek", "Di Falk"].map(str::to_owned);
    assert_eq!(labels, BTreeSet::from(expected));
    // Ada to three, and two links.
    let mut weights: Vec<String> = of_kind("edge").filter_map(|edge| value(edge, "edge_papers")).collect();
    weights.sort();
    assert_eq!(weights, ["1", "1", "1", "2", "3"]);
    let ids: BTreeSet<&str> = of_kind("node")
        .flat_map(|node| &node.attributes)
        .filter(|(name, _)| name == "id")
        .map(|(_, id)| id.as_str())
        .collect();
    for (name, end) in of_kind("edge").flat_map(|edge| &edge.attributes) {
        assert!(ids.contains(end.as_str()), "{name} {end}");
    }
    let college = fetch(&app, &format!("{COLLEGE}?format=graphml"), &[]).await.body;
    assert_eq!((college.matches("<node").count(), college.matches("<edge").count()), (4, 5));
}

#[tokio::test]
async fn addresses() {
    let app = network_directory().await;
    app.insert_redirect("researcher", 900, "old-name", "ada-berg").await;
    app.insert_redirect("organization", 901, "old-college", "college").await;
    for (path, expected) in [
        ("/en/people/old-name/network?since=2001", "../../../en/people/ada-berg/network?since=2001"),
        ("/fr/organizations/old-college/network?format=csv", "../../../fr/organizations/college/network?format=csv"),
    ] {
        let page = fetch(&app, path, &[]).await;
        assert_eq!((page.status, page.header("location")), (301, expected), "{path}");
    }
    let redirect = fetch(&app, "/people/ada-berg/network?min=2", &[("Accept-Language", "fr")]).await;
    assert_eq!((redirect.status, redirect.header("location")), (303, "../../fr/people/ada-berg/network?min=2"));
    assert_eq!(fetch(&app, "/en/people/nobody/network", &[]).await.status, 404);
    assert_eq!(fetch(&app, "/en/people/nobody/network?format=csv", &[]).await.status, 404);
    // From the profile and the organization; to the path between two people.
    let profile = fetch(&app, "/en/people/ada-berg", &[]).await.body;
    assert!(profile.contains("/en/people/ada-berg/network\""), "{profile}");
    let college = fetch(&app, "/en/organizations/college", &[]).await.body;
    assert!(college.contains("/en/organizations/college/network\""), "{college}");
    let ada = app.find_id("researcher", "ada-berg").await;
    assert!(fetch(&app, ADA, &[]).await.body.contains(&format!("/en/path?from={ada}\"")));
    let sitemap = app.client().get(app.url("/sitemap/people-1.xml")).send().await.expect("a sitemap");
    assert!(!sitemap.text().await.expect("a text").contains("/network"));
}

#[tokio::test]
async fn caching() {
    let http = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let config = database_config(&create_database().await, 5);
    let app = TestApp::start_with_config(config, Limits::default(), http, network_config()).await;
    app.create_records(network_records()).await;
    for path in [ADA.to_owned(), format!("{ADA}?format=csv"), format!("{COLLEGE}?format=graphml")] {
        let first = fetch(&app, &path, &[]).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "public, max-age=60"), "{path}");
        let again = fetch(&app, &path, &[("If-None-Match", first.header("etag"))]).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
    let before = fetch(&app, ADA, &[]).await;
    app.write_records(&parse_records(json!([paper_record("New", Some(2020), &["Ada Berg", "Bo Dahl"])]))).await;
    let after = fetch(&app, ADA, &[("If-None-Match", before.header("etag"))]).await;
    assert_eq!(after.status, 200);
    assert!(after.body.contains("Bo Dahl, 4 papers together, last in 2020"), "{}", after.body);
}

/// With more people than the picture has room for, the table has more, and both say so.
#[tokio::test]
async fn a_large_network() {
    let app = TestApp::start().await;
    let papers: Vec<_> = (0..110)
        .map(|number| {
            let (one, other) = (format!("Coauthor Number{number}"), format!("Coauthor Number{}", (number + 1) % 110));
            paper_record(&format!("Paper {number}"), Some(2000), &["Ada Berg", &one, &other])
        })
        .collect();
    app.write_records(&parse_records(json!(papers))).await;
    let page = fetch(&app, ADA, &[]).await.body;
    assert_eq!(people(&page).len(), 50);
    assert_eq!(rows(&page).len(), 100);
    for text in ["100 of 110, by papers together", "The picture has the closest 50 people."] {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.len() < 250_000, "{} bytes", page.len());
    let csv = fetch(&app, &format!("{ADA}?format=csv"), &[]).await.body;
    assert_eq!(csv.lines().count(), 101);
}
