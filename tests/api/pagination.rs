//! Pagination of every connection, in every order and from both ends.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::support::schema_definitions::SchemaDefinitions;
use crate::support::synthetic_data::college_records;
use crate::support::{TestApp, paper_record, pluck, pluck_strings};

/// A connection field in a query: its parent fields and its arguments other than pagination.
pub struct ConnectionQuery {
    pub parent_fields: Vec<&'static str>,
    pub field: String,
    pub arguments: String,
}

/// From Person 0 to Person 1, by IDs of merged researchers.
const COAUTHOR_PATH: &str = r#"coauthorPath(fromId: "UmVzZWFyY2hlcjoxMDAwMDAx", toId: "UmVzZWFyY2hlcjoxMDAwMDAy")"#;

/// The fields that lead to a connection on this type in the synthetic directory; each connection has at least five
/// items.
fn path_to_parent(parent: &str) -> Vec<&'static str> {
    match parent {
        "Query" => vec![],
        "Researcher" => vec![r#"researcher(by: {slug: "person-0"})"#],
        "Organization" => vec![r#"organization(by: {slug: "college"})"#],
        "Topic" => vec![r#"topic(by: {slug: "sea"})"#],
        "Paper" => vec![r#"paper(by: {slug: "together"})"#],
        "CoauthorEdge" => vec![r#"researcher(by: {slug: "person-0"})"#, "coauthors(first: 1)", "edges"],
        "CoauthorStep" => vec![COAUTHOR_PATH, "steps"],
        other => panic!("add {other} to path_to_parent"),
    }
}

impl ConnectionQuery {
    pub fn new(parent: &str, field: &str, arguments: &str) -> Self {
        Self { parent_fields: path_to_parent(parent), field: field.to_owned(), arguments: arguments.to_owned() }
    }

    /// Every connection of the schema, with the default and every other sort order.
    pub fn all() -> Vec<Self> {
        let definitions = SchemaDefinitions::of_service();
        let mut lists = Vec::new();
        for (parent, field) in definitions.connection_fields() {
            lists.push(Self::new(parent, &field.name.node, ""));
            for by in definitions.order_values(field).iter().filter(|by| *by != "RELEVANCE") {
                for direction in ["ASC", "DESC"] {
                    let arguments = format!("orderBy: {{field: {by}, direction: {direction}}}");
                    lists.push(Self::new(parent, &field.name.node, &arguments));
                }
            }
        }
        // `query` is required.
        for list in lists.iter_mut().filter(|list| list.field == "search") {
            list.arguments = "query: \"person\"".to_owned();
        }
        lists
    }

    pub fn description(&self) -> String {
        format!("{} {}({})", self.parent_fields.join(" "), self.field, self.arguments)
    }

    pub fn build(&self, page: &str) -> String {
        self.build_with_edge("node { id }", page)
    }

    /// The query with these fields selected on each edge.
    pub fn build_with_edge(&self, edge: &str, page: &str) -> String {
        let selection =
            format!("{{ pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ cursor {edge} }} }}");
        let list = format!("{{ step: {}({} {page}) {selection} }}", self.field, self.arguments);
        self.parent_fields.iter().rev().fold(list, |inner, step| format!("{{ step: {step} {inner} }}"))
    }

    /// Reads one page.
    pub async fn page(&self, app: &TestApp, page: &str) -> Page {
        Page(innermost(app.data(&self.build(page)).await))
    }
}

/// The connection at the end of the `step` aliases of [`ConnectionQuery::build`].
pub fn innermost(mut data: Value) -> Value {
    while let Some(step) = data.get_mut("step").map(Value::take).or_else(|| data.get_mut(0).map(Value::take)) {
        data = step;
    }
    data
}

#[derive(Debug)]
pub struct Page(Value);

impl Page {
    pub fn ids(&self) -> Vec<String> {
        pluck_strings(&self.0["edges"], &["node", "id"])
    }

    pub fn cursors(&self) -> Vec<String> {
        pluck_strings(&self.0["edges"], &["cursor"])
    }

    fn page_info(&self, field: &str) -> &Value {
        &self.0["pageInfo"][field]
    }
}

/// Reads a whole connection in pages of two from one end.
async fn read_by_pages(app: &TestApp, list: &ConnectionQuery, forward: bool, total: usize) -> Vec<String> {
    let (size, from, end, more, before) = if forward {
        ("first", "after", "endCursor", "hasNextPage", "hasPreviousPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage", "hasNextPage")
    };
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let cursor_argument = cursor.as_ref().map(|cursor| format!("{from}: {cursor:?}")).unwrap_or_default();
        let page = list.page(app, &format!("{size}: 2, {cursor_argument}")).await;
        let mut ids = page.ids();
        let cursors = page.cursors();
        assert_eq!(page.page_info("startCursor"), &json!(cursors.first()), "{}", list.description());
        assert_eq!(page.page_info("endCursor"), &json!(cursors.last()), "{}", list.description());
        assert_eq!(page.page_info(before), !seen.is_empty(), "{} of {}", before, list.description());
        if !forward {
            ids.reverse();
        }
        seen.extend(ids);
        assert_eq!(
            page.page_info(more),
            (seen.len() < total),
            "{more} after {} of {total} of {}",
            seen.len(),
            list.description()
        );
        if page.page_info(more) == false {
            return seen;
        }
        cursor = page.page_info(end).as_str().map(ToOwned::to_owned);
    }
}

pub async fn college_directory() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!(college_records(6))).await;
    app.insert_redirect("researcher", 1_000_001, "person-zero", "person-0").await;
    app.insert_redirect("researcher", 1_000_002, "person-one", "person-1").await;
    // Adds items to short lists, and ties and differences to sort keys.
    app.execute_sql(
        "INSERT INTO affiliation (researcher_id, organization_id, kind, start_date) SELECT researcher.id, organization.id, 'EDUCATION', '2001' \
         FROM researcher, organization WHERE organization.slug = 'college' ON CONFLICT DO NOTHING; \
         INSERT INTO affiliation (researcher_id, organization_id, kind) SELECT researcher.id, organization.id, 'EMPLOYMENT' \
         FROM researcher, organization WHERE organization.slug = 'college' ON CONFLICT DO NOTHING; \
         UPDATE researcher SET updated_at = updated_at + interval '1 microsecond' * (id % 3); \
         UPDATE topic SET updated_at = updated_at + interval '1 hour' * (id % 3); \
         UPDATE paper SET updated_at = updated_at + interval '1 microsecond' * (id % 3)",
    )
    .await;
    app.refresh_statistics().await;
    app
}

/// Asserts that reading in small pages from either end gives the same items as one large page.
async fn assert_readable_from_both_ends(app: &TestApp, list: &ConnectionQuery) {
    let counted = app.data(&list.build("first: 100").replace("{ pageInfo", "{ totalCount pageInfo")).await;
    let whole = Page(innermost(counted));
    let (total, whole) = (whole.0["totalCount"].clone(), whole.ids());
    assert!(whole.len() >= 5, "{} has {} rows, too few to paginate", list.description(), whole.len());
    assert_eq!(total, whole.len(), "{}", list.description());
    let distinct: BTreeSet<&String> = whole.iter().collect();
    assert_eq!(distinct.len(), whole.len(), "{} repeats rows", list.description());
    assert_eq!(read_by_pages(app, list, true, whole.len()).await, whole, "{} forwards", list.description());
    let mut backward = read_by_pages(app, list, false, whole.len()).await;
    backward.reverse();
    assert_eq!(backward, whole, "{} backwards", list.description());
}

#[tokio::test]
async fn every_connection_from_both_ends() {
    let app = college_directory().await;
    let lists = ConnectionQuery::all();
    assert!(lists.len() > 100, "only {} lists were found", lists.len());
    stream::iter(&lists).for_each_concurrent(8, |list| assert_readable_from_both_ends(&app, list)).await;
}

#[tokio::test]
async fn descending_reverses_ascending() {
    let app = college_directory().await;
    for mut list in ConnectionQuery::all().into_iter().filter(|list| list.parent_fields.is_empty()) {
        let Some(ascending) = list.arguments.find("ASC") else { continue };
        let forth = list.page(&app, "first: 100").await.ids();
        list.arguments.replace_range(ascending..ascending + 3, "DESC");
        let mut back = list.page(&app, "first: 100").await.ids();
        back.reverse();
        assert_eq!(forth, back, "{}", list.description());
    }
}

#[tokio::test]
async fn page_between_two_cursors() {
    let app = college_directory().await;
    let list = ConnectionQuery::new("Query", "papers", "");
    let whole = list.page(&app, "first: 100").await;
    let (ids, cursors) = (whole.ids(), whole.cursors());
    let between = format!("after: {:?}, before: {:?}", cursors[1], cursors[6]);
    assert_eq!(list.page(&app, &between).await.ids(), ids[2..6]);
    let first = list.page(&app, &format!("first: 2, {between}")).await;
    assert_eq!((first.ids(), first.page_info("hasNextPage")), (ids[2..4].to_vec(), &json!(true)));
    let last = list.page(&app, &format!("last: 2, {between}")).await;
    assert_eq!((last.ids(), last.page_info("hasPreviousPage")), (ids[4..6].to_vec(), &json!(true)));
    let nothing = list.page(&app, &format!("after: {:?}, before: {:?}", cursors[5], cursors[5])).await;
    assert_eq!((nothing.ids(), nothing.page_info("startCursor")), (vec![], &json!(null)));
    let behind_all = list.page(&app, &format!("after: {:?}", cursors.last().expect("a last one"))).await;
    assert_eq!((behind_all.ids(), behind_all.page_info("hasNextPage")), (vec![], &json!(false)));
}

#[tokio::test]
async fn page_sizes() {
    let app = TestApp::start().await;
    let papers: Vec<Value> =
        (100..230).map(|number| paper_record(&format!("Paper {number}"), Some(2000), &[])).collect();
    app.create_records(json!(papers)).await;
    let amount = async |arguments: &str| {
        app.data(&format!("{{ papers{arguments} {{ nodes {{ id }} }} }}")).await["papers"]["nodes"]
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(amount("").await, Some(20));
    assert_eq!(amount("(first: null, last: null)").await, Some(20));
    assert_eq!(amount("(first: 1)").await, Some(1));
    assert_eq!(amount("(last: 100)").await, Some(100));
    assert_eq!(amount("(first: 100, last: null, after: null)").await, Some(100));
    let refused = async |arguments: &str| {
        app.client_error(&format!("{{ papers({arguments}) {{ nodes {{ id }} }} }}"), json!({})).await
    };
    insta::assert_snapshot!(refused("first: 101").await, @"first is 101; it must be between 1 and 100");
    insta::assert_snapshot!(refused("last: 0").await, @"last is 0; it must be between 1 and 100");
    insta::assert_snapshot!(refused("first: 1, last: 1").await, @"first and last cannot both be given; give only one of them");
    for arguments in [
        "first: 0",
        "first: -1",
        "last: -1",
        "last: 101",
        "first: 2147483647",
        "last: -2147483648",
        "first: 2147483648",
    ] {
        refused(arguments).await;
    }
}

/// Invalid page sizes, and `first` together with `last`.
#[tokio::test]
async fn page_sizes_of_every_connection() {
    let app = college_directory().await;
    for list in ConnectionQuery::all().iter().filter(|list| list.arguments.is_empty()) {
        for page in ["first: 0", "first: 101", "last: 0", "first: 1, last: 1", r#"after: "x""#, r#"before: """#] {
            let response = app.query(&list.build(page), json!({})).await;
            assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{page} of {}: {}", list.description(), response.body);
        }
    }
}

#[tokio::test]
async fn pagination_during_writes() {
    let app = TestApp::start().await;
    let named = |title: &str| paper_record(title, Some(2000), &["Ada Berg"]);
    let titles = ["b", "d", "f", "h", "j", "l", "n", "p"];
    app.create_records(json!(titles.map(named))).await;
    for (forward, list) in [
        (true, ConnectionQuery::new("Query", "papers", "orderBy: {field: TITLE, direction: ASC}")),
        (false, ConnectionQuery::new("Query", "papers", "orderBy: {field: TITLE, direction: ASC}")),
    ] {
        let (mut seen, mut cursor) = (Vec::<String>::new(), None::<String>);
        let whole = list.page(&app, "first: 100").await.ids();
        for round in 0..20 {
            let (size, from, end, more) = if forward {
                ("first", "after", "endCursor", "hasNextPage")
            } else {
                ("last", "before", "startCursor", "hasPreviousPage")
            };
            let cursor_argument = cursor.as_ref().map(|cursor| format!("{from}: {cursor:?}")).unwrap_or_default();
            let page = list.page(&app, &format!("{size}: 2, {cursor_argument}")).await;
            seen.extend(page.ids());
            if page.page_info(more) == false {
                break;
            }
            cursor = page.page_info(end).as_str().map(ToOwned::to_owned);
            // Items are inserted at both ends; the item of the cursor is deleted once.
            app.create_records(json!([named(&format!("a {forward} {round}")), named(&format!("z {forward} {round}"))]))
                .await;
            if forward && round == 1 {
                let gone = seen.last().cloned().unwrap_or_default();
                let number = String::from_utf8(URL_SAFE_NO_PAD.decode(gone).expect("base64"))
                    .expect("text")
                    .replace("Paper:", "");
                app.execute_sql(&format!("DELETE FROM paper WHERE id = {number}")).await;
            }
        }
        let lost: Vec<&String> = whole.iter().filter(|id| !seen.contains(id)).collect();
        assert!(lost.is_empty(), "lost {lost:?} of {whole:?}, seen {seen:?}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "no duplicates");
    }
}

#[tokio::test]
async fn edges_and_nodes_agree() {
    let app = college_directory().await;
    for list in ConnectionQuery::all().iter().filter(|list| list.arguments.is_empty()) {
        let query = list.build("first: 3").replace("edges {", "nodes { id } edges {");
        let connection = innermost(app.data(&query).await);
        assert_eq!(
            pluck(&connection["nodes"], &["id"]),
            pluck(&connection["edges"], &["node", "id"]),
            "{}",
            list.description()
        );
    }
}
