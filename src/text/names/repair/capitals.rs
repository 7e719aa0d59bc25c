//! Repair of names in capital letters.

use crate::text::names::PARTICLES;

/// Words in names of groups, whose capitals are meant.
const GROUP_WORDS: [&str; 9] =
    ["collaboration", "consortium", "group", "initiative", "inc", "lab", "network", "project", "team"];

/// Lowers the capitals of a name that is entirely in capitals, or whose family name is, as in bibliographies. Returns
/// `None` if capitals may be meant: initials, acronyms, particles, Mc and Mac.
pub(super) fn lower_capitals(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let is_loud = |word: &&str| is_capitalized_name(word);
    if words.len() < 2 || !words.iter().any(is_loud) || name.contains(|c: char| c.is_ascii_digit() || c == '/') {
        return None;
    }
    let plain = |word: &str| word.trim_end_matches(['.', ',']).to_lowercase();
    if words.iter().any(|word| GROUP_WORDS.contains(&plain(word).as_str())) {
        return None;
    }
    let whole = !name.contains(char::is_lowercase);
    let inner = &words[1..words.len() - 1];
    if inner.iter().any(|word| is_all_capitals(word) && PARTICLES.contains(&plain(word).as_str())) {
        return None;
    }
    if words.iter().any(|word| is_all_capitals(word) && plain(word).starts_with("mac") && word.len() > 5) {
        return None;
    }
    if !whole {
        // A single run of capitals, at the beginning or the end, in a name of usual length.
        let loud = words.iter().filter(|word| is_loud(word)).count();
        let at_end = words.iter().rev().take_while(|word| is_loud(word)).count();
        let at_start = words.iter().take_while(|word| is_loud(word)).count();
        let others_speak =
            words.iter().filter(|word| !is_loud(word)).all(|word| !is_all_capitals(word) || is_initials(word));
        if loud != at_end.max(at_start) || loud > 2 || words.len() > 5 || words.contains(&"-") || !others_speak {
            return None;
        }
    }
    let lowered: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(index, word)| {
            // JP and AJ are initials and MD is Mohammed at the beginning. NG is a family name at the end.
            let is_last = index + 1 == words.len();
            let is_spoken = *word == "MD" || has_vowel(word) && !(word.len() == 2 && word.ends_with('J'));
            let is_short = word.chars().filter(|c| c.is_alphabetic()).count() < 4;
            let is_name = is_loud(word) || whole && is_short && !is_initials(word) && (is_last || is_spoken);
            if is_name { title_case(word) } else { (*word).to_owned() }
        })
        .collect();
    let lowered = lowered.join(" ");
    (lowered != name).then_some(lowered)
}

/// Lowers the capitals of a name in a list of which every name is in capitals. There, capitals mean nothing, so that short
/// and unpronounceable words are lowered too, and particles entirely.
pub(super) fn lower_listed_capitals(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let plain = |word: &str| word.trim_end_matches(['.', ',']).to_lowercase();
    let is_group = words.iter().any(|word| GROUP_WORDS.contains(&plain(word).as_str()));
    if words.len() < 2 || is_group || name.contains(char::is_lowercase) || name.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let lowered: Vec<String> = (1..)
        .zip(&words)
        .map(|(number, word)| {
            let is_last = number == words.len();
            let is_short = word.chars().filter(|c| c.is_alphabetic()).count() < 4;
            let is_roman = matches!(plain(word).as_str(), "ii" | "iii" | "iv");
            // JP and AJ are initials, NG is a family name at the end.
            let may_be_initials = is_short && !is_last && (!has_vowel(word) || word.ends_with('J'));
            if number > 1 && !is_last && PARTICLES.contains(&plain(word).as_str()) {
                word.to_lowercase()
            } else if is_initials(word) || is_roman || may_be_initials {
                (*word).to_owned()
            } else {
                title_case(word)
            }
        })
        .collect();
    Some(lowered.join(" ")).filter(|lowered| lowered != name)
}

/// Returns whether a name has a word in the usual case, such as "Ida", and none that [`lower_capitals`] would lower.
pub(super) fn is_ordinary(name: &str) -> bool {
    let is_usual = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(char::is_lowercase)
            && letters.all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’' | ',' | '.'))
    };
    name.split_whitespace().any(is_usual) && lower_capitals(name).is_none()
}

fn is_all_capitals(word: &str) -> bool {
    word.contains(char::is_uppercase) && !word.contains(char::is_lowercase)
}

fn has_vowel(word: &str) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    word.nfd().any(is_vowel)
}

fn is_vowel(letter: char) -> bool {
    matches!(letter.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y') || matches!(letter, 'Ø' | 'Æ' | 'Œ')
}

/// Matches "J", "J.", "J.R." and "J.-P.".
fn is_initials(word: &str) -> bool {
    let longest = word.split(['.', '-']).map(|part| part.chars().count()).max().unwrap_or_default();
    longest < 2
}

/// Returns whether a word in capitals is a pronounceable name, not an acronym.
fn is_capitalized_name(word: &str) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    is_all_capitals(word)
        && word.split(['-', '\'', '’']).any(|part| {
            let letters: Vec<char> = part.nfd().filter(|c| c.is_alphabetic()).collect();
            letters.len() >= 4 && has_vowel(part) && !is_unpronounceable(&letters)
        })
        && !word.contains('.')
}

/// Returns whether letters cannot be a word: the same letter three times, or four consonants without R, L or H; and in
/// a word of four letters, three leading vowels or consonants, or a final pair of consonants that ends no syllable.
fn is_unpronounceable(letters: &[char]) -> bool {
    const SYLLABLE_ENDINGS: [&str; 30] = [
        "CH", "CK", "GH", "HN", "LD", "LK", "LL", "LM", "LT", "LZ", "ND", "NG", "NK", "NN", "NT", "NZ", "RD", "RG",
        "RK", "RN", "RR", "RS", "RT", "RZ", "SH", "SS", "ST", "TH", "TT", "TZ",
    ];
    let thrice = letters.windows(3).any(|three| three[0] == three[1] && three[1] == three[2]);
    let is_hard = |letter: &char| !is_vowel(*letter) && !matches!(letter, 'H' | 'L' | 'R');
    if thrice || letters.windows(4).any(|four| four.iter().all(is_hard)) {
        return true;
    }
    let [one, two, three, four] = letters else { return false };
    let ending: String = [three, four].into_iter().collect();
    let [mut first, second, third, last] = [one, two, three, four].map(|letter| is_vowel(*letter));
    // The Y of Yuan is a consonant.
    first &= !(*one == 'Y' && second);
    first == second && second == third || !third && !last && !SYLLABLE_ENDINGS.contains(&ending.as_str())
}

/// Converts a word to title case, with capitals after hyphens, apostrophes and Mc.
fn title_case(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut starts = true;
    let mut letters = 0;
    for character in word.chars() {
        if character.is_alphabetic() {
            if starts {
                text.push(character);
            } else {
                text.extend(character.to_lowercase());
            }
            letters += 1;
            starts = letters == 2 && text.ends_with("Mc");
        } else {
            // O'Brien, but Xi'an and Shin'ichi.
            starts = !matches!(character, '\'' | '’') || letters == 1;
            letters = 0;
            text.push(character);
        }
    }
    text
}
