import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { ArrayDataset, tensor, workerFunction } from 'millrace';
import {
  type Metric as AnyMetric,
  analyzeDifficulty,
  builtInMetrics,
  DifficultyFile,
  imageStatistics,
} from 'millrace/analysis';
import { ConfigError, SampleError, WorkerTransferError } from 'millrace/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-metrics-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function measured(samples: unknown[], metric: string | AnyMetric<never>): Promise<number[]> {
  const name = typeof metric === 'string' ? metric : metric.name;
  await analyzeDifficulty(new ArrayDataset(samples), {
    outputDir: folder,
    metrics: [metric],
    numWorkers: 0,
    layout: 'native',
  });
  const file = DifficultyFile.openSync(join(folder, name, `${name}.difficulty`));
  const values = Array.from(file.valuesBetween(0, file.length));
  file.close();
  return values;
}

const gray = (height: number, width: number, level: (row: number, column: number) => number) =>
  tensor(
    Uint8Array.from({ length: height * width }, (_, i) => level(Math.floor(i / width), i % width)),
    [height, width],
  );

describe('the built-in metrics', () => {
  it('count tokens, of tensors, arrays and records', async () => {
    const samples = [Uint16Array.of(5, 6), { tokens: Int32Array.of(1) }, { input_ids: [1, 2, 3] }];
    expect(await measured(samples, 'seqlen')).toEqual([2, 1, 3]);
  });

  it('leave out the padding of packed rows', async () => {
    const row = {
      inputIds: tensor(Int32Array.of(4, 5, 0), [3]),
      documentIds: tensor(Int32Array.of(0, 0, -1), [3]),
    };
    expect(await measured([row], 'seqlen')).toEqual([2]);
  });

  it('measure readability by letters, words and sentences', async () => {
    // 31 letters, 5 words, 1 sentence; 13 letters, 5 words, 2 sentences.
    const samples = ['Complicated words need more letters.', 'The cat sat. It is.', '—'];
    const grade = (letters: number, words: number, sentences: number) =>
      Math.max(0, Math.round(100 * ((5.88 * letters) / words - (29.6 * sentences) / words - 15.8)));
    expect(await measured(samples, 'readability')).toEqual([grade(31, 5, 1), grade(13, 5, 2), 0]);
  });

  it('measure the entropy of tokens in millibits', async () => {
    // Four equally common tokens: 2 bits. Three to one: 0.8113 bits.
    const samples = [
      Uint8Array.of(7, 7, 7),
      Uint8Array.of(1, 2, 3, 4),
      Uint8Array.of(1, 1, 1, 2),
      Uint8Array.of(),
    ];
    expect(await measured(samples, 'tokenentropy')).toEqual([0, 2_000, 811, 0]);
  });

  it('measure compression in thousandths of the bytes', async () => {
    const text = 'the mill grinds '.repeat(40);
    const expected = Math.round((1_000 * deflateRawSync(text, { level: 6 }).length) / text.length);
    expect(await measured([text, { text: '' }], 'compressionratio')).toEqual([expected, 0]);
    expect(expected).toBeLessThan(100);
  });

  it('measure the share of characters that are no letters', async () => {
    // 2 of 4; 0 of 5; 3 of 3, white space aside; 1 of 2 where a character is a pair of code units.
    const samples = ['a1b!', 'words', { content: '1 + 2' }, '😀é', '  '];
    expect(await measured(samples, 'punctuationshare')).toEqual([500, 0, 1_000, 500, 0]);
  });

  it('measure the area of images in either layout', async () => {
    const planes = tensor(new Uint8Array(3 * 4 * 5), [3, 4, 5]);
    const interleaved = { image: tensor(new Float32Array(6 * 2 * 3), [6, 2, 3]) };
    expect(await measured([planes, interleaved, gray(7, 2, () => 0)], 'imagearea')).toEqual([20, 12, 14]);
  });

  it('measure sharpness as the variance of the Laplacian', async () => {
    // A point of 10 in the middle of 5×5: the Laplacian is -40 there, 10 at its four neighbors, 0 at four corners.
    const point = gray(5, 5, (row, column) => (row === 2 && column === 2 ? 10 : 0));
    const variance = Math.round((40 ** 2 + 4 * 10 ** 2) / 9);
    const levels = Array.from(point.data, (level) => [level, level, level]).flat();
    const interleaved = tensor(Uint8Array.from(levels), [5, 5, 3]);
    const floats = tensor(
      Float32Array.from(point.data, (level) => level / 255),
      [1, 5, 5],
    );
    const ramp = gray(5, 5, (row) => 20 * row);
    expect(await measured([point, interleaved, floats, ramp, gray(2, 9, () => 3)], 'imagesharpness')).toEqual(
      [variance, variance, variance, 0, 0],
    );
  });

  it('measure the rarity of labels in millinats', async () => {
    const samples = [
      { label: 'cat' },
      { y: 'cat' },
      ['picture', 'dog'],
      { label: tensor(Int32Array.of(3), []) },
    ];
    const [half, quarter] = [Math.round(1_000 * Math.log(2)), Math.round(1_000 * Math.log(4))];
    expect(await measured(samples, 'labelrarity')).toEqual([half, half, quarter, quarter]);
  });

  it('sum up pixels for mean and deviation, exactly, over parts and threads', async () => {
    const colors = tensor(Uint8Array.of(0, 100, 50, 150, 255, 205), [3, 1, 2]);
    const samples = [colors, gray(2, 2, () => 10), { image: tensor(Float32Array.of(1, 0, 0), [1, 1, 3]) }];
    const { counts } = await analyzeDifficulty(new ArrayDataset(samples), {
      outputDir: folder,
      metrics: ['pixelsums'],
      numWorkers: 0,
    });
    const reds = [0, 100, 10, 10, 10, 10, 255, 0, 0];
    const blues = [255, 205, 10, 10, 10, 10, 255, 0, 0];
    const { mean, std } = imageStatistics(counts.pixelsums!);
    const meanOf = (values: number[]) => values.reduce((sum, value) => sum + value / 255, 0) / values.length;
    const stdOf = (values: number[]) =>
      Math.sqrt(meanOf(values.map((value) => (value / 255 - meanOf(values)) ** 2 * 255)));
    expect(mean[0]).toBeCloseTo(meanOf(reds), 10);
    expect(mean[2]).toBeCloseTo(meanOf(blues), 10);
    expect(std[0]).toBeCloseTo(stdOf(reds), 10);
    expect(std[2]).toBeCloseTo(stdOf(blues), 10);
    expect(() => imageStatistics([0, 0, 0, 0, 0, 0, 0])).toThrow(ConfigError);
  });

  it.each(builtInMetrics.map(({ name }) => [name]))(
    'name the sample that %s cannot measure',
    async (name) => {
      const run = measured([{ nothing: 1 }], name);
      await expect(run).rejects.toThrow(SampleError);
      await expect(run).rejects.toThrow(/Sample 0 of ArrayDataset/);
    },
  );
});

