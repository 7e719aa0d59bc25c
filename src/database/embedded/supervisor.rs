//! The thread that starts the server's process and waits for its exit.

use std::io;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::database::embedded::EmbeddedError;
use crate::database::embedded::wait::{SERVER_TIMEOUT, wait_until};

/// The signals to stop Postgres: fast shutdown, then stronger ones after a timeout. Committed data survive each of them.
const STOP_SIGNALS: [(Signal, Duration); 3] =
    [(Signal::INT, SERVER_TIMEOUT), (Signal::QUIT, Duration::from_secs(10)), (Signal::KILL, Duration::from_secs(10))];

/// The server's process and the thread that started it. Linux signals the server when the *thread* that forked it
/// ends, so that thread must live as long as the server.
#[derive(Debug)]
pub(super) struct SupervisedServer {
    pid: Pid,
    phase: Arc<Mutex<ServerPhase>>,
    supervisor: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerPhase {
    Running,
    Stopping,
    Ended,
}

impl SupervisedServer {
    /// Calls `launch` on a thread that then waits for the server's exit, if `launch` returns one.
    pub(super) fn start(
        launch: impl FnOnce() -> Result<Option<Child>, EmbeddedError> + Send + 'static,
    ) -> Result<Option<Self>, EmbeddedError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let phase = Arc::new(Mutex::new(ServerPhase::Running));
        let shared = Arc::clone(&phase);
        let supervise = move || match launch() {
            Ok(Some(child)) => {
                let pid = Pid::from_child(&child);
                let _ = sender.send(Ok(Some(pid))); // the receiver always waits for it
                wait_for_exit(pid, child, &shared);
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

    /// Stops the server and waits until it has exited.
    pub(super) fn stop(self) {
        for (signal, timeout) in STOP_SIGNALS {
            {
                // While this is locked, the pid is the server's: the process is reaped under the same lock.
                let mut phase = lock_phase(&self.phase);
                if *phase != ServerPhase::Ended {
                    *phase = ServerPhase::Stopping;
                    let _ = kill_process(self.pid, signal); // fails only if it has just exited
                }
            }
            if wait_until(timeout, || self.supervisor.is_finished()) {
                return;
            }
            tracing::warn!(pid = %self.pid, ?signal, "the embedded Postgres did not stop in time");
        }
    }
}

/// Waits until the server exits for any reason.
fn wait_for_exit(pid: Pid, mut child: Child, phase: &Mutex<ServerPhase>) {
    // This does not reap the process: until it is reaped below, its pid cannot be reused.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(pid), options).is_err_and(|error| error == Errno::INTR) {}
    let mut phase = lock_phase(phase);
    let status = child.wait();
    if *phase == ServerPhase::Running {
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!(%pid, status, "the embedded Postgres stopped unexpectedly; restart the service");
    }
    *phase = ServerPhase::Ended;
}

fn lock_phase(phase: &Mutex<ServerPhase>) -> MutexGuard<'_, ServerPhase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}
