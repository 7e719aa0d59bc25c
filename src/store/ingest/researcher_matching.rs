//! Matching of authors to researchers by name and ORCID iD, and creation of new researchers.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::entity::researcher;
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::identifier::Orcid;
use crate::store::access::sql_fragment::{Sql, bigint_array, sql, text_array};
use crate::store::ingest::slug::{allocate_slugs, slug_of_text};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
use crate::text::names::{self, NameForm, NameParts};

/// An author as a source names them.
#[derive(Clone, Debug)]
pub(crate) struct NamedAuthor<'a> {
    pub name: &'a str,
    pub given: Option<&'a str>,
    pub family: Option<&'a str>,
    pub orcid: Option<&'a Orcid>,
}

/// The existing researchers that the authors of a batch may match, and new ones.
///
/// The same ORCID iD is the same researcher. Without one, an author matches a researcher of the same name who has no
/// ORCID iD, or the only one of that name. A new ORCID iD goes to the researcher of that name without one. Hidden
/// names, decided names, and names and ORCID iDs of merged researchers match as well.
#[derive(Default)]
pub(crate) struct ResearcherIndex {
    by_id: HashMap<i64, usize>,
    by_orcid: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
    entries: Vec<IndexedResearcher>,
}

struct IndexedResearcher {
    /// None until the researcher is stored.
    id: Option<i64>,
    display_name: String,
    has_orcid: bool,
    assigned_orcid: Option<String>,
    new: Option<NewResearcher>,
}

struct NewResearcher {
    display_name: String,
    parts: NameParts,
    name_key: String,
    orcid: Option<String>,
}

json_row! {
    /// A display name with the columns derived from it.
    struct DisplayNameRow {
        id: i64,
        display_name: String,
        given_name: Option<String>,
        family_name: Option<String>,
        sort_name: String,
        name_key: String,
        block: String,
    }
}

