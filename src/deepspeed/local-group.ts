/** Rounds in which each rank of a group gives a value and gets those of all. */
export class LocalGroup {
  readonly size: number;
  readonly #rounds: Round[] = [];
  /** Rounds that each rank has entered. */
  readonly #entered: number[];
  /** Round of the first element of `#rounds`. */
  #first = 0;
  #failure: Error | undefined;

  constructor(size: number) {
    this.size = size;
    this.#entered = new Array<number>(size).fill(0);
  }

  /** Gives the value of a rank to the next round that it has not entered. @throws what {@link LocalGroup.leave} was called with */
  exchange(rank: number, value: unknown): Promise<unknown[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    const number = this.#entered[rank]! - this.#first;
    this.#entered[rank]! += 1;
    this.#rounds[number] ??= new Round(this.size);
    const round = this.#rounds[number];
    round.add(rank, value);
    while (this.#rounds[0]?.isComplete) {
      this.#rounds.shift();
      this.#first += 1;
    }
    return round.values;
  }

  /** Ends the group: every round that is not complete fails. */
  leave(failure: Error): void {
    this.#failure ??= failure;
    for (const round of this.#rounds.splice(0)) round.fail(this.#failure);
  }
}

class Round {
  readonly values: Promise<unknown[]>;
  readonly #found: unknown[];
  #missing: number;
  #resolve!: (values: unknown[]) => void;
  #reject!: (error: Error) => void;

  constructor(size: number) {
    this.#found = new Array<unknown>(size);
    this.#missing = size;
    this.values = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A rank that has left does not wait for the round.
    this.values.catch(() => undefined);
  }

  get isComplete(): boolean {
    return this.#missing === 0;
  }

  add(rank: number, value: unknown): void {
    this.#found[rank] = value;
    this.#missing -= 1;
    if (this.#missing === 0) this.#resolve([...this.#found]);
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}
