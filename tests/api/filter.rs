//! Nested filters with `and`, `or` and `not`, their limits, and IDs of merged entities in every filter.

use std::collections::BTreeSet;

use academic_directory::config::Limits;
use academic_directory::store::unit_of_work::WRITE_LOCK_KEY;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::synthetic_data::{SeededRng, SyntheticPaper, synthetic_papers, synthetic_records};
use crate::support::{
    DatabaseSession, TestApp, orcid, organization_record, paper_record, parse_records, pluck_strings,
    researcher_record, ror, topic_record, with_fields,
};

const PAPERS_QUERY: &str =
    "query($filter: PaperFilter) { papers(filter: $filter, first: 100) { totalCount nodes { slug } } }";
const RESEARCHERS_QUERY: &str =
    "query($filter: ResearcherFilter) { researchers(filter: $filter, first: 100) { totalCount nodes { slug } } }";

/// The slugs of a filtered list. Panics unless `totalCount` agrees.
async fn matching_slugs(app: &TestApp, query: &str, filter: &Value) -> Vec<String> {
    let data = app.data_with_variables(query, json!({ "filter": filter })).await;
    let list = data.as_object().and_then(|fields| fields.values().next()).cloned().unwrap_or_default();
    let slugs = pluck_strings(&list["nodes"], &["slug"]);
    assert_eq!(list["totalCount"], slugs.len(), "{filter}");
    slugs
}

/// Four papers: A of 2001 with a DOI and a venue, B of 2002, C of 2003 and retracted, D without a year.
async fn four_paper_directory() -> TestApp {
    let app = TestApp::start().await;
    app.create_records(json!([
        topic_record("Oceans"),
        with_fields(topic_record("Tides"), json!({ "broader": [{ "labels": { "en": "Oceans" } }] })),
        with_fields(researcher_record("Bo Dahl"), json!({ "orcid": orcid(2) })),
        with_fields(paper_record("A", Some(2001), &["Ada Berg"]), json!({ "doi": "10.5555/a", "venueName": "Sea" })),
        with_fields(
            paper_record("B", Some(2002), &["Ada Berg", "Bo Dahl"]),
            json!({ "topics": [{ "labels": { "en": "Tides" } }] })
        ),
        with_fields(paper_record("C", Some(2003), &["Bo Dahl"]), json!({ "isRetracted": true })),
        paper_record("D", None, &["Cy Ek"]),
        researcher_record("Di Falk"),
    ]))
    .await;
    app
}

#[tokio::test]
async fn boolean_filters_of_papers() {
    let app = four_paper_directory().await;
    let year = |year: i32| json!({ "publicationYear": { "from": year, "to": year } });
    let (ada, oceans) = (app.find_id("researcher", "ada-berg").await, app.find_id("topic", "oceans").await);
    for (filter, expected) in [
        (json!({ "and": null, "or": null, "not": null }), "c b a d"),
        // An empty `and` matches everything, an empty `or` nothing.
        (json!({ "and": [] }), "c b a d"),
        (json!({ "or": [] }), ""),
        (json!({ "not": {} }), ""),
        (json!({ "not": { "or": [] } }), "c b a d"),
        (json!({ "not": { "and": [] } }), ""),
        (json!({ "and": [{}] }), "c b a d"),
        (json!({ "or": [{}] }), "c b a d"),
        (json!({ "or": [{}, year(2001)] }), "c b a d"),
        (json!({ "or": [year(2001), year(2003)] }), "c a"),
        (json!({ "and": [year(2001), year(2003)] }), ""),
        (json!({ "and": [{ "authorIds": [ada] }, { "hasDoi": false }] }), "b"),
        // A missing year, DOI or venue does not match, so that its negation does.
        (json!({ "not": year(2001) }), "c b d"),
        (json!({ "not": { "publicationYear": {} } }), "d"),
        (json!({ "not": { "dois": ["10.5555/a"] } }), "c b d"),
        (json!({ "not": { "venueNames": ["Sea"] } }), "c b d"),
        (json!({ "not": { "venueNames": [] } }), "c b a d"),
        (json!({ "not": { "not": year(2001) } }), "a"),
        (json!({ "not": { "or": [year(2001), { "venueNames": ["Lake"] }] } }), "c b d"),
        (json!({ "not": { "and": [{ "venueNames": ["Sea"] }, year(2002)] } }), "c b a d"),
        (json!({ "not": { "topicIds": [oceans] } }), "c a d"),
        (json!({ "not": { "authorIds": [ada] } }), "c d"),
        (json!({ "not": { "organizationIds": [] } }), "c b a d"),
        // Sibling conditions are combined with AND.
        (json!({ "isRetracted": false, "or": [year(2001), year(2003)] }), "a"),
        (
            json!({ "isRetracted": false, "and": [{ "publicationYear": {} }], "or": [{ "hasDoi": false }], "not": year(2001) }),
            "b",
        ),
        (json!({ "not": { "isRetracted": true, "publicationYear": { "from": 2003 } } }), "b a d"),
    ] {
        assert_eq!(matching_slugs(&app, PAPERS_QUERY, &filter).await.join(" "), expected, "{filter}");
    }
}

