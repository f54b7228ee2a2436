import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import { warn } from '../core/warn.js';
import type { CountTokens } from './batch-size.js';
import { CsvWriter } from './csv-writer.js';
import type { FigureWriter } from './figure-writer.js';
import type { Observable } from './loader-events.js';
import { RunStatistics } from './run-statistics.js';
import { TensorBoardWriter } from './tensor-board-writer.js';
import { TraceWriter } from './trace-writer.js';

export interface RecordRunOptions {
  /** File of the trace: every batch with its stages. Opens in Perfetto and chrome://tracing. @defaultValue none */
  readonly trace?: string;
  /** Folder of the TensorBoard run. @defaultValue none */
  readonly tensorBoard?: string;
  /** File of comma-separated values, a line a moment. @defaultValue none */
  readonly csv?: string;
  /** Milliseconds between two moments of TensorBoard and CSV, at least. @defaultValue `1000` */
  readonly everyMs?: number;
  /** Counts the tokens of a batch. @defaultValue the elements of its first tensor of whole numbers with two or more dimensions */
  readonly countTokens?: CountTokens;
}

const schema = v.pipe(
  v.strictObject({
    trace: v.optional(v.string('must be a path')),
    tensorBoard: v.optional(v.string('must be a path')),
    csv: v.optional(v.string('must be a path')),
    everyMs: v.optional(integerFrom(1), 1_000),
    countTokens: v.optional(
      v.custom<CountTokens>((value) => typeof value === 'function', 'must be a function'),
    ),
  }),
  v.check(
    ({ trace, tensorBoard, csv }) => Boolean(trace ?? tensorBoard ?? csv),
    'must name something to write: trace, tensorBoard or csv',
  ),
);

/** A run that is written down. */
export interface RunRecording extends Disposable {
  readonly statistics: RunStatistics;
  /** Ends the listening and the files. */
  close(): void;
}

/**
 * Writes down what a loader does until `close()`: as a trace, as TensorBoard scalars, as CSV.
 *
 * ```ts
 * using recording = recordRun(loader, { trace: 'trace.json', csv: 'run.csv' });
 * for await (const batch of loader) train(batch);
 * ```
 *
 * A disk that refuses does not stop the training: the file ends there, with one warning.
 *
 * @throws {@link ConfigError} for wrong options; {@link StorageError} when a file cannot be made.
 */
export function recordRun(loader: Observable, options: RecordRunOptions): RunRecording {
  const { trace, tensorBoard, csv, everyMs, countTokens } = parseOptions(
    'recordRun options',
    schema,
    options,
  );
  const statistics = new RunStatistics({ countTokens });
  const traceWriter = trace === undefined ? undefined : new TraceWriter(trace);
  const writers: FigureWriter[] = [];
  if (tensorBoard !== undefined) writers.push(new TensorBoardWriter(tensorBoard));
  if (csv !== undefined) writers.push(new CsvWriter(csv));
  const read = statistics.reader();
  const writeFigures = (): void => {
    const figures = read();
    for (const writer of writers) writer.write(figures);
  };
  const figureTimes = new MomentTimer(everyMs);
  const disk = new PatientDisk();
  const unobserve = loader.observe((event) => {
    if (disk.refused) return;
    disk.attempt(() => {
      statistics.listen(event);
      traceWriter?.listen(event);
      if (event.type === 'delivered' && figureTimes.isDue(event.at)) writeFigures();
    });
  });
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    unobserve();
    if (!disk.refused && statistics.totals().batches > 0) disk.attempt(writeFigures);
    for (const writer of [traceWriter, ...writers]) disk.attempt(() => writer?.close());
  };
  return { statistics, close, [Symbol.dispose]: close };
}

/** Says when the next moment has come. */
class MomentTimer {
  readonly #everyMs: number;
  #last: number | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  isDue(at: number): boolean {
    this.#last ??= at;
    if (at - this.#last < this.#everyMs) return false;
    this.#last = at;
    return true;
  }
}

/** Has a disk that refuses not stop the training: the first failure is a warning. */
class PatientDisk {
  refused = false;

  attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.refused) {
        const reason = error instanceof Error ? error.message : String(error);
        warn({ code: 'MILLRACE_RECORDING', message: `The run is not written down any more: ${reason}` });
      }
      this.refused = true;
    }
  }
}
