import { visibleText } from '../../core/visible-text.js';
import { formatDuration } from '../../web/kit/numbers.js';
import { progressLine, titleWidth } from './progress-line.js';

/** Options of {@link createProgress}. */
export interface ProgressOptions {
  /** Usually `process.stderr`, so that the output can be piped. */
  readonly stream: NodeJS.WriteStream;
  /** Writes nothing. @defaultValue `false` */
  readonly json?: boolean;
  /** Clock, in milliseconds. @defaultValue `performance.now` */
  readonly now?: () => number;
  /** Environment variables. @defaultValue `process.env` */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Progress of one stage of work. */
export interface ProgressStage {
  /**
   * @param note - Text after the bar: `seqlen, 12,000 samples/s`.
   */
  update(done: number, note?: string): void;
  /** Ends the stage: replaces the bar by one line that stays. */
  finish(note?: string): void;
}

/** Reports one stage after the other. */
export interface Progress {
  /**
   * Begins a stage.
   *
   * @param total - Final value of `done`; 0 if unknown.
   * @param unit - What `done` counts, if the numbers should be shown: `tokens`.
   */
  stage(title: string, total: number, unit?: string): ProgressStage;
  /** Writes a line of text. */
  line(text: string): void;
}

const redrawIntervalMs = 100;
const plainIntervalMs = 3_000;
const plainStep = 0.1;

let isQuiet = false;

/** Turns progress off for the process: `--quiet`. */
export function silenceProgress(): void {
  isQuiet = true;
}

/**
 * On a terminal, draws a bar with the time left. Elsewhere, in CI and on a dumb terminal, writes a line after each tenth, at
 * most one in three seconds. With `json` or `--quiet`, writes nothing.
 */
export function createProgress({
  stream,
  json = false,
  now = () => performance.now(),
  environment = process.env,
}: ProgressOptions): Progress {
  if (json || isQuiet) return { stage: () => ({ update() {}, finish() {} }), line() {} };
  const line = (text: string): void => void stream.write(`${text}\n`);
  const isPlain = !stream.isTTY || (environment.CI ?? '') !== '' || environment.TERM === 'dumb';
  const stage = (title: string, total: number, unit?: string): ProgressStage =>
    isPlain ? plainStage(line, title, total, now) : barStage(stream, { title, total, unit }, now);
  return { stage, line };
}

function barStage(
  stream: NodeJS.WriteStream,
  {
    title,
    total,
    unit,
  }: { readonly title: string; readonly total: number; readonly unit: string | undefined },
  now: () => number,
): ProgressStage {
  const started = now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  const draw = (done: number, note: string): void => {
    stream.cursorTo(0);
    const facts = { title, done, total, unit, elapsedMs: now() - started, note: visibleText(note) };
    stream.write(progressLine(facts, (stream.columns ?? 80) - 1));
    stream.clearLine(1);
  };
  draw(0, '');
  return {
    update(done, note = '') {
      if (now() - drawnAt < redrawIntervalMs) return;
      drawnAt = now();
      draw(done, note);
    },
    finish(note) {
      stream.cursorTo(0);
      stream.clearLine(1);
      stream.write(`${finishedLine(title, note, now() - started)}
`);
    },
  };
}

function plainStage(
  line: (text: string) => void,
  title: string,
  total: number,
  now: () => number,
): ProgressStage {
  const started = now();
  let writtenAt = started;
  let writtenShare = 0;
  return {
    update(done, note) {
      const share = total > 0 ? done / total : 0;
      if (now() - writtenAt < plainIntervalMs || share - writtenShare < plainStep || share >= 1) return;
      writtenAt = now();
      writtenShare = share;
      const left = formatDuration(((now() - started) * (1 - share)) / share);
      line(
        [title.padEnd(titleWidth), `${Math.floor(share * 100)} %, ${left} left`, note ?? '']
          .filter(Boolean)
          .map(visibleText)
          .join('  '),
      );
    },
    finish: (note) => line(finishedLine(title, note, now() - started)),
  };
}

function finishedLine(title: string, note: string | undefined, durationMs: number): string {
  const parts = [title.padEnd(titleWidth), formatDuration(durationMs).padStart(9), note ?? ''];
  return parts.filter(Boolean).map(visibleText).join('  ');
}
