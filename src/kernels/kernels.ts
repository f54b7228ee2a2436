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
  resizeRgbx(
    source: number,
    stride: number,
    xStarts: number,
    xWeights: number,
    xTaps: number,
    yStarts: number,
    yWeights: number,
    yTaps: number,
    width: number,
    height: number,
    flip: number,
    ring: number,
    ringRows: number,
    target: number,
  ): void;
  normalizeRgbx(
    source: number,
    pixels: number,
    target: number,
    interleaved: number,
    ...scaleAndBias: readonly number[]
  ): void;
}

/** Loops over bulk data in WebAssembly SIMD, and the memory they work on. */
export interface Kernels {
  readonly functions: KernelFunctions;
  readonly memory: KernelMemory;
}

// Kept by the thread, so that copies of this module (the program of a worker has one of its own) work on one memory. The key tells
// other versions apart.
const key = Symbol.for(`millrace.kernels ${wasmBase64.slice(-64)}`);
const place = globalThis as { [key: symbol]: Kernels | null | undefined };

/**
 * The kernels of this thread, made at the first call, or `undefined` where WebAssembly, its SIMD or its shared memory is
 * missing: whoever uses them has a path in plain TypeScript with the same results.
 */
export function kernels(): Kernels | undefined {
  if (place[key] === undefined) place[key] = load();
  return place[key] ?? undefined;
}

function load(): Kernels | null {
  try {
    const bytes = Uint8Array.from(atob(wasmBase64), (character) => character.charCodeAt(0));
    const { Instance, Module } = webAssembly();
    const memory = new KernelMemory();
    const instance = new Instance(new Module(bytes), { env: { memory: memory.wasm } });
    return { functions: instance.exports as unknown as KernelFunctions, memory };
  } catch {
    return null;
  }
}
