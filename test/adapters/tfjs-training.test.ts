// The adapter with the real TensorFlow.js, on its cpu and wasm backends.
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { ArrayDataset, DataLoader, TensorDataset, tensor } from 'millrace';
import { tfDataset, toTf } from 'millrace/tfjs';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

/** Points around two centers, and the center of each. */
const points = new TensorDataset({
  x: tensor(
    Float32Array.from({ length: 400 * 2 }, (_, i) => Math.sin(i * 12.9898) + ((i >> 1) % 2 ? 2 : -2)),
    [400, 2],
  ),
  y: tensor(
    Float32Array.from({ length: 400 }, (_, i) => i % 2),
    [400, 1],
  ),
});

function classifier(): tf.Sequential {
  const model = tf.sequential();
  model.add(
    tf.layers.dense({ units: 1, inputShape: [2], activation: 'sigmoid', kernelInitializer: 'zeros' }),
  );
  model.compile({ optimizer: tf.train.sgd(0.1), loss: 'binaryCrossentropy' });
  return model;
}

describe.each(['cpu', 'wasm'])('TensorFlow.js on %s', (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
    await tf.ready();
  });

  it.each([
    ['owned', { reuseBuffers: false }],
    ['lent', { reuseBuffers: true }],
    ['made by a worker', { numWorkers: 1 }],
  ] as const)('fits a model to batches that are %s, with flat memory over 500 steps', async (_, options) => {
    const loader = new DataLoader(points, { batchSize: 20, shuffle: true, seed: 3, ...options });
    const model = classifier();
    const dataset = tfDataset(tf, loader, ({ x, y }) => ({ xs: x, ys: y }));
    expect(dataset.size).toBe(20);
    await model.fitDataset(dataset, { epochs: 1, verbose: 0 });
    const { numTensors, numBytes } = tf.memory();
    const seen: [number, number][] = [];
    const { history } = await model.fitDataset(dataset, {
      epochs: 25,
      verbose: 0,
      callbacks: {
        onEpochEnd: async () => {
          seen.push([tf.memory().numTensors, tf.memory().numBytes]);
        },
      },
    });
    // The loop keeps one loss per epoch until it ends, and nothing of the batches.
    expect(seen.at(-1)![0] - seen[0]![0]).toBeLessThanOrEqual(25);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    expect(loader.epoch).toBe(26);
    expect(history.loss!.at(-1)).toBeLessThan(0.1);
    model.dispose();
    await loader.close();
  });

  it('evaluates a model, and frees intermediate tensors of each example', async () => {
    const loader = new DataLoader(points, { batchSize: 64 });
    const model = classifier();
    const before = tf.memory().numTensors;
    const loss = await model.evaluateDataset(
      tfDataset(tf, loader, ({ x, y }) => ({ xs: x.mul(1).add(0), ys: y })),
      {},
    );
    expect(tf.memory().numTensors).toBe(before + 1);
    expect((loss as tf.Scalar).dataSync()[0]).toBeCloseTo(Math.log(2), 5);
    tf.dispose([loss as tf.Scalar]);
    model.dispose();
  });

  it('frees the remaining tensors of a batch at the end of a block', () => {
    const batch = { x: tensor(Float32Array.of(1, 2)), more: [tensor(Int32Array.of(3))], name: 'n' };
    const before = tf.memory().numTensors;
    {
      using tensors = toTf(tf, batch);
      expectTypeOf(tensors.x).toEqualTypeOf<tf.Tensor>();
      tensors.x.dispose();
      expect([...tensors.more[0]!.dataSync()]).toEqual([3]);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('frees everything of a batch that it cannot convert', () => {
    const before = tf.memory().numTensors;
    const batch = { x: tensor(Float32Array.of(1)), n: tensor(Uint32Array.of(2 ** 31)) };
    expect(() => toTf(tf, batch)).toThrow(/does not fit into int32/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('returns values that do not change with the batch memory, unless copy is false', () => {
    const shared = tensor(new Float32Array(new SharedArrayBuffer(8)), [2]);
    shared.data.set([1, 2]);
    using copied = toTf(tf, { shared });
    using handedOver = toTf(tf, { x: tensor(Float32Array.of(5, 6)) }, { copy: false });
    shared.data.fill(9);
    expect([...copied.shared.dataSync()]).toEqual([1, 2]);
    expect([...handedOver.x.dataSync()]).toEqual([5, 6]);
  });
});

describe('tfDataset', () => {
  it('counts batches if the loader can, and reports NaN for a stream', () => {
    const stream = { async *iterate() {} };
    expect(tfDataset(tf, new DataLoader(stream), () => ({ xs: null, ys: null })).size).toBeNaN();
  });

  it('passes the loader’s errors on', async () => {
    const broken = new ArrayDataset([1, 2]);
    broken.get = () => {
      throw new Error('unreadable');
    };
    const iterator = await tfDataset(tf, new DataLoader(broken), (x) => ({ xs: x, ys: x })).iterator();
    await expect(iterator.next()).rejects.toThrow(/unreadable/);
  });
});
