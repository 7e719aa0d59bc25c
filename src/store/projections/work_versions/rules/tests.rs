//! Pairs of papers that are versions or not, each with one difference.

use proptest::prelude::*;

use super::*;

/// An article with a distinctive title, by one person.
fn article(id: i64) -> VersionCandidate {
    VersionCandidate {
        id,
        title: "the flow of water over weirs".to_owned(),
        paper_type: PaperType::Article,
        year: Some(2010),
        date: 20100000,
        venue: Some(format!("Annals {}", char::from(b'A' + u8::try_from(id).unwrap_or_default()))),
        dois: BTreeSet::new(),
        key: format!("test paper:{id}"),
    }
}

fn of_type(id: i64, paper_type: PaperType, year: i32) -> VersionCandidate {
    VersionCandidate { paper_type, year: Some(year), date: year * 10_000, ..article(id) }
}

fn by(names: &[&str]) -> Vec<VersionAuthor> {
    names.iter().map(|name| VersionAuthor { name: (*name).to_owned(), researcher_id: None }).collect()
}

fn linked(
    papers: &[VersionCandidate],
    authors: &HashMap<i64, Vec<VersionAuthor>>,
) -> HashMap<i64, (i64, VersionBasis)> {
    link_versions(papers, &candidate_pairs(papers), authors)
}

/// Links of papers that are all by the same person.
fn linked_by_one(papers: &[VersionCandidate]) -> HashMap<i64, (i64, VersionBasis)> {
    linked(papers, &papers.iter().map(|paper| (paper.id, by(&["Ida Brook"]))).collect())
}

#[test]
fn the_same_title() {
    use PaperType::{Article, Book, ConferencePaper, Dataset, Other, Preprint, Report, Thesis};
    for (one, other, is_version) in [
        ((Preprint, 2009), (Article, 2010), true),
        ((Preprint, 2008), (Article, 2010), true),
        ((Preprint, 2007), (Article, 2010), false),
        ((Preprint, 2011), (Article, 2010), true),
        ((ConferencePaper, 2009), (Article, 2010), true),
        ((ConferencePaper, 2010), (ConferencePaper, 2010), true),
        ((ConferencePaper, 2009), (ConferencePaper, 2010), false),
        ((Report, 2009), (Article, 2010), true),
        ((Other, 2010), (Article, 2010), true),
        ((Article, 2010), (Article, 2010), true),
        // A column, a yearly report, a new edition.
        ((Article, 2009), (Article, 2010), false),
        ((Report, 2009), (Report, 2010), false),
        ((Book, 2009), (Book, 2010), false),
        ((Book, 2010), (Book, 2010), true),
        // Different works with the same title.
        ((Thesis, 2010), (Article, 2010), false),
        ((Dataset, 2010), (Article, 2010), false),
        ((Book, 2010), (Article, 2010), false),
        ((Dataset, 2009), (Dataset, 2010), true),
    ] {
        let papers = [of_type(1, one.0, one.1), of_type(2, other.0, other.1)];
        assert_eq!(linked_by_one(&papers).len(), usize::from(is_version), "{one:?}, {other:?}");
    }
    let undated = VersionCandidate { year: None, date: 0, ..article(2) };
    assert_eq!(linked_by_one(&[article(1), undated]).len(), 0);
}

