export type { Accelerator } from './accelerator.js';
export { CpuAccelerator, type CpuAcceleratorOptions } from './cpu-accelerator.js';
export { CudaAccelerator, type CudaAcceleratorOptions } from './cuda/cuda-accelerator.js';
export type { CudaDriver, DeviceMemory } from './cuda/cuda-driver.js';
export { type DeviceBatchesOptions, deviceBatches } from './cuda/device-batches.js';
export type { DeviceBatch, DeviceTensor } from './cuda/device-tensor.js';
export {
  type AcceleratorName,
  acceleratorNames,
  getAccelerator,
  openAccelerator,
  setAccelerator,
} from './get-accelerator.js';
export { type GpuBatchesOptions, gpuBatches } from './webgpu/gpu-batches.js';
export type { GpuBatch, GpuTensor } from './webgpu/gpu-tensor.js';
export { WebGpuAccelerator, type WebGpuAcceleratorOptions } from './webgpu/webgpu-accelerator.js';
export type { GpuBufferLike, GpuDeviceLike, GpuLike } from './webgpu/webgpu-types.js';
