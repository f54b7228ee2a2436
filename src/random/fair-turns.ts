/**
 * Takes turns by weight, one at a time: after n turns, each part has had its exact share of n, to within less than one turn. O(parts) a turn.
 *
 * R. Tijdeman, The chairman assignment problem (Discrete Mathematics 32, 1980): among the parts that would not be ahead, the one whose turn
 * is due first.
 */
export class FairTurns {
  /** Turns of each part so far. */
  readonly counts: number[];
  readonly #shares: readonly number[];
  /** How far a part may fall behind. */
  readonly #slack: number;
  #turns: number;

  /**
   * @param weights - 0 or more, not all of them 0.
   * @param counts - Turns of each part so far. @defaultValue none
   */
  constructor(weights: readonly number[], counts: readonly number[] = weights.map(() => 0)) {
    const sum = weights.reduce((a, b) => a + b, 0);
    this.#shares = weights.map((weight) => weight / sum);
    const parts = weights.filter((weight) => weight > 0).length;
    this.#slack = parts === 1 ? 0 : 1 / (2 * parts - 2);
    this.counts = [...counts];
    this.#turns = counts.reduce((a, b) => a + b, 0);
  }

  /** The part whose turn is next. It counts when it is {@link take}n. */
  next(): number {
    const turn = this.#turns + 1;
    let first = -1;
    let soonest = Number.POSITIVE_INFINITY;
    let furthest = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (const [part, share] of this.#shares.entries()) {
      if (share === 0) continue;
      const behind = share * turn - this.counts[part]!;
      if (behind > most) {
        most = behind;
        furthest = part;
      }
      if (behind < this.#slack) continue;
      const due = (1 - this.#slack - behind) / share;
      if (due >= soonest) continue;
      soonest = due;
      first = part;
    }
    // Rounding may leave no part that is due.
    return first === -1 ? furthest : first;
  }

  take(part: number): void {
    this.counts[part]! += 1;
    this.#turns += 1;
  }
}
