//! Commands that run a Postgres program.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::database::embedded::locate::Installation;
use crate::database::embedded::prepare::ServerDirectory;
use crate::database::embedded::{Durability, EmbeddedError};

/// An installation of Postgres that runs in a directory.
pub(super) struct Postgres<'a> {
    pub directory: &'a ServerDirectory,
    pub installation: &'a Installation,
    pub durability: Durability,
}

impl Postgres<'_> {
    /// A program under the server's account, which ends when this process does.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.installation.directory.join(program));
        // English messages; and on macOS, no threads before the fork, which Postgres would reject.
        command.env("LC_ALL", "C").env_remove("PGDATESTYLE").env_remove("PGCLIENTENCODING");
        // Its own process group: Ctrl-C in the terminal reaches only this process, which completes its requests first.
        command.current_dir(&self.directory.path).stdin(Stdio::null()).process_group(0);
        if let Some(account) = &self.directory.account {
            command.uid(account.user).gid(account.group); // as root, this also drops root's supplementary groups
        }
        #[cfg(target_os = "linux")]
        stop_with_parent(&mut command);
        command
    }

    /// The error of a program that could not be started.
    pub(super) fn start_error(&self, command: &Command, source: io::Error) -> EmbeddedError {
        let ancestor = self.directory.blocking_ancestor().filter(|_| source.kind() == io::ErrorKind::PermissionDenied);
        match (ancestor, &self.directory.account) {
            (Some(blocking_ancestor), Some(account)) => {
                EmbeddedError::Unreachable { path: self.directory.path.clone(), blocking_ancestor, user: account.user }
            }
            _ => EmbeddedError::Program { program: command.get_program().into(), source },
        }
    }
}

/// Has the kernel interrupt the program (a fast shutdown for Postgres) when the thread that started it ends, as all
/// threads do when this process is killed.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "code between fork and exec has no safe API")]
fn stop_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let set_death_signal = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // If the parent exited before that, no signal will ever arrive.
        if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. These are two plain system calls, prctl
    // and getppid; nothing allocates or locks, and an errno becomes an `io::Error` without allocation.
    unsafe {
        command.pre_exec(set_death_signal);
    }
}
