//! TLS to Postgres, with a certificate authority of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::DatabaseSession;
use crate::support::process::{ChildProcess, WAIT_TIMEOUT, Workspace, run_to_completion};
use crate::support::tls_server::{Authority, Identity, TlsServer};

/// A server with a certificate for `localhost`, and files of the client.
struct Setup {
    server: TlsServer,
    workspace: Workspace,
    authority: Authority,
}

impl Setup {
    async fn start(identity: impl FnOnce(&Authority) -> Option<Identity>) -> Self {
        let authority = Authority::new("Authority of the test");
        let server = TlsServer::start(identity(&authority).as_ref(), Some(&authority)).await;
        let workspace = Workspace::new();
        workspace.write_file("ca.pem", authority.certificate());
        workspace.write_file("other.pem", Authority::new("Another authority").certificate());
        Self { server, workspace, authority }
    }

    /// Writes a certificate and its key for a client.
    fn write_client(&self, name: &str, identity: &Identity) {
        self.workspace.write_file(&format!("{name}.pem"), &identity.certificate);
        self.workspace.write_file(&format!("{name}.key"), &identity.key);
        let key = self.workspace.path(&format!("{name}.key"));
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    }

    fn command(&self, address: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
        let mut command = self.workspace.command_with_database(address, arguments);
        command.envs(environment.iter().copied());
        command
    }

    /// The service responds, and its sessions are encrypted or not.
    async fn assert_serves(&self, address: &str, environment: &[(&str, &str)], is_encrypted: bool) {
        let mut command = self.command(address, environment, &["serve", "--demo", "never", "--listen", "127.0.0.1:0"]);
        let mut process = ChildProcess::start(&mut command);
        let url = process.wait_for_line("GraphQL ");
        let client = reqwest::Client::builder().no_proxy().timeout(WAIT_TIMEOUT).build().expect("a client");
        let query = json!({ "query": "{ papers { totalCount } }" });
        let response = client.post(url).json(&query).send().await.expect("a response");
        let response: Value = response.json().await.expect("JSON");
        assert_eq!(response["data"]["papers"]["totalCount"], json!(0), "{address}: {response}");
        let session = DatabaseSession::open(&self.server.socket_url("directory")).await;
        let sessions = |is_encrypted: bool| {
            format!(
                "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl = {is_encrypted} AND \
                 application_name = 'academic-directory'"
            )
        };
        assert!(session.query_number(&sessions(is_encrypted)).await > 0, "{address}");
        assert_eq!(session.query_number(&sessions(!is_encrypted)).await, 0, "{address}");
        process.send_signal(Signal::TERM);
        assert_eq!(process.wait().code, Some(0), "{address}");
    }

    /// The program exits with a message that has this part.
    fn assert_fails(&self, address: &str, environment: &[(&str, &str)], part: &str) {
        let outcome = run_to_completion(&mut self.command(address, environment, &["migrate", "status"]));
        assert_eq!(outcome.code, Some(1), "{address}: {outcome:?}");
        assert!(outcome.stderr.contains(part), "{address}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{address}: {}", outcome.stderr);
    }
}

