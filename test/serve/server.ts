import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/serve/${name}`, import.meta.url));

/** A `millrace serve` in a process of its own. */
export class ServeProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #stderr = '';
  /** As a client writes it. */
  address = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((settle) => child.on('close', settle));
    child.stderr!.on('data', (chunk) => {
      this.#stderr += chunk;
    });
  }

  /** Starts it and waits until its address is open. */
  static async start(config: string, listen: string, ...flags: string[]): Promise<ServeProcess> {
    const child = spawn(process.execPath, [main, 'serve', config, '--listen', listen, ...flags]);
    const server = new ServeProcess(child);
    let stdout = '';
    await new Promise<void>((settle, reject) => {
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
        if (stdout.includes('\n')) settle();
      });
      child.on('close', () => reject(new Error(`The server ended: ${server.#stderr}`)));
    });
    server.address = / at (\S+)\n/.exec(stdout)![1]!;
    return server;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it. @returns its exit status */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.signal(signal);
    return this.#ended;
  }
}

/** A folder of its own for sockets; the path of a socket must be short. */
export class SocketFolder {
  readonly #path = mkdtempSync(join(tmpdir(), 'mr-'));

  socket(name: string): string {
    return `unix:${join(this.#path, name)}`;
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

/** A response of a server. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Asks a server over HTTP, without the client. */
export function ask(
  address: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  body?: string,
): Promise<Answer> {
  const [host, port] = address.split(':');
  const where = address.startsWith('unix:') ? { socketPath: address.slice(5) } : { host, port };
  return new Promise((settle, reject) => {
    const sent = request({ ...where, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        settle({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
