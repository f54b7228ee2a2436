import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { IndexedDataset } from 'millrace/formats';

export default (path) =>
  IndexedDataset.open(
    join(
      path,
      readdirSync(path).find((name) => name.endsWith('.idx')),
    ),
  );
