// The part of the WebGPU interface that is used here, so that no declarations are needed to compile against Millrace.

/** What is needed of a `GPUBuffer`. */
export interface GpuBufferLike {
  readonly size: number;
  mapAsync(mode: number): Promise<unknown>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** What is needed of a `GPUQueue`. */
export interface GpuQueueLike {
  submit(commands: never[]): void;
  onSubmittedWorkDone(): Promise<unknown>;
}

/** What {@link gpuBatches} needs of a `GPUDevice`. */
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

/** What is needed of a `GPUAdapter`. */
export interface GpuAdapterLike {
  readonly info: { readonly vendor: string; readonly description: string; readonly architecture: string };
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  requestDevice(descriptor: { requiredLimits: Record<string, number> }): Promise<GpuDeviceLike>;
}

/** What is needed of `navigator.gpu`. */
export interface GpuLike {
  requestAdapter(options?: {
    powerPreference?: 'high-performance' | 'low-power';
  }): Promise<GpuAdapterLike | null>;
}

/** The buffers that a device makes. */
export type BufferOf<Device> = Device extends { createBuffer(...values: never[]): infer Buffer }
  ? Buffer
  : never;
