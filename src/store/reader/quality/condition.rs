//! What counts as an issue, and what belongs to a source or an organization, in SQL.

use crate::entity::organization;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::reader::lookup::survivors;
use crate::store::reader::organization::or_below;
use crate::store::reader::quality::{Counted, Division, Issue, Scope, Subject};

/// Schemes that name papers to everybody, even where a source is called like them.
const PUBLIC_SCHEMES: &str = "ARRAY['openalex', 'pmid', 'pmcid', 'pubmed', 'isbn', 'handle', 'dblp', 'mag']";

/// The table of a kind of things, and the column with their ids.
fn table(subject: Subject) -> (&'static str, &'static str) {
    match subject {
        Subject::Paper => ("paper", "paper.id"),
        Subject::Authorship => ("authorship", "authorship.id"),
        // Each person has a row there, and it is a fraction of the size.
        Subject::Researcher => ("researcher_statistics AS person", "person.researcher_id"),
    }
}

/// The ids of what is counted within a scope, the one of this number, from beyond an id on where one is given.
pub(super) fn selected(scope: &Scope, number: usize, counted: Counted, after: Option<i64>) -> Sql {
    let (table, id) = table(counted.subject());
    let issue = match counted {
        Counted::All(_) => None,
        Counted::Issue(issue) => Some(Sql::from(holds(issue))),
    };
    let beyond = after.map(|after| Sql::with(&format!("{id} > ?"), after));
    let conditions = issue.into_iter().chain([within(scope, number, counted.subject())]).chain(beyond);
    Sql::from(format!("SELECT {id} AS id FROM {table} WHERE ")).then(Sql::all(conditions))
}

/// What is the case where something is wrong. The indexes of the migration `quality` have the same words.
fn holds(issue: Issue) -> String {
    match issue {
        Issue::PaperWithoutYear => "paper.publication_date IS NULL".to_owned(),
        Issue::PaperWithoutAbstract => "paper.abstract_completeness = 'ABSENT'".to_owned(),
        Issue::PaperWithTruncatedAbstract => "paper.abstract_completeness = 'TRUNCATED'".to_owned(),
        Issue::PaperWithoutAuthors => "paper.author_count = 0".to_owned(),
        // A source's own key is stored under the source's name.
        Issue::PaperWithoutIdentifier => format!(
            "paper.doi IS NULL AND paper.shared_doi IS NULL AND paper.arxiv_id IS NULL AND NOT EXISTS (\
             SELECT FROM external_id WHERE external_id.paper_id = paper.id AND (external_id.scheme = ANY({PUBLIC_SCHEMES}) \
             OR NOT EXISTS (SELECT FROM source_record WHERE source_record.source = external_id.scheme)))"
        ),
        Issue::NameRepaired => "authorship.repair_value IS NOT NULL AND authorship.is_repair_applied".to_owned(),
        Issue::NameRepairSuggested => {
            "authorship.repair_value IS NOT NULL AND NOT authorship.is_repair_applied".to_owned()
        }
        Issue::AuthorUnresolved => "authorship.researcher_id IS NULL".to_owned(),
        Issue::ResearcherByNameAlone => "person.paper_count > 1 AND person.researcher_id IN (\
             SELECT place.researcher_id FROM authorship_resolution AS resolution \
             JOIN authorship AS place ON place.id = resolution.authorship_id \
             WHERE resolution.method = 'NAME' AND resolution.confidence < 0.8)"
            .to_owned(),
        Issue::ResearcherActiveTooLong => {
            "person.first_year > 0 AND person.last_year - person.first_year > 60".to_owned()
        }
        // Of an ORCID iD that led to the person by a merge somebody has decided.
        Issue::ResearcherWithSeveralOrcids => "person.researcher_id IN (\
             SELECT place.researcher_id FROM authorship AS place JOIN researcher ON researcher.id = place.researcher_id \
             WHERE place.orcid IS NOT NULL AND NOT EXISTS (SELECT FROM external_id \
             WHERE external_id.researcher_id = place.researcher_id AND external_id.scheme = 'orcid' \
             AND external_id.value = place.orcid) GROUP BY place.researcher_id, researcher.orcid \
             HAVING min(place.orcid) <> max(place.orcid) OR min(place.orcid) <> researcher.orcid)"
            .to_owned(),
        // Years alone overlap by one where somebody moves.
        Issue::ResearcherEmployedInTwoCountries => "person.researcher_id IN (\
             SELECT one.researcher_id FROM affiliation AS one \
             JOIN affiliation AS other ON other.researcher_id = one.researcher_id AND other.id > one.id \
             JOIN organization AS here ON here.id = one.organization_id \
             JOIN organization AS there ON there.id = other.organization_id \
             WHERE one.kind = 'EMPLOYMENT' AND other.kind = 'EMPLOYMENT' \
             AND one.start_date IS NOT NULL AND other.start_date IS NOT NULL AND here.country_code <> there.country_code \
             AND greatest(one.starts_on, other.starts_on) + 366 < least(one.ends_on, other.ends_on))"
            .to_owned(),
        Issue::ResearcherWithoutPapersAndAffiliations => "person.paper_count = 0 AND NOT EXISTS (\
             SELECT FROM affiliation WHERE affiliation.researcher_id = person.researcher_id)"
            .to_owned(),
    }
}

