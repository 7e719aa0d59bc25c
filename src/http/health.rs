//! Whether the service lives, and whether it can answer: what supervisors and load balancers ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use actix_web::{HttpResponse, http::header};
use serde_json::json;

use crate::store::access::health_check::{Health, Pulse};

/// What readiness is told from.
#[derive(Clone)]
pub struct Readiness {
    pulse: Pulse,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Of a service that was just started.
    #[must_use]
    pub fn new(pulse: Pulse) -> Self {
        Self { pulse, draining: Arc::default() }
    }

    /// Says from now on that no more requests should be sent here.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the service is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// The process runs.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({ "status": "live" }))
}

/// It can answer: the database answered within the last two seconds and has all migrations, and nobody stops the
/// service.
pub async fn ready(readiness: Data<Readiness>) -> HttpResponse {
    let (database, migrations) = match readiness.pulse.health() {
        Health::Good => ("ok", "ok"),
        Health::NotMigrated => ("ok", "pending"),
        Health::Gone => ("gone", "unknown"),
    };
    let is_draining = readiness.is_draining();
    let is_ready = (database, migrations) == ("ok", "ok") && !is_draining;
    let mut response = if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "status": if is_ready { "ready" } else { "not-ready" },
        "checks": { "database": database, "migrations": migrations, "draining": is_draining },
    }))
}
