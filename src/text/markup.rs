//! Removal of markup from texts: HTML, JATS and MathML elements, and character references, escaped or not.

/// Elements that repeat other content or are not text.
const DROPPED_ELEMENTS: [&str; 3] = ["annotation", "annotation-xml", "graphic"];
/// Elements of HTML and JATS that occur in titles and abstracts without a namespace prefix.
const TEXT_ELEMENTS: [&str; 46] = [
    "i",
    "b",
    "u",
    "a",
    "p",
    "em",
    "strong",
    "sub",
    "sup",
    "inf",
    "sc",
    "scp",
    "span",
    "font",
    "small",
    "big",
    "strike",
    "tt",
    "br",
    "hr",
    "img",
    "div",
    "ul",
    "ol",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "title",
    "sec",
    "italic",
    "bold",
    "underline",
    "roman",
    "monospace",
    "sans-serif",
    "ext-link",
    "styled-content",
    "inline-formula",
    "disp-formula",
    "alternatives",
    "tex-math",
    "math",
];
/// Elements of MathML, which have no namespace prefix if `math` has none.
const MATH_ELEMENTS: [&str; 35] = [
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "mspace",
    "mrow",
    "mfrac",
    "msqrt",
    "mroot",
    "mstyle",
    "merror",
    "mpadded",
    "mphantom",
    "mfenced",
    "menclose",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mprescripts",
    "none",
    "mtable",
    "mtr",
    "mtd",
    "mlabeledtr",
    "maction",
    "semantics",
    "annotation",
    "annotation-xml",
    "maligngroup",
    "malignmark",
];
/// The maximum number of times that markup is removed. Each round uncovers what was escaped once more.
const MAX_ROUNDS: usize = 16;

/// Removes the markup of a text, until nothing changes: escaped markup (`&lt;i&gt;`, `&amp;amp;`) is removed too.
/// Comparisons such as `a < b` are not markup, nor is a lone `&` or `$`.
///
/// Block elements become line breaks; white space is otherwise unchanged. Of a formula, the text of its MathML is kept,
/// or its TeX if it has no MathML. A text that still changes after 16 rounds is returned unchanged.
#[must_use]
pub fn strip_markup(text: &str) -> String {
    let mut stripped = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        if !stripped.contains(['<', '&']) {
            return stripped;
        }
        let next = html_escape::decode_html_entities(&strip_elements(&stripped)).into_owned();
        if next == stripped {
            return stripped;
        }
        stripped = next;
    }
    text.to_owned()
}

/// Removes the tags of a text once, and the elements that are not text.
fn strip_elements(text: &str) -> String {
    let mut stripper = ElementStripper::new(text);
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        stripper.push_text(&rest[..start]);
        rest = stripper.strip_tag(&rest[start..]);
    }
    stripper.push_text(rest);
    stripper.output
}

/// The state of [`strip_elements`]. Each of its searches over the rest of the text is done at most once per kind, so
/// that it takes linear time.
struct ElementStripper {
    output: String,
    /// Whether the text has a closing tag for each of the elements named `a` to `z`.
    closed_letters: [bool; 26],
    has_mathml: bool,
    /// Closing marks that the rest of the text lacks.
    missing_ends: Vec<String>,
    formula: Option<Formula>,
}

/// The position in a MathML formula.
#[derive(Default)]
struct Formula {
    depth: usize,
    /// The depths of the open fractions whose numerator is not closed yet.
    fractions: Vec<usize>,
}

impl ElementStripper {
    fn new(text: &str) -> Self {
        let mut closed_letters = [false; 26];
        for (start, _) in text.match_indices("</") {
            let name = tag_name(&text[start + 1..]).as_bytes();
            if let [letter] = name
                && letter.is_ascii_alphabetic()
            {
                closed_letters[usize::from(letter.to_ascii_lowercase() - b'a')] = true;
            }
        }
        Self {
            output: String::with_capacity(text.len()),
            closed_letters,
            has_mathml: text.contains("<mml:") || text.contains("<m:math") || text.contains("<math"),
            missing_ends: Vec::new(),
            formula: None,
        }
    }

    fn push_text(&mut self, text: &str) {
        // White space between the elements of a formula is indentation.
        if self.formula.is_none() || !text.trim().is_empty() {
            self.output.push_str(text);
        }
    }

