//! Linked data: the addresses of entities, the formats in which they are available, and redirects.

use academic_directory::config::{HttpConfig, Limits, NetworkConfig};
use academic_directory::model::global_id::{GlobalId, NodeKind};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, ETAG, IF_NONE_MATCH, LOCATION};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::support::{
    TestApp, http_config, network_config, orcid, organization_record, paper_record, parse_records, pluck_strings,
    researcher_record, ror, topic_record, with_fields,
};

const JSON_LD: &str = "application/ld+json";

/// A response without following redirects.
struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Reply {
    fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }

    #[track_caller]
    fn redirects_to(&self, status: u16, location: &str) {
        assert_eq!((self.status, self.header(LOCATION)), (status, location), "{}", self.body);
    }
}

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Reply {
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
    let mut request = client.get(app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("a response");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, body: response.text().await.expect("a body") }
}

fn records() -> Vec<Value> {
    let place = |kind: &str, more: Value| {
        with_fields(json!({ "organization": { "ror": ror(1) }, "affiliationKind": kind }), more)
    };
    let person = with_fields(
        researcher_record("Ida Brook"),
        json!({ "orcid": orcid(1), "otherNames": ["I. M. Brook"], "homepageUrl": "https://ida.example.org",
            "biography": { "en": "She measures tides.", "fr": "Elle mesure les marées." },
            "identifiers": [{ "scheme": "wikidata", "value": "Q7" }], "topics": [{ "labels": { "en": "Tides" } }],
            "affiliations": [
                place("EMPLOYMENT", json!({ "isPrimary": true, "roleTitle": { "en": "Professor", "fr": "Professeure" }, "startDate": "2001" })),
                place("EDUCATION", json!({ "startDate": "1990", "endDate": "1994" })),
            ] }),
    );
    let college = with_fields(
        organization_record(1, "College"),
        json!({ "names": [{ "value": "College", "language": "en", "kind": "DISPLAY" }, { "value": "Collège", "language": "fr", "kind": "LABEL" }],
            "types": ["EDUCATION"], "city": "Brest", "countryCode": "FR" }),
    );
    let topic = with_fields(
        topic_record("Tides"),
        json!({ "names": [{ "value": "Tides", "language": "en", "kind": "LABEL" }, { "value": "Marées", "language": "fr", "kind": "LABEL" }],
            "broader": [{ "labels": { "en": "Sea" } }] }),
    );
    let article = with_fields(
        paper_record("Tides of the <North>", Some(2003), &[]),
        json!({ "doi": "10.5555/tides.1", "type": "ARTICLE", "venueName": "Waters", "volume": "7", "issue": "2", "pages": "1–9",
            "issns": ["0028-0836"], "language": "en", "abstract": { "en": "Water rises." }, "abstractCompleteness": "FULL",
            "topics": [{ "labels": { "en": "Tides" } }],
            "authors": [{ "position": 1, "name": "Ida Brook", "orcid": orcid(1) }, { "position": 2, "name": "Cy Ek" }] }),
    );
    vec![college, topic_record("Sea"), topic, person, article]
}

async fn directory() -> TestApp {
    let app = TestApp::start_without_pages().await;
    app.write_records(&parse_records(json!(records()))).await;
    app
}

