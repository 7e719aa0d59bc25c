//! Pinned digests. If one of these changes, every record in the field is imported again.

use serde_json::json;

use super::*;
use crate::model::record::{AbstractCompleteness, PaperType, Record};

/// Records with every field, as JSON of the format `records`, and their digests.
const FULL: [(&str, &str); 4] = [
    (
        r#"{"kind":"organization","exported":{"id":7,"formerly":[{"id":8,"slug":"ida-ford","nameKey":"ida ford"},{"id":9,"slug":"ida-9"}],"sources":[{"source":"hr","key":"researcher:17","digest":"00ff","told":["name","biography.en"],"isOfFormer":true},{"source":"web","key":"x","digest":""}]},"slug":"northfield","ror":"05dxps055","names":[{"value":"Northfield University","language":"en","kind":"DISPLAY"},{"value":"Northfield","kind":"LABEL"},{"value":"NU","kind":"ACRONYM"},{"value":"Univ. \"N\"\t","language":"und","kind":"ALIAS"}],"types":["EDUCATION","FUNDER"],"status":"ACTIVE","countryCode":"CA","city":"Montréal","homepageUrl":"https://n.example","identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"relations":[["parent","05dxps055"],["child","05dxps055"],["predecessor","05dxps055"],["successor","05dxps055"]]}"#,
        "0742f18e0e03859a716c88ff212ce44b",
    ),
    (
        r#"{"kind":"topic","exported":{"id":7,"formerly":[{"id":8,"slug":"ida-ford","nameKey":"ida ford"},{"id":9,"slug":"ida-9"}],"sources":[{"source":"hr","key":"researcher:17","digest":"00ff","told":["name","biography.en"],"isOfFormer":true},{"source":"web","key":"x","digest":""}]},"slug":"optics","scheme":"msc","code":"78","uri":"http://topics.example/optics","names":[{"value":"Northfield University","language":"en","kind":"DISPLAY"},{"value":"Northfield","kind":"LABEL"},{"value":"NU","kind":"ACRONYM"},{"value":"Univ. \"N\"\t","language":"und","kind":"ALIAS"}],"broader":[{"id":3,"slug":"optics","scheme":"local","code":"O","labels":{"en":"Optics","fr":"Optique"}},{"scheme":"msc"}]}"#,
        "6d5b344f60f7e758864f04ca38e63029",
    ),
    (
        r#"{"kind":"researcher","exported":{"id":7,"formerly":[{"id":8,"slug":"ida-ford","nameKey":"ida ford"},{"id":9,"slug":"ida-9"}],"sources":[{"source":"hr","key":"researcher:17","digest":"00ff","told":["name","biography.en"],"isOfFormer":true},{"source":"web","key":"x","digest":""}]},"slug":"ida-brook","name":"Ida Brook","givenName":"Ida","familyName":"Brook","otherNames":["I. Brook",{"value":"Ida Ford","use":"SEARCH_ONLY"},{"value":"Ida Lake","use":"PRIVATE"}],"withholdPublishedName":true,"orcid":"0000-0002-1825-0097","headline":{"en":"Weirs"},"biography":{"en":"One.\nTwo."},"portraitUrl":"https://p.example","homepageUrl":"https://h.example","identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"affiliations":[{"id":5,"organization":{"id":4,"ror":"05dxps055","name":"Northfield"},"affiliationKind":"EMPLOYMENT","roleTitle":{"en":"Professor"},"departmentName":{"fr":"Physique"},"startDate":"2015-02","endDate":"2020-03-04","isPrimary":true},{"organization":{"name":"W"},"affiliationKind":"MEMBERSHIP","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"EDUCATION","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"QUALIFICATION","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"SERVICE","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"INVITED_POSITION","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"DISTINCTION","hasEnded":true,"isPrimary":false}],"topics":[{"id":3,"slug":"optics","scheme":"local","code":"O","labels":{"en":"Optics","fr":"Optique"}},{"scheme":"msc"}]}"#,
        "794642a9f226df9d8e4232db5bd93897",
    ),
    (
        r#"{"kind":"paper","exported":{"id":7,"formerly":[{"id":8,"slug":"ida-ford","nameKey":"ida ford"},{"id":9,"slug":"ida-9"}],"sources":[{"source":"hr","key":"researcher:17","digest":"00ff","told":["name","biography.en"],"isOfFormer":true},{"source":"web","key":"x","digest":""}]},"slug":"on-weirs","sourceId":"W1","title":"On weirs","translatedTitles":{"fr":"Des déversoirs"},"abstract":{"en":"Water <flows>."},"abstractCompleteness":"FULL","publicationDate":"2016-02-29","type":"ARTICLE","venueName":"Weirs","volume":"12","issue":"3","pages":"123–145","articleNumber":"e1","edition":"2","publisherName":"Weir Press","issns":["0028-0836"],"isbns":["9783161484100"],"keywords":["weirs"],"language":"en","doi":"10.1000/xyz123","sharedDoi":"10.1000/abc","arxivId":"2301.00001","url":"https://u.example","isRetracted":true,"identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"authors":[{"id":1,"researcherId":2,"isDecided":true,"sameAsId":3,"position":1,"name":"Ida Brook","givenName":"Ida","familyName":"Brook","orcid":"0000-0002-1825-0097","identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"isCorresponding":false,"equalContributionGroup":1,"affiliationsAsPublished":["Northfield"],"organizations":[{"id":4,"ror":"05dxps055","name":"Northfield"},{"name":"Weir Institute"}]},{"name":"Tom Ford"}],"authorsAreIncomplete":true,"topics":[{"id":3,"slug":"optics","scheme":"local","code":"O","labels":{"en":"Optics","fr":"Optique"}},{"scheme":"msc"}]}"#,
        "4f1c9dd177432a2c9417b256966be974",
    ),
];

