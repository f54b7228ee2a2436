// W6: global batches of 512 under a curriculum of 100 clusters.
import { difficultyFile } from './difficulty-files.js';
import {
  atLeast,
  atMost,
  type Contestant,
  compare,
  nodeCommand,
  pythonCommand,
  type Report,
  type Result,
} from './measure.js';

export const title = 'W6: curriculum, global batch 512, 100 clusters';
export const unit = 'ms per batch';
export const measure = 'time' as const;

const phases = {
  ready: 'open and first batch',
  growing: '400 batches, clusters coming in',
  grown: 'batches after that',
} as const;

export default function run(): Report {
  const results: Result[] = [];
  const values = new Map<string, number>();
  for (const samples of [1e7, 1e8]) {
    const index = difficultyFile(samples);
    for (const [phase, what] of Object.entries(phases)) {
      const name = `${samples.toExponential(0)}: ${what}`;
      const peer = process.env.MILLRACE_DEEPSPEED
        ? pythonCommand('curriculum.py', samples, index, phase)
        : undefined;
      const contestants: Contestant[] = [
        { name: `${name}, Millrace`, command: nodeCommand('curriculum.js', samples, index, phase) },
        // DeepSpeed's cluster files for 10^8 samples take 800 MB and minutes to write.
        ...(peer && samples < 1e8 ? [{ name: `${name}, DeepSpeed`, command: peer }] : []),
      ];
      const compared = compare(contestants, 'time', 5);
      results.push(...compared);
      values.set(`${samples} ${phase}`, compared[0]!.value);
      if (compared[1]) values.set(`${samples} ${phase} ratio`, compared[1].value / compared[0]!.value);
    }
  }
  if (!values.has('10000000 grown ratio')) {
    console.error(
      'DeepSpeed was not measured: set MILLRACE_DEEPSPEED to a checkout, and set MILLRACE_PYTHON.',
    );
  }
  const value = (key: string): number => values.get(key)!;
  return {
    results,
    goals: [
      atMost('ready at 10^8, ms', value('100000000 ready'), 100),
      atMost('a batch at 10^7, µs', value('10000000 grown') * 1e3, 40),
      atMost('a batch at 10^8, µs', value('100000000 grown') * 1e3, 40),
      ...(values.has('10000000 grown ratio')
        ? [atLeast('a batch at 10^7 against DeepSpeed', value('10000000 grown ratio'), 25)]
        : []),
    ],
  };
}
