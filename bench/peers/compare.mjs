// Benchmarks the service and its peers on one database. Started by bench/compare.sh. Before the measurement, the responses
// of each peer are compared with those of the service.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import pg from "pg";
import { queries as postgraphileQueries } from "./postgraphile/queries.mjs";
import { queries as serviceQueries } from "./service/queries.mjs";
import { queries as yogaQueries } from "./yoga/queries.mjs";

const { values: options } = parseArgs({
  options: {
    program: { type: "string" },
    data: { type: "string" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    queries: { type: "string", default: "p,c2,c3,l,n,f,s,a" },
    // The queries to measure with Zipf-distributed keys too.
    zipf: { type: "string", default: "p,c2" },
    // How many seconds to fill the response cache before the measurement with Zipf-distributed keys.
    warm: { type: "string", default: "2" },
    // The queries to measure with a single key too, which is always cached.
    single: { type: "string", default: "" },
    peers: { type: "string", default: "service,cached,postgraphile,yoga,statement" },
    // Milliseconds that are added to each round trip between a peer and Postgres; all of them are measured in turn.
    latency: { type: "string", default: "0" },
    // The program that adds latency, with its arguments.
    proxy: { type: "string", default: "" },
    connections: { type: "string", default: "8" },
    // The query of the first requests of a new process; empty if they are not measured.
    first: { type: "string", default: "" },
    // How many processes to start, one after the other, to measure their first requests.
    processes: { type: "string", default: "5" },
    "check-only": { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
const listed = (text) => text.split(",").filter(Boolean);
const latencies = listed(options.latency).map(Number);
/** Connections of the client, and of each peer to Postgres. */
const CONNECTIONS = Number(options.connections);
const FIRST_REQUESTS = 100;
/** How many connections to Postgres the service opens when it starts. */
const INITIAL_CONNECTIONS = 4;
const CHECKED_KEYS = 20;
const WARM_UP_SECONDS = 2;
const MAX_KEYS = 60_000;
const TICKS_PER_SECOND = 100;
const here = import.meta.dirname;
const workspace = mkdtempSync(join(tmpdir(), "compare-"));
const log = (text) => process.stderr.write(`${text}\n`);

const socket = join(options.data, "postgres");
/** How the peers connect to Postgres: directly, or through the proxy that adds latency. */
const database = { PGHOST: socket, PGPORT: "5432", PGUSER: "academic_directory", PGDATABASE: "academic_directory" };
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const client = new pg.Client({ host: socket, user: database.PGUSER, database: database.PGDATABASE });
const sql = async (text, values) => (await client.query(text, values)).rows;

// --- keys ---

/** A seeded pseudorandom number generator (mulberry32). */
const seededRandom = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
};

const shuffled = (all, next) => {
  const list = [...all];
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(next() * (index + 1));
    [list[index], list[other]] = [list[other], list[index]];
  }
  return list;
};

/** Draws as many keys as there are, by Zipf's law: the n-th key has 1/n of the frequency of the first. */
const byZipf = (keys, next) => {
  let sum = 0;
  const sums = keys.map((_, index) => (sum += 1 / (index + 1)));
  return keys.map(() => {
    const drawn = next() * sum;
    let [low, high] = [0, keys.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < drawn) low = middle + 1;
      else high = middle;
    }
    return keys[low];
  });
};

const makeKeys = async () => {
  const next = seededRandom(1);
  const people = await sql(`SELECT researcher.id, researcher.sort_name FROM researcher
    JOIN researcher_statistics ON researcher_statistics.researcher_id = researcher.id WHERE paper_count >= 5 ORDER BY researcher.id`);
  const everyone = await sql("SELECT id, sort_name FROM researcher ORDER BY id");
  const papers = await sql("SELECT id FROM paper ORDER BY id");
  if (people.length < 100) throw new Error(`only ${people.length} researchers have five or more papers: the directory is too small for the benchmark`);
  const some = (list) => list[Math.floor(next() * list.length)].id;
  const makeBatch = () => {
    const chosen = new Map();
    // An id that is drawn twice is included once.
    for (let index = 0; index < 100; index++) {
      const [type, id] = index % 5 < 3 ? ["Researcher", some(people)] : ["Paper", some(papers)];
      chosen.set(`${type}:${id}`, { type, id });
    }
    return { ids: [...chosen.values()].map((one) => one.id), types: [...chosen.values()].map((one) => one.type) };
  };
  const withPapers = shuffled(people, next).slice(0, MAX_KEYS);
  const anyone = shuffled(everyone, next).slice(0, MAX_KEYS);
  const batch = Array.from({ length: 5_000 }, makeBatch);
  const sequences = { person: withPapers, anyone, batch };
  const numbered = {};
  let sequence = 0;
  for (const [name, keys] of Object.entries(sequences)) {
    for (const [distribution, drawn] of [["uniform", keys], ["Zipf", byZipf(keys, next)], ["single", keys.slice(0, 1)]]) {
      sequence += 1;
      numbered[`${name} ${distribution}`] = { sequence, keys: drawn };
      for (let from = 0; from < drawn.length; from += 5_000) {
        await sql(
          `INSERT INTO bench.key SELECT $1, $2 + place - 1, entry.id, entry.sort_name, entry.ids, entry.types
           FROM ROWS FROM (jsonb_to_recordset($3) AS (id bigint, sort_name text, ids bigint[], types text[]))
             WITH ORDINALITY AS entry(id, sort_name, ids, types, place)`,
          [sequence, from, JSON.stringify(drawn.slice(from, from + 5_000))],
        );
      }
    }
  }
  await sql("VACUUM ANALYZE bench.key");
  log(`${everyone.length} researchers, ${people.length} of them with five or more papers, ${papers.length} papers`);
  return (query, distribution) => numbered[`${{ l: "anyone", n: "batch" }[query] ?? "person"} ${distribution}`];
};

// --- peers ---

const children = [];

/** Starts a server and waits until it prints its URL. */
const start = (command, args, environment) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...database, NODE_ENV: "production", GRAPHILE_ENV: "production", ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    let output = "";
    const timer = setTimeout(() => reject(new Error(`${command} ${args[0]} did not start within 60 s`)), 60_000);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${command} ${args[0]} exited with status ${code}`)));
    child.stdout.on("data", (data) => {
      const url = (output += data).match(/GraphQL\s+(http:\S+)/)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve({ url, pid: child.pid, stop: () => stop(child) });
    });
  });

const stop = (child) => {
  const place = children.indexOf(child);
  if (place !== -1) children.splice(place, 1);
  child.removeAllListeners("exit");
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  return new Promise((resolve) => child.once("exit", resolve)).then(() => clearTimeout(timer));
};

const stopAll = () => Promise.all([...children].map(stop));

const service = (environment) => () =>
  start(options.program, ["serve", "--data-dir", options.data, "--demo", "never", "--listen", "127.0.0.1:0"], {
    ...(database.PGHOST === socket
      ? {}
      : { DATABASE_URL: `postgres://${database.PGUSER}@${database.PGHOST}:${database.PGPORT}/${database.PGDATABASE}?sslmode=disable` }),
    DATABASE_MAX_CONNECTIONS: String(CONNECTIONS),
    MAX_CONCURRENT_REQUESTS: String(Math.max(32, CONNECTIONS)),
    LOG: "warn",
    ...environment,
  });
