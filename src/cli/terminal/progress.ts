import cliProgress from 'cli-progress';
import { visibleText } from '../../core/visible-text.js';
import { formatDuration } from './duration.js';
import { progressLine, titleWidth } from './progress-line.js';

/** Where progress goes and how. */
export interface ProgressOptions {
  /** Usually `process.stderr`, so that what is asked for can be piped. */
  readonly stream: NodeJS.WriteStream;
  /** Writes nothing at all. @defaultValue `false` */
  readonly json?: boolean;
  /** Milliseconds since some start. @defaultValue `performance.now` */
  readonly now?: () => number;
  /** Environment variables. @defaultValue `process.env` */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** The progress of one stage of work. */
export interface ProgressStage {
  /**
   * @param done - How much of the total is done.
   * @param note - What to say beside it: `loss 4.21`.
   */
  update(done: number, note?: string): void;
  /** Ends the stage. Without it a bar would stay on the screen. */
  finish(note?: string): void;
}

/** Shows progress, one stage after the other. */
export interface Progress {
  /**
   * Begins a stage.
   *
   * @param total - What `done` counts up to; 0 when it is not known.
   * @param unit - What is counted, where the numbers mean something: `tokens`.
   */
  stage(title: string, total: number, unit?: string): ProgressStage;
  /** A line of its own. */
  line(text: string): void;
}

const plainIntervalMs = 3_000;
const plainStep = 0.1;

let isQuiet = false;

/** No progress from here on, whatever is asked for: `--quiet`. */
export function silenceProgress(): void {
  isQuiet = true;
}

/**
 * Bars with the time left on a terminal; lines elsewhere, in CI and on a terminal that cannot move its cursor (each tenth, at most one in
 * three seconds); nothing with `json` and `--quiet`.
 */
export function createProgress({
  stream,
  json = false,
  now = () => performance.now(),
  environment = process.env,
}: ProgressOptions): Progress {
  if (json || isQuiet) return { stage: () => ({ update() {}, finish() {} }), line() {} };
  const line = (text: string): void => void stream.write(`${text}\n`);
  const isCalm = !stream.isTTY || (environment.CI ?? '') !== '' || environment.TERM === 'dumb';
  const stage = (title: string, total: number, unit?: string): ProgressStage =>
    isCalm ? plainStage(line, title, total, now) : barStage(stream, { title, total, unit }, now);
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
  let done = 0;
  const bar = new cliProgress.SingleBar({
    stream,
    format: (_options, _params, { note }: { note: string }) =>
      progressLine(
        { title, done, total, unit, elapsedMs: now() - started, note },
        (stream.columns ?? 80) - 1,
      ),
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    // SIGINT belongs to the command, which saves its state first.
    gracefulExit: false,
  });
  bar.start(Math.max(1, total), 0, { note: '' });
  return {
    update(count, note = '') {
      done = count;
      bar.update(Math.min(count, Math.max(1, total)), { note: visibleText(note) });
    },
    finish(note) {
      bar.stop();
      stream.write(`${finishedLine(title, note, now() - started)}\n`);
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
  let saidAt = started;
  let saidShare = 0;
  return {
    update(done, note) {
      const share = total > 0 ? done / total : 0;
      if (now() - saidAt < plainIntervalMs || share - saidShare < plainStep || share >= 1) return;
      saidAt = now();
      saidShare = share;
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
