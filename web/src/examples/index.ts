import type { Operation } from '../link';
import coauthorsOfCoauthors from './coauthors-of-coauthors.graphql?raw';
import directory from './directory.graphql?raw';
import lookUps from './look-ups.graphql?raw';
import organizationPeople from './organization-people.graphql?raw';
import profile from './profile.graphql?raw';
import researchers from './researchers.graphql?raw';

/** The tabs of a first visit, in this order. */
export const examples: Operation[] = [
  { query: profile, variables: json({ languages: ['fr'] }) },
  { query: coauthorsOfCoauthors, variables: json({ slug: 'razvan-pascanu' }) },
  { query: organizationPeople, variables: json({ slug: 'mila', first: 10, after: null }) },
  { query: researchers, variables: json({ first: 20, after: null }) },
  { query: lookUps, variables: json({ ids: [] }) },
  { query: directory },
];

function json(variables: Record<string, unknown>): string {
  return JSON.stringify(variables, null, 2);
}
