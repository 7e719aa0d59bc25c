//! The page of a network: filters, picture, groups and table.

use askama::Template;

use crate::pages::frame::Frame;
use crate::pages::network::file;
use crate::pages::network::filters::{FileFormat, Filters, Form, Sort};
use crate::pages::network::groups::GROUPS;
use crate::pages::network::picture::{Glyph, LARGE, Picture, SMALL};
use crate::pages::network::{Drawing, Member, NetworkPerson};
use crate::pages::{RenderError, Rendered};
use crate::text::names::fold;

/// The radius of the shapes beside names.
const GLYPH_RADIUS: f64 = 9.5;
/// The names of a group that the legend lists.
const LEGEND_NAMES: usize = 3;

/// What a network belongs to.
pub(super) struct Owner {
    /// The address of its page.
    pub(super) address: String,
    /// The address of the network.
    pub(super) network_address: String,
    pub(super) name: String,
    /// The language of the name, if it is not that of the page.
    pub(super) language: Option<String>,
    /// The start of the names of files.
    pub(super) slug: String,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    /// Where connections between two people are found, and what the link says.
    pub(super) path_link: String,
    pub(super) path_text: &'static str,
}

#[derive(Template)]
#[template(path = "network.html")]
struct NetworkTemplate<'a> {
    frame: Frame,
    owner: Owner,
    form: Form,
    figures: String,
    pictures: Vec<Picture>,
    legend: Vec<LegendEntry>,
    rows: Vec<Row<'a>>,
    caption: String,
    columns: Vec<Column>,
    has_first_years: bool,
    has_omitted: bool,
    /// Whether the picture for small screens leaves people out.
    is_cut_on_phones: bool,
    consortium_note: String,
    csv_link: String,
    graphml_link: String,
}

/// A column of the table, as a link that sorts by it.
struct Column {
    name: &'static str,
    link: String,
    /// The value of `aria-sort`, if the table is sorted by it.
    sort: Option<&'static str>,
    class: &'static str,
}

/// A group in the legend.
struct LegendEntry {
    glyph: Glyph,
    people: i64,
    names: String,
    /// Whether these are the people who belong to none of the larger groups.
    is_rest: bool,
}

/// A row of the table.
struct Row<'a> {
    person: &'a NetworkPerson,
    paper_count: i64,
    first_year: Option<i32>,
    last_year: Option<i32>,
    glyph: Option<Glyph>,
    /// The people linked to; `None` if the picture leaves the person out.
    ties: Option<Vec<&'a NetworkPerson>>,
}

/// The page, or the file that the address asks for.
pub(super) fn render(
    frame: Frame,
    owner: Owner,
    drawing: &Drawing<'_>,
    filters: &Filters,
    form: Form,
    consortium_size: i64,
) -> Result<Rendered, RenderError> {
    match filters.file {
        Some(FileFormat::Csv) => return Ok(file::csv(drawing, &owner.slug)),
        Some(FileFormat::GraphMl) => return file::graphml(drawing, &owner.slug),
        None => {}
    }
    let texts = frame.t;
    let nodes = frame.length(&drawing.network.nodes);
    let named = drawing.groups.iter().filter(|group| **group < GROUPS - 1).max().map_or(0, |last| last + 1);
    let figures = [
        frame.count(&texts.n_people, nodes),
        frame.count(&texts.n_links, frame.length(&drawing.network.links)),
        frame.count(&texts.n_groups, i64::try_from(named).unwrap_or_default()),
    ];
    let mut caption = frame.count(&texts.n_people, drawing.total);
    if drawing.total > frame.length(&drawing.members) {
        let shown = frame.number(frame.length(&drawing.members));
        caption = format!("{shown} {}", frame.count(&texts.of_n, drawing.total));
    }
    let template = NetworkTemplate {
        figures: figures.join(", "),
        pictures: if nodes > 0 {
            [LARGE, SMALL].map(|size| Picture::new(drawing, size, &frame)).into()
        } else {
            Vec::new()
        },
        legend: legend(drawing),
        rows: rows(drawing, filters.sort),
        caption: format!("{caption}, {}", texts.by_common_papers),
        columns: columns(&frame, filters, drawing.has_first_years),
        has_first_years: drawing.has_first_years,
        has_omitted: drawing.total > nodes,
        is_cut_on_phones: drawing.network.nodes.len() > SMALL.people,
        consortium_note: frame.count(&texts.n_authors_at_most, consortium_size),
        csv_link: filters.params.with("format", "csv"),
        graphml_link: filters.params.with("format", "graphml"),
        frame,
        owner,
        form,
    };
    Ok(Rendered::Html(template.render()?))
}

fn columns(frame: &Frame, filters: &Filters, has_first_years: bool) -> Vec<Column> {
    let column = |sort: Sort, name| Column {
        name,
        link: filters.params.with("sort", sort.value()),
        sort: (filters.sort == sort).then_some(if sort == Sort::Name { "ascending" } else { "descending" }),
        class: match sort {
            Sort::Name => "",
            Sort::First => "num network-first",
            Sort::Papers | Sort::Last => "num",
        },
    };
    let texts = frame.t;
    let all = [
        (Sort::Name, texts.name),
        (Sort::Papers, texts.papers),
        (Sort::First, texts.first_paper),
        (Sort::Last, texts.last_paper),
    ];
    let shown = all.into_iter().filter(|(sort, _)| has_first_years || *sort != Sort::First);
    shown.map(|(sort, name)| column(sort, name)).collect()
}

/// The rows in the order of the table: names ascending, numbers descending, then by joint papers.
fn rows<'a>(drawing: &Drawing<'a>, sort: Sort) -> Vec<Row<'a>> {
    let row = |member: &Member<'a>| Row {
        person: member.person,
        paper_count: member.paper_count,
        first_year: member.first_year,
        last_year: member.last_year,
        glyph: member.index.and_then(|index| drawing.groups.get(index)).map(|group| Glyph::new(*group, GLYPH_RADIUS)),
        ties: member.index.map(|index| drawing.ties(index)),
    };
    let mut rows: Vec<Row<'_>> = drawing.members.iter().map(row).collect();
    match sort {
        Sort::Papers => {}
        Sort::Name => rows.sort_by_cached_key(|row| (fold(row.person.short_name()), fold(&row.person.name))),
        Sort::First => rows.sort_by_key(|row| std::cmp::Reverse(row.first_year)),
        Sort::Last => rows.sort_by_key(|row| std::cmp::Reverse(row.last_year)),
    }
    rows
}

fn legend(drawing: &Drawing<'_>) -> Vec<LegendEntry> {
    let entry = |group: usize| {
        let members = drawing.network.nodes.iter().zip(&drawing.groups).filter(|(_, own)| **own == group);
        let names: Vec<&str> = members.map(|(node, _)| node.researcher.short_name()).collect();
        let listed = names.get(..LEGEND_NAMES).unwrap_or(&names).join(", ");
        let more = if names.len() > LEGEND_NAMES { "…" } else { "" };
        (!names.is_empty()).then(|| LegendEntry {
            glyph: Glyph::new(group, GLYPH_RADIUS),
            people: crate::pages::data::count(names.len()),
            names: format!("{listed}{more}"),
            is_rest: group == GROUPS - 1,
        })
    };
    (0..GROUPS).filter_map(entry).collect()
}
