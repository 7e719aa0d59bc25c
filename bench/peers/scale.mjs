// What the statements of a query take in Postgres: the median over some keys of their time and of the pages that they touch,
// and how much is answered: a larger directory has more coauthors to show, and more that begins with six letters.
import { readFileSync, truncateSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { queries } from "./service/queries.mjs";

const [url, papers, keys, log] = process.argv.slice(2);
const ask = async (text, variables) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: text, variables }),
  });
  const { errors, data } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};
// The entries of all lists of an answer.
const entries = (value) => {
  if (Array.isArray(value)) return value.length + value.reduce((sum, entry) => sum + entries(entry), 0);
  return value && typeof value === "object" ? entries(Object.values(value)) - Object.keys(value).length : 0;
};
const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
const asked = readFileSync(keys, "utf8").trim().split("\n").map((line) => JSON.parse(line));
for (const query of ["p", "c2", "a"]) {
  const { text, variables } = queries[query];
  // Until the connections have their plans and the pages are in memory.
  for (let time = 0; time < 3; time++) for (const key of asked) await ask(text, variables(key));
  const [times, pages, answered] = [[], [], []];
  for (const key of asked) {
    await pause(50);
    truncateSync(log);
    answered.push(entries(await ask(text, variables(key))));
    await pause(50);
    const plans = readFileSync(log, "utf8")
      .split(/^(?=\d{4}-)/m)
      .filter((entry) => /LOG: {2}duration: .* plan:/.test(entry) && !entry.includes("seaql_migrations"));
    const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
    times.push(sum(plans.map((entry) => Number(entry.match(/duration: ([\d.]+) ms/)[1]))));
    // The first line with buffers is that of the whole plan.
    pages.push(sum(plans.map((entry) => {
      const line = entry.match(/Buffers: shared (.*)/)?.[1] ?? "";
      return sum([...line.matchAll(/(?:hit|read)=(\d+)/g)].map(([, number]) => Number(number)));
    })));
  }
  console.log(`${papers} papers, (${query}): ${median(times).toFixed(2)} ms, ${median(pages)} pages, ${median(answered)} entries`);
}
