// An invented university for the screenshots of pages: its people, topics and papers do not exist.

const UNIVERSITY = 'University of Northmoor';
const DEPARTMENTS = ['Department of Marine Sciences', 'School of Engineering', 'Department of Statistics', 'Faculty of Law'];
const TOPICS = [
  'Coastal erosion', 'Sediment transport', 'Tidal energy', 'Wave models', 'Remote sensing', 'Bayesian inference',
  'Spatial statistics', 'Flood insurance', 'Environmental law', 'Marine ecology', 'Sensor networks', 'Structural safety',
];
/** Name, role, department and the first of four topics. */
const PEOPLE = [
  ['Ida Brook', 'Professor of coastal engineering', 0, 0],
  ['Tomas Arendt', 'Associate professor', 0, 1],
  ['Amara Osei-Lund', 'Research fellow', 0, 8],
  ['Noé Vasseur', 'Professor of structural engineering', 1, 2],
  ['Lin Haverkamp', 'Assistant professor', 1, 4],
  ['Saoirse Quill', 'Doctoral researcher', 1, 3],
  ['Mateus Ferro', 'Professor of statistics', 2, 5],
  ['Yuna Sato-Berg', 'Assistant professor', 2, 6],
  ['Edda Norling', 'Professor of environmental law', 3, 7],
  ['Kofi Lindqvist', 'Lecturer', 3, 8],
];
const SUBJECTS = ['Shoreline change', 'Dune recovery', 'Breakwater design', 'Storm surge', 'Seabed friction', 'Harbour silting'];
const PHRASES = [
  'after a century of dredging', 'from two decades of satellite images', 'under uncertain sea levels',
  'with sparse gauges', 'in shallow estuaries',
];
const VENUES = ['Journal of Invented Coasts', 'Northmoor Review of Engineering', 'Annals of Imaginary Statistics'];

const labels = (topic) => ({ labels: { en: TOPICS[topic % TOPICS.length] } });

/** The records, in the format of `import records`. */
export function inventedRecords() {
  const organization = (name, more) => ({ kind: 'organization', names: [{ value: name, kind: 'DISPLAY', language: 'en' }], ...more });
  const organizations = [
    organization(UNIVERSITY, { slug: 'northmoor', types: ['EDUCATION'], city: 'Northmoor' }),
    ...DEPARTMENTS.map((name) => organization(name, { types: ['EDUCATION'], city: 'Northmoor' })),
  ];
  const researchers = PEOPLE.map(([name, role, department, topic]) => ({
    kind: 'researcher',
    name,
    affiliations: [
      { affiliationKind: 'EMPLOYMENT', organization: { name: DEPARTMENTS[department] }, roleTitle: { en: role }, isPrimary: true, startDate: '2012' },
    ],
    topics: [0, 1, 2, 3, 4, 5].map((offset) => labels(topic + offset)),
  }));
  const papers = SUBJECTS.flatMap((subject, row) =>
    PHRASES.map((phrase, column) => {
      // Ida Brook has written most of them.
      const authors = [row % 2 === column % 2 ? 0 : 1 + row, 1 + ((row + 2 * column) % 9), 1 + ((row * 3 + column) % 9)];
      const names = [...new Set(authors)].map((author) => PEOPLE[author][0]);
      return {
        kind: 'paper',
        title: `${subject} ${phrase}`,
        publicationDate: `${2025 - ((row * 5 + column * 3) % 12)}`,
        type: (row + column) % 4 === 0 ? 'PREPRINT' : 'ARTICLE',
        venueName: VENUES[(row + column) % VENUES.length],
        authors: names.map((name, index) => ({ position: index + 1, name })),
        topics: [labels(row + column), labels(row * 2)],
      };
    }),
  );
  return [...organizations, ...researchers, ...papers];
}
