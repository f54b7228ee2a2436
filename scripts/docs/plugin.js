// What the site asks of TypeDoc beyond its options: pages with the title and heading of their file, modules with the name
// they are imported by, links to a class of another entry point by its bare name.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Converter, KindRouter, MinimalSourceFile, ReflectionKind } from 'typedoc';
import { root } from '../toolchain.js';
import { errorEntries } from './error-codes.js';
import { pages } from './pages.js';

/** Where the entries of the codes go, in the page on troubleshooting. */
const entriesMark = '<!-- One entry a code, from the docstrings. -->';

/** @param importNames - Name by which each entry point is imported, by its file. */
export function shapeSite(app, importNames) {
  const sectionOf = new Map(pages().map(({ file, title }) => [file, title]));

  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const { files } = page.project;
    const path = files.getReflectionPath(page);
    const file = relative(root, path).replaceAll('\\', '/');
    const text = readFileSync(path, 'utf8');
    page.name = (text.match(/^# (.+)$/m)?.[1] ?? file).replaceAll('`', '');
    page.frontmatter.group = sectionOf.get(file);
    if (text.includes(entriesMark)) {
      const whole = new MinimalSourceFile(text.replace(entriesMark, errorEntries), path);
      page.content = app.converter.parseRawComment(whole, files).content;
    }
    // The README links to the folder.
    if (file === firstDecision()) files.registerReflectionPath(join(root, 'docs/decisions'), page);
  });

  app.converter.on(Converter.EVENT_CREATE_DECLARATION, ({ project }, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = relative(root, project.files.getReflectionPath(reflection) ?? '').replaceAll('\\', '/');
    reflection.name = importNames.get(file) ?? reflection.name;
  });

  let project;
  app.converter.on(Converter.EVENT_BEGIN, (context) => {
    project = context.project;
  });
  app.converter.addUnknownSymbolResolver(({ moduleSource, symbolReference }, _from, link) => {
    if (!link || moduleSource || !symbolReference?.path) return undefined;
    const names = symbolReference.path.map(({ path }) => path);
    const target = project.getReflectionsByKind(ReflectionKind.All).find((found) => isNamed(found, names));
    return target && { target };
  });

  app.renderer.defineRouter('pages-by-file', PagesByFile);
}

/** Pages keep the name of their file, whatever their title becomes. */
class PagesByFile extends KindRouter {
  getIdealBaseName(reflection) {
    if (!reflection.isDocument()) return super.getIdealBaseName(reflection);
    const path = reflection.project.files.getReflectionPath(reflection);
    const inDocs = relative(join(root, 'docs'), path)
      .replaceAll('\\', '/')
      .replace(/^(\.\.\/)+/, '');
    return `pages/${inDocs.replace(/\.md$/, '')}`;
  }
}

/** Whether it is what `Class.member` means: a class that an entry point exports, and its member. */
function isNamed(reflection, names) {
  if (names.length === 0) return reflection.kindOf(ReflectionKind.Module);
  return (
    reflection.name === names.at(-1) && reflection.parent && isNamed(reflection.parent, names.slice(0, -1))
  );
}

function firstDecision() {
  return pages().find(({ title }) => title === 'Decisions')?.file;
}
