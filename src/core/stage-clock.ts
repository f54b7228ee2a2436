// Measures the stages of making a batch. The clock is kept by the thread, because a worker's program is a bundle with
// its own copy of this module, next to the one that a user's dataset imports.

/** A stage of making a batch, besides the dataset's own work. */
export type TimedStage = 'storage' | 'transform' | 'collate';

/** Milliseconds of each stage. The rest of the batch's time is the dataset's own: decoding. */
export type StageTimes = Readonly<Record<TimedStage, number>>;

/**
 * Adds up the time of stages that may overlap. Each moment counts for one stage, in the precedence collate,
 * transform, storage, so the times of a batch never add up to more than its duration. A moment counts as storage if
 * any read is in progress.
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

/** The clock of the batch that this thread is making; `undefined` while timing is off. */
export function stageClock(): StageClock | undefined {
  return place[clockKey];
}

export function setStageClock(clock: StageClock | undefined): void {
  place[clockKey] = clock;
}

/** Waits for a read, and counts the time as storage. */
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

/** Reads synchronously, and counts the time as storage. */
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
