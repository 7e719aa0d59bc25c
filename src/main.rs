//! The program: reads the command line and runs what it asks for.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use academic_directory::cli::Cli;
use academic_directory::config::LogFormat;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

/// Enough for the deepest query, which is resolved field within field, also in a build without optimizations.
const STACK: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    let dotenv = dotenvy::dotenv();
    let cli = Cli::parse();
    let (filter, format) = cli.log();
    let filter = match EnvFilter::try_new(filter) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("error: LOG cannot be read: {error}; write error, warn, info, debug or trace");
            return ExitCode::FAILURE;
        }
    };
    let has_colors = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(has_colors);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    match dotenv {
        Err(error) if !error.not_found() => {
            eprintln!("error: .env cannot be read: {error}");
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            ExitCode::FAILURE
        }
    }
}
