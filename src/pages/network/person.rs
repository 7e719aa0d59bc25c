//! The coauthor network of a person.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Connection, Edges, Response};
use crate::pages::facets::Selected;
use crate::pages::frame::{Frame, Section};
use crate::pages::network::filters::Filters;
use crate::pages::network::view::{self, Owner};
use crate::pages::network::{DirectoryOfNetwork, Drawing, Member, Network, NetworkPerson, TopicOption};
use crate::pages::params::Params;
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

/// The network of the person with this slug.
pub(in crate::pages) struct PersonNetworkPage {
    slug: String,
    filters: Filters,
}

impl PersonNetworkPage {
    pub(in crate::pages) fn new(slug: &str, params: Params) -> Result<Self, RouteError> {
        Ok(Self { slug: slug.to_owned(), filters: Filters::new(params, true)? })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryOfNetwork,
    selected: Vec<Option<Selected>>,
    researcher: Option<Researcher>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Researcher {
    #[serde(flatten)]
    person: NetworkPerson,
    statistics: Option<Statistics>,
    topics: Connection<TopicOption>,
    coauthor_network: Option<Network>,
    coauthors: Option<Edges<Coauthor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    first_publication_year: Option<i32>,
    last_publication_year: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Coauthor {
    paper_count: i64,
    first_year: Option<i32>,
    last_year: Option<i32>,
    node: NetworkPerson,
}

impl Page for PersonNetworkPage {
    fn document(&self) -> &'static str {
        include_str!("../queries/person_network.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "PersonNetworkPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({
            "slug": self.slug,
            "languages": [context.language.code()],
            "filter": self.filters.variable(),
            "selected": self.filters.selected(),
        })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, selected, researcher } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(researcher) = researcher else { return Ok(Rendered::NotFound) };
        let person = &researcher.person;
        if person.slug != self.slug {
            return Ok(Rendered::Moved(format!("people/{}/network", person.slug)));
        }
        let texts = context.language.texts();
        let title = format!("{} · {}", texts.network, person.name);
        let frame = Frame::new(context, &directory.name.value, &title, texts.network_lead)
            .in_section(Section::People)
            .not_indexed_if(true)
            .with_query(self, context);
        let none = Network { nodes: Vec::new(), links: Vec::new(), omitted_count: None };
        let network = researcher.coauthor_network.as_ref().unwrap_or(&none);
        let index_of: HashMap<&str, usize> =
            network.nodes.iter().enumerate().map(|(index, node)| (node.researcher.id.as_str(), index)).collect();
        let coauthors = researcher.coauthors.as_ref();
        let members = coauthors.map_or(&[][..], |coauthors| &coauthors.edges).iter().map(|coauthor| Member {
            person: &coauthor.node,
            paper_count: coauthor.paper_count,
            first_year: coauthor.first_year,
            last_year: coauthor.last_year,
            index: index_of.get(coauthor.node.id.as_str()).copied(),
        });
        let total = coauthors.map_or(0, Edges::total);
        let drawing = Drawing::new(network, Some(person), members.collect(), total, true);
        let statistics = researcher.statistics.as_ref();
        let years = statistics
            .map_or((None, None), |statistics| (statistics.first_publication_year, statistics.last_publication_year));
        let form = self.filters.form(&frame, &researcher.topics.nodes, &selected, years);
        let owner = Owner {
            address: frame.person(&person.slug),
            network_address: format!("{}/network", frame.person(&person.slug)),
            name: person.name.clone(),
            language: None,
            slug: person.slug.clone(),
            title: texts.network,
            lead: texts.network_lead,
            path_link: frame.filtered("path", "from", &person.id),
            path_text: texts.how_connected,
        };
        view::render(frame, owner, &drawing, &self.filters, form, directory.consortium_size)
    }
}
