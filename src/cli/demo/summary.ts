import { type ColorSurroundings, paintFor } from '../terminal/color.js';
import { formatDuration } from '../terminal/duration.js';
import { renderLinePlot } from '../terminal/line-plot.js';
import { formatCompact, formatCount, formatShare } from '../terminal/quantity.js';
import { renderTable } from '../terminal/table.js';
import type { DemoResult } from './run-demo.js';
import { summarize, type TrainingSummary } from './training-progress.js';

/** The results of a demo as data: what `--json` prints. */
export interface DemoSummary {
  readonly corpus: DemoResult['prepared']['corpus'];
  readonly parameterCount: number;
  readonly runs: readonly ({ readonly order: string } & TrainingSummary)[];
  /** The order with the lower validation loss, or `null` when they are equal. */
  readonly lowerLoss: string | null;
  readonly elapsedMs: number;
  /** Path of the report page. */
  readonly report: string;
}

/** Sums a demo up. Its numbers are what happened, whichever order won. */
export function demoSummary(result: DemoResult, elapsedMs: number, report: string): DemoSummary {
  const runs = result.runs.map(({ order, progress }) => ({ order, ...summarize(progress) }));
  const [first, second] = [...runs].sort((a, b) => a.validationLoss - b.validationLoss);
  const lowerLoss = first && second && first.validationLoss < second.validationLoss ? first.order : null;
  const { corpus } = result.prepared;
  return { corpus, parameterCount: result.parameterCount, runs, lowerLoss, elapsedMs, report };
}

/** The summary for people: a plot, a table, and where the page is. */
export function renderDemoSummary(
  result: DemoResult,
  summary: DemoSummary,
  stream: ColorSurroundings,
): string {
  const paint = paintFor(stream);
  // Before training every order has the same loss, so high that it would flatten the rest.
  const series = result.runs.map(({ order, progress }) => ({
    label: order,
    points: progress.evaluations
      .filter(({ tokens }) => tokens > 0)
      .map(({ tokens, loss }) => ({ x: tokens, y: loss })),
  }));
  const plot = renderLinePlot(series, { paint, formatX: formatCompact, xLabel: 'tokens' });
  const verdict =
    summary.lowerLoss === null
      ? 'Both orders ended at the same validation loss.'
      : `In this run the ${summary.lowerLoss} order ended at the lower validation loss.`;
  return [
    '',
    paint('bold', 'Validation loss'),
    plot,
    '',
    resultsTable(summary),
    '',
    `${verdict} It took ${formatDuration(summary.elapsedMs)} in all.`,
    `Report: ${summary.report}`,
  ].join('\n');
}

function resultsTable({ runs }: DemoSummary): string {
  return renderTable(
    [
      { title: 'order' },
      { title: 'validation loss', align: 'right' },
      { title: 'steps', align: 'right' },
      { title: 'tokens', align: 'right' },
      { title: 'tokens/s', align: 'right' },
      { title: 'waiting for data', align: 'right' },
    ],
    runs.map(({ order, validationLoss, steps, tokens, tokensPerSecond, waitShare }) => [
      order,
      validationLoss.toFixed(4),
      formatCount(steps),
      formatCount(tokens),
      formatCount(Math.round(tokensPerSecond)),
      formatShare(waitShare),
    ]),
  );
}