#[tokio::test]
async fn boolean_filters_of_researchers() {
    let app = four_paper_directory().await;
    let oceans = app.find_id("topic", "oceans").await;
    let ada = app.find_id("researcher", "ada-berg").await;
    for (filter, expected) in [
        (json!({ "and": [] }), "ada-berg bo-dahl cy-ek di-falk"),
        (json!({ "or": [] }), ""),
        (json!({ "not": {} }), ""),
        (json!({ "or": [{ "hasPapers": false }, { "orcids": [orcid(2)] }] }), "bo-dahl di-falk"),
        (json!({ "and": [{ "hasPapers": true }, { "topicIds": [oceans] }], "hasOrcid": false }), "ada-berg"),
        // A researcher without an ORCID iD matches the negation.
        (json!({ "not": { "orcids": [orcid(2)] } }), "ada-berg cy-ek di-falk"),
        (json!({ "not": { "topicIds": [oceans] } }), "cy-ek di-falk"),
        (json!({ "not": { "affiliation": {} }, "hasPapers": true }), "ada-berg bo-dahl cy-ek"),
        (json!({ "coauthorIds": [ada] }), "bo-dahl"),
        (json!({ "coauthorIds": [ada], "topicIds": [oceans], "hasOrcid": true }), "bo-dahl"),
        (json!({ "coauthorIds": [] }), ""),
        (json!({ "not": { "coauthorIds": [ada] } }), "ada-berg cy-ek di-falk"),
        (json!({ "not": { "or": [{ "hasOrcid": true }, { "not": { "hasPapers": true } }] } }), "ada-berg cy-ek"),
    ] {
        assert_eq!(matching_slugs(&app, RESEARCHERS_QUERY, &filter).await.join(" "), expected, "{filter}");
    }
}

#[tokio::test]
async fn boolean_filters_of_nested_lists() {
    let app = TestApp::start().await;
    let organization = json!([{ "ror": ror(1) }]);
    app.create_records(json!([
        organization_record(1, "College"),
        topic_record("Tides"),
        with_fields(researcher_record("Ada Berg"), json!({ "affiliations": [{ "organization": { "ror": ror(1) }, "affiliationKind": "EMPLOYMENT" }], "topics": [{ "labels": { "en": "Tides" } }] })),
        with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": [{ "name": "Ada Berg", "organizations": organization }], "topics": [{ "labels": { "en": "Tides" } }] })),
        with_fields(paper_record("B", None, &[]), json!({ "authors": [{ "name": "Ada Berg", "organizations": organization }], "topics": [{ "labels": { "en": "Tides" } }] })),
    ]))
    .await;
    let undated = "filter: {or: [{not: {publicationYear: {}}}, {dois: []}]}";
    for parent in [
        r#"researcher(by: {slug: "ada-berg"})"#,
        r#"organization(by: {slug: "college"})"#,
        r#"topic(by: {slug: "tides"})"#,
    ] {
        assert_eq!(app.slugs(&[parent, &format!("papers({undated})")]).await, ["b"], "{parent}");
        if parent.starts_with("researcher") {
            continue;
        }
        let (with_papers, without) =
            ("researchers(filter: {not: {hasPapers: false}})", "researchers(filter: {not: {hasPapers: true}})");
        assert_eq!(app.slugs(&[parent, with_papers]).await, ["ada-berg"], "{parent}");
        assert_eq!(app.slugs(&[parent, without]).await, [""; 0], "{parent}");
    }
}

