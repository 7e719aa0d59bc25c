//! The page of an organization, with its people now or as of another day.

use askama::Template;
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::bars::Bars;
use crate::pages::data::{
    Connection, DirectoryName, Edges, Identifier, Localized, Named, Person, Response, Work, YearCount, foreign,
    initials, is_web_address, organization_type,
};
use crate::pages::frame::{Frame, Section};
use crate::pages::params::{Pager, Params};
use crate::pages::{Context, Page, RenderError, Rendered, RouteError};

/// Number of people on one page.
const PAGE_SIZE: u32 = 50;

/// The page of the organization with this slug.
pub(super) struct OrganizationPage {
    slug: String,
    /// The day for which its people are listed; `None` for today.
    as_of: Option<NaiveDate>,
    params: Params,
}

impl OrganizationPage {
    /// `asOf` is a day, or a year, which stands for its last day.
    pub(super) fn new(slug: &str, params: Params) -> Result<Self, RouteError> {
        let as_of = params.get("asOf").map(|text| {
            let year = || text.parse().ok().and_then(|year| NaiveDate::from_ymd_opt(year, 12, 31));
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().or_else(year);
            day.ok_or(RouteError::InvalidParameter)
        });
        Ok(Self { slug: slug.to_owned(), as_of: as_of.transpose()?, params })
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DirectoryName,
    organization: Option<Organization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    id: String,
    slug: String,
    ror: Option<String>,
    homepage_url: Option<String>,
    city: Option<String>,
    country_code: Option<String>,
    status: String,
    types: Vec<String>,
    updated_at: String,
    display_name: Localized,
    names: Vec<OtherName>,
    identifiers: Vec<Identifier>,
    parents: Vec<Named>,
    predecessors: Vec<Named>,
    successors: Vec<Named>,
    children: Connection<Named>,
    researchers: Researchers,
    papers: Papers,
}

#[derive(Deserialize)]
struct OtherName {
    value: String,
    language: Option<String>,
}

#[derive(Deserialize)]
struct Researchers {
    #[serde(flatten)]
    list: Edges<Member>,
    facets: Option<Facets>,
}

#[derive(Deserialize)]
struct Facets {
    topics: Vec<TopicCount>,
}

#[derive(Deserialize)]
struct TopicCount {
    count: i64,
    topic: Named,
}

#[derive(Deserialize)]
struct Member {
    affiliations: Vec<Affiliation>,
    node: Person,
}

impl Member {
    fn role(&self) -> Option<&Localized> {
        self.affiliations.iter().find_map(|affiliation| affiliation.role_title.as_ref())
    }

    /// The year since which the person belongs.
    fn since(&self) -> Option<&str> {
        let starts = self.affiliations.iter().filter_map(|affiliation| affiliation.start_date.as_deref());
        starts.min().and_then(|date| date.get(..4))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Affiliation {
    start_date: Option<String>,
    role_title: Option<Localized>,
}

#[derive(Deserialize)]
struct Papers {
    #[serde(flatten)]
    list: Connection<Work>,
    facets: Option<PaperFacets>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaperFacets {
    publication_years: Vec<YearCount>,
}

/// A name in another language.
struct NameIn<'a> {
    value: &'a str,
    language: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "organization.html")]
struct OrganizationTemplate<'a> {
    frame: Frame,
    organization: &'a Organization,
    initials: String,
    kind: String,
    status: Option<&'static str>,
    other_names: Vec<NameIn<'a>>,
    homepage: Option<&'a str>,
    topics: &'a [TopicCount],
    bars: Option<Bars>,
    as_of: String,
    as_of_text: Option<String>,
    pager: Pager,
    updated: String,
    has_roles: bool,
    has_dates: bool,
}

impl Page for OrganizationPage {
    fn document(&self) -> &'static str {
        include_str!("queries/organization.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "OrganizationPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let affiliation = match self.as_of {
            Some(day) => json!({ "asOf": day.to_string() }),
            None => json!({ "isCurrent": true }),
        };
        let mut variables = self.params.page_variables(PAGE_SIZE);
        variables.insert("slug".to_owned(), json!(self.slug));
        variables.insert("languages".to_owned(), json!([context.language.code()]));
        variables.insert("affiliation".to_owned(), affiliation);
        Value::Object(variables)
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let Data { directory, organization } = serde_json::from_slice::<Response<Data>>(json)?.data;
        let Some(organization) = organization else { return Ok(Rendered::NotFound) };
        if organization.slug != self.slug {
            return Ok(Rendered::Moved(format!("organizations/{}", organization.slug)));
        }
        let language = context.language;
        let texts = language.texts();
        let kinds = organization.types.iter().map(|kind| organization_type(kind, texts).to_owned());
        let place = [organization.city.clone(), organization.country_code.clone()].into_iter().flatten();
        let place = place.collect::<Vec<_>>().join(", ");
        let kind = kinds.chain([place]).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\u{a0}· ");
        let name = &organization.display_name.value;
        let frame = Frame::new(context, &directory.name.value, name, &format!("{name}. {kind}"))
            .in_section(Section::Organizations)
            .not_indexed_if(self.params.is_later_page() || self.as_of.is_some())
            .with_query(self, context);
        let members = &organization.researchers.list;
        let mut other_names: Vec<NameIn<'_>> = Vec::new();
        for other in &organization.names {
            if other.value != *name && other_names.iter().all(|listed| listed.value != other.value) {
                other_names
                    .push(NameIn { value: &other.value, language: foreign(other.language.as_deref(), language) });
            }
        }
        let facets = organization.papers.facets.as_ref();
        let template = OrganizationTemplate {
            frame,
            initials: initials(name.split_whitespace().next().unwrap_or_default()),
            kind,
            status: match organization.status.as_str() {
                "INACTIVE" => Some(texts.inactive),
                "WITHDRAWN" => Some(texts.withdrawn),
                _ => None,
            },
            other_names,
            homepage: organization.homepage_url.as_deref().filter(|url| is_web_address(url)),
            topics: organization.researchers.facets.as_ref().map_or(&[], |facets| facets.topics.as_slice()),
            bars: facets
                .and_then(|facets| Bars::new(&facets.publication_years, organization.papers.list.total(), language)),
            as_of: self.as_of.map(|day| day.to_string()).unwrap_or_default(),
            as_of_text: self.as_of.map(|day| language.date(&day.to_string())),
            pager: self.params.pager(&members.page_info),
            updated: language.date(&organization.updated_at),
            has_roles: members.edges.iter().any(|member| member.role().is_some()),
            has_dates: members.edges.iter().any(|member| member.since().is_some()),
            organization: &organization,
        };
        Ok(Rendered::Html(template.render()?))
    }
}
