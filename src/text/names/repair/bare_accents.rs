//! Repair of LaTeX accents that lost their backslash: the accent character before the letter.

use crate::text::names::repair::accents::compose_letter;

/// Names with an accent that, with an apostrophe instead, are not other names.
const ACCENTED_NAMES: &str = "adél andrás andré andrée andrés aragón aurélie aurélien balázs benoît bernát bálint béatrice béla bélanger \
    chloé clémence clément cortés cristóbal cécile cédric céline césar damián dávid débora dénes díaz díez \
    fernández françois frédéric frédérique fábián félix garcía gaël germán gonzález grégoire grégory guillén \
    gutiérrez györgy gábor gáspár gérald gérard géza gómez gödel hernán hernández hervé horváth hélène ibáñez inés \
    isaías istván iván iñaki jesús jiménez joaquín josé joão joël julián jános jérémie jérémy jérôme józsef jörg \
    jürgen kovács kálmán károly loïc lukács lászló lázár lénárd léon léonard lópez martínez michèle molnár muñoz \
    márton mátyás máté mélanie méndez mészáros mónica möller müller nicolás noémie noël németh núñez piñeiro pál \
    pásztor pérez péter ramírez ramón raphaël raúl renáta rené renée rodríguez román rubén rémi rémy róbert \
    stéphane stéphanie suárez sylvère szabó szepesvári szilárd sánchez sándor sébastien séverine tamás théo \
    théodore théophile thérèse tóth tünde velázquez verónica viktória vásquez vázquez véronique víctor xavière \
    zoltán zsófia ádám álvarez ángel ángeles árpád édouard élie élise élodie éloïse émile émilie éric étienne \
    évelyne óscar";

/// A letter after an accent character, and the confidence that the character is an accent.
struct BareAccent {
    letter: char,
    confidence: f64,
}

const CERTAIN_CONFIDENCE: f64 = 0.95;
const LIKELY_CONFIDENCE: f64 = 0.6;
const POSSIBLE_CONFIDENCE: f64 = 0.2;
/// Not an accent, unless it makes a known name.
const KNOWN_NAME_ONLY_CONFIDENCE: f64 = 0.0;

/// Repairs the accents that are certain.
pub(super) fn repair_certain_accents(name: &str) -> Option<String> {
    repair_accents(name, CERTAIN_CONFIDENCE).map(|(value, _)| value)
}

/// Repairs all possible accents. Returns the name and the lowest confidence.
pub(super) fn suggest_accents(name: &str) -> Option<(String, f64)> {
    repair_accents(name, POSSIBLE_CONFIDENCE)
}

/// Repairs the accents with at least the given confidence. Returns the name and the lowest confidence.
fn repair_accents(name: &str, least: f64) -> Option<(String, f64)> {
    if !name.contains(['\'', '’', '`', '"', '^', '~']) || has_quoted_word(name) {
        return None;
    }
    let mut lowest: Option<f64> = None;
    let value = map_parts(name, |part| {
        let (value, confidence) = repair_part(part, least)?;
        lowest = Some(lowest.map_or(confidence, |lowest| lowest.min(confidence)));
        Some(value)
    });
    Some((value, lowest?))
}

/// Returns whether a word is in quotes, as a nickname is.
fn has_quoted_word(name: &str) -> bool {
    let quote = |c: char| matches!(c, '\'' | '’' | '`' | '"' | '‘' | '“');
    let words: Vec<&str> = name.split(' ').map(|word| word.trim_matches(['(', ')'])).collect();
    let opens = words.iter().position(|word| word.starts_with(quote));
    let closes = words.iter().rposition(|word| word.ends_with(quote));
    opens.zip(closes).is_some_and(|(opens, closes)| opens <= closes)
}

/// Maps the parts of a name (between spaces and hyphens). Parts that map to `None` stay.
fn map_parts(name: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(name.len());
    for piece in name.split_inclusive([' ', '-', '‐', '–']) {
        let part = piece.trim_end_matches([' ', '-', '‐', '–']);
        match replace(part) {
            Some(value) => text.push_str(&value),
            None => text.push_str(part),
        }
        text.push_str(&piece[part.len()..]);
    }
    text
}