const node = (file) => () => start(process.execPath, [join(here, file)], { POOL: String(CONNECTIONS) });

/** Starts the program that adds latency, and returns a function that stops it. */
const startProxy = async (milliseconds) => {
  Object.assign(database, { PGHOST: socket, PGPORT: "5432" });
  if (milliseconds === 0) return async () => undefined;
  const [command, ...args] = options.proxy.split(" ").filter(Boolean);
  if (command === undefined) throw new Error("--latency requires --proxy, which bench/compare.sh sets");
  const proxy = spawn(command, [...args, join(socket, ".s.PGSQL.5432"), String(milliseconds)], { stdio: ["pipe", "pipe", "inherit"] });
  const address = await new Promise((resolve, reject) => {
    proxy.on("error", reject);
    proxy.on("exit", (code) => reject(new Error(`${command} exited with status ${code}`)));
    proxy.stdout.once("data", (data) => resolve(String(data).trim()));
  });
  const [host, port] = address.split(":");
  Object.assign(database, { PGHOST: host, PGPORT: port });
  return async () => {
    proxy.removeAllListeners("exit");
    const ended = new Promise((resolve) => proxy.once("exit", resolve));
    proxy.stdin.end();
    await ended;
  };
};

const all = {
  service: { name: "service", queries: serviceQueries, start: service({ CACHE_MAX_BYTES: "0" }) },
  cached: { name: "service, cache on", queries: serviceQueries, start: service({}) },
  postgraphile: { name: "PostGraphile", queries: postgraphileQueries, start: node("postgraphile/server.mjs") },
  yoga: { name: "Yoga + DataLoader", queries: yogaQueries, start: node("yoga/server.mjs") },
  statement: {
    name: "one statement",
    queries: Object.fromEntries(
      readdirSync(join(here, "statement")).map((file) => [
        file.replace(".sql", ""),
        { text: readFileSync(join(here, "statement", file), "utf8"), canonical: (response) => response },
      ]),
    ),
  },
};

