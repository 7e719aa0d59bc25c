//! The command line: what can be asked, and which part does it.

mod check;
mod export;
mod identity;
mod names;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{DatabaseConfig, Demo, LogFormat, ServeConfig, TracesConfig};
use crate::database::{self, Database, MigrationAction};
use crate::demo;
use crate::error::Error;
use crate::graphql;
use crate::graphql::context::DirectoryInfo;
use crate::http::{Application, ServerSettings};
use crate::import::formats::profile_page::ProfilePageOptions;
use crate::import::formats::topics::TopicsOptions;
use crate::import::formats::{self, Format, FormatOptions};
use crate::import::{self, ImportOptions};
use crate::model::identifier::Ror;
use crate::model::language::LanguageTag;
use crate::model::source_order::SourceOrder;
use crate::store::Store;

use crate::cli::export::ExportArguments;
use crate::cli::names::NamesCommand;

/// A directory of people and papers, served as GraphQL
#[derive(Parser, Debug)]
#[command(name = "academic-directory", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    serve: ServeConfig,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the directory (the default)
    Serve(Box<ServeConfig>),
    /// Load files into the directory
    Import(ImportArguments),
    /// Decide who is who: merge and split researchers, undo it, and list what was decided
    Identity {
        #[command(subcommand)]
        command: crate::cli::identity::IdentityCommand,
    },
    /// Decide what a person is called, and which names are shown
    Names {
        #[command(subcommand)]
        command: NamesCommand,
    },
    /// Write the directory, or papers of it, to a file
    Export(ExportArguments),
    /// Tell what is missing, damaged or doubtful in the directory, with examples
    Check(crate::cli::check::CheckArguments),
    /// Apply or revert migrations, or tell which are applied
    Migrate {
        /// What to do
        #[arg(value_enum)]
        direction: MigrateDirection,
    },
    /// Print the GraphQL schema; needs no database
    Schema,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MigrateDirection {
    /// Apply all that are not
    Up,
    /// Revert the last one
    Down,
    /// Only tell
    Status,
}

#[derive(Args, Debug)]
struct ImportArguments {
    /// The format of the files
    #[arg(value_parser = format_parser())]
    format: &'static dyn Format,
    /// The files, plain or compressed by gzip or zstd, or folders of them; - is standard input, and the default
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
    /// Stop at the first bad record; otherwise a bad record costs only itself
    #[arg(long)]
    strict: bool,
    /// Read and count, show the first records as they are understood, and write nothing; needs no database
    #[arg(long)]
    dry_run: bool,
    /// The name by which the directory remembers where the records are from; the format's where absent
    #[arg(long, value_name = "NAME", value_parser = parse_source_name)]
    source: Option<String>,
    /// profile-page: the name of the institute whose page it is
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// profile-page: the institute's ROR id
    #[arg(long, value_name = "ID")]
    ror: Option<Ror>,
    /// profile-page: the language of its headings and topics, where the headings do not tell
    #[arg(long, value_name = "TAG")]
    language: Option<LanguageTag>,
    /// topics: the short name of the vocabulary; where absent, the address that its codes begin with
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    scheme: Option<String>,
}

impl ImportArguments {
    fn into_import(self) -> ImportOptions {
        let format_options = FormatOptions {
            profile_page: ProfilePageOptions {
                organization: import::organization_reference(self.organization, self.ror),
                language: self.language,
            },
            topics: TopicsOptions { scheme: self.scheme },
        };
        ImportOptions {
            format: self.format,
            format_options,
            files: self.files,
            is_strict: self.strict,
            source: self.source,
        }
    }
}

/// Parses the name of an import format; `--help` lists the registered formats.
fn format_parser() -> impl TypedValueParser<Value = &'static dyn Format> {
    let names = formats::selectable().into_iter().map(|format| PossibleValue::new(format.name()).help(format.help()));
    PossibleValuesParser::new(names).try_map(|name| formats::by_name(&name).ok_or("unknown format"))
}

/// The source precedence: listed sources, then sources with a name of their own, then import formats.
fn source_order(listed: &[String]) -> SourceOrder {
    SourceOrder::new(listed.iter().cloned(), formats::by_source_precedence())
}

