import { html, type Markup } from '../../../dist/web/kit/html.js';
import { type ChartLine, type Point, renderLineChart } from '../../../dist/web/kit/line-chart.js';
import { renderNumbers } from '../../../dist/web/kit/number-table.js';
import { formatCompact, formatCount, formatLoss } from '../format.js';
import type { Report, ReportRun } from './report.js';
import { thin, trailingMean } from './smooth.js';

const smoothedSteps = 20;
const tableRows = 12;
const axes = {
  x: { label: 'tokens', format: formatCompact },
  y: { label: 'loss (nats)', format: (value: number) => value.toFixed(1) },
};

/** Validation loss over tokens. */
export function validationPanel({ runs }: Report): Markup {
  const lines = runs.map(({ name, evaluations }, run): ChartLine => {
    return { label: name, run, look: 'marked', points: afterStart(evaluations) };
  });
  const beginning = runs[0]?.evaluations.find(({ tokens }) => tokens === 0);
  const chart = renderLineChart(lines, {
    id: 'validation',
    title: 'Validation loss over tokens',
    description: runs.map(finalLoss).join(' '),
    ...axes,
  });
  const rows = runs.flatMap(({ name, evaluations }) =>
    evaluations.map(({ tokens, loss }) => [name, formatCount(tokens), formatLoss(loss)]),
  );
  return html`<section><h2>Validation loss</h2>
<p>On text that neither run trained on. ${beginning && `Both start at ${formatLoss(beginning.loss)}, which is not drawn.`}</p>${chart}
${renderNumbers({ caption: 'Validation loss', columns: ['Run', 'Tokens', 'Loss'], rows })}</section>`;
}

/** Training loss over tokens, raw and smoothed. */
export function trainingPanel({ runs }: Report): Markup {
  const smoothed = runs.map(({ steps }) =>
    trailingMean(
      steps.map(({ loss }) => loss),
      smoothedSteps - 1,
    ),
  );
  const lines = runs.flatMap(({ name, steps }, run): ChartLine[] => {
    const raw = steps.map(({ tokens, loss }) => ({ x: tokens, y: loss }));
    const smooth = steps.map(({ tokens }, i) => ({ x: tokens, y: smoothed[run]![i]! }));
    return [
      { label: name, run, look: 'faint', points: raw },
      { label: name, run, points: smooth },
    ];
  });
  const chart = renderLineChart(lines, {
    id: 'training',
    title: 'Training loss over tokens',
    description: `Mean of the last ${smoothedSteps} steps, with single steps in the background.`,
    ...axes,
  });
  const rows = runs.flatMap(({ name, steps }, run) =>
    thin(
      steps.map(({ step, tokens }, i) => [name, step, formatCount(tokens), formatLoss(smoothed[run]![i]!)]),
      tableRows,
    ),
  );
  return html`<section><h2>Training loss</h2>
<p>Mean of the last ${smoothedSteps} steps. Each order is measured on its own batches, so do not compare the two lines.</p>${chart}
${renderNumbers({ caption: 'Training loss, smoothed', columns: ['Run', 'Step', 'Tokens', 'Loss'], rows })}</section>`;
}

/** Drops the initial loss, which would flatten the chart. */
function afterStart(evaluations: ReportRun['evaluations']): Point[] {
  const later = evaluations.filter(({ tokens }) => tokens > 0);
  return later.map(({ tokens, loss }) => ({ x: tokens, y: loss }));
}

function finalLoss({ name, evaluations }: ReportRun): string {
  const last = evaluations.at(-1);
  return last ? `${name} ends at ${formatLoss(last.loss)}.` : `${name} was not evaluated.`;
}
