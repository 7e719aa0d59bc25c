//! What the pages contain for machines: JSON-LD, links, and the queries that they are made of.

use std::collections::BTreeMap;

use academic_directory::pages::SiteSettings;
use serde_json::{Value, json};
use url::Url;

use crate::pages::{PageResponse, all_paths, fetch};
use crate::support::{
    TestApp, orcid, organization_record, paper_record, researcher_record, ror, topic_record, with_fields,
};

const ENTITIES: [(&str, &str); 4] = [
    ("people/ada-brook", "Person"),
    ("organizations/college-of-rivers", "Organization"),
    ("topics/weirs", "DefinedTerm"),
    ("papers/rivers-under-glass", "ScholarlyArticle"),
];

fn records() -> Value {
    let place = json!({ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "isPrimary": true,
        "roleTitle": { "en": "Professor", "fr": "Professeure" }, "startDate": "2001" });
    let topics: Vec<Value> = std::iter::once("Weirs".to_owned())
        .chain((0..20).map(|number| format!("Topic {number}")))
        .map(|label| json!({ "labels": { "en": label } }))
        .collect();
    let authors =
        json!([{ "position": 1, "name": "Ada Brook", "orcid": orcid(1) }, { "position": 2, "name": "Cy Ek" }]);
    json!([
        with_fields(organization_record(1, "College of Rivers"), json!({ "city": "Brest", "countryCode": "FR" })),
        with_fields(
            topic_record("Weirs"),
            json!({ "names": [{ "value": "Weirs", "language": "en", "kind": "LABEL" },
            { "value": "Déversoirs", "language": "fr", "kind": "LABEL" }], "broader": [{ "labels": { "en": "Sea" } }] })
        ),
        with_fields(
            researcher_record("Ada Brook"),
            json!({ "orcid": orcid(1), "affiliations": [place], "topics": topics,
            "otherNames": ["A. M. Brook"], "biography": { "en": "She measures </script> weirs." } })
        ),
        with_fields(
            paper_record("Rivers under glass", Some(2001), &[]),
            json!({ "authors": authors, "type": "ARTICLE",
            "topics": [{ "labels": { "en": "Weirs" } }], "language": "en", "doi": "10.5555/glass", "venueName": "Waters",
            "abstract": { "en": "Water stands." }, "abstractCompleteness": "FULL" })
        ),
    ])
}

async fn directory() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(records()).await;
    app
}

#[track_caller]
fn json_ld(page: &PageResponse) -> Value {
    let mut parts = page.body.split("<script type=\"application/ld+json\">").skip(1);
    let script = parts.next().and_then(|rest| rest.split("</script>").next()).expect("a script with JSON-LD");
    assert!(parts.next().is_none(), "{}", page.body);
    serde_json::from_str(script).expect("JSON")
}

/// The same document as by content negotiation, from the one query of the page.
#[tokio::test]
async fn json_ld_of_entities() {
    let app = directory().await;
    for (path, schema_type) in ENTITIES {
        for language in ["en", "fr"] {
            let path = format!("/{language}/{path}");
            let embedded = json_ld(&fetch(&app, &path, &[]).await);
            let response = app.client().get(app.url(&format!("{path}.jsonld"))).send().await.expect("a response");
            let document: Value = response.json().await.expect("JSON");
            assert_eq!(embedded, document, "{path}");
            assert!(embedded.to_string().contains(&format!("\"@type\":\"{schema_type}\"")), "{embedded}");
        }
    }
    for path in ["people", "organizations", "topics", "papers", "search?q=a"] {
        let list = json_ld(&fetch(&app, &format!("/en/{path}"), &[]).await);
        assert_eq!(list, json!({ "@context": "https://schema.org", "@type": "CollectionPage" }), "{path}");
    }
}

