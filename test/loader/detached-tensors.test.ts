import { tensor } from 'millrace';
import { describe, expect, it } from 'vitest';
import {
  copiedFrom,
  putTogether,
  takeApart,
  viewedIn,
} from '../../dist/loader/engine/workers/detached-tensors.js';

const page = new ArrayBuffer(256);
const elsewhere = tensor(Float32Array.of(7, 8));
const inPage = (start: number, ...values: number[]) => {
  const data = new Int32Array(page, start, values.length);
  data.set(values);
  return tensor(data);
};

describe('a batch that is taken apart', () => {
  const batch = {
    x: inPage(0, 1, 2, 3),
    nested: [inPage(64, 4), { y: inPage(128, 5, 6), kept: elsewhere }],
    text: ['a'],
    date: new Date(0),
  };

  it('has no views of the page any more, and comes together as it was', () => {
    const apart = takeApart(batch, page);
    expect(apart.tensors.map(({ path }) => path.join('.'))).toEqual(['x', 'nested.0', 'nested.1.y']);
    expect(apart.value).toMatchObject({ x: null, nested: [null, { y: null, kept: elsewhere }], text: ['a'] });
    expect(putTogether(structuredClone(apart), viewedIn(page))).toEqual(batch);
    expect(putTogether(takeApart(batch.x, page), viewedIn(page))).toEqual(batch.x);
  });

  it('shares memory where it is lent, and has its own where it is not', () => {
    const viewed = putTogether(takeApart(batch, page), viewedIn(page)) as typeof batch;
    expect(viewed.x.data.buffer).toBe(page);
    const copied = putTogether(takeApart(batch, page), copiedFrom(page)) as typeof batch;
    expect(copied).toEqual(batch);
    expect(copied.x.data.buffer.byteLength).toBe(12);
  });
});
