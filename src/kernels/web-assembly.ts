// The part of WebAssembly's interface that is used here: TypeScript has it only together with a browser's DOM.

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

interface WasmApi {
  readonly Memory: new (options: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { exports: unknown };
}

/** The platform's WebAssembly. @throws TypeError where it has none */
export function webAssembly(): WasmApi {
  const { WebAssembly } = globalThis as { WebAssembly?: WasmApi };
  if (!WebAssembly) throw new TypeError('This platform has no WebAssembly');
  return WebAssembly;
}
