//! Name privacy: hidden names must not leak through any output of the service.

use std::collections::BTreeMap;

use academic_directory::config::{HttpConfig, Limits};
use academic_directory::model::record::NameUse;
use academic_directory::store::curation::name_command::{ChosenName, NameDecision};
use academic_directory::text::names::fold;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::process::{ChildProcess, Workspace, run_to_completion};
use crate::support::schema_queries::SchemaQueryGenerator;
use crate::support::{
    TestApp, create_database, database_config, http_config, network_config, orcid, organization_record, paper_record,
    parse_records, pluck_strings, ror, topic_record, unlimited_limits, with_fields,
};

/// Words that occur only in hidden names, case-folded and without diacritics.
const HIDDEN_WORDS: [&str; 6] = ["zuzqarka", "vexolint", "wyrmtikka", "plorvane", "quexilla", "drombasket"];
const SEARCH_ONLY_NAME: &str = "Žuzqarka Vexolínt";
const PRIVATE_NAME: &str = "Wyrmtikka Plorváne";
const FORMER_NAME: &str = "Quexilla Drombasket";

/// The alphanumeric characters of a text, folded.
fn folded_letters(text: &str) -> String {
    let folded = if text.is_ascii() { text.to_ascii_lowercase() } else { fold(text) };
    folded.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Asserts that a text contains none of the words: verbatim, folded, or encoded as base64.
#[track_caller]
fn assert_not_leaked(what: &str, text: &str) {
    let folded = folded_letters(text);
    for secret in HIDDEN_WORDS {
        assert!(!folded.contains(secret), "{what} leaks {secret}: {text}");
    }
    let is_of_base64 = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '+' | '/');
    for part in text.split(|letter| !is_of_base64(letter)).filter(|part| part.len() >= 8) {
        for decoded in [URL_SAFE_NO_PAD.decode(part), STANDARD_NO_PAD.decode(part)].into_iter().flatten() {
            let folded = folded_letters(&String::from_utf8_lossy(&decoded));
            for secret in HIDDEN_WORDS {
                assert!(!folded.contains(secret), "{what} leaks {secret} in {part}");
            }
        }
    }
}

fn records_with_hidden_names() -> Vec<Value> {
    let place = json!({ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "isPrimary": true,
        "roleTitle": { "en": "Professor" }, "startDate": "2001" });
    let about = json!([{ "labels": { "en": "Weirs" } }]);
    let by = |title: &str, authors: Value| {
        with_fields(
            paper_record(title, Some(2001), &[]),
            json!({ "authors": authors, "topics": about, "language": "en", "doi": format!("10.5555/{}", title.trim().to_lowercase()),
                "abstract": { "en": "Water stands." }, "abstractCompleteness": "FULL", "venueName": "Waters" }),
        )
    };
    let person = json!({ "kind": "researcher", "name": "Ben Brook", "affiliations": [place], "topics": about,
        "otherNames": ["Benny Brook", format!("B. {SEARCH_ONLY_NAME}"), { "value": SEARCH_ONLY_NAME, "use": "SEARCH_ONLY" },
            { "value": PRIVATE_NAME, "use": "PRIVATE" }] });
    let printed = json!(["College", "College, zuzqarka.vexolint@example.org", "The lab of Wyrmtikka Plorvane"]);
    vec![
        organization_record(1, "College"),
        topic_record("Weirs"),
        // Papers imported before and after the record that hides their author's name.
        by("One", json!([{ "position": 1, "name": PRIVATE_NAME }, { "position": 2, "name": "Cy Ek" }])),
        person,
        by(
            "Three",
            json!([{ "position": 1, "name": SEARCH_ONLY_NAME, "affiliationsAsPublished": printed, "organizations": [{ "ror": ror(1) }] },
                { "position": 2, "name": "Cy Ek" }, { "position": 3, "name": FORMER_NAME }, { "position": 4, "name": SEARCH_ONLY_NAME }]),
        ),
        // A namesake of a hidden name: the century between their papers keeps them apart.
        with_fields(
            by("Seven", json!([{ "position": 1, "name": "ZUZQARKA VEXOLINT", "orcid": orcid(3) }])),
            json!({ "publicationDate": "1901" }),
        ),
        by(
            "Eleven ",
            json!([{ "position": 1, "name": FORMER_NAME, "affiliationsAsPublished": ["qdrombasket@example.org"] },
            { "position": 2, "name": "Ben Brook" }]),
        ),
    ]
}

