//! OAI-PMH 2.0 at `/oai`: verbs, errors, sets, dates, resumption tokens, deletions and both formats.

use std::collections::{BTreeMap, BTreeSet};

use academic_directory::config::{HttpConfig, Limits, NetworkConfig};
use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::xml::Element;
use crate::support::{
    TestApp, create_database, database_config, http_config, network_config, orcid, organization_record, paper_record,
    parse_records, researcher_record, ror, topic_record, with_fields,
};

const DC: &str = "oai_dc";
const CERIF: &str = "oai_cerif_openaire";

/// The response to a request with this query string.
pub async fn harvest(app: &TestApp, query: &str) -> Element {
    let response = app.client().get(app.url(&format!("/oai?{query}"))).send().await.expect("a response");
    assert_eq!(response.status(), 200, "{query}");
    assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
    let document = response.text().await.expect("a text");
    let root = Element::parse(&document);
    assert_eq!(root.name, "OAI-PMH");
    root
}

/// The code of the only error of a response.
async fn error_code(app: &TestApp, query: &str) -> String {
    let root = harvest(app, query).await;
    let error = root.one("error");
    assert!(!error.text.is_empty(), "{query}");
    error.attribute("code").expect("a code").to_owned()
}

/// Makes everything that changed so far an hour older. A list ends some seconds before its request.
pub async fn let_time_pass(app: &TestApp) {
    app.execute_sql(
        "UPDATE change SET changed_at = changed_at - interval '1 hour'; \
         UPDATE feed_epoch SET began_at = began_at - interval '1 hour'",
    )
    .await;
}

/// The pages of a list, and its records or headers.
async fn walk(app: &TestApp, verb: &str, arguments: &str) -> (Vec<Element>, Vec<Element>) {
    let (mut pages, mut entries) = (Vec::new(), Vec::new());
    let mut query = format!("verb={verb}&{arguments}");
    loop {
        let page = harvest(app, &query).await;
        assert!(page.all("error").is_empty(), "{query}: {page:?}");
        let list = page.one(verb).clone();
        let name = if verb == "ListRecords" { "record" } else { "header" };
        let own: Vec<Element> = list.children.iter().filter(|child| child.name == name).cloned().collect();
        assert!(!own.is_empty(), "{query}: a list without entries");
        entries.extend(own);
        let token = list.children.iter().find(|child| child.name == "resumptionToken").cloned();
        pages.push(page);
        match token {
            Some(token) if !token.text.is_empty() => query = format!("verb={verb}&resumptionToken={}", token.text),
            _ => return (pages, entries),
        }
    }
}

/// The local identifiers of the records of a list, with ` deleted` after those of deleted ones.
async fn ids(app: &TestApp, arguments: &str) -> Vec<String> {
    let (_, headers) = walk(app, "ListIdentifiers", arguments).await;
    headers.iter().map(summary).collect()
}

fn summary(header: &Element) -> String {
    let identifier = header.one("identifier").text.clone();
    let local = identifier.strip_prefix("oai:directory.example.org:").expect("the domain");
    format!("{local}{}", if header.attribute("status") == Some("deleted") { " deleted" } else { "" })
}

async fn id_of(app: &TestApp, collection: &str, table: &str, slug: &str) -> String {
    let id = query_strings(&app.database_url, &format!("SELECT id::text FROM {table} WHERE slug = '{slug}'")).await;
    format!("{collection}/{}", id.first().unwrap_or_else(|| panic!("no {table} {slug}")))
}

async fn record(app: &TestApp, format: &str, id: &str) -> Element {
    let query = format!("verb=GetRecord&metadataPrefix={format}&identifier=oai:directory.example.org:{id}");
    harvest(app, &query).await.one("record").clone()
}

fn college_records() -> Vec<Value> {
    let place = |number: u64| json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT", "startDate": "2001-05" });
    vec![
        with_fields(
            organization_record(1, "College"),
            json!({ "names": [{ "value": "College", "language": "en", "kind": "LABEL" },
                { "value": "Collège", "language": "fr", "kind": "LABEL" }, { "value": "COL", "kind": "ACRONYM" }],
                "types": ["EDUCATION"], "countryCode": "FR", "city": "Paris", "homepageUrl": "https://college.example.org/",
                "identifiers": [{ "scheme": "grid", "value": "grid.5170.3" }, { "scheme": "wikidata", "value": "Q1" }] }),
        ),
        organization_record(2, "Mill"),
        with_fields(organization_record(3, "Weir Group"), json!({ "relations": [["parent", ror(1)]] })),
        topic_record("Weirs"),
        with_fields(
            researcher_record("Ida Brook"),
            json!({ "orcid": orcid(15_000_001), "headline": { "en": "Weirs", "fr": "Barrages" },
                "homepageUrl": "https://ida.example.org/", "affiliations": [place(3)], "topics": [{ "labels": { "en": "Weirs" } }],
                "identifiers": [{ "scheme": "scopus", "value": "6508266266" }, { "scheme": "dblp", "value": "12/345" }] }),
        ),
        with_fields(researcher_record("Tom Ford"), json!({ "affiliations": [place(2)] })),
        with_fields(
            paper_record("On weirs", Some(2015), &["Ida Brook", "Uma Leeds", "The Weir Collaboration"]),
            json!({ "language": "en", "translatedTitles": { "fr": "Des barrages" }, "abstract": { "en": "Water stands." },
                "abstractCompleteness": "FULL", "venueName": "Water Research", "volume": "12", "issue": "3", "pages": "244–254",
                "publisherName": "River Press", "issns": ["1746-8256"], "keywords": ["rivers"], "doi": "10.5555/weirs",
                "arxivId": "1501.00001", "publicationDate": "2015-03", "topics": [{ "labels": { "en": "Weirs" } }] }),
        ),
        with_fields(
            paper_record("Tides of 1901", Some(2016), &["Tom Ford", "Ida Brook"]),
            json!({ "type": "DATASET", "venueName": "River Archive" }),
        ),
    ]
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!(college_records())).await;
    let_time_pass(&app).await;
    app
}

