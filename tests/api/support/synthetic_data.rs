//! Synthetic directories: equal seeds give equal data.

use serde_json::{Value, json};

use super::{organization_record, researcher_record, ror, topic_record, with_fields};

/// A seeded pseudorandom number generator (SplitMix64).
pub struct SeededRng(u64);

impl SeededRng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }

    /// True in one of `times` cases on average.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A generated paper, in the form in which tests compute expected results.
#[derive(Clone, Debug)]
pub struct SyntheticPaper {
    pub title: String,
    pub year: Option<i32>,
    /// The numbers of the authors; an author may occur twice.
    pub authors: Vec<usize>,
    /// The numbers of the topics.
    pub topics: Vec<usize>,
}

/// Papers by random authors on four topics: topic 1 is narrower than 0, and 2 narrower than 1.
pub fn synthetic_papers(rng: &mut SeededRng, people: usize, papers: usize) -> Vec<SyntheticPaper> {
    let work = |number| SyntheticPaper {
        title: format!("Work {number}"),
        year: (!rng.one_in(6)).then(|| 2000 + i32::try_from(rng.below(6)).unwrap_or_default()),
        authors: (0..=rng.below(6)).map(|_| rng.below(people)).collect(),
        topics: (0..4).filter(|_| rng.one_in(3)).collect(),
    };
    (0..papers).map(work).collect()
}

/// The records of these papers and of their researchers and topics.
pub fn synthetic_records(works: &[SyntheticPaper], people: usize) -> Vec<Value> {
    let about = |topic: usize| json!({ "labels": { "en": format!("Topic {topic}") } });
    let below = |label: usize, broader: usize| {
        with_fields(topic_record(&format!("Topic {label}")), json!({ "broader": [about(broader)] }))
    };
    let mut records = vec![topic_record("Topic 0"), below(1, 0), below(2, 1), topic_record("Topic 3")];
    records.extend((0..people).map(|person| researcher_record(&format!("Person {person}"))));
    records.extend(works.iter().map(|work| {
        let authors: Vec<String> = work.authors.iter().map(|person| format!("Person {person}")).collect();
        let paper =
            super::paper_record(&work.title, work.year, &authors.iter().map(String::as_str).collect::<Vec<_>>());
        with_fields(paper, json!({ "topics": work.topics.iter().map(|topic| about(*topic)).collect::<Vec<_>>() }))
    }));
    records
}

/// A college with parts and researchers who are all coauthors, on a topic with narrower topics.
pub fn college_records(people: usize) -> Vec<Value> {
    let part = |number: u64| {
        with_fields(
            organization_record(number, &format!("Part {number}")),
            json!({ "relations": [["parent", ror(1)]] }),
        )
    };
    let mut records = vec![organization_record(1, "College"), topic_record("Sea")];
    records.extend((2..8).map(part));
    let narrower = |number: usize| {
        with_fields(topic_record(&format!("Sea {number}")), json!({ "broader": [{ "labels": { "en": "Sea" } }] }))
    };
    records.extend((0..6).map(narrower));
    let affiliation = |number: usize, year: usize, kind: &str| json!({ "organization": { "ror": ror(number as u64 % 7 + 1) }, "affiliationKind": kind, "startDate": (2000 + year).to_string() });
    records.extend((0..people).map(|person| {
        let mut affiliations =
            vec![affiliation(person, person % 3, "EMPLOYMENT"), affiliation(person + 1, 5, "MEMBERSHIP")];
        if person == 0 {
            affiliations.extend((2..6).map(|number| affiliation(number, 7, "EDUCATION")));
        }
        with_fields(
            researcher_record(&format!("Person {person}")),
            json!({ "affiliations": affiliations, "topics": [{ "labels": { "en": "Sea" } }] }),
        )
    }));
    // Each has two papers with Person 0, and one with a third author.
    records.extend((1..people).flat_map(|person| {
        let paper = |series: &str, year: Option<i32>, others: &[usize]| {
            let authors = others.iter().enumerate().map(|(index, other)| {
                let affiliation = json!([{ "ror": ror(*other as u64 % 7 + 1) }]);
                json!({ "position": index + 1, "name": format!("Person {other}"), "organizations": affiliation })
            });
            let topics = json!([{ "labels": { "en": "Sea" } }, { "labels": { "en": format!("Sea {}", person % 6) } }]);
            let authors = authors.collect::<Vec<_>>();
            with_fields(
                super::paper_record(&format!("{series} {person}"), year, &[]),
                json!({ "authors": authors, "topics": topics }),
            )
        };
        [
            paper(
                "First",
                Some(2000 + i32::try_from(person % 4).unwrap_or_default()),
                &[0, person, person % (people - 1) + 1],
            ),
            paper("Second", None, &[person, 0]),
        ]
    }));
    // One paper with many authors, and many topics.
    let everybody: Vec<String> = (0..people.min(8)).map(|person| format!("Person {person}")).collect();
    let labels: Vec<Value> = (0..6).map(|number| json!({ "labels": { "en": format!("Sea {number}") } })).collect();
    let together =
        super::paper_record("Together", Some(2009), &everybody.iter().map(String::as_str).collect::<Vec<_>>());
    records.push(with_fields(together, json!({ "topics": labels })));
    records.extend(
        (0..2).map(|number| super::paper_record(&format!("Pair {number}"), Some(2010), &["Person 0", "Person 1"])),
    );
    records
}
