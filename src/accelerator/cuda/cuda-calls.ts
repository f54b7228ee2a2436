// The part of the CUDA driver interface used here, declared as in the driver's header, cuda.h.

/** The part of koffi, an optional peer dependency, used here. */
export interface Koffi {
  load(path: string): { func(definition: string): (...values: never[]) => unknown };
  view(pointer: bigint, length: number): ArrayBuffer;
}

/** An output parameter: an array of one element, which the call sets. */
export type Out<T> = [T | null];

/** An address or handle from the driver. */
export type Handle = bigint;

/** Status of a call: 0 is success. */
export type Status = number;

/** The calls, by their names without `cu`. Each returns a {@link Status}. */
export interface CudaCalls {
  Init(flags: number): Status;
  DeviceGetCount(count: Out<number>): Status;
  DeviceGet(device: Out<number>, ordinal: number): Status;
  DeviceGetName(name: Uint8Array, length: number, device: number): Status;
  DeviceTotalMem(bytes: Out<number | bigint>, device: number): Status;
  DevicePrimaryCtxRetain(context: Out<Handle>, device: number): Status;
  CtxSetCurrent(context: Handle): Status;
  CtxSynchronize(): Status;
  MemGetInfo(free: Out<number | bigint>, total: Out<number | bigint>): Status;
  MemHostAlloc(address: Out<Handle>, bytes: number, flags: number): Status;
  MemFreeHost(address: Handle): Status;
  MemHostRegister(memory: Uint8Array, bytes: number, flags: number): Status;
  MemHostUnregister(memory: Uint8Array): Status;
  MemAlloc(address: Out<number | bigint>, bytes: number): Status;
  MemFree(address: bigint): Status;
  MemcpyHtoDAsync(target: bigint, source: Uint8Array, bytes: number, stream: Handle): Status;
  MemcpyDtoH(target: Uint8Array, source: bigint, bytes: number): Status;
  StreamCreate(stream: Out<Handle>, flags: number): Status;
  StreamDestroy(stream: Handle): Status;
  StreamSynchronize(stream: Handle): Status;
  StreamWaitEvent(stream: Handle, event: Handle, flags: number): Status;
  EventCreate(event: Out<Handle>, flags: number): Status;
  EventDestroy(event: Handle): Status;
  EventRecord(event: Handle, stream: Handle): Status;
  EventQuery(event: Handle): Status;
  EventSynchronize(event: Handle): Status;
  GetErrorName(status: Status, name: Out<string>): Status;
  GetErrorString(status: Status, text: Out<string>): Status;
}

// Names that end in _v2 are the versions that the current header maps the plain names to.
const declarations: Readonly<Record<keyof CudaCalls, string>> = {
  Init: 'int cuInit(unsigned int flags)',
  DeviceGetCount: 'int cuDeviceGetCount(_Out_ int *count)',
  DeviceGet: 'int cuDeviceGet(_Out_ int *device, int ordinal)',
  DeviceGetName: 'int cuDeviceGetName(void *name, int length, int device)',
  DeviceTotalMem: 'int cuDeviceTotalMem_v2(_Out_ size_t *bytes, int device)',
  DevicePrimaryCtxRetain: 'int cuDevicePrimaryCtxRetain(_Out_ void **context, int device)',
  CtxSetCurrent: 'int cuCtxSetCurrent(void *context)',
  CtxSynchronize: 'int cuCtxSynchronize(void)',
  MemGetInfo: 'int cuMemGetInfo_v2(_Out_ size_t *free, _Out_ size_t *total)',
  MemHostAlloc: 'int cuMemHostAlloc(_Out_ void **address, size_t bytes, unsigned int flags)',
  MemFreeHost: 'int cuMemFreeHost(void *address)',
  MemHostRegister: 'int cuMemHostRegister_v2(void *memory, size_t bytes, unsigned int flags)',
  MemHostUnregister: 'int cuMemHostUnregister(void *memory)',
  MemAlloc: 'int cuMemAlloc_v2(_Out_ uint64_t *address, size_t bytes)',
  MemFree: 'int cuMemFree_v2(uint64_t address)',
  MemcpyHtoDAsync:
    'int cuMemcpyHtoDAsync_v2(uint64_t target, const void *source, size_t bytes, void *stream)',
  MemcpyDtoH: 'int cuMemcpyDtoH_v2(void *target, uint64_t source, size_t bytes)',
  StreamCreate: 'int cuStreamCreate(_Out_ void **stream, unsigned int flags)',
  StreamDestroy: 'int cuStreamDestroy_v2(void *stream)',
  StreamSynchronize: 'int cuStreamSynchronize(void *stream)',
  StreamWaitEvent: 'int cuStreamWaitEvent(void *stream, void *event, unsigned int flags)',
  EventCreate: 'int cuEventCreate(_Out_ void **event, unsigned int flags)',
  EventDestroy: 'int cuEventDestroy_v2(void *event)',
  EventRecord: 'int cuEventRecord(void *event, void *stream)',
  EventQuery: 'int cuEventQuery(void *event)',
  EventSynchronize: 'int cuEventSynchronize(void *event)',
  GetErrorName: 'int cuGetErrorName(int status, _Out_ const char **name)',
  GetErrorString: 'int cuGetErrorString(int status, _Out_ const char **text)',
};

/** Binds the calls of a library. @throws if the library cannot be loaded, or lacks a call */
export function bindCuda(koffi: Koffi, path: string): CudaCalls {
  const library = koffi.load(path);
  const bound = Object.entries(declarations).map(([name, definition]) => [name, library.func(definition)]);
  return Object.fromEntries(bound) as CudaCalls;
}
