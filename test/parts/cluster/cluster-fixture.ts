import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { RedisServer, redisProgram } from './redis-server.js';
import { WorkerProcess, type WorkerProcessOptions } from './worker-process.js';

/** How soon other workers take the jobs of a dead one. */
export const lockMs = 400;

/** Redis and a folder for the tests of a file, and workers for each test. */
export class ClusterFixture {
  readonly redis = new RedisServer();
  readonly #name: string;
  #folder = '';
  readonly #started: WorkerProcess[] = [];

  /** Registers the hooks that start and stop everything. @param name - Name of the folder. */
  constructor(name: string) {
    this.#name = name;
    beforeAll(async () => {
      this.#folder = mkdtempSync(join(tmpdir(), `millrace-${name}-`));
      if (redisProgram) await this.redis.start();
    });
    afterEach(() => {
      for (const worker of this.#started.splice(0)) worker.kill();
    });
    afterAll(async () => {
      await this.redis.stop();
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  get folder(): string {
    if (this.#folder === '') throw new Error(`The cluster of ${this.#name} has not started`);
    return this.#folder;
  }

  startWorker(
    queue: string,
    more: Partial<Pick<WorkerProcessOptions, 'allow' | 'dist' | 'env' | 'redis'>> = {},
  ): WorkerProcess {
    const worker = new WorkerProcess({ redis: this.redis.url, queue, lockMs, ...more });
    this.#started.push(worker);
    return worker;
  }
}
