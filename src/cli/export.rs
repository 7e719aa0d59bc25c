//! `export`: writes the directory, a backup of it, or selected papers to a file.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::citation::CitationFormat;
use crate::cli::{CommandResult, describe_database, open_store, shutdown_signal};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::entity::organization;
use crate::entity::paper;
use crate::entity::researcher;
use crate::export::{self, ExportError, ExportRequest};
use crate::model::global_id::{GlobalId, NodeKind};
use crate::store::Store;
use crate::store::reader::filter::YearRange;
use crate::store::reader::identifier_column::IdentifierColumn;
use crate::store::reader::lookup::{ByLookupKey, LookupKey, LookupTable};
use crate::store::reader::organization_link::{LinkedOrganizations, PaperOrganizationLinks};
use crate::store::reader::paper::PaperFilter;
use crate::telemetry::console;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormatName {
    /// The whole directory, one JSON object per line, for `import records`
    Records,
    /// Everything, with hidden names, decisions and their history, for `import backup`
    Backup,
    /// Papers as BibTeX
    Bibtex,
    /// Papers as RIS
    Ris,
    /// Papers as CSL-JSON, in one array
    Csl,
}

/// The arguments of `export`.
#[derive(Args, Debug)]
pub(super) struct ExportArguments {
    /// The format
    #[arg(value_enum)]
    format: ExportFormatName,
    /// The file to write; defaults to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only these papers, by slug, id, DOI or arXiv id
    #[arg(long, value_name = "KEY", num_args = 1..)]
    paper: Vec<String>,
    /// Only papers by any of these researchers, by slug, id or ORCID iD
    #[arg(long, value_name = "KEY", num_args = 1..)]
    researcher: Vec<String>,
    /// Only papers of any of these organizations or their descendants, by slug, id or ROR id: with an author who gives it
    /// as affiliation on the paper, or who was affiliated with it when the paper appeared
    #[arg(long, value_name = "KEY", num_args = 1..)]
    organization: Vec<String>,
    /// Only papers published in these years, inclusive: 2019, 2019-2021, 2019- or -2021
    #[arg(long, value_name = "FROM-TO", value_parser = parse_years, allow_hyphen_values = true)]
    year: Option<YearRange>,
}

/// Parses a year, or a range of years that may be open at one end.
fn parse_years(text: &str) -> Result<YearRange, String> {
    let year = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<i32>().map(Some).map_err(|_| format!("'{text}' is not a year")),
    };
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (year(from)?, year(to)?),
        None => (year(text)?, year(text)?),
    };
    match (from, to) {
        (None, None) => Err("expected a range of years such as 2019, 2019-2021, 2019- or -2021".to_owned()),
        (Some(from), Some(to)) if from > to => Err(format!("{from} is after {to}")),
        (from, to) => Ok(YearRange { from, to }),
    }
}

impl ExportArguments {
    fn citation_format(&self) -> Option<CitationFormat> {
        match self.format {
            ExportFormatName::Records | ExportFormatName::Backup => None,
            ExportFormatName::Bibtex => Some(CitationFormat::Bibtex),
            ExportFormatName::Ris => Some(CitationFormat::Ris),
            ExportFormatName::Csl => Some(CitationFormat::CslJson),
        }
    }

    async fn to_export(&self, store: &Store) -> Result<ExportRequest, Box<dyn std::error::Error + Send + Sync>> {
        let keys = [&self.paper, &self.researcher, &self.organization];
        let Some(format) = self.citation_format() else {
            if keys.iter().any(|keys| !keys.is_empty()) || self.year.is_some() {
                return Err(
                    "--paper, --researcher, --organization and --year apply to bibtex, ris and csl only; records and backups \
                     are always complete"
                        .into(),
                );
            }
            let is_backup = self.format == ExportFormatName::Backup;
            return Ok(if is_backup { ExportRequest::Backup } else { ExportRequest::Records });
        };
        let organizations =
            resolve_ids::<organization::Model>(store, &self.organization, parse_organization_key, |organization| {
                organization.id
            })
            .await?;
        let filter = PaperFilter {
            ids: resolve_ids::<paper::Model>(store, &self.paper, parse_paper_key, |paper| paper.id).await?,
            author_ids: resolve_ids::<researcher::Model>(store, &self.researcher, parse_researcher_key, |researcher| {
                researcher.id
            })
            .await?,
            organizations: organizations.map(|ids| LinkedOrganizations { ids, links: PaperOrganizationLinks::ALL }),
            publication_year: self.year,
            ..PaperFilter::default()
        };
        Ok(ExportRequest::Papers(format, Box::new(filter)))
    }
}

