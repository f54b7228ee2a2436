import { AcceleratorError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import type { Tensor } from '../../core/tensor.js';
import type { Accelerator } from '../accelerator.js';
import { gpuMemory } from './gpu-memory.js';
import type { GpuAdapterLike, GpuDeviceLike, GpuLike } from './webgpu-types.js';

/** Where a {@link WebGpuAccelerator} comes from. */
export interface WebGpuAcceleratorOptions {
  /** The entry of WebGPU. @defaultValue `navigator.gpu`; in Node.js that of the package `webgpu` */
  readonly gpu?: GpuLike;
}

/**
 * A device of WebGPU, in a browser or, by the package `webgpu`, in Node.js. The interface does not say how much memory a device
 * has: what is counted is what {@link gpuBatches} has allocated.
 */
export class WebGpuAccelerator<Device extends GpuDeviceLike = GpuDeviceLike> implements Accelerator {
  readonly name = 'webgpu';
  /** What {@link gpuBatches} takes. */
  readonly device: Device;
  /** What the platform calls the adapter; browsers may say little. */
  readonly modelName: string;
  #isLost = false;

  /** Over a device that is open. */
  constructor(device: Device, modelName = 'WebGPU device') {
    this.device = device;
    this.modelName = modelName;
    void device.lost.then(() => {
      this.#isLost = true;
    });
  }

  /**
   * Requests an adapter, and from it a device with the largest buffers it has.
   *
   * @throws {@link AcceleratorError} when there is no WebGPU or no adapter; it says what was looked for.
   * @throws {@link MissingPeerError} in Node.js, when the package `webgpu` is not installed.
   */
  static async open({ gpu }: WebGpuAcceleratorOptions = {}): Promise<WebGpuAccelerator> {
    const entry = gpu ?? (await findGpu());
    const adapter = await entry.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) {
      throw new AcceleratorError('WebGPU has no adapter for this machine', {
        where: { accelerator: 'webgpu' },
        next:
          'Looked for one by requestAdapter(). In Node.js on Linux it needs libvulkan1 and a Vulkan driver; in a browser see ' +
          'chrome://gpu or about:support.',
      });
    }
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    const device = await adapter.requestDevice({
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    });
    return new WebGpuAccelerator(device, nameOf(adapter));
  }

  isAvailable(): boolean {
    return !this.#isLost;
  }

  deviceCount(): number {
    return 1;
  }

  currentDevice(): number {
    return 0;
  }

  currentDeviceName(): string {
    return 'webgpu:0';
  }

  async synchronize(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
  }

  memoryAllocated(): number {
    return gpuMemory(this.device).allocated;
  }

  maxMemoryAllocated(): number {
    return gpuMemory(this.device).most;
  }

  useHostTimers(): boolean {
    return false;
  }

  /** The tensor itself: WebGPU copies through staging buffers of its own. */
  pinMemory<T extends Tensor>(tensor: T): T {
    return tensor;
  }

  /** Devices of WebGPU cannot talk to one another. */
  communicationBackendName(): string {
    return 'none';
  }
}

/** Kept, because its devices do not survive it. */
let dawn: GpuLike | undefined;

function nameOf({ info }: GpuAdapterLike): string {
  const { description, architecture, vendor } = info;
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'WebGPU device';
}

async function findGpu(): Promise<GpuLike> {
  const { navigator } = globalThis as { navigator?: { gpu?: GpuLike } };
  if (navigator?.gpu) return navigator.gpu;
  if (typeof process !== 'undefined' && process.versions?.node) {
    type Dawn = { create(flags: string[]): GpuLike };
    const { create } = await importPeer<Dawn>('webgpu', 'WebGPU in Node.js');
    dawn ??= create([]);
    return dawn;
  }
  throw new AcceleratorError('This browser has no WebGPU', {
    where: { accelerator: 'webgpu' },
    next: 'Looked for navigator.gpu, which needs a secure context (https or localhost) and a browser with WebGPU.',
  });
}
