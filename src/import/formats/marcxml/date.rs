//! The date of publication.

use crate::import::formats::marcxml::record::MarcRecord;
use crate::import::normalize::field_parsing;
use crate::model::partial_date::PartialDate;

impl<'a> MarcRecord<'a> {
    /// Returns the date of publication: in the imprint, of the host, of a thesis, of a preprint, or in field 008.
    pub(super) fn publication_date(&self, warnings: &mut Vec<String>) -> Option<PartialDate> {
        // Of several statements in field 264, the one of publication.
        let imprint = self.fields(&["260", "264"]).filter(|field| matches!(field.second_indicator(), ' ' | '1'));
        let written = imprint.flat_map(|field| field.values("c")).chain(self.host().and_then(|host| host.value("y")));
        let written = written.chain(self.value(&["502"], "d")).chain(self.value(&["269"], "c"));
        let dates: Vec<PartialDate> = written.filter_map(|date| parse_imprint_date(&date, warnings)).collect();
        let year = dates.first().map(|date| date.year());
        // The first date decides the year, and a more precise one of that year the day.
        let best =
            dates.into_iter().filter(|date| Some(date.year()) == year).rev().max_by_key(|date| date.to_string().len());
        best.or_else(|| self.fixed_date())
    }

    /// Returns the date in field 008: date 1, or a detailed date.
    fn fixed_date(&self) -> Option<PartialDate> {
        let field = self.control_field("008")?;
        let number = |range: std::ops::Range<usize>| field.get(range)?.parse::<i64>().ok();
        let year = number(7..11)?;
        let (month, day) = match field.get(6..7)? {
            "e" => (number(11..13), number(13..15)),
            "b" | "n" | "|" => return None,
            _ => (None, None),
        };
        PartialDate::new(year, month, month.and(day)).or_else(|_| PartialDate::new(year, None, None)).ok()
    }
}

/// Parses the date of an imprint: "c2005.", "[2014?]", "2018-", "2012-07-31".
fn parse_imprint_date(written: &str, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let bare = written.trim_matches(|c: char| matches!(c, '[' | ']' | '.' | ',' | ';' | '©' | '℗' | ' ' | '-' | '?'));
    let bare =
        bare.strip_prefix(['c', 'p']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(bare);
    field_parsing::parse_date(bare, warnings)
}