/// What belongs to each scope of a statement, as the tables that its conditions name: read once for all of them, and not at all
/// where no condition names it.
pub(super) fn belonging<'a>(scopes: impl IntoIterator<Item = &'a Scope>) -> Sql {
    let tables = scopes.into_iter().enumerate().flat_map(|(number, scope)| {
        let sources = scope.sources.as_ref().map(|names| of_sources(number, names));
        let organizations = scope.organization_ids.as_ref().map(|numbers| {
            let there = or_below(survivors::<organization::Model>(numbers), scope.include_descendants);
            at_organizations(number, there)
        });
        sources.into_iter().chain(organizations)
    });
    let all = tables.reduce(|all, table| all.then(", ").then(table));
    all.map_or_else(Sql::default, |all| Sql::from("WITH ").then(all).then(" "))
}

/// Papers of which a source has a record, and people of whom it has a record or a paper.
fn of_sources(number: usize, names: &[String]) -> Sql {
    let names = || texts(names.iter().cloned());
    Sql::from(format!("source_papers_{number}(id) AS (SELECT DISTINCT record.paper_id FROM source_record AS record "))
        .then_with("WHERE record.paper_id IS NOT NULL AND record.source = ANY(?)), ", names())
        .then(format!("source_people_{number}(id) AS (SELECT record.researcher_id FROM source_record AS record "))
        .then_with("WHERE record.researcher_id IS NOT NULL AND record.source = ANY(?) ", names())
        .then(format!(
            "UNION SELECT written.researcher_id FROM source_papers_{number} AS paper \
             JOIN authorship AS written ON written.paper_id = paper.id WHERE written.researcher_id IS NOT NULL)"
        ))
}

/// Authors who were there, with their papers, and people who are or were there, by their own record or a paper.
fn at_organizations(number: usize, there: Sql) -> Sql {
    let is_there = |column: &str| format!("{column} = ANY(ARRAY(SELECT below.id FROM there_{number} AS below))");
    Sql::from(format!("there_{number}(id) AS ("))
        .then(there)
        .then(format!(
            "), there_authors_{number}(id, paper_id, researcher_id) AS (\
             SELECT written.id, written.paper_id, written.researcher_id FROM authorship_organization AS place \
             JOIN authorship AS written ON written.id = place.authorship_id WHERE {}), ",
            is_there("place.organization_id")
        ))
        .then(format!(
            "there_people_{number}(id) AS (SELECT affiliation.researcher_id FROM affiliation WHERE {} \
             UNION SELECT researcher_id FROM there_authors_{number} WHERE researcher_id IS NOT NULL)",
            is_there("affiliation.organization_id")
        ))
}

/// Whether something of a kind belongs to a scope, the one of this number in [`belonging`].
pub(super) fn within(scope: &Scope, number: usize, subject: Subject) -> Sql {
    let sources = scope.sources.as_ref().map(|_| match subject {
        Subject::Paper => format!("paper.id IN (SELECT id FROM source_papers_{number})"),
        Subject::Authorship => format!("authorship.paper_id IN (SELECT id FROM source_papers_{number})"),
        Subject::Researcher => format!("person.researcher_id IN (SELECT id FROM source_people_{number})"),
    });
    let organizations = scope.organization_ids.as_ref().map(|_| match subject {
        Subject::Paper => format!("paper.id IN (SELECT paper_id FROM there_authors_{number})"),
        Subject::Authorship => format!("authorship.id IN (SELECT id FROM there_authors_{number})"),
        Subject::Researcher => format!("person.researcher_id IN (SELECT id FROM there_people_{number})"),
    });
    Sql::all(sources.into_iter().chain(organizations).map(Sql::from))
}

/// What was `found`, each once with each of its sources or organizations as `part`.
pub(super) fn parts(subject: Subject, by: Division) -> &'static str {
    match (subject, by) {
        (Subject::Paper, Division::Sources) => {
            "SELECT DISTINCT found.id, record.source AS part FROM found \
             JOIN source_record AS record ON record.paper_id = found.id"
        }
        (Subject::Authorship, Division::Sources) => {
            "SELECT DISTINCT found.id, record.source AS part FROM found JOIN authorship AS written ON written.id = found.id \
             JOIN source_record AS record ON record.paper_id = written.paper_id"
        }
        (Subject::Researcher, Division::Sources) => {
            "SELECT found.id, record.source AS part FROM found JOIN source_record AS record ON record.researcher_id = found.id \
             UNION SELECT found.id, record.source FROM found JOIN authorship AS written ON written.researcher_id = found.id \
             JOIN source_record AS record ON record.paper_id = written.paper_id"
        }
        (Subject::Paper, Division::Organizations) => {
            "SELECT DISTINCT found.id, place.organization_id AS part FROM found \
             JOIN authorship AS written ON written.paper_id = found.id \
             JOIN authorship_organization AS place ON place.authorship_id = written.id"
        }
        (Subject::Authorship, Division::Organizations) => {
            "SELECT found.id, place.organization_id AS part FROM found \
             JOIN authorship_organization AS place ON place.authorship_id = found.id"
        }
        (Subject::Researcher, Division::Organizations) => {
            "SELECT found.id, affiliation.organization_id AS part FROM found \
             JOIN affiliation ON affiliation.researcher_id = found.id \
             UNION SELECT found.id, place.organization_id FROM found \
             JOIN authorship AS written ON written.researcher_id = found.id \
             JOIN authorship_organization AS place ON place.authorship_id = written.id"
        }
    }
}
