//! Converts the LaTeX in fields to plain text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use biblatex::{
    Bibliography, Chunk, Chunks, ChunksExt as _, EntryType, Pair, RawBibliography, RawChunk, RawEntry, Spanned,
};
use unicode_normalization::UnicodeNormalization as _;

/// Commands whose argument is not printed.
const HIDDEN_ARGUMENT_COMMANDS: [&str; 10] =
    ["noopsort", "NoopSort", "Noopsort", "SortNoop", "sortnoop", "noop", "hspace", "vspace", "label", "phantom"];

/// Rewrites what the parser does not support in the text of an entry: parentheses around it, accents on dotless letters,
/// a comma below a letter, arguments that are not printed, and quotation marks inside braces of a quoted value.
pub(super) fn prepare_entry(text: &str) -> String {
    let text = normalize_dotless_accents(text);
    let text = replace_commands(&text);
    let text = replace_parentheses(text);
    brace_quoted_values(&text).unwrap_or(text)
}

/// Replaces the parentheses around an entry by braces, which mean the same: `@article(key, year = 1999)`.
fn replace_parentheses(text: String) -> String {
    match (text.find(['{', '(']), text.strip_suffix(')')) {
        (Some(start), Some(before)) if text[start..].starts_with('(') => {
            format!("{}{{{}}}", &before[..start], &before[start + 1..])
        }
        _ => text,
    }
}

/// Removes the commands whose argument is not printed, and composes letters with a comma below.
fn replace_commands(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, command) = rest.split_at(start);
        replaced.push_str(before);
        let length = command[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let (command, after) = command.split_at(1 + length);
        let argument = after.trim_start();
        rest = after;
        if HIDDEN_ARGUMENT_COMMANDS.contains(&&command[1..])
            && let Some(end) = group_end(argument)
        {
            rest = &argument[end..];
            // Without its argument, the group around the command is empty.
            if replaced.ends_with('{') && rest.starts_with('}') {
                replaced.pop();
                rest = &rest[1..];
            } else if command.ends_with("space") {
                replaced.push(' ');
            }
            continue;
        }
        if command == "\\textcommabelow"
            && let Some((letter, after)) = split_letter(argument)
        {
            replaced.extend([letter, '\u{326}'].into_iter().nfc());
            rest = after;
            continue;
        }
        replaced.push_str(command);
        // The backslash of `\\` does not start a command.
        if let Some(next) = rest.chars().next().filter(|_| length == 0) {
            replaced.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    replaced.push_str(rest);
    replaced
}

/// Splits off a letter, which may be in braces.
fn split_letter(text: &str) -> Option<(char, &str)> {
    let group = text.strip_prefix('{').map(str::trim_start);
    let mut characters = group.unwrap_or(text).chars();
    let letter = characters.next().filter(|c| c.is_alphabetic())?;
    let rest = characters.as_str();
    if group.is_some() { Some((letter, rest.trim_start().strip_prefix('}')?)) } else { Some((letter, rest)) }
}

/// Returns the length of the group that the text starts with, if it is closed.
fn group_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    if !text.starts_with('{') {
        return None;
    }
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
    }
    None
}

