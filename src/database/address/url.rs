//! The URL form of an address.
//!
//! Passwords are often pasted without escaping, so the end of the user name and password is not simply the first `@`: of
//! the ways to read the text, the one that makes sense is taken, and if there are several, the error asks for escaping.

use super::InvalidAddress;
use super::parameters::{self, Given};

/// The scheme's length, if the text begins with one of a Postgres URL.
pub(super) fn scheme_length(text: &str) -> Option<usize> {
    let starts_with = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["postgres://", "postgresql://"].into_iter().find(|scheme| starts_with(scheme)).map(str::len)
}

/// Parses what follows the scheme.
pub(super) fn parse(rest: &str) -> Result<Given, InvalidAddress> {
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let usual = rest[..authority_end].rfind('@');
    let error = match read(rest, usual) {
        Ok(reading) => return reading.into_given(),
        Err(error) => error,
    };
    let later = rest.match_indices('@').map(|(at, _)| at).filter(|at| *at > authority_end);
    let mut readings = later.filter_map(|at| read(rest, Some(at)).ok());
    match (readings.next(), readings.next()) {
        (Some(reading), None) if !is_doubtful(&error) => reading.into_given(),
        (Some(_), _) => Err(unclear_end()),
        // The name of a parameter may be a part of the password.
        (None, _) if is_doubtful(&error) && rest[authority_end..].contains('@') => Err(unclear_end()),
        (None, _) => Err(error.into()),
    }
}

fn unclear_end() -> InvalidAddress {
    InvalidAddress::new(
        "it is unclear where the password ends; in the user name, the password and the database name, escape / @ ? : # and % \
         as %2F %40 %3F %3A %23 and %25",
    )
}

/// Why a text cannot be read with the user name and password ending at a certain place.
enum Fault {
    Host(InvalidAddress),
    DatabaseHasAt(InvalidAddress),
    Other(InvalidAddress),
    Parameter(InvalidAddress),
}

impl From<Fault> for InvalidAddress {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Host(error) | Fault::DatabaseHasAt(error) | Fault::Other(error) | Fault::Parameter(error) => error,
        }
    }
}

/// Whether the usual reading may be meant, and have a mistake, although there is another that makes sense.
fn is_doubtful(fault: &Fault) -> bool {
    matches!(fault, Fault::DatabaseHasAt(_) | Fault::Parameter(_))
}

/// One way to read a URL.
struct Reading {
    user: Option<String>,
    password: Option<String>,
    hosts: String,
    ports: String,
    database: String,
    parameters: Vec<(String, String)>,
}

impl Reading {
    fn into_given(self) -> Result<Given, InvalidAddress> {
        let mut given = Given::default();
        let parts = [("host", Some(self.hosts)), ("dbname", Some(self.database))];
        let parts = parts.into_iter().chain([("user", self.user), ("password", self.password)]);
        for (name, value) in parts.chain([("port", (!self.ports.is_empty()).then_some(self.ports))]) {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                given.insert(name, value)?;
            }
        }
        for (name, value) in self.parameters {
            given.insert(&name, value)?;
        }
        Ok(given)
    }
}

/// Reads a URL whose user name and password end at this `@`, or which has none.
fn read(rest: &str, at: Option<usize>) -> Result<Reading, Fault> {
    let (credentials, rest) = match at {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (hosts, ports) = read_hosts(hosts).map_err(Fault::Host)?;
    if database.contains('/') {
        return Err(Fault::Other(InvalidAddress::new("the database name has a / ; escape it as %2F")));
    }
    let parameters = read_parameters(query)?;
    let (user, password) = match credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
        Some((user, password)) => (
            Some(decode_leniently(user, "user name").map_err(Fault::Other)?),
            Some(decode_leniently(password, "password").map_err(Fault::Other)?),
        ),
        None => (None, None),
    };
    if database.contains('@') {
        return Err(Fault::DatabaseHasAt(InvalidAddress::new("the database name has an @ ; escape it as %40")));
    }
    let database = decode(database, "database name").map_err(Fault::Other)?;
    Ok(Reading { user, password, hosts, ports, database, parameters })
}