/// Repairs the accents of one part of a name: those with at least the given confidence, or all of them if that makes a
/// known name.
fn repair_part(part: &str, least: f64) -> Option<(String, f64)> {
    let characters: Vec<char> = part.chars().collect();
    let accents: Vec<Option<BareAccent>> = (0..characters.len()).map(|index| accent_at(&characters, index)).collect();
    let with = |is_taken: &dyn Fn(&BareAccent) -> bool| {
        let mut text = String::with_capacity(part.len());
        let mut index = 0;
        while let Some(character) = characters.get(index) {
            index += 1;
            match accents[index - 1].as_ref().filter(|accent| is_taken(accent)) {
                Some(accent) => {
                    // An accent at the end belongs to the letter before it.
                    if index == characters.len() {
                        text.pop();
                    }
                    text.push(accent.letter);
                    index += 1;
                }
                None => text.push(*character),
            }
        }
        text
    };
    let all = with(&|_| true);
    if all != part && is_accented_name(&all) {
        return Some((all, CERTAIN_CONFIDENCE));
    }
    let taken = accents.iter().flatten().filter(|accent| accent.confidence >= least);
    let lowest = taken.map(|accent| accent.confidence).reduce(f64::min)?;
    Some((with(&|accent| accent.confidence >= least), lowest))
}

fn is_accented_name(word: &str) -> bool {
    let word = word.to_lowercase();
    ACCENTED_NAMES.split_whitespace().any(|name| name == word)
}

/// Returns the accent at an index of a name part, if the character can be one.
fn accent_at(characters: &[char], index: usize) -> Option<BareAccent> {
    let before = index.checked_sub(1).and_then(|index| characters.get(index)).copied();
    let next = characters.get(index + 1).copied();
    let mark = match characters.get(index)? {
        '\'' | '’' => '\u{301}',
        '`' => '\u{300}',
        '"' => '\u{308}',
        '^' => '\u{302}',
        '~' => '\u{303}',
        _ => return None,
    };
    let Some(next) = next else { return trailing_accent(characters, mark) };
    let letter = compose_letter(next, mark)?;
    let is_capital_inside = before.is_some() && next.is_uppercase();
    if is_capital_inside || before.is_some_and(|before| !before.is_alphabetic()) {
        return None;
    }
    let confidence = match mark {
        // Inside a word, these characters have no other meaning.
        '\u{302}' | '\u{303}' | '\u{308}' => CERTAIN_CONFIDENCE,
        _ => apostrophe_confidence(&characters[..index], &characters[index + 1..])?,
    };
    Some(BareAccent { letter, confidence })
}

/// Returns the accent after the last letter, as written on typewriters and in Italian.
fn trailing_accent(characters: &[char], mark: char) -> Option<BareAccent> {
    let word: String = characters.iter().take(characters.len().checked_sub(1)?).collect();
    let letter = match mark {
        '\u{301}' if word.ends_with("ic") && word.len() > 3 => 'ć',
        '\u{301}' if word.ends_with('o') && word.len() > 3 => 'ò',
        _ => return None,
    };
    Some(BareAccent { letter, confidence: LIKELY_CONFIDENCE })
}

