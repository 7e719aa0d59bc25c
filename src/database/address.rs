//! The address of a database: a URL or `key=value` parameters, as libpq understands them.
//!
//! The driver's own parser ignores what it does not know, takes one host only, and reads the environment behind our back;
//! so each option of a connection is set here. No error repeats a value, since any part may be one of a password.

mod key_value;
mod parameters;
mod password_file;
#[cfg(test)]
mod tests;
mod tls;
mod url;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::PgDefaults;
use crate::database::address::parameters::{Given, Value};
use crate::database::address::password_file::Entry;
use crate::database::address::tls::Tls;
pub use crate::database::address::tls::{explain, has_own_authorities};

/// The port of a host without one.
const DEFAULT_PORT: u16 = 5432;
/// How long a host is waited for unless `connect_timeout` says otherwise.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The name under which the service appears in the activity of the database, unless the address has another.
const DEFAULT_APPLICATION_NAME: &str = "academic-directory";
/// Where packages of Postgres put the socket.
const SOCKET_DIRECTORIES: [&str; 4] = ["/var/run/postgresql", "/run/postgresql", "/tmp", "/private/tmp"];

/// An address is malformed, or asks for what is not supported. The message never repeats a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(String);

impl InvalidAddress {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Where a database is, and how to connect to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// The hosts in the order in which they are tried; at least one.
    pub hosts: Vec<Host>,
    /// Which of the hosts may be used.
    pub target: TargetSessionAttrs,
    /// How long one host is waited for.
    pub connect_timeout: Duration,
    user: Option<String>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    database: Option<String>,
    tls: Tls,
    application_name: String,
    options: Option<String>,
}

/// A host of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// A name, an IP address, or the directory of a Unix socket.
    name: String,
    /// The IP address to connect to instead of the name.
    address: Option<IpAddr>,
    port: u16,
}

impl Host {
    /// Whether the connection is made through a Unix socket, which has no TLS.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.name.starts_with('/') && self.address.is_none()
    }
}

/// The host for messages: `db.example.org:5432`, `[::1]:5432`, or the path of the socket.
impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address, port } = self;
        match address {
            _ if self.is_socket() => write!(formatter, "{name}/.s.PGSQL.{port}"),
            Some(address) if *name == address.to_string() || name.is_empty() => {
                write!(formatter, "{}", std::net::SocketAddr::new(*address, *port))
            }
            Some(address) => write!(formatter, "{name}:{port} ({address})"),
            None if name.contains(':') => write!(formatter, "[{name}]:{port}"),
            None => write!(formatter, "{name}:{port}"),
        }
    }
}

