import { AcceleratorError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import type { Tensor } from '../../core/tensor.js';
import type { Accelerator } from '../accelerator.js';
import { gpuMemory } from './gpu-memory.js';
import type { GpuAdapterLike, GpuDeviceLike, GpuLike } from './webgpu-types.js';

/** Options of {@link WebGpuAccelerator.open}. */
export interface WebGpuAcceleratorOptions {
  /** The WebGPU entry point. @defaultValue `navigator.gpu`; in Node.js that of the package `webgpu` */
  readonly gpu?: GpuLike;
}

/**
 * A WebGPU device: in a browser, or in Node.js with the package `webgpu`. WebGPU does not report device memory, so
 * the counts cover only what {@link gpuBatches} has allocated.
 */
export class WebGpuAccelerator<Device extends GpuDeviceLike = GpuDeviceLike> implements Accelerator {
  readonly name = 'webgpu';
  /** The device, to pass to {@link gpuBatches}. */
  readonly device: Device;
  /** The platform's name for the adapter; browsers may shorten it. */
  readonly modelName: string;
  #isLost = false;

  /** Wraps an open device. */
  constructor(device: Device, modelName = 'WebGPU device') {
    this.device = device;
    this.modelName = modelName;
    void device.lost.then(() => {
      this.#isLost = true;
    });
  }

  /**
   * Requests an adapter, and from it a device with the largest supported buffer size.
   *
   * @throws {@link AcceleratorError} if there is no WebGPU or no adapter.
   * @throws {@link MissingPeerError} in Node.js, if the package `webgpu` is not installed.
   */
  static async open({ gpu }: WebGpuAcceleratorOptions = {}): Promise<WebGpuAccelerator> {
    const entry = gpu ?? (await findGpu());
    const adapter = await entry.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) {
      throw new AcceleratorError('WebGPU found no adapter on this machine', {
        where: { accelerator: 'webgpu' },
        next:
          'requestAdapter() returned none. Node.js on Linux needs libvulkan1 and a Vulkan driver; in a browser see ' +
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

  /** Returns the tensor itself: WebGPU copies through its own staging buffers. */
  pinMemory<T extends Tensor>(tensor: T): T {
    return tensor;
  }

  /** WebGPU devices cannot communicate with one another. */
  communicationBackendName(): string {
    return 'none';
  }
}

/** Kept alive, because its devices must not outlive it. */
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
    next: 'WebGPU needs a secure context (https or localhost) and a browser with navigator.gpu.',
  });
}