async fn write(app: &TestApp, records: Value) {
    app.write_records(&parse_records(records)).await;
}

#[tokio::test]
async fn identify() {
    let app = start().await;
    let root = harvest(&app, "verb=Identify").await;
    let text = |name: &str| root.one(name).text.clone();
    let base_url = format!("http://{}/oai", app.address);
    assert_eq!(root.one("request").attributes, [("verb".to_owned(), "Identify".to_owned())]);
    assert_eq!((text("repositoryName").as_str(), text("baseURL")), ("Test directory", base_url));
    assert_eq!((text("adminEmail").as_str(), text("deletedRecord").as_str()), ("library@example.org", "persistent"));
    assert_eq!(text("repositoryIdentifier"), "directory.example.org");
    assert_eq!(root.one("Service").attribute("id"), Some("Services/1"));
    assert!(text("Compatibility").ends_with("#1.2"));
    assert!(root.all("Description").is_empty(), "all settings are set");
    let earliest = text("earliestDatestamp");
    let (_, headers) = walk(&app, "ListIdentifiers", "metadataPrefix=oai_dc").await;
    assert!(headers.iter().all(|header| header.one("datestamp").text >= earliest), "{headers:?}");
}

#[tokio::test]
async fn get_and_post_are_the_same() {
    let app = start().await;
    for query in ["verb=Identify", "verb=ListRecords&metadataPrefix=oai_dc&set=openaire_cris_persons", "verb=none", ""]
    {
        let got = app.client().get(app.url(&format!("/oai?{query}"))).send().await.expect("a response");
        let posted = app.client().post(app.url("/oai")).header("Content-Type", "application/x-www-form-urlencoded");
        let posted = posted.body(query).send().await.expect("a response");
        let without_date = |text: String| text.split("</responseDate>").nth(1).expect("a date").to_owned();
        let (got, posted) = (got.text().await.expect("a text"), posted.text().await.expect("a text"));
        assert_eq!(without_date(got), without_date(posted), "{query}");
    }
    let json =
        app.client().post(app.url("/oai")).json(&json!({ "verb": "Identify" })).send().await.expect("a response");
    assert_eq!(json.status(), 415);
    let both =
        app.client().post(app.url("/oai?verb=Identify")).header("Content-Type", "application/x-www-form-urlencoded");
    let both = both.body("verb=Identify").send().await.expect("a response").text().await.expect("a text");
    assert!(both.contains("badVerb"), "{both}");
}

#[tokio::test]
async fn errors() {
    let app = start().await;
    let id = format!("oai:directory.example.org:{}", id_of(&app, "Topics", "topic", "weirs").await);
    for (query, expected) in [
        ("", "badVerb"),
        ("verb=Nothing", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&identifier=x", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01&until=2025-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2025-01-01&until=2026-01-01T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=yesterday", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=a%20b", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc21", "cannotDisseminateFormat"),
        (&format!("verb=GetRecord&metadataPrefix=oai_cerif_openaire&identifier={id}"), "cannotDisseminateFormat"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=oai:directory.example.org:Persons/999999", "idDoesNotExist"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=x", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=x", "idDoesNotExist"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=openaire_cris_patents", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=org:nowhere", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=1999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=x", "badResumptionToken"),
        ("verb=ListIdentifiers&resumptionToken=", "badResumptionToken"),
        ("verb=ListSets&resumptionToken=x", "badResumptionToken"),
    ] {
        assert_eq!(error_code(&app, query).await, expected, "{query}");
    }
    // Arguments are repeated, escaped, unless they were not understood.
    let root = harvest(&app, "verb=GetRecord&metadataPrefix=oai_dc&identifier=%22%3Cx%3E%03%26").await;
    assert_eq!(root.one("request").attribute("identifier"), Some("\"<x>&"));
    let root = harvest(&app, "verb=Identify&x=%3C").await;
    assert_eq!(root.one("request").attributes, []);
}

