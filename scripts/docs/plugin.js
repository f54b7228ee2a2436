// What the site needs beyond TypeDoc's options: pages with the title and heading of their file, modules named as they are
// imported, links to a class of another entry point by its bare name.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Converter, KindRouter, MinimalSourceFile, ReflectionKind } from 'typedoc';
import { root } from '../toolchain.js';
import { pages } from './pages.js';

/** The first line of an entry in docs/troubleshooting.md: the class of the error. */
const errorClass = /^`(\w+Error)`: /gm;

/** @param importNames - The import name of each entry point, by its file. */
export function shapeSite(app, importNames) {
  const sectionOf = new Map(pages().map(({ file, title }) => [file, title]));

  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const { files } = page.project;
    const path = files.getReflectionPath(page);
    const file = relative(root, path).replaceAll('\\', '/');
    const text = readFileSync(path, 'utf8');
    page.name = (text.match(/^# (.+)$/m)?.[1] ?? file).replaceAll('`', '');
    page.frontmatter.group = sectionOf.get(file);
    const linked = text.replaceAll(errorClass, '{@link $1}: ');
    const whole = withoutFolderLinks(linked, dirname(path));
    page.content = app.converter.parseRawComment(new MinimalSourceFile(whole, path), files).content;
  });

  // A link to a folder leads to its first page. Links to folders without a page are plain text by now, but TypeDoc would
  // still copy the folders.
  app.converter.on(Converter.EVENT_END, ({ project: { files, documents }, project }) => {
    for (const folder of [...files.getMediaPaths()].filter(isFolder)) {
      const first = documents.find((page) => files.getReflectionPath(page).startsWith(`${folder}/`));
      files.registerReflectionPath(folder, first ?? project);
    }
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

/** Names the HTML of a page after its file, not after its title. */
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

/** Whether a reflection is what `Class.member` refers to: a class that an entry point exports, and its member. */
function isNamed(reflection, names) {
  if (names.length === 0) return reflection.kindOf(ReflectionKind.Module);
  return (
    reflection.name === names.at(-1) && reflection.parent && isNamed(reflection.parent, names.slice(0, -1))
  );
}

/** Replaces links to folders without a page on the site by their text. */
function withoutFolderLinks(text, from) {
  return text.replaceAll(/\[([^\]]+)\]\(([^)#:]+)\)/g, (link, label, target) => {
    const folder = relative(root, resolve(from, target)).replaceAll('\\', '/');
    const hasPages = pages().some(({ file }) => file.startsWith(`${folder}/`));
    return isFolder(join(root, folder)) && !hasPages ? label : link;
  });
}

function isFolder(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
