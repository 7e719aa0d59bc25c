// GraphQL Yoga with DataLoader and pg, written with care for performance: one named prepared statement per level of a query,
// which selects only the columns that the fields need. Documents are parsed and validated once.
import { createServer } from "node:http";
import DataLoader from "dataloader";
import { createSchema, createYoga } from "graphql-yoga";
import pg from "pg";
import { english } from "../english.mjs";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool({ max: Number(process.env.POOL) });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const typeDefs = /* GraphQL */ `
  type Query {
    researcher(id: ID!): Researcher
    researchers(first: Int!, afterName: String, afterId: ID): [Researcher!]!
    nodes(ids: [ID!]!): [Node]!
  }
  union Node = Researcher | Paper
  type Researcher {
    id: ID!
    name: String!
    slug: String!
    statistics: Statistics
    affiliations(first: Int!): [Affiliation!]!
    topics(first: Int!): [Topic!]!
    papers(first: Int!): [Paper!]!
    coauthors(first: Int!): [Coauthor!]!
  }
  type Statistics { paperCount: Int! coauthorCount: Int! firstPublicationYear: Int lastPublicationYear: Int }
  type Affiliation { kind: String! startDate: String endDate: String roleTitle: String organization: Organization! }
  type Organization { name: String! }
  type Topic { label: String! }
  type Paper { id: ID! title: String! publicationYear: Int venueName: String abstract: String authors(first: Int!): [Author!]! }
  type Author { name: String! }
  type Coauthor { paperCount: Int! researcher: Researcher! }
`;

/** Loads the first rows of a list for many parents, with one statement per page size. */
const listsByParent = (name, select) => {
  const text = `SELECT parent.id AS parent, entry.* FROM unnest($1::bigint[]) AS parent(id)
    CROSS JOIN LATERAL (${select} LIMIT $2) AS entry`;
  const load = async (keys) => {
    const byParent = new Map(keys.map((key) => [`${key.id}/${key.first}`, []]));
    const bySize = Map.groupBy(keys, (key) => key.first);
    await Promise.all([...bySize].map(async ([first, sized]) => {
      for (const row of await rows(name, text, [sized.map((key) => key.id), first])) byParent.get(`${row.parent}/${first}`).push(row);
    }));
    return keys.map((key) => byParent.get(`${key.id}/${key.first}`));
  };
  return () => new DataLoader(load, { cacheKeyFn: (key) => `${key.id}/${key.first}` });
};