#[tokio::test]
async fn metadata_formats_and_sets() {
    let app = start().await;
    assert_eq!(harvest(&app, "verb=ListMetadataFormats").await.texts("metadataPrefix"), [DC, CERIF]);
    let of = async |id: String| {
        let query = format!("verb=ListMetadataFormats&identifier=oai:directory.example.org:{id}");
        harvest(&app, &query).await.texts("metadataPrefix")
    };
    assert_eq!(of(id_of(&app, "Papers", "paper", "on-weirs").await).await, [DC, CERIF]);
    assert_eq!(of(id_of(&app, "Topics", "topic", "weirs").await).await, [DC]);
    let sets = harvest(&app, "verb=ListSets").await;
    let specs = sets.texts("setSpec");
    assert_eq!(specs.len(), 11, "{specs:?}");
    assert_eq!(specs[9..], ["org", "org:college"]);
    assert_eq!(sets.texts("setName")[10], "College");
    // Organizations with children, in pages.
    app.execute_sql(
        "INSERT INTO organization (slug, display_names, sort_names, names, status) \
         SELECT 'unit-' || number, '{\"en\": \"Unit\"}', '{\"en\": \"unit\"}', '[]', 'ACTIVE' FROM generate_series(1, 250) AS number; \
         INSERT INTO organization_parent (child_id, parent_id) SELECT child.id, parent.id FROM organization AS child \
         JOIN organization AS parent ON parent.id = child.id - 1 WHERE child.slug LIKE 'unit-%' AND parent.slug LIKE 'unit-%'",
    )
    .await;
    let (mut specs, mut query) = (Vec::new(), "verb=ListSets".to_owned());
    let mut pages = 0;
    loop {
        let page = harvest(&app, &query).await;
        specs.extend(page.texts("setSpec"));
        pages += 1;
        match page.texts("resumptionToken").pop().filter(|token| !token.is_empty()) {
            Some(token) => query = format!("verb=ListSets&resumptionToken={token}"),
            None => break,
        }
    }
    assert_eq!((specs.len(), pages), (11 + 249, 3));
    assert_eq!(specs.iter().collect::<BTreeSet<_>>().len(), specs.len());
}

#[tokio::test]
async fn sets_by_kind_and_organization() {
    let app = start().await;
    let all = ids(&app, "metadataPrefix=oai_dc").await;
    let of = |collection: &str| all.iter().filter(|id| id.starts_with(collection)).count();
    assert_eq!((of("Persons"), of("OrgUnits"), of("Topics"), of("Papers")), (4, 3, 1, 2), "{all:?}");
    let in_cerif = ids(&app, "metadataPrefix=oai_cerif_openaire").await;
    assert_eq!(in_cerif.len(), all.len() - 1, "topics are not available");
    let weirs = id_of(&app, "Papers", "paper", "on-weirs").await;
    let tides = id_of(&app, "Papers", "paper", "tides-of-1901").await;
    assert_eq!(ids(&app, "metadataPrefix=oai_dc&set=openaire_cris_publications").await, std::slice::from_ref(&weirs));
    assert_eq!(ids(&app, "metadataPrefix=oai_dc&set=openaire_cris_products").await, std::slice::from_ref(&tides));
    assert_eq!(ids(&app, "metadataPrefix=oai_dc&set=openaire_cris_persons").await.len(), 4);
    assert_eq!(ids(&app, "metadataPrefix=oai_dc&set=openaire_cris_orgunits").await.len(), 3);
    // The college with its group: its people and their papers.
    let mut at_college = ids(&app, "metadataPrefix=oai_dc&set=org:college").await;
    let mut expected = vec![
        id_of(&app, "Persons", "researcher", "ida-brook").await,
        id_of(&app, "OrgUnits", "organization", "college").await,
        id_of(&app, "OrgUnits", "organization", "weir-group").await,
        weirs.clone(),
        tides.clone(),
    ];
    at_college.sort();
    expected.sort();
    assert_eq!(at_college, expected);
    let header = record(&app, DC, &weirs).await.one("header").clone();
    assert_eq!(header.texts("setSpec"), ["openaire_cris_publications", "org", "org:college"]);
    // The mill has no children, so that it is not a listed set; its records are in that of all organizations.
    let tom = id_of(&app, "Persons", "researcher", "tom-ford").await;
    assert_eq!(record(&app, DC, &tom).await.texts("setSpec"), ["openaire_cris_persons", "org"]);
    assert!(ids(&app, "metadataPrefix=oai_dc&set=org").await.contains(&tom));
}