#[test]
fn recurring_titles() {
    let talk = |id, year, venue: &str| VersionCandidate {
        venue: Some(venue.to_owned()),
        ..of_type(id, PaperType::ConferencePaper, year)
    };
    assert_eq!(linked_by_one(&[talk(1, 2009, "18th Water Days"), talk(2, 2010, "19th Water Days")]).len(), 0);
    for (earlier, later, is_version) in [
        ("Workshop on Weirs", "19th Water Days", 1),
        ("Workshop on Weirs, Torp", "Workshop on Dams, Brest", 0),
        ("Weir Days", "19th Water Days", 0),
        ("Weir Days", "Water Studies, Volume 3, Number 1", 1),
        ("Weir Days: Tutorials", "Journal of Water", 0),
        ("19th Water Days", "Workshop on Weirs", 0),
    ] {
        let found = linked_by_one(&[talk(1, 2009, earlier), talk(2, 2010, later)]);
        assert_eq!(found.len(), is_version, "{earlier}, {later}");
        assert!(found.contains_key(&1) || found.is_empty());
    }
    let without_venue = VersionCandidate { venue: None, ..talk(1, 2009, "") };
    assert_eq!(linked_by_one(&[without_venue, talk(2, 2010, "19th Water Days")]).len(), 0);
    let overview = |paper| VersionCandidate { title: "overview of the shared task on weirs".to_owned(), ..paper };
    let of_workshop = |year| overview(talk(1, year, "Workshop on Weirs"));
    assert_eq!(linked_by_one(&[of_workshop(2009), overview(talk(2, 2010, "Water Days"))]).len(), 0);
    assert_eq!(linked_by_one(&[of_workshop(2010), overview(talk(2, 2010, "Water Days"))]).len(), 1);
    let preprint = overview(of_type(1, PaperType::Preprint, 2009));
    assert_eq!(linked_by_one(&[preprint, overview(talk(2, 2010, "Water Days"))]).len(), 1);
    // One issue with two DOIs has two works.
    let doi = |paper: VersionCandidate, doi: &str| VersionCandidate { dois: BTreeSet::from([doi.to_owned()]), ..paper };
    let one_issue = |id| talk(id, 2010, "Water Days");
    assert_eq!(linked_by_one(&[doi(one_issue(1), "10.1/a"), doi(one_issue(2), "10.1/b")]).len(), 0);
    assert_eq!(linked_by_one(&[doi(one_issue(1), "10.1/a"), one_issue(2)]).len(), 1);
}

#[test]
fn the_same_doi() {
    let paper = |id, title: &str, year, venue: &str| VersionCandidate {
        title: names::fold(title),
        dois: BTreeSet::from(["10.1/a".to_owned()]),
        venue: Some(venue.to_owned()),
        ..of_type(id, PaperType::ConferencePaper, year)
    };
    for (title, year, venue, is_version) in [
        ("Locks: A Long Look at Locks and Weirs, with Applications", 2015, "Water", true),
        ("Weirs", 2015, "Water", true),
        // A part of the same volume, an erratum, another part.
        ("Weirs", 2010, "Locks", false),
        ("Erratum: A Long Look at Locks and Weirs", 2015, "Water", false),
        ("A Long Look at Locks and Weirs II", 2015, "Water", false),
    ] {
        let papers = [paper(1, "A Long Look at Locks and Weirs", 2010, "Locks"), paper(2, title, year, venue)];
        let found = linked_by_one(&papers);
        assert_eq!(found.len(), usize::from(is_version), "{title}");
        assert!(found.values().all(|(_, basis)| *basis == VersionBasis::Doi));
    }
    // The DOI of a volume.
    let parts = [paper(1, "Weirs", 2010, "a"), paper(2, "Locks", 2011, "b"), paper(3, "Dams", 2012, "c")];
    assert_eq!(linked_by_one(&parts).len(), 0);
    // Different or unknown authors.
    let two = &parts[..2];
    let authors = HashMap::from([(1, by(&["Ida Brook"])), (2, by(&["Tom Ford"]))]);
    assert_eq!(linked(two, &authors).len(), 0);
    assert_eq!(linked(two, &HashMap::new()).len(), 0);
    let akin = [paper(1, "A Long Look at Locks", 2010, "a"), paper(2, "A Long Look at Locks", 2011, "b")];
    assert_eq!(linked(&akin, &HashMap::from([(1, by(&["Ida Brook"]))])).len(), 1);
}

#[test]
fn authors_in_common() {
    for (one, other, is_version) in [
        (&["Ida Brook"][..], &["I. Brook"][..], true),
        (&["Ida Brook", "Tom Ford"], &["Tom Ford"], true),
        (&["Ida Brook", "Tom Ford"], &["Tom Ford", "Uma Ferry", "Wei Quay"], true),
        (&["Ida Brook", "Tom Ford", "Jürgen Müller"], &["Juergen Mueller", "Uma Ferry", "Zoë Pier"], false),
        (&["Wei Quay"], &["Quay Wei"], true),
        (&["Ida Brook"], &["Ada Brook"], false),
        (&["Ida Brook"], &[], false),
        (&[], &[], false),
    ] {
        let papers = [of_type(1, PaperType::Preprint, 2010), article(2)];
        let found = linked(&papers, &HashMap::from([(1, by(one)), (2, by(other))]));
        assert_eq!(found.len(), usize::from(is_version), "{one:?}, {other:?}");
    }
    let as_one = |name: &str| vec![VersionAuthor { name: name.to_owned(), researcher_id: Some(7) }];
    let authors = HashMap::from([(1, as_one("Ida Brook")), (2, as_one("Ida Ferry"))]);
    assert_eq!(linked(&[of_type(1, PaperType::Preprint, 2010), article(2)], &authors).len(), 1);
}

