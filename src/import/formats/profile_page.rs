//! Text of a person's profile page at an institute, with French or English headings: name, roles, topics,
//! publications. A page has no markup; `section` classifies the lines of its publications by their content.

mod prose;
mod section;

use std::io::{BufRead, Read as _};

use crate::import::formats::detection::FileHead;
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::record::{
    AffiliationKind, AffiliationRecord, AuthorRecord, OrganizationReference, PaperRecord, PaperType, Record,
    ResearcherRecord, TopicReference, local_scheme,
};
use crate::text::names;

/// Facts that the page itself does not contain.
#[derive(Clone, Debug, Default)]
pub struct ProfilePageOptions {
    /// The institute that publishes the page; the organization of roles that name none.
    pub organization: Option<OrganizationReference>,
    /// The language of headings, roles and topics; detected from the headings if omitted.
    pub language: Option<LanguageTag>,
}

/// The reason why a text is not a valid profile page.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProfilePageError {
    /// The text has no heading of topics or publications.
    #[error(
        "this does not look like a profile page: no line of it is a heading such as 'Sujets de recherche', 'Research \
         Topics' or 'Publications'"
    )]
    NoHeading,
    /// The text has no name above the first heading.
    #[error("line {line}: this does not look like a profile page: a person's name is expected {place}")]
    NoName {
        /// The line number, starting at 1.
        line: usize,
        /// Where the name is expected.
        place: &'static str,
    },
    /// A role has no organization, and the institute is not specified.
    #[error(
        "line {line}: '{role}' is a role at the institute whose page this is; specify the institute with --organization \
         NAME and, if it has one, --ror ID"
    )]
    InstituteNotNamed {
        /// The line number, starting at 1.
        line: usize,
        /// The role as written on the page.
        role: String,
    },
}

/// A cleaned line that is not blank, and its line number, starting at 1.
struct PageLine {
    number: usize,
    text: String,
}

/// A section of the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PageSection {
    Head,
    Topics,
    Biography,
    Publications,
    Other,
}

/// Case-folded headings with their section and language; the language is empty for ambiguous headings.
const SECTION_HEADINGS: [(&str, PageSection, &str); 25] = [
    ("sujets de recherche", PageSection::Topics, "fr"),
    ("themes de recherche", PageSection::Topics, "fr"),
    ("domaines de recherche", PageSection::Topics, "fr"),
    ("axes de recherche", PageSection::Topics, "fr"),
    ("interets de recherche", PageSection::Topics, "fr"),
    ("research topics", PageSection::Topics, "en"),
    ("research interests", PageSection::Topics, "en"),
    ("research areas", PageSection::Topics, "en"),
    ("publications", PageSection::Publications, ""),
    ("publications recentes", PageSection::Publications, "fr"),
    ("publications choisies", PageSection::Publications, "fr"),
    ("dernieres publications", PageSection::Publications, "fr"),
    ("recent publications", PageSection::Publications, "en"),
    ("selected publications", PageSection::Publications, "en"),
    ("latest publications", PageSection::Publications, "en"),
    ("biographie", PageSection::Biography, "fr"),
    ("a propos", PageSection::Biography, "fr"),
    ("biography", PageSection::Biography, "en"),
    ("about", PageSection::Biography, "en"),
    ("bio", PageSection::Biography, ""),
    ("etudiants actuels", PageSection::Other, "fr"),
    ("anciens etudiants", PageSection::Other, "fr"),
    ("current students", PageSection::Other, "en"),
    ("former students", PageSection::Other, "en"),
    ("research projects", PageSection::Other, "en"),
];

/// Prefixes of a portrait's caption, which ends with the name.
const CAPTION_PREFIXES: [(&str, &str); 8] = [
    ("Portrait de ", "fr"),
    ("Portrait d'", "fr"),
    ("Portrait d’", "fr"),
    ("Portrait of ", "en"),
    ("Photo de ", "fr"),
    ("Photo d'", "fr"),
    ("Photo d’", "fr"),
    ("Photo of ", "en"),
];

