/** Random numbers of a schedule: the same seed gives the same ones (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in `[0, 1)`. */
  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform in `low … high`. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const realTurn = setImmediate;
const realTimer = setTimeout;

/**
 * Time that passes from event to event. Between two events everything that can run does; nothing else happens by itself, so that a
 * schedule is a function of its seed.
 */
export class VirtualClock {
  now = 0;
  readonly trace: string[] = [];
  /** Things under way that take real turns of the event loop: a program that imports its modules. */
  pending = 0;
  #events: Event[] = [];
  #order = 0;

  /** Runs something later. @returns how to have it not run */
  schedule(delay: number, run: () => void): () => void {
    const event = { at: this.now + delay, order: this.#order++, run };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  sleep(delay: number): Promise<void> {
    return new Promise((resolve) => this.schedule(delay, resolve));
  }

  /** Lets time pass until a promise is settled. @throws when it never will be: the scheduler hangs */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    const isDone = (): boolean => settled;
    for (;;) {
      await this.#quiet();
      if (settled) return promise;
      const next = this.#takeNext() ?? (await this.#patiently(isDone));
      if (!next) throw new Error(`Nothing happens any more at ${this.now} ms: the scheduler hangs`);
      this.now = next.at;
      next.run();
    }
  }

  /** Runs something with the clocks of the platform replaced by this one. */
  async govern<T>(run: () => Promise<T>): Promise<T> {
    const { setTimeout: realTimeout, clearTimeout: realClear } = globalThis;
    const realNow = performance.now;
    const cancels = new Map<unknown, () => void>();
    const timeout = (callback: () => void, delay = 0): object => {
      const timer = { unref() {}, ref() {} };
      cancels.set(timer, this.schedule(delay, callback));
      return timer;
    };
    Object.assign(globalThis, {
      setTimeout: timeout,
      clearTimeout: (timer: unknown) => cancels.get(timer)?.(),
    });
    performance.now = () => this.now;
    try {
      return await run();
    } finally {
      Object.assign(globalThis, { setTimeout: realTimeout, clearTimeout: realClear });
      performance.now = realNow;
    }
  }

  async #quiet(): Promise<void> {
    do await new Promise((resolve) => realTurn(resolve));
    while (this.pending > 0);
    await new Promise((resolve) => realTurn(resolve));
  }

  /** A module that is imported for the first time takes real time, which no schedule depends on. */
  async #patiently(isDone: () => boolean): Promise<Event | undefined> {
    for (let turn = 0; turn < 200; turn++) {
      await new Promise((resolve) => realTimer(resolve, 1));
      const next = this.#takeNext();
      if (next) return next;
      if (isDone()) return { at: this.now, order: 0, run: () => {} };
    }
    return undefined;
  }

  #takeNext(): Event | undefined {
    let first: Event | undefined;
    for (const event of this.#events)
      if (!first || event.at < first.at || (event.at === first.at && event.order < first.order))
        first = event;
    if (first) this.#events = this.#events.filter((event) => event !== first);
    return first;
  }
}
