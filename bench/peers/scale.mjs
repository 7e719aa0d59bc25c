// Measures the cost of the statements of a query in Postgres: the median over some keys of the execution time and of the
// buffer pages accessed, and the number of entries in the response, which grows with the dataset: there are more coauthors,
// and more entities that start with the same six letters.
import { readFileSync, truncateSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { queries } from "./service/queries.mjs";

const [url, papers, keys, log] = process.argv.slice(2);
const execute = async (text, variables) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: text, variables }),
  });
  const { errors, data } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};
// The number of entries in all lists of a response.
const entries = (value) => {
  if (Array.isArray(value)) return value.length + value.reduce((sum, entry) => sum + entries(entry), 0);
  return value && typeof value === "object" ? entries(Object.values(value)) - Object.keys(value).length : 0;
};
const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
const parsedKeys = readFileSync(keys, "utf8").trim().split("\n").map((line) => JSON.parse(line));
for (const query of ["p", "c2", "a"]) {
  const { text, variables } = queries[query];
  // Warms up the connections and the buffer cache.
  for (let run = 0; run < 3; run++) for (const key of parsedKeys) await execute(text, variables(key));
  const [times, pages, counts] = [[], [], []];
  for (const key of parsedKeys) {
    await pause(50);
    truncateSync(log);
    counts.push(entries(await execute(text, variables(key))));
    await pause(50);
    const plans = readFileSync(log, "utf8")
      .split(/^(?=\d{4}-)/m)
      .filter((entry) => /LOG: {2}duration: .* plan:/.test(entry) && !entry.includes("seaql_migrations"));
    const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
    times.push(sum(plans.map((entry) => Number(entry.match(/duration: ([\d.]+) ms/)[1]))));
    // The first line with buffers has the total of the plan.
    pages.push(sum(plans.map((entry) => {
      const line = entry.match(/Buffers: shared (.*)/)?.[1] ?? "";
      return sum([...line.matchAll(/(?:hit|read)=(\d+)/g)].map(([, number]) => Number(number)));
    })));
  }
  console.log(`${papers} papers, (${query}): ${median(times).toFixed(2)} ms, ${median(pages)} pages, ${median(counts)} entries`);
}
