//! Interrupted, killed and concurrent imports give the same directory as one undisturbed import.

use std::fmt::Write as _;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::create_database;
use crate::support::csl::{article, author, with_fields};
use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{ChildProcess, Workspace, run_to_completion};
use crate::support::synthetic_data::SeededRng;

/// Enough for several batches, each of which is one transaction.
const PAPER_COUNT: usize = 4_600;

/// Papers by recurring authors, some of whom have namesakes or an ORCID iD.
fn random_papers(amount: usize) -> Vec<Value> {
    let mut rng = SeededRng::new(7);
    let mut papers: Vec<Value> = Vec::with_capacity(amount);
    for number in 0..amount {
        let authors: Vec<Value> = (0..1 + rng.below(6)).map(|_| author_number(rng.below(1_500))).collect();
        let title = format!("Study of {}", rng.below(amount));
        let year = i32::try_from(1980 + rng.below(40)).expect("a year");
        papers.push(with_fields(article(&format!("Study-{number}"), &title, year, &[]), json!({ "author": authors })));
    }
    papers
}

fn author_number(number: usize) -> Value {
    // Numbers 1200 to 1499 have two spellings, so that two people get the same base slug.
    let name = match number {
        1_200.. => format!("Ána Fórd{}", number / 2),
        600.. => format!("Ana Ford{}", number / 2 * 2),
        _ => format!("Tom Lee{number}"),
    };
    let orcids = ["0000-0009-1000-0019", "0000-0009-1000-0027", "0000-0009-1000-0035", "0000-0009-1000-0078"];
    match orcids.get(number) {
        Some(orcid) => with_fields(author(&name), json!({ "ORCID": orcid })),
        None => author(&name),
    }
}

/// The same with problems of real files: reused IDs, shared DOIs, repeated titles and missing IDs.
fn messy_papers(amount: usize) -> Vec<Value> {
    let mut papers = random_papers(amount);
    for number in 0..amount {
        if number % 7 == 3 {
            papers[number]["DOI"] = json!(format!("10.1000/{}", number % 700));
        }
        if number % 11 == 5 {
            papers[number]["id"] = json!(format!("Study-{}", number % 900));
        }
        if number % 13 == 6 {
            papers[number]["title"] = papers[number / 2]["title"].clone();
        }
        if number % 50 == 9 {
            papers[number].as_object_mut().expect("an object").remove("id");
        }
    }
    papers
}

fn to_json_lines(papers: &[Value]) -> String {
    papers.iter().fold(String::new(), |mut text, paper| {
        let _ = writeln!(text, "{paper}"); // a String takes everything
        text
    })
}

/// Starts an import and kills it once it has written more than `papers_before` papers.
async fn import_and_kill(workspace: &Workspace, url: &str, file: &str, papers_before: usize) {
    let running = ChildProcess::start(&mut workspace.command_with_database(url, &["import", "csl", file]));
    let deadline = std::time::Instant::now() + crate::support::process::WAIT_TIMEOUT;
    loop {
        let count: usize = query_strings(url, "SELECT count(*) FROM paper").await[0].parse().expect("a number");
        if count > papers_before {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the import makes no progress");
    }
    running.send_signal(Signal::KILL);
    let outcome = running.wait();
    assert_eq!(
        (outcome.code, outcome.report()),
        (None, ""),
        "the import finished before it was killed: {}",
        outcome.stderr
    );
}

#[tokio::test]
async fn killed_import() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", to_json_lines(&messy_papers(PAPER_COUNT)));
    let (whole, killed) = (create_database().await, create_database().await);
    let undisturbed = workspace.import(&whole, &["csl", file]);
    assert_eq!(undisturbed.code, Some(0));

    // Killed twice: early, and again after further progress.
    import_and_kill(&workspace, &killed, file, 0).await;
    let first: usize = query_strings(&killed, "SELECT count(*) FROM paper").await[0].parse().expect("a number");
    import_and_kill(&workspace, &killed, file, first).await;
    let second: usize = query_strings(&killed, "SELECT count(*) FROM paper").await[0].parse().expect("a number");
    let in_all: usize = query_strings(&whole, "SELECT count(*) FROM paper").await[0].parse().expect("a number");
    assert!(0 < first && first < second && second < in_all, "{first} {second} {in_all}");

    let resumed = workspace.import(&killed, &["csl", file]);
    assert_eq!(resumed.code, Some(0));
    assert!(resumed.report().starts_with(&format!("read {PAPER_COUNT}: ")), "{}", resumed.stdout);
    assert_dumps_equal(&dump_database(&killed).await, &dump_database(&whole).await);
}