/// One researcher hides names by records, another one by the command line.
async fn directory_with_hidden_names() -> (TestApp, Workspace) {
    let limits = Limits { body_bytes: 1 << 24, ..unlimited_limits() };
    let app = TestApp::start_with_limits(limits, 100).await;
    for record in records_with_hidden_names() {
        app.write_records(&parse_records(json!([record]))).await;
    }
    // The namesake, who has an ORCID iD.
    let namesake = json!({ "kind": "researcher", "name": "Zoe Ferry", "orcid": orcid(3),
        "otherNames": [{ "value": SEARCH_ONLY_NAME, "use": "PRIVATE" }], "withholdPublishedName": true });
    app.write_records(&parse_records(json!([namesake]))).await;
    let workspace = Workspace::new();
    let arguments = ["set", "quexilla-drombasket", "--display", "Tom Ford", "--former-use", "private"];
    let outcome = run_names(&workspace, &app, &[&arguments[..], &["--withhold-published-name"]].concat());
    assert_not_leaked("names set", &outcome);
    (app, workspace)
}

/// Runs `names` successfully and returns its whole output.
fn run_names(workspace: &Workspace, app: &TestApp, arguments: &[&str]) -> String {
    let outcome =
        run_to_completion(&mut workspace.command_with_database(&app.database_url, &[&["names"], arguments].concat()));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout + &outcome.stderr
}

async fn find_researcher_id(app: &TestApp, name: &str) -> String {
    let query = "query Named($query: String!) { researchers(filter: {query: $query}) { nodes { id } } }";
    let found = app.data_with_variables(query, json!({ "query": name })).await;
    pluck_strings(&found["researchers"]["nodes"], &["id"]).remove(0)
}

#[tokio::test]
async fn every_field_of_every_object() {
    let (app, _) = directory_with_hidden_names().await;
    let (ben, tom) = (find_researcher_id(&app, "Ben Brook").await, find_researcher_id(&app, "Tom Ford").await);
    let place = app.data("{ paper(by: {slug: \"three\"}) { id authorships { nodes { id } } } }").await["paper"].clone();
    let mut ids = pluck_strings(&place["authorships"]["nodes"], &["id"]);
    ids.extend([ben.clone(), tom.clone(), place["id"].as_str().expect("an id").to_owned()]);
    let by = |key: &str| format!("(by: {{{key}}})");
    let roots = BTreeMap::from([
        ("node", ids.iter().map(|id| format!("(id: {id:?})")).collect()),
        ("nodes", vec![format!("(ids: {ids:?})")]),
        (
            "researcher",
            vec![by("slug: \"zuzqarka-vexolint\""), by(&format!("id: {ben:?}")), by("slug: \"quexilla-drombasket\"")],
        ),
        (
            "researchersBy",
            vec![format!("(keys: [{{id: {ben:?}}}, {{slug: \"tom-ford\"}}, {{slug: \"wyrmtikka-plorvane\"}}])")],
        ),
        ("organization", vec![by("slug: \"college\"")]),
        ("organizationsBy", vec!["(keys: [{slug: \"college\"}])".to_owned()]),
        ("topic", vec![by("slug: \"weirs\"")]),
        ("paper", vec![by("slug: \"three\""), by("slug: \"one\""), by("slug: \"eleven\"")]),
        ("papersBy", vec!["(keys: [{slug: \"three\"}, {slug: \"seven\"}])".to_owned()]),
        (
            "search",
            ["zuzqarka", "Žuzqarka Vexolínt", "vexolin", "brook", "weirs three"]
                .map(|query| format!("(query: {query:?})"))
                .to_vec(),
        ),
        ("autocomplete", ["zuz", "zuzqarka v", "brook", "three"].map(|query| format!("(query: {query:?})")).to_vec()),
        ("coauthorPath", vec![format!("(fromId: {ben:?}, toId: {tom:?})")]),
    ]);
    let everything = SchemaQueryGenerator::new(roots);
    let unreached = everything.unreachable_types();
    // An event of a subscription has no fields of its own that contain values: it leads to these types.
    let is_known = |name: &&str| name.starts_with("Mutation") || ["Subscription", "ResearcherChange"].contains(name);
    assert!(unreached.iter().all(|name| is_known(&&**name)), "no query reaches {unreached:?}");
    let queries = everything.queries();
    assert!(queries.len() > 150, "only {} queries", queries.len());
    let mut all_responses = String::new();
    for query in &queries {
        let response = app.query(query, json!({})).await;
        assert_not_leaked(query, &response.body.to_string());
        response.data();
        all_responses.push_str(&response.body.to_string());
    }
    // The responses contain the displayed names in place of the hidden ones.
    for displayed in ["Ben Brook", "Benny Brook", "Tom Ford", "Zoe Ferry", "\"nameAsPublished\":\"Tom Ford\""] {
        assert!(all_responses.contains(displayed), "{displayed} is missing");
    }
}

