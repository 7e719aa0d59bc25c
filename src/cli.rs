//! The command line: subcommands and their wiring.

mod backup;
mod banner;
mod check;
mod command_line;
mod demo_command;
mod export;
mod feed;
mod identity;
mod names;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{DatabaseConfig, Demo, LogFormat, ServeConfig, Switch, TracesConfig};
use crate::database::{self, Database, MigrationAction, OpenOptions};
use crate::error::Error;
use crate::graphql;
use crate::graphql::context::DirectoryInfo;
use crate::http::{self, Application, ServerSettings};
use crate::import::formats::profile_page::ProfilePageOptions;
use crate::import::formats::topics::TopicsOptions;
use crate::import::formats::{self, Format, FormatOptions};
use crate::import::{self, ImportOptions};
use crate::model::identifier::Ror;
use crate::model::language::LanguageTag;
use crate::model::source_order::SourceOrder;
use crate::pages::SiteSettings;
use crate::store::Store;
use crate::telemetry::console;

use crate::cli::export::ExportArguments;
use crate::cli::names::NamesCommand;

/// Stack size of worker threads: enough for the recursion of the deepest query, even in an unoptimized build.
const WORKER_STACK_BYTES: usize = 16 * 1024 * 1024;

/// A directory of researchers and papers, served as GraphQL
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
    /// Import files into the directory, or restore a backup
    Import(ImportArguments),
    /// Merge and split researchers, and undo or list past decisions
    Identity {
        #[command(subcommand)]
        command: crate::cli::identity::IdentityCommand,
    },
    /// Set the displayed name of a researcher, and the visibility of other names
    Names {
        #[command(subcommand)]
        command: NamesCommand,
    },
    /// Remove the sample data that `serve` loads into an empty embedded database
    Demo {
        #[command(subcommand)]
        command: crate::cli::demo_command::DemoCommand,
    },
    /// Declare that the change feed was forked
    Feed {
        #[command(subcommand)]
        command: crate::cli::feed::FeedCommand,
    },
    /// Export the directory, a backup of it, or selected papers, to a file
    Export(ExportArguments),
    /// Report data-quality problems: missing, corrupted or suspicious data, with examples
    Check(crate::cli::check::CheckArguments),
    /// Apply or revert migrations, or show their status
    Migrate {
        /// The action
        #[arg(value_enum)]
        direction: MigrateDirection,
    },
    /// Print the GraphQL schema (no database required)
    Schema {
        /// Print the schema as a subgraph of Apollo Federation
        #[arg(long)]
        subgraph: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MigrateDirection {
    /// Apply all pending migrations
    Up,
    /// Revert the last migration
    Down,
    /// Show which migrations are applied
    Status,
}

#[derive(Args, Debug)]
struct ImportArguments {
    /// The format of the files
    #[arg(value_parser = format_parser())]
    format: ImportFormat,
    /// Files or directories, optionally compressed with gzip or zstd; - is standard input (the default)
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
    /// Abort on the first invalid record, instead of skipping it
    #[arg(long)]
    strict: bool,
    /// Parse the files, show the first records and their number, and write nothing (no database required)
    #[arg(long)]
    dry_run: bool,
    /// Fail if there is no database yet, instead of creating an embedded one
    #[arg(long)]
    existing: bool,
    /// Name of the source of the records; defaults to the name of the format
    #[arg(long, value_name = "NAME", value_parser = parse_source_name)]
    source: Option<String>,
    /// profile-page: name of the institute
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// profile-page: ROR id of the institute
    #[arg(long, value_name = "ID")]
    ror: Option<Ror>,
    /// profile-page: language of the page's headings and topics, if it cannot be detected
    #[arg(long, value_name = "TAG")]
    language: Option<LanguageTag>,
    /// topics: short name of the vocabulary; defaults to the common URL prefix of its codes
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    scheme: Option<String>,
}

/// What `import` reads: records of a format, or a backup.
#[derive(Clone, Copy, Debug)]
enum ImportFormat {
    Records(&'static dyn Format),
    Backup,
}

impl ImportArguments {
    /// Rejects options that a backup does not have.
    fn backup_file(&self) -> Result<&Path, String> {
        let is_option_given = self.strict
            || self.dry_run
            || self.source.is_some()
            || self.organization.is_some()
            || self.ror.is_some()
            || self.language.is_some()
            || self.scheme.is_some();
        match self.files.as_slice() {
            _ if is_option_given => {
                Err("a backup is restored as it is: of the options of `import`, only --existing applies to it"
                    .to_owned())
            }
            [file] => Ok(file),
            _ => Err("specify one backup: it is restored into an empty database".to_owned()),
        }
    }

    fn into_import(self, format: &'static dyn Format, config: &DatabaseConfig) -> ImportOptions {
        let format_options = FormatOptions {
            profile_page: ProfilePageOptions {
                organization: import::organization_reference(self.organization, self.ror),
                language: self.language,
            },
            topics: TopicsOptions { scheme: self.scheme },
        };
        ImportOptions {
            format,
            format_options,
            files: self.files,
            excluded_folders: database::embedded_directories(config),
            is_strict: self.strict,
            source: self.source,
        }
    }
}

#[derive(Args, Debug)]
struct DryRunArguments {
    /// Show the changes without making them
    #[arg(long)]
    dry_run: bool,
}

/// The name by which `import` and `export` know a backup.
const BACKUP: &str = "backup";

/// Parses the name of an import format; `--help` lists the registered formats.
fn format_parser() -> impl TypedValueParser<Value = ImportFormat> {
    let names = formats::selectable().into_iter().map(|format| PossibleValue::new(format.name()).help(format.help()));
    let backup = PossibleValue::new(BACKUP).help("A backup of `export backup`, into an empty database");
    PossibleValuesParser::new(names.chain([backup])).try_map(|name| match name.as_str() {
        BACKUP => Ok(ImportFormat::Backup),
        name => formats::by_name(name).map(ImportFormat::Records).ok_or("unknown format"),
    })
}

/// The source precedence: listed sources, then sources with a name of their own, then import formats.
fn source_order(listed: &[String]) -> SourceOrder {
    let listed = listed.iter().filter(|name| !name.is_empty()).cloned();
    SourceOrder::new(listed, formats::by_source_precedence())
}

/// Parses a source name, which is also the scheme of the source's ids.
fn parse_source_name(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("a source name must have 1 to 64 characters: lowercase letters, digits, hyphens, periods and underscores"
            .to_owned())
    }
}

impl Cli {
    /// Log level, log format, and the tracing settings if the command is `serve`.
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
                | Command::Demo { .. }
                | Command::Feed { .. }
                | Command::Check(_)
                | Command::Migrate { .. }
                | Command::Schema { .. },
            ) => None,
        };
        (&self.database.log, self.database.log_format, traces)
    }

    /// Whether connections to the database trust only authorities of a file.
    #[must_use]
    pub fn has_own_authorities(&self) -> bool {
        database::address::has_own_authorities(&self.database)
    }

    /// Runs the command on threads of its own. Errors are printed to standard error.
    ///
    /// Not async: an async function is compiled with the code that awaits it, and all of the program would be compiled
    /// again with the binary.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match Builder::new_multi_thread().enable_all().thread_stack_size(WORKER_STACK_BYTES).build() {
            Ok(runtime) => runtime.block_on(self.run_command()),
            Err(error) => {
                console::print_error(&format!("could not start the runtime's threads: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    async fn run_command(self) -> ExitCode {
        let outcome = match self.command {
            Some(Command::Schema { subgraph }) => {
                print(&if subgraph { graphql::subgraph_sdl() } else { graphql::sdl() });
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Migrate { direction }) => migrate(&self.database, direction).await,
            Some(Command::Names { command }) => crate::cli::names::run(&self.database, command).await,
            Some(Command::Import(arguments)) => import(&self.database, arguments).await,
            Some(Command::Identity { command }) => crate::cli::identity::run(&self.database, command).await,
            Some(Command::Demo { command }) => crate::cli::demo_command::run(&self.database, command).await,
            Some(Command::Feed { command }) => crate::cli::feed::run(&self.database, command).await,
            Some(Command::Export(arguments)) => crate::cli::export::run(&self.database, &arguments).await,
            Some(Command::Check(arguments)) => crate::cli::check::run(&self.database, &arguments).await,
            Some(Command::Serve(serve)) => crate::cli::serve(&self.database, *serve).await,
            None => crate::cli::serve(&self.database, self.serve).await,
        };
        outcome.unwrap_or_else(|error| {
            if let Some(cause) = error.source().filter(|_| error.to_string() == Error::INTERNAL_MESSAGE) {
                tracing::error!(%cause, "internal error");
            }
            console::print_error(&error.to_string());
            ExitCode::FAILURE
        })
    }
}

/// Prints to standard output. If it is closed, the command continues.
fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        tracing::warn!(%error, "could not write to standard output");
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

/// Parses files without writing to the database.
async fn dry_run_import(import: &ImportOptions) -> CommandResult {
    let summary = import::dry_run(import).await?;
    print(&format!("{summary}\n"));
    Ok(if summary.unreadable_files > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The store of a connected database, with the default source precedence.
fn open_store(database: &Database, config: &DatabaseConfig) -> Store {
    Store::new(&database.primary, config.consortium_size).with_source_order(source_order(&[]))
}

/// Imports records, parses them in a dry run, or restores a backup.
async fn import(config: &DatabaseConfig, arguments: ImportArguments) -> CommandResult {
    let ImportFormat::Records(format) = arguments.format else {
        return backup::restore(config, arguments.backup_file()?, arguments.existing).await;
    };
    let (is_dry_run, must_exist) = (arguments.dry_run, arguments.existing);
    let import = arguments.into_import(format, config);
    if is_dry_run {
        return dry_run_import(&import).await;
    }
    import_records(config, import, must_exist).await
}

async fn import_records(config: &DatabaseConfig, import: ImportOptions, must_exist: bool) -> CommandResult {
    let database = Database::open_with(config, &OpenOptions { must_exist, ..OpenOptions::default() }).await?;
    print_database(&database);
    let store = open_store(&database, config).with_source_order(source_order(&config.source_order));
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
        console::print_message("interrupted; run the same command again to resume");
        return Ok(ExitCode::FAILURE);
    };
    console::print_result(&summary.to_string(), &summary.to_string(), &serde_json::Value::Null);
    Ok(if summary.unreadable_files > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The first line of a command: which database it uses.
fn describe_database(database: &Database) -> String {
    let created = if database.is_new() { ", which was created now, since DATABASE_URL is unset" } else { "" };
    format!("database: {}{created}", database.description())
}

/// Prints the first line of a command on standard output; with `LOG_FORMAT=json`, whose only line there is the result, on
/// standard error.
fn print_database(database: &Database) {
    let text = describe_database(database);
    if console::is_json() {
        console::print_message(&text);
    } else {
        print(&format!("{text}\n"));
    }
}

/// Rebuilds the projections that were computed by older rules or settings, or that a restored backup does not have.
async fn rebuild_stale_projections(store: &Store) -> Result<(), Error> {
    if store.rebuild_derived_if_restored().await? {
        tracing::info!("rebuilt the derived tables after a backup was restored");
    }
    if store.rebuild_coauthorship_if_stale().await? {
        tracing::info!(size = store.consortium_size(), "recomputed coauthors because CONSORTIUM_SIZE has changed");
    }
    if store.rebuild_name_repairs_if_stale().await? {
        tracing::info!("recomputed the repairs of author names");
    }
    if store.rebuild_work_versions_if_stale().await? {
        tracing::info!("recomputed which papers are versions of the same work");
    }
    if store.rebuild_search_index_if_stale().await? {
        store.finish_bulk_load().await?;
        tracing::info!("rebuilt the search index");
    }
    Ok(())
}

async fn serve(config: &DatabaseConfig, serve: ServeConfig) -> CommandResult {
    // Registered first: a signal during startup must also stop the database.
    let stop = shutdown_signal();
    tokio::pin!(stop);
    let mut database = tokio::select! {
        database = Database::open(config) => database?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    print_database(&database);
    let store = open_store(&database, config).with_replicas(&database.replicas);
    let prepared = tokio::select! {
        built = build_application(&database, &store, serve) => built.map(Some),
        () = &mut stop => Ok(None),
    };
    let result = match prepared {
        Ok(Some((application, banner))) => tokio::select! {
            result = run_until_stopped(application, banner, stop) => result.map_err(Into::into),
            () = database.supervise() => Ok(()),
            () = refresh_statistics_daily(&store) => Ok(()),
        },
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    database.close().await;
    result.map(|()| ExitCode::SUCCESS)
}

/// Serves requests until the stop signal, then shuts down gracefully.
async fn run_until_stopped(
    application: Application,
    banner: banner::Banner,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let handle = application.handle();
    let running = application.run(|| banner.print());
    tokio::pin!(running);
    tokio::select! {
        result = &mut running => return result,
        () = stop => tracing::info!("stopping"),
    }
    // The server must be polled to shut down.
    let (result, ()) = tokio::join!(running, handle.stop());
    result
}

async fn build_application(
    database: &Database,
    store: &Store,
    serve: ServeConfig,
) -> Result<(Application, banner::Banner), Box<dyn std::error::Error + Send + Sync>> {
    match database.read_only_reason() {
        Some(reason) => tracing::warn!(reason, "the database is read-only: derived data is not refreshed"),
        None => prepare_data(database, store, serve.demo).await?,
    }
    let settings = ServerSettings {
        listen: serve.listen,
        public_url: serve.public_url.clone(),
        limits: serve.limits(),
        directory: DirectoryInfo { name: serve.directory_name, default_language: serve.default_language },
        http: serve.http,
        monitoring: serve.monitoring,
        network: serve.network,
        harvest: serve.harvest,
        pages: (serve.explorer == Switch::On).then(|| SiteSettings {
            public_url: serve.public_url.clone(),
            contact_url: serve.contact_url.clone(),
            portrait_origins: serve.portrait_origins.clone(),
        }),
    };
    store.warm_up().await;
    let has_pages = settings.pages.is_some();
    let application = Application::build(store.clone(), settings)?;
    application.warm_up().await;
    let url = serve.public_url.unwrap_or_else(|| http::local_url(application.address()));
    let banner = banner::make_banner(store, &url, has_pages, database.is_embedded()).await?;
    Ok((application, banner))
}

/// Refreshes derived data, and loads the sample data if they are wanted.
async fn prepare_data(database: &Database, store: &Store, demo: Demo) -> Result<(), Error> {
    rebuild_stale_projections(store).await?;
    let is_demo_wanted = match demo {
        Demo::Always => true,
        Demo::Auto => database.is_embedded() && store.is_empty().await?,
        Demo::Never => false,
    };
    if is_demo_wanted {
        crate::demo::load(store).await?;
    }
    store.refresh_statistics_if_stale().await?;
    Ok(())
}

/// Every hour, refreshes the statistics of organizations and topics if the date has changed, and removes what is kept for a
/// limited time. Never completes.
async fn refresh_statistics_daily(store: &Store) {
    loop {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        match store.refresh_statistics_if_stale().await {
            Ok(true) => tracing::info!("recomputed organization and topic counts"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "could not recompute organization and topic counts");
            }
        }
        remove_old_activities(store).await;
    }
}

async fn remove_old_activities(store: &Store) {
    match store.remove_old_activities().await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed old activities of imports and maintenance"),
        Err(error) => tracing::warn!(%error, "could not remove old activities; this is repeated in an hour"),
    }
}

/// Completes on Ctrl-C or SIGTERM.
async fn shutdown_signal() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "could not listen for SIGTERM");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => {
            if let Err(error) = result {
                tracing::warn!(%error, "could not listen for Ctrl-C");
                std::future::pending::<()>().await;
            }
        }
        () = terminated => {}
    }
}
