//! Researchers: fields, filters and orders. Lookups are tested in `lookup`.

use serde_json::{Value, json};

use crate::support::{
    TestApp, orcid, organization_record, paper_record, pluck_strings, researcher_record, ror, topic_record, with_fields,
};

/// Three researchers, two of whom have papers.
pub async fn three_researchers() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!([
        organization_record(1, "Northern College"),
        with_fields(organization_record(2, "Tide Laboratory"), json!({ "relations": [["parent", ror(1)]] })),
        topic_record("Oceans"),
        with_fields(topic_record("Tides"), json!({ "broader": [{ "labels": { "en": "Oceans" } }] })),
        with_fields(researcher_record("Ada Berg"), json!({
            "orcid": orcid(21),
            "identifiers": [{ "scheme": "Scopus", "value": "700123" }],
            "affiliations": [
                { "organization": { "ror": ror(2) }, "affiliationKind": "EMPLOYMENT", "startDate": "2015" },
                { "organization": { "ror": ror(1) }, "affiliationKind": "EDUCATION", "startDate": "2009", "endDate": "2014" },
            ],
            "topics": [{ "labels": { "en": "Tides" } }],
        })),
        with_fields(researcher_record("Émile Zola"), json!({
            "affiliations": [
                { "organization": { "ror": ror(1) }, "affiliationKind": "SERVICE" },
                { "organization": { "ror": ror(2) }, "affiliationKind": "EMPLOYMENT", "startDate": "2001", "endDate": "2003" },
            ],
        })),
        researcher_record("Chen"),
        with_fields(paper_record("Spring tides", Some(2019), &["Ada Berg", "Émile Zola"]), json!({ "topics": [{ "labels": { "en": "Oceans" } }] })),
        paper_record("Neap tides", Some(2021), &["Émile Zola"]),
    ]))
    .await;
    app
}

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([with_fields(
        researcher_record("Zoë van der Berg"),
        json!({
            "slug": "zoe",
            "otherNames": ["Z. Berg", "Zoe Vanderberg"],
            "orcid": "0000-0002-1694-233X",
            "biography": { "en": "Studies tides.", "fr": "Étudie les marées." },
            "headline": { "en": "Tide watcher" },
            "portraitUrl": "https://example.org/zoe.jpg",
            "homepageUrl": "https://example.org/zoe",
            "identifiers": [{ "scheme": "SCOPUS", "value": "700123" }, { "scheme": "hr", "value": "e-17" }],
        })
    ),]))
        .await;
    let query = r#"{ researcher(by: {slug: "zoe"}) {
        __typename slug name givenName familyName otherNames orcid portraitUrl homepageUrl formerIds
        displayName(languages: ["fr"]) { value language isFallback }
        headline { value language isFallback }
        biography(languages: ["fr"]) { value language isFallback }
        identifiers { scheme value url }
        affiliations { totalCount nodes { id } } topics { totalCount } papers { totalCount } coauthors { totalCount }
        statistics { paperCount coauthorCount firstPublicationYear lastPublicationYear papersPerYear { year } }
    } }"#;
    let expected = json!({
        "__typename": "Researcher",
        "slug": "zoe",
        "name": "Zoë van der Berg",
        "givenName": "Zoë",
        "familyName": "van der Berg",
        "otherNames": ["Z. Berg", "Zoe Vanderberg"],
        "orcid": "https://orcid.org/0000-0002-1694-233X",
        "portraitUrl": "https://example.org/zoe.jpg",
        "homepageUrl": "https://example.org/zoe",
        "formerIds": [],
        "displayName": { "value": "Zoë van der Berg", "language": null, "isFallback": false },
        "headline": { "value": "Tide watcher", "language": "en", "isFallback": false },
        "biography": { "value": "Étudie les marées.", "language": "fr", "isFallback": false },
        "identifiers": [
            { "scheme": "hr", "value": "e-17", "url": null },
            { "scheme": "scopus", "value": "700123", "url": "https://www.scopus.com/authid/detail.uri?authorId=700123" },
        ],
        "affiliations": { "totalCount": 0, "nodes": [] },
        "topics": { "totalCount": 0 },
        "papers": { "totalCount": 0 },
        "coauthors": { "totalCount": 0 },
        "statistics": {
            "paperCount": 0, "coauthorCount": 0, "firstPublicationYear": null, "lastPublicationYear": null, "papersPerYear": [],
        },
    });
    assert_eq!(app.data(query).await["researcher"], expected);
}

