//! Affiliations: what a person is or was where, and when.

use serde_json::{Value, json};

use crate::support::{TestApp, organization, researcher, ror, texts, with};

/// A person with one affiliation for each of the dates, at one place.
async fn affiliations(dates: &[(Option<&str>, Option<&str>)]) -> TestApp {
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
    app.load(json!([organization(1, "College"), with(researcher("Ada Berg"), json!({ "affiliations": held }))])).await;
    app
}

/// The roles that pass a filter, as their numbers in order.
async fn roles(app: &TestApp, filter: &str) -> String {
    let list = format!("affiliations(filter: {filter})");
    let mut roles = texts(&app.nodes(&[&list], "roleTitle { value }").await, &["roleTitle", "value"]);
    roles.sort();
    roles.concat()
}

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.load(json!([
        organization(1, "College"),
        with(
            researcher("Ada Berg"),
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
    app.sql("UPDATE affiliation SET created_at = '2024-01-01Z', updated_at = '2024-01-02Z'").await;
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

#[tokio::test]
async fn held_on_a_day() {
    let app = affiliations(&[
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
        assert_eq!(roles(&app, &format!("{{asOf: {day:?}}}")).await, expected, "{day}");
    }
}

#[tokio::test]
async fn held_today() {
    let today = chrono::Utc::now().date_naive();
    let written = |format: &str| today.format(format).to_string();
    let (year, month, day) = (written("%Y"), written("%Y-%m"), written("%Y-%m-%d"));
    let tomorrow = (today + chrono::Days::new(2)).to_string();
    let yesterday = (today - chrono::Days::new(2)).to_string();
    let app = affiliations(&[
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
    assert_eq!(roles(&app, "{isCurrent: true}").await, "012367");
    assert_eq!(roles(&app, "{isCurrent: false}").await, "45");
    // The field says what the filter says.
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
    app.load(json!([
        organization(1, "College"),
        with(organization(2, "Faculty"), json!({ "relations": [["parent", ror(1)]] })),
        with(researcher("Ada Berg"), json!({ "affiliations": all })),
        with(researcher("Bo Dahl"), json!({ "affiliations": [at(2, "EMPLOYMENT")] })),
    ]))
    .await;
    app.sql("UPDATE affiliation SET updated_at = '2020-01-01'; UPDATE affiliation SET updated_at = '2024-01-01' WHERE kind = 'SERVICE'").await;
    let (ada, bo) = (app.id_of("researcher", "ada-berg").await, app.id_of("researcher", "bo-dahl").await);
    let (college, faculty) = (app.id_of("organization", "college").await, app.id_of("organization", "faculty").await);
    let query = "query($filter: AffiliationFilter) { affiliations(filter: $filter) { totalCount } }";
    for (filter, expected) in [
        // All kinds here, where affiliations are listed and no people selected.
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
            app.data_with(query, json!({ "filter": filter })).await["affiliations"]["totalCount"],
            expected,
            "{filter}"
        );
    }
    app.refusal(query, json!({ "filter": { "researcherIds": [college] } })).await;
    app.refusal(query, json!({ "filter": { "researcherIds": vec![ada; 501] } })).await;
}

#[tokio::test]
async fn orders() {
    let app = TestApp::start().await;
    let named = |number: u64, english: &str, french: &str| {
        with(
            organization(number, english),
            json!({ "names": [
            { "value": english, "language": "en", "kind": "LABEL" }, { "value": french, "language": "fr", "kind": "LABEL" },
        ] }),
        )
    };
    let at = |number: u64, role: &str, rest: Value| {
        let place = json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT", "roleTitle": { "en": role } });
        with(place, rest)
    };
    app.load(json!([
        named(1, "Alpha", "Zêta"),
        named(2, "Beta", "Bêta"),
        with(
            researcher("Ada Berg"),
            json!({ "affiliations": [
            at(1, "1", json!({ "startDate": "2010" })),
            at(2, "2", json!({ "startDate": "2018", "endDate": "2019" })),
            at(2, "3", json!({ "startDate": "2001", "isPrimary": true })),
        ] })
        ),
        with(researcher("Zed Aal"), json!({ "affiliations": [at(1, "4", json!({}))] })),
    ]))
    .await;
    app.sql("UPDATE affiliation SET updated_at = '2020-01-01'::timestamptz + interval '1 day' * ((role_title ->> 'en')::integer % 3)").await;
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
        assert_eq!(texts(&nodes, &["roleTitle", "value"]).concat(), expected, "{list}");
    }
    let own = app
        .nodes(
            &[r#"researcher(by: {slug: "ada-berg"})"#, "affiliations(filter: {isCurrent: true})"],
            "roleTitle { value }",
        )
        .await;
    assert_eq!(texts(&own, &["roleTitle", "value"]).concat(), "31");
    // Of one person and at one place: the primary one first, then those that last.
    for (path, expected) in
        [(r#"researcher(by: {slug: "ada-berg"})"#, "312"), (r#"organization(by: {slug: "beta"})"#, "32")]
    {
        let nodes = app.nodes(&[path, "affiliations"], "roleTitle { value }").await;
        assert_eq!(texts(&nodes, &["roleTitle", "value"]).concat(), expected, "{path}");
    }
}