/// Parses a page: its researcher, followed by the papers in page order.
///
/// Pages list only the coauthors, so the owner of the page is added to each paper without an author position.
///
/// # Errors
/// Fails if the text has no headings or no name, or if a role needs the institute and `options` do not specify it.
pub fn parse_profile_page(text: &str, options: &ProfilePageOptions) -> Result<Vec<Record>, ProfilePageError> {
    let page = ProfilePage::parse(text)?;
    let language = options.language.clone().or_else(|| page.language.parse().ok());
    let researcher = page.researcher_record(language.as_ref(), options.organization.as_ref())?;
    let topics: Vec<&str> = page.section_lines(PageSection::Topics).map(|line| line.text.as_str()).collect();
    let mut papers = Vec::new();
    for (_, lines) in page.sections.iter().filter(|(part, _)| *part == PageSection::Publications) {
        let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        papers.extend(
            section::split_into_papers(&lines, &topics).into_iter().map(|entry| paper_record(&entry, &researcher.name)),
        );
    }
    Ok(std::iter::once(Record::Researcher(researcher)).chain(papers).collect())
}

fn paper_record(entry: &section::PaperLines<'_>, owner: &str) -> Record {
    let own_key = author_name_key(owner);
    let owner_is_listed = entry.authors.iter().any(|name| author_name_key(name) == own_key);
    let listed = (1..).zip(&entry.authors).map(|(position, name)| (Some(position), *name));
    let unlisted = (!owner_is_listed).then_some((None, owner));
    let author = |(position, name): (_, &str)| AuthorRecord { position, name: name.to_owned(), ..Default::default() };
    let (text, completeness) = prose::join_abstract(&entry.paragraphs);
    let abstract_text = if text.is_empty() {
        LocalizedText::default()
    } else {
        LocalizedText::new(prose::detect_language(&text).as_ref(), text)
    };
    Record::Paper(PaperRecord {
        title: entry.title.to_owned(),
        abstract_text,
        abstract_completeness: completeness,
        paper_type: PaperType::Other,
        authors: listed.chain(unlisted).map(author).collect(),
        ..Default::default()
    })
}

