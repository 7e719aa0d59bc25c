//! Organizations: fields, lookups, hierarchy, researchers and papers.

use serde_json::{Value, json};

use crate::support::{
    TestApp, organization_record, paper_record, pluck, pluck_strings, researcher_record, ror, with_fields,
};

/// A college with two faculties, one of which has a laboratory, and an unrelated academy.
async fn college_directory() -> TestApp {
    let app = TestApp::start().await;
    let below = |number: u64, name: &str, parent: u64| {
        with_fields(organization_record(number, name), json!({ "relations": [["parent", ror(parent)]] }))
    };
    app.create_records(json!([
        with_fields(
            organization_record(1, "College"),
            json!({ "types": ["EDUCATION", "FUNDER"], "countryCode": "CA" })
        ),
        below(2, "Faculty of Letters", 1),
        below(3, "Faculty of Tides", 1),
        with_fields(below(4, "Wave Laboratory", 3), json!({ "types": ["FACILITY"] })),
        with_fields(organization_record(5, "Academy"), json!({ "status": "INACTIVE", "countryCode": "CH" })),
    ]))
    .await;
    app
}

fn affiliation(number: u64, kind: &str, rest: Value) -> Value {
    with_fields(json!({ "organization": { "ror": ror(number) }, "affiliationKind": kind }), rest)
}

fn researcher_with_affiliations(name: &str, affiliations: Value) -> Value {
    with_fields(researcher_record(name), json!({ "affiliations": affiliations }))
}

const LABORATORY: &str = r#"organization(by: {slug: "wave-laboratory"})"#;
const COLLEGE: &str = r#"organization(by: {slug: "college"})"#;

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_record(7, "Old Station"),
        with_fields(
            organization_record(8, "Station"),
            json!({
                "slug": "station",
                "names": [
                    { "value": "Tidal Station", "language": "en", "kind": "LABEL" },
                    { "value": "Station des marées", "language": "fr", "kind": "LABEL" },
                    { "value": "Tides House", "language": "en", "kind": "ALIAS" },
                    { "value": "TS", "kind": "ACRONYM" },
                ],
                "types": ["FACILITY", "NONPROFIT"],
                "status": "WITHDRAWN",
                "countryCode": "FR",
                "city": "Brest",
                "homepageUrl": "https://station.example/",
                "identifiers": [{ "scheme": "wikidata", "value": "Q1" }, { "scheme": "grid", "value": "grid.1.2" }],
                "relations": [["predecessor", ror(7)]],
            })
        ),
    ]))
    .await;
    let query = r#"{ organization(by: {slug: "station"}) {
        __typename slug ror types status countryCode city homepageUrl formerIds
        displayName(languages: ["fr"]) { value language isFallback }
        names { value language kind } identifiers { scheme value url }
        predecessors { slug successors { slug } } successors { slug } parents { slug } ancestors { slug }
        children { totalCount } affiliations { totalCount } researchers { totalCount } papers { totalCount }
    } }"#;
    let expected = json!({
        "__typename": "Organization",
        "slug": "station",
        "ror": format!("https://ror.org/{}", ror(8)),
        "types": ["FACILITY", "NONPROFIT"],
        "status": "WITHDRAWN",
        "countryCode": "FR",
        "city": "Brest",
        "homepageUrl": "https://station.example/",
        "formerIds": [],
        "displayName": { "value": "Station des marées", "language": "fr", "isFallback": false },
        "names": [
            { "value": "Tidal Station", "language": "en", "kind": "LABEL" },
            { "value": "Station des marées", "language": "fr", "kind": "LABEL" },
            { "value": "Tides House", "language": "en", "kind": "ALIAS" },
            { "value": "TS", "language": null, "kind": "ACRONYM" },
        ],
        "identifiers": [
            { "scheme": "grid", "value": "grid.1.2", "url": null },
            { "scheme": "wikidata", "value": "Q1", "url": "https://www.wikidata.org/wiki/Q1" },
        ],
        "predecessors": [{ "slug": "old-station", "successors": [{ "slug": "station" }] }],
        "successors": [],
        "parents": [],
        "ancestors": [],
        "children": { "totalCount": 0 },
        "affiliations": { "totalCount": 0 },
        "researchers": { "totalCount": 0 },
        "papers": { "totalCount": 0 },
    });
    assert_eq!(app.data(query).await["organization"], expected);
}