#[tokio::test]
async fn person() {
    let app = directory().await;
    let id = app.find_id("researcher", "ida-brook").await;
    let base = app.url("");
    let reply = get(&app, "/fr/people/ida-brook.jsonld", &[]).await;
    assert_eq!(reply.header("content-type"), JSON_LD);
    let page = format!("{base}/fr/people/ida-brook");
    assert_eq!(reply.header("link"), format!("<{page}>; rel=\"describes\""));
    let document = reply.json();
    assert_eq!(
        (&document["@context"], &document["@type"], &document["@id"], &document["inLanguage"]),
        (&json!("https://schema.org"), &json!("ProfilePage"), &json!(page), &json!("fr"))
    );
    let mut person = document["mainEntity"].clone();
    let topic = app.find_id("topic", "tides").await;
    let college = app.find_id("organization", "college").await;
    let work = json!([{ "@type": "Organization", "@id": format!("{base}/id/{college}"), "name": "Collège",
        "sameAs": format!("https://ror.org/{}", ror(1)) }]);
    assert_eq!(person["worksFor"].take(), work);
    assert_eq!(person["alumniOf"].take(), work);
    let iri = format!("https://orcid.org/{}", orcid(1));
    let expected = json!({ "@type": "Person", "@id": format!("{base}/id/{id}"), "url": page, "name": "Ida Brook",
        "givenName": "Ida", "familyName": "Brook", "alternateName": ["I. M. Brook"], "jobTitle": "Professeure",
        "identifier": [
            { "@type": "PropertyValue", "propertyID": "ORCID", "value": orcid(1), "url": iri },
            { "@type": "PropertyValue", "propertyID": "wikidata", "value": "Q7", "url": "https://www.wikidata.org/wiki/Q7" },
        ],
        "sameAs": [iri, "https://ida.example.org", "https://www.wikidata.org/wiki/Q7"],
        "knowsAbout": [{ "@type": "DefinedTerm", "@id": format!("{base}/id/{topic}"), "name": "Marées" }],
        "description": "Elle mesure les marées.", "worksFor": null, "alumniOf": null });
    assert_eq!(person, expected);
    // In another language, by Accept, and without a language in the address.
    let english = get(&app, "/en/people/ida-brook", &[("accept", JSON_LD)]).await.json();
    assert_eq!(english["mainEntity"]["description"], "She measures tides.");
    let french = get(&app, "/people/ida-brook.jsonld", &[("accept-language", "fr-CA")]).await.json();
    assert_eq!(french["mainEntity"]["description"], "Elle mesure les marées.");
    assert_eq!((&french["@id"], french.get("inLanguage")), (&json!(format!("{base}/people/ida-brook")), None));
    assert_eq!(french["mainEntity"]["@id"], expected["@id"]);
}

#[tokio::test]
async fn organization_topic_and_paper() {
    let app = directory().await;
    let base = app.url("");
    let iri = async |kind: &str, slug: &str| json!(format!("{base}/id/{}", app.find_id(kind, slug).await));
    let college = get(&app, "/en/organizations/college.jsonld", &[]).await.json();
    assert_eq!(college["@id"], iri("organization", "college").await);
    assert_eq!(
        (&college["@type"], &college["name"], &college["alternateName"], &college["address"]),
        (
            &json!("CollegeOrUniversity"),
            &json!("College"),
            &json!(["Collège"]),
            &json!({ "@type": "PostalAddress", "addressLocality": "Brest", "addressCountry": "FR" })
        )
    );
    let topic = get(&app, "/en/topics/tides.jsonld", &[]).await.json();
    assert_eq!(topic["@id"], iri("topic", "tides").await);
    let names = json!([{ "@language": "en", "@value": "Tides" }, { "@language": "fr", "@value": "Marées" }]);
    assert_eq!((&topic["name"], &topic["skos:broader"][0]["name"]), (&names, &json!("Sea")));
    let mut paper = get(&app, "/en/papers/tides-of-the-north.jsonld", &[]).await.json();
    let expected = json!({ "@context": "https://schema.org", "@type": "ScholarlyArticle",
        "@id": iri("paper", "tides-of-the-north").await, "url": format!("{base}/en/papers/tides-of-the-north"),
        "mainEntityOfPage": format!("{base}/en/papers/tides-of-the-north"),
        "name": "Tides of the <North>", "headline": "Tides of the <North>", "inLanguage": "en", "pagination": "1–9",
        "author": [
            { "@type": "Person", "@id": iri("researcher", "ida-brook").await, "name": "Ida Brook", "sameAs": format!("https://orcid.org/{}", orcid(1)) },
            { "@type": "Person", "@id": iri("researcher", "cy-ek").await, "name": "Cy Ek" },
        ],
        "isPartOf": { "@type": "PublicationIssue", "issueNumber": "2", "isPartOf": { "@type": "PublicationVolume", "volumeNumber": "7",
            "isPartOf": { "@type": "Periodical", "name": "Waters", "issn": ["0028-0836"] } } },
        "identifier": [{ "@type": "PropertyValue", "propertyID": "DOI", "value": "10.5555/tides.1", "url": "https://doi.org/10.5555/tides.1" }],
        "sameAs": ["https://doi.org/10.5555/tides.1"], "abstract": "Water rises.", "datePublished": null, "about": null });
    let about = paper["about"].take();
    assert_eq!(about[0]["name"], "Tides");
    assert!(paper["datePublished"].take().as_str().is_some_and(|date| date.starts_with("2003")));
    assert_eq!(paper, expected);
}

