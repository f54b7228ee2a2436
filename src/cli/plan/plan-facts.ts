import type { SequenceLengths } from '../../config/sequence-lengths.js';
import { lastOf } from '../../core/last-of.js';
import { formatBytes, formatCompact, formatCount, formatShare } from '../../web/kit/numbers.js';
import { shardReadsText } from '../shard-reads.js';
import { some } from './findings.js';
import type { RunPlan } from './run-plan.js';

/** A named fact of a plan. */
export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** Lists the facts of a plan in the order shown. */
export function factsOf(plan: RunPlan): Fact[] {
  const { epoch, tokens, memory, disk } = plan;
  const { coverage } = epoch;
  const facts: [string, string | undefined | false][] = [
    ['samples', formatCount(plan.samples)],
    ['order', plan.order],
    ['global batch', batchText(plan)],
    ['batch sizes', plan.batchSizes && rampText(plan.batchSizes)],
    [
      plan.epochsAPass > 1 ? 'all epochs' : plan.batchSizes ? 'first epoch' : 'an epoch',
      some(plan.stepsPerEpoch, 'step') + microBatchText(plan),
    ],
    [
      'training',
      `${some(plan.steps, 'step')}, ${plan.epochs === 1 ? '1 epoch' : `${trimmed(plan.epochs)} epochs`}${plan.saysTraining ? '' : ' (the configuration sets no length)'}`,
    ],
    [
      'dropped',
      coverage &&
        coverage.missing > 0 &&
        !plan.curriculum &&
        `${some(coverage.missing, 'sample')} per epoch (${formatShare(coverage.missing / plan.samples)})`,
    ],
    [
      'repeated',
      coverage &&
        coverage.repeated > 0 &&
        !plan.curriculum &&
        `${some(coverage.repeated, 'sample')} per epoch`,
    ],
    ['length', plan.lengths && lengthText(plan.lengths)],
    ['tokens', tokens && tokensText(tokens)],
    ['a step', epoch.tokens && stepTokens(plan)],
    ['reads', plan.reads && shardReadsText(plan.reads)],
    [
      'memory',
      memory.peakBytes === undefined
        ? plan.kind === 'deepspeed' && disk.dataBytes === undefined
          ? 'unknown without the data: pass --data'
          : 'unknown without reading a sample: pass --probe to make one batch'
        : `${formatBytes(memory.peakBytes)} at most: ${memoryText(plan)}`,
    ],
    ['disk', disk.dataBytes !== undefined && `${formatBytes(disk.dataBytes)} of data`],
    ['cache', disk.cacheBytes > 0 && `up to ${formatBytes(disk.cacheBytes)} of remote data`],
  ];
  return facts
    .filter((fact): fact is [string, string] => typeof fact[1] === 'string')
    .map(([name, value]) => ({ name, value }));
}

function tokensText({ run, isExact, trainedShare }: NonNullable<RunPlan['tokens']>): string {
  const about = isExact ? '' : 'about ';
  const trained =
    trainedShare === undefined
      ? ''
      : `, ${about}${formatCompact(Math.round(run * trainedShare))} of them trained on`;
  return `${about}${formatCompact(run)} in the run${trained}`;
}

function batchText({ split }: RunPlan): string {
  const { globalBatch, worldSize, gradientAccumulationSteps, fewest, most } = split;
  const samples = some(globalBatch, 'sample');
  if (worldSize * gradientAccumulationSteps === 1) return samples;
  const size = fewest === most ? formatCount(most) : `${formatCount(fewest)} or ${formatCount(most)}`;
  const divisions = [
    worldSize > 1 && some(worldSize, 'rank'),
    gradientAccumulationSteps > 1 && some(gradientAccumulationSteps, 'micro-batch', 'micro-batches'),
  ];
  return `${samples}: ${size} on each of ${divisions.filter(Boolean).join(', in each of ')}`;
}

/** Batch sizes by global step: `32, 64 from global step 100, 128 from global step 300`. */
function rampText(schedule: NonNullable<RunPlan['batchSizes']>): string {
  const stages = schedule.map(({ step, batchSize }) =>
    step === 0 ? formatCount(batchSize) : `${formatCount(batchSize)} from global step ${formatCount(step)}`,
  );
  return stages.join(', ');
}

const cuts = {
  truncate: 'longer sequences are truncated',
  split: 'longer sequences are split',
  reshape: 'longer sequences are reshaped',
};

function lengthText({ changes, cut }: SequenceLengths): string {
  const [first, last] = [changes[0]!, lastOf(changes)];
  if (changes.length === 1) return `${formatCount(first.length)} tokens; ${cuts[cut]}`;
  return `${formatCount(first.length)} tokens at step 0, ${formatCount(last.length)} from step ${formatCount(last.step)} on; ${cuts[cut]}`;
}

function microBatchText({ split, stepsPerEpoch }: RunPlan): string {
  const { gradientAccumulationSteps } = split;
  return gradientAccumulationSteps === 1
    ? ''
    : ` (${formatCount(stepsPerEpoch * gradientAccumulationSteps)} micro-batches)`;
}

function stepTokens({ epoch }: RunPlan): string {
  const { total, fewest, most, padded } = epoch.tokens!;
  const mean = formatCompact(total / epoch.steps);
  if (fewest === most || padded === total) return `${mean} tokens`;
  return `${mean} tokens on average, ${formatCompact(fewest)} to ${formatCompact(most)}; padded to the longest sample, batches would be ${formatShare(1 - total / padded)} padding`;
}

function memoryText({ memory }: RunPlan): string {
  const { slots, batchBytes, numWorkers, workerBytes, source } = memory;
  const workers =
    numWorkers > 0 ? `, and ${some(numWorkers, 'worker')} of ${formatBytes(workerBytes / numWorkers)}` : '';
  return `${some(slots, 'batch', 'batches')} of ${formatBytes(batchBytes!)} (from ${source})${workers}`;
}

/** Formats a number with at most two decimals. */
export function trimmed(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : value.toFixed(2);
}
