//! Source precedence: which source wins if records of several sources disagree.

/// The order of sources by precedence, highest first.
///
/// Sources that the operator lists come first, in that order. Sources with a name of their own follow, sorted by name.
/// Last are sources named after an import format, in the order of the formats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOrder {
    listed: Vec<String>,
    formats: Vec<&'static str>,
}

/// The order of a transaction that no store configures.
static BY_NAME: SourceOrder = SourceOrder { listed: Vec::new(), formats: Vec::new() };

/// The position of a source in the order: its group, its position in the group, and its name to break ties.
pub type SourceRank<'a> = (u8, usize, &'a str);

impl SourceOrder {
    /// Returns the order without listed sources and formats: all sources by name.
    #[must_use]
    pub fn by_name() -> &'static Self {
        &BY_NAME
    }

    /// Creates the order from the listed sources and the names of the import formats, each highest first.
    #[must_use]
    pub fn new(listed: impl IntoIterator<Item = String>, formats: Vec<&'static str>) -> Self {
        Self { listed: listed.into_iter().map(|source| source.trim().to_owned()).collect(), formats }
    }

    /// Returns the rank of a source; the lowest rank has the highest precedence.
    #[must_use]
    pub fn rank<'a>(&self, source: &'a str) -> SourceRank<'a> {
        if let Some(position) = self.listed.iter().position(|listed| listed == source) {
            return (0, position, source);
        }
        match self.formats.iter().position(|format| *format == source) {
            Some(position) => (2, position, source),
            None => (1, 0, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_sources_precede_custom_names_and_formats() {
        let order =
            SourceOrder::new(["hr".to_owned(), "openalex".to_owned()], vec!["csv", "crossref", "openalex", "ris"]);
        let mut sources = ["ris", "library", "openalex", "archive", "hr", "csv", "crossref"];
        sources.sort_by(|one, other| order.rank(one).cmp(&order.rank(other)));
        assert_eq!(sources, ["hr", "openalex", "archive", "library", "csv", "crossref", "ris"]);
    }
}
