//! TeX formulas as plain text: commands become the characters they print.

use std::borrow::Cow;

/// The most bytes of a formula inside a text.
const MAX_FORMULA_BYTES: usize = 1000;

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
/// Commands that only affect formatting.
const FORMATTING_COMMANDS: &str = "\
emph textit textbf textsc textsf texttt textrm textsl textup textnormal textsubscript textsuperscript text mathrm mathbf mathit mathsf \
mathtt mathbb mathcal mathfrak mathscr operatorname boldsymbol bm em it bf tt sc sf rm sl md up large Large small tiny normalsize left \
right big Big bigl bigr quad qquad thinspace enspace noopsort protect ensuremath mbox hbox nolinebreak allowbreak newline par relax url \
href uppercase lowercase MakeUppercase MakeLowercase nobreakdash slash sfcode displaystyle textstyle scriptstyle limits nolimits ";

/// Replaces math commands by Unicode characters: `\alpha` by α, `\frac{1}{2}` by 1/2.
pub(crate) fn replace_math_symbols(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        all.push_str(&rest[..start]);
        let command = &rest[start + 1..];
        let length = command.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, rest_of_text) = command.split_at(length);
        let mut words = MATH_SYMBOLS.split_ascii_whitespace();
        let sign =
            std::iter::from_fn(|| Some((words.next()?, words.next()?))).find(|(name_in_list, _)| *name_in_list == name);
        let fraction = matches!(name, "frac" | "tfrac" | "dfrac").then(|| split_fraction(rest_of_text)).flatten();
        if let Some((over, under, rest_of_text)) = fraction {
            all.push_str(&format!("{over}/{under}"));
            rest = rest_of_text;
        } else if let Some((_, sign)) = sign {
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

/// Commands for letters.
const LETTER_COMMANDS: [&str; 16] =
    ["ss", "ae", "AE", "oe", "OE", "aa", "AA", "th", "TH", "dh", "DH", "dj", "DJ", "ng", "lq", "rq"];

/// Returns the first command that is not a letter, a symbol or formatting.
pub(crate) fn find_unknown_command(text: &str) -> Option<&str> {
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

/// Removes braces and commands. A command with a capital letter that is not known stands for itself.
pub(crate) fn remove_commands(text: &str) -> String {
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
            character => plain.push(character),
        }
    }
    plain
}

/// Replaces the formulas between dollar signs that have TeX commands, all of them known, by what they print:
/// `$\alpha$-helix` is "α-helix". Sums of money are no formulas.
pub(crate) fn replace_formulas(text: &str) -> Cow<'_, str> {
    if !text.contains('$') || !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        let (before, formula) = rest.split_at(start);
        replaced.push_str(before);
        match split_formula(formula).filter(|_| !before.ends_with('\\')) {
            Some((formula, after)) => {
                replaced.push_str(remove_commands(&replace_math_symbols(formula)).trim());
                rest = after;
            }
            None => {
                replaced.push('$');
                rest = &formula[1..];
            }
        }
    }
    replaced.push_str(rest);
    Cow::Owned(replaced)
}

/// Splits a text that starts with a dollar sign into its formula, without dollar signs, and the rest. As in Markdown, no
/// white space follows the first dollar sign or precedes the last one.
fn split_formula(text: &str) -> Option<(&str, &str)> {
    let sign = if text.starts_with("$$") { "$$" } else { "$" };
    let inside = &text[sign.len()..];
    let window = &inside[..inside.floor_char_boundary(MAX_FORMULA_BYTES)];
    let end = window.find('$')?;
    let (formula, after) = (&inside[..end], inside[end..].strip_prefix(sign)?);
    let is_delimited =
        !formula.starts_with(char::is_whitespace) && !formula.ends_with(|c: char| c.is_whitespace() || c == '\\');
    let has_command = formula.contains('\\') && find_unknown_command(&replace_math_symbols(formula)).is_none();
    (is_delimited && has_command).then_some((formula, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_in_texts() {
        for (written, plain) in [
            (r"The $\alpha$-helix at $\lesssim$5 GeV", "The α-helix at ≲5 GeV"),
            (r"From $\lesssim$GeV to $$\sqrt{s}=13\,\mathrm{TeV}$$", "From ≲GeV to √s=13 TeV"),
            (r"$\frac{1}{2}$ of $\mathbb{R}^n$", "1/2 of R^n"),
            (r"$5 and $6, \$7 and \$8, $x$", r"$5 and $6, \$7 and \$8, $x$"),
            (r"The $\wombat$ of $PATH and C:\temp$", r"The $\wombat$ of $PATH and C:\temp$"),
        ] {
            assert_eq!(replace_formulas(written), plain, "{written}");
        }
    }
}
