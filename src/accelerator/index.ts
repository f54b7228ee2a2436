export type { Accelerator } from './accelerator.js';
export { CpuAccelerator, type CpuAcceleratorOptions } from './cpu-accelerator.js';
export { acceleratorNames, getAccelerator, setAccelerator } from './get-accelerator.js';
