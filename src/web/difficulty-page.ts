import type { MetricSummary } from '../analysis/metric-summary.js';
import { binName, renderHistogram } from './kit/histogram.js';
import { html, type Markup } from './kit/html.js';
import { renderLineChart } from './kit/line-chart.js';
import { renderNumbers, renderTable } from './kit/number-table.js';
import { formatCompact, formatCount, formatShare, formatValue } from './kit/numbers.js';
import { style } from './kit/style.js';

/** Samples that a curriculum admits to a global batch. `step` counts from 1. */
export interface PageAdmission {
  readonly step: number;
  readonly difficulty: number;
  readonly samples: number;
  /** Share of all samples, 0 … 1. */
  readonly share: number;
}

/** A metric of the page. */
export interface PageMetric {
  readonly name: string;
  /** One line about the metric. */
  readonly description: string;
  readonly summary: MetricSummary;
  /** DeepSpeed's JSON of a curriculum; `undefined` if all samples are equally difficult. */
  readonly curriculum: unknown;
  readonly admissions: readonly PageAdmission[] | undefined;
}

/** Content of the page. */
export interface DifficultyPage {
  /** Name of the data. */
  readonly data: string;
  readonly samples: number;
  readonly metrics: readonly PageMetric[];
  /** ISO 8601. */
  readonly createdAt: string;
}

/** Renders the difficulty of a dataset as one HTML page that loads nothing. */
export function renderDifficultyPage({ data, samples, metrics, createdAt }: DifficultyPage): string {
  const title = `Difficulty of ${data}`;
  const curriculum = {
    curriculum_metrics: Object.fromEntries(
      metrics.flatMap(({ name, curriculum }) => (curriculum ? [[name, curriculum]] : [])),
    ),
  };
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${style}</style></head>
<body><header><h1>${title}</h1>
<p>${formatCount(samples)} samples.</p></header>
<main>${metrics.map(metricPanels)}
<section class="wide"><h2>Suggested curriculum</h2>
<p>For data_efficiency.data_sampling.curriculum_learning of a DeepSpeed configuration; keep one metric or several.</p>
<pre tabindex="0">${JSON.stringify(curriculum, null, 2)}</pre></section></main>
<footer>Written by <code>millrace analyze</code>, ${createdAt}.</footer></body></html>
`.toString();
}

function metricPanels(metric: PageMetric, run: number): Markup {
  return html`${distributionPanel(metric)}${admissionPanel(metric, run)}`;
}

function distributionPanel({ name, description, summary }: PageMetric): Markup {
  const { min, max, mean, quantiles, distinct, histogram: bins } = summary;
  const chart = renderHistogram(bins, {
    id: `spread-${name}`,
    title: `Samples by ${name}`,
    description: `From ${formatValue(min)} to ${formatValue(max)}, ${formatValue(mean)} on average.`,
    x: { label: name, format: formatValue },
    y: { label: 'samples', format: formatCompact },
  });
  const shares = Object.keys(quantiles).map((share) => `${Number(share) * 100} %`);
  const columns = ['Min', ...shares, 'Max', 'Mean'];
  const row = [min, ...Object.values(quantiles), max, mean].map(formatValue);
  const binRows = bins.map((bin) => [binName(bin, formatValue), formatCount(bin.count)]);
  return html`<section><h2>${name}</h2><p>${description}</p>${chart}
${renderNumbers({ caption: `Samples by ${name}`, columns: ['Values', 'Samples'], rows: binRows })}
${renderTable({ caption: `Quantiles of ${formatCount(distinct)} distinct values`, columns, rows: [row] })}</section>`;
}

function admissionPanel({ name, curriculum, admissions }: PageMetric, run: number): Markup {
  if (!curriculum)
    return html`<section><h2>${name}: admissions by global batch</h2>
<p>All samples are equally difficult, so this metric cannot order a curriculum.</p></section>`;
  if (!admissions)
    return html`<section><h2>${name}: admissions by global batch</h2>
<p>The index is not on this machine, so admissions were not counted.</p></section>`;
  const points = admissions.map(({ step, share }) => ({ x: step, y: share }));
  const chart = renderLineChart([{ label: 'admitted', run: run % 2, look: 'marked', points }], {
    id: `admitted-${name}`,
    title: `Share of admitted samples by global batch, for ${name}`,
    description: 'Grows to all samples at the end of the schedule.',
    x: { label: 'global batch', format: formatCompact },
    y: { label: 'share of the samples', format: (value) => value.toFixed(1) },
    fromZero: true,
  });
  const rows = admissions.map(({ step, difficulty, samples, share }) => [
    formatCount(step),
    formatValue(difficulty),
    formatCount(samples),
    formatShare(share),
  ]);
  const columns = ['Global batch', 'Difficulty', 'Samples', 'Share'];
  return html`<section><h2>${name}: admissions by global batch</h2>
<p>For the curriculum below, which starts with easy samples and ends with all of them.</p>${chart}
${renderTable({ caption: 'Admitted samples by global batch, counted from 1', columns, rows })}</section>`;
}
