//! The formats that can be imported.

use std::io::BufRead;

use crate::import::formats::profile_page::{self, ProfilePageOptions};
use crate::import::formats::topics::{self, TopicsOptions};
use crate::import::formats::{bibtex, crossref, csl, csv, datacite, openalex, orcid, pubmed, records, ris, ror};
use crate::import::io::lines;
use crate::import::normalize::auto_format;
use crate::import::pipeline::reader::{Sink, Stop};

/// A format that can be imported.
#[derive(Clone, Debug)]
pub enum Format {
    /// The text of an institute's profile page.
    ProfilePage(ProfilePageOptions),
    /// CSL-JSON: an array, one object, or one item a line.
    Csl,
    /// Works of Crossref.
    Crossref,
    /// Works, authors, institutions and topics of OpenAlex.
    OpenAlex,
    /// BibTeX and BibLaTeX libraries.
    Bibtex,
    /// RIS references.
    Ris,
    /// ORCID records.
    Orcid,
    /// People and their affiliations as a table.
    Csv,
    /// Vocabularies of topics.
    Topics(TopicsOptions),
    /// DOIs of DataCite.
    DataCite,
    /// Articles of PubMed.
    PubMed,
    /// Whatever the content of each file shows it to be.
    Auto(ProfilePageOptions, TopicsOptions),
    /// ROR v2 records: an array, one object, or one a line.
    Ror,
    /// The directory's own records, one a line.
    Records,
}

impl Format {
    /// The name on the command line, and of the source where no other is given.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProfilePage(_) => "profile-page",
            Self::Csl => "csl",
            Self::Crossref => "crossref",
            Self::OpenAlex => "openalex",
            Self::Bibtex => "bibtex",
            Self::Ris => "ris",
            Self::Orcid => "orcid",
            Self::Csv => "csv",
            Self::Topics(_) => "topics",
            Self::DataCite => "datacite",
            Self::PubMed => "pubmed",
            Self::Auto(..) => "auto",
            Self::Ror => "ror",
            Self::Records => "records",
        }
    }

    pub(super) fn read(&self, reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self {
            Self::ProfilePage(options) => profile_page::stream(reader, options, sink),
            Self::Csl => csl::stream(reader, sink),
            Self::Crossref => crossref::stream(reader, sink),
            Self::OpenAlex => openalex::stream(reader, sink),
            Self::Bibtex => bibtex::stream(reader, sink),
            Self::Ris => ris::stream(reader, sink),
            Self::Orcid => orcid::stream(reader, sink),
            Self::Csv => csv::stream(reader, sink),
            Self::Topics(options) => topics::stream(reader, options, sink),
            Self::DataCite => datacite::stream(reader, sink),
            Self::PubMed => pubmed::stream(reader, sink),
            Self::Auto(page, topics) => {
                let head = reader.fill_buf().map_err(|error| lines::unreadable(1, &error))?;
                let name = auto_format::format_of(head).map_err(|reason| Stop::Unreadable(1, reason))?;
                let format = Self::named(name, page, topics)
                    .ok_or_else(|| Stop::Unreadable(1, format!("no format is called {name}")))?;
                sink.format = format.name();
                format.read(reader, sink)
            }
            Self::Ror => ror::stream(reader, sink),
            Self::Records => records::stream(reader, sink),
        }
    }

    /// The format of this name, with the options that it takes.
    fn named(name: &str, page: &ProfilePageOptions, topics: &TopicsOptions) -> Option<Self> {
        let all = [
            Self::ProfilePage(page.clone()),
            Self::Csl,
            Self::Crossref,
            Self::OpenAlex,
            Self::Orcid,
            Self::DataCite,
            Self::PubMed,
            Self::Bibtex,
            Self::Ris,
            Self::Csv,
            Self::Topics(topics.clone()),
            Self::Ror,
            Self::Records,
        ];
        all.into_iter().find(|format| format.name() == name)
    }

    /// Whether its data come as folders or archives of many files.
    pub(super) fn reads_folders(&self) -> bool {
        !self.endings().is_empty()
    }

    /// What the names of its files end with in a folder, apart from how they are compressed; nothing where folders are
    /// not read.
    pub(super) fn endings(&self) -> &'static [&'static str] {
        match self {
            Self::ProfilePage(_) | Self::Csl | Self::Ror | Self::Records => &[],
            Self::Crossref => &["json", "jsonl", "ndjson"],
            Self::Bibtex => &["bib", "bibtex"],
            Self::Ris => &["ris"],
            Self::Csv => &["csv", "tsv"],
            Self::Topics(_) => &["rdf", "owl", "xml", "ttl", "nt", "jsonl", "json", "csv", "tsv"],
            Self::DataCite => &["json", "jsonl", "ndjson"],
            Self::PubMed => &["xml"],
            Self::Auto(..) => &[
                "", "json", "jsonl", "ndjson", "xml", "tar", "tgz", "bib", "bibtex", "ris", "csv", "tsv", "rdf", "owl",
                "ttl", "nt", "txt",
            ],
            Self::Orcid => &["json", "jsonl", "ndjson", "xml", "tar", "tgz"],
            // The files of the snapshot have no ending.
            Self::OpenAlex => &["json", "jsonl", "ndjson", ""],
        }
    }

    /// The names of folders of which nothing is read: what else the snapshot of OpenAlex has.
    pub(super) fn passes_over(&self) -> &'static [&'static str] {
        match self {
            Self::OpenAlex => &["awards", "concepts", "funders", "publishers", "sources"],
            _ => &[],
        }
    }
}
