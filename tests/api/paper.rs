//! Papers: fields, lookups, filters and orders.

use serde_json::{Value, json};

use crate::support::{TestApp, organization_record, paper_record, pluck_strings, ror, topic_record, with_fields};

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        topic_record("Tides"),
        topic_record("Moons"),
        with_fields(
            paper_record("Les marées de Brest", None, &["Ada Berg", "Bo Dahl"]),
            json!({
                "sourceId": "W17",
                "translatedTitles": { "en": "The tides of Brest" },
                "abstract": { "fr": "La mer monte. Puis elle descend." },
                "abstractCompleteness": "TRUNCATED",
                "publicationDate": "2019-04-30",
                "type": "CONFERENCE_PAPER",
                "venueName": "Journées de la mer",
                "volume": "12",
                "issue": "3",
                "pages": "17–19",
                "articleNumber": "e17",
                "edition": "2",
                "publisherName": "Presses de la mer",
                "issns": ["0028-0836"],
                "isbns": ["9780306406157"],
                "keywords": ["marées", "mer"],
                "language": "fr",
                "doi": "10.5555/Brest.17",
                "arxivId": "1904.01234v2",
                "url": "https://example.org/brest.pdf",
                "isRetracted": true,
                "identifiers": [{ "scheme": "PMID", "value": "123" }],
                "topics": [{ "labels": { "en": "Tides" } }, { "labels": { "en": "Moons" } }],
            })
        ),
    ]))
    .await;
    let query = r#"{ paper(by: {slug: "les-marees-de-brest"}) {
        __typename slug title publicationYear publicationDate type venueName
        volume issue pages articleNumber edition publisherName issns isbns keywords language doi arxivId url isRetracted formerIds
        displayName(languages: ["en"]) { value language isFallback }
        abstract { completeness text language isFallback excerpt(maxLength: 15) { text isTruncated } }
        identifiers { scheme value url }
        authorships { totalCount nodes { name } } topics { totalCount nodes { slug } }
    } }"#;
    let expected = json!({
        "__typename": "Paper",
        "slug": "les-marees-de-brest",
        "title": "Les marées de Brest",
        "publicationYear": 2019,
        "publicationDate": "2019-04-30",
        "type": "CONFERENCE_PAPER",
        "venueName": "Journées de la mer",
        "volume": "12",
        "issue": "3",
        "pages": "17–19",
        "articleNumber": "e17",
        "edition": "2",
        "publisherName": "Presses de la mer",
        "issns": ["0028-0836"],
        "isbns": ["9780306406157"],
        "keywords": ["marées", "mer"],
        "language": "fr",
        "doi": "https://doi.org/10.5555/brest.17",
        "arxivId": "1904.01234",
        "url": "https://example.org/brest.pdf",
        "isRetracted": true,
        "formerIds": [],
        "displayName": { "value": "The tides of Brest", "language": "en", "isFallback": false },
        "abstract": {
            "completeness": "TRUNCATED", "text": "La mer monte. Puis elle descend.", "language": "fr", "isFallback": true,
            "excerpt": { "text": "La mer monte.", "isTruncated": true },
        },
        "identifiers": [
            { "scheme": "pmid", "value": "123", "url": "https://pubmed.ncbi.nlm.nih.gov/123/" },
            { "scheme": "test", "value": "W17", "url": null },
        ],
        "authorships": { "totalCount": 2, "nodes": [{ "name": "Ada Berg" }, { "name": "Bo Dahl" }] },
        "topics": { "totalCount": 2, "nodes": [{ "slug": "tides" }, { "slug": "moons" }] },
    });
    assert_eq!(app.data(query).await["paper"], expected);
}

