//! Settings of monitoring, shutdown and request tracing.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::config::addresses::parse_listen_address;

/// Settings of monitoring and shutdown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Monitoring and shutdown")]
pub struct MonitoringConfig {
    /// Separate address and port for /metrics and /health; if unset, both are served at LISTEN, and /metrics only if LISTEN
    /// is a loopback address and no proxy forwarded the request
    #[arg(long, env = "METRICS_LISTEN", value_parser = parse_listen_address)]
    pub metrics_listen: Option<SocketAddr>,
    /// Time between reporting "not ready" at /health/ready and refusing new connections during shutdown, in seconds
    #[arg(long, env = "SHUTDOWN_DELAY_SECONDS", default_value = "1", value_parser = clap::value_parser!(u32).range(0..=4))]
    pub shutdown_delay_seconds: u32,
}

impl MonitoringConfig {
    /// Time between reporting "not ready" and refusing new connections during shutdown.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay_seconds.into())
    }
}

/// Settings of request tracing. The OpenTelemetry SDK reads further variables, listed in `docs/operations.md`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Monitoring and shutdown")]
pub struct TracesConfig {
    /// URL of the OpenTelemetry collector that receives request traces (OTLP over HTTP, without TLS); if unset, tracing is
    /// off
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = parse_collector_url)]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Service name in traces
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "academic-directory")]
    pub otel_service_name: String,
}

impl TracesConfig {
    /// The URL of the collector's traces endpoint; `None` if tracing is off.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let collector = self.otel_exporter_otlp_endpoint.as_deref().filter(|collector| !collector.is_empty())?;
        Some(format!("{}/v1/traces", collector.trim_end_matches('/')))
    }
}

/// An empty value means "unset", as in the OpenTelemetry specification.
fn parse_collector_url(text: &str) -> Result<String, String> {
    if text.is_empty() || url::Url::parse(text).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
        return Ok(text.to_owned());
    }
    Err("expected an http:// URL such as http://localhost:4318; TLS is not supported, so run a collector on the same host"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors() {
        for (text, endpoint) in [
            ("", None),
            ("http://localhost:4318", Some("http://localhost:4318/v1/traces")),
            ("http://[::1]:4318/path/", Some("http://[::1]:4318/path/v1/traces")),
        ] {
            let url = parse_collector_url(text).expect("a URL");
            let traces = TracesConfig { otel_exporter_otlp_endpoint: Some(url), otel_service_name: String::new() };
            assert_eq!(traces.endpoint().as_deref(), endpoint);
        }
        for text in ["localhost:4318", "https://localhost:4318", "grpc://localhost:4317", "collector"] {
            assert!(parse_collector_url(text).is_err(), "{text}");
        }
    }
}
