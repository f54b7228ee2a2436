/** The compiled kernels; the build generates `wasm-bytes.js` from `assembly/index.ts`. */
export declare const wasmBase64: string;
