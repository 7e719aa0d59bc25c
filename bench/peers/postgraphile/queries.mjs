// The same queries for the schema of PostGraphile.
import { english } from "../english.mjs";

const coauthors = (selection, fields = "") => `coauthorships(first: 10, orderBy: [PAPER_COUNT_DESC, COAUTHOR_ID_DESC]) {
  ${fields} nodes { paperCount coauthor { displayName ${selection} } }
}`;
const papers = (first, selection) =>
  `authorships(first: ${first}, orderBy: [PUBLICATION_KEY_DESC, PAPER_ID_DESC]) { nodes { paper { ${selection} } } }`;
const affiliations = (selection) =>
  `affiliations(first: 10, orderBy: [IS_PRIMARY_DESC, ENDS_ON_DESC, STARTS_ON_DESC]) { nodes { ${selection} organization { displayNames } } }`;
const topics = "worksOn(first: 10) { nodes { displayNames } }";

const coauthorNames = (person, canonical) =>
  person.coauthorships.nodes.map(({ paperCount, coauthor }) =>
    [coauthor.displayName, paperCount, ...(canonical ? [canonical(coauthor)] : [])]);
const labels = (list) => list.nodes.map((node) => english(node.displayNames));
const idOf = (key) => ({ id: String(key.id) });

export const queries = {
  p: {
    text: `query Profile($id: BigInt!) { researcher(rowId: $id) {
      displayName slug
      ${affiliations("kind startDate endDate roleTitle")}
      ${topics}
      researcherStatistic { paperCount firstYear lastYear }
      ${papers(10, `title publicationYear venueName abstractText
        authorships(first: 10, orderBy: [LIST_ORDER_ASC]) { nodes { name researcher { displayName } } }`)}
      ${coauthors("", "totalCount")}
    } }`,
    variables: idOf,
    canonical: ({ researcher: person }) => ({
      name: person.displayName,
      slug: person.slug,
      affiliations: person.affiliations.nodes.map((row) => [
        row.kind, row.startDate, row.endDate, english(row.roleTitle), english(row.organization.displayNames),
      ]),
      topics: labels(person.worksOn),
      statistics: [
        person.researcherStatistic.paperCount, Number(person.coauthorships.totalCount),
        person.researcherStatistic.firstYear || null, person.researcherStatistic.lastYear || null,
      ],
      papers: person.authorships.nodes.map(({ paper }) => [
        paper.title, paper.publicationYear, paper.venueName, english(paper.abstractText),
        paper.authorships.nodes.map((author) => author.researcher?.displayName ?? author.name),
      ]),
      coauthors: coauthorNames(person),
    }),
  },
  c2: {
    text: `query CoauthorsOfCoauthors($id: BigInt!) { researcher(rowId: $id) {
      ${coauthors(coauthors(papers(5, "title publicationYear")))}
    } }`,
    variables: idOf,
    canonical: ({ researcher }) =>
      coauthorNames(researcher, (one) =>
        coauthorNames(one, (two) => two.authorships.nodes.map(({ paper }) => [paper.title, paper.publicationYear]))),
  },
  c3: {
    text: `query ThreeLevels($id: BigInt!) { researcher(rowId: $id) { ${coauthors(coauthors(coauthors("")))} } }`,
    variables: idOf,
    canonical: ({ researcher }) => coauthorNames(researcher, (one) => coauthorNames(one, (two) => coauthorNames(two))),
  },
  l: {
    text: `query People($after: Cursor) { researchers(first: 50, after: $after, orderBy: [SORT_NAME_ASC]) {
      edges { cursor node { displayName ${affiliations("kind")} ${topics} } }
    } }`,
    cursor: ({ researchers }) => {
      const [list] = JSON.parse(Buffer.from(researchers.edges[0].cursor, "base64"));
      return (key) => Buffer.from(JSON.stringify([list, key.sort_name, String(key.id)])).toString("base64");
    },
    variables: (key, cursor) => ({ after: cursor(key) }),
    canonical: ({ researchers }) =>
      researchers.edges.map(({ node }) => ({
        name: node.displayName,
        affiliations: node.affiliations.nodes.map((row) => [row.kind, english(row.organization.displayNames)]),
        topics: labels(node.worksOn),
      })),
  },
  n: {
    // There is no field that takes several ids. This executes one statement per table, whereas 100 `node` fields need 100
    // plans.
    text: `query Nodes($people: [BigInt!], $papers: [BigInt!]) {
      researchers(filter: {rowId: {in: $people}}) { nodes { rowId displayName slug } }
      papers(filter: {rowId: {in: $papers}}) { nodes { rowId title publicationYear } }
    }`,
    variables: (key) => {
      const of = (type) => key.ids.filter((_, index) => key.types[index] === type).map(String);
      return { people: of("Researcher"), papers: of("Paper") };
    },
    // The nodes are not in the order of the ids, so a client has to sort them.
    canonical: ({ researchers, papers }, key) => {
      const people = new Map(researchers.nodes.map((node) => [String(node.rowId), [node.displayName, node.slug]]));
      const works = new Map(papers.nodes.map((node) => [String(node.rowId), [node.title, node.publicationYear]]));
      return key.ids.map((id, index) => (key.types[index] === "Paper" ? works : people).get(String(id)));
    },
  },
};
