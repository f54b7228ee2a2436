// Where the time of making a batch goes. Kept by the thread: the program of a worker is one file with a copy of this module, beside the
// one that a user's dataset imports.

/** What a thread may be at while it makes a batch, besides what the dataset does itself. */
export type TimedStage = 'storage' | 'transform' | 'collate';

/** Milliseconds of each stage. What is left of the batch's time is the dataset's: decoding. */
export type StageTimes = Readonly<Record<TimedStage, number>>;

/**
 * Adds up the time of stages that may overlap: a moment counts for the last of collate, transform and storage that is under way, so that
 * the times of a batch never add up to more than it took. A moment of storage is one in which some read is under way.
 */
export class StageClock {
  readonly #underWay = { storage: 0, transform: 0, collate: 0 };
  readonly #times = { storage: 0, transform: 0, collate: 0 };
  #last = 0;

  enter(stage: TimedStage): void {
    this.#count();
    this.#underWay[stage] += 1;
  }

  leave(stage: TimedStage): void {
    this.#count();
    this.#underWay[stage] -= 1;
  }

  get times(): StageTimes {
    this.#count();
    return { ...this.#times };
  }

  #count(): void {
    const now = performance.now();
    const { storage, transform, collate } = this.#underWay;
    if (collate > 0) this.#times.collate += now - this.#last;
    else if (transform > 0) this.#times.transform += now - this.#last;
    else if (storage > 0) this.#times.storage += now - this.#last;
    this.#last = now;
  }
}

const clockKey: unique symbol = Symbol.for('millrace.stageClock');
const place = globalThis as { [clockKey]?: StageClock | undefined };

/** The clock of the batch that this thread is making; undefined while stage timing is off. */
export function stageClock(): StageClock | undefined {
  return place[clockKey];
}

export function setStageClock(clock: StageClock | undefined): void {
  place[clockKey] = clock;
}

/** Waits for a read, as time of storage. */
export function timeRead<T>(read: () => Promise<T>): Promise<T> {
  const clock = stageClock();
  return clock ? timed(clock, read) : read();
}

async function timed<T>(clock: StageClock, read: () => Promise<T>): Promise<T> {
  clock.enter('storage');
  try {
    return await read();
  } finally {
    clock.leave('storage');
  }
}

/** Reads at once, as time of storage. */
export function timeReadSync<T>(read: () => T): T {
  const clock = stageClock();
  if (!clock) return read();
  clock.enter('storage');
  try {
    return read();
  } finally {
    clock.leave('storage');
  }
}
