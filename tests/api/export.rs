//! Exports: a lossless round trip into an empty database, and papers in formats of reference managers.

use serde_json::{Value, json};

use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{CommandOutput, Workspace, run_to_completion};
use crate::support::{
    TestApp, create_database, orcid, organization_record, paper_record, researcher_record, ror, shared_data,
    topic_record, unlimited_limits, with_fields,
};

const NOTHING_REJECTED: &str = "updated 0, unchanged 0, invalid 0";

fn run_export(workspace: &Workspace, database_url: &str, arguments: &[&str]) -> CommandOutput {
    run_to_completion(&mut workspace.command_with_database(database_url, &[&["export"], arguments].concat()))
}

/// The database content with all IDs, without timestamps and import-only data.
async fn dump_with_ids(url: &str) -> Vec<String> {
    let own = "NOT starts_with(key, 'directory:')";
    let mut lines: Vec<String> = dump_database(url)
        .await
        .into_iter()
        .filter(|line| !line.starts_with("source_record ") && !line.starts_with("declared "))
        .collect();
    let with_ids = ["paper", "researcher", "organization", "topic", "affiliation", "authorship"].map(|table| {
        format!("SELECT '{table} ' || (to_jsonb({table}) - '{{list_order,created_at,updated_at}}'::text[])::text FROM {table}")
    });
    let others = [
        "SELECT 'former ' || to_jsonb(former_identity)::text FROM former_identity".to_owned(),
        format!("SELECT 'source_record ' || to_jsonb(source_record)::text FROM source_record WHERE {own}"),
        "SELECT 'awaited ' || to_jsonb(organization_awaited_relation)::text FROM organization_awaited_relation"
            .to_owned(),
    ];
    for sql in with_ids.into_iter().chain(others) {
        lines.extend(query_strings(url, &sql).await);
    }
    lines.sort_unstable();
    lines
}

