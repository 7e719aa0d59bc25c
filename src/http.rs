//! The HTTP server: routes, middleware, startup and graceful shutdown. Only this module uses actix.
//!
//! [`graphql_handler`] takes a GraphQL request through its stages.

pub mod admission;
pub mod client_address;
pub mod client_id;
mod conditional;
pub mod connections;
mod content_negotiation;
mod cors;
mod csrf;
mod error;
pub mod fair_queue;
mod graphiql;
mod graphql_handler;
mod head;
mod health;
mod linked_data;
mod metrics;
mod oai_pmh;
mod pages;
mod persisted_queries;
pub mod rate_limit;
mod request_id;
mod request_params;
mod response;
mod response_cache;
mod response_headers;
mod routes;
mod server_sent_events;
mod sitemap;
mod slug_filters;
mod streams;
mod tarpit;
mod warm_up;
mod websocket;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::runtime::Handle as Runtime;

use crate::config::{HarvestConfig, HttpConfig, Limits, MonitoringConfig, NetworkConfig};
use crate::graphql::context::DirectoryInfo;
use crate::graphql::{self, DirectorySchema};
use crate::harvest::repository::Repository;
use crate::http::admission::Admission;
use crate::http::client_address::TrustedProxies;
use crate::http::client_id::ClientIdentifier;
use crate::http::connections::ClientConnections;
use crate::http::content_negotiation::MediaType;
use crate::http::cors::{CorsPolicy, StreamOrigins};
use crate::http::error::HttpError;
use crate::http::head::omit_body_for_head;
use crate::http::health::Readiness;
use crate::http::metrics::{MetricSources, Metrics};
use crate::http::persisted_queries::PersistedQueries;
use crate::http::rate_limit::RateLimiter;
use crate::http::response_cache::ResponseCache;
use crate::http::response_headers::set_response_headers;
use crate::http::streams::Streams;
use crate::http::tarpit::Tarpit;
use crate::linked_data::address::Addresses;
use crate::model::language::LanguageTag;
use crate::pages::SiteSettings;
use crate::store::Store;
use crate::store::access::health_check::HealthMonitor;

pub use crate::http::routes::public_paths;

/// Timeout for requests in progress during shutdown.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 5;

/// Settings of a server.
#[derive(Clone)]
pub struct ServerSettings {
    /// The address to listen on; port 0 picks a free port.
    pub listen: SocketAddr,
    /// The address of the service as clients see it, if it differs from `listen`.
    pub public_url: Option<String>,
    /// Limits of a GraphQL request.
    pub limits: Limits,
    /// Name and default language of the directory.
    pub directory: DirectoryInfo,
    /// Request handling.
    pub http: HttpConfig,
    /// Connections and rate limits.
    pub network: NetworkConfig,
    /// Monitoring and shutdown.
    pub monitoring: MonitoringConfig,
    /// Harvesting.
    pub harvest: HarvestConfig,
    /// The pages for people; `None` if they are off.
    pub pages: Option<SiteSettings>,
}

/// A server that is bound to its address, but does not serve requests yet.
pub struct Application {
    address: SocketAddr,
    server: Server,
    /// Serves metrics and health checks on a separate address.
    metrics_server: Option<Server>,
    handle: ShutdownHandle,
    schema: Arc<DirectorySchema>,
    store: Store,
}

