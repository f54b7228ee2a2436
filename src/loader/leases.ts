import * as v from 'valibot';
import { CapabilityError, ConfigError, LoaderClosedError, LoaderTimeoutError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Delivered } from './engine/delivered.js';
import type { IndexTask } from './order/batch-task.js';
import { type LoaderPosition, positionOf } from './order/loader-position.js';
import { type LoaderParts, type OpenedPass, Pass, passEnded } from './pass.js';

/** Options of `DataLoader.leases`. */
export interface LeaseOptions {
  /** Leases that may be unacknowledged at a time; the next one waits until another is acknowledged. */
  readonly inFlight: number;
}

/** A batch that counts as delivered once it is acknowledged. */
export interface Lease<B> extends Required<LoaderPosition> {
  readonly batch: B;
  /**
   * Counts the batch as delivered, so that states and receipts contain it. A second call has no effect.
   *
   * @throws {@link LoaderClosedError} if the loader was closed or moved since, or the pass has failed: the batch will come again.
   */
  ack(): void;
}

/** Maximum number of acknowledged batches after the first unacknowledged one. A state lists them, so new leases wait. */
const mostAhead = 64;

const schema = v.strictObject({ inFlight: integerFrom(1) });

/** The leases of one pass. */
export class Leases<B> {
  readonly #parts: LoaderParts;
  readonly #limit: number;
  readonly #inFlight = new Set<Delivered>();
  /** The result that the pass took last. */
  #taken: Delivered | undefined;
  #hasEnded = false;
  /** Wakes the pass, which waits for an acknowledgement. */
  #wake: (() => void) | undefined;

  /** @throws {@link ConfigError} if the options are wrong, or the loader lends its batches. */
  constructor(parts: LoaderParts, options: LeaseOptions) {
    this.#limit = parseOptions('DataLoader.leases', schema, options).inFlight;
    this.#parts = parts;
    if (!parts.options.reuseBuffers) return;
    const message = 'lends one batch at a time, but leases keep several: leave it out';
    throw new ConfigError('DataLoader.leases', [{ field: 'reuseBuffers', message }]);
  }

  /** Iterates a pass over the loader. Waits at the end until every lease is acknowledged. */
  async *iterate(open: (pass: object) => Promise<OpenedPass>): AsyncGenerator<Lease<B>, void, undefined> {
    const pass = new Pass<B, false>(this.#parts, (of) => this.#begin(open(of)), this);
    try {
      for (;;) {
        await this.#until(() => this.#hasRoom());
        const step = await pass.next();
        if (step.done) return;
        yield this.#lease(step.value, this.#taken!);
      }
    } finally {
      await pass.return();
    }
  }

  /** The pass has taken a result. One without a batch needs no acknowledgement. */
  hold(delivered: Delivered): void {
    const { progress } = this.#parts;
    if (delivered.result.type === 'batch') {
      this.#inFlight.add(delivered);
      progress.hold(1);
    } else progress.deliver(delivered);
    this.#taken = delivered;
  }

  /** Resolves when all leases are acknowledged. */
  settled(): Promise<void> {
    return this.#until(() => this.#inFlight.size === 0);
  }

  async #begin(opening: Promise<OpenedPass>): Promise<OpenedPass> {
    const opened = await opening;
    const { batchSampler, datasetName: stage } = opened.order;
    if (!batchSampler) {
      throw new CapabilityError(`${stage} is a stream, whose batches are delivered in order`, {
        where: { stage },
        next: 'Leases need a map-style dataset (length and get).',
      });
    }
    this.#parts.progress.whenMoved(() => {
      this.#hasEnded = true;
      this.#wake?.();
    });
    return opened;
  }

  #lease(batch: B, delivered: Delivered): Lease<B> {
    const { epoch, batch: number } = delivered.planned.task as IndexTask;
    const position = positionOf(number, this.#parts.options.gradientAccumulationSteps);
    return { batch, epoch, ...position, ack: () => this.#acknowledge(delivered) };
  }

  #acknowledge(delivered: Delivered): void {
    if (!this.#inFlight.has(delivered)) return;
    if (this.#hasEnded) {
      throw new LoaderClosedError('The lease has ended: the loader was closed or moved, or its pass failed', {
        next: 'Drop the result; the batch comes again.',
      });
    }
    this.#inFlight.delete(delivered);
    this.#parts.progress.hold(-1);
    this.#parts.progress.deliver(delivered);
    this.#wake?.();
  }

  #hasRoom(): boolean {
    return this.#inFlight.size < this.#limit && this.#parts.progress.aheadCount < mostAhead;
  }

  /** Waits until a condition holds, which an acknowledgement may change. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#hasEnded) throw passEnded(this.#parts.progress);
      await this.#acknowledgement();
    }
  }

  #acknowledgement(): Promise<void> {
    const { timeoutMs } = this.#parts.options;
    return new Promise((resolve, reject) => {
      const timer = timeoutMs > 0 ? setTimeout(() => reject(this.#timeout(timeoutMs)), timeoutMs) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #timeout(timeoutMs: number): LoaderTimeoutError {
    const batches = Array.from(this.#inFlight, ({ planned }) => (planned.task as IndexTask).batch);
    return new LoaderTimeoutError(`No lease was acknowledged in ${timeoutMs} ms`, {
      where: {
        epoch: this.#parts.progress.epoch,
        inFlight: this.#inFlight.size,
        batch: Math.min(...batches),
      },
      next: 'Call ack() of each lease once its batch is processed, or raise timeoutMs.',
    });
  }
}
