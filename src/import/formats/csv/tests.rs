use super::CsvFormat;
use crate::import::test_support::{read_bytes, researchers};
use crate::model::record::NameUse;

#[test]
fn lines_before_the_header() {
    let table = "name;start_date;organization\nIda Brook;01.09.2014;A School\n";
    for (before, notes) in [
        ("sep=;\n", vec![]),
        ("\u{feff}# made by hand\n\nsep=;\r\n", vec![]),
        ("Our staff\nof 2024\n\n", vec!["4: note: 2 lines before the header ignored"]),
    ] {
        let outcome = read_bytes(&CsvFormat, format!("{before}{table}").as_bytes());
        assert_eq!(outcome.messages(), notes);
        let people = researchers(&outcome);
        assert_eq!(people[0].name, "Ida Brook");
        let start = people[0].affiliations[0].start_date.map(|date| date.to_string());
        assert_eq!(start.as_deref(), Some("2014-09-01"));
    }
    let outcome = read_bytes(&CsvFormat, "Dear all,\n".repeat(1000).as_bytes());
    assert_eq!(outcome.messages().len(), 1);
    assert!(outcome.messages()[0].starts_with("1: unreadable file: its first line has no column"));
}

#[test]
fn ends_of_affiliations() {
    let ends = ["", "2016-04", "31.12.2016", "Present", "—", "past", "?", "spring term", "2016-13"];
    let rows: Vec<String> = ends.iter().map(|end| format!("Person {end};A School;{end}")).collect();
    let outcome = read_bytes(&CsvFormat, format!("name;organization;end_date\n{}\n", rows.join("\n")).as_bytes());
    let read: Vec<(String, bool)> = researchers(&outcome)
        .iter()
        .flat_map(|person| &person.affiliations)
        .map(|held| (held.end_date.map(|date| date.to_string()).unwrap_or_default(), held.has_ended))
        .collect();
    let expected = ["", "2016-04", "2016-12-31", "", "", "ended", "ended", "ended", "ended"];
    let expected = expected.map(|end| (end.replace("ended", ""), end == "ended"));
    assert_eq!(read, expected);
    assert_eq!(
        outcome.messages(),
        [
            "9: warning: 'spring term' in end_date is not a date; the affiliation has ended on an unknown one",
            "10: warning: '2016-13' in end_date is not a date; the affiliation has ended on an unknown one"
        ]
    );
}