describe('a user’s metric', () => {
  const loss: AnyMetric<number> = { name: 'loss', measure: (samples) => samples.map((x) => x / 3) };

  it('is given at most batchSize neighbors at once, and may be asynchronous', async () => {
    const seen: [number, number][] = [];
    const metric: AnyMetric<number> = {
      name: 'slow',
      batchSize: 3,
      async measure(samples, { start }) {
        await null;
        seen.push([start, samples.length]);
        return samples.map((x) => 2 * x);
      },
    };
    expect(await measured([5, 6, 7, 8], metric)).toEqual([10, 12, 14, 16]);
    expect(seen).toEqual([
      [0, 3],
      [3, 1],
    ]);
  });

  it('may have real values in the native layout; with a scale they are whole', async () => {
    expect(await measured([1, 2, 4], loss)).toEqual([1 / 3, 2 / 3, 4 / 3]);
    expect(await measured([1, 2, 4], { ...loss, scale: 100 })).toEqual([33, 67, 133]);
  });

  it('is refused in DeepSpeed’s layout where it gives a real number, at the first one', async () => {
    const run = analyzeDifficulty(new ArrayDataset([3, 4]), {
      outputDir: folder,
      metrics: [loss],
      numWorkers: 0,
    });
    await expect(run).rejects.toMatchObject({ cause: { where: { metric: 'loss', index: 1 } } });
    await expect(run).rejects.toHaveProperty(
      'cause.message',
      expect.stringMatching(/returned 1\.33.*scale: 1000/),
    );
  });

  it.each([
    ['NaN', () => [Number.NaN], /returned NaN/],
    ['too few values', () => [], /0 values for 1 samples/],
  ])('is refused when it gives %s', async (_, measure, message) => {
    const run = measured([1], { name: 'bad', measure });
    await expect(run).rejects.toHaveProperty('cause.message', expect.stringMatching(message));
  });

  it('is named by its module to run in threads; an object cannot move', async () => {
    const dataset = new ArrayDataset([1, 2, 3, 4, 5].map((x) => Int32Array.of(x)));
    const metrics = [workerFunction(new URL('../fixtures/loss.js', import.meta.url)), 'seqlen'];
    await analyzeDifficulty(dataset, { outputDir: folder, metrics, numWorkers: 2 });
    const file = DifficultyFile.openSync(join(folder, 'loss', 'loss.difficulty'));
    expect(Array.from(file.valuesBetween(0, 5))).toEqual([10, 20, 30, 40, 50]);
    file.close();
    const direct = analyzeDifficulty(dataset, { outputDir: folder, metrics: [loss], numWorkers: 2 });
    await expect(direct).rejects.toThrow(WorkerTransferError);
  });

  it('of kind count is added up over all samples', async () => {
    const parity: AnyMetric<number> = {
      name: 'parity',
      kind: 'count',
      batchSize: 2,
      measure: (samples) => [samples.length, samples.filter((x) => x % 2 === 1).length],
    };
    const { counts } = await analyzeDifficulty(new ArrayDataset([1, 2, 3]), {
      outputDir: folder,
      metrics: [parity],
      numWorkers: 0,
    });
    expect(counts).toEqual({ parity: [3, 2] });
  });

  it.each([
    [{ name: 'a/b', measure: () => [] }, /letters, digits/],
    [{ name: 'none' }, /no function measure/],
    [{ name: 'm', measure: () => [], scale: -1 }, /scale/],
    [{ name: 'm', measure: () => [], batchSize: 0 }, /batchSize/],
  ])('is refused as %j', async (metric, message) => {
    const run = measured([1], metric as never);
    await expect(run).rejects.toThrow(ConfigError);
    await expect(run).rejects.toThrow(message);
  });
});
