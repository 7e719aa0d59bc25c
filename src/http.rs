//! HTTP: routes, what is accepted, status codes, start and stop. The only place that knows the web framework.

pub mod admission;
pub mod client_address;
pub mod connections;
mod content_negotiation;
mod graphiql;
mod graphql_handler;
mod health;
mod metrics;
mod persisted_queries;
pub mod rate_limit;
mod request_id;
mod request_params;
mod response;
mod response_cache;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::runtime::Handle as Runtime;

use crate::config::{HttpConfig, Limits, NetworkConfig, OperationsConfig};
use crate::graphql::context::DirectoryIdentity;
use crate::graphql::{self, DirectorySchema};
use crate::http::admission::Admission;
use crate::http::client_address::TrustedProxies;
use crate::http::connections::Connections;
use crate::http::content_negotiation::MediaType;
use crate::http::health::Readiness;
use crate::http::metrics::{Metrics, Watched};
use crate::http::persisted_queries::Persisted;
use crate::http::rate_limit::RateLimiter;
use crate::http::response::Refusal;
use crate::http::response_cache::Answers;
use crate::store::Store;
use crate::store::access::health_check::Pulse;

/// How long requests under way have to end when the service stops.
const SHUTDOWN_SECONDS: u64 = 5;

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
    /// What those who run the service see of it.
    pub operations: OperationsConfig,
}

/// A server that listens, before it is run.
pub struct Application {
    address: SocketAddr,
    server: Server,
    /// Another listener, for metrics and health alone.
    watchers: Option<Server>,
    handle: Handle,
}

