import { styleText } from 'node:util';
import { formatCompact, formatCount, formatLoss, formatSeconds, formatShare } from './format.js';
import { type Paint, renderLinePlot } from './line-plot.js';
import type { RunResult } from './run.js';
import { summarize, type TrainingSummary } from './training-progress.js';

/** The results as JSON, which `--json` prints. */
export interface Summary {
  readonly corpus: RunResult['prepared']['corpus'];
  readonly parameterCount: number;
  readonly runs: readonly ({ readonly order: string } & TrainingSummary)[];
  /** The order with the lower validation loss, or `null` if both are equal. */
  readonly lowerLoss: string | null;
  readonly elapsedMs: number;
  /** Path of the report page. */
  readonly report: string;
}

/** Summarizes both runs. */
export function summaryOf(result: RunResult, elapsedMs: number, report: string): Summary {
  const runs = result.runs.map(({ order, progress }) => ({ order, ...summarize(progress) }));
  const [first, second] = [...runs].sort((a, b) => a.validationLoss - b.validationLoss);
  const lowerLoss = first && second && first.validationLoss < second.validationLoss ? first.order : null;
  const { corpus } = result.prepared;
  return { corpus, parameterCount: result.parameterCount, runs, lowerLoss, elapsedMs, report };
}

/** Renders the summary for a terminal: a plot, a table, and the path of the report. */
export function renderSummary(result: RunResult, summary: Summary, stream: NodeJS.WriteStream): string {
  const colors = stream.isTTY && !process.env.NO_COLOR;
  const paint: Paint = (color, text) => (colors ? styleText(color, text) : text);
  // The initial loss is the same for both orders, and so high that it would flatten the plot.
  const series = result.runs.map(({ order, progress }) => ({
    label: order,
    points: progress.evaluations
      .filter(({ tokens }) => tokens > 0)
      .map(({ tokens, loss }) => ({ x: tokens, y: loss })),
  }));
  const plot = renderLinePlot(series, { paint, formatX: formatCompact, xLabel: 'tokens' });
  const verdict =
    summary.lowerLoss === null
      ? 'Both orders ended with the same validation loss.'
      : `In this run the ${summary.lowerLoss} order ended with the lower validation loss.`;
  return [
    '',
    paint('bold', 'Validation loss'),
    plot,
    '',
    resultsTable(summary),
    '',
    `${verdict} It took ${formatSeconds(summary.elapsedMs)} in total.`,
    `Report: ${summary.report}`,
  ].join('\n');
}

function resultsTable({ runs }: Summary): string {
  const rows = [
    ['order', 'validation loss', 'steps', 'tokens', 'tokens/s', 'waiting for data'],
    ...runs.map(({ order, validationLoss, steps, tokens, tokensPerSecond, waitShare }) => [
      order,
      formatLoss(validationLoss),
      formatCount(steps),
      formatCount(tokens),
      formatCount(tokensPerSecond),
      formatShare(waitShare),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map(([order = '', ...numbers]) =>
    [order.padEnd(widths[0]!), ...numbers.map((text, k) => text.padStart(widths[k + 1]!))].join('  '),
  );
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}
