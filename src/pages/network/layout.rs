//! Where the people of a network are drawn: Fruchterman and Reingold's spring model with a fixed number of steps, from a
//! circle in the order of the people, so that the same network is always drawn in the same way. Then overlapping shapes are
//! moved apart.

use crate::pages::network::groups::WeightedLink;

/// Steps of the spring model.
const STEPS: u32 = 200;
/// Maximum number of rounds that move overlapping shapes apart.
const MAX_SEPARATION_ROUNDS: usize = 400;
/// Room between two shapes.
const GAP: f64 = 4.0;
/// How strongly everybody is drawn to the middle, so that groups without links to each other stay in the picture.
const GRAVITY: f64 = 3.0;

/// A position in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Point {
    pub(super) fn distance(self, other: Point) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// The room for the shapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Room at the edges, for labels.
    pub(super) margin: f64,
    /// The radius around the middle that stays free for the person whose network it is; 0 if there is none.
    pub(super) center: f64,
}

impl Area {
    pub(super) fn middle(&self) -> Point {
        Point { x: self.width / 2.0, y: self.height / 2.0 }
    }

    fn clamp(&self, point: Point) -> Point {
        Point {
            x: point.x.clamp(self.margin, self.width - self.margin),
            y: point.y.clamp(self.margin, self.height - self.margin),
        }
    }
}

/// The positions of shapes with these radii.
pub(super) fn lay_out(radii: &[f64], links: &[WeightedLink], area: &Area) -> Vec<Point> {
    let mut points = start(radii.len(), area);
    spring(&mut points, links, area);
    fill(&mut points, area);
    separate(&mut points, radii, area);
    points
}

/// A circle around the middle.
fn start(count: usize, area: &Area) -> Vec<Point> {
    let middle = area.middle();
    let radius = area.width.min(area.height) * 0.35;
    let angle =
        |index: usize| std::f64::consts::TAU * to_f64(index) / to_f64(count.max(1)) - std::f64::consts::FRAC_PI_2;
    (0..count)
        .map(|index| Point { x: middle.x + radius * angle(index).cos(), y: middle.y + radius * angle(index).sin() })
        .collect()
}

fn spring(points: &mut [Point], links: &[WeightedLink], area: &Area) {
    let middle = area.middle();
    let ideal = 0.8 * (area.width * area.height / to_f64(points.len() + 1)).sqrt();
    for step in 0..STEPS {
        let mut moves = vec![Point { x: 0.0, y: 0.0 }; points.len()];
        for one in 0..points.len() {
            for other in one + 1..points.len() {
                let (x, y, distance) = between(points[one], points[other], one + other);
                let force = ideal * ideal / distance;
                push(&mut moves[one], x, y, force);
                push(&mut moves[other], x, y, -force);
            }
            let (x, y, distance) = between(points[one], middle, one);
            let from_center = if area.center > 0.0 { 2.0 * ideal * ideal / distance } else { 0.0 };
            push(&mut moves[one], x, y, from_center - GRAVITY * distance);
        }
        for &(from, to, weight) in links {
            let (Some(one), Some(other)) = (points.get(from), points.get(to)) else { continue };
            let (x, y, distance) = between(*one, *other, from + to);
            let force = weight * distance * distance / ideal;
            push(&mut moves[from], x, y, -force);
            push(&mut moves[to], x, y, force);
        }
        let longest = 0.1 * area.width * f64::from(STEPS - step) / f64::from(STEPS);
        for (point, by) in points.iter_mut().zip(moves) {
            let length = by.x.hypot(by.y);
            let scale = if length > longest { longest / length } else { 1.0 };
            push(point, by.x, by.y, scale);
        }
    }
}

/// The direction from one point to another, as a vector of length 1 that leads away from the other, and their distance. Points
/// at the same place part in a direction that depends on their indexes.
fn between(one: Point, other: Point, seed: usize) -> (f64, f64, f64) {
    let distance = one.distance(other);
    if distance < 0.01 {
        let angle = to_f64(seed % 360);
        return (angle.cos(), angle.sin(), 0.01);
    }
    ((one.x - other.x) / distance, (one.y - other.y) / distance, distance)
}

fn push(point: &mut Point, x: f64, y: f64, force: f64) {
    point.x += x * force;
    point.y += y * force;
}

