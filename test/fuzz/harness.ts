import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { mutate, randomNumbers } from './mutations.js';

/**
 * Fuzzes one format. Every mutated file must give a `MillraceError` or values: never an error of another class, a dead process, a
 * hang, or more memory than the limit. Where `protects` says that a checksum covers what was changed, other values fail as well.
 */
export interface FuzzTarget {
  /** A JavaScript module whose default export opens a path and returns a dataset, an async iterable or plain values. */
  readonly reader: URL;
  /** Files or flat folders. Of a folder, one file is mutated and the reader is given the folder. Keep them small. */
  readonly corpus: readonly (string | URL)[];
  /** Default: 1. `MILLRACE_FUZZ_SEED` overrides it. */
  readonly seed?: number;
  /** Default: 500, and 10,000 in `npm run test:long`. `MILLRACE_FUZZ` overrides it: `.ci/run` asks for 2,000. */
  readonly mutations?: number;
  /** Most bytes of memory that the process may have. Default: 768 MiB. */
  readonly memory?: number;
  /** Most seconds of processor time for one file. Default: 20. */
  readonly cpuSeconds?: number;
  /** Whether a checksum covers the byte at this offset of the original file, so that a change to it must be noticed. Default: no byte is. */
  readonly protects?: (file: string, offset: number, original: Uint8Array) => boolean;
}

/** What came of a fuzz run. */
export interface FuzzReport {
  /** Mutations that were refused with a `MillraceError`, by its code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Mutations that gave the original's values. */
  readonly same: number;
  /** Mutations that gave other values. */
  readonly other: number;
}

/** A run ends after so many failures. */
const mostFailures = 3;

type Answer =
  | { digest: string }
  | { refused: string; message: string }
  | { untyped: string }
  | { died: string };

/** A test that fuzzes a format. It has no time limit: the harness ends a reader that hangs. Some mutations must be refused. */
export function fuzzTest(title: string, target: FuzzTarget): void {
  test(title, { timeout: 0 }, async () => {
    const { refused, same, other } = await fuzz(target);
    console.log(
      `${title}: ${JSON.stringify(refused)} refused, ${same} with the same values, ${other} with others`,
    );
    expect(Object.keys(refused)).not.toEqual([]);
  });
}