fn parse_paper_key(text: &str) -> LookupKey {
    parse_global_id(text, NodeKind::Paper)
        .or_else(|| LookupKey::identifier(IdentifierColumn::Doi, text))
        .or_else(|| LookupKey::identifier(IdentifierColumn::ArxivId, text))
        .unwrap_or_else(|| slug_key(text))
}

fn parse_researcher_key(text: &str) -> LookupKey {
    parse_global_id(text, NodeKind::Researcher)
        .or_else(|| LookupKey::identifier(IdentifierColumn::Orcid, text))
        .unwrap_or_else(|| slug_key(text))
}

fn parse_organization_key(text: &str) -> LookupKey {
    parse_global_id(text, NodeKind::Organization)
        .or_else(|| LookupKey::identifier(IdentifierColumn::Ror, text))
        .unwrap_or_else(|| slug_key(text))
}

fn parse_global_id(text: &str, kind: NodeKind) -> Option<LookupKey> {
    let id = text.parse::<GlobalId>().ok().filter(|id| id.kind == kind)?;
    Some(LookupKey::Id(id.row_id))
}

fn slug_key(text: &str) -> LookupKey {
    LookupKey::Slug(text.trim().to_lowercase())
}

/// The ids of the entities with these keys; `None` if there are no keys.
async fn resolve_ids<M: LookupTable>(
    store: &Store,
    keys: &[String],
    key: fn(&str) -> LookupKey,
    id: fn(&M) -> i64,
) -> Result<Option<Vec<i64>>, Box<dyn std::error::Error + Send + Sync>> {
    if keys.is_empty() {
        return Ok(None);
    }
    let loader = store.data_loader();
    let lookups: Vec<ByLookupKey<M>> = keys.iter().map(|text| ByLookupKey::new(key(text))).collect();
    let found = loader.run_with_batching(loader.load_many(lookups.iter().cloned())).await?;
    let ids = keys.iter().zip(&lookups).map(|(text, lookup)| {
        let entity_id = found.get(lookup).map(|entity| id(entity));
        entity_id.ok_or_else(|| format!("{} '{text}' not found", M::NAME))
    });
    Ok(Some(ids.collect::<Result<_, String>>()?))
}

/// Runs `export`. If the reader of standard output closes it, the export ends without an error.
pub(super) async fn run(config: &DatabaseConfig, arguments: &ExportArguments) -> CommandResult {
    let mut output = open_output(arguments)?;
    let database = Database::open(config).await?;
    console::print_message(&describe_database(&database));
    let store = open_store(&database, config);
    let result = async {
        let export = arguments.to_export(&store).await?;
        tokio::select! {
            written = export::run(&store, &export, &mut output) => match written {
                Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
                written => Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(written?)),
            },
            () = shutdown_signal() => Err("interrupted; the export is incomplete".into()),
        }
    };
    let result = result.await;
    database.close().await;
    if let Some(written) = result? {
        if let Some(path) = &arguments.output {
            fs::rename(partial_path(path), path)?;
        }
        let noun = match arguments.format {
            ExportFormatName::Records => "records",
            ExportFormatName::Backup => "rows",
            ExportFormatName::Bibtex | ExportFormatName::Ris | ExportFormatName::Csl => "papers",
        };
        console::print_message(&format!("{written} {noun}"));
    }
    Ok(ExitCode::SUCCESS)
}

type ExportWriter = BufWriter<Box<dyn Write + Send>>;

fn open_output(arguments: &ExportArguments) -> Result<ExportWriter, String> {
    let inner: Box<dyn Write + Send> = match &arguments.output {
        None => Box::new(io::stdout()),
        Some(path) => {
            let path = partial_path(path);
            let is_confidential = arguments.format == ExportFormatName::Backup;
            let file = if is_confidential { create_private(&path) } else { File::create(&path) };
            Box::new(file.map_err(|error| format!("could not write {}: {error}", path.display()))?)
        }
    };
    Ok(BufWriter::new(inner))
}

/// Creates a file that only its owner can read.
fn create_private(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // It may be left from before.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The temporary path of an incomplete export. An existing file is replaced only by a complete one.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_years() {
        let range = |text| parse_years(text).map(|range| (range.from, range.to));
        assert_eq!(range("2019"), Ok((Some(2019), Some(2019))));
        assert_eq!(range("2019-2021"), Ok((Some(2019), Some(2021))));
        assert_eq!(range("2019-"), Ok((Some(2019), None)));
        assert_eq!(range("-2021"), Ok((None, Some(2021))));
        assert!(range("-").is_err() && range("2021-2019").is_err() && range("soon").is_err());
    }
}
