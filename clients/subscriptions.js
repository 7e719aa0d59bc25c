// Runs queries and subscriptions through the npm packages graphql-ws and graphql-sse, also across lost connections.

import { setTimeout } from 'node:timers/promises';

import { createClient as createSseClient } from 'graphql-sse';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, MessageType, createClient as createWebSocketClient, validateMessage } from 'graphql-ws';
import WebSocket from 'ws';

import { withService } from './service.js';

const FEED = 'query ($after: String) { changes(after: $after, first: 500, kinds: [TOPIC, ORGANIZATION]) { cursor hasMore changes { id } } }';
const SUBSCRIPTION =
  'subscription ($after: String) { changes(after: $after, kinds: [TOPIC, ORGANIZATION]) { cursor hasMore changes { id cursor } } }';
const failures = [];

function check(what, isTrue, details) {
  if (!isTrue) failures.push(`${what}: ${JSON.stringify(details)}`);
}

/** A promise for the only result of a query. */
function result(client, query) {
  return new Promise((resolve, reject) => {
    let last;
    client.subscribe({ query }, { next: (value) => (last = value), error: reject, complete: () => resolve(last) });
  });
}

/** The IDs that a subscription delivers until it has caught up, and its last cursor. */
async function follow(client, after) {
  const ids = [];
  for await (const { data, errors } of client.iterate({ query: SUBSCRIPTION, variables: { after } })) {
    if (errors) throw new Error(JSON.stringify(errors));
    ids.push(...data.changes.changes.map(({ id }) => id));
    if (!data.changes.hasMore) return { ids, cursor: data.changes.cursor };
  }
  throw new Error('the subscription has ended');
}

/** Everything that the feed has, and a cursor after its first tenth. */
async function feed(url) {
  const ids = [];
  let after = null;
  let early;
  for (let hasMore = true; hasMore; ) {
    const body = JSON.stringify({ query: FEED, variables: { after } });
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { changes } = (await response.json()).data;
    ids.push(...changes.changes.map(({ id }) => id));
    ({ cursor: after, hasMore } = changes);
  }
  const body = JSON.stringify({ query: FEED.replace('500', String(Math.max(1, Math.floor(ids.length / 10)))) });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  early = (await response.json()).data.changes;
  return { ids, early: early.cursor, rest: ids.slice(early.changes.length) };
}

async function checkClient(name, client, expected) {
  const { data } = await result(client, '{ directory { consortiumSize } }');
  check(`${name}, a query`, data?.directory.consortiumSize > 0, data);
  const invalid = await result(client, '{ unknown }').catch((error) => error);
  const errors = Array.isArray(invalid) ? invalid : invalid.errors;
  check(`${name}, an invalid query`, errors?.[0].extensions.code === 'GRAPHQL_VALIDATION_FAILED', invalid);
  const { ids } = await follow(client, expected.early);
  check(`${name}, what changed after a cursor`, ids.join() === expected.rest.join(), { expected: expected.rest.length, ids: ids.length });
}

/** A subscription whose connection is cut after its first event is resumed by the package. */
async function checkReconnect(url) {
  let socket;
  let connections = 0;
  const client = createWebSocketClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: 10,
    retryWait: () => setTimeout(50),
    shouldRetry: () => true,
    on: { opened: (opened) => ((socket = opened), (connections += 1)) },
  });
  let events = 0;
  for await (const { data } of client.iterate({ query: 'subscription ($after: String) { changes(after: $after) { cursor } }', variables: { after: await firstCursor(url) } })) {
    check('an event', typeof data.changes.cursor === 'string', data);
    events += 1;
    if (connections === 1) socket.terminate();
    else break;
  }
  check('events over two connections', events >= 2 && connections === 2, { events, connections });
  await client.dispose();
}

/** Sends messages over a socket, and returns what the service sends until it closes it or has sent as many as expected. */
function exchange(url, messages, { count = Infinity, protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL } = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws'), protocol ?? []);
    const received = [];
    socket.on('open', () => messages.forEach((message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message))));
    socket.on('message', (data) => {
      // Throws if it is not a message of the protocol.
      received.push(validateMessage(JSON.parse(data.toString())));
      if (received.length === count) socket.close(1000);
    });
    socket.on('close', (code) => resolve({ received, code }));
    socket.on('error', reject);
  });
}

/** The messages of the service, and the codes with which it closes a socket, are those of the package. */
async function checkProtocol(url) {
  const init = { type: MessageType.ConnectionInit };
  const subscribe = (id, query) => ({ id, type: MessageType.Subscribe, payload: { query } });
  const endless = 'subscription { changes { cursor } }';
  for (const [name, messages, options, expected] of [
    ['BadRequest', ['not JSON'], {}, CloseCode.BadRequest],
    ['BadRequest', [{ type: 'unknown' }], {}, CloseCode.BadRequest],
    ['BadRequest', [init, { type: MessageType.Subscribe, id: '1' }], {}, CloseCode.BadRequest],
    ['Unauthorized', [subscribe('1', '{ __typename }')], {}, CloseCode.Unauthorized],
    ['SubprotocolNotAcceptable', [], { protocol: null }, CloseCode.SubprotocolNotAcceptable],
    ['ConnectionInitialisationTimeout', [], {}, CloseCode.ConnectionInitialisationTimeout],
    ['SubscriberAlreadyExists', [init, subscribe('1', endless), subscribe('1', endless)], {}, CloseCode.SubscriberAlreadyExists],
    ['TooManyInitialisationRequests', [init, init], {}, CloseCode.TooManyInitialisationRequests],
  ]) {
    const { code } = await exchange(url, messages, options);
    check(`close code ${name}`, code === expected, { code, expected });
  }
  const types = async (messages, count) => (await exchange(url, messages, { count })).received.map(({ type }) => type);
  for (const [messages, expected] of [
    [[init], [MessageType.ConnectionAck]],
    [[{ type: MessageType.Ping }], [MessageType.Pong]],
    [[{ type: MessageType.Pong }, { ...init, payload: {} }], [MessageType.ConnectionAck]],
    [[init, subscribe('1', '{ __typename }')], [MessageType.ConnectionAck, MessageType.Next, MessageType.Complete]],
    [[init, subscribe('1', '{ unknown }')], [MessageType.ConnectionAck, MessageType.Error]],
    // An operation that is completed is not heard of again, and its id is free.
    [
      [init, subscribe('1', endless), { id: '1', type: MessageType.Complete }, subscribe('1', '{ __typename }')],
      [MessageType.ConnectionAck, MessageType.Next, MessageType.Complete],
    ],
  ]) {
    const received = await types(messages, expected.length);
    check(`messages ${JSON.stringify(messages)}`, received.join() === expected.join(), received);
  }
}

async function firstCursor(url) {
  const body = JSON.stringify({ query: '{ changes(first: 1) { cursor } }' });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  return (await response.json()).data.changes.cursor;
}

await withService({}, async (url) => {
  const expected = await feed(url);
  check('the feed has changes', expected.rest.length > 0, expected.ids.length);
  const webSocket = createWebSocketClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, lazy: false });
  await checkClient('graphql-ws', webSocket, expected);
  await webSocket.dispose();
  const sse = createSseClient({ url, singleConnection: false });
  await checkClient('graphql-sse', sse, expected);
  sse.dispose();
  await checkReconnect(url);
  await checkProtocol(url);
});
failures.forEach((line) => console.error(line));
console.log(failures.length === 0 ? 'graphql-ws and graphql-sse receive the feed' : `${failures.length} failures`);
if (failures.length > 0) process.exitCode = 1;