/// An empty filter nested this many levels deep.
fn nested_filter(levels: usize, by: &str) -> Value {
    let around = |inner: Value, _| if by == "not" { json!({ by: inner }) } else { json!({ by: [inner] }) };
    (0..levels).fold(json!({}), around)
}

#[tokio::test]
async fn filter_depth_limit() {
    let app = four_paper_directory().await;
    for (query, all) in [(PAPERS_QUERY, 4), (RESEARCHERS_QUERY, 4)] {
        for by in ["and", "or", "not"] {
            let amount = if by == "not" { 0 } else { all };
            assert_eq!(matching_slugs(&app, query, &nested_filter(5, by)).await.len(), amount, "{by}");
            for levels in [6, 14] {
                let refused = app.client_error(query, json!({ "filter": nested_filter(levels, by) })).await;
                assert_eq!(
                    refused,
                    "the filter is nested too deep; and, or and not can be nested at most 5 levels deep"
                );
            }
        }
        assert_eq!(
            app.client_error(query, json!({ "filter": nested_filter(40, "not") })).await,
            "a value is nested 41 levels deep; the limit is 32"
        );
        // The limit of 100 applies to the total number of nested filters.
        let many =
            |amount: usize| json!({ "and": [{ "or": vec![json!({}); amount] }], "or": [{ "not": { "or": [] } }] });
        assert_eq!(matching_slugs(&app, query, &many(97)).await.len(), all);
        let refused = app.client_error(query, json!({ "filter": many(98) })).await;
        assert_eq!(refused, "the filter contains too many filters; and, or and not can contain at most 100");
        app.client_error(query, json!({ "filter": { "or": vec![json!({}); 10_000] } })).await;
    }
    // The limit applies per argument; literals have the same nesting limit as variables.
    let hundred = format!("[{}]", vec!["{}"; 100].join(", "));
    app.data(&format!("{{ a: papers(filter: {{or: {hundred}}}) {{ totalCount }} b: papers(filter: {{or: {hundred}}}) {{ totalCount }} }}")).await;
    for levels in [6, 100, 1_000, 5_000] {
        let text =
            format!("{{ papers(filter: {}{{}}{}) {{ totalCount }} }}", "{not: ".repeat(levels), "}".repeat(levels));
        assert_eq!(app.query(&text, json!({})).await.codes(), ["LIMIT_EXCEEDED"], "{levels}");
    }
}

#[tokio::test]
async fn configured_filter_limits() {
    let limits = Limits { filter_depth: 1, filter_count: 2, ..Limits::default() };
    let app = TestApp::start_with_limits(limits, 100).await;
    app.create_records(json!([paper_record("One", Some(2001), &["Ada Berg"])])).await;
    assert_eq!(matching_slugs(&app, PAPERS_QUERY, &json!({ "or": [{}, {}] })).await, ["one"]);
    app.client_error(PAPERS_QUERY, json!({ "filter": { "or": [{}, {}, {}] } })).await;
    app.client_error(PAPERS_QUERY, json!({ "filter": { "or": [{}, {}], "not": {} } })).await;
    app.client_error(PAPERS_QUERY, json!({ "filter": { "or": [{ "and": [{}] }] } })).await;
}

#[tokio::test]
async fn errors_in_nested_filters() {
    let app = four_paper_directory().await;
    let tides = app.find_id("topic", "tides").await;
    let inside = |filter: Value| json!({ "filter": { "and": [{ "or": [{ "not": filter }] }] } });
    insta::assert_snapshot!(app.client_error(PAPERS_QUERY, inside(json!({ "authorIds": [tides] }))).await, @"authorIds takes IDs of type Researcher; 'VG9waWM6Mg' is of type Topic");
    app.client_error(PAPERS_QUERY, inside(json!({ "topicIds": vec![tides.clone(); 501] }))).await;
    app.client_error(RESEARCHERS_QUERY, inside(json!({ "ids": [tides] }))).await;
    app.client_error(RESEARCHERS_QUERY, inside(json!({ "affiliation": { "organizationIds": ["x"] } }))).await;
    app.client_error(RESEARCHERS_QUERY, inside(json!({ "hasDoi": true }))).await;
    app.client_error(RESEARCHERS_QUERY, json!({ "filter": { "and": [null] } })).await;
}

