//! Property tests of pagination on random data: regardless of list, order, direction and concurrent writes, each item
//! is returned once and in sort order.

use std::collections::{BTreeMap, HashMap};

use academic_directory::text::names::{NameParts, fold, sort_key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::pagination::{ConnectionQuery, innermost};
use crate::support::synthetic_data::SeededRng;
use crate::support::{
    TestApp, orcid, organization_record, paper_record, parse_records, researcher_record, ror, topic_record, with_fields,
};

const RESEARCHER_COUNT: usize = 18;
const ORGANIZATION_COUNT: usize = 16;
const TOPIC_COUNT: usize = 12;
const PAPER_COUNT: usize = 30;

/// Few values, so that there are ties; some differ only in case and diacritics.
const WORDS: [&str; 7] = ["Arts", "arts", "Ärzte", "École", "Ecole libre", "Zoo", "東京"];
const LANGUAGES: [Option<&str>; 6] = [Some("en"), Some("fr"), Some("fr-CA"), Some("fr-BE"), Some("de"), None];
const DATES: [Option<&str>; 6] =
    [None, Some("2001"), Some("2001-05"), Some("2001-05-03"), Some("1999-12-31"), Some("2024")];

/// A random directory, whose entities are identified by number rather than by name.
struct RandomDirectory {
    rng: SeededRng,
    people: usize,
    organizations: usize,
    topics: usize,
    papers: usize,
}

impl RandomDirectory {
    fn names(&mut self) -> Value {
        let mut names = Vec::new();
        while names.is_empty() {
            for language in LANGUAGES {
                if self.rng.one_in(3) {
                    let word = WORDS[self.rng.below(WORDS.len())];
                    names.push(match language {
                        Some(tag) => json!({ "value": word, "language": tag, "kind": "LABEL" }),
                        None => json!({ "value": word, "kind": "LABEL" }),
                    });
                }
            }
        }
        json!(names)
    }

    fn organization(&mut self) -> Value {
        self.organizations += 1;
        let above = json!([["parent", ror(1)]]);
        with_fields(
            organization_record(self.organizations as u64 + 1, "x"),
            json!({ "names": self.names(), "relations": above }),
        )
    }

    fn topic(&mut self) -> Value {
        self.topics += 1;
        let above = json!([{ "labels": { "en": "Sea" } }]);
        json!({ "kind": "topic", "scheme": "test", "code": self.topics.to_string(), "names": self.names(), "broader": above })
    }

    fn about(&mut self, amount: usize) -> Value {
        let mut topics = vec![json!({ "labels": { "en": "Sea" } })];
        topics.extend(
            (0..amount).map(|_| json!({ "scheme": "test", "code": (self.rng.below(self.topics) + 1).to_string() })),
        );
        json!(topics)
    }

    fn researcher(&mut self) -> Value {
        let number = self.people;
        self.people += 1;
        let affiliations: Vec<Value> = (0..if number == 0 { 9 } else { 3 })
            .map(|index| {
                // Each has an affiliation with the college, so that the college's lists are long enough.
                let organization = if index == 0 { 1 } else { self.rng.below(self.organizations) as u64 + 2 };
                let kind = ["EMPLOYMENT", "MEMBERSHIP", "EDUCATION"][self.rng.below(3)];
                let kind = if index == 0 { "EMPLOYMENT" } else { kind };
                let affiliation = json!({ "organization": { "ror": ror(organization) }, "affiliationKind": kind, "isPrimary": index == 1 && self.rng.one_in(2) });
                match DATES[self.rng.below(DATES.len())] {
                    Some(date) => with_fields(affiliation, json!({ "startDate": date })),
                    None => affiliation,
                }
            })
            .collect();
        // The first one has a unique name, because the tested lists belong to it.
        let name = if number == 0 {
            "Person 0".to_owned()
        } else {
            ["Ada Berg", "Åda Berg", "Plato", "Zed Aal"][self.rng.below(4)].to_owned()
        };
        let topics = self.about(5);
        with_fields(
            researcher_record(&name),
            json!({ "orcid": orcid(number as u64), "affiliations": affiliations, "topics": topics }),
        )
    }

    fn paper_by(&mut self, title: &str, authors: &[usize], topics: usize) -> Value {
        self.papers += 1;
        let mut distinct = std::collections::BTreeSet::new();
        let authors: Vec<Value> = authors
            .iter()
            .filter(|author| distinct.insert(**author))
            .map(|author| json!({ "name": format!("Author {author}"), "orcid": orcid(*author as u64), "organizations": [{ "ror": ror(1) }] }))
            .collect();
        let written = json!({ "sourceId": self.papers.to_string(), "authors": authors, "topics": self.about(topics) });
        match DATES[self.rng.below(DATES.len())] {
            Some(date) => {
                with_fields(with_fields(paper_record(title, None, &[]), written), json!({ "publicationDate": date }))
            }
            None => with_fields(paper_record(title, None, &[]), written),
        }
    }

    fn paper(&mut self) -> Value {
        let authors: Vec<usize> = (0..self.rng.below(5)).map(|_| self.rng.below(self.people)).collect();
        let title = WORDS[self.rng.below(WORDS.len())];
        self.paper_by(title, &authors, 2)
    }

    /// The initial records, including every parent of the tested lists.
    fn initial_records(&mut self) -> Vec<Value> {
        let mut records = vec![organization_record(1, "College"), topic_record("Sea")];
        records.extend((0..ORGANIZATION_COUNT).map(|_| self.organization()));
        records.extend((0..TOPIC_COUNT).map(|_| self.topic()));
        records.extend((0..RESEARCHER_COUNT).map(|_| self.researcher()));
        records.extend((0..PAPER_COUNT).map(|_| self.paper()));
        records.push(self.paper_by("Together", &[0, 1, 2, 3, 4, 5, 6], 7));
        // More shared papers than any other pair, so that the first coauthor stays the same.
        records.extend((0..25).map(|_| self.paper_by("By two", &[0, 1], 1)));
        records
    }

    /// New entities, written between two pages.
    fn added_records(&mut self) -> Vec<Value> {
        vec![self.organization(), self.topic(), self.researcher(), self.paper(), self.paper_by("By one", &[0], 3)]
    }

    /// Deletes random entities other than parents of the tested lists.
    fn deletion_sql(&mut self) -> String {
        let any = |table: &str, condition: &str, rng: &mut SeededRng| {
            format!(
                "DELETE FROM {table} WHERE id = (SELECT id FROM {table} WHERE {condition} ORDER BY id OFFSET {} LIMIT 1);",
                rng.below(12)
            )
        };
        let rng = &mut self.rng;
        [
            any("paper", "slug <> 'together'", rng),
            any("affiliation", "true", rng),
            any("organization", "slug <> 'college'", rng),
            any("topic", "slug <> 'sea'", rng),
            any("researcher", &format!("slug <> 'person-0' AND orcid <> '{}'", orcid(1)), rng),
            any("authorship", "paper_id = (SELECT id FROM paper WHERE slug = 'together') AND list_order > 2", rng),
        ]
        .concat()
    }
}

async fn start_random_directory(seed: u64) -> (TestApp, RandomDirectory) {
    let app = TestApp::start().await;
    let mut world = RandomDirectory { rng: SeededRng::new(seed), people: 0, organizations: 0, topics: 0, papers: 0 };
    app.write_records(&parse_records(json!(world.initial_records()))).await;
    let ties = ["researcher", "organization", "topic", "paper", "affiliation"].map(|table| {
        format!(
            "UPDATE {table} SET updated_at = '2020-01-01'::timestamptz + interval '1 microsecond' * 1000 * (id % 4);"
        )
    });
    app.execute_sql(&ties.concat()).await;
    (app, world)
}

/// A sort key as the item shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortValue {
    Number(i64),
    Text(String),
}

