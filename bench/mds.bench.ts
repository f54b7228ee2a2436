// J3: an epoch over MDS shards in a bucket with a cold cache, from opening to the last batch, beside MosaicML Streaming.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeMdsShards } from './mds-files.js';
import {
  atLeast,
  benchFolder,
  type Contestant,
  compare,
  nodeCommand,
  pythonCommand,
  type Report,
} from './measure.js';

export const title = 'J3: MDS shards of 1 MiB from an S3 server on this machine, cold cache, shuffled';
export const unit = 'samples/s';

/** 35 MB, of which much is fixed costs: a process that starts, opens, and compiles its code; and 350 MB. */
const sizes = [20_000, 200_000];

export default async function run(): Promise<Report> {
  const reports: Report[] = [];
  for (const samples of sizes) reports.push(await runOver(samples));
  return {
    results: reports.flatMap(({ results }) => results),
    goals: reports.flatMap(({ goals }) => goals),
  };
}

async function runOver(samples: number): Promise<Report> {
  const folder = `${benchFolder()}/mds-${samples}`;
  writeMdsShards(folder, samples);
  const [node, ...args] = nodeCommand('bucket.js', folder);
  const store = spawn(node!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(store.stdout, 'data')) as [Buffer];
    const endpoint = line.toString().trim();
    const millrace = (workers: number, shuffle: string): Contestant => ({
      name: `${samples}: Millrace, ${workers} workers, shuffle ${shuffle}`,
      command: nodeCommand('mds.js', endpoint, samples, workers, shuffle),
    });
    const fetchAlone = {
      name: `${samples}: fetch of all shards`,
      command: nodeCommand('mds.js', endpoint, samples, 'fetch'),
    };
    const contestants = [
      fetchAlone,
      ...[0, 2].flatMap((workers) => [millrace(workers, 'true'), millrace(workers, 'shards')]),
    ];
    const peers = [0, 2].flatMap((workers) => {
      const command = pythonCommand('mds.py', endpoint, samples, workers);
      return command ? [{ name: `${samples}: Streaming, ${workers} workers`, command }] : [];
    });
    const hasPeer =
      peers.length > 0 && spawnSync(peers[0]!.command[0]!, ['-c', 'import streaming']).status === 0;
    if (!hasPeer)
      console.error('Without the package mosaicml-streaming, Millrace is compared with fetch alone.');
    const results = compare([...contestants, ...(hasPeer ? peers : [])], 'rate', 3);
    const best = (of: string, by: 'value' | 'perCpuSecond') =>
      Math.max(...results.filter(({ name }) => name.includes(of)).map((result) => result[by]));
    if (!hasPeer) {
      const share = best('Millrace', 'value') / best('fetch of', 'value');
      return { results, goals: [atLeast(`${samples}: best, of fetch alone`, share, 0.3)] };
    }
    const goals = [
      atLeast(
        `${samples}: best, of the best of Streaming`,
        best('Millrace', 'value') / best('Streaming', 'value'),
        8,
      ),
      atLeast(
        `${samples}: samples a CPU second, of Streaming`,
        best('Millrace', 'perCpuSecond') / best('Streaming', 'perCpuSecond'),
        8,
      ),
    ];
    return { results, goals };
  } finally {
    store.kill();
  }
}
