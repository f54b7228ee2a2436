// The stand-in for the CUDA driver (test/fixtures/cuda), compiled if there is a compiler.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Controls and counters of the stand-in. */
export interface StandIn {
  /** Path of the library. */
  readonly library: string;
  /** Its folder, in which the library has the real driver's name. */
  readonly folder: string;
  /** Makes calls fail with a status, after `after` more that succeed. `''` ends that. */
  fail(call: string, status: number, after?: number): void;
  setDevices(count: number): void;
  setMemory(bytes: number): void;
  /** Submits work to a stream that copies device memory to `target` when it runs. */
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

/** Compiles the stand-in; `undefined` without a C compiler, which is logged to the console. */
export function compileStandIn(): StandIn | undefined {
  const source = fileURLToPath(new URL('../fixtures/cuda/stand-in-driver.c', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cuda-'));
  const library = join(folder, 'libcuda.so.1');
  const compiled = spawnSync('cc', ['-std=c11', '-O1', '-shared', '-fPIC', '-o', library, source], {
    encoding: 'utf8',
  });
  if (compiled.error || process.platform !== 'linux') {
    console.warn(
      'SKIPPED: all CUDA tests, which need Linux and a C compiler (cc) for a stand-in of the driver.',
    );
    return undefined;
  }
  if (compiled.status !== 0) throw new Error(`The stand-in driver does not compile:\n${compiled.stderr}`);
  console.warn('NOT RUN: CUDA on hardware. These tests use a stand-in for the driver over ordinary memory.');
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
      // Pins the array: V8 may move it until its buffer is accessed.
      void target.buffer;
      kernel(source, target, target.byteLength, stream);
    },
    count: loaded.func('double standInCount(const char *what)'),
  };
}
