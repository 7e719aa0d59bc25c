//! Versions of a work: linking independent of import order, and counting each work once.

use serde_json::{Value, json};

use crate::support::database_dump::query_strings;
use crate::support::synthetic_data::SeededRng;
use crate::support::{TestApp, paper_record, parse_records, pluck, pluck_strings, topic_record, with_fields};

const TITLE: &str = "The flow of water over weirs";

/// A paper with its own source ID.
fn version(id: &str, kind: &str, year: i32, authors: &[&str], fields: Value) -> Value {
    with_fields(with_fields(paper_record(TITLE, Some(year), authors), json!({ "sourceId": id, "type": kind })), fields)
}

fn preprint() -> Value {
    version(
        "preprint",
        "PREPRINT",
        2018,
        &["Ida Brook", "T. Ford", "Uma Ferry"],
        json!({ "doi": "10.48550/arXiv.1801.00001" }),
    )
}

fn conference_paper() -> Value {
    version("talk", "CONFERENCE_PAPER", 2019, &["Ida Brook", "Tom Ford"], json!({ "venueName": "Water Days" }))
}

fn article() -> Value {
    version(
        "article",
        "ARTICLE",
        2020,
        &["Ida Brook", "Tom Ford"],
        json!({ "doi": "10.5555/weirs", "venueName": "Annals of Water" }),
    )
}

/// The version links, as source IDs.
async fn version_links(app: &TestApp) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', substr(mine.key, 7), '->', substr(theirs.key, 7), version_basis) AS line FROM paper \
         JOIN source_record AS mine ON mine.paper_id = paper.id JOIN source_record AS theirs ON theirs.paper_id = version_of_id \
         ORDER BY line";
    query_strings(&app.database_url, sql).await
}

#[tokio::test]
async fn every_field() {
    let app = TestApp::start().await;
    app.create_records(json!([
        preprint(),
        conference_paper(),
        article(),
        paper_record("Something else about water", Some(2021), &["Ida Brook"])
    ]))
    .await;
    let found = app
        .nodes(
            &["papers(orderBy: {field: PUBLICATION_DATE, direction: ASC})"],
            "type versionOf { type versions { type } } versions { type title versionOf { type } authorships { totalCount } }",
        )
        .await;
    let record = json!({ "type": "ARTICLE", "versions": [{ "type": "CONFERENCE_PAPER" }, { "type": "PREPRINT" }] });
    let version = |kind: &str, authors: usize| json!({ "type": kind, "title": TITLE, "versionOf": { "type": "ARTICLE" }, "authorships": { "totalCount": authors } });
    assert_eq!(
        found,
        json!([
            { "type": "PREPRINT", "versionOf": record, "versions": [] },
            { "type": "CONFERENCE_PAPER", "versionOf": record, "versions": [] },
            { "type": "ARTICLE", "versionOf": null, "versions": [version("CONFERENCE_PAPER", 2), version("PREPRINT", 3)] },
            { "type": "ARTICLE", "versionOf": null, "versions": [] },
        ])
    );
    assert_eq!(version_links(&app).await, ["preprint -> article TITLE", "talk -> article TITLE"]);
    let both = "{ papers { nodes { versionOf { title } versions { title } } } }";
    assert_eq!(app.query_counting_statements(both, json!({})).await.1, 3, "regardless of the number of papers");
}