#[tokio::test]
async fn departures_are_reported() {
    let app = start().await;
    let first = harvest(&app, "verb=ListIdentifiers&metadataPrefix=oai_dc&set=org:college").await;
    let since = first.one("responseDate").text.clone();
    let ida = with_fields(researcher_record("Ida Brook"), json!({ "orcid": orcid(15_000_001) }));
    write(&app, json!([ida])).await;
    app.execute_sql(
        "DELETE FROM affiliation USING organization WHERE organization_id = organization.id AND slug = 'weir-group'",
    )
    .await;
    write(
        &app,
        json!([with_fields(
            paper_record("Tides of 1901", Some(2016), &["Tom Ford", "Ida Brook"]),
            json!({ "type": "ARTICLE" })
        )]),
    )
    .await;
    app.execute_sql("UPDATE change SET changed_at = changed_at - interval '10 seconds'").await;
    let (_, headers) =
        walk(&app, "ListIdentifiers", &format!("metadataPrefix=oai_dc&set=org:college&from={}", shift(&since, -10)))
            .await;
    let person = headers.iter().find(|header| summary(header).starts_with("Persons/")).expect("Ida");
    assert_eq!(person.texts("setSpec"), ["openaire_cris_persons"], "she is not in the set any more");
    assert_eq!(person.attribute("status"), None);
    // A paper that became an article is reported to harvesters of datasets, too.
    let tides = id_of(&app, "Papers", "paper", "tides-of-1901").await;
    let from = shift(&since, -10);
    for set in ["openaire_cris_products", "openaire_cris_publications"] {
        let (_, headers) = walk(&app, "ListIdentifiers", &format!("metadataPrefix=oai_dc&set={set}&from={from}")).await;
        let header = headers.iter().find(|header| summary(header) == tides).expect("the paper");
        assert!(header.texts("setSpec").contains(&"openaire_cris_publications".to_owned()));
    }
    assert_eq!(
        error_code(&app, "verb=ListIdentifiers&metadataPrefix=oai_dc&set=openaire_cris_products").await,
        "noRecordsMatch"
    );
    // Whoever harvests from the start does not learn of those who left.
    assert!(!ids(&app, "metadataPrefix=oai_dc&set=org:college").await.iter().any(|id| id.starts_with("Persons/")));
}

/// A small set of a large directory is read from the index of its organizations: the page, and one statement more.
#[tokio::test]
async fn small_sets_do_not_scan_the_feed() {
    let app = start().await;
    app.execute_sql(
        "INSERT INTO topic (slug, scheme, display_names, sort_names, names) SELECT 'bulk-' || number, 'local', \
         '{\"en\": \"Bulk\"}', '{\"en\": \"bulk\"}', '[]' FROM generate_series(1, 50000) AS number",
    )
    .await;
    // Those of the college are before and after the others.
    app.execute_sql("UPDATE organization SET city = 'Lyon' WHERE slug = 'college'").await;
    let_time_pass(&app).await;
    let before = app.store.statement_counter().total();
    let page = harvest(&app, "verb=ListIdentifiers&metadataPrefix=oai_dc&set=org:college").await;
    let statements = app.store.statement_counter().total() - before;
    assert_eq!(page.all("header").len(), 5);
    // The feed, the set, the range, the beginning of the feed and the index.
    assert!(statements <= 7, "{statements} statements");
}

