import { IndexedDatasetBuilder } from 'millrace/formats';

/** Writes documents of 50 to 1,500 tokens. */
export function writeTokens(prefix) {
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint16' });
  for (let document = 0; document < 120; document++) {
    const length = 50 + ((document * 331) % 1_451);
    builder.addItem(Uint16Array.from({ length }, (_, k) => (document * 7_919 + k * k) % 50_000));
    builder.endDocument();
  }
  builder.finalize();
}
