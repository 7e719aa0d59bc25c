//! SKOS vocabularies in RDF: concepts with their labels and broader concepts.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::BufRead;
use std::rc::Rc;

use oxrdf::{NamedOrBlankNode, Term, Triple};

use crate::import::formats::topics::VocabularyConcept;
use crate::import::formats::topics::guard::{TurtleGuard, XmlGuard};
use crate::import::io::decompress::{TranscodingReader, Utf8OrWindows1252};
use crate::import::io::lines::{NOT_UTF8_WARNING, format_size, unreadable_error};
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::model::concept_uri::{bare_uri, last_segments};
use crate::model::language::LocalizedText;
use crate::model::record::{Record, TopicReference};

const SKOS: &str = "http://www.w3.org/2004/02/skos/core#";
const RDF_TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
/// Maximum total size of buffered concepts; the statements about a concept may be anywhere in the file.
const MAX_BUFFERED_BYTES: usize = 512 << 20;
/// Maximum number of syntax errors before reading stops.
const MAX_SYNTAX_ERRORS: usize = 1_000;
/// The maximum length of an IRI that a message quotes.
const MAX_QUOTED_CHARS: usize = 200;

/// A concept, built from the statements read so far.
#[derive(Default)]
struct SkosConcept {
    iri: String,
    is_concept: bool,
    /// Whether the file declares its type.
    is_typed: bool,
    preferred: Vec<(Option<String>, String)>,
    alternative: Vec<(Option<String>, String)>,
    broader: Vec<usize>,
}

/// The concepts of a vocabulary, built from the statements read so far.
#[derive(Default)]
struct SkosVocabulary {
    index_by_iri: HashMap<String, usize>,
    concepts: Vec<SkosConcept>,
    buffered_bytes: usize,
}

pub(super) fn read_turtle(
    reader: &mut dyn BufRead,
    scheme: Option<&str>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let mut vocabulary = SkosVocabulary::default();
    let mut faults = 0;
    let mut outcome = Ok(());
    for triple in oxttl::TurtleParser::new().for_reader(TurtleGuard::new(reader)) {
        match triple {
            Ok(triple) => outcome = vocabulary.add_triple(&triple),
            Err(oxttl::TurtleParseError::Syntax(error)) => {
                let line = usize::try_from(error.location().start.line + 1).unwrap_or_default();
                let reason: String = error.message().chars().take(300).collect();
                sink.push_invalid(line, format!("a statement cannot be parsed: {reason}"))?;
                faults += 1;
                if faults >= MAX_SYNTAX_ERRORS {
                    let reason = format!("more than {MAX_SYNTAX_ERRORS} of its statements cannot be parsed");
                    outcome = Err(ReadAbort::Unreadable(line, reason));
                }
            }
            Err(oxttl::TurtleParseError::Io(error)) => outcome = Err(unreadable_error(0, &error)),
        }
        if outcome.is_err() {
            break;
        }
    }
    vocabulary.emit_concepts(scheme, sink)?;
    outcome
}

pub(super) fn read_rdf_xml(
    reader: &mut dyn BufRead,
    scheme: Option<&str>,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
    let encoding = declared_encoding(head);
    // The rest is UTF-8 after transcoding, regardless of the declaration.
    let declaration = xml_declaration(head).len();
    reader.consume(declaration);
    let has_invalid_utf8 = Rc::new(Cell::new(false));
    let source: Box<dyn std::io::Read + '_> = match encoding {
        Some(encoding) => Box::new(TranscodingReader::new(reader, encoding)),
        None => Box::new(Utf8OrWindows1252::new(reader, Rc::clone(&has_invalid_utf8))),
    };
    let mut vocabulary = SkosVocabulary::default();
    let mut outcome = Ok(());
    for triple in oxrdfxml::RdfXmlParser::new().for_reader(XmlGuard::new(source)) {
        outcome = match triple {
            Ok(triple) => vocabulary.add_triple(&triple),
            Err(oxrdfxml::RdfXmlParseError::Syntax(error)) => {
                let reason: String = error.to_string().chars().take(300).collect();
                Err(ReadAbort::Unreadable(0, format!("its rest cannot be parsed as RDF/XML: {reason}")))
            }
            Err(oxrdfxml::RdfXmlParseError::Io(error)) => Err(unreadable_error(0, &error)),
        };
        if outcome.is_err() {
            break;
        }
    }
    let is_empty = vocabulary.concepts.is_empty();
    if has_invalid_utf8.get() {
        sink.push_note(0, NOT_UTF8_WARNING.to_owned())?;
    }
    vocabulary.emit_concepts(scheme, sink)?;
    match outcome {
        Ok(()) if is_empty => Err(ReadAbort::Unreadable(0, "it has no SKOS concepts".to_owned())),
        outcome => outcome,
    }
}

