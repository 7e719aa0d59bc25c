//! The law of decisions: undoing them gives back exactly what was, whatever was decided of whomever.

use academic_directory::store::curation::{Request, Signature};
use serde_json::{Value, json};

use crate::support::dump::{assert_same, query};
use crate::support::state::{contradictions, state};
use crate::support::{TestApp, orcid, organization, paper, records_of, researcher, ror, topic, with};

/// A stream of numbers that is the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

/// Twelve people with everything that people have, in all sorts of agreement and disagreement.
fn crowd(numbers: &mut Numbers) -> Vec<Value> {
    let mut records = vec![organization(1, "One"), organization(2, "Two"), topic("Sea"), topic("Sand"), topic("Salt")];
    for person in 0..8 {
        let affiliation = |numbers: &mut Numbers, is_primary: bool| {
            let titles = [
                json!({}),
                json!({ "en": "Reader" }),
                json!({ "fr": "Lectrice" }),
                json!({ "en": "Dean", "fr": "Doyenne" }),
            ];
            let mut place = json!({ "organization": { "ror": ror(1 + numbers.below(2) as u64) }, "affiliationKind": "EMPLOYMENT",
                "isPrimary": is_primary, "roleTitle": titles[numbers.below(4)] });
            if numbers.below(2) == 0 {
                place["startDate"] = json!("2001");
            }
            place
        };
        let places: Vec<Value> = (0..numbers.below(4)).map(|number| affiliation(numbers, number == 0)).collect();
        let topics: Vec<Value> = ["Sea", "Sand", "Salt"]
            .iter()
            .filter(|_| numbers.below(2) == 0)
            .map(|label| json!({ "labels": { "en": label } }))
            .collect();
        let mut record =
            with(researcher(&format!("Person {person}")), json!({ "affiliations": places, "topics": topics }));
        if numbers.below(2) == 0 {
            record["orcid"] = json!(orcid(100 + person));
        }
        if numbers.below(2) == 0 {
            record["biography"] = json!({ (["en", "fr"][numbers.below(2)]): format!("The life of {person}.") });
        }
        record["identifiers"] = json!([{ "scheme": "scopus", "value": person.to_string() }]);
        records.push(record);
    }
    for number in 0..14 {
        let mut authors: Vec<String> =
            (0..1 + numbers.below(4)).map(|_| format!("Person {}", numbers.below(12))).collect();
        authors.dedup();
        let year = (numbers.below(4) > 0).then(|| 1990 + i32::try_from(numbers.below(9)).unwrap_or_default());
        let paper = paper(&format!("Work {number}"), year, &authors.iter().map(String::as_str).collect::<Vec<_>>());
        records.push(with(paper, json!({ "topics": [{ "labels": { "en": "Sea" } }] })));
    }
    records
}

/// Whatever is decided one after the other, undoing it backwards gives back each state on the way.
#[tokio::test]
async fn undoing_gives_back_exactly_what_was() {
    for seed in 1..=6 {
        let mut numbers = Numbers(seed);
        let app = TestApp::start().await;
        app.write(&records_of(json!(crowd(&mut numbers)))).await;
        let mut states = vec![state(&app.database_url).await];
        let mut decisions = Vec::new();
        for _ in 0..6 {
            let slugs = query(&app.database_url, "SELECT slug FROM researcher ORDER BY id").await;
            let mut somebody = || slugs[numbers.below(slugs.len())].clone();
            let (one, other) = (somebody(), somebody());
            let theirs = format!(
                "SELECT paper.slug FROM paper JOIN authorship ON paper_id = paper.id JOIN researcher ON researcher.id = researcher_id \
                 WHERE researcher.slug = '{one}' ORDER BY paper.id"
            );
            let mut papers = query(&app.database_url, &theirs).await;
            papers.truncate(papers.len() / 2);
            let signature = Signature::default();
            let request = match numbers.below(3) {
                0 => Request::Split {
                    researcher: one,
                    papers,
                    into: (numbers.below(2) == 0).then_some(other),
                    signature,
                },
                _ => Request::Merge { survivor: one, former: vec![other], is_forced: true, signature },
            };
            let trial = app.store.decide(&request, true).await;
            app.store.recount_totals().await.expect("the counts");
            assert_same(&state(&app.database_url).await, &states[states.len() - 1]);
            let Ok(made) = app.store.decide(&request, false).await else {
                assert!(trial.is_err(), "{request:?}");
                continue;
            };
            assert_eq!(trial.expect("a trial that succeeds as well").before, made.before);
            app.store.recount_totals().await.expect("the counts");
            assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new(), "{request:?}");
            decisions.push(made.decision);
            states.push(state(&app.database_url).await);
        }
        assert!(decisions.len() > 1, "seed {seed} decides nothing");
        states.pop();
        for (decision, state_before) in decisions.iter().zip(&states).rev() {
            let request = Request::Undo { decision: *decision, by: None };
            app.store.decide(&request, false).await.expect("an undoing");
            app.store.recount_totals().await.expect("the counts");
            assert_same(&state(&app.database_url).await, state_before);
        }
    }
}