#[tokio::test]
async fn encryption_and_verification() {
    let setup = Setup::start(|authority| Some(authority.issue_server("localhost"))).await;
    let address = |user: &str, host: &str, parameters: &str| setup.server.address(user, host, parameters);
    setup.assert_serves(&address("plain", "127.0.0.1", "sslmode=disable"), &[], false).await;
    setup.assert_serves(&address("encrypted", "127.0.0.1", ""), &[], true).await;
    setup.assert_serves(&address("plain", "127.0.0.1", "sslmode=prefer"), &[], false).await;
    setup.assert_serves(&address("encrypted", "127.0.0.1", "sslmode=require"), &[], true).await;
    let url = format!("postgres://encrypted@localhost:{}/directory?sslmode=verify-full", setup.server.port);
    setup.assert_serves(&format!("{url}&sslrootcert=ca.pem"), &[], true).await;
    setup.assert_serves(&url, &[("PGSSLROOTCERT", "ca.pem")], true).await;
    // The name is not verified.
    let by_authority = address("encrypted", "127.0.0.1", "sslmode=verify-ca sslrootcert=ca.pem");
    setup.assert_serves(&by_authority, &[], true).await;
    let system = address("encrypted", "localhost", "sslrootcert=system");
    setup.assert_serves(&system, &[("SSL_CERT_FILE", "ca.pem")], true).await;

    let untrusted = "the server's certificate is not of a trusted authority: set sslrootcert";
    setup.assert_fails(&system, &[], untrusted);
    for mode in ["require", "verify-ca", "verify-full"] {
        let other = address("encrypted", "localhost", &format!("sslmode={mode} sslrootcert=other.pem"));
        setup.assert_fails(&other, &[], untrusted);
        // The authorities of the system do not count besides those of the file.
        setup.assert_fails(&other, &[("SSL_CERT_FILE", "ca.pem")], untrusted);
        setup.assert_fails(&other, &[("SSL_CERT_DIR", "."), ("SSL_CERT_FILE", "ca.pem")], untrusted);
    }
    setup.assert_fails(
        &address("encrypted", "127.0.0.1", "sslmode=verify-full sslrootcert=ca.pem"),
        &[],
        "the server's certificate is not for 127.0.0.1 (it has localhost)",
    );
    setup.assert_fails(
        &address("encrypted", "127.0.0.1", "sslmode=disable"),
        &[],
        "no encryption: if the server asks for TLS, use sslmode=verify-full",
    );
    let mixed = [("DATABASE_READ_URLS", system.as_str())];
    let outcome = run_to_completion(&mut setup.command(&by_authority, &mixed, &["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("while another address has sslrootcert=FILE"), "{}", outcome.stderr);
}

#[tokio::test]
async fn client_certificates() {
    let setup = Setup::start(|authority| Some(authority.issue_server("localhost"))).await;
    setup.write_client("client", &setup.authority.issue_client("certified"));
    setup.write_client("stranger", &Authority::new("Another authority").issue_client("certified"));
    let address = |parameters: &str| {
        let verified = format!("sslmode=verify-full sslrootcert=ca.pem {parameters}");
        setup.server.address("certified", "localhost", &verified)
    };
    setup.assert_serves(&address("sslcert=client.pem sslkey=client.key"), &[], true).await;
    setup.assert_fails(&address(""), &[], "valid client certificate: give one with sslcert and sslkey");
    let stranger = address("sslcert=stranger.pem sslkey=stranger.key");
    setup.assert_fails(&stranger, &[], "the server rejects the certificate of sslcert (UnknownCA)");

    setup.workspace.write_file("open.key", "-----BEGIN PRIVATE KEY-----\n");
    let open = setup.workspace.path("open.key");
    std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o644)).expect("permissions");
    for (parameters, part) in [
        ("sslcert=client.pem sslkey=open.key", "the file of sslkey, open.key, cannot be used: others may read"),
        ("sslcert=client.pem sslkey=missing.key", "missing.key, cannot be used: No such file"),
        ("sslcert=client.key sslkey=client.key", "the file of sslcert, client.key, cannot be used: it has no line"),
        ("sslcert=client.pem", "sslcert needs the private key"),
    ] {
        setup.assert_fails(&address(parameters), &[], part);
    }
    setup.assert_fails(
        &setup.server.address("encrypted", "localhost", "sslmode=verify-full sslrootcert=missing.pem"),
        &[],
        "the file of sslrootcert, missing.pem, cannot be used: No such file",
    );
}

#[tokio::test]
async fn server_without_tls() {
    let setup = Setup::start(|_| None).await;
    setup.assert_serves(&setup.server.address("either", "127.0.0.1", ""), &[], false).await;
    for parameters in ["sslmode=require", "sslmode=verify-full sslrootcert=ca.pem"] {
        let address = setup.server.address("either", "127.0.0.1", parameters);
        setup.assert_fails(&address, &[], "the server has no TLS: switch it on (ssl = on)");
    }
}

#[tokio::test]
async fn expired_certificate() {
    let setup = Setup::start(|authority| Some(authority.issue_expired_server("localhost"))).await;
    let verified = setup.server.address("encrypted", "localhost", "sslmode=verify-full sslrootcert=ca.pem");
    setup.assert_fails(&verified, &[], "the server's certificate has expired: install a new one");
    setup.assert_serves(&setup.server.address("encrypted", "localhost", "sslmode=require"), &[], true).await;
}

#[tokio::test]
async fn certificate_of_an_authority() {
    let setup = Setup::start(|authority| Some(authority.as_identity())).await;
    let verified = setup.server.address("encrypted", "localhost", "sslmode=verify-ca sslrootcert=ca.pem");
    setup.assert_fails(&verified, &[], "the server's certificate is the one of an authority");
    setup.assert_serves(&setup.server.address("encrypted", "localhost", "sslmode=prefer"), &[], true).await;
}

#[tokio::test]
async fn self_signed_certificate() {
    let identity = Identity::self_signed("localhost");
    let certificate = identity.certificate.clone();
    let setup = Setup::start(|_| Some(identity)).await;
    setup.workspace.write_file("server.pem", certificate);
    let verified = setup.server.address("encrypted", "localhost", "sslmode=verify-full sslrootcert=server.pem");
    setup.assert_serves(&verified, &[], true).await;
    let untrusted = "the server's certificate is not of a trusted authority";
    setup.assert_fails(&setup.server.address("encrypted", "localhost", "sslrootcert=system"), &[], untrusted);
}
