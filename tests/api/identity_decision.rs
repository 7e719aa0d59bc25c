//! What people decide of who is who: merges, splits, undoing, history; before, as a trial, after, and undone.

use academic_directory::store::identity::{Request, Signature};
use serde_json::{Value, json};

use crate::support::binary::{Outcome, Workplace, run};
use crate::support::dump::{assert_same, query};
use crate::support::state::{contradictions, state};
use crate::support::{TestApp, orcid, organization, paper, records_of, researcher, ror, texts, topic, with};

/// The program, asked about identities.
pub fn identity(app: &TestApp, arguments: &[&str]) -> Outcome {
    run(&mut Workplace::new().over(&app.database_url, &[&["identity"], arguments].concat()))
}

/// What it says when it succeeds, without ids and times.
fn told(app: &TestApp, arguments: &[&str]) -> String {
    let outcome = identity(app, arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    outcome.stdout
}

/// What it says when it refuses.
fn refused(app: &TestApp, arguments: &[&str]) -> String {
    let outcome = identity(app, arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{arguments:?}");
    outcome.stderr
}

fn by(title: &str, year: i32, doi: &str, authors: &[&str]) -> Value {
    with(paper(title, Some(year), authors), json!({ "doi": doi }))
}

/// Ida Brook as one source has her, Ida M. Brook as another; Wei Xu, who is two people.
pub fn records() -> Vec<Value> {
    let place = |number: u64, kind: &str, title: Value, start: &str| json!({ "organization": { "ror": ror(number) }, "affiliationKind": kind, "roleTitle": title, "startDate": start });
    let primary = with(place(1, "EMPLOYMENT", json!({ "en": "Hydrologist" }), "2015-03"), json!({ "isPrimary": true }));
    let french = with(place(1, "EMPLOYMENT", json!({ "fr": "Hydrologue" }), "2015-03"), json!({ "isPrimary": true }));
    vec![
        organization(1, "Water Institute"),
        organization(2, "Mill College"),
        topic("Weirs"),
        topic("Tides"),
        with(
            researcher("Ida Brook"),
            json!({ "headline": { "en": "Weirs and more" }, "affiliations": [primary], "topics": [{ "labels": { "en": "Weirs" } }],
                "identifiers": [{ "scheme": "scopus", "value": "700123" }], "otherNames": ["Ida Brook-Ford"] }),
        ),
        with(
            researcher("Ida M. Brook"),
            json!({ "orcid": orcid(7), "biography": { "fr": "Elle mesure." }, "homepageUrl": "https://example.org/ida",
                "affiliations": [french, place(2, "EDUCATION", json!({}), "2008")], "otherNames": ["I. M. Brook"],
                "topics": [{ "labels": { "en": "Tides" } }, { "labels": { "en": "Weirs" } }],
                "identifiers": [{ "scheme": "dblp", "value": "b/Brook" }] }),
        ),
        by("On weirs", 2015, "10.1000/weirs", &["Ida Brook", "Tom Ford"]),
        by("On tides", 2009, "10.1000/tides", &["Ida M. Brook", "Tom Ford", "Uma Lee"]),
        by("On mills", 2017, "10.1000/mills", &["Uma Lee", "Ida M. Brook"]),
        by("Proofs", 2001, "10.1000/proofs", &["Wei Xu", "Uma Lee"]),
        by("Proteins", 2012, "10.1000/proteins", &["Ben Oak", "Wei Xu"]),
        by("Protein folds", 2014, "10.1000/folds", &["Wei Xu", "Ben Oak"]),
    ]
}

pub async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.load(json!(records())).await;
    // As the program does first.
    app.store.keep_name_repairs().await.expect("the names");
    app.store.recount_totals().await.expect("the counts");
    app
}

const RESEARCHER: &str = "query($by: ResearcherBy!) { researcher(by: $by) { name slug orcid otherNames homepageUrl
    biography(languages: [\"fr\"]) { value } headline(languages: [\"en\"]) { value } identifiers { scheme value }
    statistics { paperCount coauthorCount } papers(orderBy: {field: TITLE, direction: ASC}) { nodes { slug } }
    topics { edges { isDeclared node { slug } } }
    affiliations { nodes { kind isPrimary roleTitle { value } organization { slug } } } coauthors { nodes { slug } } } }";

async fn about(app: &TestApp, by: Value) -> Value {
    app.data_with(RESEARCHER, json!({ "by": by })).await["researcher"].clone()
}

#[tokio::test]
async fn merge_and_its_undoing() {
    let app = start().await;
    let (survivor, former) = (app.id_of("researcher", "ida-brook").await, app.id_of("researcher", "ida-m-brook").await);
    let before = state(&app.database_url).await;
    let decision = ["merge", "ida-brook", &orcid(7), "--note", "same mails", "--by", "Ana"];

    let trial = told(&app, &[&decision[..], &["--dry-run"]].concat());
    insta::assert_snapshot!(trial.replace(&former, "FORMER").replace(&survivor, "SURVIVOR"), @r#"
    merge

    Ida Brook (ida-brook)
      id             SURVIVOR
      slug           ida-brook
      ORCID iD       none → 0000-0000-0000-0079
      papers         1 → 3
        + On mills (2017), on-mills, 10.1000/mills, as "Ida M. Brook"
        + On tides (2009), on-tides, 10.1000/tides, as "Ida M. Brook"
      years          2015 → 2009–2017
      coauthors      1 → 2
      other names    1 → 3
        + Ida M. Brook
        + I. M. Brook
      profile        1 → 3
        + biography (fr)
        + homepage https://example.org/ida
      affiliations   1 → 2
        + Mill College, education, 2008–
      topics         1 → 2
        + Tides
      identifiers    1 → 2
        + dblp:b/Brook
      records        1 → 2
        + test researcher:0000-0000-0000-0079
      lead here      0 → 1
        + ida-m-brook, FORMER

    Ida M. Brook (ida-m-brook) is gone
      the id FORMER, the slug ida-m-brook, the ORCID iD 0000-0000-0000-0079: lead to Ida Brook (ida-brook)
      had 2 papers, 2 affiliations, 2 topics, 1 identifier, 1 record

    a dry run: nothing was changed
    "#);
    assert_same(&state(&app.database_url).await, &before);
    assert_eq!(query(&app.database_url, "SELECT count(*) FROM identity_decision").await, ["0"]);

    let merged = told(&app, &decision);
    let lines = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (trial, merged) = (lines(&trial), lines(&merged));
    assert_eq!(trial[..trial.len() - 1], merged[..merged.len() - 1], "a trial tells what happens");

    let found = about(&app, json!({ "slug": "ida-brook" })).await;
    insta::assert_json_snapshot!(found, @"");
    for by in [
        json!({ "slug": "ida-m-brook" }),
        json!({ "orcid": orcid(7) }),
        json!({ "id": former }),
        json!({ "identifier": { "scheme": "dblp", "value": "b/Brook" } }),
    ] {
        assert_eq!(about(&app, by.clone()).await, found, "{by}");
    }
    let node = "query($id: ID!) { node(id: $id) { id ... on Researcher { formerIds name } } }";
    assert_eq!(
        app.data_with(node, json!({ "id": former })).await["node"],
        json!({ "id": survivor, "formerIds": [former], "name": "Ida Brook" })
    );
    assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new());
    let pins = "SELECT DISTINCT researcher.slug FROM identity_pin JOIN researcher ON researcher.id = researcher_id";
    assert_eq!(query(&app.database_url, pins).await, ["ida-brook"]);
    let resolved = "SELECT method || ' ' || confidence || ' ' || evidence FROM authorship_resolution";
    assert_eq!(query(&app.database_url, resolved).await, [r#"DECISION 1 [{"kind": "DECISION", "value": "1"}]"#; 3]);

    let undone = told(&app, &["undo", "1", "--dry-run"]);
    insta::assert_snapshot!(undone.replace(&former, "FORMER").replace(&survivor, "SURVIVOR"), @"");
    assert_eq!(about(&app, json!({ "id": former })).await, found);
    told(&app, &["undo", "1", "--by", "Ben"]);
    assert_same(&state(&app.database_url).await, &before);
    assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new());
}

#[tokio::test]
async fn split_and_its_undoing() {
    let app = start().await;
    let source = app.id_of("researcher", "wei-xu").await;
    let before = state(&app.database_url).await;
    let decision = ["split", "wei-xu", "--papers", "10.1000/PROTEINS", "https://doi.org/10.1000/folds"];
    let trial = told(&app, &[&decision[..], &["--dry-run"]].concat());
    assert_same(&state(&app.database_url).await, &before);

    told(&app, &[&decision[..], &["--note", "a chemist"]].concat());
    let target = app.id_of("researcher", "wei-xu-2").await;
    // The number of somebody new is another one at each trial.
    let trial: String = trial
        .lines()
        .filter(|line| !line.trim_start().starts_with("id "))
        .fold(String::new(), |text, line| text + line + "\n");
    insta::assert_snapshot!(trial, @r#"
    split

    Wei Xu (wei-xu)
      slug           wei-xu
      papers         3 → 1
        - Protein folds (2014), protein-folds, 10.1000/folds, as "Wei Xu"
        - Proteins (2012), proteins, 10.1000/proteins, as "Wei Xu"
      years          2001–2014 → 2001
      coauthors      2 → 1

    Wei Xu (wei-xu-2) is new
      slug           wei-xu-2
      papers         0 → 2
        + Protein folds (2014), protein-folds, 10.1000/folds, as "Wei Xu"
        + Proteins (2012), proteins, 10.1000/proteins, as "Wei Xu"
      years          none → 2012–2014
      coauthors      0 → 1

    a dry run: nothing was changed
    "#);
    let found = about(&app, json!({ "id": target })).await;
    assert_eq!(found["name"], "Wei Xu");
    assert_eq!(texts(&found["papers"]["nodes"], &["slug"]), ["protein-folds", "proteins"]);
    assert_eq!(texts(&found["coauthors"]["nodes"], &["slug"]), ["ben-oak"]);
    let rest = about(&app, json!({ "id": source })).await;
    assert_eq!(texts(&rest["papers"]["nodes"], &["slug"]), ["proofs"]);
    assert_eq!(texts(&rest["coauthors"]["nodes"], &["slug"]), ["uma-lee"]);
    assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new());
    let pins = "SELECT paper.slug || ' ' || researcher.slug FROM identity_pin JOIN researcher ON researcher.id = researcher_id \
         JOIN paper ON paper.id = paper_id ORDER BY paper.id";
    assert_eq!(query(&app.database_url, pins).await, ["proofs wei-xu", "proteins wei-xu-2", "protein-folds wei-xu-2"]);

    let undone = told(&app, &["undo", "1"]);
    assert!(undone.contains("Wei Xu (wei-xu-2) is gone\n"), "{undone}");
    assert_same(&state(&app.database_url).await, &before);
}

#[tokio::test]
async fn split_to_somebody_there() {
    let app = start().await;
    let before = state(&app.database_url).await;
    told(&app, &["split", "wei-xu", "--papers", "proofs", "--into", "tom-ford"]);
    let found = about(&app, json!({ "slug": "tom-ford" })).await;
    assert_eq!(texts(&found["papers"]["nodes"], &["slug"]), ["on-tides", "on-weirs", "proofs"]);
    assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new());
    // The ids of papers, too.
    let paper = app.id_of("paper", "on-weirs").await;
    told(&app, &["split", "tom-ford", "--papers", &paper, "--into", "ben-oak"]);
    assert_eq!(about(&app, json!({ "slug": "ben-oak" })).await["statistics"]["paperCount"], 3);
    told(&app, &["undo", "2"]);
    told(&app, &["undo", "1"]);
    assert_same(&state(&app.database_url).await, &before);
}

/// The ORCID iD that a source gives with the papers goes with them.
#[tokio::test]
async fn orcid_of_papers() {
    let app = start().await;
    app.sql(&format!("UPDATE researcher SET orcid = '{}' WHERE slug = 'wei-xu'", orcid(9))).await;
    app.sql(&format!("UPDATE authorship SET orcid = '{}' FROM paper WHERE paper.id = paper_id AND paper.slug = 'proteins' AND name = 'Wei Xu'", orcid(9))).await;
    let before = state(&app.database_url).await;
    told(&app, &["split", "wei-xu", "--papers", "proteins", "protein-folds"]);
    assert_eq!(about(&app, json!({ "orcid": orcid(9) })).await["slug"], "wei-xu-2");
    told(&app, &["undo", "1"]);
    assert_same(&state(&app.database_url).await, &before);
    assert_eq!(about(&app, json!({ "orcid": orcid(9) })).await["slug"], "wei-xu");
}

#[tokio::test]
async fn several_at_once_and_one_after_the_other() {
    let app = start().await;
    let first = state(&app.database_url).await;
    let ids = [app.id_of("researcher", "ben-oak").await, app.id_of("researcher", "wei-xu").await];
    told(&app, &["merge", "uma-lee", "tom-ford", "ida-m-brook", "--force"]);
    let second = state(&app.database_url).await;
    told(&app, &["merge", "ben-oak", "wei-xu", "--force"]);
    let third = state(&app.database_url).await;
    told(&app, &["merge", "uma-lee", "ben-oak", "--force"]);
    // What was merged into somebody merged leads on.
    for id in &ids {
        assert_eq!(about(&app, json!({ "id": id })).await["slug"], "uma-lee");
    }
    assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new());
    let sentence = refused(&app, &["undo", "1"]);
    assert_eq!(
        sentence,
        "error: decision 1 cannot be undone before what was decided of the same people after it: first undo 3\n"
    );
    told(&app, &["undo", "3"]);
    assert_same(&state(&app.database_url).await, &third);
    // These two are about different people, and may go in any order.
    told(&app, &["undo", "1"]);
    told(&app, &["undo", "2"]);
    assert_same(&state(&app.database_url).await, &first);
    told(&app, &["merge", "uma-lee", "tom-ford", "ida-m-brook", "--force"]);
    let again: Vec<String> = state(&app.database_url).await;
    let without_decisions = |lines: &[String]| -> Vec<String> {
        let is_other =
            |line: &&String| !line.starts_with("identity_pin ") && !line.starts_with("authorship_resolution ");
        lines.iter().filter(is_other).cloned().collect()
    };
    assert_same(&without_decisions(&again), &without_decisions(&second));
}

