//! Strips markup from titles and abstracts: HTML, JATS, MathML and character references.

/// Elements that repeat other content or are not text.
const DROPPED_ELEMENTS: [&str; 4] = ["tex-math", "annotation", "annotation-xml", "graphic"];

/// Strips the markup of a text. Comparisons such as `a < b` are not markup.
pub(crate) fn strip_markup(text: &str) -> String {
    let mut without = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        without.push_str(&rest[..start]);
        let tail = &rest[start..];
        if let Some(data) = tail.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            without.push_str(&data[..end]);
            rest = data[end..].trim_start_matches("]]>");
            continue;
        }
        match tail.find('>').filter(|end| is_known_tag(&tail[1..*end])) {
            Some(end) => {
                let inside = &tail[1..end];
                if is_block_element(inside) {
                    without.push('\n');
                }
                rest = &tail[end + 1..];
                let name = tag_name(inside);
                if !inside.starts_with('/')
                    && !inside.ends_with('/')
                    && DROPPED_ELEMENTS.contains(&local_name(&name.to_lowercase()))
                {
                    rest = rest.find(&format!("</{name}>")).map_or(rest, |end| &rest[end..]);
                }
            }
            None => {
                without.push('<');
                rest = &tail[1..];
            }
        }
    }
    without.push_str(rest);
    html_escape::decode_html_entities(&without).into_owned()
}

/// Strips the markup of an abstract and a heading such as "Abstract".
pub(crate) fn strip_abstract_markup(text: &str) -> String {
    let text = strip_markup(text);
    let text = text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let heading = first.trim().trim_end_matches([':', '.']).to_lowercase();
    let is_heading = ["abstract", "summary", "résumé", "resumen", "zusammenfassung"].contains(&heading.as_str());
    if is_heading { rest.trim().to_owned() } else { text.to_owned() }
}

fn tag_name(inside: &str) -> &str {
    let inside = inside.trim_start_matches('/');
    inside.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-')).next().unwrap_or_default()
}

/// Strips the namespace prefix of a name.
fn local_name(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// Whether the text in angle brackets is a known tag; `a < b and c > d` is not.
fn is_known_tag(inside: &str) -> bool {
    const NAMES: [&str; 24] = [
        "i", "b", "u", "em", "strong", "sub", "sup", "sc", "scp", "span", "p", "title", "sec", "br", "italic", "bold",
        "tt", "div", "a", "li", "ul", "inf", "h4", "math",
    ];
    let name = tag_name(inside).to_lowercase();
    let rest = &inside.trim_start_matches('/')[name.len()..];
    let has_attributes_only = rest.trim().trim_end_matches('/').is_empty() || inside.contains('=');
    let is_known = NAMES.contains(&name.as_str()) || name.starts_with("jats:") || name.starts_with("mml:");
    is_known && has_attributes_only
}

fn is_block_element(inside: &str) -> bool {
    matches!(local_name(&tag_name(inside).to_lowercase()), "p" | "title" | "sec" | "br" | "div" | "li" | "h4")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_stripped_but_not_comparisons() {
        assert_eq!(strip_markup("On <i>n</i> &amp; <span class=\"nocase\">ML</span>"), "On n & ML");
        assert_eq!(strip_markup("if a<b and c>d, a < b"), "if a<b and c>d, a < b");
        assert_eq!(strip_markup("<jats:p>One.</jats:p><jats:p>Two.</jats:p>").trim(), "One.\n\nTwo.");
        assert_eq!(strip_markup("E = <![CDATA[<m>]]> c"), "E = <m> c");
    }

    #[test]
    fn formulas_are_not_repeated() {
        let both = "of <jats:alternatives><jats:tex-math>$x$</jats:tex-math><mml:math><mml:mi>x</mml:mi></mml:math></jats:alternatives>.";
        assert_eq!(strip_markup(both), "of x.");
        assert_eq!(strip_markup("open <jats:tex-math>$x$"), "open $x$");
    }

    #[test]
    fn headings_of_abstracts() {
        let written = "<jats:title>Abstract</jats:title><jats:p>Rivers rise.</jats:p>";
        assert_eq!(strip_abstract_markup(written), "Rivers rise.");
        assert_eq!(
            strip_abstract_markup("<jats:sec><jats:title>Aim</jats:title><jats:p>To rise.</jats:p></jats:sec>"),
            "Aim\n\nTo rise."
        );
    }
}
