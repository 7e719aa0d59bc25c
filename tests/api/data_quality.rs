//! Data quality: counted issues, samples, filters and the `check` command.

use serde_json::{Value, json};

use crate::support::process::{CommandOutput, Workspace, run_to_completion};
use crate::support::{
    TestApp, orcid, organization_record, paper_record, parse_records, pluck_strings, researcher_record, ror,
    with_fields,
};

const QUALITY_QUERY: &str = "query Quality($filter: QualityFilter) { directory {
    sources { name recordCount researcherCount organizationCount topicCount paperCount }
    quality(filter: $filter) {
        issues { kind subject count total share
            samples { __typename ... on Paper { title } ... on Authorship { position paper { title } } ... on Researcher { name } }
            sources { value count } organizations { organization { slug } count } }
        nameRepairs { rule appliedCount suggestedCount } } } }";

/// A directory with every kind of issue, some from two sources and at two organizations.
async fn faulty_directory() -> TestApp {
    let app = TestApp::start().await;
    let at = |number: u64| json!([{ "ror": ror(number) }]);
    let employed = |number: u64, start: &str| json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT", "startDate": start });
    let cut = json!({ "doi": "10.1000/cut", "abstract": { "en": "It begins" }, "abstractCompleteness": "TRUNCATED" });
    let there = json!({ "authors": [
        { "position": 1, "name": "Ida Brook", "organizations": at(1) }, { "position": 2, "name": "Ana Ili'c", "organizations": at(2) } ] });
    app.create_records(json!([
        with_fields(organization_record(1, "College"), json!({ "countryCode": "FR" })),
        with_fields(
            organization_record(2, "Institute"),
            json!({ "countryCode": "CA", "relations": [["parent", ror(1)]] })
        ),
        with_fields(
            researcher_record("Uma Quist"),
            json!({ "affiliations": [employed(1, "2001"), employed(2, "2003-05")] })
        ),
        with_fields(researcher_record("Tom Ford"), json!({ "affiliations": [employed(1, "2001")] })),
        researcher_record("Zed Aal"),
        with_fields(paper_record("Tides", Some(2001), &[]), there),
        with_fields(
            paper_record("Waves", None, &["Matko Bovsnjak", "Uma Quist"]),
            json!({ "identifiers": [{ "scheme": "pmid", "value": "7" }] })
        ),
        with_fields(paper_record("Winds", Some(2010), &["Uma Quist", "Edda Frostad"]), cut),
    ]))
    .await;
    let others = parse_records(json!([
        with_fields(paper_record("Winds", Some(2010), &["Uma Quist", "Edda Frostad"]), json!({ "doi": "10.1000/cut" })),
        with_fields(
            paper_record("Empty", Some(1999), &[]),
            json!({ "abstract": { "en": "All of it." }, "abstractCompleteness": "FULL", "arxivId": "2001.00001" })
        ),
    ]));
    app.store.write_records("other", &others).await.expect("the records");
    // Inconsistencies that no import can produce.
    app.execute_sql(&format!(
        "UPDATE researcher_statistics SET first_year = 1900 WHERE researcher_id = (SELECT id FROM researcher WHERE slug = 'edda-frostad');
         UPDATE authorship SET orcid = '{}' WHERE name = 'Edda Frostad';
         UPDATE researcher SET orcid = '{}' WHERE slug = 'edda-frostad';
         UPDATE authorship SET orcid = '{}', is_orcid_doubtful = true WHERE name = 'Matko Bovsnjak';
         UPDATE authorship_resolution SET method = 'NAME', confidence = 0.7 WHERE authorship_id =
             (SELECT max(id) FROM authorship WHERE name = 'Uma Quist');
         UPDATE authorship SET researcher_id = NULL WHERE name = 'Ida Brook'",
        orcid(1),
        orcid(2),
        orcid(3)
    ))
    .await;
    app
}

fn issues(data: &Value) -> &Vec<Value> {
    data["directory"]["quality"]["issues"].as_array().expect("issues")
}

