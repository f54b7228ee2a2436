// A stream from a local S3 server, compared with plain fetch.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { atLeast, benchFolder, compare, nodeCommand, type Report, resultOf } from './measure.js';

export const title = 'S3: a stream of 256 MiB, and opening 1,000 shards';
export const unit = 'bytes/s; thousands of shards/s';

export default async function run(): Promise<Report> {
  const [node, ...args] = nodeCommand('object-store.js', `${benchFolder()}/s3`);
  const store = spawn(node!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(store.stdout, 'data')) as [Buffer];
    const endpoint = line.toString().trim();
    const contestant = (name: string, what: string) => ({
      name,
      command: nodeCommand('object-read.js', what, endpoint),
    });
    const results = compare(
      [
        contestant('stream: fetch alone', 'fetch-stream'),
        contestant('stream: Millrace', 'stream'),
        contestant('1,000 shards: fetch alone', 'fetch-open'),
        contestant('1,000 shards: Millrace', 'open'),
      ],
      'rate',
    );
    const stream =
      resultOf(results, 'stream: Millrace').value / resultOf(results, 'stream: fetch alone').value;
    return { results, goals: [atLeast('stream, of fetch alone', stream, 0.8)] };
  } finally {
    store.kill();
  }
}