#[tokio::test]
async fn is_version_filter() {
    let app = TestApp::start().await;
    app.create_records(json!([
        preprint(),
        conference_paper(),
        article(),
        paper_record("Other", Some(2019), &["Ida Brook"])
    ]))
    .await;
    for (filter, expected) in [
        ("{}", 4),
        ("{isVersion: null}", 4),
        ("{isVersion: true}", 2),
        ("{isVersion: false}", 2),
        ("{not: {isVersion: true}}", 2),
        ("{isVersion: false, types: [PREPRINT]}", 0),
        ("{isVersion: true, types: [PREPRINT, ARTICLE]}", 1),
    ] {
        for list in ["papers", "researcher(by: {slug: \"ida-brook\"}) { papers"] {
            let close = if list == "papers" { "" } else { "}" };
            let text = format!(
                "{{ {list}(filter: {filter}) {{ totalCount nodes {{ id }} facets {{ publicationYears {{ count }} }} }} {close} }}"
            );
            let data = app.data(&text).await;
            let found = if list == "papers" { &data["papers"] } else { &data["researcher"]["papers"] };
            assert_eq!(found["totalCount"], expected, "{text}");
            assert_eq!(pluck(&found["nodes"], &["id"]).len(), expected, "{text}");
            let years = pluck(&found["facets"]["publicationYears"], &["count"]);
            let sum: i64 = years.into_iter().filter_map(Value::as_i64).sum();
            assert_eq!(sum, i64::try_from(expected).unwrap_or_default(), "facets agree with the list: {text}");
        }
    }
}

/// Ida's coauthors with their counts, years and paper types.
async fn coauthor_summaries(app: &TestApp, filter: &str) -> Vec<String> {
    let text = format!(
        "{{ researcher(by: {{slug: \"ida-brook\"}}) {{ coauthors(filter: {filter}, orderBy: {{field: NAME, direction: ASC}}) {{ edges {{ \
         paperCount firstYear lastYear node {{ name }} papers {{ totalCount nodes {{ type }} \
         facets {{ types {{ type count }} }} }} }} }} }} }}"
    );
    let data = app.data(&text).await;
    let edges = data["researcher"]["coauthors"]["edges"].as_array().cloned().unwrap_or_default();
    let summaries = edges.iter().map(|edge| {
        let papers = &edge["papers"];
        assert_eq!(papers["totalCount"], edge["paperCount"], "exactly the papers that are counted");
        let of_facet = pluck(&papers["facets"]["types"], &["count"]).into_iter().filter_map(Value::as_i64).sum::<i64>();
        assert_eq!(edge["paperCount"], of_facet);
        let name = edge["node"]["name"].as_str().unwrap_or_default();
        let kinds = pluck_strings(&papers["nodes"], &["type"]).join("+");
        format!("{name} {} {}-{} {kinds}", edge["paperCount"], edge["firstYear"], edge["lastYear"])
    });
    summaries.collect()
}

#[tokio::test]
async fn coauthors_count_a_work_once() {
    let app = TestApp::start().await;
    let tides = json!({ "topics": [{ "labels": { "en": "Tides" } }] });
    app.create_records(json!([
        topic_record("Tides"),
        with_fields(preprint(), tides.clone()),
        conference_paper(),
        article(),
        paper_record("Other", Some(2021), &["Ida Brook", "Tom Ford", "Uma Ferry"])
    ]))
    .await;
    let counted = |first: i32, papers: &str| format!("Tom Ford 2 {first}-2021 {papers}");
    // T. Ford is Tom Ford; Uma Ferry is only an author of the preprint.
    let all = ["Tom Ford 2 2018-2021 ARTICLE+ARTICLE", "Uma Ferry 2 2018-2021 ARTICLE+PREPRINT"];
    let in_order = |lines: Vec<String>| {
        let mut lines = lines;
        lines.sort_unstable();
        lines
    };
    assert_eq!(in_order(coauthor_summaries(&app, "{}").await), all);
    assert_eq!(in_order(coauthor_summaries(&app, "{maxAuthorsPerPaper: 50}").await), all);
    let tom = async |filter: &str| {
        let found = coauthor_summaries(&app, filter).await;
        found.into_iter().find(|line| line.starts_with("Tom Ford")).unwrap_or_default()
    };
    assert_eq!(tom("{publicationYear: {to: 2019}}").await, "Tom Ford 1 2018-2019 CONFERENCE_PAPER");
    assert_eq!(tom("{publicationYear: {from: 2020}}").await, counted(2020, "ARTICLE+ARTICLE"));
    assert_eq!(tom("{minPaperCount: 3}").await, "");
    let tides = app.find_id("topic", "tides").await;
    let on_tides = coauthor_summaries(&app, &format!("{{topicIds: [\"{tides}\"]}}")).await;
    assert_eq!(in_order(on_tides), ["Tom Ford 1 2018-2018 PREPRINT", "Uma Ferry 1 2018-2018 PREPRINT"]);

    let statistics = "{ researchers(orderBy: {field: NAME, direction: ASC}) { nodes { name papers { totalCount } \
         statistics { paperCount workCount coauthorCount firstPublicationYear papersPerYear { count } } } } }";
    let data = app.data(statistics).await;
    let nodes = data["researchers"]["nodes"].as_array().cloned().unwrap_or_default();
    let mut summaries: Vec<String> = nodes
        .iter()
        .map(|person| {
            let counted = &person["statistics"];
            assert_eq!(person["papers"]["totalCount"], counted["paperCount"]);
            format!(
                "{} {} {} {}",
                person["name"].as_str().unwrap_or_default(),
                counted["paperCount"],
                counted["workCount"],
                counted["coauthorCount"]
            )
        })
        .collect();
    summaries.sort_unstable();
    assert_eq!(summaries, ["Ida Brook 4 2 2", "Tom Ford 4 2 2", "Uma Ferry 2 2 2"]);
}

