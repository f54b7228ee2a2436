import { KernelMemory } from './kernel-memory.js';
import { wasmBase64 } from './wasm-bytes.js';
import { webAssembly } from './web-assembly.js';

/**
 * Widens `count` windows of n + 1 integers, whose addresses are stored at `sources`, to int32: x and y are `[count,
 * n]`.
 */
type WidenWindows = (sources: number, count: number, n: number, x: number, y: number) => void;

/** The exports of `assembly/index.ts`. Arguments are addresses in the kernels' memory, or integers. */
export interface KernelFunctions {
  /** Runs `start`, `start + step`, … through the rounds of a Feistel network. */
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

/** WebAssembly SIMD kernels and the memory they work on. */
export interface Kernels<Functions = KernelFunctions> {
  readonly functions: Functions;
  readonly memory: KernelMemory;
}

/**
 * The kernels of this thread, loaded at the first call; `undefined` if WebAssembly, its SIMD or its shared memory is
 * missing. Every caller has a plain TypeScript path with the same results.
 */
export function kernels(): Kernels | undefined {
  return oncePerThread(wasmBase64, () => new KernelMemory());
}

/**
 * A kernel module, loaded at the first call. It is cached on the thread's global object, so that copies of this file
 * (a worker's bundle contains one) share one memory.
 */
export function oncePerThread<Functions>(
  base64: string,
  memoryOf: () => KernelMemory,
): Kernels<Functions> | undefined {
  // The end of the module distinguishes versions.
  const key = Symbol.for(`millrace.kernels ${base64.slice(-64)}`);
  const cache = globalThis as { [key: symbol]: Kernels<Functions> | null | undefined };
  if (cache[key] === undefined) cache[key] = load(base64, memoryOf);
  return cache[key] ?? undefined;
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
