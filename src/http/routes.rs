//! The paths of the service. Each answers GET and HEAD alike, lists its methods for OPTIONS, and rejects others with 405.

use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard};

use crate::harvest::repository;
use crate::http::content_negotiation::MediaType;
use crate::http::error::HttpError;
use crate::http::{graphiql, graphql_handler, health, linked_data, metrics, oai_pmh, pages, sitemap};

/// A path with its handlers.
pub(super) struct Endpoint {
    path: &'static str,
    /// Answers GET and HEAD; [`omit_body_for_head`](crate::http::head::omit_body_for_head) removes the body.
    get: fn() -> Route,
    post: Option<fn() -> Route>,
    /// Rejects other methods with 405.
    other: fn(&'static str) -> Route,
}

impl Endpoint {
    const fn get(path: &'static str, get: fn() -> Route) -> Self {
        Self { path, get, post: None, other: reject_method }
    }

    /// The value of `Allow`.
    const fn allow(&self) -> &'static str {
        if self.post.is_some() { graphql_handler::ALLOWED_METHODS } else { "GET, HEAD, OPTIONS" }
    }

    fn resource(&self) -> Resource {
        let allow = self.allow();
        let list_methods =
            move || async move { HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish() };
        let mut resource = web::resource(self.path)
            .route((self.get)().guard(guard::Any(guard::Get()).or(guard::Head())))
            .route(web::method(Method::OPTIONS).to(list_methods));
        if let Some(post) = self.post {
            resource = resource.route(post().guard(guard::Post()));
        }
        resource.default_service((self.other)(allow))
    }
}

const LIVE: Endpoint = Endpoint::get("/health/live", || web::to(health::live));
const READY: Endpoint = Endpoint::get("/health/ready", || web::to(health::ready));
const METRICS: Endpoint = Endpoint::get("/metrics", || web::to(metrics::show_metrics));
const METRICS_OF_DIRECT_CLIENTS: Endpoint =
    Endpoint::get("/metrics", || web::to(metrics::show_metrics_to_direct_clients));
const METRICS_NOT_PUBLIC: Endpoint = Endpoint::get("/metrics", || web::to(metrics::metrics_not_public));
const GRAPHQL: Endpoint = Endpoint {
    path: "/graphql",
    get: || web::to(graphql_handler::get),
    post: Some(|| web::to(graphql_handler::post)),
    // Also recorded as a GraphQL request.
    other: |_| web::to(graphql_handler::method_not_allowed),
};
const OAI: Endpoint = Endpoint {
    path: repository::PATH,
    get: || web::to(oai_pmh::get),
    post: Some(|| web::to(oai_pmh::post)),
    other: reject_method,
};

/// The pages in each language. Without pages, `/` leads to GraphiQL.
const PAGES: [Endpoint; 6] = [
    Endpoint::get("/", || web::to(pages::redirect_from_root)),
    Endpoint::get("/{language:fr|en}", || web::to(pages::redirect_to_front_page)),
    Endpoint::get("/{language:fr|en}/{page:.*}", || web::to(pages::show)),
    Endpoint::get(pages::SECTIONS_PATTERN, || web::to(pages::redirect_section)),
    Endpoint::get(pages::SECTIONS_WITH_REST_PATTERN, || web::to(pages::redirect_section)),
    Endpoint::get("/assets/{file:.*}", || web::to(pages::asset)),
];
const ROOT_WITHOUT_PAGES: Endpoint = Endpoint::get("/", || web::to(graphiql::redirect_from_root));

/// The paths at the public address; `/metrics` explains where to find the metrics if they are not served there.
pub(super) fn public_endpoints(has_metrics: bool, has_pages: bool) -> Vec<Endpoint> {
    let mut endpoints = vec![
        GRAPHQL,
        Endpoint::get(graphiql::PATH, || web::to(graphiql::index)),
        Endpoint::get("/graphiql/{file:.*}", || web::to(graphiql::asset)),
        OAI,
        LIVE,
        READY,
        if has_metrics { METRICS_OF_DIRECT_CLIENTS } else { METRICS_NOT_PUBLIC },
        Endpoint::get("/robots.txt", || web::to(sitemap::robots)),
        Endpoint::get("/sitemap.xml", || web::to(sitemap::index)),
        Endpoint::get("/sitemap/{part}.xml", || web::to(sitemap::part)),
        Endpoint::get("/id/{id}", || web::to(linked_data::by_id)),
        Endpoint::get("/orcid/{orcid}", || web::to(linked_data::by_orcid)),
        Endpoint::get("/ror/{ror}", || web::to(linked_data::by_ror)),
        Endpoint::get("/doi/{doi:.*}", || web::to(linked_data::by_doi)),
        Endpoint::get("/linkset/{collection:people|organizations|topics|papers}/{slug}", || {
            web::to(linked_data::linkset)
        }),
        Endpoint::get("/{collection:people|organizations|topics|papers}/{name}", || {
            web::to(linked_data::in_any_language)
        }),
        Endpoint::get("/{language:en|fr}/{collection:people|organizations|topics|papers}/{name}", || {
            web::to(linked_data::in_language)
        }),
    ];
    if has_pages {
        endpoints.extend(PAGES);
    } else {
        endpoints.push(ROOT_WITHOUT_PAGES);
    }
    endpoints
}

/// The paths at the separate address for monitoring.
pub(super) fn monitoring_endpoints() -> [Endpoint; 3] {
    [LIVE, READY, METRICS]
}

/// Registers the paths of a server.
pub(super) fn register(endpoints: &[Endpoint], config: &mut ServiceConfig) {
    for endpoint in endpoints {
        config.service(endpoint.resource());
    }
}

/// Each path at the public address as a pattern, with its methods as listed in `Allow`.
#[must_use]
pub fn public_paths() -> Vec<(&'static str, &'static str)> {
    public_endpoints(true, true).iter().map(|endpoint| (endpoint.path, endpoint.allow())).collect()
}

fn reject_method(allow: &'static str) -> Route {
    web::to(move |request: HttpRequest| async move {
        let media_type = MediaType::negotiate(&request).unwrap_or(MediaType::Json);
        let message = format!("method not allowed; this path accepts {allow}");
        HttpError::method_not_allowed(allow, message).into_response(media_type)
    })
}
