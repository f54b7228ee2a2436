import { lastOf } from '../../core/last-of.js';
import { renderHistogram } from '../kit/histogram.js';
import { html, type Markup } from '../kit/html.js';
import { type Point, renderLineChart } from '../kit/line-chart.js';
import { renderNumbers } from '../kit/number-table.js';
import { formatCompact, formatCount, formatShare } from '../kit/numbers.js';
import { thin } from '../kit/thin.js';

/** Effect of a curriculum on a run. `step` is a global step. */
export interface PlanPageCurriculum {
  readonly steps: number;
  readonly samples: number;
  readonly neverSeen: number;
  /** Number of admitted samples from each step on, ascending. */
  readonly admitted: readonly { readonly step: number; readonly samples: number }[];
  /** Samples admitted at the same step, and the slots of the run assigned to them. */
  readonly clusters: readonly { readonly step: number; readonly size: number; readonly seen: number }[];
  readonly metrics: readonly {
    readonly name: string;
    readonly changes: readonly { readonly step: number; readonly difficulty: number }[];
    readonly histogram:
      | readonly { readonly from: number; readonly to: number; readonly count: number }[]
      | undefined;
  }[];
}

const tableRows = 16;
const stepAxis = { label: 'global step', format: formatCompact };

/** Renders which samples a curriculum admits, when and how often, and its schedules. */
export function curriculumPanels(curriculum: PlanPageCurriculum): Markup[] {
  return [
    admittedPanel(curriculum),
    passesPanel(curriculum),
    ...curriculum.metrics.flatMap((metric, k) => [
      difficultyPanel(metric, k, curriculum),
      metric.histogram && histogramPanel(metric, metric.histogram, k, curriculum),
    ]),
  ].filter((panel) => panel !== undefined);
}

function admittedPanel({ admitted, samples, steps, neverSeen }: PlanPageCurriculum): Markup {
  const shares = admitted
    .filter(({ step }) => step <= steps)
    .map((change) => ({ x: change.step, y: (change.samples / samples) * 100 }));
  const points = [...shares, { x: steps, y: shares.at(-1)?.y ?? 0 }];
  const chart = renderLineChart([{ label: 'admitted', run: 0, points: stairs(points) }], {
    id: 'admitted',
    title: 'Share of the data that is admitted, over global steps',
    description: `From ${points[0]?.y.toFixed(1)} % at the start to ${points.at(-1)?.y.toFixed(1)} % at the end of the run.`,
    x: stepAxis,
    y: { label: '% of samples', format: formatCompact },
    fromZero: true,
  });
  const rows = thin(admitted, tableRows).map((change) => [
    formatCount(change.step),
    formatCount(change.samples),
    formatShare(change.samples / samples),
  ]);
  const unseen = `${formatCount(neverSeen)} of ${formatCount(samples)} samples are never seen in ${formatCount(steps)} steps.`;
  return html`<section><h2>Admitted samples by global step</h2><p>${unseen}</p>${chart}
${renderNumbers({ caption: 'Admitted samples', columns: ['From global step', 'Samples', 'Share'], rows })}</section>`;
}

/** Points of a step function. */
function stairs(points: readonly Point[]): Point[] {
  return points.flatMap((point, k) => (k === 0 ? [point] : [{ x: point.x, y: points[k - 1]!.y }, point]));
}

function passesPanel({ clusters, steps }: PlanPageCurriculum): Markup {
  const admitted = clusters.filter(({ step }) => step < steps);
  const points = admitted.map(({ step, size, seen }) => ({ x: step, y: seen / size }));
  const chart = renderLineChart(
    [{ label: 'passes over a cluster', run: 0, look: 'marked', points: thin(points, 60) }],
    {
      id: 'passes',
      title: 'Passes over the samples admitted together, by global step of their admission',
      description: `${admitted.length} clusters.`,
      x: stepAxis,
      y: { label: 'passes', format: (value) => value.toFixed(1) },
      fromZero: true,
    },
  );
  const rows = thin(clusters, tableRows).map(({ step, size, seen }) => [
    formatCount(step),
    formatCount(size),
    formatCount(seen),
    (seen / size).toFixed(2),
  ]);
  return html`<section><h2>Passes by admission</h2><p>Samples admitted early are repeated more often.</p>${chart}
${renderNumbers({ caption: 'Clusters', columns: ['From global step', 'Samples', 'Slots', 'Passes'], rows })}</section>`;
}

type PageMetric = PlanPageCurriculum['metrics'][number];

function difficultyPanel({ name, changes }: PageMetric, k: number, { steps }: PlanPageCurriculum): Markup {
  const points = changes
    .filter(({ step }) => step <= steps)
    .map(({ step, difficulty }) => ({ x: step, y: difficulty }));
  const chart = renderLineChart(
    [{ label: name, run: 0, points: stairs([...points, { x: steps, y: points.at(-1)?.y ?? 0 }]) }],
    {
      id: `difficulty-${k}`,
      title: `Difficulty of ${name} over global steps`,
      description: `${changes.length} changes.`,
      x: stepAxis,
      y: { label: name, format: formatCompact },
      fromZero: true,
    },
  );
  const rows = thin(changes, tableRows).map(({ step, difficulty }) => [
    formatCount(step),
    String(difficulty),
  ]);
  return html`<section><h2>Schedule of ${name}</h2><p>The largest difficulty that the curriculum admits.</p>${chart}
${renderNumbers({ caption: `Difficulty of ${name}`, columns: ['From global step', 'Difficulty'], rows })}</section>`;
}

function histogramPanel(
  { name, changes }: PageMetric,
  histogram: NonNullable<PageMetric['histogram']>,
  k: number,
  { steps }: PlanPageCurriculum,
): Markup {
  const bounded = histogram.filter(({ to }) => to !== Number.POSITIVE_INFINITY);
  const above = histogram.length > bounded.length ? lastOf(histogram).count : 0;
  const at = (step: number) => changes.findLast((change) => change.step <= step)?.difficulty ?? 0;
  const marks = [
    { at: at(0), label: 'start' },
    { at: at(Math.floor(steps / 2)), label: 'halfway' },
  ].filter((mark, i, all) => all.findIndex((other) => other.at === mark.at) === i);
  const chart = renderHistogram(
    bounded.map(({ from, to, count }) => ({ start: from, end: to, count })),
    {
      id: `data-${k}`,
      title: `The data by ${name}`,
      description: `${formatCount(above)} samples lie above the largest difficulty of the schedule.`,
      x: { label: name, format: formatCompact },
      y: { label: 'samples', format: formatCompact },
      from: 0,
      marks,
    },
  );
  const rows = histogram.map(({ from, to, count }) => {
    const admission = changes.find(({ difficulty }) => difficulty >= to);
    const range = to === Number.POSITIVE_INFINITY ? `above ${from}` : `to ${Number(to.toFixed(3))}`;
    return [range, formatCount(count), admission ? formatCount(admission.step) : 'never'];
  });
  return html`<section><h2>The data by ${name}</h2>
<p>${above > 0 ? `${formatCount(above)} samples lie above the largest difficulty and are never admitted.` : 'In the end, the curriculum admits all samples.'}</p>${chart}
${renderNumbers({ caption: `Samples by ${name}`, columns: ['Difficulty', 'Samples', 'From global step'], rows })}</section>`;
}
