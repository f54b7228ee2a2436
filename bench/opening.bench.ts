// Opening 10 to 10,000 shards of 10 rows in a bucket: the number of rows, or a first batch, beside pyarrow.dataset.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  atLeast,
  atMost,
  type Contestant,
  compare,
  type Goal,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
} from './measure.js';

export const title = 'Opening shards of 10 rows in a bucket (S3 server on this machine)';
export const unit = 'ms';
export const measure = 'time';

const formats = ['parquet', 'jsonl'] as const;
const counts = [10, 1_000, 10_000];

/** What the server saw. */
interface Seen {
  readonly lists: number;
  readonly reads: number;
  readonly connections: number;
  readonly bytes: number;
}

export default async function run(): Promise<Report> {
  const [node, ...args] = nodeCommand('bucket.js');
  const store = spawn(node!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(store.stdout, 'data')) as [Buffer];
    const endpoint = line.toString().trim();
    const contestants = contestantsOf(endpoint);
    const results = compare(contestants, measure, 3);
    const seen = await requestsOf(contestants, endpoint);
    return { results, goals: goalsOf(seen, (name) => results.find((result) => result.name === name)?.value) };
  } finally {
    store.kill();
  }
}

function contestantsOf(endpoint: string): Contestant[] {
  const found: Contestant[] = [];
  for (const count of counts)
    for (const format of formats) {
      const millrace = (name: string, what: string) =>
        found.push({
          name: `${count} ${format}, Millrace: ${name}`,
          command: nodeCommand('opening.js', what, endpoint, format, count),
        });
      millrace('rows', 'length');
      millrace('first batch of a stream', 'stream');
      millrace('first batch, 2 workers', 'workers');
      for (const [name, what] of [
        ['rows', 'count'],
        ['opened without counting', 'open'],
      ] as const) {
        const command = pythonCommand('opening.py', what, endpoint, format, count);
        if (command) found.push({ name: `${count} ${format}, pyarrow: ${name}`, command });
      }
    }
  if (!found.some(({ name }) => name.includes('pyarrow'))) console.error(peerAdvice);
  return found;
}

/** Runs each contestant once more, alone with the server. */
async function requestsOf(contestants: readonly Contestant[], endpoint: string): Promise<Map<string, Seen>> {
  const all = new Map<string, Seen>();
  const counted = async () => (await (await fetch(`${endpoint}/counts`)).json()) as Seen;
  for (const {
    name,
    command: [program, ...args],
  } of contestants) {
    await counted();
    execFileSync(program!, args, { stdio: 'ignore' });
    const seen = await counted();
    all.set(name, seen);
    console.error(
      `${name}: ${seen.lists} lists, ${seen.reads} reads, ${seen.connections} connections, ${seen.bytes} bytes`,
    );
  }
  return all;
}

function goalsOf(seen: ReadonlyMap<string, Seen>, timeOf: (name: string) => number | undefined): Goal[] {
  const goals: Goal[] = [];
  for (const format of formats) {
    const most = Math.max(...counts);
    const rows = seen.get(`${most} ${format}, Millrace: rows`)!;
    const stream = seen.get(`${most} ${format}, Millrace: first batch of a stream`)!;
    goals.push(atMost(`${format}: reads a shard, for the rows of ${most}`, rows.reads / most, 1));
    // The connection that asks for the counts is one more.
    goals.push(atMost(`${format}: connections, for the rows of ${most}`, rows.connections, 65));
    goals.push(atMost(`${format}: reads for the first batch of a stream of ${most}`, stream.reads, 10));
    const [own, peer] = [
      timeOf(`${most} ${format}, Millrace: rows`),
      timeOf(`${most} ${format}, pyarrow: rows`),
    ];
    if (own !== undefined && peer !== undefined)
      goals.push(atLeast(`${format}: rows of ${most}, of pyarrow`, peer / own, 1));
  }
  return goals;
}