/// A source's name is also the scheme of its ids.
fn parse_source_name(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("a source's name has 1 to 64 lower-case letters, digits, hyphens, points and underscores".to_owned())
    }
}

impl Cli {
    /// What is logged and how, and where traces go of what is served.
    #[must_use]
    pub fn telemetry(&self) -> (&str, LogFormat, Option<&TracesConfig>) {
        let traces = match &self.command {
            None => Some(&self.serve.traces),
            Some(Command::Serve(serve)) => Some(&serve.traces),
            Some(
                Command::Import(_)
                | Command::Export(_)
                | Command::Identity { .. }
                | Command::Names { .. }
                | Command::Check(_)
                | Command::Migrate { .. }
                | Command::Schema,
            ) => None,
        };
        (&self.database.log, self.database.log_format, traces)
    }

    /// Does what was asked. Errors are told on standard error.
    pub async fn run(self) -> ExitCode {
        let outcome = match self.command {
            Some(Command::Schema) => {
                print(&graphql::sdl());
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Migrate { direction }) => migrate(&self.database, direction).await,
            Some(Command::Names { command }) => crate::cli::names::run(&self.database, command).await,
            Some(Command::Import(arguments)) if arguments.dry_run => dry_run_import(&arguments.into_import()).await,
            Some(Command::Import(arguments)) => import(&self.database, arguments.into_import()).await,
            Some(Command::Identity { command }) => crate::cli::identity::run(&self.database, command).await,
            Some(Command::Export(arguments)) => crate::cli::export::run(&self.database, &arguments).await,
            Some(Command::Check(arguments)) => crate::cli::check::run(&self.database, &arguments).await,
            Some(Command::Serve(serve)) => crate::cli::serve(&self.database, *serve).await,
            None => crate::cli::serve(&self.database, self.serve).await,
        };
        outcome.unwrap_or_else(|error| {
            if let Some(cause) = error.source().filter(|_| error.to_string() == Error::INTERNAL_MESSAGE) {
                tracing::error!(%cause, "a fault of ours");
            }
            eprintln!("error: {error}");
            ExitCode::FAILURE
        })
    }
}

/// Says something on standard output. Where nobody reads it any more, what was asked for is done all the same.
fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        tracing::warn!(%error, "nobody reads the output");
    }
}

type CommandResult = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

