// Prints the OpenAPI documents of @meshery/schemas as one JSON object, by the path of each below the package's
// constructs: node export.mjs PACKAGE DOCUMENT...
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [root, ...documents] = process.argv.slice(2);
const out = {};
for (const document of documents) {
  const module = await import(pathToFileURL(join(root, 'dist/constructs', document + '.mjs')));
  out[document] = Object.values(module).find((value) => value?.openapi);
}
process.stdout.write(JSON.stringify(out));
