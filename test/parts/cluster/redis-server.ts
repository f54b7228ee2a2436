import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The program, which `npm test` looks for and names; `''` when there is none. */
export const redisProgram =
  process.env.MILLRACE_REDIS_SERVER ?? ['/usr/bin/redis-server'].find((path) => existsSync(path)) ?? '';

/** How a server identifies itself and its clients. */
export interface RedisAccess {
  readonly password?: string;
  /** Files of a certificate and its key: the server then speaks only TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A real Redis server of its own port and folder, whose data survives a restart. */
export class RedisServer {
  readonly #access: RedisAccess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  #port = 0;
  #process: ChildProcess | undefined;

  constructor(access: RedisAccess = {}) {
    this.#access = access;
  }

  get url(): string {
    const { password, tls } = this.#access;
    const user = password === undefined ? '' : `:${password}@`;
    return `${tls ? 'rediss' : 'redis'}://${user}127.0.0.1:${this.#port}`;
  }

  /** For clients that take no URL. */
  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.#port };
  }

  async start(): Promise<this> {
    this.#port ||= await freePort();
    const { password, tls } = this.#access;
    const port = tls
      ? [
          '--port',
          0,
          '--tls-port',
          this.#port,
          '--tls-cert-file',
          tls.cert,
          '--tls-key-file',
          tls.key,
          '--tls-auth-clients',
          'no',
        ]
      : ['--port', this.#port];
    // cspell:disable-next-line
    const required = password === undefined ? [] : ['--requirepass', password];
    const options = [...port, ...required, '--dir', this.#folder, '--save', '', '--appendonly', 'yes'];
    const durable = ['--appendfsync', 'always', '--bind', '127.0.0.1', '--maxmemory-policy', 'noeviction'];
    const child = spawn(redisProgram, [...options, ...durable].map(String), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      let log = '';
      child.stdout.on('data', (chunk) => {
        log += chunk;
        if (log.includes('Ready to accept connections')) resolve();
      });
      child.on('error', reject);
      child.on('exit', () => reject(new Error(`redis-server ended:\n${log}`)));
    });
    return this;
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return;
    await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGKILL');
    });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
