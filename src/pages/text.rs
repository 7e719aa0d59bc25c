//! The texts of the interface, in English and in French. The compiler rejects a text that lacks one of the languages.

/// A text that depends on a number, written `{n}`.
pub(super) struct Plural {
    pub(super) one: &'static str,
    pub(super) other: &'static str,
}

/// Declares the texts: a name, the English text, the French text.
macro_rules! texts {
    (
        texts { $($name:ident: $english:literal, $french:literal;)* }
        plurals {
            $($count:ident: $english_one:literal / $english_other:literal, $french_one:literal / $french_other:literal;)*
        }
    ) => {
        /// The texts of the interface in one language.
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)*
            $(pub(super) $count: Plural,)*
        }

        /// The English texts.
        pub(super) const ENGLISH: Texts = Texts {
            $($name: $english,)*
            $($count: Plural { one: $english_one, other: $english_other },)*
        };

        /// The French texts.
        pub(super) const FRENCH: Texts = Texts {
            $($name: $french,)*
            $($count: Plural { one: $french_one, other: $french_other },)*
        };

        /// Each text with its name, in English and in French, for tests.
        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[
            $((stringify!($name), $english, $french),)*
            $((stringify!($count), $english_one, $french_one), (stringify!($count), $english_other, $french_other),)*
        ];
    };
}

