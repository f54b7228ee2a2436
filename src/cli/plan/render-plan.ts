import type { Paint } from '../terminal/colour.js';
import { formatBytes, formatCompact, formatCount, formatShare } from '../terminal/quantity.js';
import { renderTable } from '../terminal/table.js';
import { wrapText } from '../terminal/wrap.js';
import { type CurriculumPlan, visibleSamples } from './curriculum-plan.js';
import { type Finding, some } from './findings.js';
import type { PlannedStep } from './run-order.js';
import type { RunPlan, SourcePlan } from './run-plan.js';

/** How a plan looks on a terminal. */
export interface RenderOptions {
  readonly paint: Paint;
  /** Columns. */
  readonly width: number;
}

/** A fact with its name, as all ways of showing a plan have it. */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

const right = { align: 'right' } as const;
const rowsShown = 12;

/** The plan as facts, in the order of reading. */
export function factsOf(plan: RunPlan): Fact[] {
  const { epoch, tokens, memory, disk } = plan;
  const { coverage } = epoch;
  const facts: [string, string | undefined | false][] = [
    ['samples', formatCount(plan.samples)],
    ['order', plan.order],
    ['global batch', batchText(plan)],
    [
      plan.epochsAPass === 1 ? 'an epoch' : 'the pass',
      some(plan.stepsPerEpoch, 'step') + microBatchText(plan),
    ],
    [
      'training',
      `${some(plan.steps, 'step')}, ${plan.epochs === 1 ? '1 epoch' : `${trimmed(plan.epochs)} epochs`}${plan.saysTraining ? '' : ' (the configuration does not say how long)'}`,
    ],
    [
      'left out',
      coverage &&
        coverage.missing > 0 &&
        !plan.curriculum &&
        `${some(coverage.missing, 'sample')} of an epoch (${formatShare(coverage.missing / plan.samples)})`,
    ],
    [
      'repeated',
      coverage &&
        coverage.repeated > 0 &&
        !plan.curriculum &&
        `${some(coverage.repeated, 'sample')} of an epoch`,
    ],
    ['tokens', tokens && `${tokens.isExact ? '' : 'about '}${formatCompact(tokens.run)} in the run`],
    ['a step', epoch.tokens && stepTokens(plan)],
    [
      'memory',
      memory.peakBytes === undefined
        ? plan.kind === 'deepspeed' && disk.dataBytes === undefined
          ? 'not known without the data: --data'
          : 'not known without reading a sample: --probe makes one batch'
        : `${formatBytes(memory.peakBytes)} at most: ${memoryText(plan)}`,
    ],
    ['disk', disk.dataBytes !== undefined && `${formatBytes(disk.dataBytes)} of data`],
    ['cache', disk.cacheBytes > 0 && `up to ${formatBytes(disk.cacheBytes)} of what is far away`],
  ];
  return facts
    .filter((fact): fact is [string, string] => typeof fact[1] === 'string')
    .map(([name, value]) => ({ name, value }));
}

function batchText({ split }: RunPlan): string {
  const { globalBatch, worldSize, gradientAccumulationSteps, fewest, most } = split;
  const samples = some(globalBatch, 'sample');
  if (worldSize * gradientAccumulationSteps === 1) return samples;
  const size = fewest === most ? formatCount(most) : `${formatCount(fewest)} or ${formatCount(most)}`;
  const parts = [
    worldSize > 1 && some(worldSize, 'rank'),
    gradientAccumulationSteps > 1 && some(gradientAccumulationSteps, 'micro-batch', 'micro-batches'),
  ];
  return `${samples}: ${size} on each of ${parts.filter(Boolean).join(', in each of ')}`;
}

function microBatchText({ split, stepsPerEpoch }: RunPlan): string {
  const { gradientAccumulationSteps: parts } = split;
  return parts === 1 ? '' : ` (${formatCount(stepsPerEpoch * parts)} micro-batches)`;
}

function stepTokens({ epoch }: RunPlan): string {
  const { total, fewest, most, padded } = epoch.tokens!;
  const mean = formatCompact(total / epoch.steps);
  if (fewest === most || padded === total) return `${mean} tokens`;
  return `${mean} tokens in the mean, ${formatCompact(fewest)} to ${formatCompact(most)}; padded to the longest, ${formatShare(1 - total / padded)} would be padding`;
}

function memoryText({ memory }: RunPlan): string {
  const { slots, batchBytes, numWorkers, workerBytes, source } = memory;
  const workers =
    numWorkers > 0 ? `, and ${some(numWorkers, 'worker')} of ${formatBytes(workerBytes / numWorkers)}` : '';
  return `${some(slots, 'batch', 'batches')} of ${formatBytes(batchBytes!)} (by ${source})${workers}`;
}

function trimmed(epochs: number): string {
  return Number.isInteger(epochs) ? formatCount(epochs) : epochs.toFixed(2);
}