// The service without a part of its execution: bench/engine.sh builds a program that leaves out what WITHOUT names. Without
// none, it is the service again: how much its figures differ is the noise.
for (const part of ["none", "json", "eager", "order", "nulls", "all"]) {
  all[`without-${part}`] = {
    name: `without ${part}`,
    queries: serviceQueries,
    start: service({ CACHE_MAX_BYTES: "0", WITHOUT: part }),
  };
}

const execute = async (peer, query, variables) => {
  const response = await fetch(peer.url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(30_000),
  });
  const { data, errors } = await response.json();
  if (errors !== undefined) throw new Error(`${peer.name}: ${JSON.stringify(errors).slice(0, 1000)}`);
  return data;
};

/** Returns a function from a key to the variables. Cursors have a different format in each peer. */
const variablesOf = async (peer, query) => {
  const { text, variables, cursor } = peer.queries[query];
  const cursorOf = cursor && cursor(await execute(peer, text, {}));
  return (key) => variables(key, cursorOf);
};

// --- check ---

const sorted = (affiliations) => affiliations.map((row) => JSON.stringify(row)).sort();
/** Affiliations are compared as a set, because the peers support different orders. */
const comparable = (query, response) => {
  if (query === "p") return { ...response, affiliations: sorted(response.affiliations) };
  if (query === "l") return response.map((row) => ({ ...row, affiliations: sorted(row.affiliations) }));
  return response;
};

const responseOf = async (peer, query, { sequence }, position, key) => {
  const { text, canonical } = peer.queries[query];
  if (peer.url === undefined) {
    const [row] = await client
      .query({ text: text.replace(":sequence", "$1").replace(":position", "$2").replace(";", ""), values: [sequence, position], rowMode: "array" })
      .then((result) => result.rows);
    return row[0];
  }
  return canonical(await execute(peer, text, (await variablesOf(peer, query))(key)), key);
};

const check = async (peers, query, keys) => {
  const supporting = peers.filter((peer) => peer.queries[query]?.canonical);
  if (supporting.length < 2) return;
  for (let number = 0; number < CHECKED_KEYS; number++) {
    const position = Math.floor((keys.keys.length * number) / CHECKED_KEYS);
    const key = keys.keys[position];
    let [first] = supporting;
    let expected;
    for (const peer of supporting) {
      const response = comparable(query, await responseOf(peer, query, keys, position, key));
      if (peer === first) expected = response;
      else if (!isDeepStrictEqual(JSON.parse(JSON.stringify(response)), JSON.parse(JSON.stringify(expected)))) {
        writeFileSync(join(tmpdir(), "compare-expected.json"), JSON.stringify(expected, null, 1));
        writeFileSync(join(tmpdir(), "compare-actual.json"), JSON.stringify(response, null, 1));
        throw new Error(
          `(${query}) ${JSON.stringify(key).slice(0, 200)}: the response of ${peer.name} differs from that of ${first.name}; ` +
            `see compare-expected.json and compare-actual.json in ${tmpdir()}`,
        );
      }
    }
  }
  log(`(${query}) same responses for ${CHECKED_KEYS} keys: ${supporting.map((peer) => peer.name).join(", ")}`);
};

// --- measure ---

