//! Bibliographic records become records of papers.

use crate::import::formats::marcxml::record::{MarcField, MarcRecord, names_scheme, strip_punctuation};
use crate::import::normalize::field_parsing;
use crate::model::identifier::{ArxivId, Doi};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::record::{ExternalIdentifier, PaperRecord, PaperType};
use crate::text::names;

impl<'a> MarcRecord<'a> {
    pub(super) fn paper_record(&self, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
        // Positions 6 and 7 of the leader are the type of record and the bibliographic level.
        match (self.leader(6), self.leader(7)) {
            ('z', _) => return Err("it is an authority record, not a publication".to_owned()),
            ('u' | 'v' | 'x' | 'y', _) => return Err("it is a holdings record, not a publication".to_owned()),
            ('w', _) => return Err("it is a classification record, not a publication".to_owned()),
            (_, 's' | 'i') if self.fields(&["773"]).next().is_none() => {
                return Err("it describes a serial, not a publication in it".to_owned());
            }
            _ => {}
        }
        let title = self.title().ok_or("it has no title")?;
        let language = self.language();
        let tag = language.as_deref().and_then(|tag| tag.parse::<LanguageTag>().ok());
        let abstract_text = self.abstract_text().unwrap_or_default();
        let arxiv_id = self.arxiv_id();
        let paper_type = self.paper_type(arxiv_id.is_some());
        let dois = self.fields(&["024"]).filter(|field| names_scheme(*field, "doi"));
        let doi = dois.filter_map(|field| field.value("a")).next();
        let part = self.part();
        let url = self.fields(&["856"]).filter(|field| matches!(field.second_indicator(), ' ' | '0' | '1'));
        Ok(PaperRecord {
            source_id: self.source_id(),
            title,
            translated_titles: self.translated_titles(),
            abstract_completeness: field_parsing::abstract_completeness(&abstract_text),
            abstract_text: LocalizedText::new(tag.as_ref(), abstract_text),
            publication_date: self.publication_date(warnings),
            paper_type,
            venue_name: self.venue_name(),
            volume: part.volume,
            issue: part.issue,
            pages: part.pages,
            edition: self.value(&["250"], "a").map(|edition| strip_punctuation(&edition).to_owned()),
            publisher_name: self.publisher_name(),
            issns: self.standard_numbers(&[("022", "a"), ("773", "x"), ("490", "x")]),
            isbns: self.standard_numbers(&[("020", "a"), ("773", "z")]),
            keywords: self.keywords(),
            language,
            doi: field_parsing::parse_identifier::<Doi>(doi.as_deref(), warnings),
            arxiv_id,
            url: url.flat_map(|field| field.values("u")).find(|url| url.starts_with("http")),
            identifiers: self.pubmed_identifiers(),
            authors: self.authors(warnings),
            ..PaperRecord::default()
        })
    }

    /// Returns the publisher, or the institution of a thesis.
    fn publisher_name(&self) -> Option<String> {
        let imprint = self.fields(&["260", "264"]).filter(|field| matches!(field.second_indicator(), ' ' | '1'));
        let names = imprint.flat_map(|field| field.values("b")).chain(self.value(&["502"], "c"));
        names.map(|name| strip_punctuation(&name).trim_matches(['[', ']']).to_owned()).find(|name| !name.is_empty())
    }

    /// Returns the ISSNs or ISBNs in these fields and subfields, without remarks such as "(pbk.)".
    fn standard_numbers(&self, places: &[(&'a str, &'a str)]) -> Vec<String> {
        let numbers = places.iter().copied().flat_map(|(tag, code)| {
            let fields = self.element.children_named("datafield").filter(|field| field.attribute("tag") == Some(tag));
            fields.flat_map(|element| MarcField { element }.values(code)).collect::<Vec<_>>()
        });
        numbers.filter_map(|number| number.split(['(', ' ', ':']).next().map(ToOwned::to_owned)).collect()
    }

    /// Returns the subject headings and uncontrolled terms.
    fn keywords(&self) -> Vec<String> {
        let fields = self.fields(&["650", "653", "695"]);
        let terms = fields.flat_map(|field| field.values("a")).map(|term| strip_punctuation(&term).to_owned());
        terms.filter(|term| !term.is_empty()).collect()
    }

    /// Returns the control number, after the code of the organization that assigned it.
    fn source_id(&self) -> Option<String> {
        let number = self.control_field("001")?.trim().to_owned();
        match self.control_field("003") {
            Some(organization) => Some(format!("({}){number}", organization.trim())),
            None => Some(number),
        }
    }

    fn title(&self) -> Option<String> {
        let field = self.fields(&["245"]).next()?;
        let written = field.value("a")?;
        // A parallel title follows an equals sign.
        let subtitle = field.value("b").filter(|_| !written.ends_with('='));
        let parts = [field.value("n"), field.value("p")].into_iter().flatten();
        let parts = parts.map(|part| strip_punctuation(&part).to_owned()).collect::<Vec<_>>().join(", ");
        let title = strip_punctuation(&written).to_owned();
        let title = if parts.is_empty() { title } else { format!("{title}. {parts}") };
        match subtitle.as_deref().map(|subtitle| strip_punctuation(subtitle.split(" = ").next().unwrap_or(subtitle))) {
            Some(subtitle) if !subtitle.is_empty() => Some(format!("{title}: {subtitle}")),
            _ => Some(title),
        }
    }

