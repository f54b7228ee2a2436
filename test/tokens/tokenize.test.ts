import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { encode } from 'gpt-tokenizer/encoding/cl100k_base';
import {
  ArrayDataset,
  DataLoader,
  type JsonObject,
  MapDataset,
  padCollate,
  type SampleContext,
  type Tensor,
  workerFunction,
} from 'millrace';
import { JsonlDataset } from 'millrace/formats';
import { documentLengths, PackedDataset, TokenWindowStream, tokenize } from 'millrace/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenizeOptions } from '../../dist/tokens/tokenize.js';

const context = {} as SampleContext;
let folder: string;
let jsonl: string;
const texts = Array.from(
  { length: 40 },
  (_, k) => `document ${k} says hello wörld ${'and more '.repeat(k % 9)}`,
);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tokenize-'));
  jsonl = join(folder, 'texts.jsonl');
  writeFileSync(jsonl, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (text: string) => Array.from(Buffer.from(text));
const idsOf = (tensor: Tensor) => Array.from(tensor.data as Int32Array);

describe('tokenize', () => {
  it.each([0, 2])(
    'gives the tokens of text as a dataset and as a transform, with %i workers',
    async (numWorkers) => {
      const dataset = await JsonlDataset.open<{ text: string }>(jsonl);
      const options = { batchSize: 8, numWorkers, collate: padCollate({ padValue: -1 }) };
      const step = tokenize({ tokenizer: 'cl100k_base' });
      const loaders = [
        new DataLoader(new MapDataset(dataset, step), options),
        new DataLoader(dataset, { ...options, transform: step }),
      ];
      for (const loader of loaders) {
        const rows: number[][] = [];
        for await (const batch of loader) {
          const { data, shape } = batch as unknown as Tensor;
          const [count, width] = shape as [number, number];
          for (let k = 0; k < count; k++)
            rows.push(
              Array.from(data.subarray(k * width, (k + 1) * width) as Int32Array).filter((id) => id >= 0),
            );
        }
        expect(rows).toEqual(texts.map((text) => encode(text)));
        await loader.close();
      }
      dataset.close();
    },
  );

  it('takes a function of the user here, and a module of theirs in workers', async () => {
    const module = join(folder, 'lengths.mjs');
    writeFileSync(module, 'export default (text) => [text.length];');
    const dataset = await JsonlDataset.open<{ text: string }>(jsonl);
    const byModule = tokenize({ tokenizer: workerFunction(pathToFileURL(module)) });
    const loader = new DataLoader(new MapDataset(dataset, byModule), { numWorkers: 1, batchSize: 40 });
    for await (const batch of loader)
      expect(idsOf(batch as unknown as Tensor)).toEqual(texts.map(({ length }) => length));
    await loader.close();
    const local = new MapDataset(dataset, tokenize({ tokenizer: (text) => [text.length, 1] }));
    expect(idsOf(await local.get(1, context))).toEqual([texts[1]!.length, 1]);
    const moved = new DataLoader(local, { numWorkers: 1 });
    await expect(moved[Symbol.asyncIterator]().next()).rejects.toThrow(/tokenizer.*workerFunction/);
    dataset.close();
  });

  it('puts the end of text behind, where the tokenizer has one', async () => {
    const step = tokenize({ tokenizer: 'cl100k_base', appendEndOfText: true });
    expect(idsOf(await step('hello'))).toEqual([...encode('hello'), 100_257]);
    // A text that mentions it is text like any other.
    expect(idsOf(await step('<|endoftext|>'))).not.toContain(100_256);
    const none = tokenize({ tokenizer: 'bytes', appendEndOfText: true });
    for (let tries = 0; tries < 2; tries++)
      await expect((async () => none('x'))()).rejects.toThrow(/bytes has no end-of-text token/);
  });

  it('names what is wrong with a sample and with the options', async () => {
    const step = tokenize({ tokenizer: 'bytes', field: 'body' });
    expect(() => step({ text: 'x' })).toThrow(/no text in the field body \(fields text\)/);
    expect(() => tokenize({ tokenizer: 'gpt9' } as unknown as TokenizeOptions)).toThrow(
      /tokenizer: must be one of/,
    );
    expect(() => tokenize({} as TokenizeOptions)).toThrow(/tokenizer/);
  });

  it('has another fingerprint for another tokenizer, field or end', () => {
    const options: TokenizeOptions[] = [
      { tokenizer: 'bytes' },
      { tokenizer: 'cl100k_base' },
      { tokenizer: 'bytes', field: 'body' },
      { tokenizer: 'r50k_base', appendEndOfText: true },
    ];
    const texts = new ArrayDataset(['a']);
    const prints = options.map((one) => new MapDataset(texts, tokenize(one)).fingerprint());
    expect(new Set(prints).size).toBe(options.length);
    expect(new MapDataset(texts, tokenize(options[0]!)).fingerprint()).toBe(prints[0]);
  });

  it('is packed into rows by the lengths that are counted first', async () => {
    const documents = new MapDataset(new ArrayDataset(texts), tokenize({ tokenizer: 'bytes' }));
    const lengths = await documentLengths(documents);
    expect(Array.from(lengths)).toEqual(texts.map((text) => Buffer.byteLength(text)));
    const rows = new PackedDataset(documents, { rowLength: 128, lengths, shuffle: false });
    const seen: number[] = [];
    for await (const { inputIds, documentIds } of new DataLoader(rows, { batchSize: 3 }))
      seen.push(...idsOf(inputIds).filter((_, place) => documentIds.data[place]! >= 0));
    expect(seen.sort()).toEqual(texts.flatMap(bytes).sort());
  });
});

describe('TokenWindowStream', () => {
  it('reads each shard about once by default where a sample costs its shard, and each document once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 10 }),
        fc.nat(3),
        async (shardLengths, numShards, epoch) => {
          const total = shardLengths.reduce((sum, length) => sum + length, 0);
          fc.pre(total > 0);
          const shardOf = shardLengths.flatMap((length, shard) => new Array<number>(length).fill(shard));
          const read: number[] = [];
          const documents = {
            length: total,
            shardLengths,
            decodesShards: true,
            get: (index: number) => {
              read.push(index);
              return [index];
            },
          };
          const stream = new TokenWindowStream(documents, { length: 1, numShards });
          let visits = 0;
          for (let shard = 0; shard < stream.numShards; shard++) {
            const from = read.length;
            const context = { shard, numShards: stream.numShards, epoch, seed: 1, worker: 0 } as never;
            for await (const _ of stream.iterate(context));
            visits += new Set(read.slice(from).map((index) => shardOf[index])).size;
          }
          expect(read.toSorted((a, b) => a - b)).toEqual(shardOf.map((_, index) => index));
          // A shard at a boundary between two parts of the order is read in both; windows may join several at a boundary.
          const together = Math.max(1, Math.floor(8 / stream.numShards));
          const used = shardLengths.filter((length) => length > 0).length;
          expect(visits).toBeLessThanOrEqual(used + (stream.numShards - 1) * together);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("mixes all documents with shuffle: true, and refuses 'shards' without shards", () => {
    const documents = {
      length: 4,
      shardLengths: [2, 2],
      decodesShards: true,
      get: (index: number) => [index],
    };
    const prints = [undefined, 'shards', true, false].map((shuffle) =>
      new TokenWindowStream(documents, {
        length: 1,
        ...(shuffle !== undefined && { shuffle: shuffle as true }),
      }).fingerprint(),
    );
    expect(prints[0]).toBe(prints[1]);
    expect(new Set(prints).size).toBe(3);
    expect(() => new TokenWindowStream(documentsOf(['a']), { length: 1, shuffle: 'shards' })).toThrow(
      /shardLengths/,
    );
  });

  const documentsOf = (contents: readonly string[]) =>
    new MapDataset(new ArrayDataset([...contents]), tokenize({ tokenizer: 'bytes' }));

  it('gives every token of each shard once, in windows that overlap by one, less what does not fill one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 30 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (contents, length, numShards) => {
          const stream = new TokenWindowStream(documentsOf(contents), { length, numShards, shuffle: false });
          const shards = stream.numShards;
          for (let shard = 0; shard < shards; shard++) {
            const part = contents.slice(
              Math.floor((shard * contents.length) / shards),
              Math.floor(((shard + 1) * contents.length) / shards),
            );
            const tokens = part.flatMap(bytes);
            const windows = await windowsOf(stream, shard);
            expect(windows.length).toBe(Math.max(0, Math.floor((tokens.length - 1) / length)));
            for (const [k, { x, y }] of windows.entries()) {
              expect(idsOf(x)).toEqual(tokens.slice(k * length, (k + 1) * length));
              expect(idsOf(y)).toEqual(tokens.slice(k * length + 1, (k + 1) * length + 1));
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('continues after any window with the windows that were due', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 30 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        async (contents, length) => {
          const stream = new TokenWindowStream(documentsOf(contents), { length, numShards: 1 });
          const whole = await windowsOf(stream, 0);
          const states = await statesOf(stream);
          for (const [k, state] of states.entries())
            expect(await windowsOf(stream, 0, state)).toEqual(whole.slice(k));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is the same in workers, other in each epoch, and resumes in a loader', async () => {
    const dataset = await JsonlDataset.open<{ text: string }>(jsonl);
    const documents = new MapDataset(dataset, tokenize({ tokenizer: 'bytes' }));
    const stream = new TokenWindowStream(documents, { length: 16, numShards: 3 });
    const make = (numWorkers: number) => new DataLoader(stream, { batchSize: 4, numWorkers, seed: 3 });
    const epochs: string[][] = [];
    for (const numWorkers of [0, 2]) {
      const loader = make(numWorkers);
      for (let epoch = 0; epoch < 2; epoch++) {
        const batches: string[] = [];
        for await (const { x, y } of loader) batches.push(JSON.stringify([idsOf(x), idsOf(y)]));
        epochs.push(batches);
      }
      await loader.close();
    }
    expect(epochs[0]).toEqual(epochs[2]);
    expect(epochs[1]).toEqual(epochs[3]);
    expect(epochs[0]).not.toEqual(epochs[1]);
    const first = make(0);
    let seen = 0;
    let state: ReturnType<typeof first.stateDict> | undefined;
    for await (const _ of first) {
      state = first.stateDict();
      if (++seen === 5) break;
    }
    const second = make(2);
    second.loadStateDict(state!);
    const rest: string[] = [];
    for await (const { x, y } of second) rest.push(JSON.stringify([idsOf(x), idsOf(y)]));
    expect(rest).toEqual(epochs[0]!.slice(5));
    await second.close();
    dataset.close();
  });
});

type Windows = TokenWindowStream;

async function windowsOf(stream: Windows, shard: number, state?: JsonObject) {
  const windows: { x: Tensor; y: Tensor }[] = [];
  const pass = { epoch: 0, seed: 0, shard, numShards: stream.numShards, worker: null };
  for await (const window of stream.iterate({ ...pass, ...(state && { state }) })) windows.push(window);
  return windows;
}

/** The states before the first window and behind each. */
async function statesOf(stream: Windows): Promise<JsonObject[]> {
  const pass = { epoch: 0, seed: 0, shard: 0, numShards: 1, worker: null };
  const iterated = stream.iterate(pass);
  const states = [iterated.stateDict()];
  for await (const _ of iterated) states.push(iterated.stateDict());
  return states;
}