#[tokio::test]
async fn minimal_paper() {
    let app = TestApp::start().await;
    app.create_records(json!([{ "kind": "paper", "title": "???", "authors": [] }])).await;
    let query = r#"{ papers { nodes {
        slug title publicationYear publicationDate type venueName language doi arxivId url isRetracted
        volume issue pages articleNumber edition publisherName issns isbns keywords
        displayName { value language isFallback }
        abstract { completeness text language isFallback excerpt { text } }
        identifiers { value } authorships { totalCount nodes { id } } topics { totalCount }
    } } }"#;
    let expected = json!([{
        "slug": "paper", "title": "???", "publicationYear": null, "publicationDate": null, "type": "OTHER", "venueName": null,
        "volume": null, "issue": null, "pages": null, "articleNumber": null, "edition": null, "publisherName": null, "issns": [],
        "isbns": [], "keywords": [], "language": null, "doi": null, "arxivId": null, "url": null, "isRetracted": false,
        "displayName": { "value": "???", "language": null, "isFallback": false },
        "abstract": { "completeness": "ABSENT", "text": null, "language": null, "isFallback": false, "excerpt": null },
        "identifiers": [], "authorships": { "totalCount": 0, "nodes": [] }, "topics": { "totalCount": 0 },
    }]);
    assert_eq!(app.data(query).await["papers"]["nodes"], expected);
}

