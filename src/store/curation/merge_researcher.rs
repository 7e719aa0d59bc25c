//! One researcher gets all that others have: papers, affiliations, topics, identifiers, records, texts.

use std::collections::HashSet;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::reassign_authorships::{Absorption, Relocation};
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Likeness};

/// Somebody who takes over, or is taken over.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct Party {
    pub id: i64,
    pub slug: String,
    pub display_name: String,
    pub name_key: String,
    /// The other names that sources tell, shown or not.
    pub told_names: Vec<String>,
    pub orcid: Option<String>,
}

impl Party {
    /// The person as a sentence names them.
    pub(super) fn named(&self) -> String {
        format!("{} ({})", self.display_name, self.slug)
    }
}

/// Whether a name may be shown beside another as one more form of it; not so the name of somebody who is called otherwise now.
pub(super) fn is_form_of(name: &str, shown: &str) -> bool {
    names::compare(name, shown).likeness >= Likeness::Compatible
}

/// The other names of a person who was several: each once, and none that is the shown name itself.
fn told_names(survivor: &Party, former: &[Party]) -> Vec<String> {
    let mut seen = HashSet::from([names::identity_key(&survivor.display_name)]);
    seen.extend(survivor.told_names.iter().map(|name| names::identity_key(name)));
    let theirs = former.iter().flat_map(|party| {
        let own = Some(&party.display_name).filter(|name| is_form_of(name, &survivor.display_name));
        own.into_iter().chain(&party.told_names)
    });
    let added: Vec<String> = theirs.filter(|name| seen.insert(names::identity_key(name))).cloned().collect();
    survivor.told_names.iter().cloned().chain(added).collect()
}

