//! `Researcher.otherNames`: the names on the researcher's papers, where they are public.

use serde_json::{Value, json};

use crate::support::{TestApp, orcid, paper_record, researcher_record, with_fields};

/// A paper by one author with an ORCID iD.
fn paper_by(title: &str, name: &str, orcid: &str) -> Value {
    let author = json!({ "position": 1, "name": name, "orcid": orcid });
    with_fields(paper_record(title, Some(2001), &[]), json!({ "authors": [author] }))
}

async fn other_names(app: &TestApp, orcid: &str) -> Value {
    let query = "query($orcid: String!) { researcher(by: {orcid: $orcid}) { name otherNames } }";
    app.query(query, json!({ "orcid": orcid })).await.data()["researcher"].clone()
}

#[tokio::test]
async fn names_on_papers() {
    let app = TestApp::start().await;
    let names = [
        "Zhen-Hua Ling",
        "ZHEN-HUA LING",
        "Zhen-Hua Ling",
        "Zhenhua M. Ling",
        "Z. Ling",
        "Ling, Zhenhua",
        "Zhenhua Ling",
    ];
    let mut records: Vec<Value> =
        names.iter().enumerate().map(|(number, name)| paper_by(&format!("Paper {number}"), name, &orcid(1))).collect();
    records.push(with_fields(
        researcher_record("Zhenhua Ling"),
        json!({ "orcid": orcid(1), "otherNames": ["Z. H. Ling", "Lingzhi"] }),
    ));
    // Damaged, with a certain and with an uncertain repair.
    records.push(paper_by("Damage 1", "Zhenh\u{c3}\u{bc}a Ling", &orcid(1)));
    records.push(paper_by("Damage 2", "Zhenhua Bovsnjak", &orcid(1)));
    app.write_records(&crate::support::parse_records(json!(records))).await;
    assert_eq!(
        other_names(&app, &orcid(1)).await,
        json!({ "name": "Zhenhua Ling", "otherNames": ["Z. H. Ling", "Lingzhi", "Zhen-Hua Ling", "Zhenhua M. Ling"] })
    );
    // The form that is listed is the one that the search finds.
    let search = "{ search(query: \"Zhen-Hua Ling\") { nodes { ... on Researcher { otherNames } } } }";
    let found = app.data(search).await["search"]["nodes"][0]["otherNames"].clone();
    assert!(found.as_array().is_some_and(|names| names.contains(&json!("Zhen-Hua Ling"))), "{found}");
}

#[tokio::test]
async fn hidden_names_are_not_listed() {
    for (hidden, withheld) in [("SEARCH_ONLY", false), ("PRIVATE", false), ("PRIVATE", true)] {
        let app = TestApp::start().await;
        app.create_records(json!([
            paper_by("One", "Anna Lake", &orcid(1)),
            paper_by("Two", "Anna Brook-Lake", &orcid(1)),
            paper_by("Three", "Ben Brooke", &orcid(1)),
            with_fields(
                researcher_record("Ben Brook"),
                json!({ "orcid": orcid(1), "withholdPublishedName": withheld,
                    "otherNames": ["Benny Brook", { "value": "Anna Lake", "use": hidden }] })
            ),
        ]))
        .await;
        let found = other_names(&app, &orcid(1)).await;
        let expected = if withheld { json!(["Benny Brook"]) } else { json!(["Benny Brook", "Ben Brooke"]) };
        assert_eq!(found["otherNames"], expected, "{hidden} {withheld}");
    }
}

/// At most fifty, the most frequent ones, and one statement for all researchers of a level.
#[tokio::test]
async fn limit_and_statements() {
    let app = TestApp::start().await;
    let mut records = Vec::new();
    for number in 0..60 {
        let letters = |number: u8| char::from(b'a' + number % 26);
        let name = format!("Ida Br{}{}k", letters(number / 26), letters(number));
        for copy in 0..=u8::from(number >= 55) {
            records.push(paper_by(&format!("Paper {number} {copy}"), &name, &orcid(1)));
        }
    }
    records.push(with_fields(researcher_record("Ida Brook"), json!({ "orcid": orcid(1) })));
    for number in 2..6 {
        records.push(paper_by(&format!("Other {number}"), "Uma Leeds", &orcid(number)));
        records.push(with_fields(researcher_record(&format!("Uma Ford {number}")), json!({ "orcid": orcid(number) })));
    }
    app.write_records(&crate::support::parse_records(json!(records))).await;
    let names = other_names(&app, &orcid(1)).await["otherNames"].clone();
    assert_eq!((names.as_array().map(Vec::len), &names[0]), (Some(50), &json!("Ida Brcdk")), "{names}");
    for first in [1, 5] {
        let query = format!("{{ researchers(first: {first}) {{ nodes {{ name otherNames }} }} }}");
        assert_eq!(app.query_counting_statements(&query, json!({})).await.1, 2, "{query}");
    }
}
