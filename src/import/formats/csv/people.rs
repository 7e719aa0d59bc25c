//! People whose rows are anywhere in a table.

use std::collections::HashMap;

use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::model::record::{OtherName, Record, ResearcherRecord};
use crate::text::names;

/// A person, merged from the rows read so far.
struct CsvPerson {
    line: usize,
    record: ResearcherRecord,
    warnings: Vec<String>,
}

/// People in the order of their first rows.
#[derive(Default)]
pub(super) struct CsvPeople {
    people: Vec<CsvPerson>,
    index_by_key: HashMap<String, usize>,
    pub(super) buffered_bytes: usize,
}

impl CsvPeople {
    pub(super) fn add(&mut self, line: usize, record: ResearcherRecord, warnings: Vec<String>, size: usize) {
        self.buffered_bytes += size + 500;
        let key = record.orcid.as_ref().map_or_else(|| names::name_key(&record.name), ToString::to_string);
        let Some(index) = self.index_by_key.get(&key) else {
            self.index_by_key.insert(key, self.people.len());
            self.people.push(CsvPerson { line, record, warnings });
            return;
        };
        let CsvPerson { record: merged, warnings: messages, .. } = &mut self.people[*index];
        messages.extend(warnings.into_iter().map(|note| format!("line {line}: {note}")));
        let is_another =
            |before: &Option<String>, now: &Option<String>| before.is_some() && now.is_some() && before != now;
        for (name, before, now) in [
            ("homepage_url", &merged.homepage_url, &record.homepage_url),
            ("portrait_url", &merged.portrait_url, &record.portrait_url),
        ] {
            if is_another(before, now) {
                messages.push(format!("line {line}: another {name} of the same person was ignored"));
            }
        }
        merged.given_name = merged.given_name.take().or(record.given_name);
        merged.family_name = merged.family_name.take().or(record.family_name);
        merged.homepage_url = merged.homepage_url.take().or(record.homepage_url);
        merged.portrait_url = merged.portrait_url.take().or(record.portrait_url);
        let other_name = Some(record.name).filter(|name| *name != merged.name).map(OtherName::from);
        merged.withhold_published_name |= record.withhold_published_name;
        extend_unique(&mut merged.other_names, record.other_names.into_iter().chain(other_name));
        extend_unique(&mut merged.identifiers, record.identifiers);
        extend_unique(&mut merged.topics, record.topics);
        extend_unique(&mut merged.affiliations, record.affiliations);
        if merged.headline.is_empty() {
            merged.headline = record.headline;
        }
        if merged.biography.is_empty() {
            merged.biography = record.biography;
        }
    }

    pub(super) fn emit_all(&mut self, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
        let people = std::mem::take(self);
        for CsvPerson { line, mut record, mut warnings } in people.people {
            let mut has_primary = false;
            for affiliation in &mut record.affiliations {
                if affiliation.is_primary && std::mem::replace(&mut has_primary, true) {
                    affiliation.is_primary = false;
                    warnings.push("more than one affiliation is primary; the first one was used".to_owned());
                }
            }
            sink.push_record(line, Record::Researcher(record), warnings)?;
        }
        Ok(())
    }
}

fn extend_unique<T: PartialEq>(merged: &mut Vec<T>, new: impl IntoIterator<Item = T>) {
    for value in new {
        if !merged.contains(&value) {
            merged.push(value);
        }
    }
}
