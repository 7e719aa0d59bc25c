//! A name as one of many that may be one person's: what such names share, and how much it tells.

use crate::text::names::compare::transliterated;
use crate::text::names::{fold, parse};

/// Family names that very many people have, as they are written in Latin letters: whoever has one of them, and a short given
/// name, has namesakes in the same field.
const VERY_COMMON: &str = "\
wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang deng han feng cao \
peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren shen yao jin fan zhong tan wen qin xue lei bai \
jia meng xiong qiu hou yin xia zou shi long wan qian duan dai fu cui kong gu zhan hong yan mao hao chang zhuang gong ge ji \
cho kim lee park choi jung kang yoon jang lim shin seo kwon hwang ahn jeong chung yoo oh ryu moon bae baek nam chan wong \
cheung leung lau ng ho chow cheng tsai chiu kuo hsu hsieh chang nguyen tran le pham hoang phan vu vo dang bui do ngo duong \
kumar singh sharma gupta patel das roy rao reddy mishra khan ahmed ali hussain";
/// Family names that many people have.
const COMMON: &str = "\
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
    /// Few.
    Rare,
    /// Many.
    Common,
    /// So many that the name alone tells nothing.
    VeryCommon,
}

/// What identity compares of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// The family name in the letters that all ways to write it share; the only name of who has one.
    pub block: String,
    /// The family name, folded, without spaces and hyphens.
    pub family: String,
    /// The given names likewise.
    pub given: String,
    /// The first of the given names, folded; a letter where it is an initial, nothing where there is none.
    pub first: String,
    /// How many given names and initials there are.
    pub given_count: usize,
    /// How common the family name is.
    pub commonness: Commonness,
}

impl Form {
    /// Reads a name, whatever its order.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let parsed = parse(name);
        let (family, given) = match (parsed.family, parsed.given) {
            (Some(family), given) => (family, given.unwrap_or_default()),
            (None, given) => (given.unwrap_or_default(), String::new()),
        };
        let folded = fold(&family);
        let last = folded.rsplit(' ').next().unwrap_or_default();
        let is_among = |names: &str| names.split_ascii_whitespace().any(|name| name == last);
        let commonness = if is_among(VERY_COMMON) {
            Commonness::VeryCommon
        } else if is_among(COMMON) {
            Commonness::Common
        } else {
            Commonness::Rare
        };
        let apart = fold(&given.replace('.', " "));
        Self {
            block: [transliterated(&family), folded.clone(), name.to_lowercase()]
                .into_iter()
                .find(|block| !block.is_empty())
                .unwrap_or_default(),
            family: folded.replace(' ', ""),
            given: apart.replace(' ', ""),
            first: apart.split(' ').next().unwrap_or_default().to_owned(),
            given_count: apart.split_ascii_whitespace().count(),
            commonness,
        }
    }

    /// Whether it tells the first given name, not its initial only. Who has one name only is told by it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.first.is_empty() || self.first.chars().count() > 1
    }

    /// The letter that the first given name begins with.
    #[must_use]
    pub fn initial(&self) -> Option<char> {
        self.given.chars().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name() {
        for (one, other) in [("Ana Ilić", "Ilic, Ana"), ("Jean-Luc Ford", "Jean Luc FORD")] {
            assert_eq!(Form::new(one), Form::new(other));
        }
        assert_eq!(Form::new("Jürgen Müller").block, Form::new("Juergen Mueller").block);
        assert_ne!(Form::new("Ana M. Ilić").given, Form::new("Ana Ilić").given);
    }

    #[test]
    fn parts() {
        let form = Form::new("J.-L. van der Ford");
        assert_eq!((form.family.as_str(), form.first.as_str(), form.given_count), ("ford", "j", 2));
        assert!(!form.is_full());
        let only = Form::new("Plato");
        assert_eq!((only.family.as_str(), only.given.as_str(), only.is_full()), ("plato", "", true));
        assert_eq!(Form::new("Wei Zhang").commonness, Commonness::VeryCommon);
        assert_eq!(Form::new("张伟").commonness, Commonness::Rare);
    }
}