#[test]
fn rows_of_a_person_are_merged() {
    let text = "\u{feff}Name;ORCID;organization;Role title@fr;role_title@en;start_date;is_primary;topics@en;shoe size\r\n\
        Ida Brook;0000-0002-1825-0097;Water Institute;Hydrologue;Hydrologist;2015-03;yes;Weirs; 38\r\n\
        Tom Ford;;Water Institute;\"Chef; adjoint\";;;;;\r\n\r\n\
        I. Brook;0000-0002-1825-0097;A School;;;1999;yes;Weirs; \r\n";
    let outcome = read_bytes(&CsvFormat, text.as_bytes());
    let people = researchers(&outcome);
    assert_eq!(people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Ida Brook", "Tom Ford"]);
    assert_eq!((people[0].affiliations.len(), people[0].topics.len()), (2, 1));
    assert_eq!(people[0].other_names, ["I. Brook".to_owned().into()]);
    let titles: Vec<_> = people[0].affiliations[0].role_title.iter().collect();
    assert_eq!(titles, [("en", "Hydrologist"), ("fr", "Hydrologue")]);
    assert_eq!(people[1].affiliations[0].role_title.iter().next(), Some(("fr", "Chef; adjoint")));
    assert_eq!(
        outcome.messages(),
        [
            "1: note: 1 unknown column was ignored: shoe size",
            "2: warning: more than one affiliation is primary; the first one was used"
        ]
    );
}

#[test]
fn hidden_names() {
    let text = "name,other_names,search_only_names,private_names,withhold_published_name\n\
        Ida Brook,I. B.,Ida Lake; I. Lake,Ida Sea,yes\nTom Ford,,,,\n";
    let people = researchers(&read_bytes(&CsvFormat, text.as_bytes()));
    let names = |index: usize| people[index].other_names.iter().map(|name| (name.value.as_str(), name.name_use));
    let expected = [
        ("I. B.", NameUse::Display),
        ("Ida Lake", NameUse::SearchOnly),
        ("I. Lake", NameUse::SearchOnly),
        ("Ida Sea", NameUse::Private),
    ];
    assert_eq!(names(0).collect::<Vec<_>>(), expected);
    assert_eq!(names(1).count(), 0);
    assert_eq!(people.iter().map(|person| person.withhold_published_name).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn yes_and_no() {
    let text = "name,withhold_published_name,identifiers\nAna,WAHR,scopus:\nBen,nein,scopus:1\nCy,perhaps,orcid\n";
    let outcome = read_bytes(&CsvFormat, text.as_bytes());
    let people = researchers(&outcome);
    assert_eq!(people.iter().map(|person| person.withhold_published_name).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(people.iter().map(|person| person.identifiers.len()).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(
        outcome.messages(),
        [
            "2: warning: the id 'scopus:' has no scheme or no value and was ignored",
            "4: warning: 'perhaps' in withhold_published_name is neither yes nor no; no was assumed",
            "4: warning: the id ':orcid' has no scheme or no value and was ignored",
        ]
    );
}

#[test]
fn carriage_returns_end_lines() {
    let people = researchers(&read_bytes(&CsvFormat, b"name,organization\rIda Brook,Here\rTom Ford,There\r"));
    assert_eq!(people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Ida Brook", "Tom Ford"]);
}

#[test]
fn a_malformed_row_does_not_affect_the_others() {
    let text = b"name,orcid,organization,affiliation_kind,start_date\n\
        Ida Brook,1234,Here,king,\n\"Open,,,,\nTom Ford,,Here,,soon\n,,Here,,\nAn\xe9 Pont,,,,\nUma,,,,,too,many\nZo\xc3\xab,,\"two\nlines\",,\n";
    let outcome = read_bytes(&CsvFormat, text);
    let names: Vec<String> = researchers(&outcome).into_iter().map(|person| person.name).collect();
    assert_eq!(names, ["Ida Brook", "Tom Ford", "Ané Pont", "Zoë"]);
    let messages = outcome.messages();
    assert_eq!(
        messages.iter().filter(|line| line.contains("invalid record")).collect::<Vec<_>>(),
        [
            "3: invalid record: the quotation marks in this row do not match",
            "5: invalid record: it has no name",
            "7: invalid record: it has 7 fields, but the first line has 5; is a quotation mark missing?",
        ]
    );
    assert!(
        messages.iter().any(|line| line.starts_with("2: warning: 'king' is not an affiliation kind")),
        "{messages:?}"
    );
    assert!(messages.iter().any(|line| line.starts_with("4: warning: 'soon' is not a date")), "{messages:?}");
}

#[test]
fn ten_thousand_columns() {
    let columns: Vec<String> = (0..10_000).map(|n| format!("column{n}")).collect();
    let row = vec!["x"; 10_000].join(",");
    let text = format!("name,{}\nIda Brook,{row}\nTom Ford\n{},{row}\nUma Ferry\n", columns.join(","), row);
    let outcome = read_bytes(&CsvFormat, text.as_bytes());
    let names: Vec<String> = researchers(&outcome).into_iter().map(|person| person.name).collect();
    assert_eq!(names, ["Ida Brook", "Tom Ford", "Uma Ferry"]);
    assert_eq!(
        outcome.messages(),
        [
            "1: note: 10000 unknown columns were ignored: column0, column1, column2, column3, column4, …",
            "4: invalid record: it has 20000 fields, but the first line has 10001; is a quotation mark missing?",
        ]
    );
}

#[test]
fn other_formats_are_rejected() {
    let messages = read_bytes(&CsvFormat, b"title,year\nA,1\n").messages();
    assert!(
        messages[0].starts_with("1: unreadable file: its first line has no column `name` or `family_name`"),
        "{messages:?}"
    );
    assert_eq!(read_bytes(&CsvFormat, b"{}").messages(), ["1: unreadable file: it is not CSV; it starts like JSON"]);
}
