//! Vocabularies of topics: SKOS in RDF/XML or Turtle, and tables of topics with their ancestors, such as OpenAlex's.

mod guard;
mod skos;
mod table;

use std::io::BufRead;

use serde_json::Value;

use crate::import::formats::detection::{FileHead, JsonMatch, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::model::record::{NameKind, NameRecord, TopicRecord, TopicReference};

/// Facts that a vocabulary does not contain.
#[derive(Clone, Debug, Default)]
pub struct TopicsOptions {
    /// The short name of the vocabulary. If omitted, the name of a known table, or the common prefix of its IRIs.
    pub scheme: Option<String>,
}

/// Controlled vocabularies of topics.
#[derive(Debug)]
pub(crate) struct TopicsFormat;

impl Format for TopicsFormat {
    fn name(&self) -> &'static str {
        "topics"
    }

    fn help(&self) -> &'static str {
        "Topics: SKOS in RDF/XML or Turtle, or the topic table of OpenAlex"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Vocabulary
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["rdf", "owl", "xml", "ttl", "nt", "jsonl", "json", "csv", "tsv"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        match head.content_kind {
            ContentKind::Turtle => true,
            ContentKind::Markup | ContentKind::Text => is_vocabulary(head.text),
            _ => false,
        }
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        (has_fields(value, &["subfield_id"]) || value.get("pref").is_some_and(Value::is_object))
            .then_some(JsonMatch::Importable("a topic table"))
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, &options.topics, sink)
    }
}

fn read_stream(reader: &mut dyn BufRead, options: &TopicsOptions, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
    let kind = FileHead::new(head).content_kind;
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let scheme = options.scheme.as_deref();
    match kind {
        ContentKind::Json => table::read_json_lines(reader, scheme, sink),
        ContentKind::Turtle => skos::read_turtle(reader, scheme, sink),
        ContentKind::Markup | ContentKind::Text if is_turtle(head) => skos::read_turtle(reader, scheme, sink),
        ContentKind::Markup => skos::read_rdf_xml(reader, scheme, sink),
        ContentKind::Text if head.is_empty() => Err(ReadAbort::Unreadable(0, "it is empty".to_owned())),
        ContentKind::Text => table::read_csv(reader, scheme, sink),
        kind => Err(ReadAbort::Unreadable(1, format!("it is not a vocabulary; it starts like {kind}"))),
    }
}

/// Whether a text is Turtle; it may start with comments or with an IRI in angle brackets.
fn is_turtle(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
    ContentKind::of(first) == ContentKind::Turtle || first.starts_with(b"<http") || first.starts_with(b"<urn:")
}

/// Whether a file is a vocabulary.
fn is_vocabulary(head: &[u8]) -> bool {
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    is_turtle(head) || has(b"www.w3.org/1999/02/22-rdf-syntax-ns") || table::is_topic_header(head)
}

/// A topic, independent of the syntax of the vocabulary.
#[derive(Debug, Default)]
struct VocabularyConcept {
    code: String,
    uri: Option<String>,
    preferred: Vec<(Option<String>, String)>,
    alternative: Vec<(Option<String>, String)>,
    broader: Vec<TopicReference>,
}

