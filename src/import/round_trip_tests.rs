//! Round trips: citations that the directory exports are imported with the same title, authors, date, DOI and
//! bibliographic details.

use proptest::prelude::*;

use crate::citation::{CitationFormat, CitedAuthor, CitedPaper};
use crate::import::formats;
use crate::import::normalize::clean_record::normalize;
use crate::import::normalize::placeholder::{Missing, is_placeholder};
use crate::import::test_support::{papers, read_bytes};
use crate::model::record::{PaperRecord, PaperType, Record};

/// A title as the directory stores it: without markup and placeholders, which importers remove.
fn any_title() -> impl Strategy<Value = String> {
    let word = "[A-Za-z0-9éßØ水λ’“”\"'`{}$&%#_~^\\\\:,.;!?@()/+*=|-]{1,9}";
    proptest::collection::vec(word, 1..6)
        .prop_map(|words| crate::text::names::clean(&words.join(" ")))
        .prop_filter("importers decode character entities", |title| !title.contains('&') || !title.contains(';'))
        .prop_filter("importers remove placeholders", |title| !is_placeholder(title, Missing::Title))
}

fn any_name() -> impl Strategy<Value = String> {
    let person = "[A-ZÉØ][a-zéø'-]{1,7}( [A-Z]\\.)?( (van|de la|von))? [A-ZŠ][a-zš]{1,7}( Jr\\.)?";
    let other = "(The [A-Z][a-z]{2,5} Collaboration|[A-Z][a-z]{2,7}|[山田王李]{1,3}( [太郎明]{1,2})?|[A-Z][a-z]{1,5} & Sons|[A-Z][a-z]{1,4} and [A-Z][a-z]{1,4} Group)";
    prop_oneof![4 => person, 1 => other].prop_filter("importers skip placeholder authors", |name| {
        name != "Others" && !is_placeholder(name, Missing::Author)
    })
}

/// The bibliographic details of an article, as the directory stores them: in the forms of importers.
fn any_details() -> impl Strategy<Value = PaperRecord> {
    let number = "[0-9]{1,4}(-[0-9]{1,4})?|Suppl\\. [1-9]|[A-Z][0-9]{1,3}";
    let pages = "[1-9][0-9]{0,4}([–-]{1,2}[0-9]{1,5})?(, [0-9]{1,3})?|S[1-9]{1,2}-[0-9]{1,2}|[0-9]-[0-9]--[0-9]-[0-9]|[A-Z]-[0-9]{1,2}";
    let publisher = "[A-ZÉ][a-zé]{2,8}( [A-Z&][a-z{}$%]{0,6}){0,2}";
    let keyword = "[A-Za-zé水λ$%_]{2,9}( [a-z]{2,7}|, [a-z]{2,7}|--[a-z]{2,5})?";
    let article_number = "e[0-9]{1,7}|[0-9]{1,9}|A[0-9]{1,3}";
    (
        proptest::option::of(number),
        proptest::option::of(number),
        proptest::option::of(pages),
        proptest::option::of(article_number),
        proptest::option::of("[1-9]|Revised|3rd revised"),
        proptest::option::of(publisher),
        (0..3_usize, 0..3_usize),
        proptest::collection::vec(keyword, 0..4),
    )
        .prop_map(|(volume, issue, pages, article_number, edition, publisher_name, (issns, isbns), keywords)| {
            PaperRecord {
                title: "Weirs".to_owned(),
                volume,
                issue,
                pages,
                article_number,
                edition,
                publisher_name,
                issns: ["0028-0836", "1476-4687"][..issns].iter().map(|issn| (*issn).to_owned()).collect(),
                isbns: ["9783161484100", "9780306406157"][..isbns].iter().map(|isbn| (*isbn).to_owned()).collect(),
                keywords,
                ..PaperRecord::default()
            }
        })
}

fn details(record: &PaperRecord) -> impl PartialEq + std::fmt::Debug {
    (
        (record.volume.clone(), record.issue.clone(), record.pages.clone(), record.article_number.clone()),
        (record.edition.clone(), record.publisher_name.clone()),
        (record.issns.clone(), record.isbns.clone(), record.keywords.clone()),
    )
}

