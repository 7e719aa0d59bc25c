// A profile with paginated papers, with Relay: each component declares its data in a fragment.

import { graphql, useFragment, useLazyLoadQuery, usePaginationFragment } from 'react-relay';

import type { ProfilePage_header$key } from '../build/relay/ProfilePage_header.graphql';
import type { ProfilePage_papers$key } from '../build/relay/ProfilePage_papers.graphql';
import type { ProfilePagePapersQuery } from '../build/relay/ProfilePagePapersQuery.graphql';
import type { ProfilePageQuery } from '../build/relay/ProfilePageQuery.graphql';

export function ProfilePage({ slug, languages }: { slug: string; languages: string[] }) {
  const data = useLazyLoadQuery<ProfilePageQuery>(
    graphql`
      query ProfilePageQuery($slug: String!, $languages: [LanguageTag!]) {
        researcher(by: { slug: $slug }) {
          ...ProfilePage_header
          ...ProfilePage_papers
        }
      }
    `,
    { slug, languages },
  );
  if (!data.researcher) return <p>There is no researcher with the slug {slug}.</p>;
  return (
    <main>
      <Header researcher={data.researcher} />
      <Papers researcher={data.researcher} />
    </main>
  );
}

function Header({ researcher }: { researcher: ProfilePage_header$key }) {
  const { name, orcid, headline } = useFragment(
    graphql`
      fragment ProfilePage_header on Researcher {
        name
        orcid
        headline(languages: $languages) {
          value
          language
        }
      }
    `,
    researcher,
  );
  return (
    <header>
      <h1>{name}</h1>
      {headline && <p lang={headline.language ?? undefined}>{headline.value}</p>}
      {orcid && <a href={`https://orcid.org/${orcid}`}>{orcid}</a>}
    </header>
  );
}

function Papers({ researcher }: { researcher: ProfilePage_papers$key }) {
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment<
    ProfilePagePapersQuery,
    ProfilePage_papers$key
  >(
    graphql`
      fragment ProfilePage_papers on Researcher
      @refetchable(queryName: "ProfilePagePapersQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
        papers(first: $first, after: $after) @connection(key: "ProfilePage_papers") {
          totalCount
          edges {
            node {
              id
              title
              publicationYear
            }
          }
        }
      }
    `,
    researcher,
  );
  return (
    <section>
      <h2>{data.papers.totalCount} papers</h2>
      <ul>
        {data.papers.edges.map(({ node }) => (
          <li key={node.id}>
            {node.title} {node.publicationYear}
          </li>
        ))}
      </ul>
      {hasNext && (
        <button disabled={isLoadingNext} onClick={() => loadNext(20)}>
          More
        </button>
      )}
    </section>
  );
}