#[tokio::test]
async fn boolean_filters_run_one_statement() {
    let app = four_paper_directory().await;
    let (ada, oceans) = (app.find_id("researcher", "ada-berg").await, app.find_id("topic", "oceans").await);
    let one = json!({ "authorIds": [ada], "topicIds": [oceans], "organizationIds": [], "ids": [], "not": { "hasDoi": true } });
    let filter = json!({ "or": vec![one; 40] });
    let query = PAPERS_QUERY.replace("totalCount", "");
    let (response, statements) = app.query_counting_statements(&query, json!({ "filter": filter })).await;
    response.data();
    assert_eq!(statements, 1);
    let one = json!({ "ids": [ada], "topicIds": [oceans], "coauthorIds": [ada], "affiliation": {}, "not": { "hasOrcid": true } });
    let filter = json!({ "or": vec![one; 40] });
    let (response, statements) =
        app.query_counting_statements(&RESEARCHERS_QUERY.replace("totalCount", ""), json!({ "filter": filter })).await;
    response.data();
    assert_eq!(statements, 1);
}

/// The global ID of a merged entity.
fn merged_id(kind: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}:9000"))
}

#[tokio::test]
async fn merged_ids_in_filters() {
    let app = TestApp::start().await;
    let works =
        |organization: u64| json!([{ "organization": { "ror": ror(organization) }, "affiliationKind": "EMPLOYMENT" }]);
    let written = |organization: u64| json!([{ "ror": ror(organization) }]);
    app.create_records(json!([
        organization_record(1, "College"),
        with_fields(organization_record(2, "Faculty"), json!({ "relations": [["parent", ror(1)]] })),
        organization_record(3, "Academy"),
        topic_record("Oceans"),
        with_fields(topic_record("Tides"), json!({ "broader": [{ "labels": { "en": "Oceans" } }] })),
        topic_record("Winds"),
        with_fields(researcher_record("Ada Berg"), json!({ "affiliations": works(2) })),
        with_fields(researcher_record("Bo Dahl"), json!({ "affiliations": works(3) })),
        with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": [{ "position": 1, "name": "Ada Berg", "organizations": written(2) }, { "position": 2, "name": "Cy Ek" }], "topics": [{ "labels": { "en": "Tides" } }] })),
        with_fields(paper_record("B", Some(2002), &["Bo Dahl", "Cy Ek"]), json!({ "topics": [{ "labels": { "en": "Winds" } }] })),
    ]))
    .await;
    app.insert_redirect("researcher", 9_000, "ada-b", "ada-berg").await;
    app.insert_redirect("organization", 9_000, "the-college", "college").await;
    app.insert_redirect("topic", 9_000, "seas", "oceans").await;
    app.insert_redirect("paper", 9_000, "a-preprint", "a").await;
    // The same number with another type is another entity.
    app.insert_redirect("paper", 9_001, "b-preprint", "b").await;
    let (person, organization, subject, work) =
        (merged_id("Researcher"), merged_id("Organization"), merged_id("Topic"), merged_id("Paper"));
    let other = URL_SAFE_NO_PAD.encode("Researcher:9001");
    let list = async |field: &str, kind: &str, filter: Value| {
        let query =
            format!("query($filter: {kind}) {{ list: {field}(filter: $filter) {{ totalCount nodes {{ slug }} }} }}");
        matching_slugs(&app, &query, &filter).await.join(" ")
    };
    for (filter, expected) in [
        (json!({ "ids": [person] }), "ada-berg"),
        (json!({ "ids": [person, other] }), "ada-berg"),
        (json!({ "ids": [other] }), ""),
        (json!({ "topicIds": [subject] }), "ada-berg cy-ek"),
        (json!({ "affiliation": { "organizationIds": [organization] } }), "ada-berg"),
        (json!({ "affiliation": { "organizationIds": [organization], "includeDescendants": false } }), ""),
        (json!({ "affiliation": { "researcherIds": [person] } }), "ada-berg"),
        (json!({ "not": { "ids": [person] } }), "bo-dahl cy-ek"),
        (json!({ "coauthorIds": [person] }), "cy-ek"),
    ] {
        assert_eq!(list("researchers", "ResearcherFilter", filter.clone()).await, expected, "{filter}");
    }
    for (filter, expected) in [
        (json!({ "ids": [work] }), "a"),
        (json!({ "authorIds": [person] }), "a"),
        (json!({ "authorIds": [other] }), ""),
        (json!({ "organizationIds": [organization] }), "a"),
        (json!({ "topicIds": [subject] }), "a"),
    ] {
        assert_eq!(list("papers", "PaperFilter", filter.clone()).await, expected, "{filter}");
    }
    assert_eq!(list("organizations", "OrganizationFilter", json!({ "ids": [organization] })).await, "college");
    assert_eq!(list("topics", "TopicFilter", json!({ "ids": [subject] })).await, "oceans");
    assert_eq!(list("topics", "TopicFilter", json!({ "broaderIds": [subject] })).await, "tides");
    let affiliations =
        "query($filter: AffiliationFilter) { affiliations(filter: $filter) { nodes { organization { slug } } } }";
    for filter in [json!({ "organizationIds": [organization] }), json!({ "researcherIds": [person] })] {
        let held = app.data_with_variables(affiliations, json!({ "filter": filter })).await;
        assert_eq!(pluck_strings(&held["affiliations"]["nodes"], &["organization", "slug"]), ["faculty"], "{filter}");
    }
    let coauthors = "query($filter: CoauthorFilter) { researcher(by: {slug: \"cy-ek\"}) { coauthors(filter: $filter) { edges { node { slug } papers { nodes { slug } } } } } }";
    for filter in [
        json!({ "ids": [person] }),
        json!({ "topicIds": [subject] }),
        json!({ "affiliation": { "organizationIds": [organization] } }),
    ] {
        let tied = app.data_with_variables(coauthors, json!({ "filter": filter })).await;
        let edges = &tied["researcher"]["coauthors"]["edges"];
        assert_eq!(pluck_strings(edges, &["node", "slug"]), ["ada-berg"], "{filter}");
        assert_eq!(pluck_strings(&edges[0]["papers"]["nodes"], &["slug"]), ["a"], "{filter}");
    }
    // Still one statement.
    let query = PAPERS_QUERY.replace("totalCount", "");
    let (_, statements) = app
        .query_counting_statements(&query, json!({ "filter": { "authorIds": [person], "topicIds": [subject] } }))
        .await;
    assert_eq!(statements, 1);
}

