// Builds the documentation site: TypeDoc over the entry points of package.json and the pages of docs/.
import { readFileSync } from 'node:fs';
import { Application, LogLevel, OptionDefaults } from 'typedoc';
import { root } from '../toolchain.js';
import { pages, sectionTitles } from './pages.js';
import { shapeSite } from './plugin.js';

/**
 * Writes the site.
 *
 * @param out - The folder of this version. Its content is replaced.
 * @returns One line per problem; empty on success.
 */
export async function buildSite(out) {
  const importNames = entryPoints();
  const app = await Application.bootstrap({
    name: 'Millrace',
    includeVersion: true,
    readme: `${root}README.md`,
    tsconfig: `${root}tsconfig.json`,
    basePath: root,
    entryPoints: [...importNames.keys()].map((file) => root + file),
    projectDocuments: pages().map(({ file }) => root + file),
    out,
    router: 'pages-by-file',
    // `npm run types` checks types.
    skipErrorChecking: true,
    disableGit: true,
    disableSources: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    blockTags: [...OptionDefaults.blockTags, '@origin', '@remedy'],
    // Public types may name types that are not exported.
    validation: { notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true },
    groupOrder: [...sectionTitles, '*'],
    sortEntryPoints: false,
    sort: ['kind', 'alphabetical'],
    navigation: { includeGroups: true, includeFolders: false },
    searchInDocuments: true,
    searchInComments: true,
    highlightLanguages: ['ts', 'js', 'json', 'sh', 'console', 'python', 'html'],
    ignoredHighlightLanguages: ['text'],
    headings: { readme: false, document: false },
    customCss: `${root}scripts/docs/site.css`,
    customJs: `${root}scripts/docs/in-page.js`,
    hideGenerator: true,
    logLevel: LogLevel.Error,
  });
  shapeSite(app, importNames);
  const project = await app.convert();
  if (!project) return ['TypeDoc could not convert the source: see above.'];
  // Conversion warns about each type of several parts; only the warnings about links that follow matter.
  app.logger.level = LogLevel.Warn;
  app.validate(project);
  await app.generateDocs(project, out);
  return app.logger.hasErrors() ? ['The site has errors: see above.'] : [];
}

/** The import name of each entry point, by its source file. */
function entryPoints() {
  const { name, exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  return new Map(
    Object.entries(exports)
      .filter(([, target]) => target.endsWith('.js'))
      .map(([subpath, target]) => [sourceOf(target), name + subpath.slice(1)]),
  );
}

function sourceOf(target) {
  return target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts');
}
