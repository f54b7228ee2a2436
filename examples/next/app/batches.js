import { ArrayDataset, DataLoader } from 'millrace';

/** The batches of one epoch: numbers in a shuffled order, the same on the server and in a page. */
export async function batches(numWorkers) {
  const numbers = new ArrayDataset([1, 2, 3, 4, 5, 6]);
  const loader = new DataLoader(numbers, { batchSize: 3, shuffle: true, seed: 7, numWorkers });
  const found = [];
  for await (const { data } of loader) found.push([...data].join(' '));
  await loader.close();
  return found;
}
