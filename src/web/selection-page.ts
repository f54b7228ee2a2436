import type { SelectionManifest } from '../formats/selection.js';
import { html, type Markup } from './kit/html.js';
import { renderTable } from './kit/number-table.js';
import { formatCount, formatShare } from './kit/numbers.js';
import { style } from './kit/style.js';

/** Content of the page. */
export interface SelectionPage
  extends Pick<SelectionManifest, 'samples' | 'kept' | 'rules' | 'splits' | 'parameters'> {
  /** Name of the data. */
  readonly data: string;
}

/** Renders a selection as one HTML page that loads nothing: what each rule removed, with examples. */
export function renderSelectionPage({
  data,
  samples,
  kept,
  rules,
  splits,
  parameters,
}: SelectionPage): string {
  const title = `Millrace: selection of ${data}`;
  const shareOf = (count: number): string => formatShare(samples === 0 ? 0 : count / samples);
  const rows = remainders(samples, rules).map(({ name, removed, left }) => [
    name,
    formatCount(removed),
    shareOf(removed),
    formatCount(left),
  ]);
  const parts = Object.entries(splits).map(([name, count]) => [name, formatCount(count), shareOf(count)]);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${style}
.steps { list-style: none; margin: 12px 0 14px; padding: 0; display: grid; gap: 10px; }
.steps span { display: flex; justify-content: space-between; gap: 12px; font-size: .92rem; font-variant-numeric: tabular-nums; }
.track { display: flex; height: 12px; margin-top: 3px; border-radius: 6px; overflow: hidden; background: var(--grid); }
.left { background: var(--run0); } .gone { background: var(--run1); }
.examples { display: grid; gap: 12px; margin: 10px 0 0; padding: 0; list-style: none; }
.examples li { border-left: 3px solid var(--run1); padding-left: 12px; }
.examples p { margin: 0; } .text { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .92rem; }</style></head>
<body><header><h1>Selection of ${data}</h1><p>What each rule removed, in the order in which the rules were applied.</p></header>
<main><dl class="figures"><div><dt>Samples</dt><dd>${formatCount(samples)}</dd></div>
<div><dt>Stay</dt><dd>${formatCount(kept)}<small>${shareOf(kept)}</small></dd></div>
<div><dt>Removed</dt><dd>${formatCount(samples - kept)}<small>${shareOf(samples - kept)}</small></dd></div></dl>
${
  rules.length > 0 &&
  html`<section class="wide"><h2>Rules</h2>${stepChart(samples, rules)}
${renderTable({ caption: 'Samples by rule', columns: ['Rule', 'Removed', 'Share', 'Left'], rows })}</section>`
}
${parts.length > 1 && html`<section class="wide"><h2>Splits</h2>${renderTable({ caption: 'Samples of each split', columns: ['Split', 'Samples', 'Share'], rows: parts })}</section>`}
${rules.filter(({ removed }) => removed > 0).map(examplesPanel)}
<section class="wide"><h2>Parameters</h2><pre tabindex="0">${JSON.stringify(parameters, null, 2)}</pre></section></main>
<footer>Written by <code>millrace select</code>.</footer></body></html>
`.toString();
}

function remainders(samples: number, rules: SelectionPage['rules']) {
  let left = samples;
  return rules.map(({ name, removed }) => {
    left -= removed;
    return { name, removed, left };
  });
}

/** A bar for each rule: what was left after it, and what it removed. The table below has the numbers. */
function stepChart(samples: number, rules: SelectionPage['rules']): Markup {
  const all = Math.max(1, samples);
  const steps = remainders(samples, rules).map(
    ({ name, removed, left }) =>
      html`<li><span>${name}<b>${removed > 0 && '−'}${formatCount(removed)}</b></span><div class="track"><div class="left" style="width: ${(left / all) * 100}%"></div><div class="gone" style="width: ${(removed / all) * 100}%"></div></div></li>`,
  );
  return html`<ul class="legend" aria-hidden="true"><li><span class="dot run0"></span>left</li><li><span class="dot run1"></span>removed by this rule</li></ul>
<ul class="steps" aria-hidden="true">${steps}</ul>`;
}

function examplesPanel({ name, removed, examples }: SelectionPage['rules'][number]): Markup {
  const items = examples.map(({ index, stays, text }) => {
    const other = name === 'evaluation' ? 'shares words with evaluation sample' : 'repeats sample';
    return html`<li><p>Sample ${formatCount(index)}${stays !== undefined && html` ${other} ${formatCount(stays)}`}</p><div class="text">${text}</div></li>`;
  });
  return html`<section><h2>${name}</h2><p>The first of ${formatCount(removed)} removed samples.</p><ul class="examples">${items}</ul></section>`;
}
