import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressLine } from '../../../dist/cli/terminal/progress-line.js';

const facts = {
  title: 'Training, curriculum',
  done: 1_200_000,
  total: 2_400_000,
  unit: 'tokens',
  elapsedMs: 60_000,
  note: 'waiting 0.1 %, length ≤ 64, loss 4.21',
};

describe('progressLine', () => {
  it('shows bar, share, counts, rate, time left and note on a wide line', () => {
    expect(progressLine(facts, 160)).toBe(
      `Training, curriculum   ${'█'.repeat(20)}${'░'.repeat(20)}  50 %  1.2M/2.4M tokens  20K/s  ETA 1 min 00 s  waiting 0.1 %, length ≤ 64, loss 4.21`,
    );
  });

  it('drops the counts and cuts the note on a narrow line', () => {
    expect(progressLine(facts, 79)).toBe(
      `Training, curriculum   █████░░░░░  50 %  ETA 1 min 00 s  waiting 0.1 %, length…`,
    );
  });

  it('never exceeds the given width', () => {
    const anyFacts = fc.record({
      title: fc.string({ maxLength: 40 }),
      done: fc.nat(),
      total: fc.nat(),
      unit: fc.constantFrom(undefined, 'tokens'),
      elapsedMs: fc.nat(),
      note: fc.string({ maxLength: 80 }),
    });
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 1, max: 250 }), (given, width) => {
        expect(progressLine(given, width).length).toBeLessThanOrEqual(width);
      }),
    );
  });
});