/// Records without the fields that were added later, which keep their digests.
const WITHOUT_LATER_FIELDS: [(&str, &str); 2] = [
    (
        r#"{"kind":"paper","exported":{"id":7,"formerly":[{"id":8,"slug":"ida-ford","nameKey":"ida ford"},{"id":9,"slug":"ida-9"}],"sources":[{"source":"hr","key":"researcher:17","digest":"00ff","told":["name","biography.en"],"isOfFormer":true},{"source":"web","key":"x","digest":""}]},"slug":"on-weirs","sourceId":"W1","title":"On weirs","translatedTitles":{"fr":"Des déversoirs"},"abstract":{"en":"Water <flows>."},"abstractCompleteness":"FULL","publicationDate":"2016-02-29","type":"ARTICLE","venueName":"Weirs","language":"en","doi":"10.1000/xyz123","sharedDoi":"10.1000/abc","arxivId":"2301.00001","url":"https://u.example","isRetracted":true,"identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"authors":[{"id":1,"researcherId":2,"isDecided":true,"sameAsId":3,"position":1,"name":"Ida Brook","givenName":"Ida","familyName":"Brook","orcid":"0000-0002-1825-0097","identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"isCorresponding":false,"equalContributionGroup":1,"affiliationsAsPublished":["Northfield"],"organizations":[{"id":4,"ror":"05dxps055","name":"Northfield"},{"name":"Weir Institute"}]},{"name":"Tom Ford"}],"authorsAreIncomplete":true,"topics":[{"id":3,"slug":"optics","scheme":"local","code":"O","labels":{"en":"Optics","fr":"Optique"}},{"scheme":"msc"}]}"#,
        "fbd0b535376ebecb910a88fa9be8529f",
    ),
    (
        r#"{"kind":"researcher","exported":{"id":7,"formerly":[{"id":8,"slug":"ida-ford","nameKey":"ida ford"},{"id":9,"slug":"ida-9"}],"sources":[{"source":"hr","key":"researcher:17","digest":"00ff","told":["name","biography.en"],"isOfFormer":true},{"source":"web","key":"x","digest":""}]},"slug":"ida-brook","name":"Ida Brook","givenName":"Ida","familyName":"Brook","otherNames":["I. Brook",{"value":"Ida Ford","use":"SEARCH_ONLY"},{"value":"Ida Lake","use":"PRIVATE"}],"withholdPublishedName":true,"orcid":"0000-0002-1825-0097","headline":{"en":"Weirs"},"biography":{"en":"One.\nTwo."},"portraitUrl":"https://p.example","homepageUrl":"https://h.example","identifiers":[{"scheme":"scopus","value":"7004"},{"scheme":"wikidata","value":"Q42"}],"affiliations":[{"id":5,"organization":{"id":4,"ror":"05dxps055","name":"Northfield"},"affiliationKind":"EMPLOYMENT","roleTitle":{"en":"Professor"},"departmentName":{"fr":"Physique"},"startDate":"2015-02","endDate":"2020-03-04","isPrimary":true},{"organization":{"name":"W"},"affiliationKind":"MEMBERSHIP","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"EDUCATION","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"QUALIFICATION","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"SERVICE","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"INVITED_POSITION","isPrimary":false},{"organization":{"name":"W"},"affiliationKind":"DISTINCTION","isPrimary":false}],"topics":[{"id":3,"slug":"optics","scheme":"local","code":"O","labels":{"en":"Optics","fr":"Optique"}},{"scheme":"msc"}]}"#,
        "1e1ba25b58c08f33b622dd738ab15b6f",
    ),
];

