import type { SampleContext, SamplePart, SampleRandom } from '../core/dataset.js';
import { expandKey } from './order-key.js';
import { type PhiloxKey, PhiloxStream, philox4x32 } from './philox.js';
import { StreamRandom } from './stream-random.js';

/** The draw that a sample belongs to. */
export interface DrawnAt {
  readonly epoch: number;
  readonly seed: number;
  readonly worker: number | null;
  /**
   * Position of the sample in the epoch's order over all ranks, or another number that is unique within the epoch.
   */
  readonly position: number;
  /** Complete passes over the dataset in this epoch before this draw. @defaultValue `0` */
  readonly pass?: number;
  /** The global batch of the run that the sample belongs to, from 0. @defaultValue none: the sample is read outside of a run */
  readonly globalStep?: number | undefined;
}

/** Domain separators for derived keys. */
const forPart = 1;
const forDraw = 2;

/**
 * The context of one draw of a sample, and of the parts of a sample. Its random numbers depend on seed, epoch,
 * position, index and the path of part names, and on nothing else. The generator is created at the first draw,
 * because most samples never draw.
 */
export class DrawContext implements SampleContext {
  readonly index: number;
  readonly epoch: number;
  readonly seed: number;
  readonly worker: number | null;
  /** Position of the draw in the epoch's order over all ranks. */
  readonly position: number;
  /** Complete passes over the dataset in this epoch before this draw. */
  readonly pass: number;
  /** The global step, if the sample is made for one. */
  readonly globalStep: number | undefined;
  /** Key of this part's streams; for a whole sample, the seed. */
  #key: PhiloxKey | undefined;
  #rng: SampleRandom | undefined;

  constructor(index: number, at: DrawnAt, key?: PhiloxKey) {
    this.index = index;
    this.epoch = at.epoch;
    this.seed = at.seed;
    this.worker = at.worker;
    this.position = at.position;
    this.pass = at.pass ?? 0;
    this.globalStep = at.globalStep;
    this.#key = key;
  }

  get rng(): SampleRandom {
    this.#rng ??= new StreamRandom(
      // No two draws of a run share epoch and position, so their streams never overlap, whatever their keys.
      new PhiloxStream(derived(this.#keyOf(), this.index, forDraw)).start(this.position, this.epoch),
    );
    return this.#rng;
  }

  part(
    name: string | number,
    { index = this.index, epoch = this.epoch, shared = false }: SamplePart = {},
  ): DrawContext {
    const { seed, worker, pass, globalStep } = this;
    const at = { epoch, seed, worker, position: shared ? pass : this.position, pass, globalStep };
    return new DrawContext(index, at, partKey(this.#keyOf(), name));
  }

  /** Made when the sample first draws, because most samples never do. */
  #keyOf(): PhiloxKey {
    this.#key ??= [this.seed >>> 0, Math.floor(this.seed * 2 ** -32)];
    return this.#key;
  }

  /** The same draw with a fresh generator, for a retry. */
  again(): DrawContext {
    return new DrawContext(this.index, this, this.#key);
  }
}

/**
 * A sample context for calling `dataset.get` without a loader: in a test, or to read a data set once.
 *
 * @param at - The draw. @defaultValue epoch 0, seed 0, the index as position
 */
export function sampleContext(index: number, at: Partial<DrawnAt> = {}): SampleContext {
  return new DrawContext(index, { epoch: 0, seed: 0, worker: null, position: index, ...at });
}

function partKey(key: PhiloxKey, name: string | number): PhiloxKey {
  const [low, high] = expandKey(name, 2);
  const block = [0, 0, 0, 0];
  philox4x32(key, [low!, high!, forPart, 0], block);
  return [block[0]!, block[1]!];
}

function derived(key: PhiloxKey, index: number, purpose: number): PhiloxKey {
  const block = [0, 0, 0, 0];
  philox4x32(key, [index >>> 0, Math.floor(index * 2 ** -32), purpose, 0], block);
  return [block[0]!, block[1]!];
}
