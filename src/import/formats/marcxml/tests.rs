use crate::import::formats::marcxml::MarcXmlFormat;
use crate::import::formats::marcxml::host::PartOfHost;
use crate::import::test_support::{papers, read_bytes};
use crate::model::identifier::{ArxivId, Doi, Orcid};
use crate::model::record::{PaperRecord, PaperType};

fn field(tag: &str, indicators: &str, subfields: &[(&str, &str)]) -> String {
    let content: String =
        subfields.iter().map(|(code, text)| format!("<subfield code=\"{code}\">{text}</subfield>")).collect();
    let (first, second) = indicators.split_at(1);
    format!("<datafield tag=\"{tag}\" ind1=\"{first}\" ind2=\"{second}\">{content}</datafield>")
}

fn record(leader: &str, fields: &[String]) -> String {
    format!("<record><leader>{leader}</leader><controlfield tag=\"001\"> 42</controlfield>{}</record>", fields.concat())
}

fn read(records: &[String]) -> (Vec<PaperRecord>, Vec<String>) {
    let text = format!(
        "<?xml version=\"1.0\"?>\n<collection xmlns=\"http://www.loc.gov/MARC21/slim\">\n{}\n</collection>",
        records.join("\n")
    );
    let outcome = read_bytes(&MarcXmlFormat, text.as_bytes());
    (papers(&outcome), outcome.messages())
}

const ARTICLE: &str = "00000naa a2200000 c 4500";
const BOOK: &str = "01142cam a2200301 a 4500";

#[test]
fn a_record_of_inspire() {
    let fields = [
        field("024", "7 ", &[("2", "DOI"), ("a", "10.1000/W")]),
        field("037", "  ", &[("9", "arXiv"), ("a", "arXiv:2101.00001"), ("c", "hep-ex")]),
        field(
            "100",
            "  ",
            &[
                ("a", "Brook, I.M."),
                ("u", "Riverton U."),
                ("v", "University of Riverton, R"),
                ("i", "INSPIRE-00210391"),
                ("j", "ORCID:0000-0002-1825-0097"),
            ],
        ),
        field("700", "  ", &[("a", "van der Ford, Tom"), ("u", "Here"), ("u", "There"), ("j", "CCID-123")]),
        field("700", "  ", &[("a", "Itor, Ed"), ("e", "ed.")]),
        field("701", "  ", &[("a", "Visor, Super")]),
        field("245", "  ", &[("a", "Weirs at $\\sqrt{s}$ = 7 TeV"), ("9", "arXiv")]),
        field("260", "  ", &[("c", "2021-03-04")]),
        field("773", "  ", &[("p", "J.Waters"), ("v", "7"), ("n", "2"), ("c", "1-9"), ("y", "2021")]),
        field("520", "  ", &[("9", "arXiv"), ("a", "Rivers rise.")]),
        field("980", "  ", &[("a", "Published")]),
    ];
    let (papers, messages) = read(&[record("00000coc a2200000uu 4500", &fields)]);
    assert_eq!(messages, Vec::<String>::new());
    let paper = &papers[0];
    assert_eq!(paper.source_id.as_deref(), Some("42"));
    assert_eq!(paper.venue_name.as_deref(), Some("J.Waters"));
    assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2021-03-04"));
    assert_eq!((paper.paper_type, paper.doi.as_ref().map(Doi::as_str)), (PaperType::Article, Some("10.1000/w")));
    assert_eq!(paper.arxiv_id.as_ref().map(ArxivId::as_str), Some("2101.00001"));
    assert_eq!((paper.volume.as_deref(), paper.issue.as_deref()), (Some("7"), Some("2")));
    assert_eq!(paper.pages.as_deref(), Some("1–9"));
    assert_eq!(paper.abstract_text.iter().next(), Some(("und", "Rivers rise.")));
    let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
    assert_eq!(names, ["I.M. Brook", "Tom van der Ford"]);
    let first = &paper.authors[0];
    assert_eq!(first.orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
    assert_eq!(
        (first.identifiers[0].scheme.as_str(), first.identifiers[0].value.as_str()),
        ("inspire", "INSPIRE-00210391")
    );
    assert_eq!(first.affiliations_as_published, ["University of Riverton, R"]);
    assert_eq!(paper.authors[1].affiliations_as_published, ["Here", "There"]);
}

#[test]
fn a_record_of_a_library() {
    let fields = [
        "<controlfield tag=\"003\">XX-Ri</controlfield><controlfield tag=\"008\">150203s2014    xx |||||||||||||||||ger d</controlfield>".to_owned(),
        field("100", "1 ", &[("a", "Brook, Ida,"), ("c", "Jr.,"), ("d", "1970-"), ("e", "author."), ("0", "(DE-588)118540238"), ("1", "https://orcid.org/0000-0002-1825-0097")]),
        field("245", "10", &[("a", "Flüsse ="), ("b", "Rivers /"), ("c", "Ida Brook.")]),
        field("264", " 1", &[("a", "Riverton :"), ("b", "Water Press,"), ("c", "[2014]")]),
        field("264", " 4", &[("c", "©2013")]),
        field("020", "  ", &[("a", "9783161484100 (pbk.)")]),
        field("250", "  ", &[("a", "2nd ed.")]),
        field("650", " 0", &[("a", "Rivers."), ("z", "R")]),
        field("653", "  ", &[("a", "Weirs")]),
        field("700", "1 ", &[("a", "Ford, Tom,"), ("4", "edt")]),
        field("700", "12", &[("a", "Old, Author."), ("t", "Included work.")]),
        field("520", "1 ", &[("a", "A review.")]),
        field("520", "3 ", &[("a", "Rivers rise.")]),
    ];
    let (papers, messages) = read(&[record(BOOK, &fields)]);
    assert_eq!(messages, Vec::<String>::new());
    let paper = &papers[0];
    assert_eq!((paper.source_id.as_deref(), paper.title.as_str()), (Some("(XX-Ri)42"), "Flüsse"));
    assert_eq!((paper.paper_type, paper.language.as_deref()), (PaperType::Book, Some("de")));
    assert_eq!((paper.publisher_name.as_deref(), paper.edition.as_deref()), (Some("Water Press"), Some("2")));
    assert_eq!(paper.isbns, ["9783161484100"]);
    assert_eq!(paper.keywords, ["Rivers", "Weirs"]);
    assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("2014"));
    assert_eq!(paper.abstract_text.iter().next(), Some(("de", "Rivers rise.")));
    let names: Vec<&str> = paper.authors.iter().map(|author| author.name.as_str()).collect();
    assert_eq!(names, ["Ida Brook Jr."]);
    assert_eq!(paper.authors[0].orcid.as_ref().map(Orcid::as_str), Some("0000-0002-1825-0097"));
    assert_eq!(paper.authors[0].identifiers[0].scheme, "gnd");
}

