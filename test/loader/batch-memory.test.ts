import { expect, it } from 'vitest';
import { LentMemory, OwnedMemory } from '../../dist/loader/batch/batch-memory.js';

it('a batch that is being made while others are sent off keeps its small tensors', () => {
  const memory = new OwnedMemory();
  const make = (value: number) => memory.allocate('int32', [4]).data.fill(value);
  memory.begin();
  make(1);
  memory.end();
  memory.begin();
  // It has its memory, and waits for its data.
  const waiting = memory.allocate('int32', [4]).data;
  expect(new Int32Array(memory.turnPage()!).slice(0, 4)).toEqual(new Int32Array([1, 1, 1, 1]));
  const later = make(3);
  waiting.fill(2);
  memory.end();
  const page = memory.turnPage()!;
  for (const [own, value] of [
    [waiting, 2],
    [later, 3],
  ] as const)
    expect(new Int32Array(page, own.byteOffset, 4)).toEqual(new Int32Array(4).fill(value));
  // Between batches a page begins anew.
  memory.begin();
  expect(make(4).byteOffset).toBe(0);
});

it('a slot that was too small grows to a quarter more than its batch needed', () => {
  const memory = new LentMemory();
  const overflowed = (bytes: number) => {
    memory.begin();
    memory.allocate('uint8', [bytes]);
    const batch = memory.end();
    memory.release(batch.slot!);
    return batch.overflowed;
  };
  // The first batch sets the size; the second has it.
  expect([1_024, 1_024].map(overflowed)).toEqual([false, false]);
  expect([2_048, 2_560].map(overflowed)).toEqual([true, false]);
  expect(overflowed(2_561)).toBe(true);
});
