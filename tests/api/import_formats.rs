//! External formats: results for real files, dry runs, source names, and resource limits.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::csl::{article, to_json_lines};
use crate::support::database_dump::{assert_dumps_equal, dump_database, query_strings};
use crate::support::process::{CommandOutput, Workspace, run_to_completion};
use crate::support::{TestApp, create_database, orcid, pluck_strings, shared_data};

/// The directory of sample files of a format.
fn format_files(format: &str) -> Option<String> {
    Some(shared_data(&format!("data/formats/{format}"))?.canonicalize().expect("a directory").display().to_string())
}

/// A message without file name, numbers and quoted text.
fn generalize_message(line: &str) -> String {
    let kinds = [": warning: ", ": invalid record: ", ": unreadable file: ", ": note: "];
    let start = kinds.iter().filter_map(|kind| line.find(kind)).min().map_or(0, |start| start + 2);
    let mut text = String::new();
    let mut in_quotes = false;
    for (before, character) in std::iter::once(' ').chain(line[start..].chars()).zip(line[start..].chars()) {
        match character {
            '\'' if in_quotes || !before.is_alphanumeric() => {
                in_quotes = !in_quotes;
                text.push_str(if in_quotes { "'…" } else { "'" });
            }
            _ if in_quotes => {}
            digit if digit.is_ascii_digit() => {
                if !text.ends_with('#') {
                    text.push('#');
                }
            }
            other => text.push(other),
        }
    }
    // Omits the names of ignored files, so that these messages are counted together.
    text.split(" that ").next().filter(|text| text.contains("skipped")).map_or(text.clone(), ToOwned::to_owned)
}

/// The summary line, followed by the number of occurrences of each message.
fn summarize_messages(outcome: &CommandOutput) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in outcome.stderr_lines().into_iter().filter(|line| !line.contains(" records after ")) {
        *counts.entry(generalize_message(line)).or_default() += 1;
    }
    let mut text = outcome.stdout.lines().last().unwrap_or_default().to_owned();
    for (line, count) in counts {
        text.push_str(&format!("\n{count} × {line}"));
    }
    text
}

/// Runs a dry run over all sample files of a format.
fn summarize_dry_run(format: &str, directory: &str) -> Option<String> {
    let directory = format_files(directory)?;
    let workspace = Workspace::new();
    Some(summarize_messages(&run_to_completion(&mut workspace.command(&["import", format, "--dry-run", &directory]))))
}