#[tokio::test]
async fn links_follow_changes() {
    let app = TestApp::start().await;
    app.create_records(json!([preprint()])).await;
    assert_eq!(version_links(&app).await, [""; 0]);
    let before = app.data("{ papers { nodes { updatedAt } } }").await;
    app.create_records(json!([conference_paper()])).await;
    assert_eq!(version_links(&app).await, ["preprint -> talk TITLE"]);
    let after = app.nodes(&["papers(filter: {types: [PREPRINT]})"], "updatedAt").await;
    assert_ne!(after[0]["updatedAt"], before["papers"]["nodes"][0]["updatedAt"], "its version link changed");
    app.create_records(json!([article()])).await;
    assert_eq!(version_links(&app).await, ["preprint -> article TITLE", "talk -> article TITLE"]);
    let written = app.write_records(&parse_records(json!([preprint(), conference_paper(), article()]))).await;
    assert!(
        written
            .effects
            .iter()
            .all(|effect| *effect == Some(academic_directory::store::unit_of_work::Effect::Unchanged))
    );
    assert_eq!(version_links(&app).await, ["preprint -> article TITLE", "talk -> article TITLE"]);

    // Another title, other authors, another year, another type.
    let changes = [
        json!({ "title": "The flow of water over dams" }),
        json!({ "authors": [{ "position": 1, "name": "Zoë Pier" }] }),
        json!({ "publicationDate": "2030" }),
        json!({ "type": "THESIS" }),
    ];
    for change in changes {
        app.write_records(&parse_records(json!([with_fields(article(), change.clone())]))).await;
        assert_eq!(version_links(&app).await, ["preprint -> talk TITLE"], "{change}");
        assert_eq!(
            coauthor_summaries(&app, "{}").await.iter().filter(|line| line.starts_with("Tom Ford")).count(),
            1,
            "{change}"
        );
        app.write_records(&parse_records(json!([article()]))).await;
        assert_eq!(version_links(&app).await, ["preprint -> article TITLE", "talk -> article TITLE"], "{change}");
    }
    // A title that is too common to be evidence.
    let preface = |record: Value| with_fields(record, json!({ "title": "Preface" }));
    app.write_records(&parse_records(json!([preface(preprint()), preface(conference_paper()), preface(article())])))
        .await;
    assert_eq!(version_links(&app).await, [""; 0]);
    let counts = "SELECT DISTINCT paper_count = work_count FROM researcher_statistics";
    assert_eq!(query_strings(&app.database_url, counts).await, ["true"]);
}

