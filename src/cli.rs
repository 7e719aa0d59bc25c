//! The command line: what can be asked, and which part does it.

mod check;
mod export;
mod identity;
mod names;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{DatabaseConfig, Demo, LogFormat, ServeConfig, TracesConfig};
use crate::database::{self, Database, Direction};
use crate::demo;
use crate::error::Error;
use crate::graphql;
use crate::graphql::context::DirectoryIdentity;
use crate::http::{Application, Settings};
use crate::import::formats::profile_page::ProfilePageOptions;
use crate::import::formats::topics::TopicsOptions;
use crate::import::{self, Format, Import};
use crate::model::identifier::Ror;
use crate::model::language::LanguageTag;
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatName {
    /// The text of an institute's profile page, French or English
    ProfilePage,
    /// CSL-JSON: an array, one object, or one item a line
    Csl,
    /// Works of Crossref: answers of its API, or its public data file
    Crossref,
    /// Works, authors, institutions and topics of OpenAlex: answers of its API, or the folder of its snapshot
    #[value(name = "openalex")]
    OpenAlex,
    /// BibTeX and BibLaTeX libraries
    Bibtex,
    /// RIS references
    Ris,
    /// ORCID records of version 3.0, JSON or XML: files, folders, or the archive of summaries
    Orcid,
    /// People and their affiliations, one a row, under a first line that names the columns
    Csv,
    /// Topics: SKOS in RDF/XML or Turtle, or the table of OpenAlex
    Topics,
    /// DOIs of DataCite: answers of its API, or its public data file
    #[value(name = "datacite")]
    DataCite,
    /// Articles of PubMed in XML
    #[value(name = "pubmed")]
    PubMed,
    /// ROR records of version 2: an array, or one a line
    Ror,
    /// The directory's own records, one JSON object a line
    Records,
    /// Whatever the content of each file shows it to be
    Auto,
}

#[derive(Args, Debug)]
struct ImportArguments {
    /// The format of the files
    #[arg(value_enum)]
    format: FormatName,
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
    #[arg(long, value_name = "NAME", value_parser = source_name)]
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
    fn import(self) -> Import {
        let page = ProfilePageOptions {
            organization: import::institute(self.organization, self.ror),
            language: self.language,
        };
        let topics = TopicsOptions { scheme: self.scheme };
        let format = match self.format {
            FormatName::ProfilePage => Format::ProfilePage(page),
            FormatName::Auto => Format::Auto(page, topics),
            FormatName::Csv => Format::Csv,
            FormatName::Topics => Format::Topics(topics),
            FormatName::DataCite => Format::DataCite,
            FormatName::PubMed => Format::PubMed,
            FormatName::Csl => Format::Csl,
            FormatName::Crossref => Format::Crossref,
            FormatName::OpenAlex => Format::OpenAlex,
            FormatName::Bibtex => Format::Bibtex,
            FormatName::Ris => Format::Ris,
            FormatName::Orcid => Format::Orcid,
            FormatName::Ror => Format::Ror,
            FormatName::Records => Format::Records,
        };
        Import { format, files: self.files, is_strict: self.strict, source: self.source }
    }
}

/// A source's name is also the scheme of its ids.
fn source_name(text: &str) -> Result<String, String> {
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
                say(&graphql::sdl());
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Migrate { direction }) => migrate(&self.database, direction).await,
            Some(Command::Names { command }) => crate::cli::names::run(&self.database, command).await,
            Some(Command::Import(arguments)) if arguments.dry_run => survey(&arguments.import()).await,
            Some(Command::Import(arguments)) => import(&self.database, arguments.import()).await,
            Some(Command::Identity { command }) => crate::cli::identity::identity(&self.database, command).await,
            Some(Command::Export(arguments)) => crate::cli::export::export(&self.database, &arguments).await,
            Some(Command::Check(arguments)) => crate::cli::check::check(&self.database, &arguments).await,
            Some(Command::Serve(serve)) => crate::cli::serve(&self.database, *serve).await,
            None => crate::cli::serve(&self.database, self.serve).await,
        };
        outcome.unwrap_or_else(|error| {
            if let Some(cause) = error.source().filter(|_| error.to_string() == Error::INTERNAL) {
                tracing::error!(%cause, "a fault of ours");
            }
            eprintln!("error: {error}");
            ExitCode::FAILURE
        })
    }
}

/// Says something on standard output. Where nobody reads it any more, what was asked for is done all the same.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        tracing::warn!(%error, "nobody reads the output");
    }
}

type Outcome = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

