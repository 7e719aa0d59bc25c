//! Observability: the log, and request traces for an OpenTelemetry collector.
//!
//! Each request to `/graphql` is a span, and so is each of its SQL statements; fields are not. Spans are sent to the
//! collector and never written to the log. If no collector is configured, no spans are created.

pub mod console;
mod log_filter;

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
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{LogFormat, TracesConfig};
use crate::telemetry::log_filter::{LogFilterError, parse_log_filter};

/// The target that distinguishes spans from log events.
const TRACE_TARGET: &str = "academic_directory::trace";
/// Timeout for sending the last spans to the collector at exit.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum length of an operation name in a span, since clients choose them.
const MAX_OPERATION_NAME_CHARS: usize = 100;

/// The log or tracing cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `LOG` is invalid.
    #[error(
        "LOG is invalid: {0}; expected error, warn, info, debug, trace or off, or a comma-separated list of target=level, such \
         as info,sqlx=warn"
    )]
    Filter(#[from] LogFilterError),
    /// The exporter cannot be created.
    #[error("traces cannot be sent to OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// A global subscriber is already set.
    #[error("the log is already initialized: {0}")]
    AlreadyInitialized(#[from] TryInitError),
}

/// The tracer provider, if a collector is configured.
#[derive(Debug)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Starts logging to standard error, and tracing if a collector is configured.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn start(log: &str, format: LogFormat, traces: Option<&TracesConfig>) -> Result<Self, TelemetryError> {
        let filter = parse_log_filter(log)?;
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        let lines = match format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let log = tracing_subscriber::registry()
            .with(lines.with_filter(filter.and(filter_fn(|metadata| !is_trace_event(metadata)))));
        let collector = traces.and_then(|traces| Some((traces, traces.endpoint()?)));
        // With an optional layer, spans would be kept alive without a collector.
        let Some((traces, endpoint)) = collector else {
            log.try_init()?;
            return Ok(Self(None));
        };
        let provider = build_tracer_provider(traces, &endpoint)?;
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
            // These attributes say nothing about a request.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        log.with(spans.with_filter(filter_fn(is_trace_event))).try_init()?;
        Ok(Self(Some(provider)))
    }

    /// Sends the remaining spans, within a short timeout.
    pub fn shut_down(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(FLUSH_TIMEOUT)
        {
            tracing::warn!(%error, "could not send the last traces");
        }
    }
}

fn is_trace_event(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TRACE_TARGET
}

/// A provider that sends spans in batches from a background thread. A full queue drops spans, so that no request waits.
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

/// An exporter that logs once when the collector becomes unreachable or reachable.
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
                tracing::warn!(%error, "traces cannot be sent and are dropped");
            }
            Ok(()) if was_lost => tracing::info!("sending traces again"),
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

/// The span of a GraphQL request, a child of the client's span if there is a `traceparent` header. It does not contain the
/// query.
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
    let headers = ["traceparent", "tracestate"].map(|name| header(name).map(|value| (name.to_owned(), value)));
    let headers: HashMap<String, String> = headers.into_iter().flatten().collect();
    let parent = TraceContextPropagator::new().extract(&headers);
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(%error, "could not continue the client's trace");
    }
    span
}

/// Sets the operation's type and name in a request's span.
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

/// Sets the outcome in a request's span: the status if there was a response, whether the server failed, and the limit or
/// error code that the request was rejected by.
pub fn finish_request_span(
    span: &Span,
    status: Option<u16>,
    is_failure: bool,
    outcome: &str,
    error_code: Option<&str>,
    statements: u64,
) {
    if let Some(status) = status {
        span.record("http.response.status_code", i64::from(status));
    }
    if is_failure {
        span.record("otel.status_code", "ERROR");
    }
    if let Some(error_code) = error_code {
        span.record("error.type", error_code);
    }
    span.record("academic_directory.outcome", outcome);
    // An unsigned number would be exported as a string.
    span.record("academic_directory.statements", i64::try_from(statements).unwrap_or(i64::MAX));
}

/// The id of the span's trace; `None` if tracing is off.
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

/// Sets the error in a statement's span.
pub fn record_query_error(span: &Span, code: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", code);
}
