import { describe, expect, it } from 'vitest';
import { TaskStarts } from '../../dist/loader/engine/workers/task-starts.js';

describe('the beginnings of tasks', () => {
  it('are visible to every thread that shares the memory', () => {
    const here = new TaskStarts();
    const there = new TaskStarts(here.buffer);
    for (let id = 0; id < 100; id++) there.note(id, 1e12 + id / 8);
    for (let id = 0; id < 100; id++) expect(here.of(id, 100)).toBe(1e12 + id / 8);
  });

  it('are never those of a later task, however far a worker is ahead', () => {
    const starts = new TaskStarts();
    for (let id = 0; id < 5_000; id++) starts.note(id, 1e12 + id);
    const known = Array.from({ length: 5_000 }, (_, id) => starts.of(id, 5_000));
    expect(known.filter((moment, id) => moment !== undefined && moment !== 1e12 + id)).toEqual([]);
    expect(known.slice(0, 3_000).every((moment) => moment === undefined)).toBe(true);
    expect(known.slice(-1_000).every((moment) => moment !== undefined)).toBe(true);
  });

  it('are unknown if they were not recorded', () => {
    expect(new TaskStarts().of(3, 4)).toBeUndefined();
  });
});
