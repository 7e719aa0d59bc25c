// The same queries for the schema of the Yoga server in server.mjs.

const coauthors = (selection) => `coauthors(first: 10) { paperCount researcher { name ${selection} } }`;
const coauthorNames = (person, canonical) =>
  person.coauthors.map(({ paperCount, researcher }) =>
    [researcher.name, paperCount, ...(canonical ? [canonical(researcher)] : [])]);
const idOf = (key) => ({ id: String(key.id) });

export const queries = {
  p: {
    text: `query Profile($id: ID!) { researcher(id: $id) {
      name slug
      affiliations(first: 10) { kind startDate endDate roleTitle organization { name } }
      topics(first: 10) { label }
      statistics { paperCount coauthorCount firstPublicationYear lastPublicationYear }
      papers(first: 10) { title publicationYear venueName abstract authors(first: 10) { name } }
      ${coauthors("")}
    } }`,
    variables: idOf,
    canonical: ({ researcher: person }) => ({
      name: person.name,
      slug: person.slug,
      affiliations: person.affiliations.map((row) =>
        [row.kind, row.startDate, row.endDate, row.roleTitle, row.organization.name]),
      topics: person.topics.map((topic) => topic.label),
      statistics: [
        person.statistics.paperCount, person.statistics.coauthorCount,
        person.statistics.firstPublicationYear, person.statistics.lastPublicationYear,
      ],
      papers: person.papers.map((paper) => [
        paper.title, paper.publicationYear, paper.venueName, paper.abstract, paper.authors.map((author) => author.name),
      ]),
      coauthors: coauthorNames(person),
    }),
  },
  c2: {
    text: `query CoauthorsOfCoauthors($id: ID!) { researcher(id: $id) {
      ${coauthors(coauthors("papers(first: 5) { title publicationYear }"))}
    } }`,
    variables: idOf,
    canonical: ({ researcher }) =>
      coauthorNames(researcher, (one) => coauthorNames(one, (two) => two.papers.map((paper) => [paper.title, paper.publicationYear]))),
  },
  c3: {
    text: `query ThreeLevels($id: ID!) { researcher(id: $id) { ${coauthors(coauthors(coauthors("")))} } }`,
    variables: idOf,
    canonical: ({ researcher }) => coauthorNames(researcher, (one) => coauthorNames(one, (two) => coauthorNames(two))),
  },
  l: {
    text: `query People($afterName: String, $afterId: ID) { researchers(first: 50, afterName: $afterName, afterId: $afterId) {
      name affiliations(first: 10) { kind organization { name } } topics(first: 10) { label }
    } }`,
    variables: (key) => ({ afterName: key.sort_name, afterId: String(key.id) }),
    canonical: ({ researchers }) =>
      researchers.map((person) => ({
        name: person.name,
        affiliations: person.affiliations.map((row) => [row.kind, row.organization.name]),
        topics: person.topics.map((topic) => topic.label),
      })),
  },
  n: {
    text: `query Nodes($ids: [ID!]!) { nodes(ids: $ids) {
      ... on Researcher { name slug }
      ... on Paper { title publicationYear }
    } }`,
    variables: (key) => ({ ids: key.ids.map((id, index) => `${key.types[index]}:${id}`) }),
    canonical: ({ nodes }) =>
      nodes.map((node) => (node.title === undefined ? [node.name, node.slug] : [node.title, node.publicationYear])),
  },
};