proptest! {
    #[test]
    fn exported_details_are_imported_unchanged(
        record in any_details(),
        kind in proptest::sample::select(vec![
            PaperType::Article, PaperType::ConferencePaper, PaperType::Book, PaperType::BookChapter, PaperType::Thesis,
            PaperType::Report,
        ]),
    ) {
        // The number of a thesis or a report is no article number.
        let is_numbered = !matches!(kind, PaperType::Thesis | PaperType::Report);
        let record = PaperRecord {
            article_number: record.article_number.filter(|_| is_numbered),
            paper_type: kind,
            ..record
        };
        let record = match normalize(Record::Paper(record), &mut Vec::new()) {
            Ok(Record::Paper(record)) => record,
            other => panic!("{other:?}"),
        };
        let exported = CitedPaper {
            slug: "a-paper".to_owned(),
            title: record.title.clone(),
            paper_type: kind,
            venue_name: Some("Waters".to_owned()).filter(|_| is_numbered),
            volume: record.volume.clone(),
            issue: record.issue.clone(),
            pages: record.pages.clone(),
            article_number: record.article_number.clone(),
            edition: record.edition.clone(),
            publisher_name: record.publisher_name.clone(),
            issns: record.issns.clone(),
            isbns: record.isbns.clone(),
            keywords: record.keywords.clone(),
            ..CitedPaper::default()
        };
        for (citation_format, import_format) in
            [(CitationFormat::Bibtex, "bibtex"), (CitationFormat::Ris, "ris"), (CitationFormat::CslJson, "csl")]
        {
            let text = exported.format_entry(citation_format);
            let outcome = read_bytes(formats::by_name(import_format).expect("a format"), text.as_bytes());
            let imported = papers(&outcome);
            prop_assert_eq!(imported.len(), 1, "{} {:?}", text, outcome.messages());
            prop_assert_eq!(details(&imported[0]), details(&record), "{}", text);
            prop_assert_eq!(outcome.messages(), Vec::<String>::new(), "{}", text);
        }
    }

    #[test]
    fn exported_citations_are_imported_unchanged(
        title in any_title(),
        names in proptest::collection::vec(any_name(), 0..5),
        date in proptest::option::of("(19|20)[0-9]{2}(-0[1-9](-1[0-9])?)?"),
        doi in proptest::option::of("10\\.[1-9][0-9]{3}/[a-z0-9._;()<>%#{}\\[\\]-]{0,11}[a-z0-9)>#]"),
    ) {
        let exported = CitedPaper {
            slug: "a-paper".to_owned(),
            title: title.clone(),
            publication_date: date.map(|date| date.parse().expect("a date")),
            paper_type: PaperType::Article,
            doi: doi.clone(),
            authors: names.iter().map(|name| CitedAuthor { name: name.clone(), ..CitedAuthor::default() }).collect(),
            ..CitedPaper::default()
        };
        for (citation_format, import_format) in
            [(CitationFormat::Bibtex, "bibtex"), (CitationFormat::Ris, "ris"), (CitationFormat::CslJson, "csl")]
        {
            let text = exported.format_entry(citation_format);
            let outcome = read_bytes(formats::by_name(import_format).expect("a format"), text.as_bytes());
            let imported = papers(&outcome);
            prop_assert_eq!(imported.len(), 1, "{} {:?}", text, outcome.messages());
            let imported = &imported[0];
            prop_assert_eq!(&imported.title, &title, "{}", text);
            let imported_names: Vec<&String> = imported.authors.iter().map(|author| &author.name).collect();
            prop_assert_eq!(imported_names, names.iter().collect::<Vec<_>>(), "{}", text);
            prop_assert_eq!(imported.publication_date, exported.publication_date, "{}", text);
            prop_assert_eq!(imported.doi.as_ref().map(ToString::to_string), doi.clone(), "{}", text);
        }
    }
}
