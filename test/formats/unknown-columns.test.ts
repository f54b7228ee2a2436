import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from 'millrace/errors';
import { openDataset, ParquetDataset, WebDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const csv = join(mkdtempSync(join(tmpdir(), 'unknown-columns-')), 'table.csv');
writeFileSync(csv, 'x,y\n1,2\n3,4\n');

describe('a column that is not there', () => {
  it.each([
    csv,
    ...['table-none.parquet', 'table.arrow', 'table-stream.arrows', 'table-zstd.feather'].map(fixture),
    ...['shard-{000..002}.tar', 'mds', 'arrays.npz', 'arrays.safetensors'].map(fixture),
  ])('is a ConfigError that lists the columns: %s', async (files) => {
    const opening = openDataset(files, { columns: ['absent'] });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(/columns: there is no \w+ absent; there are \w+/);
  });

  it('is a ConfigError in a filter too', async () => {
    const opening = ParquetDataset.open(fixture('table-none.parquet'), { filter: { absent: { $gt: 1 } } });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(/filter: there is no column absent; there are id/);
  });

  it('is a ConfigError that names the sample when a stream reaches it', async () => {
    const stream = await WebDataset.stream(fixture('shard-000.tar'), { columns: ['absent'] });
    const samples = stream.iterate({ epoch: 0, seed: 0, shard: 0, numShards: 1, worker: null });
    const next = samples[Symbol.asyncIterator]().next();
    await expect(next).rejects.toThrow(ConfigError);
    await expect(next).rejects.toThrow(/sample 0\/0000 has no file with the ending absent.*shard-000\.tar/);
    stream.close();
  });
});