/// The expected sort order, as far as items show their keys.
struct ExpectedOrder {
    /// The edge fields that show the keys.
    edge: String,
    keys: fn(&Value) -> Vec<SortValue>,
    is_ascending: bool,
    /// Whether ties are broken by ID.
    ties_end_on_id: bool,
}

fn number_value(value: &Value) -> SortValue {
    SortValue::Number(value.as_i64().unwrap_or_default())
}

fn boolean_value(value: &Value) -> SortValue {
    SortValue::Number(i64::from(value == true))
}

fn folded_text(value: &Value) -> SortValue {
    let text = value.as_str().expect("a text");
    let key = fold(text);
    SortValue::Text(if key.is_empty() { text.to_lowercase() } else { key })
}

fn timestamp_value(value: &Value) -> SortValue {
    let timestamp = chrono::DateTime::parse_from_rfc3339(value.as_str().expect("a timestamp")).expect("RFC 3339");
    SortValue::Number(timestamp.timestamp_micros())
}

/// The first day of a partial date; unknown dates sort first.
fn first_day_value(value: &Value) -> SortValue {
    SortValue::Text(value.as_str().map(|date| format!("{date}{}", &"-01-01"[date.len() - 4..])).unwrap_or_default())
}

/// A partial date as text; a more precise date sorts after its prefix.
fn partial_date_value(value: &Value) -> SortValue {
    SortValue::Text(value.as_str().unwrap_or_default().to_owned())
}