#[tokio::test]
async fn citations() {
    let app = directory().await;
    let of_graphql = async |format: &str| {
        let query = format!("{{ paper(by: {{slug: \"tides-of-the-north\"}}) {{ citation(format: {format}) }} }}");
        app.data(&query).await["paper"]["citation"].as_str().expect("a citation").to_owned()
    };
    for (suffix, media_type, content_type, format) in [
        ("bib", "application/x-bibtex", "application/x-bibtex; charset=utf-8", "BIBTEX"),
        ("ris", "application/x-research-info-systems", "application/x-research-info-systems; charset=utf-8", "RIS"),
        ("csl.json", "application/vnd.citationstyles.csl+json", "application/vnd.citationstyles.csl+json", "CSL_JSON"),
    ] {
        let entry = of_graphql(format).await;
        let expected = if format == "CSL_JSON" { format!("[\n{entry}\n]\n") } else { entry };
        for path in [
            "/en/papers/tides-of-the-north",
            "/papers/tides-of-the-north",
            "/people/ida-brook",
            "/fr/people/ida-brook",
            "/organizations/college",
            "/en/organizations/college",
        ] {
            let by_suffix = get(&app, &format!("{path}.{suffix}"), &[("accept", "text/html")]).await;
            assert_eq!((by_suffix.status, by_suffix.header("content-type")), (200, content_type), "{path}");
            assert_eq!(by_suffix.body, expected, "{path}.{suffix}");
            let by_accept = get(&app, path, &[("accept", media_type)]).await;
            assert_eq!((by_accept.status, by_accept.body), (200, expected.clone()), "{path}");
        }
    }
    for path in ["/en/topics/tides.bib", "/en/papers/tides-of-the-north.json", "/en/people/ida-brook.pdf"] {
        assert_eq!(get(&app, path, &[]).await.status, 404, "{path}");
    }
}

/// A list of several pages is sent while it is read, complete, and from one revision has one `ETag`.
#[tokio::test]
async fn citations_of_a_long_list() {
    const COUNT: usize = 250;
    let app = TestApp::start().await;
    let paper = |title: &str| {
        let authors = json!([{ "position": 1, "name": "Ida Brook", "orcid": orcid(1) }]);
        with_fields(paper_record(title, Some(2003), &[]), json!({ "authors": authors }))
    };
    let papers = (0..COUNT).map(|number| paper(&format!("Paper {number}")));
    app.create_records(json!(records().into_iter().take(4).chain(papers).collect::<Vec<_>>())).await;
    for path in ["/en/people/ida-brook", "/en/organizations/college"] {
        let items = get(&app, &format!("{path}.csl.json"), &[]).await.json();
        let mut titles = pluck_strings(&items, &["title"]);
        titles.sort();
        titles.dedup();
        assert_eq!((items.as_array().map(Vec::len), titles.len()), (Some(COUNT), COUNT), "{path}");
        let bibtex = get(&app, &format!("{path}.bib"), &[]).await;
        assert_eq!(bibtex.body.matches("\n@").count() + 1, COUNT, "{path}");
        assert!(!bibtex.body.contains("\n\n\n"), "{path}");
    }
    let bibtex = get(&app, "/en/people/ida-brook.bib", &[]).await;
    let reply = get(&app, "/en/people/ida-brook.csl.json", &[]).await;
    // Validation needs no query.
    let tag = reply.header(ETAG).to_owned();
    assert!(!tag.is_empty() && tag != bibtex.header(ETAG));
    assert_eq!(get(&app, "/en/people/ida-brook.csl.json", &[("if-none-match", &tag)]).await.status, 304);
    app.create_records(json!([paper("Another")])).await;
    let changed = get(&app, "/en/people/ida-brook.csl.json", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.json().as_array().map(Vec::len), Some(COUNT + 1));
}

