//! The private Postgres server that the service starts if it is given no `DATABASE_URL`.
//!
//! It is the server of the machine's own packages, over a data folder of ours, reached through a Unix socket in that
//! folder and through nothing else. Only the account that owns the folder (and root) can pass its permissions, so the
//! server asks for no password.

mod error;
mod folder;
mod memory;
mod postmaster;
mod supervisor;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{self, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

pub use crate::database::embedded::error::EmbeddedError;
pub use crate::database::programs::ServerPrograms;

use crate::database::embedded::error::MAX_SOCKET_PATH_BYTES;
use crate::database::embedded::folder::ServerDirectory;
use crate::database::embedded::postmaster::{
    PidFile, SUPERUSER, ServerStatus, neutralize_stale_pid_file, server_status,
};
use crate::database::embedded::supervisor::{POLL_INTERVAL, SERVER_TIMEOUT, SupervisedServer, wait_until};
use crate::database::programs::Installation;

/// Names the socket file; nothing listens on a port.
const SOCKET_PORT: &str = "5432";
/// A log longer than this is begun anew at the next start.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
const LOG_TAIL_LINES: usize = 5;
/// UTF-8 with the order of code points; not every macOS has it. Never `C`, which knows no letters beyond ASCII.
const LOCALES: [&str; 2] = ["C.UTF-8", "en_US.UTF-8"];
/// Pages that an import changes again and again are written out every few minutes, and not every few seconds, as a large one makes
/// Postgres do with the gigabyte that it allows itself.
const SAFE_SETTINGS: [&str; 2] = ["max_wal_size=4GB", "checkpoint_timeout=15min"];
const VOLATILE_SETTINGS: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    #[default]
    Safe,
    /// Everything, for speed: only for tests and benchmarks.
    Volatile,
}

/// A running private server.
///
/// The process that finds no server starts one and owns it. Others that are started on the same folder attach to it,
/// and never stop it. If the owner stops, so does the server, and those who are attached lose their connections; the
/// next [`EmbeddedServer::start`] in any process starts it again. If the owner is killed, Linux stops the server on
/// its behalf; elsewhere the server stays, and the next start attaches to it. Whoever attaches in the very moment an
/// owner goes may find the server gone at the first query, and has to start again.
///
/// Starting, stopping and dropping block the thread: in async code, use a blocking task.
#[derive(Debug)]
pub struct EmbeddedServer {
    directory: PathBuf,
    process: Option<SupervisedServer>,
}

impl EmbeddedServer {
    /// Starts a server on a folder, or attaches to the one that runs there (which keeps the durability it has). A
    /// folder that is missing or empty is filled with a new server, which has one database: `postgres`.
    ///
    /// # Errors
    /// Where no server can be had; the message says what to do about it.
    pub fn start(
        directory: &Path,
        programs: &ServerPrograms,
        durability: Durability,
    ) -> Result<EmbeddedServer, EmbeddedError> {
        let fail = |source| EmbeddedError::Directory { path: directory.to_owned(), source };
        let directory = path::absolute(directory).map_err(fail)?;
        if directory.to_str().is_none() {
            return Err(EmbeddedError::PathNotUtf8(directory));
        }
        let socket = directory.join(format!(".s.PGSQL.{SOCKET_PORT}"));
        if socket.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
            return Err(EmbeddedError::SocketPathTooLong(socket));
        }
        let (path, programs) = (directory.clone(), programs.clone());
        let owned = SupervisedServer::start(move || launch(&path, &socket, &programs, durability))?;
        Ok(Self { directory, process: owned })
    }

    /// Where to connect: a URL for `sqlx`, or for `psql`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (database, host) = (percent_encode(database), percent_encode(&self.directory.to_string_lossy()));
        // Port and TLS are written out because the environment (PGPORT, PGSSLMODE) would fill them in otherwise.
        format!("postgres://{SUPERUSER}@localhost:{SOCKET_PORT}/{database}?host={host}&sslmode=disable")
    }

    /// The server's process, or none if it belongs to another process of the service.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(SupervisedServer::pid)
    }

    /// Stops the server, if it is ours, and waits until it has ended. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        if let Some(owned) = self.process.take() {
            owned.stop();
        }
    }
}

