//! The entries of a library: abbreviations are expanded, and fields inherited from referenced entries.

use std::collections::{HashMap, HashSet};

use biblatex::{RawBibliography, RawChunk};

use crate::import::formats::bibtex::latex;
use crate::import::formats::bibtex::paper::paper_record;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing;
use crate::model::record::Record;

/// Maximum size of a field or abbreviation after expansion; nested `@string` definitions can grow exponentially.
pub(super) const MAX_EXPANDED_BYTES: usize = 1 << 20;

/// Maximum total size of entries that are buffered for cross-references.
const MAX_BUFFERED_BYTES: usize = 64 << 20;

/// Maximum length of a chain of `crossref` and `xdata` references.
const MAX_CROSSREF_DEPTH: usize = 8;

/// The fields that are imported; malformed values of other fields are ignored.
pub(super) const KNOWN_FIELDS: [&str; 43] = [
    "title",
    "subtitle",
    "author",
    "year",
    "date",
    "month",
    "day",
    "journal",
    "journaltitle",
    "booktitle",
    "maintitle",
    "eventtitle",
    "howpublished",
    "school",
    "institution",
    "doi",
    "url",
    "eprint",
    "eprinttype",
    "archiveprefix",
    "pmid",
    "abstract",
    "langid",
    "language",
    "crossref",
    "xdata",
    "pubstate",
    "volume",
    "number",
    "issue",
    "pages",
    "eid",
    "articleno",
    "article-number",
    "edition",
    "publisher",
    "organization",
    "issn",
    "eissn",
    "isbn",
    "keywords",
    "keyword",
    "author_keywords",
];

/// The fields that an entry inherits from the entry that it references.
const INHERITED_FIELDS: [&str; 17] = [
    "year",
    "date",
    "month",
    "booktitle",
    "journal",
    "journaltitle",
    "maintitle",
    "eventtitle",
    "institution",
    "volume",
    "number",
    "edition",
    "publisher",
    "organization",
    "issn",
    "eissn",
    "isbn",
];

/// An entry after the expansion of abbreviations.
#[derive(Clone, Debug)]
pub(super) struct BibtexEntry {
    pub(super) line: usize,
    pub(super) entry_type: String,
    pub(super) key: String,
    pub(super) fields: HashMap<String, String>,
    pub(super) warnings: Vec<String>,
}

impl BibtexEntry {
    /// Returns the keys of the entries that it references.
    fn parent_keys(&self) -> Vec<String> {
        let xdata = self.fields.get("xdata").into_iter().flat_map(|keys| keys.split(','));
        let keys = self.fields.get("crossref").map(String::as_str).into_iter().chain(xdata);
        keys.map(|key| key.trim().to_lowercase()).filter(|key| !key.is_empty()).collect()
    }

    /// Whether other entries usually reference an entry of this type.
    fn is_possible_parent(&self) -> bool {
        matches!(
            self.entry_type.as_str(),
            "book"
                | "mvbook"
                | "collection"
                | "mvcollection"
                | "proceedings"
                | "mvproceedings"
                | "reference"
                | "mvreference"
                | "periodical"
                | "xdata"
                | "incollection"
                | "conference"
        )
    }

