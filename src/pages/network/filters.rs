//! The filters of a network in the address, the order of the table, and the form of what is sent.

use serde_json::{Value, json};

use crate::pages::RouteError;
use crate::pages::data::Localized;
use crate::pages::facets::Selected;
use crate::pages::frame::Frame;
use crate::pages::network::TopicOption;
use crate::pages::params::Params;

/// The parameters that filter.
const FILTERS: [&str; 4] = ["since", "until", "topic", "min"];
/// The choices of the least number of joint papers.
const MIN_PAPERS: [i64; 5] = [1, 2, 3, 5, 10];

/// How the table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Papers,
    Name,
    First,
    Last,
}

impl Sort {
    pub(super) fn value(self) -> &'static str {
        match self {
            Self::Papers => "papers",
            Self::Name => "name",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    fn from_value(value: &str) -> Option<Self> {
        [Self::Papers, Self::Name, Self::First, Self::Last].into_iter().find(|sort| sort.value() == value)
    }
}

/// A file instead of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    Csv,
    GraphMl,
}

/// The parameters of a network's address.
pub(super) struct Filters {
    pub(super) params: Params,
    since: Option<i32>,
    until: Option<i32>,
    min_papers: Option<i64>,
    pub(super) sort: Sort,
    pub(super) file: Option<FileFormat>,
}

impl Filters {
    pub(super) fn new(params: Params, has_first_years: bool) -> Result<Self, RouteError> {
        let years = (params.year("since")?, params.year("until")?);
        // In either order.
        let (since, until) = match years {
            (Some(since), Some(until)) => (Some(since.min(until)), Some(since.max(until))),
            years => years,
        };
        let min_papers = params.get("min").map(|text| {
            let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
            number.ok_or(RouteError::InvalidParameter)
        });
        let sorts: &[&str] =
            if has_first_years { &["papers", "name", "first", "last"] } else { &["papers", "name", "last"] };
        let sort = params.one_of("sort", sorts)?.and_then(Sort::from_value).unwrap_or(Sort::Papers);
        let file = params.one_of("format", &["csv", "graphml"])?.map(|format| match format {
            "csv" => FileFormat::Csv,
            _ => FileFormat::GraphMl,
        });
        Ok(Self { min_papers: min_papers.transpose()?, since, until, sort, file, params })
    }

    /// The filter of the query; null without one, because an unfiltered network is read faster.
    pub(super) fn variable(&self) -> Value {
        let mut filter = serde_json::Map::new();
        if self.since.is_some() || self.until.is_some() {
            filter.insert("publicationYear".to_owned(), json!({ "from": self.since, "to": self.until }));
        }
        if let Some(topic) = self.params.get("topic") {
            filter.insert("topicIds".to_owned(), json!([topic]));
        }
        if let Some(min_papers) = self.min_papers.filter(|number| *number > 1) {
            filter.insert("minPaperCount".to_owned(), json!(min_papers));
        }
        if filter.is_empty() { Value::Null } else { Value::Object(filter) }
    }

    /// The IDs of what is filtered by, whose names the form shows.
    pub(super) fn selected(&self) -> Vec<&str> {
        self.params.get("topic").into_iter().collect()
    }

    pub(super) fn is_filtered(&self) -> bool {
        FILTERS.iter().any(|name| self.params.get(name).is_some())
    }

    /// The form. `years` are the first and the last that there are papers of, if known.
    pub(super) fn form(
        &self,
        frame: &Frame,
        topics: &[TopicOption],
        selected: &[Option<Selected>],
        years: (Option<i32>, Option<i32>),
    ) -> Form {
        let topic = self.params.get("topic");
        let option = |id: &str, name: &Localized| Choice {
            value: id.to_owned(),
            name: name.value.clone(),
            language: name.foreign(frame).map(str::to_owned),
            is_selected: topic == Some(id),
        };
        let mut options: Vec<Choice> = topics.iter().map(|topic| option(&topic.id, &topic.display_name)).collect();
        // A topic that is not among those of the list.
        let others = selected.iter().flatten().filter(|other| topics.iter().all(|topic| topic.id != other.id));
        options.extend(others.map(|other| Choice { is_selected: true, ..option(&other.id, &other.display_name) }));
        let own = self.min_papers.filter(|own| !MIN_PAPERS.contains(own));
        let mins = MIN_PAPERS.into_iter().chain(own).map(|number| Choice {
            value: if number == 1 { String::new() } else { number.to_string() },
            name: frame.count(&frame.t.n_or_more, number),
            language: None,
            is_selected: number == self.min_papers.unwrap_or(1),
        });
        let text = |year: Option<i32>| year.map(|year| year.to_string()).unwrap_or_default();
        Form {
            since: text(self.since),
            until: text(self.until),
            first_year: text(years.0),
            last_year: text(years.1),
            mins: mins.collect(),
            topics: options,
            sort: (self.sort != Sort::Papers).then_some(self.sort.value()),
            is_filtered: self.is_filtered(),
        }
    }
}

/// The filters as a form.
pub(super) struct Form {
    pub(super) since: String,
    pub(super) until: String,
    /// The first and the last year that there are papers of; empty if unknown.
    pub(super) first_year: String,
    pub(super) last_year: String,
    pub(super) topics: Vec<Choice>,
    pub(super) mins: Vec<Choice>,
    /// The order of the table, if it is not the usual one.
    pub(super) sort: Option<&'static str>,
    pub(super) is_filtered: bool,
}

/// A choice of a filter.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) language: Option<String>,
    pub(super) is_selected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(query: &str) -> Result<Filters, RouteError> {
        Filters::new(Params::parse(query), true)
    }

    #[test]
    fn the_filter_of_the_query() {
        for (query, expected) in [
            ("", Value::Null),
            ("min=1&sort=name", Value::Null),
            ("since=2001", json!({ "publicationYear": { "from": 2001, "to": null } })),
            ("since=2005&until=2001", json!({ "publicationYear": { "from": 2001, "to": 2005 } })),
            ("topic=T1&min=3", json!({ "topicIds": ["T1"], "minPaperCount": 3 })),
        ] {
            assert_eq!(filters(query).ok().map(|filters| filters.variable()), Some(expected), "{query}");
        }
    }

    #[test]
    fn invalid_parameters() {
        for query in ["since=then", "min=0", "min=x", "sort=age", "format=pdf", "until=99999"] {
            assert_eq!(filters(query).err(), Some(RouteError::InvalidParameter), "{query}");
        }
        assert!(Filters::new(Params::parse("sort=first"), false).is_err());
    }
}