/// With pages for people, these are at the same addresses, and say where the formats are.
#[tokio::test]
async fn pages_for_people() {
    let app = TestApp::start().await;
    app.write_records(&parse_records(json!(records()))).await;
    let page = get(&app, "/fr/people/ida-brook", &[("accept", "text/html")]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("<h1") && page.header("link").contains("rel=\"linkset\""), "{}", page.body);
    let format = format!("<{}>; rel=\"describedby\"", app.url("/fr/people/ida-brook.jsonld"));
    assert!(page.header("link").contains(&format), "{}", page.header("link"));
    let document = get(&app, "/fr/people/ida-brook", &[("accept", JSON_LD)]).await.json();
    assert_eq!(document["@context"], "https://schema.org");
}

#[tokio::test]
async fn paper_with_thousands_of_authors() {
    const COUNT: usize = 3_000;
    let app = TestApp::start_without_pages().await;
    let authors: Vec<String> = (0..COUNT).map(|number| format!("Person {number}")).collect();
    let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
    app.create_records(json!([paper_record("Crowd", Some(2001), &authors)])).await;
    let document = get(&app, "/en/papers/crowd.jsonld", &[]).await.json();
    let names = pluck_strings(&document["author"], &["name"]);
    assert_eq!(names, authors);
    assert_eq!(document.get("subjectOf"), None);
    let linkset = get(&app, "/linkset/papers/crowd", &[]).await.json();
    assert_eq!(linkset["linkset"][0]["author"].as_array().map(Vec::len), Some(COUNT));
    // The head of the page has the first ones, and says where the others are.
    let page = get(&app, "/en/papers/crowd", &[("accept", "text/html")]).await;
    assert!(page.body.len() < 40_000, "{} bytes", page.body.len());
    let embedded =
        page.body.split("<script type=\"application/ld+json\">").nth(1).and_then(|rest| rest.split("</script>").next());
    let embedded: Value = serde_json::from_str(embedded.expect("a script")).expect("JSON");
    assert_eq!(embedded["author"].as_array().map(Vec::len), Some(100));
    assert_eq!(embedded["subjectOf"]["url"], json!(app.url("/en/papers/crowd.jsonld")));
    assert!(page.header("link").len() <= 4_000 && !page.header("link").contains("rel=\"author\""));
}

