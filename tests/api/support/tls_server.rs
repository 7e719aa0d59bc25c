//! A Postgres server with TLS, and the certificates of authorities made for the tests.

use std::fs::{Permissions, metadata, set_permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::process::wait_for;
use super::{execute_sql, start_postgres};

/// An authority that signs certificates.
pub struct Authority {
    certificate: Certificate,
    key: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM format.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate, key: key.serialize_pem(), issuer: Issuer::new(params, key) }
    }

    pub fn certificate(&self) -> String {
        self.certificate.pem()
    }

    /// The authority's own certificate, used by a server.
    pub fn as_identity(&self) -> Identity {
        Identity { certificate: self.certificate(), key: self.key.clone() }
    }

    /// A certificate for a server with this name.
    pub fn issue_server(&self, name: &str) -> Identity {
        self.issue(CertificateParams::new([name.to_owned()]).expect("a name"))
    }

    /// A certificate that expired long ago.
    pub fn issue_expired_server(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.issue(params)
    }

    /// A certificate for a database user.
    pub fn issue_client(&self, user: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Identity {
    /// A certificate for a server with this name, signed by itself, which cannot sign others.
    pub fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A running server that listens on 127.0.0.1. Its users, who may do anything: `encrypted` (with TLS only), `certified`
/// (with a client certificate only), `plain` (without TLS only), `either`, and `secretive`, who has [`PASSWORD`].
pub struct TlsServer {
    pub port: u16,
    child: Child,
    directory: TempDir,
}

/// A password with the characters that have a meaning in addresses, URLs and shells.
pub const PASSWORD: &str = "pa$word${x}@1:/#?%&=+";

const RULES: &str = "local all academic_directory,either trust\n\
    local all secretive scram-sha-256\n\
    hostssl all certified 127.0.0.1/32 cert\n\
    hostssl all encrypted 127.0.0.1/32 trust\n\
    hostnossl all plain 127.0.0.1/32 trust\n\
    host all either 127.0.0.1/32 trust\n\
    host all secretive 127.0.0.1/32 scram-sha-256\n";

impl TlsServer {
    /// Starts a server with a certificate, or without TLS. Certificates of clients are signed by `clients`.
    pub async fn start(identity: Option<&Identity>, clients: Option<&Authority>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // Servers started by root run as another user.
        set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("permissions");
        let server = directory.path().join("server");
        let initialized = server.clone();
        tokio::task::spawn_blocking(move || start_postgres(&initialized).stop()).await.expect("the data");
        let data = server.join("data");
        write_for(&data, "pg_hba.conf", RULES);
        write_for(&data, "clients.crt", &clients.map(Authority::certificate).unwrap_or_default());
        let mut settings = vec!["listen_addresses=127.0.0.1".to_owned(), "fsync=off".to_owned()];
        settings.push(format!("unix_socket_directories={}", server.display()));
        if let Some(identity) = identity {
            write_for(&data, "server.crt", &identity.certificate);
            write_for(&data, "server.key", &identity.key);
            let tls = ["ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key", "ssl_ca_file=clients.crt"];
            settings.extend(tls.map(str::to_owned));
        }
        let port = free_port();
        let child = spawn(&data, port, &settings, &directory.path().join("log"));
        let running = Self { port, child, directory };
        wait_for("the server", || server.join(format!(".s.PGSQL.{port}")).exists().then_some(()));
        let roles = ["certified", "encrypted", "plain", "either"];
        let roles: Vec<String> = roles.map(|role| format!("CREATE ROLE {role} SUPERUSER LOGIN")).into();
        execute_sql(&running.socket_url("postgres"), &roles.join("; ")).await;
        let secretive = format!("CREATE ROLE secretive SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
        execute_sql(&running.socket_url("postgres"), &secretive).await;
        execute_sql(&running.socket_url("postgres"), "CREATE DATABASE directory").await;
        running
    }

    /// The directory of the Unix socket.
    pub fn socket_directory(&self) -> PathBuf {
        self.directory.path().join("server")
    }

    /// The URL of a database through the Unix socket, as the superuser.
    pub fn socket_url(&self, database: &str) -> String {
        let socket = self.socket_directory().to_string_lossy().replace('/', "%2F");
        format!("postgres://academic_directory@localhost:{}/{database}?host={socket}&sslmode=disable", self.port)
    }

    /// The address of the database `directory`, with the user and host, and further parameters.
    pub fn address(&self, user: &str, host: &str, parameters: &str) -> String {
        format!("host={host} port={} user={user} dbname=directory {parameters}", self.port)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // Fast shutdown.
        let _ = kill_process(pid, Signal::INT);
        let _ = self.child.wait();
    }
}

/// Writes a file that only the server's user can read.
fn write_for(data: &Path, name: &str, content: &str) {
    let owner = metadata(data).expect("the data");
    let path = data.join(name);
    std::fs::write(&path, content).expect("a file");
    set_permissions(&path, Permissions::from_mode(0o600)).expect("permissions");
    chown(&path, Some(owner.uid()), Some(owner.gid())).expect("an owner");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Starts the program that ran on this data before.
fn spawn(data: &Path, port: u16, settings: &[String], log: &Path) -> Child {
    let options = std::fs::read_to_string(data.join("postmaster.opts")).expect("the options of the server");
    let program = PathBuf::from(options.split(" \"").next().expect("a program"));
    let owner = metadata(data).expect("the data");
    let log = std::fs::File::create(log).expect("a log");
    let mut command = Command::new(program);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]);
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().expect("the server")
}
