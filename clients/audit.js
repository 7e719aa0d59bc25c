// Checks the service against the GraphQL over HTTP specification, with the audits of the npm package graphql-http.

import { serverAudits } from 'graphql-http';

import { withService } from './service.js';

const MIN_AUDITS = 61;

const failed = await withService({}, async (url) => {
  const audits = serverAudits({ url, fetchFn: fetch });
  const failed = audits.length < MIN_AUDITS ? [`expected at least ${MIN_AUDITS} audits, found ${audits.length}`] : [];
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status !== 'ok') failed.push(`${audit.id} ${audit.name}: ${result.reason}`);
  }
  console.log(`${audits.length - failed.length} of ${audits.length} audits of GraphQL over HTTP passed`);
  return failed;
});
failed.forEach((line) => console.error(line));
process.exitCode = failed.length === 0 ? 0 : 1;