#[tokio::test]
async fn pages() {
    let app = directory().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for accept in [browser, "*/*", "text/html"] {
        let page = get(&app, "/fr/papers/tides-of-the-north", &[("accept", accept)]).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{accept}");
        assert!(
            page.body.contains("<html lang=\"fr\">") && page.body.contains("<title>Tides of the &lt;North&gt;</title>")
        );
        assert!(page.body.contains("Tides of the \\u003cNorth>") && !page.body.contains("<North>"), "{}", page.body);
        let canonical = format!("<link rel=\"canonical\" href=\"{}\">", app.url("/fr/papers/tides-of-the-north"));
        assert!(page.body.contains(&canonical), "{}", page.body);
        let links = page.header("link");
        let base = app.url("");
        for link in [
            "<https://doi.org/10.5555/tides.1>; rel=\"cite-as\"".to_owned(),
            format!("<{base}/linkset/papers/tides-of-the-north>; rel=\"linkset\"; type=\"application/linkset+json\""),
            format!(
                "<{base}/fr/papers/tides-of-the-north.ris>; rel=\"describedby\"; type=\"application/x-research-info-systems\""
            ),
            format!("<https://orcid.org/{}>; rel=\"author\"", orcid(1)),
        ] {
            assert!(links.contains(&link), "{link} is not in {links}");
        }
    }
    let topic = get(&app, "/en/topics/tides", &[("accept", "application/x-bibtex")]).await;
    assert_eq!(topic.status, 406, "{}", topic.body);
    assert!(topic.body.contains("text/html, application/ld+json"));
    let preferring = "application/ld+json;q=0.5, application/x-bibtex;q=0.9, text/html;q=0.1";
    let bibtex = get(&app, "/en/papers/tides-of-the-north", &[("accept", preferring)]).await;
    assert_eq!(bibtex.header("content-type"), "application/x-bibtex; charset=utf-8");
    let json_ld = get(&app, "/en/topics/tides", &[("accept", preferring)]).await;
    assert_eq!(json_ld.header("content-type"), JSON_LD);
}

#[tokio::test]
async fn redirects_to_the_language_of_the_client() {
    let app = directory().await;
    for (headers, expected) in [
        (vec![], "../en/people/ida-brook"),
        (vec![("accept-language", "fr-CA,en;q=0.5")], "../fr/people/ida-brook"),
        (vec![("accept-language", "de, fr;q=0.1")], "../fr/people/ida-brook"),
        (vec![("accept-language", "de")], "../en/people/ida-brook"),
    ] {
        let reply = get(&app, "/people/ida-brook", &headers).await;
        reply.redirects_to(303, expected);
        assert!(reply.header("vary").contains("Accept-Language"), "{}", reply.header("vary"));
    }
}

#[tokio::test]
async fn identifiers() {
    let app = directory().await;
    app.insert_redirect("researcher", 4_000, "i-b", "ida-brook").await;
    let former = GlobalId { kind: NodeKind::Researcher, row_id: 4_000 };
    let authorships = app.data("{ paper(by: {slug: \"tides-of-the-north\"}) { authorships { nodes { id } } } }").await;
    let authorship = pluck_strings(&authorships["paper"]["authorships"]["nodes"], &["id"]).remove(0);
    let french = [("accept-language", "fr")];
    for (path, expected) in [
        (format!("/id/{}", app.find_id("researcher", "ida-brook").await), "../fr/people/ida-brook"),
        (format!("/id/{former}"), "../fr/people/ida-brook"),
        (format!("/id/{}", app.find_id("topic", "tides").await), "../fr/topics/tides"),
        (format!("/id/{}", app.find_id("organization", "college").await), "../fr/organizations/college"),
        (format!("/id/{}", app.find_id("paper", "tides-of-the-north").await), "../fr/papers/tides-of-the-north"),
        (format!("/orcid/{}", orcid(1)), "../fr/people/ida-brook"),
        (format!("/ror/{}", ror(1)), "../fr/organizations/college"),
        ("/doi/10.5555/tides.1".to_owned(), "../../fr/papers/tides-of-the-north"),
        ("/doi/10.5555/TIDES.1".to_owned(), "../../fr/papers/tides-of-the-north"),
        ("/doi/10.5555%2Ftides.1".to_owned(), "../fr/papers/tides-of-the-north"),
    ] {
        get(&app, &path, &french).await.redirects_to(303, expected);
    }
    let id = app.find_id("paper", "tides-of-the-north").await;
    let machine = get(&app, &format!("/id/{id}"), &[("accept", JSON_LD)]).await;
    machine.redirects_to(303, "../papers/tides-of-the-north.jsonld");
    // Following the identity of a document leads to a document with the same identity.
    let followed =
        app.client().get(app.url(&format!("/id/{id}"))).header(ACCEPT, JSON_LD).header(ACCEPT_LANGUAGE, "fr");
    let followed: Value = followed.send().await.expect("a response").json().await.expect("JSON");
    assert_eq!(followed["@id"], json!(app.url(&format!("/id/{id}"))));
    let unknown = GlobalId { kind: NodeKind::Paper, row_id: 999_999 };
    for path in [
        format!("/id/{unknown}"),
        format!("/id/{authorship}"),
        "/id/x".to_owned(),
        "/orcid/0000".to_owned(),
        format!("/orcid/{}", orcid(99)),
        "/ror/x".to_owned(),
        "/doi/10.5555/none".to_owned(),
        "/doi/%FF".to_owned(),
        "/en/people/nobody".to_owned(),
        "/en/people/nobody.jsonld".to_owned(),
        "/en/people/a%00b".to_owned(),
        "/people/a%20b".to_owned(),
        "/de/people/ida-brook".to_owned(),
        "/en/persons/ida-brook".to_owned(),
        "/linkset/people/nobody".to_owned(),
    ] {
        let reply = get(&app, &path, &[]).await;
        assert_eq!((reply.status, reply.header(LOCATION)), (404, ""), "{path}");
    }
}

