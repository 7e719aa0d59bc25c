import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher, StorageAPI } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { type MouseEvent, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';

import { allowTypographicCharacters } from './editor';
import { examples } from './examples';
import { introspectionWatch } from './introspection';
import { linkedOperation } from './link';

allowTypographicCharacters();
const introspection = introspectionWatch();
const fetcher = createGraphiQLFetcher({
  // Next to this page.
  url: 'graphql',
  fetch: introspection.fetch,
  headers: { accept: 'application/graphql-response+json, application/json' },
  // The server does not support incremental delivery. By default, GraphiQL requests multipart responses.
  enableIncrementalDelivery: false,
});
const plugins = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

const linked = linkedOperation(window.location.search);
const defaultTabs = linked ? [linked, ...examples] : examples;
// On the first visit, GraphiQL does not show the variables of the first tab. On later visits, it restores the saved tabs,
// and initial variables would open another tab.
const isFirstVisit = new StorageAPI().get('tabState') === null;
const initial = linked ?? (isFirstVisit ? examples[0] : undefined);

function focusEditor(event: MouseEvent<HTMLElement>) {
  event.preventDefault();
  document.querySelector<HTMLElement>('.graphiql-query-editor :is(textarea, .native-edit-context)')?.focus();
}

function Page() {
  const isOff = useSyncExternalStore(introspection.subscribe, introspection.isOff);
  return (
    <>
      <a className="skip" href="#editor" onClick={focusEditor}>
        Go to the query editor (Ctrl-M, then Tab, leaves it)
      </a>
      <p className="hint">
        <span>Each tab is a query for one task, which its first lines describe. Press ▶ or Ctrl-Enter to run it.</span>
        <span className="links">
          <a href="graphiql/cookbook.txt">Cookbook</a>
          <a href="./">Pages of the directory</a>
        </span>
      </p>
      {isOff && (
        <p className="notice" role="status">
          Introspection is turned off on this server. You can run queries, but autocompletion and the documentation are not
          available on this page. The schema is in the file schema.graphql of academic-directory.
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
