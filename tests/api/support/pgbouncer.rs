//! A real PgBouncer in front of the test server.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use url::Url;

use super::process::wait_for;

/// An installed PgBouncer.
#[derive(Clone, Debug)]
pub struct PgbouncerProgram {
    path: PathBuf,
    /// Major and minor version.
    pub version: (u32, u32),
}

impl PgbouncerProgram {
    /// All that are found: Debian's, and the one of `tests/build-pgbouncer.sh`.
    pub fn all() -> Vec<Self> {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pgbouncer/pgbouncer");
        [PathBuf::from("/usr/sbin/pgbouncer"), built].into_iter().filter_map(Self::inspect).collect()
    }

    fn inspect(path: PathBuf) -> Option<Self> {
        let output = Command::new(&path).arg("--version").output().ok()?;
        let output = String::from_utf8(output.stdout).ok()?;
        let version = output.lines().next()?.strip_prefix("PgBouncer ")?;
        let mut parts = version.split('.').map(|part| part.parse().ok());
        let version = (parts.next()??, parts.next()??);
        Some(Self { path, version })
    }

    /// Whether prepared statements work with `pool_mode = transaction`.
    pub fn has_prepared_statements(&self) -> bool {
        self.version >= (1, 21)
    }
}

/// A running PgBouncer, with its files in a directory of its own. It is ended on drop.
pub struct Pgbouncer {
    address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Pgbouncer {
    /// Starts in front of the server of a database at a Unix socket, with these settings.
    pub fn start(program: &PgbouncerProgram, database_url: &str, settings: &[(&str, &str)]) -> Self {
        let url = Url::parse(database_url).expect("a URL");
        let socket = url.query_pairs().find_map(|(name, value)| (name == "host").then(|| value.into_owned()));
        let socket = socket.expect("a database at a Unix socket");
        let directory = tempfile::Builder::new().prefix("academic-directory-pgbouncer").tempdir().expect("a directory");
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("its permissions");
        let users = directory.path().join("users.txt");
        // With `auth_type = trust`, the users need only be listed.
        std::fs::write(&users, "\"academic_directory\" \"\"\n\"pooled\" \"\"\n").expect("the users");
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let address = listener.local_addr().expect("its address");
            drop(listener);
            let mut config = format!(
                "[databases]\n* = host={socket} port=5432\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\nmax_client_conn = 200\ndefault_pool_size = 8\n",
                address.port(),
                users.display()
            );
            for (name, value) in settings {
                writeln!(config, "{name} = {value}").expect("a String");
            }
            let file = directory.path().join("pgbouncer.ini");
            std::fs::write(&file, config).expect("the configuration");
            let owner = std::fs::metadata(&socket).expect("the directory of the socket");
            let log = std::fs::File::create(directory.path().join("log")).expect("a log");
            let mut command = Command::new(&program.path);
            command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            if rustix::process::geteuid().is_root() {
                // It does not run as root, and the socket belongs to the account of the server.
                command.uid(owner.uid()).gid(owner.gid());
            }
            let mut child = command.spawn().expect("PgBouncer");
            let is_listening = wait_for("PgBouncer", || {
                let has_exited = child.try_wait().expect("its status").is_some();
                if has_exited { Some(false) } else { TcpStream::connect(address).is_ok().then_some(true) }
            });
            if is_listening {
                return Self { address, child, _directory: directory };
            }
            let log = std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
            // Another process may have taken the port meanwhile.
            assert!(log.contains("Address already in use"), "PgBouncer has exited: {log}");
        }
    }

    /// The URL of a database through PgBouncer.
    pub fn url(&self, database_url: &str, role: &str) -> String {
        let database = Url::parse(database_url).expect("a URL").path().trim_start_matches('/').to_owned();
        format!("postgres://{role}@{}/{database}?sslmode=disable", self.address)
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        // With SIGTERM, it waits for its clients.
        let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
