// The stand-in for the CUDA driver (test/fixtures/cuda), compiled where there is a compiler.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What tests tell the stand-in, and ask it. */
export interface StandIn {
  /** Path of the library. */
  readonly library: string;
  /** Its folder, where the library has the name of the real one. */
  readonly folder: string;
  /** Makes calls fail with a status, after so many more that do not. `''` ends that. */
  fail(call: string, status: number, after?: number): void;
  setDevices(count: number): void;
  setMemory(bytes: number): void;
  /** Puts work into a stream that copies device memory into `target` when its turn comes. */
  launchRead(source: bigint, target: Uint8Array, stream?: bigint): void;
  count(what: Counted): number;
}

export type Counted =
  | 'locked'
  | 'registrations'
  | 'allocations'
  | 'streams'
  | 'events'
  | 'lazyCopies'
  | 'eagerCopies'
  | 'contexts';

/** The stand-in; `undefined` without a C compiler, which is said on the console. */
export function compileStandIn(): StandIn | undefined {
  const source = fileURLToPath(new URL('../fixtures/cuda/stand-in-driver.c', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cuda-'));
  const library = join(folder, 'libcuda.so.1');
  const compiled = spawnSync('cc', ['-std=c11', '-O1', '-shared', '-fPIC', '-o', library, source], {
    encoding: 'utf8',
  });
  if (compiled.error || process.platform !== 'linux') {
    console.warn(
      'SKIPPED: every test of CUDA, which needs Linux and a C compiler (cc) for a stand-in of the driver.',
    );
    return undefined;
  }
  if (compiled.status !== 0) throw new Error(`The stand-in driver does not compile:\n${compiled.stderr}`);
  console.warn(
    'NOT RUN: CUDA on hardware. These tests drive a stand-in for the driver, over ordinary memory.',
  );
  return { library, folder, ...bind(library) };
}

function bind(path: string): Omit<StandIn, 'library' | 'folder'> {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const loaded = koffi.load(path);
  const fail = loaded.func('void standInFail(const char *call, int status, int after)');
  const kernel = loaded.func('void standInKernel(uint64_t source, void *target, size_t bytes, void *stream)');
  return {
    fail: (call, status, after = 0) => fail(call, status, after),
    setDevices: loaded.func('void standInDevices(int count)'),
    setMemory: loaded.func('void standInMemory(double bytes)'),
    launchRead: (source, target, stream = 0n) => {
      // So that it stays where it is.
      void target.buffer;
      kernel(source, target, target.byteLength, stream);
    },
    count: loaded.func('double standInCount(const char *what)'),
  };
}
