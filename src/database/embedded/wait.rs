//! Waiting for the server.

use std::thread;
use std::time::{Duration, Instant};

/// Timeout for the server to become ready, or to stop.
pub(super) const SERVER_TIMEOUT: Duration = Duration::from_mins(1);
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Polls until the condition holds; false if the timeout passes first.
pub(super) fn wait_until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + timeout;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
}
