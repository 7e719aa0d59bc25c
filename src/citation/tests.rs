//! Tests of citations: entries and formatted references in all styles and locales.

use proptest::prelude::*;

use super::*;
use crate::model::language::LanguagePreferences;

fn author(name: &str) -> CitedAuthor {
    CitedAuthor { name: name.to_owned(), ..CitedAuthor::default() }
}

fn paper(title: &str, date: Option<&str>, authors: &[&str]) -> CitedPaper {
    CitedPaper {
        slug: "a-paper".to_owned(),
        title: title.to_owned(),
        publication_date: date.map(|date| date.parse().expect("a date")),
        paper_type: PaperType::Article,
        authors: authors.iter().map(|name| author(name)).collect(),
        ..CitedPaper::default()
    }
}

fn whole() -> CitedPaper {
    CitedPaper {
        slug: "weirs-locks-in-bert".to_owned(),
        abstract_text: LocalizedText::new(None, "One.\nTwo: 5 %."),
        venue_name: Some("Journal of Water & Stone".to_owned()),
        volume: Some("12".to_owned()),
        issue: Some("3-4".to_owned()),
        pages: Some("123–145".to_owned()),
        publisher_name: Some("Weir & Sons".to_owned()),
        issns: vec!["0028-0836".to_owned(), "1476-4687".to_owned()],
        keywords: vec!["weirs".to_owned(), "flow".to_owned()],
        language: Some("en".to_owned()),
        doi: Some("10.1000/weirs_1".to_owned()),
        arxiv_id: Some("2001.00001".to_owned()),
        url: Some("https://example.org/a_b?c=1".to_owned()),
        ..paper(
            "Weirs & \"locks\" in BERT",
            Some("2020-03-05"),
            &["Ida van der Berg", "Tom Ford Jr.", "The Weir Collaboration", "Plato", "山田 太郎"],
        )
    }
}

