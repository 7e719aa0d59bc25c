//! The text that LaTeX in fields stands for.

use std::borrow::Cow;

use biblatex::{Bibliography, Chunks, ChunksExt as _, EntryType, Pair, RawBibliography, RawChunk, RawEntry, Spanned};

/// Makes of an accent on a dotless letter what the parser reads: `\'\i` is `\'{\i}`.
pub(super) fn prepared(text: &str) -> String {
    const ACCENTS: [char; 7] = ['\'', '`', '"', '^', '~', '=', '.'];
    let mut prepared = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, command) = rest.split_at(start);
        prepared.push_str(before);
        let mut characters = command.chars();
        let (_, accent) = (characters.next(), characters.next());
        let behind = characters.as_str();
        let letter = behind.strip_prefix('\\').and_then(|letter| letter.chars().next());
        let is_alone = behind.chars().nth(2).is_none_or(|next| !next.is_alphanumeric());
        match (accent, letter) {
            (Some(accent), Some(letter @ ('i' | 'j'))) if ACCENTS.contains(&accent) && is_alone => {
                prepared.push_str(&format!("\\{accent}{{{letter}}}"));
                rest = &behind[2..];
                // A space ends the command's name, and braces do too.
                rest = rest.strip_prefix(' ').or_else(|| rest.strip_prefix("{}")).unwrap_or(rest);
            }
            (Some(next), _) => {
                prepared.push('\\');
                prepared.push(next);
                rest = behind;
            }
            (None, _) => {
                prepared.push('\\');
                rest = "";
            }
        }
    }
    prepared.push_str(rest);
    prepared
}

/// Commands for characters that mean something else where they stand alone, each with a character that stands for it until
/// all else is read: one that no text has.
const CHARACTERS: [(&str, char, char); 6] = [
    ("\\textbackslash{}", '\u{fdd0}', '\\'),
    ("\\textbraceleft{}", '\u{fdd1}', '{'),
    ("\\textbraceright{}", '\u{fdd2}', '}'),
    ("\\textasciitilde{}", '\u{fdd3}', '~'),
    ("\\textasciigrave{}", '\u{fdd4}', '`'),
    ("\\textquotesingle{}", '\u{fdd5}', '\''),
];

/// A hyphen of an address or an identifier, which two of are no dash.
const HYPHEN: &str = "\u{fdd6}";

fn is_verbatim(name: &str) -> bool {
    matches!(name, "url" | "doi" | "eprint")
}

/// A field as the parser reads it; none where its LaTeX is damaged.
pub(super) fn chunks(name: &str, text: &str) -> Option<Chunks> {
    let text = CHARACTERS.iter().fold(Cow::Borrowed(text), |text, (command, stand_in, _)| {
        if text.contains(command) { Cow::Owned(text.replace(command, &stand_in.to_string())) } else { text }
    });
    let text = if is_verbatim(name) { Cow::Owned(text.replace('-', HYPHEN)) } else { text };
    let text = text.as_ref();
    let field = Pair::new(Spanned::zero(name), Spanned::zero(vec![Spanned::zero(RawChunk::Normal(text))]));
    let entry = RawEntry { key: Spanned::zero("k"), kind: Spanned::zero("misc"), fields: vec![field] };
    let raw =
        RawBibliography { preamble: String::new(), entries: vec![Spanned::zero(entry)], abbreviations: Vec::new() };
    let entry = Bibliography::from_raw(raw).ok()?.into_vec().into_iter().next();
    entry.filter(|entry| entry.entry_type == EntryType::Misc)?.fields.remove(name)
}

/// The text of a field; where its LaTeX is damaged, the letters that are there.
pub(super) fn plain(name: &str, text: &str, notes: &mut Vec<String>) -> String {
    match chunks(name, text) {
        Some(chunks) if is_verbatim(name) => {
            let text = chunks.format_verbatim().replace(HYPHEN, "-");
            text.trim().trim_start_matches("\\url{").trim_end_matches('}').to_owned()
        }
        Some(chunks) => without_commands(&chunks.format_verbatim()),
        None => {
            // A lone dollar sign is the usual reason, and no damage.
            if !text.contains('$') {
                notes.push(format!("the LaTeX of its {name} is damaged; what there is of it was kept"));
            }
            without_commands(&text.replace(['{', '}'], ""))
        }
    }
}

/// A text without the commands that the parser left: those that only format, and their braces.
pub(super) fn without_commands(text: &str) -> String {
    let text = text.replace('~', " ").replace("``", "“").replace("''", "”").replace("\\,", " ").replace("\\ ", " ");
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let mut name = String::new();
                while let Some(letter) = characters.next_if(char::is_ascii_alphabetic) {
                    name.push(letter);
                }
                // Of what nobody defined, capitals tell a name that stands for itself, such as \BibTeX.
                if name.len() > 1 && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    plain.push_str(&name);
                    characters.next_if_eq(&' ');
                } else if !name.is_empty() {
                    // One space behind a command's name belongs to it.
                    characters.next_if_eq(&' ');
                } else if let Some(symbol) = characters.next_if(|c| matches!(c, '&' | '%' | '$' | '#' | '_')) {
                    plain.push(symbol);
                }
            }
            '{' | '}' => {}
            character => {
                let stood_for = CHARACTERS.iter().find(|(_, stand_in, _)| *stand_in == character);
                plain.push(stood_for.map_or(character, |(.., own)| *own));
            }
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
