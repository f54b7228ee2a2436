import { KernelMemory } from './kernel-memory.js';
import { wasmBase64 } from './wasm-bytes.js';
import { webAssembly } from './web-assembly.js';

/** Widens `count` windows of n + 1 integers, whose addresses stand at `sources`, to int32: x and y are `[count, n]`. */
type WidenWindows = (sources: number, count: number, n: number, x: number, y: number) => void;

/** What `assembly/index.ts` exports. All arguments are addresses in the kernels' memory, or whole numbers. */
export interface KernelFunctions {
  /** Sends `start`, `start + step`, … through the rounds of a Feistel network. */
  feistelNumbers(
    key: number,
    leftCount: number,
    rightBits: number,
    start: number,
    step: number,
    count: number,
    numbers: number,
  ): void;
  readonly widenWindows8s: WidenWindows;
  readonly widenWindows8u: WidenWindows;
  readonly widenWindows16s: WidenWindows;
  readonly widenWindows16u: WidenWindows;
  copyWindows(sources: number, count: number, n: number, elementBytes: number, x: number, y: number): void;
}

/** Loops over bulk data in WebAssembly SIMD, and the memory they work on. */
export interface Kernels<Functions = KernelFunctions> {
  readonly functions: Functions;
  readonly memory: KernelMemory;
}

/**
 * The kernels of this thread, made at the first call, or `undefined` where WebAssembly, its SIMD or its shared memory is
 * missing: whoever uses them has a path in plain TypeScript with the same results.
 */
export function kernels(): Kernels | undefined {
  return oncePerThread(wasmBase64, () => new KernelMemory());
}

/**
 * A module of kernels, made at the first call. The thread keeps it, so that copies of this file (the program of a worker has one of its
 * own) work on one memory.
 */
export function oncePerThread<Functions>(
  base64: string,
  memoryOf: () => KernelMemory,
): Kernels<Functions> | undefined {
  // The end of the module tells other versions apart.
  const key = Symbol.for(`millrace.kernels ${base64.slice(-64)}`);
  const place = globalThis as { [key: symbol]: Kernels<Functions> | null | undefined };
  if (place[key] === undefined) place[key] = load(base64, memoryOf);
  return place[key] ?? undefined;
}

function load<Functions>(base64: string, memoryOf: () => KernelMemory): Kernels<Functions> | null {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const { Instance, Module } = webAssembly();
    const memory = memoryOf();
    const instance = new Instance(new Module(bytes), { env: { memory: memory.wasm } });
    return { functions: instance.exports as Functions, memory };
  } catch {
    return null;
  }
}
