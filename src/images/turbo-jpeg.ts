import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mapEach } from '../core/map-each.js';
import type { Box } from './geometry/move.js';
import type { ImageWorkspace } from './image-workspace.js';
import { declareCalls, type Koffi, type NativeLibrary } from './native-library.js';
import type { ChooseRegion, DecodedRegion, DecoderRefusal, RegionDecoder } from './region-decoder.js';
import { rgbxBytes } from './rgbx-image.js';

interface TurboCalls {
  create(kind: number): bigint | null;
  destroy(handle: bigint): void;
  set(handle: bigint, parameter: number, value: number): number;
  get(handle: bigint, parameter: number): number;
  readHeader(handle: bigint, bytes: Uint8Array, length: number): number;
  setScale(handle: bigint, factor: { num: number; denom: number }): number;
  setCrop(handle: bigint, region: { x: number; y: number; w: number; h: number }): number;
  decode(
    handle: bigint,
    bytes: Uint8Array,
    length: number,
    target: Uint8Array,
    pitch: number,
    format: number,
  ): number;
  message(handle: bigint): string;
}

// Constants of the TurboJPEG interface, version 3.
const decompression = 1;
const stopOnWarning = 0;
const scanLimit = 13;
const subsampling = 4;
const jpegWidth = 5;
const jpegHeight = 6;
const colorspace = 8;
/** Most scans of a JPEG, the limit of libvips; no encoder writes as many. */
const mostScans = 100;
/** RGBA, whose alpha is 255. */
const formatRgba = 7;
const colorspaceOfCmyk = 3;
/** Block size in pixels by subsampling: 4:4:4, 4:2:2, 4:2:0, gray, 4:4:0, 4:1:1, 4:4:1. */
const blockSizes = [
  [8, 8],
  [16, 8],
  [16, 16],
  [8, 8],
  [8, 16],
  [32, 8],
  [8, 32],
] as const;

/** Chroma is interpolated from two samples, each as wide as two or four pixels. */
const margin = 4;

/** Decodes JPEGs with libjpeg-turbo 3: only the needed part, at the needed size. Use one instance per thread. */
export class TurboJpeg implements RegionDecoder {
  readonly #calls: TurboCalls;
  #handle: bigint;

  private constructor(calls: TurboCalls, handle: bigint) {
    this.#calls = calls;
    this.#handle = handle;
  }

  /** The decoder; `undefined` if koffi or the library is missing. */
  static open(): TurboJpeg | undefined {
    const calls = turboCalls();
    const handle = calls && newHandle(calls);
    return calls && handle ? new TurboJpeg(calls, handle) : undefined;
  }

  decode(bytes: Uint8Array, choose: ChooseRegion, workspace: ImageWorkspace): DecodedRegion | DecoderRefusal {
    let decoded: DecodedRegion | DecoderRefusal | undefined;
    try {
      decoded = this.#decode(bytes, choose, workspace);
      return decoded;
    } finally {
      // After a failure the library may keep failing: the next image gets a new handle.
      if (!decoded || 'refused' in decoded) this.#renewHandle();
    }
  }

  #renewHandle(): void {
    const fresh = newHandle(this.#calls);
    if (!fresh) return;
    this.#calls.destroy(this.#handle);
    this.#handle = fresh;
  }

