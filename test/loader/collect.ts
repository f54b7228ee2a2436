import { ArrayDataset, type Tensor } from 'millrace';

/** The numbers 0 … length - 1 as a dataset. */
export function range(length: number): ArrayDataset<number> {
  return new ArrayDataset(Array.from({ length }, (_, i) => i));
}

/** All batches of one epoch as plain numbers. */
export async function collect(batches: AsyncIterable<unknown>): Promise<number[][]> {
  const all: number[][] = [];
  for await (const batch of batches) all.push(Array.from((batch as Tensor<'float32'>).data));
  return all;
}

/** Everything an async iterable gives. */
export async function batchesOf<B>(batches: AsyncIterable<B>): Promise<B[]> {
  const all: B[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}