/// The kinds with a nonzero count.
fn nonzero_counts(data: &Value) -> Vec<(String, u64)> {
    let counted = issues(data)
        .iter()
        .map(|issue| (issue["kind"].as_str().expect("a kind").to_owned(), issue["count"].as_u64().expect("a count")));
    counted.filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn every_field() {
    let app = faulty_directory().await;
    let mut data = app.data_with_variables(QUALITY_QUERY, json!({})).await;
    for issue in data["directory"]["quality"]["issues"].as_array_mut().expect("issues") {
        let share = issue["share"].as_f64().expect("a share");
        issue["share"] = json!((share * 1000.0).round() / 1000.0);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&data).expect("JSON"));
}

#[tokio::test]
async fn empty_directory() {
    let app = TestApp::start().await;
    let data = app.data_with_variables(QUALITY_QUERY, json!({})).await;
    assert_eq!(nonzero_counts(&data), Vec::new());
    assert_eq!(issues(&data).len(), 17);
    assert!(issues(&data).iter().all(|issue| issue["share"] == json!(0.0) && issue["samples"] == json!([])));
    assert_eq!(data["directory"]["sources"], json!([]));
}

/// For every filter, paging through the samples gives each entity once and as many as counted. The counts per source
/// and organization agree with filters by these.
#[tokio::test]
async fn counts_match_the_samples() {
    let app = faulty_directory().await;
    let college = app.data(&format!("{{ organization(by: {{ror: \"{}\"}}) {{ id }} }}", ror(1))).await;
    let college = college["organization"]["id"].clone();
    for filter in [
        json!(null),
        json!({ "sources": ["test"] }),
        json!({ "sources": ["other", "nothing"] }),
        json!({ "sources": [] }),
        json!({ "organizationIds": [college] }),
        json!({ "organizationIds": [college], "includeDescendants": false, "sources": ["test"] }),
    ] {
        let data = app.data_with_variables(QUALITY_QUERY, json!({ "filter": filter })).await;
        for issue in issues(&data) {
            let ids = read_sample_ids(&app, &filter, &issue["kind"]).await;
            assert_eq!(json!(ids.len()), issue["count"], "{filter} {issue}");
            assert!(issue["count"].as_u64() <= issue["total"].as_u64(), "{filter} {issue}");
        }
    }
    let data = app.data_with_variables(QUALITY_QUERY, json!({})).await;
    for issue in issues(&data) {
        for part in issue["sources"].as_array().expect("sources") {
            let filter = json!({ "sources": [part["value"]] });
            assert_eq!(json!(read_sample_ids(&app, &filter, &issue["kind"]).await.len()), part["count"], "{issue}");
        }
        for part in issue["organizations"].as_array().expect("organizations") {
            let slug = part["organization"]["slug"].as_str().expect("a slug");
            let found = app.data(&format!("{{ organization(by: {{slug: \"{slug}\"}}) {{ id }} }}")).await;
            let filter = json!({ "organizationIds": [found["organization"]["id"]], "includeDescendants": false });
            assert_eq!(json!(read_sample_ids(&app, &filter, &issue["kind"]).await.len()), part["count"], "{issue}");
        }
    }
}

/// The IDs of all samples of a kind, read two at a time.
async fn read_sample_ids(app: &TestApp, filter: &Value, kind: &Value) -> Vec<String> {
    let query = "query Walk($filter: QualityFilter, $kinds: [QualityIssueKind!], $after: ID) { directory { quality(filter: $filter) {
        issues(kinds: $kinds) { samples(first: 2, after: $after) { id } } } } }";
    let mut all: Vec<String> = Vec::new();
    loop {
        let variables = json!({ "filter": filter, "kinds": [kind], "after": all.last() });
        let data = app.data_with_variables(query, variables).await;
        let ids = pluck_strings(&issues(&data)[0]["samples"], &["id"]);
        if ids.is_empty() {
            return all;
        }
        assert!(ids.iter().all(|id| !all.contains(id)), "each once: {ids:?}");
        all.extend(ids);
    }
}

