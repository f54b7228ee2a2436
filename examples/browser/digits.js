// Handwritten digits from a compressed file behind a URL, as tensors: 8 × 8 pixels of 0 … 1, and what each one is.
import { DataLoader, TensorDataset, tensor } from 'millrace';
import { CsvDataset } from 'millrace/formats';

const pixels = 64;
/** The rest is for training. */
const testDigits = 297;

/** @returns {Promise<{ train: TensorDataset, test: TensorDataset }>} */
export async function loadDigits(url) {
  const rows = await CsvDataset.open(url, { header: false });
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
  const part = (start, end) =>
    new TensorDataset({
      image: tensor(images.slice(start * pixels, end * pixels), [end - start, pixels]),
      label: tensor(labels.slice(start, end)),
    });
  return { train: part(0, row - testDigits), test: part(row - testDigits, row) };
}