fn name_value(person: &Value) -> SortValue {
    let part = |field: &str| person[field].as_str().map(ToOwned::to_owned);
    let parts = NameParts { given: part("givenName"), family: part("familyName") };
    SortValue::Text(sort_key(person["name"].as_str().expect("a name"), &parts))
}

const NAME_FIELDS: &str = "name givenName familyName";

impl ExpectedOrder {
    #[allow(clippy::too_many_lines, reason = "one table of all orders")]
    fn for_connection(list: &ConnectionQuery, languages: &str) -> Self {
        let parent = list.parent_fields.last().and_then(|step| step.split('(').next()).unwrap_or_default();
        let words: Vec<&str> = list
            .arguments
            .split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'))
            .filter(|word| word.len() > 2)
            .collect();
        let (field, is_ascending) = match (words.as_slice(), parent, list.field.as_str()) {
            ([field, direction, ..], ..) => (*field, *direction == "ASC"),
            (_, "organization", "researchers") | (_, "", "researchers") | (_, _, "organizations" | "children") => {
                ("NAME", true)
            }
            (_, "topic", "researchers") | (_, _, "coauthors") => ("PAPER_COUNT", false),
            (_, "", "topics") | (_, _, "narrower") => ("LABEL", true),
            (_, "", "affiliations") => ("START_DATE", false),
            (_, _, "affiliations") => ("IMPORTANCE", false),
            (_, _, "papers") => ("PUBLICATION_DATE", false),
            (_, "researcher", "topics") => ("OWN", true),
            (_, "paper", "topics" | "authorships") => ("PLACE", true),
            (_, "", "search") => ("RANK", true),
            other => panic!("add the default order of {other:?}"),
        };
        let label = format!("displayName{languages} {{ value }}");
        let (edge, keys): (String, fn(&Value) -> Vec<SortValue>) = match (field, list.field.as_str()) {
            ("UPDATED_AT", _) => {
                ("node { id updatedAt }".into(), |edge| vec![timestamp_value(&edge["node"]["updatedAt"])])
            }
            ("NAME", "researchers" | "coauthors") => {
                (format!("node {{ id {NAME_FIELDS} }}"), |edge| vec![name_value(&edge["node"])])
            }
            ("NAME" | "LABEL", _) => {
                (format!("node {{ id {label} }}"), |edge| vec![folded_text(&edge["node"]["displayName"]["value"])])
            }
            ("PAPER_COUNT", "coauthors") => {
                ("paperCount node { id }".into(), |edge| vec![number_value(&edge["paperCount"])])
            }
            ("LAST_YEAR", _) => ("lastYear node { id }".into(), |edge| vec![number_value(&edge["lastYear"])]),
            ("PAPER_COUNT", "researchers") if parent == "topic" => {
                ("paperCount node { id }".into(), |edge| vec![number_value(&edge["paperCount"])])
            }
            ("PAPER_COUNT", "researchers") => ("node { id statistics { paperCount } }".into(), |edge| {
                vec![number_value(&edge["node"]["statistics"]["paperCount"])]
            }),
            ("LAST_PUBLICATION_YEAR", _) => ("node { id statistics { lastPublicationYear } }".into(), |edge| {
                vec![number_value(&edge["node"]["statistics"]["lastPublicationYear"])]
            }),
            ("PAPER_COUNT", _) if parent == "researcher" => {
                ("paperCount node { id }".into(), |edge| vec![number_value(&edge["paperCount"])])
            }
            ("PAPER_COUNT", _) => ("node { id papers { totalCount } }".into(), |edge| {
                vec![number_value(&edge["node"]["papers"]["totalCount"])]
            }),
            ("RESEARCHER_COUNT", _) => ("node { id researchers { totalCount } }".into(), |edge| {
                vec![number_value(&edge["node"]["researchers"]["totalCount"])]
            }),
            ("START_DATE", _) => {
                ("node { id startDate }".into(), |edge| vec![first_day_value(&edge["node"]["startDate"])])
            }
            ("IMPORTANCE", _) => ("node { id isPrimary isCurrent startDate }".into(), |edge| {
                let node = &edge["node"];
                vec![
                    boolean_value(&node["isPrimary"]),
                    boolean_value(&node["isCurrent"]),
                    first_day_value(&node["startDate"]),
                ]
            }),
            ("ORGANIZATION_NAME", _) => (format!("node {{ id organization {{ {label} }} }}"), |edge| {
                vec![folded_text(&edge["node"]["organization"]["displayName"]["value"])]
            }),
            ("RESEARCHER_NAME", _) => (format!("node {{ id researcher {{ {NAME_FIELDS} }} }}"), |edge| {
                vec![name_value(&edge["node"]["researcher"])]
            }),
            ("PUBLICATION_DATE", _) => ("node { id publicationDate }".into(), |edge| {
                vec![partial_date_value(&edge["node"]["publicationDate"])]
            }),
            ("TITLE", _) => ("node { id title }".into(), |edge| vec![folded_text(&edge["node"]["title"])]),
            ("AUTHOR_COUNT", _) => ("node { id authorships { totalCount } }".into(), |edge| {
                vec![number_value(&edge["node"]["authorships"]["totalCount"])]
            }),
            // The order of declared topics is not visible; the others are sorted by paper count.
            ("OWN", _) => ("isDeclared paperCount node { id }".into(), |edge| {
                let is_declared = edge["isDeclared"] == true;
                vec![
                    SortValue::Number(i64::from(!is_declared)),
                    SortValue::Number(if is_declared { 0 } else { -edge["paperCount"].as_i64().unwrap_or_default() }),
                ]
            }),
            ("PLACE" | "RANK", _) => ("node { id }".into(), |_| Vec::new()),
            other => panic!("add the edge fields of the order {other:?}"),
        };
        Self { edge, keys, is_ascending, ties_end_on_id: !matches!(field, "OWN" | "PLACE" | "RANK") }
    }
}