#[tokio::test]
async fn minimal_researcher() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Plato")])).await;
    let query = r#"{ researcher(by: {slug: "plato"}) {
        name givenName familyName otherNames orcid identifiers { value } headline { value } biography { value } portraitUrl homepageUrl
    } }"#;
    let expected = json!({
        "name": "Plato", "givenName": "Plato", "familyName": null, "otherNames": [], "orcid": null, "identifiers": [],
        "headline": null, "biography": null, "portraitUrl": null, "homepageUrl": null,
    });
    assert_eq!(app.data(query).await["researcher"], expected);
}

#[tokio::test]
async fn timestamps_are_in_utc() {
    let app = three_researchers().await;
    app.execute_sql(
        "UPDATE researcher SET created_at = '2024-02-03 04:05:06+02', updated_at = '2024-02-03 04:05:06.25+00'",
    )
    .await;
    let timestamps = app.data("{ researchers(first: 1) { nodes { createdAt updatedAt } } }").await;
    assert_eq!(
        timestamps["researchers"]["nodes"][0],
        json!({ "createdAt": "2024-02-03T02:05:06Z", "updatedAt": "2024-02-03T04:05:06.250Z" })
    );
}

#[tokio::test]
async fn filters() {
    let app = three_researchers().await;
    let chen = app.find_id("researcher", "chen").await;
    let ada = app.find_id("researcher", "ada-berg").await;
    let (college, laboratory) =
        (app.find_id("organization", "northern-college").await, app.find_id("organization", "tide-laboratory").await);
    let (oceans, tides) = (app.find_id("topic", "oceans").await, app.find_id("topic", "tides").await);
    app.execute_sql("UPDATE researcher SET updated_at = '2020-01-01'; UPDATE researcher SET updated_at = '2024-01-01' WHERE slug = 'chen'").await;
    let iri = format!("https://orcid.org/{}", orcid(21));
    for (filter, expected) in [
        (json!({}), "ada-berg chen emile-zola"),
        (json!(null), "ada-berg chen emile-zola"),
        (json!({ "ids": [chen, ada] }), "ada-berg chen"),
        (json!({ "ids": [] }), ""),
        (json!({ "ids": null }), "ada-berg chen emile-zola"),
        (json!({ "orcids": [iri, "nonsense", "\u{0}"] }), "ada-berg"),
        (json!({ "orcids": [] }), ""),
        (json!({ "hasOrcid": true }), "ada-berg"),
        (json!({ "hasOrcid": false }), "chen emile-zola"),
        (json!({ "hasPapers": true }), "ada-berg emile-zola"),
        (json!({ "hasPapers": false }), "chen"),
        (json!({ "updatedSince": "2024-01-01T00:00:00Z" }), "chen"),
        (json!({ "updatedSince": "2024-01-01T00:00:00-01:00" }), ""),
        (json!({ "topicIds": [tides] }), "ada-berg"),
        (json!({ "topicIds": [oceans] }), "ada-berg emile-zola"),
        (json!({ "topicIds": [] }), ""),
        // By default, current employment, membership and similar kinds.
        (json!({ "affiliation": {} }), "ada-berg"),
        (json!({ "affiliation": { "organizationIds": [college] } }), "ada-berg"),
        (json!({ "affiliation": { "organizationIds": [college], "includeDescendants": null } }), "ada-berg"),
        (json!({ "affiliation": { "organizationIds": [college], "includeDescendants": false } }), ""),
        (json!({ "affiliation": { "organizationIds": [college], "kinds": ["SERVICE"] } }), "emile-zola"),
        (json!({ "affiliation": { "organizationIds": [] } }), ""),
        (json!({ "affiliation": { "kinds": [] } }), ""),
        (json!({ "affiliation": { "isCurrent": false } }), "emile-zola"),
        (json!({ "affiliation": { "asOf": "2002-06-30" } }), "emile-zola"),
        (json!({ "affiliation": { "asOf": "2015-01-01", "isCurrent": true } }), "ada-berg"),
        (json!({ "affiliation": { "kinds": ["EDUCATION"] } }), ""),
        (json!({ "affiliation": { "kinds": ["EDUCATION"], "isCurrent": false } }), "ada-berg"),
        (json!({ "affiliation": { "researcherIds": [chen] } }), ""),
        // A single affiliation must match all conditions; Ada's match them only together.
        (
            json!({ "affiliation": { "organizationIds": [college], "includeDescendants": false, "kinds": ["EMPLOYMENT", "SERVICE"], "asOf": "2010-01-01" } }),
            "emile-zola",
        ),
        (
            json!({ "affiliation": { "organizationIds": [laboratory], "kinds": ["EDUCATION"], "asOf": "2010-01-01" } }),
            "",
        ),
        // All conditions are combined with AND.
        (json!({ "hasOrcid": true, "hasPapers": false }), ""),
        (
            json!({ "hasOrcid": true, "topicIds": [oceans], "affiliation": { "organizationIds": [laboratory] } }),
            "ada-berg",
        ),
    ] {
        let query = "query($filter: ResearcherFilter) { researchers(filter: $filter) { totalCount nodes { slug } } }";
        let found = app.data_with_variables(query, json!({ "filter": filter })).await;
        assert_eq!(pluck_strings(&found["researchers"]["nodes"], &["slug"]).join(" "), expected, "{filter}");
        let amount = expected.split_whitespace().count();
        assert_eq!(found["researchers"]["totalCount"], amount, "{filter}");
    }
}

