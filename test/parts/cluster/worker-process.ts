import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));

export interface WorkerProcessOptions {
  readonly redis: string;
  readonly queue: string;
  readonly lockMs: number;
  /** The folder of the build that the worker runs. */
  readonly dist?: string;
  /** What it may import. */
  readonly allow?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Said {
  readonly type: string;
  readonly job?: string;
  readonly message?: string;
  readonly reason?: string;
}

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly said: Said[] = [];
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  #onSaid: (() => void)[] = [];

  constructor({ redis, queue, lockMs, dist = root, allow = fixtures, env = {} }: WorkerProcessOptions) {
    const script = join(dist, 'test/fixtures/cluster-worker.js');
    const child = spawn(process.execPath, [script, redis, queue, String(lockMs), allow], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        this.said.push(JSON.parse(text.slice(0, end)) as Said);
        text = text.slice(end + 1);
      }
      for (const look of this.#onSaid) look();
    });
    this.ended = new Promise((resolve) => child.on('close', resolve));
    this.#process = child;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Waits until it has said so many things of a kind, of a job where one is named. */
  until(type: string, count = 1, job?: string): Promise<void> {
    const isIt = (each: Said): boolean => each.type === type && (job === undefined || each.job === job);
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.said.filter(isIt).length < count) return;
        this.#onSaid = this.#onSaid.filter((each) => each !== look);
        resolve();
      };
      this.#onSaid.push(look);
      look();
    });
  }
}