#[test]
fn crossref_files() {
    let Some(census) = summarize_dry_run("crossref", "crossref") else { return };
    insta::assert_snapshot!(census, @r"
    read 617: papers 597, invalid 20; 2 warnings and notes; 21 unreadable files; nothing was written
    16 × invalid record: it has no title (its type is component)
    4 × invalid record: it has no title (its type is journal-issue)
    1 × note: skipped # files
    2 × unreadable file: it looks like a Crossref API response about a prefix, which cannot be imported
    3 × unreadable file: it looks like a Crossref API response about funders, which cannot be imported
    4 × unreadable file: it looks like a Crossref API response about journals, which cannot be imported
    3 × unreadable file: it looks like a Crossref API response about licenses, which cannot be imported
    5 × unreadable file: it looks like a Crossref API response about members, which cannot be imported
    1 × unreadable file: it looks like a Crossref API response about the registration agency of a DOI, which cannot be imported
    3 × unreadable file: it looks like a Crossref API response about types of works, which cannot be imported
    1 × warning: author # has no name and was ignored
    ");
}

#[test]
fn openalex_files() {
    let Some(census) = summarize_dry_run("openalex", "openalex") else { return };
    insta::assert_snapshot!(census, @r"
    read 26: organizations 1, papers 19, researchers 1, topics 4, invalid 1; nothing was written
    1 × invalid record: it has no title
    ");
}

#[test]
fn orcid_files() {
    let Some(census) = summarize_dry_run("orcid", "orcid") else { return };
    insta::assert_snapshot!(census, @r"
    read 114: papers 111, researchers 3, invalid 0; 4 warnings and notes; 19 unreadable files; nothing was written
    19 × unreadable file: it looks like a section of an ORCID record without the person, which cannot be imported
    3 × warning: '…' is not a DOI: it has no slash; it was ignored
    1 × warning: '…' is not an ISSN or ISBN; it was ignored
    ");
}

#[test]
fn bibtex_files() {
    let Some(census) = summarize_dry_run("bibtex", "bibtex") else { return };
    insta::assert_snapshot!(census, @r"
    read 4929: papers 4928, invalid 1; 49 warnings and notes; nothing was written
    1 × invalid record: it has no title
    1 × warning: author #, '…', seems to name several people, but not where their names end; it was kept whole; separate the names by semicolons
    45 × warning: its title has unknown LaTeX commands, such as '…'; they were ignored
    2 × warning: the URL '…' is not an HTTP URL and was ignored
    1 × warning: the authors end with '…': the list is truncated
    ");
}

#[test]
fn ris_files() {
    let Some(census) = summarize_dry_run("ris", "ris") else { return };
    insta::assert_snapshot!(census, @r"
    read 17: papers 13, invalid 4; 2 warnings and notes; nothing was written
    3 × invalid record: it has no title
    1 × invalid record: it has no type: a reference starts with a TY line
    1 × warning: the URL '…' is not an HTTP URL and was ignored
    1 × warning: the reference has no ER line
    ");
}

#[test]
fn detected_formats_of_all_files() {
    let Some(census) = summarize_dry_run("auto", "") else { return };
    insta::assert_snapshot!(census, @r"
    read 5703: organizations 1, papers 5669, researchers 4, topics 4, invalid 25; 56 warnings and notes; 53 unreadable files; nothing was written
    5 × invalid record: it has no title
    16 × invalid record: it has no title (its type is component)
    4 × invalid record: it has no title (its type is journal-issue)
    2 × unreadable file: it looks like a Crossref API response about a prefix, which cannot be imported
    3 × unreadable file: it looks like a Crossref API response about funders, which cannot be imported
    4 × unreadable file: it looks like a Crossref API response about journals, which cannot be imported
    3 × unreadable file: it looks like a Crossref API response about licenses, which cannot be imported
    5 × unreadable file: it looks like a Crossref API response about members, which cannot be imported
    1 × unreadable file: it looks like a Crossref API response about the registration agency of a DOI, which cannot be imported
    3 × unreadable file: it looks like a Crossref API response about types of works, which cannot be imported
    11 × unreadable file: it looks like a response about the registration agency of a DOI, which cannot be imported
    7 × unreadable file: it looks like a section of an ORCID record without the person, which cannot be imported
    2 × unreadable file: its format is not recognized; it starts like text
    12 × unreadable file: the format of its JSON is not recognized
    3 × warning: '…' is not a DOI: it has no slash; it was ignored
    1 × warning: '…' is not an ISSN or ISBN; it was ignored
    1 × warning: author # has no name and was ignored
    1 × warning: author #, '…', seems to name several people, but not where their names end; it was kept whole; separate the names by semicolons
    45 × warning: its title has unknown LaTeX commands, such as '…'; they were ignored
    3 × warning: the URL '…' is not an HTTP URL and was ignored
    1 × warning: the authors end with '…': the list is truncated
    1 × warning: the reference has no ER line
    ");
}

#[test]
fn topic_tables() {
    let tables = ["topics-openalex-topics", "topics-unesco-thesaurus"];
    let Some(tables) =
        tables.iter().map(|name| shared_data(&format!("data/{name}.jsonl.zst"))).collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let tables: Vec<String> = tables.iter().map(|path| path.display().to_string()).collect();
    let workspace = Workspace::new();
    let outcome = run_to_completion(
        workspace.command(&["import", "auto", "--dry-run"]).args(&tables).current_dir(env!("CARGO_MANIFEST_DIR")),
    );
    insta::assert_snapshot!(summarize_messages(&outcome), @"read 9280: topics 9280, invalid 0; nothing was written");
}

/// The numbers of created and updated records.
fn changed_counts(outcome: &CommandOutput) -> (usize, usize) {
    let summary = outcome.stdout.lines().last().unwrap_or_default();
    let number = |word: &str| {
        let rest = summary.split(word).nth(1).unwrap_or_default();
        rest.trim_start().chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number")
    };
    (number("created "), number("updated "))
}

#[tokio::test]
async fn reimport_of_real_files() {
    let url = create_database().await;
    let workspace = Workspace::new();
    for format in ["crossref", "openalex", "orcid", "ris"] {
        let Some(directory) = format_files(format) else { return };
        let outcome = workspace.import(&url, &[format, &directory]);
        assert!(!outcome.stderr.contains("the database refused"), "{}", outcome.stderr);
        assert!(changed_counts(&outcome).0 > 0, "{outcome:?}");
        let before = dump_database(&url).await;
        let again = workspace.import(&url, &[format, &directory]);
        assert!(!again.stderr.contains("the database refused"), "{}", again.stderr);
        assert_dumps_equal(&dump_database(&url).await, &before);
    }
}

#[test]
fn dry_run_needs_no_database() {
    let workspace = Workspace::new();
    let text = "name,orcid,organization,role_title@fr,shoes\nIda Brook,0000-0002-1825-0097,Water Institute,Hydrologue,38\n,,,,\nTom Ford,12,,,\n";
    let file = workspace.write_file("people.csv", text);
    let nowhere = "postgres://nobody@localhost:1/nowhere";
    let outcome =
        run_to_completion(&mut workspace.command_with_database(nowhere, &["import", "csv", "--dry-run", file]));
    assert_eq!(outcome.summary(), "read 3: researchers 2, invalid 1; 2 warnings and notes; nothing was written");
    assert_eq!(
        outcome.stderr_lines(),
        [
            "people.csv:1: note: 1 unknown column was ignored: shoes",
            "people.csv:3: invalid record: it has no name",
            "people.csv:4: warning: '12' is not an ORCID iD: expected 16 digits, the last of which may be X, such as 0000-0002-1825-0097; it was ignored",
        ]
    );
    assert!(
        outcome.stdout.starts_with("people.csv:2: {\n  \"kind\": \"researcher\",\n  \"name\": \"Ida Brook\""),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains("\"fr\": \"Hydrologue\""), "{}", outcome.stdout);
    let strict = run_to_completion(
        &mut workspace.command_with_database(nowhere, &["import", "csv", "--dry-run", "--strict", file]),
    );
    assert_eq!(strict.code, Some(1));
    assert!(
        strict.stderr.contains("error: stopped at the first invalid record or warning (--strict): people.csv:3"),
        "{}",
        strict.stderr
    );
}

#[tokio::test]
async fn source_names() {
    let url = create_database().await;
    let workspace = Workspace::new();
    let file =
        workspace.write_file("paper.json", article("w1", "Rivers under glass", 2001, &["Ida Brook"]).to_string());
    let created = "read 1: created 1, updated 0, unchanged 0, invalid 0";
    assert_eq!(workspace.import(&url, &["csl", "--source", "library-a", file]).summary(), created);
    assert_eq!(
        workspace.import(&url, &["csl", "--source", "library-a", file]).summary(),
        "read 1: created 0, updated 0, unchanged 1, invalid 0"
    );
    assert_eq!(query_strings(&url, "SELECT DISTINCT source FROM source_record").await, ["library-a"]);
    assert_eq!(query_strings(&url, "SELECT scheme || ':' || value FROM external_id").await, ["library-a:w1"]);
    let refused = workspace.import(&url, &["csl", "--source", "Two Words", file]);
    assert_eq!(refused.code, Some(2));
}

#[tokio::test]
async fn format_detection() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("all")).expect("a directory");
    workspace.write_file("all/a.json", json!([article("w1", "Rivers", 2001, &["Ida Brook"])]).to_string());
    workspace.write_file("all/b.txt", "@article{k, title={Weirs}, author={Tom Ford}, year=2002}");
    workspace.write_file("all/c.ris", "TY  - JOUR\nTI  - Locks\nAU  - Ferry, Uma\nER  - \n");
    workspace.write_file("all/d.csv", "name;organization\nIda Brook;Water Institute\n");
    workspace.write_file("all/e.txt", "Dear all,");
    workspace.write_file("all/f.png", b"\x89PNG");
    let outcome = workspace.import(&app.database_url, &["auto", "all"]);
    assert_eq!(
        outcome.report(),
        "read 4: created 3, updated 1, unchanged 0, invalid 0; 1 warning or note; 1 unreadable file\n"
    );
    let expected = [
        "all/e.txt:1: unreadable file: its format is not recognized; it starts like text",
        "all: note: skipped 1 file that is not auto: f.png",
    ];
    assert_eq!(outcome.stderr_lines(), expected);
    let sources = "SELECT source || ' ' || count(*) FROM source_record GROUP BY source ORDER BY source";
    assert_eq!(query_strings(&app.database_url, sources).await, ["bibtex 1", "csl 1", "csv 1", "ris 1"]);
    let found = app.data("{ researchers(orderBy: {field: NAME, direction: ASC}) { nodes { name } } }").await;
    assert_eq!(pluck_strings(&found["researchers"]["nodes"], &["name"]), ["Ida Brook", "Uma Ferry", "Tom Ford"]);
}

/// A cycle of topics over several files is reported when it closes, in any order.
#[tokio::test]
async fn cycles_of_topics_over_several_files() {
    let concept = |name: &str, broader: &str| {
        format!(
            "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix v: <http://words.example/water/> .\n\
             v:{name} a skos:Concept ; skos:prefLabel \"{name}\"@en ; skos:broader v:{broader} .\n"
        )
    };
    for order in [["a.ttl", "b.ttl", "c.ttl"], ["c.ttl", "a.ttl", "b.ttl"]] {
        let app = TestApp::start().await;
        let workspace = Workspace::new();
        workspace.write_file("a.ttl", concept("weirs", "dams"));
        workspace.write_file("b.ttl", concept("dams", "waters"));
        workspace.write_file("c.ttl", concept("waters", "weirs"));
        let messages = order.map(|file| workspace.import(&app.database_url, &["topics", file]).stderr);
        assert_eq!((messages[0].as_str(), messages[1].as_str()), ("", ""));
        assert!(messages[2].contains("' is above itself, by records of several files or imports"), "{messages:?}");
        let relations = query_strings(&app.database_url, "SELECT count(*)::text FROM topic_broader").await;
        assert_eq!(relations, ["3"]);
    }
}

/// Two URIs that end alike are two topics, in whatever files and imports, and a topic keeps its code.
#[tokio::test]
async fn topics_of_uris_that_end_alike() {
    let concept = |path: &str, label: &str, broader: &str| {
        format!(
            "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n\
             <http://words.example/{path}> a skos:Concept ; skos:prefLabel \"{label}\"@en {broader}.\n"
        )
    };
    let topics = "SELECT concat_ws(' ', scheme, code, (SELECT value ->> 'value' FROM jsonb_array_elements(names) LIMIT 1), \
         (SELECT string_agg(broader.code, ',') FROM topic_broader JOIN topic AS broader ON broader.id = broader_id \
         WHERE topic_id = topic.id)) FROM topic ORDER BY 1";
    let files = [
        ("themes.ttl", concept("themes/5", "Floods", "")),
        ("places.ttl", concept("places/5", "Riverton", "; skos:broader <http://words.example/themes/5> ")),
        ("times.ttl", concept("times/5", "Winter", "; skos:broader <http://words.example/places/5> ")),
        (
            "lines.jsonl",
            json!({ "id": "http://words.example/lines#5", "pref": { "en": "Shore" }, "broader": ["https://words.example/themes/5"] })
                .to_string(),
        ),
    ];
    let workspace = Workspace::new();
    for (name, text) in &files {
        workspace.write_file(name, text);
    }
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let app = TestApp::start().await;
        let import = |file: &str| {
            workspace.import(&app.database_url, &["topics", "--scheme", "words", file]).summary().to_owned()
        };
        for index in order {
            // A topic that another file referred to is updated by its own record.
            let summary = import(files[index].0);
            assert!(summary.contains("created 1") || summary.contains("updated 1"), "{summary}");
        }
        let found = query_strings(&app.database_url, topics).await;
        let codes: Vec<&str> = found.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!((found.len(), codes.iter().filter(|code| **code == "5").count()), (4, 1), "{found:?}");
        let code = |label: &str| -> String {
            let line = found.iter().find(|line| line.contains(label)).expect("a topic");
            line.split(' ').nth(1).expect("a code").to_owned()
        };
        for (label, broader) in [("Riverton", "Floods"), ("Winter", "Riverton"), ("Shore", "Floods")] {
            assert!(
                found.iter().any(|line| line.ends_with(&format!("{label} {}", code(broader)))),
                "{label}: {found:?}"
            );
        }
        for index in [0, 1, 2, 3] {
            assert!(import(files[index].0).contains("unchanged 1"), "{order:?}");
        }
        assert_eq!(query_strings(&app.database_url, topics).await, found);
        // An export keeps them apart, also in a directory in which another of them has the code.
        let mut export = workspace.command_with_database(&app.database_url, &["export", "records"]);
        workspace.write_file("records.jsonl", run_to_completion(&mut export).stdout);
        let copy = TestApp::start().await;
        workspace.import(&copy.database_url, &["topics", "--scheme", "words", files[order[3]].0]);
        let outcome = workspace.import(&copy.database_url, &["records", "records.jsonl"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(query_strings(&copy.database_url, topics).await.len(), 4, "{order:?}");
    }
    // A directory of an earlier version does not know the URIs. Names tell which topic is whose.
    let app = TestApp::start().await;
    let import =
        |file: &str| workspace.import(&app.database_url, &["topics", "--scheme", "words", file]).summary().to_owned();
    import("themes.ttl");
    app.execute_sql("UPDATE topic SET concept_uri = NULL").await;
    workspace.write_file("alone.ttl", concept("places/5", "Riverton", ""));
    assert!(import("alone.ttl").contains("created 1"));
    assert!(import("themes.ttl").contains("unchanged 1"));
    assert!(import("places.ttl").contains("updated 1"));
    let found = query_strings(&app.database_url, topics).await;
    assert_eq!(found, ["words 5 Floods", "words places/5 Riverton 5"]);
    // A file with both gives both more of their URIs as codes.
    app.execute_sql("DELETE FROM topic WHERE code = 'places/5'; UPDATE topic SET concept_uri = NULL").await;
    workspace.write_file("both.ttl", concept("themes/5", "Floods", "") + &concept("places/5", "Riverton", ""));
    assert!(import("both.ttl").contains("created 1, updated 0, unchanged 1"));
    assert_eq!(query_strings(&app.database_url, topics).await, ["words 5 Floods", "words places/5 Riverton"]);
}

/// The data directory of the embedded Postgres has files with extensions of formats, and is not input.
#[tokio::test]
async fn data_directory_of_the_service() {
    let workspace = Workspace::new();
    workspace.write_file("a.json", json!([article("w1", "Rivers", 2001, &["Ida Brook"])]).to_string());
    let ways = [["import", "auto", "."], ["import", "auto", "data"], ["import", "auto", "data/postgres"]];
    let import = |way: &[&str]| {
        let mut command = workspace.command(way);
        // The directory next to the files, by its default and by a relative path.
        run_to_completion(command.env("DATA_DIR", "data"))
    };
    // It is created by the first run, and recognized while it is in use.
    let first = import(&ways[0]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(workspace.path("data/postgres/data/PG_VERSION").exists());
    workspace.write_file("data/postgres/data/b.txt", "@article{k, title={Weirs}, author={Tom Ford}, year=2002}");
    let note = "data/postgres: note: skipped this folder: it has the database of the service";
    let outcome = import(&ways[0]);
    assert_eq!(
        outcome.report(),
        "read 1: created 0, updated 0, unchanged 1, invalid 0; 1 warning or note\n",
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr_lines(), [format!("./{note}")]);
    let dry_run = import(&["import", "auto", ".", "--dry-run"]);
    assert_eq!((dry_run.code, dry_run.stderr_lines()), (Some(0), vec![format!("./{note}").as_str()]));
    // Files of your own may be next to it.
    workspace.write_file("data/c.ris", "TY  - JOUR\nTI  - Locks\nAU  - Ferry, Uma\nER  - \n");
    let outcome = import(&ways[1]);
    assert_eq!(outcome.summary(), "read 1: created 1, updated 0, unchanged 0, invalid 0; 1 warning or note");
    let refused = import(&ways[2]);
    assert_eq!(refused.code, Some(1));
    let expected = [note, "data/postgres: unreadable file: no file in this folder is in the format auto"];
    assert_eq!(refused.stderr_lines(), expected);
}

/// An ORCID record of a researcher with one work.
fn orcid_record_json(orcid: &str, given: &str, family: &str) -> String {
    let work = json!({ "visibility": "public", "title": { "title": { "value": "Weirs" } }, "external-ids": { "external-id": [
        { "external-id-type": "doi", "external-id-value": "10.1000/w", "external-id-relationship": "self" }] } });
    let record = json!({ "orcid-identifier": { "path": orcid },
        "person": { "name": { "visibility": "public", "given-names": { "value": given }, "family-name": { "value": family } } },
        "activities-summary": { "works": { "group": [{ "work-summary": [work] }] } } });
    record.to_string()
}

const AUTHORS_SQL: &str = "SELECT concat_ws('|', position, authorship.name, researcher.orcid) FROM authorship \
    LEFT JOIN researcher ON researcher.id = researcher_id ORDER BY list_order";

#[tokio::test]
async fn works_listing_one_author_each() {
    let url = create_database().await;
    let workspace = Workspace::new();
    let (ida, tom) = (&orcid(75), &orcid(76));
    let records = [orcid_record_json(ida, "Ida", "Brook"), orcid_record_json(tom, "Tom", "Ford")];
    let file = workspace.write_file("orcid.jsonl", format!("{}\n{}\n", records[0], records[1]));
    assert_eq!(
        workspace.import(&url, &["orcid", file]).summary(),
        "read 4: created 3, updated 1, unchanged 0, invalid 0"
    );
    // Each record names only its owner; the paper gets both authors.
    assert_eq!(query_strings(&url, AUTHORS_SQL).await, [format!("Ida Brook|{ida}"), format!("Tom Ford|{tom}")]);
    // A complete author list takes precedence, and survives a re-import of the ORCID records.
    let work = json!({ "DOI": "10.1000/w", "title": ["Weirs"], "author": [
        { "given": "Uma", "family": "Ferry" }, { "given": "Tom", "family": "Ford" }, { "given": "I.", "family": "Brook", "ORCID": ida }] });
    workspace.import(&url, &["crossref", workspace.write_file("work.json", work.to_string())]);
    let full = ["1|Uma Ferry".to_owned(), format!("2|Tom Ford|{tom}"), format!("3|I. Brook|{ida}")];
    assert_eq!(query_strings(&url, AUTHORS_SQL).await, full);
    let third = format!("{}\n", orcid_record_json(&orcid(77), "Wei", "Quay"));
    let outcome =
        workspace.import(&url, &["orcid", "--source", "orcid-2", file, workspace.write_file("third.json", third)]);
    assert_eq!(query_strings(&url, AUTHORS_SQL).await, full);
    let note = "third.json:1: note: the author of the record is not among the paper's authors, which were not changed";
    assert_eq!(outcome.stderr_lines(), [note]);
}

/// Runs the binary with a limited data segment, in KiB.
fn run_with_memory_limit(workspace: &Workspace, kibibytes: usize, arguments: &[&str]) -> CommandOutput {
    let program = env!("CARGO_BIN_EXE_academic-directory");
    let mut command = workspace.command(&[]);
    let environment: Vec<(String, String)> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
        .collect();
    command = std::process::Command::new("sh");
    command.env_clear().envs(environment).current_dir(workspace.path("")).arg("-c");
    command.arg(format!("ulimit -d {kibibytes} && exec \"$0\" \"$@\"")).arg(program).args(arguments);
    run_to_completion(&mut command)
}

/// The allocator reserves address space in large chunks, which count towards the limit.
const DATA_LIMIT_KIB: usize = 600 << 10;

#[test]
fn oversized_records() {
    let workspace = Workspace::new();
    let good = |id: &str| to_json_lines(&[article(id, &format!("Good {id}"), 2000, &["Ida Brook"])]);
    let mut text = good("a").into_bytes();
    text.extend_from_slice(b"{\"title\": \"");
    text.resize(text.len() + (200 << 20), b'x');
    text.extend_from_slice(b"\"}\n");
    text.extend_from_slice(good("b").as_bytes());
    let long = workspace.write_file("long.jsonl", text);
    for format in ["csl", "crossref"] {
        let outcome = run_with_memory_limit(&workspace, DATA_LIMIT_KIB, &["import", format, "--dry-run", long]);
        assert_eq!(outcome.summary(), "read 3: papers 2, invalid 1; nothing was written");
        let reason = "the line is longer than 64 MiB; write one record per line, or an array over several lines";
        assert_eq!(outcome.stderr_lines(), [format!("long.jsonl:2: invalid record: {reason}")]);
    }
    for format in ["bibtex", "ris", "csv", "pubmed", "topics"] {
        let outcome = run_with_memory_limit(&workspace, DATA_LIMIT_KIB, &["import", format, "--dry-run", long]);
        assert_eq!(outcome.stderr_lines().len(), 1, "{format}: {outcome:?}");
        assert!(outcome.stderr.starts_with("long.jsonl:1: unreadable file: it"), "{format}: {outcome:?}");
    }
    let values = format!("{}{{\"title\": [{}0]}}\n{}", good("a"), "0,".repeat(20 << 20), good("b"));
    let outcome = run_with_memory_limit(
        &workspace,
        DATA_LIMIT_KIB,
        &["import", "csl", "--dry-run", workspace.write_file("values.jsonl", values)],
    );
    assert_eq!(outcome.stderr_lines(), ["values.jsonl:2: invalid record: it has more than 4000000 values"]);
    // For every other format: one oversized field, with a valid record before and after it.
    let long = "x".repeat(70 << 20);
    for (format, name, text) in [
        (
            "bibtex",
            "long.bib",
            format!("@book{{a, title={{A}}}}\n@book{{b, title={{{long}}}}}\n@book{{c, title={{C}}}}\n"),
        ),
        (
            "ris",
            "long.ris",
            format!("TY  - JOUR\nTI  - A\nER  - \nTY  - JOUR\nTI  - {long}\nER  - \nTY  - JOUR\nTI  - C\nER  - \n"),
        ),
        ("csv", "long.csv", format!("name\nIda Brook\n{long}\nTom Ford\n")),
    ] {
        let outcome = run_with_memory_limit(
            &workspace,
            DATA_LIMIT_KIB,
            &["import", format, "--dry-run", workspace.write_file(name, text)],
        );
        assert!(outcome.summary().ends_with(" 2, invalid 1; nothing was written"), "{outcome:?}");
        let [complaint] = outcome.stderr_lines()[..] else { panic!("one complaint: {outcome:?}") };
        assert!(complaint.ends_with("the line is longer than 1 MiB"), "{complaint}");
    }
    let article = |pmid: u32, title: &str| {
        format!(
            "<PubmedArticle><MedlineCitation><PMID>{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation></PubmedArticle>\n"
        )
    };
    let set =
        format!("<PubmedArticleSet>\n{}{}{}</PubmedArticleSet>\n", article(1, "A"), article(2, &long), article(3, "C"));
    let outcome = run_with_memory_limit(
        &workspace,
        DATA_LIMIT_KIB,
        &["import", "pubmed", "--dry-run", workspace.write_file("long.xml", set)],
    );
    assert_eq!(outcome.summary(), "read 3: papers 2, invalid 1; nothing was written");
    assert_eq!(
        outcome.stderr_lines(),
        ["long.xml:3: invalid record: the article that starts here is larger than 16 MiB"]
    );
}

#[test]
fn decompression_bombs() {
    use std::io::Write as _;
    let workspace = Workspace::new();
    let good = to_json_lines(&[article("a", "Good", 2000, &["Ida Brook"])]);
    let zeros = vec![b' '; 16 << 20];
    let gzip = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).expect("a memory to write to");
        encoder.finish().expect("compressed")
    };
    let (head, member) = (gzip(good.as_bytes()), gzip(&zeros));
    let bomb = [head, member.repeat(100)].concat();
    let zstd = zstd::encode_all(&[good.as_bytes(), &zeros.repeat(16)].concat()[..], 1).expect("compressed");
    let files = [
        workspace.write_file("bomb.gz", bomb),
        workspace.write_file("bomb.zst", zstd),
        workspace.write_file("good.jsonl", &good),
    ];
    for format in ["csl", "crossref"] {
        let outcome =
            run_with_memory_limit(&workspace, DATA_LIMIT_KIB, &[&["import", format, "--dry-run"], &files[..]].concat());
        let reason = "unreadable file: its rest is unreadable: its compressed data expands more than 400-fold";
        assert_eq!(outcome.stderr_lines(), [format!("bomb.gz:2: {reason}"), format!("bomb.zst:2: {reason}")]);
        let last = outcome.stdout.lines().last();
        assert_eq!(last, Some("read 3: papers 3, invalid 0; 2 unreadable files; nothing was written"));
    }
}

#[test]
fn deep_nesting() {
    let workspace = Workspace::new();
    let deep = |open: &str, amount: usize| open.repeat(amount);
    let text = format!(
        "{{\"message\": {{\"items\": [{{\"DOI\": \"10.1000/a\", \"title\": {}}},\n{{\"DOI\": \"10.1000/b\", \"title\": [\"B\"]}}]}}}}",
        deep("[", 100_000) + &deep("]", 100_000)
    );
    let outcome = run_with_memory_limit(
        &workspace,
        DATA_LIMIT_KIB,
        &["import", "crossref", "--dry-run", workspace.write_file("deep.json", text)],
    );
    assert_eq!(outcome.summary(), "read 2: papers 1, invalid 1; nothing was written");
    assert!(
        outcome.stderr.starts_with("deep.json:1: invalid record: it is not JSON: recursion limit exceeded"),
        "{}",
        outcome.stderr
    );
    let around = format!("{{\"a\": {}, \"items\": []}}", deep("[", 1_000_000) + &deep("]", 1_000_000));
    let outcome = run_with_memory_limit(
        &workspace,
        DATA_LIMIT_KIB,
        &["import", "crossref", "--dry-run", workspace.write_file("around.json", around)],
    );
    assert_eq!(outcome.stderr_lines().len(), 1, "{outcome:?}");
    let xml = format!("<record xmlns=\"http://www.orcid.org/ns/record\">{}", deep("<a>", 1_000_000));
    let outcome = run_with_memory_limit(
        &workspace,
        DATA_LIMIT_KIB,
        &["import", "orcid", "--dry-run", workspace.write_file("deep.xml", xml)],
    );
    assert_eq!(outcome.stderr_lines(), ["deep.xml:1: unreadable file: its elements are nested more than 100 deep"]);
}

#[test]
fn utf_16() {
    let workspace = Workspace::new();
    let text = "\u{feff}name,organization\r\nZoë Pier,Institut de l’eau\r\n";
    for (name, bytes) in [
        ("little.csv", text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ("big.csv", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ] {
        let file = workspace.write_file(name, bytes);
        let outcome = run_to_completion(&mut workspace.command(&["import", "auto", "--dry-run", file]));
        assert_eq!(outcome.summary(), "read 1: researchers 1, invalid 0; nothing was written");
        assert!(outcome.stdout.contains("Zoë Pier") && outcome.stdout.contains("l’eau"), "{}", outcome.stdout);
    }
}

#[tokio::test]
async fn openalex_snapshot() {
    let app = TestApp::start().await;
    let workspace = Workspace::new();
    let part = |entity: &str, date: &str, records: &[serde_json::Value]| {
        let directory = workspace.path("snapshot/data").join(entity).join(format!("updated_date={date}"));
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = std::fs::File::create(directory.join("part_000.gz")).expect("a file");
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, to_json_lines(records).as_bytes()).expect("the records");
        encoder.finish().expect("the end of the file");
    };
    let author = json!({ "id": "https://openalex.org/A1", "display_name": "Ida Brook", "orcid": orcid(3) });
    let work = |id: &str, title: &str| {
        json!({ "id": format!("https://openalex.org/{id}"), "title": title, "publication_year": 2001, "authorships": [
            { "author": { "id": "https://openalex.org/A1", "display_name": "Ida Brook", "orcid": orcid(3) } }] })
    };
    part("authors", "2026-01-02", &[author]);
    part("concepts", "2026-01-02", &[json!({ "id": "https://openalex.org/C1", "display_name": "Bees" })]);
    part("works", "2026-01-02", &[work("W1", "Of bees"), work("W2", "Of wasps")]);
    part("works", "2026-01-03", &[work("W3", "Of ants")]);
    std::fs::write(workspace.path("snapshot/data/works/manifest"), "{\"entries\": []}").expect("the manifest");
    let outcome = workspace.import(&app.database_url, &["openalex", "snapshot"]);
    assert_eq!(outcome.summary(), "read 4: created 4, updated 0, unchanged 0, invalid 0; 1 warning or note");
    assert_eq!(outcome.stderr_lines(), ["snapshot: note: skipped 2 files that are not openalex: concepts/, manifest"]);
    let query = "{ researchers { nodes { name statistics { paperCount } } } }";
    let people = app.data(query).await["researchers"]["nodes"].clone();
    assert_eq!(people, json!([{ "name": "Ida Brook", "statistics": { "paperCount": 3 } }]));
}
