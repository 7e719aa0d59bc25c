//! Coauthors: paper counts, years, filters and orders.

use std::collections::{BTreeMap, BTreeSet};

use academic_directory::config::Limits;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::synthetic_data::{SeededRng, SyntheticPaper, synthetic_papers, synthetic_records};
use crate::support::{
    TestApp, organization_record, paper_record, parse_records, pluck_strings, researcher_record, ror, topic_record,
    with_fields,
};

const ADA: &str = r#"researcher(by: {slug: "ada-berg"})"#;

/// Ada's coauthors: Bo on three papers, Cy on one of them, Di on an undated one.
async fn coauthor_directory() -> TestApp {
    let app = TestApp::start_with_limits(Limits::default(), 3).await;
    let works = |kind: &str, organization: u64| json!({ "affiliations": [{ "organization": { "ror": ror(organization) }, "affiliationKind": kind }] });
    app.create_records(json!([
        organization_record(1, "College"),
        topic_record("Oceans"),
        with_fields(topic_record("Tides"), json!({ "broader": [{ "labels": { "en": "Oceans" } }] })),
        with_fields(researcher_record("Bo Dahl"), works("EMPLOYMENT", 1)),
        with_fields(researcher_record("Cy Ek"), works("EDUCATION", 1)),
        with_fields(
            paper_record("One", Some(2001), &["Ada Berg", "Bo Dahl"]),
            json!({ "topics": [{ "labels": { "en": "Tides" } }] })
        ),
        paper_record("Two", Some(2005), &["Ada Berg", "Bo Dahl", "Cy Ek"]),
        paper_record("Three", Some(2003), &["Bo Dahl", "Ada Berg"]),
        paper_record("Undated", None, &["Di Falk", "Ada Berg"]),
        paper_record("Without Ada", Some(2010), &["Bo Dahl", "Cy Ek"]),
        // One author above the consortium size.
        paper_record("Four", Some(2012), &["Ada Berg", "Bo Dahl", "Ed Gran", "Fay Holt"]),
    ]))
    .await;
    app
}

#[tokio::test]
async fn every_field() {
    let app = coauthor_directory().await;
    let query = format!(
        "{{ {ADA} {{ coauthors {{ totalCount nodes {{ slug }} edges {{ \
         node {{ slug }} paperCount firstYear lastYear papers {{ totalCount nodes {{ slug }} }} }} }} }} }}"
    );
    let found = app.data(&query).await["researcher"]["coauthors"].clone();
    let edge = |slug: &str, first: Option<i32>, last: Option<i32>, papers: &[&str]| {
        let nodes: Vec<Value> = papers.iter().map(|slug| json!({ "slug": slug })).collect();
        json!({
            "node": { "slug": slug }, "paperCount": papers.len(), "firstYear": first, "lastYear": last,
            "papers": { "totalCount": papers.len(), "nodes": nodes },
        })
    };
    assert_eq!(
        found,
        json!({
            "totalCount": 3,
            "nodes": [{ "slug": "bo-dahl" }, { "slug": "di-falk" }, { "slug": "cy-ek" }],
            "edges": [
                edge("bo-dahl", Some(2001), Some(2005), &["two", "three", "one"]),
                edge("di-falk", None, None, &["undated"]),
                edge("cy-ek", Some(2005), Some(2005), &["two"]),
            ],
        })
    );
    let papers = format!(
        "{{ {ADA} {{ coauthors(first: 1) {{ edges {{ papers(orderBy: {{field: TITLE, direction: ASC}}) {{ nodes {{ slug }} }} }} }} }} }}"
    );
    let found = app.data(&papers).await;
    assert_eq!(
        pluck_strings(&found["researcher"]["coauthors"]["edges"][0]["papers"]["nodes"], &["slug"]),
        ["one", "three", "two"]
    );
}

