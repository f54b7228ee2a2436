import type { IncomingMessage, ServerResponse } from 'node:http';
import { CapabilityError } from '../core/errors.js';
import { visibleText } from '../core/visible-text.js';
import type { ClientFacts } from '../monitor/dashboard/run-client.js';
import type { ClientRank } from './batch-address.js';
import type { Feed } from './feed.js';
import type { ServedLoader } from './served-loader.js';
import { SharedSlots } from './shared-slots.js';

/** Requests for batches that a client may have in flight. */
export const maxInFlight = 16;

export const heartbeatMs = 500;

/** A client without a session is forgotten after this long without a request. */
const idleMs = 60_000;

/** The longest name of a client. */
const longestName = 200;

/** Who sends a request, for the live page. */
export function clientFactsOf({ headers, socket }: IncomingMessage): ClientFacts {
  const name = headers['millrace-client-name'];
  return {
    name:
      typeof name === 'string' && name !== '' ? visibleText(name.slice(0, longestName)) : 'without a name',
    address: socket.remoteAddress ?? 'unix socket',
  };
}

/** What the server holds for one client: its feeds and its shared memory. */
export class ClientSession {
  readonly id: string;
  readonly #facts: ClientFacts;
  readonly #onEnd: () => void;
  readonly #feeds = new Map<string, Promise<Feed>>();
  readonly #memory = new Map<string, SharedSlots>();
  #memories = 0;
  #inFlight = 0;
  /** The connection that says that the client lives. */
  #life: ServerResponse | undefined;
  #beats: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isEnded = false;

  /** @param onEnd - Called when the client has gone. */
  constructor(id: string, facts: ClientFacts, onEnd: () => void) {
    this.id = id;
    this.#facts = facts;
    this.#onEnd = onEnd;
    this.#waitForRequests();
  }

  get hasSession(): boolean {
    return this.#life !== undefined;
  }

  /** Begins the session of the client on this response; it lasts as long as the connection. */
  begin(response: ServerResponse): void {
    this.#life?.end();
    this.#life = response;
    clearTimeout(this.#idle);
    clearInterval(this.#beats);
    let beat = 0;
    const say = (message: object): void => void response.write(`${JSON.stringify(message)}\n`);
    say({ session: this.id, heartbeatMs });
    this.#beats = setInterval(() => {
      // A stopped client reads nothing: heartbeats must not pile up.
      if (!response.writableNeedDrain) say({ heartbeat: ++beat });
    }, heartbeatMs);
    response.on('close', () => {
      if (this.#life === response) void this.end();
    });
  }

  /**
   * Counts a request for a batch.
   *
   * @returns a function to call when it is over; `undefined` if there are too many already
   */
  enter(): (() => void) | undefined {
    if (this.#inFlight >= maxInFlight) return undefined;
    this.#inFlight += 1;
    clearTimeout(this.#idle);
    return () => {
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && !this.#life) this.#waitForRequests();
    };
  }

  /** The feed of a loader for a rank of this client. */
  feed(loader: ServedLoader, rank: ClientRank): Promise<Feed> {
    const key = `${loader.name} ${rank.rank}/${rank.worldSize}`;
    const known = this.#feeds.get(key);
    if (known) return known;
    const made = loader.feed(rank, maxInFlight, this.#facts);
    this.#feeds.set(key, made);
    made.catch(() => this.#feeds.delete(key));
    return made;
  }

  /**
   * Reserves shared memory until the session ends.
   *
   * @throws {@link CapabilityError} without a session; the errors of {@link SharedSlots.reserve}
   */
  async reserve(
    slots: number,
    slotBytes: number,
  ): Promise<{ readonly memory: string; readonly slots: SharedSlots }> {
    if (!this.#life) {
      throw new CapabilityError('Shared memory needs an open session, whose end releases it', {
        next: `Open GET /v1/clients/${this.id} first, and keep it open.`,
      });
    }
    const reserved = await SharedSlots.reserve(slots, slotBytes);
    const memory = `${this.#memories++}`;
    if (this.#isEnded) reserved.close();
    this.#memory.set(memory, reserved);
    return { memory, slots: reserved };
  }

  memory(id: string): SharedSlots | undefined {
    return this.#memory.get(id);
  }

  /** @returns whether there was such memory */
  giveUp(id: string): boolean {
    this.#memory.get(id)?.close();
    return this.#memory.delete(id);
  }

  /** Ends the session and frees everything. @param reason - Sent to a client with a session. */
  async end(reason?: string): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onEnd();
    clearInterval(this.#beats);
    clearTimeout(this.#idle);
    if (reason !== undefined) this.#life?.end(`${JSON.stringify({ end: reason })}\n`);
    this.#life = undefined;
    for (const memory of this.#memory.values()) memory.close();
    for (const feed of this.#feeds.values())
      await feed.then(
        (opened) => opened.close(),
        () => {},
      );
  }

  #waitForRequests(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.end(), idleMs);
    this.#idle.unref();
  }
}
