// W5: time from creating a loader with 2 workers to its first batch.
import {
  atLeast,
  atMost,
  type Contestant,
  compare,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';

export const title = 'W5: start to first batch, 2 workers';
export const unit = 'ms';
export const measure = 'time' as const;

export default function run(): Report {
  const ours = ['1000', '10000000'].map((samples) => ({
    name: `Millrace, ${samples} samples`,
    command: nodeCommand('first-batch.js', samples),
  }));
  const peers = ['fork', 'spawn'].flatMap((start): Contestant[] => {
    const command = pythonCommand('first_batch.py', '10000000', start);
    return command ? [{ name: `PyTorch, 10000000 samples, ${start}`, command }] : [];
  });
  if (peers.length === 0) console.error(peerAdvice);
  const results = compare([...ours, ...peers], 'time', 7);
  const first = resultOf(results, 'Millrace, 10000000 samples').value;
  const against = (start: string): number =>
    resultOf(results, `PyTorch, 10000000 samples, ${start}`).value / first;
  return {
    results,
    goals: [
      atMost('first batch of 10^7 samples, ms', first, 100),
      ...(peers.length > 0
        ? [
            atLeast('against PyTorch started by fork', against('fork'), 2),
            atLeast('against PyTorch started by spawn', against('spawn'), 50),
          ]
        : []),
    ],
  };
}
