//! The laws of pages over a directory made by chance: whatever the list, the order, the end it is read from and what
//! others write meanwhile, a walk gives each row once, in the order that the rows themselves show.

use std::collections::{BTreeMap, HashMap};

use academic_directory::text::names::{NameParts, fold, sort_key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::pagination::{List, innermost};
use crate::support::sample::Chance;
use crate::support::{TestApp, orcid, organization, paper, records_of, researcher, ror, topic, with};

const PEOPLE: usize = 18;
const PLACES: usize = 16;
const TOPICS: usize = 12;
const PAPERS: usize = 30;

/// Few, so that there are ties; some differ only in what is folded away.
const WORDS: [&str; 7] = ["Arts", "arts", "Ärzte", "École", "Ecole libre", "Zoo", "東京"];
const LANGUAGES: [Option<&str>; 6] = [Some("en"), Some("fr"), Some("fr-CA"), Some("fr-BE"), Some("de"), None];
const DATES: [Option<&str>; 6] =
    [None, Some("2001"), Some("2001-05"), Some("2001-05-03"), Some("1999-12-31"), Some("2024")];

/// Records by chance: things are known by their number, not by their name.
struct World {
    chance: Chance,
    people: usize,
    places: usize,
    topics: usize,
    papers: usize,
}

impl World {
    fn names(&mut self) -> Value {
        let mut names = Vec::new();
        while names.is_empty() {
            for language in LANGUAGES {
                if self.chance.once_in(3) {
                    let word = WORDS[self.chance.below(WORDS.len())];
                    names.push(match language {
                        Some(tag) => json!({ "value": word, "language": tag, "kind": "LABEL" }),
                        None => json!({ "value": word, "kind": "LABEL" }),
                    });
                }
            }
        }
        json!(names)
    }

    fn place(&mut self) -> Value {
        self.places += 1;
        let above = json!([["parent", ror(1)]]);
        with(organization(self.places as u64 + 1, "x"), json!({ "names": self.names(), "relations": above }))
    }

    fn topic(&mut self) -> Value {
        self.topics += 1;
        let above = json!([{ "labels": { "en": "Sea" } }]);
        json!({ "kind": "topic", "scheme": "test", "code": self.topics.to_string(), "names": self.names(), "broader": above })
    }

    fn about(&mut self, amount: usize) -> Value {
        let mut topics = vec![json!({ "labels": { "en": "Sea" } })];
        topics.extend(
            (0..amount).map(|_| json!({ "scheme": "test", "code": (self.chance.below(self.topics) + 1).to_string() })),
        );
        json!(topics)
    }

    fn person(&mut self) -> Value {
        let number = self.people;
        self.people += 1;
        let affiliations: Vec<Value> = (0..if number == 0 { 9 } else { 3 })
            .map(|index| {
                // Each is at the college once, so that there are enough there.
                let place = if index == 0 { 1 } else { self.chance.below(self.places) as u64 + 2 };
                let kind = ["EMPLOYMENT", "MEMBERSHIP", "EDUCATION"][self.chance.below(3)];
                let kind = if index == 0 { "EMPLOYMENT" } else { kind };
                let affiliation = json!({ "organization": { "ror": ror(place) }, "affiliationKind": kind, "isPrimary": index == 1 && self.chance.once_in(2) });
                match DATES[self.chance.below(DATES.len())] {
                    Some(date) => with(affiliation, json!({ "startDate": date })),
                    None => affiliation,
                }
            })
            .collect();
        // The first has a name of its own, which leads to the lists of the test.
        let name = if number == 0 {
            "Person 0".to_owned()
        } else {
            ["Ada Berg", "Åda Berg", "Plato", "Zed Aal"][self.chance.below(4)].to_owned()
        };
        let topics = self.about(5);
        with(
            researcher(&name),
            json!({ "orcid": orcid(number as u64), "affiliations": affiliations, "topics": topics }),
        )
    }

    fn paper_by(&mut self, title: &str, authors: &[usize], topics: usize) -> Value {
        self.papers += 1;
        let mut known = std::collections::BTreeSet::new();
        let authors: Vec<Value> = authors
            .iter()
            .filter(|author| known.insert(**author))
            .map(|author| json!({ "name": format!("Author {author}"), "orcid": orcid(*author as u64), "organizations": [{ "ror": ror(1) }] }))
            .collect();
        let written = json!({ "sourceId": self.papers.to_string(), "authors": authors, "topics": self.about(topics) });
        match DATES[self.chance.below(DATES.len())] {
            Some(date) => with(with(paper(title, None, &[]), written), json!({ "publicationDate": date })),
            None => with(paper(title, None, &[]), written),
        }
    }

    fn paper(&mut self) -> Value {
        let authors: Vec<usize> = (0..self.chance.below(5)).map(|_| self.chance.below(self.people)).collect();
        let title = WORDS[self.chance.below(WORDS.len())];
        self.paper_by(title, &authors, 2)
    }

    /// The directory at the start: one of everything that the paths of the lists name.
    fn all(&mut self) -> Vec<Value> {
        let mut records = vec![organization(1, "College"), topic("Sea")];
        records.extend((0..PLACES).map(|_| self.place()));
        records.extend((0..TOPICS).map(|_| self.topic()));
        records.extend((0..PEOPLE).map(|_| self.person()));
        records.extend((0..PAPERS).map(|_| self.paper()));
        records.push(self.paper_by("Together", &[0, 1, 2, 3, 4, 5, 6], 7));
        // Far more than with anybody else, whatever comes and goes.
        records.extend((0..25).map(|_| self.paper_by("By two", &[0, 1], 1)));
        records
    }

    /// What others write between two pages: new things beside, above and below those of the lists.
    fn more(&mut self) -> Vec<Value> {
        vec![self.place(), self.topic(), self.person(), self.paper(), self.paper_by("By one", &[0], 3)]
    }

    /// And what they take away, but for what the paths of the lists name.
    fn less(&mut self) -> String {
        let any = |table: &str, kept: &str, chance: &mut Chance| {
            format!(
                "DELETE FROM {table} WHERE id = (SELECT id FROM {table} WHERE {kept} ORDER BY id OFFSET {} LIMIT 1);",
                chance.below(12)
            )
        };
        let chance = &mut self.chance;
        [
            any("paper", "slug <> 'together'", chance),
            any("affiliation", "true", chance),
            any("organization", "slug <> 'college'", chance),
            any("topic", "slug <> 'sea'", chance),
            any("researcher", &format!("slug <> 'person-0' AND orcid <> '{}'", orcid(1)), chance),
            any("authorship", "paper_id = (SELECT id FROM paper WHERE slug = 'together') AND list_order > 2", chance),
        ]
        .concat()
    }
}

async fn a_world(seed: u64) -> (TestApp, World) {
    let app = TestApp::start().await;
    let mut world = World { chance: Chance::new(seed), people: 0, places: 0, topics: 0, papers: 0 };
    app.write(&records_of(json!(world.all()))).await;
    let ties = ["researcher", "organization", "topic", "paper", "affiliation"].map(|table| {
        format!(
            "UPDATE {table} SET updated_at = '2020-01-01'::timestamptz + interval '1 microsecond' * 1000 * (id % 4);"
        )
    });
    app.sql(&ties.concat()).await;
    (app, world)
}

/// A value that rows are ordered by, as a row shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Number(i64),
    Text(String),
}

