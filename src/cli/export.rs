//! `academic-directory export`: what is asked for, and where it goes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::citation::CitationFormat;
use crate::cli::{Outcome, stop_signal};
use crate::config::DatabaseConfig;
use crate::database::Database;
use crate::entity::organization;
use crate::entity::paper;
use crate::entity::researcher;
use crate::export::{self, Export, ExportError};
use crate::model::global_id::{GlobalId, Kind};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::store::Store;
use crate::store::reader::lookup::{ByKey, Key, Table};
use crate::store::reader::paper::{PaperFilter, YearRange};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// The whole directory as its own records, one JSON object a line, which `import records` takes
    Records,
    /// Papers as BibTeX
    Bibtex,
    /// Papers as RIS
    Ris,
    /// Papers as CSL-JSON: one array
    Csl,
}

/// What to export, and where to.
#[derive(Args, Debug)]
pub(super) struct ExportArguments {
    /// The format
    #[arg(value_enum)]
    format: FormatName,
    /// The file to write; standard output where absent
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only these papers: slugs, ids, DOIs or arXiv ids
    #[arg(long, value_name = "KEY", num_args = 1..)]
    paper: Vec<String>,
    /// Only papers by any of these people: slugs, ids or ORCID iDs
    #[arg(long, value_name = "KEY", num_args = 1..)]
    researcher: Vec<String>,
    /// Only papers with an author at any of these organizations or below: slugs, ids or ROR ids
    #[arg(long, value_name = "KEY", num_args = 1..)]
    organization: Vec<String>,
    /// Only papers of these years, both included: 2019, 2019-2021, 2019- or -2021
    #[arg(long, value_name = "FROM-TO", value_parser = years, allow_hyphen_values = true)]
    year: Option<YearRange>,
}

/// One year, or two with a hyphen between them, of which one may be absent.
fn years(text: &str) -> Result<YearRange, String> {
    let year = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<i32>().map(Some).map_err(|_| format!("'{text}' is no year")),
    };
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (year(from)?, year(to)?),
        None => (year(text)?, year(text)?),
    };
    match (from, to) {
        (None, None) => Err("there is no year; write 2019, 2019-2021, 2019- or -2021".to_owned()),
        (Some(from), Some(to)) if from > to => Err(format!("{from} is after {to}")),
        (from, to) => Ok(YearRange { from, to }),
    }
}

impl ExportArguments {
    fn format(&self) -> Option<CitationFormat> {
        match self.format {
            FormatName::Records => None,
            FormatName::Bibtex => Some(CitationFormat::Bibtex),
            FormatName::Ris => Some(CitationFormat::Ris),
            FormatName::Csl => Some(CitationFormat::CslJson),
        }
    }

    async fn export(&self, store: &Store) -> Result<Export, Box<dyn std::error::Error + Send + Sync>> {
        let keys = [&self.paper, &self.researcher, &self.organization];
        let Some(format) = self.format() else {
            if keys.iter().any(|keys| !keys.is_empty()) || self.year.is_some() {
                return Err(
                    "records are exported whole; --paper, --researcher, --organization and --year choose papers for \
                     bibtex, ris and csl"
                        .into(),
                );
            }
            return Ok(Export::Records);
        };
        let filter = PaperFilter {
            ids: found::<paper::Model>(store, &self.paper, paper_key, |paper| paper.id).await?,
            author_ids: found::<researcher::Model>(store, &self.researcher, person_key, |person| person.id).await?,
            organization_ids: found::<organization::Model>(store, &self.organization, place_key, |place| place.id)
                .await?,
            publication_year: self.year,
            ..PaperFilter::default()
        };
        Ok(Export::Papers(format, Box::new(filter)))
    }
}

