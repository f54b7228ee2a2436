/** Runs one action at a time, in the order of the calls. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<V>(action: () => Promise<V>): Promise<V> {
    const turn = this.#last.then(action, action);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
