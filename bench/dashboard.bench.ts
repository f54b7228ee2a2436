// Processor time that an open live page costs a loader. The cost per batch is measured on small batches, and the
// page's cost per second on a loader that is mostly idle. Both are then related to a batch of tokens, whose own time
// varies by more than the cost.
import { execFileSync } from 'node:child_process';
import { atMost, type Goal, nodeCommand, type Report, type Result, showProgress } from './measure.js';

export const title = 'Dashboard: a loader with and without an open live page';
export const unit = 'batches per processor second';

interface Slice {
  readonly batches: number;
  readonly cpuMs: number;
  readonly ms: number;
}

/** Two consecutive slices. */
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
  const costPerBatch = (workload: string, workers: number, count: number): Cost => {
    const name = `${workload}, ${workers} workers`;
    const pairs = measure(workload, workers, { pairs: count, sliceMs: 50 });
    for (const side of ['without', 'with'] as const)
      results.push(resultOf(`${name}, ${side}`, sideOf(pairs, side)));
    const cost = costOf(pairs, microsecondsPerBatch);
    goals.push(atMost(`${name}: microseconds per batch, ± ${cost.error.toFixed(2)}`, cost.value, 5));
    return cost;
  };

  const calm = measure('windows', 2, { pairs: 30, sliceMs: 500, pauseMs: 250 });
  const perSecond = costOf(calm, ({ cpuMs, ms }) => (1_000 * cpuMs) / ms);
  goals.push(
    atMost(`the page: milliseconds per second, ± ${perSecond.error.toFixed(2)}`, perSecond.value, 5),
  );
  for (const workers of [0, 2]) {
    const perBatch = costPerBatch('windows', workers, 800);
    const tokens = sideOf(measure('tokens', workers, { pairs: 20, sliceMs: 200 }), 'without');
    results.push(resultOf(`tokens, ${workers} workers, without`, tokens));
    const batchMicroseconds = quickest(tokens.map(microsecondsPerBatch));
    const seconds = median(tokens.map(({ ms, cpuMs }) => ms / cpuMs));
    const percent = (us: number, ms: number): number =>
      100 * (us / batchMicroseconds + (ms / 1_000) * seconds);
    const error = percent(perBatch.error, perSecond.error).toFixed(2);
    const cost = percent(perBatch.value, perSecond.value);
    goals.push(atMost(`tokens, ${workers} workers: cost in percent, ± ${error}`, cost, 1));
  }
  costPerBatch('texts', 0, 200);
  costPerBatch('empty', 0, 200);
  showProgress('');
  return { results, goals };
}

interface Slicing {
  readonly pairs: number;
  readonly sliceMs: number;
  /** Pause between two batches. */
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

function microsecondsPerBatch({ cpuMs, batches }: Slice): number {
  return (1_000 * cpuMs) / batches;
}

function resultOf(name: string, slices: readonly Slice[]): Result {
  const rates = slices.map((slice) => 1e6 / microsecondsPerBatch(slice));
  const value = median(rates);
  return { name, value, min: Math.min(...rates), max: Math.max(...rates), perCpuSecond: value, peakMiB: 0 };
}

const blocks = 10;

/**
 * The additional cost with the page. Compares the fastest slices of each side, because disturbances only add time.
 * The standard error is that of the mean over separate parts of the run.
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

/** The lowest decile. */
function quickest(values: readonly number[]): number {
  return sorted(values)[Math.floor(values.length / 10)]!;
}

function median(values: readonly number[]): number {
  return sorted(values)[values.length >> 1]!;
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
