import { createRequire } from 'node:module';

const { browser } = createRequire(import.meta.url)('millrace/package.json');
/** In pages, modules of Node.js are replaced as the `browser` field of Millrace says. */
const standIns = Object.entries(browser).map(([name, file]) => [
  name,
  { browser: `./node_modules/millrace/${file}` },
]);

export default {
  // On the server, worker threads run files of the package.
  serverExternalPackages: ['millrace'],
  turbopack: { resolveAlias: Object.fromEntries(standIns) },
};
