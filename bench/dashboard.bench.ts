// What the live page costs a loader, with somebody looking at it: batches a second of processor time with it and without, in one process
// by turns. A batch of tokens or images takes longer than what is told of it; an empty pipeline shows how long that is.
import { execFileSync } from 'node:child_process';
import { atMost, type Goal, nodeCommand, type Report, type Result } from './measure.js';

export const title = 'Dashboard: a loader with the live page open, and without';
export const unit = 'batches a processor second';
const slices = 16;

const settings = [
  { workload: 'tokens', workers: 0 },
  { workload: 'tokens', workers: 2 },
  { workload: 'texts', workers: 0 },
  { workload: 'empty', workers: 0 },
] as const;

export default function run(): Report {
  const results: Result[] = [];
  const goals: Goal[] = [];
  for (const { workload, workers } of settings) {
    const name = `${workload}, ${workers} workers`;
    process.stderr.write(`\r\x1b[K${name}`);
    const [program, ...args] = nodeCommand('dashboard-cost.js', workload, workers, slices);
    const rates = JSON.parse(execFileSync(program!, args, { encoding: 'utf8' })) as Record<
      'with' | 'without',
      number[]
    >;
    const without = resultOf(`${name}, without`, rates.without);
    results.push(without, resultOf(`${name}, with the page`, rates.with));
    // Each slice against its neighbour, so that what the machine does in between counts little.
    const slowdown = median(rates.with.map((rate, k) => rates.without[k]! / rate)) - 1;
    if (workload === 'tokens') goals.push(atMost(`${name}: cost in percent`, 100 * slowdown, 1));
    else goals.push(atMost(`${name}: microseconds a batch`, (1e6 * slowdown) / without.value, 5));
  }
  process.stderr.write('\r\x1b[K');
  return { results, goals };
}

function resultOf(name: string, rates: readonly number[]): Result {
  const value = median(rates);
  return { name, value, min: Math.min(...rates), max: Math.max(...rates), perCpuSecond: value, peakMiB: 0 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
