/** Bytes of device memory that Millrace holds. */
export interface GpuMemory {
  allocated: number;
  /** The peak. */
  most: number;
}

const memories = new WeakMap<object, GpuMemory>();

/** The memory that Millrace holds on a device. */
export function gpuMemory(device: object): GpuMemory {
  let memory = memories.get(device);
  if (!memory) {
    memory = { allocated: 0, most: 0 };
    memories.set(device, memory);
  }
  return memory;
}