/// A paper with more authors than a page reads says where the others are.
#[tokio::test]
async fn json_ld_of_a_paper_with_many_authors() {
    let app = TestApp::start().await;
    let authors: Vec<String> = (0..130).map(|number| format!("Person {number}")).collect();
    let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
    app.create_records(json!([paper_record("Crowd", Some(2001), &authors)])).await;
    let page = fetch(&app, "/en/papers/crowd", &[]).await;
    let document = json_ld(&page);
    assert_eq!(document["author"].as_array().map(Vec::len), Some(100));
    assert_eq!(document["subjectOf"]["url"], json!(app.url("/en/papers/crowd.jsonld")));
    assert!(page.body.contains("and 30 more"), "{}", page.body);
    // Lists say how many authors they leave out, without counting them.
    for path in ["/en/papers", "/en/people/person-0", "/en/search?q=crowd", "/en/"] {
        let body = fetch(&app, path, &[]).await.body;
        assert!(body.contains("and 125 more") || body.contains("and 127 more"), "{path}: {body}");
    }
}

#[tokio::test]
async fn signposting_of_pages() {
    let app = directory().await;
    let base = app.url("");
    for (path, schema_type) in ENTITIES {
        let address = format!("/fr/{path}");
        let page = fetch(&app, &address, &[]).await;
        let header = page.header("link");
        let kind = if schema_type == "Person" { "ProfilePage" } else { "AboutPage" };
        for link in [
            format!("<{base}/linkset/{path}>; rel=\"linkset\"; type=\"application/linkset+json\""),
            format!("<https://schema.org/{kind}>; rel=\"type\""),
            format!("<https://schema.org/{schema_type}>; rel=\"type\""),
            format!("<{base}{address}.jsonld>; rel=\"describedby\"; type=\"application/ld+json\""),
        ] {
            assert!(header.contains(&link), "{link} is not in {header}");
        }
        let tag = page.header("etag").to_owned();
        let unchanged = fetch(&app, &address, &[("If-None-Match", &tag)]).await;
        assert_eq!((unchanged.status, unchanged.header("link")), (304, header));
    }
    let link = |page: &PageResponse, link: &str| assert!(page.header("link").contains(link), "{}", page.header("link"));
    let paper = fetch(&app, "/en/papers/rivers-under-glass", &[]).await;
    link(&paper, "<https://doi.org/10.5555/glass>; rel=\"cite-as\"");
    link(&paper, &format!("<https://orcid.org/{}>; rel=\"author\"", orcid(1)));
    link(&paper, &format!("<{base}/id/{}>; rel=\"author\"", app.find_id("researcher", "cy-ek").await));
    link(&paper, &format!("<{base}/en/papers/rivers-under-glass.bib>; rel=\"describedby\""));
    let person = fetch(&app, "/en/people/ada-brook", &[]).await;
    link(&person, &format!("<https://orcid.org/{}>; rel=\"cite-as\"", orcid(1)));
    let topic = fetch(&app, "/en/topics/weirs", &[]).await;
    link(&topic, &format!("<{base}/id/{}>; rel=\"cite-as\"", app.find_id("topic", "weirs").await));
    // Nothing is said about what does not exist.
    assert_eq!(fetch(&app, "/en/people/nobody", &[]).await.header("link"), "");
}

