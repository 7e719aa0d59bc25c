//! How many requests are worked on at once. What comes above that is refused at once, so that the others are still
//! answered in time: a service that takes everything under three times its load answers nobody.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::response::Refusal;

/// The places for requests that are worked on.
#[derive(Clone, Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    most: usize,
}

/// A place, given back when this is dropped.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Admission {
    /// With so many places.
    #[must_use]
    pub fn new(most: NonZeroU32) -> Self {
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(most)), most }
    }

    /// A place, where one is free.
    #[must_use]
    pub fn try_enter(&self) -> Option<Permit> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Permit)
    }

    /// A place, or what the client is told.
    pub(super) fn enter(&self) -> Result<Permit, Refusal> {
        self.try_enter().ok_or_else(|| {
            Refusal::busy(
                "more is asked at the moment than can be answered; try again after the seconds in Retry-After",
            )
        })
    }

    /// How many requests are worked on.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.most - self.places.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let admission = Admission::new(NonZeroU32::new(2).expect("not zero"));
        let first = admission.try_enter().expect("a place");
        let second = admission.try_enter().expect("a place");
        assert!(admission.try_enter().is_none());
        assert_eq!(admission.enter().expect_err("no place").status, 503);
        assert_eq!(admission.in_flight(), 2);
        drop(first);
        assert_eq!(admission.in_flight(), 1);
        assert!(admission.enter().is_ok());
        drop(second);
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn most_there_can_be() {
        assert!(Admission::new(NonZeroU32::MAX).try_enter().is_some());
    }
}