fn paper_key(text: &str) -> Key {
    let doi = text.parse::<Doi>().map(|doi| Key::Column("doi", doi.to_string()));
    let arxiv_id = || text.parse::<ArxivId>().map(|id| Key::Column("arxiv_id", id.to_string()));
    id_key(text, Kind::Paper).or_else(|| doi.ok()).or_else(|| arxiv_id().ok()).unwrap_or_else(|| slug_key(text))
}

fn person_key(text: &str) -> Key {
    let orcid = text.parse::<Orcid>().map(|orcid| Key::Column("orcid", orcid.to_string()));
    id_key(text, Kind::Researcher).or(orcid.ok()).unwrap_or_else(|| slug_key(text))
}

fn place_key(text: &str) -> Key {
    let ror = text.parse::<Ror>().map(|ror| Key::Column("ror", ror.to_string()));
    id_key(text, Kind::Organization).or(ror.ok()).unwrap_or_else(|| slug_key(text))
}

fn id_key(text: &str, kind: Kind) -> Option<Key> {
    let id = text.parse::<GlobalId>().ok().filter(|id| id.kind == kind)?;
    Some(Key::Id(id.number))
}

fn slug_key(text: &str) -> Key {
    Key::Slug(text.trim().to_lowercase())
}

/// The ids of what keys name; none where there are no keys.
async fn found<M: Table>(
    store: &Store,
    keys: &[String],
    key: fn(&str) -> Key,
    id: fn(&M) -> i64,
) -> Result<Option<Vec<i64>>, Box<dyn std::error::Error + Send + Sync>> {
    if keys.is_empty() {
        return Ok(None);
    }
    let loaders = store.loaders();
    let asked: Vec<ByKey<M>> = keys.iter().map(|text| ByKey::new(key(text))).collect();
    let found = loaders.drive(loaders.load_many(asked.iter().cloned())).await?;
    let ids = keys.iter().zip(&asked).map(|(text, asked)| {
        let known = found.get(asked).map(|row| id(row));
        known.ok_or_else(|| format!("the directory has no {} '{text}'", M::NAME))
    });
    Ok(Some(ids.collect::<Result<_, String>>()?))
}

/// Exports; a reader who goes away ends it.
pub(super) async fn export(config: &DatabaseConfig, arguments: &ExportArguments) -> Outcome {
    let mut output = output(arguments.output.as_deref())?;
    let database = Database::open(config).await?;
    let store = Store::new(database.connection.clone(), config.consortium_size);
    let result = async {
        let export = arguments.export(&store).await?;
        tokio::select! {
            written = export::run(&store, &export, &mut output) => match written {
                Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
                written => Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(written?)),
            },
            () = stop_signal() => Err("interrupted; the export is not whole".into()),
        }
    };
    let result = result.await;
    database.close().await;
    if let Some(written) = result? {
        if let Some(path) = &arguments.output {
            fs::rename(unfinished(path), path)?;
        }
        let what = if arguments.format == FormatName::Records { "records" } else { "papers" };
        eprintln!("{written} {what}");
    }
    Ok(ExitCode::SUCCESS)
}

type Output = BufWriter<Box<dyn Write + Send>>;

fn output(path: Option<&Path>) -> Result<Output, String> {
    let inner: Box<dyn Write + Send> = match path {
        None => Box::new(io::stdout()),
        Some(path) => {
            let path = unfinished(path);
            let file = File::create(&path);
            Box::new(file.map_err(|error| format!("{} cannot be written: {error}", path.display()))?)
        }
    };
    Ok(BufWriter::new(inner))
}

/// Where a file is until it is whole: what was there before stays until then.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_years() {
        let range = |text| years(text).map(|range| (range.from, range.to));
        assert_eq!(range("2019"), Ok((Some(2019), Some(2019))));
        assert_eq!(range("2019-2021"), Ok((Some(2019), Some(2021))));
        assert_eq!(range("2019-"), Ok((Some(2019), None)));
        assert_eq!(range("-2021"), Ok((None, Some(2021))));
        assert!(range("-").is_err() && range("2021-2019").is_err() && range("soon").is_err());
    }
}
