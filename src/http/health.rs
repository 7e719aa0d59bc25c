//! Health checks: liveness for supervisors, readiness for load balancers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use actix_web::{HttpResponse, http::header};
use serde_json::json;

use crate::store::access::health_check::{Health, HealthMonitor};

/// Whether the service is ready for requests.
#[derive(Clone)]
pub struct Readiness {
    health_monitor: HealthMonitor,
    is_draining: Arc<AtomicBool>,
}

impl Readiness {
    /// The readiness of a service that is not draining.
    #[must_use]
    pub fn new(health_monitor: HealthMonitor) -> Self {
        Self { health_monitor, is_draining: Arc::default() }
    }

    /// Reports "not ready" from now on.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether the service is about to shut down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

/// `/health/live`: the process is running.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "status": "live" }))
}

/// `/health/ready`: the database responded within the last two seconds, no migrations are pending, no SQL function of
/// the directory is missing, and the service is not draining.
pub async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    let health = readiness.health_monitor.health();
    let (database, migrations, functions) = match health {
        Health::Healthy => ("ok", "ok", "ok"),
        Health::MigrationsPending => ("ok", "pending", "unknown"),
        Health::FunctionsMissing => ("ok", "ok", "missing"),
        Health::Unreachable => ("gone", "unknown", "unknown"),
    };
    let is_draining = readiness.is_draining();
    let is_ready = health == Health::Healthy && !is_draining;
    let mut response = if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "status": if is_ready { "ready" } else { "not-ready" },
        "checks": { "database": database, "migrations": migrations, "functions": functions, "draining": is_draining },
    }))
}
