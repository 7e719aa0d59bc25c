//! Localized texts: language negotiation and fallbacks.

use serde_json::{Value, json};

use crate::support::{CLIENT_ERROR_CODES, TestApp, organization_record, pluck_strings, with_fields};

/// Three organizations: named in three languages, in French only, and in an unknown language.
async fn multilingual_directory() -> TestApp {
    let app = TestApp::start().await;
    let names = |number: u64, slug: &str, names: &[(&str, Value)]| {
        let names: Vec<Value> = names
            .iter()
            .map(|(value, language)| json!({ "value": value, "language": language, "kind": "LABEL" }))
            .collect();
        with_fields(organization_record(number, slug), json!({ "slug": slug, "names": names }))
    };
    app.create_records(json!([
        names(1, "all", &[("Sea", json!("en")), ("Mer", json!("fr")), ("Meer", json!("de-CH"))]),
        names(2, "french", &[("Vague", json!("fr"))]),
        names(3, "unknown", &[("Mila", json!(null))]),
    ]))
    .await;
    app
}

const DISPLAY_NAMES_QUERY: &str = "query($languages: [LanguageTag!]) { organizations(orderBy: {field: UPDATED_AT, direction: ASC}) { \
     nodes { displayName(languages: $languages) { value language isFallback } } } }";

/// The query for a single organization, so that an invalid argument causes a single error.
fn single_organization_query() -> String {
    DISPLAY_NAMES_QUERY.replace("organizations(", "organizations(first: 1, ")
}

