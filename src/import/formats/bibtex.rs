//! BibTeX and BibLaTeX libraries. Entries are parsed one by one, so that a malformed entry does not affect the others.

mod entries;
mod latex;

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use biblatex::{ChunksExt as _, Person, RawBibliography, RawChunk};

use crate::import::formats::bibtex::entries::{EntrySplitter, SplitEntry};
use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::bibliographic_details::split_keywords;
use crate::import::normalize::{author_list, dblp_name, field_parsing};
use crate::model::identifier::{ArxivId, Doi};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, PaperRecord, PaperType, Record};
use crate::text::names::{self, AuthorField};

/// Maximum size of a field or abbreviation after expansion; nested `@string` definitions can grow exponentially.
const MAX_EXPANDED_BYTES: usize = 1 << 20;
/// Maximum total size of entries that are buffered for cross-references.
const MAX_BUFFERED_BYTES: usize = 64 << 20;
/// Maximum length of a chain of `crossref` and `xdata` references.
const MAX_CROSSREF_DEPTH: usize = 8;

/// The fields that are imported; malformed values of other fields are ignored.
const KNOWN_FIELDS: [&str; 43] = [
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
struct BibtexEntry {
    line: usize,
    entry_type: String,
    key: String,
    fields: HashMap<String, String>,
    warnings: Vec<String>,
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

/// BibTeX and BibLaTeX libraries.
#[derive(Debug)]
pub(crate) struct BibtexFormat;

impl Format for BibtexFormat {
    fn name(&self) -> &'static str {
        "bibtex"
    }

    fn help(&self) -> &'static str {
        "BibTeX and BibLaTeX libraries"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::ReferenceManager
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["bib", "bibtex"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        match head.content_kind {
            ContentKind::Bibtex => true,
            ContentKind::Text => has_entry(head.text),
            _ => false,
        }
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, sink)
    }
}

/// Whether a line of a text file starts an entry; libraries often start with comments.
fn has_entry(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start);
    lines.any(|line| line.starts_with(b"@") && (line.contains(&b'{') || line.contains(&b'(')))
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let mut entries = EntrySplitter::new(reader);
    let mut library = BibtexLibrary::default();
    while let Some(entry) = entries.next_entry()? {
        match entry {
            SplitEntry::Complete { line, text, warnings } => library.add_raw_entry(line, &text, warnings, sink)?,
            SplitEntry::Malformed { line, reason } => sink.push_invalid(line, reason)?,
        }
    }
    library.finish(sink)
}