async fn migrate(config: &DatabaseConfig, direction: MigrateDirection) -> CommandResult {
    let direction = match direction {
        MigrateDirection::Up => MigrationAction::Up,
        MigrateDirection::Down => MigrationAction::Down,
        MigrateDirection::Status => MigrationAction::Status,
    };
    for (name, is_applied) in database::run_migrations(config, direction).await? {
        print(&format!("{} {name}\n", if is_applied { "applied" } else { "pending" }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads files and writes nothing.
async fn dry_run_import(import: &ImportOptions) -> CommandResult {
    let survey = import::dry_run(import).await?;
    print(&format!("{survey}\n"));
    Ok(if survey.unreadable_files > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn import(config: &DatabaseConfig, import: ImportOptions) -> CommandResult {
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size)
        .with_source_order(source_order(&config.source_order));
    let result = async {
        rebuild_stale_projections(&store).await?;
        tokio::select! {
            summary = import::run(&store, import) => Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(summary?)),
            () = shutdown_signal() => Ok(None),
        }
    };
    let result = result.await;
    database.close().await;
    let Some(summary) = result? else {
        eprintln!("interrupted; the same command goes on from here");
        return Ok(ExitCode::FAILURE);
    };
    print(&format!("{summary}\n"));
    Ok(if summary.unreadable_files > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes anew what was derived from the contents by another rule than today's.
async fn rebuild_stale_projections(store: &Store) -> Result<(), crate::error::Error> {
    if store.rebuild_coauthorship_if_stale().await? {
        tracing::info!(size = store.consortium_size(), "coauthors were made anew for the changed CONSORTIUM_SIZE");
    }
    if store.rebuild_name_repairs_if_stale().await? {
        tracing::info!("the names of authors were looked at for damage anew");
    }
    if store.rebuild_work_versions_if_stale().await? {
        tracing::info!("papers that are versions of one work were looked for anew");
    }
    if store.rebuild_search_index_if_stale().await? {
        store.finish_bulk_load().await?;
        tracing::info!("the words that search finds things by were made anew");
    }
    Ok(())
}

async fn serve(config: &DatabaseConfig, serve: ServeConfig) -> CommandResult {
    // From the first moment on: a signal during the start must stop the database too.
    let stop = shutdown_signal();
    tokio::pin!(stop);
    let mut database = tokio::select! {
        database = Database::open(config) => database?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let store = store.with_replicas(database.replicas.clone()).with_source_order(source_order(&[]));
    let prepared = tokio::select! {
        application = build_application(&database, &store, serve) => application.map(Some),
        () = &mut stop => Ok(None),
    };
    let result = match prepared {
        Ok(Some(application)) => tokio::select! {
            result = run_until_stopped(application, stop) => result.map_err(Into::into),
            () = database.supervise() => Ok(()),
            () = refresh_statistics_daily(&store) => Ok(()),
        },
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    database.close().await;
    result.map(|()| ExitCode::SUCCESS)
}

/// Answers requests until somebody asks the process to stop, then lets those under way end.
async fn run_until_stopped(application: Application, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let handle = application.handle();
    let running = application.run();
    tokio::pin!(running);
    tokio::select! {
        result = &mut running => return result,
        () = stop => tracing::info!("stopping"),
    }
    // The server ends only while it is polled.
    let (result, ()) = tokio::join!(running, handle.stop());
    result
}

async fn build_application(
    database: &Database,
    store: &Store,
    serve: ServeConfig,
) -> Result<Application, Box<dyn std::error::Error + Send + Sync>> {
    rebuild_stale_projections(store).await?;
    let wants_demo = match serve.demo {
        Demo::Always => true,
        Demo::Auto => database.is_embedded() && store.is_empty().await?,
        Demo::Never => false,
    };
    if wants_demo {
        demo::load(store).await?;
    }
    store.refresh_statistics_if_stale().await?;
    let settings = ServerSettings {
        listen: serve.listen,
        limits: serve.limits(),
        directory: DirectoryInfo { name: serve.directory_name, default_language: serve.default_language },
        http: serve.http,
        monitoring: serve.monitoring,
        network: serve.network,
    };
    let application = Application::build(store.clone(), settings)?;
    print_banner(store, application.address(), database.is_embedded()).await?;
    Ok(application)
}

/// Keeps the counts of organizations and topics of today for as long as it is polled. It never ends itself.
async fn refresh_statistics_daily(store: &Store) {
    loop {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        match store.refresh_statistics_if_stale().await {
            Ok(true) => tracing::info!("the people and papers of organizations and topics were counted again"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the people and papers of organizations and topics could not be counted");
            }
        }
    }
}

/// Says where to click, what is loaded, and one query to paste.
async fn print_banner(
    store: &Store,
    address: std::net::SocketAddr,
    is_private: bool,
) -> Result<(), crate::error::Error> {
    let counted = store.directory_counts().await?;
    let place = if is_private { "a private Postgres" } else { "the Postgres of DATABASE_URL" };
    let greeting = format!(
        "academic-directory {}\n  GraphiQL  http://{address}/graphiql\n  GraphQL   http://{address}/graphql\n  loaded    {} researchers, \
         {} papers, {} organizations, {} topics, in {place}\n  try       {}\n  stop      Ctrl-C\n",
        env!("CARGO_PKG_VERSION"),
        counted.researcher_count,
        counted.paper_count,
        counted.organization_count,
        counted.topic_count,
        demo::SAMPLE_QUERY
    );
    print(&greeting);
    Ok(())
}

/// Ends when somebody asks the process to: Ctrl-C, or a supervisor's SIGTERM.
async fn shutdown_signal() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be waited for");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => {
            if let Err(error) = result {
                tracing::warn!(%error, "Ctrl-C cannot be waited for");
                std::future::pending::<()>().await;
            }
        }
        () = terminated => {}
    }
}