/// How a list is ordered, as far as its rows show it.
struct Law {
    /// The fields of the edge that show it.
    edge: String,
    keys: fn(&Value) -> Vec<Shown>,
    is_ascending: bool,
    /// Whether rows that show the same are in the order of their ids.
    ends_on_id: bool,
}

fn number(value: &Value) -> Shown {
    Shown::Number(value.as_i64().unwrap_or_default())
}

fn truth(value: &Value) -> Shown {
    Shown::Number(i64::from(value == true))
}

fn folded(value: &Value) -> Shown {
    let text = value.as_str().expect("a text");
    let key = fold(text);
    Shown::Text(if key.is_empty() { text.to_lowercase() } else { key })
}

fn moment(value: &Value) -> Shown {
    let moment = chrono::DateTime::parse_from_rfc3339(value.as_str().expect("a moment")).expect("RFC 3339");
    Shown::Number(moment.timestamp_micros())
}

/// A date by its first day; an unknown one is the earliest.
fn first_day(value: &Value) -> Shown {
    Shown::Text(value.as_str().map(|date| format!("{date}{}", &"-01-01"[date.len() - 4..])).unwrap_or_default())
}

/// A date by its digits: of two that begin alike, the one known better is later.
fn digits(value: &Value) -> Shown {
    Shown::Text(value.as_str().unwrap_or_default().to_owned())
}

fn name(person: &Value) -> Shown {
    let part = |field: &str| person[field].as_str().map(ToOwned::to_owned);
    let parts = NameParts { given: part("givenName"), family: part("familyName") };
    Shown::Text(sort_key(person["name"].as_str().expect("a name"), &parts))
}

const NAME: &str = "name givenName familyName";

