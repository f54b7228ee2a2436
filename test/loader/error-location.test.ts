// An error says which batch it was of, the same on whichever thread it happened.
import { ArrayDataset, DataLoader, defaultCollate, type MillraceError, workerDataset } from 'millrace';
import { CollateError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { batchesOf } from './collect.js';

const faulty = new URL('../fixtures/faulty.js', import.meta.url);

async function errorOf(loader: DataLoader<never, never, unknown>): Promise<MillraceError> {
  try {
    await batchesOf(loader);
  } catch (error) {
    return error as MillraceError;
  } finally {
    await loader.close();
  }
  throw new Error('no error came');
}

const ragged = new ArrayDataset([{ x: 1 }, { x: 2 }, { y: 3 }, { x: 4 }]);
const failing = () => {
  throw new TypeError('cannot collate');
};

describe('the location of an error', () => {
  it.each<[string, unknown, object, object]>([
    ['samples that do not go together', ragged, {}, { batch: 1, indices: '[2, 3]' }],
    [
      'a collate function of the user',
      ragged,
      { collate: (samples: unknown[]) => defaultCollate(samples) },
      { dataset: 'ArrayDataset', epoch: 0, batch: 1, indices: '[2, 3]' },
    ],
    [
      'one that throws an error of its own',
      new ArrayDataset([1, 2, 3]),
      { collate: failing },
      { dataset: 'ArrayDataset', epoch: 0, batch: 0, indices: '[0, 1]' },
    ],
    [
      'one that rejects',
      new ArrayDataset([1, 2, 3]),
      { collate: async () => failing() },
      { dataset: 'ArrayDataset', epoch: 0, batch: 0, indices: '[0, 1]' },
    ],
    [
      'a sample',
      workerDataset(faulty, { export: 'throwsAt', options: { index: 3 } }),
      {},
      { epoch: 0, batch: 1, index: 3 },
    ],
    [
      'a sample that rejects',
      workerDataset(faulty, { export: 'rejectsAt', options: { index: 5 } }),
      {},
      { epoch: 0, batch: 2, index: 5 },
    ],
  ])('is the same with and without workers: %s', async (_, dataset, options, expected) => {
    const errors = [];
    for (const numWorkers of [0, 1]) {
      const error = await errorOf(
        new DataLoader(dataset as never, { batchSize: 2, numWorkers, ...options } as never),
      );
      const { worker: __, ...where } = error.where;
      errors.push({ code: error.code, where });
    }
    expect(errors[0]!.where).toMatchObject(expected);
    expect(errors[1]).toEqual(errors[0]);
  });

  it('keeps the error of a collate function as the cause', async () => {
    const error = await errorOf(new DataLoader(new ArrayDataset([1]), { collate: failing }) as never);
    expect(error).toBeInstanceOf(CollateError);
    expect(error.message).toContain('cannot collate');
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});
