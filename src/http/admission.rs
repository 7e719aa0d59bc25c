//! Admission control: the maximum number of concurrent requests. Excess requests are rejected with 503 at once, so that
//! admitted requests still complete in time under overload (load shedding).

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::HttpError;

/// A semaphore with one permit per concurrent request.
#[derive(Clone, Debug)]
pub struct Admission {
    permits: Arc<Semaphore>,
    max_permits: usize,
}

/// The permit of one request, released on drop.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held until drop")] OwnedSemaphorePermit);

impl Admission {
    /// Admission control with a maximum number of concurrent requests.
    #[must_use]
    pub fn new(most: NonZeroU32) -> Self {
        let max_permits = usize::try_from(most.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(max_permits)), max_permits }
    }

    /// A permit, if one is free.
    #[must_use]
    pub fn try_admit(&self) -> Option<Permit> {
        Arc::clone(&self.permits).try_acquire_owned().ok().map(Permit)
    }

    /// A permit, or a 503 error.
    pub(super) fn admit(&self) -> Result<Permit, HttpError> {
        self.try_admit().ok_or_else(|| {
            HttpError::service_unavailable(
                "the service is overloaded; retry after the number of seconds in Retry-After",
            )
        })
    }

    /// Number of requests in progress.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.max_permits - self.permits.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_released_on_drop() {
        let admission = Admission::new(NonZeroU32::new(2).expect("not zero"));
        let first = admission.try_admit().expect("a permit");
        let second = admission.try_admit().expect("a permit");
        assert!(admission.try_admit().is_none());
        assert_eq!(admission.admit().expect_err("no permit").status, 503);
        assert_eq!(admission.in_flight(), 2);
        drop(first);
        assert_eq!(admission.in_flight(), 1);
        assert!(admission.admit().is_ok());
        drop(second);
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn maximum_is_capped_by_the_semaphore() {
        assert!(Admission::new(NonZeroU32::MAX).try_admit().is_some());
    }
}