impl Law {
    #[allow(clippy::too_many_lines, reason = "one table of all orders")]
    fn of(list: &List, languages: &str) -> Self {
        let parent = list.path.last().and_then(|step| step.split('(').next()).unwrap_or_default();
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
            other => panic!("say by what {other:?} is ordered"),
        };
        let label = format!("displayName{languages} {{ value }}");
        let (edge, keys): (String, fn(&Value) -> Vec<Shown>) = match (field, list.field.as_str()) {
            ("UPDATED_AT", _) => ("node { id updatedAt }".into(), |edge| vec![moment(&edge["node"]["updatedAt"])]),
            ("NAME", "researchers" | "coauthors") => {
                (format!("node {{ id {NAME} }}"), |edge| vec![name(&edge["node"])])
            }
            ("NAME" | "LABEL", _) => {
                (format!("node {{ id {label} }}"), |edge| vec![folded(&edge["node"]["displayName"]["value"])])
            }
            ("PAPER_COUNT", "coauthors") => ("paperCount node { id }".into(), |edge| vec![number(&edge["paperCount"])]),
            ("LAST_YEAR", _) => ("lastYear node { id }".into(), |edge| vec![number(&edge["lastYear"])]),
            ("PAPER_COUNT", "researchers") if parent == "topic" => {
                ("paperCount node { id }".into(), |edge| vec![number(&edge["paperCount"])])
            }
            ("PAPER_COUNT", "researchers") => ("node { id statistics { paperCount } }".into(), |edge| {
                vec![number(&edge["node"]["statistics"]["paperCount"])]
            }),
            ("LAST_PUBLICATION_YEAR", _) => ("node { id statistics { lastPublicationYear } }".into(), |edge| {
                vec![number(&edge["node"]["statistics"]["lastPublicationYear"])]
            }),
            ("PAPER_COUNT", _) if parent == "researcher" => {
                ("paperCount node { id }".into(), |edge| vec![number(&edge["paperCount"])])
            }
            ("PAPER_COUNT", _) => {
                ("node { id papers { totalCount } }".into(), |edge| vec![number(&edge["node"]["papers"]["totalCount"])])
            }
            ("RESEARCHER_COUNT", _) => ("node { id researchers { totalCount } }".into(), |edge| {
                vec![number(&edge["node"]["researchers"]["totalCount"])]
            }),
            ("START_DATE", _) => ("node { id startDate }".into(), |edge| vec![first_day(&edge["node"]["startDate"])]),
            ("IMPORTANCE", _) => ("node { id isPrimary isCurrent startDate }".into(), |edge| {
                let node = &edge["node"];
                vec![truth(&node["isPrimary"]), truth(&node["isCurrent"]), first_day(&node["startDate"])]
            }),
            ("ORGANIZATION_NAME", _) => (format!("node {{ id organization {{ {label} }} }}"), |edge| {
                vec![folded(&edge["node"]["organization"]["displayName"]["value"])]
            }),
            ("RESEARCHER_NAME", _) => {
                (format!("node {{ id researcher {{ {NAME} }} }}"), |edge| vec![name(&edge["node"]["researcher"])])
            }
            ("PUBLICATION_DATE", _) => {
                ("node { id publicationDate }".into(), |edge| vec![digits(&edge["node"]["publicationDate"])])
            }
            ("TITLE", _) => ("node { id title }".into(), |edge| vec![folded(&edge["node"]["title"])]),
            ("AUTHOR_COUNT", _) => ("node { id authorships { totalCount } }".into(), |edge| {
                vec![number(&edge["node"]["authorships"]["totalCount"])]
            }),
            // Declared ones are in an order that nothing shows; then those with most papers.
            ("OWN", _) => ("isDeclared paperCount node { id }".into(), |edge| {
                let is_declared = edge["isDeclared"] == true;
                vec![
                    Shown::Number(i64::from(!is_declared)),
                    Shown::Number(if is_declared { 0 } else { -edge["paperCount"].as_i64().unwrap_or_default() }),
                ]
            }),
            ("PLACE" | "RANK", _) => ("node { id }".into(), |_| Vec::new()),
            other => panic!("say what shows the order {other:?}"),
        };
        Self { edge, keys, is_ascending, ends_on_id: !matches!(field, "OWN" | "PLACE" | "RANK") }
    }
}

/// A list with the law of its order.
struct Ordered {
    list: List,
    law: Law,
}

