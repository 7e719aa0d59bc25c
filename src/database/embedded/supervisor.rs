//! The thread that starts the server's process, stays with it, and sees it end.

use std::io;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::database::embedded::EmbeddedError;

/// How long a server may take to become ready, or to stop.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
pub(super) const POLL: Duration = Duration::from_millis(10);
/// "Fast shutdown", and what follows if that is not heeded. Data that are committed survive each of them.
const STOP_SIGNALS: [(Signal, Duration); 3] =
    [(Signal::INT, PATIENCE), (Signal::QUIT, Duration::from_secs(10)), (Signal::KILL, Duration::from_secs(10))];

/// The server's process and the thread that started it. Linux signals the server when the *thread* that forked it
/// ends, so that thread has to last as long as the server.
#[derive(Debug)]
pub(super) struct Owned {
    pid: Pid,
    phase: Arc<Mutex<Phase>>,
    supervisor: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Stopping,
    Ended,
}

impl Owned {
    /// Launches a server, or none, from a thread that then stays with it.
    pub(super) fn start(
        launch: impl FnOnce() -> Result<Option<Child>, EmbeddedError> + Send + 'static,
    ) -> Result<Option<Self>, EmbeddedError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let phase = Arc::new(Mutex::new(Phase::Running));
        let shared = Arc::clone(&phase);
        let supervise = move || match launch() {
            Ok(Some(child)) => {
                let pid = Pid::from_child(&child);
                let _ = sender.send(Ok(Some(pid))); // the receiver waits for exactly this
                watch(pid, child, &shared);
            }
            other => {
                let _ = sender.send(other.map(|_| None));
            }
        };
        let thread = thread::Builder::new().name("database-server".to_owned()).spawn(supervise);
        let supervisor = thread.map_err(EmbeddedError::Supervisor)?;
        let pid = receiver.recv().map_err(|error| EmbeddedError::Supervisor(io::Error::other(error)))??;
        Ok(pid.map(|pid| Self { pid, phase, supervisor }))
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_pid().unsigned_abs()
    }

    /// Stops the server and waits for it.
    pub(super) fn stop(self) {
        for (signal, patience) in STOP_SIGNALS {
            {
                // The pid is surely the server's while this is held: it is freed under the same lock.
                let mut phase = lock(&self.phase);
                if *phase != Phase::Ended {
                    *phase = Phase::Stopping;
                    let _ = kill_process(self.pid, signal); // fails only if it has just ended
                }
            }
            if wait_until(patience, || self.supervisor.is_finished()) {
                return;
            }
            tracing::warn!(pid = %self.pid, ?signal, "the database server does not stop");
        }
    }
}

/// Waits for the end of the server, whoever brings it about.
fn watch(pid: Pid, mut child: Child, phase: &Mutex<Phase>) {
    // Seen, but not reaped: until that is done below, no other process can be given the pid.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(pid), options).is_err_and(|error| error == Errno::INTR) {}
    let mut phase = lock(phase);
    let status = child.wait();
    if *phase == Phase::Running {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!(%pid, status, "the database server has stopped unexpectedly; restart the service");
    }
    *phase = Phase::Ended;
}

fn lock(phase: &Mutex<Phase>) -> MutexGuard<'_, Phase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Polls until the condition holds, or the time is up.
pub(super) fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}
