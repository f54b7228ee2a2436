import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openObjectStore } from 'millrace/storage';
import S3rver from 's3rver';
import { expect } from 'vitest';
import { RedisServer } from '../parts/cluster/redis-server.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

/** Servers that the commands of a guide use. */
export interface Services {
  /** Variables that name them. */
  readonly env: Readonly<Record<string, string>>;
  /** Checks what the commands left in the servers. @param made - The folder that the commands ran in. */
  check(made: string): Promise<void>;
  close(): Promise<void>;
}

/** What docs/guides/prepare-a-corpus.md needs: a bucket with raw data, Redis with a password, and two workers. */
export async function corpusServices(): Promise<Services> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-corpus-'));
  const redis = await new RedisServer({ password: 'secret' }).start();
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: join(folder, 's3'),
    configureBuckets: [{ name: 'corpus', configs: [] }],
  });
  const endpoint = `http://127.0.0.1:${((await server.run()) as AddressInfo).port}`;
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    REDIS: redis.url,
  };
  const bucket = await openObjectStore('s3://corpus', { endpoint, credentials });
  for (const [name, rows] of Object.entries(corpus()))
    await bucket.put(
      name,
      new TextEncoder().encode(rows.map((text) => `${JSON.stringify({ text })}\n`).join('')),
    );
  const workers: ChildProcess[] = Array.from({ length: 2 }, () =>
    spawn(process.execPath, [program, 'worker', '--redis', redis.url], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...env },
    }),
  );
  return {
    env,
    /** The cluster wrote the bytes of the laptop. */
    async check(made) {
      for (const name of ['tokens.bin', 'tokens.idx', 'selection/train.indices', 'selection/removed.jsonl']) {
        const source = (await bucket.open(name))!;
        const stored = await source.read(0, source.byteLength);
        source.close();
        expect(Buffer.compare(stored, readFileSync(join(made, name))), name).toBe(0);
      }
    },
    async close() {
      for (const worker of workers) worker.kill('SIGKILL');
      await server.close();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Documents of sentences that no generator repeats, with what a raw corpus has: repetitions, edits, leaks and advertisements. */
function corpus(): Record<string, readonly string[]> {
  let state = 1;
  const draw = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const sentence = (): string => {
    const words = Array.from({ length: 9 }, () => vocabulary[draw(vocabulary.length)]!);
    for (const each of ['the', 'of', 'and']) words.splice(draw(words.length), 0, each);
    const text = words.join(' ');
    return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
  };
  const documents = Array.from({ length: 90 }, () =>
    Array.from({ length: 6 + draw(6) }, sentence).join(draw(2) === 0 ? ' ' : '\n'),
  );
  const repeated = documents.slice(0, 6);
  const edited = documents.slice(10, 16).map((text) => text.replace(/\.$/, ', as we know.'));
  const noise = Array.from({ length: 4 }, (_, k) => `Buy now! ${'#'.repeat(k + 1)}`);
  const repetitive = Array.from({ length: 3 }, () => Array(12).fill(sentence()).join(' '));
  const leaked = documents.slice(20, 23).map((text) => text.split(' ').slice(2, 22).join(' '));
  return {
    'raw/0.jsonl': [...documents, ...noise, ...repetitive],
    'raw/1.jsonl': [...repeated, ...edited],
    'eval/questions.jsonl': leaked,
  };
}

const vocabulary = (
  'people town dogs house river small large bright quiet market bread stone paper music garden window street lamp evening ' +
  'morning winter summer story letter teacher doctor farmer sailor walks reads finds builds sings carries opens writes'
).split(' ');
