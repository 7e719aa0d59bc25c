//! The query string of a page: filters, order and position in a list.

use serde_json::{Map, Value, json};
use url::form_urlencoded::{Serializer, parse};

use crate::pages::RouteError;
use crate::pages::data::PageInfo;

/// The parameters that say where in the list a page starts; another filter starts at the beginning again.
const POSITIONS: [&str; 2] = ["after", "before"];

/// The parameters of an address, without empty ones.
#[derive(Clone)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query_string: &str) -> Self {
        let pairs = parse(query_string.as_bytes()).map(|(name, value)| (name.into_owned(), value.trim().to_owned()));
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The first value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A value that must be one of these.
    pub(super) fn one_of<'a>(&self, name: &str, allowed: &[&'a str]) -> Result<Option<&'a str>, RouteError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = allowed.iter().find(|allowed| **allowed == value);
        found.map(|found| Some(*found)).ok_or(RouteError::InvalidParameter)
    }

    /// A year.
    pub(super) fn year(&self, name: &str) -> Result<Option<i32>, RouteError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let year = value.parse().ok().filter(|year| (0..10_000).contains(year));
        year.map(Some).ok_or(RouteError::InvalidParameter)
    }

    /// Whether the page starts somewhere inside a list.
    pub(super) fn is_later_page(&self) -> bool {
        POSITIONS.iter().any(|name| self.get(name).is_some())
    }

    /// The parameters of the same page with another value of one of them, from the start of the list.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        self.link(name, Some(value))
    }

    /// The parameters of the same page without one of them, from the start of the list.
    pub(super) fn without(&self, name: &str) -> String {
        self.link(name, None)
    }

    /// Sets a parameter in place of another.
    pub(super) fn replace(&mut self, removed: &str, name: &str, value: &str) {
        self.0.retain(|(own, _)| own != removed && own != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// All parameters as a query string.
    pub(super) fn query_string(&self) -> String {
        Serializer::for_suffix("?".to_owned(), 1).extend_pairs(&self.0).finish()
    }

    fn link(&self, name: &str, value: Option<&str>) -> String {
        let mut serializer = Serializer::for_suffix("?".to_owned(), 1);
        let kept = self.0.iter().filter(|(own, _)| own != name && !POSITIONS.contains(&own.as_str()));
        serializer.extend_pairs(kept);
        if let Some(value) = value {
            serializer.append_pair(name, value);
        }
        serializer.finish()
    }

    /// The variables `first`, `after`, `last` and `before` of a list.
    pub(super) fn page_variables(&self, size: u32) -> Map<String, Value> {
        let variables = match (self.get("after"), self.get("before")) {
            (Some(after), _) => json!({ "first": size, "after": after }),
            (None, Some(before)) => json!({ "last": size, "before": before }),
            (None, None) => json!({ "first": size }),
        };
        variables.as_object().cloned().unwrap_or_default()
    }

    /// Links to the neighbouring pages of a list.
    pub(super) fn pager(&self, info: &PageInfo) -> Pager {
        let link = |is_there: bool, name: &str, cursor: &Option<String>| {
            cursor.as_deref().filter(|_| is_there).map(|cursor| self.with(name, cursor))
        };
        Pager {
            previous: link(info.has_previous_page, "before", &info.start_cursor),
            next: link(info.has_next_page, "after", &info.end_cursor),
        }
    }
}

/// Links to the neighbouring pages of a list, as query strings.
pub(super) struct Pager {
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_other_parameters_and_start_again() {
        let params = Params::parse("q=a+b&topic=T1&after=c&empty=");
        assert_eq!(params.with("topic", "T&2"), "?q=a+b&topic=T%262");
        assert_eq!(params.without("topic"), "?q=a+b");
        assert_eq!(Params::parse("topic=T1").without("topic"), "?");
        assert!(params.is_later_page());
    }
}
