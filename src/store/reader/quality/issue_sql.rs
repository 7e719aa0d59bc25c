//! SQL of data-quality issues and scopes.

use crate::entity::organization;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::reader::lookup::resolve_merged_ids;
use crate::store::reader::organization::with_descendants;
use crate::store::reader::quality::{DataIssue, IssueBreakdown, IssueCountTarget, IssueScope, IssueSubject};

/// Identifier schemes that are public even if a source has the same name.
const PUBLIC_ID_SCHEMES: &str = "ARRAY['openalex', 'pmid', 'pmcid', 'pubmed', 'isbn', 'handle', 'dblp', 'mag']";

/// Returns the table of a subject and its id column.
fn subject_table(subject: IssueSubject) -> (&'static str, &'static str) {
    match subject {
        IssueSubject::Paper => ("paper", "paper.id"),
        IssueSubject::Authorship => ("authorship", "authorship.id"),
        // Has a row for each researcher and is a fraction of the size of `researcher`.
        IssueSubject::Researcher => ("researcher_statistics AS person", "person.researcher_id"),
    }
}

/// Returns a query for the ids counted within the scope with this number, greater than `after` if given.
pub(super) fn selected_ids_sql(
    scope: &IssueScope,
    number: usize,
    counted: IssueCountTarget,
    after: Option<i64>,
) -> Sql {
    let (table, id) = subject_table(counted.subject());
    let issue = match counted {
        IssueCountTarget::All(_) => None,
        IssueCountTarget::Issue(issue) => Some(Sql::from(issue_condition(issue))),
    };
    let id_condition = after.map(|after| Sql::with(&format!("{id} > ?"), after));
    let conditions = issue.into_iter().chain([scope_condition(scope, number, counted.subject())]).chain(id_condition);
    Sql::from(format!("SELECT {id} AS id FROM {table} WHERE ")).then(Sql::all(conditions))
}

