import type { Ticket } from '../ticket.js';

/**
 * The unsettled tasks of a worker by number, which are settled almost in order.
 *
 * A `Map` would do, but not for millions of short-lived entries: when V8 makes a new table for a map, the old table points to the new one.
 * An old table that outlived a minor collection then keeps all later ones, with what they held, until the next major collection.
 */
export class WaitingTickets {
  /** Tasks from number `#first` on; `undefined` if settled. */
  #tickets: (Ticket | undefined)[] = [];
  #first = 0;
  #size = 0;

  /** Number of unsettled tasks. */
  get size(): number {
    return this.#size;
  }

  /** Numbers that were given out. */
  get end(): number {
    return this.#first + this.#tickets.length;
  }

  /** Adds a task. @returns its number: tasks are numbered from 0 */
  add(ticket: Ticket): number {
    this.#size += 1;
    return this.#first + this.#tickets.push(ticket) - 1;
  }

  get(id: number): Ticket | undefined {
    return this.#tickets[id - this.#first];
  }

  /** Removes a task. @returns `undefined` if it was removed before */
  take(id: number): Ticket | undefined {
    const taken = this.get(id);
    if (!taken) return undefined;
    this.#size -= 1;
    this.#tickets[id - this.#first] = undefined;
    while (this.#tickets.length > 0 && this.#tickets[0] === undefined) {
      this.#tickets.shift();
      this.#first += 1;
    }
    return taken;
  }

  clear(): void {
    this.#first = this.end;
    this.#tickets = [];
    this.#size = 0;
  }

  /** In order of their numbers. */
  list(): Ticket[] {
    return this.#tickets.filter((ticket) => ticket !== undefined);
  }
}
