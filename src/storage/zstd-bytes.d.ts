/** libzstd's decoder as WebAssembly, in base64; the build takes it from the package zstddec. */
export declare const zstdBase64: string;
