//! Papers per year as bars.

use crate::pages::data::YearCount;
use crate::pages::language::Language;

/// Years that fit side by side; earlier ones are counted together.
const MAX_YEARS: i32 = 16;
/// The height of the highest bar, in pixels.
const BAR_HEIGHT: f64 = 104.0;
/// Room above the bars for the highest number, in pixels.
const TOP: f64 = 20.0;

/// The bars.
pub(super) struct Bars {
    pub(super) bars: Vec<Bar>,
    /// The first and the last year, and all numbers, for readers who do not see the bars.
    pub(super) label: String,
    /// The number of papers before the first bar.
    pub(super) earlier: i64,
    /// The number of papers without a year.
    pub(super) undated: i64,
    /// The share of the width that the bars take, in percent.
    pub(super) width: String,
    pub(super) base_line: f64,
    pub(super) label_line: f64,
    pub(super) height: f64,
}

/// One year. Positions are in percent of the width, and in pixels of the height.
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) center: String,
    pub(super) y: String,
    pub(super) value_y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) year: i32,
    pub(super) count: i64,
    pub(super) value: String,
    /// Whether its year is left out where there is little room.
    pub(super) is_alternate: bool,
}

impl Bars {
    /// The bars of the last years, for so many papers in all; `None` if there are fewer than two years.
    pub(super) fn new(years: &[YearCount], papers: i64, language: Language) -> Option<Self> {
        let first = years.iter().map(|year| year.year).min()?;
        let last = years.iter().map(|year| year.year).max()?;
        if first == last {
            return None;
        }
        let start = first.max(last - MAX_YEARS + 1);
        let count_in =
            |wanted: i32| years.iter().filter(|year| year.year == wanted).map(|year| year.count).sum::<i64>();
        let earlier = years.iter().filter(|year| year.year < start).map(|year| year.count).sum();
        let undated = (papers - years.iter().map(|year| year.count).sum::<i64>()).max(0);
        let counts: Vec<(i32, i64)> = (start..=last).map(|year| (year, count_in(year))).collect();
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
        #[expect(clippy::cast_precision_loss, reason = "positions in a picture")]
        let to_f64 = |number: i64| number as f64;
        let slot = 100.0 / f64::from(last - start + 1);
        let bar_width = slot * 0.62;
        let bars = counts.iter().map(|(year, count)| {
            let left = f64::from(*year - start) * slot;
            let height = (to_f64(*count) / to_f64(most) * BAR_HEIGHT).max(if *count > 0 { 2.0 } else { 0.0 });
            let y = TOP + BAR_HEIGHT - height;
            Bar {
                x: format!("{:.2}%", left + (slot - bar_width) / 2.0),
                center: format!("{:.2}%", left + slot / 2.0),
                y: format!("{y:.1}"),
                value_y: format!("{:.1}", y - 6.0),
                width: format!("{bar_width:.2}%"),
                height: format!("{height:.1}"),
                year: *year,
                count: *count,
                value: language.number(*count),
                is_alternate: (last - year) % 2 == 1,
            }
        });
        let bars: Vec<Bar> = bars.collect();
        let colon = language.colon();
        let listed = bars.iter().map(|bar| format!("{}{colon} {}", bar.year, bar.value)).collect::<Vec<_>>().join(", ");
        let label = format!("{}{colon} {listed}", language.texts().papers_per_year);
        let width = format!("{}%", (bars.len() * 11).clamp(30, 100));
        let base_line = TOP + BAR_HEIGHT + 0.5;
        Some(Self {
            bars,
            label,
            earlier,
            undated,
            width,
            base_line,
            label_line: base_line + 19.5,
            height: base_line + 25.5,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(years: &[(i32, i64)]) -> Option<Bars> {
        let years: Vec<YearCount> =
            years.iter().map(|(year, count)| YearCount { year: *year, count: *count }).collect();
        let dated: i64 = years.iter().map(|year| year.count).sum();
        Bars::new(&years, dated + 3, Language::English)
    }

    #[test]
    fn each_year_between_the_first_and_the_last_has_a_bar() {
        let shown = bars(&[(2020, 1), (2023, 4)]).expect("bars");
        assert_eq!(
            shown.bars.iter().map(|bar| (bar.year, bar.count)).collect::<Vec<_>>(),
            [(2020, 1), (2021, 0), (2022, 0), (2023, 4)]
        );
        assert_eq!(shown.label, "Papers per year: 2020: 1, 2021: 0, 2022: 0, 2023: 4");
        assert_eq!((shown.earlier, shown.undated), (0, 3));
    }

    #[test]
    fn many_years_are_cut_at_the_start() {
        let years: Vec<(i32, i64)> = (1960..2024).map(|year| (year, 2)).collect();
        let shown = bars(&years).expect("bars");
        assert_eq!((shown.bars.len(), shown.bars[0].year, shown.earlier), (16, 2008, 96));
    }

    #[test]
    fn a_single_year_has_no_bars() {
        assert!(bars(&[(2020, 5)]).is_none());
        assert!(bars(&[]).is_none());
    }
}