/// A connection with its expected order.
struct OrderedConnection {
    list: ConnectionQuery,
    order: ExpectedOrder,
}

/// Every connection in every order, and orders by label in several languages.
fn every_connection() -> Vec<OrderedConnection> {
    let mut all = Vec::new();
    // Random data may have no coauthor path; its paper list is the same as that of coauthor edges.
    for list in ConnectionQuery::all()
        .into_iter()
        .filter(|list| !list.parent_fields.iter().any(|step| step.starts_with("coauthorPath")))
    {
        let arguments = list.arguments.replace("person", "arts");
        let list = ConnectionQuery { arguments, ..list };
        let is_by_label = ["ORGANIZATION_NAME", "LABEL"].iter().any(|by| list.arguments.contains(by))
            || (list.field == "organizations" && list.arguments.contains("field: NAME"));
        if is_by_label {
            for languages in [r#"["fr"]"#, r#"["de", "fr-CA"]"#, r#"["fr-CH", "und", "zh"]"#] {
                let arguments = list.arguments.replace('}', &format!(", languages: {languages}}}"));
                let other =
                    ConnectionQuery { parent_fields: list.parent_fields.clone(), field: list.field.clone(), arguments };
                let order = ExpectedOrder::for_connection(&other, &format!("(languages: {languages})"));
                all.push(OrderedConnection { list: other, order });
            }
        }
        let order = ExpectedOrder::for_connection(&list, "");
        all.push(OrderedConnection { list, order });
    }
    all
}

/// A snapshot of a list: IDs, cursors and sort keys.
#[derive(Debug, Default, PartialEq)]
struct Snapshot {
    ids: Vec<String>,
    cursors: Vec<String>,
    keys: HashMap<String, Vec<SortValue>>,
}