json_row! {
    struct NewResearcherRow {
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
}

impl<'a> NamedAuthor<'a> {
    /// Given and family name, as provided or parsed from the name.
    pub(crate) fn name_parts(&self) -> NameParts {
        let part = |text: Option<&str>| text.map(names::clean).filter(|text| !text.is_empty());
        match (part(self.given), part(self.family)) {
            (None, None) => names::split_name(self.name),
            (None, Some(single)) => NameParts { given: Some(single), family: None },
            (given, family) => NameParts { given, family },
        }
    }
}

impl ResearcherIndex {
    /// The index of the matching researcher.
    pub(crate) fn find(&self, author: &NamedAuthor<'_>) -> Option<usize> {
        if let Some(index) = self.find_by_orcid(author) {
            return Some(index);
        }
        let namesakes = self.by_name.get(&names::name_key(author.name)).map_or(&[][..], Vec::as_slice);
        let without_orcid = namesakes.iter().copied().find(|index| !self.entries[*index].has_orcid);
        match (author.orcid, without_orcid, namesakes) {
            (_, Some(index), _) => Some(index),
            (None, None, [only]) => Some(*only),
            _ => None,
        }
    }

    /// The index of the matching researcher, or of a new one.
    pub(crate) fn find_or_create(&mut self, author: &NamedAuthor<'_>) -> usize {
        let orcid_holder = self.find_by_orcid(author);
        let found = orcid_holder.or_else(|| self.find(author));
        let index = found.unwrap_or_else(|| self.add_new(author, names::name_key(author.name)));
        if orcid_holder.is_none() {
            self.assign_orcid(index, author);
        }
        index
    }

    /// The index of the researcher of a matched authorship: the pinned one, else the one who had it under the same
    /// name, unless the ORCID iD contradicts. An ORCID iD of somebody with an unlike name does not: disambiguation has
    /// decided whose the authorship is.
    pub(crate) fn find_or_create_for_slot(
        &mut self,
        author: &NamedAuthor<'_>,
        decided: Option<i64>,
        previous: Option<i64>,
    ) -> usize {
        let index_of = |researchers: &Self, id: Option<i64>| researchers.by_id.get(&id?).copied();
        let orcid = self.find_by_orcid(author);
        let previous = index_of(self, previous).filter(|index| match (author.orcid, orcid) {
            (None, _) => true,
            (Some(_), Some(orcid_holder)) => {
                orcid_holder == *index || names::are_unlike(&self.entries[orcid_holder].display_name, author.name)
            }
            (Some(_), None) => !self.entries[*index].has_orcid,
        });
        let Some(index) = index_of(self, decided).or(previous) else { return self.find_or_create(author) };
        if orcid.is_none() && !self.entries[index].has_orcid {
            self.assign_orcid(index, author);
        }
        index
    }

    /// The stored researcher with the author's ORCID iD whose displayed name is unlike all of these.
    pub(crate) fn find_unlike_orcid_holder(&self, orcid: &Orcid, names: &[&str]) -> Option<i64> {
        let holder = &self.entries[*self.by_orcid.get(orcid.as_str())?];
        let is_unlike = names.iter().all(|name| names::are_unlike(&holder.display_name, name));
        holder.id.filter(|_| is_unlike)
    }

    /// Takes an ORCID iD from its holder, who lost it in the database.
    pub(crate) fn release_orcid(&mut self, orcid: &Orcid) {
        if let Some(holder) = self.by_orcid.remove(orcid.as_str()) {
            self.entries[holder].has_orcid = false;
        }
    }

    fn find_by_orcid(&self, author: &NamedAuthor<'_>) -> Option<usize> {
        self.by_orcid.get(author.orcid?.as_str()).copied()
    }

    /// Assigns the author's ORCID iD, which no researcher has yet.
    fn assign_orcid(&mut self, index: usize, author: &NamedAuthor<'_>) {
        if let Some(orcid) = author.orcid {
            let researcher = &mut self.entries[index];
            researcher.has_orcid = true;
            match &mut researcher.new {
                Some(new) => new.orcid = Some(orcid.to_string()),
                None => researcher.assigned_orcid = Some(orcid.to_string()),
            }
            self.by_orcid.insert(orcid.to_string(), index);
        }
    }

    /// Adds a new researcher, regardless of existing ones.
    pub(crate) fn add_new(&mut self, author: &NamedAuthor<'_>, key: String) -> usize {
        let index = self.entries.len();
        let new = NewResearcher {
            display_name: names::clean(author.name),
            parts: author.name_parts(),
            name_key: key.clone(),
            orcid: None,
        };
        self.entries.push(IndexedResearcher {
            id: None,
            display_name: new.display_name.clone(),
            has_orcid: false,
            assigned_orcid: None,
            new: Some(new),
        });
        self.by_name.entry(key).or_default().push(index);
        index
    }

    /// The id of a stored researcher.
    pub(crate) fn id_of(&self, index: usize) -> Option<i64> {
        self.entries.get(index)?.id
    }
}

/// Changes the display names of researchers.
pub(crate) async fn update_display_names(
    uow: &mut UnitOfWork<'_>,
    names: Vec<(i64, String, NameParts)>,
) -> Result<(), Error> {
    let row = |(id, display_name, parts): (i64, String, NameParts)| DisplayNameRow {
        id,
        sort_name: names::sort_key(&display_name, &parts),
        name_key: names::name_key(&display_name),
        block: NameForm::new(&display_name).blocking_key,
        display_name,
        given_name: parts.given,
        family_name: parts.family,
    };
    let rows: Vec<DisplayNameRow> = names.into_iter().map(row).collect();
    uow.mark_dirty(EntityType::Researcher, rows.iter().map(|row| row.id));
    let update = "UPDATE researcher SET display_name = rows.display_name, given_name = rows.given_name, \
         family_name = rows.family_name, sort_name = rows.sort_name, name_key = rows.name_key, block = rows.block, \
         updated_at = statement_timestamp() FROM rows WHERE researcher.id = rows.id";
    uow.execute_with_rows(&rows, update).await
}

/// Loads the researchers that these authors may match, and those with these ids.
pub(crate) async fn load_researcher_index(
    uow: &UnitOfWork<'_>,
    authors: &[NamedAuthor<'_>],
    more: &[i64],
) -> Result<ResearcherIndex, Error> {
    #[derive(FromQueryResult)]
    struct MatchRow {
        id: i64,
        key: String,
        orcid: Option<String>,
        has_orcid: bool,
        display_name: String,
    }
    let mut keys: Vec<String> = authors.iter().map(|author| names::name_key(author.name)).collect();
    keys.sort_unstable();
    keys.dedup();
    let keys = || text_array(keys.iter().cloned());
    let orcids = || text_array(authors.iter().filter_map(|author| author.orcid).map(ToString::to_string));
    let own = "SELECT id, name_key AS key, orcid, orcid IS NOT NULL AS has_orcid, display_name FROM researcher WHERE ";
    let sql = Sql::from(own)
        .then(sql!("name_key = ANY(?) UNION ", keys()))
        .then(own)
        .then(sql!("orcid = ANY(?) UNION ", orcids()))
        .then(own)
        .then(sql!(
            "id = ANY(?) UNION SELECT researcher.id, former.name_key, researcher.orcid, researcher.orcid IS NOT NULL, \
             display_name FROM former_identity AS former JOIN researcher ON researcher.id = former.survivor_id \
             WHERE former.kind = 'researcher' AND former.name_key = ANY(?) \
             UNION SELECT researcher.id, other.name_key, researcher.orcid, researcher.orcid IS NOT NULL, display_name \
             FROM researcher_name AS other JOIN researcher ON researcher.id = other.researcher_id \
             WHERE (other.use <> 'DISPLAY' OR other.source IS NULL) AND other.name_key = ANY(?) \
             UNION SELECT researcher.id, researcher.name_key, former.value, researcher.orcid IS NOT NULL, \
             display_name FROM external_id AS former JOIN researcher ON researcher.id = former.researcher_id \
             WHERE former.scheme = 'orcid' AND former.value = ANY(?) ORDER BY id, key, orcid",
            bigint_array(more.iter().copied()),
            keys(),
            keys(),
            orcids(),
        ));
    let mut researchers = ResearcherIndex::default();
    for row in uow.rows::<MatchRow>(sql).await? {
        let index = *researchers.by_id.entry(row.id).or_insert_with(|| {
            researchers.entries.push(IndexedResearcher {
                id: Some(row.id),
                display_name: row.display_name,
                has_orcid: row.has_orcid,
                assigned_orcid: None,
                new: None,
            });
            researchers.entries.len() - 1
        });
        if let Some(orcid) = row.orcid {
            researchers.by_orcid.insert(orcid, index);
        }
        let namesakes = researchers.by_name.entry(row.key).or_default();
        if !namesakes.contains(&index) {
            namesakes.push(index);
        }
    }
    Ok(researchers)
}

/// Removes the ORCID iDs of researchers, since each may be of one researcher only.
pub(crate) async fn clear_orcids(
    uow: &UnitOfWork<'_>,
    researchers: impl IntoIterator<Item = i64>,
) -> Result<(), Error> {
    let researchers: Vec<i64> = researchers.into_iter().collect();
    if researchers.is_empty() {
        return Ok(());
    }
    researcher::Entity::update_many()
        .set(researcher::ActiveModel { orcid: Set(None), ..Default::default() })
        .filter(researcher::COLUMN.orcid.is_not_null())
        .filter(researcher::COLUMN.id.eq_any(researchers))
        .exec(uow.db())
        .await?;
    Ok(())
}

/// Creates a researcher.
pub(crate) async fn create_researcher(
    uow: &mut UnitOfWork<'_>,
    name: &str,
    orcid: Option<&Orcid>,
) -> Result<i64, Error> {
    let mut researchers = ResearcherIndex::default();
    let index = researchers.find_or_create(&NamedAuthor { name, given: None, family: None, orcid });
    store_researchers(uow, &mut researchers).await?;
    researchers.id_of(index).ok_or_else(|| Error::internal("a researcher without an id"))
}

/// Stores new researchers and newly assigned ORCID iDs.
pub(crate) async fn store_researchers(
    uow: &mut UnitOfWork<'_>,
    researchers: &mut ResearcherIndex,
) -> Result<(), Error> {
    let adopted: Vec<(i64, String)> = researchers
        .entries
        .iter_mut()
        .filter_map(|researcher| researcher.id.zip(researcher.assigned_orcid.take()))
        .collect();
    if !adopted.is_empty() {
        let sql = sql!(
            "UPDATE researcher SET orcid = known.orcid, updated_at = statement_timestamp() \
             FROM unnest(?::bigint[], ?::text[]) AS known(id, orcid) WHERE researcher.id = known.id",
            bigint_array(adopted.iter().map(|(id, _)| *id)),
            text_array(adopted.iter().map(|(_, orcid)| orcid.clone())),
        );
        uow.execute(sql).await?;
    }
    let (indexes, new): (Vec<usize>, Vec<NewResearcher>) = researchers
        .entries
        .iter_mut()
        .enumerate()
        .filter_map(|(index, researcher)| Some((index, researcher.new.take()?)))
        .unzip();
    let wanted: Vec<String> =
        new.iter().map(|researcher| slug_of_text(&researcher.display_name, EntityType::Researcher)).collect();
    let slugs = allocate_slugs(uow, EntityType::Researcher, &wanted).await?;
    let new_ids = uow.allocate_ids(EntityType::Researcher.table(), new.len()).await?;
    let mut rows = Vec::with_capacity(new.len());
    for (((index, researcher), slug), id) in indexes.into_iter().zip(new).zip(slugs).zip(new_ids) {
        researchers.entries[index].id = Some(id);
        rows.push(NewResearcherRow {
            id,
            slug,
            sort_name: names::sort_key(&researcher.display_name, &researcher.parts),
            block: names::NameForm::new(&researcher.display_name).blocking_key,
            display_name: researcher.display_name,
            given_name: researcher.parts.given,
            family_name: researcher.parts.family,
            name_key: researcher.name_key,
            orcid: researcher.orcid,
        });
    }
    uow.mark_dirty(EntityType::Researcher, rows.iter().map(|row| row.id));
    let statement = ", people AS (INSERT INTO researcher (id, slug, display_name, given_name, family_name, sort_name, name_key, \
             orcid, block) SELECT id, slug, display_name, given_name, family_name, sort_name, name_key, orcid, block FROM rows RETURNING id) \
             INSERT INTO researcher_statistics (researcher_id) SELECT id FROM people";
    uow.execute_with_rows(&rows, statement).await
}
