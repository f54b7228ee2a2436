import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { ConfigError, FormatError } from 'millrace/errors';
import { type FileFormat, openDataset, recordFormat, registerFormat } from 'millrace/formats';
import { beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'own-format-'));
const genes = join(folder, 'genes.fasta');
const context = {} as SampleContext;

beforeAll(async () => {
  const { default: fasta } = (await import(
    new URL('../fixtures/own-format/fasta.js', import.meta.url).href
  )) as { default: FileFormat };
  registerFormat(fasta);
  registerFormat(fasta);
  writeFileSync(genes, '>a\nGA\nT\n>b\nCCC\n');
  writeFileSync(join(folder, 'more.fa'), '>c\nTTT\n');
});

describe('a format that is defined outside Millrace', () => {
  it('is detected by its ending and opened like a built-in one', async () => {
    const { format, dataset } = await openDataset(genes);
    expect(format).toBe('fasta');
    expect(dataset.length).toBe(2);
    expect(await dataset.get(0, context)).toEqual({ id: 'a', sequence: 'GAT' });
    await dataset.close?.();
  });

  it('is chosen in a folder, where its files make one dataset with one shard per file', async () => {
    const { dataset } = await openDataset(folder);
    expect(dataset.shardLengths).toEqual([2, 1]);
    expect(await dataset.get(2, context)).toEqual({ id: 'c', sequence: 'TTT' });
    await dataset.close?.();
  });

  it('is opened in workers, with the samples and the fingerprint of the main thread', async () => {
    const dataset = (await openDataset(genes, { format: 'fasta' })).dataset as Dataset<{ id: string }>;
    const ids: string[] = [];
    await using loader = new DataLoader(dataset, {
      batchSize: 1,
      numWorkers: 1,
    });
    for await (const batch of loader) ids.push(...(batch as { id: string[] }).id);
    expect(ids).toEqual(['a', 'b']);
    const again = await openDataset(genes);
    expect(again.dataset.fingerprint?.()).toBe(dataset.fingerprint?.());
  });

  it('reports a record that it cannot decode as FormatError with file, row and offset', async () => {
    const path = join(folder, 'bad.fasta');
    writeFileSync(path, '>a\nG\n>b\n');
    const { dataset } = await openDataset(path);
    const reading = Promise.resolve().then(() => dataset.get(1, context));
    await expect(reading).rejects.toThrow(FormatError);
    await expect(reading).rejects.toMatchObject({ where: { file: path, row: 1, byteOffset: 5 } });
    await dataset.close?.();
  });

  it('may not take the name or an ending of another format', () => {
    const definition = {
      module: import.meta.url,
      findRecords: async () => new Float64Array(0),
      decode: () => null,
    };
    const sameName = recordFormat({ name: 'jsonl', endings: ['.other'], ...definition });
    const sameEnding = recordFormat({ name: 'other', endings: ['.csv'], ...definition });
    expect(() => registerFormat(sameName)).toThrow(ConfigError);
    expect(() => registerFormat(sameEnding)).toThrow(/endings: \.csv belongs to the format csv/);
  });

  it('is unknown to openDataset until it is registered', async () => {
    await expect(openDataset(genes, { format: 'absent' })).rejects.toThrow(
      /format: must be one of jsonl.*fasta/,
    );
  });
});