async fn migrate(config: &DatabaseConfig, direction: MigrateDirection) -> Outcome {
    let direction = match direction {
        MigrateDirection::Up => Direction::Up,
        MigrateDirection::Down => Direction::Down,
        MigrateDirection::Status => Direction::Stay,
    };
    for (name, is_applied) in database::run_migrations(config, direction).await? {
        say(&format!("{} {name}\n", if is_applied { "applied" } else { "pending" }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads files and writes nothing.
async fn survey(import: &Import) -> Outcome {
    let survey = import::survey(import).await?;
    say(&format!("{survey}\n"));
    Ok(if survey.unreadable > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn import(config: &DatabaseConfig, import: Import) -> Outcome {
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size)
        .with_source_order(config.source_order.iter().cloned());
    let result = async {
        keep_derived(&store).await?;
        tokio::select! {
            summary = import::run(&store, import) => Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(summary?)),
            () = stop_signal() => Ok(None),
        }
    };
    let result = result.await;
    database.close().await;
    let Some(summary) = result? else {
        eprintln!("interrupted; the same command goes on from here");
        return Ok(ExitCode::FAILURE);
    };
    say(&format!("{summary}\n"));
    Ok(if summary.unreadable > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes anew what was derived from the contents by another rule than today's.
async fn keep_derived(store: &Store) -> Result<(), crate::error::Error> {
    if store.keep_consortium_size().await? {
        tracing::info!(size = store.consortium_size(), "coauthors were made anew for the changed CONSORTIUM_SIZE");
    }
    if store.keep_name_repairs().await? {
        tracing::info!("the names of authors were looked at for damage anew");
    }
    if store.keep_paper_versions().await? {
        tracing::info!("papers that are versions of one work were looked for anew");
    }
    if store.keep_search_index().await? {
        store.settle().await?;
        tracing::info!("the words that search finds things by were made anew");
    }
    Ok(())
}

async fn serve(config: &DatabaseConfig, serve: ServeConfig) -> Outcome {
    // From the first moment on: a signal during the start must stop the database too.
    let stop = stop_signal();
    tokio::pin!(stop);
    let mut database = tokio::select! {
        database = Database::open(config) => database?,
        () = &mut stop => return Ok(ExitCode::SUCCESS),
    };
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let store = store.with_replicas(database.replicas.clone());
    let prepared = tokio::select! {
        application = prepare(&database, &store, serve) => application.map(Some),
        () = &mut stop => Ok(None),
    };
    let result = match prepared {
        Ok(Some(application)) => tokio::select! {
            result = run(application, stop) => result.map_err(Into::into),
            () = database.keep_running() => Ok(()),
            () = keep_totals(&store) => Ok(()),
        },
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    database.close().await;
    result.map(|()| ExitCode::SUCCESS)
}

/// Answers requests until somebody asks the process to stop, then lets those under way end.
async fn run(application: Application, stop: impl Future<Output = ()>) -> std::io::Result<()> {
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

async fn prepare(
    database: &Database,
    store: &Store,
    serve: ServeConfig,
) -> Result<Application, Box<dyn std::error::Error + Send + Sync>> {
    keep_derived(store).await?;
    let wants_demo = match serve.demo {
        Demo::Always => true,
        Demo::Auto => database.is_private() && store.is_empty().await?,
        Demo::Never => false,
    };
    if wants_demo {
        demo::load(store).await?;
    }
    store.recount_totals().await?;
    let settings = Settings {
        listen: serve.listen,
        limits: serve.limits(),
        identity: DirectoryIdentity { name: serve.directory_name, default_language: serve.default_language },
        http: serve.http,
        operations: serve.operations,
        network: serve.network,
    };
    let application = Application::build(store.clone(), settings)?;
    greet(store, application.address(), database.is_private()).await?;
    Ok(application)
}

/// Keeps the counts of organizations and topics of today for as long as it is polled. It never ends itself.
async fn keep_totals(store: &Store) {
    loop {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        match store.recount_totals().await {
            Ok(true) => tracing::info!("the people and papers of organizations and topics were counted again"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the people and papers of organizations and topics could not be counted");
            }
        }
    }
}

/// Says where to click, what is loaded, and one query to paste.
async fn greet(store: &Store, address: std::net::SocketAddr, is_private: bool) -> Result<(), crate::error::Error> {
    let counted = store.statistics().await?;
    let place = if is_private { "a private Postgres" } else { "the Postgres of DATABASE_URL" };
    let greeting = format!(
        "academic-directory {}\n  GraphiQL  http://{address}/graphiql\n  GraphQL   http://{address}/graphql\n  loaded    {} researchers, \
         {} papers, {} organizations, {} topics, in {place}\n  try       {}\n  stop      Ctrl-C\n",
        env!("CARGO_PKG_VERSION"),
        counted.researcher_count,
        counted.paper_count,
        counted.organization_count,
        counted.topic_count,
        demo::QUERY
    );
    say(&greeting);
    Ok(())
}

/// Ends when somebody asks the process to: Ctrl-C, or a supervisor's SIGTERM.
async fn stop_signal() {
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
