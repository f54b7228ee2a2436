/** The compiled image kernels; the build generates `image-wasm-bytes.js` from `assembly/images.ts`. */
export declare const wasmBase64: string;