/// Rewrites a value in quotation marks to braces if it has quotation marks inside braces, which BibTeX allows, but not
/// the parser: `"{A "quoted" word}"` becomes `{{A "quoted" word}}`. Returns `None` if there is none.
fn brace_quoted_values(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut braced = Vec::new();
    // The key is not a value.
    let mut index = text.find(['{', '('])? + 1;
    while index < bytes.len() {
        let is_before_value = matches!(bytes[index], b'=' | b'#');
        index += 1;
        if !is_before_value {
            continue;
        }
        index += bytes[index..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match bytes.get(index) {
            Some(b'{') => index += group_end(&text[index..])?,
            Some(b'"') => {
                let (length, has_inner_quotes) = quoted_length(&bytes[index..])?;
                if has_inner_quotes {
                    braced.extend([(index, '{'), (index + length - 1, '}')]);
                }
                index += length;
            }
            _ => {}
        }
    }
    if braced.is_empty() {
        return None;
    }
    let mut rewritten = String::with_capacity(text.len());
    let mut end = 0;
    for (at, brace) in braced {
        rewritten.push_str(&text[end..at]);
        rewritten.push(brace);
        end = at + 1;
    }
    rewritten.push_str(&text[end..]);
    Some(rewritten)
}

/// Returns the length of a value in quotation marks, and whether it has quotation marks inside braces other than those
/// of an accent. A quotation mark outside braces ends it.
fn quoted_length(text: &[u8]) -> Option<(usize, bool)> {
    let mut depth = 0_usize;
    let mut has_inner_quotes = false;
    let mut is_escaped = false;
    for (index, byte) in text.iter().enumerate().skip(1) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.checked_sub(1)?,
            b'"' if !is_escaped && depth == 0 => return Some((index + 1, has_inner_quotes)),
            b'"' if !is_escaped => has_inner_quotes = true,
            _ => {}
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
    None
}

/// Rewrites accents on dotless letters to the form that the parser supports: `\'\i` becomes `\'{\i}`.
fn normalize_dotless_accents(text: &str) -> String {
    const ACCENTS: [char; 7] = ['\'', '`', '"', '^', '~', '=', '.'];
    let mut prepared = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, command) = rest.split_at(start);
        prepared.push_str(before);
        let mut characters = command.chars();
        let (_, accent) = (characters.next(), characters.next());
        let rest_of_text = characters.as_str();
        let letter = rest_of_text.strip_prefix('\\').and_then(|letter| letter.chars().next());
        let is_alone = rest_of_text.chars().nth(2).is_none_or(|next| !next.is_alphanumeric());
        match (accent, letter) {
            (Some(accent), Some(letter @ ('i' | 'j'))) if ACCENTS.contains(&accent) && is_alone => {
                prepared.push_str(&format!("\\{accent}{{{letter}}}"));
                rest = &rest_of_text[2..];
                // A space or an empty group ends the name of a command.
                rest = rest.strip_prefix(' ').or_else(|| rest.strip_prefix("{}")).unwrap_or(rest);
            }
            (Some(next), _) => {
                prepared.push('\\');
                prepared.push(next);
                rest = rest_of_text;
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

/// Commands for characters with a special meaning in LaTeX, each with a placeholder and the character. Placeholders
/// are Unicode noncharacters; they are replaced by the characters after everything else is parsed.
const PLACEHOLDER_CHARACTERS: [(&str, char, char); 6] = [
    ("\\textbackslash{}", '\u{fdd0}', '\\'),
    ("\\textbraceleft{}", '\u{fdd1}', '{'),
    ("\\textbraceright{}", '\u{fdd2}', '}'),
    ("\\textasciitilde{}", '\u{fdd3}', '~'),
    ("\\textasciigrave{}", '\u{fdd4}', '`'),
    ("\\textquotesingle{}", '\u{fdd5}', '\''),
];

/// Math commands and their Unicode characters, alternating.
const MATH_SYMBOLS: &str = "\
alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π \
varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ \
Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω textmu µ textalpha α textbeta β textgamma γ degree ° textdegree ° times × div ÷ pm ± \
mp ∓ cdot · ast ∗ star ⋆ circ ∘ bullet • leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ approx ≈ sim ∼ simeq ≃ equiv ≡ propto ∝ ll ≪ gg ≫ in ∈ \
notin ∉ subset ⊂ subseteq ⊆ supset ⊃ cup ∪ cap ∩ emptyset ∅ forall ∀ exists ∃ infty ∞ partial ∂ nabla ∇ sum ∑ prod ∏ int ∫ sqrt √ \
to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ mapsto ↦ perp ⊥ parallel ∥ angle ∠ oplus ⊕ otimes ⊗ ldots … dots … \
cdots ⋯ ell ℓ hbar ℏ Re ℜ Im ℑ aleph ℵ prime ′ dagger † ddagger ‡ langle ⟨ rangle ⟩ log log ln ln exp exp sin sin cos cos tan tan \
max max min min lim lim sup sup inf inf det det dim dim ker ker gcd gcd arg arg deg deg Pr Pr \
less < greater > lt < gt > mathsemicolon ; lesssim ≲ gtrsim ≳ lessgtr ≶ gtrless ≷ prec ≺ succ ≻ preceq ⪯ succeq ⪰ asymp ≍ cong ≅ \
nsubseteq ⊈ nsupseteq ⊉ supseteq ⊇ subsetneq ⊊ setminus ∖ varnothing ∅ complement ∁ sqcup ⊔ sqcap ⊓ wedge ∧ land ∧ vee ∨ lor ∨ neg ¬ lnot ¬ \
hookrightarrow ↪ hookleftarrow ↩ longrightarrow ⟶ longleftarrow ⟵ Longrightarrow ⟹ Leftarrow ⇐ Leftrightarrow ⇔ iff ⟺ implies ⟹ \
uparrow ↑ downarrow ↓ nearrow ↗ searrow ↘ rightsquigarrow ⇝ rightleftharpoons ⇌ vdash ⊢ models ⊨ top ⊤ bot ⊥ mid ∣ nmid ∤ \
odot ⊙ ominus ⊖ boxtimes ⊠ rtimes ⋊ ltimes ⋉ bigoplus ⨁ bigcup ⋃ bigcap ⋂ oint ∮ iint ∬ triangle △ square □ Box □ diamond ⋄ \
lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ sinh sinh cosh cosh tanh tanh cot cot sec sec mod mod imath ı jmath ȷ varkappa ϰ digamma ϝ \
upalpha α upbeta β upgamma γ updelta δ uplambda λ upmu μ upnu ν uppi π upsigma σ uptau τ upomega ω";
/// The characters of [`MATH_SYMBOLS`] by command. Of a command that is listed twice, the first one.
static SIGN_BY_COMMAND: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let words: Vec<&str> = MATH_SYMBOLS.split_ascii_whitespace().collect();
    words.chunks_exact(2).rev().map(|pair| (pair[0], pair[1])).collect()
});
/// Commands that only affect formatting.
const FORMATTING_COMMANDS: &str = "\
emph textit textbf textsc textsf texttt textrm textsl textup textnormal textsubscript textsuperscript text mathrm mathbf mathit mathsf \
mathtt mathbb mathcal mathfrak mathscr operatorname boldsymbol bm em it bf tt sc sf rm sl md up large Large small tiny normalsize left \
right big Big bigl bigr quad qquad thinspace enspace noopsort protect ensuremath mbox hbox nolinebreak allowbreak newline par relax url \
href uppercase lowercase MakeUppercase MakeLowercase nobreakdash slash sfcode displaystyle textstyle scriptstyle limits nolimits ";

/// Replaces math commands by Unicode characters: `\alpha` by α, `\frac{1}{2}` by 1/2.
fn replace_math_symbols(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        all.push_str(&rest[..start]);
        let command = &rest[start + 1..];
        let length = command.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, rest_of_text) = command.split_at(length);
        let sign = SIGN_BY_COMMAND.get(name).copied();
        let fraction = matches!(name, "frac" | "tfrac" | "dfrac").then(|| split_fraction(rest_of_text)).flatten();
        if let Some((over, under, rest_of_text)) = fraction {
            all.push_str(&format!("{over}/{under}"));
            rest = rest_of_text;
        } else if let Some(sign) = sign {
            all.push_str(sign);
            let is_word = sign.is_ascii();
            // A space or an empty group ends the name of a command; after a word such as "log" the space is kept.
            rest = rest_of_text
                .strip_prefix("{}")
                .or_else(|| rest_of_text.strip_prefix(' ').filter(|_| !is_word))
                .unwrap_or(rest_of_text);
        } else {
            let whole = 1 + length.max(command.chars().next().map_or(0, char::len_utf8));
            all.push_str(&rest[start..start + whole]);
            rest = &rest[start + whole..];
        }
    }
    all.push_str(rest);
    all
}