/// Pages, JSON-LD, citations, linksets, redirects and the sitemap, and what a router of a supergraph looks up.
#[tokio::test]
async fn linked_data_and_entities() {
    let (app, _) = directory_with_hidden_names().await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let client = client.expect("a client");
    let lists =
        "{ people: researchers(first: 100) { nodes { slug id } } organizations(first: 100) { nodes { slug id } }
        topics(first: 100) { nodes { slug id } } papers(first: 100) { nodes { slug id } } }";
    let lists = app.data(lists).await;
    let mut paths = vec!["/robots.txt".to_owned(), "/sitemap.xml".to_owned()];
    let mut representations = Vec::new();
    for (collection, list) in lists.as_object().expect("lists") {
        paths.push(format!("/sitemap/{collection}-1.xml"));
        for id in pluck_strings(&list["nodes"], &["id"]) {
            paths.push(format!("/id/{id}"));
            representations.push(json!({ "__typename": "Entity", "id": id }));
        }
        let former = ["zuzqarka-vexolint", "wyrmtikka-plorvane", "quexilla-drombasket"].map(ToOwned::to_owned);
        for slug in pluck_strings(&list["nodes"], &["slug"]).into_iter().chain(former) {
            paths.push(format!("/linkset/{collection}/{slug}"));
            paths.push(format!("/{collection}/{slug}.jsonld"));
            for suffix in ["", ".jsonld", ".bib", ".ris", ".csl.json"] {
                paths.push(format!("/en/{collection}/{slug}{suffix}"));
            }
        }
    }
    let (mut found, mut moved, mut all_responses) = (0, 0, String::new());
    for path in &paths {
        let response = client.get(app.url(path)).send().await.expect("a response");
        let (status, headers) = (response.status().as_u16(), format!("{:?}", response.headers()));
        let body = response.text().await.expect("a text");
        assert_not_leaked(path, &headers);
        assert_not_leaked(path, &body);
        found += usize::from(status == 200);
        moved += usize::from(status == 301);
        all_responses.push_str(&body);
    }
    assert!(found > 60 && moved >= 3 * 7, "{found} found, {moved} moved");
    for displayed in ["Ben Brook", "Benny Brook", "Tom Ford", "Zoe Ferry"] {
        assert!(all_responses.contains(displayed), "{displayed} is missing");
    }
    for slug in ["zuzqarka-vexolint", "wyrmtikka-plorvane", "quexilla-drombasket"] {
        representations.push(json!({ "__typename": "Researcher", "slug": slug }));
    }
    let query = "query($representations: [_Any!]!) { _entities(representations: $representations) { __typename
        ... on Entity { id slug displayName { value } formerIds }
        ... on Researcher { name givenName familyName otherNames affiliations { nodes { roleTitle { value } } } }
        ... on Paper { title authorships { nodes { name nameAsPublished affiliationsAsPublished } } citation(format: CSL_JSON) } } }";
    let response = app.query(query, json!({ "representations": representations })).await;
    assert_not_leaked("_entities", &response.data().to_string());
    assert!(response.data().to_string().contains("Tom Ford"));
}

