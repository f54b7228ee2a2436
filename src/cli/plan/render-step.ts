import type { Sighting } from '../../core/sighting.js';
import { formatCount } from '../../web/kit/numbers.js';
import { renderTable } from '../terminal/table.js';
import { wrapText } from '../terminal/wrap.js';
import { some } from './findings.js';
import type { RenderOptions } from './render-options.js';
import type { PlannedStep, RunOrder } from './run-order.js';

/** Maximum number of sightings printed. */
const shownSightings = 20;

/** Renders the samples of a global batch, rank by rank. */
export function renderStep(
  { globalStep, epoch, step, length, batches }: PlannedStep,
  { paint, width }: RenderOptions,
): string {
  const hasMicroBatches = batches.some(({ microBatch }) => microBatch > 0);
  const tokens = length === undefined ? '' : `, sequences of ${some(length, 'token')}`;
  const title = `Global step ${formatCount(globalStep)}: epoch ${formatCount(epoch)}, step ${formatCount(step)}${tokens}`;
  if (batches.length === 0) return `${paint('bold', title)}\n  The epoch has no such step.`;
  const lines = batches.flatMap(({ rank, microBatch, indices }) => {
    const first = `  rank ${rank}${hasMicroBatches ? `, micro-batch ${microBatch}` : ''}  `;
    return wrapText([...indices].join(' '), { width, first, indent: first.length });
  });
  return [paint('bold', title), ...lines].join('\n');
}

/** Renders the steps at which a sample is seen. */
export function renderSightings(
  sample: string,
  steps: number,
  sightings: readonly Sighting[],
  order: RunOrder,
  { paint }: RenderOptions,
): string {
  const title = paint('bold', `Sample ${sample}`);
  if (sightings.length === 0) return `${title} is not seen in ${some(steps, 'step')}.`;
  const right = { align: 'right' } as const;
  const names = ['step', 'epoch', 'batch', 'micro-batch', 'rank', 'slot'];
  if (order.lengthAt(0) !== undefined) names.push('tokens');
  const table = renderTable(
    names.map((name) => ({ title: name, ...right })),
    sightings.slice(0, shownSightings).map(({ epoch, step, microBatch, rank, slot }) => {
      const ofRun = order.epochs.startOf(epoch) + step;
      const length = order.lengthAt(ofRun);
      const row = [ofRun, epoch, step, microBatch, rank, slot, ...(length === undefined ? [] : [length])];
      return row.map(formatCount);
    }),
  );
  const more = sightings.length - shownSightings;
  return `${title} is seen ${some(sightings.length, 'time')} in ${some(steps, 'step')}:\n${table}${more > 0 ? `\nand ${some(more, 'time')} more` : ''}`;
}
