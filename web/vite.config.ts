import { defineConfig } from 'vite';

export default defineConfig({
  // The service serves this page at /graphiql, without the final slash.
  base: '/graphiql/',
  build: {
    // The editor is one big module that nothing can split.
    chunkSizeWarningLimit: 5000,
    license: { fileName: 'licenses.md' },
    // "use client" and the like mean nothing in a browser bundle.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  worker: { format: 'es' },
  server: {
    proxy: { '/graphql': 'http://localhost:8080' },
  },
});