/// Returns a key that is equal for all spellings of a name: case, accents, family name first.
fn author_name_key(name: &str) -> String {
    let parts = names::split_name(name);
    names::fold(&[parts.given, parts.family].into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The lines of a page, by section.
struct ProfilePage {
    sections: Vec<(PageSection, Vec<PageLine>)>,
    /// The language tag of the headings; empty if they are ambiguous.
    language: &'static str,
    /// The line number of the first heading.
    first_heading_line: usize,
}

impl ProfilePage {
    fn parse(text: &str) -> Result<Self, ProfilePageError> {
        let mut parts = vec![(PageSection::Head, Vec::new())];
        let (mut language, mut first_heading) = ("", 0);
        let text = text.replace("\r\n", "\n").replace(['\u{feff}', '\u{200b}'], "");
        for (number, line) in (1..).zip(text.split(['\n', '\r', '\u{2028}', '\u{2029}'])) {
            let line = PageLine { number, text: names::clean(line) };
            if let Some((part, tongue)) = parse_heading(&line.text) {
                first_heading = if first_heading == 0 { number } else { first_heading };
                language = if language.is_empty() { tongue } else { language };
                parts.push((part, Vec::new()));
            } else if let Some((part, lines)) = parts.last_mut() {
                // Under publications, an expander label on its own line marks a truncated abstract.
                let is_kept_marker = *part == PageSection::Publications && !line.text.starts_with(char::is_alphabetic);
                if !line.text.is_empty() && (is_kept_marker || !prose::is_button(&line.text)) {
                    lines.push(line);
                }
            }
        }
        if !parts.iter().any(|(part, _)| matches!(part, PageSection::Topics | PageSection::Publications)) {
            return Err(ProfilePageError::NoHeading);
        }
        let page = Self { sections: parts, language, first_heading_line: first_heading };
        let captions =
            page.section_lines(PageSection::Head).find_map(|line| parse_caption(&line.text)).map(|(_, tongue)| tongue);
        Ok(Self { language: if language.is_empty() { captions.unwrap_or_default() } else { language }, ..page })
    }

    fn section_lines(&self, wanted: PageSection) -> impl Iterator<Item = &PageLine> {
        self.sections.iter().filter(move |(part, _)| *part == wanted).flat_map(|(_, lines)| lines)
    }

    fn researcher_record(
        &self,
        language: Option<&LanguageTag>,
        institute: Option<&OrganizationReference>,
    ) -> Result<ResearcherRecord, ProfilePageError> {
        let (name, below) = self.find_name()?;
        // Without a biography heading, paragraphs stand below the roles or the topics.
        let (paragraphs, roles): (Vec<&PageLine>, Vec<&PageLine>) =
            below.into_iter().partition(|line| is_paragraph(&line.text));
        let (loose, topics): (Vec<&PageLine>, Vec<&PageLine>) =
            self.section_lines(PageSection::Topics).partition(|line| is_paragraph(&line.text));
        let paragraphs = paragraphs.into_iter().chain(loose).chain(self.section_lines(PageSection::Biography));
        let paragraphs: Vec<&str> = paragraphs.map(|line| line.text.as_str()).collect();
        let (biography, _) = prose::join_abstract(&paragraphs);
        let mut affiliations = Vec::new();
        for line in roles {
            affiliations.push(affiliation_record(line, language, institute)?);
        }
        if let Some(first) = affiliations.iter_mut().find(|stated| stated.kind == AffiliationKind::Employment) {
            first.is_primary = true;
        }
        let labels = topics.iter().map(|line| line.text.trim_start_matches(['•', '·', '*', '-', ' ']));
        let topic = |label| TopicReference::new(local_scheme(), None, LocalizedText::new(language, label));
        Ok(ResearcherRecord {
            name,
            biography: if biography.is_empty() {
                LocalizedText::default()
            } else {
                LocalizedText::new(prose::detect_language(&biography).as_ref().or(language), biography)
            },
            affiliations,
            topics: labels.filter(|label| !label.is_empty()).map(topic).collect(),
            ..Default::default()
        })
    }

    /// Returns the person's name and the lines of the page head below it.
    ///
    /// The name is the line that matches the portrait's caption, or the first line if there is no caption.
    fn find_name(&self) -> Result<(String, Vec<&PageLine>), ProfilePageError> {
        let (captions, lines): (Vec<&PageLine>, Vec<&PageLine>) =
            self.section_lines(PageSection::Head).partition(|line| parse_caption(&line.text).is_some());
        let caption = captions.first().and_then(|line| parse_caption(&line.text)).map(|(name, _)| name);
        let place = "above the first heading";
        let Some(caption) = caption else {
            let missing = ProfilePageError::NoName { line: self.first_heading_line, place };
            let (first, below) = lines.split_first().ok_or(missing)?;
            if is_paragraph(&first.text)
                || first.text.split(' ').count() > 7
                || !first.text.contains(char::is_alphabetic)
            {
                return Err(ProfilePageError::NoName { line: first.number, place: "on the first line" });
            }
            return Ok((first.text.clone(), below.to_vec()));
        };
        match lines.iter().position(|line| names_match(&line.text, caption)) {
            Some(at) => Ok((lines[at].text.clone(), lines[at + 1..].to_vec())),
            None => Ok((caption.to_owned(), lines)),
        }
    }
}

/// Whether one name contains all words of the other.
fn names_match(one: &str, other: &str) -> bool {
    let (one, other) = (names::fold(one), names::fold(other));
    let within =
        |part: &str, whole: &str| !part.is_empty() && part.split(' ').all(|word| whole.split(' ').any(|w| w == word));
    within(&one, &other) || within(&other, &one)
}

/// Whether a text has a heading of a profile page.
fn has_page_headings(text: &str) -> bool {
    text.lines().any(|line| parse_heading(line).is_some())
}

fn parse_heading(line: &str) -> Option<(PageSection, &'static str)> {
    let folded = names::fold(line);
    // "Publications (123)" is a heading, too.
    let bare = folded.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    SECTION_HEADINGS.iter().find(|(heading, ..)| *heading == bare).map(|(_, part, language)| (*part, *language))
}

/// Returns the name in a portrait's caption and the language of the caption.
fn parse_caption(line: &str) -> Option<(&str, &'static str)> {
    CAPTION_PREFIXES.iter().find_map(|(beginning, language)| {
        let (head, name) = line.split_at_checked(beginning.len())?;
        (head.eq_ignore_ascii_case(beginning) && !name.is_empty()).then_some((name, *language))
    })
}

/// Whether a line is prose rather than a role or a topic.
fn is_paragraph(line: &str) -> bool {
    let words = line.split(' ').count();
    let last = line.rsplit(' ').next().unwrap_or_default();
    let is_sentence =
        line.ends_with(['.', '!', '?', '…']) && !has_word(last, &["co", "corp", "inc", "llc", "ltd", "ltee"]);
    words > 25 || words > 5 && is_sentence
}

/// Parses a role: "role", "role, organization" or "role, organization, department".
fn affiliation_record(
    line: &PageLine,
    language: Option<&LanguageTag>,
    institute: Option<&OrganizationReference>,
) -> Result<AffiliationRecord, ProfilePageError> {
    let by_comma: Vec<&str> = line.text.splitn(3, ',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let parts = match by_comma.as_slice() {
        [only] => {
            [" - ", " – ", " — "].iter().find_map(|dash| only.split_once(dash)).map_or(by_comma, |(a, b)| vec![a, b])
        }
        _ => by_comma,
    };
    let (role, place, department) = match parts.as_slice() {
        // A team without an organization belongs to the institute.
        [role, team] if has_word(team, &["team", "equipe"]) => (*role, None, Some(*team)),
        [role, rest @ ..] => (*role, rest.first().copied(), rest.get(1).copied()),
        [] => (line.text.as_str(), None, None),
    };
    let kind = affiliation_kind(role, place.or(department).is_some());
    let named = |name: &str| OrganizationReference { name: Some(name.to_owned()), ..Default::default() };
    let institute = institute.filter(|institute| institute.ror.is_some() || institute.name.is_some());
    let institute_name = institute.and_then(|institute| institute.name.as_deref()).unwrap_or_default();
    let organization = match place {
        Some(place) if names::fold(place) != names::fold(institute_name) => named(place),
        // CIFAR awards the chair, at whatever institution it is held.
        None if kind == AffiliationKind::Distinction && has_word(role, &["cifar"]) => named("CIFAR"),
        _ => institute
            .cloned()
            .ok_or_else(|| ProfilePageError::InstituteNotNamed { line: line.number, role: role.to_owned() })?,
    };
    Ok(AffiliationRecord {
        id: None,
        organization,
        kind,
        role_title: LocalizedText::new(language, role),
        department_name: department.map(|name| LocalizedText::new(language, name)).unwrap_or_default(),
        start_date: None,
        end_date: None,
        has_ended: is_past(role),
        is_primary: false,
    })
}

/// Whether a role is one that has ended, such as "Former director".
fn is_past(role: &str) -> bool {
    let folded = names::fold(role);
    matches!(folded.split([' ', '-']).next(), Some("former" | "formerly" | "past" | "ex" | "ancien" | "ancienne"))
}

/// Classifies a role in ORCID's terms; a role without an organization is a membership of the institute.
fn affiliation_kind(role: &str, has_place: bool) -> AffiliationKind {
    let student = ["student", "etudiant", "etudiante", "doctorat", "doctorant", "doctorante", "phd", "maitrise", "msc"];
    if has_word(role, &["member", "membre"]) {
        AffiliationKind::Membership
    } else if has_word(role, &["chair", "chaire"]) && !has_place {
        AffiliationKind::Distinction
    } else if has_word(role, &student) {
        AffiliationKind::Education
    } else if has_word(role, &["visiting", "invite", "invitee"]) {
        AffiliationKind::InvitedPosition
    } else if has_place {
        AffiliationKind::Employment
    } else {
        AffiliationKind::Membership
    }
}

fn has_word(text: &str, words: &[&str]) -> bool {
    names::fold(text).split(' ').any(|word| words.contains(&word))
}

/// Maximum size of a page.
const MAX_PAGE_BYTES: u64 = 16 << 20;

/// Text of profile pages.
#[derive(Debug)]
pub(crate) struct ProfilePageFormat;

impl Format for ProfilePageFormat {
    fn name(&self) -> &'static str {
        "profile-page"
    }

    fn help(&self) -> &'static str {
        "Text of a person's profile page at an institute, in French or English"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Curated
    }

    fn matches(&self, head: &FileHead<'_>) -> bool {
        head.content_kind == ContentKind::Text && has_page_headings(&String::from_utf8_lossy(head.text))
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, &options.profile_page, sink)
    }
}