    /// Handles what starts with `<`, and returns the rest of the text.
    fn strip_tag<'a>(&mut self, text: &'a str) -> &'a str {
        if let Some(data) = text.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            self.output.push_str(&data[..end]);
            return data[end..].trim_start_matches("]]>");
        }
        if text.starts_with("<!--")
            && let Some((_, rest)) = self.split_at_end(text, "-->")
        {
            return rest;
        }
        // A tag ends before the next one starts.
        let end = text[1..].find(['<', '>']).map(|end| end + 1).filter(|end| text[*end..].starts_with('>'));
        let Some(end) = end.filter(|end| self.is_tag(&text[1..*end])) else {
            self.output.push('<');
            return &text[1..];
        };
        let (inside, rest) = (&text[1..end], &text[end + 1..]);
        let name = tag_name(inside);
        let local = local_name(name).to_lowercase();
        let is_start = !inside.starts_with('/') && !inside.ends_with('/');
        if is_start && DROPPED_ELEMENTS.contains(&local.as_str()) {
            return self.split_at_end(rest, &format!("</{name}>")).map_or(rest, |(_, rest)| rest);
        }
        if is_start && local == "tex-math" {
            return self.strip_tex(name, rest);
        }
        if is_block_element(&local) {
            self.output.push('\n');
        }
        self.follow_formula(inside, &local);
        rest
    }

    /// Handles a formula in TeX whose start tag was removed: MathML beside it repeats it.
    fn strip_tex<'a>(&mut self, name: &str, text: &'a str) -> &'a str {
        let Some((tex, rest)) = self.split_at_end(text, &format!("</{name}>")) else { return text };
        if !self.has_mathml {
            // Publishers provide a whole document around the formula.
            let tex = tex.split_once("\\begin{document}").map_or(tex, |(_, document)| document);
            let tex = tex.split_once("\\end{document}").map_or(tex, |(document, _)| document);
            self.output.push_str(tex.trim());
        }
        rest
    }

    /// Splits the rest of the text at the mark that ends an element, without the mark.
    fn split_at_end<'a>(&mut self, text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
        if self.missing_ends.iter().any(|missing| missing == mark) {
            return None;
        }
        let parts = text.split_once(mark);
        if parts.is_none() {
            self.missing_ends.push(mark.to_owned());
        }
        parts
    }

    /// Follows the elements of MathML, to write a fraction as `1/2`.
    fn follow_formula(&mut self, inside: &str, local: &str) {
        let is_end = inside.starts_with('/');
        if local == "math" {
            self.formula = (!is_end).then(Formula::default);
            return;
        }
        let Some(formula) = &mut self.formula else { return };
        if is_end {
            formula.depth = formula.depth.saturating_sub(1);
        } else {
            formula.depth += 1;
            if local == "mfrac" {
                formula.fractions.push(formula.depth);
            }
        }
        if inside.ends_with('/') {
            formula.depth = formula.depth.saturating_sub(1);
        }
        if is_end && formula.fractions.last() == Some(&formula.depth) && local != "mfrac" {
            formula.fractions.pop();
            self.output.push('/');
        }
    }

    /// Returns whether the text in angle brackets is a known tag; `a < b and c > d` is not.
    fn is_tag(&self, inside: &str) -> bool {
        let name = tag_name(inside);
        let lower = name.to_lowercase();
        let (prefix, local) = lower.split_once(':').unwrap_or(("", &lower));
        let is_math = |local: &str| local == "math" || MATH_ELEMENTS.contains(&local);
        let is_known = match prefix {
            "" => {
                TEXT_ELEMENTS.contains(&local)
                    || DROPPED_ELEMENTS.contains(&local)
                    || self.formula.is_some() && is_math(local)
            }
            "jats" | "mml" => true,
            "m" => is_math(local),
            _ => false,
        };
        let is_end = inside.starts_with('/');
        let attributes = &inside.trim_start_matches('/')[name.len()..];
        if !is_known || !is_attribute_list(attributes) {
            return false;
        }
        // In "x<b>y", nothing is bold unless the text has a closing tag.
        let is_variable = |letter: &u8| {
            letter.is_ascii_lowercase()
                && !self.closed_letters[usize::from(letter - b'a')]
                && self.output.ends_with(|before: char| before.is_alphanumeric())
        };
        is_end || !matches!(lower.as_bytes(), [letter] if is_variable(letter))
    }
}

/// Returns the name of a tag without its brackets: `i` of `i class="x"` and of `/i`.
fn tag_name(inside: &str) -> &str {
    let inside = inside.trim_start_matches('/');
    inside.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-')).next().unwrap_or_default()
}

