//! Prometheus metrics.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, http::header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle as Runtime;

use crate::graphql::DirectorySchema;
use crate::http::AppState;
use crate::http::admission::Admission;
use crate::http::connections::ClientConnections;
use crate::http::response_cache::ResponseCache;
use crate::http::streams::Streams;
use crate::store::Store;
use crate::store::access::health_check::{Health, HealthMonitor};

/// Maximum number of operation names that are tracked separately, since clients choose them; the rest are `other`.
const MAX_OPERATION_NAMES: usize = 200;
/// Maximum length of an operation name that is tracked separately.
const MAX_OPERATION_NAME_BYTES: usize = 100;
/// Interval at which the event loop lag is measured.
const EVENT_LOOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    operation: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ErrorLabels {
    limit: String,
}

/// The outcome of a request.
pub struct RequestObservation<'a> {
    /// The name of the operation, if it has one.
    pub operation: Option<&'a str>,
    /// `ok`, `partial`, `refused`, `unavailable`, `timeout`, `error`, or `cancelled` if the client disconnected.
    pub outcome: &'static str,
    /// Number of SQL statements.
    pub statements: u64,
    /// Time from the request headers to the response.
    pub time: Duration,
    /// The limit or error code that the request was rejected by.
    pub error_code: Option<String>,
}

/// The metrics of one server.
#[derive(Clone)]
pub struct Metrics(Arc<MetricsInner>);

struct MetricsInner {
    registry: Registry,
    operation_names: Mutex<HashSet<String>>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<OutcomeLabels, Histogram, fn() -> Histogram>,
    request_statements: Histogram,
    rejected_requests: Family<ErrorLabels, Counter>,
    gauges: Gauges,
    event_loop_lag_micros: Arc<AtomicU64>,
    sources: MetricSources,
    /// The runtime that executes queries.
    runtime: Runtime,
}

/// Where gauges are read from when the metrics are scraped.
pub struct MetricSources {
    /// Connection pool and replicas.
    pub store: Store,
    /// Health of the database.
    pub health_monitor: HealthMonitor,
    /// Concurrent requests.
    pub admission: Admission,
    /// Client connections.
    pub connections: ClientConnections,
    /// Sockets and event streams.
    pub streams: Streams,
    /// The response cache.
    pub response_cache: Arc<ResponseCache>,
    /// The schema, with the cache of documents.
    pub schema: Arc<DirectorySchema>,
}

/// Gauges that are updated when the metrics are scraped.
#[derive(Default)]
struct Gauges {
    connections: Gauge,
    streams: Gauge,
    subscriptions: Gauge,
    in_flight: Gauge,
    waiting: Gauge,
    pool_open: Gauge,
    pool_idle: Gauge,
    pool_max: Gauge,
    replica_requests: Gauge,
    database_ready: Gauge,
    tasks: Gauge,
    tasks_queued: Gauge,
    event_loop_lag_seconds: Gauge<f64, AtomicU64>,
    resident_memory_bytes: Gauge,
    cache_bytes: Gauge,
}

impl Metrics {
    /// Registers the metrics and starts measuring the event loop lag.
    #[must_use]
    pub fn new(watched: MetricSources) -> Self {
        let seconds: Family<OutcomeLabels, Histogram, fn() -> Histogram> = Family::new_with_constructor(|| {
            Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
        });
        let mut inner = MetricsInner {
            registry: Registry::with_prefix("academic_directory"),
            operation_names: Mutex::default(),
            requests: Family::default(),
            request_seconds: seconds,
            request_statements: Histogram::new([0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]),
            rejected_requests: Family::default(),
            gauges: Gauges::default(),
            event_loop_lag_micros: Arc::default(),
            sources: watched,
            runtime: Runtime::current(),
        };
        inner.register();
        tokio::spawn(measure_event_loop_lag(Arc::downgrade(&inner.event_loop_lag_micros)));
        Self(Arc::new(inner))
    }

    /// Records a request.
    pub fn observe(&self, observation: &RequestObservation) {
        let operation = self.operation_label(observation.operation);
        self.0.requests.get_or_create(&RequestLabels { operation, outcome: observation.outcome }).inc();
        let seconds = self.0.request_seconds.get_or_create(&OutcomeLabels { outcome: observation.outcome });
        seconds.observe(observation.time.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a request has few statements")]
        self.0.request_statements.observe(observation.statements as f64);
        if let Some(limit) = &observation.error_code {
            self.0.rejected_requests.get_or_create(&ErrorLabels { limit: limit.clone() }).inc();
        }
    }

    fn operation_label(&self, operation: Option<&str>) -> String {
        let Some(name) = operation else { return String::new() };
        let mut known = self.0.operation_names.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name)
            || (known.len() < MAX_OPERATION_NAMES
                && name.len() <= MAX_OPERATION_NAME_BYTES
                && known.insert(name.to_owned()))
        {
            return name.to_owned();
        }
        "other".to_owned()
    }

