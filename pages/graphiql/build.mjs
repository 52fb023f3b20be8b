// Copies GraphiQL, React and this page into one folder.
// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../../build/pages/graphiql");

const files = {
  "index.html": "index.html",
  "page.js": "page.js",
  "page.css": "page.css",
  "node_modules/react/umd/react.production.min.js": "react.js",
  "node_modules/react-dom/umd/react-dom.production.min.js": "react-dom.js",
  "node_modules/graphiql/graphiql.min.js": "graphiql.js",
  "node_modules/graphiql/graphiql.min.css": "graphiql.css",
};

await mkdir(target, { recursive: true });
for (const [from, to] of Object.entries(files)) {
  await copyFile(join(here, from), join(target, to));
}