/// Strips the namespace prefix of a name.
fn local_name(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn is_block_element(local: &str) -> bool {
    matches!(
        local,
        "p" | "title" | "sec" | "br" | "hr" | "div" | "li" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "disp-formula"
    )
}

/// Returns whether what follows the name of a tag consists of attributes only.
fn is_attribute_list(text: &str) -> bool {
    let mut rest = text.trim_end().trim_end_matches('/').trim();
    while !rest.is_empty() {
        let Some((name, value)) = rest.split_once('=') else { return false };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.');
        let (name, value) = (name.trim(), value.trim_start());
        if name.is_empty() || !name.chars().all(is_name) {
            return false;
        }
        let after = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).map(|(_, after)| after),
            Some(_) => Some(value.trim_start_matches(|c: char| !c.is_whitespace())),
            None => None,
        };
        let Some(after) = after else { return false };
        rest = after.trim_start();
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::names;

    #[test]
    fn markup_is_stripped_but_not_comparisons() {
        assert_eq!(strip_markup("On <i>n</i> &amp; <span class=\"nocase\">ML</span>"), "On n & ML");
        assert_eq!(strip_markup("if a<b and c>d, a < b"), "if a<b and c>d, a < b");
        assert_eq!(strip_markup("if a<b and c=d>e"), "if a<b and c=d>e");
        assert_eq!(strip_markup("<jats:p>One.</jats:p><jats:p>Two.</jats:p>").trim(), "One.\n\nTwo.");
        assert_eq!(strip_markup("E = <![CDATA[<m>]]> c"), "E = <m> c");
        assert_eq!(strip_markup("Dams<!-- a draft --> of clay <!-- 1"), "Dams of clay <!-- 1");
    }

    #[test]
    fn escaped_markup_is_stripped() {
        for (written, plain) in [
            ("&lt;i&gt;Lutra&lt;/i&gt; of the Rhine &amp;amp; Main", "Lutra of the Rhine & Main"),
            ("&amp;lt;b&amp;gt;Weirs&amp;lt;/b&amp;gt;", "Weirs"),
            ("&lt;p&gt;Reeds &amp;amp;amp;amp; rushes&lt;/p&gt;", "\nReeds & rushes\n"),
            ("p&lt;0.05 and n&gt;3", "p<0.05 and n>3"),
            ("H<sub>2</sub>O at 5&nbsp;°C", "H2O at 5\u{a0}°C"),
            ("&#x3b1;-helix &unknown; A&B; &NA;", "α-helix &unknown; A&B; &NA;"),
        ] {
            assert_eq!(strip_markup(written), plain, "{written}");
        }
    }

    #[test]
    fn formulas_are_not_repeated() {
        let both = "of <jats:alternatives><jats:tex-math>$x$</jats:tex-math><mml:math><mml:mi>x</mml:mi></mml:math></jats:alternatives>.";
        assert_eq!(strip_markup(both), "of x.");
        assert_eq!(strip_markup("open <jats:tex-math>$x$"), "open $x$");
        let tex = "of <tex-math>\\documentclass{minimal}\\begin{document}$$x$$\\end{document}</tex-math>.";
        assert_eq!(strip_markup(tex), "of $$x$$.");
        let indented = "of <math xmlns=\"http://www.w3.org/1998/Math/MathML\">\n <semantics>\n  <msup>\n   <mi>R</mi>\n   <mn>2</mn>\n  \
            </msup>\n  <annotation encoding=\"application/x-tex\">R^2</annotation>\n </semantics>\n</math> only";
        assert_eq!(strip_markup(indented), "of R2 only");
        let fraction = "<mml:math><mml:mfrac><mml:mrow><mml:mi>a</mml:mi></mml:mrow><mml:mn>2</mml:mn></mml:mfrac><mml:mo>+</mml:mo><mml:mn>1</mml:mn></mml:math>";
        assert_eq!(strip_markup(fraction), "a/2+1");
    }

    #[test]
    fn deep_escapes_are_kept_whole() {
        let deep = format!("&{}lt;", "amp;".repeat(40));
        assert_eq!(strip_markup(&deep), deep);
    }

    /// Repeated starts of elements that never end take linear time.
    #[test]
    fn unclosed_elements() {
        for part in ["<tex-math>", "<annotation>", "<!--", "<", "<b", "</b", "<![CDATA["] {
            let text = part.repeat(200_000);
            assert!(strip_markup(&text).len() <= text.len());
        }
    }

    proptest! {
        #[test]
        fn plain_text_is_unchanged(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("p < 0.05 & n > 3"), Just("A&B"), Just("$5 and $6"), Just("x<y>z"), Just("R&D;"), Just("a<b"), Just("c>d"),
                    Just("i<u"), Just("&"), Just("<"), Just(">"), Just("<="), Just("->"), Just("$x$"), Just("10^{-5}"), Just("n<p>q"),
                ],
                0..8,
            ),
        ) {
            let text = parts.join(" ");
            prop_assert_eq!(strip_markup(&text), text);
        }

        #[test]
        fn stripping_is_idempotent(
            parts in proptest::collection::vec("(<|>|/|&|lt;|gt;|amp;|#60;|i|b|p| |=|\"|é|tex-math|math|mml:|mfrac|annotation|!--|-->|\n)", 0..40),
        ) {
            let strip = |text: &str| names::clean_paragraphs(&strip_markup(text));
            let once = strip(&parts.concat());
            prop_assert_eq!(strip(&once), once.clone(), "{}", once);
        }

        #[test]
        fn text_without_brackets_and_ampersands_is_unchanged(text in "[^<&]{0,40}") {
            prop_assert_eq!(strip_markup(&text), text);
        }
    }
}
