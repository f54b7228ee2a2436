export type { Accelerator } from './accelerator.js';
export { CpuAccelerator } from './cpu-accelerator.js';
export { CudaAccelerator } from './cuda/cuda-accelerator.js';
export { deviceBatches } from './cuda/device-batches.js';
export { getAccelerator, openAccelerator, setAccelerator } from './get-accelerator.js';
export { gpuBatches } from './webgpu/gpu-batches.js';
export { WebGpuAccelerator } from './webgpu/webgpu-accelerator.js';
