import { html, type Markup } from './kit/html.js';
import { style } from './kit/style.js';

/** A stage of a replayed sample. */
export interface ReplayPageStage {
  readonly name: string;
  readonly from: string | undefined;
  readonly draws: readonly string[];
  readonly error: string | undefined;
  readonly fields: readonly {
    /** Empty if the sample is a single value. */
    readonly name: string;
    readonly shown: string;
    /** `data:` URLs. */
    readonly pictures: readonly string[];
  }[];
}

/** Content of the page. */
export interface ReplayPage {
  readonly title: string;
  readonly subtitle: string;
  readonly stages: readonly ReplayPageStage[];
}

/** Renders the stages of a replayed sample as one HTML page that loads nothing. */
export function renderReplay({ title, subtitle, stages }: ReplayPage): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace: ${title}</title><style>${style}
dl code { overflow-wrap: anywhere; } dd { margin-bottom: 10px; } section p { overflow-wrap: anywhere; }
.pictures { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 6px; }
.pictures img { width: 256px; max-width: 100%; image-rendering: pixelated; border-radius: 6px; }</style></head>
<body><header><h1>${title}</h1><p>${subtitle}</p></header>
<main>${stages.map((stage, k) => renderStage(stage, k))}</main>
<footer>Written by <code>millrace replay</code>.</footer></body></html>
`.toString();
}

function renderStage({ name, from, draws, error, fields }: ReplayPageStage, k: number): Markup {
  const items = fields.map(
    (field) =>
      html`<dt>${field.name || 'value'}</dt><dd><code>${field.shown}</code>${
        field.pictures.length > 0 &&
        html`<div class="pictures">${field.pictures.map(
          (url) => html`<img src="${url}" alt="${field.name || 'image'} after ${name}">`,
        )}</div>`
      }</dd>`,
  );
  return html`<section><h2>${k + 1}. ${name}</h2>${from !== undefined && html`<p>${from}</p>`}${
    error !== undefined && html`<p><strong class="bad">${error}</strong></p>`
  }${fields.length > 0 && html`<dl>${items}</dl>`}${
    draws.length > 0 &&
    html`<details><summary>${draws.length} random ${draws.length === 1 ? 'draw' : 'draws'}</summary><p><code>${draws.join(', ')}</code></p></details>`
  }</section>`;
}