#[tokio::test]
async fn canonical_addresses_and_languages() {
    let site = SiteSettings { public_url: Some("https://example.org/dir".to_owned()), ..SiteSettings::default() };
    let app = TestApp::start_with_site(site).await;
    app.create_records(records()).await;
    for path in ["", "people", "about/data", "people/ada-brook", "people/ada-brook/papers", "papers/rivers-under-glass"]
    {
        for language in ["en", "fr"] {
            let page = fetch(&app, &format!("/{language}/{path}"), &[]).await.body;
            for link in [
                format!("<link rel=\"canonical\" href=\"https://example.org/dir/{language}/{path}\">"),
                format!("<link rel=\"alternate\" hreflang=\"en\" href=\"https://example.org/dir/en/{path}\">"),
                format!("<link rel=\"alternate\" hreflang=\"fr\" href=\"https://example.org/dir/fr/{path}\">"),
                format!("<link rel=\"alternate\" hreflang=\"x-default\" href=\"https://example.org/dir/{path}\">"),
            ] {
                assert!(page.contains(&link), "{link} is not in {page}");
            }
        }
    }
    // Parameters that mean nothing do not change the canonical address.
    let page = fetch(&app, "/en/people/ada-brook?utm_source=x", &[]).await.body;
    assert!(page.contains("<link rel=\"canonical\" href=\"https://example.org/dir/en/people/ada-brook\">"), "{page}");
    for path in ["search?q=a", "people?q=ada", "path?fromName=nobody", "organizations/college-of-rivers?asOf=2001"] {
        let page = fetch(&app, &format!("/en/{path}"), &[]).await.body;
        assert!(page.contains("<meta name=\"robots\" content=\"noindex\">") && !page.contains("canonical"), "{path}");
    }
}

#[tokio::test]
async fn downloads() {
    let app = directory().await;
    for (path, suffixes) in [
        ("people/ada-brook", &["jsonld", "bib", "ris", "csl.json"][..]),
        ("papers/rivers-under-glass", &["jsonld", "bib", "ris", "csl.json"]),
        ("topics/weirs", &["jsonld"]),
        ("organizations/college-of-rivers", &["jsonld", "bib", "ris", "csl.json"]),
    ] {
        let page = fetch(&app, &format!("/fr/{path}"), &[]).await.body;
        for suffix in suffixes {
            assert!(page.contains(&format!("<a href=\"../../fr/{path}.{suffix}\"")), "{path} {suffix}: {page}");
            assert!(page.contains(&format!("href=\"../../fr/{path}.{suffix}\">\n")), "{path} {suffix}: {page}");
        }
    }
}

