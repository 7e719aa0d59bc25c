//! The normalized form of a name, by which author disambiguation compares names, and how common the name is.

use crate::text::bounded_key::bounded_key;
use crate::text::names::compare::transliteration_key;
use crate::text::names::parse_name;
use crate::text::normalize::fold;

/// Family names, in Latin letters, that very many people have: with a short given name, there are namesakes in the same
/// field.
const VERY_COMMON_FAMILY_NAMES: &str = "\
wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang deng han feng cao \
peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren shen yao jin fan zhong tan wen qin xue lei bai \
jia meng xiong qiu hou yin xia zou shi long wan qian duan dai fu cui kong gu zhan hong yan mao hao chang zhuang gong ge ji \
cho kim lee park choi jung kang yoon jang lim shin seo kwon hwang ahn jeong chung yoo oh ryu moon bae baek nam chan wong \
cheung leung lau ng ho chow cheng tsai chiu kuo hsu hsieh chang nguyen tran le pham hoang phan vu vo dang bui do ngo duong \
kumar singh sharma gupta patel das roy rao reddy mishra khan ahmed ali hussain";
/// Family names that many people have.
const COMMON_FAMILY_NAMES: &str = "\
smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor \
moore jackson martin perez thompson white harris sanchez clark ramirez lewis robinson walker young allen king wright scott \
torres hill flores green adams nelson baker hall rivera campbell mitchell carter roberts evans edwards collins stewart morris \
murphy cook rogers morgan cooper peterson bailey reed kelly howard cox ward richardson watson brooks wood james bennett gray \
hughes price muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schafer koch bauer richter klein wolf \
schroder neumann schwarz zimmermann braun kruger hofmann hartmann lange werner krause lehmann bernard dubois durand leroy \
moreau simon laurent lefebvre michel rossi russo ferrari esposito bianchi romano colombo ricci marino greco silva santos \
oliveira souza pereira costa ferreira almeida tanaka suzuki sato takahashi watanabe ito yamamoto nakamura kobayashi kato \
yoshida yamada sasaki ivanov smirnov kuznetsov popov jensen nielsen hansen andersson johansson karlsson nilsson larsen \
fernandez gomez diaz moreno alvarez romero ruiz jain verma agarwal iyer nair mehta shah joshi cohen levy";

/// How many people are likely to have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Commonness {
    /// Few people.
    Rare,
    /// Many people.
    Common,
    /// A very large number of people: the name alone does not identify anyone.
    VeryCommon,
}

/// The normalized form of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameForm {
    /// Blocking key: the transliterated family name, or a single name. It is stored.
    pub blocking_key: String,
    /// The family name, folded, without spaces and hyphens.
    pub family: String,
    /// The given names, folded, without spaces and hyphens.
    pub given: String,
    /// The first given name, folded. A single letter for an initial, empty without a given name.
    pub first_given: String,
    /// Number of given names and initials.
    pub given_count: usize,
    /// How common the family name is.
    pub commonness: Commonness,
}

impl NameForm {
    /// Parses a name in any order.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let parsed = parse_name(name);
        let (family, given) = match (parsed.family, parsed.given) {
            (Some(family), given) => (family, given.unwrap_or_default()),
            (None, given) => (given.unwrap_or_default(), String::new()),
        };
        let folded = fold(&family);
        let last = folded.rsplit(' ').next().unwrap_or_default();
        let is_among = |names: &str| names.split_ascii_whitespace().any(|name| name == last);
        let commonness = if is_among(VERY_COMMON_FAMILY_NAMES) {
            Commonness::VeryCommon
        } else if is_among(COMMON_FAMILY_NAMES) {
            Commonness::Common
        } else {
            Commonness::Rare
        };
        let apart = fold(&given.replace('.', " "));
        Self {
            blocking_key: bounded_key(
                [transliteration_key(&family), folded.clone(), name.to_lowercase()]
                    .into_iter()
                    .find(|block| !block.is_empty())
                    .unwrap_or_default(),
            ),
            family: folded.replace(' ', ""),
            given: apart.replace(' ', ""),
            first_given: apart.split(' ').next().unwrap_or_default().to_owned(),
            given_count: apart.split_ascii_whitespace().count(),
            commonness,
        }
    }

    /// Returns whether the first given name is more than an initial. True for a single name.
    #[must_use]
    pub fn has_full_given_name(&self) -> bool {
        self.first_given.is_empty() || self.first_given.chars().count() > 1
    }

    /// Returns the first letter of the given names.
    #[must_use]
    pub fn initial(&self) -> Option<char> {
        self.given.chars().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_share_a_form() {
        for (one, other) in [("Ana Ilić", "Ilic, Ana"), ("Jean-Luc Ford", "Jean Luc FORD")] {
            assert_eq!(NameForm::new(one), NameForm::new(other));
        }
        assert_eq!(NameForm::new("Jürgen Müller").blocking_key, NameForm::new("Juergen Mueller").blocking_key);
        assert_ne!(NameForm::new("Ana M. Ilić").given, NameForm::new("Ana Ilić").given);
    }

    #[test]
    fn forms_of_names() {
        let form = NameForm::new("J.-L. van der Ford");
        assert_eq!((form.family.as_str(), form.first_given.as_str(), form.given_count), ("ford", "j", 2));
        assert!(!form.has_full_given_name());
        let only = NameForm::new("Plato");
        assert_eq!((only.family.as_str(), only.given.as_str(), only.has_full_given_name()), ("plato", "", true));
        assert_eq!(NameForm::new("Wei Zhang").commonness, Commonness::VeryCommon);
        assert_eq!(NameForm::new("张伟").commonness, Commonness::Rare);
    }
}