#[tokio::test]
async fn filters() {
    let app = coauthor_directory().await;
    let (bo, di) = (app.find_id("researcher", "bo-dahl").await, app.find_id("researcher", "di-falk").await);
    let (oceans, college) = (app.find_id("topic", "oceans").await, app.find_id("organization", "college").await);
    let query = format!(
        "query($filter: CoauthorFilter) {{ {ADA} {{ coauthors(filter: $filter, orderBy: {{field: NAME, direction: ASC}}) {{ \
         totalCount edges {{ paperCount node {{ slug }} papers {{ totalCount }} }} }} }} }}"
    );
    for (filter, expected) in [
        (json!(null), "bo-dahl 3, cy-ek 1, di-falk 1"),
        (json!({ "ids": [bo, di] }), "bo-dahl 3, di-falk 1"),
        (json!({ "ids": [] }), ""),
        (json!({ "publicationYear": { "from": 2003 } }), "bo-dahl 2, cy-ek 1"),
        (json!({ "publicationYear": { "to": 2003 } }), "bo-dahl 2"),
        // A paper without a year matches no range.
        (json!({ "publicationYear": {} }), "bo-dahl 3, cy-ek 1"),
        (json!({ "topicIds": [oceans] }), "bo-dahl 1"),
        (json!({ "topicIds": [] }), ""),
        (json!({ "minPaperCount": 2 }), "bo-dahl 3"),
        (json!({ "minPaperCount": 4 }), ""),
        (json!({ "minPaperCount": 2, "publicationYear": { "from": 2004 } }), ""),
        (json!({ "affiliation": {} }), "bo-dahl 3"),
        (json!({ "affiliation": { "organizationIds": [college], "kinds": ["EDUCATION"] } }), "cy-ek 1"),
        // The maximum is inclusive; at the consortium size it changes nothing.
        (json!({ "maxAuthorsPerPaper": 1 }), ""),
        (json!({ "maxAuthorsPerPaper": 2 }), "bo-dahl 2, di-falk 1"),
        (json!({ "maxAuthorsPerPaper": 3 }), "bo-dahl 3, cy-ek 1, di-falk 1"),
        (json!({ "maxAuthorsPerPaper": 4 }), "bo-dahl 4, cy-ek 1, di-falk 1, ed-gran 1, fay-holt 1"),
        (json!({ "maxAuthorsPerPaper": 10, "publicationYear": { "from": 2006 } }), "bo-dahl 1, ed-gran 1, fay-holt 1"),
        (json!({ "maxAuthorsPerPaper": null }), "bo-dahl 3, cy-ek 1, di-falk 1"),
        (json!({ "maxAuthorsPerPaper": 0 }), ""),
        (json!({ "minPaperCount": 0 }), "bo-dahl 3, cy-ek 1, di-falk 1"),
        (json!({ "minPaperCount": 1 }), "bo-dahl 3, cy-ek 1, di-falk 1"),
        (json!({ "minPaperCount": 2147483647 }), ""),
        (json!({ "minPaperCount": 4, "maxAuthorsPerPaper": 4 }), "bo-dahl 4"),
        (json!({ "affiliation": { "kinds": ["EDUCATION"], "isCurrent": false } }), ""),
        (json!({ "affiliation": { "organizationIds": [] } }), ""),
        // A filter by year does not include papers above the consortium size.
        (json!({ "publicationYear": { "from": 2006 } }), ""),
        (json!({ "maxAuthorsPerPaper": 2147483647, "ids": [bo] }), "bo-dahl 4"),
    ] {
        let found =
            app.data_with_variables(&query, json!({ "filter": filter })).await["researcher"]["coauthors"].clone();
        let edges = found["edges"].as_array().cloned().unwrap_or_default();
        let edge_texts: Vec<String> = edges
            .iter()
            .map(|edge| format!("{} {}", edge["node"]["slug"].as_str().unwrap_or_default(), edge["paperCount"]))
            .collect();
        assert_eq!(edge_texts.join(", "), expected, "{filter}");
        assert_eq!(found["totalCount"], edges.len(), "{filter}");
        assert!(edges.iter().all(|edge| edge["papers"]["totalCount"] == edge["paperCount"]), "{filter}: {found}");
    }
    for filter in [
        json!({ "ids": [college] }),
        json!({ "affiliation": { "organizationIds": ["x"] } }),
        json!({ "publicationYear": { "from": 2002, "to": 2001 } }),
        json!({ "minPaperCount": -1 }),
        json!({ "maxAuthorsPerPaper": -1 }),
    ] {
        // The error is confined to the field.
        let refused = app.query(&query.replace("coauthors(", "name coauthors("), json!({ "filter": filter })).await;
        assert_eq!(refused.codes(), ["BAD_USER_INPUT"]);
        assert_eq!(refused.body["data"]["researcher"], json!({ "name": "Ada Berg", "coauthors": null }));
    }
    for filter in [json!({ "topicIds": vec![oceans; 501] }), json!({ "ids": vec![bo; 501] })] {
        assert_eq!(app.query(&query, json!({ "filter": filter })).await.codes(), ["LIMIT_EXCEEDED"]);
    }
}

