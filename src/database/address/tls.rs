//! TLS: what the parameters of an address ask for, and what the errors of a handshake mean.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustls::{AlertDescription, CertificateError};
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::parameters::{Given, Value};
use super::{Host, InvalidAddress};
use crate::config::{DatabaseConfig, PgDefaults, SystemAuthorities};
use crate::database::address::DatabaseAddress;

/// How connections over TCP are encrypted, and which servers are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// No TLS.
    Disable,
    /// TLS if the server has it; any certificate is accepted.
    Prefer(Option<ClientCertificate>),
    /// TLS; any certificate is accepted.
    Require(Option<ClientCertificate>),
    /// TLS with a certificate of an authority in the file, whatever the name in it.
    VerifyAuthority(PathBuf, Option<ClientCertificate>),
    /// TLS with a certificate for the name of the host.
    VerifyName(RootCertificates, Option<ClientCertificate>),
}

/// The authorities that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RootCertificates {
    /// Those that the operating system trusts.
    System,
    /// Those of a file, and no others.
    File(PathBuf),
}

/// Files with the certificate and the private key by which the service identifies itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Whether an address has a file of authorities.
///
/// The driver adds the file to the authorities of the system: `verify-ca` would accept any certificate that can be bought.
/// So the system's are switched off for the whole process, with [`crate::config::ignore_system_authorities`].
#[must_use]
pub fn has_own_authorities(config: &DatabaseConfig) -> bool {
    let defaults = config.pg_defaults();
    let addresses = config.database_url.as_deref().into_iter().chain(config.read_addresses());
    // An error is reported when the database is opened.
    let addresses = addresses.filter_map(|text| DatabaseAddress::parse_unchecked(text, &defaults).ok());
    addresses.into_iter().any(|address| address.tls.root_file().is_some())
}

impl Tls {
    /// The parameters of TLS.
    pub(super) fn new(given: &Given, defaults: &PgDefaults, hosts: &[Host]) -> Result<Self, InvalidAddress> {
        let get = |name| given.get(name, defaults);
        let roots = get("sslrootcert");
        let is_system = roots.is_some_and(|roots| roots.text == "system");
        let (mode_name, mode) = match get("sslmode") {
            Some(Value { name, text }) => (name, text),
            None => ("sslmode", if is_system { "verify-full" } else { "prefer" }),
        };
        if !["disable", "prefer", "require", "verify-ca", "verify-full"].contains(&mode) {
            let advice = if mode == "allow" { "does not support allow; use prefer, or one" } else { "is none" };
            return Err(InvalidAddress::new(format!(
                "{mode_name} {advice} of disable, prefer, require, verify-ca and verify-full"
            )));
        }
        if mode == "disable" || hosts.iter().all(Host::is_socket) {
            return Ok(Self::Disable);
        }
        if is_system && mode != "verify-full" {
            return Err(InvalidAddress::new(format!(
                "sslrootcert=system trusts each certificate that the system trusts, whatever its name, with {mode_name}={mode}; \
                 use sslmode=verify-full"
            )));
        }
        let client = client_certificate(get("sslcert"), get("sslkey"))?;
        match (mode, roots) {
            ("prefer", None) => Ok(Self::Prefer(client)),
            ("prefer", Some(roots)) => Err(InvalidAddress::new(format!(
                "{} is given, but {mode_name}=prefer verifies nothing; use sslmode=verify-full, or verify-ca if the names in \
                 certificates do not match the hosts",
                roots.name
            ))),
            ("require", None) => Ok(Self::Require(client)),
            ("verify-ca", None) => Err(InvalidAddress::new(format!(
                "{mode_name}=verify-ca needs the file of your authority, as sslrootcert=FILE; for a certificate that the system \
                 trusts, use sslmode=verify-full"
            ))),
            // As libpq does.
            ("require" | "verify-ca", Some(roots)) => Ok(Self::VerifyAuthority(PathBuf::from(roots.text), client)),
            (_, roots) => {
                if let Some(host) = hosts.iter().find(|host| host.has_unverifiable_name()) {
                    return Err(InvalidAddress::new(format!(
                        "sslmode=verify-full cannot verify the name of {host} while connecting to its hostaddr; remove hostaddr, \
                         or use sslmode=verify-ca with sslrootcert=FILE"
                    )));
                }
                let file = roots.filter(|_| !is_system).map(|roots| PathBuf::from(roots.text));
                Ok(Self::VerifyName(file.map_or(RootCertificates::System, RootCertificates::File), client))
            }
        }
    }