    fn encode(&self) -> Result<String, std::fmt::Error> {
        self.0.read_gauges();
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl MetricsInner {
    fn register(&mut self) {
        let (registry, gauges) = (&mut self.registry, &self.gauges);
        registry.register("requests", "GraphQL requests, by operation and outcome", self.requests.clone());
        registry.register("request_seconds", "Duration of a request, in seconds", self.request_seconds.clone());
        registry.register("request_statements", "SQL statements per request", self.request_statements.clone());
        registry.register("refusals", "Rejected requests, by limit or error code", self.rejected_requests.clone());
        registry.register("connections", "Open client connections", gauges.connections.clone());
        registry.register("streams", "Open sockets and event streams", gauges.streams.clone());
        registry.register("subscriptions", "GraphQL subscriptions in progress", gauges.subscriptions.clone());
        registry.register("requests_in_flight", "GraphQL requests in progress", gauges.in_flight.clone());
        registry.register("requests_waiting", "GraphQL requests waiting for their turn", gauges.waiting.clone());
        registry.register("pool_connections", "Open connections to Postgres", gauges.pool_open.clone());
        registry.register("pool_connections_idle", "Idle connections to Postgres", gauges.pool_idle.clone());
        registry.register(
            "pool_connections_maximum",
            "Maximum number of connections to Postgres",
            gauges.pool_max.clone(),
        );
        registry.register(
            "replica_requests",
            "Requests read from a read replica since startup",
            gauges.replica_requests.clone(),
        );
        registry.register(
            "database_ready",
            "1 if the database is reachable and no migrations are pending, otherwise 0",
            gauges.database_ready.clone(),
        );
        let answers = &self.sources.response_cache;
        registry.register("cache_hits", "Hits of the response cache", answers.hits.clone());
        registry.register("cache_misses", "Misses of the response cache", answers.misses.clone());
        registry.register("cache_bytes", "Memory used by the response cache, in bytes", gauges.cache_bytes.clone());
        let documents = &self.sources.schema.document_cache;
        registry.register("document_cache_hits", "Hits of the cache of valid documents", documents.hits.clone());
        registry.register("document_cache_misses", "Misses of the cache of valid documents", documents.misses.clone());
        registry.register("build", "Version of the service", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("tasks", "Tasks of the Tokio runtime", gauges.tasks.clone());
        registry.register(
            "tasks_queued",
            "Tasks in the global queue of the Tokio runtime",
            gauges.tasks_queued.clone(),
        );
        registry.register(
            "event_loop_lateness_seconds",
            "Maximum event loop lag since the last scrape, in seconds",
            gauges.event_loop_lag_seconds.clone(),
        );
        registry.register(
            "resident_memory_bytes",
            "Resident memory of the process, in bytes",
            gauges.resident_memory_bytes.clone(),
        );
    }

    fn read_gauges(&self) {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let (gauges, watched) = (&self.gauges, &self.sources);
        let (open, idle, most) = watched.store.pool_status();
        set(&gauges.connections, watched.connections.count());
        set(&gauges.streams, watched.streams.count());
        set(&gauges.subscriptions, watched.streams.subscription_count());
        set(&gauges.in_flight, watched.admission.in_flight());
        set(&gauges.waiting, watched.admission.waiting());
        set(&gauges.pool_open, open);
        set(&gauges.pool_idle, idle);
        set(&gauges.pool_max, most);
        let requests = watched.store.replicas().iter().map(|replica| replica.request_count()).sum::<u64>();
        gauges.replica_requests.set(i64::try_from(requests).unwrap_or(i64::MAX));
        set(&gauges.database_ready, usize::from(watched.health_monitor.health() == Health::Healthy));
        let runtime = self.runtime.metrics();
        set(&gauges.tasks, runtime.num_alive_tasks());
        set(&gauges.tasks_queued, runtime.global_queue_depth());
        set(&gauges.cache_bytes, usize::try_from(watched.response_cache.size_bytes()).unwrap_or(usize::MAX));
        set(&gauges.resident_memory_bytes, resident_memory_bytes().unwrap_or_default());
        gauges
            .event_loop_lag_seconds
            .set(Duration::from_micros(self.event_loop_lag_micros.swap(0, Ordering::Relaxed)).as_secs_f64());
    }
}

/// Measures how late a timer fires, until the metrics are dropped.
async fn measure_event_loop_lag(lateness: std::sync::Weak<AtomicU64>) {
    loop {
        let started_at = Instant::now();
        tokio::time::sleep(EVENT_LOOP_CHECK_INTERVAL).await;
        let Some(lateness) = lateness.upgrade() else { return };
        let late = u64::try_from(started_at.elapsed().saturating_sub(EVENT_LOOP_CHECK_INTERVAL).as_micros())
            .unwrap_or(u64::MAX);
        lateness.fetch_max(late, Ordering::Relaxed);
    }
}

/// Resident memory on Linux; `None` on other systems.
fn resident_memory_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

/// `/metrics`: all metrics in the OpenMetrics text format.
pub async fn show_metrics(metrics: Data<Metrics>) -> HttpResponse {
    match metrics.encode() {
        Ok(text) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be encoded");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// `/metrics` on a loopback address: 404 with an explanation for requests that a proxy forwarded, from anywhere.
pub(super) async fn show_metrics_to_direct_clients(
    http: HttpRequest,
    state: Data<AppState>,
    metrics: Data<Metrics>,
) -> HttpResponse {
    if state.clients.is_forwarded(&http) {
        return HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body(
            "Metrics are not served through a proxy. Read them at LISTEN on the host of the service, or set \
             METRICS_LISTEN, such as 127.0.0.1:9090, and read them there.\n",
        );
    }
    show_metrics(metrics).await
}

/// `/metrics` on a public address: 404 with an explanation.
pub async fn metrics_not_public() -> HttpResponse {
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body(
        "Metrics are not served on a public address. Set METRICS_LISTEN, such as 127.0.0.1:9090, and read them \
         there.\n",
    )
}
