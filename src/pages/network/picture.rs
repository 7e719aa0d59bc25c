//! The picture of a network: shapes, links and names at their positions, as the template writes them.

use crate::pages::data::initials;
use crate::pages::frame::Frame;
use crate::pages::network::labels::{self, Label};
use crate::pages::network::layout::{Area, Point, lay_out};
use crate::pages::network::{Drawing, Node, groups, to_f64, weight};

/// The radius of the person in the middle.
const CENTER_RADIUS: f64 = 26.0;
/// The letters of the groups.
const LETTERS: [char; groups::GROUPS] = ['A', 'B', 'C', 'D', 'E', 'F'];
/// The classes of the groups in the style sheet.
const CLASSES: [&str; groups::GROUPS] = ["c-a", "c-b", "c-c", "c-d", "c-e", "c-f"];
/// The steps of the width of links: from this number of joint papers, the width.
const WIDTHS: [(i64, &str); 4] = [(10, "5"), (4, "3.5"), (2, "2"), (0, "1")];

/// The letter of a group.
pub(super) fn letter(group: usize) -> char {
    LETTERS[group.min(groups::GROUPS - 1)]
}

/// The size of a picture.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) class: &'static str,
    width: f64,
    height: f64,
    margin: f64,
    /// Maximum number of people.
    pub(super) people: usize,
    /// The least radius of what can be clicked.
    target: f64,
}

/// The picture on screens with room for it.
pub(super) const LARGE: Size =
    Size { class: "graph-large", width: 740.0, height: 740.0, margin: 44.0, people: 50, target: 14.0 };
/// The picture on a phone.
pub(super) const SMALL: Size =
    Size { class: "graph-small", width: 360.0, height: 400.0, margin: 30.0, people: 12, target: 16.0 };

/// A picture.
pub(super) struct Picture {
    pub(super) class: &'static str,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) label: String,
    pub(super) hulls: Vec<Hull>,
    pub(super) ties: Vec<Ties>,
    pub(super) center: Option<Center>,
    pub(super) people: Vec<DrawnPerson>,
}

/// The area of a group.
pub(super) struct Hull {
    pub(super) class: &'static str,
    pub(super) points: String,
}

/// All links of one width, as the path of a line.
pub(super) struct Ties {
    pub(super) width: &'static str,
    pub(super) path: String,
}

/// The person whose network it is.
pub(super) struct Center {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) radius: String,
    pub(super) initials: String,
    pub(super) label: Option<DrawnLabel>,
}

/// A person, as a link with a shape.
pub(super) struct DrawnPerson {
    pub(super) slug: String,
    /// What the link says to those who do not see it.
    pub(super) description: String,
    pub(super) x: String,
    pub(super) y: String,
    /// The radius of what can be clicked.
    pub(super) target: String,
    pub(super) glyph: Glyph,
    pub(super) label: DrawnLabel,
    /// Whom they have a link with: indices of people of the picture, separated by spaces.
    pub(super) ties: String,
    /// Whether the name is only shown on hover and focus.
    pub(super) is_far: bool,
}

/// A name.
pub(super) struct DrawnLabel {
    pub(super) text: String,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) anchor: &'static str,
}

/// The shape of a group with its letter.
pub(super) struct Glyph {
    pub(super) class: &'static str,
    /// The radius of a circle, or else `points`.
    pub(super) circle: Option<String>,
    pub(super) points: String,
    pub(super) letter: char,
    pub(super) letter_y: String,
}

impl Glyph {
    /// The shape around the origin. All shapes of a size have about the same area.
    pub(super) fn new(group: usize, radius: f64) -> Self {
        let group = group.min(groups::GROUPS - 1);
        let points: &[(f64, f64)] = match group {
            0 => &[],
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.3), (1.13, 0.65), (-1.13, 0.65)],
            3 => &[(1.22, 0.0), (0.0, 1.22), (-1.22, 0.0), (0.0, -1.22)],
            4 => &[(1.08, 0.0), (0.54, 0.935), (-0.54, 0.935), (-1.08, 0.0), (-0.54, -0.935), (0.54, -0.935)],
            _ => &[(0.0, -1.12), (1.065, -0.346), (0.658, 0.906), (-0.658, 0.906), (-1.065, -0.346)],
        };
        let points: Vec<Point> = points.iter().map(|(x, y)| Point { x: x * radius, y: y * radius }).collect();
        Self {
            class: CLASSES[group],
            circle: points.is_empty().then(|| decimal(radius)),
            points: polygon(&points),
            letter: letter(group),
            letter_y: if group == 2 { "5".to_owned() } else { "4.2".to_owned() },
        }
    }
}

