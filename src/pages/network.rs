//! The coauthor network of a person, and the one among the people of an organization: a picture, a table that says the same,
//! and files for other programs. A network is a GraphQL field; what is drawn follows from it alone.

mod file;
mod filters;
mod groups;
mod labels;
mod layout;
pub(super) mod organization;
pub(super) mod person;
mod picture;
mod view;

use serde::Deserialize;

use crate::pages::data::Localized;

/// The response to `coauthorNetwork`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    nodes: Vec<Node>,
    links: Vec<Link>,
    #[serde(default)]
    omitted_count: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    paper_count: i64,
    last_year: Option<i32>,
    researcher: NetworkPerson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    from: usize,
    to: usize,
    paper_count: i64,
    last_year: Option<i32>,
}

/// A person in a network.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkPerson {
    id: String,
    slug: String,
    name: String,
    #[serde(default)]
    family_name: Option<String>,
    #[serde(default)]
    headline: Option<Localized>,
}

impl NetworkPerson {
    /// The name that a list of few names has room for.
    fn short_name(&self) -> &str {
        self.family_name.as_deref().unwrap_or(&self.name)
    }
}

/// A topic that the network can be filtered by.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicOption {
    id: String,
    display_name: Localized,
}

/// The directory, for the frame of a page and the note about large papers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryOfNetwork {
    name: Localized,
    consortium_size: i64,
}

/// What the table says about one person.
struct Member<'a> {
    person: &'a NetworkPerson,
    paper_count: i64,
    first_year: Option<i32>,
    last_year: Option<i32>,
    /// The index of the person in the picture; `None` if the picture leaves the person out.
    index: Option<usize>,
}

/// A network as all forms of it are made of: page, CSV and GraphML.
struct Drawing<'a> {
    network: &'a Network,
    /// The person whose network it is.
    center: Option<&'a NetworkPerson>,
    /// The rows of the table, those with the most joint papers first.
    members: Vec<Member<'a>>,
    /// The number of all people who match.
    total: i64,
    /// The group of each node.
    groups: Vec<usize>,
    /// Whether the years of the first joint papers are known.
    has_first_years: bool,
}

impl<'a> Drawing<'a> {
    fn new(
        network: &'a Network,
        center: Option<&'a NetworkPerson>,
        members: Vec<Member<'a>>,
        total: i64,
        has_first_years: bool,
    ) -> Self {
        let links: Vec<_> = network.links.iter().map(|link| (link.from, link.to, weight(link.paper_count))).collect();
        let groups = groups::find(network.nodes.len(), &links);
        Self { network, center, members, total, groups, has_first_years }
    }

    /// The people that a node is linked to, those with the most joint papers first.
    fn ties(&self, index: usize) -> Vec<&'a NetworkPerson> {
        let network: &'a Network = self.network;
        let other = |link: &Link| match (link.from == index, link.to == index) {
            (true, _) => Some(link.to),
            (_, true) => Some(link.from),
            _ => None,
        };
        let mut ties: Vec<(i64, usize)> =
            network.links.iter().filter_map(|link| Some((-link.paper_count, other(link)?))).collect();
        ties.sort_unstable();
        ties.into_iter().filter_map(|(_, other)| network.nodes.get(other)).map(|node| &node.researcher).collect()
    }

    /// The letter of the group of a node.
    fn letter(&self, index: usize) -> Option<char> {
        self.groups.get(index).map(|group| picture::letter(*group))
    }
}

/// How strongly joint papers tie two people.
fn weight(paper_count: i64) -> f64 {
    (1.0 + to_f64(paper_count)).ln()
}

/// A number of papers, for sizes in a picture.
fn to_f64(number: i64) -> f64 {
    f64::from(i32::try_from(number).unwrap_or(i32::MAX)).max(0.0)
}