/// Every connection in every order, those by a label in several languages.
fn every_list() -> Vec<Ordered> {
    let mut all = Vec::new();
    // Which two people have a path is chance too; its papers are the list of coauthors' papers, which is walked.
    for list in List::all().into_iter().filter(|list| !list.path.iter().any(|step| step.starts_with("coauthorPath"))) {
        let arguments = list.arguments.replace("person", "arts");
        let list = List { arguments, ..list };
        let is_by_label = ["ORGANIZATION_NAME", "LABEL"].iter().any(|by| list.arguments.contains(by))
            || (list.field == "organizations" && list.arguments.contains("field: NAME"));
        if is_by_label {
            for languages in [r#"["fr"]"#, r#"["de", "fr-CA"]"#, r#"["fr-CH", "und", "zh"]"#] {
                let arguments = list.arguments.replace('}', &format!(", languages: {languages}}}"));
                let other = List { path: list.path.clone(), field: list.field.clone(), arguments };
                let law = Law::of(&other, &format!("(languages: {languages})"));
                all.push(Ordered { list: other, law });
            }
        }
        let law = Law::of(&list, "");
        all.push(Ordered { list, law });
    }
    all
}

/// The rows of a list as it is now: their ids, cursors and what they show of the order.
#[derive(Debug, Default, PartialEq)]
struct Whole {
    ids: Vec<String>,
    cursors: Vec<String>,
    keys: HashMap<String, Vec<Shown>>,
}

impl Ordered {
    async fn edges(&self, app: &TestApp, page: &str) -> Value {
        innermost(app.data(&self.list.query_of(&self.law.edge, page)).await)
    }

    /// All of it, in the order that the law has.
    async fn whole(&self, app: &TestApp) -> Whole {
        let found = self.edges(app, "first: 100").await;
        assert_eq!(found["pageInfo"]["hasNextPage"], false, "{} is longer than a page", self.list.name());
        let mut whole = Whole::default();
        let mut places = Vec::new();
        for edge in found["edges"].as_array().into_iter().flatten() {
            let id = edge["node"]["id"].as_str().expect("an id").to_owned();
            let keys = (self.law.keys)(edge);
            places.push((keys.clone(), if self.law.ends_on_id { row_number(&id) } else { 0 }));
            whole.cursors.push(edge["cursor"].as_str().expect("a cursor").to_owned());
            whole.keys.insert(id.clone(), keys);
            whole.ids.push(id);
        }
        assert_eq!(whole.keys.len(), whole.ids.len(), "{} has a row twice", self.list.name());
        let is_sorted =
            if self.law.is_ascending { places.is_sorted() } else { places.is_sorted_by(|one, next| one >= next) };
        assert!(is_sorted, "{}: {places:?}", self.list.name());
        whole
    }

    async fn page(&self, app: &TestApp, page: &str) -> (Vec<String>, Value) {
        let found = innermost(app.data(&self.list.query(page)).await);
        let ids = crate::support::texts(&found["edges"], &["node", "id"]);
        (ids, found["pageInfo"].clone())
    }
}

fn row_number(id: &str) -> i64 {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).expect("base64")).expect("text");
    text.rsplit(':').next().and_then(|number| number.parse().ok()).expect("the number of a row")
}

/// A walk from one end, which stands behind what it has read.
struct Walk<'a> {
    ordered: &'a Ordered,
    is_forward: bool,
    cursor: Option<String>,
    seen: Vec<String>,
    is_over: bool,
    /// What rows showed at each page, null where they were not the same at all of them.
    steady: BTreeMap<String, Option<Vec<Shown>>>,
}

impl<'a> Walk<'a> {
    fn new(ordered: &'a Ordered, is_forward: bool) -> Self {
        Self { ordered, is_forward, cursor: None, seen: Vec::new(), is_over: false, steady: BTreeMap::new() }
    }

    async fn step(&mut self, app: &TestApp, size: usize) {
        let (amount, from, end, more) = if self.is_forward {
            ("first", "after", "endCursor", "hasNextPage")
        } else {
            ("last", "before", "startCursor", "hasPreviousPage")
        };
        let place = self.cursor.as_ref().map(|cursor| format!(", {from}: {cursor:?}")).unwrap_or_default();
        let (mut ids, info) = self.ordered.page(app, &format!("{amount}: {size}{place}")).await;
        if !self.is_forward {
            ids.reverse();
        }
        self.seen.extend(ids);
        self.is_over = info[more] == false;
        if let Some(cursor) = info[end].as_str() {
            self.cursor = Some(cursor.to_owned());
        }
    }

