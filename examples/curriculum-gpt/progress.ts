import cliProgress from 'cli-progress';
import { formatCompact, formatSeconds } from './format.js';

/** Progress of one stage of work. */
export interface ProgressStage {
  /** @param note - Text after the bar: `loss 4.21`. */
  update(done: number, note?: string): void;
  /** Replaces the bar by one line that stays. */
  finish(note: string): void;
}

/** Reports one stage after the other. */
export interface Progress {
  /** @param unit - What `total` counts: `tokens`. */
  stage(title: string, total: number, unit?: string): ProgressStage;
}

/** Shows no progress. */
export const noProgressShown: Progress = { stage: () => ({ update() {}, finish() {} }) };

const titleWidth = 22;

/** Shows a progress bar on a terminal; elsewhere only the line that ends each stage. */
export function showProgress(stream: NodeJS.WriteStream): Progress {
  return {
    stage(title, total, unit) {
      const started = performance.now();
      const bar = new cliProgress.SingleBar({
        stream,
        format: ({ barsize = 40 }, { value, progress, eta }, { note }: { note: string }) => {
          const full = Math.round(progress * barsize);
          const drawn = '█'.repeat(full) + '░'.repeat(barsize - full);
          const counts =
            unit === undefined ? '' : `  ${formatCompact(value)}/${formatCompact(total)} ${unit}`;
          const percent = `${Math.floor(progress * 100)} %`.padStart(5);
          const line = `${title.padEnd(titleWidth)} ${drawn} ${percent}${counts}  ETA ${eta} s  ${note}`;
          return line.slice(0, (stream.columns ?? 80) - 1);
        },
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        // main.ts handles SIGINT: it saves the run first.
        gracefulExit: false,
      });
      bar.start(total, 0, { note: '' });
      return {
        update: (done, note = '') => bar.update(Math.min(done, total), { note }),
        finish(note) {
          bar.stop();
          const elapsed = formatSeconds(performance.now() - started).padStart(9);
          stream.write(`${title.padEnd(titleWidth)}  ${elapsed}  ${note}\n`);
        },
      };
    },
  };
}