#[tokio::test]
async fn invalid_filters() {
    let app = three_researchers().await;
    let tides = app.find_id("topic", "tides").await;
    let query = "query($filter: ResearcherFilter) { researchers(filter: $filter) { nodes { slug } } }";
    let refused = async |filter: Value| app.client_error(query, json!({ "filter": filter })).await;
    insta::assert_snapshot!(refused(json!({ "ids": ["x"] })).await, @"'x' is not an id of this directory; use the value of an `id` field");
    insta::assert_snapshot!(refused(json!({ "ids": [tides] })).await, @"ids takes IDs of type Researcher; 'VG9waWM6Mg' is of type Topic");
    insta::assert_snapshot!(refused(json!({ "orcids": vec![orcid(21); 501] })).await, @"orcids has 501 entries; the limit is 500: split the request");
    refused(json!({ "topicIds": vec![tides.clone(); 501] })).await;
    refused(json!({ "affiliation": { "kinds": vec!["EDUCATION"; 501] } })).await;
    refused(json!({ "affiliation": { "organizationIds": [tides] } })).await;
    refused(json!({ "updatedSince": "yesterday" })).await;
    refused(json!({ "affiliation": { "asOf": "2015" } })).await;
    refused(json!({ "affiliation": { "asOf": "2015-02-30" } })).await;
    refused(json!({ "affiliation": { "asOf": "-262000-01-01" } })).await;
    refused(json!({ "affiliation": { "asOf": "+262000-01-01" } })).await;
    // Exactly the maximum list size.
    let many = app.data_with_variables(query, json!({ "filter": { "topicIds": vec![tides; 500] } })).await;
    assert_eq!(pluck_strings(&many["researchers"]["nodes"], &["slug"]), ["ada-berg"]);
}

#[tokio::test]
async fn orders() {
    let app = three_researchers().await;
    app.execute_sql(
        "UPDATE researcher SET updated_at = '2022-01-01' WHERE slug = 'ada-berg'; \
         UPDATE researcher SET updated_at = '2021-01-01' WHERE slug = 'emile-zola'; \
         UPDATE researcher SET updated_at = '2023-01-01' WHERE slug = 'chen'",
    )
    .await;
    for (field, ascending) in [
        ("NAME", "ada-berg chen emile-zola"),
        ("PAPER_COUNT", "chen ada-berg emile-zola"),
        ("LAST_PUBLICATION_YEAR", "chen ada-berg emile-zola"),
        ("UPDATED_AT", "emile-zola ada-berg chen"),
    ] {
        let list = async |direction| {
            app.slugs(&[&format!("researchers(orderBy: {{field: {field}, direction: {direction}}})")]).await
        };
        assert_eq!(list("ASC").await.join(" "), ascending, "{field}");
        let mut descending: Vec<&str> = ascending.split(' ').collect();
        descending.reverse();
        assert_eq!(list("DESC").await, descending, "{field}");
    }
    assert_eq!(app.slugs(&["researchers"]).await.join(" "), "ada-berg chen emile-zola", "by name by default");
}