    fn size_bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + self.key.len() + 200
    }

    /// Copies the fields that it lacks from a referenced entry.
    fn inherit_from(&mut self, parent: &Self) {
        let takes_all = parent.entry_type == "xdata";
        for (name, value) in &parent.fields {
            if takes_all || INHERITED_FIELDS.contains(&name.as_str()) {
                self.fields.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        if let (false, Some(title)) = (takes_all, parent.fields.get("title")) {
            self.fields.entry("booktitle".to_owned()).or_insert_with(|| title.clone());
        }
    }
}

#[derive(Default)]
pub(super) struct BibtexLibrary {
    abbreviations: HashMap<String, String>,
    /// Entries that others may reference, by key.
    parents: HashMap<String, BibtexEntry>,
    buffered_bytes: usize,
    is_full: bool,
    /// Entries whose referenced entry follows later in the file, as BibTeX requires.
    pending: Vec<BibtexEntry>,
    seen_keys: HashSet<String>,
}

impl BibtexLibrary {
    pub(super) fn add_raw_entry(
        &mut self,
        line: usize,
        text: &str,
        warnings: Vec<String>,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        let entry_type = text[1..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
        if matches!(entry_type.as_str(), "comment" | "preamble") {
            return Ok(());
        }
        let prepared = latex::prepare_entry(text);
        let raw = match RawBibliography::parse(&prepared) {
            Ok(raw) => raw,
            Err(error) => return sink.push_invalid(line, format!("the entry cannot be parsed: {error}")),
        };
        if entry_type == "string" {
            for pair in &raw.abbreviations {
                match self.expand_abbreviations(&pair.value.v) {
                    Ok((text, _)) => {
                        self.abbreviations.insert(pair.key.v.to_lowercase(), text);
                    }
                    Err(reason) => sink.push_invalid(line, reason)?,
                }
            }
            return Ok(());
        }
        let Some(entry) = raw.entries.first() else {
            return sink.push_invalid(line, "it is not an entry".to_owned());
        };
        let mut resolved =
            BibtexEntry { line, entry_type, key: entry.v.key.v.to_owned(), fields: HashMap::new(), warnings };
        for field in &entry.v.fields {
            let name = field.key.v.to_lowercase();
            if !KNOWN_FIELDS.contains(&name.as_str()) {
                continue;
            }
            match self.expand_abbreviations(&field.value.v) {
                Ok((value, unknown)) => {
                    let note = |name| format!("the abbreviation '{name}' is not defined; its name was used");
                    resolved.warnings.extend(unknown.into_iter().map(note));
                    resolved.fields.insert(name, value);
                }
                Err(reason) => return sink.push_invalid(line, reason),
            }
        }
        self.add_entry(resolved, sink)
    }

    /// Returns the text of a field and the undefined abbreviations in it.
    pub(super) fn expand_abbreviations(&self, field: &biblatex::Field<'_>) -> Result<(String, Vec<String>), String> {
        let (mut text, mut unknown) = (String::new(), Vec::new());
        for chunk in field {
            match chunk.v {
                RawChunk::Normal(part) => text.push_str(part),
                RawChunk::Abbreviation(name) => match self.abbreviations.get(&name.to_lowercase()) {
                    Some(part) => text.push_str(part),
                    None => {
                        text.push_str(name);
                        if field_parsing::parse_month(name).is_none() && !name.chars().all(|c| c.is_ascii_digit()) {
                            unknown.push(name.to_owned());
                        }
                    }
                },
            }
            if text.len() > MAX_EXPANDED_BYTES {
                return Err("its abbreviations expand to more than 1 MiB of text".to_owned());
            }
        }
        Ok((text, unknown))
    }

    fn add_entry(&mut self, entry: BibtexEntry, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
        if entry.is_possible_parent() {
            self.buffered_bytes += entry.size_bytes();
            if self.buffered_bytes <= MAX_BUFFERED_BYTES {
                self.parents.entry(entry.key.to_lowercase()).or_insert_with(|| entry.clone());
            } else if !std::mem::replace(&mut self.is_full, true) {
                sink.push_note(
                    entry.line,
                    "too many entries to cache; fields inherited from later entries are missing".to_owned(),
                )?;
            }
        }
        let is_complete = entry.parent_keys().iter().all(|key| self.parents.contains_key(key));
        if is_complete {
            return self.emit_entry(entry, sink);
        }
        self.buffered_bytes += entry.size_bytes();
        if self.buffered_bytes > MAX_BUFFERED_BYTES {
            return self.emit_entry(entry, sink);
        }
        self.pending.push(entry);
        Ok(())
    }

    pub(super) fn finish(mut self, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
        for entry in std::mem::take(&mut self.pending) {
            self.emit_entry(entry, sink)?;
        }
        Ok(())
    }

    fn emit_entry(&mut self, mut entry: BibtexEntry, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
        // `xdata` and the others hold data for other entries, not papers.
        if matches!(entry.entry_type.as_str(), "xdata" | "set" | "control" | "bibnote") {
            return Ok(());
        }
        let mut parent_keys = entry.parent_keys();
        let mut seen = HashSet::from([entry.key.to_lowercase()]);
        for _ in 0..MAX_CROSSREF_DEPTH {
            let mut next = Vec::new();
            for key in std::mem::take(&mut parent_keys).into_iter().filter(|key| seen.insert(key.clone())) {
                match self.parents.get(&key) {
                    Some(parent) => {
                        entry.inherit_from(parent);
                        next.extend(parent.parent_keys());
                    }
                    None => entry.warnings.push(format!("the entry '{key}' that it references is not in the file")),
                }
            }
            parent_keys = next;
        }
        let is_new = self.seen_keys.insert(entry.key.clone());
        let mut warnings = std::mem::take(&mut entry.warnings);
        if !is_new {
            warnings.push(format!(
                "the key '{}' is used twice in the file; this entry is imported without a key",
                entry.key
            ));
        }
        match paper_record(&entry, &mut warnings) {
            Ok(mut paper) => {
                paper.source_id = Some(entry.key).filter(|_| is_new);
                sink.push_record(entry.line, Record::Paper(paper), warnings)
            }
            Err(reason) => sink.push_invalid(entry.line, reason),
        }
    }
}
