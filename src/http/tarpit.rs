//! Delays the rejections of a client that keeps being rejected (tarpitting), so that retrying in a loop costs the client
//! time instead of costing the service CPU time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::http::client_id::ClientId;

/// The delay of a client's second rejection; it doubles with each further one. The first is not delayed.
const FIRST_DELAY: Duration = Duration::from_millis(10);
/// Maximum delay of a rejection.
const MAX_DELAY: Duration = Duration::from_secs(1);
/// A client that was not rejected for this time starts again without a delay.
const FORGET_AFTER: Duration = Duration::from_secs(10);
/// Maximum number of clients whose rejections are counted; those of further clients are not delayed.
const MAX_CLIENTS: usize = 10_000;
/// Maximum number of rejections that are delayed at once; further ones are sent immediately.
const MAX_DELAYED: usize = 1_024;

/// The recent rejections of each client.
#[derive(Debug)]
pub struct Tarpit {
    clients: Mutex<HashMap<ClientId, Rejections>>,
    delayed: Arc<Semaphore>,
}

#[derive(Clone, Copy, Debug)]
struct Rejections {
    count: u32,
    last_at: Instant,
}

impl Default for Tarpit {
    fn default() -> Self {
        Self { clients: Mutex::default(), delayed: Arc::new(Semaphore::new(MAX_DELAYED)) }
    }
}

impl Tarpit {
    /// Counts a rejection and waits before it may be sent.
    pub async fn delay(&self, client: &ClientId) {
        let delay = self.count(client, Instant::now());
        if delay.is_zero() {
            return;
        }
        if let Ok(_delayed) = self.delayed.try_acquire() {
            tokio::time::sleep(delay).await;
        }
    }

    /// Counts a rejection and returns its delay.
    fn count(&self, client: &ClientId, now: Instant) -> Duration {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let is_forgotten = |rejections: &Rejections| now.saturating_duration_since(rejections.last_at) > FORGET_AFTER;
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(client) {
            clients.retain(|_, rejections| !is_forgotten(rejections));
            if clients.len() >= MAX_CLIENTS {
                return Duration::ZERO;
            }
        }
        let rejections = clients.entry(client.clone()).or_insert(Rejections { count: 0, last_at: now });
        if is_forgotten(rejections) {
            rejections.count = 0;
        }
        *rejections = Rejections { count: rejections.count.saturating_add(1), last_at: now };
        match rejections.count {
            1 => Duration::ZERO,
            count => 2_u32
                .checked_pow(count - 2)
                .map_or(MAX_DELAY, |factor| FIRST_DELAY.saturating_mul(factor).min(MAX_DELAY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(number: u32) -> ClientId {
        ClientId::Address(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn delays_double_up_to_the_maximum() {
        let (tarpit, now) = (Tarpit::default(), Instant::now());
        let delays: Vec<_> = (0..10).map(|_| tarpit.count(&address(1), now).as_millis()).collect();
        assert_eq!(delays, [0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(tarpit.count(&address(2), now), Duration::ZERO, "another client");
        for _ in 0..100 {
            assert!(tarpit.count(&address(1), now) <= MAX_DELAY);
        }
    }

    #[test]
    fn rejections_are_forgotten() {
        let (tarpit, now) = (Tarpit::default(), Instant::now());
        for _ in 0..5 {
            tarpit.count(&address(1), now);
        }
        assert_ne!(tarpit.count(&address(1), now + FORGET_AFTER), Duration::ZERO);
        assert_eq!(tarpit.count(&address(1), now + FORGET_AFTER * 2 + Duration::from_millis(1)), Duration::ZERO);
    }

    #[test]
    fn number_of_clients_is_limited() {
        let (tarpit, now) = (Tarpit::default(), Instant::now());
        for number in 0..u32::try_from(MAX_CLIENTS).expect("few") + 10 {
            tarpit.count(&address(number), now);
        }
        assert_eq!(tarpit.clients.lock().expect("no panic").len(), MAX_CLIENTS);
        assert_eq!(tarpit.count(&address(u32::MAX), now), Duration::ZERO);
        assert_eq!(tarpit.count(&address(u32::MAX), now), Duration::ZERO, "it is not counted");
        let later = now + FORGET_AFTER + Duration::from_millis(1);
        tarpit.count(&address(u32::MAX), later);
        assert_eq!(tarpit.clients.lock().expect("no panic").len(), 1);
    }
}
