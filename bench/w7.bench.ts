// W7: the difficulty of every sample. The metric costs next to nothing, so this measures the analysis itself.
import {
  atLeast,
  atMost,
  type Contestant,
  compare,
  nodeCommand,
  pythonCommand,
  type Report,
  type Result,
  resultOf,
} from './measure.js';

export const title = 'W7: difficulty analysis, plain numbers of 2,048 values';
export const unit = 'samples/s';

/** Three sizes: a laptop's, one that DeepSpeed finishes within a minute, and one that does not fit into memory. */
const sizes = process.env.MILLRACE_W7_SIZES?.split(',').map(Number) ?? [1e5, 1e6, 1e8];

/** Threads matter if the metric is costly: about 10 µs per sample here. */
const costlySamples = 3e5;

/** From here on, DeepSpeed takes minutes. */
const longForDeepSpeed = 1e7;
const memoryMiB = 512e6 / 2 ** 20;

export default function run(): Report {
  const results: Result[] = [];
  for (const samples of sizes) {
    const size = samples.toExponential(0);
    const peer = (processes: number): Contestant[] => {
      const command = process.env.MILLRACE_DEEPSPEED && pythonCommand('difficulty.py', samples, processes);
      return command && samples < longForDeepSpeed
        ? [{ name: `${size}: DeepSpeed, ${processes} processes`, command }]
        : [];
    };
    const ours = (threads: number, layout: string): Contestant => ({
      name: `${size}: Millrace, ${layout}, ${threads} threads`,
      command: nodeCommand('difficulty.js', samples, threads, layout),
    });
    const contestants = [
      ...[0, 1, 2].map((threads) => ours(threads, 'both')),
      ours(0, 'native'),
      { name: `${size}: counting sort in memory`, command: nodeCommand('counting-sort.js', samples) },
      ...peer(1),
      ...peer(2),
    ];
    results.push(...compare(contestants, 'rate', samples < longForDeepSpeed ? 5 : 1));
  }
  const [one, two] = [1, 2].map((threads): Contestant => {
    const command = nodeCommand('difficulty.js', costlySamples, threads, 'both', 'costly-metric');
    return { name: `costly metric: Millrace, ${threads} threads`, command };
  });
  const costly = compare([one!, two!], 'rate', 3);
  results.push(...costly);
  if (!process.env.MILLRACE_DEEPSPEED)
    console.error(
      'DeepSpeed was not measured: set MILLRACE_DEEPSPEED to a checkout, and set MILLRACE_PYTHON.',
    );
  const scaling = atLeast('costly metric: two threads against one', costly[1]!.value / costly[0]!.value, 1.6);
  return { results, goals: [...sizes.flatMap((samples) => goalsOf(samples, results)), scaling] };
}

function goalsOf(samples: number, results: readonly Result[]) {
  const size = samples.toExponential(0);
  const named = (name: string): Result => resultOf(results, `${size}: ${name}`);
  const ours = [0, 1, 2].map((threads) => named(`Millrace, both, ${threads} threads`));
  const peers = results.filter(({ name }) => name.startsWith(`${size}: DeepSpeed`));
  const best = (all: readonly Result[], of: (result: Result) => number): number => Math.max(...all.map(of));
  const peak = best(ours, ({ peakMiB }) => peakMiB);
  return [
    atMost(`${size}: memory, MiB`, peak, memoryMiB),
    ...(peers.length > 0 && samples === 1e6
      ? [
          atLeast(
            `${size}: against DeepSpeed, per CPU second`,
            best(ours, ({ perCpuSecond }) => perCpuSecond) / best(peers, ({ perCpuSecond }) => perCpuSecond),
            100,
          ),
        ]
      : []),
  ];
}
