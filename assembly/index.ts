// The kernels: loops over bulk data in WebAssembly SIMD. Every function works on addresses in a memory that the caller
// provides and divides up; none allocates. `src/kernels/` has their TypeScript side. Those of images are a module of their own, so that
// a page without images does not load them.
export { feistelNumbers } from './feistel';
export { copyWindows, widenWindows8s, widenWindows8u, widenWindows16s, widenWindows16u } from './windows';
