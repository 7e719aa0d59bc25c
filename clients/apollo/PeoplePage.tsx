// A list of people with a button to load more, with Apollo Client: relayStylePagination merges the pages.

import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import { relayStylePagination } from '@apollo/client/utilities';

import { graphql } from '../build/codegen';

export const client = new ApolloClient({
  link: new HttpLink({ uri: '/graphql', headers: { accept: 'application/graphql-response+json' } }),
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { researchers: relayStylePagination(['filter', 'orderBy']) } } },
  }),
});

const PEOPLE = graphql(`
  query ApolloPeople($after: String) {
    researchers(first: 20, after: $after, orderBy: { field: NAME, direction: ASC }) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          id
          slug
          name
        }
      }
    }
  }
`);

export function PeoplePage() {
  const { data, error, fetchMore } = useQuery(PEOPLE);
  if (error) return <p>{error.message}</p>;
  if (!data) return <p>…</p>;
  const { edges, pageInfo } = data.researchers;
  return (
    <>
      <ul>
        {edges.map(({ node }) => (
          <li key={node.id}>{node.name}</li>
        ))}
      </ul>
      {pageInfo.hasNextPage && (
        <button onClick={() => fetchMore({ variables: { after: pageInfo.endCursor } })}>More</button>
      )}
    </>
  );
}
