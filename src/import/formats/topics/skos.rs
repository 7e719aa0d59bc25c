//! SKOS: the concepts of a vocabulary with their labels and what is above them, from RDF.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::BufRead;
use std::rc::Rc;

use oxrdf::{NamedOrBlankNode, Term, Triple};

use crate::import::formats::topics::Concept;
use crate::import::formats::topics::guard::{TurtleGuard, XmlGuard};
use crate::import::io::decompress::{Lenient, Transcoded};
use crate::import::io::lines::{NOT_UTF_8, size, unreadable};
use crate::import::{Sink, Stop};
use crate::model::language::LocalizedText;
use crate::model::record::{Record, TopicReference};

const SKOS: &str = "http://www.w3.org/2004/02/skos/core#";
const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
/// The most text of concepts that is held: what a file says of one concept may be anywhere in it.
const MOST_HELD: usize = 512 << 20;
/// Statements that cannot be read, after which there is no sense in reading on.
const MOST_FAULTS: usize = 1_000;

/// A concept as far as the file has told of it.
#[derive(Default)]
struct Told {
    address: String,
    is_concept: bool,
    /// Whether the file says so itself.
    is_typed: bool,
    preferred: Vec<(Option<String>, String)>,
    others: Vec<(Option<String>, String)>,
    broader: Vec<usize>,
}

/// What the file has told so far.
#[derive(Default)]
struct Vocabulary {
    places: HashMap<String, usize>,
    concepts: Vec<Told>,
    held: usize,
}

pub(super) fn turtle(reader: &mut dyn BufRead, scheme: Option<&str>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut vocabulary = Vocabulary::default();
    let mut faults = 0;
    let mut outcome = Ok(());
    for triple in oxttl::TurtleParser::new().for_reader(TurtleGuard::new(reader)) {
        match triple {
            Ok(triple) => outcome = vocabulary.add(&triple),
            Err(oxttl::TurtleParseError::Syntax(error)) => {
                let line = usize::try_from(error.location().start.line + 1).unwrap_or_default();
                let reason: String = error.message().chars().take(300).collect();
                sink.rejected(line, format!("a statement cannot be read: {reason}"))?;
                faults += 1;
                if faults >= MOST_FAULTS {
                    let reason = format!("more than {MOST_FAULTS} of its statements cannot be read");
                    outcome = Err(Stop::Unreadable(line, reason));
                }
            }
            Err(oxttl::TurtleParseError::Io(error)) => outcome = Err(unreadable(0, &error)),
        }
        if outcome.is_err() {
            break;
        }
    }
    vocabulary.give(scheme, sink)?;
    outcome
}

pub(super) fn rdf_xml(reader: &mut dyn BufRead, scheme: Option<&str>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let head = reader.fill_buf().map_err(|error| unreadable(1, &error))?;
    let encoding = encoding_of(head);
    // What follows is UTF-8, whatever the declaration says.
    let declaration = declaration_of(head).len();
    reader.consume(declaration);
    let is_mended = Rc::new(Cell::new(false));
    let source: Box<dyn std::io::Read + '_> = match encoding {
        Some(encoding) => Box::new(Transcoded::new(reader, encoding)),
        None => Box::new(Lenient::new(reader, Rc::clone(&is_mended))),
    };
    let mut vocabulary = Vocabulary::default();
    let mut outcome = Ok(());
    for triple in oxrdfxml::RdfXmlParser::new().for_reader(XmlGuard::new(source)) {
        outcome = match triple {
            Ok(triple) => vocabulary.add(&triple),
            Err(oxrdfxml::RdfXmlParseError::Syntax(error)) => {
                let reason: String = error.to_string().chars().take(300).collect();
                Err(Stop::Unreadable(0, format!("it cannot be read further as RDF/XML: {reason}")))
            }
            Err(oxrdfxml::RdfXmlParseError::Io(error)) => Err(unreadable(0, &error)),
        };
        if outcome.is_err() {
            break;
        }
    }
    let is_empty = vocabulary.concepts.is_empty();
    if is_mended.get() {
        sink.note(0, NOT_UTF_8.to_owned())?;
    }
    vocabulary.give(scheme, sink)?;
    match outcome {
        Ok(()) if is_empty => Err(Stop::Unreadable(0, "there is nothing of a vocabulary in it".to_owned())),
        outcome => outcome,
    }
}

/// A byte order mark and the declaration that XML begins with, where there are such.
fn declaration_of(head: &[u8]) -> &[u8] {
    let mark = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let end = head[mark..].windows(2).position(|end| end == b"?>").filter(|_| head[mark..].starts_with(b"<?xml "));
    &head[..end.map_or(mark, |end| mark + end + 2)]
}