#[tokio::test]
async fn what_cannot_be() {
    let app = start().await;
    app.load(json!([with(researcher("I. Brook"), json!({ "orcid": orcid(8) })), researcher("Ida Brook-Lee")])).await;
    app.sql("UPDATE researcher SET name_key = 'ida brook' WHERE slug = 'ida-brook-lee'").await;
    let paper = app.id_of("paper", "proofs").await;
    let before = state(&app.database_url).await;
    told(&app, &["merge", "ida-brook", "ida-brook-lee"]);
    told(&app, &["undo", "1", "--by", "Ana"]);
    let cases: &[&[&str]] = &[
        &["merge", "nobody", "ida-brook"],
        &["merge", "Ida Brook", "tom-ford"],
        &["merge", "ida-brook", "IDA-Brook"],
        &["merge", "ida-brook", "tom-ford", "tom-ford"],
        &["merge", "ida-brook", &paper],
        &["merge", "ida-brook", "0000-0002-1694-2339"],
        &["merge", "ida-m-brook", "i-brook"],
        &["merge", "wei-xu", "ben-oak"],
        &["split", "wei-xu", "--papers", "proofs", "on-weirs", "on-mills"],
        &["split", "wei-xu", "--papers", "proofs", "10.1000/nothing"],
        &["split", "wei-xu", "--papers", "proofs", "proteins", "protein-folds"],
        &["split", "wei-xu", "--papers", "proteins", "--into", "ben-oak"],
        &["split", "wei-xu", "--papers", "proteins", "--into", "Wei-Xu"],
        &["undo", "7"],
        &["undo", "1"],
        &["history", "nobody"],
    ];
    let year = query(
        &app.database_url,
        "SELECT to_char(undone_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM identity_decision",
    )
    .await;
    let sentences: Vec<String> = cases
        .iter()
        .map(|case| {
            let told = format!("{}\n  {}", case.join(" "), refused(&app, case));
            told.replace(&paper, "PAPER").replace(&year[0], "TIME")
        })
        .collect();
    insta::assert_snapshot!(sentences.join(""), @r"
    merge nobody ida-brook
      error: there is no researcher 'nobody'; people are named by id, slug or ORCID iD, as the API and the pages show them
    merge Ida Brook tom-ford
      error: there is no researcher 'Ida Brook' (by that name: ida-brook, ida-brook-lee); people are named by id, slug or ORCID iD, as the API and the pages show them
    merge ida-brook IDA-Brook
      error: 'ida-brook' and 'IDA-Brook' both name Ida Brook (ida-brook): name different people
    merge ida-brook tom-ford tom-ford
      error: 'tom-ford' and 'tom-ford' both name Tom Ford (tom-ford): name different people
    merge ida-brook PAPER
      error: 'PAPER' is the id of a thing of type Paper; one of type Researcher is needed here
    merge ida-brook 0000-0002-1694-2339
      error: '0000-0002-1694-2339' is not an ORCID iD: its checksum does not hold; look for a mistyped digit
    merge ida-m-brook i-brook
      error: they have different ORCID iDs: Ida M. Brook (ida-m-brook) has 0000-0000-0000-0079, I. Brook (i-brook) has 0000-0000-0000-0087. An ORCID iD is one person's, so that these are different people, unless somebody registered twice; if that is so, force it: the survivor keeps the first one, and the others lead there too (--force)
    merge wei-xu ben-oak
      error: they are authors of the same papers: proteins, protein-folds. Two authors of a paper are different people, unless one was listed twice; if that is so, force it: the second place on such a paper is left without a person (--force)
    split wei-xu --papers proofs on-weirs on-mills
      error: not by Wei Xu (wei-xu): on-weirs, on-mills; the researcher's page lists the papers that can be moved
    split wei-xu --papers proofs 10.1000/nothing
      error: there is no paper '10.1000/nothing'; papers are named by id, slug, DOI or arXiv id, as the API and the pages show them
    split wei-xu --papers proofs proteins protein-folds
      error: nothing would be left of Wei Xu (wei-xu): that is all that is known of them; to give all of it to somebody else, merge them
    split wei-xu --papers proteins --into ben-oak
      error: Ben Oak (ben-oak) is an author of proteins already, in another place
    split wei-xu --papers proteins --into Wei-Xu
      error: 'wei-xu' and 'Wei-Xu' both name Wei Xu (wei-xu): name different people
    undo 7
      error: there is no decision 7; the history lists them
    undo 1
      error: decision 1 was undone already, on TIME, by Ana
    history nobody
      error: there is no researcher 'nobody'; people are named by id, slug or ORCID iD, as the API and the pages show them
    ");
    assert_same(&state(&app.database_url).await, &before);
}

#[tokio::test]
async fn two_orcids_and_one_paper() {
    let app = start().await;
    app.load(json!([with(researcher("Wei Xu-Oak"), json!({ "orcid": orcid(9) }))])).await;
    let before = state(&app.database_url).await;
    // The second place on a paper is left open.
    told(&app, &["merge", "wei-xu", "ben-oak", "--force"]);
    let places = "SELECT coalesce(researcher.slug, '-') FROM authorship JOIN paper ON paper.id = paper_id \
         LEFT JOIN researcher ON researcher.id = researcher_id WHERE paper.slug = 'proteins' ORDER BY list_order";
    assert_eq!(query(&app.database_url, places).await, ["-", "wei-xu"]);
    assert_eq!(contradictions(&app.database_url).await, Vec::<String>::new());
    // One of the ORCID iDs is the person's, the other leads there.
    told(&app, &["merge", "ida-m-brook", "wei-xu-oak", "--force"]);
    let found = about(&app, json!({ "orcid": orcid(9) })).await;
    assert_eq!(
        (found["slug"].clone(), found["orcid"].clone()),
        (json!("ida-m-brook"), json!(format!("https://orcid.org/{}", orcid(7))))
    );
    let listed = "query($orcids: [String!]) { researchers(filter: { orcids: $orcids }) { nodes { slug } } }";
    let found = app.data_with(listed, json!({ "orcids": [orcid(9)] })).await;
    assert_eq!(texts(&found["researchers"]["nodes"], &["slug"]), ["ida-m-brook"]);
    let search = "query($query: String!) { search(query: $query) { nodes { slug } } }";
    let found = app.data_with(search, json!({ "query": orcid(9) })).await;
    assert_eq!(texts(&found["search"]["nodes"], &["slug"]), ["ida-m-brook"]);
    told(&app, &["undo", "1"]);
    told(&app, &["undo", "2"]);
    assert_same(&state(&app.database_url).await, &before);
}

/// A name that is no form of the survivor's is nowhere told.
#[tokio::test]
async fn former_names() {
    let app = start().await;
    let told = told(&app, &["merge", "tom-ford", "ben-oak"]);
    assert!(told.contains("note: 'Ben Oak' is no form of the name 'Tom Ford' and is not shown as one"), "{told}");
    assert_eq!(about(&app, json!({ "slug": "ben-oak" })).await["otherNames"], json!([]));
}

#[tokio::test]
async fn history() {
    let app = start().await;
    assert_eq!(told(&app, &["history"]), "nothing was decided yet\n");
    told(&app, &["merge", "ida-brook", "ida-m-brook", "--note", "same mails", "--by", "Ana"]);
    told(&app, &["split", "wei-xu", "--papers", "proofs"]);
    told(&app, &["merge", "tom-ford", "ben-oak"]);
    told(&app, &["undo", "2", "--by", "Ben"]);
    app.sql("UPDATE identity_decision SET decided_at = '2026-01-02T03:04:05Z', undone_at = '2026-01-03T03:04:05Z' WHERE id = 2; \
         UPDATE identity_decision SET decided_at = '2026-01-02T03:04:05Z'").await;
    insta::assert_snapshot!(told(&app, &["history"]), @r"
    decision  when (UTC)        what                                                                      by   note        undone
    1         2026-01-02 03:04  merge of Ida M. Brook (ida-m-brook) into Ida Brook (ida-brook), 2 papers  Ana  same mails
    2         2026-01-02 03:04  split of 1 paper from Wei Xu (wei-xu) to Wei Xu (wei-xu-2)                                 2026-01-03 03:04 by Ben
    3         2026-01-02 03:04  merge of Ben Oak (ben-oak) into Tom Ford (tom-ford), 2 papers
    ");
    // By the key of somebody who is somebody else by now.
    let of_one = told(&app, &["history", "ben-oak"]);
    assert_eq!(of_one.lines().count(), 2, "{of_one}");
    assert!(of_one.contains("merge of Ben Oak (ben-oak) into Tom Ford (tom-ford), 2 papers"), "{of_one}");
    assert_eq!(told(&app, &["history", "uma-lee"]), "nothing was decided yet\n");

    let listed: Value = serde_json::from_str(&told(&app, &["history", &orcid(7), "--json"])).expect("JSON");
    let survivor = app.id_of("researcher", "ida-brook").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let people = listed[0]["people"].clone();
    assert_eq!(people[0], json!({ "id": survivor, "slug": "ida-brook", "name": "Ida Brook", "role": "SURVIVOR" }));
    assert_eq!(texts(&people, &["role"]), ["SURVIVOR", "FORMER"]);
    let rest = |field: &str| listed[0][field].clone();
    assert_eq!(rest("kind"), "MERGE");
    assert_eq!(rest("decidedAt"), "2026-01-02T03:04:05Z");
    assert_eq!((rest("decidedBy"), rest("note")), (json!("Ana"), json!("same mails")));
    assert_eq!((rest("undoneAt"), rest("undoneBy"), rest("paperCount")), (json!(null), json!(null), json!(2)));
}

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

/// Whoever adds a table that refers to people has to say what becomes of its rows when two people are one
/// (`store/identity/journal.rs` and `takeover.rs`), and adds it here.
#[tokio::test]
async fn tables_that_refer_to_people() {
    let app = TestApp::start().await;
    let tables = "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = 'researcher'::regclass ORDER BY 1::text";
    assert_eq!(
        query(&app.database_url, tables).await,
        [
            "affiliation",
            "authorship",
            "coauthorship",
            "coauthorship",
            "external_id",
            "researcher_statistics",
            "researcher_topic",
            "search_entry",
            "source_record",
        ]
    );
}
