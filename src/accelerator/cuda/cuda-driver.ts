import { AcceleratorError, DeviceMemoryError, MissingPeerError } from '../../core/errors.js';
import { peerRequire } from '../../core/peer.js';
import { bindCuda, type CudaCalls, type Handle, type Koffi, type Out, type Status } from './cuda-calls.js';

// Constants of the driver interface.
const success = 0;
const outOfMemory = 2;
const notReady = 600;
/** Statuses that say that there is no device, rather than that one does not work: none, and a library that is a stand-in. */
const absent = [100, 34];
const portable = 1;
const nonBlocking = 1;
const disableTiming = 2;

/** Device memory, in bytes. */
export interface DeviceMemory {
  readonly free: number;
  readonly total: number;
}

/** An {@link AcceleratorError} that says that the hardware or its driver is not there, as on most machines. */
export class CudaAbsentError extends AcceleratorError {}

/** The CUDA driver of this machine: its calls with results as values, and errors thrown. Handles are the driver's own. */
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
   * @param library - Path of the library. @defaultValue where the driver installs it
   * @throws {@link CudaAbsentError} when there is no driver or no device; it says where was looked.
   * @throws {@link MissingPeerError} when koffi is not installed.
   * @throws {@link AcceleratorError} when there is a driver that does not work.
   */
  static open(library?: string): CudaDriver {
    const koffi = loadKoffi();
    const looked = library === undefined ? usualPlaces() : [library];
    for (const path of looked) {
      let calls: CudaCalls;
      try {
        calls = bindCuda(koffi, path);
      } catch {
        continue;
      }
      const driver = new CudaDriver(calls, koffi);
      driver.#initialize(path);
      return driver;
    }
    throw new CudaAbsentError('There is no CUDA driver', {
      where: { accelerator: 'cuda' },
      next: `Looked for the library ${looked.join(', ')}. Install the NVIDIA driver, or use another accelerator.`,
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

  /** The context that the libraries of a process share on a device. Making it takes a while and some device memory. */
  retainContext(device: number): Handle {
    return this.#result<Handle>('DevicePrimaryCtxRetain', device);
  }

  /** Makes a context that of this thread. */
  useContext(context: Handle): void {
    this.#check('CtxSetCurrent', this.#calls.CtxSetCurrent(context));
  }

  /** Waits for everything on the device, and holds up this thread until then. */
  synchronize(): void {
    this.#check('CtxSynchronize', this.#calls.CtxSynchronize());
  }

  memory(): DeviceMemory {
    const free: Out<number | bigint> = [null];
    const total: Out<number | bigint> = [null];
    this.#check('MemGetInfo', this.#calls.MemGetInfo(free, total));
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  /** Page-locked memory of the host, to be given back with {@link freeHost}. */
  allocateHost(bytes: number): { readonly address: Handle; readonly buffer: ArrayBuffer } {
    const address = this.#result<Handle>('MemHostAlloc', bytes, portable);
    return { address, buffer: this.#koffi.view(address, bytes) };
  }

  freeHost(address: Handle): void {
    this.#check('MemFreeHost', this.#calls.MemFreeHost(address));
  }

  /** Locks the pages of memory that exists. */
  lock(memory: Uint8Array): void {
    this.#check('MemHostRegister', this.#calls.MemHostRegister(memory, memory.byteLength, portable));
  }

  unlock(memory: Uint8Array): void {
    this.#check('MemHostUnregister', this.#calls.MemHostUnregister(memory));
  }

  /** @throws {@link DeviceMemoryError} when there is no room. */
  allocate(bytes: number): bigint {
    return BigInt(this.#result<number | bigint>('MemAlloc', bytes));
  }

  free(address: bigint): void {
    this.#check('MemFree', this.#calls.MemFree(address));
  }

  /** Begins a copy. From page-locked memory it goes on by itself: the source must stay as it is until the stream is past it. */
  copyToDevice(target: bigint, source: Uint8Array, stream: Handle): void {
    // Small arrays lie in the heap, where they may be moved, until their buffer is asked for.
    void source.buffer;
    this.#check('MemcpyHtoDAsync', this.#calls.MemcpyHtoDAsync(target, source, source.byteLength, stream));
  }

  copyToHost(target: Uint8Array, source: bigint): void {
    void target.buffer;
    this.#check('MemcpyDtoH', this.#calls.MemcpyDtoH(target, source, target.byteLength));
  }

  /** A stream that does not wait for the default one, nor it for this. */
  createStream(): Handle {
    return this.#result<Handle>('StreamCreate', nonBlocking);
  }

  destroyStream(stream: Handle): void {
    this.#check('StreamDestroy', this.#calls.StreamDestroy(stream));
  }

  synchronizeStream(stream: Handle): void {
    this.#check('StreamSynchronize', this.#calls.StreamSynchronize(stream));
  }

  /** What is put into the stream from now on waits for the event. */
  waitInStream(stream: Handle, event: Handle): void {
    this.#check('StreamWaitEvent', this.#calls.StreamWaitEvent(stream, event, 0));
  }

  createEvent(): Handle {
    return this.#result<Handle>('EventCreate', disableTiming);
  }

  destroyEvent(event: Handle): void {
    this.#check('EventDestroy', this.#calls.EventDestroy(event));
  }

  /** The event comes when everything in the stream so far is done. */
  recordEvent(event: Handle, stream: Handle): void {
    this.#check('EventRecord', this.#calls.EventRecord(event, stream));
  }

  hasCome(event: Handle): boolean {
    const status = this.#calls.EventQuery(event);
    if (status !== notReady) this.#check('EventQuery', status);
    return status !== notReady;
  }

  /** Waits for an event, and holds up this thread until then. */
  synchronizeEvent(event: Handle): void {
    this.#check('EventSynchronize', this.#calls.EventSynchronize(event));
  }

  #initialize(path: string): void {
    const status = this.#calls.Init(0);
    if (!absent.includes(status)) {
      this.#check('Init', status);
      if (this.deviceCount() > 0) return;
    }
    throw new CudaAbsentError('There is no CUDA device', {
      where: { accelerator: 'cuda', library: path, status: this.#nameOf(status) },
      next: 'Looked for one through the driver. See that nvidia-smi lists it, and that CUDA_VISIBLE_DEVICES does not hide it.',
    });
  }

  /** Calls a function whose first argument takes the result. */
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
    const what = `The CUDA driver refuses: ${text[0] ?? `status ${status}`}`;
    if (status === outOfMemory) throw new DeviceMemoryError(what, { where });
    throw new AcceleratorError(what, {
      where,
      next: 'An error of earlier work on the device may be told late: look at what ran before.',
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
    return peerRequire()('koffi') as Koffi;
  } catch (cause) {
    throw new MissingPeerError('CUDA needs the package koffi, which is not installed or does not load', {
      where: { package: 'koffi' },
      next: 'Run: npm install koffi',
      cause,
    });
  }
}

function usualPlaces(): string[] {
  if (process.platform === 'win32') return ['nvcuda.dll'];
  return ['libcuda.so.1', 'libcuda.so', '/usr/lib/wsl/lib/libcuda.so.1'];
}
