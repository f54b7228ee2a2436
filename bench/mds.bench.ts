// J3: an epoch over MDS shards in a bucket with a cold cache, from opening to the last batch, beside MosaicML Streaming.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeMdsShards } from './mds-files.js';
import {
  atLeast,
  benchFolder,
  bestOf,
  type Contestant,
  compare,
  nodeCommand,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';

export const title =
  'J3: 20,000 samples of MDS shards (35 MB) from an S3 server on this machine, cold cache, shuffled';
export const unit = 'samples/s';

const samples = 20_000;

export default async function run(): Promise<Report> {
  const folder = `${benchFolder()}/mds`;
  writeMdsShards(folder, samples);
  const [node, ...args] = nodeCommand('bucket.js', folder);
  const store = spawn(node!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(store.stdout, 'data')) as [Buffer];
    const endpoint = line.toString().trim();
    const millrace = (workers: number, shuffle: string): Contestant => ({
      name: `Millrace, ${workers} workers, shuffle ${shuffle}`,
      command: nodeCommand('mds.js', endpoint, samples, workers, shuffle),
    });
    const contestants = [
      { name: 'fetch of all shards', command: nodeCommand('mds.js', endpoint, samples, 'fetch') },
      millrace(0, 'true'),
      millrace(2, 'true'),
      millrace(0, 'shards'),
      millrace(2, 'shards'),
    ];
    const peers = [0, 2].flatMap((workers) => {
      const command = pythonCommand('mds.py', endpoint, samples, workers);
      return command ? [{ name: `Streaming, ${workers} workers`, command }] : [];
    });
    const hasPeer =
      peers.length > 0 && spawnSync(peers[0]!.command[0]!, ['-c', 'import streaming']).status === 0;
    if (!hasPeer)
      console.error('Without the package mosaicml-streaming, Millrace is compared with fetch alone.');
    const results = compare([...contestants, ...(hasPeer ? peers : [])], 'rate', 3);
    if (!hasPeer) {
      const share = bestOf(results, 'Millrace').value / resultOf(results, 'fetch of all shards').value;
      return { results, goals: [atLeast('best, of fetch alone', share, 0.3)] };
    }
    const best = (of: string, by: 'value' | 'perCpuSecond') =>
      Math.max(...results.filter(({ name }) => name.startsWith(of)).map((result) => result[by]));
    const goals = [
      atLeast('best, of the best of Streaming', best('Millrace', 'value') / best('Streaming', 'value'), 8),
      atLeast(
        'samples a CPU second, of Streaming',
        best('Millrace', 'perCpuSecond') / best('Streaming', 'perCpuSecond'),
        8,
      ),
    ];
    return { results, goals };
  } finally {
    store.kill();
  }
}
