//! Whether a server runs on a data directory, by its `postmaster.pid` and the response on its socket.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The superuser, which is the only role of a new server.
pub(super) const SUPERUSER: &str = "academic_directory";
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Larger than the maximum pid of any system, so that no process has it.
const UNUSED_PID: &str = "99999999";
/// SQLSTATE of a server that is starting up or shutting down, and of one without free connections.
const CANNOT_CONNECT_NOW: &[u8] = b"57P03";
const TOO_MANY_CONNECTIONS: &[u8] = b"53300";

/// The status of the server on a data directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerStatus {
    /// A server accepts connections.
    Ready,
    /// A server is starting, stopping or not responding.
    Busy,
    /// No server is running.
    Absent,
}

/// The relevant lines of `postmaster.pid`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub pid: u32,
    /// `starting`, `ready` or `stopping`.
    status: String,
}

impl PidFile {
    pub(super) fn read(data: &Path) -> Option<Self> {
        let content = fs::read_to_string(pid_file_path(data)).ok()?;
        let pid = content.lines().next()?.trim().parse().ok()?;
        Some(Self { pid, status: content.lines().nth(7).unwrap_or_default().trim().to_owned() })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status == "ready"
    }

    /// Whether the process is the server of this data directory. It may also be another process with a reused pid, or a
    /// zombie.
    pub(super) fn is_alive(&self, data: &Path) -> bool {
        let data = data.as_os_str().as_bytes();
        command_line(self.pid).is_ok_and(|line| line.windows(data.len()).any(|part| part == data))
    }
}

/// The status of the server. Its process is checked first, since a stopping server logs each connection attempt.
pub(super) fn server_status(data: &Path, socket: &Path) -> io::Result<ServerStatus> {
    let alive = PidFile::read(data).filter(|file| file.is_alive(data));
    if alive.as_ref().is_some_and(|file| matches!(file.status.as_str(), "starting" | "stopping")) {
        return Ok(ServerStatus::Busy);
    }
    match probe_socket(socket)? {
        ServerStatus::Absent if alive.is_some() => Ok(ServerStatus::Busy),
        status => Ok(status),
    }
}

/// Neutralizes a stale `postmaster.pid`. Postgres does not start if any process has its pid, so the pid is replaced. The
/// rest must remain: Postgres detects by it whether an orphan of the old server still uses the shared memory. Call this
/// only while no server is running.
pub(super) fn neutralize_stale_pid_file(data: &Path) -> io::Result<()> {
    let content = match fs::read_to_string(pid_file_path(data)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        content => content?,
    };
    if content.trim().is_empty() {
        // Truncated by a crash. Postgres rejects it, and it contains nothing.
        return fs::remove_file(pid_file_path(data));
    }
    let rest = content.split_once('\n').map_or("", |(_, rest)| rest);
    // Overwritten in one write and never shorter than before, so that a crash does not leave the file empty.
    fs::File::options().write(true).open(pid_file_path(data))?.write_all(format!("{UNUSED_PID}\n{rest}").as_bytes())
}

fn pid_file_path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

#[cfg(target_os = "linux")]
fn command_line(pid: u32) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/cmdline"))
}

#[cfg(not(target_os = "linux"))]
fn command_line(pid: u32) -> io::Result<Vec<u8>> {
    let pid = pid.to_string();
    Ok(std::process::Command::new("/bin/ps").args(["-ww", "-o", "command=", "-p", &pid]).output()?.stdout)
}

/// Opens a session like any client, and closes it after the server's first message.
fn probe_socket(socket: &Path) -> io::Result<ServerStatus> {
    let stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(ServerStatus::Absent);
        }
        Err(error) => return Err(error),
    };
    // A server that disconnects or does not respond is stopping or overloaded.
    let Ok((kind, body)) = read_first_message(stream) else { return Ok(ServerStatus::Busy) };
    let mut fields = body.split(|byte| *byte == 0).filter_map(|field| field.split_first());
    let mut field = |name: u8| fields.find(|(tag, _)| **tag == name).map(|(_, value)| value);
    match (kind, field(b'C')) {
        (b'R', _) | (_, Some(TOO_MANY_CONNECTIONS)) => Ok(ServerStatus::Ready),
        (_, Some(CANNOT_CONNECT_NOW)) => Ok(ServerStatus::Busy),
        _ => {
            let message = field(b'M').unwrap_or(b"not a PostgreSQL server");
            Err(io::Error::other(String::from_utf8_lossy(message).into_owned()))
        }
    }
}

/// The type and the body of the server's first message.
fn read_first_message(mut stream: UnixStream) -> io::Result<(u8, Vec<u8>)> {
    stream.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
    let parameters = format!("user\0{SUPERUSER}\0database\0postgres\0\0");
    let length = u32::try_from(parameters.len() + 8).map_err(io::Error::other)?;
    let protocol: u32 = 3 << 16;
    stream.write_all(&[&length.to_be_bytes()[..], &protocol.to_be_bytes()[..], parameters.as_bytes()].concat())?;
    let mut header = [0; 5];
    stream.read_exact(&mut header)?;
    let [kind, length @ ..] = header;
    let mut body = Vec::new();
    (&stream).take(u64::from(u32::from_be_bytes(length).saturating_sub(4))).read_to_end(&mut body)?;
    let _ = stream.write_all(b"X\0\0\0\x04"); // terminates the session; errors do not matter
    Ok((kind, body))
}
