// The queries for the service. `variables` maps a key to the variables, and `canonical` maps a response to the form in which
// the responses of all peers are compared.
import { readFileSync } from "node:fs";

const text = (name) => readFileSync(new URL(`../../queries/${name}.graphql`, import.meta.url), "utf8");
const globalId = (type, number) => Buffer.from(`${type}:${number}`).toString("base64url");

const coauthors = (selection) => `coauthors(first: 10) { edges { paperCount node { name ${selection} } } }`;
const coauthorNames = (person, canonical) =>
  person.coauthors.edges.map(({ paperCount, node }) => [node.name, paperCount, ...(canonical ? [canonical(node)] : [])]);

export const queries = {
  p: {
    text: text("p"),
    variables: (key) => ({ id: globalId("Researcher", key.id) }),
    canonical: ({ researcher: person }) => ({
      name: person.name,
      slug: person.slug,
      affiliations: person.affiliations.nodes.map((row) => [
        row.kind, row.startDate, row.endDate, row.roleTitle?.value ?? null, row.organization.displayName.value,
      ]),
      topics: person.topics.nodes.map((topic) => topic.displayName.value),
      statistics: [
        person.statistics.paperCount, person.statistics.coauthorCount,
        person.statistics.firstPublicationYear, person.statistics.lastPublicationYear,
      ],
      papers: person.papers.nodes.map((paper) => [
        paper.title, paper.publicationYear, paper.venueName, paper.abstract.text,
        paper.authorships.nodes.map((author) => author.name),
      ]),
      coauthors: coauthorNames(person),
    }),
  },
  c2: {
    text: text("c2"),
    variables: (key) => ({ id: globalId("Researcher", key.id) }),
    canonical: ({ researcher }) =>
      coauthorNames(researcher, (one) =>
        coauthorNames(one, (two) => two.papers.nodes.map((paper) => [paper.title, paper.publicationYear]))),
  },
  c3: {
    text: `query ThreeLevels($id: ID!) { researcher(by: {id: $id}) { ${coauthors(coauthors(coauthors("")))} } }`,
    variables: (key) => ({ id: globalId("Researcher", key.id) }),
    canonical: ({ researcher }) => coauthorNames(researcher, (one) => coauthorNames(one, (two) => coauthorNames(two))),
  },
  l: {
    text: text("l"),
    // A cursor has the fingerprint of the list and the sort keys of the row, so a cursor for any row can be built from the
    // first one.
    cursor: ({ researchers }) => {
      const [list] = JSON.parse(Buffer.from(researchers.edges[0].cursor, "base64url"));
      return (key) => Buffer.from(JSON.stringify([list, key.sort_name, String(key.id)])).toString("base64url");
    },
    variables: (key, cursor) => ({ after: cursor(key) }),
    canonical: ({ researchers }) =>
      researchers.edges.map(({ node }) => ({
        name: node.name,
        affiliations: node.affiliations.nodes.map((row) => [row.kind, row.organization.displayName.value]),
        topics: node.topics.nodes.map((topic) => topic.displayName.value),
      })),
  },
  n: {
    text: `query Nodes($ids: [ID!]!) { nodes(ids: $ids) {
      ... on Researcher { name slug }
      ... on Paper { title publicationYear }
    } }`,
    variables: (key) => ({ ids: key.ids.map((id, index) => globalId(key.types[index], id)) }),
    canonical: ({ nodes }) =>
      nodes.map((node) => (node.title === undefined ? [node.name, node.slug] : [node.title, node.publicationYear])),
  },
  f: {
    text: `query Papers($authorIds: [ID!]) {
      papers(first: 20, filter: {authorIds: $authorIds, publicationYear: {from: 2000}}) {
        totalCount
        nodes { title publicationYear venueName }
        facets {
          publicationYears { year count }
          venues { value count }
          researchers { count researcher { name } }
          topics { count topic { displayName { value } } }
        }
      }
    }`,
    variables: (key) => ({ authorIds: [globalId("Researcher", key.id)] }),
  },
  s: {
    text: "query Search($input: String!) { search(query: $input, first: 10) { nodes { __typename displayName { value } } } }",
    variables: (key) => ({ input: key.sort_name }),
  },
  a: {
    text: "query Autocomplete($input: String!) { autocomplete(query: $input, first: 10) { label hint } }",
    variables: (key) => ({ input: key.sort_name.slice(0, 6) }),
  },
};