/// The displayed names; an asterisk marks fallbacks.
async fn displayed_names(app: &TestApp, variables: Value, header: Option<&str>) -> String {
    let response = app.query_in_languages(DISPLAY_NAMES_QUERY, variables, header).await;
    let displayed = |node: &Value| {
        let name = &node["displayName"];
        format!("{}{}", name["value"].as_str().unwrap_or_default(), if name["isFallback"] == true { "*" } else { "" })
    };
    let nodes = &response.data()["organizations"]["nodes"];
    nodes.as_array().into_iter().flatten().map(displayed).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn languages_argument() {
    let app = multilingual_directory().await;
    for (languages, expected) in [
        (json!(["en"]), "Sea Vague* Mila"),
        (json!(["fr"]), "Mer Vague Mila"),
        (json!(["FR-ca"]), "Mer Vague Mila"),
        (json!(["fr-Latn-CA"]), "Mer Vague Mila"),
        (json!(["de"]), "Meer Vague* Mila"),
        (json!(["de-AT"]), "Meer Vague* Mila"),
        // The default language is a fallback.
        (json!(["it"]), "Sea* Vague* Mila"),
        (json!(["it", "fr"]), "Mer Vague Mila"),
        (json!(["it", "en"]), "Sea Vague* Mila"),
        (json!([]), "Sea Vague* Mila"),
        (json!(null), "Sea Vague* Mila"),
    ] {
        assert_eq!(displayed_names(&app, json!({ "languages": languages }), None).await, expected, "{languages}");
    }
    let found = app.data_with_variables(DISPLAY_NAMES_QUERY, json!({ "languages": ["de"] })).await;
    let name = |index: usize| found["organizations"]["nodes"][index]["displayName"].clone();
    assert_eq!(name(0), json!({ "value": "Meer", "language": "de-CH", "isFallback": false }));
    assert_eq!(name(1), json!({ "value": "Vague", "language": "fr", "isFallback": true }));
    assert_eq!(name(2), json!({ "value": "Mila", "language": null, "isFallback": false }));
}

#[tokio::test]
async fn accept_language_header() {
    let app = multilingual_directory().await;
    let long = format!("{}, fr", ["x"].into_iter().chain(vec!["a"; 3_000]).collect::<Vec<_>>().join("-"));
    assert_eq!(
        displayed_names(&app, json!({}), Some(&long)).await,
        "Mer Vague Mila",
        "a tag with thousands of subtags is invalid"
    );
    let many = (0..2_000).map(|number| format!("x-{number}")).collect::<Vec<_>>().join(",");
    for (header, expected) in [
        ("fr", "Mer Vague Mila"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "Mer Vague Mila"),
        ("en;q=0.5, fr;q=0.7", "Mer Vague Mila"),
        ("it", "Sea* Vague* Mila"),
        ("*", "Sea Vague* Mila"),
        ("it, *;q=0.5", "Sea* Vague* Mila"),
        ("", "Sea Vague* Mila"),
        (";;;q=x,,", "Sea Vague* Mila"),
        (many.as_str(), "Sea* Vague* Mila"),
        // Quality values in every form that RFC 9110 allows.
        ("en;q=0.8,fr", "Mer Vague Mila"),
        ("en ; Q=0.1 ,  fr ; q = 0.101", "Mer Vague Mila"),
        ("fr;q=1.000, en;q=1", "Mer Vague Mila"),
        ("en;q=1, fr;q=1.0", "Sea Vague Mila"),
        ("de-AT;q=0.5, it", "Meer Vague* Mila"),
        // Malformed ranges are ignored.
        ("fr;q=2, de", "Meer Vague* Mila"),
        ("fr;q=1.001, de", "Meer Vague* Mila"),
        ("fr;q=-1, de", "Meer Vague* Mila"),
        ("fr;q=0.1234, de", "Meer Vague* Mila"),
        ("fr;q=NaN, de", "Meer Vague* Mila"),
        ("fr;q=, de", "Meer Vague* Mila"),
        ("fr;level=1, de", "Meer Vague* Mila"),
        ("f r, en-, -, de", "Meer Vague* Mila"),
        ("é, \u{1F600}, de", "Meer Vague* Mila"),
        ("fr fr", "Sea Vague* Mila"),
        ("***, *-*", "Sea Vague* Mila"),
        // `q=0` excludes a language, even the directory's default language.
        ("fr;q=0", "Sea Vague* Mila"),
        ("de, fr;q=0", "Meer Vague* Mila"),
        ("it, en;q=0", "Meer* Vague* Mila"),
        ("it, en;q=0.000, fr;q=0.001", "Mer Vague Mila"),
        ("fr-CA, fr;q=0", "Sea* Vague* Mila"),
        ("*;q=0", "Sea* Vague* Mila"),
        ("fr, *;q=0", "Mer Vague Mila"),
        ("*;q=0.5, de;q=0.1", "Meer Vague* Mila"),
    ] {
        assert_eq!(
            displayed_names(&app, json!({}), Some(header)).await,
            expected,
            "{}",
            &header[..header.len().min(40)]
        );
    }
}

#[tokio::test]
async fn argument_overrides_the_header() {
    let app = multilingual_directory().await;
    assert_eq!(displayed_names(&app, json!({ "languages": ["fr"] }), Some("de")).await, "Mer Vague Mila");
    assert_eq!(displayed_names(&app, json!({ "languages": null }), Some("fr")).await, "Mer Vague Mila");
    assert_eq!(displayed_names(&app, json!({ "languages": [] }), Some("fr")).await, "Sea Vague* Mila");
}

#[tokio::test]
async fn invalid_language_tags() {
    let app = multilingual_directory().await;
    let message = app.client_error(&single_organization_query(), json!({ "languages": ["x y"] })).await;
    assert!(message.contains("'x y' is not a language tag; use BCP 47 tags such as fr, en or fr-CA"), "{message}");
    // Well-formed tags of languages without texts fall back.
    for languages in [json!(["tlh"]), json!(["tlh", "x-nothing", "zz-ZZ"])] {
        assert_eq!(
            displayed_names(&app, json!({ "languages": languages }), None).await,
            "Sea* Vague* Mila",
            "{languages}"
        );
    }
    for languages in [json!(["not a tag"]), json!([""]), json!(["\u{0}"]), json!([7]), json!([null]), json!("é")] {
        let response = app.query(DISPLAY_NAMES_QUERY, json!({ "languages": languages })).await;
        let codes = response.codes();
        assert!(!codes.is_empty(), "{languages}");
        assert!(codes.iter().all(|code| CLIENT_ERROR_CODES.contains(&code.as_str())), "{languages}: {}", response.body);
    }
}

#[tokio::test]
async fn repeated_header() {
    let app = multilingual_directory().await;
    let ask = app.client().post(app.url("/graphql")).json(&json!({ "query": DISPLAY_NAMES_QUERY }));
    let response =
        ask.header("Accept-Language", "it").header("Accept-Language", "fr").send().await.expect("a response");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["data"]["organizations"]["nodes"][0]["displayName"]["value"], "Mer", "{body}");
}

