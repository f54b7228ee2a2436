// J1: a WebDataset of JPEGs → training crops, with default options, beside webdataset and PyTorch.
import { spawnSync } from 'node:child_process';
import {
  compare,
  jobGoals,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  withTreePeak,
} from './measure.js';
import { tarFolder } from './tar-files.js';

export const title = 'J1: JPEGs in tar shards to training crops, batch 32, two epochs';
export const unit = 'images/s';
const epochs = 2;

export default async function run(): Promise<Report> {
  const folder = await tarFolder();
  const hasPeer = canImport(pythonCommand('tars.py'));
  if (!hasPeer)
    console.error(
      peerAdvice,
      'Also: peers/bin/pip install webdataset, or MILLRACE_WEBDATASET=<folder with the package>',
    );
  const contestants = [0, 2].flatMap((workers) => [
    { name: `J1: Millrace, ${workers} workers`, command: nodeCommand('tars.js', folder, epochs, workers) },
    ...(hasPeer
      ? [
          {
            name: `J1: webdataset, ${workers} workers`,
            command: pythonCommand('tars.py', folder, epochs, workers)!,
          },
        ]
      : []),
  ]);
  const results = compare(contestants.map(withTreePeak), 'rate', 3);
  return { results, goals: hasPeer ? jobGoals(results, 'J1: Millrace', 'J1: webdataset', 4) : [] };
}

function canImport(command: readonly string[] | undefined): boolean {
  if (!command) return false;
  const [program, ...args] = command;
  return spawnSync(program!, args, { stdio: 'ignore' }).status === 0;
}