#[tokio::test]
async fn statistics() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("First", Some(2011), &["Ada Berg", "Émile Zola"]),
        paper_record("Second", Some(2011), &["Ada Berg", "Chen", "Émile Zola"]),
        paper_record("Third", Some(2018), &["Ada Berg"]),
        paper_record("Undated", None, &["Ada Berg", "Dora Lind"]),
    ]))
    .await;
    let query = r#"query($slug: String!) { researcher(by: {slug: $slug}) {
        statistics { paperCount coauthorCount firstPublicationYear lastPublicationYear papersPerYear { year count } }
    } }"#;
    let of =
        async |slug| app.data_with_variables(query, json!({ "slug": slug })).await["researcher"]["statistics"].clone();
    assert_eq!(
        of("ada-berg").await,
        json!({
            "paperCount": 4, "coauthorCount": 3, "firstPublicationYear": 2011, "lastPublicationYear": 2018,
            "papersPerYear": [{ "year": 2011, "count": 2 }, { "year": 2018, "count": 1 }],
        })
    );
    assert_eq!(
        of("dora-lind").await,
        json!({
            "paperCount": 1, "coauthorCount": 1, "firstPublicationYear": null, "lastPublicationYear": null, "papersPerYear": [],
        })
    );
}

#[tokio::test]
async fn headlines() {
    let app = TestApp::start().await;
    let works = |organization: u64, title: Value, rest: Value| {
        with_fields(
            json!({ "organization": { "ror": ror(organization) }, "affiliationKind": "EMPLOYMENT", "roleTitle": title }),
            rest,
        )
    };
    let person =
        |name: &str, affiliations: Value| with_fields(researcher_record(name), json!({ "affiliations": affiliations }));
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(organization_record(2, "Institute"), json!({ "names": [
            { "value": "Institute", "language": "en", "kind": "LABEL" }, { "value": "Institut", "language": "fr", "kind": "LABEL" },
        ] })),
        person("Primary One", json!([
            works(1, json!({ "en": "Guest" }), json!({ "startDate": "2020" })),
            works(2, json!({ "en": "Professor", "fr": "Professeure" }), json!({ "startDate": "2010", "isPrimary": true })),
        ])),
        person("Latest One", json!([
            works(1, json!({ "en": "Assistant" }), json!({ "startDate": "2010" })),
            works(2, json!({ "en": "Reader" }), json!({ "startDate": "2012-05" })),
            works(1, json!({ "en": "Dean" }), json!({ "startDate": "2015", "endDate": "2016" })),
        ])),
        person("Untitled One", json!([works(2, json!({}), json!({}))])),
        person("Former One", json!([works(1, json!({ "en": "Dean" }), json!({ "endDate": "2016" }))])),
        person("Past One", json!([works(1, json!({ "en": "Dean" }), json!({ "hasEnded": true }))])),
        person("Student One", json!([{ "organization": { "ror": ror(1) }, "affiliationKind": "EDUCATION" }])),
        with_fields(person("Own One", json!([works(1, json!({ "en": "Dean" }), json!({}))])), json!({ "headline": { "fr": "Philosophe" } })),
    ]))
    .await;
    let query = r#"query($slug: String!, $languages: [LanguageTag!]) { researcher(by: {slug: $slug}) {
        headline(languages: $languages) { value language isFallback }
    } }"#;
    for (slug, language, expected) in [
        ("primary-one", "en", json!({ "value": "Professor, Institute", "language": "en", "isFallback": false })),
        ("primary-one", "fr-CA", json!({ "value": "Professeure, Institut", "language": "fr", "isFallback": false })),
        ("latest-one", "en", json!({ "value": "Reader, Institute", "language": "en", "isFallback": false })),
        ("latest-one", "fr", json!({ "value": "Reader, Institut", "language": "en", "isFallback": true })),
        ("untitled-one", "fr", json!({ "value": "Institut", "language": "fr", "isFallback": false })),
        ("former-one", "en", json!(null)),
        ("past-one", "en", json!(null)),
        ("student-one", "en", json!(null)),
        ("own-one", "en", json!({ "value": "Philosophe", "language": "fr", "isFallback": true })),
    ] {
        let found = app.data_with_variables(query, json!({ "slug": slug, "languages": [language] })).await;
        assert_eq!(found["researcher"]["headline"], expected, "{slug} in {language}");
    }
}

