//! The command line as a whole: which settings a subcommand shows, and which variables count as set.

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;
use crate::config;

/// Settings of all commands that only some of them use, with those commands.
const USED_BY: [(&str, &[&str]); 3] = [
    ("database_read_urls", &["serve"]),
    ("source_order", &["import"]),
    ("consortium_size", &["serve", "import", "identity", "names", "demo", "export", "check"]),
];
/// Commands that use none of these settings except those of the log.
const WITHOUT_DATABASE: [&str; 1] = ["schema"];

impl Cli {
    /// Parses the command line and the environment.
    ///
    /// # Errors
    /// If an argument or a variable is invalid, or help was requested: the error prints it.
    pub fn parse_command_line() -> Result<Self, clap::Error> {
        let command = config::ignore_blank_variables(Self::with_own_settings());
        let matches = command.clone().try_get_matches();
        let mut matches = matches.map_err(|error| hide_secret(error, &command))?;
        Self::from_arg_matches_mut(&mut matches)
    }

    /// The command line, in which the help of each subcommand shows the settings that it uses.
    #[must_use]
    pub fn with_own_settings() -> Command {
        let command = Self::command();
        let globals: Vec<clap::Arg> =
            command.get_arguments().filter(|setting| setting.is_global_set()).cloned().collect();
        command.mut_subcommands(|subcommand| {
            let unused = globals.iter().filter(|setting| !uses(subcommand.get_name(), setting));
            let hidden: Vec<clap::Arg> = unused.map(|setting| setting.clone().hide(true)).collect();
            // They are still accepted, so that a script can pass the same flags to each command.
            subcommand.args(hidden)
        })
    }
}

/// Removes the value of a setting that may be a secret from an error.
fn hide_secret(mut error: clap::Error, command: &Command) -> clap::Error {
    let Some(ContextValue::String(setting)) = error.get(ContextKind::InvalidArg) else { return error };
    let flag = setting.split([' ', '=']).next().and_then(|flag| flag.strip_prefix("--"));
    let commands = std::iter::once(command).chain(command.get_subcommands());
    let is_secret = commands
        .flat_map(Command::get_arguments)
        .any(|argument| argument.is_hide_env_values_set() && argument.get_long() == flag);
    if is_secret {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".to_owned()));
    }
    error
}

fn uses(subcommand: &str, setting: &clap::Arg) -> bool {
    let id = setting.get_id().as_str();
    if WITHOUT_DATABASE.contains(&subcommand) {
        return matches!(id, "log" | "log_format");
    }
    USED_BY.iter().find(|(name, _)| *name == id).is_none_or(|(_, commands)| commands.contains(&subcommand))
}