#[test]
fn entries() {
    insta::assert_snapshot!(whole().format_entry(CitationFormat::Bibtex), @r#"
    @article{weirs-locks-in-bert,
      title = {Weirs \& "locks" in {BERT}},
      author = {van der Berg, Ida and Ford, Jr., Tom and {The Weir Collaboration} and {Plato} and {山田 太郎}},
      year = {2020},
      month = mar,
      day = {5},
      journal = {Journal of Water \& Stone},
      volume = {12},
      number = {3-4},
      publisher = {Weir \& Sons},
      pages = {123--145},
      issn = {0028-0836, 1476-4687},
      doi = {10.1000/weirs_1},
      eprint = {2001.00001},
      archiveprefix = {arXiv},
      url = {https://example.org/a_b?c=1},
      langid = {english},
      keywords = {weirs, flow},
      abstract = {One. Two: 5 \%.},
    }
    "#);
    insta::assert_snapshot!(whole().format_entry(CitationFormat::Ris).replace('\r', ""), @r#"
    TY  - JOUR
    ID  - weirs-locks-in-bert
    TI  - Weirs & "locks" in BERT
    AU  - van der Berg, Ida
    AU  - Ford, Tom, Jr.
    AU  - The Weir Collaboration
    AU  - Plato
    AU  - 山田 太郎
    PY  - 2020
    DA  - 2020/03/05
    T2  - Journal of Water & Stone
    VL  - 12
    IS  - 3-4
    SP  - 123
    EP  - 145
    PB  - Weir & Sons
    SN  - 0028-0836, 1476-4687
    KW  - weirs
    KW  - flow
    DO  - 10.1000/weirs_1
    UR  - https://example.org/a_b?c=1
    LA  - en
    AB  - One. Two: 5 %.
    ER  -
    "#);
    insta::assert_snapshot!(whole().format_entry(CitationFormat::CslJson), @r#"{"DOI":"10.1000/weirs_1","ISSN":"0028-0836, 1476-4687","URL":"https://example.org/a_b?c=1","abstract":"One. Two: 5 %.","author":[{"family":"van der Berg","given":"Ida"},{"family":"Ford","given":"Tom","suffix":"Jr."},{"literal":"The Weir Collaboration"},{"literal":"Plato"},{"literal":"山田 太郎"}],"container-title":"Journal of Water & Stone","id":"weirs-locks-in-bert","issue":"3-4","issued":{"date-parts":[[2020,3,5]]},"keyword":"weirs, flow","language":"en","page":"123-145","publisher":"Weir & Sons","title":"Weirs & \"locks\" in BERT","type":"article-journal","volume":"12"}"#);
    let bare = CitedPaper { slug: "x".to_owned(), title: "X".to_owned(), ..CitedPaper::default() };
    insta::assert_snapshot!(bare.format_entry(CitationFormat::Bibtex), @r"
    @misc{x,
      title = {X},
    }
    ");
    insta::assert_snapshot!(bare.format_entry(CitationFormat::CslJson), @r#"{"id":"x","title":"X","type":"document"}"#);
}

/// The name of proceedings and the number that readers of RIS expect of a type.
#[test]
fn ris_of_conference_papers_and_chapters() {
    let of = |kind: PaperType| CitedPaper {
        paper_type: kind,
        venue_name: Some("Water Days".to_owned()),
        issns: vec!["0028-0836".to_owned()],
        isbns: vec!["9780306406157".to_owned()],
        ..paper("On weirs", None, &[])
    };
    let fields = |kind: PaperType| {
        let text = of(kind).format_entry(CitationFormat::Ris);
        let lines: Vec<&str> = text.lines().filter(|line| ["TY", "T2", "C3", "SN"].contains(&&line[..2])).collect();
        lines.join("; ")
    };
    assert_eq!(
        fields(PaperType::ConferencePaper),
        "TY  - CONF; T2  - Water Days; C3  - Water Days; SN  - 9780306406157, 0028-0836"
    );
    assert_eq!(fields(PaperType::BookChapter), "TY  - CHAP; T2  - Water Days; SN  - 9780306406157, 0028-0836");
    assert_eq!(fields(PaperType::Article), "TY  - JOUR; T2  - Water Days; SN  - 0028-0836, 9780306406157");
}

/// Some readers of RIS take the PY of a conference paper for the year of the conference.
#[test]
fn ris_dates_conference_papers_of_a_year() {
    let of = |kind: PaperType| {
        let paper = CitedPaper { paper_type: kind, ..paper("On weirs", Some("1979"), &[]) };
        let text = paper.format_entry(CitationFormat::Ris);
        text.lines().find(|line| line.starts_with("DA")).map(ToOwned::to_owned)
    };
    assert_eq!(of(PaperType::ConferencePaper).as_deref(), Some("DA  - 1979///"));
    assert_eq!(of(PaperType::Article), None);
}

/// The publishers of BibLaTeX are a list, separated by "and".
#[test]
fn bibtex_keeps_a_publisher_together() {
    let paper = CitedPaper { publisher_name: Some("Weir and Sons & Co.".to_owned()), ..whole() };
    let text = paper.format_entry(CitationFormat::Bibtex);
    assert!(text.contains("publisher = {Weir {and} Sons \\& Co.}"), "{text}");
}

/// Formats papers in each citation style.
fn format_all(papers: &[CitedPaper], locale: CitationLocale) -> String {
    let mut text = String::new();
    for style in CitationStyle::ALL {
        text.push_str(&format!("{}\n", style.name()));
        for paper in papers {
            text.push_str(&format!("  {}\n", paper.format_reference(style, locale).expect("a reference")));
        }
    }
    text
}

/// Papers with unusual metadata.
fn unusual() -> Vec<CitedPaper> {
    let of = |kind: PaperType, paper: CitedPaper| CitedPaper { paper_type: kind, ..paper };
    vec![
        paper("Without a year", None, &["Ida Brook", "Tom Ford"]),
        paper("Without authors", Some("2001"), &[]),
        CitedPaper { title: "Without anything".to_owned(), ..CitedPaper::default() },
        paper("By a group: <b> {x} $y$ \\z", Some("2001-05"), &["The Weir Collaboration"]),
        paper("“Quoted” \"twice\" & 'thrice'", Some("2001"), &["Plato", "Ahmed bin Said", "Ana García y Vega"]),
        of(PaperType::Book, paper("水の流れ", Some("1999"), &["山田 太郎", "王小明", "Лев Толстой"])),
        CitedPaper {
            publisher_name: Some("A University".to_owned()),
            ..of(PaperType::Thesis, paper("A thesis", Some("2010"), &["Ida Brook"]))
        },
        CitedPaper {
            venue_name: Some("Waters".to_owned()),
            volume: Some("7".to_owned()),
            article_number: Some("e0123".to_owned()),
            ..paper("By number", Some("2021"), &["Ida Brook"])
        },
        CitedPaper {
            venue_name: Some("Handbook of Weirs".to_owned()),
            pages: Some("S12–S15, 27".to_owned()),
            edition: Some("2".to_owned()),
            publisher_name: Some("Weir Press".to_owned()),
            isbns: vec!["9783161484100".to_owned()],
            ..of(PaperType::BookChapter, paper("A chapter", Some("2019"), &["Ida Brook"]))
        },
        CitedPaper {
            issue: Some("TR-7".to_owned()),
            publisher_name: Some("Water Institute".to_owned()),
            ..of(PaperType::Report, paper("A report", Some("2018"), &["Ida Brook"]))
        },
        CitedPaper {
            arxiv_id: Some("2001.00001".to_owned()),
            ..of(PaperType::Preprint, paper("A preprint", Some("2020"), &["Ida Brook"]))
        },
        CitedPaper {
            venue_name: Some("Proceedings of Rivers".to_owned()),
            ..of(PaperType::ConferencePaper, paper("A talk", Some("2020"), &["Ida Brook"]))
        },
        CitedPaper {
            venue_name: Some("Waters".to_owned()),
            doi: Some("10.1000/1".to_owned()),
            ..paper("An article on mRNA", Some("2020"), &["Ida Brook"])
        },
        of(PaperType::Dataset, paper("Levels", Some("2020"), &["Ida Brook"])),
    ]
}

#[test]
fn references_in_english() {
    let papers = [vec![whole()], unusual()].concat();
    insta::assert_snapshot!(format_all(&papers, CitationLocale::AmericanEnglish), @r#"
    apa
      van der Berg, I., Ford, T., Jr., The Weir Collaboration, Plato, & 山田 太郎. (2020). Weirs & "locks" in BERT. Journal of Water & Stone, 12(3–4), 123–145. https://doi.org/10.1000/weirs_1
      Brook, I., & Ford, T. (n.d.). Without a year.
      Without authors. (2001).
      Without anything. (n.d.).
      The Weir Collaboration. (2001). By a group: <b> {x} $y$ \z.
      Plato, bin Said, A., & Vega, A. G. y. (2001). “Quoted” "twice" & 'thrice'.
      山田 太郎, 王小明, & Толстой, Л. (1999). 水の流れ.
      Brook, I. (2010). A thesis. A University.
      Brook, I. (2021). By number. Waters, 7, Article e0123.
      Brook, I. (2019). A chapter. In Handbook of Weirs (2nd ed., pp. S12–S15, 27). Weir Press.
      Brook, I. (2018). A report (No. TR-7). Water Institute.
      Brook, I. (2020). A preprint (arXiv:2001.00001). arXiv. https://arxiv.org/abs/2001.00001
      Brook, I. (2020). A talk. Proceedings of Rivers.
      Brook, I. (2020). An article on mRNA. Waters. https://doi.org/10.1000/1
      Brook, I. (2020). Levels [Dataset].
    chicago
      Berg, Ida van der, Tom Ford Jr., The Weir Collaboration, Plato, and 山田 太郎. 2020. “Weirs & "locks" in BERT.” Journal of Water & Stone 12 (3–4): 123–45. https://doi.org/10.1000/weirs_1.
      Brook, Ida, and Tom Ford. n.d. Without a year.
      Without authors. 2001.
      “Without anything.” n.d.
      The Weir Collaboration. 2001. By a group: <b> {x} $y$ \z. May.
      Plato, Ahmed bin Said, and Ana García y. Vega. 2001. “Quoted” "twice" & 'thrice'.
      山田 太郎, 王小明, and Лев Толстой. 1999. 水の流れ.
      Brook, Ida. 2010. “A thesis.” A University.
      Brook, Ida. 2021. “By number.” Waters 7: e0123.
      Brook, Ida. 2019. “A chapter.” In Handbook of Weirs, 2nd ed. Weir Press.
      Brook, Ida. 2018. A report. No. TR-7. Water Institute.
      Brook, Ida. 2020. “A preprint.” arXiv:2001.00001. Preprint, arXiv. https://arxiv.org/abs/2001.00001.
      Brook, Ida. 2020. “A talk.” Proceedings of Rivers.
      Brook, Ida. 2020. “An article on mRNA.” Waters. https://doi.org/10.1000/1.
      Brook, Ida. 2020. “Levels.”
    harvard
      van der Berg, I. et al. (2020) “Weirs & "locks" in BERT,” Journal of Water & Stone, 12(3–4), pp. 123–145. Available at: https://doi.org/10.1000/weirs_1.
      Brook, I. and Ford, T. (no date) “Without a year.”
      (2001) “Without authors.”
      “Without anything” (no date).
      The Weir Collaboration (2001) “By a group: <b> {x} $y$ \z.”
      Plato, bin Said, A. and Vega, A.G. y (2001) ““Quoted” "twice" & 'thrice'.”
      山田 太郎, 王小明 and Толстой, Л. (1999) 水の流れ.
      Brook, I. (2010) A thesis. A University.
      Brook, I. (2021) “By number,” Waters, 7, p. e0123.
      Brook, I. (2019) “A chapter,” in Handbook of Weirs. 2nd ed. Weir Press, pp. S12–S15, 27.
      Brook, I. (2018) A report. TR-7. Water Institute.
      Brook, I. (2020) “A preprint.” arXiv. Available at: https://arxiv.org/abs/2001.00001.
      Brook, I. (2020) “A talk,” in Proceedings of Rivers.
      Brook, I. (2020) “An article on mRNA,” Waters. Available at: https://doi.org/10.1000/1.
      Brook, I. (2020) “Levels.”
    ieee
      I. van der Berg, T. Ford Jr., The Weir Collaboration, Plato, and 山田 太郎, “Weirs & "locks" in BERT,” Journal of Water & Stone, vol. 12, no. 3–4, pp. 123–145, Mar. 2020, doi: 10.1000/weirs_1.
      I. Brook and T. Ford, “Without a year.”
      “Without authors,” 2001.
      “Without anything.”
      The Weir Collaboration, “By a group: <b> {x} $y$ \z,” May 2001.
      Plato, A. bin Said, and A. G. y Vega, ““Quoted” "twice" & 'thrice',” 2001.
      山田 太郎, 王小明, and Л. Толстой, 水の流れ. 1999.
      I. Brook, “A thesis,” A University, 2010.
      I. Brook, “By number,” Waters, vol. 7, p. e0123, 2021.
      I. Brook, “A chapter,” in Handbook of Weirs, 2nd ed., Weir Press, 2019, pp. S12–S15, 27.
      I. Brook, “A report,” Water Institute, TR-7, 2018.
      I. Brook, “A preprint,” 2020, arXiv:2001.00001. [Online]. Available: https://arxiv.org/abs/2001.00001
      I. Brook, “A talk,” in Proceedings of Rivers, 2020.
      I. Brook, “An article on mRNA,” Waters, 2020, doi: 10.1000/1.
      I. Brook, “Levels.” 2020.
    mla
      van der Berg, Ida, et al. “Weirs & "locks" in BERT.” Journal of Water & Stone, vol. 12, nos. 3–4, Mar. 2020, pp. 123–45, https://doi.org/10.1000/weirs_1.
      Brook, Ida, and Tom Ford. Without a year.
      Without authors. 2001.
      “Without anything.”
      The Weir Collaboration. By a group: <b> {x} $y$ \z. May 2001.
      Plato, et al. “Quoted” "twice" & 'thrice'. 2001.
      山田 太郎, et al. 水の流れ. 1999.
      Brook, Ida. A thesis. 2010. A University.
      Brook, Ida. “By number.” Waters, vol. 7, 2021, p. e0123.
      Brook, Ida. “A chapter.” Handbook of Weirs, 2nd ed., Weir Press, 2019, pp. S12–15, 27.
      Brook, Ida. A report. no. TR-7, Water Institute, 2018.
      Brook, Ida. “A preprint.” arXiv:2001.00001, arXiv, 2020, https://arxiv.org/abs/2001.00001.
      Brook, Ida. “A talk.” Proceedings of Rivers, 2020.
      Brook, Ida. “An article on mRNA.” Waters, 2020, https://doi.org/10.1000/1.
      Brook, Ida. “Levels.” 2020.
    nature
      van der Berg, I., Ford, T., Jr., The Weir Collaboration, Plato & 山田 太郎. Weirs & "locks" in BERT. Journal of Water & Stone 12, 123–145 (2020).
      Brook, I. & Ford, T. Without a year.
      Without authors. (2001).
      Without anything.
      The Weir Collaboration. By a group: <b> {x} $y$ \z. (2001).
      Plato, bin Said, A. & Vega, A. G. y. “Quoted” "twice" & 'thrice'. (2001).
      山田 太郎, 王小明 & Толстой, Л. 水の流れ. (1999).
      Brook, I. A thesis. (A University, 2010).
      Brook, I. By number. Waters 7, e0123 (2021).
      Brook, I. A chapter. in Handbook of Weirs S12–S15, 27 (Weir Press, 2019).
      Brook, I. A report. (2018).
      Brook, I. A preprint. Preprint at https://arxiv.org/abs/2001.00001 (2020).
      Brook, I. A talk. in Proceedings of Rivers (2020).
      Brook, I. An article on mRNA. Waters https://doi.org/10.1000/1 (2020).
      Brook, I. Levels. (2020).
    vancouver
      van der Berg I, Ford T Jr., The Weir Collaboration, Plato, 山田 太郎. Weirs & "locks" in BERT. Journal of Water & Stone [Internet]. 2020;12:123–45. https://doi.org/10.1000/weirs_1
      Brook I, Ford T. Without a year.
      Without authors. 2001.
      Without anything.
      The Weir Collaboration. By a group: <b> {x} $y$ \z. 2001.
      Plato, bin Said A, Vega AG y. “Quoted” "twice" & 'thrice'. 2001.
      山田 太郎, 王小明, Толстой Л. 水の流れ. 1999.
      Brook I. A thesis. A University; 2010.
      Brook I. By number. Waters. 2021;7:e0123.
      Brook I. A chapter. In Handbook of Weirs. 2nd ed. Weir Press; 2019. pp. S12–5, 27.
      Brook I. A report. Water Institute; 2018. Report No.: TR-7.
      Brook I. A preprint [Internet]. arXiv; 2020. https://arxiv.org/abs/2001.00001
      Brook I. A talk. In Proceedings of Rivers. 2020.
      Brook I. An article on mRNA. Waters. 2020. https://doi.org/10.1000/1
      Brook I. Levels. 2020.
    "#);
}

#[test]
fn references_in_french() {
    insta::assert_snapshot!(format_all(&[vec![whole()], unusual()].concat(), CitationLocale::French), @r#"
    apa
      van der Berg, I., Ford, T., Jr., The Weir Collaboration, Plato, & 山田 太郎. (2020). Weirs & "locks" in BERT. Journal of Water & Stone, 12(3–4), 123‑145. https://doi.org/10.1000/weirs_1
      Brook, I., & Ford, T. (s. d.). Without a year.
      Without authors. (2001).
      Without anything. (s. d.).
      The Weir Collaboration. (2001). By a group: <b> {x} $y$ \z.
      Plato, bin Said, A., & Vega, A. G. y. (2001). “Quoted” "twice" & 'thrice'.
      山田 太郎, 王小明, & Толстой, Л. (1999). 水の流れ.
      Brook, I. (2010). A thesis. A University.
      Brook, I. (2021). By number. Waters, 7, Article e0123.
      Brook, I. (2019). A chapter. In Handbook of Weirs (2ᵉ éd., p. S12‑S15, 27). Weir Press.
      Brook, I. (2018). A report (Nᵒ TR-7). Water Institute.
      Brook, I. (2020). A preprint (arXiv:2001.00001). arXiv. https://arxiv.org/abs/2001.00001
      Brook, I. (2020). A talk. Proceedings of Rivers.
      Brook, I. (2020). An article on mRNA. Waters. https://doi.org/10.1000/1
      Brook, I. (2020). Levels [Jeu de données].
    chicago
      Berg, Ida van der, Tom Ford Jr., The Weir Collaboration, Plato, et 山田 太郎. 2020. « Weirs & "locks" in BERT ». Journal of Water & Stone 12 (3–4): 123‑45. https://doi.org/10.1000/weirs_1.
      Brook, Ida, et Tom Ford. s. d. Without a year.
      Without authors. 2001.
      « Without anything ». s. d.
      The Weir Collaboration. 2001. By a group: <b> {x} $y$ \z. mai.
      Plato, Ahmed bin Said, et Ana García y. Vega. 2001. “Quoted” "twice" & 'thrice'.
      山田 太郎, 王小明, et Лев Толстой. 1999. 水の流れ.
      Brook, Ida. 2010. « A thesis ». A University.
      Brook, Ida. 2021. « By number ». Waters 7 : e0123.
      Brook, Ida. 2019. « A chapter ». In Handbook of Weirs, 2ᵉ éd. Weir Press.
      Brook, Ida. 2018. A report. Nᵒ TR-7. Water Institute.
      Brook, Ida. 2020. « A preprint ». arXiv:2001.00001. Prépublication, arXiv. https://arxiv.org/abs/2001.00001.
      Brook, Ida. 2020. « A talk ». Proceedings of Rivers.
      Brook, Ida. 2020. « An article on mRNA ». Waters. https://doi.org/10.1000/1.
      Brook, Ida. 2020. « Levels ».
    harvard
      van der Berg, I. et al. (2020) « Weirs & "locks" in BERT », Journal of Water & Stone, 12(3–4), p. 123‑145. Disponible sur: https://doi.org/10.1000/weirs_1.
      Brook, I. et Ford, T. (sans date) « Without a year ».
      (2001) « Without authors ».
      « Without anything » (sans date).
      The Weir Collaboration (2001) « By a group: <b> {x} $y$ \z ».
      Plato, bin Said, A. et Vega, A.G. y (2001) « “Quoted” "twice" & 'thrice' ».
      山田 太郎, 王小明 et Толстой, Л. (1999) 水の流れ.
      Brook, I. (2010) A thesis. A University.
      Brook, I. (2021) « By number », Waters, 7, p. e0123.
      Brook, I. (2019) « A chapter », in Handbook of Weirs. 2ᵉ éd. Weir Press, p. S12‑S15, 27.
      Brook, I. (2018) A report. TR-7. Water Institute.
      Brook, I. (2020) « A preprint ». arXiv. Disponible sur: https://arxiv.org/abs/2001.00001.
      Brook, I. (2020) « A talk », in Proceedings of Rivers.
      Brook, I. (2020) « An article on mRNA », Waters. Disponible sur: https://doi.org/10.1000/1.
      Brook, I. (2020) « Levels ».
    ieee
      I. van der Berg, T. Ford Jr., The Weir Collaboration, Plato, et 山田 太郎, « Weirs & "locks" in BERT », Journal of Water & Stone, vol. 12, nᵒ 3–4, p. 123‑145, mars 2020, doi: 10.1000/weirs_1.
      I. Brook et T. Ford, « Without a year ».
      « Without authors », 2001.
      « Without anything ».
      The Weir Collaboration, « By a group: <b> {x} $y$ \z », mai 2001.
      Plato, A. bin Said, et A. G. y Vega, « “Quoted” "twice" & 'thrice' », 2001.
      山田 太郎, 王小明, et Л. Толстой, 水の流れ. 1999.
      I. Brook, « A thesis », A University, 2010.
      I. Brook, « By number », Waters, vol. 7, p. e0123, 2021.
      I. Brook, « A chapter », in Handbook of Weirs, 2ᵉ éd., Weir Press, 2019, p. S12‑S15, 27.
      I. Brook, « A report », Water Institute, TR-7, 2018.
      I. Brook, « A preprint », 2020, arXiv:2001.00001. [En ligne]. Disponible sur: https://arxiv.org/abs/2001.00001
      I. Brook, « A talk », in Proceedings of Rivers, 2020.
      I. Brook, « An article on mRNA », Waters, 2020, doi: 10.1000/1.
      I. Brook, « Levels ». 2020.
    mla
      van der Berg, Ida, et al. « Weirs & "locks" in BERT ». Journal of Water & Stone, vol. 12, nᵒˢ 3–4, mars 2020, p. 123‑45, https://doi.org/10.1000/weirs_1.
      Brook, Ida, et Tom Ford. Without a year.
      Without authors. 2001.
      « Without anything ».
      The Weir Collaboration. By a group: <b> {x} $y$ \z. mai 2001.
      Plato, et al. “Quoted” "twice" & 'thrice'. 2001.
      山田 太郎, et al. 水の流れ. 1999.
      Brook, Ida. A thesis. 2010. A University.
      Brook, Ida. « By number ». Waters, vol. 7, 2021, p. e0123.
      Brook, Ida. « A chapter ». Handbook of Weirs, 2ᵉ éd., Weir Press, 2019, p. S12‑15, 27.
      Brook, Ida. A report. nᵒ TR-7, Water Institute, 2018.
      Brook, Ida. « A preprint ». arXiv:2001.00001, arXiv, 2020, https://arxiv.org/abs/2001.00001.
      Brook, Ida. « A talk ». Proceedings of Rivers, 2020.
      Brook, Ida. « An article on mRNA ». Waters, 2020, https://doi.org/10.1000/1.
      Brook, Ida. « Levels ». 2020.
    nature
      van der Berg, I., Ford, T., Jr., The Weir Collaboration, Plato & 山田 太郎. Weirs & "locks" in BERT. Journal of Water & Stone 12, 123‑145 (2020).
      Brook, I. & Ford, T. Without a year.
      Without authors. (2001).
      Without anything.
      The Weir Collaboration. By a group: <b> {x} $y$ \z. (2001).
      Plato, bin Said, A. & Vega, A. G. y. “Quoted” "twice" & 'thrice'. (2001).
      山田 太郎, 王小明 & Толстой, Л. 水の流れ. (1999).
      Brook, I. A thesis. (A University, 2010).
      Brook, I. By number. Waters 7, e0123 (2021).
      Brook, I. A chapter. in Handbook of Weirs S12‑S15, 27 (Weir Press, 2019).
      Brook, I. A report. (2018).
      Brook, I. A preprint. Prépublication sur https://arxiv.org/abs/2001.00001 (2020).
      Brook, I. A talk. in Proceedings of Rivers (2020).
      Brook, I. An article on mRNA. Waters https://doi.org/10.1000/1 (2020).
      Brook, I. Levels. (2020).
    vancouver
      van der Berg I, Ford T Jr., The Weir Collaboration, Plato, 山田 太郎. Weirs & "locks" in BERT. Journal of Water & Stone [Internet]. 2020;12:123‑45. https://doi.org/10.1000/weirs_1
      Brook I, Ford T. Without a year.
      Without authors. 2001.
      Without anything.
      The Weir Collaboration. By a group: <b> {x} $y$ \z. 2001.
      Plato, bin Said A, Vega AG y. “Quoted” "twice" & 'thrice'. 2001.
      山田 太郎, 王小明, Толстой Л. 水の流れ. 1999.
      Brook I. A thesis. A University; 2010.
      Brook I. By number. Waters. 2021;7:e0123.
      Brook I. A chapter. In Handbook of Weirs. 2ᵉ éd. Weir Press; 2019. p. S12‑5, 27.
      Brook I. A report. Water Institute; 2018. Report No.: TR-7.
      Brook I. A preprint [Internet]. arXiv; 2020. https://arxiv.org/abs/2001.00001
      Brook I. A talk. In Proceedings of Rivers. 2020.
      Brook I. An article on mRNA. Waters. 2020. https://doi.org/10.1000/1
      Brook I. Levels. 2020.
    "#);
}

#[test]
fn papers_with_thousands_of_authors() {
    let names: Vec<String> = (0..2_889).map(|number| format!("Ida{number} Brook{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let paper = paper("A collision", Some("2012"), &names);
    for style in CitationStyle::ALL {
        let text = paper.format_reference(style, CitationLocale::AmericanEnglish).expect("a reference");
        assert!(text.len() < 1_000, "{text}");
    }
    let apa = paper.format_reference(CitationStyle::Apa, CitationLocale::AmericanEnglish).expect("a reference");
    assert!(apa.contains("Brook18, I., … Brook2888, I. (2012)"), "{apa}");
    for format in [CitationFormat::Bibtex, CitationFormat::Ris, CitationFormat::CslJson] {
        assert!(paper.format_entry(format).contains("Brook2888"), "all are there");
    }
}

#[test]
fn styles_by_name() {
    assert_eq!(" APA ".parse(), Ok(CitationStyle::Apa));
    let unknown = "oxford".parse::<CitationStyle>().expect_err("no style of ours");
    assert_eq!(
        unknown.to_string(),
        "unknown style 'oxford'; the styles are apa, chicago, harvard, ieee, mla, nature, vancouver"
    );
}

#[test]
fn locales_by_languages() {
    let locale = |preferred: &[&str], default: &str| {
        let preferred: Vec<_> = preferred.iter().map(|tag| tag.parse().expect("a tag")).collect();
        CitationLocale::best_match(&LanguagePreferences::new(&preferred, &default.parse().expect("a tag"))).to_string()
    };
    assert_eq!(locale(&["fr-BE"], "en"), "fr-FR");
    assert_eq!(locale(&["fr-CA", "en"], "en"), "fr-CA");
    assert_eq!(locale(&["de", "en-GB"], "fr"), "en-GB");
    assert_eq!(locale(&["de"], "fr"), "fr-FR");
    assert_eq!(locale(&[], "de"), "en-US");
}

#[test]
fn groups_and_people() {
    for name in ["The Weir Collaboration", "Smith & Sons", "Institute for Rivers", "Équipe Seine"] {
        assert!(is_group_name(name), "{name}");
    }
    for name in ["Ida van der Berg", "Plato", "Kim In Soo", "Ana García y Vega", "Anderson Silva", "Collaboration"] {
        assert!(!is_group_name(name), "{name}");
    }
    let parts = |name: &str| match AuthorName::from_author(&author(name)) {
        AuthorName::Literal(name) => name,
        AuthorName::Parts { given, family, suffix } => format!("{given}|{family}|{}", suffix.unwrap_or_default()),
    };
    assert_eq!(parts("Alex \"Sandy\" Ford"), "Alex \"Sandy\"|Ford|");
    assert_eq!(parts("Ford, Tom"), "Tom|Ford|");
    assert_eq!(parts("Tom Ford Jr."), "Tom|Ford|Jr.");
    assert_eq!(parts("王小明"), "王小明");
    let researcher = CitedAuthor {
        name: "Ana María García Vega".to_owned(),
        given: Some("Ana María".to_owned()),
        family: Some("García Vega".to_owned()),
    };
    assert!(
        matches!(AuthorName::from_author(&researcher), AuthorName::Parts { family, .. } if family == "García Vega")
    );
}

proptest! {
    #[test]
    fn every_paper_has_every_format_and_style(
        title in "\\PC{1,60}",
        name in "\\PC{0,30}",
        locale in 0..4_usize,
        numbers in proptest::collection::vec(proptest::option::of("\\PC{1,12}|[0-9]{1,12}([–, &-][0-9]{1,12}){0,3}"), 6),
        kind in 0..9_usize,
    ) {
        let [volume, issue, pages, article_number, edition, publisher_name] = numbers.try_into().expect("six");
        let kinds = [
            PaperType::Article, PaperType::ConferencePaper, PaperType::Preprint, PaperType::Book, PaperType::BookChapter,
            PaperType::Thesis, PaperType::Report, PaperType::Dataset, PaperType::Other,
        ];
        let details = CitedPaper { volume, issue, pages, article_number, edition, publisher_name, ..CitedPaper::default() };
        let written = CitedPaper { paper_type: kinds[kind], ..CitedPaper {
            slug: "a-paper".to_owned(), title, authors: vec![author(&name)], ..details } };
        for format in [CitationFormat::Bibtex, CitationFormat::Ris, CitationFormat::CslJson] {
            prop_assert!(!written.format_entry(format).is_empty());
        }
        let locale = [CitationLocale::AmericanEnglish, CitationLocale::BritishEnglish, CitationLocale::French, CitationLocale::CanadianFrench][locale];
        for style in CitationStyle::ALL {
            prop_assert!(written.format_reference(style, locale).is_ok());
        }
    }
}

/// What stands for a reference that the engine cannot render.
#[test]
fn reference_without_a_style() {
    let text = "Ida van der Berg; Tom Ford Jr.; The Weir Collaboration; Plato; 山田 太郎. (2020). Weirs & \"locks\" in BERT. \
                Journal of Water & Stone. https://doi.org/10.1000/weirs_1";
    assert_eq!(style::plain_reference(&whole()), text);
    assert_eq!(style::plain_reference(&paper("Weirs", None, &[])), "Weirs");
}
