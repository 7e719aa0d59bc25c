//! The binary: parses the command line and runs the command.

use std::process::ExitCode;

use academic_directory::cli::Cli;
use academic_directory::config::{self, LogFormat};
use academic_directory::telemetry::{Telemetry, console};

/// A response takes many small allocations, which mimalloc handles faster than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let env_file = config::load_env_file();
    let cli = match Cli::parse_command_line() {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error),
    };
    // Before a thread is started.
    let authorities = if cli.has_own_authorities() { config::ignore_system_authorities() } else { Ok(()) };
    let (log, format, traces) = cli.telemetry();
    console::set_format(format);
    let telemetry = match Telemetry::start(log, format, traces) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            console::print_error(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = authorities {
        console::print_error(&format!("could not switch off the certificate authorities of the system: {error}"));
        return ExitCode::FAILURE;
    }
    if let Err(error) = env_file {
        console::print_error(&error.to_string());
        return ExitCode::FAILURE;
    }
    let code = cli.run();
    telemetry.shut_down();
    code
}

/// Prints the help or version that was asked for, or what is wrong with the command line or a setting.
fn print_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && config::requested_log_format() == LogFormat::Json {
        console::set_format(LogFormat::Json);
        let text = error.render().to_string();
        console::print_error(text.trim_start_matches("error: ").trim_end());
    } else if let Err(error) = error.print() {
        tracing::debug!(%error, "could not print the help");
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