/// A server that is ready, or none if one is there already.
fn launch(
    path: &Path,
    socket: &Path,
    programs: &ServerPrograms,
    durability: Durability,
) -> Result<Option<Child>, EmbeddedError> {
    let folder = ServerDirectory::prepare(path, socket)?;
    let _lock = folder.lock()?;
    if is_running(&folder)? {
        return Ok(None);
    }
    let installation = programs.locate(&folder.data)?;
    let launcher = Launcher { folder: &folder, installation: &installation, durability };
    if !folder.data.join("PG_VERSION").exists() {
        launcher.init_data()?;
    }
    launcher.start_server().map(Some)
}

/// Whether a server runs already. One that starts, stops or recovers is waited for until it answers or is gone.
fn is_running(folder: &ServerDirectory) -> Result<bool, EmbeddedError> {
    let mut last = Ok(ServerStatus::Absent);
    let settled = wait_until(SERVER_TIMEOUT, || {
        last = server_status(&folder.data, &folder.socket);
        !matches!(last, Ok(ServerStatus::Busy))
    });
    if !settled {
        let pid = PidFile::read(&folder.data).map_or("unknown".to_owned(), |file| file.pid.to_string());
        return Err(EmbeddedError::Busy { pid, data: folder.data.clone() });
    }
    let presence = last.map_err(|source| EmbeddedError::ForeignServer { socket: folder.socket.clone(), source })?;
    Ok(presence == ServerStatus::Ready)
}

struct Launcher<'a> {
    folder: &'a ServerDirectory,
    installation: &'a Installation,
    durability: Durability,
}