texts! {
    texts {
    // Frame
    skip_to_content: "Skip to content", "Aller au contenu";
    main_navigation: "Main", "Principale";
    people: "People", "Personnes";
    organizations: "Organizations", "Organisations";
    printed_organizations: "Organizations named on the papers", "Organisations citées sur les publications";
    topics: "Topics", "Sujets";
    papers: "Papers", "Publications";
    search: "Search", "Rechercher";
    search_title: "Search", "Recherche";
    search_the_directory: "Search the directory", "Rechercher dans l’annuaire";
    search_placeholder: "Name, topic, title", "Nom, sujet, titre";
    api: "API", "API";
    about: "About", "À propos";
    about_data: "Data and sources", "Données et sources";
    connections: "How are two people connected?", "Quel lien entre deux personnes ?";
    wrong_here: "Something wrong on this page?", "Une erreur sur cette page ?";
    report_it: "Report it", "Signalez-la";
    single_query: "This page is built from a single GraphQL query.", "Cette page est construite à partir d’une seule requête GraphQL.";
    view_query: "View this page’s query in GraphiQL", "Voir la requête de cette page dans GraphiQL";
    last_change: "Last change in this directory:", "Dernière modification dans cet annuaire :";
    download_as: "Download as", "Télécharger en";
    suggestions: "Suggestions", "Suggestions";
    no_suggestions: "No suggestions", "Aucune suggestion";
    on_this_page: "On this page", "Sur cette page";
    browse: "Browse", "Parcourir";
    months: "January February March April May June July August September October November December",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre";
    in_language: "in", "en";
    next_page: "Next", "Suivant";
    previous_page: "Previous", "Précédent";
    pages_label: "Pages", "Pages";
    // Home
    home_headline: "People, organizations, topics and papers, and how they are connected.",
        "Les personnes, les organisations, les sujets et les publications, et ce qui les relie.";
    all_people: "All people", "Toutes les personnes";
    all_organizations: "All organizations", "Toutes les organisations";
    all_topics: "All topics", "Tous les sujets";
    all_papers: "All papers", "Toutes les publications";
    recent_papers: "Recent papers", "Publications récentes";
    by_people: "by number of people", "par nombre de personnes";
    home_description: "People, organizations, topics and papers of this directory.",
        "Personnes, organisations, sujets et publications de cet annuaire.";
    // Lists and search
    filters: "Filters", "Filtres";
    show: "Show", "Afficher";
    remove_filter: "Remove this filter", "Retirer ce filtre";
    active_filters: "Active filters", "Filtres actifs";
    sort_by: "Sort by", "Trier par";
    sort_name: "Name", "Nom";
    sort_relevance: "Best match", "Pertinence";
    sort_papers: "Number of papers", "Nombre de publications";
    sort_people: "Number of people", "Nombre de personnes";
    sort_newest: "Newest first", "Plus récentes d’abord";
    sort_title: "Title", "Titre";
    sort_recent: "Latest paper", "Dernière publication";
    name_contains: "Name", "Nom";
    title_or_words: "Title or words", "Titre ou mots";
    label_contains: "Label", "Libellé";
    year_from: "From year", "De l’année";
    year_to: "to", "à";
    years: "Years", "Années";
    any: "Any", "Tous";
    type_label: "Type", "Type";
    venue: "Venue", "Revue ou conférence";
    nothing_found: "Nothing was found.", "Aucun résultat.";
    nothing_found_hint: "Try fewer words, or another spelling.", "Essayez avec moins de mots, ou une autre graphie.";
    all_words_hint: "A result contains all the words. To find who works on a topic, search for the topic: its page lists the people.",
        "Un résultat contient tous les mots. Pour savoir qui travaille sur un sujet, cherchez le sujet : sa page présente les personnes.";
    best_match_first: "best match first", "les plus pertinents d’abord";
    kinds_of_results: "Kinds of results", "Types de résultats";
    all_kinds: "All", "Tout";
    a_person: "Person", "Personne";
    an_organization: "Organization", "Organisation";
    a_topic: "Topic", "Sujet";
    a_paper: "Paper", "Publication";
    search_hint: "Names, titles, topics, organizations, ORCID iDs and DOIs; small typos are forgiven.",
        "Noms, titres, sujets, organisations, identifiants ORCID et DOI ; les petites fautes sont tolérées.";
    // Person
    orcid: "ORCID", "ORCID";
    website: "Website", "Site web";
    research_topics: "Research topics", "Sujets de recherche";
    biography: "Biography", "Présentation";
    newest_first: "newest first", "les plus récentes d’abord";
    all_papers_filter: "All papers, with filters", "Toutes les publications, avec filtres";
    abstract_: "Abstract", "Résumé";
    abstract_truncated: "Truncated by its source.", "Tronqué par la source.";
    abstract_withheld: "The publisher does not permit showing this abstract.",
        "L’éditeur n’autorise pas l’affichage de ce résumé.";
    abstract_absent: "No source has an abstract for this paper.", "Aucune source ne fournit de résumé pour cette publication.";
    read_at_publisher: "Read it at the publisher", "Le lire chez l’éditeur";
    papers_per_year: "Papers per year", "Publications par année";
    coauthors: "Coauthors", "Coauteurs";
    coauthor_of: "Papers with {name}", "Publications avec {name}";
    browse_coauthors: "Filter by topic or organization", "Filtrer par sujet ou organisation";
    by_common_papers: "by papers together", "par publications en commun";
    how_connected: "How are they connected to someone?", "Quel lien avec une autre personne ?";
    affiliations: "Affiliations", "Affiliations";
    current: "current", "en cours";
    other_names: "Other names", "Autres noms";
    no_year: "Without year", "Sans année";
    and_others: "and others", "et autres";
    retracted: "Retracted", "Rétracté";
    // Affiliation kinds
    employment: "Employment", "Emploi";
    membership: "Affiliation", "Affiliation";
    education: "Education", "Formation";
    invited_position: "Invited position", "Poste invité";
    qualification: "Qualification", "Qualification";
    distinction: "Distinction", "Distinction";
    service: "Service", "Service";
    // Paper
    published_in: "Published in", "Publié dans";
    publisher: "Publisher", "Éditeur";
    doi: "DOI", "DOI";
    arxiv: "arXiv", "arXiv";
    language_label: "Language", "Langue";
    date_label: "Date", "Date";
    keywords: "Keywords", "Mots-clés";
    versions: "Versions", "Versions";
    this_page: "This page", "Cette page";
    version_of_record: "version of record", "version de référence";
    cite: "Cite", "Citer";
    show_bibtex: "Show BibTeX", "Afficher en BibTeX";
    retracted_notice: "This paper has been retracted.", "Cette publication a été rétractée.";
    // Paper types
    article: "Journal article", "Article de revue";
    book: "Book", "Livre";
    book_chapter: "Book chapter", "Chapitre";
    conference_paper: "Conference paper", "Article de conférence";
    dataset: "Dataset", "Jeu de données";
    other_type: "Other", "Autre";
    preprint: "Preprint", "Prépublication";
    report: "Report", "Rapport";
    thesis: "Thesis", "Thèse";
    // Organization
    part_of: "Part of", "Fait partie de";
    predecessors: "Formerly", "Anciennement";
    successors: "Now", "Désormais";
    parts: "Parts", "Composantes";
    as_of: "As of", "À la date du";
    as_of_note: "People whose affiliation has no dates are listed for any day.",
        "Les personnes dont l’affiliation est sans dates figurent à n’importe quelle date.";
    today: "Today", "Aujourd’hui";
    role: "Role", "Rôle";
    since: "Since", "Depuis";
    name: "Name", "Nom";
    newest_papers: "Newest papers", "Publications récentes";
    organization_papers_note: "Papers by people who were members when the paper appeared, or that name the organization. \
        Papers without a year are listed only if they name it.",
        "Publications de personnes qui étaient membres à leur parution, ou qui citent l’organisation. Celles sans année n’y \
        figurent que si elles la citent.";
    experts: "Topics of its people", "Sujets de ses membres";
    withdrawn: "No longer in use", "N’est plus en usage";
    inactive: "Closed", "Fermée";
    archive: "Archive", "Archives";
    company: "Company", "Entreprise";
    education_type: "University or school", "Université ou école";
    facility: "Research facility", "Établissement de recherche";
    funder: "Funder", "Organisme de financement";
    government: "Government", "Organisme public";
    healthcare: "Hospital", "Établissement de santé";
    nonprofit: "Non-profit", "Organisme à but non lucratif";
    other_organization: "Organization", "Organisation";
    // Topic
    broader: "Broader topics", "Sujets plus larges";
    narrower: "Narrower topics", "Sujets plus précis";
    narrower_than: "Part of", "Fait partie de";
    by_papers_on_topic: "by papers on this topic", "par publications sur ce sujet";
    last_paper: "Last paper", "Dernière publication";
    // Path
    path_title: "How are two people connected?", "Quel lien entre deux personnes ?";
    path_lead: "The shortest chain of people who wrote papers together.",
        "La plus courte chaîne de personnes qui ont publié ensemble.";
    first_person: "First person", "Première personne";
    second_person: "Second person", "Seconde personne";
    find_connection: "Find the connection", "Chercher le lien";
    choose_person: "Choose a person", "Choisissez une personne";
    change_person: "Choose someone else", "Choisir une autre personne";
    not_connected: "There is no chain of at most six steps between them.",
        "Aucune chaîne de six étapes au plus ne les relie.";
    same_person: "This is one and the same person.", "C’est une seule et même personne.";
    no_person_found: "No person with this name was found.", "Aucune personne de ce nom n’a été trouvée.";
    wrote_with: "wrote with", "a publié avec";
    // Network
    network: "Coauthor network", "Réseau de coauteurs";
    network_lead: "Two people are linked if they wrote papers together. The picture and the table say the same.",
        "Deux personnes sont reliées si elles ont publié ensemble. Le graphe et le tableau disent la même chose.";
    organization_network: "Who writes with whom", "Qui publie avec qui";
    organization_network_lead: "The people of the organization who wrote papers together. The picture and the table say the same.",
        "Les membres de l’organisation qui ont publié ensemble. Le graphe et le tableau disent la même chose.";
    graph_and_table: "Picture and table", "Graphe et tableau";
    go_to_graph: "Go to the picture", "Aller au graphe";
    skip_graph: "Skip the picture", "Passer le graphe";
    groups: "Groups", "Groupes";
    group: "Group", "Groupe";
    rest_of_network: "in smaller groups or alone", "en petits groupes ou seules";
    network_key: "The larger a shape and the wider a line, the more papers together. A letter marks people who mostly write \
        with each other.",
        "Plus une forme est grande et un trait large, plus il y a de publications en commun. Une lettre marque les personnes \
        qui publient surtout entre elles.";
    network_omitted: "The picture has the closest 50 people.", "Le graphe montre les 50 personnes les plus proches.";
    network_on_phones: "On a small screen, the picture has the closest 12 people.",
        "Sur un petit écran, le graphe montre les 12 personnes les plus proches.";
    network_keys: "With the keyboard, arrow keys lead from person to person, and the space bar dims people without a link.",
        "Au clavier, les flèches mènent d’une personne à l’autre, et la barre d’espace estompe les personnes sans lien.";
    no_network: "No papers together were found.", "Aucune publication en commun n’a été trouvée.";
    papers_together: "Papers together", "Publications en commun";
    first_paper: "First paper", "Première publication";
    year_until: "To year", "À l’année";
    last_in: "last in", "dernière en";
    their_network: "Their network", "Son réseau";
    see_network: "See the network", "Voir le réseau";
    download: "Download", "Télécharger";
    // About
    about_lead: "What this directory is, where its data come from, and how to use them.",
        "Ce qu’est cet annuaire, d’où viennent ses données et comment les utiliser.";
    data_lead: "Where the data of this directory come from, and what is missing.",
        "D’où viennent les données de cet annuaire, et ce qui manque.";
    about_pages: "Every page of this directory is built from one query of its public GraphQL API, which every page shows. \
        You may use the API for your own site.",
        "Chaque page de cet annuaire est construite à partir d’une seule requête de son API GraphQL publique, que la page \
        indique. Vous pouvez utiliser l’API pour votre propre site.";
    about_names: "People decide how their names are shown. A name that somebody no longer uses is not shown anywhere, \
        on no page and in no export.",
        "Les personnes décident de la façon dont leur nom est affiché. Un nom qui n’est plus utilisé n’apparaît nulle part, \
        sur aucune page et dans aucun export.";
    about_corrections: "Corrections", "Corrections";
    about_corrections_text: "Most data come from other sources. If something is wrong, it is best corrected there, so that \
        the correction lasts.",
        "La plupart des données viennent d’autres sources. Si quelque chose est faux, le mieux est de le corriger à la source, \
        afin que la correction dure.";
    contact: "Contact", "Contact";
    use_the_data: "Use the data", "Utiliser les données";
    graphiql_link: "Try queries in GraphiQL", "Essayer des requêtes dans GraphiQL";
    sources: "Sources", "Sources";
    source: "Source", "Source";
    records: "Records", "Notices";
    quality: "Data quality", "Qualité des données";
    quality_lead: "What is missing or doubtful. The share is of all papers, authors or people to which the question applies.",
        "Ce qui manque ou ce qui est incertain. La part se rapporte aux publications, auteurs ou personnes concernés.";
    issue: "Issue", "Point";
    number: "Number", "Nombre";
    share: "Share", "Part";
    version: "Version", "Version";
    contents: "Contents", "Contenu";
    names_heading: "Names", "Noms";
    // Quality issues
    author_unresolved: "Authors not matched to a person", "Auteurs non rattachés à une personne";
    author_with_doubtful_orcid: "Authors with a doubtful ORCID iD", "Auteurs avec un identifiant ORCID incertain";
    name_repaired: "Names repaired", "Noms réparés";
    name_repair_suggested: "Names with a suggested repair", "Noms avec une réparation suggérée";
    paper_without_abstract: "Papers without an abstract", "Publications sans résumé";
    paper_without_authors: "Papers without authors", "Publications sans auteurs";
    paper_without_identifier: "Papers without an identifier", "Publications sans identifiant";
    paper_without_pages: "Papers without pages", "Publications sans pages";
    paper_without_publisher: "Papers without a publisher", "Publications sans éditeur";
    paper_without_volume: "Papers without a volume", "Publications sans volume";
    paper_without_year: "Papers without a year", "Publications sans année";
    paper_with_truncated_abstract: "Papers with a truncated abstract", "Publications au résumé tronqué";
    researcher_active_too_long: "People active for too long", "Personnes actives trop longtemps";
    researcher_by_name_alone: "People matched by name alone", "Personnes rattachées par le nom seul";
    researcher_employed_in_two_countries: "People employed in two countries", "Personnes employées dans deux pays";
    researcher_without_papers_and_affiliations: "People without papers and affiliations",
        "Personnes sans publications ni affiliations";
    researcher_with_several_orcids: "People with several ORCID iDs", "Personnes avec plusieurs identifiants ORCID";
    // Errors
    not_found_title: "Page not found", "Page introuvable";
    not_found_text: "There is no page at this address. Perhaps the search finds what you are looking for.",
        "Il n’y a pas de page à cette adresse. La recherche trouvera peut-être ce que vous cherchez.";
    bad_request_title: "This address is not valid", "Cette adresse n’est pas valide";
    bad_request_text: "One of its parts after the question mark is not understood. Start again without them, or search.",
        "L’une des parties après le point d’interrogation n’est pas comprise. Recommencez sans elles, ou cherchez.";
    unavailable_title: "The directory is not available at the moment", "L’annuaire n’est pas disponible pour le moment";
    unavailable_text: "Please try again in a few moments.", "Veuillez réessayer dans quelques instants.";
    too_many_title: "Too many requests", "Trop de requêtes";
    too_many_text: "Please wait a minute, then try again.", "Veuillez attendre une minute, puis réessayer.";
    error_title: "Something went wrong", "Une erreur est survenue";
    error_text: "The error has been logged. Please try again later.",
        "L’erreur a été consignée. Veuillez réessayer plus tard.";
    start_again: "Remove the filters", "Retirer les filtres";

    }
    plurals {
    n_parts: "{n} part" / "{n} parts", "{n} composante" / "{n} composantes";
    n_people: "{n} person" / "{n} people", "{n} personne" / "{n} personnes";
    n_organizations: "{n} organization" / "{n} organizations", "{n} organisation" / "{n} organisations";
    n_topics: "{n} topic" / "{n} topics", "{n} sujet" / "{n} sujets";
    n_papers: "{n} paper" / "{n} papers", "{n} publication" / "{n} publications";
    n_coauthors: "{n} coauthor" / "{n} coauthors", "{n} coauteur" / "{n} coauteurs";
    n_research_topics: "{n} research topic" / "{n} research topics", "{n} sujet de recherche" / "{n} sujets de recherche";
    n_results: "{n} result" / "{n} results", "{n} résultat" / "{n} résultats";
    n_more_authors: "{n} more author" / "{n} more authors", "{n} autre auteur" / "{n} autres auteurs";
    and_n_more: "and {n} more" / "and {n} more", "et {n} autre" / "et {n} autres";
    n_current: "{n} current" / "{n} current", "{n} en cours" / "{n} en cours";
    n_past_affiliations: "{n} past affiliation" / "{n} past affiliations", "{n} affiliation passée" / "{n} affiliations passées";
    n_versions: "{n} version of one work" / "{n} versions of one work", "{n} version d’une œuvre" / "{n} versions d’une œuvre";
    n_steps: "{n} step" / "{n} steps", "{n} étape" / "{n} étapes";
    n_suggestions: "{n} suggestion; choose with the arrow keys" / "{n} suggestions; choose with the arrow keys",
        "{n} suggestion ; flèches pour choisir" / "{n} suggestions ; flèches pour choisir";
    n_earlier: "and {n} earlier" / "and {n} earlier", "et {n} antérieure" / "et {n} antérieures";
    n_undated: "{n} without a year" / "{n} without a year", "{n} sans année" / "{n} sans année";
    of_n: "of {n}" / "of {n}", "sur {n}" / "sur {n}";
    n_links: "{n} link" / "{n} links", "{n} lien" / "{n} liens";
    n_groups: "{n} group" / "{n} groups", "{n} groupe" / "{n} groupes";
    n_together: "{n} paper together" / "{n} papers together", "{n} publication en commun" / "{n} publications en commun";
    n_or_more: "{n} or more" / "{n} or more", "{n} ou plus" / "{n} ou plus";
    n_authors_at_most: "Papers with more than {n} author do not count." / "Papers with more than {n} authors do not count.",
        "Les publications de plus de {n} auteur ne comptent pas." / "Les publications de plus de {n} auteurs ne comptent pas.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_complete_in_both_languages() {
        for (name, english, french) in PAIRS {
            for text in [english, french] {
                assert!(!text.trim().is_empty(), "{name}");
                assert!(
                    !text.contains('\'') && !text.contains("  "),
                    "{name}: typographic apostrophes, single spaces: {text}"
                );
            }
            assert_eq!(english.contains("{n}"), french.contains("{n}"), "{name}");
            let before_colon = french.split([':', ';', '?', '!', '»']).rev().skip(1).filter(|part| !part.is_empty());
            for part in before_colon {
                assert!(part.ends_with(['\u{202f}', '\u{a0}']), "{name}: a space before the punctuation: {french}");
            }
        }
    }
}
