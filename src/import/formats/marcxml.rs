//! MARC 21 records in XML, as libraries (Alma) and INSPIRE export them.

use std::io::BufRead;

use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::lines::unreadable_error;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::io::xml::XmlElement;
use crate::import::io::xml::element_stream::{RecordElements, expect_xml, read_elements};
use crate::import::normalize::{author_list, field_parsing};
use crate::model::identifier::{ArxivId, Doi, Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, ExternalIdentifier, OrganizationReference, PaperRecord, PaperType, Record};
use crate::text::names;

/// A record of OAI-PMH has the same name, and is a wrapper.
const RECORDS: RecordElements =
    RecordElements { names: &["record"], content_marks: &["datafield", "leader>"], noun: "record" };

/// MARC 21 in XML.
#[derive(Debug)]
pub(crate) struct MarcXmlFormat;

impl Format for MarcXmlFormat {
    fn name(&self) -> &'static str {
        "marcxml"
    }

    fn help(&self) -> &'static str {
        "MARC 21 records in XML, as from library systems and INSPIRE"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml", "marcxml"]
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Markup && is_marc(head)
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        let head = reader.fill_buf().map_err(|error| unreadable_error(1, &error))?;
        expect_xml(head)?;
        if !is_marc(&FileHead::new(head)) {
            return Err(ReadAbort::Unreadable(1, "it is XML, but not MARCXML".to_owned()));
        }
        read_elements(reader, &RECORDS, sink, |line, element, mut warnings, sink| {
            let record = MarcRecord { element };
            match record.paper_record(&mut warnings) {
                Ok(paper) => sink.push_record(line, Record::Paper(paper), warnings),
                Err(reason) => sink.push_invalid(line, reason),
            }
        })
    }
}

/// Libraries omit the namespace.
fn is_marc(head: &FileHead<'_>) -> bool {
    head.contains(b"www.loc.gov/MARC21/slim")
        || head.contains(b"controlfield tag=") && (head.contains(b"datafield tag=") || head.contains(b"leader>"))
}

/// A bibliographic record.
struct MarcRecord<'a> {
    element: &'a XmlElement,
}

/// A data field: its indicators, and its subfields by code.
#[derive(Clone, Copy)]
struct MarcField<'a> {
    element: &'a XmlElement,
}

impl<'a> MarcField<'a> {
    /// Returns the first indicator; a space if it is not defined.
    fn first_indicator(self) -> char {
        self.indicator("ind1")
    }

    fn second_indicator(self) -> char {
        self.indicator("ind2")
    }

    fn indicator(self, name: &str) -> char {
        // Catalogs write an undefined indicator as a space, #, _ or \.
        let indicator = self.element.attribute(name).and_then(|value| value.chars().next()).unwrap_or(' ');
        if matches!(indicator, '#' | '_' | '\\' | '|') { ' ' } else { indicator }
    }

