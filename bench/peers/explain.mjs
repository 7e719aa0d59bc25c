// Asks the service a query until its statements have the plans that they keep, then prints those of one more time.
import { readFileSync, truncateSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { queries } from "./service/queries.mjs";

const [url, query, key, log] = process.argv.slice(2);
const { text, variables, cursor } = queries[query];
const ask = async (asked) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: text, variables: asked }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};
const made = cursor && cursor(await ask({}));
const asked = variables(JSON.parse(key), made);
// Postgres plans a prepared statement anew five times on each of the connections before it may keep a plan.
for (let time = 0; time < 80; time++) await ask(asked);
await pause(300);
truncateSync(log);
await ask(asked);
await pause(300);

// An entry of the log begins with a time; its other lines begin with white space.
const plans = readFileSync(log, "utf8")
  .split(/^(?=\d{4}-)/m)
  .filter((entry) => /LOG: {2}duration: .* plan:/.test(entry))
  // What the service asks for itself, to know that the database is there.
  .filter((entry) => !entry.includes("seaql_migrations"));
const rows = (line) => {
  const [, each, loops] = line.match(/actual rows=(\d+) loops=(\d+)/) ?? [0, 0, 0];
  return each * loops;
};
console.log(`# (${query}) ${plans.length} statements\n`);
plans.forEach((entry, place) => {
  const duration = entry.match(/duration: ([\d.]+) ms/)[1];
  const lines = entry.split("\n");
  const scans = lines.filter((line) => /\bScan\b.*actual/.test(line));
  const removed = lines.flatMap((line) => line.match(/Rows Removed by .*/) ?? []);
  const most = Math.max(0, ...scans.map(rows));
  const returned = rows(lines.find((line) => line.includes("actual rows")) ?? "");
  console.log(`## statement ${place + 1}: ${duration} ms, returns ${returned} rows, one scan reads ${most}${removed.map((line) => `; ${line}`).join("")}\n`);
  console.log(entry.replace(/^.*?plan:\n/s, "").replace(/^\t/gm, ""));
});
