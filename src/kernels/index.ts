export { type ImageKernels, imageKernels } from './image-kernels.js';
export { KernelMemory, type Region } from './kernel-memory.js';
export { type KernelFunctions, type Kernels, kernels } from './kernels.js';
