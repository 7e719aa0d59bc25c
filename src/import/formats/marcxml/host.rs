//! The journal or book of which a publication is a part.

use crate::import::formats::marcxml::record::{MarcField, MarcRecord, strip_punctuation};

impl<'a> MarcRecord<'a> {
    /// Returns the field about the journal or book of which the publication is a part.
    pub(super) fn host(&self) -> Option<MarcField<'a>> {
        // An erratum is described like a host.
        let fields = || self.fields(&["773"]);
        fields().find(|field| field.value("p").or_else(|| field.value("t")).is_some()).or_else(|| fields().next())
    }

    pub(super) fn venue_name(&self) -> Option<String> {
        let host = self.host()?;
        let venue = host.value("t").or_else(|| host.value("p"))?;
        Some(strip_punctuation(&venue).to_owned()).filter(|venue| !venue.is_empty())
    }

    /// Returns where in its host the publication is: in subfields v, n and c, as INSPIRE writes it, in subfield q
    /// (`40:5<120`), or in words in subfield g. A book has the volume of its series.
    pub(super) fn part(&self) -> PartOfHost {
        let Some(host) = self.host() else {
            return PartOfHost { volume: self.value(&["490", "830"], "v"), ..PartOfHost::default() };
        };
        let own = PartOfHost { volume: host.value("v"), issue: host.value("n"), pages: host.value("c") };
        if own.volume.is_some() || own.pages.is_some() {
            return own;
        }
        let in_words = host.values("g").collect::<Vec<_>>().join(", ");
        let coded = host.value("q").map(|code| PartOfHost::from_code(&code)).unwrap_or_default();
        let written = PartOfHost::from_words(&in_words);
        PartOfHost {
            volume: written.volume.or(coded.volume),
            issue: written.issue.or(coded.issue),
            pages: written.pages.or(coded.pages),
        }
    }
}

/// Where in its host a publication is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PartOfHost {
    pub(super) volume: Option<String>,
    pub(super) issue: Option<String>,
    pub(super) pages: Option<String>,
}

impl PartOfHost {
    /// Parses the code of subfield q: volume, issue and first page, as `40:5<120`.
    pub(super) fn from_code(code: &str) -> Self {
        let (numbers, pages) = code.split_once('<').map_or((code, None), |(numbers, page)| (numbers, Some(page)));
        let mut numbers = numbers.split(':').map(str::trim).filter(|number| !number.is_empty()).map(ToOwned::to_owned);
        let page = pages.map(str::trim).filter(|page| !page.is_empty()).map(ToOwned::to_owned);
        Self { volume: numbers.next(), issue: numbers.next(), pages: page }
    }

    /// Parses words such as "Vol. 24, no. 2 (Feb. 1976), p. 195-230" or "Bd. 3 (2014), H. 1, S. 5-9".
    pub(super) fn from_words(text: &str) -> Self {
        const VOLUMES: [&str; 9] = ["vol", "volume", "v", "bd", "band", "jg", "jahrgang", "tome", "t"];
        const ISSUES: [&str; 9] = ["no", "nr", "number", "issue", "h", "heft", "iss", "n", "fasc"];
        const PAGES: [&str; 6] = ["p", "pp", "pages", "page", "s", "seiten"];
        let mut part = Self::default();
        for segment in text.split([',', ';']) {
            let segment = segment.split('(').next().unwrap_or_default().trim();
            let label_length = segment.find(|c: char| !c.is_alphabetic()).unwrap_or(segment.len());
            let (label, value) = segment.split_at(label_length);
            let value = value.trim_start_matches(['.', ':', ' ', 'º', '°']).trim();
            if !value.starts_with(|c: char| c.is_alphanumeric()) || value.contains(' ') {
                continue;
            }
            let label = label.to_lowercase();
            let place = [(&VOLUMES[..], &mut part.volume), (&ISSUES, &mut part.issue), (&PAGES, &mut part.pages)]
                .into_iter()
                .find(|(labels, _)| labels.contains(&label.as_str()));
            if let Some((_, place)) = place {
                place.get_or_insert_with(|| value.to_owned());
            }
        }
        part
    }
}