impl OrderedConnection {
    async fn read_edges(&self, app: &TestApp, page: &str) -> Value {
        innermost(app.data(&self.list.build_with_edge(&self.order.edge, page)).await)
    }

    /// Reads the whole list and asserts its order.
    async fn read_snapshot(&self, app: &TestApp) -> Snapshot {
        let found = self.read_edges(app, "first: 100").await;
        assert_eq!(found["pageInfo"]["hasNextPage"], false, "{} is longer than a page", self.list.description());
        let mut whole = Snapshot::default();
        let mut positions = Vec::new();
        for edge in found["edges"].as_array().into_iter().flatten() {
            let id = edge["node"]["id"].as_str().expect("an id").to_owned();
            let keys = (self.order.keys)(edge);
            positions.push((keys.clone(), if self.order.ties_end_on_id { row_number(&id) } else { 0 }));
            whole.cursors.push(edge["cursor"].as_str().expect("a cursor").to_owned());
            whole.keys.insert(id.clone(), keys);
            whole.ids.push(id);
        }
        assert_eq!(whole.keys.len(), whole.ids.len(), "{} has a row twice", self.list.description());
        let is_sorted = if self.order.is_ascending {
            positions.is_sorted()
        } else {
            positions.is_sorted_by(|one, next| one >= next)
        };
        assert!(is_sorted, "{}: {positions:?}", self.list.description());
        whole
    }

    async fn read_page(&self, app: &TestApp, page: &str) -> (Vec<String>, Value) {
        let found = innermost(app.data(&self.list.build(page)).await);
        let ids = crate::support::pluck_strings(&found["edges"], &["node", "id"]);
        (ids, found["pageInfo"].clone())
    }
}

fn row_number(id: &str) -> i64 {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).expect("base64")).expect("text");
    text.rsplit(':').next().and_then(|number| number.parse().ok()).expect("the number of a row")
}

/// A client that reads a list page by page from one end.
struct PageTraversal<'a> {
    ordered: &'a OrderedConnection,
    is_forward: bool,
    cursor: Option<String>,
    seen: Vec<String>,
    is_over: bool,
    /// The sort keys of each item; `None` once they have changed or the item was missing.
    stable_rows: BTreeMap<String, Option<Vec<SortValue>>>,
}

impl<'a> PageTraversal<'a> {
    fn new(ordered: &'a OrderedConnection, is_forward: bool) -> Self {
        Self { ordered, is_forward, cursor: None, seen: Vec::new(), is_over: false, stable_rows: BTreeMap::new() }
    }

    async fn step(&mut self, app: &TestApp, size: usize) {
        let (amount, from, end, more) = if self.is_forward {
            ("first", "after", "endCursor", "hasNextPage")
        } else {
            ("last", "before", "startCursor", "hasPreviousPage")
        };
        let cursor_argument = self.cursor.as_ref().map(|cursor| format!(", {from}: {cursor:?}")).unwrap_or_default();
        let (mut ids, info) = self.ordered.read_page(app, &format!("{amount}: {size}{cursor_argument}")).await;
        if !self.is_forward {
            ids.reverse();
        }
        self.seen.extend(ids);
        self.is_over = info[more] == false;
        if let Some(cursor) = info[end].as_str() {
            self.cursor = Some(cursor.to_owned());
        }
    }

    /// Records the state of the list before a page is read.
    fn observe(&mut self, whole: &Snapshot, is_first: bool) {
        for (id, keys) in &whole.keys {
            // Items that were inserted later need not be returned.
            let seen = self.stable_rows.entry(id.clone()).or_insert_with(|| is_first.then(|| keys.clone()));
            if seen.as_ref() != Some(keys) {
                *seen = None;
            }
        }
        for (id, keys) in &mut self.stable_rows {
            if !whole.keys.contains_key(id) {
                *keys = None;
            }
        }
    }

    /// Asserts that every stable item was returned once and in order.
    fn check(&self, last: &Snapshot) {
        let is_owed = |id: &&String| self.stable_rows.get(*id).is_some_and(Option::is_some);
        let mut owed: Vec<&String> = last.ids.iter().filter(is_owed).collect();
        if !self.is_forward {
            owed.reverse();
        }
        let seen: Vec<&String> = self.seen.iter().filter(is_owed).collect();
        assert_eq!(
            seen,
            owed,
            "{} {}",
            self.ordered.list.description(),
            if self.is_forward { "forwards" } else { "backwards" }
        );
    }
}

