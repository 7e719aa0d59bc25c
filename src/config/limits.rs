//! The limits of a GraphQL request.

/// Limits of page sizes.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Page size if neither `first` nor `last` is given.
    pub default_size: u32,
    /// Maximum page size.
    pub maximum_size: u32,
}

/// Limits of a GraphQL request.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Default and maximum page size.
    pub page: PageLimits,
    /// Maximum number of items in a list of a filter, and of keys in a batch lookup.
    pub list_entries: usize,
    /// Maximum number of representations of entities in `_entities`.
    pub representations: usize,
    /// Maximum nesting depth of filters (`and`, `or`, `not`).
    pub filter_depth: usize,
    /// Maximum number of filters nested in one filter.
    pub filter_count: usize,
    /// Maximum number of words in all search queries of a query.
    pub search_words: usize,
    /// Maximum number of researchers visited by a coauthor path search.
    pub path_researchers: usize,
    /// Maximum nesting depth of a query.
    pub depth: usize,
    /// Maximum number of tokens in a query.
    pub tokens: usize,
    /// Maximum number of aliases in a query.
    pub aliases: usize,
    /// Maximum number of directives in a query.
    pub directives: usize,
    /// Maximum number of fields with the same name in one selection set.
    pub field_repeats: usize,
    /// Maximum number of root fields in a query, after fragment expansion.
    pub root_fields: usize,
    /// Maximum number of variables in an operation.
    pub variables: usize,
    /// Maximum number of operations in a document.
    pub operations: usize,
    /// Maximum number of selections in a query, after fragment expansion.
    pub selections: usize,
    /// Maximum number of nodes a query could return, assuming that every page is full.
    pub nodes: u64,
    /// Maximum cost of a query: 1 per node, 100 per SQL statement, and counts.
    pub cost: u64,
    /// Whether schema introspection is enabled.
    pub introspection: bool,
    /// Maximum size of a request body, in bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: PageLimits { default_size: 20, maximum_size: 100 },
            list_entries: 500,
            representations: 2_000,
            filter_depth: 5,
            filter_count: 100,
            search_words: 500,
            path_researchers: 50_000,
            depth: 50,
            tokens: 15_000,
            aliases: 100,
            directives: 50,
            field_repeats: 100,
            root_fields: 50,
            variables: 100,
            operations: 50,
            selections: 10_000,
            nodes: 500_000,
            cost: 600_000,
            introspection: true,
            body_bytes: 1_048_576,
        }
    }
}
