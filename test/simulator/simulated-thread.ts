import type { FromWorker, ToWorker, WorkerSetup } from '../../dist/loader/engine/workers/protocol.js';
import { WorkerProgram } from '../../dist/loader/engine/workers/worker-program.js';
import type { WorkerThread } from '../../dist/loader/engine/workers/worker-thread.js';
import type { Dice, VirtualClock } from './virtual-clock.js';

type Listener = (value: never) => void;

/** A simulated worker thread: the real program behind messages with simulated delays. It can be killed. */
export class SimulatedThread implements WorkerThread {
  readonly id: number;
  alive = true;
  readonly #clock: VirtualClock;
  readonly #dice: Dice;
  readonly #listeners = new Map<string, Listener[]>();
  #toProgram: ((message: ToWorker) => void) | undefined;
  /** Messages arrive in the order in which they were sent. */
  #lastArrival = { there: 0, back: 0 };

  constructor(id: number, clock: VirtualClock, dice: Dice) {
    this.id = id;
    this.#clock = clock;
    this.#dice = dice;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  postMessage(message: WorkerSetup | ToWorker): void {
    this.#send('there', () => {
      if ('type' in message) this.#toProgram?.(message);
      else this.#start(message);
    });
  }

  /** The program is gone, with whatever it was doing and all that was on its way. */
  kill(code = 137): void {
    if (!this.alive) return;
    this.alive = false;
    this.#clock.trace.push(`${this.#clock.now} kill ${this.id}`);
    this.#clock.schedule(this.#dice.float(), () => this.#emit('exit', code));
  }

  async terminate(): Promise<number> {
    this.alive = false;
    return 1;
  }

  ref(): void {}
  unref(): void {}

  #start(setup: WorkerSetup): void {
    this.#clock.pending += 1;
    const opened = (): void => {
      this.#clock.pending -= 1;
    };
    new WorkerProgram(
      {
        on: (_, listener) => {
          this.#toProgram = listener;
        },
        postMessage: (message: FromWorker) => {
          if (message.type !== 'done') opened();
          this.#send('back', () => this.#emit('message', message));
        },
        close: () => this.kill(0),
      },
      setup,
    );
  }

  #send(way: 'there' | 'back', arrive: () => void): void {
    if (!this.alive) return;
    // Now and then a message takes long: a slow worker, a busy machine.
    const delay = this.#dice.chance(0.1) ? this.#dice.integer(5, 60) : this.#dice.float();
    const at = Math.max(this.#lastArrival[way], this.#clock.now + delay);
    this.#lastArrival[way] = at;
    this.#clock.schedule(at - this.#clock.now, () => {
      if (this.alive) arrive();
    });
  }

  #emit(event: string, value: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }
}
