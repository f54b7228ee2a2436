// What work costs as it grows: data, ranks, sources, epochs, amendments. All of it should stay flat.
import { execFileSync } from 'node:child_process';
import { atMost, compare, nodeCommand, type Report, resultOf } from './measure.js';

export const title =
  'Growth: an index, a resume, a share of a global batch of 512, a sample of a mixture, an epoch of 100 batches';
export const unit = 'ms';
export const measure = 'time' as const;

const sizes = {
  order: [1e6, 1e8, 1e10, 1e12],
  resume: [1e6, 1e8, 1e10, 1e12],
  ranks: [1, 8, 64],
  sources: [1, 10, 100, 1_000],
  epochs: [10, 100, 1_000],
  amendments: [1, 10, 100],
} as const;
type What = keyof typeof sizes;

export default function run(): Report {
  const names = Object.keys(sizes) as What[];
  const nameOf = (what: What, size: number): string => `${what}, ${size.toLocaleString('en')}`;
  const results = compare(
    names.flatMap((what) =>
      sizes[what].map((size) => ({
        name: nameOf(what, size),
        command: nodeCommand('growth.js', what, size),
      })),
    ),
    'time',
    3,
  );
  const growth = (what: What, key: 'value' | 'peakMiB'): number => {
    const at = (size: number) => resultOf(results, nameOf(what, size))[key];
    return at(sizes[what].at(-1)!) / at(sizes[what][0]);
  };
  return {
    results,
    goals: [
      atMost('an index of 10^12 samples, of one of 10^6', growth('order', 'value'), 3),
      atMost('a resume among 10^12 samples, of one among 10^6', growth('resume', 'value'), 2),
      atMost('a share of 64 ranks, of one alone', growth('ranks', 'value'), 1.5),
      atMost('memory after 1,000 epochs, of that after 10', growth('epochs', 'peakMiB'), 1.2),
      atMost('state after 100 amendments, bytes', stateBytes(100), 4_096),
    ],
  };
}

function stateBytes(amendments: number): number {
  const [program, ...args] = nodeCommand('growth.js', 'amendments', amendments);
  const line = execFileSync(program!, args, { encoding: 'utf8' }).trim();
  return (JSON.parse(line) as { stateBytes: number }).stateBytes;
}