/// Returns numerator, denominator and the rest of a fraction, if its groups have no nested groups.
fn split_fraction(text: &str) -> Option<(&str, &str, &str)> {
    let (over, rest_of_text) = text.strip_prefix('{')?.split_once('}')?;
    let (under, rest_of_text) = rest_of_text.strip_prefix('{')?.split_once('}')?;
    (!over.contains('{') && !under.contains('{')).then_some((over, under, rest_of_text))
}

/// Stands for a hyphen in a URL or an identifier, where `--` is not a dash.
const HYPHEN_PLACEHOLDER: &str = "\u{fdd6}";

fn is_verbatim_field(name: &str) -> bool {
    matches!(name, "url" | "doi" | "eprint")
}

/// Removes the escapes that some programs add to URLs and identifiers.
fn unescape_verbatim(text: &str) -> String {
    let mut address = text.to_owned();
    for sign in ['_', '%', '&', '#', '~', '$'] {
        address = address
            .replace(&format!("{{\\{sign}}}"), &sign.to_string())
            .replace(&format!("\\{sign}"), &sign.to_string());
    }
    for (command, sign) in
        [("\\textless", "<"), ("\\textgreater", ">"), ("\\textasciitilde", "~"), ("\\textunderscore", "_")]
    {
        let forms = [format!("{{{command}}}"), format!("{command}{{}}"), format!("{command} "), command.to_owned()];
        address = forms.iter().fold(address, |address, form| address.replace(form, sign));
    }
    address.replace('-', HYPHEN_PLACEHOLDER)
}

/// Parses the LaTeX of a field; returns `None` if it is malformed.
pub(super) fn parse_chunks(name: &str, text: &str) -> Option<Chunks> {
    let text = PLACEHOLDER_CHARACTERS.iter().fold(Cow::Borrowed(text), |text, (command, stand_in, _)| {
        if text.contains(command) { Cow::Owned(text.replace(command, &stand_in.to_string())) } else { text }
    });
    let text = if is_verbatim_field(name) { Cow::Owned(unescape_verbatim(&text)) } else { text };
    let text = text.as_ref();
    let field = Pair::new(Spanned::zero(name), Spanned::zero(vec![Spanned::zero(RawChunk::Normal(text))]));
    let entry = RawEntry { key: Spanned::zero("k"), kind: Spanned::zero("misc"), fields: vec![field] };
    let raw =
        RawBibliography { preamble: String::new(), entries: vec![Spanned::zero(entry)], abbreviations: Vec::new() };
    let entry = Bibliography::from_raw(raw).ok()?.into_vec().into_iter().next();
    entry.filter(|entry| entry.entry_type == EntryType::Misc)?.fields.remove(name)
}