#[test]
fn titles_dates_and_types() {
    let titled = |subfields: &[(&str, &str)], more: &[String]| {
        let fields: Vec<String> = std::iter::once(field("245", "  ", subfields)).chain(more.iter().cloned()).collect();
        record(ARTICLE, &fields)
    };
    let host = |subfields: &[(&str, &str)]| vec![field("773", "0 ", subfields)];
    for (written, expected) in [
        (
            titled(
                &[("a", "Weirs :"), ("b", "a survey /")],
                &host(&[("t", "Waters."), ("7", "nnas"), ("g", "Vol. 2")]),
            ),
            "Weirs: a survey|Article|Waters|",
        ),
        (
            titled(
                &[("a", "Weirs."), ("n", "Part 2,"), ("p", "Locks.")],
                &host(&[("t", "Book of waters"), ("z", "978-3-16-148410-0")]),
            ),
            "Weirs. Part 2, Locks|BookChapter|Book of waters|",
        ),
        (
            titled(&[("a", "Weirs etc.")], &[field("502", "  ", &[("b", "PhD"), ("c", "Riverton U."), ("d", "2012")])]),
            "Weirs etc.|Thesis||2012",
        ),
        (
            titled(
                &[("a", "Weirs")],
                &[
                    field("037", "  ", &[("9", "arXiv"), ("a", "hep-th/9901001")]),
                    field("269", "  ", &[("c", "1999-01")]),
                ],
            ),
            "Weirs|Preprint||1999-01",
        ),
        (
            titled(
                &[("a", "Weirs")],
                &[field("980", "  ", &[("a", "ConferencePaper")]), field("260", "  ", &[("c", "c2005.")])],
            ),
            "Weirs|ConferencePaper||2005",
        ),
    ] {
        let (papers, messages) = read(&[written]);
        assert_eq!(messages, Vec::<String>::new());
        let paper = &papers[0];
        let date = paper.publication_date.map(|date| date.to_string()).unwrap_or_default();
        let venue = paper.venue_name.as_deref().unwrap_or_default();
        assert_eq!(format!("{}|{:?}|{venue}|{date}", paper.title, paper.paper_type), expected);
    }
}

#[test]
fn parts_of_a_host() {
    let part = |volume: &str, issue: &str, pages: &str| {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        PartOfHost { volume: given(volume), issue: given(issue), pages: given(pages) }
    };
    for (text, expected) in [
        ("Vol. 24, no. 2 (Feb. 1976), p. 195-230", part("24", "2", "195-230")),
        ("Bd. 3 (2014), H. 1, S. 5-9", part("3", "1", "5-9")),
        ("volume:7; pages:12", part("7", "", "12")),
        ("Spring 2001", part("", "", "")),
    ] {
        assert_eq!(PartOfHost::from_words(text), expected, "{text}");
    }
    assert_eq!(PartOfHost::from_code("40:5<120"), part("40", "5", "120"));
    assert_eq!(PartOfHost::from_code("40"), part("40", "", ""));
}

#[test]
fn records_within_those_of_a_harvest() {
    let inner = record(BOOK, &[field("245", "  ", &[("a", "Weirs")])])
        .replace("<record>", "<marc:record xmlns:marc=\"http://www.loc.gov/MARC21/slim\">");
    let inner = inner.replace("</record>", "</marc:record>");
    let text =
        format!("<OAI-PMH><ListRecords><record><header/><metadata>{inner}</metadata></record></ListRecords></OAI-PMH>");
    let outcome = read_bytes(&MarcXmlFormat, text.as_bytes());
    assert_eq!(outcome.messages(), Vec::<String>::new());
    assert_eq!(papers(&outcome)[0].title, "Weirs");
}

#[test]
fn records_that_are_no_publications() {
    let (_, messages) = read(&[
        record("00000nz  a2200000n  4500", &[field("100", "1 ", &[("a", "Brook, Ida")])]),
        record("00000cas a2200000 a 4500", &[field("245", "  ", &[("a", "Waters")])]),
        record(BOOK, &[]),
        "<record><leader>0</record>".to_owned(),
    ]);
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert_eq!(messages[0], "3: invalid record: it is an authority record, not a publication");
    assert_eq!(messages[1], "4: invalid record: it describes a serial, not a publication in it");
    assert_eq!(messages[2], "5: invalid record: it has no title");
    assert!(messages[3].starts_with("6: invalid record: it is not valid XML"), "{messages:?}");
    let other = read_bytes(&MarcXmlFormat, b"<rss></rss>");
    assert_eq!(other.messages(), ["1: unreadable file: it is XML, but not MARCXML"]);
}
