// W1: the shuffled order of n samples, for rank 3 of 64.
import {
  atLeast,
  atMost,
  compare,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';

export const title = 'W1: order of n samples, rank 3 of 64';
export const unit = 'ms';
export const measure = 'time' as const;

export default function run(): Report {
  const largest = 2 ** 53 - 1;
  const quick = compare(
    [
      { name: 'first index of 10^8', command: nodeCommand('order.js', 1e8, 'first') },
      { name: 'first index of 2^53 - 1', command: nodeCommand('order.js', largest, 'first') },
      { name: 'an index of 10^8', command: nodeCommand('order.js', 1e8, 'indices') },
      { name: 'an index of 2^32 - 1', command: nodeCommand('order.js', 2 ** 32 - 1, 'indices') },
      { name: 'an index of 2^53 - 1', command: nodeCommand('order.js', largest, 'indices') },
      { name: "rank's epoch of 10^8", command: nodeCommand('order.js', 1e8, 'rank') },
    ],
    'time',
    9,
  );
  const peer = pythonCommand('order.py', 1e8);
  if (!peer) console.error(peerAdvice);
  const slow = compare(
    [
      { name: "rank's epoch of 10^8, torch's order", command: nodeCommand('order.js', 1e8, 'exact') },
      ...(peer ? [{ name: "rank's epoch of 10^8, torch", command: peer }] : []),
    ],
    'time',
    3,
  );
  const results = [...quick, ...slow];
  const value = (name: string): number => resultOf(results, name).value;
  const memory = (name: string): number => resultOf(results, name).peakMiB;
  const against = (name: string): number => value("rank's epoch of 10^8, torch") / value(name);
  return {
    results,
    goals: [
      atMost('first index of 2^53 - 1, ms', value('first index of 2^53 - 1'), 1),
      atMost('an index below 2^32, ns', value('an index of 2^32 - 1') * 1e6, 12),
      atMost('memory at 2^53 - 1, MiB', memory('first index of 2^53 - 1'), 16),
      ...(peer
        ? [
            atLeast("rank's epoch of 10^8 against torch", against("rank's epoch of 10^8"), 600),
            atLeast("torch's order against torch", against("rank's epoch of 10^8, torch's order"), 2.5),
            atLeast(
              "torch's order: memory against torch's",
              memory("rank's epoch of 10^8, torch") / memory("rank's epoch of 10^8, torch's order"),
              12,
            ),
          ]
        : []),
    ],
  };
}