/// Reads the whole directory over GraphQL, page by page.
async fn read_all_pages(app: &TestApp) -> Vec<Value> {
    const ENTITY_FIELDS: [(&str, &str); 5] = [
        (
            "researchers",
            "id slug formerIds displayName { value } name givenName familyName otherNames orcid identifiers { scheme value } \
             headline { value language } biography { value language } portraitUrl homepageUrl \
             affiliations(first: 100) { nodes { id kind isPrimary startDate endDate isCurrent roleTitle { value } departmentName { value } organization { id } } } \
             topics(first: 100) { edges { isDeclared paperCount node { id } } } \
             papers(first: 100) { edges { authorship { id } node { id } } } coauthors(first: 100) { edges { paperCount firstYear lastYear node { id } } } \
             statistics { paperCount coauthorCount firstPublicationYear lastPublicationYear }",
        ),
        (
            "organizations",
            "id slug formerIds names { value language kind } ror identifiers { scheme value } types status countryCode city homepageUrl \
             parents { id } children(first: 100) { nodes { id } } predecessors { id } successors { id } researchers(first: 100) { nodes { id } }",
        ),
        (
            "topics",
            "id slug formerIds labels { value language kind } scheme identifiers { scheme value } broader { id } narrower(first: 100) { nodes { id } }",
        ),
        ("affiliations", "id kind researcher { id } organization { id }"),
        (
            "papers",
            "id slug formerIds title displayName { value } abstract { completeness text language } publicationDate publicationYear type venueName \
             volume issue pages articleNumber edition publisherName issns isbns keywords language doi arxivId identifiers { scheme value } url isRetracted topics(first: 100) { nodes { id } } \
             authorships(first: 100) { nodes { id position sequence name nameAsPublished researcher { id } isCorresponding equalContributionGroup \
             affiliationsAsPublished organizations { id } nameRepair { value rule confidence } } }",
        ),
    ];
    let mut pages = Vec::new();
    for (list, fields) in ENTITY_FIELDS {
        let mut after = Value::Null;
        loop {
            let query = format!(
                "query($after: String) {{ {list}(first: 20, after: $after) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ {fields} }} }} }}"
            );
            let page = app.query(&query, json!({ "after": after })).await.data()[list].clone();
            pages.push(page["nodes"].clone());
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
    pages
}

/// Edge cases: homonyms, damaged names, papers without identifiers, merged entities and cyclic topics.
fn unusual_records() -> Vec<Value> {
    let below = json!({ "names": [{ "value": "Lab", "kind": "DISPLAY" }], "kind": "organization", "relations": [["parent", ror(1)], ["child", ror(2)]] });
    let cycle = |code: &str, above: &str| {
        json!({ "kind": "topic", "scheme": "test", "code": code, "names": [{ "value": code, "kind": "LABEL" }],
            "broader": [{ "scheme": "test", "code": above }] })
    };
    vec![
        with_fields(
            organization_record(1, "College"),
            json!({ "relations": [["successor", ror(2)], ["parent", ror(9)]] }),
        ),
        organization_record(2, "School"),
        below,
        topic_record("Weirs"),
        cycle("a", "b"),
        cycle("b", "a"),
        cycle("c", "never-told"),
        with_fields(
            researcher_record("Ida Brook"),
            json!({ "orcid": orcid(1), "topics": [{ "labels": { "en": "Weirs" } }, { "scheme": "test", "code": "a" }],
            "affiliations": [{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "isPrimary": true, "startDate": "2001" },
                { "organization": { "name": "Lab" }, "affiliationKind": "MEMBERSHIP", "roleTitle": { "fr": "Membre" }, "hasEnded": true }] }),
        ),
        with_fields(researcher_record("Ida Brook"), json!({ "orcid": orcid(2) })),
        with_fields(
            paper_record("On weirs", Some(2001), &["Ida Brook", "Ida Brook", "Andr'as Bovsnjak"]),
            json!({ "topics": [{ "scheme": "test", "code": "c" }], "volume": "12", "issue": "3", "pages": "1–2", "articleNumber": "e5",
                "edition": "2", "publisherName": "Weir Press", "issns": ["0028-0836"], "isbns": ["9783161484100"], "keywords": ["weirs"] }),
        ),
        with_fields(
            paper_record("On locks", None, &["András Bošnjak", "Tom Ford"]),
            json!({ "authors": [
            { "name": "András Bošnjak", "organizations": [{ "ror": ror(2) }], "affiliationsAsPublished": ["School, Town"] }, { "name": "Tom Ford", "isCorresponding": true }] }),
        ),
        json!({ "kind": "paper", "title": "Without any id", "authors": [{ "position": 1, "name": "Tom Ford" }] }),
        with_fields(paper_record("Without any id", None, &["Tom Ford"]), json!({ "sourceId": "another one" })),
        with_fields(
            paper_record("Withheld", Some(2002), &["Tom Ford"]),
            json!({ "abstractCompleteness": "WITHHELD", "doi": "10.48550/arXiv.2001.00001" }),
        ),
        with_fields(
            paper_record("The other", Some(2002), &["Tom Ford"]),
            json!({ "arxivId": "2001.00001", "identifiers": [{ "scheme": "pmid", "value": "7" }] }),
        ),
    ]
}

fn to_json_lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// Asserts that an export, imported into an empty database, gives an identical directory.
async fn assert_round_trip(workspace: &Workspace, app: &TestApp) {
    let exported = run_export(workspace, &app.database_url, &["records", "--output", "first.jsonl"]);
    assert_eq!((exported.code, exported.stdout.as_str()), (Some(0), ""), "{exported:?}");
    assert!(!workspace.path("first.jsonl.part").exists());

    let url = create_database().await;
    let imported = workspace.import(&url, &["records", "first.jsonl"]);
    assert!(imported.summary().contains(NOTHING_REJECTED), "{imported:?}");
    // Two topics of the records are above each other.
    let is_expected = |line: &&str| line.contains(" authors, more than") || line.contains("topic 'b' is above itself");
    let complaints: Vec<&str> = imported.stderr_lines().into_iter().filter(|line| !is_expected(line)).collect();
    assert_eq!(complaints, Vec::<&str>::new());
    assert_dumps_equal(&dump_with_ids(&url).await, &dump_with_ids(&app.database_url).await);

    let copy = TestApp::start_on_database(url.clone(), unlimited_limits(), 100).await;
    copy.store.refresh_statistics_if_stale().await.expect("the counts");
    app.store.refresh_statistics_if_stale().await.expect("the counts");
    for (copied, own) in read_all_pages(&copy).await.into_iter().zip(read_all_pages(app).await) {
        assert_eq!(copied, own);
    }

    let again = run_export(workspace, &url, &["records"]);
    let first = std::fs::read_to_string(workspace.path("first.jsonl")).expect("the export");
    assert!(again.stdout == first, "the second export differs");
    let imported = workspace.import(&url, &["records", "first.jsonl"]);
    assert!(imported.summary().contains("created 0, updated 0, unchanged"), "{imported:?}");
    assert!(run_export(workspace, &url, &["records"]).stdout == first, "importing it again changed it");

    // New entities get IDs of their own.
    let more = [
        organization_record(77, "Newcomer"),
        topic_record("Newcomer"),
        with_fields(researcher_record("New Comer"), json!({ "orcid": orcid(77) })),
        paper_record("Newcomer", None, &["New Comer"]),
    ];
    let imported = workspace
        .import(&url, &["records", workspace.write_file("more.jsonl", to_json_lines(&more)), "--source", "more"]);
    assert!(imported.summary().starts_with("read 4: created 4"), "{imported:?}");
}

#[tokio::test]
async fn lossless_round_trip() {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    let workspace = Workspace::new();
    workspace.write_file("demo.jsonl", include_str!("../../demo/directory.jsonl"));
    workspace.write_file("unusual.jsonl", to_json_lines(&unusual_records()));
    for (file, source) in [("demo.jsonl", "demo"), ("unusual.jsonl", "test")] {
        assert_eq!(workspace.import(&app.database_url, &["records", file, "--source", source]).code, Some(0));
    }
    app.execute_sql(
        "INSERT INTO former_identity (kind, former_id, former_slug, survivor_id) SELECT 'researcher', 9000, 'ida-b', id \
         FROM researcher WHERE slug = 'ida-brook'",
    )
    .await;
    assert_round_trip(&workspace, &app).await;
}

#[tokio::test]
async fn round_trip_of_external_formats() {
    let Some(directory) = shared_data("data/formats") else { return };
    let directory = directory.canonicalize().expect("a directory");
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    let workspace = Workspace::new();
    for format in ["crossref", "openalex", "orcid", "bibtex", "ris", "csl"] {
        let files = directory.join(format).display().to_string();
        workspace.import(&app.database_url, &["auto", &files]);
    }
    let papers = query_strings(&app.database_url, "SELECT count(*) FROM paper").await;
    assert!(papers[0].parse::<u32>().expect("a number") > 500, "{papers:?}");
    assert_round_trip(&workspace, &app).await;
}

#[tokio::test]
async fn import_into_a_non_empty_directory() {
    let workspace = Workspace::new();
    let (from, to) = (TestApp::start().await, TestApp::start().await);
    from.create_records(json!([
        organization_record(1, "College"),
        with_fields(researcher_record("Ida Brook"), json!({ "orcid": orcid(1) })),
        with_fields(
            paper_record("On weirs", Some(2001), &["Ida Brook", "Tom Ford"]),
            json!({ "doi": "10.1000/weirs" })
        ),
    ]))
    .await;
    to.create_records(json!([
        organization_record(2, "School"),
        with_fields(researcher_record("Uma Ferry"), json!({ "orcid": orcid(2) })),
        with_fields(researcher_record("I. Brook"), json!({ "orcid": orcid(1) })),
        with_fields(paper_record("Weirs", Some(2001), &["Uma Ferry"]), json!({ "doi": "10.1000/weirs" })),
    ]))
    .await;
    assert_eq!(run_export(&workspace, &from.database_url, &["records", "--output", "from.jsonl"]).code, Some(0));
    let imported = workspace.import(&to.database_url, &["records", "from.jsonl"]);
    assert_eq!(imported.summary(), "read 4: created 2, updated 2, unchanged 0, invalid 0; 3 warnings and notes");
    insta::assert_snapshot!(imported.stderr, @r"
    from.jsonl:1: note: the id 1 is taken; the entity has the id 2 here
    from.jsonl:3: note: the id 2 is taken; the entity has the id 3 here
    from.jsonl:2: note: the researcher with the id 1 in the exporting directory has the id 2 here
    ");
    // Researchers match by ORCID iD and papers by DOI, and references resolve to the matched entities.
    let found = to
        .data("{ paper(by: {doi: \"10.1000/weirs\"}) { authorships { nodes { researcher { slug } } } } researchers { totalCount } papers { totalCount } }")
        .await;
    assert_eq!(
        found,
        json!({ "paper": { "authorships": { "nodes": [{ "researcher": { "slug": "i-brook" } }, { "researcher": { "slug": "tom-ford" } }] } },
            "researchers": { "totalCount": 3 }, "papers": { "totalCount": 1 } })
    );
}

async fn directory_with_papers() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!([
        with_fields(organization_record(1, "College"), json!({})),
        with_fields(researcher_record("Ida Brook"), json!({ "orcid": orcid(1) })),
        with_fields(paper_record("On weirs", Some(2001), &["Ida Brook", "Tom Ford"]), json!({ "doi": "10.1000/weirs", "venueName": "Waters",
            "authors": [{ "position": 1, "name": "Ida Brook", "orcid": orcid(1), "organizations": [{ "ror": ror(1) }] }, { "position": 2, "name": "Tom Ford" }] })),
        paper_record("On locks", Some(2005), &["Tom Ford"]),
        paper_record("On {dams} & \"sluices\"", None, &[]),
    ]))
    .await;
    app
}

#[tokio::test]
async fn paper_selection() {
    let app = directory_with_papers().await;
    let workspace = Workspace::new();
    let keys = |arguments: &[&str]| {
        let outcome = run_export(&workspace, &app.database_url, &[&["bibtex"], arguments].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let entries = outcome.stdout.lines().filter_map(|line| line.strip_prefix('@')?.split_once('{'));
        entries.map(|(_, key)| key.trim_end_matches(',').to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), ["on-weirs", "on-locks", "on-dams-sluices"]);
    assert_eq!(keys(&["--paper", "https://doi.org/10.1000/WEIRS", "on-locks"]), ["on-weirs", "on-locks"]);
    assert_eq!(keys(&["--paper", &app.find_id("paper", "on-locks").await]), ["on-locks"]);
    assert_eq!(keys(&["--researcher", &orcid(1)]), ["on-weirs"]);
    assert_eq!(keys(&["--researcher", "tom-ford", "--year", "2002-"]), ["on-locks"]);
    assert_eq!(keys(&["--organization", &ror(1)]), ["on-weirs"]);
    assert_eq!(keys(&["--year", "1999"]), Vec::<String>::new());

    let outcome = run_export(&workspace, &app.database_url, &["bibtex", "--researcher", "nobody"]);
    assert_eq!((outcome.code, outcome.stderr_lines()[1]), (Some(1), "error: researcher 'nobody' not found"));
    let outcome = run_export(&workspace, &app.database_url, &["records", "--year", "2001"]);
    assert!(
        outcome.code == Some(1) && outcome.stderr.contains("records and backups are always complete"),
        "{outcome:?}"
    );

    // The three citation formats can be imported again.
    for (format, file) in [("bibtex", "all.bib"), ("ris", "all.ris"), ("csl", "all.json")] {
        assert_eq!(run_export(&workspace, &app.database_url, &[format, "--output", file]).code, Some(0));
        let imported = workspace.import(&create_database().await, &[format, file]);
        assert_eq!(imported.summary(), "read 3: created 3, updated 0, unchanged 0, invalid 0", "{imported:?}");
    }
    let empty = run_export(&workspace, &app.database_url, &["csl", "--year", "1999"]);
    assert_eq!(serde_json::from_str::<Value>(&empty.stdout).expect("JSON"), json!([]));
}

#[tokio::test]
async fn citations() {
    let app = directory_with_papers().await;
    let query = "{ papers { nodes { slug bibtex: citation(format: BIBTEX) ris: citation(format: RIS) csl: citation(format: CSL_JSON) \
         apa: formattedCitation ieee: formattedCitation(style: \"IEEE\") french: formattedCitation(languages: [\"fr-BE\"]) } } }";
    let (response, statements) = app.query_counting_statements(query, json!({})).await;
    insta::assert_json_snapshot!(response.data(), @r#"
    {
      "papers": {
        "nodes": [
          {
            "apa": "Ford, T. (2005). On locks.",
            "bibtex": "@article{on-locks,\n  title = {On locks},\n  author = {Ford, Tom},\n  year = {2005},\n}\n",
            "csl": "{\"author\":[{\"family\":\"Ford\",\"given\":\"Tom\"}],\"id\":\"on-locks\",\"issued\":{\"date-parts\":[[2005]]},\"title\":\"On locks\",\"type\":\"article-journal\"}",
            "french": "Ford, T. (2005). On locks.",
            "ieee": "T. Ford, “On locks,” 2005.",
            "ris": "TY  - JOUR\r\nID  - on-locks\r\nTI  - On locks\r\nAU  - Ford, Tom\r\nPY  - 2005\r\nER  - \r\n",
            "slug": "on-locks"
          },
          {
            "apa": "Brook, I., & Ford, T. (2001). On weirs. Waters. https://doi.org/10.1000/weirs",
            "bibtex": "@article{on-weirs,\n  title = {On weirs},\n  author = {Brook, Ida and Ford, Tom},\n  year = {2001},\n  journal = {Waters},\n  doi = {10.1000/weirs},\n}\n",
            "csl": "{\"DOI\":\"10.1000/weirs\",\"author\":[{\"family\":\"Brook\",\"given\":\"Ida\"},{\"family\":\"Ford\",\"given\":\"Tom\"}],\"container-title\":\"Waters\",\"id\":\"on-weirs\",\"issued\":{\"date-parts\":[[2001]]},\"title\":\"On weirs\",\"type\":\"article-journal\"}",
            "french": "Brook, I., & Ford, T. (2001). On weirs. Waters. https://doi.org/10.1000/weirs",
            "ieee": "I. Brook and T. Ford, “On weirs,” Waters, 2001, doi: 10.1000/weirs.",
            "ris": "TY  - JOUR\r\nID  - on-weirs\r\nTI  - On weirs\r\nAU  - Brook, Ida\r\nAU  - Ford, Tom\r\nPY  - 2001\r\nT2  - Waters\r\nDO  - 10.1000/weirs\r\nER  - \r\n",
            "slug": "on-weirs"
          },
          {
            "apa": "On {dams} & \"sluices\". (n.d.).",
            "bibtex": "@article{on-dams-sluices,\n  title = {On \\textbraceleft{}dams\\textbraceright{} \\& \"sluices\"},\n}\n",
            "csl": "{\"id\":\"on-dams-sluices\",\"title\":\"On {dams} & \\\"sluices\\\"\",\"type\":\"article-journal\"}",
            "french": "On {dams} & \"sluices\". (s. d.).",
            "ieee": "“On {dams} & \"sluices\".”",
            "ris": "TY  - JOUR\r\nID  - on-dams-sluices\r\nTI  - On {dams} & \"sluices\"\r\nER  - \r\n",
            "slug": "on-dams-sluices"
          }
        ]
      }
    }
    "#);
    // The list, all authors for entries, and those that styles show; formatting runs no statement.
    assert_eq!(statements, 3);
    let (response, statements) =
        app.query_counting_statements("{ papers { nodes { formattedCitation } } }", json!({})).await;
    response.data();
    assert_eq!(statements, 2);

    let response = app.query("{ papers { nodes { formattedCitation(style: \"oxford\") } } }", json!({})).await;
    assert_eq!(response.codes()[0], "BAD_USER_INPUT");
    assert_eq!(
        response.messages()[0],
        "unknown style 'oxford'; the styles are apa, chicago, harvard, ieee, mla, nature, vancouver"
    );

    let text = |response: crate::support::GraphqlResponse| {
        response.data()["paper"]["formattedCitation"].as_str().map(ToOwned::to_owned)
    };
    let query = "{ paper(by: {slug: \"on-weirs\"}) { formattedCitation(style: \"chicago\") } }";
    let french = text(app.query_in_languages(query, json!({}), Some("fr")).await).expect("a reference");
    let english = text(app.query_in_languages(query, json!({}), Some("de")).await).expect("a reference");
    assert!(french.contains(" et Tom Ford") && english.contains(" and Tom Ford"), "{french} {english}");
}

#[tokio::test]
async fn citation_of_a_hyperauthored_paper() {
    let app = TestApp::start().await;
    let authors: Vec<Value> =
        (1..=2_889).map(|number| json!({ "position": number, "name": format!("Ida{number} Brook{number}") })).collect();
    app.create_records(json!([with_fields(
        paper_record("A collision", Some(2012), &[]),
        json!({ "authors": authors })
    )]))
    .await;
    let query = "{ paper(by: {slug: \"a-collision\"}) { formattedCitation citation(format: RIS) } }";
    let paper = app.data(query).await["paper"].clone();
    let reference = paper["formattedCitation"].as_str().expect("a text");
    assert!(reference.contains("Brook19, I., … Brook2889, I. (2012)"), "{reference}");
    assert_eq!(paper["citation"].as_str().expect("a text").matches("AU  - ").count(), 2_889);
}

#[tokio::test]
async fn round_trip_of_curation() {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    let workspace = Workspace::new();
    workspace.write_file("unusual.jsonl", to_json_lines(&unusual_records()));
    assert_eq!(workspace.import(&app.database_url, &["records", "unusual.jsonl", "--source", "test"]).code, Some(0));
    // One researcher has two ORCID iDs, and one of two namesakes is split off.
    for decision in [
        &["merge", "ida-brook", "ida-brook-2", "--force"][..],
        &["split", "tom-ford", "--papers", "on-locks"],
        // Applies the consequences of the decisions to all other names.
        &["resolve", "--all"],
    ] {
        let outcome = run_to_completion(
            &mut workspace.command_with_database(&app.database_url, &[&["identity"], decision].concat()),
        );
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    }
    assert_round_trip(&workspace, &app).await;
}

#[tokio::test]
async fn hidden_names() {
    let app = TestApp::start().await;
    let authors = json!([{ "position": 1, "name": "Anna Lake", "affiliationsAsPublished": ["College, anna.lake@example.org"] },
        { "position": 2, "name": "Tom Ford" }, { "position": 3, "name": "Anna Lake" }]);
    app.create_records(json!([
        paper_record("On locks", Some(2000), &["Anna Lake"]),
        with_fields(
            researcher_record("Ben Brook"),
            json!({ "otherNames": ["B. Brook", { "value": "Anna Lake", "use": "PRIVATE" }] })
        ),
        with_fields(paper_record("On weirs", Some(2001), &[]), json!({ "authors": authors })),
    ]))
    .await;
    let workspace = Workspace::new();
    for format in ["records", "bibtex", "ris", "csl"] {
        let outcome = run_export(&workspace, &app.database_url, &[format]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(!outcome.stdout.to_lowercase().contains("lake"), "{format} leaks it: {}", outcome.stdout);
        assert!(outcome.stdout.contains("Brook"), "{format}: {}", outcome.stdout);
    }
    let cited = "{ papers { nodes { citation(format: BIBTEX) formattedCitation } } }";
    let cited = app.data(cited).await.to_string();
    assert!(!cited.to_lowercase().contains("lake") && cited.contains("Brook, Ben"), "{cited}");
    assert_round_trip_of_displayed_names(&workspace, &app).await;
}

/// Asserts that the displayed names survive an export and import.
async fn assert_round_trip_of_displayed_names(workspace: &Workspace, app: &TestApp) {
    assert_eq!(run_export(workspace, &app.database_url, &["records", "--output", "shown.jsonl"]).code, Some(0));
    let url = create_database().await;
    assert!(workspace.import(&url, &["records", "shown.jsonl"]).summary().contains(NOTHING_REJECTED));
    let copy = TestApp::start_on_database(url, unlimited_limits(), 100).await;
    let names_query = "{ researchers { nodes { id slug name otherNames papers { nodes { slug } } } }
        papers { nodes { id authorships { nodes { id name nameAsPublished researcher { slug } } } } } }";
    assert_eq!(copy.data(names_query).await, app.data(names_query).await);
}

/// A chosen name whose former name stays displayed: in the copy, the papers under the former name stay the person's.
#[tokio::test]
async fn chosen_names_with_a_displayed_former_name() {
    let app = TestApp::start_with_limits(unlimited_limits(), 100).await;
    app.create_records(json!([
        paper_record("On locks", Some(2000), &["Anna Lake", "Tom Ford"]),
        paper_record("On weirs", Some(2001), &["Anna Lake"]),
        paper_record("On mills", Some(2002), &["Tom Ford", "Uma Leeds"]),
    ]))
    .await;
    let workspace = Workspace::new();
    for decision in [
        &["set", "anna-lake", "--display", "Ben Brook", "--former-use", "display"][..],
        // Without another name that is decided.
        &["set", "uma-leeds", "--display", "Uma-Lise Leeds", "--former-use", "display"],
        &["remove", "uma-lise-leeds", "Uma Leeds"],
    ] {
        let mut command = workspace.command_with_database(&app.database_url, &[&["names"], decision].concat());
        assert_eq!(run_to_completion(&mut command).code, Some(0));
    }
    assert_round_trip(&workspace, &app).await;

    // Also after later imports of the same names, and after all authors are disambiguated again.
    assert_eq!(run_export(&workspace, &app.database_url, &["records", "--output", "shown.jsonl"]).code, Some(0));
    let url = create_database().await;
    assert!(workspace.import(&url, &["records", "shown.jsonl"]).summary().contains(NOTHING_REJECTED));
    let more = to_json_lines(&[paper_record("On tides", Some(2003), &["Anna Lake", "Uma Leeds"])]);
    workspace.write_file("more.jsonl", more);
    let people = "SELECT json_build_array(researcher.id, display_name, other_names, json_agg(paper.title ORDER BY title)) \
         FROM researcher JOIN authorship ON researcher_id = researcher.id JOIN paper ON paper.id = paper_id GROUP BY 1 ORDER BY 1";
    let people = people.replace("GROUP BY 1 ORDER BY 1", "GROUP BY researcher.id ORDER BY researcher.id");
    let mut found = Vec::new();
    for url in [&app.database_url, &url] {
        assert_eq!(workspace.import(url, &["records", "more.jsonl", "--source", "more"]).code, Some(0));
        let mut resolve = workspace.command_with_database(url, &["identity", "resolve", "--all"]);
        assert_eq!(run_to_completion(&mut resolve).code, Some(0));
        found.push(query_strings(url, &people).await);
    }
    assert_eq!(found[1], found[0]);
    assert!(found[0].iter().any(|person| person.contains("Ben Brook") && person.contains("On tides")), "{found:?}");
    assert!(!found[0].iter().any(|person| person.contains("\"Anna Lake\", []")), "{found:?}");
}