/// The lists of hosts and ports, each separated by commas. The texts are not repeated in errors: they may be a part of a
/// password with an unescaped `@`.
fn read_hosts(text: &str) -> Result<(String, String), InvalidAddress> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for (number, text) in (1..).zip(text.split(',')) {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(|| {
                    InvalidAddress::new(format!(
                        "host number {number} has a [ without ] ; write IPv6 addresses as [::1]"
                    ))
                })?;
                let port = if rest.is_empty() { Some("") } else { rest.strip_prefix(':') };
                (host, port.ok_or_else(|| InvalidAddress::new(format!("host number {number} has text behind ]")))?)
            }
            None => text.split_once(':').unwrap_or((text, "")),
        };
        if port.contains(':') {
            return Err(InvalidAddress::new(format!(
                "host number {number} has several colons; write IPv6 addresses in brackets, as [::1], and : in a password as %3A"
            )));
        }
        if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(InvalidAddress::new(format!(
                "the port of host number {number} is not a number from 1 to 65535; in a password, escape / @ ? and # as %2F \
                 %40 %3F and %23"
            )));
        }
        let host = decode(host, "host")?;
        if !is_host(&host) {
            return Err(InvalidAddress::new(format!(
                "host number {number} is not the name or address of a host; write a socket directory as ?host=/directory, and \
                 escape / @ ? and # in a password as %2F %40 %3F and %23"
            )));
        }
        hosts.push(host);
        ports.push(port.to_owned());
    }
    let ports = if ports.iter().all(String::is_empty) { String::new() } else { ports.join(",") };
    Ok((hosts.join(","), ports))
}

/// Whether a host, as given in a URL, may be one: a name, an address, a socket directory, or the default.
fn is_host(host: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '-' | '.' | '_');
    let is_ipv6 = |host: &str| host.split('%').next().is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    (host.starts_with('/') && !host.contains(',')) || host.chars().all(is_name) || is_ipv6(host)
}

fn read_parameters(query: &str) -> Result<Vec<(String, String)>, Fault> {
    let mut parameters = Vec::new();
    for text in query.split('&').filter(|text| !text.is_empty()) {
        let Some((name, value)) = text.split_once('=') else {
            let error = "a parameter behind ? has no = ; write parameters as ?name=value&name=value";
            return Err(Fault::Other(InvalidAddress::new(error)));
        };
        let name = decode(name, "name of a parameter").map_err(Fault::Parameter)?;
        let value = decode(value, "value of a parameter").map_err(Fault::Parameter)?;
        // The name is checked here, since what looks like a parameter may be a part of a password.
        let fault = if parameters::is_word(&name) { Fault::Parameter } else { Fault::Other };
        Given::default().insert(&name, value.clone()).map_err(fault)?;
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Decodes escaped characters. A `+` is no blank, as in libpq.
fn decode(text: &str, part: &str) -> Result<String, InvalidAddress> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let Some((byte, tail)) = escaped_byte(tail) else {
                let error = "has a % that is not followed by two hexadecimal digits; write % as %25";
                return Err(InvalidAddress::new(format!("the {part} {error}")));
            };
            bytes.push(byte);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(InvalidAddress::new(format!("the {part} has a zero byte (%00)"))),
        Ok(text) => Ok(text),
        Err(_) => Err(InvalidAddress::new(format!("the {part} is not UTF-8; write % as %25, if it stands for itself"))),
    }
}

/// The byte of two hexadecimal digits, and what follows.
fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (high, low) = (digit(text.first()?)?, digit(text.get(1)?)?);
    Some((high * 16 + low, text.get(2..)?))
}

/// Decodes a text in which nothing may be escaped, but `%` stand for itself. If both occur, that is unclear.
fn decode_leniently(text: &str, part: &str) -> Result<String, InvalidAddress> {
    let mut after_percent = text.split('%').skip(1);
    if after_percent.all(|rest| escaped_byte(rest.as_bytes()).is_none()) {
        Ok(text.to_owned())
    } else {
        decode(text, part)
    }
}
