//! Cursors: a cursor belongs to one list, and forged cursors are handled safely.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::pagination::{ConnectionQuery, college_directory};
use crate::support::{CLIENT_ERROR_CODES, TestApp};

#[tokio::test]
async fn cursor_of_another_list() {
    let app = college_directory().await;
    let cursor = async |field: &str| {
        let found = app.data(&format!("{{ list: {field} {{ pageInfo {{ endCursor }} }} }}")).await;
        found["list"]["pageInfo"]["endCursor"].as_str().unwrap_or_default().to_owned()
    };
    let papers = cursor("papers(first: 1)").await;
    let by_title = cursor("papers(first: 1, orderBy: {field: TITLE, direction: ASC})").await;
    let english = cursor(r#"topics(first: 1, orderBy: {field: LABEL, direction: ASC, languages: ["en"]})"#).await;
    insta::assert_snapshot!(
        app.client_error(&format!("{{ papers(after: {by_title:?}) {{ nodes {{ id }} }} }}"), json!({})).await,
        @"after is a cursor of another list; a cursor is valid only for the same field, parent, filter, order and languages: repeat these, or omit the cursor"
    );
    for query in [
        format!("{{ papers(last: 1, before: {by_title:?}) {{ nodes {{ id }} }} }}"),
        format!("{{ papers(after: {papers:?}, filter: {{hasDoi: false}}) {{ nodes {{ id }} }} }}"),
        format!(
            "{{ papers(after: {papers:?}, orderBy: {{field: PUBLICATION_DATE, direction: ASC}}) {{ nodes {{ id }} }} }}"
        ),
        format!("{{ researchers(after: {papers:?}) {{ nodes {{ id }} }} }}"),
        format!("{{ topic(by: {{slug: \"sea\"}}) {{ papers(after: {papers:?}) {{ nodes {{ id }} }} }} }}"),
        format!("{{ researcher(by: {{slug: \"person-0\"}}) {{ papers(after: {papers:?}) {{ nodes {{ id }} }} }} }}"),
        format!(
            r#"{{ topics(after: {english:?}, orderBy: {{field: LABEL, direction: ASC, languages: ["fr"]}}) {{ nodes {{ id }} }} }}"#
        ),
    ] {
        let message = app.client_error(&query, json!({})).await;
        assert!(message.contains("is a cursor of another list"), "{query}: {message}");
    }
    // The same field of another entity is another list.
    let pairs = async |parent: &str| {
        let query = format!("{{ {parent} {{ list: researchers(first: 1) {{ pageInfo {{ endCursor }} }} }} }}");
        let found = app.data(&query).await;
        let (_, parent) = found.as_object().and_then(|data| data.iter().next()).expect("a place");
        parent["list"]["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned()
    };
    for (parent, other) in [
        (r#"organization(by: {slug: "college"})"#, r#"organization(by: {slug: "part-2"})"#),
        (r#"topic(by: {slug: "sea"})"#, r#"topic(by: {slug: "sea-1"})"#),
    ] {
        let own = pairs(parent).await;
        app.data(&format!("{{ {parent} {{ researchers(after: {own:?}) {{ nodes {{ id }} }} }} }}")).await;
        let query = format!("{{ {other} {{ researchers(after: {own:?}) {{ nodes {{ id }} }} }} }}");
        let message = app.client_error(&query, json!({})).await;
        assert!(message.contains("is a cursor of another list"), "{query}: {message}");
    }
    // An empty filter and the default order are equivalent to omitting them.
    let same = format!(
        "{{ papers(after: {papers:?}, filter: {{}}, orderBy: {{field: PUBLICATION_DATE, direction: DESC}}) {{ nodes {{ id }} }} }}"
    );
    app.data(&same).await;
    let response = app
        .query_in_languages(&format!("{{ topics(after: {english:?}) {{ nodes {{ id }} }} }}"), json!({}), Some("fr"))
        .await;
    assert_eq!(response.codes(), ["BAD_USER_INPUT"], "the languages of the header are part of the cursor");
}

/// A cursor with modified parts.
fn forge_cursor(cursor: &str, change: impl Fn(&mut Vec<Value>)) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    let mut parts: Vec<Value> = serde_json::from_slice(&bytes).expect("a list");
    change(&mut parts);
    URL_SAFE_NO_PAD.encode(json!(parts).to_string())
}

/// The number of sort keys in a cursor.
fn key_count(cursor: &str) -> usize {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    serde_json::from_slice::<Vec<Value>>(&bytes).expect("a list").len() - 1
}

/// Returns whether the list accepts the cursor. Panics unless it is accepted or rejected with a client error.
async fn is_accepted(app: &TestApp, list: &ConnectionQuery, cursor: &str) -> bool {
    let response = app.query(&list.build(&format!("first: 1, after: {cursor:?}")), json!({})).await;
    let codes = response.codes();
    let excerpt: String = cursor.chars().take(200).collect();
    assert!(
        response.status == 200 && codes.iter().all(|code| CLIENT_ERROR_CODES.contains(&code.as_str())),
        "{}: {excerpt}: {}",
        list.description(),
        response.body
    );
    codes.is_empty()
}

/// They carry a fingerprint without a version, and are accepted by the number and types of their keys.
#[tokio::test]
async fn cursors_of_the_previous_release() {
    let app = college_directory().await;
    let papers = &ConnectionQuery::new("Query", "papers", "");
    let page = papers.page(&app, "first: 3").await.cursors();
    let previous = |cursor: &str| forge_cursor(cursor, |parts| parts[0] = json!("R2_fHxyz"));
    let next = papers.page(&app, &format!("first: 1, after: {:?}", previous(&page[1]))).await;
    assert_eq!(next.cursors(), [page[2].clone()], "a page continues, with a cursor of this release");
    let longer = forge_cursor(&page[1], |parts| {
        parts[0] = json!("R2_fHxyz");
        parts.push(json!("1"));
    });
    assert!(!is_accepted(&app, papers, &longer).await);
    let of_another_type = forge_cursor(&page[1], |parts| {
        parts[0] = json!("R2_fHxyz");
        let last = parts.len() - 1;
        parts[last] = json!("x");
    });
    assert!(!is_accepted(&app, papers, &of_another_type).await);
    let of_a_later_version = forge_cursor(&page[1], |parts| parts[0] = json!("2.fHxyzR2_"));
    assert!(!is_accepted(&app, papers, &of_a_later_version).await);
}

#[tokio::test]
async fn forged_cursors() {
    let app = college_directory().await;
    let is_plain = |list: &&ConnectionQuery| {
        list.arguments.is_empty() || (list.parent_fields.is_empty() && list.arguments.contains("ASC"))
    };
    let lists = ConnectionQuery::all();
    stream::iter(lists.iter().filter(is_plain))
        .for_each_concurrent(8, async |list| {
            let real = list.page(&app, "first: 1").await.cursors().remove(0);
            assert!(is_accepted(&app, list, &real).await);
            for broken in [
                forge_cursor(&real, |parts| parts.truncate(1)),
                forge_cursor(&real, |parts| parts.push(json!("1"))),
                forge_cursor(&real, Vec::clear),
                forge_cursor(&real, |parts| parts[1] = json!(1)),
                forge_cursor(&real, |parts| parts[1] = json!(null)),
                format!("{real}="),
            ] {
                assert!(!is_accepted(&app, list, &broken).await, "{}: {broken}", list.description());
            }
            for place in 1..=key_count(&real) {
                for value in ["", "\u{0}", "9223372036854775808", "xinfinity", "-9999-01-01", "2020-01-01 00:00:00+20"]
                {
                    is_accepted(&app, list, &forge_cursor(&real, |parts| parts[place] = json!(value))).await;
                }
            }
        })
        .await;
}

/// Invalid values of a sort key, for lists that together have keys of all types.
#[tokio::test]
async fn forged_cursor_keys() {
    let app = college_directory().await;
    let by = |field: &str, order: &str| {
        ConnectionQuery::new("Query", field, &format!("orderBy: {{field: {order}, direction: ASC}}"))
    };
    for (list, place, good, bad) in [
        // Keys: isPrimary, isCurrent, start date, ID.
        (
            ConnectionQuery::new("Researcher", "affiliations", ""),
            1,
            vec!["true", "false"],
            vec!["", "t", "TRUE", "true ", "1", "\u{0}"],
        ),
        (
            ConnectionQuery::new("Researcher", "affiliations", ""),
            3,
            vec!["infinity", "-infinity", "2020-02-29", "0001-01-01", "9999-12-31"],
            vec![
                "",
                "x",
                "xinfinity",
                "\u{0}infinity",
                "2020-2-1",
                "2021-02-29",
                "-9999-01-01",
                "0000-01-01",
                "+99999-01-01",
                "today",
            ],
        ),
        (
            ConnectionQuery::new("Researcher", "affiliations", ""),
            4,
            vec!["0", "-1", "9223372036854775807", "-9223372036854775808"],
            vec!["", "9223372036854775808", "1e3", "NaN", " 1", "1.0", "0x1", "1; DROP TABLE paper", "\u{0}"],
        ),
        (
            by("papers", "UPDATED_AT"),
            1,
            vec![
                "2020-01-01 00:00:00+00",
                "2020-01-01 00:00:00.123456-03:30",
                "9999-12-31 23:59:59+00",
                "2020-01-01 00:00:00+20",
            ],
            vec![
                "",
                "x",
                "2020-01-01",
                "-9999-01-01 00:00:00+00",
                "+99999-01-01 00:00:00+00",
                "2020-01-01 25:00:00+00",
                "infinity",
                "\u{0}",
            ],
        ),
        (
            by("papers", "TITLE"),
            1,
            vec!["", "'; DROP TABLE paper; --", "$1 ? %", "\u{10ffff}", &"x".repeat(50_000)],
            vec!["\u{0}", "x\u{0}"],
        ),
    ] {
        let real = list.page(&app, "first: 1").await.cursors().remove(0);
        for (values, is_taken) in [(good, true), (bad, false)] {
            for value in values {
                let cursor = forge_cursor(&real, |parts| parts[place] = json!(value));
                assert_eq!(is_accepted(&app, &list, &cursor).await, is_taken, "{}: {value:?}", list.description());
            }
        }
    }
    let list = ConnectionQuery::new("Query", "papers", "");
    for text in
        ["".to_owned(), "[".repeat(50_000), "{}".to_owned(), "null".to_owned(), json!(vec!["1"; 50_000]).to_string()]
    {
        assert!(!is_accepted(&app, &list, &URL_SAFE_NO_PAD.encode(text)).await);
    }
    for text in ["x", "\u{0}", "%00", "é", "AAAA", "//8="] {
        assert!(!is_accepted(&app, &list, text).await, "{text:?}");
    }
}
