// Compares the service with graphql-js: which requests are accepted, how responses are formed, and the introspected schema.
//
// Documents are random, from a seed. `SEED` sets it, `DOCUMENTS` and `EXECUTED` the numbers of documents. Verdicts may differ
// for requests that exceed a limit of the service, and in the cases that `exemption` lists. Values of custom scalars are
// checked by the fields that take them: as for graphql-js, a document with any is valid.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { buildSchema, print } from 'graphql';

import { DocumentBuilder, insertLiterals } from './conformance/documents.js';
import { compareExecution, mockSchema } from './conformance/execution.js';
import { compareIntrospection } from './conformance/introspection.js';
import { Mutator } from './conformance/mutations.js';
import { Random } from './conformance/random.js';
import { Service, exemption, referenceVerdict, shrink } from './conformance/verdicts.js';
import { withService } from './service.js';

const SEED = Number(process.env.SEED ?? 1);
const DOCUMENTS = Number(process.env.DOCUMENTS ?? 20_000);
const EXECUTED = Number(process.env.EXECUTED ?? 2_000);
const CONCURRENCY = 8;
const MAX_REPORTED = 5;
/** The limits are raised, so that few requests exceed them. */
const ENVIRONMENT = {
  MAX_QUERY_DEPTH: '60',
  MAX_QUERY_NODES: '1000000000',
  MAX_QUERY_COST: '1000000000',
  MAX_QUERY_ALIASES: '10000',
  MAX_QUERY_DIRECTIVES: '10000',
  CACHE_MAX_BYTES: '0',
  RATE_LIMIT_COST_PER_MINUTE: '0',
};

const sdl = readFileSync(fileURLToPath(new URL('../schema.graphql', import.meta.url)), 'utf8');

/** Calls `work` for each item, for several at once. */
async function forEach(items, work) {
  const iterator = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

/** Values of arguments that exist in the demonstration dataset. */
async function samples(service) {
  const lists = ['researchers', 'organizations', 'topics', 'papers'];
  const data = await service.data(`{ ${lists.map((list) => `${list}(first: 20) { nodes { id slug } }`).join(' ')} }`);
  const nodes = lists.flatMap((list) => data[list].nodes);
  const ids = [...nodes.map((node) => node.id), 'unknown'];
  const slugs = [...nodes.map((node) => node.slug), 'unknown'];
  return { id: ids, ids, slug: slugs, slugs, fromId: ids, toId: ids, other: ['a', 'learning', 'x y', ...slugs.slice(0, 5), ...ids.slice(0, 5)] };
}

/** Random requests; `mutated` of them are changed. */
function* requests(builder, mutator, random, count, mutated) {
  for (let index = 0; index < count; index += 1) {
    const request = builder.build();
    const text = random.chance(mutated) ? mutator.mutate(request) : insertLiterals(print(request.document));
    yield { text, variables: request.variables, operationName: request.operationName };
  }
}

const describe = ({ text, variables, operationName }) =>
  `${JSON.stringify(text)}\n  variables ${JSON.stringify(variables)}${operationName ? `, operation ${operationName}` : ''}`;

async function compareVerdicts(schema, service, source) {
  const counts = { accepted: 0, rejected: 0, exempt: 0 };
  const exempt = new Map();
  const failed = [];
  await forEach(source, async (request) => {
    if (failed.length >= MAX_REPORTED) return;
    const [ours, reference] = [await service.verdict(request), referenceVerdict(schema, request)];
    if (ours.verdict === reference.verdict) {
      counts[reference.verdict] += 1;
      return;
    }
    const reason = ours.verdict === 'exempt' ? ours.reason : exemption(schema, request);
    if (reason) {
      counts.exempt += 1;
      exempt.set(reason, (exempt.get(reason) ?? 0) + 1);
      return;
    }
    const smallest = await shrink(schema, service, request);
    const [smallestOurs, smallestReference] = [await service.verdict(smallest), referenceVerdict(schema, smallest)];
    const verdict = ({ verdict, reason }) => (reason ? `${verdict} (${reason})` : verdict);
    failed.push(`${describe(smallest)}\n  the service: ${verdict(smallestOurs)}\n  graphql-js:  ${verdict(smallestReference)}`);
  });
  const total = counts.accepted + counts.rejected + counts.exempt;
  console.log(`${total} requests: both accept ${counts.accepted} and reject ${counts.rejected}; ${counts.exempt} may differ`);
  exempt.forEach((count, reason) => console.log(`  ${count}: ${reason}`));
  if (counts.exempt > total / 20) failed.push(`${counts.exempt} of ${total} requests may differ`);
  if (Math.min(counts.accepted, counts.rejected) < total / 5) failed.push('too few requests are accepted or rejected');
  return failed;
}

async function compareResponses(schema, service, source) {
  let [executed, withErrors] = [0, 0];
  const failed = [];
  const accepted = function* () {
    for (const request of source) {
      if (executed >= EXECUTED || failed.length >= MAX_REPORTED) return;
      if (referenceVerdict(schema, request).verdict === 'accepted') yield request;
    }
  };
  await forEach(accepted(), async (request) => {
    const { isExecuted, hasErrors, reason } = await compareExecution(schema, service, request);
    executed += isExecuted;
    withErrors += hasErrors ?? false;
    if (reason) failed.push(`${describe(request)}${reason}`);
  });
  console.log(`${executed} requests executed by both, ${withErrors} of them with errors of fields`);
  if (executed < EXECUTED && failed.length === 0) failed.push(`only ${executed} requests were executed`);
  return failed;
}

const failed = await withService(ENVIRONMENT, async (url) => {
  console.log(`seed ${SEED}; set SEED to repeat a run or to try another`);
  const service = new Service(url);
  const schema = buildSchema(sdl);
  const random = new Random(SEED);
  const builder = new DocumentBuilder(schema, random, await samples(service));
  const mutator = new Mutator(schema, random);
  const { differences, introspected } = await compareIntrospection(schema, service);
  console.log(`the introspected schema ${differences.length > 0 ? 'differs from' : 'equals'} schema.graphql`);
  const verdicts = await compareVerdicts(schema, service, requests(builder, mutator, random, DOCUMENTS, 0.65));
  const responses = await compareResponses(mockSchema(introspected), service, requests(builder, mutator, random, EXECUTED * 20, 0));
  return [...differences, ...verdicts, ...responses];
});
failed.forEach((line) => console.error(line));
process.exitCode = failed.length === 0 ? 0 : 1;