impl Launcher<'_> {
    /// Fills the data folder. It gets its name when it is complete, so that one cut short is never used.
    fn init_data(&self) -> Result<(), EmbeddedError> {
        let folder = self.folder;
        let fail = |source| EmbeddedError::Directory { path: folder.path.clone(), source };
        for entry in fs::read_dir(&folder.path).map_err(fail)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b"data.new.") {
                let _ = fs::remove_dir_all(entry.path()); // in vain if a killed starter's initdb still writes; later then
            }
        }
        let unfinished = folder.path.join(format!("data.new.{}", std::process::id()));
        let mut report = String::new();
        for locale in LOCALES {
            let mut command = self.command("initdb");
            command.args(["--encoding=UTF8", "--auth=trust", "--username", SUPERUSER, "--locale", locale]);
            if self.durability == Durability::Volatile {
                command.arg("--no-sync");
            }
            command.arg("--pgdata").arg(&unfinished);
            let output = command.output().map_err(|source| self.start_error(&command, source))?;
            if output.status.success() {
                fs::rename(&unfinished, &folder.data).map_err(fail)?;
                return File::open(&folder.path).and_then(|folder| folder.sync_all()).map_err(fail);
            }
            report = String::from_utf8_lossy(&output.stderr).into_owned();
            if !report.contains("invalid locale") {
                break;
            }
        }
        Err(EmbeddedError::Initialize(report.trim().to_owned()))
    }

    /// Starts the server and waits until it takes connections.
    fn start_server(&self) -> Result<Child, EmbeddedError> {
        let folder = self.folder;
        let fail = |source| EmbeddedError::Directory { path: folder.path.clone(), source };
        neutralize_stale_pid_file(&folder.data).map_err(fail)?;
        // Nobody answers, so the lock of the socket is of no use, and the pid in it may be another's by now.
        match fs::remove_file(folder.socket.with_file_name(format!(".s.PGSQL.{SOCKET_PORT}.lock"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let log = folder.open(&folder.log).map_err(fail)?;
        if log.metadata().map_err(fail)?.len() > MAX_LOG_BYTES {
            log.set_len(0).map_err(fail)?;
        }
        let deadline = Instant::now() + SERVER_TIMEOUT;
        loop {
            let begin = log.metadata().map_err(fail)?.len();
            let mut command = self.postgres_command();
            command.stdout(log.try_clone().map_err(fail)?).stderr(log.try_clone().map_err(fail)?);
            let mut child = command.spawn().map_err(|source| self.start_error(&command, source))?;
            let mut ended = Ok(None);
            wait_until(deadline.saturating_duration_since(Instant::now()), || {
                ended = child.try_wait();
                !matches!(ended, Ok(None)) || self.is_ready(&child)
            });
            if let Some(status) = ended.map_err(fail)? {
                let tail = read_log_from(&folder.log, begin);
                // What a killed server leaves behind ends by itself, but not always at once.
                let held = tail.contains("is still in use");
                if held && Instant::now() < deadline {
                    thread::sleep(POLL_INTERVAL);
                    continue;
                }
                return Err(EmbeddedError::Stopped { status, log: folder.log.clone(), tail: last_lines(&tail) });
            }
            if self.is_ready(&child) {
                return Ok(child);
            }
            let _ = child.kill().and_then(|()| child.wait());
            return Err(EmbeddedError::NotReady { log: folder.log.clone() });
        }
    }

    fn is_ready(&self, child: &Child) -> bool {
        PidFile::read(&self.folder.data).is_some_and(|file| file.pid == child.id() && file.is_ready())
    }

    fn postgres_command(&self) -> Command {
        // A list, in which a comma would end a name if it were not quoted.
        let directory = self.folder.path.to_string_lossy().replace('"', "\"\"");
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.folder.data).args(["-p", SOCKET_PORT]).args([
            "-c",
            "listen_addresses=",
            "-c",
            "unix_socket_permissions=0700",
            "-c",
            "max_connections=100",
            "-c",
            &format!("unix_socket_directories=\"{directory}\""),
        ]);
        let own = match self.durability {
            Durability::Safe => &SAFE_SETTINGS[..],
            Durability::Volatile => &VOLATILE_SETTINGS,
        };
        command.args(own.iter().flat_map(|setting| ["-c", setting]));
        if self.durability == Durability::Safe {
            command
                .args(["-c", &format!("shared_buffers={}MB", crate::database::embedded::memory::shared_buffers_mib())]);
        }
        command
    }

    /// A program of the server, as the account it may run as, which ends when we do.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.installation.directory.join(program));
        // English messages, and on macOS no threads before the fork, which Postgres would refuse.
        command.env("LC_ALL", "C").env_remove("PGDATESTYLE").env_remove("PGCLIENTENCODING");
        // A group of its own: Ctrl-C in the terminal reaches only us, and we let requests finish first.
        command.current_dir(&self.folder.path).stdin(Stdio::null()).process_group(0);
        if let Some(account) = &self.folder.account {
            command.uid(account.user).gid(account.group); // as root, this gives up root's other groups, too
        }
        #[cfg(target_os = "linux")]
        stop_with_parent(&mut command);
        command
    }

    fn start_error(&self, command: &Command, source: io::Error) -> EmbeddedError {
        let barrier = self.folder.blocking_ancestor().filter(|_| source.kind() == io::ErrorKind::PermissionDenied);
        match (barrier, &self.folder.account) {
            (Some(barrier), Some(account)) => EmbeddedError::Unreachable {
                path: self.folder.path.clone(),
                blocking_ancestor: barrier,
                user: account.user,
            },
            _ => EmbeddedError::Program { program: command.get_program().into(), source },
        }
    }
}

/// Has the kernel interrupt the program (a fast shutdown for Postgres) when the thread that started it ends, as all
/// do when we are killed.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "what happens between fork and exec has no safe form")]
fn stop_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let us = getpid();
    let arrange = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // If we were gone before that, no signal will ever come.
        if getppid() == Some(us) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. These are two plain system calls, prctl
    // and getppid; nothing allocates or locks, and an errno becomes an `io::Error` without allocation.
    unsafe {
        command.pre_exec(arrange);
    }
}

fn read_log_from(path: &Path, begin: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(begin))?;
        file.take(MAX_LOG_BYTES).read_to_end(&mut bytes)
    });
    read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // a String takes everything
        }
        encoded
    })
}