/// The current address does not reveal the former one.
#[tokio::test]
async fn former_slugs_and_merged_entities() {
    let app = directory().await;
    for (kind, former, current) in [
        ("researcher", "former-name", "ida-brook"),
        ("organization", "former-name", "college"),
        ("topic", "former-name", "tides"),
        ("paper", "former-name", "tides-of-the-north"),
    ] {
        app.insert_redirect(kind, 4_000, former, current).await;
    }
    for (path, expected) in [
        ("/en/people/former-name", "ida-brook"),
        ("/en/people/Former-Name", "ida-brook"),
        ("/en/people/Ida-Brook", "ida-brook"),
        ("/en/people/former-name.jsonld", "ida-brook.jsonld"),
        ("/people/former-name.bib", "ida-brook.bib"),
        ("/fr/organizations/former-name.jsonld", "college.jsonld"),
        ("/en/topics/former-name", "tides"),
        ("/en/papers/former-name.csl.json", "tides-of-the-north.csl.json"),
        ("/linkset/papers/former-name", "tides-of-the-north"),
    ] {
        let reply = get(&app, path, &[]).await;
        reply.redirects_to(301, expected);
        let text = format!("{:?} {}", reply.headers, reply.body);
        assert!(!text.to_lowercase().contains("former-name"), "{path}: {text}");
    }
    for path in ["/en/people/ida-brook.jsonld", "/linkset/people/ida-brook", "/en/people/ida-brook"] {
        let reply = get(&app, path, &[]).await;
        assert!(reply.status == 200 && !reply.body.contains("former-name"), "{path}");
    }
}

#[tokio::test]
async fn linksets() {
    let app = directory().await;
    let base = app.url("");
    let reply = get(&app, "/linkset/papers/tides-of-the-north", &[]).await;
    assert_eq!(reply.header("content-type"), "application/linkset+json");
    let document = |suffix: &str, media_type: &str| json!({ "href": format!("{base}/papers/tides-of-the-north.{suffix}"), "type": media_type });
    let cy = app.find_id("researcher", "cy-ek").await;
    let expected = json!({ "linkset": [{ "anchor": format!("{base}/papers/tides-of-the-north"),
        "cite-as": [{ "href": "https://doi.org/10.5555/tides.1" }],
        "type": [{ "href": "https://schema.org/AboutPage" }, { "href": "https://schema.org/ScholarlyArticle" }],
        "describedby": [document("jsonld", JSON_LD), document("bib", "application/x-bibtex"),
            document("ris", "application/x-research-info-systems"), document("csl.json", "application/vnd.citationstyles.csl+json")],
        "author": [{ "href": format!("https://orcid.org/{}", orcid(1)) }, { "href": format!("{base}/id/{cy}") }] }] });
    assert_eq!(reply.json(), expected);
}