/// Records with the required fields only, and their digests.
const MINIMAL: [(&str, &str); 4] = [
    (r#"{"kind":"organization","names":[{"value":"Weirs","kind":"LABEL"}]}"#, "261cfe850f889eb07e4415919a4a7c65"),
    (
        r#"{"kind":"topic","scheme":"local","names":[{"value":"Weirs","kind":"LABEL"}]}"#,
        "9b5e816b63532568b34b36649e12f19e",
    ),
    (r#"{"kind":"researcher","name":"Ida Brook"}"#, "9e6c1e18b2f19668ba6ec175c2d89722"),
    (
        r#"{"kind":"paper","title":"On weirs","abstractCompleteness":"ABSENT","type":"OTHER","isRetracted":false,"authors":[]}"#,
        "31838dba79583fe5ce7a504534063759",
    ),
];

fn digest_of(record: &Record) -> String {
    let digest = match record {
        Record::Organization(record) => record_digest(record),
        Record::Topic(record) => record_digest(record),
        Record::Researcher(record) => record_digest(record),
        Record::Paper(record) => record_digest(record),
    };
    digest.expect("a digest")
}

#[test]
fn digests_are_stable() {
    for (json, digest) in FULL.into_iter().chain(WITHOUT_LATER_FIELDS).chain(MINIMAL) {
        let record: Record = serde_json::from_str(json).expect("a record");
        assert_eq!(digest_of(&record), digest, "{json}");
    }
}

/// Every field is hashed but the URI of a topic: a record without one of its fields has another digest.
#[test]
fn every_field_counts() {
    for (json, digest) in FULL {
        let full: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).expect("an object");
        for field in full
            .keys()
            .filter(|field| !matches!(field.as_str(), "kind" | "name" | "names" | "title" | "authors" | "uri"))
        {
            let mut part = full.clone();
            part.remove(field);
            let part: Record = serde_json::from_value(part.into()).expect("a record");
            assert_ne!(digest_of(&part), digest, "{field}");
        }
    }
}

/// The JSON of the format `records` is stable too: its names are words of an exchange format.
#[test]
fn records_as_json_are_stable() {
    for (json, _) in FULL.into_iter().chain(MINIMAL) {
        let record: Record = serde_json::from_str(json).expect("a record");
        assert_eq!(serde_json::to_string(&record).expect("JSON"), json);
    }
}

#[test]
fn words_of_papers_are_stable() {
    let types = [
        (PaperType::Article, "ARTICLE"),
        (PaperType::ConferencePaper, "CONFERENCE_PAPER"),
        (PaperType::Preprint, "PREPRINT"),
        (PaperType::Book, "BOOK"),
        (PaperType::BookChapter, "BOOK_CHAPTER"),
        (PaperType::Thesis, "THESIS"),
        (PaperType::Report, "REPORT"),
        (PaperType::Dataset, "DATASET"),
        (PaperType::Other, "OTHER"),
    ];
    for (paper_type, word) in types {
        assert_eq!(json!(paper_type), word);
    }
    let completeness = [
        (AbstractCompleteness::Full, "FULL"),
        (AbstractCompleteness::Truncated, "TRUNCATED"),
        (AbstractCompleteness::Absent, "ABSENT"),
        (AbstractCompleteness::Withheld, "WITHHELD"),
    ];
    for (completeness, word) in completeness {
        assert_eq!(json!(completeness), word);
    }
    assert_eq!(json!(NameUse::Display), "DISPLAY");
}

/// The keys of papers without identifiers, `work:` and the digest of a tuple, are stored too.
#[test]
fn digests_of_tuples_are_stable() {
    let key = ("on weirs".to_owned(), Some("2016".to_owned()), vec!["ida brook".to_owned()], None::<String>);
    assert_eq!(json_digest(&key).expect("a digest"), "8e2542a30bd8ca02f1f5428f1b766823");
}