/// A paper filter, as the reference implementation evaluates it.
#[derive(Debug)]
enum PaperFilter {
    Authors(Vec<usize>),
    Topics(Vec<usize>),
    Years(Option<i32>, Option<i32>),
    Titles(Vec<usize>),
    And(Vec<PaperFilter>),
    Or(Vec<PaperFilter>),
    Not(Box<PaperFilter>),
    /// Several conditions in one input object.
    Combined(Vec<PaperFilter>),
}

impl PaperFilter {
    fn random(rng: &mut SeededRng, depth: usize) -> Self {
        let some = |rng: &mut SeededRng, bound: usize| (0..bound).filter(|_| rng.one_in(3)).collect();
        let inner = |rng: &mut SeededRng| (0..rng.below(4)).map(|_| Self::random(rng, depth - 1)).collect();
        match rng.below(if depth == 0 { 4 } else { 8 }) {
            0 => Self::Authors(some(rng, 6)),
            1 => Self::Topics(some(rng, 4)),
            2 => {
                let from = 2000 + i32::try_from(rng.below(6)).unwrap_or_default();
                let to = from + i32::try_from(rng.below(3)).unwrap_or_default();
                Self::Years((!rng.one_in(3)).then_some(from), (!rng.one_in(3)).then_some(to))
            }
            3 => Self::Titles(some(rng, 25)),
            4 => Self::And(inner(rng)),
            5 => Self::Or(inner(rng)),
            6 => Self::Not(Box::new(Self::random(rng, depth - 1))),
            _ => Self::Combined(vec![
                Self::Authors(some(rng, 6)),
                Self::Or(inner(rng)),
                Self::Not(Box::new(Self::random(rng, depth - 1))),
            ]),
        }
    }

    fn matches(&self, number: usize, work: &SyntheticPaper) -> bool {
        match self {
            Self::Authors(people) => people.iter().any(|person| work.authors.contains(person)),
            Self::Topics(topics) => topics
                .iter()
                .any(|wanted| work.topics.iter().any(|topic| topic == wanted || (wanted < topic && *topic < 3))),
            Self::Years(from, to) => {
                work.year.is_some_and(|year| from.is_none_or(|from| from <= year) && to.is_none_or(|to| year <= to))
            }
            Self::Titles(numbers) => numbers.contains(&number),
            Self::And(all) | Self::Combined(all) => all.iter().all(|wanted| wanted.matches(number, work)),
            Self::Or(any) => any.iter().any(|wanted| wanted.matches(number, work)),
            Self::Not(wanted) => !wanted.matches(number, work),
        }
    }

