import { formatCount } from '../../web/kit/numbers.js';
import type { Progress, ProgressStage } from '../terminal/progress.js';
import { type ClusterFlags, stoppedText } from './cluster-flags.js';

const phases = {
  measuring: 'Measuring',
  converting: 'Converting',
  merging: 'Joining parts',
} as const;

/** Progress of long work. */
interface WorkProgress {
  readonly phase: keyof typeof phases;
  readonly done: number;
  readonly total: number;
}

/**
 * Shows the progress of long work while it runs, and what to do after Ctrl-C.
 *
 * @param title - Title of the phase that makes parts. @defaultValue `Converting`, or `Measuring`
 * @param noteOf - Text after the bar. @defaultValue samples per second of this run
 */
export async function whileShown<Result, At extends WorkProgress>(
  progress: Progress,
  flags: ClusterFlags,
  run: (onProgress: (progress: At) => void) => Promise<Result>,
  resultNote: (result: Result) => string,
  { title, noteOf }: { title?: string; noteOf?: (at: At) => string } = {},
): Promise<Result> {
  let stage: { readonly phase: keyof typeof phases; readonly shown: ProgressStage } | undefined;
  const started = performance.now();
  let first: number | undefined;
  const rateOf = ({ done }: At): string =>
    `${formatCount(((done - (first ?? 0)) / (performance.now() - started)) * 1_000)} samples/s`;
  const interrupted = (): void => {
    stage?.shown.finish('stopped');
    process.stderr.write(stoppedText(flags));
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  try {
    const result = await run((at) => {
      const { phase, done, total } = at;
      first ??= done;
      if (stage?.phase !== phase) {
        stage?.shown.finish();
        stage = {
          phase,
          shown: progress.stage((phase === 'converting' ? title : undefined) ?? phases[phase], total),
        };
      }
      stage.shown.update(done, (noteOf ?? rateOf)(at));
    });
    stage?.shown.finish(resultNote(result));
    return result;
  } catch (error) {
    stage?.shown.finish('failed');
    throw error;
  } finally {
    process.off('SIGINT', interrupted);
  }
}