    /// What the list is at the moment of a page.
    fn observe(&mut self, whole: &Whole, is_first: bool) {
        for (id, keys) in &whole.keys {
            // What came later is not owed.
            let seen = self.steady.entry(id.clone()).or_insert_with(|| is_first.then(|| keys.clone()));
            if seen.as_ref() != Some(keys) {
                *seen = None;
            }
        }
        for (id, keys) in &mut self.steady {
            if !whole.keys.contains_key(id) {
                *keys = None;
            }
        }
    }

    /// That what stayed came once each, and in order.
    fn check(&self, last: &Whole) {
        let is_owed = |id: &&String| self.steady.get(*id).is_some_and(Option::is_some);
        let mut owed: Vec<&String> = last.ids.iter().filter(is_owed).collect();
        if !self.is_forward {
            owed.reverse();
        }
        let seen: Vec<&String> = self.seen.iter().filter(is_owed).collect();
        assert_eq!(
            seen,
            owed,
            "{} {}",
            self.ordered.list.name(),
            if self.is_forward { "forwards" } else { "backwards" }
        );
    }
}

#[tokio::test]
async fn walks_and_every_cursor_over_what_chance_made() {
    let (app, _) = a_world(1).await;
    let lists = every_list();
    assert!(lists.len() > 130, "only {} lists were found", lists.len());
    stream::iter(lists.iter().enumerate())
        .for_each_concurrent(6, |(seed, ordered)| {
            let app = &app;
            async move {
                let mut chance = Chance::new(seed as u64);
                let whole = ordered.whole(app).await;
                assert!(whole.ids.len() >= 5, "{} has {} rows", ordered.list.name(), whole.ids.len());
                for is_forward in [true, false] {
                    let mut walk = Walk::new(ordered, is_forward);
                    while !walk.is_over {
                        walk.step(app, 1 + chance.below(whole.ids.len())).await;
                    }
                    walk.observe(&whole, true);
                    walk.check(&whole);
                }
                for _ in 0..3 {
                    let place = chance.below(whole.ids.len());
                    let (cursor, size) = (&whole.cursors[place], 1 + chance.below(8));
                    let (rest, _) = ordered.page(app, &format!("first: 100, after: {cursor:?}")).await;
                    assert_eq!(rest, whole.ids[place + 1..], "{} after {place}", ordered.list.name());
                    let (rest, _) = ordered.page(app, &format!("last: 100, before: {cursor:?}")).await;
                    assert_eq!(rest, whole.ids[..place], "{} before {place}", ordered.list.name());
                    // From the far end of what a cursor leaves.
                    let (far, _) = ordered.page(app, &format!("last: {size}, after: {cursor:?}")).await;
                    let left = &whole.ids[place + 1..];
                    assert_eq!(far, left[left.len().saturating_sub(size)..], "{}", ordered.list.name());
                    let other = place + chance.below(whole.ids.len() - place);
                    let between = format!("after: {cursor:?}, before: {:?}", whole.cursors[other]);
                    let (found, _) = ordered.page(app, &format!("first: 100, {between}")).await;
                    assert_eq!(found, whole.ids[(place + 1).min(other)..other], "{}", ordered.list.name());
                }
            }
        })
        .await;
}

#[tokio::test]
async fn walks_while_others_write() {
    let (app, mut world) = a_world(2).await;
    // What is found moves with counts that its rows do not show.
    let lists: Vec<Ordered> = every_list().into_iter().filter(|ordered| ordered.list.field != "search").collect();
    let mut walks: Vec<Walk<'_>> =
        lists.iter().flat_map(|ordered| [true, false].map(|is_forward| Walk::new(ordered, is_forward))).collect();
    for round in 0.. {
        assert!(round < 20, "the walks do not end");
        let wholes: Vec<Whole> = stream::iter(walks.iter().map(|walk| (walk.is_over, walk.ordered)))
            .map(|(is_over, ordered)| {
                let app = &app;
                async move { if is_over { Whole::default() } else { ordered.whole(app).await } }
            })
            .buffered(6)
            .collect()
            .await;
        let sizes: Vec<usize> = walks.iter().map(|_| 8 + world.chance.below(12)).collect();
        stream::iter(walks.iter_mut().zip(&wholes).zip(sizes))
            .for_each_concurrent(6, |((walk, whole), size)| {
                let app = &app;
                async move {
                    if !walk.is_over {
                        walk.observe(whole, round == 0);
                        walk.step(app, size).await;
                        if walk.is_over {
                            walk.check(whole);
                        }
                    }
                }
            })
            .await;
        if walks.iter().all(|walk| walk.is_over) {
            assert!(round >= 3, "there was nothing to be read while others wrote");
            return;
        }
        app.write(&records_of(json!(world.more()))).await;
        app.sql(&world.less()).await;
        app.recount().await;
    }
}
