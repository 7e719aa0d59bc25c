//! Texts of any length: they are stored, or the record is invalid for a reason that gives the length and the limit. No
//! text is rejected by an index of the database, and the other records of the batch are not affected.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::process::{Workspace, run_to_completion};
use crate::support::synthetic_data::SeededRng;
use crate::support::{TestApp, create_database, paper_record, researcher_record, with_fields};

/// Texts that do not compress: an index entry has at most 2,704 bytes after compression.
fn random_text(rng: &mut SeededRng, alphabet: &[char], length: usize) -> String {
    (0..length).map(|_| alphabet[rng.below(alphabet.len())]).collect()
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Four bytes each, and letters of many words of scripts without spaces.
const WIDE: &str = "𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𝒜𝒞𝒟𠀀𠀁𠀂𠀃𠀄𠀅𠀆𠀇𠀈𠀉𠀊";
/// Letters that become longer when they are folded.
const EXPANDING: &str = "ßŉǰΐﬃ㍿ｱﾞ";
const WORDS: &str = "abcdefghij klmnop qrstuvw xyz ";

/// A record of each kind with a text in one of its fields; the number keeps records apart.
fn records_with_text(number: usize, text: &str) -> Vec<(&'static str, Value)> {
    let name = format!("Ida Brook{number}");
    let researcher = researcher_record(&name);
    let paper = with_fields(paper_record(&format!("Study {number}"), Some(2000), &[&name]), json!({}));
    let organization =
        json!({ "kind": "organization", "names": [{ "value": format!("Institute {number}"), "kind": "LABEL" }] });
    let topic = json!({ "kind": "topic", "names": [{ "value": format!("Weirs {number}"), "kind": "LABEL" }] });
    let employment = |organization: Value| json!({ "affiliations": [{ "organization": organization, "affiliationKind": "EMPLOYMENT", "startDate": "2001" }] });
    let affiliation = |field: &str| {
        let mut fields = employment(json!({ "name": "Institute of Weirs" }));
        fields["affiliations"][0][field] = json!({ "en": text, "fr": text });
        fields
    };
    let author = |fields: Value| json!({ "authors": [with_fields(json!({ "position": 1, "name": name }), fields)] });
    let exported = |field: &str, value: Value| json!({ "exported": with_fields(json!({ "id": 1_000 + number }), json!({ field: value })) });
    let of = |record: &Value, fields: Value| with_fields(record.clone(), fields);
    let formerly = json!([{ "id": 100_000 + number, "slug": text, "nameKey": text }]);
    let sources = json!([{ "source": text, "key": text, "digest": "00" }]);
    vec![
        ("name", of(&researcher, json!({ "name": text }))),
        ("given name", of(&researcher, json!({ "givenName": text, "familyName": "Brook" }))),
        ("family name", of(&researcher, json!({ "familyName": text, "givenName": "Ida" }))),
        ("other name", of(&researcher, json!({ "otherNames": [text] }))),
        ("hidden name", of(&researcher, json!({ "otherNames": [{ "value": text, "use": "PRIVATE" }] }))),
        ("slug", of(&researcher, json!({ "slug": text }))),
        ("headline", of(&researcher, json!({ "headline": { "en": text } }))),
        ("biography", of(&researcher, json!({ "biography": { "en": text } }))),
        ("portrait", of(&researcher, json!({ "portraitUrl": format!("https://www.example.org/{text}") }))),
        ("homepage", of(&researcher, json!({ "homepageUrl": format!("https://www.example.org/{text}") }))),
        ("identifier", of(&researcher, json!({ "identifiers": [{ "scheme": "local", "value": text }] }))),
        ("scheme", of(&researcher, json!({ "identifiers": [{ "scheme": text, "value": number.to_string() }] }))),
        ("role", of(&researcher, affiliation("roleTitle"))),
        ("department", of(&researcher, affiliation("departmentName"))),
        ("employer", of(&researcher, employment(json!({ "name": text })))),
        ("declared topic", of(&researcher, json!({ "topics": [{ "labels": { "en": text } }] }))),
        ("declared code", of(&researcher, json!({ "topics": [{ "scheme": "local", "code": text }] }))),
        ("merged researcher", of(&researcher, exported("formerly", formerly))),
        ("source record", of(&researcher, exported("sources", sources))),
        ("organization", with_fields(organization.clone(), json!({ "names": [{ "value": text, "kind": "LABEL" }] }))),
        ("alias", with_fields(organization.clone(), json!({ "names": [{ "value": text, "kind": "ALIAS" }] }))),
        ("organization identifier", of(&organization, json!({ "identifiers": [{ "scheme": "grid", "value": text }] }))),
        ("city", of(&organization, json!({ "city": text }))),
        ("topic", of(&topic, json!({ "names": [{ "value": text, "kind": "LABEL" }] }))),
        ("code", of(&topic, json!({ "code": text }))),
        ("vocabulary", of(&topic, json!({ "scheme": text, "code": number.to_string() }))),
        ("vocabulary and code", of(&topic, json!({ "scheme": text, "code": text }))),
        ("broader topic", of(&topic, json!({ "broader": [{ "scheme": "local", "code": text }] }))),
        ("source id", of(&paper, json!({ "sourceId": text }))),
        ("title", of(&paper, json!({ "title": text }))),
        ("translated title", of(&paper, json!({ "translatedTitles": { "fr": text } }))),
        ("abstract", of(&paper, json!({ "abstract": { "en": text } }))),
        ("venue", of(&paper, json!({ "venueName": text }))),
        ("URL", of(&paper, json!({ "url": format!("https://www.example.org/{text}") }))),
        ("DOI", of(&paper, json!({ "doi": format!("10.1000/{}", text.replace(' ', "")) }))),
        ("language", of(&paper, json!({ "language": text }))),
        ("paper identifier", of(&paper, json!({ "identifiers": [{ "scheme": "pmid", "value": text }] }))),
        ("author", of(&paper, author(json!({ "name": text })))),
        ("author's parts", of(&paper, author(json!({ "givenName": "Ida", "familyName": text })))),
        ("author's identifier", of(&paper, author(json!({ "identifiers": [{ "scheme": "local", "value": text }] })))),
        ("published affiliation", of(&paper, author(json!({ "affiliationsAsPublished": [text] })))),
        ("author's organization", of(&paper, author(json!({ "organizations": [{ "name": text }] })))),
        ("paper's topic", of(&paper, json!({ "topics": [{ "labels": { "en": text } }] }))),
    ]
}

/// Fields that name a person, an organization or a topic. The others have no limit, or a lower one.
const NAMES: [&str; 14] = [
    "name",
    "given name",
    "family name",
    "other name",
    "hidden name",
    "employer",
    "declared topic",
    "organization",
    "alias",
    "topic",
    "author",
    "author's parts",
    "author's organization",
    "paper's topic",
];

/// Imports texts of these lengths in all of these fields, all records in one file.
async fn import_texts(seed: u64, alphabets: &[&str], lengths: &[usize], has_field: impl Fn(&str) -> bool) {
    let mut rng = SeededRng::new(seed);
    let (mut lines, mut fields) = (String::new(), Vec::new());
    for alphabet in alphabets {
        let alphabet: Vec<char> = alphabet.chars().collect();
        for length in lengths {
            for field in 0..records_with_text(0, "a").len() {
                let text = random_text(&mut rng, &alphabet, *length);
                let (name, record) = records_with_text(fields.len(), &text).swap_remove(field);
                if !has_field(name) {
                    continue;
                }
                let _ = writeln!(lines, "{record}"); // a String takes everything
                fields.push((name, *length));
            }
        }
    }
    let workspace = Workspace::new();
    let file = workspace.write_file("records.jsonl", &lines);
    let url = create_database().await;
    let outcome = workspace.import(&url, &["records", file]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for line in outcome.stderr_lines().into_iter().filter(|line| line.contains(": invalid record: ")) {
        let number: usize = line.split(':').nth(1).and_then(|number| number.parse().ok()).expect("a line number");
        let (field, length) = fields[number - 1];
        // Normalization removes some characters, and composes others.
        let is_limit = line.split_once("…' has ").is_some_and(|(_, rest)| {
            let numbers: Vec<usize> = rest.split(' ').filter_map(|word| word.parse().ok()).collect();
            matches!(numbers[..], [found, maximum] if found <= length && found > maximum)
        });
        let line: String = line.chars().take(400).collect();
        assert!(is_limit || field == "DOI" && line.contains("not a DOI"), "{field} with {length} characters: {line}");
    }
    // The next import finds each of them again.
    let again = workspace.import(&url, &["records", file]);
    assert!(again.summary().contains(": created 0, "), "{again:?}");
}

const ALPHABETS: [&str; 4] = [LETTERS, WIDE, EXPANDING, WORDS];

#[tokio::test]
async fn texts_around_the_limit_of_schemes() {
    import_texts(1, &ALPHABETS, &[1, 150, 151], |_| true).await;
}

#[tokio::test]
async fn texts_around_the_limit_of_ids() {
    import_texts(2, &ALPHABETS, &[500, 501], |_| true).await;
}

#[tokio::test]
async fn letters_around_the_limit_of_names() {
    import_texts(3, &[LETTERS, WIDE], &[1_000, 1_001], |field| NAMES.contains(&field)).await;
}

#[tokio::test]
async fn words_around_the_limit_of_names() {
    import_texts(4, &[EXPANDING, WORDS], &[1_000, 1_001], |field| NAMES.contains(&field)).await;
}

#[tokio::test]
async fn long_texts_in_every_field() {
    import_texts(5, &ALPHABETS, &[16_000], |_| true).await;
}

/// The terms of a text have at most 1 MiB: these are 6,000 different words of 60 letters of four bytes.
#[tokio::test]
async fn texts_with_long_words_are_searchable() {
    let app = TestApp::start().await;
    let mut rng = SeededRng::new(4);
    let letters: Vec<char> = WIDE.chars().collect();
    let words: Vec<String> = (0..6_000).map(|_| random_text(&mut rng, &letters[..16], 60)).collect();
    let fields = json!({ "abstract": { "en": format!("Weirs {}", words.join(" ")) }, "abstractCompleteness": "FULL" });
    let title = format!("On floods {}", words[..3_000].join(" "));
    let paper = with_fields(paper_record("p", Some(2000), &["Ida Brook"]), fields);
    app.create_records(json!([with_fields(paper, json!({ "title": title }))])).await;
    let found = app.data("{ papers(filter: {query: \"floods\"}) { totalCount } }").await;
    assert_eq!(found["papers"]["totalCount"], 1);
}

#[tokio::test]
async fn long_texts_are_stored_or_rejected_with_the_limit() {
    let mut rng = SeededRng::new(5);
    let letters: Vec<char> = LETTERS.chars().collect();
    let mut long = |length| random_text(&mut rng, &letters, length);
    let (title, role, name, id) = (long(3_000), long(16_000), long(16_000), long(16_000));
    let authors: Vec<String> = (0..700).map(|number| format!("Tom Lee{number}")).collect();
    let employment = json!({ "affiliations": [{ "organization": { "name": "Weirs" }, "affiliationKind": "EMPLOYMENT",
        "roleTitle": { "en": role } }] });
    let records = [
        with_fields(paper_record(&title, Some(2000), &["Ida Brook"]), json!({ "sourceId": "long-title" })),
        with_fields(researcher_record("Ida Brook"), employment),
        researcher_record(&name),
        with_fields(paper_record("Weirs", None, &["Ida Brook"]), json!({ "sourceId": id })),
        // With a group in the list, the names are not split.
        paper_record("Floods", None, &[&format!("The collaboration of {}", authors.join(" "))]),
        paper_record("Dams", None, &["Tom Lee"]),
    ];
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let workspace = Workspace::new();
    let file = workspace.write_file("records.jsonl", lines);
    let url = create_database().await;
    let outcome = workspace.import(&url, &["records", file]);
    assert_eq!(outcome.summary(), "read 6: created 3, updated 0, unchanged 0, invalid 3");
    let beginning = |text: &str| text.chars().take(40).collect::<String>();
    assert_eq!(
        outcome.stderr_lines(),
        [
            format!("records.jsonl:3: invalid record: the name '{}…' has 16000 characters; the maximum is 1000", beginning(&name)),
            format!("records.jsonl:4: invalid record: the id '{}…' has 16000 characters; the maximum is 500", beginning(&id)),
            "records.jsonl:5: invalid record: the name of author 1 'The collaboration of Tom Lee0 Tom Lee1 T…' has 7610 characters; \
             the maximum is 1000"
                .to_owned(),
        ]
    );
    assert_eq!(query_strings(&url, "SELECT title FROM paper WHERE length(title) > 100").await, [title]);
    assert_eq!(query_strings(&url, "SELECT role_title ->> 'en' FROM affiliation").await, [role]);
}

#[tokio::test]
async fn long_names_of_decisions_are_rejected() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ida Brook")])).await;
    let workspace = Workspace::new();
    let name = "x".repeat(1_001);
    let arguments = ["names", "add", "ida-brook", &name, "--use", "search-only"];
    let outcome = run_to_completion(&mut workspace.command_with_database(&app.database_url, &arguments));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("has 1001 characters; the maximum is 1000"), "{outcome:?}");
}
