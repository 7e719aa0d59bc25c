//! Pages for people: the directory in HTML, in English and in French, complete without scripts.
//!
//! A page is a function of its address: [`route`] turns the address into a [`Page`], which has one GraphQL query, and turns the
//! response to it into HTML with a template of `templates/`. Nothing here reads the database or knows about HTTP: what the API
//! hides cannot appear in a page.

mod about;
pub mod assets;
mod bars;
mod data;
mod error_page;
mod facets;
mod frame;
mod home;
pub mod language;
mod list;
mod network;
mod organization;
mod paper;
mod params;
mod path;
mod person;
mod person_papers;
mod search;
mod suggestions;
mod text;
mod topic;

use serde_json::Value;

pub use crate::pages::error_page::{ErrorKind, render_error};
pub use crate::pages::frame::{Context, EntityMetadata, FormatLink};
use crate::pages::params::Params;

/// Settings of the pages.
#[derive(Clone, Debug, Default)]
pub struct SiteSettings {
    /// The public address of the service, without a slash at its end, for canonical addresses.
    pub public_url: Option<String>,
    /// Where readers report what is wrong: a web page, or an address of e-mail as `mailto:`.
    pub contact_url: Option<String>,
    /// The origins, such as `https://photos.example.org`, whose portraits are shown. Others are not loaded.
    pub portrait_origins: Vec<String>,
}

/// A page with its parameters.
pub trait Page: Send + Sync {
    /// The document of its query.
    fn document(&self) -> &'static str;

    /// The name of its query.
    fn operation_name(&self) -> &'static str;

    /// The variables of its query.
    fn variables(&self, context: &Context<'_>) -> Value;

    /// The page from the JSON response to its query.
    ///
    /// # Errors
    /// If the response does not have the expected form, or the template fails.
    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError>;
}

/// What an address leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Rendered {
    /// A page.
    Html(String),
    /// The page has another address, below that of the directory.
    Moved(String),
    /// The page with these parameters answers what was asked.
    SeeOther(String),
    /// A file to be saved.
    File {
        /// Its name.
        name: String,
        /// Its media type.
        media_type: &'static str,
        /// Its content.
        content: String,
    },
    /// There is nothing at this address.
    NotFound,
}

/// A page cannot be made of a response.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The response to the query is not of the expected form.
    #[error("the response to the query of a page is not as expected")]
    Response(#[from] serde_json::Error),
    /// The template failed.
    #[error("the template of a page failed")]
    Template(#[from] askama::Error),
}

/// Why an address leads to no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// There is no such page.
    NotFound,
    /// A parameter of the query string is not valid.
    InvalidParameter,
}

/// The page at a path below that of the language, such as `people/ada-lovelace`, with a query string.
///
/// # Errors
/// If there is no such page, or a parameter is not valid.
pub fn route(path: &str, query_string: &str) -> Result<Box<dyn Page>, RouteError> {
    let params = Params::parse(query_string);
    let segments: Vec<&str> = path.split('/').collect();
    Ok(match segments.as_slice() {
        [""] => Box::new(home::HomePage),
        ["search"] => Box::new(search::SearchPage::new(params)?),
        ["suggestions"] => Box::new(suggestions::Suggestions::new(&params)?),
        ["people"] => Box::new(list::people::PeoplePage::new(params)?),
        ["organizations"] => Box::new(list::organizations::OrganizationsPage::new(params)?),
        ["topics"] => Box::new(list::topics::TopicsPage::new(params)?),
        ["papers"] => Box::new(list::papers::PapersPage::new(params)?),
        ["people", slug] if is_slug(slug) => Box::new(person::PersonPage::new(slug)),
        ["people", slug, "papers"] if is_slug(slug) => Box::new(person_papers::PersonPapersPage::new(slug, params)?),
        ["people", slug, "network"] if is_slug(slug) => {
            Box::new(network::person::PersonNetworkPage::new(slug, params)?)
        }
        ["organizations", slug, "network"] if is_slug(slug) => {
            Box::new(network::organization::OrganizationNetworkPage::new(slug, params)?)
        }
        ["organizations", slug] if is_slug(slug) => Box::new(organization::OrganizationPage::new(slug, params)?),
        ["topics", slug] if is_slug(slug) => Box::new(topic::TopicPage::new(slug)),
        ["papers", slug] if is_slug(slug) => Box::new(paper::PaperPage::new(slug)),
        ["path"] => Box::new(path::PathPage::new(params)),
        ["about"] => Box::new(about::AboutPage),
        ["about", "data"] => Box::new(about::DataPage),
        _ => return Err(RouteError::NotFound),
    })
}

/// Whether a part of an address may be a slug; other texts never reach the query.
fn is_slug(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        for (path, query, expected) in [
            ("", "", "HomePage"),
            ("search", "q=x", "SearchPage"),
            ("suggestions", "q=x", "Suggestions"),
            ("people", "", "PeoplePage"),
            ("people/ada-lovelace", "", "ProfilePage"),
            ("people/ada-lovelace/papers", "", "PersonPapersPage"),
            ("people/ada-lovelace/network", "since=2001", "PersonNetworkPage"),
            ("organizations/mila", "asOf=2019", "OrganizationPage"),
            ("organizations/mila/network", "format=csv", "OrganizationNetworkPage"),
            ("topics/x1", "", "TopicPage"),
            ("papers/x1", "", "PaperPage"),
            ("path", "", "PathPage"),
            ("about", "", "AboutPage"),
            ("about/data", "", "AboutDataPage"),
        ] {
            let page = route(path, query).unwrap_or_else(|error| panic!("{path}: {error:?}"));
            assert_eq!(page.operation_name(), expected, "{path}");
            assert!(page.document().contains(&format!("query {expected}")), "{path}");
        }
    }

    #[test]
    fn addresses_without_a_page() {
        for path in ["people/", "people/Ada", "people/a/b", "nothing", "people/a%20b", "about/x", "/"] {
            assert_eq!(route(path, "").err(), Some(RouteError::NotFound), "{path}");
        }
        for (path, query) in [
            ("papers", "from=x"),
            ("papers", "type=NOTHING"),
            ("people", "sort=x"),
            ("organizations/mila", "asOf=yesterday"),
            ("organizations/mila/network", "sort=first"),
            ("people/ada-lovelace/network", "min=many"),
            ("search", "kind=everything"),
        ] {
            assert_eq!(route(path, query).err(), Some(RouteError::InvalidParameter), "{path}?{query}");
        }
    }
}