#[tokio::test]
async fn shared_doi() {
    let app = TestApp::start().await;
    let paper = |id: &str, title: &str, year: i32, authors: &[&str], doi: &str| {
        with_fields(paper_record(title, Some(year), authors), json!({ "sourceId": id, "doi": doi }))
    };
    let long = paper("long", "A look at locks: with applications", 2014, &["Ida Brook"], "10.5555/locks");
    app.create_records(json!([
        paper("short", "A look at locks", 2013, &["I. Brook", "Tom Ford"], "10.5555/locks"),
        long,
        paper("other", "Weirs", 2013, &["Uma Ferry"], "10.5555/locks"),
        paper("alone", "Dams", 2013, &["Ida Brook"], "10.5555/dams"),
    ]))
    .await;
    assert_eq!(version_links(&app).await, ["short -> long DOI"]);
    let dois = async || {
        let papers = app.nodes(&["papers(orderBy: {field: TITLE, direction: ASC})"], "title doi").await;
        let nodes = papers.as_array().cloned().unwrap_or_default();
        nodes
            .iter()
            .map(|paper| {
                format!("{}: {}", paper["title"].as_str().unwrap_or_default(), paper["doi"].as_str().unwrap_or("none"))
            })
            .collect::<Vec<_>>()
    };
    let held = "https://doi.org/10.5555/locks";
    assert_eq!(
        dois().await,
        [
            &format!("A look at locks: {held}"),
            "A look at locks: with applications: none",
            "Dams: https://doi.org/10.5555/dams",
            "Weirs: none"
        ]
    );
    // The DOI goes to the next paper by ID, and the link disappears.
    app.write_records(&parse_records(json!([paper(
        "short",
        "A look at locks",
        2013,
        &["I. Brook", "Tom Ford"],
        "10.5555/other"
    )])))
    .await;
    assert_eq!(version_links(&app).await, [""; 0]);
    assert_eq!(
        dois().await[1..],
        ["A look at locks: with applications: none", "Dams: https://doi.org/10.5555/dams", &format!("Weirs: {held}")]
    );
    app.write_records(&parse_records(json!([paper(
        "short",
        "A look at locks",
        2013,
        &["I. Brook", "Tom Ford"],
        "10.5555/locks"
    )])))
    .await;
    assert_eq!(version_links(&app).await, ["short -> long DOI"]);
}

/// A title shared by more papers than can be compared is ignored, even if there were fewer before.
#[tokio::test]
async fn too_common_title() {
    let app = TestApp::start().await;
    let many = |numbers: std::ops::Range<i32>| {
        let one = |number: i32| {
            version(
                &number.to_string(),
                "CONFERENCE_PAPER",
                2019,
                &["Ida Brook"],
                json!({ "venueName": format!("Water {number}") }),
            )
        };
        json!(numbers.map(one).collect::<Vec<_>>())
    };
    app.create_records(many(0..40)).await;
    assert_eq!(version_links(&app).await.len(), 39);
    app.create_records(many(40..50)).await;
    assert_eq!(version_links(&app).await.len(), 49);
    let counts = "SELECT concat_ws(' ', paper_count, work_count) FROM researcher_statistics";
    assert_eq!(query_strings(&app.database_url, counts).await, ["50 1"]);
    app.create_records(many(50..70)).await;
    assert_eq!(version_links(&app).await, [""; 0]);
    assert_eq!(query_strings(&app.database_url, counts).await, ["70 70"]);
    // Few papers with this title again.
    let others: Vec<Value> = many(20..70)
        .as_array()
        .expect("a list")
        .iter()
        .map(|record| with_fields(record.clone(), json!({ "title": format!("Water {}", record["sourceId"]) })))
        .collect();
    app.write_records(&parse_records(json!(others))).await;
    assert_eq!(version_links(&app).await.len(), 19);
}

