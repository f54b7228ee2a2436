import type { ChatView } from '../tokens/chat-view.js';
import { html, type Markup } from './kit/html.js';
import { renderTable } from './kit/number-table.js';
import { style } from './kit/style.js';

/** A field of a sample. */
export interface InspectionField {
  /** Empty if the sample is a single value. */
  readonly name: string;
  readonly shown: string | undefined;
  /** Text to read, of any length. */
  readonly text: string | undefined;
  /** `data:` URLs. */
  readonly images: readonly string[];
}

/** Content of the page. */
export interface InspectionPage {
  readonly name: string;
  readonly format: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly samples: readonly {
    readonly index: number;
    readonly fields: readonly InspectionField[];
    /** The conversations of the sample, token by token. */
    readonly chats?: readonly ChatView[] | undefined;
  }[];
}

/** Renders facts, schema and samples of data as one HTML page that loads nothing. */
export function renderInspection({ name, format, facts, columns, samples }: InspectionPage): string {
  const title = `Millrace: ${name}`;
  const rows = facts.map((fact) => html`<div><dt>${fact.name}</dt><dd>${fact.value}</dd></div>`);
  const schema = columns.map((column) => [column.name || '(the sample)', column.type]);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${style}
.text { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 340px; overflow: auto; }
.settings code { overflow-wrap: anywhere; } .pictures { display: flex; flex-wrap: wrap; gap: 6px; }
.pictures img { max-width: 100%; min-width: min(256px, 100%); max-height: 300px; object-fit: contain; image-rendering: pixelated; border-radius: 6px; }
.tokens { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 640px; overflow: auto; line-height: 1.9; }
.tokens span { border-radius: 3px; box-shadow: inset 0 0 0 1px var(--grid); }
.tokens .trained { background: #2e8b5740; font-weight: 600; } .tokens .prompted { background: #d1921b40; }
.tokens .context { color: var(--soft); }
dd { margin-bottom: 10px; } .types :is(th, td) { text-align: left; }</style></head>
<body><header><h1>${name}</h1><p>${format}</p></header>
<main><section class="wide"><h2>Overview</h2><dl class="settings">${rows}</dl></section>
<section class="wide types"><h2>Schema</h2>${renderTable({ caption: 'Columns of a sample', columns: ['Column', 'Type'], rows: schema })}</section>
${samples.map(renderSample)}</main>
<footer>Written by <code>millrace inspect</code>.</footer></body></html>
`.toString();
}

function renderSample({ index, fields, chats }: InspectionPage['samples'][number]): Markup {
  const items = fields.map(
    ({ name, shown, text, images }) =>
      html`<dt>${name || 'value'}</dt><dd>${shown !== undefined && html`<code>${shown}</code>`}${
        text !== undefined && html`<div class="text" tabindex="0">${text}</div>`
      }${images.length > 0 && html`<div class="pictures">${images.map((url) => html`<img src="${url}" alt="${name || 'image'} of sample ${index}">`)}</div>`}</dd>`,
  );
  if (chats)
    return html`<section class="wide"><h2>Sample ${index}</h2>${chats.map(renderChat)}<details><summary>Fields</summary><dl>${items}</dl></details></section>`;
  return html`<section><h2>Sample ${index}</h2><dl>${items}</dl></section>`;
}

const meanings = { trained: 'trained on', prompted: 'supplied by the generation prompt', context: 'context' };

/** A conversation with each token marked by whether it is trained on. Its title says its id. */
function renderChat({ name, tokens, problems }: ChatView): Markup {
  const trained = tokens.filter(({ role }) => role === 'trained').length;
  const shown = tokens.map(
    ({ id, text, role }) =>
      html`<span class="${role}" title="${`id ${id}, ${meanings[role]}`}">${text}</span>`,
  );
  const legend = Object.entries(meanings).map(
    ([role, meaning]) => html`<li class="tokens"><span class="${role}">${meaning}</span></li>`,
  );
  return html`<p>${name !== undefined && html`<b>${name}</b>: `}${tokens.length} tokens, ${trained} trained on${problems.map((problem) => html`; <b>${problem}</b>`)}</p>
<ul class="legend">${legend}</ul><div class="tokens" tabindex="0">${shown}</div>`;
}
