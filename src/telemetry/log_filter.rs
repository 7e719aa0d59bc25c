//! The setting `LOG`: a level, or tracing directives.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::DEFAULT_LOG;

/// `LOG` is invalid.
#[derive(Debug, thiserror::Error)]
pub enum LogFilterError {
    /// A directive without `=` is not a level. `tracing` would take it for the name of a module, and log nothing else.
    #[error("`{0}` is not a level")]
    UnknownLevel(String),
    /// A directive names a module that cannot exist, for example because directives are not separated by commas.
    #[error("`{0}` is not the name of a module; separate directives by commas")]
    InvalidModule(String),
    /// A directive is malformed.
    #[error("{0}")]
    Malformed(#[from] ParseError),
}

/// The filter of log events. Directives for some modules only are added to the default, so that all others still log.
pub(super) fn parse_log_filter(text: &str) -> Result<EnvFilter, LogFilterError> {
    let directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let directives = directives.map(normalize_directive).collect::<Result<Vec<_>, _>>()?;
    let has_level = directives.iter().any(|directive| directive.parse::<LevelFilter>().is_ok());
    let defaults = if has_level { None } else { Some(DEFAULT_LOG.to_owned()) };
    let all: Vec<String> = defaults.into_iter().chain(directives).collect();
    Ok(EnvFilter::try_new(all.join(","))?)
}

/// A directive with the names of levels that tracing knows.
fn normalize_directive(directive: &str) -> Result<String, LogFilterError> {
    if directive.contains('[') {
        // A span, whose fields may contain `=`.
        return Ok(directive.to_owned());
    }
    match directive.split_once('=') {
        Some((module, level)) if is_module(module.trim()) => {
            Ok(format!("{}={}", module.trim(), level_name(level.trim())))
        }
        Some((module, _)) => Err(LogFilterError::InvalidModule(module.trim().to_owned())),
        None if level_name(directive).parse::<LevelFilter>().is_ok() => Ok(level_name(directive).to_owned()),
        None => Err(LogFilterError::UnknownLevel(directive.to_owned())),
    }
}

fn is_module(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_:-.".contains(letter))
}

fn level_name(text: &str) -> &str {
    if text.eq_ignore_ascii_case("warning") { "warn" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives() {
        let default = parse_log_filter(DEFAULT_LOG).expect("a filter").to_string();
        for text in ["", " ", ",", DEFAULT_LOG] {
            assert_eq!(parse_log_filter(text).expect("a filter").to_string(), default, "{text}");
        }
        for (text, level) in [
            ("warning", LevelFilter::WARN),
            ("WARN", LevelFilter::WARN),
            (" debug ", LevelFilter::DEBUG),
            ("off", LevelFilter::OFF),
            ("sqlx=warning, error", LevelFilter::WARN),
            // The default level still applies to the rest.
            ("sqlx=warn", LevelFilter::INFO),
            ("academic_directory=debug", LevelFilter::DEBUG),
        ] {
            let filter = parse_log_filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(filter.max_level_hint(), Some(level), "{text}");
        }
        for text in ["wran", "sqlx", "information", "info;sqlx=warn", "sqlx=wran", "=/=", "info sqlx=warn"] {
            assert!(parse_log_filter(text).is_err(), "{text}");
        }
    }
}