const run = (command, args, environment, timeout) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...database, ...environment }, stdio: ["ignore", "pipe", "pipe"], timeout });
    let [output, errors] = ["", ""];
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (errors += data));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${command}: ${errors}${output}`))));
  });

/** Reads from /proc/PID/stat the parent, the CPU seconds of the process, and those of its children that have exited. */
const stat = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").map(Number);
    return { parent: fields[1], own: (fields[11] + fields[12]) / TICKS_PER_SECOND, ended: (fields[13] + fields[14]) / TICKS_PER_SECOND };
  } catch {
    // The process has exited.
    return { parent: 0, own: 0, ended: 0 };
  }
};
const postgresCpu = (postmaster) => {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((pid) => stat(pid));
  const { own, ended } = stat(postmaster);
  return processes.filter((one) => one.parent === postmaster).reduce((sum, one) => sum + one.own, own + ended);
};
const residentMebibytes = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;

const measureWithWrk = async (peer, query, distribution, start, duration, checkResponses) => {
  const file = join(workspace, `${peer.id}-${query}-${distribution}`);
  const output = await run(
    "wrk",
    ["-t", "1", "-c", String(CONNECTIONS), "-d", `${duration}s`, "--timeout", "30s", "-s", join(here, "../load.lua"), peer.url],
    {
      BODY_HEAD: `{"query":${JSON.stringify(peer.queries[query].text)},"variables":`,
      VARIABLES: file,
      START: String(start),
      ...(checkResponses ? { CHECK: "1" } : {}),
    },
    (duration + 60) * 1000,
  );
  const unexpected = output.match(/^unexpected response: .*/m);
  if (unexpected) throw new Error(`${peer.name} (${query}): ${unexpected[0]}`);
  const statistics = JSON.parse(output.trim().split("\n").at(-1));
  if (statistics.failed > 0) throw new Error(`${peer.name} (${query}): ${statistics.failed} requests failed`);
  return { requests: statistics.requests, rate: statistics.requests / (statistics.microseconds / 1e6), p50: statistics.p50 / 1000, p99: statistics.p99 / 1000 };
};

const measureWithPgbench = async (peer, query, { sequence, keys }, start, duration) => {
  const script = join(workspace, `${query}.sql`);
  writeFileSync(script, `\\set turn :turn + 1\n\\set position (:start + :turn * ${CONNECTIONS} + :client_id) % :length\n${peer.queries[query].text}`);
  const logs = mkdtempSync(join(workspace, "log-"));
  const variables = { sequence, start, length: keys.length, turn: -1 };
  const args = ["-n", "-M", "prepared", "-c", String(CONNECTIONS), "-j", "1", "-T", String(duration), "-f", script, "-l", "--log-prefix", join(logs, "log")];
  await run("pgbench", [...args, ...Object.entries(variables).flatMap(([name, value]) => ["-D", `${name}=${value}`])], {}, (duration + 60) * 1000);
  const times = readdirSync(logs)
    .flatMap((file) => readFileSync(join(logs, file), "utf8").trim().split("\n"))
    .map((line) => Number(line.split(" ")[2]) / 1000)
    .sort((one, other) => one - other);
  rmSync(logs, { recursive: true });
  const percentile = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { requests: times.length, rate: times.length / duration, p50: percentile(0.5), p99: percentile(0.99) };
};

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** The time to open connections to Postgres at once and to execute a first statement on each, in milliseconds. */
const connectTime = async (count) => {
  const started = now();
  const connections = await Promise.all(Array.from({ length: count }, async () => {
    const connection = new pg.Client({ host: database.PGHOST, port: Number(database.PGPORT), user: database.PGUSER, database: database.PGDATABASE });
    await connection.connect();
    await connection.query("SELECT 1");
    return connection;
  }));
  const time = now() - started;
  await Promise.all(connections.map((connection) => connection.end()));
  return time;
};

/**
 * Sends requests to a server that does nothing. The first requests of a process of Node.js take tens of milliseconds by
 * themselves, which are not those of the server that is measured.
 */
const warmUpClient = async () => {
  const server = createServer((request, response) => request.resume().on("end", () => response.end('{"data":{}}')));
  const port = await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
  for (let number = 0; number < FIRST_REQUESTS; number++) await execute({ url: `http://127.0.0.1:${port}/` }, "{__typename}", {});
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};

/**
 * Times of the first requests of new processes: medians over the processes, which are started one after the other, after
 * one that has answered the same requests. The requests of a process follow each other, each for another key, and the first
 * is sent as soon as the process prints its URL.
 */
const measureFirst = async (id, query, { keys }) => {
  const results = [];
  const { text, variables } = all[id].queries[query];
  await warmUpClient();
  // The pages that the measured requests need are in memory for each process, not only for those that come later.
  const warming = { ...all[id], ...(await all[id].start()) };
  for (let number = 0; number < Number(options.processes) * FIRST_REQUESTS; number++) {
    await execute(warming, text, variables(keys[number % keys.length]));
  }
  await warming.stop();
  for (let round = 0; round < Number(options.processes); round++) {
    const peer = { ...all[id], ...(await all[id].start()) };
    const times = [];
    for (let number = 0; number < FIRST_REQUESTS; number++) {
      const started = now();
      await execute(peer, text, variables(keys[(round * FIRST_REQUESTS + number) % keys.length]));
      times.push(now() - started);
    }
    await peer.stop();
    const [connect, connectAll] = [[], []];
    for (let number = 0; number < 5; number++) {
      connect.push(await connectTime(1));
      connectAll.push(await connectTime(INITIAL_CONNECTIONS));
    }
    results.push({
      first: times[0], second: times[1], later: median(times.slice(-20)), connect: median(connect), connectAll: median(connectAll),
    });
  }
  return Object.fromEntries(Object.keys(results[0]).map((name) => [name, median(results.map((one) => one[name]))]));
};

