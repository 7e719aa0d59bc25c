// A paper, with urql: it sends the query with GET, so that an HTTP cache can store the response.

import { Client, cacheExchange, fetchExchange, useQuery } from 'urql';

import { graphql } from '../build/codegen';

export const client = new Client({
  url: '/graphql',
  exchanges: [cacheExchange, fetchExchange],
  preferGetMethod: 'within-url-limit',
  fetchOptions: { headers: { accept: 'application/graphql-response+json' } },
});

const PAPER = graphql(`
  query UrqlPaper($doi: String!) {
    paper(by: { doi: $doi }) {
      id
      title
      publicationDate
      authorships(first: 10) {
        nodes {
          name
        }
      }
    }
  }
`);

export function PaperPage({ doi }: { doi: string }) {
  const [{ data, error, fetching }] = useQuery({ query: PAPER, variables: { doi } });
  if (fetching) return <p>…</p>;
  if (error) return <p>{error.message}</p>;
  if (!data?.paper) return <p>There is no paper with the DOI {doi}.</p>;
  return (
    <article>
      <h1>{data.paper.title}</h1>
      <p>{data.paper.authorships.nodes.map(({ name }) => name).join(', ')}</p>
      <time dateTime={data.paper.publicationDate ?? undefined}>{data.paper.publicationDate}</time>
    </article>
  );
}
