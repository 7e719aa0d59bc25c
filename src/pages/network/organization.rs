//! Who writes with whom in an organization.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Localized, Response, count};
use crate::pages::facets::Selected;
use crate::pages::frame::{Frame, Section};
use crate::pages::network::filters::Filters;
use crate::pages::network::view::{self, Owner};
use crate::pages::network::{DirectoryOfNetwork, Drawing, Member, Network, TopicOption};
use crate::pages::params::Params;
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

/// The network of the organization with this slug.
pub(in crate::pages) struct OrganizationNetworkPage {
    slug: String,
    filters: Filters,
}

impl OrganizationNetworkPage {
    pub(in crate::pages) fn new(slug: &str, params: Params) -> Result<Self, RouteError> {
        Ok(Self { slug: slug.to_owned(), filters: Filters::new(params, false)? })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryOfNetwork,
    selected: Vec<Option<Selected>>,
    organization: Option<Organization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    slug: String,
    display_name: Localized,
    researchers: Researchers,
    coauthor_network: Option<Network>,
}

#[derive(Deserialize)]
struct Researchers {
    facets: Option<Facets>,
}

#[derive(Deserialize)]
struct Facets {
    topics: Vec<TopicCount>,
}

#[derive(Deserialize)]
struct TopicCount {
    topic: TopicOption,
}

impl Page for OrganizationNetworkPage {
    fn document(&self) -> &'static str {
        include_str!("../queries/organization_network.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "OrganizationNetworkPage"
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
        let Data { directory, selected, organization } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(organization) = organization else { return Ok(Rendered::NotFound) };
        if organization.slug != self.slug {
            return Ok(Rendered::Moved(format!("organizations/{}/network", organization.slug)));
        }
        let texts = context.language.texts();
        let name = &organization.display_name;
        let title = format!("{} · {}", texts.organization_network, name.value);
        let frame = Frame::new(context, &directory.name.value, &title, texts.organization_network_lead)
            .in_section(Section::Organizations)
            .not_indexed_if(true)
            .with_query(self, context);
        let none = Network { nodes: Vec::new(), links: Vec::new(), omitted_count: None };
        let network = organization.coauthor_network.as_ref().unwrap_or(&none);
        let members = network.nodes.iter().enumerate().map(|(index, node)| Member {
            person: &node.researcher,
            paper_count: node.paper_count,
            first_year: None,
            last_year: node.last_year,
            index: Some(index),
        });
        let total = count(network.nodes.len()) + network.omitted_count.unwrap_or_default();
        let drawing = Drawing::new(network, None, members.collect(), total, false);
        let facets = organization.researchers.facets.into_iter().flat_map(|facets| facets.topics);
        let topics: Vec<TopicOption> = facets.map(|facet| facet.topic).collect();
        let form = self.filters.form(&frame, &topics, &selected, (None, None));
        let owner = Owner {
            address: frame.organization(&organization.slug),
            network_address: format!("{}/network", frame.organization(&organization.slug)),
            name: name.value.clone(),
            language: name.foreign(&frame).map(str::to_owned),
            slug: organization.slug.clone(),
            title: texts.organization_network,
            lead: texts.organization_network_lead,
            path_link: frame.page("path"),
            path_text: texts.connections,
        };
        view::render(frame, owner, &drawing, &self.filters, form, directory.consortium_size)
    }
}
