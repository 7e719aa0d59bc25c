// Executes a query until Postgres has cached the plans of its statements, then once more, and prints these plans.
import { readFileSync, truncateSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { queries } from "./service/queries.mjs";

const [url, query, key, log] = process.argv.slice(2);
const { text, variables, cursor } = queries[query];
const execute = async (values) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: text, variables: values }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};
const cursorOf = cursor && cursor(await execute({}));
const values = variables(JSON.parse(key), cursorOf);
// On each connection, Postgres makes a custom plan for the first five executions of a prepared statement before it may
// cache a generic plan.
for (let run = 0; run < 80; run++) await execute(values);
await pause(300);
truncateSync(log);
await execute(values);
await pause(300);

// A log entry starts with a timestamp. Its continuation lines start with whitespace.
const plans = readFileSync(log, "utf8")
  .split(/^(?=\d{4}-)/m)
  .filter((entry) => /LOG: {2}duration: .* plan:/.test(entry))
  // The health checks of the service.
  .filter((entry) => !entry.includes("seaql_migrations"));
const rows = (line) => {
  const [, each, loops] = line.match(/actual rows=(\d+) loops=(\d+)/) ?? [0, 0, 0];
  return each * loops;
};
console.log(`# (${query}) ${plans.length} statements\n`);
plans.forEach((entry, index) => {
  const duration = entry.match(/duration: ([\d.]+) ms/)[1];
  const lines = entry.split("\n");
  const scans = lines.filter((line) => /\bScan\b.*actual/.test(line));
  const removed = lines.flatMap((line) => line.match(/Rows Removed by .*/) ?? []);
  const most = Math.max(0, ...scans.map(rows));
  const returned = rows(lines.find((line) => line.includes("actual rows")) ?? "");
  console.log(`## statement ${index + 1}: ${duration} ms, returns ${returned} rows, largest scan reads ${most} rows${removed.map((line) => `; ${line}`).join("")}\n`);
  console.log(entry.replace(/^.*?plan:\n/s, "").replace(/^\t/gm, ""));
});