/// Returns the confidence that an apostrophe is an accent. Otherwise it marks an omitted vowel (O'Brien, L'Huillier), a
/// syllable boundary (Xi'an, Shin'ichi), a glottal stop (Ya'akov, Mus'ab, Ka'ahumanu) or a soft consonant (Gimel'farb,
/// Grigor'ev).
fn apostrophe_confidence(before: &[char], after: &[char]) -> Option<f64> {
    let next = after.first()?;
    let Some(last) = before.last() else {
        // At the beginning of a word, only known names are repaired: 'Alvaro, but not 'Ōiwi and 'Athif.
        return Some(KNOWN_NAME_ONLY_CONFIDENCE);
    };
    let rest: String = after.iter().collect::<String>().to_lowercase();
    if is_vowel(*next) {
        if is_vowel(*last) || before.len() == 1 {
            return Some(KNOWN_NAME_ONLY_CONFIDENCE);
        }
        let is_soft = ["ev", "eva", "evna", "evich", "in", "ina", "ich"].contains(&rest.as_str()) || *next == 'y';
        return Some(if ends_with_syllable_onset(before) && !is_soft {
            CERTAIN_CONFIDENCE
        } else {
            POSSIBLE_CONFIDENCE
        });
    }
    if !is_vowel(*last) || before.len() < 2 {
        return None;
    }
    let is_ending_ic = rest == "c" && last.eq_ignore_ascii_case(&'i');
    let is_polish = rest.starts_with("nsk");
    if is_ending_ic || is_polish {
        return Some(CERTAIN_CONFIDENCE);
    }
    let follows = after.get(1).copied()?;
    (follows.is_alphabetic() && !is_vowel(follows) && follows != *next && follows != 'h').then_some(LIKELY_CONFIDENCE)
}

/// Returns whether the last two letters can only begin a syllable, so that no word is divided after them.
fn ends_with_syllable_onset(letters: &[char]) -> bool {
    let [.., stop, liquid] = letters else { return false };
    match liquid {
        'r' => "bcdfgkptvBCDFGKPTV".contains(*stop),
        'l' => "bcfgkpBCFGKP".contains(*stop),
        _ => false,
    }
}

fn is_vowel(letter: char) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    let base = letter.nfd().next().unwrap_or(letter);
    matches!(base.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'ø' | 'æ' | 'œ' | 'ı')
}

/// Repairs a v before s, c or z that stands for a caron. Returns the name and the confidence, which is never certain,
/// because names in many languages have these letters (Pevzner, Savchenko, Bhavsar).
pub(super) fn suggest_carons(name: &str) -> Option<(String, f64)> {
    if !name.contains(['v', 'V']) {
        return None;
    }
    let mut lowest: Option<f64> = None;
    let value = map_parts(name, |part| {
        let characters: Vec<char> = part.chars().collect();
        let mut text = String::with_capacity(part.len());
        let mut index = 0;
        let mut is_changed = false;
        while let Some(character) = characters.get(index).copied() {
            index += 1;
            match caron_at(&characters, index - 1) {
                Some((letter, confidence)) => {
                    text.push(letter);
                    index += 1;
                    is_changed = true;
                    lowest = Some(lowest.map_or(confidence, |lowest| lowest.min(confidence)));
                }
                None => text.push(character),
            }
        }
        is_changed.then_some(text)
    });
    Some((value, lowest?))
}

/// Returns the letter with a caron, and the confidence, if there is a v before it at this index.
fn caron_at(characters: &[char], index: usize) -> Option<(char, f64)> {
    if characters.get(index) != Some(&'v') {
        return None;
    }
    let letter = *characters.get(index + 1)?;
    if !matches!(letter, 'c' | 's' | 'z' | 'C' | 'S' | 'Z') {
        return None;
    }
    let with_caron = compose_letter(letter, '\u{30c}')?;
    let follows = characters.get(index + 2).copied();
    match index.checked_sub(1).and_then(|index| characters.get(index)) {
        // "vSimunovi'c": no name begins like this.
        None => letter.is_uppercase().then_some((with_caron, 0.7)),
        Some(before) if is_vowel(*before) && letter.is_lowercase() => {
            // Undamaged names with these letters: Shevchenko, Livshits; Gustavsson; Petrovsky, Janovska.
            let confidence = match follows {
                Some('h') => return None,
                Some(follows) if follows == letter => return None,
                Some('k') if letter == 's' && characters.len() <= index + 6 => return None,
                Some('l' | 'm' | 'n') if letter != 'z' => 0.5,
                _ => POSSIBLE_CONFIDENCE,
            };
            Some((with_caron, confidence))
        }
        Some(_) => None,
    }
}
