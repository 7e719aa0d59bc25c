//! The variables of libpq (PGHOST, PGUSER and so on): they apply where the address of a database does not say otherwise.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The variables that are read.
const NAMES: [&str; 15] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGDATABASE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGAPPNAME",
    "PGOPTIONS",
    "PGCONNECT_TIMEOUT",
    "PGTARGETSESSIONATTRS",
];
/// Blank variables that do not count as unset, since the Postgres driver reads them too, and would use the blank.
const NEVER_BLANK: [&str; 3] = ["PGUSER", "PGSSLCERT", "PGSSLKEY"];

/// Whether TLS connections trust the certificate authorities that the operating system trusts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemAuthorities {
    /// It does not matter.
    #[default]
    Unknown,
    /// They are trusted.
    Trusted,
    /// They are not: [`ignore_system_authorities`] was called.
    Ignored,
}

/// The variables with the authorities of the system, as OpenSSL and rustls read them.
const NO_AUTHORITIES: [(&str, &str); 2] = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "")];

/// Makes TLS connections of this process trust only the authorities that they are given. No thread may have been started.
///
/// # Errors
/// If the environment cannot be changed.
pub fn ignore_system_authorities() -> Result<(), dotenvy::Error> {
    let lines: Vec<String> = NO_AUTHORITIES.iter().map(|(name, value)| format!("{name}={value}")).collect();
    dotenvy::from_read_override(lines.join("\n").as_bytes())
}

/// The values of libpq's variables, and the home directory, which has the default password file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PgDefaults {
    variables: BTreeMap<&'static str, String>,
    not_utf8: Option<&'static str>,
    home: Option<PathBuf>,
    system_authorities: SystemAuthorities,
}

impl PgDefaults {
    /// Reads the environment of the process. Blank variables count as unset.
    #[must_use]
    pub fn from_environment() -> Self {
        let is_ignored = |(name, value): &(&str, &str)| std::env::var(name).is_ok_and(|set| set == *value);
        let system_authorities =
            if NO_AUTHORITIES.iter().all(is_ignored) { SystemAuthorities::Ignored } else { SystemAuthorities::Trusted };
        let mut defaults = Self { home: std::env::home_dir(), system_authorities, ..Self::default() };
        for name in NAMES {
            match std::env::var(name) {
                Ok(value) => defaults.insert(name, value),
                Err(std::env::VarError::NotUnicode(_)) => defaults.not_utf8 = Some(name),
                Err(std::env::VarError::NotPresent) => {}
            }
        }
        defaults
    }

    /// The values of these variables, without an environment.
    #[must_use]
    pub fn from_values<const N: usize>(values: [(&'static str, &str); N]) -> Self {
        let mut defaults = Self::default();
        for (name, value) in values {
            defaults.insert(name, value.to_owned());
        }
        defaults
    }

    fn insert(&mut self, name: &'static str, value: String) {
        if !value.trim().is_empty() || NEVER_BLANK.contains(&name) {
            self.variables.insert(name, value);
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A variable whose value is not UTF-8.
    #[must_use]
    pub fn not_utf8(&self) -> Option<&'static str> {
        self.not_utf8
    }

    /// Whether TLS connections of this process trust the authorities of the system.
    #[must_use]
    pub fn system_authorities(&self) -> SystemAuthorities {
        self.system_authorities
    }

    /// The password file that is used unless PGPASSFILE or the address names one: `~/.pgpass`.
    #[must_use]
    pub fn default_password_file(&self) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".pgpass"))
    }
}

/// Shows which variables are set, but no value, since one of them is a password.
impl fmt::Debug for PgDefaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
}