    /// Returns the values of the subfields with this code.
    fn values(self, code: &'a str) -> impl Iterator<Item = String> + use<'a> {
        let subfields = self.element.children_named("subfield");
        let values = subfields.filter(move |subfield| subfield.attribute("code") == Some(code));
        values.map(|subfield| subfield.text().trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn value(self, code: &'a str) -> Option<String> {
        self.values(code).next()
    }
}

impl<'a> MarcRecord<'a> {
    fn control_field(&self, tag: &str) -> Option<String> {
        let mut fields = self.element.children_named("controlfield");
        let field = fields.find(|field| field.attribute("tag") == Some(tag))?;
        Some(field.text()).filter(|text| !text.trim().is_empty())
    }

    /// Returns the data fields with these tags, in the order of the record.
    fn fields(&self, tags: &'a [&'a str]) -> impl Iterator<Item = MarcField<'a>> + use<'a> {
        let fields = self.element.children_named("datafield");
        let with_tag = fields.filter(|field| field.attribute("tag").is_some_and(|tag| tags.contains(&tag)));
        with_tag.map(|element| MarcField { element })
    }

    /// Returns the first value of a subfield of the fields with these tags.
    fn value(&self, tags: &'a [&'a str], code: &'a str) -> Option<String> {
        self.fields(tags).find_map(|field| field.value(code))
    }

    /// Returns a character of the leader, or a space.
    fn leader(&self, position: usize) -> char {
        let leader = self.element.descendant_at(&["leader"]).map(XmlElement::text);
        leader.and_then(|leader| leader.chars().nth(position)).unwrap_or(' ')
    }

    fn paper_record(&self, warnings: &mut Vec<String>) -> Result<PaperRecord, String> {
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

    /// Returns where in its host the publication is: in subfields v, n and c, as INSPIRE writes it, in subfield q
    /// (`40:5<120`), or in words in subfield g. A book has the volume of its series.
    fn part(&self) -> PartOfHost {
        let Some(host) = self.host() else {
            return PartOfHost { volume: self.value(&["490", "830"], "v"), ..PartOfHost::default() };
        };
        let own = PartOfHost { volume: host.value("v"), issue: host.value("n"), pages: host.value("c") };
        if own.volume.is_some() || own.pages.is_some() {
            return own;
        }
        let in_words = host.values("g").collect::<Vec<_>>().join(", ");
        let coded = host.value("q").map(|code| PartOfHost::from_code(&code)).unwrap_or_default();
        let written = PartOfHost::from_words(&in_words);
        PartOfHost {
            volume: written.volume.or(coded.volume),
            issue: written.issue.or(coded.issue),
            pages: written.pages.or(coded.pages),
        }
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

    /// Returns the date of publication: in the imprint, of the host, of a thesis, of a preprint, or in field 008.
    fn publication_date(&self, warnings: &mut Vec<String>) -> Option<PartialDate> {
        // Of several statements in field 264, the one of publication.
        let imprint = self.fields(&["260", "264"]).filter(|field| matches!(field.second_indicator(), ' ' | '1'));
        let written = imprint.flat_map(|field| field.values("c")).chain(self.host().and_then(|host| host.value("y")));
        let written = written.chain(self.value(&["502"], "d")).chain(self.value(&["269"], "c"));
        let dates: Vec<PartialDate> = written.filter_map(|date| parse_imprint_date(&date, warnings)).collect();
        let year = dates.first().map(|date| date.year());
        // The first date decides the year, and a more precise one of that year the day.
        let best =
            dates.into_iter().filter(|date| Some(date.year()) == year).rev().max_by_key(|date| date.to_string().len());
        best.or_else(|| self.fixed_date())
    }

    /// Returns the date in field 008: date 1, or a detailed date.
    fn fixed_date(&self) -> Option<PartialDate> {
        let field = self.control_field("008")?;
        let number = |range: std::ops::Range<usize>| field.get(range)?.parse::<i64>().ok();
        let year = number(7..11)?;
        let (month, day) = match field.get(6..7)? {
            "e" => (number(11..13), number(13..15)),
            "b" | "n" | "|" => return None,
            _ => (None, None),
        };
        PartialDate::new(year, month, month.and(day)).or_else(|_| PartialDate::new(year, None, None)).ok()
    }

    /// Returns the field about the journal or book of which the publication is a part.
    fn host(&self) -> Option<MarcField<'a>> {
        // An erratum is described like a host.
        let fields = || self.fields(&["773"]);
        fields().find(|field| field.value("p").or_else(|| field.value("t")).is_some()).or_else(|| fields().next())
    }

    fn venue_name(&self) -> Option<String> {
        let host = self.host()?;
        let venue = host.value("t").or_else(|| host.value("p"))?;
        Some(strip_punctuation(&venue).to_owned()).filter(|venue| !venue.is_empty())
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

    /// Returns the authors: the main entry, and added entries without another role.
    fn authors(&self, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
        let people = self.fields(&["100", "700"]).filter(|field| is_author(*field));
        // Subfield t makes an added entry a work of another person.
        let people = people.filter(|field| field.value("t").is_none());
        let mut fields: Vec<MarcField<'a>> = people.collect();
        if fields.is_empty() {
            fields = self.fields(&["110"]).filter(|field| is_author(*field)).collect();
        }
        (1..).zip(fields).map(|(position, field)| author_record(position, field, warnings)).collect()
    }
}

/// Where in its host a publication is.
#[derive(Debug, Default, PartialEq, Eq)]
struct PartOfHost {
    volume: Option<String>,
    issue: Option<String>,
    pages: Option<String>,
}

impl PartOfHost {
    /// Parses the code of subfield q: volume, issue and first page, as `40:5<120`.
    fn from_code(code: &str) -> Self {
        let (numbers, pages) = code.split_once('<').map_or((code, None), |(numbers, page)| (numbers, Some(page)));
        let mut numbers = numbers.split(':').map(str::trim).filter(|number| !number.is_empty()).map(ToOwned::to_owned);
        let page = pages.map(str::trim).filter(|page| !page.is_empty()).map(ToOwned::to_owned);
        Self { volume: numbers.next(), issue: numbers.next(), pages: page }
    }

    /// Parses words such as "Vol. 24, no. 2 (Feb. 1976), p. 195-230" or "Bd. 3 (2014), H. 1, S. 5-9".
    fn from_words(text: &str) -> Self {
        const VOLUMES: [&str; 9] = ["vol", "volume", "v", "bd", "band", "jg", "jahrgang", "tome", "t"];
        const ISSUES: [&str; 9] = ["no", "nr", "number", "issue", "h", "heft", "iss", "n", "fasc"];
        const PAGES: [&str; 6] = ["p", "pp", "pages", "page", "s", "seiten"];
        let mut part = Self::default();
        for segment in text.split([',', ';']) {
            let segment = segment.split('(').next().unwrap_or_default().trim();
            let label_length = segment.find(|c: char| !c.is_alphabetic()).unwrap_or(segment.len());
            let (label, value) = segment.split_at(label_length);
            let value = value.trim_start_matches(['.', ':', ' ', 'º', '°']).trim();
            if !value.starts_with(|c: char| c.is_alphanumeric()) || value.contains(' ') {
                continue;
            }
            let label = label.to_lowercase();
            let place = [(&VOLUMES[..], &mut part.volume), (&ISSUES, &mut part.issue), (&PAGES, &mut part.pages)]
                .into_iter()
                .find(|(labels, _)| labels.contains(&label.as_str()));
            if let Some((_, place)) = place {
                place.get_or_insert_with(|| value.to_owned());
            }
        }
        part
    }
}

/// Returns whether a field is of a scheme, by its subfield 2.
fn names_scheme(field: MarcField<'_>, scheme: &str) -> bool {
    field.value("2").is_some_and(|source| source.eq_ignore_ascii_case(scheme))
}

/// Returns whether the roles in a field, if any, include that of an author.
fn is_author(field: MarcField<'_>) -> bool {
    let roles = field.values("4").chain(field.values("e"));
    let roles: Vec<String> = roles.map(|role| names::fold(role.rsplit('/').next().unwrap_or(&role))).collect();
    let author_roles = [
        "aut",
        "cre",
        "dis",
        "author",
        "joint author",
        "co author",
        "creator",
        "degree granted",
        "verfasser",
        "verfasserin",
        "auteur",
        "autor",
    ];
    roles.is_empty() || roles.iter().any(|role| author_roles.contains(&role.as_str()))
}

fn author_record(position: u32, field: MarcField<'_>, warnings: &mut Vec<String>) -> AuthorRecord {
    let written = field.value("a").unwrap_or_default();
    let written = strip_name_punctuation(&written);
    let is_group = field.element.attribute("tag") == Some("110");
    let suffix = field.value("c").map(|titles| strip_name_punctuation(&titles).to_owned());
    let suffix = suffix.filter(|suffix| names::is_suffix_after_comma(suffix));
    let in_text = suffix.map_or_else(|| written.to_owned(), |suffix| format!("{written}, {suffix}"));
    let author = if is_group {
        let unit = field.value("b").map(|unit| strip_punctuation(&unit).to_owned());
        let name = unit.map_or_else(|| written.to_owned(), |unit| format!("{written}. {unit}"));
        AuthorRecord { position: Some(position), name, ..AuthorRecord::default() }
    } else {
        author_list::author_from_text(Some(position), &in_text)
    };
    let (orcid, identifiers) = person_identifiers(field, position, warnings);
    // INSPIRE writes its short name of an institution in u and the printed affiliation in v.
    let printed: Vec<String> = field.values("v").collect();
    let affiliations = if printed.is_empty() { field.values("u").collect() } else { printed };
    let organizations = field.values("t").chain(field.values("0")).chain(field.values("1"));
    let organizations = organizations.filter_map(|id| {
        let ror = id.rsplit("ROR:").next().filter(|_| id.to_ascii_lowercase().contains("ror"))?.parse::<Ror>().ok()?;
        Some(OrganizationReference { ror: Some(ror), name: field.value("u"), ..Default::default() })
    });
    AuthorRecord {
        orcid,
        identifiers,
        affiliations_as_published: affiliations,
        organizations: organizations.collect(),
        ..author
    }
}

/// Returns the ORCID iD and other identifiers of a person: `(orcid)0000-…`, `ORCID:0000-…`, a URI, `(DE-588)118540238`,
/// `INSPIRE-00210391`.
fn person_identifiers(
    field: MarcField<'_>,
    position: u32,
    warnings: &mut Vec<String>,
) -> (Option<Orcid>, Vec<ExternalIdentifier>) {
    let (mut orcid, mut identifiers) = (None, Vec::new());
    let mut add = |scheme: &str, value: &str| {
        identifiers.extend(field_parsing::scheme_identifier(scheme, Some(value.to_owned())));
    };
    for id in field.values("0").chain(field.values("1")).chain(field.values("j")).chain(field.values("i")) {
        let folded = id.to_ascii_lowercase();
        if let Some(start) = folded.find("orcid") {
            let value = id[start + "orcid".len()..].trim_start_matches([')', ':', ' ']).trim_start_matches(".org/");
            let mut orcid_warnings = Vec::new();
            orcid = orcid.or_else(|| field_parsing::parse_identifier::<Orcid>(Some(value), &mut orcid_warnings));
            warnings.extend(orcid_warnings.into_iter().map(|warning| format!("author {position}: {warning}")));
        } else if let Some(value) =
            id.strip_prefix("(DE-588)").or_else(|| id.split_once("d-nb.info/gnd/").map(|(_, id)| id))
        {
            add("gnd", value);
        } else if let Some((_, value)) = id.split_once("viaf.org/viaf/") {
            add("viaf", value);
        } else if let Some((_, value)) = id.split_once("wikidata.org/entity/") {
            add("wikidata", value);
        } else if id.starts_with("INSPIRE-") {
            add("inspire", &id);
        } else if let Some((_, value)) = id.split_once("isni.org/isni/").or_else(|| id.split_once("(isni)")) {
            add("isni", value);
        }
    }
    (orcid, identifiers)
}

/// Parses the date of an imprint: "c2005.", "[2014?]", "2018-", "2012-07-31".
fn parse_imprint_date(written: &str, warnings: &mut Vec<String>) -> Option<PartialDate> {
    let bare = written.trim_matches(|c: char| matches!(c, '[' | ']' | '.' | ',' | ';' | '©' | '℗' | ' ' | '-' | '?'));
    let bare =
        bare.strip_prefix(['c', 'p']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(bare);
    field_parsing::parse_date(bare, warnings)
}

/// Strips the punctuation by which ISBD separates a part from the next one.
fn strip_punctuation(text: &str) -> &str {
    let text = text.trim().trim_end_matches(['/', ':', ';', '=', ',']).trim_end();
    // A full stop ends the field, unless it is part of an abbreviation or an ellipsis.
    match text.strip_suffix('.') {
        Some(before)
            if !before.ends_with('.') && before.rsplit(' ').next().is_some_and(|word| word.chars().count() > 3) =>
        {
            before
        }
        _ => text,
    }
}

/// Strips the punctuation after a name: "Brook, Ida," and "Brook, Ida." but not "Brook, I."
fn strip_name_punctuation(text: &str) -> &str {
    let text = text.trim().trim_end_matches([',', ';', ':']).trim_end();
    match text.strip_suffix('.') {
        Some(before) if before.rsplit([' ', '-', '.', ',']).next().is_some_and(|word| word.chars().count() > 2) => {
            before
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::test_support::{papers, read_bytes};

    fn field(tag: &str, indicators: &str, subfields: &[(&str, &str)]) -> String {
        let content: String =
            subfields.iter().map(|(code, text)| format!("<subfield code=\"{code}\">{text}</subfield>")).collect();
        let (first, second) = indicators.split_at(1);
        format!("<datafield tag=\"{tag}\" ind1=\"{first}\" ind2=\"{second}\">{content}</datafield>")
    }

    fn record(leader: &str, fields: &[String]) -> String {
        format!(
            "<record><leader>{leader}</leader><controlfield tag=\"001\"> 42</controlfield>{}</record>",
            fields.concat()
        )
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
            let fields: Vec<String> =
                std::iter::once(field("245", "  ", subfields)).chain(more.iter().cloned()).collect();
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
                titled(
                    &[("a", "Weirs etc.")],
                    &[field("502", "  ", &[("b", "PhD"), ("c", "Riverton U."), ("d", "2012")])],
                ),
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
        let text = format!(
            "<OAI-PMH><ListRecords><record><header/><metadata>{inner}</metadata></record></ListRecords></OAI-PMH>"
        );
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
}
