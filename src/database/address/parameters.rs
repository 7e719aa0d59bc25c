//! The parameters of an address: the supported ones, and what to do instead of others.

use std::collections::BTreeMap;

use super::InvalidAddress;
use crate::config::PgDefaults;

/// The supported parameters, with the variable that is the default.
const SUPPORTED: [(&str, Option<&str>); 15] = [
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("dbname", Some("PGDATABASE")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("application_name", Some("PGAPPNAME")),
    ("options", Some("PGOPTIONS")),
];

/// A parameter that is not supported.
struct Unsupported {
    name: &'static str,
    /// Values that ask for nothing, and are accepted.
    accepted: &'static [&'static str],
    advice: &'static str,
}

const fn unsupported(name: &'static str, accepted: &'static [&'static str], advice: &'static str) -> Unsupported {
    Unsupported { name, accepted, advice }
}

const POOL_SIZE: &str = "set DATABASE_MAX_CONNECTIONS instead";
const POOL_TIMEOUT: &str = "set DATABASE_WAIT_SECONDS instead";

/// What libpq, other drivers and the providers of databases put into addresses.
const UNSUPPORTED: &[Unsupported] = &[
    unsupported(
        "channel_binding",
        &["prefer", "disable"],
        "channel binding is not supported; remove it, and use sslmode=verify-full, which also rules out an impostor",
    ),
    unsupported(
        "gssencmode",
        &["prefer", "disable"],
        "Kerberos encryption is not supported; use TLS, with sslmode=verify-full",
    ),
    unsupported(
        "sslnegotiation",
        &["postgres"],
        "remove it; TLS is requested in the usual way, which each server understands",
    ),
    unsupported("sslcompression", &["0"], "remove it; TLS has no compression"),
    unsupported("sslsni", &["1"], "remove it; the name of the host is always sent"),
    unsupported("ssl_min_protocol_version", &["TLSv1", "TLSv1.1", "TLSv1.2"], "remove it; TLS 1.2 and 1.3 are used"),
    unsupported("ssl_max_protocol_version", &["TLSv1.3"], "remove it; TLS 1.2 and 1.3 are used"),
    unsupported("sslpassword", &[], "the file of sslkey must not be encrypted; decrypt it with openssl pkey"),
    unsupported("sslcrl", &[], "revocation lists are not supported; remove it"),
    unsupported(
        "load_balance_hosts",
        &["disable"],
        "hosts are tried in their order; to spread reads, list replicas in DATABASE_READ_URLS",
    ),
    unsupported(
        "client_encoding",
        &["UTF8", "utf8", "UTF-8", "utf-8", "auto"],
        "remove it; the encoding is always UTF8",
    ),
    unsupported(
        "require_auth",
        &[],
        "remove it, and use sslmode=verify-full, so that no other server gets the password",
    ),
    unsupported("service", &[], "service files are not read; write its parameters into the address"),
    unsupported("replication", &["false", "off", "no", "0"], "remove it; this is no replication client"),
    unsupported("pgbouncer", &["false"], "remove it; settings for poolers are in docs/deployment.md"),
    unsupported("schema", &[], "use options=-csearch_path=NAME instead, or ALTER ROLE … SET search_path"),
    unsupported("search_path", &[], "use options=-csearch_path=NAME instead, or ALTER ROLE … SET search_path"),
    unsupported("currentSchema", &[], "use options=-csearch_path=NAME instead, or ALTER ROLE … SET search_path"),
    unsupported("connection_limit", &[], POOL_SIZE),
    unsupported("pool_size", &[], POOL_SIZE),
    unsupported("max_connections", &[], POOL_SIZE),
    unsupported("pool_max_conns", &[], POOL_SIZE),
    unsupported("pool_timeout", &[], POOL_TIMEOUT),
    unsupported("socket_timeout", &[], "set STATEMENT_TIMEOUT_SECONDS instead"),
    unsupported("statement_timeout", &[], "set STATEMENT_TIMEOUT_SECONDS instead"),
    unsupported("statement_cache_size", &[], "remove it; settings for poolers are in docs/deployment.md"),
    unsupported("statement-cache-capacity", &[], "remove it; settings for poolers are in docs/deployment.md"),
    unsupported("prepareThreshold", &[], "remove it; settings for poolers are in docs/deployment.md"),
    unsupported("ssl", &["false"], "use sslmode=require, or better sslmode=verify-full, instead"),
    unsupported("sslaccept", &[], "use sslmode=require or sslmode=verify-full instead"),
    unsupported("ssl-mode", &[], "write it as sslmode"),
    unsupported("ssl-root-cert", &[], "write it as sslrootcert"),
    unsupported("ssl-ca", &[], "write it as sslrootcert"),
    unsupported("ssl-cert", &[], "write it as sslcert"),
    unsupported("ssl-key", &[], "write it as sslkey"),
    unsupported("username", &[], "write it as user"),
    unsupported("database", &[], "write it as dbname"),
];

/// Whether a parameter is supported, or one that other programs know.
pub(super) fn is_known(name: &str) -> bool {
    SUPPORTED.iter().any(|(known, _)| *known == name) || UNSUPPORTED.iter().any(|known| known.name == name)
}

/// A value with the name under which it was given: the parameter, or a variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) name: &'static str,
    pub(super) text: &'a str,
}

