//! The pages for people: one query each, both languages, safe, and without anything that the API hides.

use std::collections::BTreeMap;

use academic_directory::config::{HttpConfig, Limits};
use reqwest::redirect::Policy;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::process::{ChildProcess, Workspace};
use crate::support::{
    TestApp, create_database, database_config, http_config, network_config, orcid, organization_record, paper_record,
    ror, topic_record, with_fields,
};

const PERSON: &str = "people/ada-brook";
const PAPER: &str = "papers/rivers-under-glass";

/// A page as it was received.
pub struct PageResponse {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl PageResponse {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Fetches a path without following redirects.
pub async fn fetch(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> PageResponse {
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
    let mut request = client.get(app.url(path)).header("Accept", "text/html");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("a response");
    let status = response.status().as_u16();
    let pairs = response.headers().iter();
    let headers =
        pairs.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
    PageResponse { status, headers, body: response.text().await.expect("a text") }
}

fn records() -> Value {
    let place = json!({ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "isPrimary": true,
        "roleTitle": { "en": "Professor", "fr": "Professeure" }, "startDate": "2001" });
    let about = json!([{ "labels": { "en": "Weirs" } }]);
    let authors = json!([{ "position": 1, "name": "Ada Brook" }, { "position": 2, "name": "Cy Ek" }]);
    json!([
        organization_record(1, "College of Rivers"),
        with_fields(topic_record("Weirs"), json!({ "names": [{ "value": "Weirs", "language": "en", "kind": "LABEL" },
            { "value": "Déversoirs", "language": "fr", "kind": "LABEL" }] })),
        { "kind": "researcher", "name": "Ada Brook", "orcid": orcid(1), "affiliations": [place], "topics": about,
            "headline": { "en": "Professor of weirs", "fr": "Professeure de déversoirs" } },
        with_fields(paper_record("Rivers under glass", Some(2001), &[]), json!({ "authors": authors, "topics": about,
            "language": "en", "doi": "10.5555/glass", "abstract": { "en": "Water stands." },
            "abstractCompleteness": "FULL", "venueName": "Waters" })),
        with_fields(paper_record("Bridges of paper", Some(2003), &[]), json!({ "authors": authors, "type": "PREPRINT" })),
    ])
}

async fn directory() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(records()).await;
    app
}

/// One address of each page.
pub async fn all_paths(app: &TestApp) -> Vec<String> {
    let data = app
        .data(
            "{ researchers(first: 100) { nodes { id slug } } organizations(first: 100) { nodes { id slug } } \
             topics(first: 100) { nodes { id slug } } papers(first: 100) { nodes { id slug } } }",
        )
        .await;
    let nodes = |kind: &str| data[kind]["nodes"].as_array().cloned().unwrap_or_default();
    let text = |node: &Value, field: &str| node[field].as_str().expect("a text").to_owned();
    let mut paths: Vec<String> = [
        "",
        "search",
        "search?q=a",
        "people",
        "organizations",
        "topics",
        "papers",
        "path",
        "about",
        "about/data",
        "people?q=a",
        "papers?q=a&from=1900",
        "organizations?q=c",
        "topics?q=w",
        "people?sort=papers",
        "path?fromName=nobody",
    ]
    .map(str::to_owned)
    .to_vec();
    let people = nodes("researchers");
    for person in &people {
        paths.push(format!("people/{}", text(person, "slug")));
        paths.push(format!("people/{}/papers", text(person, "slug")));
        paths.push(format!("people/{}/network", text(person, "slug")));
        paths.push(format!("people/{}/network?since=1900&sort=name", text(person, "slug")));
        paths.push(format!("papers?person={}", text(person, "id")));
        paths.push(format!("people?coauthor={}", text(person, "id")));
        for other in &people {
            paths.push(format!("path?from={}&to={}", text(person, "id"), text(other, "id")));
        }
    }
    for organization in nodes("organizations") {
        paths.push(format!("organizations/{}", text(&organization, "slug")));
        paths.push(format!("organizations/{}?asOf=2005", text(&organization, "slug")));
        paths.push(format!("organizations/{}/network", text(&organization, "slug")));
        paths.push(format!("people?organization={}", text(&organization, "id")));
        paths.push(format!("papers?organization={}", text(&organization, "id")));
    }
    for topic in nodes("topics") {
        paths.push(format!("topics/{}", text(&topic, "slug")));
        paths.push(format!("people?topic={}", text(&topic, "id")));
    }
    paths.extend(nodes("papers").iter().map(|paper| format!("papers/{}", text(paper, "slug"))));
    paths
}

/// The number of scripts that are neither data nor a file of the service.
fn inline_scripts(html: &str) -> usize {
    let all = html.matches("<script").count();
    let files = html.matches("<script type=\"module\" src=\"").count();
    all - files - html.matches("<script type=\"application/ld+json\">{").count()
}

/// The value of a metric, summed over its labels.
async fn metric(app: &TestApp, name: &str) -> u64 {
    let text = app.client().get(app.url("/metrics")).send().await.expect("metrics").text().await.expect("a text");
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn each_page_is_complete_in_both_languages_and_has_one_query() {
    let app = directory().await;
    for path in all_paths(&app).await {
        for language in ["en", "fr"] {
            let before = metric(&app, "academic_directory_requests_total").await;
            let page = fetch(&app, &format!("/{language}/{path}"), &[]).await;
            assert_eq!(page.status, 200, "{language} {path}: {}", page.body);
            let queries = metric(&app, "academic_directory_requests_total").await - before;
            assert_eq!(queries, 1, "{path}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
            assert!(page.body.contains(&format!("<html lang=\"{language}\">")), "{path}");
            assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
            assert_eq!(page.body.matches("<title>").count(), 1, "{path}");
            assert!(page.body.contains("graphiql?query="), "{path}");
            assert_eq!(inline_scripts(&page.body), 0, "{path}");
            assert!(!page.body.contains("style=\""), "{path}");
            let elements = page.body.matches('<').count() - page.body.matches("</").count();
            assert!(elements <= 600, "{path}: {elements}");
        }
    }
}

#[tokio::test]
async fn profile() {
    let app = directory().await;
    let english = fetch(&app, &format!("/en/{PERSON}"), &[]).await.body;
    for text in [
        "Professor of weirs",
        "Weirs",
        "Rivers under glass",
        "Water stands.",
        "Cy Ek",
        "College of Rivers",
        "2 papers",
        "Preprint",
        "10.5555/glass",
        &orcid(1),
    ] {
        assert!(english.contains(text), "{text}: {english}");
    }
    let french = fetch(&app, &format!("/fr/{PERSON}"), &[]).await.body;
    for text in
        ["Professeure de déversoirs", "Déversoirs", "Prépublication", "lang=\"en\" dir=\"auto\">Rivers under glass"]
    {
        assert!(french.contains(text), "{text}: {french}");
    }
    for text in ["Professor of weirs", ">Weirs<", "Papers", "Affiliations since"] {
        assert!(!french.contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_label_in_another_language_is_marked() {
    let app = TestApp::start().await;
    app.create_records(
        json!([{ "kind": "researcher", "name": "Ada Brook", "topics": [{ "labels": { "en": "Weirs" } }] }]),
    )
    .await;
    let french = fetch(&app, "/fr/people/ada-brook", &[]).await.body;
    assert!(
        french.contains("lang=\"en\">Weirs<span class=\"lang\" role=\"img\" aria-label=\"en anglais\">en</span>"),
        "{french}"
    );
}

#[tokio::test]
async fn head_of_a_paper() {
    let app = directory().await;
    let page = fetch(&app, &format!("/en/{PAPER}"), &[]).await.body;
    for tag in [
        "<meta name=\"citation_title\" content=\"Rivers under glass\">",
        "<meta name=\"citation_author\" content=\"Brook, Ada\">",
        "<meta name=\"citation_publication_date\" content=\"2001\">",
        "<meta name=\"citation_journal_title\" content=\"Waters\">",
        "<meta name=\"citation_doi\" content=\"10.5555/glass\">",
        "<meta name=\"citation_language\" content=\"en\">",
        "hreflang=\"fr\"",
        "<link rel=\"canonical\"",
        "<meta property=\"og:type\" content=\"article\">",
    ] {
        assert!(page.contains(tag), "{tag}: {page}");
    }
}

#[tokio::test]
async fn redirects_to_the_language_of_the_reader() {
    let app = directory().await;
    for (path, accept_language, expected) in [
        ("/", "", "./en/"),
        ("/", "fr-CA", "./fr/"),
        ("/people/ada-brook", "fr-CA, en;q=0.5", "../fr/people/ada-brook"),
        ("/people/ada-brook", "de", "../en/people/ada-brook"),
        ("/search?q=a+b", "fr", "./fr/search?q=a+b"),
        ("/about/data", "fr", "../fr/about/data"),
    ] {
        let page = fetch(&app, path, &[("Accept-Language", accept_language)]).await;
        assert_eq!((page.status, page.header("location")), (303, expected), "{path} {accept_language}");
        assert!(page.header("vary").contains("Accept-Language"), "{path}");
    }
    // The language that the reader has chosen comes first.
    for (cookie, expected) in [
        ("language=fr", "fr"),
        ("theme=x; language=fr; other=y", "fr"),
        ("language=de", "en"),
        ("language=", "en"),
        ("my-language=fr", "en"),
        ("language", "en"),
    ] {
        for path in ["/", "/people/ada-brook", "/people", "/about/data"] {
            let page = fetch(&app, path, &[("Accept-Language", "en"), ("Cookie", cookie)]).await;
            assert_eq!(page.status, 303, "{path} {cookie}");
            assert!(page.header("location").contains(&format!("/{expected}/")), "{path} {cookie}");
            assert!(page.header("vary").contains("Cookie"), "{path}: {}", page.header("vary"));
        }
    }
    assert_eq!(fetch(&app, "/fr", &[]).await.header("location"), "fr/");
    assert_eq!(fetch(&app, "/fr/people/", &[]).await.header("location"), "../people");
    // A query that somebody linked to.
    assert_eq!(
        fetch(&app, "/?query=%7B__typename%7D", &[]).await.header("location"),
        "graphiql?query=%7B__typename%7D"
    );
}

#[tokio::test]
async fn former_and_merged_slugs_move_permanently() {
    let app = directory().await;
    app.insert_redirect("researcher", 900, "old-name", "ada-brook").await;
    app.insert_redirect("paper", 901, "old-title", "rivers-under-glass").await;
    app.insert_redirect("organization", 902, "old-college", "college-of-rivers").await;
    app.insert_redirect("topic", 903, "old-topic", "weirs").await;
    for (path, expected) in [
        ("/en/organizations/old-college?asOf=2001", "../../en/organizations/college-of-rivers?asOf=2001"),
        ("/fr/topics/old-topic", "../../fr/topics/weirs"),
        ("/en/people/old-name", "../../en/people/ada-brook"),
        ("/fr/people/old-name/papers?year=2001", "../../../fr/people/ada-brook/papers?year=2001"),
        ("/en/papers/old-title", "../../en/papers/rivers-under-glass"),
    ] {
        let page = fetch(&app, path, &[]).await;
        assert_eq!((page.status, page.header("location"), page.body.as_str()), (301, expected, ""), "{path}");
    }
}

#[tokio::test]
async fn addresses_without_a_page() {
    let app = directory().await;
    let unknown = fetch(&app, "/fr/people/nobody", &[]).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("Page introuvable") && unknown.body.contains("role=\"search\""), "{}", unknown.body);
    // Nothing tells one from another.
    for path in ["/fr/people/nobody-else", "/fr/papers/ada-brook", "/fr/people/Ada%20Brook"] {
        assert_eq!(fetch(&app, path, &[]).await.body, unknown.body, "{path}");
    }
    for (path, status) in [
        ("/en/nothing", 404),
        ("/en/people/ada-brook/nothing", 404),
        ("/nothing/at/all", 404),
        ("/en/papers?from=yesterday", 400),
        ("/en/people?topic=nonsense", 404),
        ("/en/people?topic=Nonsense", 400),
        ("/en/people?after=nonsense", 400),
        ("/en/path?from=nonsense&to=nonsense", 404),
        ("/en/path?from=Nonsense&to=Nonsense", 400),
        ("/en/organizations/college-of-rivers?asOf=then", 400),
    ] {
        let page = fetch(&app, path, &[]).await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(page.body.contains("<h1"), "{path}");
    }
    // A client that is no browser gets JSON.
    let response = app.client().get(app.url("/nothing")).send().await.expect("a response");
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let app = TestApp::start().await;
    let about = json!([{ "labels": { "en": format!("Topic {HOSTILE}") } }]);
    app.create_records(json!([
        { "kind": "organization", "ror": ror(1), "homepageUrl": "https://example.org/\"onload=alert(1)",
            "names": [{ "value": format!("Org {HOSTILE}"), "kind": "DISPLAY" }] },
        { "kind": "researcher", "name": format!("Ada {HOSTILE}"), "topics": about,
            "biography": { "en": HOSTILE }, "headline": { "en": HOSTILE } },
        { "kind": "researcher", "name": format!("Ben {HOSTILE}"), "headline": { "en": HOSTILE } },
        with_fields(paper_record(&format!("Title {HOSTILE}"), Some(2001), &["Cy Ek"]), json!({ "venueName": HOSTILE,
            "abstract": { "en": HOSTILE }, "abstractCompleteness": "FULL" })),
    ]))
    .await;
    let mut paths = all_paths(&app).await;
    paths.push("search?q=%3Cscript%3Ealert(1)%3C/script%3E%22onload=x".to_owned());
    paths.push("people?q=%22%3E%3Cscript%3E".to_owned());
    paths.push("path?fromName=script".to_owned());
    paths.push("suggestions?q=topic".to_owned());
    for path in paths {
        let page = fetch(&app, &format!("/en/{path}"), &[]).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(inline_scripts(&page.body), 0, "{path}: {}", page.body);
        assert_eq!(page.body.matches("</script").count(), page.body.matches("<script").count(), "{path}");
        // In JSON-LD they are parts of strings, without `<`.
        let parts = page.body.split("<script type=\"application/ld+json\">").enumerate();
        let outside: String = parts
            .map(|(index, part)| if index == 0 { part } else { part.split_once("</script>").expect("its end").1 })
            .collect();
        for mark in ["<script>", "<img", "onerror=alert(1)>", "href=\"javascript:", "\"onload"] {
            assert!(!outside.contains(mark), "{path} has {mark}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn caching() {
    let http = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let config = database_config(&create_database().await, 100);
    let app = TestApp::start_with_config(config, Limits::default(), http, network_config()).await;
    app.create_records(records()).await;
    let path = format!("/en/{PERSON}");
    let first = fetch(&app, &path, &[]).await;
    assert_eq!(first.header("cache-control"), "public, max-age=60");
    assert_eq!(first.header("x-request-id"), "");
    // The cache stores nothing before it knows the revision of the directory.
    fetch(&app, &path, &[]).await;
    fetch(&app, &path, &[]).await;
    let hits = metric(&app, "academic_directory_cache_hits_total").await;
    let again = fetch(&app, &path, &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(metric(&app, "academic_directory_cache_hits_total").await, hits + 1);
    let private = fetch(&app, &path, &[("Authorization", "Bearer x")]).await;
    assert_eq!(private.header("cache-control"), "private, no-cache");
    app.write_records(&crate::support::parse_records(json!([paper_record("A third", Some(2005), &["Ada Brook"])])))
        .await;
    let changed = fetch(&app, &path, &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!(changed.status, 200);
    assert!(changed.body.contains("A third"));
    // A cached page is that of its address: the link to the other language keeps the parameters.
    for parameters in ["?a=1", "?a=2", "?a=1"] {
        let page = fetch(&app, &format!("{path}{parameters}"), &[]).await;
        assert!(page.body.contains(&format!("/fr/{PERSON}{parameters}\"")), "{parameters}");
        assert!(!page.header("link").is_empty());
    }
    // The compressed form is sent as it is stored.
    let plain = fetch(&app, &path, &[]).await;
    let compressed = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = compressed.get(app.url(&path)).header("Accept", "text/html").header("Accept-Encoding", "zstd");
    let compressed = request.send().await.expect("a response");
    assert_eq!(compressed.headers()["content-encoding"], "zstd");
    assert_eq!(compressed.headers()["etag"], plain.header("etag"));
    let html = zstd::decode_all(&*compressed.bytes().await.expect("a body")).expect("zstd");
    assert_eq!(String::from_utf8(html).expect("UTF-8"), plain.body);
    // The style sheet never expires, since its name changes with its content.
    let name = first.body.split("assets/").nth(1).and_then(|rest| rest.split('"').next()).expect("a style sheet");
    let asset = fetch(&app, &format!("/assets/{name}"), &[]).await;
    assert_eq!((asset.status, asset.header("cache-control")), (200, "public, max-age=31536000, immutable"));
    assert_eq!(fetch(&app, "/assets/site.css", &[]).await.status, 404);
}

#[tokio::test]
async fn filters_and_paging_work_by_links() {
    let app = TestApp::start().await;
    let papers: Vec<Value> = (0..35)
        .map(|number| paper_record(&format!("Paper {number:02}"), Some(1990 + number), &["Ada Brook"]))
        .collect();
    app.create_records(json!(papers)).await;
    let first = fetch(&app, "/en/papers", &[]).await.body;
    assert!(first.contains("35 papers") && first.contains("Paper 34") && !first.contains("Paper 00"), "{first}");
    let link = |page: &str, relation: &str| {
        let before = page.split(&format!("\" rel=\"{relation}\"")).next().expect("a part");
        before.rsplit("href=\"").next().expect("a link").replace("&#38;", "&").replace("&amp;", "&")
    };
    let second = fetch(&app, &format!("/en/papers{}", link(&first, "next")), &[]).await.body;
    assert!(second.contains("Paper 00") && second.contains("noindex"), "{second}");
    let back = fetch(&app, &format!("/en/papers{}", link(&second, "prev")), &[]).await.body;
    assert!(back.contains("Paper 34") && !back.contains("Paper 00"), "{back}");
    let filtered = fetch(&app, "/en/papers?from=2000&to=2001", &[]).await.body;
    assert!(
        filtered.contains("2 papers") && filtered.contains("Paper 10") && !filtered.contains("Paper 12"),
        "{filtered}"
    );
    let own = fetch(&app, "/en/people/ada-brook/papers?year=2003", &[]).await.body;
    assert!(own.contains("1 paper<") && own.contains("Paper 13"), "{own}");
}

#[tokio::test]
async fn found_topics_and_organizations_lead_to_their_people() {
    let app = directory().await;
    let topic = fetch(&app, "/en/search?q=weirs", &[]).await.body;
    for link in
        ["/en/people?topic=weirs\" rel=\"nofollow\">2 people<", "/en/papers?topic=weirs\" rel=\"nofollow\">1 paper<"]
    {
        assert!(topic.contains(link), "{link}: {topic}");
    }
    let organization = fetch(&app, "/fr/search?q=college", &[]).await.body;
    let link = "/fr/people?organization=college-of-rivers\" rel=\"nofollow\">1 personne<";
    assert!(organization.contains(link), "{organization}");
    // Nothing matches both a topic and a name; the page says how to search for people by topic.
    let hint = "search for the topic: its page lists the people";
    let several_words = fetch(&app, "/en/search?q=weirs+nobody", &[]).await.body;
    assert!(several_words.contains("Nothing was found") && several_words.contains(hint), "{several_words}");
    let one_word = fetch(&app, "/en/search?q=nobody", &[]).await.body;
    assert!(one_word.contains("Nothing was found") && !one_word.contains(hint), "{one_word}");
}

#[tokio::test]
async fn people_who_have_written_with_somebody() {
    let app = TestApp::start().await;
    let about = json!([{ "labels": { "en": "Weirs" } }]);
    app.create_records(json!([
        paper_record("One", Some(2001), &["Ada Brook", "Cy Ek"]),
        with_fields(paper_record("Two", Some(2002), &["Ada Brook", "Dov Fern"]), json!({ "topics": about })),
        paper_record("Three", Some(2003), &["Gil Hart"]),
    ]))
    .await;
    let profile = fetch(&app, "/en/people/ada-brook", &[]).await.body;
    assert!(profile.contains("/en/people?coauthor=ada-brook\""), "{profile}");
    let by_slug = fetch(&app, "/en/people?coauthor=ada-brook", &[]).await;
    assert_eq!(by_slug.status, 303, "{}", by_slug.body);
    let location = by_slug.header("location").to_owned();
    let ada = app.find_id("researcher", "ada-brook").await;
    assert!(location.ends_with(&format!("?coauthor={ada}")), "{location}");
    let coauthors = fetch(&app, &format!("/en/people?coauthor={ada}"), &[]).await.body;
    assert!(coauthors.contains("2 people") && coauthors.contains("Papers with Ada Brook"), "{coauthors}");
    let weirs = app.find_id("topic", "weirs").await;
    let narrowed = format!("?coauthor={ada}&#38;topic={weirs}");
    assert!(coauthors.contains(&narrowed), "{coauthors}");
    let narrowed = fetch(&app, &format!("/fr/people?coauthor={ada}&topic={weirs}"), &[]).await.body;
    let is_narrowed = narrowed.contains("Dov Fern") && !narrowed.contains("Cy Ek") && !narrowed.contains("Gil Hart");
    assert!(is_narrowed && narrowed.contains("Publications avec Ada Brook"), "{narrowed}");
    assert_eq!(fetch(&app, "/en/people?coauthor=nobody", &[]).await.status, 404);
    assert_eq!(fetch(&app, "/en/people?coauthor=Nobody", &[]).await.status, 400);
}

#[tokio::test]
async fn path_between_two_people() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("First link", Some(2001), &["Ada Brook", "Cy Ek"]),
        paper_record("Second link", Some(2002), &["Cy Ek", "Dov Fern"]),
        paper_record("No link", Some(2003), &["Ann Fern"]),
    ]))
    .await;
    let [ada, dov] = [app.find_id("researcher", "ada-brook").await, app.find_id("researcher", "dov-fern").await];
    let page = fetch(&app, &format!("/en/path?from={ada}&to={dov}"), &[]).await.body;
    for text in ["2 steps", "Ada Brook", "Cy Ek", "Dov Fern", "First link", "Second link"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let choice = fetch(&app, &format!("/en/path?from={ada}&toName=fern"), &[]).await.body;
    assert!(choice.contains(&format!("to={dov}")), "{choice}");
    // A name that only one person has needs no choice.
    for (query, expected) in [
        ("fromName=brook&toName=dov+fern".to_owned(), format!("?from={ada}&to={dov}")),
        ("fromName=brook&toName=fern".to_owned(), format!("?toName=fern&from={ada}")),
        (format!("from={ada}&toName=dov"), format!("?from={ada}&to={dov}")),
    ] {
        let response = fetch(&app, &format!("/en/path?{query}"), &[]).await;
        assert_eq!((response.status, response.header("location")), (303, expected.as_str()), "{query}");
    }
    let same = fetch(&app, &format!("/en/path?from={ada}&to={ada}"), &[]).await.body;
    assert!(same.contains("one and the same person"), "{same}");
}

#[tokio::test]
async fn front_page_counts_as_the_pages_of_topics_and_organizations_do() {
    let app = TestApp::start().await;
    let topics = |label: &str| json!([{ "labels": { "en": label } }]);
    let place = |number| json!([{ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" }]);
    app.create_records(json!([
        topic_record("Unused"),
        with_fields(topic_record("Tides"), json!({ "broader": topics("Oceans") })),
        organization_record(1, "College of Rivers"),
        with_fields(organization_record(2, "Department of Weirs"), json!({ "relations": [["parent", ror(1)]] })),
        { "kind": "researcher", "name": "Ada Brook", "topics": topics("Tides"), "affiliations": place(2) },
        { "kind": "researcher", "name": "Cy Ek", "topics": topics("Oceans"), "affiliations": place(1) },
    ]))
    .await;
    app.refresh_statistics().await;
    let page = fetch(&app, "/en/", &[]).await.body;
    for (slug, count) in [("oceans", "2 people"), ("tides", "1 person")] {
        let link = page.split(&format!("topics/{slug}\"")).nth(1).and_then(|rest| rest.split("</a>").next());
        assert!(link.is_some_and(|link| link.contains(&format!(", {count}"))), "{slug}: {page}");
        let topic = fetch(&app, &format!("/en/topics/{slug}"), &[]).await.body;
        assert!(topic.contains(count), "{topic}");
    }
    for (slug, count) in [("college-of-rivers", "2 people"), ("department-of-weirs", "1 person")] {
        let link = page.split(&format!("organizations/{slug}\"")).nth(1).and_then(|rest| rest.split("</li>").next());
        assert!(link.is_some_and(|link| link.contains(count)), "{slug}: {page}");
    }
    assert!(!page.contains("topics/unused"), "{page}");
}

#[tokio::test]
async fn people_of_an_organization_as_of_a_day() {
    let app = TestApp::start().await;
    let past = json!({ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "startDate": "2001", "endDate": "2005" });
    let current = json!({ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "startDate": "2010" });
    app.create_records(json!([
        organization_record(1, "College of Rivers"),
        { "kind": "researcher", "name": "Ada Brook", "affiliations": [past] },
        { "kind": "researcher", "name": "Cy Ek", "affiliations": [current] },
    ]))
    .await;
    let slug = "/en/organizations/college-of-rivers";
    let today = fetch(&app, slug, &[]).await.body;
    assert!(today.contains("Cy Ek") && !today.contains("Ada Brook"), "{today}");
    for day in ["2003", "2003-07-01"] {
        let then = fetch(&app, &format!("{slug}?asOf={day}"), &[]).await.body;
        assert!(then.contains("Ada Brook") && !then.contains("Cy Ek"), "{then}");
    }
}

#[tokio::test]
async fn pages_are_rate_limited() {
    let app = directory().await;
    let network =
        academic_directory::config::NetworkConfig { rate_limit_cost_per_minute: Some(20_000), ..network_config() };
    let limited =
        TestApp::start_with_config(database_config(&app.database_url, 100), Limits::default(), http_config(), network)
            .await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let page = fetch(&limited, &format!("/fr/{PERSON}"), &[]).await;
        statuses.push(page.status);
        if page.status == 429 {
            assert!(page.body.contains("Trop de requêtes"), "{}", page.body);
            assert!(!page.header("retry-after").is_empty());
            return;
        }
    }
    panic!("pages are not rate limited: {statuses:?}");
}

#[tokio::test]
async fn settings() {
    let database_url = create_database().await;
    let workspace = Workspace::new();
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
    for (explorer, expected) in [("off", "graphiql"), ("on", "./en/")] {
        let mut command = workspace.command_with_database(&database_url, &["serve"]);
        let command = command.env("LISTEN", "127.0.0.1:0").env("EXPLORER", explorer);
        let mut server = ChildProcess::start(command.env("CONTACT_URL", "mailto:directory@example.org"));
        let url = server.wait_for_line("GraphQL ").replace("/graphql", "");
        let root = client.get(&url).header("Accept", "text/html").send().await.expect("a response");
        assert_eq!(root.headers()["location"], expected, "{explorer}");
        let page =
            client.get(format!("{url}/en/about")).header("Accept", "text/html").send().await.expect("a response");
        let status = page.status().as_u16();
        let body = page.text().await.expect("a text");
        assert_eq!(status, if explorer == "on" { 200 } else { 404 }, "{body}");
        assert_eq!(body.contains("href=\"mailto:directory@example.org\""), explorer == "on", "{body}");
        server.send_signal(Signal::TERM);
        server.wait();
    }
}