#[tokio::test]
async fn interrupted_import() {
    let workspace = Workspace::new();
    let url = create_database().await;
    let file = workspace.write_file("papers.jsonl", to_json_lines(&messy_papers(PAPER_COUNT)));
    let running = ChildProcess::start(&mut workspace.command_with_database(&url, &["import", "csl", file]));
    let deadline = std::time::Instant::now() + crate::support::process::WAIT_TIMEOUT;
    while query_strings(&url, "SELECT count(*) FROM paper").await == ["0"] {
        assert!(std::time::Instant::now() < deadline, "the import makes no progress");
    }
    running.send_signal(Signal::INT);
    let outcome = running.wait();
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.stderr_lines().last(), Some(&"interrupted; run the same command again to resume"));
}

#[tokio::test]
async fn concurrent_imports_of_one_file() {
    let workspace = Workspace::new();
    let file = workspace.write_file("papers.jsonl", to_json_lines(&messy_papers(3_200)));
    let (apart, at_once) = (create_database().await, create_database().await);
    for _ in 0..2 {
        assert_eq!(workspace.import(&apart, &["csl", file]).code, Some(0));
    }
    let importers =
        [(); 2].map(|()| ChildProcess::start(&mut workspace.command_with_database(&at_once, &["import", "csl", file])));
    for importer in importers {
        let outcome = importer.wait();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(!outcome.stderr.contains("refused"), "{}", outcome.stderr);
    }
    let (at_once, apart) = (dump_database(&at_once).await, dump_database(&apart).await);
    assert_dumps_equal(&without_slug_numbers(&at_once), &without_slug_numbers(&apart));
}

/// A dump without the numbers that tell the slugs of papers of one title apart: which of them is first depends on the
/// batches, whose size depends on who else writes.
fn without_slug_numbers(dump: &[String]) -> Vec<String> {
    let without = |line: &String| {
        let mut parts = line.split("study-of-");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let (number, rest) = part.split_at(digits);
            let numbered = rest.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            let rest = numbered.map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
            format!("{text}study-of-{number}{rest}")
        })
    };
    let mut lines: Vec<String> = dump.iter().map(without).collect();
    lines.sort_unstable();
    lines
}

/// Every name is unique, since the order of namesakes would determine their slugs.
#[tokio::test]
async fn concurrent_imports_of_two_files() {
    let workspace = Workspace::new();
    let files = ["Study", "Survey"].map(|prefix| {
        let papers = (0..2_000).map(|number| {
            let authors = [number % 97, number % 89 + 100, number % 83 + 200].map(|one| format!("Tom Lee{one}"));
            article(
                &format!("{prefix}-{number}"),
                &format!("{prefix} number {number}"),
                2000,
                &authors.each_ref().map(String::as_str),
            )
        });
        to_json_lines(&papers.collect::<Vec<_>>())
    });
    let names = [workspace.write_file("one.jsonl", &files[0]), workspace.write_file("two.jsonl", &files[1])];
    let (apart, at_once) = (create_database().await, create_database().await);
    for name in names {
        assert_eq!(workspace.import(&apart, &["csl", name]).code, Some(0));
    }
    let importers =
        names.map(|name| ChildProcess::start(&mut workspace.command_with_database(&at_once, &["import", "csl", name])));
    for importer in importers {
        assert_eq!(importer.wait().summary(), "read 2000: created 2000, updated 0, unchanged 0, invalid 0");
    }
    assert_dumps_equal(&dump_database(&at_once).await, &dump_database(&apart).await);
}

#[tokio::test]
async fn import_during_migration() {
    // Three imports start on a database without tables.
    let workspace = Workspace::new();
    let url = crate::support::create_empty_database().await;
    let file = workspace.write_file("paper.json", article("w1", "A paper", 2000, &["Ida Brook"]).to_string());
    let starters =
        [(); 3].map(|()| ChildProcess::start(&mut workspace.command_with_database(&url, &["import", "csl", file])));
    for starter in starters {
        let outcome = starter.wait();
        assert!(outcome.summary().starts_with("read 1: "), "{outcome:?}");
    }
    assert_eq!(query_strings(&url, "SELECT title FROM paper").await, ["A paper"]);
    assert_eq!(run_to_completion(&mut workspace.command_with_database(&url, &["migrate", "status"])).code, Some(0));
}
