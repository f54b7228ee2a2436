import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createProgress } from '../../../dist/cli/terminal/progress.js';

/** A recording stream, and a manual clock. */
function surroundings(isTTY: boolean) {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 100 });
  for (const method of ['cursorTo', 'moveCursor', 'clearLine'])
    Object.assign(stream, { [method]: () => true });
  const clock = { ms: 0 };
  const written = () => stripVTControlCharacters(String(stream.read() ?? ''));
  return { stream: stream as unknown as NodeJS.WriteStream, clock, now: () => clock.ms, written };
}

describe('createProgress', () => {
  it('writes nothing with `json`', () => {
    const { stream, written } = surroundings(true);
    const progress = createProgress({ stream, json: true });
    const stage = progress.stage('training', 10);
    stage.update(5);
    stage.finish('done');
    progress.line('text');
    expect(written()).toBe('');
  });

  it('without a terminal, writes at most one line per tenth, and one per three seconds', () => {
    const { stream, clock, now, written } = surroundings(false);
    const stage = createProgress({ stream, now }).stage('training', 100);
    for (let done = 1; done <= 100; done++) {
      clock.ms = done * 200;
      stage.update(done, `loss ${done}`);
    }
    stage.finish('loss 4.2');
    const lines = written().trimEnd().split('\n');
    expect(lines[0]).toBe('training                15 %, 17.0 s left  loss 15');
    expect(lines).toHaveLength(7);
    expect(lines.at(-1)).toBe('training                   20.0 s  loss 4.2');
  });

  it('on a terminal, shows a bar with the time left, and one line for a finished stage', () => {
    const { stream, written } = surroundings(true);
    const stage = createProgress({ stream, environment: {} }).stage('training', 4);
    stage.update(2, 'loss 5.0');
    stage.finish('loss 4.2');
    const text = written();
    expect(text).toMatch(/training .*50 % {2}ETA .*loss 5\.0/);
    expect(text).toMatch(/training +\d+ [µm]s {2}loss 4\.2\n$/);
  });

  it.each([[{ CI: 'true' }], [{ TERM: 'dumb' }]])(
    'writes plain lines on a terminal with %j',
    (environment) => {
      const { stream, now, written } = surroundings(true);
      const stage = createProgress({ stream, now, environment }).stage('training', 4);
      stage.update(2);
      stage.finish();
      expect(written()).toBe(`${'training'.padEnd(22)}  ${'0 ms'.padStart(9)}\n`);
    },
  );

  it('accepts an unknown total', () => {
    const { stream, now, written } = surroundings(false);
    const stage = createProgress({ stream, now }).stage('reading', 0);
    stage.update(5);
    stage.finish();
    expect(written()).toBe(`${'reading'.padEnd(22)}  ${'0 ms'.padStart(9)}\n`);
  });
});