/// What `curl -I` and caches see.
#[tokio::test]
async fn validation_and_caching() {
    let app = directory().await;
    for path in [
        "/en/people/ida-brook",
        "/en/people/ida-brook.jsonld",
        "/people/ida-brook.bib",
        "/en/topics/tides.jsonld",
        "/linkset/people/ida-brook",
        "/robots.txt",
        "/sitemap.xml",
        "/sitemap/people-1.xml",
    ] {
        let reply = get(&app, path, &[]).await;
        let tag = reply.header(ETAG).to_owned();
        assert_eq!((reply.status, reply.header("cache-control")), (200, "public, max-age=60"), "{path}");
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        let again = get(&app, path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        let personal = get(&app, path, &[("authorization", "Bearer x")]).await;
        assert_eq!(personal.header("cache-control"), "private, no-cache", "{path}");
        let head = app.client().head(app.url(path)).header(IF_NONE_MATCH, "\"x\"").send().await.expect("a response");
        assert_eq!((head.status().as_u16(), head.headers()[ETAG].to_str().ok()), (200, Some(tag.as_str())), "{path}");
    }
}

/// The same limits as for GraphQL, and the same cache.
#[tokio::test]
async fn limits_and_cache() {
    let http = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let network = NetworkConfig { rate_limit_cost_per_minute: Some(2_500), ..network_config() };
    let app = TestApp::start_with_network_config(network, http).await;
    app.write_records(&parse_records(json!(records()))).await;
    let before = app.store.statement_counter().total();
    let first = get(&app, "/en/topics/tides.jsonld", &[]).await;
    let statements = app.store.statement_counter().total() - before;
    let second = get(&app, "/en/topics/tides.jsonld", &[]).await;
    assert_eq!((first.status, second.body), (200, first.body.clone()));
    assert!(statements > 0);
    assert_eq!(app.store.statement_counter().total() - before, statements, "the second response is not from the cache");
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let reply = get(&app, "/en/topics/tides.jsonld", &[]).await;
        if reply.status == 429 {
            assert!(!reply.header("retry-after").is_empty() && !reply.header("ratelimit").is_empty());
        }
        statuses.push(reply.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    // Limits that are too low for its own queries are an error of the service.
    let limits = Limits { cost: 10, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    assert_eq!(get(&app, "/en/people/ida-brook.jsonld", &[]).await.status, 503);
}

/// Text that could break out of the page or the header.
#[tokio::test]
async fn malicious_text() {
    let app = TestApp::start_without_pages().await;
    let text = "</script><script>alert(1)</script> \"'&<!--";
    let doi = "10.5555/a\"><script>\u{e9}";
    app.create_records(json!([
        with_fields(researcher_record("Ida Brook"), json!({ "biography": { "en": text }, "orcid": orcid(1) })),
        with_fields(paper_record(text, Some(2001), &["Ida Brook"]), json!({ "doi": doi, "venueName": text })),
    ]))
    .await;
    let slugs = pluck_strings(&app.data("{ papers { nodes { slug } } }").await["papers"]["nodes"], &["slug"]);
    for path in ["/en/people/ida-brook".to_owned(), format!("/en/papers/{}", slugs[0])] {
        let page = get(&app, &path, &[]).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(
            (page.body.matches("<script").count(), page.body.matches("</script").count()),
            (1, 1),
            "{}",
            page.body
        );
        assert_eq!(page.header("x"), "");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        get(&app, &format!("{path}.jsonld"), &[]).await.json();
    }
}
