import type { GuestArrives, WorkerSetup } from './protocol.js';
import { type ProgramPort, type ProgramTurn, WorkerProgram } from './worker-program.js';

/** Runs the programs of one thread: that of the loader that started it, and those of loaders that share it. */
export class ProgramHost {
  readonly #port: ProgramPort;
  /** All programs take turns: one batch at a time is made in a thread. */
  readonly #turn: ProgramTurn = { last: Promise.resolve() };
  #guests = 0;

  /** @param port - The thread's own port. */
  constructor(port: ProgramPort) {
    this.#port = port;
  }

  start(setup: WorkerSetup): void {
    const port = this.#port;
    const close = (): void => {
      if (this.#guests === 0) port.close();
      else port.postMessage({ type: 'left' });
    };
    const own: ProgramPort = {
      on: (event, listener) => port.on(event, listener),
      postMessage: (message, transfer) => port.postMessage(message, transfer),
      close,
    };
    new WorkerProgram(own, setup, this.#turn);
  }

  welcome({ port, setup }: GuestArrives): void {
    this.#guests += 1;
    const guest: ProgramPort = {
      on: (_, listener) => {
        port.onmessage = ({ data }: { data: never }) => listener(data);
      },
      postMessage: (message, transfer = []) => port.postMessage(message, [...transfer]),
      close: () => {
        this.#guests -= 1;
        port.close();
      },
    };
    new WorkerProgram(guest, setup, this.#turn);
  }
}
