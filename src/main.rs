//! The program: reads the command line and runs what it asks for.

use std::process::ExitCode;

use academic_directory::cli::Cli;
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let dotenv = dotenvy::dotenv();
    let cli = Cli::parse();
    let filter = match EnvFilter::try_new(cli.log()) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("error: LOG cannot be read: {error}; write error, warn, info, debug or trace");
            return ExitCode::FAILURE;
        }
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match dotenv {
        Err(error) if !error.not_found() => {
            eprintln!("error: .env cannot be read: {error}");
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            ExitCode::FAILURE
        }
    }
}
