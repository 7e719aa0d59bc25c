import { defineConfig } from 'vite';

export default defineConfig({
  // Addresses are relative, so that the page also works below a path prefix of a proxy.
  base: './',
  experimental: {
    // The service serves the page at /graphiql, without a trailing slash, and its files below that.
    renderBuiltUrl: (filename, { hostType }) => (hostType === 'html' ? `graphiql/${filename}` : { relative: true }),
  },
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
