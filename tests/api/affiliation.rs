//! Affiliations: fields, filters by date, and orders.

use std::collections::BTreeSet;

use academic_directory::store::curation::{CurationRequest, DecidedBy};
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::support::database_state::find_inconsistencies;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::synthetic_data::SeededRng;
use crate::support::{TestApp, organization_record, parse_records, pluck_strings, researcher_record, ror, with_fields};

/// A researcher with one affiliation per date range, all at the same organization.
async fn directory_with_affiliations(dates: &[(Option<&str>, Option<&str>)]) -> TestApp {
    let app = TestApp::start().await;
    let affiliation = |(index, (start, end)): (usize, &(Option<&str>, Option<&str>))| {
        let mut affiliation = json!({
            "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT", "roleTitle": { "en": index.to_string() },
        });
        for (name, date) in [("startDate", start), ("endDate", end)] {
            if let Some(date) = date {
                affiliation[name] = json!(date);
            }
        }
        affiliation
    };
    let held: Vec<Value> = dates.iter().enumerate().map(affiliation).collect();
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(researcher_record("Ada Berg"), json!({ "affiliations": held }))
    ]))
    .await;
    app
}

/// The numbers of the matching affiliations, in ascending order.
async fn matching_roles(app: &TestApp, filter: &str) -> String {
    let list = format!("affiliations(filter: {filter})");
    let mut roles = pluck_strings(&app.nodes(&[&list], "roleTitle { value }").await, &["roleTitle", "value"]);
    roles.sort();
    roles.concat()
}

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(
            researcher_record("Ada Berg"),
            json!({ "affiliations": [{
            "organization": { "ror": ror(1) },
            "affiliationKind": "INVITED_POSITION",
            "roleTitle": { "en": "Visiting professor", "fr": "Professeure invitée" },
            "departmentName": { "en": "Tides" },
            "startDate": "2015-09",
            "endDate": "2016-06-30",
            "isPrimary": true,
        }] })
        ),
    ]))
    .await;
    app.execute_sql("UPDATE affiliation SET created_at = '2024-01-01Z', updated_at = '2024-01-02Z'").await;
    let query = r#"{ affiliations { totalCount nodes {
        __typename kind startDate endDate isCurrent isPrimary createdAt updatedAt
        roleTitle(languages: ["fr"]) { value language isFallback }
        departmentName(languages: ["fr"]) { value language isFallback }
        researcher { slug } organization { slug }
    } } }"#;
    let expected = json!({
        "__typename": "Affiliation",
        "kind": "INVITED_POSITION",
        "startDate": "2015-09",
        "endDate": "2016-06-30",
        "isCurrent": false,
        "isPrimary": true,
        "createdAt": "2024-01-01T00:00:00Z",
        "updatedAt": "2024-01-02T00:00:00Z",
        "roleTitle": { "value": "Professeure invitée", "language": "fr", "isFallback": false },
        "departmentName": { "value": "Tides", "language": "en", "isFallback": true },
        "researcher": { "slug": "ada-berg" },
        "organization": { "slug": "college" },
    });
    assert_eq!(app.data(query).await["affiliations"], json!({ "totalCount": 1, "nodes": [expected] }));
}

