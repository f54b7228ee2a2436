import { max, mean } from 'd3-array';
import { html, type Markup } from '../../../dist/web/kit/html.js';
import { type ChartLine, renderLineChart } from '../../../dist/web/kit/line-chart.js';
import { renderNumbers } from '../../../dist/web/kit/number-table.js';
import { formatCompact, formatCount, formatShare } from '../format.js';
import { type HeatColumn, renderHeatMap } from './heat-map.js';
import { renderHistogram } from './histogram.js';
import { binName, binWidth, countLengths } from './length-bins.js';
import type { Report, ReportRun } from './report.js';
import { thin, trailingMean } from './smooth.js';

const smoothedSteps = 10;
const tableRows = 12;
const heatColumns = 80;
const stepAxis = { label: 'step', format: formatCompact };
const lengthAxis = { label: 'tokens per sequence', format: formatCount };

/** Difficulty of the batches over steps, and the schedule. */
export function difficultyPanel({ runs }: Report): Markup {
  const means = runs.map(({ steps }) => steps.map(({ lengths }) => mean(lengths) ?? 0));
  const lines = runs.flatMap((run, index) => difficultyLines(run, index, means[index]!));
  const chart = renderLineChart(lines, {
    id: 'difficulty',
    title: 'Mean sequence length of each batch over steps',
    description: `Mean of the last ${smoothedSteps} batches, with single batches in the background, and the longest sequence that the schedule admits.`,
    x: stepAxis,
    y: { label: 'tokens', format: formatCount },
    fromZero: true,
  });
  const rows = runs.flatMap(({ name, steps, admitted }, run) =>
    thin(
      steps.map(({ step, lengths }, i) => [
        name,
        step,
        means[run]![i]!.toFixed(1),
        max(lengths) ?? 0,
        admitted?.findLast((change) => change.step <= step)?.maxLength ?? '–',
      ]),
      tableRows,
    ),
  );
  const columns = ['Run', 'Step', 'Mean length', 'Longest', 'Admitted'];
  return html`<section><h2>Difficulty over steps</h2>
<p>Length is the difficulty. The curriculum starts with short sequences; the uniform order draws from all of them at every step.</p>${chart}
${renderNumbers({ caption: 'Difficulty of some batches', columns, rows })}</section>`;
}

function difficultyLines(
  { name, steps, admitted }: ReportRun,
  run: number,
  means: readonly number[],
): ChartLine[] {
  const at = (values: readonly number[]) => steps.map(({ step }, i) => ({ x: step, y: values[i]! }));
  const lines: ChartLine[] = [
    { label: name, run, look: 'faint', points: at(means) },
    { label: name, run, points: at(trailingMean(means, smoothedSteps - 1)) },
  ];
  const last = admitted?.at(-1);
  if (admitted && last) {
    const points = admitted.map(({ step, maxLength }) => ({ x: step, y: maxLength }));
    const end = { x: steps.at(-1)?.step ?? last.step, y: last.maxLength };
    lines.push({ label: `${name}: admitted`, run, look: 'stairs', points: [...points, end] });
  }
  return lines;
}

/** Distribution of sequence lengths in the training set. */
export function lengthPanel({ corpus, curriculumRange }: Report): Markup {
  const bins = countLengths(corpus.lengths, max(corpus.lengths) ?? binWidth);
  const chart = renderHistogram(bins, {
    id: 'lengths',
    title: 'Sequence lengths of the training set',
    description: `${formatCount(corpus.lengths.length)} sequences, ${(mean(corpus.lengths) ?? 0).toFixed(1)} tokens on average.`,
    x: lengthAxis,
    y: { label: 'sequences', format: formatCompact },
    marks: curriculumRange && [
      { at: curriculumRange.min, label: 'curriculum starts' },
      { at: curriculumRange.max, label: 'ends' },
    ],
  });
  const rows = bins.map((bin) => [binName(bin), formatCount(bin.count)]);
  return html`<section><h2>Sequence lengths</h2>
<p>${formatCount(corpus.lengths.length)} training sequences cut at paragraphs and declarations.</p>${chart}
${renderNumbers({ caption: 'Sequences by length', columns: ['Tokens', 'Sequences'], rows })}</section>`;
}

/** Sequence lengths in the batches of each run. */
export function batchPanels({ runs, corpus }: Report): Markup[] {
  const longest = max([
    max(corpus.lengths) ?? 0,
    ...runs.flatMap(({ steps }) => steps.flatMap((step) => step.lengths)),
  ])!;
  return runs.map((run, index) => batchPanel(run, index, longest));
}

function batchPanel({ name, description, steps }: ReportRun, run: number, longest: number): Markup {
  const chart = renderHeatMap(heatColumnsOf(steps, heatColumns, longest), {
    id: `batches-${run}`,
    title: `Lengths by step: ${name}`,
    description: 'Share of the sequences of a batch by length; a darker cell is a larger share.',
    x: stepAxis,
    y: lengthAxis,
    rowSpan: binWidth,
    run,
  });
  const coarse = heatColumnsOf(steps, tableRows, longest);
  const columns = ['Steps', ...countLengths([], longest).map(binName)];
  const rows = coarse.map(({ fromStep, toStep, shares }) => [
    `${fromStep}–${toStep - 1}`,
    ...shares.map(formatShare),
  ]);
  return html`<section><h2>Lengths by step: ${name}</h2><p>${description}</p>${chart}
${renderNumbers({ caption: `Share of sequences by length, ${name}`, columns, rows })}</section>`;
}

/** Groups steps into at most `limit` columns of equal size, with the distribution of their lengths. */
function heatColumnsOf(steps: ReportRun['steps'], limit: number, longest: number): HeatColumn[] {
  const size = Math.max(1, Math.ceil(steps.length / limit));
  return Array.from({ length: Math.ceil(steps.length / size) }, (_, group) => {
    const own = steps.slice(group * size, (group + 1) * size);
    const lengths = own.flatMap((step) => step.lengths);
    const shares = countLengths(lengths, longest).map(({ count }) => count / lengths.length);
    return { fromStep: own[0]!.step, toStep: own.at(-1)!.step + 1, shares };
  });
}
