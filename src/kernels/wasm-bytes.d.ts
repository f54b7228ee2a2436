/** The compiled kernels: the build makes `wasm-bytes.js` from `assembly/`. */
export declare const wasmBase64: string;