#[tokio::test]
async fn key_formats() {
    let app = TestApp::start().await;
    app.create_records(json!([
        with_fields(
            paper_record("Brest", Some(2019), &["Brest"]),
            json!({ "sourceId": "W17", "doi": "10.5555/(a)<b>#c", "arxivId": "1904.01234" })
        ),
        with_fields(paper_record("Older", Some(1999), &[]), json!({ "arxivId": "hep-th/9901001" })),
        with_fields(paper_record("By arXiv", Some(2020), &[]), json!({ "doi": "10.48550/arXiv.2001.00001" })),
    ]))
    .await;
    app.insert_redirect("paper", 500, "brest-preprint", "brest").await;
    let id = app.find_id("paper", "brest").await;
    let researcher = app.find_id("researcher", "brest").await;
    let query = "query($by: PaperBy!) { paper(by: $by) { slug } }";
    for (by, expected) in [
        (json!({ "id": id }), "brest"),
        (json!({ "id": "UGFwZXI6NTAw" }), "brest"), // Paper:500
        (json!({ "slug": "BREST-preprint" }), "brest"),
        (json!({ "doi": "10.5555/(a)<b>#c" }), "brest"),
        (json!({ "doi": "10.5555/(A)<B>#C" }), "brest"),
        (json!({ "doi": " doi:10.5555/(a)<b>#c " }), "brest"),
        (json!({ "doi": "https://doi.org/10.5555/(a)%3Cb%3E%23c" }), "brest"),
        (json!({ "doi": "HTTPS://DX.DOI.ORG/10.5555/(A)%3CB%3E%23C" }), "brest"),
        (json!({ "arxivId": "1904.01234" }), "brest"),
        (json!({ "arxivId": "arXiv:1904.01234v7" }), "brest"),
        (json!({ "arxivId": "https://arxiv.org/abs/1904.01234v1" }), "brest"),
        (json!({ "arxivId": "HEP-TH/9901001" }), "older"),
        (json!({ "arxivId": "2001.00001" }), "by-arxiv"),
        (json!({ "doi": "10.48550/ARXIV.2001.00001" }), "by-arxiv"),
        (json!({ "identifier": { "scheme": "test", "value": "W17" } }), "brest"),
        (json!({ "id": researcher }), "null"),
        (json!({ "id": "Paper:1" }), "null"),
        (json!({ "slug": "\u{0}brest" }), "null"),
        (json!({ "doi": "10.5555/unknown" }), "null"),
        (json!({ "doi": "not a doi" }), "null"),
        (json!({ "doi": "10.5555/\u{0}" }), "null"),
        (json!({ "arxivId": "1904.0" }), "null"),
        (json!({ "identifier": { "scheme": "other", "value": "W17" } }), "null"),
    ] {
        let found = app.data_with_variables(query, json!({ "by": by })).await;
        assert_eq!(found["paper"]["slug"].as_str().unwrap_or("null"), expected, "{by}");
    }
    let former = app.data(r#"{ paper(by: {slug: "brest"}) { formerIds } }"#).await;
    assert_eq!(former["paper"]["formerIds"], json!(["UGFwZXI6NTAw"]));
    let many = "query($keys: [PaperBy!]!) { papersBy(keys: $keys) { slug } }";
    let keys = json!([{ "arxivId": "1904.01234" }, { "doi": "?" }, { "slug": "older" }, { "id": id }]);
    let found = app.data_with_variables(many, json!({ "keys": keys })).await;
    assert_eq!(pluck_strings(&found["papersBy"], &["slug"]), ["brest", "null", "older", "brest"]);
    app.client_error(many, json!({ "keys": vec![json!({ "slug": "older" }); 501] })).await;
}

#[tokio::test]
async fn translated_titles() {
    let app = TestApp::start().await;
    app.create_records(json!([
        with_fields(
            paper_record("Les marées", Some(2019), &[]),
            json!({ "language": "fr", "translatedTitles": { "en": "Tides", "de": "Gezeiten" } })
        ),
        with_fields(paper_record("Winds", Some(2018), &[]), json!({ "translatedTitles": { "fr": "Les vents" } })),
    ]))
    .await;
    let title = async |languages: &[&str]| {
        let query = "query($languages: [LanguageTag!]) { papers { nodes { displayName(languages: $languages) { value isFallback } } } }";
        let found = app.data_with_variables(query, json!({ "languages": languages })).await;
        let displayed =
            |node: &Value| format!("{} {}", node["displayName"]["value"], node["displayName"]["isFallback"]);
        found["papers"]["nodes"].as_array().into_iter().flatten().map(displayed).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(title(&["fr-CA"]).await, r#""Les marées" false, "Les vents" false"#);
    assert_eq!(title(&["de", "fr"]).await, r#""Gezeiten" false, "Les vents" false"#);
    // Without a translation the original is returned; a title in an unknown language is no fallback.
    assert_eq!(title(&["it"]).await, r#""Les marées" true, "Winds" false"#);
}

#[tokio::test]
async fn abstracts() {
    let app = TestApp::start().await;
    let paper = |title: &str, completeness: &str, text: Value| {
        with_fields(
            paper_record(title, Some(2000), &[]),
            json!({ "abstractCompleteness": completeness, "abstract": text }),
        )
    };
    let long = "word ".repeat(100);
    app.create_records(json!([
        paper("Full", "FULL", json!({ "en": "Héllo, tides. They rise  ", "fr": "Marées." })),
        paper("Long", "FULL", json!({ "und": long.trim() })),
        paper("Cut", "TRUNCATED", json!({ "en": "They rise and" })),
        paper("None", "ABSENT", json!({})),
        paper("Hidden", "WITHHELD", json!({})),
    ]))
    .await;
    let query = "query($slug: String!, $most: Int!, $languages: [LanguageTag!]) { paper(by: {slug: $slug}) { \
         abstract(languages: $languages) { completeness language isFallback excerpt(maxLength: $most) { text isTruncated } } } }";
    let of = async |slug: &str, most: i32, language: &str| {
        let found =
            app.data_with_variables(query, json!({ "slug": slug, "most": most, "languages": [language] })).await;
        found["paper"]["abstract"].clone()
    };
    let abstract_with = |completeness: &str, language: Value, is_fallback: bool, excerpt: Value| json!({ "completeness": completeness, "language": language, "isFallback": is_fallback, "excerpt": excerpt });
    let excerpt = |text: &str, is_truncated: bool| json!({ "text": text, "isTruncated": is_truncated });
    assert_eq!(
        of("full", 300, "en").await,
        abstract_with("FULL", json!("en"), false, excerpt("Héllo, tides. They rise", false))
    );
    assert_eq!(of("full", 10, "en").await, abstract_with("FULL", json!("en"), false, excerpt("Héllo,", true)));
    assert_eq!(of("full", 2, "en").await, abstract_with("FULL", json!("en"), false, excerpt("Hé", true)));
    assert_eq!(of("full", 300, "fr").await, abstract_with("FULL", json!("fr"), false, excerpt("Marées.", false)));
    assert_eq!(
        of("cut", 300, "fr").await,
        abstract_with("TRUNCATED", json!("en"), true, excerpt("They rise and", false))
    );
    assert_eq!(of("none", 300, "fr").await, abstract_with("ABSENT", json!(null), false, json!(null)));
    assert_eq!(of("hidden", 300, "fr").await, abstract_with("WITHHELD", json!(null), false, json!(null)));
    let standard = app.data(r#"{ paper(by: {slug: "long"}) { abstract { excerpt { text isTruncated } } } }"#).await;
    assert_eq!(standard["paper"]["abstract"]["excerpt"], excerpt("word ".repeat(60).trim(), true));
    for most in [0, -1, 10_001] {
        let refused = app.query(query, json!({ "slug": "full", "most": most })).await;
        assert_eq!(refused.codes(), ["BAD_USER_INPUT"], "{most}");
        // The error is confined to the failing field.
        assert_eq!(refused.body["data"]["paper"]["abstract"]["excerpt"], json!(null));
        assert_eq!(refused.body["data"]["paper"]["abstract"]["completeness"], "FULL");
    }
}

#[tokio::test]
async fn filters() {
    let app = TestApp::start().await;
    let at = |number: u64| json!({ "authors": [{ "position": 1, "name": "Ada Berg", "organizations": [{ "ror": ror(number) }] }] });
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(organization_record(2, "Faculty"), json!({ "relations": [["parent", ror(1)]] })),
        topic_record("Oceans"),
        with_fields(topic_record("Tides"), json!({ "broader": [{ "labels": { "en": "Oceans" } }] })),
        with_fields(with_fields(paper_record("A", Some(2001), &[]), at(2)), json!({ "doi": "10.5555/a", "venueName": "Sea", "abstract": { "en": "Text." }, "abstractCompleteness": "FULL" })),
        with_fields(with_fields(paper_record("B", Some(2002), &[]), at(1)), json!({ "type": "BOOK", "isRetracted": true, "venueName": "sea" })),
        with_fields(paper_record("C", Some(2003), &["Bo Dahl", "Ada Berg"]), json!({ "topics": [{ "labels": { "en": "Tides" } }] })),
        with_fields(paper_record("D", None, &["Bo Dahl"]), json!({ "topics": [{ "labels": { "en": "Oceans" } }], "abstractCompleteness": "WITHHELD" })),
    ]))
    .await;
    app.execute_sql(
        "UPDATE paper SET updated_at = '2020-01-01'; UPDATE paper SET updated_at = '2024-01-01' WHERE slug = 'c'",
    )
    .await;
    let (ada, bo) = (app.find_id("researcher", "ada-berg").await, app.find_id("researcher", "bo-dahl").await);
    let (college, faculty) =
        (app.find_id("organization", "college").await, app.find_id("organization", "faculty").await);
    let (oceans, tides) = (app.find_id("topic", "oceans").await, app.find_id("topic", "tides").await);
    let a = app.find_id("paper", "a").await;
    let query = "query($filter: PaperFilter) { papers(filter: $filter) { totalCount nodes { slug } } }";
    for (filter, expected) in [
        (json!(null), "c b a d"),
        (json!({ "ids": [a] }), "a"),
        (json!({ "ids": [] }), ""),
        (json!({ "dois": ["https://doi.org/10.5555/A", "10.5555/zzz", "nonsense"] }), "a"),
        (json!({ "dois": [] }), ""),
        (json!({ "authorIds": [ada] }), "c b a"),
        (json!({ "authorIds": [ada, bo] }), "c b a d"),
        (json!({ "authorIds": [] }), ""),
        (json!({ "organizationIds": [faculty] }), "a"),
        (json!({ "organizationIds": [college] }), "b a"),
        (json!({ "organizationIds": [] }), ""),
        (json!({ "topicIds": [tides] }), "c"),
        (json!({ "topicIds": [oceans] }), "c d"),
        (json!({ "topicIds": [] }), ""),
        (json!({ "publicationYear": { "from": 2002, "to": 2003 } }), "c b"),
        (json!({ "publicationYear": { "from": 2003 } }), "c"),
        (json!({ "publicationYear": { "to": 2001 } }), "a"),
        (json!({ "publicationYear": { "from": 2003, "to": 2003 } }), "c"),
        (json!({ "publicationYear": { "from": -2147483648, "to": 2147483647 } }), "c b a"),
        // A paper without a year matches no range.
        (json!({ "publicationYear": {} }), "c b a"),
        (json!({ "types": ["BOOK", "THESIS"] }), "b"),
        (json!({ "types": [] }), ""),
        (json!({ "venueNames": ["Sea", "\u{0}"] }), "a"),
        (json!({ "venueNames": [] }), ""),
        (json!({ "hasAbstract": true }), "a"),
        (json!({ "hasAbstract": false }), "c b d"),
        (json!({ "hasDoi": true }), "a"),
        (json!({ "hasDoi": false }), "c b d"),
        (json!({ "isRetracted": true }), "b"),
        (json!({ "isRetracted": false }), "c a d"),
        (json!({ "updatedSince": "2024-01-01T00:00:00Z" }), "c"),
        (json!({ "authorIds": [ada], "organizationIds": [college], "isRetracted": false }), "a"),
        (json!({ "authorIds": [bo], "hasDoi": true }), ""),
    ] {
        let found = app.data_with_variables(query, json!({ "filter": filter })).await;
        assert_eq!(pluck_strings(&found["papers"]["nodes"], &["slug"]).join(" "), expected, "{filter}");
        assert_eq!(found["papers"]["totalCount"], expected.split_whitespace().count(), "{filter}");
    }
    for filter in [
        json!({ "ids": [ada] }),
        json!({ "authorIds": [tides] }),
        json!({ "organizationIds": [ada] }),
        json!({ "topicIds": [""] }),
        json!({ "dois": vec!["10.5555/a"; 501] }),
        json!({ "venueNames": vec!["Sea"; 501] }),
        json!({ "types": vec!["BOOK"; 501] }),
        json!({ "publicationYear": { "from": 2147483648_i64 } }),
        json!({ "publicationYear": { "from": "2001" } }),
        json!({ "not": { "publicationYear": { "from": 2003, "to": 2001 } } }),
    ] {
        app.client_error(query, json!({ "filter": filter })).await;
    }
    let backward = json!({ "publicationYear": { "from": 2003, "to": 2001 } });
    insta::assert_snapshot!(app.client_error(query, json!({ "filter": backward })).await, @"publicationYear is from 2003 to 2001; from must not be greater than to");
}

#[tokio::test]
async fn orders() {
    let app = TestApp::start().await;
    let dated = |title: &str, date: Value, authors: &[&str]| {
        with_fields(paper_record(title, None, authors), json!({ "publicationDate": date }))
    };
    app.create_records(json!([
        dated("Élan", json!("2019-03-01"), &["Ada Berg", "Bo Dahl", "Cy Ek"]),
        dated("“Zebra”", json!("2019-03"), &["Ada Berg"]),
        dated("data", json!("2019"), &["Ada Berg", "Bo Dahl"]),
        dated("Fish", json!("2018-12-31"), &[]),
        with_fields(paper_record("Apes", None, &["A", "B", "C", "D"]), json!({})),
    ]))
    .await;
    app.execute_sql(
        "UPDATE paper SET updated_at = '2020-01-01'::timestamptz + interval '1 day' * (id % 3), created_at = now()",
    )
    .await;
    for (order, expected) in [
        ("{field: PUBLICATION_DATE, direction: DESC}", "elan zebra data fish apes"),
        ("{field: PUBLICATION_DATE, direction: ASC}", "apes fish data zebra elan"),
        ("{field: TITLE, direction: ASC}", "apes data elan fish zebra"),
        ("{field: AUTHOR_COUNT, direction: DESC}", "apes elan data zebra fish"),
        ("{field: UPDATED_AT, direction: ASC}", "data elan fish zebra apes"),
        ("{field: UPDATED_AT, direction: DESC}", "apes zebra fish elan data"),
    ] {
        let list = format!("papers(orderBy: {order})");
        assert_eq!(app.slugs(&[&list]).await.join(" "), expected, "{order}");
    }
    assert_eq!(app.slugs(&["papers"]).await.join(" "), "elan zebra data fish apes", "newest first by default");
}