#[tokio::test]
async fn pages() {
    let (app, _) = directory_with_hidden_names().await;
    let mut displayed = String::new();
    let pages = crate::pages::all_paths(&app).await;
    for network in pages.iter().filter(|path| path.ends_with("/network")) {
        for format in ["csv", "graphml"] {
            let file = crate::pages::fetch(&app, &format!("/en/{network}?format={format}"), &[]).await;
            assert_eq!(file.status, 200, "{network} {format}");
            assert_not_leaked(network, &file.body);
        }
    }
    for path in pages {
        for language in ["en", "fr"] {
            let page = crate::pages::fetch(&app, &format!("/{language}/{path}"), &[]).await;
            assert_eq!(page.status, 200, "{path}");
            assert_not_leaked(&path, &page.body);
            assert_not_leaked(&path, &format!("{:?}", page.headers));
            displayed.push_str(&page.body);
        }
    }
    for name in ["Ben Brook", "Benny Brook", "Tom Ford", "Zoe Ferry"] {
        assert!(displayed.contains(name), "{name} is missing");
    }
    // Former slugs lead to the current one, and the redirect says nothing of the former one.
    for (slug, expected) in [("wyrmtikka-plorvane", "ben-brook"), ("quexilla-drombasket", "tom-ford")] {
        let redirect = crate::pages::fetch(&app, &format!("/en/people/{slug}"), &[]).await;
        assert_eq!(redirect.status, 301, "{slug}");
        assert_eq!(redirect.headers["location"], format!("../../en/people/{expected}"));
        assert_not_leaked(slug, &format!("{:?} {}", redirect.headers, redirect.body));
    }
}