#[tokio::test]
async fn pages_and_cursors_of_random_data() {
    let (app, _) = start_random_directory(1).await;
    let lists = every_connection();
    assert!(lists.len() > 130, "only {} lists were found", lists.len());
    stream::iter(lists.iter().enumerate())
        .for_each_concurrent(6, |(seed, ordered)| {
            let app = &app;
            async move {
                let mut rng = SeededRng::new(seed as u64);
                let whole = ordered.read_snapshot(app).await;
                assert!(whole.ids.len() >= 5, "{} has {} rows", ordered.list.description(), whole.ids.len());
                for is_forward in [true, false] {
                    let mut traversal = PageTraversal::new(ordered, is_forward);
                    while !traversal.is_over {
                        traversal.step(app, 1 + rng.below(whole.ids.len())).await;
                    }
                    traversal.observe(&whole, true);
                    traversal.check(&whole);
                }
                for _ in 0..3 {
                    let index = rng.below(whole.ids.len());
                    let (cursor, size) = (&whole.cursors[index], 1 + rng.below(8));
                    let (rest, _) = ordered.read_page(app, &format!("first: 100, after: {cursor:?}")).await;
                    assert_eq!(rest, whole.ids[index + 1..], "{} after {index}", ordered.list.description());
                    let (rest, _) = ordered.read_page(app, &format!("last: 100, before: {cursor:?}")).await;
                    assert_eq!(rest, whole.ids[..index], "{} before {index}", ordered.list.description());
                    // From the far end of the remaining items.
                    let (far, _) = ordered.read_page(app, &format!("last: {size}, after: {cursor:?}")).await;
                    let left = &whole.ids[index + 1..];
                    assert_eq!(far, left[left.len().saturating_sub(size)..], "{}", ordered.list.description());
                    let other = index + rng.below(whole.ids.len() - index);
                    let between = format!("after: {cursor:?}, before: {:?}", whole.cursors[other]);
                    let (found, _) = ordered.read_page(app, &format!("first: 100, {between}")).await;
                    assert_eq!(found, whole.ids[(index + 1).min(other)..other], "{}", ordered.list.description());
                }
            }
        })
        .await;
}

#[tokio::test]
async fn pagination_during_writes() {
    let (app, mut world) = start_random_directory(2).await;
    // Search results are ordered by counts that the items do not show.
    let lists: Vec<OrderedConnection> =
        every_connection().into_iter().filter(|ordered| ordered.list.field != "search").collect();
    let mut traversals: Vec<PageTraversal<'_>> = lists
        .iter()
        .flat_map(|ordered| [true, false].map(|is_forward| PageTraversal::new(ordered, is_forward)))
        .collect();
    for round in 0.. {
        assert!(round < 20, "pagination does not end");
        let snapshots: Vec<Snapshot> =
            stream::iter(traversals.iter().map(|traversal| (traversal.is_over, traversal.ordered)))
                .map(|(is_over, ordered)| {
                    let app = &app;
                    async move { if is_over { Snapshot::default() } else { ordered.read_snapshot(app).await } }
                })
                .buffered(6)
                .collect()
                .await;
        let sizes: Vec<usize> = traversals.iter().map(|_| 8 + world.rng.below(12)).collect();
        stream::iter(traversals.iter_mut().zip(&snapshots).zip(sizes))
            .for_each_concurrent(6, |((traversal, whole), size)| {
                let app = &app;
                async move {
                    if !traversal.is_over {
                        traversal.observe(whole, round == 0);
                        traversal.step(app, size).await;
                        if traversal.is_over {
                            traversal.check(whole);
                        }
                    }
                }
            })
            .await;
        if traversals.iter().all(|traversal| traversal.is_over) {
            assert!(round >= 3, "the writes came after the last page");
            return;
        }
        app.write_records(&parse_records(json!(world.added_records()))).await;
        app.execute_sql(&world.deletion_sql()).await;
        app.refresh_statistics().await;
    }
}
