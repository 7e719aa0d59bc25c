//! Who is meant by a name or an ORCID iD, and people who are not there yet.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use serde::Serialize;

use super::Batch;
use crate::error::Error;
use crate::identifier::Orcid;
use crate::names::{self, NameParts};
use crate::store::search::Kind;
use crate::store::sql::{Sql, ids, texts};

/// A person as a source names them.
#[derive(Clone, Debug)]
pub(super) struct Mention<'a> {
    pub name: &'a str,
    pub given: Option<&'a str>,
    pub family: Option<&'a str>,
    pub orcid: Option<&'a Orcid>,
}

/// The people that a batch mentions: those there are, and those it makes.
///
/// The same ORCID iD is the same person. Without one, the same name is: somebody of that name without an ORCID iD, or
/// the only one with one. An ORCID iD that nobody has goes to the person of that name who has none. Of that name is also who
/// has it as a name that is not shown, or by somebody's decision.
#[derive(Default)]
pub(super) struct People {
    by_orcid: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
    people: Vec<Person>,
}

struct Person {
    /// Absent until it is stored.
    id: Option<i64>,
    has_orcid: bool,
    adopts: Option<String>,
    new: Option<NewPerson>,
}

struct NewPerson {
    display_name: String,
    parts: NameParts,
    name_key: String,
    orcid: Option<String>,
}

#[derive(Serialize)]
struct Row {
    id: i64,
    slug: String,
    display_name: String,
    given_name: Option<String>,
    family_name: Option<String>,
    sort_name: String,
    name_key: String,
    orcid: Option<String>,
}

impl<'a> Mention<'a> {
    pub(super) fn parts(&self) -> NameParts {
        let part = |text: Option<&str>| text.map(names::clean).filter(|text| !text.is_empty());
        match (part(self.given), part(self.family)) {
            (None, None) => names::split(self.name),
            (None, Some(single)) => NameParts { given: Some(single), family: None },
            (given, family) => NameParts { given, family },
        }
    }
}

impl People {
    /// Who is meant of those there are.
    pub(super) fn find(&self, mention: &Mention<'_>) -> Option<usize> {
        if let Some(place) = mention.orcid.and_then(|orcid| self.by_orcid.get(orcid.as_str())) {
            return Some(*place);
        }
        let namesakes = self.by_name.get(&names::identity_key(mention.name)).map_or(&[][..], Vec::as_slice);
        let nameless = namesakes.iter().copied().find(|place| !self.people[*place].has_orcid);
        match (mention.orcid, nameless, namesakes) {
            (_, Some(place), _) => Some(place),
            (None, None, [only]) => Some(*only),
            _ => None,
        }
    }

    /// Who is meant: the place of somebody there is, or of somebody new.
    pub(super) fn resolve(&mut self, mention: &Mention<'_>) -> usize {
        let place = self.find(mention).unwrap_or_else(|| self.add(mention));
        if let Some(orcid) = mention.orcid
            && self.by_orcid.get(orcid.as_str()) != Some(&place)
        {
            let person = &mut self.people[place];
            person.has_orcid = true;
            match &mut person.new {
                Some(new) => new.orcid = Some(orcid.to_string()),
                None => person.adopts = Some(orcid.to_string()),
            }
            self.by_orcid.insert(orcid.to_string(), place);
        }
        place
    }

    fn add(&mut self, mention: &Mention<'_>) -> usize {
        let (place, key) = (self.people.len(), names::identity_key(mention.name));
        let new = NewPerson {
            display_name: names::clean(mention.name),
            parts: mention.parts(),
            name_key: key.clone(),
            orcid: None,
        };
        self.people.push(Person { id: None, has_orcid: false, adopts: None, new: Some(new) });
        self.by_name.entry(key).or_default().push(place);
        place
    }

    /// The id of somebody stored.
    pub(super) fn id(&self, place: usize) -> Option<i64> {
        self.people.get(place)?.id
    }
}