/// Reads a page and pushes its papers in reverse order.
///
/// IDs increase in import order, so lists of undated papers, newest first, keep the order of the page.
fn read_stream(
    reader: &mut dyn BufRead,
    options: &ProfilePageOptions,
    sink: &mut RecordSink<'_>,
) -> Result<(), ReadAbort> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_PAGE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ReadAbort::Unreadable(0, format!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_PAGE_BYTES {
        return Err(ReadAbort::Unreadable(0, format!("it is larger than {} MiB", MAX_PAGE_BYTES >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        ReadAbort::Unreadable(line, "it is not UTF-8 text; save the page as UTF-8".to_owned())
    })?;
    let mut records =
        parse_profile_page(&text, options).map_err(|error| ReadAbort::Unreadable(0, error.to_string()))?;
    let papers = records.split_off(1.min(records.len()));
    records.extend(papers.into_iter().rev());
    records.into_iter().try_for_each(|record| sink.push_record(0, record, Vec::new()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::model::record::AbstractCompleteness;

    const FRENCH: &str = "\
        \u{feff}Portrait d’Ada Lovelace\r\n\
        \r\n\
        Ada Lovelace\r\n\
        \r\n\
        Membre académique principal\r\n\
        Chaire en IA Canada-CIFAR\r\n\
        Professeure agrégée,\u{a0}Université de Montréal, Département d’informatique et de recherche \
        opérationnelle\r\n\
        Conseillère scientifique, Vergers Associés inc.\r\n\
        \r\n\
        SUJETS DE RECHERCHE\r\n\
        Machines analytiques\r\n\
        Voir plus\r\n\
        \r\n\
        Théorie des nombres\r\n\
        \r\n\
        Biographie\r\n\
        Elle écrit des programmes pour les mach… (voir plus)ines.\r\n\
        \r\n\
        Elle aime les vers.\r\n\
        Publications récentes :\r\n\
        \r\n\
        Notes on the engine\r\n\
        \r\n\
        Charles Babbage\r\n\
        The engine computes what we or… (voir\u{a0}plus)der it to compute, and nothing that we do not.\r\n\
        Du calcul des nombres\r\n\
        Luigi F. Menabrea\r\n\
        Nous montrons que les nombres sont dans la machine (voir la note\r\n\
        Sketch of a machine for all purposes\r\n\
        Mary Somerville\r\n\
        Lovelace, Ada\r\n\
        Charles Babbage\r\n";

    const ENGLISH: &str = "\
        Grace Hopper\n\
        Associate Academic Member\n\
        Canada CIFAR AI Chair\n\
        Assistant Professor, McGill University, School of Computer Science\n\
        Visiting Researcher, Harvard University\n\
        PhD Student - Yale University\n\
        Core Industry Member, mila\n\
        Scientific Advisor, Leadership Team\n\
        Grace Hopper builds compilers, and teaches others to build them.\n\
        Research Topics\n\
        • Compilers\n\
        Publications (2)\n\
        A compiler for everyone\n\
        Jean Sammet\n\
        Jean Sammet\n\
        Beyond Flow-Matic\n\
        It compiles.\n\
        Show more";

    fn named(name: &str) -> OrganizationReference {
        OrganizationReference { name: Some(name.to_owned()), ..Default::default() }
    }

    fn options() -> ProfilePageOptions {
        ProfilePageOptions { organization: Some(named("Mila")), language: None }
    }

    fn page(text: &str) -> (ResearcherRecord, Vec<PaperRecord>) {
        let mut records = parse_profile_page(text, &options()).expect("a page").into_iter();
        let Some(Record::Researcher(researcher)) = records.next() else { panic!("the researcher comes first") };
        let paper = |record| match record {
            Record::Paper(paper) => paper,
            other => panic!("only papers follow: {other:?}"),
        };
        (researcher, records.map(paper).collect())
    }

    /// Formats roles as "KIND role @ organization / department".
    fn roles(researcher: &ResearcherRecord) -> Vec<String> {
        let text =
            |text: &LocalizedText| text.iter().map(|(tag, value)| format!("{value} [{tag}]")).collect::<String>();
        let role = |stated: &AffiliationRecord| {
            let place = stated.organization.name.clone().unwrap_or_default();
            let primary = if stated.is_primary { "*" } else { "" };
            let (role, department) = (text(&stated.role_title), text(&stated.department_name));
            format!("{primary}{:?} {role} @ {place} / {department}", stated.kind)
        };
        researcher.affiliations.iter().map(role).collect()
    }

    fn authors(paper: &PaperRecord) -> Vec<(Option<u32>, &str)> {
        paper.authors.iter().map(|author| (author.position, author.name.as_str())).collect()
    }

    fn texts(text: &LocalizedText) -> Vec<(&str, &str)> {
        text.iter().collect()
    }

    #[test]
    fn past_roles() {
        for role in ["Former director", "Ex-president", "Past chair", "Ancienne directrice"] {
            assert!(is_past(role), "{role}");
        }
        for role in ["Director", "Professor emeritus", "Expert", "Director of former lands"] {
            assert!(!is_past(role), "{role}");
        }
    }

    #[test]
    fn a_french_page() {
        let (researcher, papers) = page(FRENCH);
        assert_eq!(researcher.name, "Ada Lovelace");
        assert_eq!(
            roles(&researcher),
            [
                "Membership Membre académique principal [fr] @ Mila / ",
                "Distinction Chaire en IA Canada-CIFAR [fr] @ CIFAR / ",
                "*Employment Professeure agrégée [fr] @ Université de Montréal / \
                 Département d’informatique et de recherche opérationnelle [fr]",
                "Employment Conseillère scientifique [fr] @ Vergers Associés inc. / ",
            ]
        );
        let topics: Vec<_> =
            researcher.topics.iter().map(|topic| (topic.scheme.as_str(), texts(&topic.labels))).collect();
        assert_eq!(
            topics,
            [("local", vec![("fr", "Machines analytiques")]), ("local", vec![("fr", "Théorie des nombres")])]
        );
        let biography = "Elle écrit des programmes pour les machines.\nElle aime les vers.";
        assert_eq!(texts(&researcher.biography), [("fr", biography)]);

        let [notes, calculus, sketch] = papers.as_slice() else { panic!("three papers: {papers:#?}") };
        assert_eq!(notes.title, "Notes on the engine");
        assert_eq!(authors(notes), [(Some(1), "Charles Babbage"), (None, "Ada Lovelace")]);
        let whole = "The engine computes what we order it to compute, and nothing that we do not.";
        assert_eq!(texts(&notes.abstract_text), [("en", whole)]);
        assert_eq!(notes.abstract_completeness, AbstractCompleteness::Full);
        let visible = "Nous montrons que les nombres sont dans la machine (voir la note";
        assert_eq!(texts(&calculus.abstract_text), [("fr", visible)]);
        assert_eq!(calculus.abstract_completeness, AbstractCompleteness::Truncated);
        assert_eq!(sketch.abstract_completeness, AbstractCompleteness::Absent);
        assert!(sketch.abstract_text.is_empty());
        let listed = [(Some(1), "Mary Somerville"), (Some(2), "Lovelace, Ada"), (Some(3), "Charles Babbage")];
        assert_eq!(authors(sketch), listed, "the owner is listed already");
    }

    #[test]
    fn an_english_page() {
        let (researcher, papers) = page(ENGLISH);
        assert_eq!(
            roles(&researcher),
            [
                "Membership Associate Academic Member [en] @ Mila / ",
                "Distinction Canada CIFAR AI Chair [en] @ CIFAR / ",
                "*Employment Assistant Professor [en] @ McGill University / School of Computer Science [en]",
                "InvitedPosition Visiting Researcher [en] @ Harvard University / ",
                "Education PhD Student [en] @ Yale University / ",
                "Membership Core Industry Member [en] @ Mila / ",
                "Employment Scientific Advisor [en] @ Mila / Leadership Team [en]",
            ]
        );
        assert_eq!(texts(&researcher.topics[0].labels), [("en", "Compilers")]);
        let biography = "Grace Hopper builds compilers, and teaches others to build them.";
        assert_eq!(texts(&researcher.biography), [("en", biography)]);
        let [compiler, beyond] = papers.as_slice() else { panic!("two papers: {papers:#?}") };
        let twice = [(Some(1), "Jean Sammet"), (Some(2), "Jean Sammet"), (None, "Grace Hopper")];
        assert_eq!(authors(compiler), twice, "as the page lists them");
        assert_eq!((beyond.title.as_str(), authors(beyond)), ("Beyond Flow-Matic", vec![(None, "Grace Hopper")]));
        assert_eq!(texts(&beyond.abstract_text), [("und", "It compiles.")]);
        assert_eq!(beyond.paper_type, PaperType::Other);
    }

    #[test]
    fn names_and_captions() {
        for (head, name) in [
            ("Portrait of Yi Tay\nYi Tay\nMember", "Yi Tay"),
            ("Portrait de Yi\nMenu\nYi Tay\nMembre", "Yi Tay"),
            ("Yi Tay\nMember", "Yi Tay"),
            ("Portrait of Yi Tay", "Yi Tay"),
            ("photo de Jean-François Cardoso\nMembre", "Jean-François Cardoso"),
        ] {
            assert_eq!(page(&format!("{head}\nPublications\n")).0.name, name, "{head}");
        }
    }

    #[test]
    fn the_language_of_labels() {
        let label = |text: &str, language: Option<&str>| {
            let language = language.map(|tag| tag.parse().expect("a tag"));
            let records = parse_profile_page(text, &ProfilePageOptions { language, ..options() }).expect("a page");
            let Record::Researcher(researcher) = &records[0] else { panic!("a researcher") };
            researcher.affiliations[0].role_title.iter().map(|(tag, _)| tag.to_owned()).collect::<String>()
        };
        assert_eq!(label("Yi Tay\nMembre\nPublications", None), "und");
        assert_eq!(label("Yi Tay\nMembre\nPublications", Some("fr-CA")), "fr-CA");
        assert_eq!(label("Portrait de Yi Tay\nMembre\nPublications", None), "fr");
        assert_eq!(label("Yi Tay\nMember\nPublications\nResearch interests\nMachines", None), "en");
    }

    #[test]
    fn texts_that_are_not_profile_pages() {
        let message = |text| parse_profile_page(text, &ProfilePageOptions::default()).expect_err(text).to_string();
        let no_page = "this does not look like a profile page: ";
        let no_heading = format!(
            "{no_page}no line of it is a heading such as 'Sujets de recherche', 'Research Topics' or 'Publications'"
        );
        assert_eq!(message(""), no_heading);
        assert_eq!(message("Ada Lovelace\nBiographie\nPublications of hers"), no_heading);
        let no_name = |line, place| format!("line {line}: {no_page}a person's name is expected {place}");
        assert_eq!(message("\n\nPublications\nA title"), no_name(3, "above the first heading"));
        let prose = "\nThis is a text about something else.\nPublications";
        assert_eq!(message(prose), no_name(2, "on the first line"));
        assert_eq!(
            message("Ada Lovelace\r\n\r\nMembre affilié\r\nPublications"),
            "line 3: 'Membre affilié' is a role at the institute whose page this is; specify the institute with \
             --organization NAME and, if it has one, --ror ID"
        );
        assert!(
            parse_profile_page("Ada Lovelace\nPoet, Somewhere\nPublications", &ProfilePageOptions::default()).is_ok()
        );
    }

    #[test]
    fn the_sample_page() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/seeds");
        let Ok(files) = std::fs::read_dir(&folder) else {
            println!("skipped: there is no folder {}", folder.display());
            return;
        };
        for file in files {
            let page_text = std::fs::read_to_string(file.expect("an entry").path()).expect("a text");
            let (researcher, papers) = page(&page_text);
            assert_eq!(researcher.name, "Razvan Pascanu");
            assert_eq!(
                roles(&researcher),
                [
                    "Membership Membre affilié [fr] @ Mila / ",
                    "*Employment Chercheur scientifique principal [fr] @ Google DeepMind / "
                ]
            );
            assert_eq!(researcher.topics.len(), 15);
            assert!(researcher.biography.is_empty());
            use AbstractCompleteness::{Absent, Full, Truncated};
            let summary: Vec<_> =
                papers.iter().map(|p| (p.title.as_str(), p.authors.len() - 1, p.abstract_completeness)).collect();
            assert_eq!(
                summary,
                [
                    ("Attention as a Hypernetwork", 4, Full),
                    ("Hadamard product in deep learning: Introduction, Advances and Challenges.", 4, Absent),
                    ("Meta-learning how to Share Credit among Macro-Actions", 2, Full),
                    ("Torque-Aware Momentum", 0, Full),
                    ("Non-Stationary Learning of Neural Networks with Automatic Soft Parameter Reset", 6, Full),
                    ("Retrieval-Augmented Decision Transformer: External Memory for In-context RL", 5, Full),
                    ("Switching between tasks can cause AI to lose the ability to learn", 1, Absent),
                    ("When can transformers compositionally generalize in-context?", 6, Full),
                    (
                        "Investigating Low-Rank Training in Transformer Language Models: Efficiency and Scaling \
                         Analysis",
                        2,
                        Truncated
                    ),
                    ("Improving fine-grained understanding in image-text pre-training", 9, Full),
                    (
                        "Universality of Linear Recurrences Followed by Non-linear Projections: Finite-Width \
                         Guarantees and Benefits of Complex Eigenvalues",
                        0,
                        Full
                    ),
                    (
                        "Building on Efficient Foundations: Effectively Training LLMs with Structured Feedforward \
                         Layers",
                        2,
                        Full
                    ),
                ]
            );
            let owner = Some(&AuthorRecord { name: researcher.name.clone(), ..Default::default() });
            assert!(papers.iter().all(|paper| paper.authors.last() == owner));
            let others = papers.iter().flat_map(authors).filter(|(position, _)| position.is_some());
            assert_eq!(others.map(|(_, name)| name).collect::<BTreeSet<_>>().len(), 34);
            for (tag, text) in papers.iter().flat_map(|paper| paper.abstract_text.iter()) {
                assert_eq!(tag, "en");
                assert!(!text.contains("voir plus") && !text.contains('…'), "{text}");
                // Only the expander labels are removed.
                assert!(page_text.lines().any(|line| line.replace("… (voir plus)", "") == text), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC|[\\n\\r\\t\u{0}(…]){0,200}") {
            let _ = parse_profile_page(&text, &options());
            let _ = parse_profile_page(&format!("{text}\nPublications\n{text}\nSujets de recherche\n{text}"), &options());
            let _ = parse_profile_page(&format!("Ada Lovelace\n{text}\nPublications\n{text}"), &ProfilePageOptions::default());
        }
    }
}