#[tokio::test]
async fn header_with_invalid_utf8() {
    let app = multilingual_directory().await;
    let header = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe, fr").expect("a header");
    let ask = app.client().post(app.url("/graphql")).json(&json!({ "query": DISPLAY_NAMES_QUERY }));
    let response = ask.header("Accept-Language", header).send().await.expect("a response");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["data"]["organizations"]["nodes"][0]["displayName"]["value"], "Mer", "{body}");
}

#[tokio::test]
async fn oversized_tags_and_lists() {
    let app = multilingual_directory().await;
    // Each subtag is a shorter tag to try, and each tag is compared with all others.
    let long = format!("en-x{}", "-a".repeat(200_000));
    let message = app.client_error(&single_organization_query(), json!({ "languages": [long] })).await;
    assert!(message.len() < 500, "{message}");
    let hundred = format!("fr-x{}", "-abcdef".repeat(14))[..95].to_owned();
    assert_eq!(displayed_names(&app, json!({ "languages": [hundred] }), None).await, "Mer Vague Mila");
    let many: Vec<String> = (0..499).map(|number| format!("x-{number}")).chain(["fr".to_owned()]).collect();
    assert_eq!(displayed_names(&app, json!({ "languages": many }), None).await, "Sea* Vague* Mila");
    let message = app.client_error(&single_organization_query(), json!({ "languages": vec!["fr"; 50_000] })).await;
    assert!(message.starts_with("languages has 50000 entries"), "{message}");
    // The first twenty tags are used.
    let after = |others: usize| {
        let tags: Vec<String> = (0..others).map(|number| format!("x-{number}")).chain(["fr".to_owned()]).collect();
        json!({ "languages": tags })
    };
    assert_eq!(displayed_names(&app, after(19), None).await, "Mer Vague Mila");
    assert_eq!(displayed_names(&app, after(20), None).await, "Sea* Vague* Mila");
}

/// An organization with a name in each of these languages.
async fn organization_named_in(names: &[(&str, &str)]) -> TestApp {
    let app = TestApp::start().await;
    let names: Vec<Value> =
        names.iter().map(|(tag, name)| json!({ "value": name, "language": tag, "kind": "LABEL" })).collect();
    app.create_records(json!([with_fields(organization_record(1, "Place"), json!({ "names": names }))])).await;
    app
}

/// The displayed name with its language; an asterisk marks a fallback.
async fn displayed_name(app: &TestApp, languages: Value) -> String {
    let found = app.data_with_variables(DISPLAY_NAMES_QUERY, json!({ "languages": languages })).await;
    let name = &found["organizations"]["nodes"][0]["displayName"];
    let star = if name["isFallback"] == true { "*" } else { "" };
    format!("{} {}{star}", name["value"].as_str().unwrap_or_default(), name["language"].as_str().unwrap_or("null"))
}

