//! Step 4: connecting to the server, whether this process started it or not.

use std::fmt::Write as _;
use std::path::Path;

use crate::database::embedded::EmbeddedError;
use crate::database::embedded::postmaster::{PidFile, SUPERUSER, ServerStatus, server_status};
use crate::database::embedded::prepare::ServerDirectory;
use crate::database::embedded::wait::{SERVER_TIMEOUT, wait_until};

/// The port in the name of the socket file. The server listens on no TCP port.
pub(super) const SOCKET_PORT: &str = "5432";

/// The connection URL of a database.
pub(super) fn url(directory: &Path, database: &str) -> String {
    let (database, host) = (percent_encode(database), percent_encode(&directory.to_string_lossy()));
    // Port and TLS mode are explicit, since the environment (PGPORT, PGSSLMODE) would override them otherwise.
    format!("postgres://{SUPERUSER}@localhost:{SOCKET_PORT}/{database}?host={host}&sslmode=disable")
}

/// Whether a server already runs in the directory. Waits for a server that is starting, stopping or recovering.
pub(super) fn is_running(directory: &ServerDirectory) -> Result<bool, EmbeddedError> {
    let mut status = Ok(ServerStatus::Absent);
    let is_settled = wait_until(SERVER_TIMEOUT, || {
        status = server_status(&directory.data, &directory.socket);
        !matches!(status, Ok(ServerStatus::Busy))
    });
    if !is_settled {
        let pid = PidFile::read(&directory.data).map_or("unknown".to_owned(), |file| file.pid.to_string());
        return Err(EmbeddedError::Busy { pid, data: directory.data.clone() });
    }
    let status = status.map_err(|source| EmbeddedError::ForeignServer { socket: directory.socket.clone(), source })?;
    Ok(status == ServerStatus::Ready)
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a String cannot fail
        }
        encoded
    })
}