/// Which servers of a host list may be used, as `target_session_attrs` of libpq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    /// Any server.
    #[default]
    Any,
    /// A server whose sessions can write by default.
    ReadWrite,
    /// A server whose sessions cannot write by default.
    ReadOnly,
    /// A server that is not in recovery.
    Primary,
    /// A server in recovery.
    Standby,
    /// A server in recovery, or if there is none, any.
    PreferStandby,
}

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl DatabaseAddress {
    /// Parses the value of a setting. What it does not say is taken from the variables.
    ///
    /// # Errors
    /// If a part is malformed, contradicts another, or is not supported. The message says which, and what to do.
    pub fn parse(text: &str, defaults: &PgDefaults) -> Result<Self, InvalidAddress> {
        let address = Self::parse_unchecked(text, defaults)?;
        address.tls.check(defaults.system_authorities())?;
        Ok(address)
    }

    /// Parses without looking at the files.
    fn parse_unchecked(text: &str, defaults: &PgDefaults) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let given = match url::scheme_length(text) {
            Some(length) => url::parse(&text[length..])?,
            None if has_other_scheme(text) => {
                return Err(InvalidAddress::new("the URL does not begin with postgres:// or postgresql://"));
            }
            None if text.contains('=') => key_value::parse(text)?,
            None => {
                return Err(InvalidAddress::new(
                    "it is neither a URL such as postgres://user:password@host/database nor parameters such as host=localhost \
                     user=app dbname=directory",
                ));
            }
        };
        Self::new(&given, defaults)
    }

    fn new(given: &Given, defaults: &PgDefaults) -> Result<Self, InvalidAddress> {
        if let Some(name) = defaults.not_utf8() {
            return Err(InvalidAddress::new(format!("the value of {name} is not UTF-8")));
        }
        let owned = |name: &str| given.get(name, defaults).map(|value| value.text.to_owned());
        let user = owned("user");
        if user.as_ref().is_some_and(|user| user.trim().is_empty()) {
            return Err(InvalidAddress::new("there is no user name, and PGUSER is empty; set or unset it"));
        }
        let hosts = hosts(given, defaults)?;
        let password_file = given.get("passfile", defaults).map(|file| PathBuf::from(file.text));
        Ok(Self {
            target: given.get("target_session_attrs", defaults).map_or(Ok(TargetSessionAttrs::default()), target)?,
            connect_timeout: given.get("connect_timeout", defaults).map_or(Ok(DEFAULT_CONNECT_TIMEOUT), timeout)?,
            user,
            password: owned("password").map(Secret),
            password_file: password_file.or_else(|| defaults.default_password_file()),
            database: owned("dbname"),
            tls: Tls::new(given, defaults, &hosts)?,
            application_name: owned("application_name").unwrap_or_else(|| DEFAULT_APPLICATION_NAME.to_owned()),
            options: owned("options"),
            hosts,
        })
    }

    /// The same server and user with another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self { database: Some(name.to_owned()), ..self.clone() }
    }

    /// The name of the database; the user's name if the address has none, as on the server.
    #[must_use]
    pub fn database(&self) -> String {
        self.database.clone().unwrap_or_else(|| self.user())
    }

    /// The name of the user; that of the operating system if the address has none.
    #[must_use]
    pub fn user(&self) -> String {
        self.user.clone().unwrap_or_else(|| PgConnectOptions::new_without_pgpass().get_username().to_owned())
    }

    /// The driver's options for one of the hosts. Reads the password file if the address has no password.
    ///
    /// In mode `prefer`, TLS is used if the server has it; if the handshake fails, [`Self::options_without_tls`] are next.
    #[must_use]
    pub fn connect_options(&self, host: &Host) -> PgConnectOptions {
        let user = self.user();
        let database = self.database();
        let password = match &self.password {
            Some(Secret(password)) => Some(password.clone()),
            None => self.password_in_file(host, &user, &database),
        };
        let target = host.address.map_or_else(|| host.name.clone(), |address| address.to_string());
        // The driver would fill what is unset from the environment and another password file. Poolers reject
        // `extra_float_digits`, which Postgres does not need.
        let options = self.base_options().host(&target).port(host.port).username(&user).database(&database);
        let options = options.password(&password.unwrap_or_default()).application_name(&self.application_name);
        let options = options.extra_float_digits(None);
        if host.is_socket() {
            // Postgres has no TLS on Unix sockets, whose traffic stays on the machine.
            return Tls::Disable.add_to(options);
        }
        self.tls.add_to(options)
    }

    /// What mode `prefer` allows if the handshake of [`Self::connect_options`] fails; `None` in the other modes.
    #[must_use]
    pub fn options_without_tls(&self, host: &Host) -> Option<PgConnectOptions> {
        let is_preferred = matches!(self.tls, Tls::Prefer(_)) && !host.is_socket();
        is_preferred.then(|| self.connect_options(host).ssl_mode(PgSslMode::Disable))
    }

    /// The driver's options with the start-up options of the address, which it takes unchanged only as a part of a URL.
    fn base_options(&self) -> PgConnectOptions {
        let Some(options) = &self.options else { return PgConnectOptions::new_without_pgpass() };
        let mut url = ::url::Url::parse("postgres://").ok();
        if let Some(url) = &mut url {
            url.query_pairs_mut().append_pair("options", options);
        }
        let parsed = url.and_then(|url| PgConnectOptions::from_url(&url).ok());
        parsed.unwrap_or_else(PgConnectOptions::new_without_pgpass)
    }

    fn password_in_file(&self, host: &Host, user: &str, database: &str) -> Option<String> {
        let file = self.password_file.as_deref()?;
        let is_default_socket = host.is_socket() && SOCKET_DIRECTORIES.contains(&host.name.as_str());
        let address = host.address.map(|address| address.to_string());
        let name = match address {
            _ if is_default_socket => "localhost",
            Some(ref address) if host.name.is_empty() => address,
            _ => &host.name,
        };
        password_file::find_password(file, Entry { host: name, port: host.port, database, user })
    }
}

