// What the live page costs a loader, with somebody looking at it, in processor time. Measured where it can be seen, and set against a batch of
// tokens, which wavers by more than what is told of it takes: what is told of a batch, on batches that are quickly made, and what the page
// takes each second, on a loader that has little else to do.
import { execFileSync } from 'node:child_process';
import { atMost, type Goal, nodeCommand, type Report, type Result, showProgress } from './measure.js';

export const title = 'Dashboard: a loader with the live page open, and without';
export const unit = 'batches a processor second';

interface Slice {
  readonly batches: number;
  readonly cpuMs: number;
  readonly ms: number;
}

/** Two slices that follow each other. */
interface Pair {
  readonly with: Slice;
  readonly without: Slice;
}

/** A difference, and its standard error. */
interface Cost {
  readonly value: number;
  readonly error: number;
}

export default function run(): Report {
  const results: Result[] = [];
  const goals: Goal[] = [];
  const costABatch = (workload: string, workers: number, count: number): Cost => {
    const name = `${workload}, ${workers} workers`;
    const pairs = measure(workload, workers, { pairs: count, sliceMs: 50 });
    for (const side of ['without', 'with'] as const)
      results.push(resultOf(`${name}, ${side}`, sideOf(pairs, side)));
    const cost = costOf(pairs, usABatch);
    goals.push(atMost(`${name}: microseconds a batch, ± ${cost.error.toFixed(2)}`, cost.value, 5));
    return cost;
  };

  const calm = measure('windows', 2, { pairs: 30, sliceMs: 500, pauseMs: 250 });
  const aSecond = costOf(calm, ({ cpuMs, ms }) => (1_000 * cpuMs) / ms);
  goals.push(atMost(`the page: milliseconds a second, ± ${aSecond.error.toFixed(2)}`, aSecond.value, 5));
  for (const workers of [0, 2]) {
    const aBatch = costABatch('windows', workers, 800);
    const tokens = sideOf(measure('tokens', workers, { pairs: 20, sliceMs: 200 }), 'without');
    results.push(resultOf(`tokens, ${workers} workers, without`, tokens));
    const batchUs = quickest(tokens.map(usABatch));
    const seconds = median(tokens.map(({ ms, cpuMs }) => ms / cpuMs));
    const percent = (us: number, ms: number): number => 100 * (us / batchUs + (ms / 1_000) * seconds);
    const error = percent(aBatch.error, aSecond.error).toFixed(2);
    const cost = percent(aBatch.value, aSecond.value);
    goals.push(atMost(`tokens, ${workers} workers: cost in percent, ± ${error}`, cost, 1));
  }
  costABatch('texts', 0, 200);
  costABatch('empty', 0, 200);
  showProgress('');
  return { results, goals };
}

interface Slicing {
  readonly pairs: number;
  readonly sliceMs: number;
  /** Between two batches. */
  readonly pauseMs?: number;
}

function measure(workload: string, workers: number, { pairs, sliceMs, pauseMs = 0 }: Slicing): Pair[] {
  showProgress(`${workload}, ${workers} workers`);
  const [program, ...args] = nodeCommand('dashboard-cost.js', workload, workers, pairs, sliceMs, pauseMs);
  return JSON.parse(execFileSync(program!, args, { encoding: 'utf8' })) as Pair[];
}

function sideOf(pairs: readonly Pair[], side: keyof Pair): Slice[] {
  return pairs.map((pair) => pair[side]);
}

function usABatch({ cpuMs, batches }: Slice): number {
  return (1_000 * cpuMs) / batches;
}

function resultOf(name: string, slices: readonly Slice[]): Result {
  const rates = slices.map((slice) => 1e6 / usABatch(slice));
  const value = median(rates);
  return { name, value, min: Math.min(...rates), max: Math.max(...rates), perCpuSecond: value, peakMiB: 0 };
}

const blocks = 10;

/**
 * What is more with the page: compared are the slices that little else has disturbed, because what disturbs only adds. The error is that of the
 * mean over parts of the run, each taken alone.
 */
function costOf(pairs: readonly Pair[], measureOf: (slice: Slice) => number): Cost {
  const difference = (some: readonly Pair[]): number =>
    quickest(sideOf(some, 'with').map(measureOf)) - quickest(sideOf(some, 'without').map(measureOf));
  const length = pairs.length / blocks;
  const parts = Array.from({ length: blocks }, (_, k) =>
    difference(pairs.slice(k * length, (k + 1) * length)),
  );
  const mean = parts.reduce((sum, part) => sum + part, 0) / blocks;
  const variance = parts.reduce((sum, part) => sum + (part - mean) ** 2, 0) / (blocks - 1);
  return { value: difference(pairs), error: Math.sqrt(variance / blocks) };
}

/** The value below which a tenth of them lie. */
function quickest(values: readonly number[]): number {
  return sorted(values)[Math.floor(values.length / 10)]!;
}

function median(values: readonly number[]): number {
  return sorted(values)[values.length >> 1]!;
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