#[tokio::test]
async fn orders_filters_and_cursors() {
    let (app, _) = directory_with_hidden_names().await;
    for field in ["NAME", "PAPER_COUNT", "LAST_PUBLICATION_YEAR", "UPDATED_AT", "RELEVANCE"] {
        for direction in ["ASC", "DESC"] {
            for word in ["zuzqarka", "vexolint", "brook", "ford"] {
                let filter =
                    format!("filter: {{query: {word:?}}}, orderBy: {{field: {field}, direction: {direction}}}");
                let selection = "edges { cursor node { name slug otherNames } } facets { topics { topic { slug } count } } totalCount";
                let response = app.data(&format!("{{ researchers({filter}) {{ {selection} }} }}")).await;
                assert_not_leaked(&filter, &response.to_string());
                let edges = response["researchers"]["edges"].as_array().expect("edges");
                assert!(!edges.is_empty(), "{filter}");
                for edge in edges {
                    let next = format!("{filter}, after: {}", edge["cursor"]);
                    assert_not_leaked(
                        &next,
                        &app.data(&format!("{{ researchers({next}) {{ {selection} }} }}")).await.to_string(),
                    );
                }
            }
        }
    }
    let lists = "{ affiliations(orderBy: {field: RESEARCHER_NAME, direction: ASC}) { edges { cursor node { researcher { name } } } }
        paper(by: {slug: \"three\"}) { authorships { edges { cursor } } }
        researcher(by: {slug: \"ben-brook\"}) { coauthors(orderBy: {field: NAME, direction: DESC}) { edges { cursor } } } }";
    assert_not_leaked(lists, &app.data(lists).await.to_string());
}

#[tokio::test]
async fn searchable_names() {
    let (app, _) = directory_with_hidden_names().await;
    let found = async |name: &str| {
        let query = "query Found($query: String!) {
            search(query: $query, kinds: [RESEARCHER]) { nodes { ... on Researcher { name } } edges { highlights { field segments { text } } } }
            autocomplete(query: $query, kinds: [RESEARCHER]) { label hint node { id } }
            researchers(filter: {query: $query}) { nodes { name } } }";
        let found = app.data_with_variables(query, json!({ "query": name })).await;
        assert_not_leaked(name, &found.to_string());
        let names = [
            pluck_strings(&found["search"]["nodes"], &["name"]),
            pluck_strings(&found["autocomplete"], &["label"]),
            pluck_strings(&found["researchers"]["nodes"], &["name"]),
        ];
        assert!(names[0] == names[1] && names[1] == names[2], "{name}: {names:?}");
        (names[0].clone(), found)
    };
    for name in [SEARCH_ONLY_NAME, "zuzqarka", "Vexolint, Zuzqarka"] {
        let (names, found) = found(name).await;
        assert_eq!(names, ["Ben Brook"], "{name}");
        assert_eq!(found["search"]["edges"][0]["highlights"], json!([]), "{name}");
        assert_eq!(found["autocomplete"][0]["hint"], json!("College"), "{name}");
    }
    for name in [PRIVATE_NAME, "plorvane", FORMER_NAME, "drombasket"] {
        assert_eq!(found(name).await.0, Vec::<String>::new(), "{name}");
    }
    assert_eq!(found("Tom Ford").await.0, ["Tom Ford"]);
    // A former slug redirects to the researcher's current one.
    let slugs = "{ a: researcher(by: {slug: \"wyrmtikka-plorvane\"}) { name slug formerIds }
        b: researcher(by: {slug: \"quexilla-drombasket\"}) { name slug formerIds } }";
    assert_eq!(
        app.data(slugs).await,
        json!({ "a": { "name": "Ben Brook", "slug": "ben-brook", "formerIds": [] },
            "b": { "name": "Tom Ford", "slug": "tom-ford", "formerIds": [] } })
    );
}

#[tokio::test]
async fn error_messages() {
    let (app, _) = directory_with_hidden_names().await;
    let ben = find_researcher_id(&app, "Ben Brook").await;
    for (query, variables) in [
        ("query($id: ID!) { papers(filter: {ids: [$id]}) { nodes { id } } }", json!({ "id": ben })),
        ("query($id: ID!) { organizations(filter: {ids: [$id]}, first: 101) { nodes { id } } }", json!({ "id": ben })),
        ("{ researcher(by: {slug: \"ben-brook\", orcid: \"x\"}) { name } }", json!({})),
        ("{ researchers(after: \"x\") { nodes { name } } }", json!({})),
        ("{ researchers(orderBy: {field: RELEVANCE, direction: ASC}) { nodes { name } } }", json!({})),
        ("{ researcher(by: {slug: \"ben-brook\"}) { hiddenNames nameKey searchOnlyNames } }", json!({})),
        ("query($long: String!) { search(query: $long) { nodes { id } } }", json!({ "long": "brook ".repeat(200) })),
    ] {
        let response = app.query(query, variables).await;
        assert!(!response.codes().is_empty(), "{query}");
        assert_not_leaked(query, &response.body.to_string());
    }
    // Internal errors leak nothing.
    app.execute_sql("ALTER TABLE external_id RENAME TO elsewhere").await;
    let response =
        app.query("{ researcher(by: {slug: \"zuzqarka-vexolint\"}) { name identifiers { value } } }", json!({})).await;
    assert_not_leaked("an internal error", &response.body.to_string());
}

#[tokio::test]
async fn headers_and_cached_responses() {
    let url = create_database().await;
    let cache_config = HttpConfig { cache_max_bytes: 1 << 20, ..http_config() };
    let app =
        TestApp::start_with_config(database_config(&url, 100), Limits::default(), cache_config, network_config()).await;
    app.create_records(json!([paper_record("Tides", Some(2001), &[FORMER_NAME, "Cy Ek"])])).await;
    let query = "query Tides { papers { nodes { authorships { nodes { name nameAsPublished isPublishedNameWithheld researcher { name slug } } } } } }";
    let digest: String = Sha256::digest(query).iter().map(|byte| format!("{byte:02x}")).collect();
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": digest } });
    let ask = async || {
        let body = json!({ "query": query, "extensions": extensions });
        let posted = app.client().post(app.url("/graphql")).json(&body).send().await.expect("a response");
        posted.text().await.expect("a text");
        let parameters = [("extensions", extensions.to_string())];
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request = app.client().get(app.url(&format!("/graphql?{encoded}"))).header("Accept", "application/json");
        let response = request.send().await.expect("a response");
        let headers = format!("{:?}", response.headers());
        (headers, response.text().await.expect("a text"))
    };
    let (_, before) = ask().await;
    assert!(before.contains(FORMER_NAME), "{before}");
    let decision = NameDecision::Set {
        chosen: Some(ChosenName { name: "Tom Ford".to_owned(), given_name: None, family_name: None }),
        former_use: NameUse::Private,
        withholds_published_name: Some(true),
    };
    app.store.decide_names("quexilla-drombasket", &decision, false).await.expect("a decision");
    for _ in 0..2 {
        let (headers, after) = ask().await;
        assert_not_leaked("headers", &headers);
        assert_not_leaked("an answer", &after);
        let expected = "{\"name\":\"Tom Ford\",\"nameAsPublished\":\"Tom Ford\",\"isPublishedNameWithheld\":true,\"researcher\":{\"name\":\"Tom Ford\",\"slug\":\"tom-ford\"}}";
        assert!(after.contains(expected), "{after}");
    }
}

#[tokio::test]
async fn command_line_and_logs() {
    let (app, workspace) = directory_with_hidden_names().await;
    // Imports of other records that contain the hidden names.
    let owner = |number: u64, given: &str, family: &str, work: &str| {
        json!({ "orcid-identifier": { "path": orcid(number) }, "person": { "name": { "visibility": "public",
            "given-names": { "value": given }, "family-name": { "value": family } } },
            "activities-summary": { "works": { "group": [{ "work-summary": [{ "visibility": "public",
                "title": { "title": { "value": work } }, "external-ids": { "external-id": [{ "external-id-type": "doi",
                "external-id-value": format!("10.5555/{}", work.to_lowercase()), "external-id-relationship": "self" }] } }] }] } } })
    };
    // Two of them add an ORCID iD to the researcher; the third one is unrelated to the paper's authors.
    let owners = [
        owner(8, "Wyrmtikka", "Plorváne", "Three"),
        owner(9, "Quexilla", "Drombasket", "Three"),
        owner(10, "Žuzqarka", "Vexolínt", "Seven"),
    ];
    let file = workspace.write_file("orcid.jsonl", owners.map(|owner| format!("{owner}\n")).concat());
    let outcome = workspace.import(&app.database_url, &["orcid", file]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("is not among the paper's authors"), "{outcome:?}");
    assert_not_leaked("import orcid", &(outcome.stdout + &outcome.stderr));
    let text: String = records_with_hidden_names().iter().map(|record| format!("{record}\n")).collect();
    let file = workspace.write_file("records.jsonl", text);
    let outcome = workspace.import(&app.database_url, &["records", file, "--source", "another"]);
    assert_not_leaked("import records", &(outcome.stdout + &outcome.stderr));

    for arguments in [
        &["add", "ben-brook", "B. Vexolint", "--use", "search-only", "--dry-run"][..],
        &["add", "wyrmtikka-plorvane", "Wyrmtikka P.", "--use", "private"],
        &["remove", "ben-brook", "Wyrmtikka P."],
        &["set", "ben-brook", "--withhold-published-name"],
    ] {
        assert_not_leaked(&format!("names {arguments:?}"), &run_names(&workspace, &app, arguments));
    }
    let refused =
        run_to_completion(&mut workspace.command_with_database(&app.database_url, &["names", "list", "zuzqarka"]));
    assert_eq!(refused.code, Some(1));
    assert_not_leaked("an error", &(refused.stdout + &refused.stderr));
    // A paper under a hidden name with damaged characters, which are repaired.
    let damaged = with_fields(
        paper_record("Thirteen", Some(2001), &["Wyrmtikka PlorvÃ¡ne", "Uma Leeds"]),
        json!({ "doi": "10.5555/thirteen" }),
    );
    app.write_records(&parse_records(json!([damaged]))).await;
    let arguments = ["identity", "merge", "cy-ek", "ben-brook", "--force", "--dry-run"];
    let merge = run_to_completion(&mut workspace.command_with_database(&app.database_url, &arguments));
    assert_eq!(merge.code, Some(0), "{merge:?}");
    assert!(merge.stdout.contains("Thirteen"), "{merge:?}");
    assert_not_leaked("identity merge", &(merge.stdout + &merge.stderr));
    let list = run_names(&workspace, &app, &["list", "ben-brook"]);
    for name in [SEARCH_ONLY_NAME, PRIVATE_NAME, "Benny Brook"] {
        assert!(list.contains(name), "the list for operators has all names: {list}");
    }

    // The log and metrics of a server that receives queries with hidden names.
    let mut command = workspace.command_with_database(&app.database_url, &["serve"]);
    let mut server = ChildProcess::start(command.env("LISTEN", "127.0.0.1:0").env("LOG", "info"));
    let url = server.wait_for_line("GraphQL ");
    let client = app.client();
    for (query, name) in [
        (
            "query Named($name: String!) { search(query: $name) { nodes { id } edges { highlights { field } } } }",
            "zuzqarka vexolint",
        ),
        ("query Named($name: String!) { autocomplete(query: $name) { label hint } }", "drombas"),
        ("query Named($name: String!) { researcher(by: {slug: $name}) { slug otherNames } }", "quexilla-drombasket"),
        ("query Named($name: String!) { researcher(by: {id: $name}) { nothing } }", "x"),
    ] {
        let body = json!({ "query": query, "variables": { "name": name } });
        let response = client.post(&url).json(&body).send().await.expect("a response");
        assert_not_leaked("headers", &format!("{:?}", response.headers()));
        assert_not_leaked(query, &response.text().await.expect("a text"));
    }
    let metrics = client.get(url.replace("/graphql", "/metrics")).send().await.expect("a response");
    assert_not_leaked("metrics", &metrics.text().await.expect("a text"));
    server.send_signal(Signal::TERM);
    let outcome = server.wait();
    assert!(outcome.stderr.contains("Named"), "requests are logged: {}", outcome.stderr);
    assert_not_leaked("a server", &(outcome.stdout + &outcome.stderr));
}

#[tokio::test]
async fn harvested_records() {
    let (app, _) = directory_with_hidden_names().await;
    crate::oai_pmh::let_time_pass(&app).await;
    let get = async |query: &str| {
        let response = app.client().get(app.url(&format!("/oai?{query}"))).send().await.expect("a response");
        response.text().await.expect("a text")
    };
    for format in ["oai_dc", "oai_cerif_openaire"] {
        for verb in ["ListRecords", "ListIdentifiers"] {
            let page = get(&format!("verb={verb}&metadataPrefix={format}")).await;
            assert!(page.contains("Papers/") && page.contains("Persons/"), "{page}");
            assert!(
                verb == "ListIdentifiers" || page.contains("Ben Brook") || page.contains("Ben</FirstNames>"),
                "{page}"
            );
            assert_not_leaked(&format!("{verb} in {format}"), &page);
        }
    }
    for query in ["verb=ListSets", "verb=Identify"] {
        assert_not_leaked(query, &get(query).await);
    }
}
