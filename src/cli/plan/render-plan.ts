import { lengthAtStep } from '../../config/sequence-lengths.js';
import { lastOf } from '../../core/last-of.js';
import { visibleText } from '../../core/visible-text.js';
import { formatCount, formatShare } from '../../web/kit/numbers.js';
import { thin } from '../../web/kit/thin.js';
import { renderBar } from '../terminal/bar.js';
import type { Paint } from '../terminal/color.js';
import { renderTable } from '../terminal/table.js';
import { wrapText } from '../terminal/wrap.js';
import { admittedSamples, type CurriculumPlan } from './curriculum-plan.js';
import { type Finding, some } from './findings.js';
import { factsOf, trimmed } from './plan-facts.js';
import { renderFindings } from './render-findings.js';
import type { RenderOptions } from './render-options.js';
import type { PhasePlan, RunPlan, SourcePlan } from './run-plan.js';

const right = { align: 'right' } as const;
const rowsShown = 12;

/** Renders a plan for a terminal. */
export function renderPlan(
  plan: RunPlan,
  findings: readonly Finding[],
  { paint, width }: RenderOptions,
): string {
  const facts = factsOf(plan).flatMap(({ name, value }) =>
    wrapText(value, { width, first: `  ${name.padEnd(13)} `, indent: 16 }),
  );
  const sections = [
    [paint('bold', visibleText(plan.name)), ...facts],
    plan.phases && [
      paint('bold', 'Phases'),
      ...plan.phases.flatMap((phase) => phaseLines(phase, plan, width)),
    ],
    plan.mixture && [paint('bold', 'Mixture'), mixtureTable(plan.mixture)],
    plan.curriculum && curriculumLines(plan.curriculum, plan, paint, width),
    findings.length > 0 && renderFindings(findings, { paint, width }),
  ];
  return sections
    .filter((section): section is string[] => Array.isArray(section))
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** A phase as a picture: its sources as bars of their shares. */
function phaseLines({ at, batchSize, shares }: PhasePlan, { lengths }: RunPlan, width: number): string[] {
  const length = lengths ? `, sequences of ${formatCount(lengthAtStep(lengths, at))} tokens` : '';
  const title = `  from step ${formatCount(at)}: ${some(batchSize, 'sample')} a step${length}`;
  const labelWidth = Math.max(0, ...shares.map(({ name }) => visibleText(name).length));
  const barWidth = Math.max(8, Math.min(40, width - labelWidth - 14));
  const bars = shares.map(({ name, share }) => {
    const label = visibleText(name).padEnd(labelWidth);
    return `    ${label}  ${renderBar(share, 1, barWidth)} ${formatShare(share)}`;
  });
  return [title, ...bars];
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
      visibleText(name),
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
    const [first, last] = [changes[0]!, lastOf(changes)];
    lines.push(
      `  ${visibleText(name)}: ${trimmed(first.difficulty)} at global step ${first.step}, ${trimmed(last.difficulty)} from global step ${formatCount(last.step)} on`,
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

/** Renders the data by difficulty, with the step that admits each bin. */
function histogramLines(
  histogram: NonNullable<CurriculumPlan['metrics'][number]['histogram']>,
  changes: CurriculumPlan['metrics'][number]['changes'],
  width: number,
): string[] {
  const rows = histogram.map(({ from, to, count }) => {
    const admission = changes.find(({ difficulty }) => difficulty >= to);
    const label = to === Number.POSITIVE_INFINITY ? `above ${trimmed(from)}` : `to ${trimmed(to)}`;
    return {
      label,
      count,
      admission: admission ? `from global step ${formatCount(admission.step)}` : 'never',
    };
  });
  const largest = Math.max(1, ...histogram.map(({ count }) => count));
  const labelWidth = Math.max(...rows.map(({ label }) => label.length));
  const countWidth = Math.max(...rows.map(({ count }) => formatCount(count).length));
  const barWidth = Math.max(8, Math.min(40, width - labelWidth - countWidth - 37));
  return rows.map(({ label, count, admission }) => {
    const bar = renderBar(count, largest, barWidth);
    return `  ${label.padStart(labelWidth)}  ${bar.padEnd(barWidth)}  ${formatCount(count).padStart(countWidth)}  ${admission}`;
  });
}

function clusterTable(curriculum: CurriculumPlan, { samples }: RunPlan): string {
  const admitted = admittedSamples(curriculum);
  const all = curriculum.clusters.map(({ step, size, seen }, j) => [
    formatCount(step),
    formatCount(size),
    formatShare(admitted[j]!.samples / samples),
    formatCount(seen),
    (seen / size).toFixed(2),
  ]);
  const rows = thin(all, rowsShown);
  const columns = [
    { title: 'from global step' },
    { title: 'samples' },
    { title: 'admitted' },
    { title: 'slots' },
    { title: 'passes' },
  ];
  const table = renderTable(
    columns.map((column) => ({ ...column, ...right })),
    rows,
  );
  return all.length > rows.length
    ? `${table}\n(${rows.length} of ${formatCount(all.length)} admissions, evenly spaced)`
    : table;
}
