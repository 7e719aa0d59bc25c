//! Step 3: starting the server's process.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Instant;

use crate::database::embedded::command::Postgres;
use crate::database::embedded::connect::SOCKET_PORT;
use crate::database::embedded::postmaster::{PidFile, neutralize_stale_pid_file};
use crate::database::embedded::shared_buffers::shared_buffers_mib;
use crate::database::embedded::wait::{POLL_INTERVAL, SERVER_TIMEOUT, start_program, wait_until};
use crate::database::embedded::{Durability, EmbeddedError};

/// A longer log is truncated at the next start.
pub(super) const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
const LOG_TAIL_LINES: usize = 5;
/// A large import changes the same pages many times. With the default `max_wal_size` of 1 GB, it would cause a checkpoint,
/// which writes them all, every few seconds instead of every few minutes.
const SAFE_SETTINGS: [&str; 2] = ["max_wal_size=4GB", "checkpoint_timeout=15min"];
const VOLATILE_SETTINGS: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// Starts the server and waits until it accepts connections.
pub(super) fn launch(postgres: &Postgres) -> Result<Child, EmbeddedError> {
    let directory = postgres.directory;
    let directory_error = |source| EmbeddedError::Directory { path: directory.path.clone(), source };
    neutralize_stale_pid_file(&directory.data).map_err(directory_error)?;
    // No server responds, so the socket's lock file is stale. Its pid may belong to another process by now.
    match fs::remove_file(directory.socket.with_file_name(format!(".s.PGSQL.{SOCKET_PORT}.lock"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(directory_error(error)),
        _ => {}
    }
    let log = directory.open(&directory.log).map_err(directory_error)?;
    if log.metadata().map_err(directory_error)?.len() > MAX_LOG_BYTES {
        log.set_len(0).map_err(directory_error)?;
    }
    let deadline = Instant::now() + SERVER_TIMEOUT;
    loop {
        let log_start = log.metadata().map_err(directory_error)?.len();
        let mut command = postgres_command(postgres);
        command.stdout(log.try_clone().map_err(directory_error)?).stderr(log.try_clone().map_err(directory_error)?);
        let mut child = start_program(|| command.spawn()).map_err(|source| postgres.start_error(&command, source))?;
        let mut exit_status = Ok(None);
        wait_until(deadline.saturating_duration_since(Instant::now()), || {
            exit_status = child.try_wait();
            !matches!(exit_status, Ok(None)) || is_ready(&directory.data, &child)
        });
        if let Some(status) = exit_status.map_err(directory_error)? {
            let log_text = read_log_from(&directory.log, log_start);
            // Processes of a killed server exit by themselves, but not always at once.
            let is_in_use = log_text.contains("is still in use");
            if is_in_use && Instant::now() < deadline {
                thread::sleep(POLL_INTERVAL);
                continue;
            }
            return Err(EmbeddedError::Stopped { status, log: directory.log.clone(), tail: last_lines(&log_text) });
        }
        if is_ready(&directory.data, &child) {
            return Ok(child);
        }
        let _ = child.kill().and_then(|()| child.wait());
        return Err(EmbeddedError::NotReady { log: directory.log.clone() });
    }
}

fn is_ready(data: &Path, child: &Child) -> bool {
    PidFile::read(data).is_some_and(|file| file.pid == child.id() && file.is_ready())
}

fn postgres_command(postgres: &Postgres) -> Command {
    // A list: names with a comma must be quoted.
    let socket_directory = postgres.directory.path.to_string_lossy().replace('"', "\"\"");
    let mut command = postgres.command("postgres");
    command.arg("-D").arg(&postgres.directory.data).args(["-p", SOCKET_PORT]).args([
        "-c",
        "listen_addresses=",
        "-c",
        "unix_socket_permissions=0700",
        "-c",
        "max_connections=100",
        "-c",
        &format!("unix_socket_directories=\"{socket_directory}\""),
    ]);
    let settings = match postgres.durability {
        Durability::Safe => &SAFE_SETTINGS[..],
        Durability::Volatile => &VOLATILE_SETTINGS,
    };
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    if postgres.durability == Durability::Safe {
        command.args(["-c", &format!("shared_buffers={}MB", shared_buffers_mib())]);
    }
    command
}

fn read_log_from(path: &Path, start: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.take(MAX_LOG_BYTES).read_to_end(&mut bytes)
    });
    read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}
