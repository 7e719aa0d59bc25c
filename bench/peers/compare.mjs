// Measures the service and its peers over one database, side by side; bench/compare.sh starts it. Each peer must first
// give the same answers as the service.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import pg from "pg";
import { queries as ofPostgraphile } from "./postgraphile/queries.mjs";
import { queries as ofService } from "./service/queries.mjs";
import { queries as ofYoga } from "./yoga/queries.mjs";

const { values: options } = parseArgs({
  options: {
    program: { type: "string" },
    data: { type: "string" },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    queries: { type: "string", default: "p,c2,c3,l,n,f,s,a" },
    // Those that are asked with keys by Zipf's law too.
    zipf: { type: "string", default: "p,c2" },
    // How many seconds the service fills its cache before it is asked with keys by Zipf's law.
    warm: { type: "string", default: "2" },
    peers: { type: "string", default: "service,cached,postgraphile,yoga,statement" },
    "check-only": { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
const listed = (text) => text.split(",").filter(Boolean);
const CONNECTIONS = 8;
const CHECKED_KEYS = 20;
const WARM_UP_SECONDS = 2;
const MOST_KEYS = 60_000;
const TICKS_A_SECOND = 100;
const here = import.meta.dirname;
const work = mkdtempSync(join(tmpdir(), "compare-"));
const say = (text) => process.stderr.write(`${text}\n`);

const database = { PGHOST: join(options.data, "postgres"), PGUSER: "academic_directory", PGDATABASE: "academic_directory" };
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const client = new pg.Client({ host: database.PGHOST, user: database.PGUSER, database: database.PGDATABASE });
const sql = async (text, values) => (await client.query(text, values)).rows;

// --- keys ---

/** Numbers that look like chance and are the same on every run (mulberry32). */
const chance = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
};

const shuffled = (all, next) => {
  const list = [...all];
  for (let place = list.length - 1; place > 0; place--) {
    const other = Math.floor(next() * (place + 1));
    [list[place], list[other]] = [list[other], list[place]];
  }
  return list;
};

/** As many draws as there are keys: the n-th is drawn n times less often than the first. */
const byZipf = (keys, next) => {
  let sum = 0;
  const sums = keys.map((_, place) => (sum += 1 / (place + 1)));
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
  const next = chance(1);
  const people = await sql(`SELECT researcher.id, researcher.sort_name FROM researcher
    JOIN researcher_statistics ON researcher_statistics.researcher_id = researcher.id WHERE paper_count >= 5 ORDER BY researcher.id`);
  const anybody = await sql("SELECT id, sort_name FROM researcher ORDER BY id");
  const papers = await sql("SELECT id FROM paper ORDER BY id");
  if (people.length < 100) throw new Error(`only ${people.length} people have five papers: the directory is too small`);
  const some = (list) => list[Math.floor(next() * list.length)].id;
  const hundred = () => {
    const chosen = new Map();
    // Bounded: what is drawn twice is one thing less.
    for (let place = 0; place < 100; place++) {
      const [type, id] = place % 5 < 3 ? ["Researcher", some(people)] : ["Paper", some(papers)];
      chosen.set(`${type}:${id}`, { type, id });
    }
    return { ids: [...chosen.values()].map((one) => one.id), types: [...chosen.values()].map((one) => one.type) };
  };
  const person = shuffled(people, next).slice(0, MOST_KEYS);
  const place = shuffled(anybody, next).slice(0, MOST_KEYS);
  const several = Array.from({ length: 5_000 }, hundred);
  const sequences = { person, place, several };
  const numbered = {};
  let sequence = 0;
  for (const [name, keys] of Object.entries(sequences)) {
    for (const [distribution, drawn] of [["uniform", keys], ["Zipf", byZipf(keys, next)]]) {
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
  say(`${anybody.length} people, ${people.length} with five papers or more, ${papers.length} papers`);
  return (query, distribution) => numbered[`${{ l: "place", n: "several" }[query] ?? "person"} ${distribution}`];
};

// --- peers ---

const children = [];

/** Starts a server and waits for the line that says where it is. */
const start = (command, args, environment) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...database, NODE_ENV: "production", GRAPHILE_ENV: "production", ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    let said = "";
    const late = setTimeout(() => reject(new Error(`${command} ${args[0]} is not there after 60 s`)), 60_000);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${command} ${args[0]} ended with ${code}`)));
    child.stdout.on("data", (data) => {
      const url = (said += data).match(/GraphQL\s+(http:\S+)/)?.[1];
      if (url === undefined) return;
      clearTimeout(late);
      resolve({ url, pid: child.pid });
    });
  });

const stopAll = () =>
  Promise.all(children.map((child) => {
    if (child.exitCode !== null || child.signalCode !== null) return undefined;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    return new Promise((resolve) => child.once("exit", resolve)).then(() => clearTimeout(late));
  }));

const service = (environment) => () =>
  start(options.program, ["serve", "--data-dir", options.data, "--demo", "never", "--listen", "127.0.0.1:0"], {
    DATABASE_MAX_CONNECTIONS: String(CONNECTIONS),
    LOG: "warn",
    ...environment,
  });
const node = (file) => () => start(process.execPath, [join(here, file)], { POOL: String(CONNECTIONS) });

const all = {
  service: { name: "service", queries: ofService, start: service({ CACHE_MAX_BYTES: "0" }) },
  cached: { name: "service, cache on", queries: ofService, start: service({}) },
  postgraphile: { name: "PostGraphile", queries: ofPostgraphile, start: node("postgraphile/server.mjs") },
  yoga: { name: "Yoga + DataLoader", queries: ofYoga, start: node("yoga/server.mjs") },
  statement: {
    name: "one statement",
    queries: Object.fromEntries(
      readdirSync(join(here, "statement")).map((file) => [
        file.replace(".sql", ""),
        { text: readFileSync(join(here, "statement", file), "utf8"), canonical: (answer) => answer },
      ]),
    ),
  },
};

const ask = async (peer, query, variables) => {
  const response = await fetch(peer.url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = await response.json();
  if (answer.errors !== undefined) throw new Error(`${peer.name}: ${JSON.stringify(answer.errors).slice(0, 1000)}`);
  return answer.data;
};

/** The variables of a key. Lists are read from cursors, which look otherwise for each peer. */
const variablesOf = async (peer, query) => {
  const { text, variables, cursor } = peer.queries[query];
  const made = cursor && cursor(await ask(peer, text, {}));
  return (key) => variables(key, made);
};

// --- check ---

const sorted = (affiliations) => affiliations.map((row) => JSON.stringify(row)).sort();
/** The peers order affiliations by what they can: of a person they are few, and compared as a set. */
const comparable = (query, answer) => {
  if (query === "p") return { ...answer, affiliations: sorted(answer.affiliations) };
  if (query === "l") return answer.map((row) => ({ ...row, affiliations: sorted(row.affiliations) }));
  return answer;
};

const answerOf = async (peer, query, { sequence }, position, key) => {
  const { text, canonical } = peer.queries[query];
  if (peer.url === undefined) {
    const [row] = await client
      .query({ text: text.replace(":sequence", "$1").replace(":position", "$2").replace(";", ""), values: [sequence, position], rowMode: "array" })
      .then((answered) => answered.rows);
    return row[0];
  }
  return canonical(await ask(peer, text, (await variablesOf(peer, query))(key)), key);
};

const check = async (peers, query, keys) => {
  const able = peers.filter((peer) => peer.queries[query]?.canonical);
  if (able.length < 2) return;
  for (let number = 0; number < CHECKED_KEYS; number++) {
    const position = Math.floor((keys.keys.length * number) / CHECKED_KEYS);
    const key = keys.keys[position];
    let [first] = able;
    let expected;
    for (const peer of able) {
      const answer = comparable(query, await answerOf(peer, query, keys, position, key));
      if (peer === first) expected = answer;
      else if (!isDeepStrictEqual(JSON.parse(JSON.stringify(answer)), JSON.parse(JSON.stringify(expected)))) {
        writeFileSync(join(tmpdir(), "compare-expected.json"), JSON.stringify(expected, null, 1));
        writeFileSync(join(tmpdir(), "compare-answer.json"), JSON.stringify(answer, null, 1));
        throw new Error(
          `(${query}) of ${JSON.stringify(key).slice(0, 200)}: ${peer.name} does not answer what ${first.name} does; ` +
            `see compare-expected.json and compare-answer.json in ${tmpdir()}`,
        );
      }
    }
  }
  say(`(${query}) the same answers to ${CHECKED_KEYS} keys: ${able.map((peer) => peer.name).join(", ")}`);
};

// --- measure ---

const run = (command, args, environment, most) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...database, ...environment }, stdio: ["ignore", "pipe", "pipe"], timeout: most });
    let [said, failed] = ["", ""];
    child.stdout.on("data", (data) => (said += data));
    child.stderr.on("data", (data) => (failed += data));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(said) : reject(new Error(`${command}: ${failed}${said}`))));
  });

/** Of a line of /proc/PID/stat: the parent, and seconds on a processor, those of ended children apart. */
const stat = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ").map(Number);
    return { parent: fields[1], own: (fields[11] + fields[12]) / TICKS_A_SECOND, ended: (fields[13] + fields[14]) / TICKS_A_SECOND };
  } catch {
    // It has ended meanwhile.
    return { parent: 0, own: 0, ended: 0 };
  }
};
const postgresCpu = (postmaster) => {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((pid) => stat(pid));
  const { own, ended } = stat(postmaster);
  return processes.filter((one) => one.parent === postmaster).reduce((sum, one) => sum + one.own, own + ended);
};
const residentMegabytes = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;

const withWrk = async (peer, query, distribution, start, duration, checking) => {
  const file = join(work, `${peer.id}-${query}-${distribution}`);
  const said = await run(
    "wrk",
    ["-t", "1", "-c", String(CONNECTIONS), "-d", `${duration}s`, "--timeout", "30s", "-s", join(here, "../load.lua"), peer.url],
    {
      BODY_HEAD: `{"query":${JSON.stringify(peer.queries[query].text)},"variables":`,
      VARIABLES: file,
      START: String(start),
      ...(checking ? { CHECK: "1" } : {}),
    },
    (duration + 60) * 1000,
  );
  const wrong = said.match(/^wrong .*/m);
  if (wrong) throw new Error(`${peer.name} (${query}): ${wrong[0]}`);
  const told = JSON.parse(said.trim().split("\n").at(-1));
  if (told.failed > 0) throw new Error(`${peer.name} (${query}): ${told.failed} requests failed`);
  return { requests: told.requests, rate: told.requests / (told.microseconds / 1e6), p50: told.p50 / 1000, p99: told.p99 / 1000 };
};

const withPgbench = async (peer, query, { sequence, keys }, start, duration) => {
  const script = join(work, `${query}.sql`);
  writeFileSync(script, `\\set turn :turn + 1\n\\set position (:start + :turn * ${CONNECTIONS} + :client_id) % :length\n${peer.queries[query].text}`);
  const log = mkdtempSync(join(work, "log-"));
  const variables = { sequence, start, length: keys.length, turn: -1 };
  const args = ["-n", "-M", "prepared", "-c", String(CONNECTIONS), "-j", "1", "-T", String(duration), "-f", script, "-l", "--log-prefix", join(log, "log")];
  await run("pgbench", [...args, ...Object.entries(variables).flatMap(([name, value]) => ["-D", `${name}=${value}`])], {}, (duration + 60) * 1000);
  const times = readdirSync(log)
    .flatMap((file) => readFileSync(join(log, file), "utf8").trim().split("\n"))
    .map((line) => Number(line.split(" ")[2]) / 1000)
    .sort((one, other) => one - other);
  rmSync(log, { recursive: true });
  const percentile = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { requests: times.length, rate: times.length / duration, p50: percentile(0.5), p99: percentile(0.99) };
};

const measure = async (peer, query, distribution, keys, start, duration, postmaster, checking) => {
  const before = { server: peer.pid ? stat(peer.pid).own : 0, postgres: postgresCpu(postmaster) };
  const outcome = peer.url
    ? await withWrk(peer, query, distribution, start, duration, checking)
    : await withPgbench(peer, query, keys, start, duration);
  const each = 1000 / Math.max(1, outcome.requests);
  return {
    ...outcome,
    server: peer.pid ? (stat(peer.pid).own - before.server) * each : undefined,
    postgres: (postgresCpu(postmaster) - before.postgres) * each,
    memory: peer.pid ? residentMegabytes(peer.pid) : undefined,
  };
};

const median = (numbers) => {
  const known = numbers.filter((number) => number !== undefined).sort((one, other) => one - other);
  return known.length === 0 ? undefined : known[Math.floor(known.length / 2)];
};

// --- tables ---

const written = (number, digits) => (number === undefined ? "–" : number.toFixed(digits));
const rate = (number) => written(number, number < 100 ? 1 : 0);
const table = (head, rows) =>
  [head, head.map((_, column) => (column < 3 ? "---" : "--:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const print = (results) => {
  const rows = results.map(({ query, distribution, peer, figures }) => {
    const of = (name) => median(figures.map((one) => one[name]));
    return { query, distribution, peer, rate: of("rate"), p50: of("p50"), p99: of("p99"), server: of("server"), postgres: of("postgres"), memory: of("memory") };
  });
  console.log(
    table(
      ["query", "keys", "peer", "requests/s", "p50 ms", "p99 ms", "server CPU s/1000", "Postgres CPU s/1000", "RSS MiB"],
      rows.map((row) => [
        row.query, row.distribution, row.peer.name, rate(row.rate), written(row.p50, 2), written(row.p99, 2),
        written(row.server, 3), written(row.postgres, 3), written(row.memory, 0),
      ]),
    ),
  );
  const ratios = rows
    .filter((row) => row.peer.id !== "service")
    .flatMap((row) => {
      const own = rows.find((one) => one.peer.id === "service" && one.query === row.query && one.distribution === row.distribution);
      if (own === undefined) return [];
      const cpu = (one) => (one.server ?? 0) + one.postgres;
      return [[row.query, row.distribution, row.peer.name, written(own.rate / row.rate, 2), written(own.p50 / row.p50, 2), written(own.p99 / row.p99, 2), written(cpu(own) / cpu(row), 2)]];
    });
  if (ratios.length > 0) {
    console.log("\nThe service without its cache, divided by the peer (requests: more is better; all else: less is better):\n");
    console.log(table(["query", "keys", "peer", "requests/s", "p50", "p99", "CPU of both"], ratios));
  }
};

// --- all of it ---

const compare = async () => {
  await client.connect();
  await client.query(readFileSync(join(here, "prepare.sql"), "utf8"));
  const keysOf = await makeKeys();
  const [{ data_directory: folder }] = await sql("SHOW data_directory");
  const postmaster = Number(readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")[0]);
  const peers = [];
  for (const id of listed(options.peers)) {
    if (all[id] === undefined) throw new Error(`no peer is called ${id}; there are ${Object.keys(all).join(", ")}`);
    peers.push({ id, ...all[id], ...(all[id].start ? await all[id].start() : {}) });
  }

  const cells = [];
  for (const query of listed(options.queries)) {
    await check(peers, query, keysOf(query, "uniform"));
    for (const distribution of ["uniform", ...(listed(options.zipf).includes(query) ? ["Zipf"] : [])]) {
      const keys = keysOf(query, distribution);
      for (const peer of peers.filter((one) => one.queries[query] !== undefined)) {
        cells.push({ query, distribution, peer, keys, figures: [] });
        if (peer.url === undefined) continue;
        const variables = await variablesOf(peer, query);
        const lines = keys.keys.map((key) => JSON.stringify(variables(key)));
        writeFileSync(join(work, `${peer.id}-${query}-${distribution}`), `${lines.join("\n")}\n`);
      }
    }
  }
  if (options["check-only"]) return;
  // The last tenth of the keys is for warming up, a part of the others for each round: no key is asked for twice as long
  // as there are enough.
  const from = (keys, part) => Math.floor(keys.keys.length * part);
  for (const { query, distribution, peer, keys } of cells) {
    const isKept = peer.id === "cached" && distribution === "Zipf";
    const warmUp = isKept ? Number(options.warm) : WARM_UP_SECONDS;
    await measure(peer, query, distribution, keys, from(keys, 0.9), warmUp, postmaster, true);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { query, distribution, peer, keys, figures } of cells) {
      const start = from(keys, (0.9 * round) / rounds);
      const outcome = await measure(peer, query, distribution, keys, start, seconds, postmaster);
      figures.push(outcome);
      const repeated = outcome.requests > keys.keys.length ? ", keys came more than once" : "";
      say(`round ${round + 1} (${query}) ${distribution} ${peer.name}: ${rate(outcome.rate)}/s${repeated}`);
    }
  }
  print(cells);
};

let failure;
try {
  await compare();
} catch (error) {
  failure = error;
} finally {
  children.forEach((child) => child.removeAllListeners("exit"));
  await stopAll();
  await client.end().catch(() => undefined);
  rmSync(work, { recursive: true, force: true });
}
if (failure) {
  say(`stopped: ${failure.message}`);
  process.exitCode = 1;
}
