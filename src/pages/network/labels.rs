//! Where the names of people are written: beside their shapes, where they cover no shape and no other name. The closest people
//! come first; a name that fits nowhere is only shown on hover and focus.

use crate::pages::network::layout::{Area, Point};

/// Longer names are cut.
const MAX_CHARS: usize = 26;
/// How far a line of text reaches above its base line, and below it.
const ASCENT: f64 = 11.0;
const DESCENT: f64 = 4.0;
/// Distance between a shape and its label.
const DISTANCE: f64 = 5.0;
/// Room between a label and the edge of the picture.
const EDGE: f64 = 2.0;

/// A label.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) x: f64,
    /// The base line.
    pub(super) y: f64,
    /// `start`, `middle` or `end`.
    pub(super) anchor: &'static str,
    /// Whether it is always shown.
    pub(super) is_shown: bool,
}

/// A rectangle that is covered.
#[derive(Clone, Copy, Debug)]
struct Rectangle {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Rectangle {
    fn intersects(&self, other: &Rectangle) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn covers_circle(&self, center: Point, radius: f64) -> bool {
        let nearest = Point { x: center.x.clamp(self.left, self.right), y: center.y.clamp(self.top, self.bottom) };
        nearest.distance(center) < radius
    }
}

impl Label {
    /// The rectangle that the text covers.
    fn rectangle(&self) -> Rectangle {
        let width = width(&self.text);
        let left = match self.anchor {
            "start" => self.x,
            "end" => self.x - width,
            _ => self.x - width / 2.0,
        };
        Rectangle { left, top: self.y - ASCENT, right: left + width, bottom: self.y + DESCENT }
    }
}

/// Labels of shapes at these points.
pub(super) fn place(names: &[&str], points: &[Point], radii: &[f64], area: &Area) -> Vec<Label> {
    let mut taken: Vec<Rectangle> = Vec::new();
    let mut labels = Vec::new();
    for (index, ((name, point), radius)) in names.iter().zip(points).zip(radii).enumerate() {
        let candidates = candidates(name, *point, *radius);
        let is_free = |label: &&Label| {
            let own = label.rectangle();
            let is_inside = own.left >= EDGE
                && own.right <= area.width - EDGE
                && own.top >= EDGE
                && own.bottom <= area.height - EDGE;
            let mut others = points.iter().zip(radii).enumerate().filter(|(other, _)| *other != index);
            is_inside
                && taken.iter().all(|taken| !own.intersects(taken))
                && others.all(|(_, (center, radius))| !own.covers_circle(*center, *radius))
        };
        let label = match candidates.iter().find(is_free) {
            Some(label) => {
                taken.push(label.rectangle());
                label.clone()
            }
            None => hidden(name, *point, *radius, area),
        };
        labels.push(label);
    }
    labels
}

fn candidates(name: &str, point: Point, radius: f64) -> Vec<Label> {
    let (beside, diagonal) = (radius + DISTANCE, radius * 0.7 + DISTANCE);
    let places = [
        (0.0, beside + ASCENT - 1.0, "middle"),
        (0.0, -beside - DESCENT + 2.0, "middle"),
        (beside, DESCENT, "start"),
        (-beside, DESCENT, "end"),
        (diagonal, diagonal + 6.0, "start"),
        (-diagonal, diagonal + 6.0, "end"),
        (diagonal, -diagonal, "start"),
        (-diagonal, -diagonal, "end"),
    ];
    let text = shortened(name);
    let label = |(x, y, anchor)| Label { text: text.clone(), x: point.x + x, y: point.y + y, anchor, is_shown: true };
    places.into_iter().map(label).collect()
}

/// A label above the shape that is only shown on hover and focus.
fn hidden(name: &str, point: Point, radius: f64, area: &Area) -> Label {
    let text = shortened(name);
    let half = width(&text) / 2.0 + EDGE;
    let x = if 2.0 * half >= area.width { area.width / 2.0 } else { point.x.clamp(half, area.width - half) };
    Label { text, x, y: (point.y - radius - DISTANCE).max(ASCENT + EDGE), anchor: "middle", is_shown: false }
}

/// A name, cut if it is long.
fn shortened(name: &str) -> String {
    if name.chars().count() <= MAX_CHARS {
        return name.to_owned();
    }
    let start: String = name.chars().take(MAX_CHARS - 1).collect();
    format!("{}…", start.trim_end())
}

/// The width of a text of 13 pixels, at most.
fn width(text: &str) -> f64 {
    let of_char = |character: char| match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | '\'' | '’' | ' ' => 4.6,
        'f' | 't' | 'r' | '-' | '(' | ')' => 6.0,
        'm' | 'w' | 'M' | 'W' => 12.5,
        character if character.is_ascii_lowercase() || character.is_ascii_digit() => 7.9,
        character if u32::from(character) < 0x1100 => 9.8,
        _ => 14.0,
    };
    text.chars().map(of_char).sum::<f64>() + 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pages::network::layout::lay_out;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn shown_labels_cover_nothing(
            people in prop::collection::vec(("[A-Za-zé ]{1,40}", 12.0..22.0), 0..=50_usize),
            links in prop::collection::vec((0..50_usize, 0..50_usize, 0.0..5.0), 0..200),
        ) {
            let area = Area { width: 740.0, height: 740.0, margin: 44.0, center: 46.0 };
            let names: Vec<&str> = people.iter().map(|(name, _)| name.as_str()).collect();
            let radii: Vec<f64> = people.iter().map(|(_, radius)| *radius).collect();
            let points = lay_out(&radii, &links, &area);
            let labels = place(&names, &points, &radii, &area);
            prop_assert_eq!(labels.len(), people.len());
            let rectangles: Vec<Rectangle> =
                labels.iter().filter(|label| label.is_shown).map(Label::rectangle).collect();
            for (index, one) in rectangles.iter().enumerate() {
                prop_assert!(one.left >= 0.0 && one.right <= area.width && one.top >= 0.0 && one.bottom <= area.height);
                prop_assert!(rectangles[index + 1..].iter().all(|other| !one.intersects(other)));
                let covered = points.iter().zip(&radii).filter(|(point, radius)| one.covers_circle(**point, **radius));
                prop_assert_eq!(covered.count(), 0);
            }
            for label in &labels {
                prop_assert!(label.x.is_finite() && label.y.is_finite() && label.text.chars().count() <= MAX_CHARS);
            }
        }
    }
}
