//! A network as a file: its table as CSV, and its graph as GraphML.

use askama::Template;

use crate::pages::network::{Drawing, NetworkPerson};
use crate::pages::{RenderError, Rendered};

/// Spreadsheets read CSV as UTF-8 if it starts with this.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// A cell that starts with one of these is a formula for a spreadsheet.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The table as CSV (RFC 4180), with the columns in English in every language.
pub(super) fn csv(drawing: &Drawing<'_>, slug: &str) -> Rendered {
    let year = |year: Option<i32>| year.map(|year| year.to_string()).unwrap_or_default();
    let mut text = BYTE_ORDER_MARK.to_string();
    let header = ["id", "slug", "name", "headline", "papers", "first_year", "last_year", "group", "linked_with"];
    let is_there = |column: &&str| drawing.has_first_years || *column != "first_year";
    push_row(&mut text, header.iter().filter(|column| is_there(column)).map(|column| (*column).to_owned()));
    for member in &drawing.members {
        let person = member.person;
        let ties = member.index.map(|index| drawing.ties(index)).unwrap_or_default();
        let names: Vec<&str> = ties.iter().map(|person| person.name.as_str()).collect();
        let letter = member.index.and_then(|index| drawing.letter(index));
        let cells = [
            person.id.clone(),
            person.slug.clone(),
            person.name.clone(),
            person.headline.as_ref().map(|headline| headline.value.clone()).unwrap_or_default(),
            member.paper_count.to_string(),
            year(member.first_year),
            year(member.last_year),
            letter.map(String::from).unwrap_or_default(),
            names.join("; "),
        ];
        let cells = header.iter().zip(cells).filter(|(column, _)| is_there(column)).map(|(_, cell)| cell);
        push_row(&mut text, cells);
    }
    Rendered::File {
        name: format!("{slug}-network.csv"),
        media_type: "text/csv; charset=utf-8; header=present",
        content: text,
    }
}

fn push_row(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| escape_cell(&cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// A cell: quoted if necessary, and never a formula.
fn escape_cell(cell: &str) -> String {
    let guard = if cell.starts_with(FORMULA_STARTS) { "'" } else { "" };
    let cell = format!("{guard}{cell}");
    if cell.contains(['"', ',', ';', '\r', '\n', '\'']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[derive(Template)]
#[template(path = "network.graphml.xml")]
struct GraphMlTemplate {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
}

struct GraphNode {
    id: String,
    slug: String,
    name: String,
    papers: Option<i64>,
    last_year: Option<i32>,
    group: Option<char>,
}

struct GraphEdge {
    from: String,
    to: String,
    papers: i64,
    last_year: Option<i32>,
}

/// The graph as GraphML. The person whose network it is is a node, with an edge to everybody.
pub(super) fn graphml(drawing: &Drawing<'_>, slug: &str) -> Result<Rendered, RenderError> {
    let network = drawing.network;
    let node = |person: &NetworkPerson| GraphNode {
        id: person.id.clone(),
        slug: person.slug.clone(),
        name: xml_text(&person.name),
        papers: None,
        last_year: None,
        group: None,
    };
    let people = network.nodes.iter().enumerate().map(|(index, member)| GraphNode {
        papers: Some(member.paper_count),
        last_year: member.last_year,
        group: drawing.letter(index),
        ..node(&member.researcher)
    });
    let own = drawing.center.into_iter().flat_map(|center| {
        network.nodes.iter().map(|member| GraphEdge {
            from: center.id.clone(),
            to: member.researcher.id.clone(),
            papers: member.paper_count,
            last_year: member.last_year,
        })
    });
    let links = network.links.iter().filter_map(|link| {
        Some(GraphEdge {
            from: network.nodes.get(link.from)?.researcher.id.clone(),
            to: network.nodes.get(link.to)?.researcher.id.clone(),
            papers: link.paper_count,
            last_year: link.last_year,
        })
    });
    let template = GraphMlTemplate {
        nodes: drawing.center.map(node).into_iter().chain(people).collect(),
        edges: own.chain(links).collect(),
    };
    let name = format!("{slug}-network.graphml");
    Ok(Rendered::File { name, media_type: "application/xml; charset=utf-8", content: template.render()? })
}

/// A text without the characters that XML does not have.
fn xml_text(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        for (cell, expected) in [
            ("Ada Brook", "Ada Brook"),
            ("Brook, Ada", "\"Brook, Ada\""),
            ("the \"big\" one", "\"the \"\"big\"\" one\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@sum", "\"'@sum\""),
            ("\tx", "\"'\tx\""),
            ("", ""),
        ] {
            assert_eq!(escape_cell(cell), expected);
        }
    }

    #[test]
    fn texts_of_xml() {
        assert_eq!(xml_text("A\u{1}d\u{ffff}a 𝒜é"), "Ada 𝒜é");
    }
}
