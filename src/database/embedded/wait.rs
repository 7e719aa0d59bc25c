//! Waiting for the server.

use std::io;
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

/// Starts a program, and tries again for a second while its file is open for writing. A process that another thread
/// started during the copying of the programs has inherited the open file, and keeps it until it runs its own program.
pub(super) fn start_program<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        match start() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                thread::sleep(POLL_INTERVAL);
            }
            started => return started,
        }
    }
}
