//! A page for readers and search engines: the name of an entity, its JSON-LD, and the formats in which it is available.

use serde_json::Value;

use crate::linked_data::address::LANGUAGES;
use crate::linked_data::json_ld::DocumentContext;
use crate::linked_data::queries::LinkedEntity;

/// The media type.
pub const MEDIA_TYPE: &str = "text/html; charset=utf-8";

/// The page of an entity in the language of the context.
#[must_use]
pub fn page(context: DocumentContext<'_>, entity: &LinkedEntity, json_ld: &Value) -> String {
    let DocumentContext { addresses, language } = context;
    let (collection, slug) = (entity.collection(), entity.slug());
    let name = escape(entity.name());
    let page = |language| escape(&addresses.page(language, collection, slug));
    let canonical = page(language);
    let mut head = format!("<link rel=\"canonical\" href=\"{canonical}\">\n");
    for other in LANGUAGES {
        head += &format!("<link rel=\"alternate\" hreflang=\"{other}\" href=\"{}\">\n", page(Some(other)));
    }
    head += &format!("<link rel=\"alternate\" hreflang=\"x-default\" href=\"{}\">\n", page(None));
    let mut formats = String::new();
    for format in collection.formats() {
        let (media_type, format_name) = (format.media_type(), format.name());
        let address = escape(&addresses.document(language, collection, slug, *format));
        head += &format!("<link rel=\"alternate\" type=\"{media_type}\" href=\"{address}\">\n");
        formats += &format!("<li><a href=\"{address}\" type=\"{media_type}\">{format_name}</a></li>\n");
    }
    let json_ld = escape_script(json_ld);
    let page_language = language.unwrap_or(LANGUAGES[0]);
    // The title of a paper is in the language of the paper.
    let name_language = match entity {
        LinkedEntity::Paper(paper) => {
            paper.language.as_ref().map(|tag| format!(" lang=\"{}\"", escape(tag))).unwrap_or_default()
        }
        _ => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"{page_language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}</title>\n{head}\
         <script type=\"application/ld+json\">{json_ld}</script>\n</head>\n<body>\n<main>\n\
         <h1{name_language} dir=\"auto\">{name}</h1>\n<ul>\n{formats}</ul>\n</main>\n</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// JSON in a script element, which nothing in the JSON can close.
#[must_use]
pub fn escape_script(json: &Value) -> String {
    json.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn escaping() {
        assert_eq!(escape("<a href='\"&\">é"), "&lt;a href=&#39;&quot;&amp;&quot;&gt;é");
        let json = json!({ "name": "</script><!--" });
        assert_eq!(escape_script(&json), "{\"name\":\"\\u003c/script>\\u003c!--\"}");
        assert_eq!(serde_json::from_str::<Value>(&escape_script(&json)).expect("JSON"), json);
    }
}
