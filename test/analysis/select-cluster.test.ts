import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workerFunction } from 'millrace';
import { ClusterWorker, selectDataset } from 'millrace/analysis';
import { convert } from 'millrace/convert';
import { StorageError } from 'millrace/errors';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bytesOf } from '../convert/folder-bytes.js';
import { ClusterFixture } from '../parts/cluster/cluster-fixture.js';
import { RedisServer, redisProgram } from '../parts/cluster/redis-server.js';
import { AzureServer, azureKey, GoogleServer } from '../storage/cloud-servers.js';

const fixture = new ClusterFixture('select-cluster');
const { redis } = fixture;
const path = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

let files: string;
beforeAll(() => {
  files = join(fixture.folder, 'raw.jsonl');
  const words = (k: number) => Array.from({ length: 30 }, (_, i) => `w${(k * 31 + i * 7) % 97}`).join(' ');
  const rows = Array.from({ length: 400 }, (_, id) => ({ id, score: id % 5, text: words(id % 90) }));
  writeFileSync(files, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const rules = () => ({
  where: { score: { gte: 1 } },
  filter: workerFunction<(sample: never) => unknown>(new URL('../fixtures/keep-even.js', import.meta.url)),
  dedup: 'near' as const,
  splits: { train: 0.8, test: 0.2 },
});

describe.skipIf(!redisProgram)('selectDataset with redis', () => {
  it('writes the bytes of one thread when a worker is killed and Redis restarts; convert reads them there', async () => {
    const whole = join(fixture.folder, 'whole');
    await selectDataset({ files }, { output: whole, ...rules(), numWorkers: 0 });
    const queue = 'select';
    const victim = fixture.startWorker(queue);
    const survivor = fixture.startWorker(queue);
    await Promise.all([victim.until('ready'), survivor.until('ready')]);
    void victim.until('started').then(() => victim.kill());
    const output = join(fixture.folder, 'shared');
    const cluster = { redis: redis.url, queue, pollMs: 20 };
    const selecting = selectDataset({ files }, { output, ...rules(), ...cluster });
    await Promise.race([survivor.until('started'), selecting]);
    await redis.kill();
    await redis.start();
    await selecting;
    expect(bytesOf(output)).toEqual(bytesOf(whole));
    // A worker opens the selection by its name.
    const rows = { to: 'jsonl', selection: `${output}#test` } as const;
    const local = await convert(files, { ...rows, output: join(fixture.folder, 'local'), numWorkers: 0 });
    const made = await convert(files, {
      ...rows,
      output: join(fixture.folder, 'made'),
      ...cluster,
      backoffMs: 10,
    });
    expect(made.files).toEqual(local.files);
  });

  it('talks to a Redis server with TLS and a password, and names neither a wrong one nor a missing one', async () => {
    const cert = path('serve/cert.pem');
    const secure = new RedisServer({ password: 'correct', tls: { cert, key: path('serve/key.pem') } });
    await secure.start();
    try {
      const queue = 'secure';
      const env = { NODE_EXTRA_CA_CERTS: cert };
      const worker = fixture.startWorker(queue, { redis: secure.url, env });
      await worker.until('ready');
      // This process trusts no certificate of its own making.
      const untrusted = ClusterWorker.start({ redis: secure.url, queue });
      await expect(untrusted).rejects.toThrow(/Redis does not answer: .*certificate/i);
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      const options = { output: join(fixture.folder, 'secure'), where: { score: 1 }, queue, pollMs: 20 };
      expect(await selectDataset({ files }, { ...options, redis: secure.url })).toMatchObject({ kept: 80 });
      const wrong = selectDataset(
        { files },
        { ...options, where: { score: 2 }, overwrite: true, redis: secure.url.replace('correct', 'guessed') },
      );
      await expect(wrong).rejects.toThrow(StorageError);
      await expect(wrong).rejects.toThrow(/invalid username-password/);
      await expect(wrong).rejects.not.toThrow(/guessed|correct/);
    } finally {
      await secure.stop();
    }
  });
});

const cloudEnv = {
  gs: (server: GoogleServer) => ({
    STORAGE_EMULATOR_HOST: server.origin.slice('http://'.length),
    CLOUDSDK_AUTH_ACCESS_TOKEN: server.token,
  }),
  az: (server: AzureServer) => ({
    AZURE_STORAGE_CONNECTION_STRING: `AccountName=account;AccountKey=${azureKey};BlobEndpoint=${server.endpoint};`,
  }),
};

it.each(['gs', 'az'] as const)('select, convert and open in a bucket of %s:', async (scheme) => {
  const [google, azure] = [new GoogleServer(), new AzureServer()];
  const server = scheme === 'gs' ? google : azure;
  await server.start();
  try {
    const env = scheme === 'gs' ? cloudEnv.gs(google) : cloudEnv.az(azure);
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const selection = `${scheme}://bucket/selection`;
    const local = await selectDataset(
      { files },
      { output: join(fixture.folder, `local-${scheme}`), dedup: 'exact', numWorkers: 0 },
    );
    expect(await selectDataset({ files }, { output: selection, dedup: 'exact', numWorkers: 0 })).toEqual(
      local,
    );
    const to = { to: 'jsonl', numWorkers: 0 } as const;
    const made = await convert(files, { ...to, output: `${scheme}://bucket/rows`, selection });
    const whole = await convert(files, { ...to, output: join(fixture.folder, `rows-${scheme}`), selection });
    expect(made.files.map(({ sha256 }) => sha256)).toEqual(whole.files.map(({ sha256 }) => sha256));
    expect(made.samples).toBe(90);
  } finally {
    await server.stop();
  }
});