/// An affiliation of which a source says that it has ended, but not when: it is past wherever current ones are meant, on
/// every way by which it comes into the directory or out of it.
#[tokio::test]
async fn ended_on_an_unknown_date() {
    let app = TestApp::start().await;
    let at = |number: u64, rest: Value| {
        with_fields(json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT" }), rest)
    };
    let person = |name: &str, held: Value| with_fields(researcher_record(name), json!({ "affiliations": held }));
    app.create_records(json!([
        organization_record(1, "College"),
        person(
            "Ada Berg",
            json!([at(1, json!({ "startDate": "2001", "hasEnded": true, "roleTitle": { "en": "Dean" } }))])
        ),
        person("Bo Dahl", json!([at(1, json!({ "startDate": "2001" }))])),
        // A known date is more than that.
        person("Cy Eden", json!([at(1, json!({ "startDate": "2001", "endDate": "2999", "hasEnded": true }))])),
    ]))
    .await;
    let state = async |app: &TestApp| {
        let data = app
            .data(
                r#"{ affiliations(orderBy: {field: RESEARCHER_NAME, direction: ASC}) { nodes { isCurrent endDate } }
                current: affiliations(filter: {isCurrent: true}) { totalCount }
                past: affiliations(filter: {isCurrent: false}) { totalCount nodes { researcher { slug } } }
                then: affiliations(filter: {asOf: "2001-06-01"}) { totalCount }
                organization(by: {slug: "college"}) { researchers { totalCount } }
                researcher(by: {slug: "ada-berg"}) { headline { value } } }"#,
            )
            .await;
        data.to_string()
    };
    let expected = r#"{"affiliations":{"nodes":[{"endDate":null,"isCurrent":false},{"endDate":null,"isCurrent":true},{"endDate":"2999","isCurrent":true}]},"current":{"totalCount":2},"organization":{"researchers":{"totalCount":2}},"past":{"nodes":[{"researcher":{"slug":"ada-berg"}}],"totalCount":1},"researcher":{"headline":null},"then":{"totalCount":2}}"#;
    assert_eq!(state(&app).await, expected);

    // Records that do not say it do not undo it, and exports tell it.
    app.write_records_from(
        "other",
        &parse_records(json!([person("Ada Berg", json!([at(1, json!({ "startDate": "2001" }))]))])),
    )
    .await;
    assert_eq!(state(&app).await, expected);
    let workspace = Workspace::new();
    let mut export = workspace.command_with_database(&app.database_url, &["export", "records"]);
    let exported = run_to_completion(&mut export).stdout;
    assert_eq!(exported.matches("hasEnded").count(), 1, "{exported}");
    let file = workspace.write_file("records.jsonl", &exported);
    let copy = TestApp::start().await;
    let outcome = workspace.import(&copy.database_url, &["records", file]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(state(&copy).await, expected);

    // A merged person's affiliation is the same one.
    app.write_records_from(
        "other",
        &parse_records(json!([person("Ada M. Berg", json!([at(1, json!({ "startDate": "2001" }))]))])),
    )
    .await;
    for (survivor, former) in [("ada-m-berg", "ada-berg"), ("bo-dahl", "ada-m-berg")] {
        let request = CurationRequest::Merge {
            survivor: survivor.to_owned(),
            former: vec![former.to_owned()],
            force: true,
            decided_by: DecidedBy::default(),
        };
        app.store.decide(&request, false).await.expect("a merge");
        let query = r#"{ affiliations(filter: {isCurrent: false}) { nodes { researcher { slug } } } }"#;
        let past = app.data(query).await["affiliations"]["nodes"].clone();
        assert_eq!(pluck_strings(&past, &["researcher", "slug"]), [survivor]);
    }
    assert_eq!(find_inconsistencies(&app.database_url).await, Vec::<String>::new());
}

#[tokio::test]
async fn as_of_a_day() {
    let app = directory_with_affiliations(&[
        (Some("2015"), Some("2015")),
        (Some("2015-02"), Some("2015-02")),
        (Some("2015-02-03"), Some("2015-02-03")),
        (None, Some("2014")),
        (Some("2016"), None),
        (None, None),
        (Some("2012-12-31"), Some("2015-02")),
    ])
    .await;
    for (day, expected) in [
        ("2014-12-31", "356"),
        ("2015-01-01", "056"),
        ("2015-01-31", "056"),
        ("2015-02-01", "0156"),
        ("2015-02-03", "01256"),
        ("2015-02-28", "0156"),
        ("2015-03-01", "05"),
        ("2015-12-31", "05"),
        ("2016-01-01", "45"),
        ("2012-12-30", "35"),
        ("0001-01-01", "35"),
        ("9999-12-31", "45"),
    ] {
        assert_eq!(matching_roles(&app, &format!("{{asOf: {day:?}}}")).await, expected, "{day}");
    }
}

#[tokio::test]
async fn current_affiliations() {
    let today = chrono::Utc::now().date_naive();
    let written = |format: &str| today.format(format).to_string();
    let (year, month, day) = (written("%Y"), written("%Y-%m"), written("%Y-%m-%d"));
    let tomorrow = (today + chrono::Days::new(2)).to_string();
    let yesterday = (today - chrono::Days::new(2)).to_string();
    let app = directory_with_affiliations(&[
        (Some(&year), None),
        (None, Some(&year)),
        (Some(&month), Some(&month)),
        (Some(&day), Some(&day)),
        (Some(&tomorrow), None),
        (None, Some(&yesterday)),
        (None, None),
        (Some("2001"), Some("9999")),
    ])
    .await;
    assert_eq!(matching_roles(&app, "{isCurrent: true}").await, "012367");
    assert_eq!(matching_roles(&app, "{isCurrent: false}").await, "45");
    // The field `isCurrent` agrees with the filter.
    let list = app.nodes(&["affiliations"], "isCurrent roleTitle { value }").await;
    for node in list.as_array().into_iter().flatten() {
        let is_current = "012367".contains(node["roleTitle"]["value"].as_str().unwrap_or("none"));
        assert_eq!(node["isCurrent"], is_current, "{node}");
    }
    assert_eq!(list.as_array().map(Vec::len), Some(8));
}

#[tokio::test]
async fn filters() {
    let app = TestApp::start().await;
    let at = |number: u64, kind: &str| json!({ "organization": { "ror": ror(number) }, "affiliationKind": kind, "roleTitle": { "en": kind } });
    let kinds =
        ["EMPLOYMENT", "MEMBERSHIP", "EDUCATION", "QUALIFICATION", "SERVICE", "INVITED_POSITION", "DISTINCTION"];
    let all: Vec<Value> = kinds.iter().map(|kind| at(1, kind)).collect();
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(organization_record(2, "Faculty"), json!({ "relations": [["parent", ror(1)]] })),
        with_fields(researcher_record("Ada Berg"), json!({ "affiliations": all })),
        with_fields(researcher_record("Bo Dahl"), json!({ "affiliations": [at(2, "EMPLOYMENT")] })),
    ]))
    .await;
    app.execute_sql("UPDATE affiliation SET updated_at = '2020-01-01'; UPDATE affiliation SET updated_at = '2024-01-01' WHERE kind = 'SERVICE'").await;
    let (ada, bo) = (app.find_id("researcher", "ada-berg").await, app.find_id("researcher", "bo-dahl").await);
    let (college, faculty) =
        (app.find_id("organization", "college").await, app.find_id("organization", "faculty").await);
    let query = "query($filter: AffiliationFilter) { affiliations(filter: $filter) { totalCount } }";
    for (filter, expected) in [
        // Lists of affiliations include all kinds; filters of researchers have a default.
        (json!({}), 8),
        (json!({ "kinds": ["EMPLOYMENT"] }), 2),
        (json!({ "kinds": ["DISTINCTION", "QUALIFICATION"] }), 2),
        (json!({ "kinds": [] }), 0),
        (json!({ "researcherIds": [bo] }), 1),
        (json!({ "researcherIds": [] }), 0),
        (json!({ "organizationIds": [college] }), 8),
        (json!({ "organizationIds": [college], "includeDescendants": false }), 7),
        (json!({ "organizationIds": [faculty] }), 1),
        (json!({ "organizationIds": [] }), 0),
        (json!({ "organizationIds": [college], "researcherIds": [bo, ada], "kinds": ["EMPLOYMENT", "SERVICE"] }), 3),
        (json!({ "updatedSince": "2024-01-01T00:00:00Z" }), 1),
    ] {
        assert_eq!(
            app.data_with_variables(query, json!({ "filter": filter })).await["affiliations"]["totalCount"],
            expected,
            "{filter}"
        );
    }
    app.client_error(query, json!({ "filter": { "researcherIds": [college] } })).await;
    app.client_error(query, json!({ "filter": { "researcherIds": vec![ada; 501] } })).await;
}