/// A datestamp some seconds later.
fn shift(datestamp: &str, seconds: i64) -> String {
    let at: chrono::DateTime<chrono::Utc> = datestamp.parse().expect("a datestamp");
    (at + chrono::TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test]
async fn deleted_and_merged_records_stay_as_deleted() {
    let app = start().await;
    write(&app, json!([researcher_record("Ida B. Brook"), topic_record("Locks")])).await;
    let (survivor, former) =
        (app.find_id("researcher", "ida-brook").await, app.find_id("researcher", "ida-b-brook").await);
    let former_id = id_of(&app, "Persons", "researcher", "ida-b-brook").await;
    let locks = id_of(&app, "Topics", "topic", "locks").await;
    let request =
        CurationRequest::Merge { survivor, former: vec![former], force: true, decided_by: DecidedBy::default() };
    app.store.decide(&request, false).await.expect("a merge");
    app.execute_sql("DELETE FROM topic WHERE slug = 'locks'").await;
    let_time_pass(&app).await;
    let all = ids(&app, "metadataPrefix=oai_dc").await;
    assert!(all.contains(&format!("{former_id} deleted")) && all.contains(&format!("{locks} deleted")), "{all:?}");
    for (format, id) in [(DC, &former_id), (CERIF, &former_id), (DC, &locks)] {
        let record = record(&app, format, id).await;
        assert_eq!(record.one("header").attribute("status"), Some("deleted"));
        assert!(record.all("metadata").is_empty(), "{record:?}");
    }
    // The type of a deleted paper is not known: it is in both sets of papers.
    let tides = id_of(&app, "Papers", "paper", "tides-of-1901").await;
    app.execute_sql("DELETE FROM paper WHERE slug = 'tides-of-1901'").await;
    let_time_pass(&app).await;
    for set in ["openaire_cris_products", "openaire_cris_publications"] {
        let found = ids(&app, &format!("metadataPrefix=oai_dc&set={set}")).await;
        assert!(found.contains(&format!("{tides} deleted")), "{set}: {found:?}");
    }
    let rows = query_strings(&app.database_url, "SELECT count(*)::text FROM change WHERE kind <> 3").await;
    assert_eq!(vec![ids(&app, "metadataPrefix=oai_dc").await.len().to_string()], rows);
}

/// Topics, each in a transaction of its own.
async fn create_topics(app: &TestApp, count: usize) {
    let insert = |number: usize| {
        format!(
            "INSERT INTO topic (slug, scheme, display_names, sort_names, names) VALUES ('topic-{number}', 'local', \
             '{{\"en\": \"Topic {number}\"}}', '{{\"en\": \"topic\"}}', '[]')"
        )
    };
    app.execute_sql(
        "INSERT INTO topic (slug, scheme, display_names, sort_names, names) SELECT 'bulk-' || number, 'local', \
         '{\"en\": \"Bulk\"}', '{\"en\": \"bulk\"}', '[]' FROM generate_series(1, 210) AS number",
    )
    .await;
    for number in 0..count {
        app.execute_sql(&insert(number)).await;
    }
}

#[tokio::test]
async fn resumption() {
    let app = start().await;
    create_topics(&app, 3).await;
    let_time_pass(&app).await;
    let (pages, records) = walk(&app, "ListRecords", "metadataPrefix=oai_dc").await;
    assert_eq!((pages.len(), records.len()), (3, 10 + 213));
    let identifiers: BTreeSet<String> = records.iter().map(|record| record.one("identifier").text.clone()).collect();
    assert_eq!(identifiers.len(), records.len(), "a record occurs twice");
    let tokens: Vec<&Element> = pages.iter().map(|page| page.one("resumptionToken")).collect();
    for (token, cursor) in tokens.iter().zip(["0", "100", "200"]) {
        assert_eq!((token.attribute("cursor"), token.attribute("completeListSize")), (Some(cursor), Some("223")));
    }
    assert_eq!(tokens[2].text, "", "the last page has an empty token");
    let dates: BTreeSet<String> = pages.iter().map(|page| page.one("responseDate").text.clone()).collect();
    assert_eq!(dates.len(), 1, "all pages have the date of the first");
    // A server that is started again continues the list.
    let again = TestApp::start_on_database(app.database_url.clone(), Limits::default(), 100).await;
    let token = &tokens[0].text;
    let next = harvest(&again, &format!("verb=ListRecords&resumptionToken={token}")).await;
    assert_eq!(next.one("ListRecords").texts("identifier"), pages[1].one("ListRecords").texts("identifier"));
    // A token belongs to its verb, is read exactly, and to its directory.
    assert_eq!(error_code(&app, &format!("verb=ListIdentifiers&resumptionToken={token}")).await, "badResumptionToken");
    assert_eq!(error_code(&app, &format!("verb=ListRecords&resumptionToken={token}A")).await, "badResumptionToken");
    let other = TestApp::start().await;
    assert_eq!(error_code(&other, &format!("verb=ListRecords&resumptionToken={token}")).await, "badResumptionToken");
    // After a restore to a state before it, it does not apply any more.
    app.execute_sql(
        "INSERT INTO feed_epoch (epoch, parent, fork_position, server, began_at) \
         SELECT epoch + 1, epoch, 0, server, began_at FROM feed_epoch ORDER BY id DESC LIMIT 1",
    )
    .await;
    let root = harvest(&app, &format!("verb=ListRecords&resumptionToken={token}")).await;
    assert_eq!(root.one("error").attribute("code"), Some("badResumptionToken"));
    assert!(root.one("error").text.contains("restored"), "{root:?}");
}

#[tokio::test]
async fn changes_during_a_walk_are_in_the_next_one() {
    let app = start().await;
    create_topics(&app, 2).await;
    let_time_pass(&app).await;
    let first = harvest(&app, "verb=ListIdentifiers&metadataPrefix=oai_dc").await;
    let since = first.one("responseDate").text.clone();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut note = |list: &Element| {
        for header in list.all("header") {
            seen.insert(summary(header), header.one("datestamp").text.clone());
        }
    };
    note(&first);
    let mut token = first.one("resumptionToken").text.clone();
    // Records of the page that was read, and of those to come.
    app.execute_sql(
        "UPDATE topic SET names = '[]', code = slug WHERE slug IN ('bulk-1', 'bulk-150', 'bulk-205', 'topic-1')",
    )
    .await;
    while !token.is_empty() {
        let page = harvest(&app, &format!("verb=ListIdentifiers&resumptionToken={token}")).await;
        note(&page);
        token = page.one("resumptionToken").text.clone();
    }
    // Time passes for the harvester and the changes alike.
    app.execute_sql("UPDATE change SET changed_at = changed_at - interval '1 minute'").await;
    let (_, next) = walk(&app, "ListIdentifiers", &format!("metadataPrefix=oai_dc&from={}", shift(&since, -60))).await;
    assert_eq!(next.iter().filter(|header| summary(header).starts_with("Topics/")).count(), 4, "{next:?}");
    for header in &next {
        seen.insert(summary(header), header.one("datestamp").text.clone());
    }
    let entities = query_strings(&app.database_url, "SELECT count(*)::text FROM change WHERE kind <> 3").await;
    assert_eq!(vec![seen.len().to_string()], entities, "a record is missing from both");
}

#[tokio::test]
async fn everything_that_follows_may_have_changed() {
    let app = start().await;
    create_topics(&app, 1).await;
    let_time_pass(&app).await;
    let first = harvest(&app, "verb=ListIdentifiers&metadataPrefix=oai_dc").await;
    let token = first.one("resumptionToken").text.clone();
    app.execute_sql("UPDATE topic SET code = slug").await;
    let last = harvest(&app, &format!("verb=ListIdentifiers&resumptionToken={token}")).await;
    assert_eq!(last.one("ListIdentifiers").all("header").len(), 1, "a list has at least one entry");
    assert_eq!(last.one("resumptionToken").text, "");
}

#[tokio::test]
async fn dates() {
    let app = start().await;
    // Three changes: 10:00:00.9, 10:00:01.0 and 12:00:00 of the next day.
    app.execute_sql(
        "INSERT INTO topic (slug, scheme, display_names, sort_names, names) VALUES ('b', 'local', '{\"en\": \"Locks\"}', '{\"en\": \"locks\"}', '[]')",
    )
    .await;
    app.execute_sql(
        "INSERT INTO topic (slug, scheme, display_names, sort_names, names) VALUES ('c', 'local', '{\"en\": \"Locks\"}', '{\"en\": \"locks\"}', '[]')",
    )
    .await;
    app.execute_sql(
        "UPDATE change SET changed_at = '2026-03-01T10:00:00.9Z'; \
         UPDATE change SET changed_at = '2026-03-01T10:00:01Z' FROM topic WHERE kind = 4 AND change.id = topic.id AND slug = 'b'; \
         UPDATE change SET changed_at = '2026-03-02T12:00:00Z' FROM topic WHERE kind = 4 AND change.id = topic.id AND slug = 'c'",
    )
    .await;
    let (b, c) = (id_of(&app, "Topics", "topic", "b").await, id_of(&app, "Topics", "topic", "c").await);
    let found = async |range: &str| {
        let found = ids(&app, &format!("metadataPrefix=oai_dc&{range}")).await;
        (found.len(), found.contains(&b), found.contains(&c))
    };
    assert_eq!(found("").await, (12, true, true));
    assert_eq!(found("from=2026-03-01").await, (12, true, true));
    assert_eq!(found("until=2026-03-01").await, (11, true, false));
    assert_eq!(found("from=2026-03-02&until=2026-03-02").await, (1, false, true));
    assert_eq!(found("from=2026-03-01T10:00:01Z").await, (2, true, true));
    assert_eq!(found("from=2026-03-01T10:00:00Z&until=2026-03-01T10:00:00Z").await, (10, false, false));
    assert_eq!(found("from=2026-03-01T10:00:01Z&until=2026-03-01T10:00:01Z").await, (1, true, false));
    assert_eq!(found("from=1000-01-01&until=9999-12-31").await, (12, true, true));
    assert_eq!(error_code(&app, "verb=ListRecords&metadataPrefix=oai_dc&from=2026-03-03").await, "noRecordsMatch");
    assert_eq!(error_code(&app, "verb=ListRecords&metadataPrefix=oai_dc&until=2026-02-28").await, "noRecordsMatch");
}

#[tokio::test]
async fn dublin_core() {
    let app = start().await;
    let url = |path: &str| app.url(path);
    let paper = record(&app, DC, &id_of(&app, "Papers", "paper", "on-weirs").await).await;
    let page = url(&format!("/id/{}", app.find_id("paper", "on-weirs").await));
    assert_eq!(paper.texts("dc:title"), ["On weirs", "Des barrages"]);
    assert_eq!(paper.all("dc:title")[1].attribute("xml:lang"), Some("fr"));
    assert_eq!(paper.texts("dc:creator"), ["Brook, Ida", "Leeds, Uma", "The Weir Collaboration"]);
    assert_eq!(paper.texts("dc:subject"), ["Weirs", "rivers"]);
    assert_eq!(paper.texts("dc:description"), ["Water stands."]);
    assert_eq!(
        (paper.texts("dc:date"), paper.texts("dc:language")),
        (vec!["2015-03".to_owned()], vec!["en".to_owned()])
    );
    let types = ["journal article", "http://purl.org/coar/resource_type/c_6501", "info:eu-repo/semantics/article"];
    assert_eq!(paper.texts("dc:type"), types);
    let identifiers = [page.as_str(), "https://doi.org/10.5555/weirs", "https://arxiv.org/abs/1501.00001"];
    assert_eq!(paper.texts("dc:identifier"), identifiers);
    assert_eq!(paper.texts("dc:source"), ["Water Research, 12(3), 244-254"]);
    assert_eq!(paper.texts("dc:publisher"), ["River Press"]);
    let person = record(&app, DC, &id_of(&app, "Persons", "researcher", "ida-brook").await).await;
    assert_eq!(
        (person.texts("dc:title"), person.texts("dc:type")),
        (vec!["Ida Brook".to_owned()], vec!["Person".to_owned()])
    );
    assert_eq!(person.texts("dc:description"), ["Weirs", "Barrages"]);
    assert!(person.texts("dc:identifier").contains(&format!("https://orcid.org/{}", orcid(15_000_001))));
    assert_eq!(person.texts("dc:relation"), [url(&format!("/id/{}", app.find_id("organization", "weir-group").await))]);
    let organization = record(&app, DC, &id_of(&app, "OrgUnits", "organization", "college").await).await;
    assert_eq!(organization.texts("dc:title"), ["College", "Collège", "COL"]);
    assert_eq!(organization.texts("dc:coverage"), ["Paris", "FR"]);
    assert!(organization.texts("dc:identifier").contains(&format!("https://ror.org/{}", ror(1))));
    let topic = record(&app, DC, &id_of(&app, "Topics", "topic", "weirs").await).await;
    assert_eq!(
        (topic.texts("dc:title"), topic.texts("dc:type")),
        (vec!["Weirs".to_owned()], vec!["Concept".to_owned()])
    );
}

#[tokio::test]
async fn cerif() {
    let app = start().await;
    let (group, college) = (
        id_of(&app, "OrgUnits", "organization", "weir-group").await,
        id_of(&app, "OrgUnits", "organization", "college").await,
    );
    let ida = id_of(&app, "Persons", "researcher", "ida-brook").await;
    let id = id_of(&app, "Papers", "paper", "on-weirs").await;
    let paper = record(&app, CERIF, &id).await.one("metadata").children[0].clone();
    assert_eq!((paper.name.as_str(), paper.attribute("id")), ("Publication", Some(id.as_str())));
    let types = ["http://purl.org/coar/resource_type/c_6501", "http://purl.org/coar/resource_type/c_0640"];
    assert_eq!(paper.texts("Type"), types);
    assert_eq!(paper.one("PublishedIn").texts("Title"), ["Water Research"]);
    assert_eq!((paper.texts("StartPage"), paper.texts("EndPage")), (vec!["244".to_owned()], vec!["254".to_owned()]));
    assert_eq!(
        (paper.texts("DOI"), paper.texts("URL")),
        (vec!["10.5555/weirs".to_owned()], vec!["https://arxiv.org/abs/1501.00001".to_owned()])
    );
    let authors = paper.all("Author");
    assert_eq!(paper.one("Authors").texts("DisplayName"), ["Ida Brook", "Uma Leeds", "The Weir Collaboration"]);
    assert_eq!(authors[0].one("Person").attribute("id"), Some(ida.as_str()));
    assert_eq!(authors[0].one("Person").texts("FamilyNames"), ["Brook"]);
    assert_eq!(authors[0].texts("ORCID"), [format!("https://orcid.org/{}", orcid(15_000_001))]);
    assert_eq!(paper.texts("Keyword"), ["rivers", "Weirs"]);
    let person = record(&app, CERIF, &ida).await.one("metadata").children[0].clone();
    assert_eq!(person.one("ScopusAuthorID").text, "6508266266");
    assert_eq!(person.one("Identifier").text, "12/345");
    let affiliation = person.one("Affiliation");
    assert_eq!(affiliation.attribute("startDate"), Some("2001-05"));
    let units: Vec<_> =
        affiliation.all("OrgUnit").iter().map(|unit| unit.attribute("id").expect("an ID").to_owned()).collect();
    assert_eq!(units, [group.clone(), college.clone()]);
    let unit = record(&app, CERIF, &college).await.one("metadata").children[0].clone();
    assert_eq!(
        (unit.texts("Acronym"), unit.texts("Name")),
        (vec!["COL".to_owned()], vec!["College".to_owned(), "Collège".to_owned()])
    );
    assert_eq!(
        (unit.texts("GRID"), unit.texts("RORID")),
        (vec!["grid.5170.3".to_owned()], vec![format!("https://ror.org/{}", ror(1))])
    );
    assert_eq!(record(&app, CERIF, &group).await.one("PartOf").one("OrgUnit").attribute("id"), Some(college.as_str()));
    let data = record(&app, CERIF, &id_of(&app, "Papers", "paper", "tides-of-1901").await).await;
    assert_eq!(data.one("Product").texts("Creator").len(), 2);
    assert_eq!(data.one("Issued").attribute("startDate"), Some("2016"));
}

#[tokio::test]
async fn references_are_to_records_that_exist() {
    let app = start().await;
    let (_, records) = walk(&app, "ListRecords", "metadataPrefix=oai_cerif_openaire").await;
    let mut referenced = BTreeSet::new();
    for element in ["Person", "OrgUnit", "Publication", "Product"] {
        let ids = records.iter().flat_map(|record| record.all(element)).filter_map(|found| found.attribute("id"));
        referenced.extend(ids.map(ToOwned::to_owned));
    }
    assert!(referenced.len() >= 9, "{referenced:?}");
    for id in referenced {
        let record = record(&app, CERIF, &id).await;
        assert_eq!(record.one("metadata").children[0].attribute("id"), Some(id.as_str()));
    }
}

#[tokio::test]
async fn long_author_lists_and_hostile_characters() {
    let app = TestApp::start().await;
    let authors: Vec<String> = (0..3_000).map(|number| format!("Ada Number{number}")).collect();
    let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
    write(&app, json!([paper_record("On \u{1f600} ]]> <b>&amp;</b>", Some(2015), &authors)])).await;
    // Stored before control characters were removed at import.
    app.execute_sql("UPDATE paper SET title = title || E'\\x03\\x1b \u{fffe}end'").await;
    let_time_pass(&app).await;
    let slug = query_strings(&app.database_url, "SELECT slug FROM paper").await.remove(0);
    let id = id_of(&app, "Papers", "paper", &slug).await;
    let stored = query_strings(&app.database_url, "SELECT title FROM paper").await.remove(0);
    let expected: String = stored.chars().filter(|letter| !matches!(letter, '\u{3}' | '\u{1b}' | '\u{fffe}')).collect();
    let in_dc = record(&app, DC, &id).await;
    assert_eq!(in_dc.texts("dc:title"), std::slice::from_ref(&expected));
    assert_eq!(in_dc.all("dc:creator").len(), 3_000);
    let in_cerif = record(&app, CERIF, &id).await;
    assert_eq!((in_cerif.texts("Title"), in_cerif.all("Author").len()), (vec![expected], 3_000));
    let (_, records) = walk(&app, "ListRecords", "metadataPrefix=oai_dc&set=openaire_cris_publications").await;
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn a_page_is_bounded_by_its_authors() {
    let app = TestApp::start().await;
    let authors: Vec<String> = (0..9_000).map(|number| format!("Ada Number{number}")).collect();
    let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
    let papers: Vec<Value> =
        (0..4).map(|number| paper_record(&format!("Paper {number}"), Some(2015), &authors)).collect();
    app.write_records_without_disambiguation(&parse_records(json!(papers))).await;
    let_time_pass(&app).await;
    let (pages, records) = walk(&app, "ListRecords", "metadataPrefix=oai_dc&set=openaire_cris_publications").await;
    assert_eq!((pages.len(), records.len()), (2, 4));
    assert!(records.iter().all(|record| record.all("dc:creator").len() == 9_000));
}

#[tokio::test]
async fn statements_do_not_grow_with_the_page() {
    let app = start().await;
    create_topics(&app, 0).await;
    let_time_pass(&app).await;
    let before = app.store.statement_counter().total();
    let page = harvest(&app, "verb=ListRecords&metadataPrefix=oai_cerif_openaire").await;
    let statements = app.store.statement_counter().total() - before;
    assert_eq!(page.all("record").len(), 9);
    // The feed, the range, the page, papers, people, and organizations.
    assert!(statements <= 6, "{statements} statements");
    let before = app.store.statement_counter().total();
    let page = harvest(&app, "verb=ListRecords&metadataPrefix=oai_dc").await;
    let statements = app.store.statement_counter().total() - before;
    assert_eq!(page.all("record").len(), 100);
    // And topics, and the length of the list.
    assert!(statements <= 8, "{statements} statements");
}

#[tokio::test]
async fn requests_are_limited_and_conditional() {
    let network = NetworkConfig { rate_limit_cost_per_minute: Some(1_500), ..network_config() };
    let config = database_config(&create_database().await, 100);
    let app = TestApp::start_with_config(config, Limits::default(), http_config(), network).await;
    let get = async |path: &str, etag: &str| {
        app.client().get(app.url(path)).header("If-None-Match", etag).send().await.expect("a response")
    };
    let first = get("/oai?verb=ListSets", "").await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["cache-control"], "private, no-cache");
    assert!(first.headers().contains_key("ratelimit"));
    let etag = first.headers()["etag"].to_str().expect("an ETag").to_owned();
    assert_eq!(get("/oai?verb=ListSets", &etag).await.status(), 304);
    let mut limited = None;
    for _ in 0..20 {
        let response = get("/oai?verb=ListSets", "").await;
        if response.status() != 200 {
            limited = Some(response);
            break;
        }
    }
    let limited = limited.expect("a rejection");
    // The protocol's way to slow a harvester down.
    assert_eq!(limited.status(), 503);
    assert!(limited.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn responses_are_compressed() {
    let http = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let app = TestApp::start_with_http_config(http).await;
    let request = app.client().get(app.url("/oai?verb=ListSets")).header("Accept-Encoding", "gzip");
    let response = request.send().await.expect("a response");
    assert_eq!(response.headers()["content-encoding"], "gzip");
}