#[derive(Default)]
struct BibtexLibrary {
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
    fn add_raw_entry(
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
    fn expand_abbreviations(&self, field: &biblatex::Field<'_>) -> Result<(String, Vec<String>), String> {
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

    fn finish(mut self, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
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

fn paper_record(entry: &BibtexEntry, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
    let raw = |name: &str| entry.fields.get(name).map(String::as_str).filter(|text| !text.trim().is_empty());
    let mut text =
        |name: &str| raw(name).map(|text| latex::latex_to_text(name, text, warnings)).filter(|text| !text.is_empty());
    let title = text("title").ok_or("it has no title")?;
    let title = match text("subtitle") {
        Some(subtitle) => format!("{title}: {subtitle}"),
        None => title,
    };
    let venue = ["journaltitle", "journal", "booktitle", "maintitle", "eventtitle", "howpublished"];
    let venue_name = venue.iter().find_map(|name| text(name)).filter(|venue| !venue.contains("://"));
    let publisher_name = publisher_fields(&entry.entry_type).iter().find_map(|name| text(name));
    let (volume, number, issue) = (text("volume"), text("number"), text("issue"));
    // The number of a book is that of the series, which has volumes or numbers. Of a journal, `issue` is a title, such as
    // "Spring".
    let (volume, issue) = match paper_type(&entry.entry_type, false) {
        PaperType::Book | PaperType::BookChapter if volume.is_none() => (number, issue),
        _ => (volume, number.or(issue)),
    };
    let pages = text("pages");
    let article_number = ["eid", "articleno", "article-number"].iter().find_map(|name| text(name));
    let edition = text("edition");
    let issns = ["issn", "eissn"].iter().filter_map(|name| text(name)).collect();
    let isbns = text("isbn").into_iter().collect();
    let keywords = ["keywords", "keyword", "author_keywords"].iter().find_map(|name| text(name));
    let abstract_text = text("abstract").unwrap_or_default();
    let language = text("langid").or_else(|| text("language")).and_then(|name| field_parsing::language_tag(&name));
    let dates = [text("date"), text("year"), text("month"), text("day")];
    let eprint_kind = text("eprinttype").or_else(|| text("archiveprefix")).unwrap_or_default().to_lowercase();
    let (doi, eprint, url, pmid) = (text("doi"), text("eprint"), text("url"), text("pmid"));
    let arxiv_id = eprint.filter(|id| eprint_kind == "arxiv" || id.to_lowercase().starts_with("arxiv:"));
    let arxiv_id = field_parsing::parse_identifier::<ArxivId>(arxiv_id.as_deref(), warnings);
    // dblp writes the arXiv id of a preprint as the volume of CoRR.
    let in_volume = || raw("volume")?.trim().strip_prefix("abs/")?.parse::<ArxivId>().ok();
    let arxiv_id = arxiv_id.or_else(in_volume);
    // The first of several URLs.
    let url = url.and_then(|url| url.split([' ', ';', ',']).next().map(ToOwned::to_owned));
    let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
    Ok(PaperRecord {
        title,
        abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
        abstract_text: LocalizedText::new(tag.as_ref(), abstract_text),
        publication_date: publication_date(dates.each_ref().map(Option::as_deref), warnings),
        paper_type: paper_type(&entry.entry_type, arxiv_id.is_some()),
        venue_name,
        volume,
        issue,
        pages,
        article_number,
        edition,
        publisher_name,
        issns,
        isbns,
        keywords: keywords.map(|text| split_keywords(&text)).unwrap_or_default(),
        language,
        doi: field_parsing::parse_identifier::<Doi>(doi.as_deref(), warnings),
        arxiv_id,
        url,
        identifiers: field_parsing::scheme_identifier("pmid", pmid).into_iter().collect(),
        authors: raw("author").map(|text| author_records(text, warnings)).unwrap_or_default(),
        ..PaperRecord::default()
    })
}

/// Returns the fields that may name the publisher, the first one first. Google Scholar gives the publisher of
/// proceedings as their organization.
fn publisher_fields(entry_type: &str) -> &'static [&'static str] {
    match paper_type(entry_type, false) {
        PaperType::Thesis => &["school", "institution", "publisher", "organization"],
        PaperType::Report => &["institution", "school", "publisher", "organization"],
        _ => &["publisher", "organization", "institution", "school"],
    }
}

/// Returns the paper of the first entry in a text, without warnings.
pub(crate) fn first_entry(text: &str) -> Option<PaperRecord> {
    if text.len() > MAX_EXPANDED_BYTES {
        return None;
    }
    let text = text.get(text.find('@')?..)?;
    let prepared = latex::prepare_entry(text);
    let raw = RawBibliography::parse(&prepared).ok()?;
    let entry = &raw.entries.first()?.v;
    let library = BibtexLibrary::default();
    let fields = entry.fields.iter().filter_map(|field| {
        let (value, _) = library.expand_abbreviations(&field.value.v).ok()?;
        Some((field.key.v.to_lowercase(), value)).filter(|(name, _)| KNOWN_FIELDS.contains(&name.as_str()))
    });
    let entry = BibtexEntry {
        line: 0,
        entry_type: entry.kind.v.to_lowercase(),
        key: entry.key.v.to_owned(),
        fields: fields.collect(),
        warnings: Vec::new(),
    };
    paper_record(&entry, &mut Vec::new()).ok()
}

/// Returns the date in the fields `date`, `year`, `month` and `day`.
fn publication_date([date, year, month, day]: [Option<&str>; 4], warnings: &mut Vec<String>) -> Option<PartialDate> {
    if let Some(date) = date.and_then(|date| field_parsing::parse_date(date, warnings)) {
        return Some(date);
    }
    let in_year = field_parsing::parse_date(year?, warnings)?;
    // Some programs write the whole date as the year. `2001-02` may be two years.
    if in_year.day().is_some() {
        return Some(in_year);
    }
    let year: i64 = in_year.year().into();
    let (month, in_month) = field_parsing::month_and_day(month.unwrap_or_default());
    let day = day.map_or(in_month, |day| day.trim().parse().ok());
    field_parsing::date_or_year(year, month, day, warnings)
}

fn paper_type(entry_type: &str, is_on_arxiv: bool) -> PaperType {
    match entry_type {
        "article" | "suppperiodical" | "review" => PaperType::Article,
        "inproceedings" | "conference" => PaperType::ConferencePaper,
        "book" | "mvbook" | "collection" | "mvcollection" | "proceedings" | "mvproceedings" | "reference"
        | "mvreference" | "booklet" => PaperType::Book,
        "incollection" | "inbook" | "bookinbook" | "suppbook" | "suppcollection" | "inreference" => {
            PaperType::BookChapter
        }
        "phdthesis" | "mastersthesis" | "thesis" => PaperType::Thesis,
        "techreport" | "report" => PaperType::Report,
        "dataset" => PaperType::Dataset,
        _ if is_on_arxiv => PaperType::Preprint,
        _ => PaperType::Other,
    }
}

fn author_records(text: &str, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    let mut text = text.trim().to_owned();
    if let Some(before) = author_list::strip_et_al(&text) {
        warnings.push("the authors end with 'et al.': the list is truncated".to_owned());
        text = before.to_owned();
    }
    // Some exporters separate names by semicolons; in `&eacute;` a semicolon ends a character reference.
    if text.contains(';') && !text.contains(" and ") && !text.contains('&') {
        text = text.replace(';', " and ");
    }
    let text = lower_conjunctions(&text);
    let Some(people) = latex::parse_chunks("author", &text).and_then(|chunks| chunks.parse::<Vec<Person>>().ok())
    else {
        warnings.push("the authors cannot be parsed and were ignored".to_owned());
        return Vec::new();
    };
    let mut authors = Vec::new();
    for person in people {
        let Some(author) = author_record(&person, u32::try_from(authors.len() + 1).ok()) else { continue };
        if author.name == "others" {
            warnings.push("the authors end with 'others': the list is truncated".to_owned());
            continue;
        }
        authors.push(author);
    }
    authors
}

/// Lowers the "AND" between names, which BibTeX accepts in any case. In braces it is part of a name.
fn lower_conjunctions(text: &str) -> String {
    let mut lowered = String::with_capacity(text.len());
    let mut depth = 0_usize;
    for word in text.split_inclusive(char::is_whitespace) {
        let name = word.trim_end();
        let is_conjunction = depth == 0 && name.eq_ignore_ascii_case("and");
        lowered.push_str(if is_conjunction { "and" } else { name });
        lowered.push_str(&word[name.len()..]);
        depth = (depth + name.matches('{').count()).saturating_sub(name.matches('}').count());
    }
    lowered
}

/// Returns the author for a name that BibTeX's rules have split, or `None` if it is empty. These rules know one suffix,
/// between commas; what they mistake for it is read as the text that it was.
fn author_record(person: &Person, position: Option<u32>) -> Option<AuthorRecord> {
    let part = |text: &str| Some(latex::strip_commands(text)).filter(|text| !text.is_empty());
    let (given, suffix) = (part(&person.given_name), part(&person.suffix));
    let family = field_parsing::join_name_parts(&[part(&person.prefix).as_deref(), part(&person.name).as_deref()]);
    let with_commas = || {
        let parts = [family.as_deref(), suffix.as_deref(), given.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let is_list = given.is_some() && names::parse_author_field(&with_commas()) != AuthorField::One(with_commas());
    let is_misplaced = suffix.as_deref().is_some_and(|suffix| !names::is_suffix_after_comma(suffix));
    if is_list || is_misplaced {
        return Some(author_list::author_from_text(position, &with_commas()));
    }
    let name = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref(), suffix.as_deref()])?;
    // dblp tells people of one name apart by a number behind the name.
    if let Some(plain) = dblp_name::strip_homonym_number(&name) {
        let identifiers = dblp_name::homonym_identifier(&name).into_iter().collect();
        return Some(AuthorRecord { identifiers, ..author_list::author_from_text(position, plain) });
    }
    // In "Brook I.M." the family name is first, and in braces a name may have a suffix of its own.
    if names::split_final_initials(&name, true).is_some() || given.is_none() && names::split_suffix(&name).is_some() {
        return Some(author_list::author_from_text(position, &name));
    }
    Some(AuthorRecord { position, name, given_name: given, family_name: family, ..AuthorRecord::default() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::import::test_support::{papers, read_bytes};

    fn names(paper: &PaperRecord) -> Vec<&str> {
        paper.authors.iter().map(|author| author.name.as_str()).collect()
    }

    #[test]
    fn accents_and_particles() {
        let text = r#"@article{k, title = {The {\TeX}book~and \emph{others}: ``a study''}, year = 1999, month = 15 # "~" # nov,
            author = {B{\"u}nz, J{\'\i}n and van der Berg, Ida and {Free Foundation} and Ford, Jr., Tom and \v{S}imon \O{}st and others}}"#;
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.title, "The TeXbook and others: “a study”");
        assert_eq!(names(&paper), ["Jín Bünz", "Ida van der Berg", "Free Foundation", "Tom Ford Jr.", "Šimon Øst"]);
        assert_eq!(paper.authors[1].family_name.as_deref(), Some("van der Berg"));
        assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("1999-11-15"));
        assert_eq!(paper.source_id.as_deref(), Some("k"));
        assert_eq!(outcome.messages(), ["1: warning: the authors end with 'others': the list is truncated"]);
    }

    #[test]
    fn commands_that_stand_for_themselves() {
        let plain = |text: &str| latex::latex_to_text("title", text, &mut Vec::new());
        assert_eq!(plain("{\\BibTeX} tips and {\\TUG}, {\\em done}"), "BibTeX tips and TUG, done");
        assert_eq!(plain("Profit \\& loss: 5\\%"), "Profit & loss: 5%");
    }

    #[test]
    fn formulas() {
        let plain = |text: &str| latex::latex_to_text("title", text, &mut Vec::new());
        let title = r"The $\alpha$-helix in $\mathbb{R}^n$ with $O(n \log n)$ time, $\geq 5$";
        assert_eq!(plain(title), "The α-helix in R^n with O(n log n) time, ≥5");
        assert_eq!(plain(r"10\,{\textmu}m and \frac{1}{2}, for \$5 to \$10"), "10 µm and 1/2, for $5 to $10");
        let mut warnings = Vec::new();
        assert_eq!(latex::latex_to_text("title", r"A \emph{good} \wombat day", &mut warnings), "A good day");
        assert_eq!(warnings, [r"its title has unknown LaTeX commands, such as '\wombat'; they were ignored"]);
        let doi = |text: &str| latex::latex_to_text("doi", text, &mut Vec::new());
        assert_eq!(doi(r"10.1007/978-3-319-24574-4{\_}28"), "10.1007/978-3-319-24574-4_28");
        assert_eq!(doi(r"10.1002/a\_b{\textless}1::c"), "10.1002/a_b<1::c");
    }

    #[test]
    fn commands_end_with_their_formula_or_group() {
        let plain = |text: &str| latex::latex_to_text("title", text, &mut Vec::new());
        assert_eq!(plain(r"From $\lesssim$GeV to $\gtrsim$TeV"), "From ≲GeV to ≳TeV");
        assert_eq!(plain(r"A $\wombat$Big {\wombat}result of $\Wombat$s"), "A Big result of Wombats");
        assert_eq!(plain(r"$\less$i$\greater$Lutra$\less$/i$\greater$"), "<i>Lutra</i>");
    }

    #[test]
    fn arguments_that_are_not_printed() {
        let text = r#"@article{a, title = {{\noopsort{Reeds}}The \noopsort{b {nested}}rushes\hspace{2em}grow}, year = "{\noopsort{1973a}}1981",
            author = {{\noopsort{Brook}}van den Brook, Ida and {\textcommabelow S}erban, {\textcommabelow{t}}efan}}"#;
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.title, "The rushes grow");
        assert_eq!(paper.publication_date.map(PartialDate::year), Some(1981));
        assert_eq!(names(&paper), ["Ida van den Brook", "țefan Șerban"]);
        assert_eq!(outcome.messages(), Vec::<String>::new());
    }

    #[test]
    fn quotation_marks_inside_braces() {
        let text = r##"@string{w = "{"W"} Letters"}
            @article{a, title = "{The "wide" weir}", journal = w, year = 1990}
            @article{b, title = "A {"}wide{"} weir", journal = "The {\"O}land " # "{"Times"}", year = "1991"}
            @article{c, title = "An {\"o}pen "# {weir "c"}, year = {1992}}
            @article{d, title = "An {unclosed" weir", year = 1993}"##;
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let read: Vec<(String, Option<String>)> =
            papers(&outcome).into_iter().map(|paper| (paper.title, paper.venue_name)).collect();
        let expected = [
            ("The \"wide\" weir", Some("\"W\" Letters")),
            ("A \"wide\" weir", Some("The Öland \"Times\"")),
            ("An öpen weir \"c\"", None),
        ];
        assert_eq!(read, expected.map(|(title, venue)| (title.to_owned(), venue.map(ToOwned::to_owned))));
        assert_eq!(outcome.messages().len(), 1, "{:?}", outcome.messages());
    }

    #[test]
    fn entries_in_parentheses() {
        let text = "@string(w = \"Waters (old)\")\n@article(a, title = \"Weirs :) of {(the} \\\"Oland\",\n journal = w,\n year = 1999\n)\n\
            @book (b, title={Locks (wide)}, year=2000)@book{c, title={Dams :)}, year=2001}\n@comment(a note)\n@misc(d, title=\"A (b\")";
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let read: Vec<(String, Option<String>)> =
            papers(&outcome).into_iter().map(|paper| (paper.title, paper.venue_name)).collect();
        let expected = [
            ("Weirs :) of (the Öland", Some("Waters (old)")),
            ("Locks (wide)", None),
            ("Dams :)", None),
            ("A (b", None),
        ];
        assert_eq!(read, expected.map(|(title, venue)| (title.to_owned(), venue.map(ToOwned::to_owned))));
        assert_eq!(outcome.messages(), Vec::<String>::new());
    }

    #[test]
    fn homonyms_of_dblp() {
        let text = "@article{a, title={A}, author={Wei Brook 0044 and Ida Brook}}";
        let authors = papers(&read_bytes(&BibtexFormat, text.as_bytes())).remove(0).authors;
        assert_eq!((authors[0].name.as_str(), authors[1].identifiers.len()), ("Wei Brook", 0));
        let id = &authors[0].identifiers[0];
        assert_eq!((id.scheme.as_str(), id.value.as_str()), ("dblp-name", "Wei Brook 0044"));
    }

    #[test]
    fn html_in_fields() {
        let text = r#"@article{a, title = {$\less$p$\greater$Eels of <i>Lutra</i> rivers at {\textless}5 m {\&} H<sub>2</sub>O$\less$/p$\greater$},
            journal = {Soil {\&}amp$\mathsemicolon$ Water}, author = {Anonymous and Brook, Ida}, abstract = {&lt;p&gt;Reeds &amp;amp; rushes.&lt;/p&gt;}}"#;
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.title, "Eels of Lutra rivers at <5 m & H2O");
        assert_eq!(paper.venue_name.as_deref(), Some("Soil & Water"));
        assert_eq!(paper.abstract_text.iter().next(), Some(("und", "Reeds & rushes.")));
        assert_eq!((names(&paper), paper.authors[0].position), (vec!["Ida Brook"], Some(1)));
    }

    #[test]
    fn lists_of_authors() {
        let text = "@article{a, title={A}, author={Smith, Jo and others et al.}}\n@article{b, title={B}, author={Smith, Jo; Doe, Kim}}\n\
            @article{c, title={C}, author={Smith, Jo, et al.}}\n@article{d, title={D}, author={Harry L. {Baldwin, Jr.}}}\n\
            @article{e, title={E}, author={G{\\\"o}del, Kurt}}\n@article{f, title={F}, author={İİİİİ Şahin ET AL.}}";
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let papers = papers(&outcome);
        let names: Vec<Vec<&str>> = papers.iter().map(names).collect();
        assert_eq!(
            names,
            [
                vec!["Jo Smith"],
                vec!["Jo Smith", "Kim Doe"],
                vec!["Jo Smith"],
                vec!["Harry L. Baldwin Jr."],
                vec!["Kurt Gödel"],
                vec!["İİİİİ Şahin"]
            ]
        );
        assert_eq!(papers[3].authors[0].family_name.as_deref(), Some("Baldwin"));
    }

    #[test]
    fn styles_of_author_fields() {
        for (field, expected) in [
            ("Brook, Ida AND Ford, Tom", vec!["Ida Brook|Brook", "Tom Ford|Ford"]),
            (
                "Ida Brook And Tom Ford and {Fish AND Chips}",
                vec!["Ida Brook|Brook", "Tom Ford|Ford", "Fish AND Chips|"],
            ),
            ("Brook, I. M., Jr. and Ford, Jr., Tom", vec!["I. M. Brook Jr.|Brook", "Tom Ford Jr.|Ford"]),
            ("{Brook, Ida M., Jr} and Ford, Tom", vec!["Ida M. Brook Jr|Brook", "Tom Ford|Ford"]),
            ("Brook, I.M., Ford, T., Ferry, U.", vec!["I.M. Brook|Brook", "T. Ford|Ford", "U. Ferry|Ferry"]),
            ("Ida Brook, Tom Ford, Uma Ferry", vec!["Ida Brook|", "Tom Ford|", "Uma Ferry|"]),
            ("Brook I.M. and van der Ford T.", vec!["I.M. Brook|Brook", "T. van der Ford|van der Ford"]),
            ("Brook IM and Ford T", vec!["IM Brook|Brook", "T Ford|Ford"]),
            ("Ida Brook 0044 and Tom Ford", vec!["Ida Brook|", "Tom Ford|Ford"]),
            ("{Water Survey, Dept. of Levels} and Ford, Tom", vec!["Water Survey, Dept. of Levels|", "Tom Ford|Ford"]),
            ("Brook, Ida, Ford, Tom", vec!["Brook, Ida, Ford, Tom|"]),
        ] {
            let outcome =
                read_bytes(&BibtexFormat, format!("@article{{a, title={{A}}, author={{{field}}}}}").as_bytes());
            let with_family = |author: &AuthorRecord| {
                let family = author.family_name.as_deref().filter(|family| *family != author.name);
                format!("{}|{}", author.name, family.unwrap_or_default())
            };
            let authors: Vec<String> = papers(&outcome)[0].authors.iter().map(with_family).collect();
            assert_eq!(authors, expected, "{field}: {:?}", outcome.messages());
        }
    }

    #[test]
    fn dates_of_biblatex() {
        let date = |fields: &str| {
            let outcome = read_bytes(&BibtexFormat, format!("@book{{a, title={{A}}, {fields}}}").as_bytes());
            papers(&outcome)[0].publication_date.map(|date| date.to_string()).unwrap_or_default()
        };
        assert_eq!(date("date={2004-06/2005-02}"), "2004-06");
        assert_eq!(date("date={1723~}"), "1723");
        assert_eq!(date("year={1991-92}"), "1991");
        assert_eq!(date("year={2014-03-26}"), "2014-03-26");
        assert_eq!(date("year=1999, month={March--April}"), "1999-03");
        assert_eq!(date("year={in press}"), "");
    }

    #[test]
    fn preprints_of_dblp_and_google_scholar() {
        for fields in [
            "journal={CoRR}, volume={abs/2301.00001}",
            "journal={CoRR}, eprinttype={arXiv}, eprint={2301.00001}",
            "journal={arXiv preprint arXiv:2301.00001}",
        ] {
            let outcome = read_bytes(&BibtexFormat, format!("@article{{a, title={{A}}, {fields}}}").as_bytes());
            let paper = papers(&outcome).remove(0);
            assert_eq!(paper.paper_type, PaperType::Preprint, "{fields}");
            assert_eq!(paper.arxiv_id.as_ref().map(ArxivId::as_str), Some("2301.00001"), "{fields}");
        }
    }

    #[test]
    fn strings_and_crossrefs() {
        let text = "junk before\n@string{w = \"Waters\"}\n@STRING{jw = {Journal of } # w}\n\
            @inproceedings{a, title={Weirs}, author={Ida Brook}, crossref={P}}\n\
            @article{b, title={Locks}, journal = jw, year = {1990}}\n\
            @article{c, title={Dams}, journal = nowhere, year = 1991}\n\
            @proceedings{p, title={Proceedings of Rivers}, year=2001}\n\
            @inproceedings{d, title={Lost}, crossref={q}}\n";
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let venues: Vec<(String, Option<String>)> =
            papers(&outcome).into_iter().map(|paper| (paper.title, paper.venue_name)).collect();
        let expected = [
            ("Locks", Some("Journal of Waters")),
            ("Dams", Some("nowhere")),
            ("Proceedings of Rivers", None),
            ("Weirs", Some("Proceedings of Rivers")),
            ("Lost", None),
        ];
        assert_eq!(venues, expected.map(|(title, venue)| (title.to_owned(), venue.map(ToOwned::to_owned))));
        assert_eq!(papers(&outcome)[3].publication_date.map(PartialDate::year), Some(2001));
        assert_eq!(
            outcome.messages(),
            [
                "6: warning: the abbreviation 'nowhere' is not defined; its name was used",
                "8: warning: the entry 'q' that it references is not in the file",
            ]
        );
    }

    #[test]
    fn a_malformed_entry_does_not_affect_the_others() {
        let text = "@article{a, title={Weirs}, year=1990}\n@article{b, title={Locks, year=1990}\n@article{c, title={Dams}}\n\
            @article{d, title = }\n@article{e, year=1990}\n@article{a, title={Again}}\n@book{f, title={US$ 5}}\n@article{g, title={Cut";
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Weirs", "Dams", "Again", "US$ 5"]);
        let messages = outcome.messages();
        assert_eq!(messages.len(), 5, "{messages:#?}");
        assert_eq!(messages[0], "2: invalid record: the entry that starts here is not closed before the next one");
        assert!(messages[1].starts_with("4: invalid record: the entry cannot be parsed"), "{}", messages[1]);
        assert_eq!(messages[2], "5: invalid record: it has no title");
        assert_eq!(
            messages[3],
            "6: warning: the key 'a' is used twice in the file; this entry is imported without a key"
        );
        assert_eq!(messages[4], "8: invalid record: the entry that starts here is not closed; the file is truncated");
    }

    #[test]
    fn latin_1() {
        let outcome = read_bytes(
            &BibtexFormat,
            b"@article{a, title={Les rivi\xe8res}, author={Andr\xe9 Pont}}\n@article{b, title={\xc3\xa9}}",
        );
        let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
        assert_eq!(titles, ["Les rivières", "é"]);
        assert_eq!(outcome.messages(), ["1: warning: it is not UTF-8 and was read as Windows-1252"]);
    }

    #[test]
    fn exponential_abbreviations() {
        let mut text = "@string{a0 = {0123456789}}\n@string{me = me}\n".to_owned();
        for n in 1..60 {
            text.push_str(&format!("@string{{a{n} = a{} # a{}}}\n", n - 1, n - 1));
        }
        text.push_str("@article{x, title = a59}\n@article{y, title = me}\n@article{z, title = {Fine}}");
        let outcome = read_bytes(&BibtexFormat, text.as_bytes());
        assert_eq!(papers(&outcome).last().map(|paper| paper.title.clone()).as_deref(), Some("Fine"));
        assert!(
            outcome.messages().iter().any(|line| line.ends_with("its abbreviations expand to more than 1 MiB of text"))
        );
    }

    #[test]
    fn deep_and_many_braces() {
        let deep = format!("@article{{d, title = {{{}x{}}}}}\n", "{".repeat(100_000), "}".repeat(100_000));
        let commands = format!("@article{{e, title = {{{}x{}}}}}\n", "\\a{".repeat(50_000), "}".repeat(50_000));
        let many = format!("@article{{f, title = {{{}}}}}\n", "{}".repeat(200_000));
        let outcome =
            read_bytes(&BibtexFormat, format!("{deep}{commands}{many}@article{{z, title = {{Fine}}}}").as_bytes());
        assert_eq!(papers(&outcome).len(), 1);
        assert_eq!(outcome.messages().len(), 3, "{:?}", outcome.messages());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(@[a-z]{0,7}[{(]?|[a-z]{1,3}|=|[{}\"#,$\\\\~%]|\\\\['\"a-z^]|and| |\n|é|[0-9]-?){0,60}") {
            read_bytes(&BibtexFormat, format!("@article{{k, title={{T}}, author={{{text}}}, year = {{{text}}}}}\n{text}").as_bytes());
            read_bytes(&BibtexFormat, text.as_bytes());
        }
    }
}
