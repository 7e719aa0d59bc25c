//! Who is meant by a name or an ORCID iD, and people who are not there yet.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::reader::search::Kind;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Form, NameParts};

/// A person as a source names them.
#[derive(Clone, Debug)]
pub(crate) struct Mention<'a> {
    pub name: &'a str,
    pub given: Option<&'a str>,
    pub family: Option<&'a str>,
    pub orcid: Option<&'a Orcid>,
}

/// The people that a batch mentions: those there are, and those it makes.
///
/// The same ORCID iD is the same person. Without one, the same name is: somebody of that name without an ORCID iD, or
/// the only one with one. An ORCID iD that nobody has goes to the person of that name who has none. Of that name is also who
/// has it as a name that is not shown, or by somebody's decision. The name and the ORCID iD of somebody whom people merged are
/// the survivor's.
#[derive(Default)]
pub(crate) struct People {
    by_id: HashMap<i64, usize>,
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

/// What a name that is shown brings with it.
#[derive(Serialize)]
struct Shown {
    id: i64,
    display_name: String,
    given_name: Option<String>,
    family_name: Option<String>,
    sort_name: String,
    name_key: String,
    block: String,
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
    block: String,
}

impl<'a> Mention<'a> {
    pub(crate) fn parts(&self) -> NameParts {
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
    pub(crate) fn find(&self, mention: &Mention<'_>) -> Option<usize> {
        if let Some(place) = self.with_orcid(mention) {
            return Some(place);
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
    pub(crate) fn resolve(&mut self, mention: &Mention<'_>) -> usize {
        let owner = self.with_orcid(mention);
        let found = owner.or_else(|| self.find(mention));
        let place = found.unwrap_or_else(|| self.add(mention, names::identity_key(mention.name)));
        if owner.is_none() {
            self.adopt(place, mention);
        }
        place
    }

    /// Who is an author in a place that was there before: whom people decided to be, else who was it under the same name,
    /// unless an ORCID iD says otherwise.
    pub(crate) fn resolve_place(&mut self, mention: &Mention<'_>, decided: Option<i64>, held: Option<i64>) -> usize {
        let known = |people: &Self, id: Option<i64>| people.by_id.get(&id?).copied();
        let orcid = self.with_orcid(mention);
        let held = known(self, held).filter(|place| match (mention.orcid, orcid) {
            (None, _) => true,
            (Some(_), Some(owner)) => owner == *place,
            (Some(_), None) => !self.people[*place].has_orcid,
        });
        let Some(place) = known(self, decided).or(held) else { return self.resolve(mention) };
        if orcid.is_none() && !self.people[place].has_orcid {
            self.adopt(place, mention);
        }
        place
    }

    fn with_orcid(&self, mention: &Mention<'_>) -> Option<usize> {
        self.by_orcid.get(mention.orcid?.as_str()).copied()
    }

    /// Gives somebody the ORCID iD of a mention, which nobody has.
    fn adopt(&mut self, place: usize, mention: &Mention<'_>) {
        if let Some(orcid) = mention.orcid {
            let person = &mut self.people[place];
            person.has_orcid = true;
            match &mut person.new {
                Some(new) => new.orcid = Some(orcid.to_string()),
                None => person.adopts = Some(orcid.to_string()),
            }
            self.by_orcid.insert(orcid.to_string(), place);
        }
    }

    /// Somebody new, whoever is there.
    pub(crate) fn add(&mut self, mention: &Mention<'_>, key: String) -> usize {
        let place = self.people.len();
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
    pub(crate) fn id(&self, place: usize) -> Option<i64> {
        self.people.get(place)?.id
    }
}

impl Batch<'_> {
    /// Shows people by other names.
    pub(crate) async fn show_as(&mut self, names: Vec<(i64, String, NameParts)>) -> Result<(), Error> {
        let row = |(id, display_name, parts): (i64, String, NameParts)| Shown {
            id,
            sort_name: names::sort_key(&display_name, &parts),
            name_key: names::identity_key(&display_name),
            block: Form::new(&display_name).block,
            display_name,
            given_name: parts.given,
            family_name: parts.family,
        };
        let rows: Vec<Shown> = names.into_iter().map(row).collect();
        self.touched.insert(Kind::Researcher, rows.iter().map(|row| row.id));
        let columns = "id bigint, display_name text, given_name text, family_name text, sort_name text, name_key text, block text";
        let update = "UPDATE researcher SET display_name = rows.display_name, given_name = rows.given_name, \
             family_name = rows.family_name, sort_name = rows.sort_name, name_key = rows.name_key, block = rows.block, \
             updated_at = now() FROM rows WHERE researcher.id = rows.id";
        self.with_rows(columns, &rows, update).await
    }

    /// Reads the people whom these mentions may mean, and some more by their ids.
    pub(crate) async fn people(&self, mentions: &[Mention<'_>], more: &[i64]) -> Result<People, Error> {
        #[derive(FromQueryResult)]
        struct Namesake {
            id: i64,
            key: String,
            orcid: Option<String>,
            has_orcid: bool,
        }
        let mut keys: Vec<String> = mentions.iter().map(|mention| names::identity_key(mention.name)).collect();
        keys.sort_unstable();
        keys.dedup();
        let keys = || texts(keys.iter().cloned());
        let orcids = || texts(mentions.iter().filter_map(|mention| mention.orcid).map(ToString::to_string));
        let own = "SELECT id, name_key AS key, orcid, orcid IS NOT NULL AS has_orcid FROM researcher WHERE ";
        let sql = Sql::from(own)
            .then_with("name_key = ANY(?) UNION ", keys())
            .then(own)
            .then_with("orcid = ANY(?) UNION ", orcids())
            .then(own)
            .then_with("id = ANY(?)", ids(more.iter().copied()))
            .then_with(
                " UNION SELECT researcher.id, former.name_key, researcher.orcid, researcher.orcid IS NOT NULL FROM former_identity AS former \
                 JOIN researcher ON researcher.id = former.survivor_id WHERE former.kind = 'researcher' AND former.name_key = ANY(?)",
                keys(),
            )
            .then_with(
                " UNION SELECT researcher.id, other.name_key, researcher.orcid, researcher.orcid IS NOT NULL FROM researcher_name AS other \
                 JOIN researcher ON researcher.id = other.researcher_id \
                 WHERE (other.use <> 'DISPLAY' OR other.source IS NULL) AND other.name_key = ANY(?)",
                keys(),
            )
            .then_with(
                " UNION SELECT researcher.id, researcher.name_key, former.value, researcher.orcid IS NOT NULL FROM external_id AS former \
                 JOIN researcher ON researcher.id = former.researcher_id WHERE former.scheme = 'orcid' AND former.value = ANY(?) \
                 ORDER BY id, key, orcid",
                orcids(),
            );
        let mut people = People::default();
        for row in self.rows::<Namesake>(sql).await? {
            let place = *people.by_id.entry(row.id).or_insert_with(|| {
                people.people.push(Person { id: Some(row.id), has_orcid: row.has_orcid, adopts: None, new: None });
                people.people.len() - 1
            });
            if let Some(orcid) = row.orcid {
                people.by_orcid.insert(orcid, place);
            }
            let namesakes = people.by_name.entry(row.key).or_default();
            if !namesakes.contains(&place) {
                namesakes.push(place);
            }
        }
        Ok(people)
    }

    /// Stores somebody who is nobody there is.
    pub(crate) async fn new_person(&mut self, name: &str, orcid: Option<&Orcid>) -> Result<i64, Error> {
        let mut people = People::default();
        let place = people.resolve(&Mention { name, given: None, family: None, orcid });
        self.store_people(&mut people).await?;
        people.id(place).ok_or_else(|| Error::internal("a person without an id"))
    }

    /// Stores those who are new, and the ORCID iDs that became known.
    pub(crate) async fn store_people(&mut self, people: &mut People) -> Result<(), Error> {
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
                block: names::Form::new(&person.display_name).block,
                display_name: person.display_name,
                given_name: person.parts.given,
                family_name: person.parts.family,
                name_key: person.name_key,
                orcid: person.orcid,
            });
        }
        self.touched.insert(Kind::Researcher, rows.iter().map(|row| row.id));
        let columns = "id bigint, slug text, display_name text, given_name text, family_name text, sort_name text, \
             name_key text, orcid text, block text";
        let statement = ", people AS (INSERT INTO researcher (id, slug, display_name, given_name, family_name, sort_name, name_key, \
             orcid, block) SELECT id, slug, display_name, given_name, family_name, sort_name, name_key, orcid, block FROM rows RETURNING id) \
             INSERT INTO researcher_statistics (researcher_id) SELECT id FROM people";
        self.with_rows(columns, &rows, statement).await
    }
}