/// Papers written by a release without version links are linked on the next start.
#[tokio::test]
async fn rebuild_of_older_versions() {
    let app = TestApp::start().await;
    app.create_records(json!([preprint(), conference_paper(), article()])).await;
    let (linked, counted) = (version_links(&app).await, stored_counts(&app).await);
    app.execute_sql(
        "UPDATE paper SET version_of_id = NULL, version_basis = NULL; UPDATE researcher_statistics SET work_count = paper_count; \
         UPDATE coauthorship SET paper_count = 7; DELETE FROM setting WHERE name = 'paper_version_law'",
    )
    .await;
    assert!(app.store.rebuild_work_versions_if_stale().await.expect("the versions"));
    assert!(!app.store.rebuild_work_versions_if_stale().await.expect("the versions"), "they are up to date");
    assert_eq!(version_links(&app).await, linked);
    assert_eq!(stored_counts(&app).await, counted);
    // Links that the current rules no longer justify are removed.
    app.execute_sql("UPDATE paper SET title = 'Preface', sort_title = 'preface'; DELETE FROM setting WHERE name = 'paper_version_law'").await;
    assert!(app.store.rebuild_work_versions_if_stale().await.expect("the versions"));
    assert_eq!(version_links(&app).await, [""; 0]);
}

/// The stored statistics of researchers and coauthor pairs.
async fn stored_counts(app: &TestApp) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', display_name, paper_count, work_count, coauthor_count, first_year, last_year) AS line \
         FROM researcher JOIN researcher_statistics ON researcher_id = id WHERE paper_count > 0 \
         UNION ALL SELECT concat_ws(' ', one.display_name, other.display_name, paper_count, first_year, last_year) \
         FROM coauthorship JOIN researcher AS one ON one.id = researcher_id JOIN researcher AS other ON other.id = coauthor_id \
         ORDER BY line";
    query_strings(&app.database_url, sql).await
}

/// The same statistics, computed from papers and authorships.
async fn recomputed_counts(app: &TestApp) -> Vec<String> {
    let sql = "WITH work AS (SELECT authorship.*, coalesce((SELECT record.id FROM paper AS record WHERE record.id = paper.version_of_id), \
         paper.id) AS work_id, nullif(paper.publication_year, 0) AS year FROM authorship JOIN paper ON paper.id = paper_id \
         WHERE researcher_id IS NOT NULL), \
         pair AS (SELECT one.researcher_id, other.researcher_id AS coauthor_id, one.work_id, one.year FROM work AS one \
         JOIN work AS other USING (paper_id) WHERE one.researcher_id <> other.researcher_id), \
         person AS (SELECT researcher_id, count(*) AS papers, count(DISTINCT work_id) AS works, coalesce(min(year), 0) AS first, \
         coalesce(max(year), 0) AS last FROM work GROUP BY researcher_id) \
         SELECT concat_ws(' ', display_name, papers, works, (SELECT count(DISTINCT coauthor_id) FROM pair WHERE pair.researcher_id = id), \
         first, last) AS line FROM person JOIN researcher ON researcher_id = id \
         UNION ALL SELECT concat_ws(' ', one.display_name, other.display_name, works, first, last) FROM (SELECT researcher_id, coauthor_id, \
         count(DISTINCT work_id) AS works, coalesce(min(year), 0) AS first, coalesce(max(year), 0) AS last FROM pair GROUP BY 1, 2) AS counted \
         JOIN researcher AS one ON one.id = researcher_id JOIN researcher AS other ON other.id = coauthor_id ORDER BY line";
    query_strings(&app.database_url, sql).await
}

const AUTHOR_NAMES: [&str; 6] = ["Ida Brook", "I. Brook", "Tom Ford", "Uma Ferry", "Wei Quay", "Quay Wei"];

