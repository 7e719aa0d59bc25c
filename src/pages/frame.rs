//! What all pages have in common: head, header and footer.

use url::form_urlencoded;

use crate::pages::assets::{ICON, SCRIPT, STYLE_SHEET};
use crate::pages::language::{LANGUAGES, Language};
use crate::pages::text::{Plural, Texts};
use crate::pages::{Page, SiteSettings};

/// Maximum length of a description of a page in search engines.
const MAX_DESCRIPTION_CHARS: usize = 160;

/// The address of a page, and the settings of the directory.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The language of the page.
    pub language: Language,
    /// The path below that of the language, such as `people/ada-lovelace`.
    pub path: &'a str,
    /// The query string.
    pub query_string: &'a str,
    /// Leads from the page to the root of the service, such as `../../`: pages also work below a path prefix.
    pub root: &'a str,
    /// Settings of the pages.
    pub settings: &'a SiteSettings,
    /// The entity of the page for machines.
    pub metadata: Option<&'a EntityMetadata>,
}

/// What the page of an entity contains for machines.
pub struct EntityMetadata {
    /// The entity as JSON-LD, escaped for a script element.
    pub json_ld: String,
    /// The formats in which it is available.
    pub formats: Vec<FormatLink>,
}

/// A format in which an entity is available, by a suffix of the address of its page.
pub struct FormatLink {
    /// The name for people.
    pub name: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// The suffix, without its dot.
    pub extension: &'static str,
}

/// A link to a format.
pub(super) struct Download {
    pub(super) name: &'static str,
    pub(super) media_type: &'static str,
    pub(super) link: String,
}

/// A number in a template, where it may be a value or a reference.
pub(super) trait ToCount {
    fn to_count(&self) -> i64;
}

impl ToCount for i64 {
    fn to_count(&self) -> i64 {
        *self
    }
}

impl<T: ToCount> ToCount for &T {
    fn to_count(&self) -> i64 {
        (**self).to_count()
    }
}

/// A section of the directory, which the navigation marks as current.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    People,
    Organizations,
    Topics,
    Papers,
    None,
}

/// Head, header and footer of a page.
pub(super) struct Frame {
    pub(super) language: Language,
    pub(super) t: &'static Texts,
    pub(super) root: String,
    pub(super) directory_name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) section: Section,
    /// Whether search engines may list the page.
    pub(super) is_indexed: bool,
    /// Whether the header has a search form; the page has its own otherwise.
    pub(super) has_search: bool,
    /// Whether the page has a query, which it links to.
    pub(super) graphiql_link: Option<String>,
    pub(super) contact_url: Option<String>,
    pub(super) canonical: String,
    pub(super) alternates: Vec<(&'static str, String)>,
    /// The JSON-LD of the page, escaped for a script element.
    pub(super) json_ld: Option<String>,
    /// The entity of the page in other formats.
    pub(super) downloads: Vec<Download>,
    /// The address of a picture for social networks.
    pub(super) image: Option<String>,
    pub(super) other_language_link: String,
    pub(super) open_graph_type: &'static str,
}

impl Frame {
    /// The frame of a page with a title and a description.
    pub(super) fn new(context: &Context<'_>, directory_name: &str, title: &str, description: &str) -> Self {
        let Context { language, path, query_string, root, settings, metadata } = *context;
        let base = settings.public_url.clone().unwrap_or_else(|| root.trim_end_matches('/').to_owned());
        let address = |language: Language| format!("{base}/{}/{path}", language.code());
        let query = if query_string.is_empty() { String::new() } else { format!("?{query_string}") };
        let full_title =
            if title.is_empty() { directory_name.to_owned() } else { format!("{title} · {directory_name}") };
        let languages = LANGUAGES.iter().map(|language| (language.code(), address(*language)));
        let download = |format: &FormatLink| Download {
            name: format.name,
            media_type: format.media_type,
            link: format!("{root}{}/{path}.{}", language.code(), format.extension),
        };
        Self {
            language,
            t: language.texts(),
            root: root.to_owned(),
            directory_name: directory_name.to_owned(),
            title: full_title,
            description: cut_at_word(description, MAX_DESCRIPTION_CHARS),
            section: Section::None,
            is_indexed: true,
            has_search: true,
            graphiql_link: None,
            contact_url: settings.contact_url.clone(),
            canonical: address(language),
            // The address without a language leads to that of the reader.
            alternates: languages.chain([("x-default", format!("{base}/{path}"))]).collect(),
            json_ld: metadata.map(|metadata| metadata.json_ld.clone()),
            downloads: metadata.iter().flat_map(|metadata| &metadata.formats).map(download).collect(),
            image: None,
            other_language_link: format!("{root}{}/{path}{query}", language.other().code()),
            open_graph_type: "website",
        }
    }

    /// Sets the section of the page.
    pub(super) fn in_section(mut self, section: Section) -> Self {
        self.section = section;
        self
    }

