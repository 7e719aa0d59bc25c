use proptest::prelude::*;

use crate::import::formats::bibtex::{BibtexFormat, latex};
use crate::import::test_support::{papers, read_bytes};
use crate::model::identifier::ArxivId;
use crate::model::partial_date::PartialDate;
use crate::model::record::{AuthorRecord, PaperRecord, PaperType};

fn names(paper: &PaperRecord) -> Vec<&str> {
    paper.authors.iter().map(|author| author.name.as_str()).collect()
}

#[test]
fn accents_and_particles() {
    let text = r#"@article{k, title = {The {\TeX}book~and \emph{others}: ``a study''}, year = 1999, month = 15 # "~" # nov,
        author = {B{\"u}nz, J{\'\i}n and van der Berg, Ida and {Free Foundation} and Ford, Jr., Tom and \v{S}imon \O{}st and others}}"#;
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let paper = papers(&outcome).remove(0);
    assert_eq!(paper.title, "The TeXbook and others: “a study”");
    assert_eq!(names(&paper), ["Jín Bünz", "Ida van der Berg", "Free Foundation", "Tom Ford Jr.", "Šimon Øst"]);
    assert_eq!(paper.authors[1].family_name.as_deref(), Some("van der Berg"));
    assert_eq!(paper.publication_date.map(|date| date.to_string()).as_deref(), Some("1999-11-15"));
    assert_eq!(paper.source_id.as_deref(), Some("k"));
    assert_eq!(outcome.messages(), ["1: warning: the authors end with 'others': the list is truncated"]);
}

#[test]
fn commands_that_stand_for_themselves() {
    let plain = |text: &str| latex::latex_to_text("title", text, &mut Vec::new());
    assert_eq!(plain("{\\BibTeX} tips and {\\TUG}, {\\em done}"), "BibTeX tips and TUG, done");
    assert_eq!(plain("Profit \\& loss: 5\\%"), "Profit & loss: 5%");
}

#[test]
fn formulas() {
    let plain = |text: &str| latex::latex_to_text("title", text, &mut Vec::new());
    let title = r"The $\alpha$-helix in $\mathbb{R}^n$ with $O(n \log n)$ time, $\geq 5$";
    assert_eq!(plain(title), "The α-helix in R^n with O(n log n) time, ≥5");
    assert_eq!(plain(r"10\,{\textmu}m and \frac{1}{2}, for \$5 to \$10"), "10 µm and 1/2, for $5 to $10");
    let mut warnings = Vec::new();
    assert_eq!(latex::latex_to_text("title", r"A \emph{good} \wombat day", &mut warnings), "A good day");
    assert_eq!(warnings, [r"its title has unknown LaTeX commands, such as '\wombat'; they were ignored"]);
    let doi = |text: &str| latex::latex_to_text("doi", text, &mut Vec::new());
    assert_eq!(doi(r"10.1007/978-3-319-24574-4{\_}28"), "10.1007/978-3-319-24574-4_28");
    assert_eq!(doi(r"10.1002/a\_b{\textless}1::c"), "10.1002/a_b<1::c");
}

#[test]
fn commands_end_with_their_formula_or_group() {
    let plain = |text: &str| latex::latex_to_text("title", text, &mut Vec::new());
    assert_eq!(plain(r"From $\lesssim$GeV to $\gtrsim$TeV"), "From ≲GeV to ≳TeV");
    assert_eq!(plain(r"A $\wombat$Big {\wombat}result of $\Wombat$s"), "A Big result of Wombats");
    assert_eq!(plain(r"$\less$i$\greater$Lutra$\less$/i$\greater$"), "<i>Lutra</i>");
}

#[test]
fn arguments_that_are_not_printed() {
    let text = r#"@article{a, title = {{\noopsort{Reeds}}The \noopsort{b {nested}}rushes\hspace{2em}grow}, year = "{\noopsort{1973a}}1981",
        author = {{\noopsort{Brook}}van den Brook, Ida and {\textcommabelow S}erban, {\textcommabelow{t}}efan}}"#;
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let paper = papers(&outcome).remove(0);
    assert_eq!(paper.title, "The rushes grow");
    assert_eq!(paper.publication_date.map(PartialDate::year), Some(1981));
    assert_eq!(names(&paper), ["Ida van den Brook", "țefan Șerban"]);
    assert_eq!(outcome.messages(), Vec::<String>::new());
}

#[test]
fn quotation_marks_inside_braces() {
    let text = r##"@string{w = "{"W"} Letters"}
        @article{a, title = "{The "wide" weir}", journal = w, year = 1990}
        @article{b, title = "A {"}wide{"} weir", journal = "The {\"O}land " # "{"Times"}", year = "1991"}
        @article{c, title = "An {\"o}pen "# {weir "c"}, year = {1992}}
        @article{d, title = "An {unclosed" weir", year = 1993}"##;
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let read: Vec<(String, Option<String>)> =
        papers(&outcome).into_iter().map(|paper| (paper.title, paper.venue_name)).collect();
    let expected = [
        ("The \"wide\" weir", Some("\"W\" Letters")),
        ("A \"wide\" weir", Some("The Öland \"Times\"")),
        ("An öpen weir \"c\"", None),
    ];
    assert_eq!(read, expected.map(|(title, venue)| (title.to_owned(), venue.map(ToOwned::to_owned))));
    assert_eq!(outcome.messages().len(), 1, "{:?}", outcome.messages());
}

#[test]
fn entries_in_parentheses() {
    let text = "@string(w = \"Waters (old)\")\n@article(a, title = \"Weirs :) of {(the} \\\"Oland\",\n journal = w,\n year = 1999\n)\n\
        @book (b, title={Locks (wide)}, year=2000)@book{c, title={Dams :)}, year=2001}\n@comment(a note)\n@misc(d, title=\"A (b\")";
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let read: Vec<(String, Option<String>)> =
        papers(&outcome).into_iter().map(|paper| (paper.title, paper.venue_name)).collect();
    let expected =
        [("Weirs :) of (the Öland", Some("Waters (old)")), ("Locks (wide)", None), ("Dams :)", None), ("A (b", None)];
    assert_eq!(read, expected.map(|(title, venue)| (title.to_owned(), venue.map(ToOwned::to_owned))));
    assert_eq!(outcome.messages(), Vec::<String>::new());
}

#[test]
fn homonyms_of_dblp() {
    let text = "@article{a, title={A}, author={Wei Brook 0044 and Ida Brook}}";
    let authors = papers(&read_bytes(&BibtexFormat, text.as_bytes())).remove(0).authors;
    assert_eq!((authors[0].name.as_str(), authors[1].identifiers.len()), ("Wei Brook", 0));
    let id = &authors[0].identifiers[0];
    assert_eq!((id.scheme.as_str(), id.value.as_str()), ("dblp-name", "Wei Brook 0044"));
}

#[test]
fn html_in_fields() {
    let text = r#"@article{a, title = {$\less$p$\greater$Eels of <i>Lutra</i> rivers at {\textless}5 m {\&} H<sub>2</sub>O$\less$/p$\greater$},
        journal = {Soil {\&}amp$\mathsemicolon$ Water}, author = {Anonymous and Brook, Ida}, abstract = {&lt;p&gt;Reeds &amp;amp; rushes.&lt;/p&gt;}}"#;
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let paper = papers(&outcome).remove(0);
    assert_eq!(paper.title, "Eels of Lutra rivers at <5 m & H2O");
    assert_eq!(paper.venue_name.as_deref(), Some("Soil & Water"));
    assert_eq!(paper.abstract_text.iter().next(), Some(("und", "Reeds & rushes.")));
    assert_eq!((names(&paper), paper.authors[0].position), (vec!["Ida Brook"], Some(1)));
}

#[test]
fn lists_of_authors() {
    let text = "@article{a, title={A}, author={Smith, Jo and others et al.}}\n@article{b, title={B}, author={Smith, Jo; Doe, Kim}}\n\
        @article{c, title={C}, author={Smith, Jo, et al.}}\n@article{d, title={D}, author={Harry L. {Baldwin, Jr.}}}\n\
        @article{e, title={E}, author={G{\\\"o}del, Kurt}}\n@article{f, title={F}, author={İİİİİ Şahin ET AL.}}";
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let papers = papers(&outcome);
    let names: Vec<Vec<&str>> = papers.iter().map(names).collect();
    assert_eq!(
        names,
        [
            vec!["Jo Smith"],
            vec!["Jo Smith", "Kim Doe"],
            vec!["Jo Smith"],
            vec!["Harry L. Baldwin Jr."],
            vec!["Kurt Gödel"],
            vec!["İİİİİ Şahin"]
        ]
    );
    assert_eq!(papers[3].authors[0].family_name.as_deref(), Some("Baldwin"));
}

#[test]
fn styles_of_author_fields() {
    for (field, expected) in [
        ("Brook, Ida AND Ford, Tom", vec!["Ida Brook|Brook", "Tom Ford|Ford"]),
        ("Ida Brook And Tom Ford and {Fish AND Chips}", vec!["Ida Brook|Brook", "Tom Ford|Ford", "Fish AND Chips|"]),
        ("Brook, I. M., Jr. and Ford, Jr., Tom", vec!["I. M. Brook Jr.|Brook", "Tom Ford Jr.|Ford"]),
        ("{Brook, Ida M., Jr} and Ford, Tom", vec!["Ida M. Brook Jr|Brook", "Tom Ford|Ford"]),
        ("Brook, I.M., Ford, T., Ferry, U.", vec!["I.M. Brook|Brook", "T. Ford|Ford", "U. Ferry|Ferry"]),
        ("Ida Brook, Tom Ford, Uma Ferry", vec!["Ida Brook|", "Tom Ford|", "Uma Ferry|"]),
        ("Brook I.M. and van der Ford T.", vec!["I.M. Brook|Brook", "T. van der Ford|van der Ford"]),
        ("Brook IM and Ford T", vec!["IM Brook|Brook", "T Ford|Ford"]),
        ("Ida Brook 0044 and Tom Ford", vec!["Ida Brook|", "Tom Ford|Ford"]),
        ("{Water Survey, Dept. of Levels} and Ford, Tom", vec!["Water Survey, Dept. of Levels|", "Tom Ford|Ford"]),
        ("Brook, Ida, Ford, Tom", vec!["Brook, Ida, Ford, Tom|"]),
    ] {
        let outcome = read_bytes(&BibtexFormat, format!("@article{{a, title={{A}}, author={{{field}}}}}").as_bytes());
        let with_family = |author: &AuthorRecord| {
            let family = author.family_name.as_deref().filter(|family| *family != author.name);
            format!("{}|{}", author.name, family.unwrap_or_default())
        };
        let authors: Vec<String> = papers(&outcome)[0].authors.iter().map(with_family).collect();
        assert_eq!(authors, expected, "{field}: {:?}", outcome.messages());
    }
}

#[test]
fn dates_of_biblatex() {
    let date = |fields: &str| {
        let outcome = read_bytes(&BibtexFormat, format!("@book{{a, title={{A}}, {fields}}}").as_bytes());
        papers(&outcome)[0].publication_date.map(|date| date.to_string()).unwrap_or_default()
    };
    assert_eq!(date("date={2004-06/2005-02}"), "2004-06");
    assert_eq!(date("date={1723~}"), "1723");
    assert_eq!(date("year={1991-92}"), "1991");
    assert_eq!(date("year={2014-03-26}"), "2014-03-26");
    assert_eq!(date("year=1999, month={March--April}"), "1999-03");
    assert_eq!(date("year={in press}"), "");
}

#[test]
fn preprints_of_dblp_and_google_scholar() {
    for fields in [
        "journal={CoRR}, volume={abs/2301.00001}",
        "journal={CoRR}, eprinttype={arXiv}, eprint={2301.00001}",
        "journal={arXiv preprint arXiv:2301.00001}",
    ] {
        let outcome = read_bytes(&BibtexFormat, format!("@article{{a, title={{A}}, {fields}}}").as_bytes());
        let paper = papers(&outcome).remove(0);
        assert_eq!(paper.paper_type, PaperType::Preprint, "{fields}");
        assert_eq!(paper.arxiv_id.as_ref().map(ArxivId::as_str), Some("2301.00001"), "{fields}");
    }
}

#[test]
fn strings_and_crossrefs() {
    let text = "junk before\n@string{w = \"Waters\"}\n@STRING{jw = {Journal of } # w}\n\
        @inproceedings{a, title={Weirs}, author={Ida Brook}, crossref={P}}\n\
        @article{b, title={Locks}, journal = jw, year = {1990}}\n\
        @article{c, title={Dams}, journal = nowhere, year = 1991}\n\
        @proceedings{p, title={Proceedings of Rivers}, year=2001}\n\
        @inproceedings{d, title={Lost}, crossref={q}}\n";
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let venues: Vec<(String, Option<String>)> =
        papers(&outcome).into_iter().map(|paper| (paper.title, paper.venue_name)).collect();
    let expected = [
        ("Locks", Some("Journal of Waters")),
        ("Dams", Some("nowhere")),
        ("Proceedings of Rivers", None),
        ("Weirs", Some("Proceedings of Rivers")),
        ("Lost", None),
    ];
    assert_eq!(venues, expected.map(|(title, venue)| (title.to_owned(), venue.map(ToOwned::to_owned))));
    assert_eq!(papers(&outcome)[3].publication_date.map(PartialDate::year), Some(2001));
    assert_eq!(
        outcome.messages(),
        [
            "6: warning: the abbreviation 'nowhere' is not defined; its name was used",
            "8: warning: the entry 'q' that it references is not in the file",
        ]
    );
}

#[test]
fn a_malformed_entry_does_not_affect_the_others() {
    let text = "@article{a, title={Weirs}, year=1990}\n@article{b, title={Locks, year=1990}\n@article{c, title={Dams}}\n\
        @article{d, title = }\n@article{e, year=1990}\n@article{a, title={Again}}\n@book{f, title={US$ 5}}\n@article{g, title={Cut";
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
    assert_eq!(titles, ["Weirs", "Dams", "Again", "US$ 5"]);
    let messages = outcome.messages();
    assert_eq!(messages.len(), 5, "{messages:#?}");
    assert_eq!(messages[0], "2: invalid record: the entry that starts here is not closed before the next one");
    assert!(messages[1].starts_with("4: invalid record: the entry cannot be parsed"), "{}", messages[1]);
    assert_eq!(messages[2], "5: invalid record: it has no title");
    assert_eq!(messages[3], "6: warning: the key 'a' is used twice in the file; this entry is imported without a key");
    assert_eq!(messages[4], "8: invalid record: the entry that starts here is not closed; the file is truncated");
}

#[test]
fn latin_1() {
    let outcome = read_bytes(
        &BibtexFormat,
        b"@article{a, title={Les rivi\xe8res}, author={Andr\xe9 Pont}}\n@article{b, title={\xc3\xa9}}",
    );
    let titles: Vec<String> = papers(&outcome).into_iter().map(|paper| paper.title).collect();
    assert_eq!(titles, ["Les rivières", "é"]);
    assert_eq!(outcome.messages(), ["1: warning: it is not UTF-8 and was read as Windows-1252"]);
}

#[test]
fn exponential_abbreviations() {
    let mut text = "@string{a0 = {0123456789}}\n@string{me = me}\n".to_owned();
    for n in 1..60 {
        text.push_str(&format!("@string{{a{n} = a{} # a{}}}\n", n - 1, n - 1));
    }
    text.push_str("@article{x, title = a59}\n@article{y, title = me}\n@article{z, title = {Fine}}");
    let outcome = read_bytes(&BibtexFormat, text.as_bytes());
    assert_eq!(papers(&outcome).last().map(|paper| paper.title.clone()).as_deref(), Some("Fine"));
    assert!(
        outcome.messages().iter().any(|line| line.ends_with("its abbreviations expand to more than 1 MiB of text"))
    );
}

#[test]
fn deep_and_many_braces() {
    let deep = format!("@article{{d, title = {{{}x{}}}}}\n", "{".repeat(100_000), "}".repeat(100_000));
    let commands = format!("@article{{e, title = {{{}x{}}}}}\n", "\\a{".repeat(50_000), "}".repeat(50_000));
    let many = format!("@article{{f, title = {{{}}}}}\n", "{}".repeat(200_000));
    let outcome =
        read_bytes(&BibtexFormat, format!("{deep}{commands}{many}@article{{z, title = {{Fine}}}}").as_bytes());
    assert_eq!(papers(&outcome).len(), 1);
    assert_eq!(outcome.messages().len(), 3, "{:?}", outcome.messages());
}

proptest! {
    #[test]
    fn nothing_panics(text in "(@[a-z]{0,7}[{(]?|[a-z]{1,3}|=|[{}\"#,$\\\\~%]|\\\\['\"a-z^]|and| |\n|é|[0-9]-?){0,60}") {
        read_bytes(&BibtexFormat, format!("@article{{k, title={{T}}, author={{{text}}}, year = {{{text}}}}}\n{text}").as_bytes());
        read_bytes(&BibtexFormat, text.as_bytes());
    }
}
