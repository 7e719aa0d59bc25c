//! The fields of a change are exact: after random writes, the feed reports what differs between two states of the
//! directory as clients read it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use academic_directory::model::record::NameUse;
use academic_directory::store::curation::name_command::{ChosenName, NameDecision};
use academic_directory::store::curation::{CurationRequest, DecidedBy};
use serde_json::{Value, json};

use crate::change_feed::{change_cursor, walk};
use crate::support::database_dump::query_strings;
use crate::support::{
    TestApp, organization_record, paper_record, parse_records, researcher_record, ror, topic_record, with_fields,
};

const STEPS: usize = 60;

/// A small generator (SplitMix64), so that a failure can be repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).expect("a small number")]
    }

    fn some(&mut self, choices: &[&str]) -> Vec<String> {
        choices.iter().filter(|_| self.below(2) == 0).map(|choice| (*choice).to_owned()).collect()
    }
}

const PEOPLE: [&str; 5] = ["Ida Brook", "Tom Ford", "Uma Leeds", "Wei Xu", "Ben Oak"];
const TOPICS: [&str; 3] = ["Weirs", "Tides", "Locks"];

/// The people as papers name them, too.
const AUTHORS: [&str; 8] =
    ["Ida Brook", "Tom Ford", "Uma Leeds", "Wei Xu", "Ben Oak", "I. Brook", "Ida Maria Brook", "Thomas Ford"];
/// What the feed also reports if what it is derived from changed, and the value did not.
const DERIVED: [&str; 2] = ["headline", "otherNames"];

fn random_record(random: &mut Random) -> Value {
    let topics = |random: &mut Random| -> Vec<Value> {
        random.some(&TOPICS).into_iter().map(|label| json!({ "labels": { "en": label } })).collect()
    };
    match random.below(5) {
        0 => {
            let number = random.below(3) + 1;
            let parents: Vec<Value> =
                if number == 3 { vec![json!(["parent", ror(random.below(2) + 1)])] } else { Vec::new() };
            let name = random.pick(&["College", "Mill", "Weir Group"]);
            let record = organization_record(number, name);
            with_fields(record, json!({ "city": random.pick(&["Brno", "Lyon"]), "relations": parents }))
        }
        1 => {
            let label = *random.pick(&TOPICS);
            let broader: Vec<Value> =
                random.some(&["Water"]).into_iter().map(|label| json!({ "labels": { "en": label } })).collect();
            with_fields(topic_record(label), json!({ "broader": broader }))
        }
        2 | 3 => {
            let name = *random.pick(&PEOPLE);
            let numbers: Vec<u64> = [1, 2].into_iter().filter(|_| random.below(2) == 0).collect();
            let places: Vec<Value> = numbers
                .into_iter()
                .map(|number| {
                    let role = random.pick(&["Engineer", "Reader"]);
                    json!({ "organization": { "ror": ror(number) }, "affiliationKind": "EMPLOYMENT", "roleTitle": { "en": role } })
                })
                .collect();
            let headline: BTreeMap<String, &str> = random
                .some(&["en", "fr"])
                .into_iter()
                .map(|language| (language, if random.0.is_multiple_of(2) { "Weirs" } else { "Mills" }))
                .collect();
            with_fields(
                researcher_record(name),
                json!({ "headline": headline, "affiliations": places, "topics": topics(random),
                    "homepageUrl": random.pick(&["https://example.org/1", "https://example.org/2"]),
                    "otherNames": random.some(&["I. Brook", "B. Oak"]) }),
            )
        }
        _ => {
            let title = *random.pick(&["On weirs", "On tides", "On mills", "On locks"]);
            let authors = random.some(&AUTHORS);
            let authors: Vec<&str> = authors.iter().map(String::as_str).collect();
            let abstracts: BTreeMap<String, &str> =
                random.some(&["en", "fr"]).into_iter().map(|language| (language, "Water.")).collect();
            with_fields(
                paper_record(title, Some(2015), &authors),
                json!({ "venueName": random.pick(&["Waters", "Rivers"]), "topics": topics(random), "keywords": random.some(&["a", "b"]),
                    "abstract": abstracts, "abstractCompleteness": if abstracts.is_empty() { "ABSENT" } else { "FULL" },
                    "doi": format!("10.5555/{}", title.replace(' ', "-").to_lowercase()) }),
            )
        }
    }
}

