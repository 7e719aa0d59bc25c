//! Names in capital letters.

use crate::text::names::PARTICLES;

/// Words that tell of a group, whose capitals are its own.
const GROUPS: [&str; 9] =
    ["collaboration", "consortium", "group", "initiative", "inc", "lab", "network", "project", "team"];

/// The name with small letters where it has capitals throughout, or in its family name as bibliographies have it. Not where
/// capitals may be meant: initials, acronyms, particles, Mc and Mac.
pub(super) fn lowered(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let is_loud = |word: &&str| is_loud(word);
    if words.len() < 2 || !words.iter().any(is_loud) || name.contains(|c: char| c.is_ascii_digit() || c == '/') {
        return None;
    }
    let plain = |word: &str| word.trim_end_matches(['.', ',']).to_lowercase();
    if words.iter().any(|word| GROUPS.contains(&plain(word).as_str())) {
        return None;
    }
    let whole = !name.contains(char::is_lowercase);
    let inner = &words[1..words.len() - 1];
    if inner.iter().any(|word| is_capital(word) && PARTICLES.contains(&plain(word).as_str())) {
        return None;
    }
    if words.iter().any(|word| is_capital(word) && plain(word).starts_with("mac") && word.len() > 5) {
        return None;
    }
    if !whole {
        // One run of capitals, at either end, of a name no longer than most are.
        let loud = words.iter().filter(|word| is_loud(word)).count();
        let at_end = words.iter().rev().take_while(|word| is_loud(word)).count();
        let at_start = words.iter().take_while(|word| is_loud(word)).count();
        let others_speak =
            words.iter().filter(|word| !is_loud(word)).all(|word| !is_capital(word) || is_initials(word));
        if loud != at_end.max(at_start) || loud > 2 || words.len() > 5 || words.contains(&"-") || !others_speak {
            return None;
        }
    }
    let lowered: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(index, word)| {
            // At the beginning JP and AJ are initials and MD is Mohammed, at the end NG is a name.
            let is_last = index + 1 == words.len();
            let is_spoken = *word == "MD" || has_vowel(word) && !(word.len() == 2 && word.ends_with('J'));
            let is_short = word.chars().filter(|c| c.is_alphabetic()).count() < 4;
            let is_name = is_loud(word) || whole && is_short && !is_initials(word) && (is_last || is_spoken);
            if is_name { titled(word) } else { (*word).to_owned() }
        })
        .collect();
    let lowered = lowered.join(" ");
    (lowered != name).then_some(lowered)
}

fn is_capital(word: &str) -> bool {
    word.contains(char::is_uppercase) && !word.contains(char::is_lowercase)
}

fn has_vowel(word: &str) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    word.nfd().any(is_vowel)
}

fn is_vowel(letter: char) -> bool {
    matches!(letter.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y') || matches!(letter, 'Ø' | 'Æ' | 'Œ')
}

/// "J", "J.", "J.R.", "J.-P."
fn is_initials(word: &str) -> bool {
    let longest = word.split(['.', '-']).map(|part| part.chars().count()).max().unwrap_or_default();
    longest < 2
}

/// A word in capitals that is spoken as a word, rather than spelled.
fn is_loud(word: &str) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    is_capital(word)
        && word.split(['-', '\'', '’']).any(|part| {
            let letters: Vec<char> = part.nfd().filter(|c| c.is_alphabetic()).collect();
            letters.len() >= 4 && has_vowel(part) && !is_cluster(&letters)
        })
        && !word.contains('.')
}

/// Whether letters stand together that no word has: three times the same, four consonants without an R, L or H; and in a word
/// of four letters three vowels or consonants at the beginning, or two consonants at the end that no syllable ends in.
fn is_cluster(letters: &[char]) -> bool {
    const ENDINGS: [&str; 30] = [
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
    // Yuan begins with a consonant.
    first &= !(*one == 'Y' && second);
    first == second && second == third || !third && !last && !ENDINGS.contains(&ending.as_str())
}

/// A word with a capital at its beginning and behind hyphens and apostrophes; behind Mc too.
fn titled(word: &str) -> String {
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
