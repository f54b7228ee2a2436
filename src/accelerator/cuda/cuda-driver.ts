import { AcceleratorError, DeviceMemoryError, MissingPeerError } from '../../core/errors.js';
import { peerRequire } from '../../core/peer.js';
import { bindCuda, type CudaCalls, type Handle, type Koffi, type Out, type Status } from './cuda-calls.js';

// Constants of the driver interface.
const success = 0;
const outOfMemory = 2;
const notReady = 600;
/** Statuses for a missing device, as opposed to a broken one: no device, and a stub library. */
const absent = [100, 34];
const portable = 1;
const nonBlocking = 1;
const disableTiming = 2;

/** Device memory, in bytes. */
export interface DeviceMemory {
  readonly free: number;
  readonly total: number;
}

/** An {@link AcceleratorError} for missing hardware or a missing driver, the normal case on most machines. */
export class CudaAbsentError extends AcceleratorError {}

/** The CUDA driver of this machine. Calls return their results and throw errors. Handles are the driver's. */
export class CudaDriver {
  readonly #calls: CudaCalls;
  readonly #koffi: Koffi;

  private constructor(calls: CudaCalls, koffi: Koffi) {
    this.#calls = calls;
    this.#koffi = koffi;
  }

  /**
   * Loads and initializes the driver.
   *
   * @param library - Path of the library. @defaultValue the driver's standard location
   * @throws {@link CudaAbsentError} if there is no driver or no device; names the libraries tried.
   * @throws {@link MissingPeerError} if koffi is not installed.
   * @throws {@link AcceleratorError} if the driver does not work.
   */
  static open(library?: string): CudaDriver {
    const koffi = loadKoffi();
    const paths = library === undefined ? standardPaths() : [library];
    const failures: unknown[] = [];
    for (const path of paths) {
      let calls: CudaCalls;
      try {
        calls = bindCuda(koffi, path);
      } catch (error) {
        failures.push(error);
        continue;
      }
      const driver = new CudaDriver(calls, koffi);
      driver.#initialize(path);
      return driver;
    }
    throw new CudaAbsentError('No CUDA driver found', {
      where: { accelerator: 'cuda' },
      next: `Install the NVIDIA driver, or use another accelerator. Libraries tried: ${paths.join(', ')}.`,
      cause: new AggregateError(failures),
    });
  }

  deviceCount(): number {
    return this.#result<number>('DeviceGetCount');
  }

  device(ordinal: number): number {
    return this.#result<number>('DeviceGet', ordinal);
  }

  deviceName(device: number): string {
    const text = new Uint8Array(256);
    this.#check('DeviceGetName', this.#calls.DeviceGetName(text, text.length, device));
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  }

