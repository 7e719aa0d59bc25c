import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher, StorageAPI } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';

import { examples } from './examples';
import { introspectionWatch } from './introspection';
import { linkedOperation } from './link';

const introspection = introspectionWatch();
const fetcher = createGraphiQLFetcher({
  url: '/graphql',
  fetch: introspection.fetch,
  headers: { accept: 'application/graphql-response+json, application/json' },
  // The server answers in one piece; without this, GraphiQL asks for multipart answers.
  enableIncrementalDelivery: false,
});
const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

const linked = linkedOperation(window.location.search);
const defaultTabs = linked ? [linked, ...examples] : examples;
// On a first visit GraphiQL leaves the variables of the first tab out of its editor. On later ones it brings
// back the saved tabs, and would take initial variables for a new one.
const isFirstVisit = new StorageAPI().get('tabState') === null;
const initial = linked ?? (isFirstVisit ? examples[0] : undefined);

function Page() {
  const isOff = useSyncExternalStore(introspection.subscribe, introspection.isOff);
  return (
    <>
      {isOff && (
        <p className="notice" role="status">
          Introspection is turned off on this server: queries run as ever, but there are no suggestions and no reference
          here. The schema is in the file schema.graphql of academic-directory.
        </p>
      )}
      <GraphiQL
        fetcher={fetcher}
        plugins={plugins}
        defaultTabs={defaultTabs}
        initialQuery={initial?.query}
        initialVariables={initial?.variables}
      />
    </>
  );
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<Page />);