/// Converts a field to plain text; if its LaTeX is malformed, only braces and commands are removed.
pub(super) fn latex_to_text(name: &str, text: &str, warnings: &mut Vec<String>) -> String {
    // In numbers, two hyphens are a dash, not a ligature.
    let has_ligature = text.contains("--") && !matches!(name, "pages" | "volume" | "number");
    if is_plain_text(text) && !has_ligature && !is_verbatim_field(name) {
        return collapse_whitespace(text);
    }
    let text = if is_verbatim_field(name) { Cow::Borrowed(text) } else { Cow::Owned(replace_math_symbols(text)) };
    let text = text.as_ref();
    if let Some(command) = find_unknown_command(text).filter(|_| !is_verbatim_field(name)) {
        warnings.push(format!("its {name} has unknown LaTeX commands, such as '\\{command}'; they were ignored"));
    }
    match parse_chunks(name, text) {
        Some(chunks) if is_verbatim_field(name) => {
            let text = chunks.format_verbatim().replace(HYPHEN_PLACEHOLDER, "-");
            text.trim().trim_start_matches("\\url{").trim_end_matches('}').to_owned()
        }
        Some(chunks) => format_chunks(&chunks),
        None => {
            // Usually the reason is a single dollar sign, which needs no warning.
            if !text.contains('$') {
                warnings.push(format!("the LaTeX of its {name} is malformed; its plain text was used"));
            }
            strip_commands(&text.replace(['{', '}'], ""))
        }
    }
}

/// Whether a text has no LaTeX, as most volumes, pages and titles: it needs no parser.
fn is_plain_text(text: &str) -> bool {
    !text.contains(['\\', '{', '}', '$', '~', '^', '_', '&', '%', '#', '"', '\'', '`'])
}

/// Commands for letters.
const LETTER_COMMANDS: [&str; 16] =
    ["ss", "ae", "AE", "oe", "OE", "aa", "AA", "th", "TH", "dh", "DH", "dj", "DJ", "ng", "lq", "rq"];

/// Returns the first command that is not a letter, a symbol or formatting.
fn find_unknown_command(text: &str) -> Option<&str> {
    let is_known = |name: &str| {
        name.len() < 2
            || name.starts_with("text")
            || LETTER_COMMANDS.contains(&name)
            || FORMATTING_COMMANDS.split_ascii_whitespace().any(|name_in_list| name_in_list == name)
            // Command names with capitals stand for themselves, such as `\BibTeX`.
            || name.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    text.match_indices('\\').find_map(|(start, _)| {
        let command = &text[start + 1..];
        let name = &command[..command.bytes().take_while(u8::is_ascii_alphabetic).count()];
        // A command with an argument, or before the text of a group, is formatting.
        let rest_of_text = &command[name.len()..];
        let formats = rest_of_text.starts_with('{')
            || text[..start].ends_with('{') && !rest_of_text.trim_start().starts_with('}');
        Some(name).filter(|name| !formats && !is_known(name))
    })
}

/// Returns the plain text of chunks; formulas lose their dollar signs. A command at the end of a formula or a group ends
/// there: `$\foo$Bar` is "Bar".
fn format_chunks(chunks: &[Spanned<Chunk>]) -> String {
    let text = |chunk: &Spanned<Chunk>| match &chunk.v {
        Chunk::Math(formula) => remove_commands(formula),
        _ => remove_commands(&std::slice::from_ref(chunk).format_verbatim()),
    };
    collapse_whitespace(&chunks.iter().map(text).collect::<String>())
}

/// Removes braces and the formatting commands that the parser left.
pub(super) fn strip_commands(text: &str) -> String {
    collapse_whitespace(&remove_commands(text))
}

fn collapse_whitespace(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn remove_commands(text: &str) -> String {
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
                // The name of an undefined command with capitals stands for itself, such as `\BibTeX`.
                if name.len() > 1 && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    plain.push_str(&name);
                    characters.next_if_eq(&' ');
                } else if !name.is_empty() {
                    // LaTeX swallows one space after a command name.
                    characters.next_if_eq(&' ');
                } else if let Some(symbol) = characters.next_if(|c| matches!(c, '&' | '%' | '$' | '#' | '_')) {
                    plain.push(symbol);
                }
            }
            '{' | '}' => {}
            character => {
                let placeholder = PLACEHOLDER_CHARACTERS.iter().find(|(_, stand_in, _)| *stand_in == character);
                plain.push(placeholder.map_or(character, |(.., own)| *own));
            }
        }
    }
    plain
}