/// Returns the condition of an issue. The partial indexes of the migrations `quality` and `bibliographic_details` repeat
/// it literally.
fn issue_condition(issue: DataIssue) -> String {
    match issue {
        DataIssue::PaperWithoutYear => "paper.publication_date IS NULL".to_owned(),
        DataIssue::PaperWithoutAbstract => "paper.abstract_completeness = 'ABSENT'".to_owned(),
        DataIssue::PaperWithTruncatedAbstract => "paper.abstract_completeness = 'TRUNCATED'".to_owned(),
        DataIssue::PaperWithoutAuthors => "paper.author_count = 0".to_owned(),
        // A source's own key is stored under the source's name.
        DataIssue::PaperWithoutIdentifier => format!(
            "paper.doi IS NULL AND paper.shared_doi IS NULL AND paper.arxiv_id IS NULL AND NOT EXISTS (\
             SELECT FROM external_id WHERE external_id.paper_id = paper.id AND (external_id.scheme = ANY({PUBLIC_ID_SCHEMES}) \
             OR NOT EXISTS (SELECT FROM source_record WHERE source_record.source = external_id.scheme)))"
        ),
        DataIssue::PaperWithoutVolume => {
            "paper.type = 'ARTICLE' AND paper.volume IS NULL AND paper.issue IS NULL".to_owned()
        }
        DataIssue::PaperWithoutPages => "paper.type IN ('ARTICLE', 'CONFERENCE_PAPER', 'BOOK_CHAPTER') \
             AND paper.pages IS NULL AND paper.article_number IS NULL"
            .to_owned(),
        DataIssue::PaperWithoutPublisher => "paper.type IN ('BOOK', 'BOOK_CHAPTER', 'THESIS', 'REPORT', 'DATASET') \
             AND paper.publisher_name IS NULL"
            .to_owned(),
        DataIssue::NameRepaired => "authorship.repair_value IS NOT NULL AND authorship.is_repair_applied".to_owned(),
        DataIssue::NameRepairSuggested => {
            "authorship.repair_value IS NOT NULL AND NOT authorship.is_repair_applied".to_owned()
        }
        DataIssue::AuthorUnresolved => "authorship.researcher_id IS NULL".to_owned(),
        DataIssue::AuthorWithDoubtfulOrcid => "(authorship.is_orcid_doubtful OR authorship.doubtful_ids IS NOT NULL)".to_owned(),
        DataIssue::ResearcherByNameAlone => "person.paper_count > 1 AND person.researcher_id IN (\
             SELECT place.researcher_id FROM authorship_resolution AS resolution \
             JOIN authorship AS place ON place.id = resolution.authorship_id \
             WHERE resolution.method = 'NAME' AND resolution.confidence < 0.8)"
            .to_owned(),
        DataIssue::ResearcherActiveTooLong => {
            "person.first_year > 0 AND person.last_year - person.first_year > 60".to_owned()
        }
        // Excludes ORCID iDs that belong to the researcher by a manual merge, and those of other people.
        DataIssue::ResearcherWithSeveralOrcids => "person.researcher_id IN (\
             SELECT place.researcher_id FROM authorship AS place JOIN researcher ON researcher.id = place.researcher_id \
             WHERE place.orcid IS NOT NULL AND NOT place.is_orcid_doubtful AND NOT EXISTS (SELECT FROM external_id \
             WHERE external_id.researcher_id = place.researcher_id AND external_id.scheme = 'orcid' \
             AND external_id.value = place.orcid) GROUP BY place.researcher_id, researcher.orcid \
             HAVING min(place.orcid) <> max(place.orcid) OR min(place.orcid) <> researcher.orcid)"
            .to_owned(),
        // Years alone overlap by one when a researcher changes jobs.
        DataIssue::ResearcherEmployedInTwoCountries => "person.researcher_id IN (\
             SELECT one.researcher_id FROM affiliation AS one \
             JOIN affiliation AS other ON other.researcher_id = one.researcher_id AND other.id > one.id \
             JOIN organization AS here ON here.id = one.organization_id \
             JOIN organization AS there ON there.id = other.organization_id \
             WHERE one.kind = 'EMPLOYMENT' AND other.kind = 'EMPLOYMENT' \
             AND one.start_date IS NOT NULL AND other.start_date IS NOT NULL AND here.country_code <> there.country_code \
             AND greatest(one.starts_on, other.starts_on) + 366 < least(one.ends_on, other.ends_on))"
            .to_owned(),
        DataIssue::ResearcherWithoutPapersAndAffiliations => "person.paper_count = 0 AND NOT EXISTS (\
             SELECT FROM affiliation WHERE affiliation.researcher_id = person.researcher_id)"
            .to_owned(),
    }
}

/// Returns common table expressions for the scopes of a statement. Each is evaluated once, or not at all if no
/// condition refers to it.
pub(super) fn scope_ctes<'a>(scopes: impl IntoIterator<Item = &'a IssueScope>) -> Sql {
    let tables = scopes.into_iter().enumerate().flat_map(|(number, scope)| {
        let sources = scope.sources.as_ref().map(|source_names| source_ctes(number, source_names));
        let organizations = scope.organization_ids.as_ref().map(|ids| {
            let organization_ids =
                with_descendants(resolve_merged_ids::<organization::Model>(ids), scope.include_descendants);
            organization_ctes(number, organization_ids)
        });
        sources.into_iter().chain(organizations)
    });
    let all = tables.reduce(|all, table| all.then(", ").then(table));
    all.map_or_else(Sql::default, |all| sql!("WITH ").then(all).then(" "))
}

/// Returns the papers with a record from a source, and the researchers with a record or a paper from it.
fn source_ctes(number: usize, source_names: &[String]) -> Sql {
    let source_names = || text_array(source_names.iter().cloned());
    Sql::from(format!("source_papers_{number}(id) AS (SELECT DISTINCT record.paper_id FROM source_record AS record "))
        .then(sql!("WHERE record.paper_id IS NOT NULL AND record.source = ANY(?)), ", source_names()))
        .then(format!("source_people_{number}(id) AS (SELECT record.researcher_id FROM source_record AS record "))
        .then(sql!("WHERE record.researcher_id IS NOT NULL AND record.source = ANY(?) ", source_names()))
        .then(format!(
            "UNION SELECT written.researcher_id FROM source_papers_{number} AS paper \
             JOIN authorship AS written ON written.paper_id = paper.id WHERE written.researcher_id IS NOT NULL)"
        ))
}