/// Returns the byte order mark and the XML declaration, if present.
fn xml_declaration(head: &[u8]) -> &[u8] {
    let mark = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let end = head[mark..].windows(2).position(|end| end == b"?>").filter(|_| head[mark..].starts_with(b"<?xml "));
    &head[..end.map_or(mark, |end| mark + end + 2)]
}

/// Returns the encoding that the XML declaration names, unless it is UTF-8 or UTF-16; UTF-16 is already transcoded.
fn declared_encoding(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let declaration = String::from_utf8_lossy(xml_declaration(head));
    let label = declaration.split("encoding=").nth(1)?;
    let label = label.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?;
    let is_another = |encoding: &&encoding_rs::Encoding| {
        ![encoding_rs::UTF_8, encoding_rs::UTF_16LE, encoding_rs::UTF_16BE].contains(encoding)
    };
    encoding_rs::Encoding::for_label(label.as_bytes()).filter(is_another)
}

impl SkosVocabulary {
    fn concept_index(&mut self, address: &str) -> usize {
        if let Some(index) = self.index_by_iri.get(address) {
            return *index;
        }
        let index = self.concepts.len();
        self.buffered_bytes += 2 * address.len() + 200;
        self.index_by_iri.insert(address.to_owned(), index);
        self.concepts.push(SkosConcept { iri: address.to_owned(), ..SkosConcept::default() });
        index
    }

    fn add_triple(&mut self, triple: &Triple) -> Result<(), ReadAbort> {
        let NamedOrBlankNode::NamedNode(subject) = &triple.subject else { return Ok(()) };
        let predicate = triple.predicate.as_str();
        match (predicate.strip_prefix(SKOS), &triple.object) {
            (Some(name @ ("prefLabel" | "altLabel")), Term::Literal(label)) => {
                let index = self.concept_index(subject.as_str());
                let label = (label.language().map(ToOwned::to_owned), label.value().to_owned());
                self.buffered_bytes += label.1.len() + 80;
                let concept = &mut self.concepts[index];
                if name == "prefLabel" { concept.preferred.push(label) } else { concept.alternative.push(label) }
            }
            (Some(name @ ("broader" | "narrower")), Term::NamedNode(object)) => {
                let (subject_index, object_index) =
                    (self.concept_index(subject.as_str()), self.concept_index(object.as_str()));
                let (narrower, broader_concept) =
                    if name == "broader" { (subject_index, object_index) } else { (object_index, subject_index) };
                self.buffered_bytes += 8;
                self.concepts[narrower].is_concept = true;
                self.concepts[broader_concept].is_concept = true;
                if !self.concepts[narrower].broader.contains(&broader_concept) {
                    self.concepts[narrower].broader.push(broader_concept);
                }
            }
            (None, Term::NamedNode(object))
                if predicate == RDF_TYPE && object.as_str().strip_prefix(SKOS) == Some("Concept") =>
            {
                let index = self.concept_index(subject.as_str());
                self.concepts[index].is_concept = true;
                self.concepts[index].is_typed = true;
            }
            _ => {}
        }
        if self.buffered_bytes > MAX_BUFFERED_BYTES {
            return Err(ReadAbort::Unreadable(
                0,
                format!("its labels are larger than {}; split the vocabulary", format_size(MAX_BUFFERED_BYTES)),
            ));
        }
        Ok(())
    }

    /// Pushes the concepts in the order in which the file first mentions them.
    fn emit_concepts(mut self, scheme: Option<&str>, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
        let closing = self.remove_cycles();
        let codes = self.codes(scheme);
        for (index, concept) in self.concepts.iter().enumerate() {
            let is_named = !concept.preferred.is_empty() || !concept.alternative.is_empty();
            // A concept that is only mentioned as broader is described elsewhere; resources that are not concepts have
            // labels, too.
            if !concept.is_concept || !is_named {
                if concept.is_typed {
                    let address: String = concept.iri.chars().take(MAX_QUOTED_CHARS).collect();
                    sink.push_invalid(0, format!("the concept <{address}> has no prefLabel and no altLabel"))?;
                }
                continue;
            }
            let (vocabulary, _) = split_iri(&concept.iri);
            let broader = concept.broader.iter().map(|index| self.topic_reference(*index, &codes[*index], scheme));
            let scheme = scheme.unwrap_or(vocabulary);
            let warnings = closing.get(&index).into_iter().flatten().map(|broader| self.cycle_warning(*broader, index));
            let warnings = warnings.collect();
            let concept = VocabularyConcept {
                code: codes[index].clone(),
                uri: Some(concept.iri.clone()),
                preferred: concept.preferred.clone(),
                alternative: concept.alternative.clone(),
                broader: broader.collect(),
            };
            sink.push_record(0, Record::Topic(concept.into_record(scheme)), warnings)?;
        }
        Ok(())
    }

