import { defineConfig } from 'vite';

export default defineConfig({
  // The service serves this page at /graphiql, without a trailing slash.
  base: '/graphiql/',
  build: {
    // The editor is one large module that cannot be split.
    chunkSizeWarningLimit: 5000,
    license: { fileName: 'licenses.md' },
    // Module directives such as "use client" have no effect in a browser bundle.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  worker: { format: 'es' },
  server: {
    proxy: { '/graphql': 'http://localhost:8080' },
  },
});