    /// Sets the driver's options.
    pub(super) fn add_to(&self, options: PgConnectOptions) -> PgConnectOptions {
        let mode = match self {
            Self::Disable => PgSslMode::Disable,
            Self::Prefer(_) => PgSslMode::Prefer,
            Self::Require(_) => PgSslMode::Require,
            Self::VerifyAuthority(..) => PgSslMode::VerifyCa,
            Self::VerifyName(..) => PgSslMode::VerifyFull,
        };
        let options = match self.root_file() {
            Some(file) => options.ssl_mode(mode).ssl_root_cert(file),
            // Instead of PGSSLROOTCERT.
            None => options.ssl_mode(mode).ssl_root_cert_from_pem(Vec::new()),
        };
        match self.client() {
            Some(ClientCertificate { certificate, key }) => options.ssl_client_cert(certificate).ssl_client_key(key),
            None => options,
        }
    }

    fn root_file(&self) -> Option<&Path> {
        match self {
            Self::VerifyAuthority(file, _) | Self::VerifyName(RootCertificates::File(file), _) => Some(file),
            Self::Disable | Self::Prefer(_) | Self::Require(_) | Self::VerifyName(RootCertificates::System, _) => None,
        }
    }

    fn client(&self) -> Option<&ClientCertificate> {
        match self {
            Self::Disable => None,
            Self::Prefer(client) | Self::Require(client) => client.as_ref(),
            Self::VerifyAuthority(_, client) | Self::VerifyName(_, client) => client.as_ref(),
        }
    }

    /// Checks the files, and that no authority is trusted besides.
    pub(super) fn check(&self, system: SystemAuthorities) -> Result<(), InvalidAddress> {
        if let Some(file) = self.root_file() {
            if system == SystemAuthorities::Trusted {
                return Err(InvalidAddress::new(
                    "the authorities of the system could not be switched off, so sslrootcert=FILE would not be the only ones \
                     that are trusted; set SSL_CERT_FILE=/dev/null, and unset SSL_CERT_DIR",
                ));
            }
            require_pem(file, "sslrootcert", "CERTIFICATE")?;
        }
        let needs_system = matches!(self, Self::VerifyName(RootCertificates::System, _));
        if needs_system && system == SystemAuthorities::Ignored {
            return Err(InvalidAddress::new(
                "the authorities of the system are not trusted while another address has sslrootcert=FILE; give each address a \
                 file, such as the system's /etc/ssl/certs/ca-certificates.crt",
            ));
        }
        if let Some(client) = self.client() {
            require_pem(&client.certificate, "sslcert", "CERTIFICATE")?;
            require_private(&client.key)?;
            require_pem(&client.key, "sslkey", "PRIVATE KEY")?;
        }
        Ok(())
    }
}

impl Host {
    /// The driver verifies the text that it connects to.
    fn has_unverifiable_name(&self) -> bool {
        !self.name.is_empty() && self.address.is_some_and(|address| self.name != address.to_string())
    }
}

fn client_certificate(
    certificate: Option<Value<'_>>,
    key: Option<Value<'_>>,
) -> Result<Option<ClientCertificate>, InvalidAddress> {
    if let Some(value) = certificate.iter().chain(&key).find(|value| value.text.trim().is_empty()) {
        return Err(InvalidAddress::new(format!("{} is empty; unset it, or give a file", value.name)));
    }
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let (certificate, key) = (PathBuf::from(certificate.text), PathBuf::from(key.text));
            Ok(Some(ClientCertificate { certificate, key }))
        }
        (Some(given), None) => {
            Err(InvalidAddress::new(format!("{} needs the private key, as sslkey=FILE", given.name)))
        }
        (None, Some(given)) => {
            Err(InvalidAddress::new(format!("{} needs the certificate, as sslcert=FILE", given.name)))
        }
    }
}