    /// Removes the statements by which a concept would be above itself. Returns the removed broader concepts of each
    /// concept that had some.
    fn remove_cycles(&mut self) -> HashMap<usize, Vec<usize>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Visit {
            Not,
            Open,
            Done,
        }
        let mut visits = vec![Visit::Not; self.concepts.len()];
        let mut closing: HashMap<usize, Vec<usize>> = HashMap::new();
        for start in 0..self.concepts.len() {
            // The concepts from the start up, each with the number of its broader concepts that were visited.
            let mut path = if visits[start] == Visit::Not { vec![(start, 0)] } else { Vec::new() };
            while let Some((concept, next)) = path.last_mut() {
                visits[*concept] = Visit::Open;
                let Some(broader) = self.concepts[*concept].broader.get(*next).copied() else {
                    visits[*concept] = Visit::Done;
                    path.pop();
                    continue;
                };
                *next += 1;
                match visits[broader] {
                    Visit::Not => path.push((broader, 0)),
                    Visit::Open => closing.entry(*concept).or_default().push(broader),
                    Visit::Done => {}
                }
            }
        }
        for (concept, removed) in &closing {
            self.concepts[*concept].broader.retain(|broader| !removed.contains(broader));
        }
        closing
    }

    fn cycle_warning(&self, broader: usize, concept: usize) -> String {
        if broader == concept {
            return "the concept is listed as broader than itself, which was ignored".to_owned();
        }
        let address: String = self.concepts[broader].iri.chars().take(MAX_QUOTED_CHARS).collect();
        format!("the broader concept <{address}> is below it, a cycle; it was ignored")
    }

    /// Returns the code of each concept: the last segment of its IRI, or as many segments as tell it apart from the
    /// other concepts of its vocabulary.
    fn codes(&self, scheme: Option<&str>) -> Vec<String> {
        let key =
            |index: usize, code: &str| (scheme.unwrap_or(split_iri(&self.concepts[index].iri).0), code.to_owned());
        let mut codes: Vec<String> = self.concepts.iter().map(|concept| split_iri(&concept.iri).1.to_owned()).collect();
        let mut shared: Vec<usize> = (0..codes.len()).collect();
        for segments in 2.. {
            let mut holders: HashMap<_, Vec<usize>> = HashMap::new();
            for index in shared {
                holders.entry(key(index, &codes[index])).or_default().push(index);
            }
            shared = holders.into_values().filter(|indexes| indexes.len() > 1).flatten().collect();
            let mut is_longer = false;
            for index in &shared {
                let code = last_segments(&self.concepts[*index].iri, segments);
                is_longer |= code != codes[*index];
                codes[*index] = code.to_owned();
            }
            if !is_longer {
                break;
            }
        }
        codes
    }

    fn topic_reference(&self, index: usize, code: &str, scheme: Option<&str>) -> TopicReference {
        let concept = &self.concepts[index];
        let (vocabulary, _) = split_iri(&concept.iri);
        let mut labels = LocalizedText::default();
        for (language, label) in &concept.preferred {
            labels.insert(language.as_ref().and_then(|tag| tag.parse().ok()).as_ref(), label.as_str());
        }
        TopicReference {
            uri: Some(concept.iri.clone()),
            ..TopicReference::new(scheme.unwrap_or(vocabulary), Some(code.to_owned()), labels)
        }
    }
}

/// Splits an IRI into the vocabulary without its protocol, and the code of the concept.
pub(super) fn split_iri(address: &str) -> (&str, &str) {
    let bare = bare_uri(address);
    // URNs such as urn:isbn:0451450523 have no slashes.
    let ends: &[char] = if bare.contains(['#', '/']) { &['#', '/'] } else { &[':'] };
    match bare.rfind(ends) {
        Some(end) => (&bare[..end], &bare[end + 1..]),
        None => ("", bare),
    }
}
