import type { ConversionProgress } from '../../convert/convert-options.js';
import { formatCount } from '../../web/kit/numbers.js';
import type { Progress, ProgressStage } from '../terminal/progress.js';
import { type ClusterFlags, stoppedText } from './cluster-flags.js';

const phases = { converting: 'Converting', merging: 'Joining parts' } as const;

/**
 * Shows the progress of a conversion while it runs, and what to do after Ctrl-C.
 *
 * @param title - Title of the phase that makes parts. @defaultValue `Converting`
 * @param noteOf - Text after the bar. @defaultValue samples per second of this run
 */
export async function whileShown<Result>(
  progress: Progress,
  flags: ClusterFlags,
  run: (onProgress: (progress: ConversionProgress) => void) => Promise<Result>,
  resultNote: (result: Result) => string,
  {
    title = phases.converting as string,
    noteOf,
  }: { title?: string; noteOf?: (at: ConversionProgress) => string } = {},
): Promise<Result> {
  let stage: { readonly phase: keyof typeof phases; readonly shown: ProgressStage } | undefined;
  const started = performance.now();
  let first: number | undefined;
  const rateOf = ({ done }: ConversionProgress): string =>
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
        stage = { phase, shown: progress.stage(phase === 'converting' ? title : phases[phase], total) };
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