/// The encoding that XML declares, where it is another than UTF-8, or UTF-16, which is UTF-8 already where it marked itself.
fn encoding_of(head: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let declaration = String::from_utf8_lossy(declaration_of(head));
    let label = declaration.split("encoding=").nth(1)?;
    let label = label.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?;
    let is_another = |encoding: &&encoding_rs::Encoding| {
        ![encoding_rs::UTF_8, encoding_rs::UTF_16LE, encoding_rs::UTF_16BE].contains(encoding)
    };
    encoding_rs::Encoding::for_label(label.as_bytes()).filter(is_another)
}

impl Vocabulary {
    fn place(&mut self, address: &str) -> usize {
        if let Some(place) = self.places.get(address) {
            return *place;
        }
        let place = self.concepts.len();
        self.held += 2 * address.len() + 200;
        self.places.insert(address.to_owned(), place);
        self.concepts.push(Told { address: address.to_owned(), ..Told::default() });
        place
    }

    fn add(&mut self, triple: &Triple) -> Result<(), Stop> {
        let NamedOrBlankNode::NamedNode(subject) = &triple.subject else { return Ok(()) };
        let predicate = triple.predicate.as_str();
        match (predicate.strip_prefix(SKOS), &triple.object) {
            (Some(name @ ("prefLabel" | "altLabel")), Term::Literal(label)) => {
                let place = self.place(subject.as_str());
                let label = (label.language().map(ToOwned::to_owned), label.value().to_owned());
                self.held += label.1.len() + 80;
                let told = &mut self.concepts[place];
                if name == "prefLabel" { told.preferred.push(label) } else { told.others.push(label) }
            }
            (Some(name @ ("broader" | "narrower")), Term::NamedNode(object)) => {
                let (one, other) = (self.place(subject.as_str()), self.place(object.as_str()));
                let (below, above) = if name == "broader" { (one, other) } else { (other, one) };
                self.held += 8;
                self.concepts[below].is_concept = true;
                self.concepts[above].is_concept = true;
                if !self.concepts[below].broader.contains(&above) {
                    self.concepts[below].broader.push(above);
                }
            }
            (None, Term::NamedNode(object))
                if predicate == TYPE && object.as_str().strip_prefix(SKOS) == Some("Concept") =>
            {
                let place = self.place(subject.as_str());
                self.concepts[place].is_concept = true;
                self.concepts[place].is_typed = true;
            }
            _ => {}
        }
        if self.held > MOST_HELD {
            return Err(Stop::Unreadable(
                0,
                format!("its labels take more than {}; split the vocabulary", size(MOST_HELD)),
            ));
        }
        Ok(())
    }

    /// The concepts in the order in which the file first names them.
    fn give(self, scheme: Option<&str>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        for told in &self.concepts {
            let is_named = !told.preferred.is_empty() || !told.others.is_empty();
            // What is only named as above another one is told of elsewhere; what is no concept has labels too.
            if !told.is_concept || !is_named {
                if told.is_typed {
                    let address: String = told.address.chars().take(200).collect();
                    sink.rejected(0, format!("the concept <{address}> has no prefLabel and no altLabel"))?;
                }
                continue;
            }
            let (own, code) = address_parts(&told.address);
            let broader = told.broader.iter().map(|place| self.reference(*place, scheme));
            let scheme = scheme.unwrap_or(own);
            let concept = Concept {
                code: code.to_owned(),
                preferred: told.preferred.clone(),
                others: told.others.clone(),
                broader: broader.collect(),
            };
            sink.record(0, Record::Topic(concept.record(scheme)), Vec::new())?;
        }
        Ok(())
    }

    fn reference(&self, place: usize, scheme: Option<&str>) -> TopicReference {
        let told = &self.concepts[place];
        let (own, code) = address_parts(&told.address);
        let mut labels = LocalizedText::default();
        for (language, label) in &told.preferred {
            labels.insert(language.as_ref().and_then(|tag| tag.parse().ok()).as_ref(), label.as_str());
        }
        TopicReference::new(scheme.unwrap_or(own), Some(code.to_owned()), labels)
    }
}

/// The address of a vocabulary without its protocol, and the code that a concept has in it.
pub(super) fn address_parts(address: &str) -> (&str, &str) {
    let bare = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    // Such as urn:isbn:0451450523, which has no slashes.
    let ends: &[char] = if bare.contains(['#', '/']) { &['#', '/'] } else { &[':'] };
    match bare.trim_end_matches('/').rfind(ends) {
        Some(end) => (&bare[..end], bare[end + 1..].trim_end_matches('/')),
        None => ("", bare),
    }
}