#[tokio::test]
async fn scripts_and_regions() {
    let app = organization_named_in(&[
        ("en", "Sea"),
        ("zh", "海洋"),
        ("zh-Hant", "海洋學"),
        ("sr-Cyrl", "Море"),
        ("pt-BR", "Mar"),
    ])
    .await;
    for (languages, expected) in [
        (json!(["zh-Hant-TW"]), "海洋學 zh-Hant"),
        (json!(["zh-hant"]), "海洋學 zh-Hant"),
        (json!(["zh-Hans-CN"]), "海洋 zh"),
        (json!(["zh-TW"]), "海洋 zh"),
        (json!(["zh"]), "海洋 zh"),
        // Another region or script of the same language is no fallback.
        (json!(["sr-Latn"]), "Море sr-Cyrl"),
        (json!(["sr"]), "Море sr-Cyrl"),
        (json!(["pt-PT", "zh"]), "Mar pt-BR"),
        (json!(["p"]), "error"),
        // A prefix of a subtag does not match.
        (json!(["zha"]), "Sea en*"),
        (json!(["s-r"]), "error"),
    ] {
        if expected == "error" {
            app.client_error(&single_organization_query(), json!({ "languages": languages })).await;
        } else {
            assert_eq!(displayed_name(&app, languages.clone()).await, expected, "{languages}");
        }
    }
    let only = organization_named_in(&[("zh-Hant-TW", "海")]).await;
    assert_eq!(displayed_name(&only, json!(["zh-Hant"])).await, "海 zh-Hant-TW");
    assert_eq!(displayed_name(&only, json!(["zh-Hant-HK"])).await, "海 zh-Hant-TW");
    assert_eq!(displayed_name(&only, json!(["en"])).await, "海 zh-Hant-TW*");
}

#[tokio::test]
async fn right_to_left_scripts() {
    // With directional marks among the letters.
    let (arabic, hebrew, mixed) = ("علم المحيطات", "אוקיינוגרפיה", "معهد \u{200e}CNRS\u{200f} للبحار");
    let app = organization_named_in(&[("en", "Sea"), ("ar", arabic), ("he", hebrew), ("fa", mixed)]).await;
    for (tag, expected) in [("ar", arabic), ("ar-EG", arabic), ("he", hebrew), ("fa", mixed)] {
        let language = &tag[..2];
        assert_eq!(displayed_name(&app, json!([tag])).await, format!("{expected} {language}"), "{tag}");
    }
}

#[tokio::test]
async fn undetermined_language() {
    let app = multilingual_directory().await;
    let found = app.data_with_variables(DISPLAY_NAMES_QUERY, json!({ "languages": ["und"] })).await;
    let name = &found["organizations"]["nodes"][2]["displayName"];
    assert_eq!(*name, json!({ "value": "Mila", "language": null, "isFallback": false }));
}

#[tokio::test]
async fn languages_of_sort_orders() {
    let app = TestApp::start().await;
    let labels = |slug: &str, english: &str, french: &str| {
        json!({ "kind": "topic", "slug": slug, "names": [
            { "value": english, "language": "en", "kind": "LABEL" }, { "value": french, "language": "fr", "kind": "LABEL" },
        ] })
    };
    app.create_records(json!([labels("a", "Alpha", "Zeta"), labels("b", "Beta", "Mu")])).await;
    let query = "query($languages: [LanguageTag!]) { topics(orderBy: {field: LABEL, direction: ASC, languages: $languages}) { nodes { slug } } }";
    let order = async |languages: Value, header: Option<&str>| {
        let response = app.query_in_languages(query, json!({ "languages": languages }), header).await;
        pluck_strings(&response.data()["topics"]["nodes"], &["slug"]).concat()
    };
    for (languages, header, expected) in [
        (json!(null), None, "ab"),
        (json!(["fr"]), None, "ba"),
        (json!(["fr-CA"]), Some("en"), "ba"),
        (json!(null), Some("fr;q=0.5"), "ba"),
        (json!(null), Some("en;q=0.4, fr;q=0.5"), "ba"),
        (json!(null), Some("en;q=0"), "ab"),
        // Unknown languages fall back, as in labels.
        (json!(["tlh"]), None, "ab"),
        (json!(["tlh", "fr"]), None, "ba"),
    ] {
        assert_eq!(order(languages.clone(), header).await, expected, "{languages} {header:?}");
    }
    for (field, by) in [("topics", "LABEL"), ("organizations", "NAME"), ("affiliations", "ORGANIZATION_NAME")] {
        let query =
            format!("{{ {field}(orderBy: {{field: {by}, direction: ASC, languages: [\"x y\"]}}) {{ totalCount }} }}");
        let message = app.client_error(&query, json!({})).await;
        assert!(message.contains("is not a language tag; use BCP 47 tags"), "{message}");
        app.data(&query.replace("x y", "tlh")).await;
    }
}
