import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import { messageOf } from '../core/thrown.js';
import { warn } from '../core/warn.js';
import type { CountTokens } from './batch-size.js';
import { CsvWriter } from './csv-writer.js';
import type { FigureWriter } from './figure-writer.js';
import type { Observable } from './loader-events.js';
import { RunStatistics } from './run-statistics.js';
import { TensorBoardWriter } from './tensor-board-writer.js';
import { TraceWriter } from './trace-writer.js';

export interface RecordRunOptions {
  /** Trace file with every batch and its stages. Opens in Perfetto and chrome://tracing. @defaultValue none */
  readonly trace?: string;
  /** Folder for a TensorBoard run. @defaultValue none */
  readonly tensorBoard?: string;
  /** CSV file, one line per moment. @defaultValue none */
  readonly csv?: string;
  /** Minimum time between two moments of TensorBoard and CSV, in milliseconds. @defaultValue `1000` */
  readonly everyMs?: number;
  /**
   * Counts the tokens of a batch. @defaultValue the elements of its first integer tensor with at least two dimensions
   */
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
    'must name at least one output: trace, tensorBoard or csv',
  ),
);

/** A recording in progress. */
export interface RunRecording extends Disposable {
  readonly statistics: RunStatistics;
  /** Stops recording and closes the files. */
  close(): void;
}

/**
 * Records a loader until `close()`: as a trace, as TensorBoard scalars, as CSV.
 *
 * ```ts
 * using recording = recordRun(loader, { trace: 'trace.json', csv: 'run.csv' });
 * for await (const batch of loader) train(batch);
 * ```
 *
 * A failed write does not stop training: the file ends there, with one warning.
 *
 * @throws {@link ConfigError} for invalid options; {@link StorageError} if a file cannot be created.
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
  const writes = new FailSafeWrites();
  const unobserve = loader.observe((event) => {
    if (writes.failed) return;
    writes.attempt(() => {
      statistics.receive(event);
      traceWriter?.receive(event);
      if (event.type === 'delivered' && figureTimes.isDue(event.at)) writeFigures();
    });
  });
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    unobserve();
    if (!writes.failed && statistics.totals().batches > 0) writes.attempt(writeFigures);
    for (const writer of [traceWriter, ...writers]) writes.attempt(() => writer?.close());
  };
  return { statistics, close, [Symbol.dispose]: close };
}

/** Decides when the next moment is due. */
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

/** Keeps a failed write from stopping the training: issues one warning and disables the file. */
class FailSafeWrites {
  failed = false;

  attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.failed) {
        const reason = messageOf(error);
        warn({ code: 'MILLRACE_RECORDING', message: `Recording stopped: ${reason}` });
      }
      this.failed = true;
    }
  }
}
