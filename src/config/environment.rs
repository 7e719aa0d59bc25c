//! The environment variables of the command line.

use std::ffi::OsStr;

use clap::{Command, ValueEnum as _};

use crate::config::LogFormat;

/// Makes empty and blank variables count as unset, for all settings: files of container tools often list each variable.
#[must_use]
pub fn ignore_blank_variables(command: Command) -> Command {
    let ignore = |argument: clap::Arg| {
        let is_blank = argument.get_env().and_then(std::env::var_os).is_some_and(|value| is_blank(&value));
        if is_blank { argument.env(None::<&'static str>) } else { argument }
    };
    command.mut_args(ignore).mut_subcommands(ignore_blank_variables)
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// The log format that the arguments or the environment ask for, also if the command line is invalid.
#[must_use]
pub fn requested_log_format() -> LogFormat {
    let arguments: Vec<String> = std::env::args_os().map(|text| text.to_string_lossy().into_owned()).collect();
    let flag = arguments.iter().enumerate().find_map(|(index, argument)| match argument.strip_prefix("--log-format") {
        Some("") => arguments.get(index + 1).cloned(),
        Some(value) => value.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let value = flag.or_else(|| std::env::var("LOG_FORMAT").ok());
    value.and_then(|value| LogFormat::from_str(&value, false).ok()).unwrap_or(LogFormat::Text)
}
