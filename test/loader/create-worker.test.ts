import { DataLoader } from 'millrace';
import { expect, it } from 'vitest';
import { collect, range } from './collect.js';

const createWorker = () => {
  throw new Error('must not be called');
};

it('refuses web workers in Node.js, where threads need none', async () => {
  const loader = new DataLoader<number>(range(4), { numWorkers: 1, createWorker });
  await expect(collect(loader)).rejects.toThrow('createWorker: is for browsers');
});

it('refuses createWorker without workers, and a value that is not a function', () => {
  expect(() => new DataLoader<number>(range(4), { createWorker })).toThrow(
    'createWorker: needs numWorkers of 1 or more',
  );
  expect(() => new DataLoader<number>(range(4), { numWorkers: 1, createWorker: 3 as never })).toThrow(
    'createWorker: must be a function that makes a Worker',
  );
});
