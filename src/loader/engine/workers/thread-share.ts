import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js';
import { startThread } from './start-thread.js';
import type { ThreadPort } from './thread-port.js';
import type { CreateWorker } from './web-worker.js';
import type { WorkerThread } from './worker-thread.js';

type Listener = (value: never) => void;

/**
 * The threads of loaders that share them (`workersOf`). A thread runs one program per loader, and ends when its last loader leaves
 * it. The first loader uses the thread directly; each further one has a message channel of its own.
 */
export class ThreadShare {
  readonly #threads = new Map<number, SharedThread>();

  /** Joins the thread of worker `id`, or starts it. */
  join(id: number, createWorker: CreateWorker | undefined): WorkerThread {
    const known = this.#threads.get(id);
    if (known?.isAlive) return new Guest(known);
    const started = new SharedThread(startThread(id, createWorker));
    this.#threads.set(id, started);
    return new FirstUser(started);
  }
}

/** A thread and the loaders that use it. */
class SharedThread {
  readonly thread: WorkerThread;
  isAlive = true;
  readonly #users = new Set<ThreadUser>();
  /** Users that keep the process alive. */
  readonly #holders = new Set<ThreadUser>();

  constructor(thread: WorkerThread) {
    this.thread = thread;
    thread.on('error', (error) => this.#tell('error', error));
    thread.on('exit', (code) => {
      this.isAlive = false;
      this.#tell('exit', code);
    });
  }

  add(user: ThreadUser): void {
    this.#users.add(user);
  }

  hold(user: ThreadUser, on: boolean): void {
    if (on) this.#holders.add(user);
    else this.#holders.delete(user);
    if (this.#holders.size > 0) this.thread.ref();
    else this.thread.unref();
  }

  /** Ends the thread if no other loader uses it. */
  async leave(user: ThreadUser): Promise<void> {
    this.#users.delete(user);
    this.hold(user, false);
    if (this.#users.size === 0) await this.terminate();
  }

  async terminate(): Promise<void> {
    this.isAlive = false;
    await this.thread.terminate();
  }

  #tell(event: 'error' | 'exit', value: unknown): void {
    for (const user of [...this.#users]) user.emit(event, value);
  }
}

/** A thread as one loader sees it. */
abstract class ThreadUser implements WorkerThread {
  protected readonly shared: SharedThread;
  readonly #listeners = new Map<string, Listener[]>();

  constructor(shared: SharedThread) {
    this.shared = shared;
    shared.add(this);
  }

  abstract postMessage(message: WorkerSetup | ToWorker, transfer?: readonly ArrayBuffer[]): void;

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  emit(event: string, value: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }

  leave(): Promise<void> {
    return this.shared.leave(this);
  }

  terminate(): Promise<void> {
    return this.shared.terminate();
  }

  ref(): void {
    this.shared.hold(this, true);
  }

  unref(): void {
    this.shared.hold(this, false);
  }
}

class FirstUser extends ThreadUser {
  constructor(shared: SharedThread) {
    super(shared);
    shared.thread.on('message', (message: FromWorker) => {
      // Its program has ended, and those of other loaders continue.
      if (message.type === 'left') this.emit('exit', 0);
      else this.emit('message', message);
    });
    shared.thread.on('messageerror', (error) => this.emit('messageerror', error));
  }

  postMessage(message: WorkerSetup | ToWorker, transfer?: readonly ArrayBuffer[]): void {
    this.shared.thread.postMessage(message, transfer);
  }
}

class Guest extends ThreadUser {
  readonly #port: ThreadPort;
  /** The other end, until it is sent along with the setup. */
  #farPort: ThreadPort | undefined;
  /** Whether its program was asked to end. */
  #isClosing = false;

  constructor(shared: SharedThread) {
    super(shared);
    const { port1, port2 } = new MessageChannel() as unknown as Record<'port1' | 'port2', ThreadPort>;
    this.#port = port1;
    this.#farPort = port2;
    port1.onmessage = ({ data }: { data: FromWorker }) => this.emit('message', data);
    port1.onmessageerror = () =>
      this.emit('messageerror', new Error('A message from the worker could not be read'));
    // The port also closes when the thread ends, which `exit` of the thread tells.
    port1.addEventListener('close', () => {
      if (this.#isClosing) this.emit('exit', 0);
    });
    // The thread keeps the process alive while a loader waits.
    port1.unref?.();
  }

  postMessage(message: WorkerSetup | ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    const port = this.#farPort;
    if (port && !('type' in message)) {
      this.#farPort = undefined;
      this.shared.thread.postMessage({ type: 'guest', port, setup: message }, [port]);
      return;
    }
    if ('type' in message && message.type === 'close') this.#isClosing = true;
    this.#port.postMessage(message, [...transfer]);
  }
}
