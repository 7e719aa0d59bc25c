//! BibTeX entries as reference managers, publishers and people write them: markup, accents as commands, authors in
//! different orders, identifiers in different places, and a few entries that are damaged.

use std::io::{self, Write};

use crate::{SeededRng, capitalize, random_text, unique_name};

const TYPES: [(&str, &str); 5] = [
    ("article", "journal"),
    ("inproceedings", "booktitle"),
    ("InCollection", "BOOKTITLE"),
    ("phdthesis", "school"),
    ("misc", "howpublished"),
];
/// A placeholder as some tools write it.
const PLACEHOLDER_AUTHORS: [&str; 4] = ["Anonymous", "[s.n.]", ":unav", "{&NA;}"];
const PLACEHOLDER_VENUES: [&str; 3] = ["[Not Available]", ":tba", "n/a"];

/// Writes this many entries by these people.
pub fn write_entries(entries: usize, people: usize, seed: u64, out: &mut impl Write) -> io::Result<()> {
    let mut rng = SeededRng(seed);
    writeln!(out, "Downloaded with a reference manager.\n\n@comment{{jabref-meta: databaseType:bibtex;}}")?;
    writeln!(out, "@string{{jsm = {{Journal of Sparse Methods}}}}")?;
    for number in 0..entries {
        write_entry(number, people, &mut rng, out)?;
    }
    Ok(())
}

fn write_entry(number: usize, people: usize, rng: &mut SeededRng, out: &mut impl Write) -> io::Result<()> {
    let (kind, venue) = TYPES[rng.below(TYPES.len())];
    writeln!(out, "\n@{kind}{{entry{number},")?;
    writeln!(out, "  author = {{{}}},", authors(people, rng))?;
    let words = 4 + rng.below(8);
    writeln!(out, "  {} = {},", ["title", "Title", "TITLE"][rng.below(3)], title(&random_text(rng, words), rng))?;
    write_venue(venue, rng, out)?;
    write_date(rng, out)?;
    write_identifiers(number, rng, out)?;
    if rng.chance_percent(60) {
        let first = 1 + rng.below(900);
        let (volume, last) = (1 + rng.below(80), first + rng.below(30));
        writeln!(out, "  volume = {volume}, number = \"{}\",", 1 + rng.below(12))?;
        writeln!(out, "  pages = {{{first}{}{last}}},", ["--", "-", "–"][rng.below(3)])?;
    }
    if rng.chance_percent(30) {
        let words = 40 + rng.below(120);
        writeln!(out, "  abstract = {{{}.}},", title_text(&random_text(rng, words), rng))?;
    }
    if rng.chance_percent(30) {
        writeln!(out, "  keywords = {{{}; {}}},", random_text(rng, 1), random_text(rng, 2))?;
    }
    // One in two hundred lost its end.
    if rng.below(200) > 0 { writeln!(out, "}}") } else { Ok(()) }
}

fn write_venue(field: &str, rng: &mut SeededRng, out: &mut impl Write) -> io::Result<()> {
    match rng.below(10) {
        0 => writeln!(out, "  {field} = jsm,"),
        1 => writeln!(out, "  {field} = {{{}}},", PLACEHOLDER_VENUES[rng.below(PLACEHOLDER_VENUES.len())]),
        2 => {
            writeln!(out, "  {field} = \"Annals of {{\\'E}}tudes \\& {} {{\\textcommabelow s}}\",", random_text(rng, 1))
        }
        3 => writeln!(out, "  {field} = {{Proceedings &amp;amp; Notes on {}}},", random_text(rng, 1)),
        _ => writeln!(out, "  {field} = {{Journal of {}}},", random_text(rng, 1)),
    }
}

fn write_date(rng: &mut SeededRng, out: &mut impl Write) -> io::Result<()> {
    let (year, month) = (1980 + rng.below(46), 1 + rng.below(12));
    match rng.below(6) {
        0 => writeln!(out, "  date = {{{year}-{month:02}/{year}-12}},"),
        1 => writeln!(out, "  date = {{{year}-{month}}},"),
        2 => writeln!(out, "  date = {{{year}?}},"),
        3 => writeln!(out, "  year = {year}, month = {},", ["jan", "{March}", "\"07\"", "sep # \"~3\""][rng.below(4)]),
        _ => writeln!(out, "  year = {{{year}}},"),
    }
}

fn write_identifiers(number: usize, rng: &mut SeededRng, out: &mut impl Write) -> io::Result<()> {
    match rng.below(8) {
        0 => writeln!(out, "  doi = {{https://doi.org/10.5555/bench.{number}}},"),
        1 => writeln!(out, "  doi = {{DOI 10.5555/BENCH.{number}}},"),
        2 => writeln!(out, "  url = {{https://doi-org.ezproxy.example.org/10.5555/bench.{number}}},"),
        3 => writeln!(
            out,
            "  eprint = {{{:04}.{:05}}}, archivePrefix = {{arXiv}},",
            1501 + number % 12,
            number % 100_000
        ),
        4 => writeln!(out, "  issn = {{1234-5679}}, isbn = {{978-3-16-148410-0}},"),
        _ => writeln!(out, "  doi = {{10.5555/bench.{number}}},"),
    }
}

fn authors(people: usize, rng: &mut SeededRng) -> String {
    if rng.chance_percent(1) {
        return PLACEHOLDER_AUTHORS[rng.below(PLACEHOLDER_AUTHORS.len())].to_owned();
    }
    let names: Vec<(String, String)> =
        (0..rng.authors().min(60)).map(|_| unique_name(rng.below(people.max(1)))).collect();
    let initial = |given: &str| given.chars().next().map(String::from).unwrap_or_default();
    let written = |form: usize, (given, family): &(String, String)| match form {
        0 => format!("{family}, {}.", initial(given)),
        1 => format!("{given} {family}"),
        2 => format!("{}, {given}", accents_as_commands(family)),
        3 => format!("{}, {}", family.to_uppercase(), given.to_uppercase()),
        4 => format!("{family}, Jr., {given}"),
        5 => format!("{family} {}", initial(given)),
        _ => format!("{family}, {given}"),
    };
    let form = rng.below(12);
    let separator = match rng.below(20) {
        0 => " AND ",
        1 => "; ",
        2 => "\n    and ",
        _ => " and ",
    };
    let mut list = names.iter().map(|name| written(form, name)).collect::<Vec<_>>().join(separator);
    if rng.chance_percent(3) {
        list.push_str(" and others");
    }
    list
}

fn title(text: &str, rng: &mut SeededRng) -> String {
    let text = title_text(text, rng);
    match rng.below(4) {
        0 => format!("\"{{{text}}}\""),
        1 => format!("{{{{{text}}}}}"),
        _ => format!("{{{text}}}"),
    }
}

fn title_text(text: &str, rng: &mut SeededRng) -> String {
    let text = if rng.chance_percent(30) { accents_as_commands(text) } else { text.to_owned() };
    match rng.below(10) {
        0 => format!("{text} of $\\mathcal{{O}}(n^2)$ in $\\alpha$"),
        1 => format!("&lt;i&gt;{text}&lt;/i&gt; &amp;amp; more"),
        2 => format!("{{\\noopsort{{a}}}}{text}: {{A}} \\emph{{{}}}", capitalize("study")),
        3 => format!("{text} <sub>2</sub> with p < 0.05 and a \\& b"),
        _ => text,
    }
}

fn accents_as_commands(text: &str) -> String {
    text.replace('é', "{\\'e}").replace('o', "{\\\"o}")
}