#[tokio::test]
async fn filtered_by_source_and_organization() {
    let app = faulty_directory().await;
    let data = app.data_with_variables(QUALITY_QUERY, json!({ "filter": { "sources": ["other"] } })).await;
    let expected = [
        ("PAPER_WITH_TRUNCATED_ABSTRACT", 1),
        ("PAPER_WITHOUT_AUTHORS", 1),
        ("PAPER_WITHOUT_VOLUME", 2),
        ("PAPER_WITHOUT_PAGES", 2),
        ("RESEARCHER_BY_NAME_ALONE", 1),
        ("RESEARCHER_ACTIVE_TOO_LONG", 1),
        ("RESEARCHER_WITH_SEVERAL_ORCIDS", 1),
        ("RESEARCHER_EMPLOYED_IN_TWO_COUNTRIES", 1),
    ];
    let mut expected: Vec<(String, u64)> = expected.map(|(kind, count)| (kind.to_owned(), count)).to_vec();
    let mut counted = nonzero_counts(&data);
    expected.sort();
    counted.sort();
    assert_eq!(counted, expected);
    let institute = app.data(&format!("{{ organization(by: {{ror: \"{}\"}}) {{ id }} }}", ror(2))).await;
    let filter = json!({ "organizationIds": [institute["organization"]["id"]] });
    let data = app.data_with_variables(QUALITY_QUERY, json!({ "filter": filter })).await;
    assert_eq!(nonzero_counts(&data).first(), Some(&("PAPER_WITHOUT_ABSTRACT".to_owned(), 1)));
    assert!(nonzero_counts(&data).contains(&("NAME_REPAIRED".to_owned(), 1)), "{data:#}");
    assert!(
        !nonzero_counts(&data).iter().any(|(kind, _)| kind == "AUTHOR_UNRESOLVED"),
        "she was at the college: {data:#}"
    );
}

#[tokio::test]
async fn invalid_arguments() {
    let app = TestApp::start().await;
    for (field, message) in [
        ("quality { issues { samples(first: 0) { id } } }", "first is 0; it must be between 1 and 100"),
        ("quality { issues { sources(first: 101) { count } } }", "first is 101; it must be between 1 and 100"),
        ("sources(first: -1) { name }", "first is -1; it must be between 1 and 100"),
        ("quality(filter: {organizationIds: [\"x\"]}) { issues { kind } }", "'x' is not an id of this directory"),
        ("quality { issues(kinds: [PAPER_WITHOUT_YEAR]) { samples(after: \"x\") { id } } }", "'x' is not an id"),
    ] {
        let response = app.query(&format!("{{ directory {{ {field} }} }}"), json!({})).await;
        assert_eq!(response.codes().first().map(String::as_str), Some("BAD_USER_INPUT"), "{field}: {}", response.body);
        assert!(response.messages()[0].contains(message), "{field}: {}", response.body);
    }
    let nothing =
        app.data("{ directory { quality(filter: {sources: [\"\\u0000\"]}) { issues(kinds: []) { kind } } } }").await;
    assert_eq!(nothing["directory"]["quality"]["issues"], json!([]));
}

/// Each field takes one statement for all kinds, and the cost estimate is at least the actual number.
#[tokio::test]
async fn statement_counts() {
    let app = faulty_directory().await;
    for (taken_by, fields) in [
        (1..=1, "count"),
        (1..=1, "count total share"),
        // The IDs; the papers, authors and researchers.
        (2..=2, "samples { id }"),
        (1..=1, "sources { value }"),
        (2..=2, "organizations { organization { slug } }"),
        // Sources and organizations share a statement; lookups of samples and organizations may share one.
        (4..=5, "count share samples { id } sources { value } organizations { organization { slug } }"),
    ] {
        let query = format!("{{ directory {{ quality {{ issues {{ {fields} }} }} }} }}");
        let (response, taken) = app.query_counting_statements(&query, json!({})).await;
        response.data();
        assert!(taken_by.contains(&taken), "{fields}: {taken}");
        let request =
            app.client().post(app.url("/graphql")).header("X-Query-Cost", "only").json(&json!({ "query": query }));
        let cost: Value = request.send().await.expect("a response").json().await.expect("JSON");
        let reckoned = cost["extensions"]["cost"]["requested"]["statements"].as_u64().expect("a cost");
        assert!(reckoned >= taken, "{fields}: {reckoned}");
    }
}