impl Picture {
    /// The picture of as many of the closest people as it has room for.
    pub(super) fn new(drawing: &Drawing<'_>, size: Size, frame: &Frame) -> Self {
        let nodes = drawing.network.nodes.get(..size.people).unwrap_or(&drawing.network.nodes);
        let most = nodes.iter().map(|node| node.paper_count).max().unwrap_or(1).max(1);
        let radii: Vec<f64> =
            nodes.iter().map(|node| 9.0 + 9.0 * (to_f64(node.paper_count) / to_f64(most)).sqrt()).collect();
        let targets: Vec<f64> = radii.iter().map(|radius| (radius * 1.3).max(size.target)).collect();
        let is_drawn = |index: usize| index < nodes.len();
        let drawn = drawing.network.links.iter().filter(|link| is_drawn(link.from) && is_drawn(link.to));
        let links: Vec<(usize, usize, i64)> = drawn.map(|link| (link.from, link.to, link.paper_count)).collect();
        let weighted: Vec<_> = links.iter().map(|(from, to, papers)| (*from, *to, weight(*papers))).collect();
        let center = if drawing.center.is_some() { CENTER_RADIUS } else { 0.0 };
        let area = Area { width: size.width, height: size.height, margin: size.margin, center };
        let points = lay_out(&targets, &weighted, &area);
        let mut labels = place_labels(drawing, nodes, &points, &targets, &area).into_iter();
        let center = drawing.center.map(|person| Center {
            x: decimal(area.middle().x),
            y: decimal(area.middle().y),
            radius: decimal(CENTER_RADIUS),
            initials: initials(&person.name),
            label: labels.next().filter(|label| label.is_shown).map(DrawnLabel::from),
        });
        let groups = drawing.groups.get(..nodes.len()).unwrap_or_default();
        let people = nodes.iter().zip(&points).zip(&targets).zip(labels).zip(&radii).zip(groups).enumerate();
        let people = people.map(|(index, (((((node, point), target), label), radius), group))| DrawnPerson {
            slug: node.researcher.slug.clone(),
            description: description(node, *group, frame),
            x: decimal(point.x),
            y: decimal(point.y),
            target: decimal(*target),
            glyph: Glyph::new(*group, *radius),
            is_far: !label.is_shown,
            label: label.into(),
            ties: ties_of(index, &links),
        });
        let texts = frame.t;
        let counts =
            [frame.count(&texts.n_people, frame.length(nodes)), frame.count(&texts.n_links, frame.length(&links))];
        Self {
            class: size.class,
            width: decimal(size.width),
            height: decimal(size.height),
            label: format!("{}, {}", texts.network, counts.join(", ")),
            hulls: hulls(groups, &points),
            ties: ties(&links, &points),
            center,
            people: people.collect(),
        }
    }
}

impl From<Label> for DrawnLabel {
    fn from(label: Label) -> Self {
        Self { x: decimal(label.x), y: decimal(label.y), anchor: label.anchor, text: label.text }
    }
}

/// The labels: first that of the person in the middle, if there is one.
fn place_labels(drawing: &Drawing<'_>, nodes: &[Node], points: &[Point], targets: &[f64], area: &Area) -> Vec<Label> {
    let center = drawing.center.map(|person| (person.name.as_str(), area.middle(), CENTER_RADIUS));
    let people = nodes.iter().zip(points).zip(targets);
    let people = people.map(|((node, point), target)| (node.researcher.name.as_str(), *point, *target));
    let (mut names, mut positions, mut radii) = (Vec::new(), Vec::new(), Vec::new());
    for (name, point, radius) in center.into_iter().chain(people) {
        names.push(name);
        positions.push(point);
        radii.push(radius);
    }
    labels::place(&names, &positions, &radii, area)
}

