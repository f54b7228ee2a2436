// W8: time from a state in mid-epoch to the next batch.
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
import { tokenFile } from './token-file.js';

export const title = 'W8: resume in mid-epoch, batch 32';
export const unit = 'ms';
export const measure = 'time' as const;

export default function run(): Report {
  const file = tokenFile();
  const ours = compare(
    [
      { name: 'order of 10^6 windows', command: nodeCommand('resume.js', file, 1e6, 'shuffle', 'state') },
      { name: 'order of 10^8 windows', command: nodeCommand('resume.js', file, 1e8, 'shuffle', 'state') },
      {
        name: 'order of 10^6, curriculum',
        command: nodeCommand('resume.js', file, 1e6, 'curriculum', 'state'),
      },
      { name: 'batch of 10^6 windows', command: nodeCommand('resume.js', 'memory', 1e6, 'shuffle', 'batch') },
    ],
    'time',
    9,
  );
  const drop = pythonCommand('resume.py', 1e6, 'drop');
  const skip = pythonCommand('resume.py', 1e6, 'skip');
  if (!drop || !skip) console.error(peerAdvice);
  const peers =
    drop && skip
      ? compare(
          [
            { name: 'PyTorch, batches dropped', command: drop },
            { name: 'PyTorch, indices skipped', command: skip },
          ],
          'time',
          3,
        )
      : [];
  const results = [...ours, ...peers];
  const value = (name: string): number => resultOf(results, name).value;
  const against = (peer: string, name: string): number => value(`PyTorch, ${peer}`) / value(name);
  return {
    results,
    goals: [
      atMost('order of 10^6 windows, ms', value('order of 10^6 windows'), 2),
      atMost('order of 10^8 windows, ms', value('order of 10^8 windows'), 2),
      ...(peers.length > 0
        ? [
            atLeast(
              'order against batches dropped',
              against('batches dropped', 'order of 10^6 windows'),
              1_000,
            ),
            atLeast('batch against indices skipped', against('indices skipped', 'batch of 10^6 windows'), 20),
          ]
        : []),
    ],
  };
}
