// Joins the directory to a supergraph: composes its subgraph with three others by the libraries of Apollo and of The Guild, and
// sends a query across two subgraphs through a gateway.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { composeServices as composeByApollo } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { composeServices as composeByTheGuild } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';

import { withService } from './service.js';

const ORCID = 'https://orcid.org/';
const LINK = (...imports) =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ${JSON.stringify(imports)})`;

/** The human resources of the university, which know people by ORCID iD and departments by ROR ID. */
const HR = parse(`${LINK('@key')}
  type Researcher @key(fields: "orcid") { orcid: URL  office: String }
  type Organization @key(fields: "ror") { ror: URL  costCentre: String }
  scalar URL
  type Query { staff: [Researcher!]! }`);
/** Notes about anything in the directory. The gateway below does not resolve `@interfaceObject`: only composed. */
const NOTES = parse(`${LINK('@key', '@interfaceObject')}
  type Entity @key(fields: "id") @interfaceObject { id: ID!  note: String }`);
/** A repository of full texts, which knows papers by DOI. */
const REPOSITORY = parse(`${LINK('@key')}
  type Paper @key(fields: "doi") { doi: URL  fullText: String }
  scalar URL`);

const program = fileURLToPath(new URL('../target/debug/academic-directory', import.meta.url));

function subgraphSdl() {
  const { status, stdout, stderr } = spawnSync(program, ['schema', '--subgraph'], { encoding: 'utf8', maxBuffer: 1 << 24 });
  assert.equal(status, 0, stderr);
  return stdout;
}

function compose(directory, urls = {}) {
  const subgraphs = [
    { name: 'directory', typeDefs: directory },
    { name: 'hr', typeDefs: HR },
    { name: 'notes', typeDefs: NOTES },
    { name: 'repository', typeDefs: REPOSITORY },
  ].map((subgraph) => ({ url: 'http://localhost/', ...subgraph, ...urls[subgraph.name] }));
  const apollo = composeByApollo(subgraphs);
  assert.deepEqual(apollo.errors?.map(String) ?? [], []);
  assert.deepEqual(apollo.hints.map(String), []);
  const theGuild = composeByTheGuild(subgraphs);
  assert.deepEqual(theGuild.errors?.map(String) ?? [], []);
  // This library has no hints today.
  assert.deepEqual(theGuild.hints ?? [], []);
  assert.ok(theGuild.supergraphSdl);
  return apollo.supergraphSdl;
}

/** Serves a subgraph during `use`. */
async function withSubgraph(schema, use) {
  const server = createServer(createHandler({ schema }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${server.address().port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function post(fetch, url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

const sdl = subgraphSdl();
await withService({}, async (url) => {
  const direct = (query, variables) => post(fetch, url, { query, variables });
  const service = await direct('{ _service { sdl } }');
  assert.equal(service._service.sdl.trim(), sdl.trim(), 'the SDL of _service differs from that of the command');

  const known = (await direct('{ researchers(first: 1, filter: {hasOrcid: true}) { nodes { name familyName orcid slug } } }')).researchers.nodes[0];
  const staff = [{ orcid: known.orcid }, { orcid: known.orcid.slice(ORCID.length) }, { orcid: `${ORCID}0000-0001-5109-3700` }, { orcid: null }];
  const office = ({ orcid }) => (orcid === known.orcid ? 'B 214' : null);
  const hr = buildSubgraphSchema({
    typeDefs: HR,
    resolvers: {
      Query: { staff: () => staff },
      Researcher: { __resolveReference: (reference) => reference, office },
      Organization: { __resolveReference: (reference) => reference, costCentre: () => null },
    },
  });
  await withSubgraph(hr, async (hrUrl) => {
    const supergraph = compose(parse(sdl), { directory: { url }, hr: { url: hrUrl } });
    let requests = 0;
    const countingFetch = (target, options) => {
      requests += String(target).startsWith(url) ? 1 : 0;
      return fetch(target, options);
    };
    const gateway = createGatewayRuntime({ supergraph, logging: false, maskedErrors: false, fetchAPI: { fetch: countingFetch } });
    const through = async (query, variables) => {
      requests = 0;
      return post((target, options) => gateway.fetch(target, options), 'http://gateway/graphql', { query, variables });
    };
    try {
      // From the directory to the office.
      const profile = 'query($slug: String!) { researcher(by: {slug: $slug}) { name office papers(first: 3) { nodes { title } } } }';
      const { researcher } = await through(profile, { slug: known.slug });
      assert.deepEqual([researcher.name, researcher.office], [known.name, 'B 214']);
      assert.ok(researcher.papers.nodes.length > 0);
      assert.equal(requests, 1);
      // From the office to the directory. People whom it does not know have null for each field of the directory.
      const list = await through('{ staff { office familyName } }');
      assert.deepEqual(list.staff, [
        { office: 'B 214', familyName: known.familyName },
        { office: null, familyName: known.familyName },
        { office: null, familyName: null },
        { office: null, familyName: null },
      ]);
      assert.equal(requests, 1, 'one lookup for all representations');
    } finally {
      await gateway[Symbol.asyncDispose]();
    }
  });
});
console.log('the subgraph composes with three others, and a gateway resolves queries across them');