#[test]
fn the_version_of_record() {
    let dated = |paper: VersionCandidate, date| VersionCandidate { date, ..paper };
    let with_doi = |paper: VersionCandidate| VersionCandidate { dois: BTreeSet::from(["10.1/a".to_owned()]), ..paper };
    let preprint = with_doi(dated(of_type(1, PaperType::Preprint, 2010), 20101231));
    let report = with_doi(dated(of_type(2, PaperType::Report, 2010), 20101230));
    for (papers, record) in [
        (vec![preprint.clone(), article(3)], 3),
        (vec![report.clone(), article(3)], 3),
        (vec![preprint, report], 2),
        (vec![dated(article(3), 20100501), with_doi(article(4))], 4),
        (vec![dated(article(3), 20100501), article(4)], 3),
        (vec![article(4), article(3)], 3),
    ] {
        // Two papers with one DOI would be one paper.
        let found = linked_by_one(&papers);
        assert_eq!(found.len(), 1, "{papers:?}");
        assert!(found.values().all(|(of, _)| *of == record), "{papers:?}: {found:?}");
    }
}

#[test]
fn too_many_of_one_title() {
    let many = |amount: i64| (1..=amount).map(|id| of_type(id, PaperType::Preprint, 2010)).collect::<Vec<_>>();
    let most = i64::try_from(MAX_SHARING_PAPERS).unwrap_or_default();
    assert_eq!(linked_by_one(&many(most)).len(), MAX_SHARING_PAPERS - 1);
    assert_eq!(linked_by_one(&many(most + 1)).len(), 0);
}

fn any_paper(id: i64) -> impl Strategy<Value = (VersionCandidate, Vec<VersionAuthor>)> {
    let types = prop_oneof![Just(PaperType::Preprint), Just(PaperType::Article), Just(PaperType::ConferencePaper)];
    let titles =
        prop_oneof![Just("the flow of water over weirs"), Just("the flow of water over weirs and dams"), Just("weirs")];
    (types, titles, 2008..2013_i32, proptest::option::of(0..3_u8), 1..8_u8).prop_map(
        move |(paper_type, title, year, doi, people)| {
            let names = ["Ida Brook", "Tom Ford", "Uma Ferry"];
            let authors = by(&names).into_iter().enumerate().filter(|(place, _)| people >> place & 1 == 1);
            let dois = doi.map(|doi| format!("10.1/{doi}")).into_iter().collect();
            let paper = VersionCandidate { title: title.to_owned(), dois, ..of_type(id, paper_type, year) };
            (paper, authors.map(|(_, author)| author).collect())
        },
    )
}

fn any_papers() -> impl Strategy<Value = Vec<(VersionCandidate, Vec<VersionAuthor>)>> {
    (1..12_i64).prop_flat_map(|amount| (1..=amount).map(any_paper).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn one_version_of_record_for_each_work(papers in any_papers()) {
        let authors = papers.iter().map(|(paper, authors)| (paper.id, authors.clone())).collect();
        let papers: Vec<VersionCandidate> = papers.into_iter().map(|(paper, _)| paper).collect();
        let found = linked(&papers, &authors);
        for (version, (record, _)) in &found {
            prop_assert!(version != record && !found.contains_key(record), "{found:?}");
        }
    }

    #[test]
    fn the_same_in_any_order((papers, shuffled) in any_papers().prop_flat_map(|papers| (Just(papers.clone()), Just(papers).prop_shuffle()))) {
        let authors = papers.iter().map(|(paper, authors)| (paper.id, authors.clone())).collect();
        let of = |papers: Vec<(VersionCandidate, Vec<VersionAuthor>)>| papers.into_iter().map(|(paper, _)| paper).collect::<Vec<_>>();
        prop_assert_eq!(linked(&of(papers), &authors), linked(&of(shuffled), &authors));
    }
}
