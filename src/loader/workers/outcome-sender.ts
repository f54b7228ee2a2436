import type { MessagePort } from 'node:worker_threads';
import type { FromWorker, TaskOutcome } from './protocol.js';

/** A message costs about as much as a small batch, so batches that are made faster than this go together. */
const holdMs = 0.1;
/** Buffers below this size are copied into the message: handing one over costs more. */
const transferBytes = 8_192;

/** Sends what became of tasks to the main thread, several at a time where they are quickly made. */
export class OutcomeSender {
  readonly #port: MessagePort;
  readonly #refuse: (outcome: TaskOutcome, error: unknown) => TaskOutcome;
  #held: TaskOutcome[] = [];
  #transfer: ArrayBuffer[] = [];
  #lastSent = 0;

  /** @param refuse - Says what becomes of an outcome that cannot be sent. */
  constructor(port: MessagePort, refuse: (outcome: TaskOutcome, error: unknown) => TaskOutcome) {
    this.#port = port;
    this.#refuse = refuse;
  }

  /** Sends an outcome, now or together with the next ones; {@link flush} ends the wait. */
  add(outcome: TaskOutcome, buffers: readonly ArrayBuffer[]): void {
    this.#held.push(outcome);
    for (const buffer of buffers) if (buffer.byteLength >= transferBytes) this.#transfer.push(buffer);
    if (performance.now() - this.#lastSent >= holdMs) this.flush();
  }

  flush(): void {
    if (this.#held.length === 0) return;
    const outcomes = this.#held;
    const transfer = this.#transfer;
    this.#held = [];
    this.#transfer = [];
    try {
      this.#post(outcomes, transfer);
    } catch {
      for (const outcome of outcomes) this.#sendAlone(outcome);
    }
    this.#lastSent = performance.now();
  }

  #sendAlone(outcome: TaskOutcome): void {
    try {
      this.#post([outcome], []);
    } catch (error) {
      this.#post([this.#refuse(outcome, error)], []);
    }
  }

  #post(outcomes: readonly TaskOutcome[], transfer: readonly ArrayBuffer[]): void {
    const message: FromWorker = { type: 'done', outcomes };
    this.#port.postMessage(message, transfer);
  }
}