fn run_check(app: &TestApp, arguments: &[&str]) -> CommandOutput {
    run_to_completion(&mut Workspace::new().command_with_database(&app.database_url, &[&["check"], arguments].concat()))
}

#[tokio::test]
async fn check_report() {
    let app = faulty_directory().await;
    let outcome = run_check(&app, &[]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(!outcome.stdout.contains("Ili'c"), "published names are not shown");
    insta::assert_snapshot!(outcome.report());
    let part = run_check(&app, &["--source", "other", "--organization", "college", "--samples", "0"]);
    assert_eq!(part.code, Some(0));
    assert!(part.report().starts_with("scope: the source other, college and its descendants\n"), "{}", part.stdout);
    for name in [ror(2), "institute".to_owned()] {
        let part = run_check(&app, &["--organization", &name, "--json"]);
        let report: Value = serde_json::from_str(&part.stdout).expect("JSON");
        assert_eq!(report["paperCount"], 1, "{report:#}");
    }
}

#[tokio::test]
async fn check_report_as_json() {
    let app = faulty_directory().await;
    let outcome = run_check(&app, &["--json", "--samples", "1"]);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let data = app.data_with_variables(QUALITY_QUERY, json!({})).await;
    let counts = |issues: &Value| {
        let issues = issues.as_array().expect("issues").iter();
        issues.map(|issue| [issue["kind"].clone(), issue["count"].clone(), issue["total"].clone()]).collect::<Vec<_>>()
    };
    assert_eq!(counts(&report["issues"]), counts(&data["directory"]["quality"]["issues"]));
    assert_eq!(report["nameRepairs"], data["directory"]["quality"]["nameRepairs"]);
    // The report has global IDs.
    let samples =
        report["issues"].as_array().expect("issues").iter().flat_map(|issue| pluck_strings(&issue["samples"], &["id"]));
    let ids: Vec<String> = samples.collect();
    let nodes =
        app.data_with_variables("query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids })).await;
    assert_eq!(pluck_strings(&nodes["nodes"], &["id"]), ids);
}

#[tokio::test]
async fn exit_codes() {
    let app = faulty_directory().await;
    let code = |arguments: &[&str]| run_check(&app, arguments).code;
    assert_eq!(code(&["--fail-on", "paper-without-year"]), Some(1));
    assert_eq!(code(&["--source", "other", "--fail-on", "paper-without-year", "name-repaired"]), Some(0));
    assert_eq!(code(&["--source", "other", "--fail-on", "paper-without-year", "paper-without-authors"]), Some(1));
    assert_eq!(code(&["--fail-on", "nonsense"]), Some(2));
    let unknown = run_check(&app, &["--source", "nowhere"]);
    assert_eq!(unknown.code, Some(1));
    assert_eq!(unknown.stderr_lines(), ["error: unknown source 'nowhere'; the sources are test, other"]);
    let unknown = run_check(&app, &["--organization", "nowhere"]);
    let message = "error: organization 'nowhere' not found; specify its id, slug or ROR id";
    assert_eq!((unknown.code, unknown.stderr_lines()), (Some(1), vec![message]));
}

#[tokio::test]
async fn stale_statistics() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("Tides", Some(2001), &["Ida Brook", "Edda Frostad"]),
        paper_record("Waves", None, &["Ida Brook"])
    ]))
    .await;
    let outcome = run_check(&app, &["--recount", "100"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("recounted up to 100 researchers: 0 differ\n"), "{}", outcome.stdout);
    app.execute_sql("UPDATE researcher_statistics SET paper_count = 7 WHERE researcher_id = (SELECT id FROM researcher WHERE slug = 'ida-brook')").await;
    let outcome = run_check(&app, &["--recount", "100"]);
    assert_eq!(outcome.code, Some(1));
    let line = "      Ida Brook (ida-brook): 7 papers stored, 2 counted; 1 coauthors stored, 1 counted\n";
    assert!(outcome.stdout.contains(line), "{}", outcome.stdout);
    assert_eq!(run_check(&app, &[]).code, Some(0));
}
