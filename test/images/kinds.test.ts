// Images of every kind that decoders treat differently, against Pillow: test/fixtures/image-kinds has the script that made them.
import { readFileSync } from 'node:fs';
import type { SampleContext } from 'millrace';
import { FormatError } from 'millrace/errors';
import { ImagePipeline } from 'millrace/images';
import { describe, expect, it } from 'vitest';

const folder = new URL('../fixtures/image-kinds/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder));
const kinds = JSON.parse(read('kinds.json').toString()) as readonly {
  readonly name: string;
  readonly width: number;
  readonly height: number;
}[];
const context = {} as SampleContext;

describe.each(['auto', 'sharp'] as const)('with the decoder %s', (decoder) => {
  it.each(kinds)("$name has Pillow's pixels", async ({ name, width, height }) => {
    const pipeline = new ImagePipeline([], { layout: 'NHWC', decoder });
    const { shape, data } = await pipeline.run(read(name), name, context);
    expect(shape).toEqual([height, width, 3]);
    const expected = read(`${name}.rgb`);
    let most = 0;
    for (let i = 0; i < expected.length; i++) most = Math.max(most, Math.abs(expected[i]! - data[i]!));
    expect(most).toBeLessThanOrEqual(name.endsWith('.jpg') ? 1 : 0);
  });

  it.each(kinds)(
    '$name with more pixels than are allowed is an error that says so',
    async ({ name, width, height }) => {
      const pipeline = new ImagePipeline([], { decoder, maxPixels: width * height - 1 });
      const made = (async () => pipeline.run(read(name), name, context))();
      await expect(made).rejects.toThrow(FormatError);
      await expect(made).rejects.toMatchObject({ where: { file: name } });
      await expect(made).rejects.toThrow(/pixel/);
    },
  );
});
