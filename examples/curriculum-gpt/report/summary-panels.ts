import { sum } from 'd3-array';
import { html, type Markup } from '../../../dist/web/kit/html.js';
import { renderTable } from '../../../dist/web/kit/number-table.js';
import {
  formatCompact,
  formatCount,
  formatLoss,
  formatMegabytes,
  formatSeconds,
  formatShare,
} from '../format.js';
import type { Report, ReportRun } from './report.js';

/** The headline numbers. */
export function figures({ runs, corpus }: Report): Markup {
  const losses = runs.map(
    (run, index) =>
      html`<div><dt><span class="dot run${index}" aria-hidden="true"></span>Validation loss, ${run.name}</dt><dd>${formatLoss(finalLoss(run))}</dd></div>`,
  );
  const tokens = sum(runs, (run) => run.steps.at(-1)?.tokens ?? 0);
  const trainingMs = sum(runs, (run) => run.trainingMs);
  const waitMs = sum(runs, (run) => run.waitShare * run.trainingMs);
  return html`<dl class="figures">${losses}
<div><dt>Tokens per second</dt><dd>${formatCount((tokens / Math.max(1, trainingMs)) * 1_000)}</dd></div>
<div><dt>Time spent waiting for data</dt><dd>${formatShare(waitMs / Math.max(1, trainingMs))}</dd></div>
<div><dt>Corpus</dt><dd>${formatCompact(corpus.tokens)} <small>tokens of ${formatCount(corpus.documents)} files</small></dd></div></dl>`;
}

/** The results as a table, with a verdict. */
export function resultsPanel(report: Report): Markup {
  const rows = report.runs.map((run) => [
    run.name,
    run.steps.length,
    formatCount(run.steps.at(-1)?.tokens ?? 0),
    formatLoss(finalLoss(run)),
    formatCount(run.tokensPerSecond),
    formatShare(run.waitShare),
    formatSeconds(run.trainingMs),
  ]);
  const columns = [
    'Run',
    'Steps',
    'Tokens',
    'Validation loss',
    'Tokens/s',
    'Waiting for data',
    'Training time',
  ];
  return html`<section class="wide"><h2>Results</h2><p>${verdict(report.runs)}</p>
${renderTable({ caption: 'Both runs at the same token budget', columns, rows })}</section>`;
}

/** Settings and configurations. */
export function settingsPanel({ settings, configurations, corpus }: Report): Markup {
  const all = [
    {
      name: 'Text',
      value: `${corpus.source} (${formatCount(corpus.documents)} files, ${formatMegabytes(corpus.byteLength)})`,
    },
    ...settings,
  ];
  const items = all.map(({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`);
  const files = configurations.map(
    ({ name, json }) =>
      html`<details><summary>DeepSpeed configuration, ${name}</summary><pre tabindex="0">${JSON.stringify(json, null, 2)}</pre></details>`,
  );
  return html`<section class="wide"><h2>Configuration</h2><dl class="settings">${items}</dl>${files}</section>`;
}

function finalLoss({ evaluations }: ReportRun): number {
  return evaluations.at(-1)?.loss ?? Number.NaN;
}

function verdict(runs: readonly ReportRun[]): string {
  const [best, next] = [...runs].sort((a, b) => finalLoss(a) - finalLoss(b));
  if (!best || !next || Number.isNaN(finalLoss(next) - finalLoss(best))) return 'One model, trained once.';
  const difference = finalLoss(next) - finalLoss(best);
  const size = `${formatLoss(difference)} nats`;
  if (difference === 0) return 'Both orders end at the same validation loss.';
  return `The same model, trained twice on as many tokens: ${best.name} ends ${size} below ${next.name}. One seed and a short run; another seed may reverse it.`;
}