    fn to_json(&self, ids: &[Vec<String>; 3]) -> Value {
        let pick = |ids: &[String], numbers: &[usize]| numbers.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>();
        let all = |wanted: &[Self]| wanted.iter().map(|wanted| wanted.to_json(ids)).collect::<Vec<_>>();
        match self {
            Self::Authors(people) => json!({ "authorIds": pick(&ids[0], people) }),
            Self::Topics(topics) => json!({ "topicIds": pick(&ids[1], topics) }),
            Self::Years(from, to) => json!({ "publicationYear": { "from": from, "to": to } }),
            Self::Titles(numbers) => json!({ "ids": pick(&ids[2], numbers) }),
            Self::And(wanted) => json!({ "and": all(wanted) }),
            Self::Or(wanted) => json!({ "or": all(wanted) }),
            Self::Not(wanted) => json!({ "not": wanted.to_json(ids) }),
            Self::Combined(wanted) => {
                wanted.iter().fold(json!({}), |filter, wanted| with_fields(filter, wanted.to_json(ids)))
            }
        }
    }
}

#[tokio::test]
async fn matches_a_naive_filter() {
    let query = "query($filter: PaperFilter) { papers(filter: $filter, first: 100) { totalCount nodes { title } } }";
    for seed in 11..=13 {
        let mut rng = SeededRng::new(seed);
        let works = synthetic_papers(&mut rng, 6, 25);
        let app = TestApp::start().await;
        app.write_records(&parse_records(json!(synthetic_records(&works, 6)))).await;
        let mut ids = [Vec::new(), Vec::new(), Vec::new()];
        for (list, field, slug, amount) in
            [(0, "researcher", "person", 6), (1, "topic", "topic", 4), (2, "paper", "work", 25)]
        {
            for number in 0..amount {
                ids[list].push(app.find_id(field, &format!("{slug}-{number}")).await);
            }
        }
        for _ in 0..60 {
            let wanted = PaperFilter::random(&mut rng, 4);
            let filter = wanted.to_json(&ids);
            let data = app.data_with_variables(query, json!({ "filter": filter })).await;
            let titles: BTreeSet<String> = pluck_strings(&data["papers"]["nodes"], &["title"]).into_iter().collect();
            let expected: BTreeSet<String> = works
                .iter()
                .enumerate()
                .filter(|(number, work)| wanted.matches(*number, work))
                .map(|(_, work)| work.title.clone())
                .collect();
            assert_eq!(data["papers"]["totalCount"], expected.len(), "seed {seed}: {filter}");
            assert_eq!(titles, expected, "seed {seed}: {filter}");
        }
    }
}