/** Loads one row or null per id. */
const rowsById = (name, text) => () =>
  new DataLoader(async (ids) => {
    const found = new Map((await rows(name, text, [ids])).map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });

const papers = (columns) => `SELECT paper.id, paper.title, paper.publication_year, paper.venue_name ${columns}
  FROM authorship AS own JOIN paper ON paper.id = own.paper_id WHERE own.researcher_id = parent.id
  ORDER BY own.publication_key DESC, own.paper_id DESC`;

const loaders = {
  researcher: rowsById("researcher", "SELECT id, display_name, slug FROM researcher WHERE id = ANY($1)"),
  paper: rowsById("paper", "SELECT id, title, publication_year, venue_name, abstract_text FROM paper WHERE id = ANY($1)"),
  statistics: rowsById("statistics", `SELECT researcher_id AS id, paper_count, first_year, last_year,
    (SELECT count(*) FROM coauthorship WHERE coauthorship.researcher_id = researcher_statistics.researcher_id) AS coauthor_count
    FROM researcher_statistics WHERE researcher_id = ANY($1)`),
  affiliations: listsByParent("affiliations", `SELECT affiliation.kind, affiliation.start_date, affiliation.end_date,
    affiliation.role_title, organization.display_names
    FROM affiliation JOIN organization ON organization.id = affiliation.organization_id
    WHERE affiliation.researcher_id = parent.id
    ORDER BY affiliation.is_primary DESC, (affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE) DESC,
      affiliation.starts_on DESC, affiliation.id DESC`),
  topics: listsByParent("topics", `SELECT topic.display_names
    FROM (
      SELECT link.topic_id, count(link.paper_id) AS paper_count, min(link.position) AS position
      FROM (
        SELECT topic_id, NULL::bigint AS paper_id, position FROM researcher_topic WHERE researcher_id = parent.id
        UNION ALL
        SELECT paper_topic.topic_id, paper_topic.paper_id, NULL
        FROM authorship JOIN paper_topic ON paper_topic.paper_id = authorship.paper_id
        WHERE authorship.researcher_id = parent.id
      ) AS link GROUP BY link.topic_id
    ) AS ranked JOIN topic ON topic.id = ranked.topic_id
    ORDER BY coalesce(ranked.position, 2000000000 - ranked.paper_count), topic.id`),
  papers: listsByParent("papers", papers("")),
  papersWithAbstracts: listsByParent("papers-with-abstracts", papers(", paper.abstract_text")),
  authors: listsByParent("authors", `SELECT coalesce(researcher.display_name, authorship.name) AS name
    FROM authorship LEFT JOIN researcher ON researcher.id = authorship.researcher_id
    WHERE authorship.paper_id = parent.id ORDER BY authorship.list_order`),
  coauthors: listsByParent("coauthors", `SELECT pair.paper_count, researcher.id, researcher.display_name, researcher.slug
    FROM coauthorship AS pair JOIN researcher ON researcher.id = pair.coauthor_id
    WHERE pair.researcher_id = parent.id ORDER BY pair.paper_count DESC, pair.coauthor_id DESC`),
};

const selects = (info, field) =>
  info.fieldNodes.some((node) => node.selectionSet.selections.some((selection) => selection.name?.value === field));

const resolvers = {
  Query: {
    researcher: (_, { id }, { load }) => load.researcher.load(Number(id)),
    researchers: (_, { first, afterName, afterId }) =>
      afterName == null
        ? rows("people", "SELECT id, display_name, slug FROM researcher ORDER BY sort_name, id LIMIT $1", [first])
        : rows("people-after", `SELECT id, display_name, slug FROM researcher WHERE (sort_name, id) > ($2, $3)
            ORDER BY sort_name, id LIMIT $1`, [first, afterName, Number(afterId)]),
    nodes: (_, { ids }, { load }) =>
      ids.map((id) => {
        const [type, number] = id.split(":");
        return (type === "Paper" ? load.paper : load.researcher).load(Number(number));
      }),
  },
  Node: { __resolveType: (row) => (row.title === undefined ? "Researcher" : "Paper") },
  Researcher: {
    name: (row) => row.display_name,
    statistics: (row, _, { load }) => load.statistics.load(row.id),
    affiliations: (row, { first }, { load }) => load.affiliations.load({ id: row.id, first }),
    topics: (row, { first }, { load }) => load.topics.load({ id: row.id, first }),
    papers: (row, { first }, { load }, info) =>
      (selects(info, "abstract") ? load.papersWithAbstracts : load.papers).load({ id: row.id, first }),
    coauthors: (row, { first }, { load }) => load.coauthors.load({ id: row.id, first }),
  },
  Statistics: {
    paperCount: (row) => row.paper_count,
    coauthorCount: (row) => row.coauthor_count,
    firstPublicationYear: (row) => row.first_year || null,
    lastPublicationYear: (row) => row.last_year || null,
  },
  Affiliation: {
    startDate: (row) => row.start_date,
    endDate: (row) => row.end_date,
    roleTitle: (row) => english(row.role_title),
    organization: (row) => row,
  },
  Organization: { name: (row) => english(row.display_names) },
  Topic: { label: (row) => english(row.display_names) },
  Paper: {
    publicationYear: (row) => row.publication_year,
    venueName: (row) => row.venue_name,
    abstract: (row) => english(row.abstract_text),
    authors: (row, { first }, { load }) => load.authors.load({ id: row.id, first }),
  },
  Coauthor: { paperCount: (row) => row.paper_count, researcher: (row) => row },
};

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  // Each request has its own loaders, created on first use.
  context: () => {
    const created = {};
    return { load: new Proxy(created, { get: (_, name) => (created[name] ??= loaders[name]()) }) };
  },
  graphiql: false,
  landingPage: false,
  logging: "error",
});
const server = createServer(yoga);
server.listen(0, "127.0.0.1", () => console.log(`GraphQL http://127.0.0.1:${server.address().port}/graphql`));