const STATE_QUERY: &str = "{
    researchers(first: 100) { nodes { id slug displayName { value } otherNames givenName familyName orcid portraitUrl homepageUrl
        headline(languages: [\"en\"]) { value } headlineEn: headline(languages: [\"en\"]) { value language } headlineFr: headline(languages: [\"fr\"]) { value language }
        biographyEn: biography(languages: [\"en\"]) { value language }
        identifiers { scheme value } formerIds topics(first: 100) { edges { isDeclared node { id } } }
        papers(first: 100, orderBy: {field: TITLE, direction: ASC}) { nodes { id } }
        affiliations(first: 100) { nodes { ...Place } } } }
    organizations(first: 100) { nodes { id slug ror names { value language kind } types status countryCode city homepageUrl
        identifiers { scheme value } formerIds parents { id } children(first: 100) { nodes { id } } predecessors { id } successors { id }
        affiliations(first: 100) { nodes { ...Place } } } }
    topics(first: 100) { nodes { id slug scheme labels { value language kind } identifiers { scheme value } formerIds broader { id }
        narrower(first: 100) { nodes { id } } } }
    affiliations(first: 100) { nodes { ...Place } }
    papers(first: 100) { nodes { id slug title publicationDate publicationYear type venueName volume issue pages articleNumber edition
        publisherName issns isbns keywords language doi arxivId url isRetracted identifiers { scheme value } formerIds
        versionOf { id } versions { id } topics(first: 100) { nodes { id } }
        abstractEn: abstract(languages: [\"en\"]) { text language completeness } abstractFr: abstract(languages: [\"fr\"]) { text language }
        authorships(first: 100) { nodes { id position name nameAsPublished isPublishedNameWithheld isCorresponding equalContributionGroup
            affiliationsAsPublished organizations { id } researcher { id } } } } } }
    fragment Place on Affiliation { id kind startDate endDate isCurrent isPrimary researcher { id } organization { id }
        roleTitleEn: roleTitle(languages: [\"en\"]) { value language } }";

/// The fields of each entity as clients read them, by the entity's ID.
type State = BTreeMap<String, BTreeMap<String, Value>>;

/// The text in a language, if there is one: a text in another language is a fallback.
fn in_language(text: &Value, language: &str, member: &str) -> Value {
    if text["language"] == language { text[member].clone() } else { Value::Null }
}

async fn read_state(app: &TestApp) -> State {
    let data = app.data(STATE_QUERY).await;
    let mut state = State::new();
    for (_, list) in data.as_object().expect("an object") {
        for node in list["nodes"].as_array().expect("nodes") {
            let mut fields = BTreeMap::new();
            for (name, value) in node.as_object().expect("an object") {
                let (name, value) = match name.as_str() {
                    "id" => continue,
                    "headlineEn" => ("headline@en", in_language(value, "en", "value")),
                    "headlineFr" => ("headline@fr", in_language(value, "fr", "value")),
                    "biographyEn" => ("biography@en", in_language(value, "en", "value")),
                    "roleTitleEn" => ("roleTitle@en", in_language(value, "en", "value")),
                    "abstractFr" => ("abstract@fr", in_language(value, "fr", "text")),
                    "abstractEn" => {
                        fields.insert("abstract".to_owned(), value["completeness"].clone());
                        ("abstract@en", in_language(value, "en", "text"))
                    }
                    "topics" if value["edges"].is_array() => {
                        let declared = value["edges"]
                            .as_array()
                            .expect("edges")
                            .iter()
                            .filter(|edge| edge["isDeclared"] == json!(true));
                        ("topics", declared.map(|edge| edge["node"]["id"].clone()).collect())
                    }
                    name => (name, value.clone()),
                };
                fields.insert(name.to_owned(), sorted(value));
            }
            state.insert(node["id"].as_str().expect("an ID").to_owned(), fields);
        }
    }
    // A headline that is displayed is the researcher's own, by language, or it is derived.
    let sql = "SELECT translate(encode(('Researcher:' || id)::bytea, 'base64'), '+/=', '-_') || ' ' || (headline = '{}') FROM researcher";
    for row in query_strings(&app.database_url, sql).await {
        let (id, is_derived) = row.split_once(' ').expect("two columns");
        let fields = state.get_mut(id).expect("a researcher");
        let foreign: &[&str] = if is_derived == "true" { &["headline@en", "headline@fr"] } else { &["headline"] };
        fields.extend(foreign.iter().map(|field| ((*field).to_owned(), Value::Null)));
    }
    // The organizations of a paper are a filter, not a field of the schema.
    let sql = "SELECT translate(encode(('Paper:' || paper_id)::bytea, 'base64'), '+/=', '-_') || ' ' || string_agg(concat_ws(' ', organization_id, \
         is_by_authorship, is_by_membership), ',' ORDER BY organization_id) FROM paper_organization GROUP BY paper_id";
    for row in query_strings(&app.database_url, sql).await {
        let (id, organizations) = row.split_once(' ').expect("two columns");
        state.entry(id.to_owned()).or_default().insert("organizations".to_owned(), json!(organizations));
    }
    state
}

/// A list without its order, which is no field of an entity.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(mut object) if object.contains_key("nodes") => sorted(object["nodes"].take()),
        Value::Array(mut items) => {
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        value => value,
    }
}

/// What the feed has to report to a reader: the operation, and the fields that changed in one of the steps.
#[derive(Default)]
struct Expected {
    created: BTreeSet<String>,
    gone: BTreeSet<String>,
    fields: BTreeMap<String, BTreeSet<String>>,
}

impl Expected {
    fn add(&mut self, before: &State, after: &State) {
        for (id, fields) in after {
            let Some(former) = before.get(id) else {
                self.gone.remove(id);
                self.created.insert(id.clone());
                self.fields.remove(id);
                continue;
            };
            let names = fields.keys().chain(former.keys());
            let mut changed: BTreeSet<String> =
                names.filter(|name| fields.get(*name) != former.get(*name)).cloned().collect();
            // A headline of the researcher's own begins or ends in its languages.
            if changed.iter().any(|name| name.starts_with("headline@")) {
                changed.remove("headline");
            }
            if !changed.is_empty() {
                self.fields.entry(id.clone()).or_default().extend(changed);
            }
        }
        for id in before.keys().filter(|id| !after.contains_key(*id)) {
            self.created.remove(id);
            self.fields.remove(id);
            self.gone.insert(id.clone());
        }
    }

    fn reported(&self) -> BTreeMap<String, String> {
        let mut reported = BTreeMap::new();
        for (id, fields) in &self.fields {
            reported.insert(id.clone(), fields.iter().cloned().collect::<Vec<_>>().join(","));
        }
        reported.extend(self.created.iter().map(|id| (id.clone(), "CREATED".to_owned())));
        reported.extend(self.gone.iter().map(|id| (id.clone(), "GONE".to_owned())));
        reported
    }
}

async fn report(app: &TestApp, after: &str, expected: &Expected) -> BTreeMap<String, String> {
    let (changes, _) = walk(app, Some(after), json!({})).await;
    let described = |change: &Value| {
        let expected = expected.fields.get(change["id"].as_str().expect("an ID"));
        let is_expected = |field: &str| expected.is_some_and(|fields| fields.contains(field));
        let fields = change["fields"].as_array().expect("fields").iter().filter_map(Value::as_str);
        let fields: Vec<&str> = fields.filter(|field| !DERIVED.contains(field) || is_expected(field)).collect();
        match change["operation"].as_str() {
            Some("CREATED") => "CREATED".to_owned(),
            Some("UPDATED") => fields.join(","),
            _ => "GONE".to_owned(),
        }
    };
    let described = changes.iter().map(|change| (change["id"].as_str().expect("an ID").to_owned(), described(change)));
    described.filter(|(_, text)| !text.is_empty()).collect()
}

/// One random transaction, as a text for the message of a failure.
async fn write_something(app: &TestApp, random: &mut Random) -> String {
    let slugs = query_strings(&app.database_url, "SELECT slug FROM researcher ORDER BY slug").await;
    match random.below(12) {
        0 => {
            app.store.disambiguate_authors(|_| ()).await.expect("the disambiguation");
            "disambiguation".to_owned()
        }
        1 => {
            app.store.merge_named_organizations().await.expect("the organizations");
            app.store.refresh_statistics_if_stale().await.expect("the counts");
            "organizations".to_owned()
        }
        2 if slugs.len() > 1 => {
            let (survivor, former) = (random.pick(&slugs).clone(), random.pick(&slugs).clone());
            let request = CurationRequest::Merge {
                survivor: survivor.clone(),
                former: vec![former.clone()],
                force: true,
                decided_by: DecidedBy::default(),
            };
            let merged = app.store.decide(&request, false).await;
            format!("merge {survivor} {former}: {}", merged.is_ok())
        }
        3 => {
            let last = query_strings(
                &app.database_url,
                "SELECT max(id)::text FROM identity_decision WHERE undone_at IS NULL HAVING max(id) > 0",
            )
            .await;
            let Some(decision) = last.first().and_then(|id| id.parse().ok()) else {
                return "nothing to undo".to_owned();
            };
            let undone = app.store.decide(&CurationRequest::Undo { decision, by: None }, false).await;
            format!("undo {decision}: {}", undone.is_ok())
        }
        4 if !slugs.is_empty() => {
            let slug = random.pick(&slugs).clone();
            let name = random.pick(&["Ida Brooke", "Tomas Ford", "Ben Oakes"]).to_string();
            let decision = NameDecision::Set {
                chosen: Some(ChosenName { name: name.clone(), given_name: None, family_name: None }),
                former_use: *random.pick(&[NameUse::Private, NameUse::SearchOnly]),
                withholds_published_name: Some(random.below(2) == 0),
            };
            app.store.decide_names(&slug, &decision, false).await.expect("a decision");
            format!("name {slug} {name}")
        }
        5 => {
            let sql = random.pick(&[
                "UPDATE researcher SET portrait_url = 'https://example.org/p' || (random() * 3)::int WHERE id = (SELECT min(id) FROM researcher)",
                "UPDATE paper SET volume = (random() * 3)::int, is_retracted = NOT is_retracted WHERE id = (SELECT max(id) FROM paper)",
                "UPDATE affiliation SET is_primary = false",
                "DELETE FROM paper WHERE id = (SELECT min(id) FROM paper)",
            ]);
            app.execute_sql(sql).await;
            (*sql).to_owned()
        }
        6 if random.below(4) == 0 => {
            app.store.remove_source("other").await.expect("the removal");
            "removed other".to_owned()
        }
        _ => {
            let source = *random.pick(&["test", "other"]);
            let records: Vec<Value> = (0..=random.below(3)).map(|_| random_record(random)).collect();
            let text = format!("{source}: {}", json!(records));
            app.store.write_records(source, &parse_records(json!(records))).await.expect("the records");
            text
        }
    }
}

async fn feed_reports_exactly_what_differs(seed: u64) {
    let (app, mut random) = (TestApp::start().await, Random(seed));
    let mut state = read_state(&app).await;
    let mut readers = vec![(change_cursor(&app).await, Expected::default())];
    let mut log = Vec::new();
    for step in 0..STEPS {
        log.push(write_something(&app, &mut random).await);
        let next = read_state(&app).await;
        for (_, expected) in &mut readers {
            expected.add(&state, &next);
        }
        state = next;
        // The newest reader after every step; an old one now and then.
        let mut asked = vec![readers.len() - 1];
        asked.push(usize::try_from(random.below(readers.len() as u64)).expect("a small number"));
        for index in asked {
            let (cursor, expected) = &readers[index];
            let (reported, expected) = (report(&app, cursor, expected).await, expected.reported());
            // An entity that came and went since the cursor may be reported as gone.
            let reported: BTreeMap<_, _> =
                reported.into_iter().filter(|(id, text)| text != "GONE" || expected.contains_key(id)).collect();
            let expected: BTreeMap<_, _> =
                expected.into_iter().filter(|(id, text)| text != "GONE" || reported.contains_key(id)).collect();
            assert_eq!(
                reported,
                expected,
                "seed {seed}, step {step}, reader {index}; {:#?}",
                &log[log.len().saturating_sub(3)..]
            );
        }
        readers.push((change_cursor(&app).await, Expected::default()));
    }
    let (everything, _) = walk(&app, None, json!({})).await;
    let alive: BTreeSet<String> = everything
        .iter()
        .filter(|change| change["operation"] == "CREATED")
        .filter_map(|change| change["id"].as_str().map(ToOwned::to_owned))
        .collect();
    assert_eq!(alive, state.keys().cloned().collect());
}

#[tokio::test]
async fn random_writes() {
    for seed in [1, 2, 3] {
        feed_reports_exactly_what_differs(seed).await;
    }
}
