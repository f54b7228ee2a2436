import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { functional } from 'millrace/images';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden-file.js';

interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly data: string;
}
interface Case {
  readonly op: string;
  readonly image: number;
  readonly args: Readonly<Record<string, unknown>>;
  /** A share of at least `share` of the values is within `tolerance`. */
  readonly tolerance: number;
  readonly share: number;
  readonly want: (Pixels & { readonly channels: number }) | (Pixels & { readonly channels: number })[];
}

type Operation = (image: Tensor<'uint8'>, args: unknown) => Tensor<'uint8'> | Tensor<'uint8'>[];

const bytesOf = ({ data }: Pixels) => new Uint8Array(Buffer.from(data, 'base64'));

function imageOf(pixels: Pixels): Tensor<'uint8'> {
  const data = bytesOf(pixels);
  const { height, width } = pixels;
  return tensor(data, [data.length / (height * width), height, width]);
}

/** What of a result is not as recorded; empty if all is. */
function difference({ op, args, tolerance, share, want }: Case, image: Tensor<'uint8'>): string {
  const before = image.data.slice();
  const operation = Object.entries(functional).find(([name]) => name === op)?.[1] as Operation | undefined;
  if (!operation) return 'there is no such operation';
  const results = [operation(image, args)].flat();
  if (!Buffer.from(before).equals(image.data)) return 'it changed its argument';
  const wanted = [want].flat();
  if (results.length !== wanted.length) return `${results.length} results`;
  return wanted
    .map((one, k) => {
      const { shape, data } = results[k]!;
      if (shape.join() !== [one.channels, one.height, one.width].join()) return `shape ${shape}`;
      const close = bytesOf(one).filter((value, i) => Math.abs(value - data[i]!) <= tolerance).length;
      return close >= share * data.length ? '' : `${close} of ${data.length} values`;
    })
    .join('');
}

function failures(file: URL | string): string[] {
  const { images, cases } = JSON.parse(readFileSync(file, 'utf8')) as { images: Pixels[]; cases: Case[] };
  expect(cases.length).toBeGreaterThan(0);
  const sources = images.map(imageOf);
  return cases.flatMap((recorded, i) => {
    const found = difference(recorded, sources[recorded.image]!);
    return found ? [`case ${i} ${recorded.op} ${JSON.stringify(recorded.args)}: ${found}`] : [];
  });
}

describe('functional', () => {
  it('gives the pixels of torchvision', () => {
    expect(failures(`${goldenFolder}/vision/functional.json`)).toEqual([]);
  });

  it('gives them for images of one pixel, odd sizes, and 1, 3 and 4 channels', () => {
    expect(failures(new URL('../fixtures/functional.json', import.meta.url))).toEqual([]);
  });

  it('gives a crop beside the image the requested size, unlike torchvision', () => {
    const image = tensor(Uint8Array.of(1, 2, 3, 4), [1, 2, 2]);
    const cut = functional.crop(image, { top: 0, left: 5, height: 2, width: 3 });
    expect(cut).toEqual(tensor(new Uint8Array(6), [1, 2, 3]));
  });

  it('sets a rectangle to one value, one for each channel, or pixels', () => {
    const image = tensor(new Uint8Array(8), [2, 2, 2]);
    const place = { i: 0, j: 1, h: 1, w: 1 };
    expect([...functional.erase(image, { ...place, v: 7 }).data]).toEqual([0, 7, 0, 0, 0, 7, 0, 0]);
    expect([...functional.erase(image, { ...place, v: [7, 8] }).data]).toEqual([0, 7, 0, 0, 0, 8, 0, 0]);
    const pixels = tensor(Uint8Array.of(1, 2, 3, 4), [2, 2, 1]);
    const erased = functional.erase(image, { i: 0, j: 0, h: 2, w: 1, v: pixels });
    expect([...erased.data]).toEqual([1, 0, 2, 0, 3, 0, 4, 0]);
    expect([...image.data]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('normalizes bytes and float32 channel by channel', () => {
    const bytes = tensor(Uint8Array.of(0, 255), [2, 1, 1]);
    const statistics = { mean: [0.5, 0.25], std: [0.5, 0.25] };
    expect([...functional.normalize(bytes, statistics).data]).toEqual([-1, 3]);
    const floats = tensor(Float32Array.of(1, 0.5), [2, 1, 1]);
    expect([...functional.normalize(floats, statistics).data]).toEqual([1, 1]);
  });

  it.each<[string, () => unknown]>([
    ['4 channels', () => functional.adjustHue(tensor(new Uint8Array(4), [4, 1, 1]), { hueFactor: 0 })],
    ['a matrix', () => functional.invert(tensor(new Uint8Array(4), [2, 2]))],
    ['float32', () => functional.invert(tensor(new Float32Array(4), [1, 2, 2]) as never)],
    ['a blur larger than the image', () => functional.gaussianBlur(pixel, { kernelSize: 3 })],
    ['an even blur', () => functional.gaussianBlur(pixel, { kernelSize: 2 })],
    ['crops larger than the image', () => functional.fiveCrop(pixel, { size: 2 })],
    [
      'a mirrored border wider than the image',
      () => functional.pad(pixel, { padding: 1, paddingMode: 'reflect' }),
    ],
    ['three fills', () => functional.rotate(pixel, { angle: 9, fill: [1, 2, 3] })],
    ['corners on one line', () => functional.perspective(pixel, { startpoints: line, endpoints: line })],
    ['an unknown option', () => functional.posterize(pixel, { bit: 3 } as never)],
  ])('refuses %s', (_, call) => {
    expect(call).toThrow(ConfigError);
  });
});

const pixel = tensor(new Uint8Array(1), [1, 1, 1]);
const line = [
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 3],
] as const;
