//! HTTP: routes, what is accepted, status codes, start and stop. The only place that knows the web framework.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::{self, HeaderName};
use actix_web::http::StatusCode;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::runtime::Handle as Runtime;

use self::admission::Admission;
use self::answer::Refusal;
use self::client_address::TrustedProxies;
use self::connections::Connections;
use self::negotiation::MediaType;
use self::persisted::Persisted;
use self::rate_limit::RateLimiter;
use crate::config::{HttpConfig, Limits, NetworkConfig};
use crate::schema::context::DirectoryIdentity;
use crate::schema::{self, DirectorySchema};
use crate::store::Store;
use crate::store::pulse::Pulse;

pub mod admission;
mod answer;
pub mod client_address;
pub mod connections;
mod graphql;
mod negotiation;
mod page;
mod parameters;
mod persisted;
pub mod rate_limit;

/// What a server is made of.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What a request may ask for.
    pub limits: Limits,
    /// What the directory says of itself.
    pub identity: DirectoryIdentity,
    /// How requests are taken.
    pub http: HttpConfig,
    /// How many clients there may be, and how much they may take.
    pub network: NetworkConfig,
}

/// A server that listens, before it is run.
pub struct Application {
    address: SocketAddr,
    server: Server,
}

impl Application {
    /// Listens, and is ready to run. Queries run on the runtime that this is called on.
    ///
    /// # Errors
    /// Where the address cannot be listened on, or a setting does not hold.
    pub fn build(store: Store, settings: Settings) -> Result<Self, StartError> {
        let unusable = |error| StartError::Address(settings.listen, error);
        let listener = TcpListener::bind(settings.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let schema = schema::builder(&settings.limits).data(settings.identity.clone());
        let http = settings.http;
        let connections = settings.network.connections();
        connections::make_room(connections.most);
        let (head_timeout, keep_alive) = (connections.head, connections.keep_alive);
        let connections = Connections::new(connections, TrustedProxies::new(settings.network.trusted_proxies.clone()));
        let arrivals = connections.clone();
        let state = Data::new(State {
            admission: Admission::new(settings.network.max_concurrent_requests),
            rate_limiter: RateLimiter::new(settings.network.rate_limits(settings.listen)),
            schema: Arc::new(DirectorySchema::new(schema, settings.limits.clone())),
            pulse: store.pulse(),
            store,
            persisted: Persisted::new(http.operations, http.operations_manifest.as_deref(), http.persisted_queries_bytes)?,
            limits: settings.limits.clone(),
            runtime: Runtime::current(),
            request_timeout: Duration::from_secs(http.request_timeout_seconds.get().into()),
            body_timeout: Duration::from_secs(http.body_timeout_seconds.get().into()),
            persisted_max_age: Duration::from_secs(http.persisted_max_age_seconds.into()),
        });
        let server = HttpServer::new(move || {
            let connections = connections.clone();
            App::new()
                .wrap(Compress::default())
                .wrap(cross_origin(&http.cors_origins))
                .wrap(from_fn(move |request, next| {
                    let connections = connections.clone();
                    async move { connections.follow(request, next).await }
                }))
                .app_data(state.clone())
                .route("/", web::get().to(|| see_other("/graphiql")))
                .service(
                    web::resource("/graphql")
                        .route(web::post().to(graphql::post))
                        .route(web::get().to(graphql::get))
                        .route(web::method(actix_web::http::Method::OPTIONS).to(graphql::options))
                        .default_service(web::to(graphql::other_method)),
                )
                .route("/graphiql", web::get().to(page::index))
                .route("/graphiql/{file:.*}", web::get().to(page::any_file))
                .default_service(web::to(not_found))
        })
        .on_connect(move |io, extensions| arrivals.enter(io, extensions))
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        .keep_alive(keep_alive)
        // Who closes the connection gives up what was asked over it.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(10)
        .listen(listener)
        .map_err(unusable)?
        .run();
        Ok(Self { address, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(self.server.handle())
    }

    /// Answers requests until it is stopped.
    ///
    /// # Errors
    /// Where the listening fails.
    pub async fn run(self) -> std::io::Result<()> {
        self.server.await
    }
}

/// Ends a server.
#[derive(Clone)]
pub struct Handle(ServerHandle);

impl Handle {
    /// Takes no more requests, and lets those under way end within ten seconds.
    pub async fn stop(&self) {
        self.0.stop(true).await;
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody can listen there.
    #[error("cannot listen on {0}: {1}; choose another address by --listen or LISTEN")]
    Address(SocketAddr, #[source] std::io::Error),
    /// The manifest of operations cannot be used.
    #[error(transparent)]
    Manifest(#[from] persisted::ManifestError),
}

struct State {
    admission: Admission,
    rate_limiter: Option<RateLimiter>,
    schema: Arc<DirectorySchema>,
    store: Store,
    pulse: Pulse,
    persisted: Persisted,
    limits: Limits,
    runtime: Runtime,
    request_timeout: Duration,
    body_timeout: Duration,
    persisted_max_age: Duration,
}

/// Which pages of other sites may ask, by the Fetch standard; none by default.
fn cross_origin(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers([
            "accept",
            "apollo-require-preflight",
            "authorization",
            "content-type",
            "x-requested-with",
            "x-request-id",
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            HeaderName::from_static("x-request-id"),
        ])
        .block_on_origin_mismatch(false)
        .max_age(3600);
    match origins {
        [any] if any == "*" => cors.allow_any_origin(),
        origins => origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)),
    }
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    let message = "there is nothing here; queries go to /graphql, and /graphiql is the page to try them";
    let media_type = MediaType::accepted_by(&request).unwrap_or(MediaType::Json);
    Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", message).respond(media_type)
}

async fn see_other(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}
