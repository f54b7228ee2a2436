import type { FromWorker, TaskOutcome } from './protocol.js';

/** A receiver of messages. */
export interface SenderPort {
  postMessage(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
}

/** A message costs about as much as a small batch, so batches that are made faster than this share one. */
const holdMs = 0.1;

/** Sends outcomes of tasks to the main thread, several per message if they are made quickly. */
export class OutcomeSender {
  readonly #port: SenderPort;
  readonly #turnPage: () => ArrayBuffer | undefined;
  readonly #refuse: (outcome: TaskOutcome, error: unknown) => TaskOutcome;
  #held: TaskOutcome[] = [];
  #transfer: ArrayBuffer[] = [];
  #lastSent = 0;

  /**
   * @param turnPage - Returns the small tensors since its last call.
   * @param refuse - Makes the outcome that replaces one that cannot be sent.
   */
  constructor(
    port: SenderPort,
    turnPage: () => ArrayBuffer | undefined,
    refuse: (outcome: TaskOutcome, error: unknown) => TaskOutcome,
  ) {
    this.#port = port;
    this.#turnPage = turnPage;
    this.#refuse = refuse;
  }

  /** Sends an outcome, now or together with the next ones; {@link flush} sends the pending ones. */
  add(outcome: TaskOutcome, buffers: readonly ArrayBuffer[]): void {
    this.#held.push(outcome);
    this.#transfer.push(...buffers);
    if (performance.now() - this.#lastSent >= holdMs) this.flush();
  }

  flush(): void {
    if (this.#held.length === 0) return;
    const outcomes = this.#held;
    const transfer = this.#transfer;
    const page = this.#turnPage();
    this.#held = [];
    this.#transfer = [];
    try {
      this.#port.postMessage(
        { type: 'done', outcomes, page } satisfies FromWorker,
        page ? [...transfer, page] : transfer,
      );
    } catch {
      for (const outcome of outcomes) this.#sendAlone(outcome, page);
    }
    this.#lastSent = performance.now();
  }

  /** An outcome that cannot be cloned must not affect the others. */
  #sendAlone(outcome: TaskOutcome, page: ArrayBuffer | undefined): void {
    const send = (sent: TaskOutcome): void =>
      this.#port.postMessage({ type: 'done', outcomes: [sent], page } satisfies FromWorker);
    try {
      send(outcome);
    } catch (error) {
      send(this.#refuse(outcome, error));
    }
  }
}
