// What surrounds a page: the list of all pages, the way to the reference, the look of Millrace's own pages.

import { posix } from 'node:path';
import { style } from '../../dist/web/report/style.js';

const siteStyle = `
.site { display: grid; grid-template-columns: 250px minmax(0, 1fr); gap: 32px; max-width: 1240px; margin: 0 auto; padding: 28px 20px; }
.site nav { font-size: .9rem; position: sticky; top: 20px; align-self: start; max-height: calc(100vh - 40px); overflow: auto; }
.site nav strong { display: block; margin: 16px 0 4px; color: var(--soft); font-weight: 600; }
.site nav ul { list-style: none; margin: 0; padding: 0; } .site nav li { margin: 2px 0; }
a { color: var(--run0); text-decoration-thickness: 1px; text-underline-offset: 2px; }
.site nav a { color: inherit; text-decoration: none; } .site nav a:hover { text-decoration: underline; }
[aria-current] { font-weight: 600; color: var(--run0) !important; }
.site main { display: block; max-width: 860px; padding: 0; margin: 0; }
.site main :is(p, li) { font-size: 1rem; color: var(--ink); max-width: 80ch; } .site main li { margin: 4px 0; }
.site h1 { margin-bottom: 14px; } .site h2 { font-size: 1.25rem; margin: 30px 0 8px; scroll-margin-top: 16px; }
code { font-size: .88em; background: var(--card); border: 1px solid var(--edge); border-radius: 4px; padding: 0 4px; overflow-wrap: anywhere; }
pre { max-height: none; background: var(--card); border: 1px solid var(--edge); } pre code { border: 0; padding: 0; background: none; overflow-wrap: normal; }
.site th, .site td { text-align: left; white-space: normal; vertical-align: top; } .site .scroll { max-height: none; margin: 10px 0; }
td code { overflow-wrap: normal; }
img { max-width: 100%; background: #fff; border-radius: 8px; }
@media (max-width: 800px) { .site { grid-template-columns: minmax(0, 1fr); } .site nav { position: static; max-height: none; } }
`;

/** A page of the site. `list` has all pages by group. */
export function renderPage({ name, title, body, list }) {
  const to = (page) => posix.relative(posix.dirname(name), `${page}.html`);
  const groups = list
    .filter(({ pages }) => pages.length > 0)
    .map(
      ({ title: group, pages }) =>
        `<strong>${group}</strong><ul>${pages.map((page) => entry(page, name, to)).join('')}</ul>`,
    );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Millrace</title><style>${style}${siteStyle}</style></head>
<body><div class="site"><nav aria-label="Pages">${groups.join('\n')}
<strong>API</strong><ul><li><a href="${to('api/index')}">Reference</a></li></ul></nav>
<main>${body.replaceAll('<pre>', '<pre tabindex="0">')}</main></div></body></html>
`;
}

function entry({ name: page, title }, current, to) {
  const mark = page === current ? ' aria-current="page"' : '';
  return `<li><a href="${to(page)}"${mark}>${escaped(title)}</a></li>`;
}

function escaped(text) {
  return text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
