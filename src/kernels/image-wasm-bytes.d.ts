/** The compiled kernels for images: the build makes `image-wasm-bytes.js` from `assembly/images.ts`. */
export declare const wasmBase64: string;