impl Batch<'_> {
    /// People by their ids, in the order of these.
    pub(super) async fn parties(&self, people: &[i64]) -> Result<Vec<Party>, Error> {
        let sql = "SELECT id, slug, display_name, name_key, told_names, orcid FROM researcher WHERE id = ANY(?)";
        let mut found = self.rows::<Party>(Sql::with(sql, ids(people.iter().copied()))).await?;
        found.sort_by_key(|party| people.iter().position(|id| *id == party.id));
        Ok(found)
    }

    /// Gives a researcher all that others have, whose ids and slugs lead there from now on. With `keeps_names` whoever is
    /// called as they were is the researcher, too.
    pub(super) async fn take_over(
        &mut self,
        survivor: &Party,
        former: &[Party],
        keeps_names: bool,
    ) -> Result<(), Error> {
        let people: Vec<i64> = former.iter().map(|party| party.id).collect();
        self.take_orcids(survivor, former).await?;
        self.take_profiles(survivor, former).await?;
        for party in former {
            self.take_names(survivor.id, party.id).await?;
        }
        for (table, more) in [("external_id", ""), ("source_record", ", is_of_former = true")] {
            let sql = format!("UPDATE {table} SET researcher_id = ?{more} WHERE ");
            let sql = Sql::with(&sql, survivor.id).then_with("researcher_id = ANY(?)", ids(people.iter().copied()));
            self.execute(sql).await?;
        }
        for person in &people {
            self.take_affiliations(survivor.id, *person).await?;
            self.take_topics(survivor.id, *person).await?;
        }
        let moves: Vec<Relocation> = self
            .authorships_of(&people)
            .await?
            .into_iter()
            .map(|authorship| Relocation {
                authorship_id: authorship.id,
                paper_id: authorship.paper_id,
                former_id: Some(authorship.researcher_id),
                researcher_id: survivor.id,
            })
            .collect();
        self.move_places(&moves).await?;
        let absorbed = former.iter().map(|party| Absorption {
            former_id: party.id,
            survivor_id: survivor.id,
            name_key: keeps_names.then(|| party.name_key.clone()),
        });
        self.absorb(&absorbed.collect::<Vec<_>>()).await?;
        self.settle_names(survivor.id, None).await?;
        self.touch_people([survivor.id]);
        Ok(())
    }

    /// The survivor has one ORCID iD; the others become identifiers, by which the survivor is found all the same.
    async fn take_orcids(&self, survivor: &Party, former: &[Party]) -> Result<(), Error> {
        let people = former.iter().map(|party| party.id);
        let without = "UPDATE researcher SET orcid = NULL WHERE orcid IS NOT NULL AND id = ANY(?)";
        self.execute(Sql::with(without, ids(people))).await?;
        let mut orcids = former.iter().filter_map(|party| party.orcid.clone());
        if survivor.orcid.is_none()
            && let Some(orcid) = orcids.next()
        {
            let sql = Sql::with("UPDATE researcher SET orcid = ? WHERE ", orcid).then_with("id = ?", survivor.id);
            self.execute(sql).await?;
        }
        let others = Sql::with(
            "INSERT INTO external_id (scheme, value, researcher_id) SELECT 'orcid', former.orcid, ?::bigint ",
            survivor.id,
        )
        .then_with("FROM unnest(?::text[]) AS former(orcid) ON CONFLICT DO NOTHING", texts(orcids));
        self.execute(others).await
    }

    /// Names are joined, texts and addresses fill what is missing.
    async fn take_profiles(&self, survivor: &Party, former: &[Party]) -> Result<(), Error> {
        for party in former {
            let sql = Sql::with(
                "UPDATE researcher AS kept SET headline = former.headline || kept.headline, \
                 biography = former.biography || kept.biography, \
                 portrait_url = coalesce(kept.portrait_url, former.portrait_url), \
                 homepage_url = coalesce(kept.homepage_url, former.homepage_url) \
                 FROM researcher AS former WHERE former.id = ?",
                party.id,
            );
            self.execute(sql.then_with(" AND kept.id = ?", survivor.id)).await?;
        }
        let sql = Sql::with(
            "UPDATE researcher SET updated_at = now(), told_names = ? WHERE ",
            texts(told_names(survivor, former)),
        );
        self.execute(sql.then_with("id = ?", survivor.id)).await
    }

    /// What somebody decided on the other's names holds for the survivor as far as nothing was decided there, and what the other
    /// hides is hidden: also where it is the name that the survivor is shown by.
    async fn take_names(&self, survivor: i64, former: i64) -> Result<(), Error> {
        let (kept, given) = (self.naming(survivor).await?, self.naming(former).await?);
        let forms: Vec<String> = given.shown()?.forms.into_iter().collect();
        let is_hidden = !forms.is_empty() && names::shows_hidden(&kept.display_name, &forms);
        if !kept.is_decided && (given.is_decided || is_hidden) {
            let sql = Sql::with(
                "UPDATE researcher AS kept SET display_name = given.display_name, given_name = given.given_name, \
                 family_name = given.family_name, sort_name = given.sort_name, name_key = given.name_key, block = given.block, \
                 told_names = array_remove(kept.told_names || ?, given.display_name) FROM researcher AS given WHERE ",
                texts(Some(kept.display_name).filter(|name| is_form_of(name, &given.display_name))),
            )
            .then_with("given.id = ?", former);
            self.execute(sql.then_with(" AND kept.id = ?", survivor)).await?;
        }
        let sql = Sql::with(
            "UPDATE researcher AS kept SET withholds_published_name = kept.withholds_published_name OR given.withholds_published_name \
             FROM researcher AS given WHERE given.id = ?",
            former,
        );
        self.execute(sql.then_with(" AND kept.id = ?", survivor)).await?;
        let sql = Sql::with(
            "INSERT INTO name_decision AS kept (researcher_id, display_name, given_name, family_name, withholds_published_name, decided_at) \
             SELECT ?::bigint, display_name, given_name, family_name, withholds_published_name, decided_at FROM name_decision ",
            survivor,
        )
        .then_with(
            "WHERE researcher_id = ? ON CONFLICT (researcher_id) DO UPDATE SET \
             given_name = CASE WHEN kept.display_name IS NULL THEN EXCLUDED.given_name ELSE kept.given_name END, \
             family_name = CASE WHEN kept.display_name IS NULL THEN EXCLUDED.family_name ELSE kept.family_name END, \
             display_name = coalesce(kept.display_name, EXCLUDED.display_name), \
             withholds_published_name = coalesce(kept.withholds_published_name OR EXCLUDED.withholds_published_name, \
             kept.withholds_published_name, EXCLUDED.withholds_published_name)",
            former,
        );
        self.execute(sql).await?;
        let sql = Sql::with("UPDATE researcher_name SET researcher_id = ? WHERE ", survivor);
        self.execute(sql.then_with("researcher_id = ?", former)).await
    }

    /// Affiliations that are the same, as an import would see it, become one.
    async fn take_affiliations(&self, survivor: i64, former: i64) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Pair {
            id: i64,
            same: Option<i64>,
        }
        let moving = "SELECT id, NULL::bigint AS same FROM affiliation WHERE researcher_id = ? ORDER BY id";
        for Pair { id, .. } in self.rows::<Pair>(Sql::with(moving, former)).await? {
            // A title that tells all of the other's is the first choice: nothing has to be added to it.
            let same = Sql::with(
                "SELECT moving.id, held.id AS same FROM affiliation AS moving LEFT JOIN LATERAL (SELECT other.id \
                 FROM affiliation AS other WHERE other.researcher_id = ?",
                survivor,
            )
            .then_with(
                " AND other.organization_id = moving.organization_id AND other.kind = moving.kind \
                 AND other.start_date IS NOT DISTINCT FROM moving.start_date AND NOT EXISTS (SELECT FROM \
                 jsonb_each_text(other.role_title) AS title WHERE jsonb_exists(moving.role_title, title.key) \
                 AND moving.role_title ->> title.key <> title.value) \
                 ORDER BY other.role_title = moving.role_title DESC, other.role_title @> moving.role_title DESC, other.id LIMIT 1) \
                 AS held ON true WHERE moving.id = ?",
                id,
            );
            let same = self.rows::<Pair>(same).await?.pop().and_then(|pair| pair.same);
            let statement = match same {
                Some(same) => Sql::with(
                    "WITH gone AS (DELETE FROM affiliation WHERE id = ? RETURNING *) UPDATE affiliation AS held SET \
                     role_title = gone.role_title || held.role_title, \
                     department_name = gone.department_name || held.department_name, \
                     end_date = coalesce(held.end_date, gone.end_date), \
                     is_primary = held.is_primary OR gone.is_primary AND NOT EXISTS (SELECT FROM affiliation AS other \
                     WHERE other.researcher_id = held.researcher_id AND other.is_primary), updated_at = now() \
                     FROM gone WHERE ",
                    id,
                )
                .then_with("held.id = ?", same),
                None => Sql::with("UPDATE affiliation SET researcher_id = ?, updated_at = now(), ", survivor)
                    .then_with(
                        "is_primary = is_primary AND NOT EXISTS (SELECT FROM affiliation AS other WHERE other.is_primary \
                         AND other.researcher_id = ?)",
                        survivor,
                    )
                    .then_with(" WHERE id = ?", id),
            };
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Declared topics come behind those that are there.
    async fn take_topics(&self, survivor: i64, former: i64) -> Result<(), Error> {
        let insert = Sql::with(
            "INSERT INTO researcher_topic (researcher_id, topic_id, position) \
             SELECT person.id, moving.topic_id, person.last + row_number() OVER (ORDER BY moving.position, moving.topic_id) \
             FROM (SELECT ?::bigint AS id, ",
            survivor,
        )
        .then_with(
            "(SELECT coalesce(max(position), 0) FROM researcher_topic WHERE researcher_id = ?) AS last) AS person, ",
            survivor,
        )
        .then_with("researcher_topic AS moving WHERE moving.researcher_id = ? ON CONFLICT DO NOTHING", former);
        self.execute(insert).await?;
        self.execute(Sql::with("DELETE FROM researcher_topic WHERE researcher_id = ?", former)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str, others: &[&str]) -> Party {
        Party {
            id: 0,
            slug: String::new(),
            display_name: name.to_owned(),
            name_key: names::identity_key(name),
            told_names: others.iter().map(|name| (*name).to_owned()).collect(),
            orcid: None,
        }
    }

    #[test]
    fn names_of_one_who_was_several() {
        let survivor = party("Ida Brook", &["I. M. Brook"]);
        let former =
            [party("I. Brook", &["ida brook", "Ida-Marie Brook"]), party("I. Brook", &[]), party("Ida Ford", &[])];
        // Ida Ford is the name of somebody who is called Ida Brook now: it is not told.
        assert_eq!(told_names(&survivor, &former), ["I. M. Brook", "I. Brook", "Ida-Marie Brook"]);
    }
}