/// Returns the authorships at the organizations, with their papers, and the researchers affiliated with them at any
/// time.
fn organization_ctes(number: usize, organization_ids: Sql) -> Sql {
    let is_in_scope = |column: &str| format!("{column} = ANY(ARRAY(SELECT below.id FROM there_{number} AS below))");
    Sql::from(format!("there_{number}(id) AS ("))
        .then(organization_ids)
        .then(format!(
            "), there_authors_{number}(id, paper_id, researcher_id) AS (\
             SELECT written.id, written.paper_id, written.researcher_id FROM authorship_organization AS place \
             JOIN authorship AS written ON written.id = place.authorship_id WHERE {}), ",
            is_in_scope("place.organization_id")
        ))
        .then(format!(
            "there_people_{number}(id) AS (SELECT affiliation.researcher_id FROM affiliation WHERE {} \
             UNION SELECT researcher_id FROM there_authors_{number} WHERE researcher_id IS NOT NULL)",
            is_in_scope("affiliation.organization_id")
        ))
}

/// Returns the condition that a subject is in the scope with this number in [`scope_ctes`].
pub(super) fn scope_condition(scope: &IssueScope, number: usize, subject: IssueSubject) -> Sql {
    let sources = scope.sources.as_ref().map(|_| match subject {
        IssueSubject::Paper => format!("paper.id IN (SELECT id FROM source_papers_{number})"),
        IssueSubject::Authorship => format!("authorship.paper_id IN (SELECT id FROM source_papers_{number})"),
        IssueSubject::Researcher => format!("person.researcher_id IN (SELECT id FROM source_people_{number})"),
    });
    let organizations = scope.organization_ids.as_ref().map(|_| match subject {
        IssueSubject::Paper => format!("paper.id IN (SELECT paper_id FROM there_authors_{number})"),
        IssueSubject::Authorship => format!("authorship.id IN (SELECT id FROM there_authors_{number})"),
        IssueSubject::Researcher => format!("person.researcher_id IN (SELECT id FROM there_people_{number})"),
    });
    Sql::all(sources.into_iter().chain(organizations).map(Sql::from))
}

/// Returns a query for each of `found` with each of its sources or organizations, as `part`.
pub(super) fn breakdown_sql(subject: IssueSubject, by: IssueBreakdown) -> &'static str {
    match (subject, by) {
        (IssueSubject::Paper, IssueBreakdown::Sources) => {
            "SELECT DISTINCT found.id, record.source AS part FROM found \
             JOIN source_record AS record ON record.paper_id = found.id"
        }
        (IssueSubject::Authorship, IssueBreakdown::Sources) => {
            "SELECT DISTINCT found.id, record.source AS part FROM found JOIN authorship AS written ON written.id = found.id \
             JOIN source_record AS record ON record.paper_id = written.paper_id"
        }
        (IssueSubject::Researcher, IssueBreakdown::Sources) => {
            "SELECT found.id, record.source AS part FROM found JOIN source_record AS record ON record.researcher_id = found.id \
             UNION SELECT found.id, record.source FROM found JOIN authorship AS written ON written.researcher_id = found.id \
             JOIN source_record AS record ON record.paper_id = written.paper_id"
        }
        (IssueSubject::Paper, IssueBreakdown::Organizations) => {
            "SELECT DISTINCT found.id, place.organization_id AS part FROM found \
             JOIN authorship AS written ON written.paper_id = found.id \
             JOIN authorship_organization AS place ON place.authorship_id = written.id"
        }
        (IssueSubject::Authorship, IssueBreakdown::Organizations) => {
            "SELECT found.id, place.organization_id AS part FROM found \
             JOIN authorship_organization AS place ON place.authorship_id = found.id"
        }
        (IssueSubject::Researcher, IssueBreakdown::Organizations) => {
            "SELECT found.id, affiliation.organization_id AS part FROM found \
             JOIN affiliation ON affiliation.researcher_id = found.id \
             UNION SELECT found.id, place.organization_id FROM found \
             JOIN authorship AS written ON written.researcher_id = found.id \
             JOIN authorship_organization AS place ON place.authorship_id = written.id"
        }
    }
}
