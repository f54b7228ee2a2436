// The pages of the site and their order. A page that is not listed follows the listed pages of its folder.
import { readdirSync } from 'node:fs';
import { root } from '../toolchain.js';

/** Each heading of the sidebar, the folder of its pages, and the pages that come first. */
const sections = [
  {
    title: 'Guides',
    folder: 'docs/guides',
    first: [
      'first-epoch',
      'own-dataset',
      'workers',
      'fine-tune',
      'images',
      'tensorflow-js',
      'jax-js',
      'pytorch',
      'prepare-a-corpus',
      'multi-node',
      'long-context',
      'bundling',
      'resume',
      'change-a-run',
      'curriculum',
      'testing',
      'moving-from-pytorch',
      'moving-from-streaming',
      'why-an-order-is-a-function',
      'when-not-to-use-it',
    ],
  },
  {
    title: 'Subjects',
    folder: 'docs',
    first: [
      'troubleshooting',
      'data',
      'tokens',
      'curriculum',
      'analysis',
      'difficulty-index',
      'guarantees',
      'plan',
      'monitoring',
      'serve',
      'wire',
      'browser',
      'accelerators',
      'migrating-from-deepspeed',
      'parity',
      'performance',
      'architecture',
      'glossary',
    ],
  },
  { title: 'Decisions', folder: 'docs/decisions', first: [] },
];

/** Pages outside docs/. */
const projectPages = ['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map((file) => ({
  title: 'Project',
  file,
}));

/** Headings of the sidebar, in order. */
export const sectionTitles = [...sections.map(({ title }) => title), 'Project', 'Modules'];

/** Every page in the order of the sidebar: its heading, and its file relative to the root of the repository. */
export function pages() {
  return [...sections.flatMap(pagesOf), ...projectPages];
}

function pagesOf({ title, folder, first }) {
  const rank = (name) => (first.includes(name) ? first.indexOf(name) : first.length);
  return readdirSync(`${root}${folder}`)
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.slice(0, -'.md'.length))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((name) => ({ title, file: `${folder}/${name}.md` }));
}