impl VocabularyConcept {
    fn into_record(self, scheme: &str) -> TopicRecord {
        let name = |kind| move |(language, value): (Option<String>, String)| NameRecord { value, language, kind };
        let preferred = self.preferred.into_iter().map(name(NameKind::Label));
        TopicRecord {
            exported: None,
            slug: None,
            scheme: scheme.to_owned(),
            code: Some(self.code),
            uri: self.uri,
            names: preferred.chain(self.alternative.into_iter().map(name(NameKind::Alias))).collect(),
            broader: self.broader,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::test_support::{self, ReadOutcome, read_bytes};
    use crate::model::record::Record;

    /// Formats topics as `scheme/code label@language … < broader`.
    fn format_topics(outcome: &ReadOutcome) -> Vec<String> {
        let lines = outcome.records().map(|record| {
            let Record::Topic(topic) = record else { return "no topic".to_owned() };
            let names: Vec<String> = topic
                .names
                .iter()
                .map(|name| {
                    format!(
                        "{}@{}{}",
                        name.value,
                        name.language.as_deref().unwrap_or("-"),
                        if name.kind == NameKind::Alias { "*" } else { "" }
                    )
                })
                .collect();
            let broader: Vec<&str> = topic.broader.iter().filter_map(|broader| broader.code.as_deref()).collect();
            format!(
                "{}/{} {} < {}",
                topic.scheme,
                topic.code.as_deref().unwrap_or_default(),
                names.join(" "),
                broader.join(",")
            )
        });
        lines.collect()
    }

    const TURTLE: &str = "# a vocabulary\n@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix v: <http://words.example/water/> .\n\
        v:scheme a skos:ConceptScheme ; skos:prefLabel \"Words of water\"@en .\n\
        v:w1 a skos:Concept ; skos:prefLabel \"Weirs\"@en, \"Seuils\"@fr ; skos:altLabel \"Low dams\"@en ; skos:broader v:w2 .\n\
        v:w2 a skos:Concept ; skos:prefLabel \"Dams\"@en ; skos:narrower v:w3 .\n\
        v:w3 a skos:Concept ; skos:prefLabel \"Locks\" .\n";

    #[test]
    fn literals_of_every_kind() {
        let more = "v:w3 v:note \"\", \"\"\"long \"one\" [[[\n(\"\"\", 'a \\' [', '''b ''', \"\\\\\", <http://a.example/(#x>, [ v:x () ] . # [\n";
        let outcome = read_bytes(&TopicsFormat, format!("{TURTLE}{}", more.repeat(300)).as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        assert_eq!(format_topics(&outcome), EXPECTED);
    }

    const EXPECTED: [&str; 3] = [
        "words.example/water/w1 Weirs@en Seuils@fr Low dams@en* < w2",
        "words.example/water/w2 Dams@en < ",
        "words.example/water/w3 Locks@- < w2",
    ];

    #[test]
    fn turtle() {
        let outcome = read_bytes(&TopicsFormat, TURTLE.as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        assert_eq!(format_topics(&outcome), EXPECTED);
        let named = {
            let topics = TopicsOptions { scheme: Some("water".to_owned()) };
            let options = FormatOptions { topics, ..FormatOptions::default() };
            test_support::read_with_options(&TopicsFormat, options, TURTLE.as_bytes())
        };
        assert_eq!(format_topics(&named)[1], "water/w2 Dams@en < ");
    }

    #[test]
    fn rdf_xml() {
        let text = r#"<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY skos "http://www.w3.org/2004/02/skos/core#">]>
            <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="http://www.w3.org/2004/02/skos/core#">
            <skos:Concept rdf:about="http://words.example/water/w1"><skos:prefLabel xml:lang="en">Weirs</skos:prefLabel>
              <skos:prefLabel xml:lang="fr">Seuils</skos:prefLabel><skos:altLabel xml:lang="en">Low dams</skos:altLabel>
              <skos:broader rdf:resource="http://words.example/water/w2"/></skos:Concept>
            <rdf:Description rdf:about="http://words.example/water/w2"><rdf:type rdf:resource="&skos;Concept"/>
              <skos:prefLabel xml:lang="en">Dams</skos:prefLabel><skos:narrower rdf:resource="http://words.example/water/w3"/></rdf:Description>
            <skos:Concept rdf:about="http://words.example/water/w3"><skos:prefLabel>Locks</skos:prefLabel></skos:Concept></rdf:RDF>"#;
        let outcome = read_bytes(&TopicsFormat, text.as_bytes());
        assert_eq!(outcome.messages(), Vec::<String>::new());
        assert_eq!(format_topics(&outcome), EXPECTED);
    }

    const RDF: &str = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:skos=\"http://www.w3.org/2004/02/skos/core#\">\
        <skos:Concept rdf:about=\"http://words.example/water/w1\"><skos:prefLabel xml:lang=\"fr\">Rivi\u{e8}re</skos:prefLabel></skos:Concept></rdf:RDF>";

    #[test]
    fn encodings() {
        let expected = ["words.example/water/w1 Rivière@fr < "];
        let latin =
            |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect::<Vec<u8>>();
        let declared = |encoding: &str| format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{RDF}");
        let utf_16: Vec<u8> =
            [0xfeff_u16].into_iter().chain(declared("UTF-16").encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for (bytes, messages) in [
            (declared("UTF-8").into_bytes(), 0),
            (latin(&declared("ISO-8859-1")), 0),
            (utf_16, 0),
            (latin(RDF), 1),
            (latin(&declared("UTF-8")), 1),
        ] {
            let outcome = read_bytes(&TopicsFormat, &bytes);
            assert_eq!(
                (format_topics(&outcome), outcome.messages().len()),
                (expected.map(ToOwned::to_owned).to_vec(), messages),
                "{:?}",
                outcome.messages()
            );
        }
    }

    #[test]
    fn iris_of_concepts() {
        let text = "@prefix s: <http://www.w3.org/2004/02/skos/core#> .\n<http://a.example/x/child> a s:Concept ; s:prefLabel \"Child\" ; \
            s:broader <http://b.example/y/parent> .\n<http://b.example/y/parent> a s:Concept ; s:prefLabel \"Parent\" .\n\
            <urn:words:water> a s:Concept ; s:prefLabel \"Water\" .\n<http://a.example/x/bare> a s:Concept .\n";
        let outcome = read_bytes(&TopicsFormat, text.as_bytes());
        assert_eq!(
            format_topics(&outcome),
            ["a.example/x/child Child@- < parent", "b.example/y/parent Parent@- < ", "urn:words/water Water@- < "]
        );
        let schemes: Vec<String> = outcome
            .records()
            .filter_map(|record| match record {
                Record::Topic(topic) => topic.broader.first().map(|broader| broader.scheme.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(schemes, ["b.example/y"]);
        assert_eq!(
            outcome.messages(),
            ["0: invalid record: the concept <http://a.example/x/bare> has no prefLabel and no altLabel"]
        );
    }

    fn read_as(scheme: &str, text: &str) -> ReadOutcome {
        let topics = TopicsOptions { scheme: Some(scheme.to_owned()) };
        let options = FormatOptions { topics, ..FormatOptions::default() };
        test_support::read_with_options(&TopicsFormat, options, text.as_bytes())
    }

    #[test]
    fn concepts_with_the_same_last_segment() {
        let text = "@prefix s: <http://www.w3.org/2004/02/skos/core#> .\n\
            <http://a.example/themes/5> a s:Concept ; s:prefLabel \"Floods\" ; s:broader <http://a.example/themes/6> .\n\
            <http://a.example/places/5> a s:Concept ; s:prefLabel \"Riverton\" ; s:broader <http://a.example/themes/5> .\n\
            <http://a.example/themes/6> a s:Concept ; s:prefLabel \"Water\" .\n";
        let outcome = read_as("words", text);
        assert_eq!(outcome.messages(), Vec::<String>::new());
        let expected = ["words/themes/5 Floods@- < 6", "words/6 Water@- < ", "words/places/5 Riverton@- < themes/5"];
        assert_eq!(format_topics(&outcome), expected);
        let fragments = text.replace("places/5", "themes#5");
        assert_eq!(format_topics(&read_as("words", &fragments))[2], "words/themes#5 Riverton@- < themes/5");
    }

    #[test]
    fn cycles_are_reported() {
        let concept = |code: &str, broader: &str| {
            format!("v:{code} a s:Concept ; s:prefLabel \"{code}\" ; s:broader v:{broader} .\n")
        };
        let text = format!(
            "@prefix s: <http://www.w3.org/2004/02/skos/core#> .\n@prefix v: <http://a.example/> .\n{}{}{}{}{}",
            concept("a", "c"),
            concept("b", "a"),
            concept("c", "b"),
            concept("d", "d"),
            concept("e", "a")
        );
        let outcome = read_as("words", &text);
        let expected = ["words/a a@- < c", "words/c c@- < b", "words/b b@- < ", "words/d d@- < ", "words/e e@- < a"];
        assert_eq!(format_topics(&outcome), expected);
        let expected = [
            "0: warning: the broader concept <http://a.example/a> is below it, a cycle; it was ignored",
            "0: warning: the concept is listed as broader than itself, which was ignored",
        ];
        assert_eq!(outcome.messages(), expected);
    }

    #[test]
    fn tables() {
        let commented = "sep=,\n# topics\ntopic_id,topic_name\n1,Weirs\n";
        assert_eq!(format_topics(&read_bytes(&TopicsFormat, commented.as_bytes())), ["openalex/T1 Weirs@en < "]);
        let lines = "{\"id\":\"T1\",\"label\":\"Weirs\",\"subfield_id\":\"subfields/1\",\"subfield\":\"Dams\",\"field_id\":\"fields/2\",\"field\":\"Water\",\"domain_id\":\"domains/3\",\"domain\":\"Nature\"}\n";
        let expected = [
            "openalex/domains/3 Nature@en < ",
            "openalex/fields/2 Water@en < domains/3",
            "openalex/subfields/1 Dams@en < fields/2",
            "openalex/T1 Weirs@en < subfields/1",
        ];
        assert_eq!(format_topics(&read_bytes(&TopicsFormat, lines.as_bytes())), expected);
        let csv = "topic_id,topic_name,subfield_id,subfield_name,field_id,field_name,domain_id,domain_name,keywords,summary,wikipedia_url\n\
            1,Weirs,1,Dams,2,Water,3,Nature,weir; dam,\"About weirs, mostly\",\n\"bad\n2,Locks,1,Dams,2,Water,3,Nature,,,\n";
        let outcome = read_bytes(&TopicsFormat, csv.as_bytes());
        assert_eq!(format_topics(&outcome)[..4], expected);
        assert_eq!(outcome.messages().len(), 1, "{:?}", outcome.messages());
        let labels = "{\"id\":\"http://words.example/water/w1\",\"pref\":{\"en\":\"Weirs\",\"fr\":\"Seuils\"},\"broader\":[\"http://words.example/water/w2\"]}\n";
        assert_eq!(
            format_topics(&read_bytes(&TopicsFormat, labels.as_bytes())),
            ["words.example/water/w1 Weirs@en Seuils@fr < w2"]
        );
    }

    #[test]
    fn malformed_turtle() {
        let text = TURTLE.replace("v:w2 a skos:Concept ;", "v:w2 a \"x ;");
        let outcome = read_bytes(&TopicsFormat, text.as_bytes());
        assert!(format_topics(&outcome).iter().any(|line| line.contains("/w1 ")), "{:?}", format_topics(&outcome));
        assert!(outcome.messages().iter().any(|line| line.contains("invalid record")), "{:?}", outcome.messages());
    }

    #[test]
    fn entities_and_depth() {
        let assert_unreadable = |text: String, why: &str| {
            let messages = read_bytes(&TopicsFormat, text.as_bytes()).messages();
            assert!(messages.iter().any(|line| line.contains("unreadable file") && line.contains(why)), "{messages:?}");
        };
        let root = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";
        assert_unreadable(
            format!("<!DOCTYPE a [<!ENTITY a \"xx\"><!ENTITY b \"&a;&a;\">]>{root}&b;</rdf:RDF>"),
            "entities",
        );
        assert_unreadable(format!("<!DOCTYPE a [<!ENTITY a \"{}\">]>{root}</rdf:RDF>", "x".repeat(1000)), "entities");
        assert_unreadable(
            format!("<!DOCTYPE a [<!ENTITY a \">>\"><!ENTITY b \"&a;&a;\">]>{root}&b;</rdf:RDF>"),
            "document type",
        );
        assert_unreadable(format!("{root}{}", "<rdf:Description><rdf:x>".repeat(10_000)), "deep");
        assert_unreadable(format!("@prefix a: <http://a.example/> .\na:b a:c {}", "[ a:c ".repeat(10_000)), "deep");
        assert_unreadable(format!("<!-- {} -->{root}</rdf:RDF>", "-> <a>".repeat(1 << 20)), "MiB");
    }

    #[test]
    fn unterminated_literals() {
        use std::io::Read as _;
        let start = std::io::Cursor::new(format!("{TURTLE}v:w4 skos:prefLabel \"").into_bytes());
        let outcome =
            test_support::read_stream(&TopicsFormat, Box::new(start.chain(std::io::repeat(b'x').take(200 << 20))));
        assert_eq!(format_topics(&outcome), EXPECTED);
        assert_eq!(outcome.messages().len(), 1, "{:?}", outcome.messages());
    }

    #[test]
    fn other_formats_are_rejected() {
        assert_eq!(
            read_bytes(&TopicsFormat, b"@article{a, title={T}}").messages(),
            ["1: unreadable file: it is not a vocabulary; it starts like BibTeX"]
        );
        assert!(read_bytes(&TopicsFormat, b"title,year\nA,1\n").messages()[0].contains("not a topic table"));
        assert!(read_bytes(&TopicsFormat, b"<html><p>no</html>").messages()[0].contains("unreadable file"));
    }
}
