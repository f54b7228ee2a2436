import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor } from 'millrace';
import { describe, expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../../examples/curriculum-gpt/checkpoint.js';
import { temporaryFolder } from './temporary-folder.js';

const model = {
  steps: 7,
  tensors: {
    'parameters.a': tensor(Float32Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 3), [2, 3]),
    'first.a': tensor(Float32Array.of(0.1, 0.2)),
  },
};
const run = { seed: 3, note: 'naïve', loader: { epoch: 1 } };

describe('a checkpoint', () => {
  it('preserves every bit, and leaves no temporary file', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'state.safetensors');
    await saveCheckpoint(path, { model: { ...model, steps: 6 }, run });
    await saveCheckpoint(path, { model, run });
    expect(readdirSync(folder)).toEqual(['state.safetensors']);
    const loaded = await loadCheckpoint(path);
    expect(loaded).toEqual({ model, run });
    expect(Object.is(loaded.model.tensors['parameters.a']!.data[1], -0)).toBe(true);
  });

  it('is a safetensors file: header length, JSON header, elements in little-endian order', async () => {
    const path = join(temporaryFolder(), 'state.safetensors');
    await saveCheckpoint(path, { model, run });
    const bytes = readFileSync(path);
    const headerBytes = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString());
    expect(headerBytes % 8).toBe(0);
    expect(header['first.a']).toEqual({ dtype: 'F32', shape: [2], data_offsets: [24, 32] });
    expect(bytes.readFloatLE(8 + headerBytes + 24)).toBe(Math.fround(0.1));
    expect(bytes.length).toBe(8 + headerBytes + 32);
  });

  it.each([
    ['a missing file', undefined, /There is no run to resume/],
    ['an empty file', '', /is not a checkpoint/],
    ['another kind of file', 'PK\u0003\u0004 this is a zip archive', /is not a checkpoint/],
  ])('is refused, naming the file: %s', async (_case, content, message) => {
    const path = join(temporaryFolder(), 'state');
    if (content !== undefined) writeFileSync(path, content);
    await expect(loadCheckpoint(path)).rejects.toThrow(message);
    await expect(loadCheckpoint(path)).rejects.toThrow(path);
  });

  it('is refused when truncated, with both sizes', async () => {
    const path = join(temporaryFolder(), 'state');
    await saveCheckpoint(path, { model, run });
    const { length } = readFileSync(path);
    truncateSync(path, length - 1);
    await expect(loadCheckpoint(path)).rejects.toThrow(
      `has ${length - 1} bytes and needs at least ${length}`,
    );
  });

  it('names the file when writing fails', async () => {
    const path = join(temporaryFolder(), 'no-such-folder', 'state');
    await expect(saveCheckpoint(path, { model, run })).rejects.toThrow(path);
  });
});
