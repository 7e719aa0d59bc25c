//! Languages: which text a reader gets, and whether it is another than the one asked for.

use serde_json::{Value, json};

use crate::support::{TestApp, organization, with};

/// Organizations named in some languages each: all of these, only French, none that is known.
async fn places() -> TestApp {
    let app = TestApp::start().await;
    let names = |number: u64, slug: &str, names: &[(&str, Value)]| {
        let names: Vec<Value> = names
            .iter()
            .map(|(value, language)| json!({ "value": value, "language": language, "kind": "LABEL" }))
            .collect();
        with(organization(number, slug), json!({ "slug": slug, "names": names }))
    };
    app.load(json!([
        names(1, "all", &[("Sea", json!("en")), ("Mer", json!("fr")), ("Meer", json!("de-CH"))]),
        names(2, "french", &[("Vague", json!("fr"))]),
        names(3, "unknown", &[("Mila", json!(null))]),
    ]))
    .await;
    app
}

const QUERY: &str = "query($languages: [LanguageTag!]) { organizations(orderBy: {field: UPDATED_AT, direction: ASC}) { \
     nodes { displayName(languages: $languages) { value language isFallback } } } }";

/// The names that a reader gets, those in another language than asked for with a star.
async fn names(app: &TestApp, variables: Value, header: Option<&str>) -> String {
    let answer = app.ask_in(QUERY, variables, header).await;
    let shown = |node: &Value| {
        let name = &node["displayName"];
        format!("{}{}", name["value"].as_str().unwrap_or_default(), if name["isFallback"] == true { "*" } else { "" })
    };
    let nodes = &answer.data()["organizations"]["nodes"];
    nodes.as_array().into_iter().flatten().map(shown).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_argument() {
    let app = places().await;
    for (languages, expected) in [
        (json!(["en"]), "Sea Vague* Mila"),
        (json!(["fr"]), "Mer Vague Mila"),
        (json!(["FR-ca"]), "Mer Vague Mila"),
        (json!(["fr-Latn-CA"]), "Mer Vague Mila"),
        (json!(["de"]), "Meer Vague* Mila"),
        (json!(["de-AT"]), "Meer Vague* Mila"),
        // The directory's default language is what the reader gets, not what was asked for.
        (json!(["it"]), "Sea* Vague* Mila"),
        (json!(["it", "fr"]), "Mer Vague Mila"),
        (json!(["it", "en"]), "Sea Vague* Mila"),
        (json!([]), "Sea Vague* Mila"),
        (json!(null), "Sea Vague* Mila"),
    ] {
        assert_eq!(names(&app, json!({ "languages": languages }), None).await, expected, "{languages}");
    }
    let found = app.data_with(QUERY, json!({ "languages": ["de"] })).await;
    let name = |index: usize| found["organizations"]["nodes"][index]["displayName"].clone();
    assert_eq!(name(0), json!({ "value": "Meer", "language": "de-CH", "isFallback": false }));
    assert_eq!(name(1), json!({ "value": "Vague", "language": "fr", "isFallback": true }));
    assert_eq!(name(2), json!({ "value": "Mila", "language": null, "isFallback": false }));
}

#[tokio::test]
async fn the_header() {
    let app = places().await;
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
    ] {
        assert_eq!(names(&app, json!({}), Some(header)).await, expected, "{}", &header[..header.len().min(40)]);
    }
}

#[tokio::test]
async fn the_argument_beats_the_header() {
    let app = places().await;
    assert_eq!(names(&app, json!({ "languages": ["fr"] }), Some("de")).await, "Mer Vague Mila");
    assert_eq!(names(&app, json!({ "languages": null }), Some("fr")).await, "Mer Vague Mila");
    assert_eq!(names(&app, json!({ "languages": [] }), Some("fr")).await, "Sea Vague* Mila");
}

#[tokio::test]
async fn what_is_no_language_tag() {
    let app = places().await;
    for languages in [json!(["not a tag"]), json!([""]), json!(["\u{0}"]), json!([7]), json!([null]), json!("é")] {
        let answer = app.ask(QUERY, json!({ "languages": languages })).await;
        assert_eq!(answer.codes().first().map(String::as_str), Some("BAD_USER_INPUT"), "{languages}: {}", answer.body);
        assert!(!answer.codes().contains(&"INTERNAL".to_owned()), "{languages}");
    }
}
