import { sum } from 'd3-array';
import type { DemoReport, ReportRun } from './demo-report.js';
import { html, type Markup } from './html.js';
import * as format from './number-format.js';
import { renderTable } from './number-table.js';

/** The headline numbers. */
export function figures({ runs, corpus }: DemoReport): Markup {
  const losses = runs.map(
    (run, index) =>
      html`<div><dt><span class="dot run${index}" aria-hidden="true"></span>Validation loss, ${run.name}</dt><dd>${format.loss(finalLoss(run))}</dd></div>`,
  );
  const tokens = sum(runs, (run) => run.steps.at(-1)?.tokens ?? 0);
  const trainingMs = sum(runs, (run) => run.trainingMs);
  const waitMs = sum(runs, (run) => run.waitShare * run.trainingMs);
  return html`<dl class="figures">${losses}
<div><dt>Tokens a second</dt><dd>${format.count((tokens / Math.max(1, trainingMs)) * 1_000)}</dd></div>
<div><dt>Time spent waiting for data</dt><dd>${format.share(waitMs / Math.max(1, trainingMs))}</dd></div>
<div><dt>Corpus</dt><dd>${format.tick(corpus.tokens)} <small>tokens of ${format.count(corpus.documents)} files</small></dd></div></dl>`;
}

/** The table of results and what they say. */
export function resultsPanel(report: DemoReport): Markup {
  const rows = report.runs.map((run) => [
    run.name,
    run.steps.length,
    format.count(run.steps.at(-1)?.tokens ?? 0),
    format.loss(finalLoss(run)),
    format.count(run.tokensPerSecond),
    format.share(run.waitShare),
    format.seconds(run.trainingMs),
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

/** Everything that was set. */
export function settingsPanel({ settings, configurations, corpus }: DemoReport): Markup {
  const all = [
    {
      name: 'Text',
      value: `${corpus.source} (${format.count(corpus.documents)} files, ${format.megabytes(corpus.byteLength)})`,
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
  const size = `${format.loss(difference)} nats`;
  if (difference === 0) return 'Both orders end at the same validation loss.';
  return `The same model, trained twice on as many tokens: ${best.name} ends ${size} below ${next.name}. One seed and a short run; another seed may turn it round.`;
}
