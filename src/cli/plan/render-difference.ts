import { formatCount } from '../../web/kit/numbers.js';
import type { PlanDifference, PlannedRun } from './compare-plans.js';
import { some } from './findings.js';
import type { RenderOptions } from './render-options.js';

/** Renders the difference between two plans: facts, order, findings. */
export function renderDifference(
  left: PlannedRun,
  right: PlannedRun,
  { facts, firstStep, comparedSteps }: PlanDifference,
  { paint }: RenderOptions,
): string {
  const order =
    firstStep === undefined
      ? `The first ${some(comparedSteps, 'global batch', 'global batches')} are the same.`
      : `The order differs from step ${formatCount(firstStep)} on.`;
  const rows = facts.flatMap(({ name, left: before, right: after }) => [
    `${paint('bold', name)}`,
    `  ${paint('red', '-')} ${before ?? '(none)'}`,
    `  ${paint('green', '+')} ${after ?? '(none)'}`,
  ]);
  const fixed = left.findings.filter((finding) => !right.findings.some(({ name }) => name === finding.name));
  const added = right.findings.filter((finding) => !left.findings.some(({ name }) => name === finding.name));
  const findings = [
    ...fixed.map(({ name }) => `${paint('green', '✓')} ${name} is gone`),
    ...added.map(({ name, what }) => `${paint('yellow', '!')} ${name} is new: ${what}`),
  ];
  return [
    `${paint('red', '-')} ${left.plan.name}`,
    `${paint('green', '+')} ${right.plan.name}`,
    '',
    ...(rows.length > 0 ? rows : ['The plans are equal.']),
    '',
    order,
    ...findings,
  ].join('\n');
}