/// Scales the drawing to the room there is, from the middle if somebody stands there.
fn fill(points: &mut [Point], area: &Area) {
    let bounds = |value: fn(&Point) -> f64| {
        let least = points.iter().map(value).fold(f64::INFINITY, f64::min);
        let most = points.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
        (least, most)
    };
    let ((left, right), (top, bottom)) = (bounds(|point| point.x), bounds(|point| point.y));
    let middle = area.middle();
    let (origin, half_width, half_height) = if area.center > 0.0 {
        (middle, (right - middle.x).max(middle.x - left), (bottom - middle.y).max(middle.y - top))
    } else {
        (Point { x: (left + right) / 2.0, y: (top + bottom) / 2.0 }, (right - left) / 2.0, (bottom - top) / 2.0)
    };
    let scale = |half: f64, room: f64| if half < 1.0 { 1.0 } else { room / half };
    let horizontal = scale(half_width, middle.x - area.margin);
    let vertical = scale(half_height, middle.y - area.margin);
    // A little distortion fills the room.
    let least = horizontal.min(vertical);
    let (horizontal, vertical) = (horizontal.min(least * 1.35), vertical.min(least * 1.35));
    for point in points {
        *point = area.clamp(Point {
            x: middle.x + (point.x - origin.x) * horizontal,
            y: middle.y + (point.y - origin.y) * vertical,
        });
    }
}

/// Moves overlapping shapes apart, and out of the middle if somebody stands there.
fn separate(points: &mut [Point], radii: &[f64], area: &Area) {
    let middle = area.middle();
    for _ in 0..MAX_SEPARATION_ROUNDS {
        let mut has_overlap = false;
        for one in 0..points.len() {
            if area.center > 0.0 {
                let (x, y, distance) = between(points[one], middle, one);
                let missing = area.center + radii[one] + GAP - distance;
                if missing > 0.0 {
                    has_overlap = true;
                    push(&mut points[one], x, y, missing);
                    points[one] = area.clamp(points[one]);
                }
            }
            for other in one + 1..points.len() {
                let (x, y, distance) = between(points[one], points[other], one + other);
                let missing = radii[one] + radii[other] + GAP - distance;
                if missing > 0.01 {
                    has_overlap = true;
                    push(&mut points[one], x, y, missing / 2.0);
                    push(&mut points[other], x, y, -missing / 2.0);
                    points[one] = area.clamp(points[one]);
                    points[other] = area.clamp(points[other]);
                }
            }
        }
        if !has_overlap {
            break;
        }
    }
}

/// A number of people, for positions in a picture.
pub(super) fn to_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn areas() -> [Area; 2] {
        [
            Area { width: 740.0, height: 740.0, margin: 44.0, center: 46.0 },
            Area { width: 740.0, height: 740.0, margin: 44.0, center: 0.0 },
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn shapes_are_inside_and_apart(
            radii in prop::collection::vec(12.0..22.0, 0..=50_usize),
            links in prop::collection::vec((0..60_usize, 0..60_usize, 0.0..5.0), 0..400),
        ) {
            for area in areas() {
                let points = lay_out(&radii, &links, &area);
                prop_assert_eq!(&points, &lay_out(&radii, &links, &area), "the same network is drawn in the same way");
                prop_assert_eq!(points.len(), radii.len());
                for (index, point) in points.iter().enumerate() {
                    prop_assert!(point.x >= area.margin && point.x <= area.width - area.margin, "{:?}", point);
                    prop_assert!(point.y >= area.margin && point.y <= area.height - area.margin, "{:?}", point);
                    if area.center > 0.0 {
                        prop_assert!(point.distance(area.middle()) >= area.center + radii[index], "{:?}", point);
                    }
                    for other in index + 1..points.len() {
                        let distance = point.distance(points[other]);
                        prop_assert!(distance >= radii[index] + radii[other], "{} and {}: {}", index, other, distance);
                    }
                }
            }
        }
    }

    #[test]
    fn people_with_links_are_nearer_to_each_other() {
        // Two cliques of four.
        let mut links = Vec::new();
        for clique in [0, 4] {
            for one in 0..4 {
                links.extend((one + 1..4).map(|other| (clique + one, clique + other, 1.0)));
            }
        }
        let points = lay_out(&[12.0; 8], &links, &areas()[1]);
        let mean = |pairs: Vec<(usize, usize)>| {
            let count = to_f64(pairs.len());
            pairs.into_iter().map(|(one, other)| points[one].distance(points[other])).sum::<f64>() / count
        };
        let inside = mean(links.iter().map(|(one, other, _)| (*one, *other)).collect());
        let across = mean((0..4).flat_map(|one| (4..8).map(move |other| (one, other))).collect());
        assert!(inside * 1.5 < across, "{inside} {across}");
    }

    #[test]
    fn nobody_and_somebody_alone() {
        assert!(lay_out(&[], &[], &areas()[0]).is_empty());
        let [with_center, without] = areas();
        assert!(lay_out(&[12.0], &[], &with_center)[0].distance(with_center.middle()) >= with_center.center);
        assert!(lay_out(&[12.0], &[(0, 0, 1.0)], &without)[0].x.is_finite());
    }
}