#[tokio::test]
async fn suggestions() {
    let app = directory().await;
    let page = fetch(&app, "/fr/suggestions?q=ada", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for text in ["role=\"listbox\"", "role=\"option\"", "data-href=\"../fr/people/ada-brook\"", "Ada Brook", "Personne"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("<html") && page.header("cache-control").contains("max-age"));
    let nothing = fetch(&app, "/en/suggestions?q=zzzzzz", &[]).await;
    assert!(nothing.status == 200 && nothing.body.contains("No suggestions") && !nothing.body.contains("<li"));
    assert_eq!(fetch(&app, "/en/suggestions", &[]).await.status, 200);
    let long = "x".repeat(301);
    assert_eq!(fetch(&app, &format!("/en/suggestions?q={long}"), &[]).await.status, 400);
    // The form says where they are, so that a script needs to know no address.
    assert!(fetch(&app, "/en/people/ada-brook", &[]).await.body.contains("data-suggestions=\"../../en/suggestions\""));
}

#[tokio::test]
async fn portraits_of_known_origins() {
    let site =
        SiteSettings { portrait_origins: vec!["https://photos.example.org".to_owned()], ..SiteSettings::default() };
    let app = TestApp::start_with_site(site).await;
    let person = |name: &str, url: &str| with_fields(researcher_record(name), json!({ "portraitUrl": url }));
    app.create_records(json!([
        person("Ada Brook", "https://photos.example.org/ada.jpg"),
        person("Cy Ek", "https://elsewhere.example.org/cy.jpg"),
        person("Dov Fern", "https://photos.example.org.evil.example/dov.jpg"),
        person("Eve Gill", "http://photos.example.org/eve.jpg"),
    ]))
    .await;
    let page = fetch(&app, "/en/people/ada-brook", &[]).await;
    assert!(page.body.contains("<img src=\"https://photos.example.org/ada.jpg\" alt=\"\""), "{}", page.body);
    assert!(page.body.contains("og:image\" content=\"https://photos.example.org/ada.jpg\""), "{}", page.body);
    assert!(page.header("content-security-policy").contains("img-src 'self' https://photos.example.org;"));
    for (slug, initials) in [("cy-ek", "CE"), ("dov-fern", "DF"), ("eve-gill", "EG")] {
        let page = fetch(&app, &format!("/en/people/{slug}"), &[]).await.body;
        assert!(!page.contains("<img") && page.contains(&format!("aria-hidden=\"true\">{initials}</div>")), "{page}");
    }
}

/// The cost of a page's query, as the link of the page to GraphiQL has it.
async fn cost(app: &TestApp, page: &str) -> u64 {
    let link = page.split("graphiql?").nth(1).and_then(|rest| rest.split('"').next()).expect("a link to GraphiQL");
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    let url = Url::parse(&format!("https://example.org/?{link}")).expect("a URL");
    let parameters: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let variables: Value = serde_json::from_str(&parameters["variables"]).expect("variables");
    let request = app.client().post(app.url("/graphql")).header("X-Query-Cost", "only");
    let request = request.json(&json!({ "query": parameters["query"], "variables": variables }));
    let body: Value = request.send().await.expect("a response").json().await.expect("JSON");
    body["extensions"]["cost"]["requested"]["cost"].as_u64().unwrap_or_else(|| panic!("{body}"))
}

/// A page asks for what it shows, so that readers can open many before they reach a rate limit.
#[tokio::test]
async fn costs() {
    let app = directory().await;
    let mut highest: BTreeMap<String, u64> = BTreeMap::new();
    for path in all_paths(&app).await {
        let cost = cost(&app, &fetch(&app, &format!("/en/{path}"), &[]).await.body).await;
        let kind = path.split('?').next().unwrap_or_default();
        let kind =
            kind.split('/').enumerate().map(|(index, part)| if index == 1 && part != "data" { "_" } else { part });
        let highest = highest.entry(kind.collect::<Vec<_>>().join("/")).or_default();
        *highest = cost.max(*highest);
    }
    println!("{highest:#?}");
    assert!(highest["people/_"] <= 3_000, "{highest:#?}");
    assert!(highest["organizations"] <= 2_000 && highest["topics"] <= 2_000, "{highest:#?}");
    // Totals and facets of the papers of a topic or an organization.
    assert!(highest.values().all(|cost| *cost <= 17_000), "{highest:#?}");
}

/// Links that people write have slugs; they lead to those with IDs.
#[tokio::test]
async fn filters_by_slug() {
    let app = directory().await;
    let topic = app.find_id("topic", "weirs").await;
    let college = app.find_id("organization", "college-of-rivers").await;
    let [ada, cy] = [app.find_id("researcher", "ada-brook").await, app.find_id("researcher", "cy-ek").await];
    for (path, expected) in [
        ("people?q=a&topic=weirs", format!("?q=a&topic={topic}")),
        ("people?organization=college-of-rivers", format!("?organization={college}")),
        ("papers?from=2000&person=ada-brook", format!("?from=2000&person={ada}")),
        ("people/cy-ek/papers?topic=weirs", format!("?topic={topic}")),
        ("path?from=ada-brook&to=cy-ek", format!("?from={ada}&to=cy-ek")),
    ] {
        let page = fetch(&app, &format!("/en/{path}"), &[]).await;
        assert_eq!((page.status, page.header("location")), (303, &*expected), "{path}: {}", page.body);
    }
    let followed = app.client().get(app.url("/en/path?from=ada-brook&to=cy-ek")).header("Accept", "text/html");
    let followed = followed.send().await.expect("a response");
    assert!(followed.url().as_str().ends_with(&format!("?from={ada}&to={cy}")), "{}", followed.url());
    assert!(followed.text().await.expect("a text").contains("Rivers under glass"));
    let unknown = fetch(&app, "/en/people?topic=no-such-topic", &[]).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("<h1"), "{}", unknown.body);
}
