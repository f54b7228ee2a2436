// The part of the WebGPU interface used here, so that Millrace compiles without WebGPU declarations.

/** The part of a `GPUBuffer` used here. */
export interface GpuBufferLike {
  readonly size: number;
  mapAsync(mode: number): Promise<unknown>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** The part of a `GPUQueue` used here. */
export interface GpuQueueLike {
  submit(commands: never[]): void;
  onSubmittedWorkDone(): Promise<unknown>;
}

/** The part of a `GPUDevice` that {@link gpuBatches} uses. */
export interface GpuDeviceLike {
  readonly limits: { readonly maxBufferSize: number };
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: GpuQueueLike;
  createBuffer(descriptor: {
    size: number;
    usage: number;
    label?: string;
    mappedAtCreation?: boolean;
  }): GpuBufferLike;
  createCommandEncoder(): {
    copyBufferToBuffer(
      source: never,
      sourceOffset: number,
      target: never,
      targetOffset: number,
      size: number,
    ): void;
    finish(): unknown;
  };
  pushErrorScope(filter: 'out-of-memory' | 'validation'): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  destroy(): void;
}

/** The part of a `GPUAdapter` used here. */
export interface GpuAdapterLike {
  readonly info: { readonly vendor: string; readonly description: string; readonly architecture: string };
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  requestDevice(descriptor: { requiredLimits: Record<string, number> }): Promise<GpuDeviceLike>;
}

/** The part of `navigator.gpu` used here. */
export interface GpuLike {
  requestAdapter(options?: {
    powerPreference?: 'high-performance' | 'low-power';
  }): Promise<GpuAdapterLike | null>;
}

/** The buffer type of a device. */
export type BufferOf<Device> = Device extends { createBuffer(...values: never[]): infer Buffer }
  ? Buffer
  : never;