#[tokio::test]
async fn orders() {
    let app = TestApp::start().await;
    let named = |number: u64, english: &str, french: &str| {
        with_fields(
            organization_record(number, english),
            json!({ "names": [
            { "value": english, "language": "en", "kind": "LABEL" }, { "value": french, "language": "fr", "kind": "LABEL" },
        ] }),
        )
    };
    let at = |number: u64, role: &str, rest: Value| {
        let affiliation = json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT", "roleTitle": { "en": role } });
        with_fields(affiliation, rest)
    };
    app.create_records(json!([
        named(1, "Alpha", "Zêta"),
        named(2, "Beta", "Bêta"),
        with_fields(
            researcher_record("Ada Berg"),
            json!({ "affiliations": [
            at(1, "1", json!({ "startDate": "2010" })),
            at(2, "2", json!({ "startDate": "2018", "endDate": "2019" })),
            at(2, "3", json!({ "startDate": "2001", "isPrimary": true })),
        ] })
        ),
        with_fields(researcher_record("Zed Aal"), json!({ "affiliations": [at(1, "4", json!({}))] })),
    ]))
    .await;
    app.execute_sql("UPDATE affiliation SET updated_at = '2020-01-01'::timestamptz + interval '1 day' * ((role_title ->> 'en')::integer % 3)").await;
    for (arguments, expected) in [
        ("", "2134"),
        ("(orderBy: {field: START_DATE, direction: ASC})", "4312"),
        ("(orderBy: {field: START_DATE, direction: DESC})", "2134"),
        ("(orderBy: {field: ORGANIZATION_NAME, direction: ASC})", "1423"),
        ("(orderBy: {field: ORGANIZATION_NAME, direction: ASC, languages: [\"fr\"]})", "2314"),
        ("(orderBy: {field: RESEARCHER_NAME, direction: ASC})", "4123"),
        ("(orderBy: {field: UPDATED_AT, direction: ASC})", "3142"),
    ] {
        let list = format!("affiliations{arguments}");
        let nodes = app.nodes(&[&list], "roleTitle { value }").await;
        assert_eq!(pluck_strings(&nodes, &["roleTitle", "value"]).concat(), expected, "{list}");
    }
    let own = app
        .nodes(
            &[r#"researcher(by: {slug: "ada-berg"})"#, "affiliations(filter: {isCurrent: true})"],
            "roleTitle { value }",
        )
        .await;
    assert_eq!(pluck_strings(&own, &["roleTitle", "value"]).concat(), "31");
    // For one researcher or organization: primary first, then current ones.
    for (path, expected) in
        [(r#"researcher(by: {slug: "ada-berg"})"#, "312"), (r#"organization(by: {slug: "beta"})"#, "32")]
    {
        let nodes = app.nodes(&[path, "affiliations"], "roleTitle { value }").await;
        assert_eq!(pluck_strings(&nodes, &["roleTitle", "value"]).concat(), expected, "{path}");
    }
}

#[tokio::test]
async fn date_boundaries() {
    let app = directory_with_affiliations(&[
        (Some("2016-02"), Some("2016-02")),
        (Some("2015-02"), Some("2015-02")),
        (Some("2016-02-29"), Some("2016-02-29")),
        (Some("1900-02"), Some("1900-02")),
        (Some("2000"), Some("2000-02")),
        (Some("2015-12"), Some("2015-12")),
        // Ends before it starts: never current.
        (Some("2017"), Some("2013")),
        (Some("9999-12"), Some("9999")),
        (Some("0001"), Some("0001-01-01")),
        (None, Some("1899-12-31")),
    ])
    .await;
    for (day, expected) in [
        ("2016-01-31", ""),
        ("2016-02-01", "0"),
        ("2016-02-28", "0"),
        ("2016-02-29", "02"),
        ("2016-03-01", ""),
        ("2015-02-28", "1"),
        ("2015-03-01", ""),
        ("1900-02-28", "3"),
        ("1900-03-01", ""),
        ("2000-01-01", "4"),
        ("2000-02-29", "4"),
        ("2000-03-01", ""),
        ("2015-11-30", ""),
        ("2015-12-01", "5"),
        ("2015-12-31", "5"),
        ("2013-06-01", ""),
        ("2015-06-01", ""),
        ("2017-06-01", ""),
        ("9999-11-30", ""),
        ("9999-12-31", "7"),
        ("0001-01-01", "89"),
        ("0001-01-02", "9"),
        ("1899-12-31", "9"),
        ("1900-01-01", ""),
    ] {
        assert_eq!(matching_roles(&app, &format!("{{asOf: {day:?}}}")).await, expected, "{day}");
    }
    // Invalid dates.
    for day in ["2015-02-29", "1900-02-29", "2015-2-1", "2015-02", "0000-01-01", "10000-01-01", "2015-02-01T00:00:00Z"]
    {
        app.client_error(&format!("{{ affiliations(filter: {{asOf: {day:?}}}) {{ totalCount }} }}"), json!({})).await;
    }
}

#[tokio::test]
async fn as_of_and_is_current() {
    let app = directory_with_affiliations(&[
        (Some("2015"), None),
        (Some("2015"), Some("2016")),
        (Some("2018"), None),
        (None, None),
        (Some("9000"), None),
    ])
    .await;
    for (filter, expected) in [
        (r#"{asOf: "2015-06-01"}"#, "013"),
        (r#"{asOf: "2015-06-01", isCurrent: true}"#, "03"),
        (r#"{asOf: "2015-06-01", isCurrent: false}"#, "1"),
        (r#"{asOf: "2015-06-01", isCurrent: null}"#, "013"),
        (r#"{asOf: null, isCurrent: true}"#, "023"),
        // Past and future ones.
        ("{isCurrent: false}", "14"),
        (r#"{asOf: "9999-12-31", isCurrent: false}"#, "4"),
    ] {
        assert_eq!(matching_roles(&app, filter).await, expected, "{filter}");
    }
    // In a filter of researchers, `asOf` replaces the default of `isCurrent`.
    for (filter, expected) in [
        (r#"{asOf: "2015-06-01"}"#, 1),
        (r#"{asOf: "2015-06-01", isCurrent: false}"#, 1),
        (r#"{asOf: "2015-06-01", isCurrent: false, kinds: [SERVICE]}"#, 0),
    ] {
        let people = format!("{{ researchers(filter: {{affiliation: {filter}}}) {{ totalCount }} }}");
        assert_eq!(app.data(&people).await["researchers"]["totalCount"], expected, "{filter}");
    }
}

#[tokio::test]
async fn random_dates_match_the_calendar() {
    let mut rng = SeededRng::new(31);
    let day = |rng: &mut SeededRng| {
        let first = NaiveDate::from_ymd_opt(2014, 11, 1).expect("a day");
        first + chrono::Days::new(rng.below(600) as u64)
    };
    let dates: Vec<(Option<String>, Option<String>)> = (0..60)
        .map(|_| {
            let mut date = || {
                let written = day(&mut rng).to_string();
                // Precise to the year, the month or the day, or unknown.
                [None, Some(4), Some(7), Some(10)][rng.below(4)].map(|length| written[..length].to_owned())
            };
            (date(), date())
        })
        .collect();
    let written: Vec<_> = dates.iter().map(|(start, end)| (start.as_deref(), end.as_deref())).collect();
    let app = directory_with_affiliations(&written).await;
    for _ in 0..80 {
        let day = day(&mut rng).to_string();
        let started_at =
            |start: &Option<String>| start.as_ref().is_none_or(|start| start.as_str() <= &day[..start.len()]);
        let lasts = |end: &Option<String>| end.as_ref().is_none_or(|end| end.as_str() >= &day[..end.len()]);
        let held = (0..dates.len()).filter(|index| started_at(&dates[*index].0) && lasts(&dates[*index].1));
        let expected: BTreeSet<String> = held.map(|index| index.to_string()).collect();
        let list = format!("affiliations(filter: {{asOf: {day:?}}}, first: 100)");
        let nodes = app.nodes(&[&list], "roleTitle { value }").await;
        let found: BTreeSet<String> = pluck_strings(&nodes, &["roleTitle", "value"]).into_iter().collect();
        assert_eq!(found, expected, "{day} of {dates:?}");
    }
}