  totalMemory(device: number): number {
    return Number(this.#result('DeviceTotalMem', device));
  }

  /** The context that the libraries of a process share on a device. Creating it takes time and device memory. */
  retainContext(device: number): Handle {
    return this.#result<Handle>('DevicePrimaryCtxRetain', device);
  }

  /** Makes a context current on this thread. */
  useContext(context: Handle): void {
    this.#check('CtxSetCurrent', this.#calls.CtxSetCurrent(context));
  }

  /** Waits for all work on the device; blocks this thread. */
  synchronize(): void {
    this.#check('CtxSynchronize', this.#calls.CtxSynchronize());
  }

  memory(): DeviceMemory {
    const free: Out<number | bigint> = [null];
    const total: Out<number | bigint> = [null];
    this.#check('MemGetInfo', this.#calls.MemGetInfo(free, total));
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  /** Allocates page-locked host memory; release it with {@link freeHost}. */
  allocateHost(bytes: number): { readonly address: Handle; readonly buffer: ArrayBuffer } {
    const address = this.#result<Handle>('MemHostAlloc', bytes, portable);
    return { address, buffer: this.#koffi.view(address, bytes) };
  }

  freeHost(address: Handle): void {
    this.#check('MemFreeHost', this.#calls.MemFreeHost(address));
  }

  /** Locks the pages of existing memory. */
  lock(memory: Uint8Array): void {
    this.#check('MemHostRegister', this.#calls.MemHostRegister(memory, memory.byteLength, portable));
  }

  unlock(memory: Uint8Array): void {
    this.#check('MemHostUnregister', this.#calls.MemHostUnregister(memory));
  }

  /** @throws {@link DeviceMemoryError} if there is not enough memory */
  allocate(bytes: number): bigint {
    return BigInt(this.#result<number | bigint>('MemAlloc', bytes));
  }

  free(address: bigint): void {
    this.#check('MemFree', this.#calls.MemFree(address));
  }

  /**
   * Starts a copy. From page-locked memory it runs asynchronously: do not change the source until the stream has
   * passed it.
   */
  copyToDevice(target: bigint, source: Uint8Array, stream: Handle): void {
    // V8 may move small arrays in its heap until their buffer is accessed.
    void source.buffer;
    this.#check('MemcpyHtoDAsync', this.#calls.MemcpyHtoDAsync(target, source, source.byteLength, stream));
  }

  copyToHost(target: Uint8Array, source: bigint): void {
    void target.buffer;
    this.#check('MemcpyDtoH', this.#calls.MemcpyDtoH(target, source, target.byteLength));
  }

  /** Creates a stream that does not synchronize with the default stream. */
  createStream(): Handle {
    return this.#result<Handle>('StreamCreate', nonBlocking);
  }

  destroyStream(stream: Handle): void {
    this.#check('StreamDestroy', this.#calls.StreamDestroy(stream));
  }

  synchronizeStream(stream: Handle): void {
    this.#check('StreamSynchronize', this.#calls.StreamSynchronize(stream));
  }

  /** Work submitted to the stream from now on waits for the event. */
  waitInStream(stream: Handle, event: Handle): void {
    this.#check('StreamWaitEvent', this.#calls.StreamWaitEvent(stream, event, 0));
  }

  createEvent(): Handle {
    return this.#result<Handle>('EventCreate', disableTiming);
  }

  destroyEvent(event: Handle): void {
    this.#check('EventDestroy', this.#calls.EventDestroy(event));
  }

  /** The event completes when all work submitted to the stream so far is done. */
  recordEvent(event: Handle, stream: Handle): void {
    this.#check('EventRecord', this.#calls.EventRecord(event, stream));
  }

  isComplete(event: Handle): boolean {
    const status = this.#calls.EventQuery(event);
    if (status !== notReady) this.#check('EventQuery', status);
    return status !== notReady;
  }

  /** Waits for an event; blocks this thread. */
  synchronizeEvent(event: Handle): void {
    this.#check('EventSynchronize', this.#calls.EventSynchronize(event));
  }

  #initialize(path: string): void {
    const status = this.#calls.Init(0);
    if (!absent.includes(status)) {
      this.#check('Init', status);
      if (this.deviceCount() > 0) return;
    }
    throw new CudaAbsentError('No CUDA device found', {
      where: { accelerator: 'cuda', library: path, status: this.#nameOf(status) },
      next: 'Check that nvidia-smi lists the device and that CUDA_VISIBLE_DEVICES does not hide it.',
    });
  }

  /** Calls a function whose first parameter is the result. */
  #result<T>(name: ResultCall, ...values: readonly (number | bigint)[]): T {
    const out: Out<T> = [null];
    const call = this.#calls[name] as (out: Out<T>, ...values: readonly (number | bigint)[]) => Status;
    this.#check(name, call(out, ...values));
    return out[0] as T;
  }

  #check(name: keyof CudaCalls, status: Status): void {
    if (status === success) return;
    const where = { call: `cu${name}`, status: this.#nameOf(status) };
    const text: Out<string> = [null];
    this.#calls.GetErrorString(status, text);
    const what = `A CUDA call failed: ${text[0] ?? `status ${status}`}`;
    if (status === outOfMemory) throw new DeviceMemoryError(what, { where });
    throw new AcceleratorError(what, {
      where,
      next: 'CUDA reports errors asynchronously: the cause may be an earlier call.',
    });
  }

  #nameOf(status: Status): string {
    const name: Out<string> = [null];
    this.#calls.GetErrorName(status, name);
    return name[0] ?? String(status);
  }
}

type ResultCall = {
  [Name in keyof CudaCalls]: Parameters<CudaCalls[Name]> extends [infer First, ...(number | bigint)[]]
    ? First extends readonly unknown[]
      ? Name
      : never
    : never;
}[keyof CudaCalls];

function loadKoffi(): Koffi {
  try {
    return peerRequire()('koffi');
  } catch (cause) {
    throw new MissingPeerError('CUDA needs the package koffi, which is not installed or fails to load', {
      where: { package: 'koffi' },
      next: 'Run: npm install koffi',
      cause,
    });
  }
}

function standardPaths(): string[] {
  if (process.platform === 'win32') return ['nvcuda.dll'];
  return ['libcuda.so.1', 'libcuda.so', '/usr/lib/wsl/lib/libcuda.so.1'];
}