#[tokio::test]
async fn declared_and_derived_topics() {
    let app = TestApp::start().await;
    let about = |topics: &[&str]| {
        let topics: Vec<Value> = topics.iter().map(|label| json!({ "labels": { "en": label } })).collect();
        json!({ "topics": topics })
    };
    app.create_records(json!([
        topic_record("Waves"),
        topic_record("Moons"),
        topic_record("Winds"),
        topic_record("Sands"),
        with_fields(researcher_record("Ada Berg"), about(&["Waves", "Moons"])),
        with_fields(paper_record("One", Some(2001), &["Ada Berg"]), about(&["Sands", "Moons"])),
        with_fields(paper_record("Two", Some(2002), &["Ada Berg"]), about(&["Winds"])),
        with_fields(paper_record("Three", Some(2003), &["Ada Berg", "Émile Zola"]), about(&["Winds"])),
        with_fields(paper_record("Four", Some(2003), &["Émile Zola"]), about(&["Sands", "Winds"])),
    ]))
    .await;
    let list = async |order: &str| {
        let query = format!(
            r#"{{ researcher(by: {{slug: "ada-berg"}}) {{ topics{order} {{ totalCount edges {{ paperCount isDeclared node {{ slug }} }} }} }} }}"#
        );
        app.data(&query).await["researcher"]["topics"].clone()
    };
    let edge = |slug: &str, count: i32, declared: bool| json!({ "paperCount": count, "isDeclared": declared, "node": { "slug": slug } });
    // Declared topics in their order, then the topics of most papers.
    assert_eq!(
        list("").await,
        json!({ "totalCount": 4, "edges": [edge("waves", 0, true), edge("moons", 1, true), edge("winds", 2, false), edge("sands", 1, false)] })
    );
    for (order, expected) in [
        ("{field: PAPER_COUNT, direction: DESC}", "winds sands moons waves"),
        ("{field: LABEL, direction: ASC}", "moons sands waves winds"),
        ("{field: RESEARCHER_COUNT, direction: ASC}", "waves moons winds sands"),
        ("{field: UPDATED_AT, direction: ASC}", "waves moons winds sands"),
    ] {
        let found = list(&format!("(orderBy: {order})")).await;
        assert_eq!(pluck_strings(&found["edges"], &["node", "slug"]).join(" "), expected, "{order}");
    }
}

#[tokio::test]
async fn papers_with_own_authorship() {
    let app = TestApp::start().await;
    app.create_records(json!([
        paper_record("Old", Some(1999), &["Ada Berg"]),
        paper_record("New", Some(2020), &["Émile Zola", "Ada Berg", "Chen"]),
        paper_record("Other", Some(2021), &["Chen"]),
        paper_record("Undated", None, &["Chen", "Ada Berg"]),
    ]))
    .await;
    let query = r#"query($filter: PaperFilter) { researcher(by: {slug: "ada-berg"}) { papers(filter: $filter) {
        totalCount edges { node { title } authorship { position sequence nameAsPublished researcher { slug } paper { title } } }
    } } }"#;
    let found = app.data_with_variables(query, json!({})).await["researcher"]["papers"].clone();
    let edge = |title: &str, position: i32, sequence: &str| {
        json!({
            "node": { "title": title },
            "authorship": {
                "position": position, "sequence": sequence, "nameAsPublished": "Ada Berg",
                "researcher": { "slug": "ada-berg" }, "paper": { "title": title },
            },
        })
    };
    assert_eq!(
        found,
        json!({ "totalCount": 3, "edges": [edge("New", 2, "MIDDLE"), edge("Old", 1, "FIRST"), edge("Undated", 2, "LAST")] })
    );
    let found = app.data_with_variables(query, json!({ "filter": { "publicationYear": { "from": 2000 } } })).await;
    assert_eq!(found["researcher"]["papers"]["edges"], json!([edge("New", 2, "MIDDLE")]));
    assert_eq!(found["researcher"]["papers"]["totalCount"], 1);
}