/** Runs the mutations. Throws an error that lists up to three failures, each with the seed and the mutation's number to replay it. */
export async function fuzz(target: FuzzTarget): Promise<FuzzReport> {
  const seed = Number(process.env.MILLRACE_FUZZ_SEED ?? target.seed ?? 1);
  const count = Number(
    process.env.MILLRACE_FUZZ ?? target.mutations ?? searchSize({ short: 250, long: 10_000 }),
  );
  const only = process.env.MILLRACE_FUZZ_ONLY;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'));
  const reader = new Reader(target);
  const refused: Record<string, number> = {};
  const failures: string[] = [];
  let same = 0;
  let other = 0;
  try {
    const entries = target.corpus.map(
      (path) => new Entry(typeof path === 'string' ? path : fileURLToPath(path), folder),
    );
    const digests: string[] = [];
    for (const entry of entries) {
      const answer = await reader.read(entry.path);
      if (!('digest' in answer))
        throw new Error(`The reader fails on ${entry.name} as it is: ${JSON.stringify(answer)}`);
      digests.push(answer.digest);
    }
    for (
      let number = only === undefined ? 0 : Number(only);
      number < (only === undefined ? count : Number(only) + 1);
      number++
    ) {
      const random = randomNumbers(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
      const which = random(entries.length);
      const entry = entries[which] as Entry;
      const { what, file, protectedChange } = entry.mutate(random, target.protects);
      const answer = await reader.read(entry.path);
      const label = `seed ${seed}, mutation ${number} (${file}: ${what})`;
      if (only !== undefined)
        console.log(`${label}: ${JSON.stringify(answer)}; the mutated file is ${entry.path}`);
      if ('refused' in answer) refused[answer.refused] = (refused[answer.refused] ?? 0) + 1;
      else if ('untyped' in answer) failures.push(`${label}: ${answer.untyped}`);
      else if ('died' in answer) failures.push(`${label}: ${answer.died}`);
      else if (answer.digest === digests[which]) same++;
      else {
        other++;
        if (protectedChange)
          failures.push(`${label}: other values, although a checksum covers what was changed`);
      }
      if (failures.length >= mostFailures) break;
      if (only === undefined) entry.restore();
    }
  } finally {
    reader.close();
    if (only === undefined) rmSync(folder, { recursive: true, force: true });
  }
  if (failures.length > 0)
    throw new Error(`Replay one with MILLRACE_FUZZ_ONLY=<mutation>.\n${failures.join('\n')}`);
  return { refused, same, other };
}

/** A copy of a corpus file or folder, one file of which is mutated at a time. */
class Entry {
  readonly path: string;
  readonly name: string;
  readonly #files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  #changed: { readonly path: string; readonly bytes: Uint8Array } | undefined;

  constructor(source: string, folder: string) {
    this.name = basename(source);
    this.path = join(mkdtempSync(join(folder, 'entry-')), this.name);
    cpSync(source, this.path, { recursive: true });
    const paths = statSync(this.path).isDirectory()
      ? readdirSync(this.path).map((file) => join(this.path, file))
      : [this.path];
    this.#files = paths.sort().map((path) => ({ path, bytes: new Uint8Array(readFileSync(path)) }));
  }

  mutate(
    random: (n: number) => number,
    protects: FuzzTarget['protects'],
  ): { what: string; file: string; protectedChange: boolean } {
    const file = this.#files[random(this.#files.length)] as { path: string; bytes: Uint8Array };
    const { bytes, what } = mutate(file.bytes, random);
    writeFileSync(file.path, bytes);
    this.#changed = file;
    const name = basename(file.path);
    return {
      what,
      file: name,
      protectedChange:
        protects !== undefined &&
        changes(file.bytes, bytes).every((offset) => protects(name, offset, file.bytes)),
    };
  }

  restore(): void {
    if (this.#changed) writeFileSync(this.#changed.path, this.#changed.bytes);
  }
}

/** The offsets of the original that changed: those that differ, or all from the first difference where the length changed. */
function changes(original: Uint8Array, mutated: Uint8Array): number[] {
  const offsets: number[] = [];
  const sameLength = original.length === mutated.length;
  for (let i = 0; i < original.length; i++)
    if ((!sameLength && offsets.length > 0) || original[i] !== mutated[i]) offsets.push(i);
  return offsets.length === 0 && !sameLength ? [original.length] : offsets;
}

/** The process that reads. A new one is started after one has died. */
class Reader {
  readonly #target: FuzzTarget;
  #child: ChildProcess | undefined;
  #stderr = '';

  constructor(target: FuzzTarget) {
    this.#target = target;
  }

  async read(path: string): Promise<Answer> {
    this.#child ??= await this.#start();
    const child = this.#child;
    this.#stderr = '';
    const ended = new AbortController();
    const answer = once(child, 'message', { signal: ended.signal }).then(([message]) => message as Answer);
    const death = once(child, 'close', { signal: ended.signal }).then(([code, signal]): Answer => {
      this.#child = undefined;
      return { died: `the process ended (${signal ?? code}) ${this.#stderr.trim().slice(-1_000)}` };
    });
    child.send(path);
    const first = await Promise.race([answer, death]);
    ended.abort();
    await Promise.allSettled([answer, death]);
    return first;
  }

  close(): void {
    this.#child?.kill('SIGKILL');
  }

  async #start(): Promise<ChildProcess> {
    const { reader, cpuSeconds = 20, memory = 768 * 2 ** 20 } = this.#target;
    const child = fork(
      fileURLToPath(new URL('child.js', import.meta.url)),
      [reader.href, String(cpuSeconds), String(memory)],
      {
        execArgv: ['--max-old-space-size=256', '--no-warnings'],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      },
    );
    child.stderr?.on('data', (data) => (this.#stderr += data));
    await Promise.race([
      once(child, 'message'),
      once(child, 'close').then(() => {
        throw new Error(`The reader ${reader.href} does not start: ${this.#stderr}`);
      }),
    ]);
    return child;
  }
}
