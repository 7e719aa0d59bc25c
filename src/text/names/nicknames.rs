//! Short and familiar forms of given names, folded. Each line is one name and its forms.

const NICKNAMES: &str = "\
abigail abby gail
abraham abe bram
albert al bert
alexander alex alec sandy sasha sascha aleksandr aleksander alexandre alessandro
alexandra alex sandra sasha alexa
alfred alf fred
andrew andy drew andrei andrey andreas
anna ann anne annie anya
anthony tony antonio anton antoine
antonio toni
barbara barb babs
bartholomew bart
benjamin ben benny
bernard bernie
catherine katherine kathryn cathy kathy kate katie kat ekaterina katya
charles charlie chuck carl karl carlos
christine christina christa chris tina
christopher chris kit
daniel dan danny
david dave davey
deborah deb debbie
dmitry dmitri dima
donald don
dorothy dot dolly
douglas doug
edward ed eddie ted ned eduardo
eleanor ellie nell
elizabeth elisabeth liz lizzie beth betty eliza elsa lisa
emmanuel manny manu
evgeny eugene gene zhenya
fernando nando
frances fran francie
francis frank
francisco paco pancho
frederick fred freddy frederic
gabriel gabe
gerald gerry jerry
gregory greg
guillermo memo
harold hal harry
henry hank harry henri heinrich
ignacio nacho
isaac ike
jacob jake jack
james jim jimmy jamie
jeffrey geoffrey jeff geoff
jennifer jen jenny
jeremy jerry
jessica jess jessie
johannes hans jan
john jack johnny jon johann
jonathan jon
jose pepe
joseph joe joey josef
joshua josh
judith judy
kenneth ken kenny
kimberly kim
lawrence laurence larry
leonard leo len lenny
louis lou louie luis
lyudmila mila
manuel manolo
margaret maggie meg peggy greta rita
mark marc markus
martin marty
mary molly polly mae maria marie
matthew matt mathieu matthias
maximilian max
michael mike mick mickey mikhail misha michel
mohammed mohamed muhammad mohammad mo
nathaniel nathan nate nat
nicholas nick nicolas niko nikolai nikolay kolya
olga olya
pamela pam
patricia pat patty tricia
patrick pat paddy
peter pete pyotr piotr pierre pedro
philip phillip phil
rachel rae
raymond ray
rebecca becca becky
richard rich rick ricky dick
robert rob robbie bob bobby bert
ronald ron ronnie
rudolf rudi
samuel samantha sam sammy
sebastian seb bastian
sergey sergei seryozha
stephen steven steve stefan stephan
susan susanna sue susie
tatiana tanya
theodore ted theo
theresa teresa terry tess
thomas tom tommy
timothy tim
valentina valya
victor vic viktor
victoria vicky tori
vincent vince
vladimir volodya vova
walter walt
william will bill billy willy liam wilhelm guillaume
yekaterina katya
yury yuri
zachary zach zack";

/// Returns whether one of two folded given names is a short or familiar form of the other.
pub(super) fn are_nickname_forms(one: &str, other: &str) -> bool {
    // Two short forms of one name are hardly the same person: Bert is not Bob.
    let is_form = |full: &str, form: &str| {
        NICKNAMES.lines().any(|line| line.split(' ').next() == Some(full) && line.split(' ').any(|name| name == form))
    };
    is_form(one, other) || is_form(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicknames_match_full_names() {
        assert!(are_nickname_forms("robert", "bob") && are_nickname_forms("bob", "robert"));
        assert!(
            !are_nickname_forms("bob", "bert")
                && !are_nickname_forms("robert", "richard")
                && !are_nickname_forms("", "")
        );
    }

    #[test]
    fn nicknames_are_folded() {
        for name in NICKNAMES.split_whitespace() {
            assert_eq!(crate::text::normalize::fold(name), name);
        }
    }
}