fn description(node: &Node, group: usize, frame: &Frame) -> String {
    let mut parts = vec![node.researcher.name.clone(), frame.count(&frame.t.n_together, node.paper_count)];
    parts.extend(node.last_year.map(|year| format!("{} {year}", frame.t.last_in)));
    parts.push(format!("{} {}", frame.t.group.to_lowercase(), letter(group)));
    parts.join(", ")
}

/// The areas of the groups that have a letter of their own.
fn hulls(groups: &[usize], points: &[Point]) -> Vec<Hull> {
    let area = |group: usize| {
        let members = groups.iter().zip(points).filter(|(own, _)| **own == group).map(|(_, point)| *point);
        let hull = convex_hull(members.collect());
        (hull.len() > 1).then(|| Hull { class: CLASSES[group], points: polygon(&hull) })
    };
    (0..groups::GROUPS - 1).filter_map(area).collect()
}

/// The people with whom one has a link, by index.
fn ties_of(index: usize, links: &[(usize, usize, i64)]) -> String {
    let others = links.iter().filter_map(|(from, to, _)| match index {
        index if index == *from => Some(to.to_string()),
        index if index == *to => Some(from.to_string()),
        _ => None,
    });
    others.collect::<Vec<_>>().join(" ")
}

fn ties(links: &[(usize, usize, i64)], points: &[Point]) -> Vec<Ties> {
    let width_of = |papers: i64| WIDTHS.iter().find(|(least, _)| papers >= *least).map(|(_, width)| *width);
    let path = |width: &'static str| {
        let own = links.iter().filter(|(.., papers)| width_of(*papers) == Some(width));
        let lines = own.filter_map(|(from, to, _)| {
            let (from, to) = (points.get(*from)?, points.get(*to)?);
            Some(format!("M{} {}L{} {}", decimal(from.x), decimal(from.y), decimal(to.x), decimal(to.y)))
        });
        Ties { width, path: lines.collect() }
    };
    // Wide links are drawn over narrow ones.
    WIDTHS.iter().rev().map(|(_, width)| path(width)).filter(|ties| !ties.path.is_empty()).collect()
}

/// The corners of the smallest convex area around the points, by Andrew's monotone chain.
fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|one, other| one.x.total_cmp(&other.x).then(one.y.total_cmp(&other.y)));
    if points.len() < 3 {
        return points;
    }
    let is_right_turn = |chain: &[Point], next: Point| match chain {
        [.., one, two] => (two.x - one.x) * (next.y - one.y) - (two.y - one.y) * (next.x - one.x) <= 0.0,
        _ => false,
    };
    let half = |points: &mut dyn Iterator<Item = Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for point in points {
            while is_right_turn(&chain, point) {
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

fn polygon(points: &[Point]) -> String {
    let corners: Vec<String> =
        points.iter().map(|point| format!("{},{}", decimal(point.x), decimal(point.y))).collect();
    corners.join(" ")
}

/// A coordinate with at most one decimal.
fn decimal(number: f64) -> String {
    let tenths = (number * 10.0).round();
    // Not -0.
    let tenths = if tenths == 0.0 { 0.0 } else { tenths };
    format!("{}", tenths / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates() {
        for (number, expected) in [(1.0, "1"), (1.25, "1.3"), (-0.01, "0"), (-2.04, "-2"), (739.96, "740")] {
            assert_eq!(decimal(number), expected);
        }
    }

    #[test]
    fn the_hull_has_the_outer_points() {
        let point = |x: f64, y: f64| Point { x, y };
        let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (1.0, 2.0), (2.0, 2.0)];
        let hull = convex_hull(square.iter().map(|(x, y)| point(*x, *y)).collect());
        assert_eq!(hull, [point(0.0, 0.0), point(4.0, 0.0), point(4.0, 4.0), point(0.0, 4.0)]);
        assert_eq!(convex_hull(vec![point(1.0, 1.0)]).len(), 1);
    }
}