    fn translated_titles(&self) -> LocalizedText {
        let mut titles = LocalizedText::default();
        for field in self.fields(&["242"]) {
            let tag = field.value("y").and_then(|code| field_parsing::language_tag(&code)?.parse::<LanguageTag>().ok());
            if let (Some(tag), Some(title)) = (tag, field.value("a")) {
                titles.insert(Some(&tag), strip_punctuation(&title));
            }
        }
        titles
    }

    /// Returns the language in field 041, which may have several codes in one subfield, or at its place in field 008.
    fn language(&self) -> Option<String> {
        let listed = self.value(&["041"], "a").map(|codes| {
            let is_run = codes.len() > 3 && codes.len() % 3 == 0 && codes.bytes().all(|byte| byte.is_ascii_lowercase());
            if is_run { codes[..3].to_owned() } else { codes }
        });
        let fixed = || self.control_field("008")?.get(35..38).map(|code| code.trim().to_owned());
        let code = listed.or_else(fixed).filter(|code| !matches!(code.as_str(), "" | "|||" | "und" | "zxx" | "mul"))?;
        field_parsing::language_tag(&code)
    }

    /// Returns the first summary or abstract; field 520 also has reviews and advice.
    fn abstract_text(&self) -> Option<String> {
        let fields = self.fields(&["520"]).filter(|field| matches!(field.first_indicator(), ' ' | '0' | '3' | '8'));
        fields
            .filter_map(|field| {
                field_parsing::join_name_parts(&[field.value("a").as_deref(), field.value("b").as_deref()])
            })
            .next()
    }

    fn arxiv_id(&self) -> Option<ArxivId> {
        let in_field = |field: MarcField<'a>| {
            let is_arxiv = field
                .value("9")
                .or_else(|| field.value("2"))
                .is_some_and(|source| source.eq_ignore_ascii_case("arxiv"));
            let id = field.value("a")?;
            let id = id.strip_prefix("oai:arXiv.org:").unwrap_or(&id);
            (is_arxiv || id.to_ascii_lowercase().starts_with("arxiv:")).then(|| id.parse().ok()).flatten()
        };
        self.fields(&["024", "037", "035"]).find_map(in_field)
    }

    fn pubmed_identifiers(&self) -> Vec<ExternalIdentifier> {
        let of_scheme = |scheme: &'static str| {
            let field = self.fields(&["024"]).find(|field| names_scheme(*field, scheme));
            field_parsing::scheme_identifier(scheme, field.and_then(|field| field.value("a")))
        };
        [of_scheme("pmid"), of_scheme("pmcid")].into_iter().flatten().collect()
    }

    fn paper_type(&self, is_on_arxiv: bool) -> PaperType {
        // INSPIRE names its collections, libraries the genre.
        let genres = self.fields(&["980", "655"]).flat_map(|field| field.values("a"));
        let genres: Vec<String> = genres.map(|genre| names::fold(&genre)).collect();
        let has = |words: &[&str]| genres.iter().any(|genre| words.contains(&genre.as_str()));
        let host = self.host();
        let is_in_serial = host.is_some_and(|host| {
            // The fourth character of subfield 7 is the bibliographic level of the host.
            let level = host.value("7").and_then(|control| control.chars().nth(3));
            level == Some('s') || host.value("x").is_some() || level.is_none() && host.value("p").is_some()
        });
        let is_in_book = host.is_some_and(|host| {
            let level = host.value("7").and_then(|control| control.chars().nth(3));
            level == Some('m') || host.value("z").is_some()
        });
        if self.fields(&["502"]).next().is_some()
            || has(&["thesis", "hochschulschrift", "academic theses", "dissertation"])
        {
            PaperType::Thesis
        } else if has(&["conferencepaper", "conference paper", "conference papers"]) {
            PaperType::ConferencePaper
        } else if has(&["bookchapter"]) {
            PaperType::BookChapter
        } else if has(&["book", "proceedings"]) {
            PaperType::Book
        } else if has(&["dataset", "data", "datasets", "data sets"]) {
            PaperType::Dataset
        } else if is_in_serial {
            PaperType::Article
        } else if is_in_book {
            PaperType::BookChapter
        } else if is_on_arxiv {
            PaperType::Preprint
        } else if has(&["article", "published", "journal article", "journal articles"]) {
            PaperType::Article
        } else if has(&["report", "note"]) {
            PaperType::Report
        } else if matches!((self.leader(6), self.leader(7)), ('a' | 't', 'm' | 'c')) {
            PaperType::Book
        } else {
            PaperType::Other
        }
    }
}
