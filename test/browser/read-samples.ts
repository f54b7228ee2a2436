import { DataLoader, type Dataset } from 'millrace';

/** All samples as JSON, shuffled, through a loader whose workers each open the dataset. */
export async function readSamples(dataset: Dataset<unknown>, numWorkers: number): Promise<string[]> {
  const collate = (samples: readonly unknown[]) => samples.map(asText);
  const loader = new DataLoader<unknown, 'float32', unknown, string[]>(dataset, {
    batchSize: 3,
    shuffle: true,
    seed: 4,
    numWorkers,
    collate,
  });
  const all: string[] = [];
  for await (const batch of loader) all.push(...batch);
  await loader.close();
  return all;
}

function asText(sample: unknown): string {
  return JSON.stringify(sample, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return ArrayBuffer.isView(value) ? Array.from(value as Uint8Array, String) : value;
  });
}
