//! Damaged names, and undamaged names that look damaged.

use proptest::prelude::*;

use super::*;

/// Returns the repaired name with its rule, followed by the suggestion, if any: after `?` if it is plausible, else
/// after `??`.
fn described(published: &str) -> String {
    let RepairedName { mut name, certain, suggestion } = repair_name(published);
    if let Some(repair) = certain {
        assert!(repair.is_certain() && repair.value == name, "{repair:?}");
        name += &format!(" {:?}", repair.rule);
    }
    if let Some(repair) = suggestion {
        assert!(!repair.is_certain(), "{repair:?}");
        let sign = if repair.is_plausible() { "?" } else { "??" };
        name += &format!(" {sign}{} {:?}", repair.value, repair.rule);
    }
    name
}

#[test]
fn certain_repairs_are_applied() {
    for (published, expected) in [
        ("Andr'as Gyorgy", "András Gyorgy BareAccent"),
        ("Anastasija Ili'c", "Anastasija Ilić BareAccent"),
        ("Anastasija Ili’c", "Anastasija Ilić BareAccent"),
        ("Ili'c-Petrov, Ana", "Ilić-Petrov, Ana BareAccent"),
        ("Fr'ed'eric Marais", "Frédéric Marais BareAccent"),
        ("L'aszl'o Kov'acs", "László Kovács BareAccent"),
        ("Jos'e P'erez", "José Pérez BareAccent"),
        ("Chlo'e Marais", "Chloé Marais BareAccent"),
        ("Gr'egoire-Jos'e Ford", "Grégoire-José Ford BareAccent"),
        ("Kozi'nski", "Koziński BareAccent"),
        ("M\"uller", "Müller BareAccent"),
        ("Ana Mu~noz", "Ana Muñoz BareAccent"),
        ("J'er^ome Ford", "Jérôme Ford BareAccent"),
        (r#"Benedikt B\"{u}nz"#, "Benedikt Bünz Latex"),
        (r#"Benedikt B{\"u}nz"#, "Benedikt Bünz Latex"),
        (r#"B\"unz"#, "Bünz Latex"),
        (r"Ana Ili\'c", "Ana Ilić Latex"),
        (r"Ana Ili{\'{c}}", "Ana Ilić Latex"),
        (r"Jes\'us Ford", "Jesús Ford Latex"),
        (r"Mart{\'\i}n Ford", "Martín Ford Latex"),
        (r"Hél\`ene Ford", "Hélène Ford Latex"),
        (r"{\L}ukasz Ford", "Łukasz Ford Latex"),
        (r"S\o ren {\AA}s", "Søren Ås Latex"),
        (r"\v{S}imun Ford", "Šimun Ford Latex"),
        (r"Matej Ze\vcević", "Matej Zečević Latex"),
        (r"Nguy\~{\^e}n Ford", "Nguyễn Ford Latex"),
        (r"Gia\-cin\-to Ford", "Giacinto Ford Latex"),
        (r"Ida D\textsc{\char13}Arc", "Ida D'Arc Latex"),
        ("{van der} Berg", "van der Berg Latex"),
        ("JosÃ© Ford", "José Ford MisreadEncoding"),
        ("JosÃƒÂ© Ford", "José Ford MisreadEncoding"),
        ("Ana IliÄ‡", "Ana Ilić MisreadEncoding"),
        ("MÃ¼ller", "Müller MisreadEncoding"),
        ("Oâ€™Brien, SeÃ¡n", "O’Brien, Seán MisreadEncoding"),
        ("Ð˜Ð²Ð°Ð½", "Иван MisreadEncoding"),
        ("Jos&eacute; Ford", "José Ford HtmlEntity"),
        ("Jos&amp;eacute; Ford", "José Ford HtmlEntity"),
        ("<i>José</i> Ford", "José Ford HtmlEntity"),
        ("&lt;b&gt;José&lt;/b&gt; Ford", "José Ford HtmlEntity"),
        ("{\\textcommabelow S}erban Ford", "Șerban Ford Latex"),
        ("Ana Ili&#263;", "Ana Ilić HtmlEntity"),
        ("Jose\u{301} Ford", "José Ford DecomposedAccent"),
        ("Mart\u{131}\u{301}n Ford", "Martín Ford DecomposedAccent"),
        ("Ales\u{306} Ford", "Aleš Ford DecomposedAccent"),
        ("Skadin\u{328}a", "Skadiņa DecomposedAccent"),
        ("Andre´ Ford", "André Ford DetachedAccent"),
        ("Garc´ıa Ford", "García Ford DetachedAccent"),
        ("M¨uller", "Müller DetachedAccent"),
        ("Fran¸cois Ford", "François Ford DetachedAccent"),
        ("R¨¨ätsch", "Rätsch DetachedAccent"),
        ("IDA BROOK", "Ida Brook Capitals"),
        ("IDA M. O'BRIEN-FORD", "Ida M. O'Brien-Ford Capitals"),
        ("HSUAN-I HO", "Hsuan-I Ho Capitals"),
        ("USVSN PRASHANTH", "USVSN Prashanth Capitals"),
        ("MD HANNAH SCHMIDT", "Md Hannah Schmidt Capitals"),
        ("LI JUNNAN", "Li Junnan Capitals"),
        ("JP MORGAN", "JP Morgan Capitals"),
        ("AJ STYLES", "AJ Styles Capitals"),
        ("YUHUI YUAN", "Yuhui Yuan Capitals"),
        ("WANDA NG", "Wanda Ng Capitals"),
        ("Tom~Ford", "Tom Ford Latex"),
        ("IAN MCDONALD", "Ian McDonald Capitals"),
        ("ÉLISE MARAIS", "Élise Marais Capitals"),
        ("Romain COUILLET", "Romain Couillet Capitals"),
        ("Wei ZHANG", "Wei Zhang Capitals"),
        ("WANG Yun", "Wang Yun Capitals"),
        ("Ida Brook[2]", "Ida Brook StrayCharacters"),
        ("Alex> Bavsar", "Alex Bavsar StrayCharacters ??Alex Bašar Caron"),
        ("Ida Brook*†", "Ida Brook StrayCharacters"),
        ("Ida Brook)", "Ida Brook StrayCharacters"),
        ("Ida () Brook", "Ida Brook StrayCharacters"),
        ("Ida Brook <ida@example.org>", "Ida Brook StrayCharacters"),
        ("and Ida Brook", "Ida Brook StrayCharacters"),
        ("\u{202a}Ida Brook\u{202c}", "Ida Brook StrayCharacters"),
        (r"AN\'A PE\~NA", "Aná Peña Capitals"),
    ] {
        assert_eq!(described(published), expected, "{published}");
    }
}

#[test]
fn uncertain_repairs_are_suggested() {
    for (published, expected) in [
        ("Matko Bovsnjak", "Matko Bovsnjak ?Matko Bošnjak Caron"),
        ("Ana vSimunovi'c", "Ana vSimunović BareAccent ?Ana Šimunović Caron"),
        ("Andr'as Bovsnjak", "András Bovsnjak BareAccent ?András Bošnjak Caron"),
        ("Ida Jovanovic'", "Ida Jovanovic' ?Ida Jovanović BareAccent"),
        ("Nicolo' Ford", "Nicolo' Ford ?Nicolò Ford BareAccent"),
        ("Jan Wo'zniak", "Jan Wo'zniak ?Jan Woźniak BareAccent"),
        ("Bart'ok Ford", "Bart'ok Ford ??Bartók Ford BareAccent"),
        ("Ana Kovacevivc", "Ana Kovacevivc ??Ana Kovacevič Caron"),
    ] {
        assert_eq!(described(published), expected, "{published}");
    }
}

/// None of these may be repaired, nor be reported as a suggestion.
#[test]
fn undamaged_names_stay() {
    for name in [
        // Accents that could be on either letter.
        "G´omez Ford",
        "Garci´a Ford",
        "Ga¨el Ford",
        "O'Brien",
        "O’Brien",
        "O'brien",
        "D'Angelo",
        "D´Angelo",
        "O´Neill",
        "Ida d'Ascoli",
        "Anna L'Huillier",
        "Anna l'huillier",
        "Emily Prud'hommeaux",
        "Dell'Anna",
        "Sant'Ana",
        "Marc'Aurelio Ford",
        "Marc'aurelio Ford",
        "Chefd'Hotel",
        "Max G’Sell",
        // Hawaiian, Samoan, Mayan.
        "Ka'ahumanu",
        "Kaʻahumanu",
        "Ka‘ahumanu",
        "‘Ōiwi Parker",
        "Ho'okano",
        "Ke'ala Ford",
        "Fa'asavalu",
        "B’alam Mateo",
        "K'iche'",
        // Ukrainian, Russian.
        "V'yacheslav",
        "Luk'yanov",
        "Mar'yana",
        "Igor Mel'čuk",
        "I. Mel'cuk",
        "Georgy Gimel'farb",
        "N. N. Leont'eva",
        "Grigor'ev",
        "Solov'ev",
        "A.S. Narin’yani",
        "Dem'yan",
        "Vasil'ev",
        "Il'in",
        "Kuz'min",
        "Tat'yana",
        "Mar'ia Ford",
        "Dar'ia",
        // Chinese, Japanese, Korean.
        "Xi'an Li",
        "Guan'an Wang",
        "Chang’e Jia",
        "Lian’en Huang",
        "Jun'ichi Tsujii",
        "Shin'ya Ford",
        "Ken’ichiro",
        "Xiao'ou Tang",
        "Hiroshi Echizen’ya",
        // Arabic, Hebrew, Persian.
        "Mus'ab Husaini",
        "Khalil Sima'an",
        "Ya'akov Gal",
        "Itsik Pe'er",
        "Ze'ev Ford",
        "Guy Sa'ar",
        "Noa Na’aman",
        "Su'ad Awab",
        "Rami Al-Rfou'",
        "Bara' Al-Jawarneh",
        "Ma'mun",
        "Sa'di",
        "Al-Ja'afreh",
        "Elahe' Yargholi",
        "Hasan Asy'ari",
        "Abidalrahman Moh’d",
        "Ahmad 'Athif Faudzi",
        "Qur'an",
        "Is'haq",
        // African, Iroquoian, others.
        "Wanjiku Ng'ang'a",
        "N'Guyen",
        "M'bengue",
        "Isaiah Mulang'",
        "Ronkwe’tiyóhstha",
        "Tre’ Jeter",
        "Hui Xue'",
        "Jacket Demby's",
        "Jan't Hoen",
        "Pieter 't Hooft",
        "Rob’t Simmons",
        "S'niehotta",
        // Nicknames in quotes.
        "Alex 'Sandy' Ford",
        "Alex `Sandy' Ford",
        "Zhangyang \"Atlas\" Wang",
        "Yu (\"Tony\") Quay",
        "Giorgos ('Yorgos') Ford",
        // A v that is not a caron.
        "Taras Shevchenko",
        "Oleksandra Levchenko",
        "Dana Movshovitz",
        "Lisa Gustavsson",
        "Lev Pevzner",
        "Jan Skvrna",
        "Petrovsky",
        "Janovska",
        "Maks Ovsjanikov",
        "Fabrice Lefebvre",
        // Capitals that are meant.
        "ATLAS Collaboration",
        "Team NVIDIA",
        "IBM Research",
        "ARC A3",
        "TIPSTER SE/CM",
        "J.R. Ford",
        "JR Ford",
        "McDonald",
        "Ludwig III",
        "META - Alliance of Translators",
        "Sai SAPV",
        "Michalis Titsias RC AUEB",
        "IIIS Song Zuo",
        "IAN MACDONALD",
        "JAN VAN DER BERG",
        "Sai GNVV",
        "XY",
        // Digits, punctuation and other scripts.
        "Eric H. Ford 3rd",
        "Ida Brook1",
        "Ida Brook 0002",
        "Mary Ford (née Quay)",
        "Tom Smith & Co; Ltd",
        "São João",
        "ÂNGELA",
        "RENÉ’S",
        "Ãngel",
        "Finn \\. Nielsen",
        "Umut Şim\\scekli",
        "Clémen\\con",
        "Vladan Stojni?",
        "王小明",
        "Ōno Ichirō",
        "Đặng Văn Ngữ",
        "محمد علي",
        "नागार्जुन",
    ] {
        let repaired = repair_name(name);
        assert_eq!((repaired.name.as_str(), repaired.reported_repair()), (name, None), "{name}");
    }
}

#[test]
fn names_that_confirm_suggestions() {
    let key = |name| repair_name(name).confirming_key();
    assert_eq!(key("Matko Bošnjak"), Some("matko bošnjak".to_owned()));
    assert_eq!(key(r"Matko Bo\v{s}njak"), Some("matko bošnjak".to_owned()), "a certain repair");
    assert_eq!(key("Matko Bovsnjak"), None);
    assert_eq!(key("Ana Ilič Bovsnjak"), None, "a name that may be damaged itself");
    assert_eq!(key("Matko Bosnjak"), None, "no letter beyond ASCII");
}

/// The words of rules are stored in `authorship.repair_rule`.
#[test]
fn stored_words_are_stable() {
    let rules = [
        (RepairRule::Latex, "LATEX"),
        (RepairRule::BareAccent, "BARE_ACCENT"),
        (RepairRule::Caron, "CARON"),
        (RepairRule::MisreadEncoding, "MISREAD_ENCODING"),
        (RepairRule::DetachedAccent, "DETACHED_ACCENT"),
        (RepairRule::DecomposedAccent, "DECOMPOSED_ACCENT"),
        (RepairRule::HtmlEntity, "HTML_ENTITY"),
        (RepairRule::Capitals, "CAPITALS"),
        (RepairRule::StrayCharacters, "STRAY_CHARACTERS"),
    ];
    for (rule, word) in rules {
        assert_eq!(serde_json::json!(rule), word);
    }
}

#[test]
fn surrounding_white_space_hides_no_damage() {
    assert_eq!(repair_name(" ´y").name, repair_name("´y").name);
}

/// Returns the damaged spellings of an accented letter.
fn damaged(letter: char) -> Vec<String> {
    use unicode_normalization::UnicodeNormalization as _;
    let parts: Vec<char> = letter.nfd().collect();
    let [base, mark] = parts[..] else { return vec![letter.to_string()] };
    let sign = match mark {
        '\u{300}' => '`',
        '\u{301}' => '\'',
        '\u{302}' => '^',
        '\u{303}' => '~',
        '\u{308}' => '"',
        '\u{30c}' => 'v',
        _ => return vec![letter.to_string()],
    };
    let misread: String = letter.to_string().bytes().map(char::from).collect();
    vec![
        format!("\\{sign}{{{base}}}"),
        format!("{{\\{sign}{{{base}}}}}"),
        format!("{base}{mark}"),
        misread,
        format!("&#{};", u32::from(letter)),
    ]
}

proptest! {
    /// Certain damage of any kind is repaired.
    #[test]
    fn certain_damage_is_repaired(name in "[A-Z][a-zéèüöñçšžćčřâô]{2,9} [A-Z][a-záéíóúůěšžćč]{2,9}", way in 0_usize..5) {
        prop_assume!(repair_name(&name).certain.is_none());
        let published: String = name.chars().map(|letter| {
            let ways = damaged(letter);
            ways.get(way).or(ways.first()).cloned().unwrap_or_default()
        }).collect();
        prop_assert_eq!(repair_name(&published).name, repair_name(&name).name, "{}", published);
    }

    #[test]
    fn repair_is_idempotent(name in "[A-Za-zéšÃ©'\"\\\\{}^~`´&;<>()0-9 .-]{0,30}") {
        let once = repair_name(&name);
        prop_assert_eq!(repair_name(&once.name).name, once.name);
    }

    #[test]
    fn any_text_is_repaired_to_a_clean_name(text in any::<String>()) {
        let repaired = repair_name(&text);
        prop_assert!(clean(&repaired.name) == repaired.name, "{:?}", repaired);
        prop_assert_eq!(repaired.name.is_empty(), clean(&text).is_empty());
        for repair in repaired.certain.iter().chain(&repaired.suggestion) {
            prop_assert!(!repair.value.is_empty() && (0.0..=1.0).contains(&repair.confidence));
            prop_assert_eq!(repair.is_certain(), repair.value == repaired.name);
        }
        // A confirmed spelling has a letter that the damaged name lacks.
        let key = repaired.suggestion_key();
        prop_assert!(key.is_none_or(|key| !key.is_ascii() && key != name_key(&repaired.name)));
    }

    #[test]
    fn plain_names_stay(name in "[A-Z][a-z]{1,9}( [A-Z]\\.)? (van |de )?[A-Z][a-zé]{1,9}") {
        let repaired = repair_name(&name);
        prop_assert_eq!(repaired.name, name);
    }
}

#[test]
fn capitals_beside_ordinary_names() {
    for (published, expected) in [
        ("John SMITH", "John Smith"),
        ("JOHN SMITH", "John Smith"),
        ("KIM NG", "Kim Ng"),
        ("J. R. NG", "J. R. Ng"),
        ("JOS&Eacute; FORD", "José Ford"),
    ] {
        let RepairedName { name, suggestion, .. } = repair_listed_name(published, ListCapitals::Beside);
        let suggestion = suggestion.expect("a suggestion");
        assert_eq!((suggestion.value.as_str(), suggestion.rule), (expected, RepairRule::Capitals));
        assert!(suggestion.is_plausible() && !suggestion.is_certain());
        assert_eq!(name.to_uppercase(), expected.to_uppercase());
        assert_ne!(name, expected);
    }
    for published in ["Ida Brook", "EEL PROJECT", "Sai SAPV", "J. R. R.", "XY"] {
        let repaired = repair_listed_name(published, ListCapitals::Beside);
        assert_eq!((repaired.suggestion, repaired.certain), (None, None), "{published}");
    }
    assert_eq!(repair_listed_name("JOSÉ FORD", ListCapitals::Beside).suggestion_key(), None);
    assert_eq!(repair_listed_name("JOSÉ FORD", ListCapitals::Beside).confirming_key(), Some(name_key("José Ford")));
}

#[test]
fn lists_in_capitals() {
    for (published, expected) in [
        ("ALMA BROOK", "Alma Brook"),
        ("MILOS KRSTIC", "Milos Krstic"),
        ("LEE ANG", "Lee Ang"),
        ("KIM NG", "Kim Ng"),
        ("MI LI", "Mi Li"),
        ("JOHN MCKAY", "John McKay"),
        ("SEAN O'NEILL", "Sean O'Neill"),
        ("IDA VAN DER BERG", "Ida van der Berg"),
        ("J.-P. BROOK III", "J.-P. Brook III"),
        ("JP BROOK", "JP Brook"),
        ("EEL PROJECT", "EEL PROJECT"),
    ] {
        assert_eq!(repair_listed_name(published, ListCapitals::Throughout).name, expected);
    }
    for (names, expected) in [
        (vec!["IDA BROOK", "NG KIM"], ListCapitals::Throughout),
        (vec!["IDA BROOK"], ListCapitals::Unknown),
        (vec!["IDA BROOK", "Tom Ford"], ListCapitals::Beside),
        (vec!["IDA BROOK", "Ford, T."], ListCapitals::Beside),
        // Family names are in capitals in some bibliographies.
        (vec!["Ida BROOK", "Tom FORD"], ListCapitals::Unknown),
        (vec!["JOS&eacute; FORD", "IDA BROOK"], ListCapitals::Unknown),
        (vec!["王伟", "IDA BROOK"], ListCapitals::Throughout),
    ] {
        assert_eq!(ListCapitals::of(names.iter().copied()), expected, "{names:?}");
    }
}
