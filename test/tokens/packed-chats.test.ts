// Packing keeps labels, weights and every other field with their tokens.
import fc from 'fast-check';
import { ArrayDataset, DataLoader } from 'millrace';
import { chatDataset, documentLengths, PackedDataset, packCollate } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden-tokenizer.js';

interface Document {
  readonly inputIds: Int32Array;
  readonly labels: Int32Array;
  readonly lossWeights: Float32Array;
  readonly rewards: Float64Array;
}

/** Documents whose tokens tell document and place: 1000 · document + place. */
const documents = fc
  .array(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 20 })
  .map((masks) =>
    masks.map((mask, document): Document => {
      const inputIds = Int32Array.from(mask, (_, k) => 1_000 * (document + 1) + k);
      return {
        inputIds,
        labels: inputIds.map((id, k) => (mask[k] ? id : -100)),
        lossWeights: Float32Array.from(mask, (trained) => (trained ? 1 / (document + 1) : 0)),
        rewards: Float64Array.from(inputIds, (id) => id / 2),
      };
    }),
  );

const context = { epoch: 3, part: () => ({}) } as never;

describe('PackedDataset of labeled documents', () => {
  it('loses no token, and gives each its own label, weight and fields, in any packing', async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (given, rowLength, shift) => {
          const source = new ArrayDataset(given);
          const packed = new PackedDataset(source, {
            rowLength,
            lengths: await documentLengths(source),
            shift,
            padToken: -1,
          });
          const seen = new Set<number>();
          for (let row = 0; row < packed.length; row++) {
            const {
              inputIds,
              labels,
              lossMask,
              lossWeights,
              rewards,
              documentIds,
              positionIds,
              cuSeqlens,
              maxSeqlen,
            } = await packed.get(row, context);
            const starts = cuSeqlens.data;
            expect([starts[0], starts.at(-1)]).toEqual([0, rowLength]);
            expect(maxSeqlen).toBe(Math.max(...starts.subarray(1).map((end, k) => end - starts[k]!)));
            for (let k = 0; k < rowLength; k++) {
              const id = inputIds.data[k]!;
              const isStart = starts.includes(k);
              expect(lossMask.data[k]).toBe(labels.data[k] === -100 ? 0 : 1);
              if (id === -1) {
                expect([labels.data[k], lossWeights.data[k], rewards.data[k], documentIds.data[k]]).toEqual([
                  -100, 0, 0, -1,
                ]);
                continue;
              }
              expect(seen.has(id)).toBe(false);
              seen.add(id);
              const [document, place] = [given[Math.floor(id / 1_000) - 1]!, id % 1_000];
              expect(rewards.data[k]).toBe(id / 2);
              if (isStart) expect(positionIds.data[k]).toBe(0);
              else
                expect([inputIds.data[k - 1], positionIds.data[k]]).toEqual([
                  id - 1,
                  positionIds.data[k - 1]! + 1,
                ]);
              const from = shift ? place + 1 : place;
              expect(labels.data[k]).toBe(!shift && isStart ? -100 : (document.labels[from] ?? -100));
              expect(lossWeights.data[k]).toBe(!shift && isStart ? 0 : (document.lossWeights[from] ?? 0));
            }
          }
          expect(seen.size).toBe(given.reduce((sum, { inputIds }) => sum + inputIds.length, 0));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('packs conversations, the same from workers, with weights of which each conversation has 1 in all', async () => {
    const rows = Array.from({ length: 12 }, (_, k) => ({
      prompt: 'the river',
      completion: ` turns${' a wheel'.repeat(k)}`,
    }));
    const chats = await chatDataset(rows, { tokenizer: goldenFolder('qwen-like'), lossWeights: 'document' });
    const packed = new PackedDataset(chats, { rowLength: 64, lengths: await documentLengths(chats) });
    const batches = async (numWorkers: number) => {
      await using loader = new DataLoader(packed, { batchSize: 2, shuffle: true, numWorkers });
      const found = [];
      for await (const batch of loader) found.push(batch);
      return found;
    };
    const made = await batches(0);
    const total = made.reduce((sum, { lossWeights }) => sum + lossWeights.data.reduce((a, b) => a + b, 0), 0);
    expect(total).toBeCloseTo(rows.length, 4);
    for (const { labels, lossWeights } of made)
      expect([...lossWeights.data].map((weight) => weight > 0)).toEqual(
        [...labels.data].map((label) => label !== -100),
      );
    expect(await batches(1)).toEqual(made);
  });

  it('refuses labels that are shifted already, and fields that a row cannot keep', async () => {
    const rows = [{ prompt: 'a', completion: 'b' }];
    const shifted = await chatDataset(rows, { tokenizer: goldenFolder('qwen-like'), shift: true });
    expect(() => new PackedDataset(shifted, { rowLength: 8, lengths: [3] })).toThrow(
      /packing shifts them itself/,
    );
    const document = { inputIds: Int32Array.of(1, 2), labels: Int32Array.of(1, 2) };
    const row = (documents: object[]) =>
      new PackedDataset(new ArrayDataset(documents as (typeof document)[]), {
        rowLength: 4,
        lengths: documents.map(() => 2),
      }).get(0, context);
    expect(() => row([{ ...document, images: ['a.png'] }])).toThrow(
      /images does not hold one value per token/,
    );
    expect(() => row([document, { ...document, extra: Int8Array.of(1, 2) }])).toThrow(
      /has the fields .* beside its tokens/,
    );
  });
});

describe('packCollate of labeled samples', () => {
  it('concatenates every field and pads to a multiple, the same from workers', async () => {
    const rows = [{ text: 'the river' }, { text: 'turns' }, { text: 'a wheel grinding corn' }];
    const chats = await chatDataset(rows, { tokenizer: goldenFolder('qwen-like'), lossWeights: 'token' });
    const samples = await Promise.all(rows.map((_, k) => chats.get(k, {} as never)));
    const ids = samples.flatMap(({ inputIds }) => [...inputIds]);
    const { inputIds, labels, lossWeights, cuSeqlens } = packCollate({
      multipleOf: 16,
      padToken: 7,
      shift: false,
    })(samples);
    expect(inputIds.shape[0]! % 16).toBe(0);
    expect([...inputIds.data]).toEqual([
      ...ids,
      ...Array.from({ length: inputIds.shape[0]! - ids.length }, () => 7),
    ]);
    const starts = [...cuSeqlens.data].slice(0, samples.length);
    expect([...labels.data]).toEqual(
      [...inputIds.data].map((id, k) => (k >= ids.length || starts.includes(k) ? -100 : id)),
    );
    expect([...lossWeights.data].filter((weight) => weight === 1).length).toBe(ids.length - samples.length);
    const batches = async (numWorkers: number) => {
      await using loader = new DataLoader(chats, {
        batchSize: 2,
        numWorkers,
        collate: packCollate({ multipleOf: 16 }),
      });
      const found = [];
      for await (const batch of loader) found.push(batch);
      return found;
    };
    expect(await batches(1)).toEqual(await batches(0));
  });

  it('takes samples of tokens alone', () => {
    const { inputIds } = packCollate([Int32Array.of(1, 2), Int32Array.of(3)]);
    expect([...inputIds.data]).toEqual([1, 2, 3]);
  });
});
