// The part of the WebAssembly interface used here: TypeScript declares it only together with the DOM.

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

/** The platform's WebAssembly. @throws TypeError if the platform has none */
export function webAssembly(): WasmApi {
  const { WebAssembly } = globalThis as { WebAssembly?: WasmApi };
  if (!WebAssembly) throw new TypeError('This platform has no WebAssembly');
  return WebAssembly;
}