#[tokio::test]
async fn lookups() {
    let app = TestApp::start().await;
    app.create_records(json!([
        with_fields(
            organization_record(8, "Station"),
            json!({ "identifiers": [{ "scheme": "grid", "value": "grid.1.2" }] })
        ),
        researcher_record("Station"),
    ]))
    .await;
    app.insert_redirect("organization", 900, "the-station", "station").await;
    let id = app.find_id("organization", "station").await;
    let researcher = app.find_id("researcher", "station").await;
    let bare = ror(8);
    let query = "query($by: OrganizationBy!) { organization(by: $by) { slug formerIds } }";
    for by in [
        json!({ "id": id }),
        json!({ "slug": "station" }),
        json!({ "slug": "The-Station" }),
        json!({ "id": "T3JnYW5pemF0aW9uOjkwMA" }), // Organization:900
        json!({ "ror": bare }),
        json!({ "ror": bare.to_uppercase() }),
        json!({ "ror": format!("https://ror.org/{bare}") }),
        json!({ "ror": format!("ror.org/{bare}/") }),
        json!({ "identifier": { "scheme": "GRID", "value": "grid.1.2" } }),
    ] {
        let found = app.data_with_variables(query, json!({ "by": by })).await;
        assert_eq!(
            found["organization"],
            json!({ "slug": "station", "formerIds": ["T3JnYW5pemF0aW9uOjkwMA"] }),
            "{by}"
        );
    }
    for by in [
        json!({ "id": researcher }),
        json!({ "id": "T3JnYW5pemF0aW9uOi0x" }), // Organization:-1
        json!({ "slug": "\u{0}" }),
        json!({ "ror": ror(9) }),
        json!({ "ror": "\u{0}" }),
        json!({ "ror": "https://ror.org/" }),
        json!({ "identifier": { "scheme": "", "value": "" } }),
    ] {
        assert_eq!(app.data_with_variables(query, json!({ "by": by })).await["organization"], json!(null), "{by}");
    }
    let many = "query($keys: [OrganizationBy!]!) { organizationsBy(keys: $keys) { slug } }";
    let keys = json!([{ "slug": "nothing" }, { "ror": bare }, { "id": researcher }, { "slug": "the-station" }]);
    let found = app.data_with_variables(many, json!({ "keys": keys })).await;
    assert_eq!(pluck_strings(&found["organizationsBy"], &["slug"]), ["null", "station", "null", "station"]);
    app.client_error(many, json!({ "keys": vec![json!({ "ror": bare }); 501] })).await;
}

#[tokio::test]
async fn hierarchy() {
    let app = college_directory().await;
    let found = app.data(&format!("{{ {LABORATORY} {{ parents {{ slug }} ancestors {{ slug }} }} }}")).await;
    assert_eq!(pluck_strings(&found["organization"]["parents"], &["slug"]), ["faculty-of-tides"]);
    assert_eq!(pluck_strings(&found["organization"]["ancestors"], &["slug"]), ["faculty-of-tides", "college"]);
    assert_eq!(app.slugs(&[COLLEGE, "children"]).await, ["faculty-of-letters", "faculty-of-tides"]);
}

