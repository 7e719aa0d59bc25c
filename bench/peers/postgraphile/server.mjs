// PostGraphile 5 on the tables of the service, with production settings.
//
// `node server.mjs --schema` prints the schema instead.
import { createServer } from "node:http";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { printSchema } from "graphql";
import pg from "pg";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

const pool = new pg.Pool({ max: Number(process.env.POOL) });

// By default, PostGraphile orders only by the first column of a non-partial index. The indexes of these columns are partial,
// or the column is not the first one.
const orderBy = { tags: { behavior: "+orderBy" } };
const tags = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      "bench.key": { tags: { behavior: "-*" } },
      authorship: { attribute: { publication_key: orderBy } },
      affiliation: { attribute: { is_primary: orderBy, starts_on: orderBy, ends_on: orderBy } },
      researcher_topic: { attribute: { position: orderBy } },
    },
    constraint: { "authorship.authorship_researcher_id_fkey": { tags: { behavior: "+select +connection" } } },
  },
});

const preset = {
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset, PostGraphileConnectionFilterPreset],
  plugins: [tags],
  pgServices: [makePgService({ pool, schemas: ["public", "bench"] })],
  schema: {
    defaultBehavior: "-insert -update -delete",
    // Only `rowId: {in: …}` is used.
    connectionFilterRelations: false,
    connectionFilterComputedColumns: false,
  },
  grafast: { explain: false },
  grafserv: {
    graphqlPath: "/graphql",
    graphiql: false,
    watch: false,
    websockets: false,
    // Serializes the response directly to a string.
    outputDataAsString: true,
  },
};

const instance = postgraphile(preset);
if (process.argv.includes("--schema")) {
  console.log(printSchema(await instance.getSchema()));
  await instance.release();
  await pool.end();
} else {
  const server = createServer();
  await instance.createServ(grafserv).addTo(server);
  server.listen(0, "127.0.0.1", () => console.log(`GraphQL http://127.0.0.1:${server.address().port}/graphql`));
}
