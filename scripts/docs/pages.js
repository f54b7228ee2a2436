// The pages of docs/ as HTML, with a list of all of them beside each, and a check of the links between them.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { Marked } from 'marked';
import { errorClasses } from './error-classes.js';
import { renderPage } from './page.js';

/** The order of the list; what is not named comes behind, by name. */
const groups = [
  { title: 'Start', pages: ['index'] },
  {
    title: 'Guides',
    pages: [
      'guides/own-dataset',
      'guides/train-with-jax',
      'guides/train-with-tfjs',
      'guides/many-machines',
      'guides/resume',
      'curriculum',
      'plan',
      'data',
      'migrating-from-deepspeed',
    ],
  },
  {
    title: 'Reference',
    pages: [
      'troubleshooting',
      'guarantees',
      'parity',
      'performance',
      'architecture',
      'decisions/index',
      'CONTRIBUTING',
      'CHANGELOG',
    ],
  },
];

/**
 * Writes all pages.
 *
 * @returns how many, and links that lead nowhere, as `page: link`
 */
export function writePages(root, out) {
  rmSync(out, { recursive: true, force: true });
  for (const file of ['docs/images', 'docs/dump_batches.py', 'LICENSE'])
    cpSync(join(root, file), join(out, file.replace('docs/', '')), { recursive: true });
  const pages = readPages(root);
  const list = groups.map(({ title, pages: named }) => ({
    title,
    pages: [...named, ...(title === 'Guides' ? restOf(pages) : [])]
      .filter((name) => pages.has(name))
      .map((name) => ({ name, title: pages.get(name).title })),
  }));
  const broken = [];
  for (const [name, { title, text }] of pages) {
    const links = [];
    const body = toHtml(text, name, (link) => links.push(link));
    broken.push(
      ...links
        .filter((link) => !pages.has(link.replace(/\.md$/, '')) && !existsSync(join(out, link)))
        .map((link) => `${name}: ${link}`),
    );
    const path = join(out, `${name}.html`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, renderPage({ name, title, body, list }));
  }
  return { pages: pages.size, broken };
}

function readPages(root) {
  const docs = join(root, 'docs');
  const files = readdirSync(docs, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  );
  const texts = files
    .sort()
    .map((file) => [file.replaceAll('\\', '/').replace(/\.md$/, ''), readFileSync(join(docs, file), 'utf8')]);
  const outside = ['README', 'CONTRIBUTING', 'CHANGELOG'].map((name) => [
    name === 'README' ? 'index' : name,
    readFileSync(join(root, `${name}.md`), 'utf8').replaceAll('](docs/', ']('),
  ]);
  const all = [...outside, ...texts, ['decisions/index', decisionList(texts)]];
  return new Map(
    all.map(([name, text]) => [
      name,
      { text: name === 'troubleshooting' ? explainErrors(root, text) : text, title: titleOf(text) },
    ]),
  );
}

function titleOf(text) {
  return /^# (.+)$/m.exec(text)?.[1] ?? '';
}

function decisionList(texts) {
  const decisions = texts.filter(([name]) => name.startsWith('decisions/'));
  const items = decisions.map(([name, text]) => `- [${titleOf(text)}](${name.replace('decisions/', '')}.md)`);
  return `# Decisions\n\nWhat was decided after an argument, what was measured, and what was given up.\n\n${items.join('\n')}\n`;
}

/** Below each code, its class and what the source says of it. */
function explainErrors(root, text) {
  const classes = errorClasses(readFileSync(join(root, 'src', 'core', 'errors.ts'), 'utf8'));
  return text.replaceAll(/^## (ERR_\w+)$/gm, (heading, code) => {
    const known = classes.find((error) => error.code === code);
    return known ? `${heading}\n\n\`${known.name}\`: ${known.description}` : heading;
  });
}

function restOf(pages) {
  const named = new Set(groups.flatMap((group) => group.pages));
  return [...pages.keys()].filter((name) => !named.has(name) && !name.startsWith('decisions/'));
}

/** Markdown as HTML. Links to pages lead to their HTML; headings can be linked to. */
function toHtml(text, page, onLink) {
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text: title }) {
        const id = title
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
          .replaceAll(' ', '-');
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        return `<a href="${target(href, page, onLink)}">${this.parser.parseInline(tokens)}</a>`;
      },
      table(token) {
        const cells = (row, tag) =>
          row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('');
        const rows = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('');
        return `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table><thead><tr>${cells(token.header, 'th')}</tr></thead><tbody>${rows}</tbody></table></div>\n`;
      },
    },
  });
  return marked.parse(text);
}

function target(href, page, onLink) {
  if (/^([a-z]+:|#)/.test(href)) return href;
  const [path, anchor] = href.split('#');
  const file = path === 'decisions' ? 'decisions/index.md' : path;
  onLink(posix.join(posix.dirname(page), file));
  return file.replace(/\.md$/, '.html') + (anchor ? `#${anchor}` : '');
}
