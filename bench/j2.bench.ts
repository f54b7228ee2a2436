// J2: texts in Parquet files → tokens → shuffled windows, with default options, beside Hugging Face datasets, tokenizers and PyTorch.
import { execFileSync } from 'node:child_process';
import { tokenizerFolder } from './chat-files.js';
import {
  compare,
  jobGoals,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  withTreePeak,
} from './measure.js';
import { textFolder } from './text-files.js';

export const title = 'J2: Parquet texts to shuffled windows of 1,024 tokens, batch 16, one epoch';
export const unit = 'windows/s';

export default async function run(): Promise<Report> {
  const data = [await textFolder(), tokenizerFolder()] as const;
  const peer = pythonCommand('text_windows.py', 'digest', ...data, 0);
  if (peer) checkEqual(nodeCommand('text-windows.js', 'digest', ...data, 0), peer);
  else console.error(peerAdvice, 'Also: peers/bin/pip install datasets tokenizers');
  const contestants = [0, 2].flatMap((workers) => [
    {
      name: `J2: Millrace, ${workers} workers`,
      command: nodeCommand('text-windows.js', 'train', ...data, workers),
    },
    ...(peer
      ? [
          {
            name: `J2: datasets + tokenizers, ${workers} workers`,
            command: pythonCommand('text_windows.py', 'train', ...data, workers)!,
          },
        ]
      : []),
  ]);
  const results = compare(contestants.map(withTreePeak), 'rate', 3);
  return { results, goals: peer ? jobGoals(results, 'J2: Millrace', 'J2: datasets', 5) : [] };
}

/** @throws if the windows of both differ, in the order of the files */
function checkEqual(...commands: (readonly string[])[]): void {
  const [ours, theirs] = commands.map(([program, ...args]) =>
    execFileSync(program!, args, { encoding: 'utf8' }).trim().split('\n').at(-1),
  );
  const [a, b] = [ours, theirs].map((line) => JSON.parse(line!) as { count: number; sum: number });
  if (a!.count === b!.count && a!.sum === b!.sum) return;
  throw new Error(`The windows differ: Millrace ${ours}, peers ${theirs}`);
}
