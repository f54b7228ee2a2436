// WebAssembly SIMD kernels for bulk loops. Every function works on addresses in a memory that the caller provides and
// manages; none allocates. `src/kernels/` is their TypeScript side. The image kernels are a separate module, so that
// a page without images does not load them.
export { feistelNumbers } from './feistel';
export { copyWindows, widenWindows8s, widenWindows8u, widenWindows16s, widenWindows16u } from './windows';