impl Application {
    /// Listens, and is ready to run. Queries run on the runtime that this is called on.
    ///
    /// # Errors
    /// Where the address cannot be listened on, or a setting does not hold.
    pub fn build(store: Store, settings: Settings) -> Result<Self, StartError> {
        let Settings { listen, limits, identity, http, network, operations } = settings;
        let unusable = |error| StartError::Address(listen, error);
        let listener = TcpListener::bind(listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let schema = || graphql::builder(&limits).data(identity.clone());
        let connections = network.connections();
        crate::http::connections::make_room(connections.most);
        let (head_timeout, keep_alive) = (connections.head, connections.keep_alive);
        let connections = Connections::new(connections, TrustedProxies::new(network.trusted_proxies.clone()));
        let arrivals = connections.clone();
        let pulse = store.pulse();
        let admission = Admission::new(network.max_concurrent_requests);
        let answers = Arc::new(Answers::new(http.cache_max_bytes));
        let watched = Watched {
            store: store.clone(),
            pulse: pulse.clone(),
            admission: admission.clone(),
            connections: connections.clone(),
            answers: Arc::clone(&answers),
        };
        let metrics = Metrics::new(watched);
        let readiness = Readiness::new(pulse.clone());
        let metrics_listener =
            operations.metrics_listen.map(|at| TcpListener::bind(at).map_err(|error| StartError::Metrics(at, error)));
        let watchers =
            metrics_listener.transpose()?.map(|listener| watchers(listener, &metrics, &readiness)).transpose();
        let watchers = watchers.map_err(unusable)?;
        let shows_metrics = address.ip().is_loopback();
        let handle_parts = (readiness.clone(), connections.clone(), operations.shutdown_delay());
        let state = Data::new(State {
            metrics: metrics.clone(),
            admission,
            rate_limiter: RateLimiter::new(network.rate_limits(listen)),
            schema: Arc::new(DirectorySchema::new(schema, limits.clone())),
            pulse,
            store,
            persisted: Persisted::new(
                http.operations,
                http.operations_manifest.as_deref(),
                http.persisted_queries_bytes,
            )?,
            answers,
            limits,
            runtime: Runtime::current(),
            request_timeout: Duration::from_secs(http.request_timeout_seconds.get().into()),
            body_timeout: Duration::from_secs(http.body_timeout_seconds.get().into()),
            persisted_max_age: Duration::from_secs(http.persisted_max_age_seconds.into()),
        });
        let server = HttpServer::new(move || {
            let connections = connections.clone();
            let draining = readiness.clone();
            App::new()
                .wrap(Compress::default())
                .wrap(cross_origin(&http.cors_origins))
                .wrap(from_fn(move |request, next| {
                    let connections = connections.clone();
                    async move { connections.follow(request, next).await }
                }))
                .wrap(from_fn(move |request, next| close_when_draining(draining.clone(), request, next)))
                .wrap(from_fn(crate::http::request_id::name))
                .app_data(state.clone())
                .app_data(Data::new(readiness.clone()))
                .app_data(Data::new(metrics.clone()))
                .route("/health/live", web::get().to(crate::http::health::live))
                .route("/health/ready", web::get().to(crate::http::health::ready))
                .route(
                    "/metrics",
                    if shows_metrics {
                        web::get().to(crate::http::metrics::metrics)
                    } else {
                        web::get().to(crate::http::metrics::elsewhere)
                    },
                )
                .route("/", web::get().to(|| see_other("/graphiql")))
                .service(
                    web::resource("/graphql")
                        .route(web::post().to(crate::http::graphql_handler::post))
                        .route(web::get().to(crate::http::graphql_handler::get))
                        .route(web::method(actix_web::http::Method::OPTIONS).to(crate::http::graphql_handler::options))
                        .default_service(web::to(crate::http::graphql_handler::other_method)),
                )
                .route("/graphiql", web::get().to(crate::http::graphiql::index))
                .route("/graphiql/{file:.*}", web::get().to(crate::http::graphiql::any_file))
                .default_service(web::to(not_found))
        })
        .on_connect(move |io, extensions| arrivals.enter(io, extensions))
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        .keep_alive(keep_alive)
        // Who closes the connection gives up what was asked over it.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .listen(listener)
        .map_err(unusable)?
        .run();
        let (readiness, connections, delay) = handle_parts;
        let watchers_handle = watchers.as_ref().map(Server::handle);
        let handle = Handle { server: server.handle(), watchers: watchers_handle, readiness, connections, delay };
        Ok(Self { address, server, watchers, handle })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Answers requests until it is stopped.
    ///
    /// # Errors
    /// Where the listening fails.
    pub async fn run(self) -> std::io::Result<()> {
        match self.watchers {
            Some(watchers) => tokio::try_join!(self.server, watchers).map(|_| ()),
            None => self.server.await,
        }
    }
}

/// Ends a server.
#[derive(Clone)]
pub struct Handle {
    server: ServerHandle,
    watchers: Option<ServerHandle>,
    readiness: Readiness,
    connections: Connections,
    delay: Duration,
}

impl Handle {
    /// Says that it is not ready any more and goes on for a while, so that whoever sends requests here learns of it; then
    /// takes no more, and lets those under way end. Ends within ten seconds.
    pub async fn stop(&self) {
        self.readiness.drain();
        tokio::time::sleep(self.delay).await;
        self.connections.drain();
        self.server.stop(true).await;
        if let Some(watchers) = &self.watchers {
            watchers.stop(false).await;
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody can listen there.
    #[error("cannot listen on {0}: {1}; choose another address by --listen or LISTEN")]
    Address(SocketAddr, #[source] std::io::Error),
    /// Nobody can listen there for metrics.
    #[error("cannot listen on {0} for metrics: {1}; choose another address by --metrics-listen or METRICS_LISTEN")]
    Metrics(SocketAddr, #[source] std::io::Error),
    /// The manifest of operations cannot be used.
    #[error(transparent)]
    Manifest(#[from] crate::http::persisted_queries::ManifestError),
}

/// Metrics and health on an address of their own, which need not be public.
fn watchers(listener: TcpListener, metrics: &Metrics, readiness: &Readiness) -> std::io::Result<Server> {
    let (metrics, readiness) = (metrics.clone(), readiness.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(metrics.clone()))
            .app_data(Data::new(readiness.clone()))
            .route("/metrics", web::get().to(crate::http::metrics::metrics))
            .route("/health/live", web::get().to(crate::http::health::live))
            .route("/health/ready", web::get().to(crate::http::health::ready))
    });
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

/// Answers in the last moments say that no more requests are taken over their connection.
async fn close_when_draining<B: MessageBody>(
    readiness: Readiness,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    if readiness.is_draining() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

struct State {
    metrics: Metrics,
    admission: Admission,
    rate_limiter: Option<RateLimiter>,
    schema: Arc<DirectorySchema>,
    store: Store,
    pulse: Pulse,
    persisted: Persisted,
    answers: Arc<Answers>,
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
            "x-directory-position",
            "x-requested-with",
            "x-request-id",
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            HeaderName::from_static("x-directory-position"),
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
