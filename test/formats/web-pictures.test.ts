import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader, type Tensor } from 'millrace';
import { CollateError, ConfigError } from 'millrace/errors';
import { WebDataset } from 'millrace/formats';
import { augment, normalize, randomHorizontalFlip, resize } from 'millrace/images';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
const shard = join(folder, 'train.tar');
const count = 6;

/** A picture whose left half is dark. */
function picture(k: number): Buffer {
  const pixels = Array.from({ length: 4 * 6 * 3 }, (_, i) => (Math.floor(i / 3) % 6 < 3 ? k : 200 + k));
  return Buffer.concat([Buffer.from('P6\n6 4\n255\n'), Buffer.from(pixels)]);
}

async function write(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  await create({ file: join(folder, name), cwd: folder, portable: true }, Object.keys(files));
  return join(folder, name);
}

beforeAll(async () => {
  const files = Array.from({ length: count }, (_, k) => [
    [`${k}.ppm`, picture(k)],
    [`${k}.cls`, String(k % 3)],
    [`${k}.id`, String(2 ** 40 + k)],
  ]).flat() as [string, string | Uint8Array][];
  await write('train.tar', Object.fromEntries(files));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Batch {
  readonly ppm: Tensor<'float32'>;
  readonly cls: Tensor<'int32'>;
  readonly id: Tensor<'int64'>;
}

const transforms = [randomHorizontalFlip(), resize([2, 2]), augment.trivialAugmentWide(), normalize()];

async function batchesOf(loader: DataLoader<never, 'float32', unknown>): Promise<Batch[]> {
  const batches: Batch[] = [];
  try {
    for await (const batch of loader) batches.push(batch as Batch);
  } finally {
    await loader.close();
  }
  return batches;
}

describe('pictures in tar shards', () => {
  it('become tensors by transforms; classes become int32, and other whole numbers int64', async () => {
    const dataset = await WebDataset.open(shard, { transforms });
    const batches = await batchesOf(new DataLoader(dataset, { batchSize: 3 }) as never);
    expect(batches.map(({ ppm }) => ppm.shape)).toEqual([
      [3, 3, 2, 2],
      [3, 3, 2, 2],
    ]);
    expect(batches[0]!.ppm.dtype).toBe('float32');
    expect(batches[0]!.cls).toEqual({ dtype: 'int32', shape: [3], data: Int32Array.of(0, 1, 2) });
    expect(batches[1]!.id.data).toEqual(BigInt64Array.of(2n ** 40n + 3n, 2n ** 40n + 4n, 2n ** 40n + 5n));
  });

  it('are the same in workers, and from a stream also after resuming; each epoch draws anew', async () => {
    const options = { batchSize: 3, seed: 4 };
    const alone = await batchesOf(
      new DataLoader(await WebDataset.open(shard, { transforms }), options) as never,
    );
    const working = new DataLoader(await WebDataset.open(shard, { transforms }), {
      ...options,
      numWorkers: 1,
    });
    expect(await batchesOf(working as never)).toEqual(alone);
    const stream = () => WebDataset.stream(shard, { transforms });
    const loader = new DataLoader(await stream(), options);
    const [first] = await batchesOf(loader as never);
    const resumed = new DataLoader(await stream(), options);
    const run = resumed[Symbol.asyncIterator]();
    expect((await run.next()).value).toEqual(first);
    const state = resumed.stateDict();
    await resumed.close();
    const rest = new DataLoader(await stream(), options);
    rest.loadStateDict(state);
    expect(await batchesOf(rest as never)).toEqual(
      (await batchesOf(new DataLoader(await stream(), options) as never)).slice(1),
    );
    const epochs = new DataLoader(await stream(), options);
    const pixels: string[] = [];
    for (let epoch = 0; epoch < 8; epoch++) {
      for await (const batch of epochs) {
        pixels.push(String((batch as unknown as Batch).ppm.data));
        break;
      }
    }
    await epochs.close();
    expect(new Set(pixels).size).toBeGreaterThan(2);
  });

  it('are written to their batch in place, with the same bytes as batches of single samples', async () => {
    const dataset = await WebDataset.open(shard, { transforms });
    expect(dataset.getBatch).toBeDefined();
    const together = await batchesOf(new DataLoader(dataset, { batchSize: 4, seed: 3 }) as never);
    // This policy makes sample by sample.
    const singly = new DataLoader(dataset, { batchSize: 4, seed: 3, onError: 'skip' });
    expect(together).toEqual(await batchesOf(singly as never));
    expect(Object.keys(together[0]!)).toEqual(Object.keys(await dataset.get(0)));
    const withJson = await write('json.tar', { 'c.ppm': picture(1), 'c.json': '{"a": 1}' });
    expect((await WebDataset.open(withJson, { transforms })).getBatch).toBeUndefined();
    const ofAnySize = await WebDataset.open(shard, { transforms: [normalize()] });
    expect(ofAnySize.getBatch).toBeUndefined();
  });

  it('in place, a class that does not fit into int32 is an error of its batch, too', async () => {
    const large = await write('large-in-place.tar', { 'b.ppm': picture(1), 'b.cls': String(2 ** 31) });
    const loader = new DataLoader(await WebDataset.open(large, { transforms }), {});
    await expect(batchesOf(loader as never)).rejects.toThrow(CollateError);
  });

  it('are refused where there is none, or more than one, which would move apart', async () => {
    const none = await WebDataset.open(shard, { columns: ['cls'], transforms });
    await expect((async () => none.get(0))()).rejects.toThrow(/no picture among its endings: cls/);
    const two = await write('two.tar', { 'a.ppm': picture(1), 'a.seg.ppm': picture(2) });
    const both = await WebDataset.open(two, { transforms });
    await expect((async () => both.get(0))()).rejects.toThrow(/ppm and seg\.ppm, which would move apart/);
    const one = await WebDataset.open(two, { columns: ['ppm'], transforms });
    expect(Object.keys(await one.get(0))).toEqual(['__key__', 'ppm']);
    await expect(WebDataset.open(shard, { layout: 'NHWC' })).rejects.toThrow(ConfigError);
  });

  it('a class that does not fit into int32 is an error of its batch', async () => {
    const large = await write('large.tar', { 'b.cls': String(2 ** 31) });
    await expect(batchesOf(new DataLoader(await WebDataset.open(large), {}) as never)).rejects.toThrow(
      CollateError,
    );
  });

  it('have a fingerprint of their steps, and steps that are functions stay on this thread', async () => {
    const plain = await WebDataset.open(shard);
    const flipped = await WebDataset.open(shard, { transforms });
    const other = await WebDataset.open(shard, { transforms: [normalize()] });
    expect(new Set([plain, flipped, other].map((dataset) => dataset.fingerprint())).size).toBe(3);
    const own = await WebDataset.open(shard, { transforms: [(image) => image] });
    const loader = new DataLoader(own, { numWorkers: 1 });
    await expect(batchesOf(loader as never)).rejects.toThrow(/cannot be moved into a worker/);
  });
});