#[tokio::test]
async fn hyperauthored_papers() {
    let app = coauthor_directory().await;
    let query = "query($slug: String!, $most: Int) { researcher(by: {slug: $slug}) { \
         statistics { paperCount coauthorCount } coauthors(filter: {maxAuthorsPerPaper: $most}) { totalCount } } }";
    let of = async |most: Value| {
        app.data_with_variables(query, json!({ "slug": "ed-gran", "most": most })).await["researcher"].clone()
    };
    assert_eq!(
        of(json!(null)).await,
        json!({ "statistics": { "paperCount": 1, "coauthorCount": 0 }, "coauthors": { "totalCount": 0 } })
    );
    assert_eq!(of(json!(4)).await["coauthors"]["totalCount"], 3);
    let all = app.nodes(&[r#"paper(by: {slug: "four"})"#, "authorships"], "name").await;
    assert_eq!(pluck_strings(&all, &["name"]), ["Ada Berg", "Bo Dahl", "Ed Gran", "Fay Holt"]);
}

#[tokio::test]
async fn unresolved_authors_count_towards_consortium_size() {
    let app = TestApp::start_with_limits(Limits::default(), 3).await;
    app.create_records(json!([paper_record(
        "Namesakes",
        Some(2001),
        &["Ada Berg", "Bo Dahl", "Ada Berg", "Ada Berg"]
    )]))
    .await;
    assert_eq!(app.slugs(&[ADA, "coauthors"]).await, [""; 0]);
    assert_eq!(app.slugs(&[ADA, "coauthors(filter: {maxAuthorsPerPaper: 4})"]).await, ["bo-dahl"]);
}

#[tokio::test]
async fn orders() {
    let app = coauthor_directory().await;
    for (order, expected) in [
        ("{field: PAPER_COUNT, direction: DESC}", "bo-dahl di-falk cy-ek"),
        ("{field: PAPER_COUNT, direction: ASC}", "cy-ek di-falk bo-dahl"),
        ("{field: LAST_YEAR, direction: ASC}", "di-falk bo-dahl cy-ek"),
        ("{field: LAST_YEAR, direction: DESC}", "cy-ek bo-dahl di-falk"),
        ("{field: NAME, direction: ASC}", "bo-dahl cy-ek di-falk"),
    ] {
        let list = format!("coauthors(orderBy: {order})");
        assert_eq!(app.slugs(&[ADA, &list]).await.join(" "), expected, "{order}");
        // Recomputed counts and stored pairs give the same order.
        let list = format!("coauthors(filter: {{maxAuthorsPerPaper: 3}}, orderBy: {order})");
        assert_eq!(app.slugs(&[ADA, &list]).await.join(" "), expected, "{order}");
    }
}

/// The affiliations of a synthetic researcher: kind, organization, start and end year. Organization 1 is part of 0.
fn affiliations_of(person: usize) -> [(&'static str, usize, i32, Option<i32>); 3] {
    let year = |first: i32, within: usize| first + i32::try_from(person % within).unwrap_or_default();
    [
        ("EMPLOYMENT", person % 3, year(2000, 4), None),
        ("EDUCATION", (person + 1) % 3, 1990, Some(year(2005, 3))),
        ("MEMBERSHIP", (person + 2) % 3, 1995, Some(year(2003, 5))),
    ]
}

/// The synthetic records with these affiliations, and the organizations.
fn records_with_affiliations(works: &[SyntheticPaper], people: usize) -> Vec<Value> {
    let below = with_fields(organization_record(2, "Place 1"), json!({ "relations": [["parent", ror(1)]] }));
    let mut all = vec![organization_record(1, "Place 0"), below, organization_record(3, "Place 2")];
    let affiliation = |(kind, organization, start, end): (&str, usize, i32, Option<i32>)| {
        let organization = json!({ "ror": ror(organization as u64 + 1) });
        json!({ "organization": organization, "affiliationKind": kind, "startDate": start.to_string(), "endDate": end.map(|year| year.to_string()) })
    };
    let mut person = 0;
    all.extend(synthetic_records(works, people).into_iter().map(|record| {
        if record["kind"] != "researcher" {
            return record;
        }
        person += 1;
        with_fields(record, json!({ "affiliations": affiliations_of(person - 1).map(affiliation) }))
    }));
    all
}

/// An affiliation filter, as the reference implementation evaluates it.
#[derive(Debug)]
struct AffiliationFilter {
    kinds: Option<Vec<&'static str>>,
    organization: Option<usize>,
    includes_descendants: bool,
    as_of: Option<i32>,
    is_current: Option<bool>,
}

impl AffiliationFilter {
    fn random(rng: &mut SeededRng) -> Self {
        let kinds = ["EMPLOYMENT", "EDUCATION", "MEMBERSHIP"];
        Self {
            kinds: rng.one_in(2).then(|| kinds.into_iter().filter(|_| rng.one_in(2)).collect()),
            organization: (!rng.one_in(3)).then(|| rng.below(3)),
            includes_descendants: rng.one_in(2),
            as_of: rng.one_in(2).then(|| 1996 + i32::try_from(rng.below(12)).unwrap_or_default()),
            is_current: rng.one_in(3).then(|| rng.one_in(2)),
        }
    }

    /// Whether a single affiliation matches all conditions.
    fn matches(&self, person: usize) -> bool {
        let is_current = if self.as_of.is_none() { self.is_current.or(Some(true)) } else { self.is_current };
        affiliations_of(person).into_iter().any(|(kind, organization, start, end)| {
            self.kinds.as_ref().map_or(kind != "EDUCATION", |kinds| kinds.contains(&kind))
                && self.organization.is_none_or(|wanted| {
                    organization == wanted || (self.includes_descendants && wanted == 0 && organization == 1)
                })
                && self.as_of.is_none_or(|year| start <= year && end.is_none_or(|end| year <= end))
                && is_current.is_none_or(|wanted| end.is_none() == wanted)
        })
    }

    fn to_json(&self, organizations: &[String]) -> Value {
        json!({
            "kinds": self.kinds,
            "organizationIds": self.organization.map(|organization| vec![&organizations[organization]]),
            "includeDescendants": self.includes_descendants,
            "asOf": self.as_of.map(|year| format!("{year}-06-30")),
            "isCurrent": self.is_current,
        })
    }
}

/// A coauthor filter, as the reference implementation evaluates it.
#[derive(Debug, Default)]
struct CoauthorFilter {
    people: Option<Vec<usize>>,
    affiliation: Option<AffiliationFilter>,
    years: Option<(Option<i32>, Option<i32>)>,
    topics: Option<Vec<usize>>,
    min_paper_count: Option<usize>,
    max_authors_per_paper: Option<usize>,
}

impl CoauthorFilter {
    fn random(rng: &mut SeededRng, people: usize) -> Self {
        let year =
            |rng: &mut SeededRng| (!rng.one_in(4)).then(|| 2000 + i32::try_from(rng.below(6)).unwrap_or_default());
        let years = |rng: &mut SeededRng| match (year(rng), year(rng)) {
            (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
            open => open,
        };
        Self {
            people: rng.one_in(4).then(|| (0..people).filter(|_| rng.one_in(2)).collect()),
            affiliation: rng.one_in(3).then(|| AffiliationFilter::random(rng)),
            years: rng.one_in(2).then(|| years(rng)),
            topics: rng.one_in(3).then(|| (0..4).filter(|_| rng.one_in(2)).collect()),
            min_paper_count: rng.one_in(3).then(|| rng.below(4)),
            max_authors_per_paper: rng.one_in(3).then(|| rng.below(8)),
        }
    }

    fn counts_paper(&self, work: &SyntheticPaper, consortium_size: usize) -> bool {
        // Topic 2 is narrower than 1, and 1 narrower than 0.
        let on = |wanted: usize| work.topics.iter().any(|topic| *topic == wanted || (wanted < *topic && *topic < 3));
        let in_years = |(from, to): (Option<i32>, Option<i32>)| {
            work.year.is_some_and(|year| from.is_none_or(|from| from <= year) && to.is_none_or(|to| year <= to))
        };
        work.authors.len() <= self.max_authors_per_paper.unwrap_or(consortium_size)
            && self.years.is_none_or(in_years)
            && self.topics.as_ref().is_none_or(|topics| topics.iter().any(|topic| on(*topic)))
    }

    /// The papers with each coauthor.
    fn coauthors<'a>(
        &self,
        person: usize,
        works: &'a [SyntheticPaper],
        consortium_size: usize,
    ) -> BTreeMap<usize, Vec<&'a SyntheticPaper>> {
        let mut found: BTreeMap<usize, Vec<&SyntheticPaper>> = BTreeMap::new();
        for work in
            works.iter().filter(|work| self.counts_paper(work, consortium_size) && work.authors.contains(&person))
        {
            for other in
                work.authors.iter().copied().collect::<BTreeSet<_>>().into_iter().filter(|other| *other != person)
            {
                found.entry(other).or_default().push(work);
            }
        }
        found.retain(|other, works| {
            self.people.as_ref().is_none_or(|people| people.contains(other))
                && self.affiliation.as_ref().is_none_or(|affiliation| affiliation.matches(*other))
                && self.min_paper_count.is_none_or(|least| works.len() >= least)
        });
        found
    }

    fn to_json(&self, people: &[String], topics: &[String], organizations: &[String]) -> Value {
        let pick = |ids: &[String], numbers: &Option<Vec<usize>>| {
            numbers.as_ref().map(|numbers| numbers.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>())
        };
        json!({
            "ids": pick(people, &self.people),
            "affiliation": self.affiliation.as_ref().map(|affiliation| affiliation.to_json(organizations)),
            "publicationYear": self.years.map(|(from, to)| json!({ "from": from, "to": to })),
            "topicIds": pick(topics, &self.topics),
            "minPaperCount": self.min_paper_count,
            "maxAuthorsPerPaper": self.max_authors_per_paper,
        })
    }
}

/// The expected edges by the coauthor's name.
fn expected_edges(coauthors: &BTreeMap<usize, Vec<&SyntheticPaper>>) -> BTreeMap<String, Value> {
    let edge = |(other, works): (&usize, &Vec<&SyntheticPaper>)| {
        let years = works.iter().filter_map(|work| work.year);
        let titles: BTreeSet<&str> = works.iter().map(|work| work.title.as_str()).collect();
        let edge = json!({ "count": works.len(), "first": years.clone().min(), "last": years.max(), "papers": titles });
        (format!("Person {other}"), edge)
    };
    coauthors.iter().map(edge).collect()
}

fn returned_edges(coauthors: &Value) -> BTreeMap<String, Value> {
    let edge = |edge: &Value| {
        let titles: BTreeSet<String> = pluck_strings(&edge["papers"]["nodes"], &["title"]).into_iter().collect();
        assert_eq!(edge["papers"]["totalCount"], titles.len(), "each paper once: {edge}");
        let summary = json!({ "count": edge["paperCount"], "first": edge["firstYear"], "last": edge["lastYear"], "papers": titles });
        (edge["node"]["name"].as_str().unwrap_or_default().to_owned(), summary)
    };
    coauthors["edges"].as_array().into_iter().flatten().map(edge).collect()
}

/// The expected order of names. Ties are broken by ID, in the same direction.
fn sorted_names(
    coauthors: &BTreeMap<usize, Vec<&SyntheticPaper>>,
    field: &str,
    direction: &str,
    numbers: &[i64],
) -> Vec<String> {
    let mut keys: Vec<(i64, i64, usize)> = coauthors
        .iter()
        .map(|(other, works)| {
            let key = match field {
                "PAPER_COUNT" => i64::try_from(works.len()).unwrap_or_default(),
                // Papers without a year sort as the earliest.
                "LAST_YEAR" => works.iter().filter_map(|work| work.year).max().unwrap_or_default().into(),
                _ => i64::try_from(*other).unwrap_or_default(),
            };
            (key, numbers[*other], *other)
        })
        .collect();
    keys.sort_unstable();
    if direction == "DESC" {
        keys.reverse();
    }
    keys.into_iter().map(|(_, _, other)| format!("Person {other}")).collect()
}

/// The number in a global ID.
fn row_number(id: &str) -> i64 {
    let bytes = URL_SAFE_NO_PAD.decode(id).expect("base64");
    let plain = String::from_utf8(bytes).expect("text");
    plain.split_once(':').and_then(|(_, number)| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn matches_a_naive_count() {
    const PEOPLE: usize = 9;
    const CONSORTIUM: usize = 4;
    let query = "query($filter: CoauthorFilter, $order: CoauthorOrder) { researchers(first: 9) { nodes { name \
         statistics { coauthorCount } coauthors(filter: $filter, orderBy: $order, first: 9) { totalCount \
         edges { paperCount firstYear lastYear node { name } papers(first: 40) { totalCount nodes { title } } } } } } }";
    let orders = [None, Some("PAPER_COUNT"), Some("LAST_YEAR"), Some("NAME")];
    for seed in 1..=5 {
        let mut rng = SeededRng::new(seed);
        let works = synthetic_papers(&mut rng, PEOPLE, 30);
        let app = TestApp::start_with_limits(Limits::default(), u32::try_from(CONSORTIUM).unwrap_or_default()).await;
        app.write_records(&parse_records(json!(records_with_affiliations(&works, PEOPLE)))).await;
        let (mut people, mut topics, mut organizations) = (Vec::new(), Vec::new(), Vec::new());
        for person in 0..PEOPLE {
            people.push(app.find_id("researcher", &format!("person-{person}")).await);
        }
        for topic in 0..4 {
            topics.push(app.find_id("topic", &format!("topic-{topic}")).await);
        }
        for organization in 0..3 {
            organizations.push(app.find_id("organization", &format!("place-{organization}")).await);
        }
        let numbers: Vec<i64> = people.iter().map(|id| row_number(id)).collect();
        let filters =
            std::iter::once(CoauthorFilter::default()).chain((0..30).map(|_| CoauthorFilter::random(&mut rng, PEOPLE)));
        for (round, wanted) in filters.collect::<Vec<_>>().into_iter().enumerate() {
            let (field, direction) = (orders[round % 4], if round % 8 < 4 { "DESC" } else { "ASC" });
            let order = field.map(|field| json!({ "field": field, "direction": direction }));
            let variables = json!({ "filter": wanted.to_json(&people, &topics, &organizations), "order": order });
            let response = app.data_with_variables(query, variables).await;
            let researchers = response["researchers"]["nodes"].as_array().cloned().unwrap_or_default();
            assert_eq!(researchers.len(), PEOPLE);
            for (person, found) in researchers.iter().enumerate() {
                let coauthors = wanted.coauthors(person, &works, CONSORTIUM);
                let context = format!("seed {seed}, person {person}, {order:?}, {wanted:?}");
                assert_eq!(returned_edges(&found["coauthors"]), expected_edges(&coauthors), "{context}");
                assert_eq!(found["coauthors"]["totalCount"], coauthors.len(), "{context}");
                let in_all = CoauthorFilter::default().coauthors(person, &works, CONSORTIUM).len();
                assert_eq!(found["statistics"]["coauthorCount"], in_all, "{context}");
                // By default, those with most papers first.
                let names = match field {
                    Some(field) => sorted_names(&coauthors, field, direction, &numbers),
                    None => sorted_names(&coauthors, "PAPER_COUNT", "DESC", &numbers),
                };
                assert_eq!(pluck_strings(&found["coauthors"]["edges"], &["node", "name"]), names, "{context}");
            }
        }
    }
}