impl Application {
    /// Binds the address and builds the server. Queries are executed on the current Tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound, or a setting is invalid.
    pub fn build(store: Store, settings: ServerSettings) -> Result<Self, StartError> {
        let ServerSettings { listen, public_url, limits, directory, http, network, monitoring, harvest, pages } =
            settings;
        let has_pages = pages.is_some();
        let bind_error = |error| StartError::Listen(listen, error);
        let listener = TcpListener::bind(listen).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let default_language = directory.default_language.clone();
        let schema = || graphql::builder(&limits).data(directory.clone());
        let connections = network.connection_limits();
        crate::http::connections::raise_nofile_limit(connections.max_total);
        let (head_timeout, keep_alive) = (connections.header_timeout, connections.keep_alive_timeout);
        let proxies = TrustedProxies::new(network.trusted_proxies.clone());
        let max_connections = connections.max_total;
        let connections = ClientConnections::new(connections, proxies.clone());
        let streams = Streams::new(max_connections, network.max_streams_per_client(), connections.draining());
        let accepted_connections = connections.clone();
        store.maintain_connections();
        let health_monitor = store.monitor_health();
        let admission = Admission::new(network.max_concurrent_requests, store.max_connections());
        let response_cache = Arc::new(ResponseCache::new(http.cache_max_bytes));
        let schema = Arc::new(DirectorySchema::new(schema, limits.clone()));
        let sources = MetricSources {
            store: store.clone(),
            health_monitor: health_monitor.clone(),
            admission: admission.clone(),
            connections: connections.clone(),
            streams: streams.clone(),
            response_cache: Arc::clone(&response_cache),
            schema: Arc::clone(&schema),
        };
        let (warm_up_schema, warm_up_store) = (Arc::clone(&schema), store.clone());
        let metrics = Metrics::new(sources);
        let readiness = Readiness::new(health_monitor.clone());
        let metrics_listener = monitoring
            .metrics_listen
            .map(|at| TcpListener::bind(at).map_err(|error| StartError::MetricsListen(at, error)));
        let metrics_server = metrics_listener
            .transpose()?
            .map(|listener| start_metrics_server(listener, &metrics, &readiness))
            .transpose();
        let metrics_server = metrics_server.map_err(bind_error)?;
        let has_metrics = address.ip().to_canonical().is_loopback();
        let tokens = network.rate_limit_tokens.iter().map(|token| token.digest).collect();
        let origins: Vec<String> = http.cors_origins.into_iter().filter(|origin| !origin.is_empty()).collect();
        let cors_policy = CorsPolicy::new(&origins);
        let repository = Repository::new(&harvest, public_url.as_deref(), address, directory.name.clone());
        let shutdown_parts = (readiness.clone(), connections.clone(), monitoring.shutdown_delay());
        let state = Data::new(AppState {
            stream_origins: StreamOrigins::new(&origins, public_url.as_deref()),
            streams,
            addresses: Addresses::new(public_url.clone().unwrap_or_else(|| local_url(address))),
            default_language,
            public_url,
            pages,
            directory: directory.clone(),
            metrics: metrics.clone(),
            admission,
            clients: ClientIdentifier::new(tokens, proxies),
            rate_limiter: RateLimiter::new(network.rate_limits(address)),
            tarpit: Tarpit::default(),
            schema,
            health_monitor,
            store,
            persisted_queries: PersistedQueries::new(
                http.operations,
                http.operations_manifest.as_deref(),
                http.persisted_queries_bytes,
            )?,
            response_cache,
            repository: Arc::new(repository),
            limits,
            runtime: Runtime::current(),
            request_timeout: Duration::from_secs(http.request_timeout_seconds.get().into()),
            body_timeout: Duration::from_secs(http.body_timeout_seconds.get().into()),
            persisted_query_max_age: Duration::from_secs(http.persisted_max_age_seconds.into()),
        });
        let server = HttpServer::new(move || {
            let connections = connections.clone();
            let readiness_for_drain = readiness.clone();
            App::new()
                .wrap(Compress::default())
                .wrap(cors::middleware(&origins))
                .wrap(from_fn(move |request, next| {
                    let connections = connections.clone();
                    async move { connections.track_request(request, next).await }
                }))
                .wrap(from_fn(move |request, next| close_when_draining(readiness_for_drain.clone(), request, next)))
                .wrap(from_fn(crate::http::request_id::assign_request_id))
                .wrap(from_fn(move |request, next| set_response_headers(cors_policy, request, next)))
                .wrap(from_fn(omit_body_for_head))
                .app_data(state.clone())
                .app_data(Data::new(readiness.clone()))
                .app_data(Data::new(metrics.clone()))
                .configure(|config| routes::register(&routes::public_endpoints(has_metrics, has_pages), config))
                .default_service(web::to(|request: HttpRequest| async move { pages::not_found(&request) }))
        })
        .on_connect(move |stream, extensions| accepted_connections.accept(stream, extensions))
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        .keep_alive(keep_alive)
        // A client that closes its connection cancels its requests.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .listen(listener)
        .map_err(bind_error)?
        .run();
        let (readiness, connections, delay) = shutdown_parts;
        let metrics_handle = metrics_server.as_ref().map(Server::handle);
        let handle = ShutdownHandle {
            server: server.handle(),
            metrics_server: metrics_handle,
            readiness,
            connections,
            drain_delay: delay,
        };
        Ok(Self { address, server, metrics_server, handle, schema: warm_up_schema, store: warm_up_store })
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that shuts the server down.
    #[must_use]
    pub fn handle(&self) -> ShutdownHandle {
        self.handle.clone()
    }

    /// Executes a typical query on each connection to the database that is kept open, so that the first request is nearly
    /// as fast as later ones. Returns after a second at the latest.
    pub async fn warm_up(&self) {
        warm_up::warm_up(&self.schema, &self.store).await;
    }

    /// Serves requests until it is shut down. The first one is its own: the typical query. Then calls `on_ready`, a second
    /// after the start at the latest: the requests of clients need not compete with the first one. Does not call it if it
    /// is shut down before.
    ///
    /// # Errors
    /// If accepting connections fails.
    pub async fn run(self, on_ready: impl FnOnce()) -> std::io::Result<()> {
        let first_request = async {
            warm_up::send_request(local_address(self.address), &self.store).await;
            if !self.handle.readiness.is_draining() {
                on_ready();
            }
            Ok(())
        };
        match self.metrics_server {
            Some(metrics_server) => tokio::try_join!(self.server, metrics_server, first_request).map(|_| ()),
            None => tokio::try_join!(self.server, first_request).map(|_| ()),
        }
    }
}

/// Shuts a server down.
#[derive(Clone)]
pub struct ShutdownHandle {
    server: ServerHandle,
    metrics_server: Option<ServerHandle>,
    readiness: Readiness,
    connections: ClientConnections,
    drain_delay: Duration,
}

impl ShutdownHandle {
    /// Shuts the server down gracefully within ten seconds. It reports "not ready" and keeps serving for the drain delay, so
    /// that load balancers notice. Then it accepts no more requests and waits for those in progress.
    pub async fn stop(&self) {
        self.readiness.drain();
        tokio::time::sleep(self.drain_delay).await;
        self.connections.drain();
        self.server.stop(true).await;
        if let Some(metrics_server) = &self.metrics_server {
            metrics_server.stop(false).await;
        }
    }
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen on {0}: {1}; choose another address with --listen or LISTEN")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The address for metrics cannot be bound.
    #[error("cannot listen on {0} for metrics: {1}; choose another address with --metrics-listen or METRICS_LISTEN")]
    MetricsListen(SocketAddr, #[source] std::io::Error),
    /// The manifest of persisted operations cannot be used.
    #[error(transparent)]
    Manifest(#[from] crate::http::persisted_queries::ManifestError),
}

/// Serves metrics and health checks on a separate address, which need not be public.
fn start_metrics_server(listener: TcpListener, metrics: &Metrics, readiness: &Readiness) -> std::io::Result<Server> {
    let (metrics, readiness) = (metrics.clone(), readiness.clone());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(|request, next| set_response_headers(CorsPolicy::SameOrigin, request, next)))
            .wrap(from_fn(omit_body_for_head))
            .app_data(Data::new(metrics.clone()))
            .app_data(Data::new(readiness.clone()))
            .configure(|config| routes::register(&routes::monitoring_endpoints(), config))
    });
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

/// Closes the connection after a response while the server is draining.
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

struct AppState {
    public_url: Option<String>,
    stream_origins: StreamOrigins,
    streams: Streams,
    /// The addresses of entities.
    addresses: Addresses,
    default_language: LanguageTag,
    /// The settings of the pages; `None` if they are off.
    pages: Option<SiteSettings>,
    directory: DirectoryInfo,
    metrics: Metrics,
    admission: Admission,
    clients: ClientIdentifier,
    rate_limiter: Option<RateLimiter>,
    tarpit: Tarpit,
    schema: Arc<DirectorySchema>,
    store: Store,
    health_monitor: HealthMonitor,
    persisted_queries: PersistedQueries,
    response_cache: Arc<ResponseCache>,
    /// What harvesters are told about the directory.
    repository: Arc<Repository>,
    limits: Limits,
    runtime: Runtime,
    request_timeout: Duration,
    body_timeout: Duration,
    persisted_query_max_age: Duration,
}

/// The URL of a service that listens on this address, for clients on this machine.
#[must_use]
pub fn local_url(address: SocketAddr) -> String {
    format!("http://{}", local_address(address))
}

fn local_address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn not_found(request: &HttpRequest) -> HttpResponse {
    let state = request.app_data::<Data<AppState>>();
    let url = state.and_then(|state| state.public_url.as_deref()).unwrap_or_default();
    let message = format!("not found; the GraphQL endpoint is {url}/graphql, and GraphiQL is at {url}/graphiql");
    let media_type = MediaType::negotiate(request).unwrap_or(MediaType::Json);
    HttpError::new(StatusCode::NOT_FOUND, "NOT_FOUND", message).into_response(media_type)
}

/// A redirect to a path relative to that of the request, so that it also works below a path prefix of a proxy.
fn redirect_see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// Whether the request reads a representation: HEAD is answered as GET.
fn is_read(request: &HttpRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}
