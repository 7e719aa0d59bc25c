// Reads the exports in a folder with citation-js, and writes what it read as CSL-JSON: see read_exports.py.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cite } from "@citation-js/core";
import "@citation-js/plugin-bibtex";
import "@citation-js/plugin-ris";

const folder = process.argv[2];
const types = { "export.json": "@csl/list+object", "export.bib": "@biblatex/text", "export.ris": "@ris/file" };
for (const [file, forceType] of Object.entries(types)) {
  const text = readFileSync(join(folder, file), "utf8");
  const input = file.endsWith(".json") ? JSON.parse(text) : text;
  const items = new Cite(input, { forceType, generateGraph: false }).data;
  writeFileSync(join(folder, `citation-js.${file}.json`), JSON.stringify(items));
}