/// Whether the text is a URL of another kind.
fn has_other_scheme(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
    })
}

/// The hosts of the lists `host`, `hostaddr` and `port`.
fn hosts(given: &Given, defaults: &PgDefaults) -> Result<Vec<Host>, InvalidAddress> {
    let list = |name| given.get(name, defaults).map(|value| value.text.split(',').map(str::trim).collect::<Vec<_>>());
    let (names, ports) = (list("host"), list("port").unwrap_or_else(|| vec![""]));
    // An address with a host does not mean the addresses that the environment has for another.
    let is_addressed = given.has("hostaddr") || !given.has("host");
    let addresses = if is_addressed { list("hostaddr") } else { None };
    let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
    if names.as_ref().is_some_and(|names| names.len() != count) {
        let names = names.map_or(0, |names| names.len());
        return Err(InvalidAddress::new(format!(
            "there are {names} hosts and {count} values of hostaddr; give one for each"
        )));
    }
    if ports.len() != 1 && ports.len() != count {
        let ports = ports.len();
        return Err(InvalidAddress::new(format!(
            "there are {count} hosts and {ports} ports; give one for each, or one for all"
        )));
    }
    (0..count)
        .map(|index| {
            let port = match ports.get(index).or(ports.first()).copied().unwrap_or_default() {
                "" => DEFAULT_PORT,
                text => parse_port(text, index + 1)?,
            };
            let name = names.as_ref().and_then(|names| names.get(index)).copied().unwrap_or_default();
            let address =
                match addresses.as_ref().and_then(|addresses| addresses.get(index)).copied().unwrap_or_default() {
                    "" => None,
                    text => Some(parse_ip(text, index + 1)?),
                };
            if name.starts_with('@') {
                return Err(InvalidAddress::new(
                    "abstract Unix sockets are not supported; give the socket's directory",
                ));
            }
            let name = if name.is_empty() && address.is_none() { default_host(port) } else { name.to_owned() };
            Ok(Host { name, address, port })
        })
        .collect()
}

fn parse_port(text: &str, number: usize) -> Result<u16, InvalidAddress> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| InvalidAddress::new(format!("port number {number} is not a number from 1 to 65535")))
}

fn parse_ip(text: &str, number: usize) -> Result<IpAddr, InvalidAddress> {
    IpAddr::from_str(text)
        .map_err(|_| InvalidAddress::new(format!("hostaddr number {number} is not an IP address; write names as host")))
}

/// The directory that has the socket of a server on this machine, or else `localhost`.
fn default_host(port: u16) -> String {
    let has_socket = |directory: &&str| Path::new(directory).join(format!(".s.PGSQL.{port}")).exists();
    SOCKET_DIRECTORIES.into_iter().find(has_socket).unwrap_or("localhost").to_owned()
}

fn target(value: Value<'_>) -> Result<TargetSessionAttrs, InvalidAddress> {
    Ok(match value.text {
        "any" => TargetSessionAttrs::Any,
        "read-write" => TargetSessionAttrs::ReadWrite,
        "read-only" => TargetSessionAttrs::ReadOnly,
        "primary" => TargetSessionAttrs::Primary,
        "standby" => TargetSessionAttrs::Standby,
        "prefer-standby" => TargetSessionAttrs::PreferStandby,
        _ => {
            let name = value.name;
            return Err(InvalidAddress::new(format!(
                "{name} is none of any, read-write, read-only, primary, standby and prefer-standby"
            )));
        }
    })
}

fn timeout(value: Value<'_>) -> Result<Duration, InvalidAddress> {
    match value.text.trim().parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err(InvalidAddress::new(format!(
            "{} is not a positive number of seconds; waiting without a limit is not supported (the default is {} seconds per host)",
            value.name,
            DEFAULT_CONNECT_TIMEOUT.as_secs()
        ))),
    }
}
