//! What the program tells while it runs: its log, and traces of requests for an OpenTelemetry collector.
//!
//! A request to `/graphql` is a span, and so is each of its SQL statements; fields are not. Spans go to the collector alone,
//! and never into the log. Where no collector is set, there are none.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::field::Empty;
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, TracesConfig};

/// What the spans are told apart by from the log.
const TRACE_TARGET: &str = "academic_directory::trace";
/// How long the last spans have to reach the collector when the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);
/// The longest name of an operation in a span; clients choose them.
const MAX_OPERATION_NAME_CHARS: usize = 100;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives of `LOG` mean nothing.
    #[error("LOG cannot be read: {0}; write error, warn, info, debug or trace")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Spans cannot be sent there.
    #[error("traces cannot be sent to OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The program began to tell before.
    #[error("the log was started twice: {0}")]
    AlreadyInitialized(#[from] TryInitError),
}

/// The log, and the way to the collector where there is one.
#[derive(Debug)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Begins to tell, on standard error and to the collector.
    ///
    /// # Errors
    /// Where a setting does not hold.
    pub fn start(log: &str, format: LogFormat, traces: Option<&TracesConfig>) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(log)?;
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        let lines = match format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let log =
            tracing_subscriber::registry().with(lines.with_filter(filter.and(filter_fn(|told| !is_trace_event(told)))));
        let collector = traces.and_then(|traces| Some((traces, traces.endpoint()?)));
        // A layer that may be absent would keep spans alive that nobody takes.
        let Some((traces, endpoint)) = collector else {
            log.try_init()?;
            return Ok(Self(None));
        };
        let provider = build_tracer_provider(traces, &endpoint)?;
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
            // None of it tells anything of a request.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        log.with(spans.with_filter(filter_fn(is_trace_event))).try_init()?;
        Ok(Self(Some(provider)))
    }

    /// Sends what is left, as far as the collector takes it at once.
    pub fn shut_down(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(FLUSH_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

fn is_trace_event(told: &Metadata<'_>) -> bool {
    told.target() == TRACE_TARGET
}

/// Sends spans in batches, on a thread of its own: a full queue drops them, so that no request ever waits for it.
fn build_tracer_provider(traces: &TracesConfig, endpoint: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder().with_service_name(traces.otel_service_name.clone());
    let exporter = LoggingExporter { exporter, is_failing: AtomicBool::new(false) };
    Ok(SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build())
}

/// The collector, of which the log tells once when it is lost.
#[derive(Debug)]
struct LoggingExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for LoggingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let was_lost = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !was_lost => {
                tracing::warn!(%error, "traces cannot be sent, and are dropped until they can");
            }
            Ok(()) if was_lost => tracing::info!("traces are sent again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The span of a GraphQL request, below that of its client where `traceparent` names one. It holds nothing that was asked.
#[must_use]
pub fn request_span(method: &str, request_id: &str, header: impl Fn(&str) -> Option<String>) -> Span {
    let span = tracing::info_span!(
        target: TRACE_TARGET,
        "graphql",
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = method,
        "http.route" = "/graphql",
        "http.response.status_code" = Empty,
        "error.type" = Empty,
        "academic_directory.request_id" = request_id,
        "academic_directory.outcome" = Empty,
        "academic_directory.statements" = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let told = ["traceparent", "tracestate"].map(|name| header(name).map(|value| (name.to_owned(), value)));
    let told: HashMap<String, String> = told.into_iter().flatten().collect();
    let parent = TraceContextPropagator::new().extract(&told);
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(%error, "a trace does not go on");
    }
    span
}

/// Names a request's span by its operation, as soon as that is known.
pub fn set_request_operation(span: &Span, kind: &str, name: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    let name = name.map(|name| name.chars().take(MAX_OPERATION_NAME_CHARS).collect::<String>());
    span.set_attribute("graphql.operation.type", kind.to_owned());
    let full_name = match name {
        Some(name) => {
            let full_name = format!("graphql {kind} {name}");
            span.set_attribute("graphql.operation.name", name);
            full_name
        }
        None => format!("graphql {kind}"),
    };
    span.context().span().update_name(full_name);
}

/// Says in a request's span what became of it: its status where it was answered, whether that is our fault, the outcome, and
/// the limit or code that it was refused by.
pub fn finish_request_span(
    span: &Span,
    status: Option<u16>,
    is_fault: bool,
    outcome: &str,
    refusal: Option<&str>,
    statements: u64,
) {
    if let Some(status) = status {
        span.record("http.response.status_code", i64::from(status));
    }
    if is_fault {
        span.record("otel.status_code", "ERROR");
    }
    if let Some(refusal) = refusal {
        span.record("error.type", refusal);
    }
    span.record("academic_directory.outcome", outcome);
    // An unsigned number would arrive as a text.
    span.record("academic_directory.statements", i64::try_from(statements).unwrap_or(i64::MAX));
}

/// The number by which a collector knows the trace that a span is part of; none where nothing is sent.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let trace_id = context.span().span_context().trace_id();
    Some(trace_id.to_string())
}

/// Returns the span of an SQL query of the current request, named by `query_name`; none outside of requests.
#[must_use]
pub fn query_span(query_name: &'static str) -> Span {
    let request = Span::current();
    if request.is_disabled() {
        return Span::none();
    }
    tracing::info_span!(
        target: TRACE_TARGET,
        parent: &request,
        "statement",
        "otel.name" = query_name,
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "error.type" = Empty,
        "db.system.name" = "postgresql",
        "db.query.summary" = query_name,
    )
}

/// Says in a statement's span that it failed.
pub fn record_query_error(span: &Span, code: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", code);
}
