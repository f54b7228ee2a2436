import cliProgress from 'cli-progress';
import { formatDuration } from './duration.js';

/** Where progress goes and how. */
export interface ProgressOptions {
  /** Usually `process.stderr`, so that what is asked for can be piped. */
  readonly stream: NodeJS.WriteStream;
  /** Writes nothing at all. @defaultValue `false` */
  readonly json?: boolean;
  /** Milliseconds since some start. @defaultValue `performance.now` */
  readonly now?: () => number;
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
  /** Begins a stage. @param total - What `done` counts up to; 0 when it is not known. */
  stage(title: string, total: number): ProgressStage;
  /** A line of its own. */
  line(text: string): void;
}

const titleWidth = 22;
const plainIntervalMs = 3_000;
const plainStep = 0.1;

/** Bars with the time left on a terminal, lines elsewhere (each tenth, at most one in three seconds), nothing with `json`. */
export function createProgress({
  stream,
  json = false,
  now = () => performance.now(),
}: ProgressOptions): Progress {
  if (json) return { stage: () => ({ update() {}, finish() {} }), line() {} };
  const line = (text: string): void => void stream.write(`${text}\n`);
  const stage = (title: string, total: number): ProgressStage =>
    stream.isTTY ? barStage(stream, title, total, now) : plainStage(line, title, total, now);
  return { stage, line };
}

function barStage(
  stream: NodeJS.WriteStream,
  title: string,
  total: number,
  now: () => number,
): ProgressStage {
  const started = now();
  const bar = new cliProgress.SingleBar(
    {
      stream,
      format: `${title.padEnd(titleWidth)} {bar} {percentage} %  ETA {eta_formatted}  {note}`,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      // SIGINT belongs to the command, which saves its state first.
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(Math.max(1, total), 0, { note: '' });
  return {
    update: (done, note = '') => bar.update(Math.min(done, Math.max(1, total)), { note }),
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
        [title.padEnd(titleWidth), `${Math.floor(share * 100)} %, ${left} left`, note]
          .filter(Boolean)
          .join('  '),
      );
    },
    finish: (note) => line(finishedLine(title, note, now() - started)),
  };
}

function finishedLine(title: string, note: string | undefined, durationMs: number): string {
  return [title.padEnd(titleWidth), formatDuration(durationMs).padStart(9), note].filter(Boolean).join('  ');
}
