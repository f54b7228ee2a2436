import * as v from 'valibot';
import { getAccelerator } from '../accelerator/get-accelerator.js';
import { ParityError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { hostMemory } from './host-memory.js';

export interface ThroughputTimerOptions {
  /** If false, starting and stopping do nothing. @defaultValue `true` */
  readonly enabled?: boolean;
  /** Whether to wait for the device before reading the clock: exact, at some cost in speed. @defaultValue `true` */
  readonly synchronized?: boolean;
  /** Samples per global step, over all ranks. @defaultValue `1` */
  readonly batchSize?: number;
  /** Global steps that are not measured, as warm-up. @defaultValue `2` */
  readonly startStep?: number;
  /** Global steps between reports, or `null` for none. @defaultValue `null` */
  readonly stepsPerOutput?: number | null;
  /** Whether a second line reports the memory of the host: the shares of memory and swap in use. @defaultValue `false` */
  readonly monitorMemory?: boolean;
  /** Receives the reports. @defaultValue `console.log` */
  readonly log?: (line: string) => void;
  /** A monotonic clock, in milliseconds. @defaultValue `performance.now` */
  readonly now?: () => number;
  /** Waits for the device. @defaultValue the accelerator's `synchronize` */
  readonly synchronize?: () => void;
  /**
   * Whether to follow DeepSpeed where it divides by zero: −∞ before the first global step, then an error.
   * @defaultValue `false`
   */
  readonly parity?: boolean;
}

const functionOption = <F>() => v.custom<F>((value) => typeof value === 'function', 'must be a function');

const schema = v.strictObject({
  enabled: v.optional(booleanOption, true),
  synchronized: v.optional(booleanOption, true),
  batchSize: v.optional(integerFrom(1), 1),
  startStep: v.optional(integerFrom(0), 2),
  stepsPerOutput: v.optional(v.nullable(integerFrom(1)), null),
  monitorMemory: v.optional(booleanOption, false),
  log: v.optional(functionOption<(line: string) => void>()),
  now: v.optional(functionOption<() => number>()),
  synchronize: v.optional(functionOption<() => void>()),
  parity: v.optional(booleanOption, false),
});

/**
 * Measures samples per second over the steps of a training run: call `start()` before a micro-step, `stop()` after
 * it.
 *
 * The first `startStep` global steps are excluded, and so is the time between a `stop()` and the next `start()`.
 * DeepSpeed's `ThroughputTimer`, on a monotonic clock.
 */
export class ThroughputTimer {
  readonly #options: v.InferOutput<typeof schema>;
  readonly #now: () => number;
  readonly #synchronize: () => void;
  #startedAtMs: number | undefined;
  #running = false;
  #totalMs = 0;
  #stepMs = 0;
  #epochCount = 0;
  #microStepCount = 0;
  #globalStepCount = 0;

  /** @throws {@link ConfigError} naming an option that is unknown or out of range. */
  constructor(options: ThroughputTimerOptions = {}) {
    this.#options = parseOptions('ThroughputTimer options', schema, options);
    this.#now = this.#options.now ?? (() => performance.now());
    this.#synchronize = this.#options.synchronize ?? (() => void getAccelerator().synchronize());
  }

  /** Epochs that {@link updateEpochCount} has counted. */
  get epochCount(): number {
    return this.#epochCount;
  }

  /** Micro-steps stopped in this epoch. */
  get microStepCount(): number {
    return this.#microStepCount;
  }

  /** Global steps stopped so far. */
  get globalStepCount(): number {
    return this.#globalStepCount;
  }

  /** Time measured so far, in milliseconds. */
  get totalElapsedMs(): number {
    return this.#totalMs;
  }

  /** Ends an epoch: micro-steps count from 0 again. */
  updateEpochCount(): void {
    this.#epochCount += 1;
    this.#microStepCount = 0;
  }

  /** Starts measuring a micro-step. */
  start(): void {
    if (!this.#options.enabled) return;
    this.#running = true;
    if (this.#globalStepCount < this.#options.startStep) return;
    if (this.#options.synchronized) this.#synchronize();
    this.#startedAtMs = this.#now();
  }

  /**
   * Ends a micro-step. Does nothing without a `start()` before it.
   *
   * @param options.globalStep - Whether this micro-step ends a global step. @defaultValue `false`
   * @param options.reportSpeed - Whether a report may be written; set it on one rank only. @defaultValue `true`
   */
  stop({
    globalStep = false,
    reportSpeed = true,
  }: {
    globalStep?: boolean;
    reportSpeed?: boolean;
  } = {}): void {
    if (!this.#options.enabled || !this.#running) return;
    this.#running = false;
    this.#microStepCount += 1;
    if (globalStep) this.#globalStepCount += 1;
    if (this.#startedAtMs === undefined) return;
    this.#measure(this.#startedAtMs);
    if (!globalStep) return;
    if (reportSpeed && this.#reportIsDue()) this.#writeReport();
    this.#stepMs = 0;
  }

  /**
   * Samples per second over all measured steps, or `null` before the first one.
   *
   * @throws {@link ParityError} with `parity`, where DeepSpeed divides by zero.
   */
  averageSamplesPerSecond(): number | null {
    const { batchSize, startStep, parity } = this.#options;
    const measuredSteps = this.#globalStepCount - startStep;
    if (measuredSteps > 0 && this.#totalMs > 0) return batchSize / (this.#totalMs / 1000 / measuredSteps);
    if (!parity) return null;
    if (this.#globalStepCount === 0) return Number.NEGATIVE_INFINITY;
    throw new ParityError('No step has been measured yet', {
      where: { original: 'ZeroDivisionError', globalStep: this.#globalStepCount, startStep },
      next: 'Call it later, or turn parity off to get null.',
    });
  }

  /** Samples per second of the current global step, or `null` if no time has been measured in it. */
  currentSamplesPerSecond(): number | null {
    // DeepSpeed adds a microsecond to keep the division finite, which would distort a fast step.
    const seconds = this.#stepMs / 1000 + (this.#options.parity ? 1e-6 : 0);
    return seconds > 0 ? this.#options.batchSize / seconds : null;
  }

  /** The text of a report. */
  report(): string {
    const device = getAccelerator();
    return (
      `${this.#place()}, RunningAvgSamplesPerSec=${this.averageSamplesPerSecond()}, ` +
      `CurrSamplesPerSec=${this.currentSamplesPerSecond()}, MemAllocated=${gibibytes(device.memoryAllocated())}GB, ` +
      `MaxMemAllocated=${gibibytes(device.maxMemoryAllocated())}GB`
    );
  }

  #place(): string {
    return `epoch=${this.#epochCount}/micro_step=${this.#microStepCount}/global_step=${this.#globalStepCount}`;
  }

  #writeReport(): void {
    const log = this.#options.log ?? console.log;
    log(this.report());
    if (!this.#options.monitorMemory) return;
    const { memory, swap } = hostMemory();
    log(`${this.#place()}, vm %: ${memory}, swap %: ${swap ?? 'unknown'}`);
  }

  #measure(startedAtMs: number): void {
    if (this.#options.synchronized) this.#synchronize();
    const elapsedMs = this.#now() - startedAtMs;
    this.#totalMs += elapsedMs;
    this.#stepMs += elapsedMs;
  }

  #reportIsDue(): boolean {
    const { stepsPerOutput } = this.#options;
    return stepsPerOutput !== null && this.#globalStepCount % stepsPerOutput === 0;
  }
}

function gibibytes(bytes: number): number {
  return Math.round((bytes / 2 ** 30) * 100) / 100;
}
