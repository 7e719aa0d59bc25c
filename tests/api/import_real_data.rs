//! Samples of real data files: every record is counted as created, updated, unchanged or rejected.

use std::io::{BufRead as _, BufReader};

use crate::support::database_dump::query_strings;
use crate::support::process::{CommandOutput, Workspace};
use crate::support::{create_database, shared_data};

const SAMPLE_LINES: usize = 3_000;

/// The first lines of a compressed file, compressed again.
fn first_lines(path: &std::path::Path) -> Vec<u8> {
    let file = std::fs::File::open(path).expect("a file");
    let decoder = zstd::Decoder::new(file).expect("a zstd file");
    let lines: Vec<String> =
        BufReader::new(decoder).lines().take(SAMPLE_LINES).collect::<Result<_, _>>().expect("its lines");
    assert_eq!(lines.len(), SAMPLE_LINES);
    zstd::encode_all((lines.join("\n") + "\n").as_bytes(), 1).expect("a compressed file")
}

/// The counts of a summary: read, created, updated, unchanged, rejected.
fn summary_counts(outcome: &CommandOutput) -> [usize; 5] {
    let counts = outcome.summary().split(';').next().unwrap_or_default();
    let numbers: Vec<usize> = counts
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().expect("a number"))
        .collect();
    numbers.try_into().expect("five numbers")
}

/// Imports the sample twice and returns the database URL.
async fn assert_every_record_is_counted(format: &str, file: &str) -> Option<String> {
    let path = shared_data(&format!("data/{file}"))?;
    let (workspace, url) = (Workspace::new(), create_database().await);
    let name = workspace.write_file("beginning.zst", first_lines(&path));
    let outcome = workspace.import(&url, &[format, name]);
    let [read, created, updated, unchanged, rejected] = summary_counts(&outcome);
    assert_eq!(read, SAMPLE_LINES);
    assert_eq!(created + updated + unchanged + rejected, SAMPLE_LINES);
    let complained = outcome.stderr_lines().iter().filter(|line| line.contains(": invalid record: ")).count();
    assert_eq!(complained, rejected, "each with its line: {}", outcome.stderr);
    assert!(!outcome.stderr.contains("the database refused"), "{}", outcome.stderr);
    let table = if format == "ror" { "organization" } else { "paper" };
    assert_eq!(query_strings(&url, &format!("SELECT count(*) FROM {table}")).await, [created.to_string()]);

    let again = summary_counts(&workspace.import(&url, &[format, name]));
    assert_eq!(again, [SAMPLE_LINES, 0, 0, SAMPLE_LINES - rejected, rejected]);
    Some(url)
}

#[tokio::test]
async fn papers() {
    let Some(url) = assert_every_record_is_counted("csl", "ml-anthology-to-2024.csl.jsonl.zst").await else { return };
    // The statistics agree with counts computed from authorships.
    let wrong = "SELECT researcher_id FROM researcher_statistics JOIN researcher ON researcher.id = researcher_id \
         WHERE paper_count <> (SELECT count(*) FROM authorship WHERE authorship.researcher_id = researcher.id)";
    assert_eq!(query_strings(&url, wrong).await, Vec::<String>::new());
    let pairs = "SELECT mine.researcher_id, theirs.researcher_id, count(DISTINCT coalesce(paper.version_of_id, paper.id))::integer FROM authorship AS mine \
         JOIN authorship AS theirs ON theirs.paper_id = mine.paper_id AND theirs.researcher_id <> mine.researcher_id \
         JOIN paper ON paper.id = mine.paper_id WHERE author_count <= 100 GROUP BY 1, 2";
    let stored = "SELECT researcher_id, coauthor_id, paper_count FROM coauthorship";
    let different =
        format!("SELECT count(*) FROM (({pairs} EXCEPT {stored}) UNION ALL ({stored} EXCEPT {pairs})) AS different");
    assert_eq!(query_strings(&url, &different).await, ["0"]);
}

#[tokio::test]
async fn organizations() {
    let Some(url) = assert_every_record_is_counted("ror", "ror-v2-to-2.7.jsonl.zst").await else { return };
    let nameless = "SELECT ror FROM organization WHERE ror IS NULL OR display_names = '{}'";
    assert_eq!(query_strings(&url, nameless).await, Vec::<String>::new());
}