#[tokio::test]
async fn cyclic_hierarchies() {
    let app = TestApp::start().await;
    let about = |label: &str| json!([{ "labels": { "en": label } }]);
    let below = |label: &str, broader: &str| with_fields(topic_record(label), json!({ "broader": about(broader) }));
    let part = |number: u64, name: &str, whole: u64| {
        with_fields(organization_record(number, name), json!({ "relations": [["parent", ror(whole)]] }))
    };
    let employment = json!([{ "organization": { "ror": ror(3) }, "affiliationKind": "EMPLOYMENT" }]);
    let authors = json!([{ "position": 1, "name": "Ada Berg", "organizations": [{ "ror": ror(3) }] }, { "position": 2, "name": "Bo Dahl" }]);
    app.create_records(json!([
        organization_record(1, "One"),
        part(2, "Two", 1),
        part(3, "Three", 2),
        topic_record("Oceans"),
        below("Tides", "Oceans"),
        below("Waves", "Tides"),
        with_fields(researcher_record("Ada Berg"), json!({ "affiliations": employment })),
        with_fields(paper_record("A", Some(2001), &[]), json!({ "authors": authors, "topics": about("Waves") })),
        paper_record("B", Some(2002), &["Cy Ek"]),
    ]))
    .await;
    // The first is below the last, for organizations and topics.
    app.execute_sql(
        "INSERT INTO organization_parent (child_id, parent_id) SELECT child.id, parent.id FROM organization AS child, \
         organization AS parent WHERE child.slug = 'one' AND parent.slug = 'three'; \
         INSERT INTO topic_broader (topic_id, broader_id) SELECT topic.id, broader.id FROM topic, topic AS broader \
         WHERE topic.slug = 'oceans' AND broader.slug = 'waves'",
    )
    .await;
    let affiliations = "query($filter: AffiliationFilter) { affiliations(filter: $filter) { totalCount } }";
    let coauthors = "query($filter: CoauthorFilter) { researcher(by: {slug: \"bo-dahl\"}) { coauthors(filter: $filter) { nodes { slug } } } }";
    for slug in ["one", "two", "three"] {
        let organization = app.find_id("organization", slug).await;
        assert_eq!(
            matching_slugs(&app, PAPERS_QUERY, &json!({ "organizationIds": [organization] })).await,
            ["a"],
            "{slug}"
        );
        assert_eq!(
            matching_slugs(&app, PAPERS_QUERY, &json!({ "not": { "organizationIds": [organization] } })).await,
            ["b"],
            "{slug}"
        );
        let there = json!({ "organizationIds": [organization] });
        assert_eq!(
            matching_slugs(&app, RESEARCHERS_QUERY, &json!({ "affiliation": there })).await,
            ["ada-berg"],
            "{slug}"
        );
        let held = app.data_with_variables(affiliations, json!({ "filter": there })).await;
        assert_eq!(held["affiliations"]["totalCount"], 1, "{slug}");
        let tied = app.data_with_variables(coauthors, json!({ "filter": { "affiliation": there } })).await;
        assert_eq!(pluck_strings(&tied["researcher"]["coauthors"]["nodes"], &["slug"]), ["ada-berg"], "{slug}");
    }
    let topics = "query($filter: TopicFilter) { topics(filter: $filter) { totalCount nodes { slug } } }";
    for slug in ["oceans", "tides", "waves"] {
        let subject = app.find_id("topic", slug).await;
        assert_eq!(matching_slugs(&app, PAPERS_QUERY, &json!({ "topicIds": [subject] })).await, ["a"], "{slug}");
        assert_eq!(
            matching_slugs(&app, RESEARCHERS_QUERY, &json!({ "topicIds": [subject] })).await,
            ["ada-berg", "bo-dahl"],
            "{slug}"
        );
        // In a cycle every topic is narrower than every topic, itself included.
        let below = matching_slugs(&app, topics, &json!({ "broaderIds": [subject] })).await;
        assert_eq!(below, ["oceans", "tides", "waves"], "{slug}");
        let tied = app.data_with_variables(coauthors, json!({ "filter": { "topicIds": [subject] } })).await;
        assert_eq!(pluck_strings(&tied["researcher"]["coauthors"]["nodes"], &["slug"]), ["ada-berg"], "{slug}");
    }
}

/// A write that waited for another one has a later timestamp than what was committed meanwhile, so that a client that
/// polls `updatedSince` with the largest `updatedAt` it has seen misses nothing.
#[tokio::test]
async fn updated_at_follows_the_order_of_commits() {
    let app = TestApp::start().await;
    app.create_records(json!([researcher_record("Ida Brook"), researcher_record("Una Leeds")])).await;

    // Another writer holds the write lock, and commits while the second one waits for it.
    let other = DatabaseSession::open(&app.database_url).await;
    other.execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK_KEY})")).await;
    let changed = with_fields(researcher_record("Una Leeds"), json!({ "homepageUrl": "https://example.org/" }));
    let records = parse_records(json!([changed, researcher_record("Tom Ford")]));
    tokio::join!(app.write_records(&records), async {
        app.wait_until_blocked().await;
        other.execute("UPDATE researcher SET updated_at = clock_timestamp() WHERE slug = 'ida-brook'; COMMIT").await;
    });

    let query = "{ researchers(orderBy: {field: UPDATED_AT, direction: ASC}) { nodes { slug createdAt updatedAt } } }";
    let nodes = app.data(query).await["researchers"]["nodes"].clone();
    assert_eq!(pluck_strings(&nodes, &["slug"])[0], "ida-brook", "{nodes}");
    let (first, created) = (pluck_strings(&nodes, &["updatedAt"]), pluck_strings(&nodes, &["createdAt"]));
    assert!(created[2] >= first[0] || created[1] >= first[0], "{nodes}");
}