/** The whole plan for a terminal. */
export function renderPlan(
  plan: RunPlan,
  findings: readonly Finding[],
  { paint, width }: RenderOptions,
): string {
  const facts = factsOf(plan).flatMap(({ name, value }) =>
    wrapText(value, { width, first: `  ${name.padEnd(13)} `, indent: 16 }),
  );
  const sections = [
    [paint('bold', plan.name), ...facts],
    plan.mixture && [paint('bold', 'Mixture'), mixtureTable(plan.mixture)],
    plan.curriculum && curriculumLines(plan.curriculum, plan, paint, width),
    findings.length > 0 && renderFindings(findings, { paint, width }),
  ];
  return sections
    .filter((section): section is string[] => Array.isArray(section))
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** Findings with their reasons and fixes. */
export function renderFindings(findings: readonly Finding[], { paint, width }: RenderOptions): string[] {
  return findings.flatMap(({ name, what, why, fix }) => [
    `${paint('yellow', '!')} ${paint('bold', name)}`,
    ...wrapText(what, { width, first: '  ', indent: 2 }),
    ...wrapText(why, { width, first: '  ', indent: 2 }).map((line) => paint('gray', line)),
    ...wrapText(fix, { width, first: '  → ', indent: 4 }),
  ]);
}

function mixtureTable(mixture: readonly SourcePlan[]): string {
  return renderTable(
    [
      { title: 'source' },
      { title: 'samples', ...right },
      { title: 'share', ...right },
      { title: 'seen', ...right },
      { title: 'passes', ...right },
    ],
    mixture.map(({ name, samples, share, seen }) => [
      name,
      formatCount(samples),
      formatShare(share),
      formatCount(seen),
      (samples === 0 ? 0 : seen / samples).toFixed(2),
    ]),
  );
}

function curriculumLines(curriculum: CurriculumPlan, plan: RunPlan, paint: Paint, width: number): string[] {
  const lines = [paint('bold', 'Curriculum')];
  for (const { name, histogram, changes } of curriculum.metrics) {
    const [first, last] = [changes[0]!, changes.at(-1)!];
    lines.push(
      `  ${name}: ${trimmed(first.difficulty)} at step ${first.step}, ${trimmed(last.difficulty)} from step ${formatCount(last.step)} on`,
    );
    if (histogram) lines.push(...histogramLines(histogram, changes, width), '');
  }
  lines.push(clusterTable(curriculum, plan));
  if (curriculum.neverSeen > 0)
    lines.push(
      '',
      `  ${some(curriculum.neverSeen, 'sample')} (${formatShare(curriculum.neverSeen / plan.samples)}) ${curriculum.neverSeen === 1 ? 'is' : 'are'} not seen in ${some(curriculum.steps, 'step')}.`,
    );
  return lines;
}

/** The data by difficulty, and the step from which on each part of it is visible. */
function histogramLines(
  histogram: NonNullable<CurriculumPlan['metrics'][number]['histogram']>,
  changes: CurriculumPlan['metrics'][number]['changes'],
  width: number,
): string[] {
  const rows = histogram.map(({ from, to, count }) => {
    const visible = changes.find(({ difficulty }) => difficulty >= to);
    const label = to === Number.POSITIVE_INFINITY ? `above ${trimmed(from)}` : `to ${trimmed(to)}`;
    return { label, count, visible: visible ? `from step ${formatCount(visible.step)}` : 'never' };
  });
  const largest = Math.max(1, ...histogram.map(({ count }) => count));
  const labelWidth = Math.max(...rows.map(({ label }) => label.length));
  const countWidth = Math.max(...rows.map(({ count }) => formatCount(count).length));
  const barWidth = Math.max(8, Math.min(40, width - labelWidth - countWidth - 30));
  return rows.map(({ label, count, visible }) => {
    const bar = '█'.repeat(Math.round((count / largest) * barWidth)) || (count > 0 ? '▏' : '');
    return `  ${label.padStart(labelWidth)}  ${bar.padEnd(barWidth)}  ${formatCount(count).padStart(countWidth)}  ${visible}`;
  });
}

function clusterTable(curriculum: CurriculumPlan, { samples }: RunPlan): string {
  const visible = visibleSamples(curriculum);
  const all = curriculum.clusters.map(({ step, size, seen }, j) => [
    formatCount(step),
    formatCount(size),
    formatShare(visible[j]!.samples / samples),
    formatCount(seen),
    (seen / size).toFixed(2),
  ]);
  const rows = all.length <= rowsShown ? all : spread(all, rowsShown);
  const columns = [
    { title: 'from step' },
    { title: 'admits' },
    { title: 'visible' },
    { title: 'places' },
    { title: 'passes' },
  ];
  const table = renderTable(
    columns.map((column) => ({ ...column, ...right })),
    rows,
  );
  return all.length > rows.length
    ? `${table}\n(${rows.length} of ${formatCount(all.length)} admissions, evenly spread)`
    : table;
}

function spread<T>(elements: readonly T[], limit: number): T[] {
  return Array.from(
    { length: limit },
    (_, i) => elements[Math.round((i * (elements.length - 1)) / (limit - 1))]!,
  );
}

/** The samples of a step, rank by rank. */
export function renderStep(
  { step, epoch, batch, parts }: PlannedStep,
  { paint, width }: RenderOptions,
): string {
  const hasMicroBatches = parts.some(({ microBatch }) => microBatch > 0);
  const title = `Step ${formatCount(step)}: batch ${formatCount(batch)} of epoch ${formatCount(epoch)}`;
  if (parts.length === 0) return `${paint('bold', title)}\n  There is no such batch.`;
  const lines = parts.flatMap(({ rank, microBatch, indices }) => {
    const first = `  rank ${rank}${hasMicroBatches ? `, micro-batch ${microBatch}` : ''}  `;
    return wrapText([...indices].join(' '), { width, first, indent: first.length });
  });
  return [paint('bold', title), ...lines].join('\n');
}