    /// Sets the type of the page for social networks.
    pub(super) fn with_open_graph_type(mut self, kind: &'static str) -> Self {
        self.open_graph_type = kind;
        self
    }

    /// Sets the picture for social networks.
    pub(super) fn with_image(mut self, url: Option<&str>) -> Self {
        self.image = url.map(str::to_owned);
        self
    }

    /// Marks the page as a list of entities.
    pub(super) fn listing_entities(mut self) -> Self {
        self.json_ld = Some("{\"@context\":\"https://schema.org\",\"@type\":\"CollectionPage\"}".to_owned());
        self
    }

    /// Asks search engines not to list the page if the condition holds.
    pub(super) fn not_indexed_if(mut self, condition: bool) -> Self {
        self.is_indexed &= !condition;
        self
    }

    /// Leaves the search form to the page itself.
    pub(super) fn without_search(mut self) -> Self {
        self.has_search = false;
        self
    }

    /// Links to the query of the page in GraphiQL.
    pub(super) fn with_query(mut self, page: &dyn Page, context: &Context<'_>) -> Self {
        let variables = serde_json::to_string_pretty(&page.variables(context)).unwrap_or_default();
        let parameters = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", page.document().trim_end())
            .append_pair("variables", &variables)
            .finish();
        self.graphiql_link = Some(format!("{}graphiql?{parameters}", context.root));
        self
    }

    /// The address of a page of this directory, in the language of this page.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}{}/{path}", self.root, self.language.code())
    }

    /// The address of an entity.
    pub(super) fn entity(&self, section: &str, slug: &str) -> String {
        format!("{}{}/{section}/{slug}", self.root, self.language.code())
    }

    pub(super) fn person(&self, slug: &str) -> String {
        self.entity("people", slug)
    }

    pub(super) fn organization(&self, slug: &str) -> String {
        self.entity("organizations", slug)
    }

    pub(super) fn topic(&self, slug: &str) -> String {
        self.entity("topics", slug)
    }

    pub(super) fn paper(&self, slug: &str) -> String {
        self.entity("papers", slug)
    }

    /// A list of this directory with one filter.
    pub(super) fn filtered(&self, list: &str, name: &str, value: &str) -> String {
        let parameters = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        format!("{}?{parameters}", self.page(list))
    }

    pub(super) fn style_sheet(&self) -> String {
        format!("{}assets/{}", self.root, STYLE_SHEET.name)
    }

    pub(super) fn script(&self) -> String {
        format!("{}assets/{}", self.root, SCRIPT.name)
    }

    pub(super) fn icon(&self) -> String {
        format!("{}assets/{}", self.root, ICON.name)
    }

    /// The sections of the navigation: address, name, whether it is the current one.
    pub(super) fn navigation(&self) -> [(String, &'static str, bool); 4] {
        [
            ("people", self.t.people, Section::People),
            ("organizations", self.t.organizations, Section::Organizations),
            ("topics", self.t.topics, Section::Topics),
            ("papers", self.t.papers, Section::Papers),
        ]
        .map(|(path, name, section)| (self.page(path), name, section == self.section))
    }

    /// A text that depends on a number.
    pub(super) fn count(&self, plural: &Plural, number: impl ToCount) -> String {
        self.language.count(plural, number.to_count())
    }

    /// A text that depends on a number, without the number.
    pub(super) fn unit(&self, plural: &Plural, number: impl ToCount) -> String {
        let number = number.to_count();
        self.count(plural, number).replacen(&self.number(number), "", 1).trim().to_owned()
    }

    /// The length of a list.
    pub(super) fn length<T>(&self, list: &[T]) -> i64 {
        crate::pages::data::count(list.len())
    }

    /// An address without its scheme.
    pub(super) fn short<'a>(&self, url: &'a str) -> &'a str {
        crate::pages::data::short_address(url)
    }

    pub(super) fn number(&self, number: impl ToCount) -> String {
        self.language.number(number.to_count())
    }

    /// Says in which language a text is, for readers who do not see its marker.
    pub(super) fn in_language(&self, tag: &str) -> String {
        format!("{} {}", self.t.in_language, self.language.language_name(tag))
    }
}

/// A text of at most so many characters, cut after a word.
pub(super) fn cut_at_word(text: &str, max_chars: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = text.char_indices().nth(max_chars) else { return text };
    let cut = text.char_indices().nth(max_chars - 1).map_or(end, |(index, _)| index);
    let head = text.get(..cut).unwrap_or_default();
    let head = head.rsplit_once(' ').map_or(head, |(whole, _)| whole);
    format!("{}…", head.trim_end_matches([',', '.', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_cut_at_words() {
        assert_eq!(cut_at_word("a  short\ntext", 160), "a short text");
        assert_eq!(cut_at_word("one two, three", 10), "one two…");
        for length in [159, 160, 161, 400] {
            let text = "abcdefg ".repeat(60).chars().take(length).collect::<String>();
            assert!(cut_at_word(&text, 160).chars().count() <= 160);
        }
    }
}
