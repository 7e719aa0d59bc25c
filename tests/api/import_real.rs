//! The beginnings of real files: whatever is in them, every record is accounted for.

use std::io::{BufRead as _, BufReader};

use crate::support::binary::{Outcome, Workplace};
use crate::support::dump::query;
use crate::support::{new_database, shared};

const LINES: usize = 3_000;

/// The first lines of a compressed file, compressed again.
fn beginning(path: &std::path::Path) -> Vec<u8> {
    let file = std::fs::File::open(path).expect("a file");
    let decoder = zstd::Decoder::new(file).expect("a zstd file");
    let lines: Vec<String> = BufReader::new(decoder).lines().take(LINES).collect::<Result<_, _>>().expect("its lines");
    assert_eq!(lines.len(), LINES);
    zstd::encode_all((lines.join("\n") + "\n").as_bytes(), 1).expect("a compressed file")
}

/// The numbers of a summary: read, created, updated, unchanged, rejected.
fn numbers(outcome: &Outcome) -> [usize; 5] {
    let counts = outcome.summary().split(';').next().unwrap_or_default();
    let numbers: Vec<usize> = counts
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().expect("a number"))
        .collect();
    numbers.try_into().expect("five numbers")
}

/// Imports the beginning of a file twice. Gives back the database.
async fn assert_all_accounted_for(format: &str, file: &str) -> Option<String> {
    let path = shared(&format!("data/{file}"))?;
    let (place, url) = (Workplace::new(), new_database().await);
    let name = place.file("beginning.zst", beginning(&path));
    let outcome = place.import(&url, &[format, name]);
    let [read, created, updated, unchanged, rejected] = numbers(&outcome);
    assert_eq!(read, LINES);
    assert_eq!(created + updated + unchanged + rejected, LINES);
    let complained = outcome.complaints().iter().filter(|line| line.contains(": rejected: ")).count();
    assert_eq!(complained, rejected, "each with its line: {}", outcome.stderr);
    assert!(!outcome.stderr.contains("the database refused"), "{}", outcome.stderr);
    let table = if format == "ror" { "organization" } else { "paper" };
    assert_eq!(query(&url, &format!("SELECT count(*) FROM {table}")).await, [created.to_string()]);

    let again = numbers(&place.import(&url, &[format, name]));
    assert_eq!(again, [LINES, 0, 0, LINES - rejected, rejected]);
    Some(url)
}

#[tokio::test]
async fn papers() {
    let Some(url) = assert_all_accounted_for("csl", "ml-anthology-to-2024.csl.jsonl.zst").await else { return };
    // What follows from authorships is what they say, counted in another way.
    let wrong = "SELECT researcher_id FROM researcher_statistics JOIN researcher ON researcher.id = researcher_id \
         WHERE paper_count <> (SELECT count(*) FROM authorship WHERE authorship.researcher_id = researcher.id)";
    assert_eq!(query(&url, wrong).await, Vec::<String>::new());
    let pairs = "SELECT mine.researcher_id, theirs.researcher_id, count(DISTINCT coalesce(paper.version_of_id, paper.id))::integer FROM authorship AS mine \
         JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id AND theirs.researcher_id <> mine.researcher_id \
         JOIN paper ON paper.id = mine.paper_id WHERE author_count <= 100 GROUP BY 1, 2";
    let stored = "SELECT researcher_id, coauthor_id, paper_count FROM coauthorship";
    let different =
        format!("SELECT count(*) FROM (({pairs} EXCEPT {stored}) UNION ALL ({stored} EXCEPT {pairs})) AS different");
    assert_eq!(query(&url, &different).await, ["0"]);
}

#[tokio::test]
async fn organizations() {
    let Some(url) = assert_all_accounted_for("ror", "ror-v2-to-2.7.jsonl.zst").await else { return };
    let nameless = "SELECT ror FROM organization WHERE ror IS NULL OR display_names = '{}'";
    assert_eq!(query(&url, nameless).await, Vec::<String>::new());
}
