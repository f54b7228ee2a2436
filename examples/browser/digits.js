// Loads handwritten digits from a compressed file behind a URL as tensors: 8 × 8 pixels of 0 … 1, and the label of
// each.
import { DataLoader, Subset, TensorDataset, tensor } from 'millrace';
import { CsvDataset } from 'millrace/formats';
import { BlobSource } from 'millrace/storage';

const pixels = 64;
/** One digit in six is in the test split. */
const testEvery = 6;

/** @returns {Promise<{ train: Subset, test: Subset }>} */
export async function loadDigits(url) {
  const rows = await CsvDataset.open(await download(url), { header: false });
  const images = new Float32Array(rows.length * pixels);
  const labels = new Int32Array(rows.length);
  let row = 0;
  for await (const samples of new DataLoader(rows, { batchSize: 256, collate: (rows) => rows })) {
    for (const sample of samples) {
      const cells = Object.values(sample);
      for (let k = 0; k < pixels; k++) images[row * pixels + k] = cells[k] / 16;
      labels[row++] = cells[pixels];
    }
  }
  const all = new TensorDataset({ image: tensor(images, [row, pixels]), label: tensor(labels) });
  const places = Array.from(labels.keys());
  const isForTest = (place) => place % testEvery === testEvery - 1;
  return {
    train: new Subset(
      all,
      places.filter((place) => !isForTest(place)),
    ),
    test: new Subset(all, places.filter(isForTest)),
  };
}

/**
 * Downloads the file, and decompresses it unless the browser already has: some servers, such as Vite's, send it with
 * `Content-Encoding`.
 */
async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded: HTTP ${response.status}`);
  const blob = await response.blob();
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const isPacked = first === 0x1f && second === 0x8b;
  return new BlobSource(blob, isPacked ? 'digits.csv.gz' : 'digits.csv');
}