/// The parameters that an address says.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<&'static str, String>);

impl Given {
    /// Adds a parameter; the last of the same name counts, as in libpq.
    pub(super) fn insert(&mut self, name: &str, value: String) -> Result<(), InvalidAddress> {
        if value.contains('\0') {
            return Err(InvalidAddress::new(format!("the value of {name} has a zero byte")));
        }
        if let Some((name, _)) = SUPPORTED.iter().find(|(known, _)| *known == name) {
            self.0.insert(name, value);
            return Ok(());
        }
        match UNSUPPORTED.iter().find(|known| known.name == name) {
            // As libpq does, for addresses of JDBC.
            Some(Unsupported { name: "ssl", .. }) if value == "true" => {
                self.0.entry("sslmode").or_insert_with(|| "require".to_owned());
                Ok(())
            }
            Some(known) if known.accepted.contains(&value.as_str()) => Ok(()),
            Some(known) => {
                let name = known.name;
                // Only values of a fixed set are repeated.
                let given = if value.len() <= 12 && value.bytes().all(|byte| byte.is_ascii_lowercase()) {
                    format!("{name}={value}")
                } else {
                    name.to_owned()
                };
                Err(InvalidAddress::new(format!("{given} is not supported: {}", known.advice)))
            }
            None => Err(InvalidAddress::new(format!("{} is not supported; remove it ({})", shown(name), supported()))),
        }
    }

    /// The value of a parameter, or of its variable. Empty values count as unset.
    pub(super) fn get<'a>(&'a self, name: &str, defaults: &'a PgDefaults) -> Option<Value<'a>> {
        let (name, variable) = SUPPORTED.iter().find(|(known, _)| *known == name)?;
        let given = self.0.get(name).filter(|text| !text.is_empty()).map(|text| Value { name, text });
        given.or_else(|| {
            let variable = (*variable)?;
            defaults.get(variable).map(|text| Value { name: variable, text })
        })
    }

    /// Whether the address itself says a parameter.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|text| !text.is_empty())
    }
}

/// Whether a text looks like the name of a parameter. If not, it may be a part of a password.
pub(super) fn is_word(name: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    !name.is_empty() && name.len() <= 40 && name.bytes().all(is_name)
}

/// The name of a parameter as it is shown.
fn shown(name: &str) -> String {
    if is_word(name) { format!("the parameter {name}") } else { "a parameter whose name is not a word".to_owned() }
}

fn supported() -> String {
    let names: Vec<&str> = SUPPORTED.iter().map(|(name, _)| *name).collect();
    format!("supported are {}", names.join(", "))
}