/// A file of TLS that cannot be used.
fn bad_file(name: &str, file: &Path, problem: impl fmt::Display) -> InvalidAddress {
    InvalidAddress::new(format!("the file of {name}, {}, cannot be used: {problem}", file.display()))
}

/// Checks that a file has a part of this kind, in PEM format.
fn require_pem(file: &Path, name: &str, kind: &str) -> Result<(), InvalidAddress> {
    let bytes = fs::read(file).map_err(|error| bad_file(name, file, error))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut kinds = text.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    if kind == "PRIVATE KEY" && text.contains("ENCRYPTED") {
        return Err(bad_file(name, file, "it is encrypted; decrypt it with openssl pkey -in FILE -out FILE"));
    }
    if kinds.any(|found| found.ends_with(kind)) {
        return Ok(());
    }
    Err(bad_file(name, file, format!("it has no line -----BEGIN {kind}----- (PEM format is needed)")))
}

/// Checks that others cannot read the private key, by the rule of libpq.
fn require_private(key: &Path) -> Result<(), InvalidAddress> {
    let metadata = fs::metadata(key).map_err(|error| bad_file("sslkey", key, error))?;
    // A key of root may be readable by a group, for services that run as other users.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden == 0 {
        return Ok(());
    }
    let problem = "others may read or write it; run chmod 600 on it (or 640 if it belongs to root)";
    Err(bad_file("sslkey", key, problem))
}

/// What is wrong if a connection fails because of TLS, and what to do; `None` if it fails for another reason.
#[must_use]
pub fn explain(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Tls(error) => match error.downcast_ref::<rustls::Error>() {
            Some(error) => explain_handshake(error),
            None if error.to_string() == "server does not support TLS" => Some(
                "the server has no TLS: switch it on (ssl = on), or, if nobody can listen in on the network, use \
                 sslmode=disable"
                    .to_owned(),
            ),
            None => Some(format!("TLS failed: {error}")),
        },
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>().and_then(explain_handshake),
        sqlx::Error::Database(error) if error.code().as_deref() == Some("28000") => explain_rejection(error.message()),
        _ => None,
    }
}

/// What to do if the rules of the server (`pg_hba.conf`) ask for TLS.
fn explain_rejection(message: &str) -> Option<String> {
    if message.contains("valid client certificate") {
        return Some(format!("{message}: give one with sslcert and sslkey"));
    }
    message
        .contains("no encryption")
        .then(|| format!("{message}: if the server asks for TLS, use sslmode=verify-full (or require)"))
}

fn explain_handshake(error: &rustls::Error) -> Option<String> {
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::AlertReceived(
            alert @ (AlertDescription::UnknownCA
            | AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError),
        ) => {
            return Some(format!(
                "the server rejects the certificate of sslcert ({alert:?}): give one of an authority in the server's ssl_ca_file"
            ));
        }
        error => return Some(format!("TLS failed: {error}")),
    };
    Some(match certificate {
        CertificateError::UnknownIssuer => "the server's certificate is not of a trusted authority: set sslrootcert to the file \
                                            of the authority that signed it"
            .to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            format!(
                "the server's certificate is not for {} (it has {names}): use a name that it has, or sslmode=verify-ca with \
                 sslrootcert=FILE",
                expected.to_str()
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: install a new one on the server".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: check the clocks of both machines".to_owned()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server's certificate is the one of an authority: give the server a certificate that is signed by it, or created \
             with basicConstraints=CA:FALSE"
                .to_owned()
        }
        other => format!("the server's certificate is invalid: {other}"),
    })
}

/// A name of a certificate without its kind, which rustls writes as `DnsName("db.example.org")`.
fn plain_name(name: &str) -> &str {
    let name = name.split_once('(').and_then(|(_, name)| name.strip_suffix(')')).unwrap_or(name);
    name.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names() {
        for (name, plain) in [
            ("DnsName(\"*.example.org\")", "*.example.org"),
            ("IpAddress(127.0.0.1)", "127.0.0.1"),
            ("db.example.org", "db.example.org"),
        ] {
            assert_eq!(plain_name(name), plain);
        }
    }
}