impl Batch<'_> {
    /// Reads the people whom these mentions may mean.
    pub(super) async fn people(&self, mentions: &[Mention<'_>]) -> Result<People, Error> {
        #[derive(FromQueryResult)]
        struct Namesake {
            id: i64,
            name_key: String,
            orcid: Option<String>,
        }
        let mut keys: Vec<String> = mentions.iter().map(|mention| names::identity_key(mention.name)).collect();
        keys.sort_unstable();
        keys.dedup();
        let orcids = mentions.iter().filter_map(|mention| mention.orcid).map(ToString::to_string);
        let sql = Sql::with("SELECT id, name_key, orcid FROM researcher WHERE name_key = ANY(?)", texts(keys.clone()))
            .then_with(" UNION SELECT id, name_key, orcid FROM researcher WHERE orcid = ANY(?)", texts(orcids))
            .then_with(
                " UNION SELECT researcher.id, other.name_key, orcid FROM researcher_name AS other \
                 JOIN researcher ON researcher.id = other.researcher_id \
                 WHERE (other.use <> 'DISPLAY' OR other.source IS NULL) AND other.name_key = ANY(?) ORDER BY id",
                texts(keys),
            );
        let mut people = People::default();
        let mut places: HashMap<i64, usize> = HashMap::new();
        for row in self.rows::<Namesake>(sql).await? {
            let place = *places.entry(row.id).or_insert(people.people.len());
            if place == people.people.len() {
                people.people.push(Person {
                    id: Some(row.id),
                    has_orcid: row.orcid.is_some(),
                    adopts: None,
                    new: None,
                });
            }
            if let Some(orcid) = row.orcid {
                people.by_orcid.insert(orcid, place);
            }
            people.by_name.entry(row.name_key).or_default().push(place);
        }
        Ok(people)
    }

    /// Stores those who are new, and the ORCID iDs that became known.
    pub(super) async fn store_people(&mut self, people: &mut People) -> Result<(), Error> {
        let adopted: Vec<(i64, String)> =
            people.people.iter_mut().filter_map(|person| person.id.zip(person.adopts.take())).collect();
        if !adopted.is_empty() {
            let sql = Sql::with(
                "UPDATE researcher SET orcid = known.orcid, updated_at = now() FROM unnest(?::bigint[], ",
                ids(adopted.iter().map(|(id, _)| *id)),
            )
            .then_with(
                "?::text[]) AS known(id, orcid) WHERE researcher.id = known.id",
                texts(adopted.iter().map(|(_, orcid)| orcid.clone())),
            );
            self.execute(sql).await?;
        }
        let (places, new): (Vec<usize>, Vec<NewPerson>) = people
            .people
            .iter_mut()
            .enumerate()
            .filter_map(|(place, person)| Some((place, person.new.take()?)))
            .unzip();
        let wanted: Vec<String> = new.iter().map(|person| names::slug(&person.display_name, "researcher")).collect();
        let slugs = self.slugs("researcher", &wanted).await?;
        let new_ids = self.new_ids("researcher", new.len()).await?;
        let mut rows = Vec::with_capacity(new.len());
        for (((place, person), slug), id) in places.into_iter().zip(new).zip(slugs).zip(new_ids) {
            people.people[place].id = Some(id);
            rows.push(Row {
                id,
                slug,
                sort_name: names::sort_key(&person.display_name, &person.parts),
                display_name: person.display_name,
                given_name: person.parts.given,
                family_name: person.parts.family,
                name_key: person.name_key,
                orcid: person.orcid,
            });
        }
        self.touched.insert(Kind::Researcher, rows.iter().map(|row| row.id));
        let columns = "id bigint, slug text, display_name text, given_name text, family_name text, sort_name text, \
             name_key text, orcid text";
        let statement = ", people AS (INSERT INTO researcher (id, slug, display_name, given_name, family_name, sort_name, name_key, \
             orcid) SELECT id, slug, display_name, given_name, family_name, sort_name, name_key, orcid FROM rows RETURNING id) \
             INSERT INTO researcher_statistics (researcher_id) SELECT id FROM people";
        self.with_rows(columns, &rows, statement).await
    }
}
