// Handwritten digits as samples `{ image, label }`. Workers import this module too.
import { MapDataset, workerFunction } from 'millrace';
import { CsvDataset } from 'millrace/formats';

const side = 8;
const brightest = 16;
const pixels = Array.from({ length: side * side }, (_, i) => `pixel${i}`);

/** Opens the 1,797 digits. Rows are parsed on request; `image` has the shape `[8, 8, 1]`. */
export async function openDigits() {
  const file = new URL('../data/digits.csv.gz', import.meta.url);
  const rows = await CsvDataset.open(file, { header: [...pixels, 'label'] });
  return new MapDataset(rows, workerFunction(import.meta.url, { export: 'toSample' }));
}

/** Converts a row of the file to a sample with pixels of 0 … 1. */
export function toSample(row) {
  const data = Float32Array.from(pixels, (name) => row[name] / brightest);
  return { image: { dtype: 'float32', shape: [side, side, 1], data }, label: row.label };
}

/**
 * Moves an image by up to one pixel in each direction. The sample's own generator provides the numbers, so within an
 * epoch a sample is moved the same way by every worker, and after every restart.
 */
export function jitter({ image, label }, { rng }) {
  const down = rng.integer(-1, 2);
  const right = rng.integer(-1, 2);
  const data = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const inside = y - down >= 0 && y - down < side && x - right >= 0 && x - right < side;
      if (inside) data[y * side + x] = image.data[(y - down) * side + x - right];
    }
  }
  return { image: { ...image, data }, label };
}
