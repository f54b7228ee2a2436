import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../fixtures/watched-run.js', import.meta.url));

/** A process that trains with a live page. */
export class WatchedRun {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly url: string;
  errors = '';

  private constructor(child: ChildProcessWithoutNullStreams, url: string) {
    this.#process = child;
    this.url = url;
  }

  /** Starts it and waits for its page. */
  static async start(options: object = {}): Promise<WatchedRun> {
    const child = spawn(process.execPath, [program, JSON.stringify(options)]);
    let errors = '';
    child.stderr.on('data', (piece) => {
      errors += piece;
    });
    const lines = createInterface(child.stdout);
    const first = await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error(`The run ended early: ${errors}`))),
    ]);
    return new WatchedRun(child, (JSON.parse(String(first[0])) as { url: string }).url);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Kills it, as a crash would. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }
}