#[tokio::test]
async fn cyclic_hierarchy() {
    let app = college_directory().await;
    app.create_records(json!([
        researcher_with_affiliations("Ada Berg", json!([affiliation(3, "EMPLOYMENT", json!({}))])),
        with_fields(
            paper_record("Waves", Some(2020), &[]),
            json!({ "authors": [{ "name": "Ada Berg", "organizations": [{ "ror": ror(3) }] }] })
        ),
    ]))
    .await;
    // The college becomes a part of its own laboratory.
    app.execute_sql(
        "INSERT INTO organization_parent (child_id, parent_id) SELECT child.id, parent.id FROM organization AS child, \
         organization AS parent WHERE child.slug = 'college' AND parent.slug = 'wave-laboratory'",
    )
    .await;
    app.refresh_statistics().await;
    let found = app.data(&format!("{{ {LABORATORY} {{ ancestors {{ slug }} }} }}")).await;
    assert_eq!(pluck_strings(&found["organization"]["ancestors"], &["slug"]), ["faculty-of-tides", "college"]);
    for slug in ["college", "faculty-of-tides", "wave-laboratory"] {
        let organization = format!("organization(by: {{slug: {slug:?}}})");
        assert_eq!(app.slugs(&[&organization, "researchers"]).await, ["ada-berg"], "{slug}");
        assert_eq!(app.slugs(&[&organization, "papers"]).await, ["waves"], "{slug}");
    }
    assert_eq!(app.slugs(&[r#"organization(by: {slug: "faculty-of-letters"})"#, "researchers"]).await, [""; 0]);
    let by_people = app.slugs(&["organizations(orderBy: {field: RESEARCHER_COUNT, direction: DESC})"]).await;
    assert_eq!(by_people, ["wave-laboratory", "faculty-of-tides", "college", "academy", "faculty-of-letters"]);
}

#[tokio::test]
async fn researchers_of_descendants() {
    let app = college_directory().await;
    app.create_records(json!([
        researcher_with_affiliations(
            "Ada Berg",
            json!([
                affiliation(4, "EMPLOYMENT", json!({ "startDate": "2015" })),
                affiliation(3, "MEMBERSHIP", json!({}))
            ])
        ),
        researcher_with_affiliations(
            "Bo Dahl",
            json!([
                affiliation(1, "INVITED_POSITION", json!({})),
                affiliation(1, "EDUCATION", json!({ "endDate": "2001" }))
            ])
        ),
        researcher_with_affiliations(
            "Cy Ek",
            json!([affiliation(4, "EMPLOYMENT", json!({ "startDate": "2001", "endDate": "2009" }))])
        ),
        researcher_with_affiliations(
            "Di Falk",
            json!([affiliation(4, "EDUCATION", json!({})), affiliation(5, "EMPLOYMENT", json!({}))])
        ),
        paper_record("Waves", Some(2020), &["Ada Berg", "Di Falk"]),
        paper_record("More waves", Some(2021), &["Di Falk"]),
    ]))
    .await;
    for (parent, arguments, expected) in [
        (COLLEGE, "", "ada-berg bo-dahl"),
        (LABORATORY, "", "ada-berg"),
        (COLLEGE, "(affiliation: {includeDescendants: false})", "bo-dahl"),
        (COLLEGE, "(affiliation: {kinds: [EDUCATION]})", "di-falk"),
        (COLLEGE, "(affiliation: {kinds: [EDUCATION], isCurrent: false})", "bo-dahl"),
        (COLLEGE, "(affiliation: {asOf: \"2005-05-05\"})", "ada-berg bo-dahl cy-ek"),
        (COLLEGE, "(affiliation: {isCurrent: false})", "cy-ek"),
        (COLLEGE, "(affiliation: {kinds: []})", ""),
        (COLLEGE, "(filter: {hasPapers: true})", "ada-berg"),
        (
            COLLEGE,
            "(affiliation: {kinds: [EDUCATION, EMPLOYMENT]}, orderBy: {field: PAPER_COUNT, direction: DESC})",
            "di-falk ada-berg",
        ),
        (
            LABORATORY,
            "(affiliation: {kinds: [EDUCATION, EMPLOYMENT]}, orderBy: {field: NAME, direction: DESC})",
            "di-falk ada-berg",
        ),
    ] {
        let list = format!("researchers{arguments}");
        assert_eq!(app.slugs(&[parent, &list]).await.join(" "), expected, "{parent} {list}");
    }
    let query = format!(
        "{{ {COLLEGE} {{ researchers {{ totalCount edges {{ node {{ slug }} affiliations {{ kind organization {{ slug }} }} }} }} }} }}"
    );
    let found = app.data(&query).await["organization"]["researchers"].clone();
    let behind = |kind: &str, slug: &str| json!({ "kind": kind, "organization": { "slug": slug } });
    assert_eq!(
        found,
        json!({ "totalCount": 2, "edges": [
            {
                "node": { "slug": "ada-berg" },
                "affiliations": [behind("EMPLOYMENT", "wave-laboratory"), behind("MEMBERSHIP", "faculty-of-tides")],
            },
            { "node": { "slug": "bo-dahl" }, "affiliations": [behind("INVITED_POSITION", "college")] },
        ] })
    );
}

#[tokio::test]
async fn qualifying_affiliations() {
    let app = college_directory().await;
    app.create_records(json!([
        researcher_with_affiliations(
            "Ada Berg",
            json!([
                affiliation(4, "EMPLOYMENT", json!({ "startDate": "2015", "isPrimary": true })),
                affiliation(4, "MEMBERSHIP", json!({ "startDate": "2003" })),
                affiliation(4, "MEMBERSHIP", json!({ "startDate": "2001", "endDate": "2002" })),
                affiliation(1, "EDUCATION", json!({ "startDate": "1998", "endDate": "2001" })),
                affiliation(1, "EMPLOYMENT", json!({ "startDate": "2002", "endDate": "2014" })),
                affiliation(5, "EMPLOYMENT", json!({ "startDate": "2016" })),
            ])
        ),
        researcher_with_affiliations(
            "Bo Dahl",
            json!([affiliation(2, "INVITED_POSITION", json!({})), affiliation(5, "MEMBERSHIP", json!({}))])
        ),
    ]))
    .await;
    let laboratory = app.find_id("organization", "wave-laboratory").await;
    for (parent, arguments, expected) in [
        (
            COLLEGE,
            "".to_owned(),
            "ada-berg: EMPLOYMENT wave-laboratory, MEMBERSHIP wave-laboratory; bo-dahl: INVITED_POSITION faculty-of-letters",
        ),
        (LABORATORY, "".to_owned(), "ada-berg: EMPLOYMENT wave-laboratory, MEMBERSHIP wave-laboratory"),
        (COLLEGE, "(affiliation: {includeDescendants: false})".to_owned(), ""),
        (
            COLLEGE,
            "(affiliation: {includeDescendants: false, isCurrent: false})".to_owned(),
            "ada-berg: EMPLOYMENT college",
        ),
        (
            COLLEGE,
            "(affiliation: {asOf: \"2001-05-05\"})".to_owned(),
            "ada-berg: MEMBERSHIP wave-laboratory; bo-dahl: INVITED_POSITION faculty-of-letters",
        ),
        (COLLEGE, "(affiliation: {kinds: [EDUCATION], isCurrent: false})".to_owned(), "ada-berg: EDUCATION college"),
        (
            COLLEGE,
            format!("(affiliation: {{organizationIds: [{laboratory:?}], kinds: [MEMBERSHIP]}})"),
            "ada-berg: MEMBERSHIP wave-laboratory",
        ),
        // The researcher filter does not change which affiliations are returned.
        (
            LABORATORY,
            "(filter: {affiliation: {kinds: [EDUCATION], isCurrent: false}})".to_owned(),
            "ada-berg: EMPLOYMENT wave-laboratory, MEMBERSHIP wave-laboratory",
        ),
    ] {
        let query = format!(
            "{{ {parent} {{ researchers{arguments} {{ edges {{ node {{ slug }} affiliations {{ kind organization {{ slug }} }} }} }} }} }}"
        );
        let edges = app.data(&query).await["organization"]["researchers"]["edges"].clone();
        let summary = |edge: &Value| {
            let kinds = pluck_strings(&edge["affiliations"], &["kind"]);
            let places = pluck_strings(&edge["affiliations"], &["organization", "slug"]);
            let behind: Vec<String> =
                kinds.into_iter().zip(places).map(|(kind, parent)| format!("{kind} {parent}")).collect();
            format!("{}: {}", edge["node"]["slug"].as_str().unwrap_or_default(), behind.join(", "))
        };
        let summary: Vec<String> = edges.as_array().into_iter().flatten().map(summary).collect();
        assert_eq!(summary.join("; "), expected, "{parent} {arguments}");
    }
}

#[tokio::test]
async fn affiliations() {
    let app = college_directory().await;
    app.create_records(json!([
        researcher_with_affiliations(
            "Ada Berg",
            json!([
                affiliation(1, "EMPLOYMENT", json!({ "startDate": "2015" })),
                affiliation(4, "MEMBERSHIP", json!({}))
            ])
        ),
        researcher_with_affiliations("Bo Dahl", json!([affiliation(1, "EDUCATION", json!({ "endDate": "2001" }))])),
        researcher_with_affiliations(
            "Cy Ek",
            json!([affiliation(1, "EMPLOYMENT", json!({ "startDate": "2003", "isPrimary": true }))])
        ),
    ]))
    .await;
    for (arguments, expected) in [
        // Primary first, then current, then past; descendants are not included.
        ("", "cy-ek ada-berg bo-dahl"),
        ("(filter: {isCurrent: false})", "bo-dahl"),
        ("(filter: {kinds: [EMPLOYMENT], asOf: \"2004-01-01\"})", "cy-ek"),
        ("(orderBy: {field: START_DATE, direction: ASC})", "bo-dahl cy-ek ada-berg"),
        ("(orderBy: {field: RESEARCHER_NAME, direction: DESC})", "cy-ek bo-dahl ada-berg"),
    ] {
        let list = format!("affiliations{arguments}");
        let nodes = app.nodes(&[COLLEGE, &list], "researcher { slug }").await;
        assert_eq!(pluck_strings(&nodes, &["researcher", "slug"]).join(" "), expected, "{list}");
    }
}

#[tokio::test]
async fn papers() {
    let app = college_directory().await;
    let written = |title: &str, year: i32, organization_numbers: &[u64]| {
        let organizations: Vec<Value> =
            organization_numbers.iter().map(|parent| json!({ "ror": ror(*parent) })).collect();
        with_fields(
            paper_record(title, Some(year), &[]),
            json!({ "authors": [
            { "position": 1, "name": "Ada Berg", "organizations": organizations }, { "position": 2, "name": "Bo Dahl" },
        ] }),
        )
    };
    app.create_records(json!([
        // The current affiliation links all papers, unless only the affiliations on papers count.
        researcher_with_affiliations("Ada Berg", json!([affiliation(5, "EMPLOYMENT", json!({}))])),
        written("Waves", 2001, &[4]),
        written("Letters", 2002, &[2, 4]),
        written("Rules", 2003, &[1]),
        written("Nowhere", 2004, &[]),
    ]))
    .await;
    for (parent, arguments, expected) in [
        (COLLEGE, "", "rules letters waves"),
        (COLLEGE, "(includeDescendants: false)", "rules"),
        (LABORATORY, "", "letters waves"),
        (r#"organization(by: {slug: "academy"})"#, "(links: [AUTHORSHIP])", ""),
        (r#"organization(by: {slug: "academy"})"#, "", "nowhere rules letters waves"),
        (COLLEGE, "(filter: {publicationYear: {to: 2002}}, orderBy: {field: TITLE, direction: DESC})", "waves letters"),
    ] {
        let list = format!("papers{arguments}");
        assert_eq!(app.slugs(&[parent, &list]).await.join(" "), expected, "{parent} {list}");
    }
    let count = app.data(&format!("{{ {COLLEGE} {{ papers {{ totalCount }} }} }}")).await;
    assert_eq!(count["organization"]["papers"]["totalCount"], 3);
}

#[tokio::test]
async fn filters() {
    let app = college_directory().await;
    app.execute_sql("UPDATE organization SET updated_at = '2020-01-01'; UPDATE organization SET updated_at = '2024-01-01' WHERE slug = 'academy'").await;
    let college = app.find_id("organization", "college").await;
    let all = "academy college faculty-of-letters faculty-of-tides wave-laboratory";
    let query = "query($filter: OrganizationFilter) { organizations(filter: $filter) { totalCount nodes { slug } } }";
    for (filter, expected) in [
        (json!(null), all),
        (json!({}), all),
        (json!({ "ids": [college] }), "college"),
        (json!({ "ids": [] }), ""),
        (
            json!({ "rors": [format!("https://ror.org/{}", ror(4)), ror(5).to_uppercase(), "x"] }),
            "academy wave-laboratory",
        ),
        (json!({ "rors": ["x"] }), ""),
        (json!({ "types": ["FUNDER", "FACILITY"] }), "college wave-laboratory"),
        (json!({ "types": [] }), ""),
        (json!({ "statuses": ["INACTIVE", "WITHDRAWN"] }), "academy"),
        (json!({ "statuses": [] }), ""),
        (json!({ "countryCodes": ["ca", " CH "] }), "academy college"),
        (json!({ "countryCodes": ["\u{0}", "FR"] }), ""),
        (json!({ "updatedSince": "2023-12-31T23:00:00-01:00" }), "academy"),
        (json!({ "types": ["EDUCATION"], "countryCodes": ["CH"] }), ""),
    ] {
        let found = app.data_with_variables(query, json!({ "filter": filter })).await;
        assert_eq!(pluck_strings(&found["organizations"]["nodes"], &["slug"]).join(" "), expected, "{filter}");
        assert_eq!(found["organizations"]["totalCount"], expected.split_whitespace().count(), "{filter}");
    }
    for list in ["rors", "countryCodes", "ids"] {
        app.client_error(query, json!({ "filter": { list: vec![college.clone(); 501] } })).await;
    }
    app.client_error(query, json!({ "filter": { "types": vec!["FUNDER"; 501] } })).await;
    app.client_error(query, json!({ "filter": { "types": ["funder"] } })).await;
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
    app.create_records(json!([
        named(1, "Zoo", "Arche"),
        named(2, "éclair house", "Maison"),
        named(3, "Dome", "Zénith"),
        researcher_with_affiliations(
            "Ada Berg",
            json!([affiliation(2, "EMPLOYMENT", json!({})), affiliation(2, "MEMBERSHIP", json!({}))])
        ),
        researcher_with_affiliations(
            "Bo Dahl",
            json!([
                affiliation(3, "MEMBERSHIP", json!({})),
                affiliation(2, "INVITED_POSITION", json!({})),
                affiliation(1, "SERVICE", json!({}))
            ])
        ),
        researcher_with_affiliations(
            "Cy Ek",
            json!([affiliation(1, "EMPLOYMENT", json!({ "endDate": "2001" })), affiliation(1, "EDUCATION", json!({}))])
        ),
    ]))
    .await;
    app.execute_sql("UPDATE organization SET updated_at = '2020-01-01'::timestamptz + interval '1 day' * (4 - id)")
        .await;
    for (order, expected) in [
        ("{field: NAME, direction: ASC}", "dome eclair-house zoo"),
        ("{field: NAME, direction: ASC, languages: [\"fr-BE\"]}", "zoo eclair-house dome"),
        ("{field: NAME, direction: DESC, languages: [\"de\", \"fr\"]}", "dome eclair-house zoo"),
        ("{field: RESEARCHER_COUNT, direction: DESC}", "eclair-house dome zoo"),
        ("{field: UPDATED_AT, direction: ASC}", "dome eclair-house zoo"),
    ] {
        let list = format!("organizations(orderBy: {order})");
        assert_eq!(app.slugs(&[&list]).await.join(" "), expected, "{order}");
    }
    // Without `languages` the order uses the request's languages.
    let response =
        app.query_in_languages("{ organizations { nodes { displayName { value } } } }", json!({}), Some("fr")).await;
    assert_eq!(
        pluck(&response.data()["organizations"]["nodes"], &["displayName", "value"]),
        ["Arche", "Maison", "Zénith"]
    );
}