const measure = async (peer, query, distribution, keys, start, duration, postmaster, checkResponses) => {
  const before = { server: peer.pid ? stat(peer.pid).own : 0, postgres: postgresCpu(postmaster) };
  const result = peer.url
    ? await measureWithWrk(peer, query, distribution, start, duration, checkResponses)
    : await measureWithPgbench(peer, query, keys, start, duration);
  const each = 1000 / Math.max(1, result.requests);
  return {
    ...result,
    server: peer.pid ? (stat(peer.pid).own - before.server) * each : undefined,
    postgres: (postgresCpu(postmaster) - before.postgres) * each,
    memory: peer.pid ? residentMebibytes(peer.pid) : undefined,
  };
};

const median = (numbers) => {
  const known = numbers.filter((number) => number !== undefined).sort((one, other) => one - other);
  return known.length === 0 ? undefined : known[Math.floor(known.length / 2)];
};

// --- tables ---

const format = (number, digits) => (number === undefined ? "–" : number.toFixed(digits));
const rate = (number) => format(number, number < 100 ? 1 : 0);
const table = (head, rows, texts = 3) =>
  [head, head.map((_, column) => (column < texts ? "---" : "--:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const print = (results) => {
  const rows = results.map(({ latency, query, distribution, peer, figures }) => {
    const of = (name) => median(figures.map((one) => one[name]));
    return { latency, query, distribution, peer, figures, rate: of("rate"), p50: of("p50"), p99: of("p99"), server: of("server"), postgres: of("postgres"), memory: of("memory") };
  });
  const withLatency = (latency, row) => (latencies.length > 1 || latencies[0] > 0 ? [...row.slice(0, 2), `${latency} ms: ${row[2]}`, ...row.slice(3)] : row);
  console.log(
    table(
      ["query", "keys", "peer", "requests/s", "p50 ms", "p99 ms", "server CPU s/1000", "Postgres CPU s/1000", "RSS MiB"],
      rows.map((row) => withLatency(row.latency, [
        row.query, row.distribution, row.peer.name, rate(row.rate), format(row.p50, 2), format(row.p99, 2),
        format(row.server, 3), format(row.postgres, 3), format(row.memory, 0),
      ])),
    ),
  );
  if (latencies.length > 1) {
    console.log("\nRequests per second by the latency between peer and Postgres:\n");
    const lines = new Map();
    for (const row of rows) {
      const line = [row.query, row.distribution, row.peer.name];
      const rates = lines.get(line.join()) ?? lines.set(line.join(), line).get(line.join());
      rates.push(rate(row.rate));
    }
    console.log(table(["query", "keys", "peer", ...latencies.map((latency) => `${latency} ms`)], [...lines.values()]));
  }
  const ratios = rows
    .filter((row) => row.peer.id !== "service")
    .flatMap((row) => {
      const own = rows.find(
        (one) => one.peer.id === "service" && one.latency === row.latency && one.query === row.query && one.distribution === row.distribution,
      );
      if (own === undefined) return [];
      const cpu = (one) => (one.server ?? 0) + one.postgres;
      // The peers take turns in each round, so that what slows down the machine for a while slows down all.
      const byRound = (name) => {
        const ratios = own.figures.map((one, round) => one[name] / row.figures[round][name]).filter(Number.isFinite);
        return ratios.length === 0 ? ["–", "–"] : [format(median(ratios), 3), `${format(Math.min(...ratios), 2)}–${format(Math.max(...ratios), 2)}`];
      };
      return [withLatency(row.latency, [row.query, row.distribution, row.peer.name, ...byRound("rate"), ...byRound("server"), format(own.p50 / row.p50, 2), format(own.p99 / row.p99, 2), format(cpu(own) / cpu(row), 2)])];
    });
  if (ratios.length > 0) {
    console.log("\nThe service without its response cache relative to each peer (higher is better for requests/s, lower for the others):\n");
    console.log(table(["query", "keys", "peer", "requests/s", "in rounds", "server CPU", "in rounds", "p50", "p99", "total CPU"], ratios));
  }
};

// --- main ---

const compare = async () => {
  await client.connect();
  await client.query(readFileSync(join(here, "prepare.sql"), "utf8"));
  const keysFor = await makeKeys();
  const [{ data_directory: directory }] = await sql("SHOW data_directory");
  const postmaster = Number(readFileSync(join(directory, "postmaster.pid"), "utf8").split("\n")[0]);
  for (const id of listed(options.peers)) {
    if (all[id] === undefined) throw new Error(`unknown peer ${id}; expected one of ${Object.keys(all).join(", ")}`);
  }
  const [cells, firsts] = [[], []];
  for (const latency of latencies) {
    const stopProxy = await startProxy(latency);
    try {
      await compareAt(latency, keysFor, postmaster, cells, firsts);
    } finally {
      await stopAll();
      await stopProxy();
    }
  }
  if (options["check-only"]) return;
  print(cells);
  if (firsts.length > 0) {
    console.log(`\nThe first requests of a new process (${options.first}), in milliseconds; medians of ${options.processes} processes:\n`);
    const lines = firsts.map(({ latency, name, first, second, later, connect, connectAll }) => [
      `${latency} ms`, name, ...[first, second, later, connect, connectAll, 1.5 * later + connectAll].map((time) => format(time, 1)),
    ]);
    const head = ["latency", "peer", "first", "second", "81st to 100th", "opening a connection", `opening ${INITIAL_CONNECTIONS} at once`, "allowed"];
    console.log(table(head, lines, 2));
  }
};

/** Measures all peers at one latency, and adds the figures to `results` and the times of the first requests to `firsts`. */
const compareAt = async (latency, keysFor, postmaster, results, firsts) => {
  const peers = [];
  for (const id of listed(options.peers)) {
    if (options.first && all[id].start !== undefined) {
      firsts.push({ latency, name: all[id].name, ...(await measureFirst(id, options.first, keysFor(options.first, "uniform"))) });
    }
    peers.push({ id, ...all[id], ...(all[id].start ? await all[id].start() : {}) });
  }

  const cells = [];
  const distributions = { uniform: options.queries, Zipf: options.zipf, single: options.single };
  for (const query of listed(options.queries)) {
    await check(peers, query, keysFor(query, "uniform"));
    for (const distribution of Object.keys(distributions).filter((name) => listed(distributions[name]).includes(query))) {
      const keys = keysFor(query, distribution);
      for (const peer of peers.filter((one) => one.queries[query] !== undefined)) {
        cells.push({ latency, query, distribution, peer, keys, figures: [] });
        if (peer.url === undefined) continue;
        const variables = await variablesOf(peer, query);
        const lines = keys.keys.map((key) => JSON.stringify(variables(key)));
        writeFileSync(join(workspace, `${peer.id}-${query}-${distribution}`), `${lines.join("\n")}\n`);
      }
    }
  }
  if (options["check-only"]) return;
  // The last tenth of the keys is for the warm-up, and the rest is divided among the rounds, so that no key is requested
  // twice if there are enough keys.
  const from = (keys, part) => Math.floor(keys.keys.length * part);
  for (const { query, distribution, peer, keys } of cells) {
    const isCached = peer.id === "cached" && distribution === "Zipf";
    const warmUp = isCached ? Number(options.warm) : WARM_UP_SECONDS;
    await measure(peer, query, distribution, keys, from(keys, 0.9), warmUp, postmaster, true);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { query, distribution, peer, keys, figures } of cells) {
      const start = from(keys, (0.9 * round) / rounds);
      const result = await measure(peer, query, distribution, keys, start, seconds, postmaster);
      figures.push(result);
      const repeated = result.requests > keys.keys.length ? ", keys were repeated" : "";
      const distance = latency > 0 ? ` at ${latency} ms` : "";
      log(`round ${round + 1} (${query}) ${distribution} ${peer.name}${distance}: ${rate(result.rate)}/s${repeated}`);
    }
  }
  results.push(...cells);
};

let failure;
try {
  await compare();
} catch (error) {
  failure = error;
} finally {
  await stopAll();
  await client.end().catch(() => undefined);
  rmSync(workspace, { recursive: true, force: true });
}
if (failure) {
  log(`error: ${failure.message}`);
  process.exitCode = 1;
}