  #decode(
    bytes: Uint8Array,
    choose: ChooseRegion,
    workspace: ImageWorkspace,
  ): DecodedRegion | DecoderRefusal {
    const calls = this.#calls;
    const handle = this.#handle;
    const refused = () => ({ refused: calls.message(handle) });
    if (calls.readHeader(handle, bytes, bytes.length) !== 0) return refused();
    if (calls.get(handle, colorspace) >= colorspaceOfCmyk) return { refused: 'it is CMYK' };
    const size = { width: calls.get(handle, jpegWidth), height: calls.get(handle, jpegHeight) };
    const { needed, shrink } = choose(size);
    const region = this.#regionOf(needed, shrink, size);
    calls.setCrop(handle, { x: 0, y: 0, w: 0, h: 0 });
    calls.setScale(handle, { num: 1, denom: shrink });
    if (calls.setCrop(handle, { x: region.x, y: region.y, w: region.width, h: region.height }) !== 0)
      return refused();
    const { width, height } = region;
    const data = workspace.bytes('decoded', rgbxBytes(width, height));
    if (calls.decode(handle, bytes, bytes.length, data, 4 * width, formatRgba) !== 0) return refused();
    return { image: { width, height, data }, x: region.x, y: region.y };
  }

  /**
   * The region to decode, in pixels after shrinking: it starts at a block boundary and has a margin of a few pixels, because
   * chroma is interpolated across edges.
   */
  #regionOf(needed: Box, shrink: number, whole: { readonly width: number; readonly height: number }): Box {
    const blocks = blockSizes[this.#calls.get(this.#handle, subsampling)] ?? [32, 32];
    const [blockWidth, blockHeight] = mapEach(blocks, (size) => Math.max(1, size / shrink));
    const width = Math.ceil(whole.width / shrink);
    const height = Math.ceil(whole.height / shrink);
    const x = blockWidth * Math.max(0, Math.floor((needed.x / shrink - margin) / blockWidth));
    const y = blockHeight * Math.max(0, Math.floor((needed.y / shrink - margin) / blockHeight));
    const right = Math.min(width, Math.ceil((needed.x + needed.width) / shrink) + margin);
    const bottom = Math.min(height, Math.ceil((needed.y + needed.height) / shrink) + margin);
    return { x, y, width: right - x, height: bottom - y };
  }
}

function newHandle(calls: TurboCalls): bigint | undefined {
  const handle = calls.create(decompression);
  if (!handle) return undefined;
  // Otherwise, a truncated file would be filled with gray.
  calls.set(handle, stopOnWarning, 1);
  calls.set(handle, scanLimit, mostScans);
  return handle;
}

let found: TurboCalls | null | undefined;

function turboCalls(): TurboCalls | undefined {
  if (found === undefined) found = findTurboCalls();
  return found ?? undefined;
}

function findTurboCalls(): TurboCalls | null {
  return declareCalls(libraryPaths, declare);
}

let structsAreDeclared = false;

function declare(library: NativeLibrary, koffi: Koffi): TurboCalls {
  if (!structsAreDeclared) {
    koffi.struct('MillraceScalingFactor', { num: 'int', denom: 'int' });
    koffi.struct('MillraceRegion', { x: 'int', y: 'int', w: 'int', h: 'int' });
    structsAreDeclared = true;
  }
  const call = (definition: string) => library.func(definition) as never;
  return {
    create: call('void *tj3Init(int kind)'),
    destroy: call('void tj3Destroy(void *handle)'),
    set: call('int tj3Set(void *handle, int parameter, int value)'),
    get: call('int tj3Get(void *handle, int parameter)'),
    readHeader: call('int tj3DecompressHeader(void *handle, const void *bytes, size_t length)'),
    setScale: call('int tj3SetScalingFactor(void *handle, MillraceScalingFactor factor)'),
    setCrop: call('int tj3SetCroppingRegion(void *handle, MillraceRegion region)'),
    decode: call(
      'int tj3Decompress8(void *handle, const void *bytes, size_t length, void *target, int pitch, int format)',
    ),
    message: call('const char *tj3GetErrorStr(void *handle)'),
  };
}

/** Candidates for the library: the package that ships it, or the system. */
function libraryPaths(require: NodeJS.Require): string[] {
  return [
    ...packagedLibraries(require),
    'libturbojpeg.so.0',
    'libturbojpeg.dylib',
    '/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib',
    'turbojpeg.dll',
  ];
}

function packagedLibraries(require: NodeJS.Require): string[] {
  try {
    const folder = join(dirname(require.resolve('@julusian/jpeg-turbo')), 'prebuilds');
    const platform = `jpeg-turbo-${process.platform}-${process.arch}`;
    return readdirSync(folder)
      .filter((name) => name === platform || name === `${platform}-musl`)
      .map((name) => join(folder, name, 'libturbojpeg.so.0'));
  } catch {
    return [];
  }
}