/// Random papers that share titles and DOIs, and the same papers after random changes. No two have the same title and
/// DOI, since they would be one paper.
fn random_papers(rng: &mut SeededRng) -> (Vec<Value>, Vec<Value>) {
    let mut taken = std::collections::HashSet::new();
    let mut before = Vec::new();
    for number in 0..14 {
        let doi = (!rng.one_in(2)).then(|| rng.below(3));
        let mut record = random_paper(rng, number);
        if let Some(doi) = doi
            && taken.insert((doi, record["title"].to_string()))
        {
            record["doi"] = json!(format!("10.5555/{doi}"));
        }
        before.push(record);
    }
    let after = before.iter().enumerate().map(|(number, record)| {
        let mut now = if rng.one_in(3) { random_paper(rng, number) } else { record.clone() };
        now["venueName"] = record["venueName"].clone();
        now["doi"] = record["doi"].clone();
        // A paper with a DOI keeps its title, so that the pair stays unique.
        if !record["doi"].is_null() {
            now["title"] = record["title"].clone();
        }
        now
    });
    let after = after.collect();
    (before, after)
}

fn random_paper(rng: &mut SeededRng, number: usize) -> Value {
    let titles = [TITLE, "The flow of water over weirs and dams", "Overview of the shared task on weirs", "Weirs"];
    let kinds = ["PREPRINT", "ARTICLE", "CONFERENCE_PAPER", "REPORT"];
    let mut authors: Vec<&str> = AUTHOR_NAMES.into_iter().filter(|_| rng.one_in(3)).collect();
    if authors.is_empty() {
        authors.push(AUTHOR_NAMES[rng.below(AUTHOR_NAMES.len())]);
    }
    let year = 2008 + i32::try_from(rng.below(4)).unwrap_or_default();
    let record = paper_record(titles[rng.below(titles.len())], Some(year), &authors);
    let venue = ["18th Water Days", "19th Water Days", "Annals of Water"][rng.below(3)];
    with_fields(
        record,
        json!({ "sourceId": format!("{number:02}"), "type": kinds[rng.below(kinds.len())], "venueName": venue }),
    )
}

/// Writes the records in random order and in batches of random sizes.
async fn write_shuffled(app: &TestApp, records: &[Value], rng: &mut SeededRng) {
    let mut rest: Vec<Value> = records.to_vec();
    for index in (1..rest.len()).rev() {
        rest.swap(index, rng.below(index + 1));
    }
    let largest = [1, 3, rest.len()][rng.below(3)];
    while !rest.is_empty() {
        let batch: Vec<Value> = rest.drain(..(1 + rng.below(largest)).min(rest.len())).collect();
        app.write_records(&parse_records(json!(batch))).await;
    }
}

/// Links, statistics and DOIs do not depend on import order, batching or earlier states of the papers.
#[tokio::test]
async fn independent_of_order_and_batches() {
    let mut linked = 0;
    for seed in 1..=6 {
        let mut rng = SeededRng::new(seed);
        let (before, after) = random_papers(&mut rng);
        let mut first: Option<(Vec<String>, Vec<String>, Vec<String>)> = None;
        for order in 0..3 {
            let app = TestApp::start().await;
            if order == 2 {
                write_shuffled(&app, &before, &mut rng).await;
                assert_eq!(stored_counts(&app).await, recomputed_counts(&app).await, "seed {seed}, before the changes");
            }
            write_shuffled(&app, &after, &mut rng).await;
            let (links, counts) = (version_links(&app).await, stored_counts(&app).await);
            assert_eq!(counts, recomputed_counts(&app).await, "seed {seed}, order {order}");
            let chained = "SELECT count(*) FROM paper AS version JOIN paper AS record ON record.id = version.version_of_id \
                 WHERE record.version_of_id IS NOT NULL";
            assert_eq!(query_strings(&app.database_url, chained).await, ["0"]);
            linked += links.len();
            let dois = "SELECT concat_ws(' ', external_id.value, title, doi) FROM paper JOIN external_id ON paper_id = paper.id ORDER BY 1";
            let all = (links, counts, query_strings(&app.database_url, dois).await);
            match &first {
                None => first = Some(all),
                Some(first) => assert_eq!(&all, first, "seed {seed}, order {order}: {after:#?}"),
            }
        }
    }
    assert!(linked > 50, "{linked} links are too few");
}
