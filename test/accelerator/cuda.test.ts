import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { ArrayDataset, DataLoader, padCollate, type Tensor, tensor } from 'millrace';
import {
  CpuAccelerator,
  CudaAccelerator,
  deviceBatches,
  getAccelerator,
  setAccelerator,
} from 'millrace/accelerator';
import { DeviceMemoryError, ReleasedBatchError } from 'millrace/errors';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { compileStandIn } from './stand-in-driver.js';

const driver = compileStandIn();
const describeCuda = describe.skipIf(!driver);
const standIn = driver!;
const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const rows = new ArrayDataset(
  Array.from({ length: 40 }, (_, i) => ({
    x: Float32Array.from({ length: 33 }, (_, k) => i + k / 64),
    y: i,
  })),
);

const open = () => new CudaAccelerator({ library: standIn.library });
const held = () =>
  (['allocations', 'streams', 'events', 'locked'] as const).map((what) => standIn.count(what));

/** Runs a module in a process that finds the stand-in at the driver's location. */
async function inProcess(code: string, environment: Record<string, string>): Promise<string> {
  const env = { ...process.env, LD_LIBRARY_PATH: standIn.folder, ...environment };
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code], {
    cwd: root,
    env,
  });
  return stdout + stderr;
}

const sayAccelerator = `
  import { getAccelerator } from 'millrace/accelerator';
  import { DeepSpeedDataLoader } from 'millrace/deepspeed';
  import { ArrayDataset } from 'millrace';
  try {
    const accelerator = getAccelerator();
    const loader = new DeepSpeedDataLoader(new ArrayDataset([1, 2, 3]), { batchSize: 4, localRank: -1 });
    console.log(accelerator.currentDeviceName(), accelerator.deviceCount(), loader.batchSize, loader.numLocalIoWorkers);
  } catch (error) { console.log(error.code, error.message); }`;

afterEach(() => {
  standIn?.fail('', 0);
  standIn?.setMemory(2 ** 32);
});

describeCuda('getAccelerator with a CUDA driver', () => {
  it("selects the driver's device by default; batch size and workers are multiplied by the number of devices", async () => {
    expect(await inProcess(sayAccelerator, {})).toBe('cuda:0 1 4 2\n');
    const preload = `import { createRequire } from 'node:module';
      const koffi = createRequire(process.cwd() + '/x.js')('koffi');
      koffi.load('libcuda.so.1').func('void standInDevices(int)')(3);`;
    expect(await inProcess(preload + sayAccelerator, {})).toBe('cuda:0 3 12 6\n');
    expect(
      await inProcess(preload + sayAccelerator, { RANK: '4', LOCAL_RANK: '4', WORLD_SIZE: '5' }),
    ).toMatch(/^cuda:1 3 /);
  });

  it('is the processor with DS_ACCELERATOR=cpu', async () => {
    expect(await inProcess(sayAccelerator, { DS_ACCELERATOR: 'cpu' })).toMatch(/^cpu /);
  });

  it('silently selects the processor if the driver has no device; a CUDA device requested by name is then an error', async () => {
    const without = `import { createRequire } from 'node:module';
      const koffi = createRequire(process.cwd() + '/x.js')('koffi');
      koffi.load('libcuda.so.1').func('void standInDevices(int)')(0);${sayAccelerator}`;
    expect(await inProcess(without, {})).toMatch(/^cpu \d+ \d+ \d+\n$/);
    expect(await inProcess(without, { DS_ACCELERATOR: 'cuda' })).toMatch(
      /^ERR_MILLRACE_ACCELERATOR No CUDA device found \(.*CUDA_ERROR_NO_DEVICE\).*nvidia-smi/,
    );
  });

  it('warns about a driver that does not work, and selects the processor', async () => {
    const broken = `import { createRequire } from 'node:module';
      const koffi = createRequire(process.cwd() + '/x.js')('koffi');
      koffi.load('libcuda.so.1').func('void standInFail(const char *, int, int)')('cuInit', 999, 0);${sayAccelerator}`;
    const said = await inProcess(broken, {});
    expect(said).toMatch(/^cpu /);
    expect(said).toMatch(/MILLRACE_CUDA_UNUSABLE.*unknown error \(call cuInit, status CUDA_ERROR_UNKNOWN\)/);
  });
});

describe('CudaAccelerator', () => {
  it('lists the libraries it tried if there is no driver', () => {
    expect(() => new CudaAccelerator({ library: '/nowhere/libcuda.so.1' })).toThrow(
      expect.objectContaining({
        code: 'ERR_MILLRACE_ACCELERATOR',
        message: expect.stringContaining('/nowhere/libcuda.so.1'),
      }),
    );
  });
});

describeCuda('CudaAccelerator over the stand-in driver', () => {
  it('reports names, memory and what DeepSpeed queries', () => {
    const cuda = open();
    expect([cuda.name, cuda.currentDeviceName(), cuda.modelName()]).toEqual([
      'cuda',
      'cuda:0',
      'Stand-in GPU 0',
    ]);
    expect([cuda.isAvailable(), cuda.useHostTimers(), cuda.communicationBackendName()]).toEqual([
      true,
      false,
      'nccl',
    ]);
    expect(cuda.totalMemory()).toBe(2 ** 32);
    expect(cuda.deviceMemory()).toEqual({ free: 2 ** 32, total: 2 ** 32 });
    cuda.synchronize();
    expect(() => new CudaAccelerator({ library: standIn.library, device: 1 })).toThrow(
      /device: 1 is outside 0 … 0/,
    );
  });

  it('creates a context only at the first allocation', () => {
    const before = standIn.count('contexts');
    const cuda = open();
    cuda.deviceCount();
    cuda.modelName();
    expect(standIn.count('contexts')).toBe(before);
    cuda.deviceMemory();
    cuda.deviceMemory();
    expect(standIn.count('contexts')).toBe(before + 1);
  });

  it('pins a copy of a tensor in page-locked memory', () => {
    const before = standIn.count('locked');
    const source = tensor(Int32Array.of(1, 2, 3));
    const pinned = open().pinMemory(source);
    expect(pinned.data).toEqual(source.data);
    expect(pinned.data.buffer).not.toBe(source.data.buffer);
    expect(standIn.count('locked')).toBe(before + 1);
  });

  it('names the failed call and its status', () => {
    const cuda = open();
    standIn.fail('cuMemGetInfo', 999);
    expect(() => cuda.deviceMemory()).toThrow(
      /unknown error \(call cuMemGetInfo, status CUDA_ERROR_UNKNOWN\)/,
    );
  });
});

describeCuda('deviceBatches', () => {
  it("uploads exactly the loader's bytes, for all dtypes and sizes", async () => {
    const cuda = open();
    const leaf = fc.oneof(
      fc.float32Array({ minLength: 0, maxLength: 40 }),
      fc.uint8Array({ minLength: 0, maxLength: 40 }),
      fc.bigInt64Array({ minLength: 0, maxLength: 9 }),
      fc.int16Array({ minLength: 0, maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ a: leaf, b: leaf, name: fc.string() }), { maxLength: 6 }),
        async (samples) => {
          const batches = samples.map(({ a, b, name }) => ({
            a: tensor(a),
            nested: [tensor(b)] as const,
            name,
          }));
          const seen: unknown[] = [];
          for await (const { a, nested, name } of deviceBatches(each(batches), { accelerator: cuda }))
            seen.push({ a: a.read(), nested: [nested[0].read()], name });
          expect(seen).toEqual(batches);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('keeps the origin of the samples', async () => {
    const loader = new DataLoader(rows, {
      batchSize: 8,
      shuffle: true,
      provenance: true,
      reuseBuffers: true,
    });
    const origins: unknown[] = [];
    for await (const batch of loader) origins.push(batch.origin);
    loader.seek({ epoch: 0, step: 0 });
    const uploaded: unknown[] = [];
    for await (const batch of deviceBatches(loader, { accelerator: open() })) uploaded.push(batch.origin);
    expect(uploaded).toEqual(origins);
    expect(origins[0]).toHaveLength(8);
  });

  it('types the batch by its tensors', async () => {
    const loader = new DataLoader(rows, { batchSize: 8 });
    for await (const batch of deviceBatches(loader, { accelerator: open() })) {
      expectTypeOf(batch.x.read()).toEqualTypeOf<Tensor<'float32'>>();
      expect(Number(batch.x.address % 256n)).toBe(0);
      expect([batch.x.shape, batch.y.shape]).toEqual([[8, 33], [8]]);
    }
  });

  it.each([0, 2])(
    'locks each slot once, and lets the device read it, with %i workers',
    async (numWorkers) => {
      const before = getAccelerator();
      const cuda = open();
      setAccelerator(cuda);
      try {
        const [registered, locked, eager] = (['registrations', 'locked', 'eagerCopies'] as const).map(
          (what) => standIn.count(what),
        );
        const loader = new DataLoader(rows, {
          batchSize: 4,
          numWorkers,
          reuseBuffers: true,
          pinMemory: true,
        });
        const seen: number[] = [];
        for (let epoch = 0; epoch < 5; epoch++) {
          for await (const { x, y } of deviceBatches(loader)) {
            seen.push(...(y.read().data as Float32Array));
            expect(x.read().data[1]).toBe(seen.at(-4)! + 1 / 64);
          }
        }
        expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i % 40));
        const slots = standIn.count('registrations') - registered!;
        expect(slots).toBeGreaterThan(0);
        expect(slots).toBeLessThan(12);
        expect(standIn.count('lazyCopies')).toBeGreaterThan(50);
        // The first batch of each thread has no slot: the slot size is derived from it. Slots not yet used do not
        // count either.
        expect(standIn.count('eagerCopies') - eager!).toBeLessThan(2 * 2 * 4);
        await loader.close();
        expect(standIn.count('locked')).toBe(locked);
      } finally {
        setAccelerator(before);
      }
    },
  );

  it.each([0, 1])(
    'locks slots again when they grow, and unlocks all pages at the end, with %i workers',
    async (numWorkers) => {
      const before = getAccelerator();
      setAccelerator(open());
      const warnings: string[] = [];
      const listen = (warning: Error) => warnings.push(warning.message);
      process.on('warning', listen);
      try {
        const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 4, maxLength: 12 });
        const property = fc.asyncProperty(lengths, async (given) => {
          const locked = standIn.count('locked');
          const ragged = new ArrayDataset(given.map((length, i) => new Int32Array(length).fill(i + 1)));
          const collate = padCollate();
          const loader = new DataLoader(ragged, {
            batchSize: 2,
            numWorkers,
            reuseBuffers: true,
            pinMemory: true,
            collate,
          });
          let sum = 0;
          for await (const batch of deviceBatches(loader))
            for (const element of batch.read().data) sum += Number(element);
          await loader.close();
          expect(sum).toBe(given.reduce((total, length, i) => total + length * (i + 1), 0));
          expect(standIn.count('locked')).toBe(locked);
        });
        await fc.assert(property, { numRuns: numWorkers === 0 ? 30 : 5 });
        // A page shared by two slots could not be locked twice, which would cause a warning.
        expect(warnings).toEqual([]);
      } finally {
        process.off('warning', listen);
        setAccelerator(before);
      }
    },
  );

  it('keeps copies and computations out of each other’s slot, without blocking the host', async () => {
    // The stand-in runs a stream only when something waits for it, so an overwritten slot, or one lent too early,
    // shows.
    const before = getAccelerator();
    const cuda = open();
    setAccelerator(cuda);
    try {
      const loader = new DataLoader(rows, { batchSize: 4, reuseBuffers: true, pinMemory: true });
      const stream = cuda.activate().createStream();
      const results: Uint8Array[] = [];
      for await (const { x } of deviceBatches(loader, { stream })) {
        const result = new Uint8Array(x.byteLength);
        results.push(result);
        standIn.launchRead(x.address, result, stream);
      }
      cuda.synchronize();
      cuda.activate().destroyStream(stream);
      const firsts = results.map((bytes) => new Float32Array(bytes.buffer)[0]);
      expect(firsts).toEqual(Array.from({ length: 10 }, (_, i) => 4 * i));
      await loader.close();
    } finally {
      setAccelerator(before);
    }
  });

  it('completes the upload before work in the computing stream begins, without blocking the host', async () => {
    const before = getAccelerator();
    const cuda = open();
    setAccelerator(cuda);
    try {
      const loader = new DataLoader(rows, { batchSize: 4, reuseBuffers: true, pinMemory: true });
      const firsts: number[] = [];
      for await (const { y } of deviceBatches(loader)) {
        const result = new Float32Array(4);
        standIn.launchRead(y.address, new Uint8Array(result.buffer));
        cuda.activate().synchronizeStream(0n);
        firsts.push(result[0]!);
      }
      expect(firsts).toEqual(Array.from({ length: 10 }, (_, i) => 4 * i));
      await loader.close();
    } finally {
      setAccelerator(before);
    }
  });

  it.each([0, 2])('keeps the loader’s state exact at each batch, with %i workers', async (numWorkers) => {
    const statesOf = async (upload: boolean): Promise<unknown[]> => {
      const loader = new DataLoader(rows, { batchSize: 8, shuffle: true, seed: 5, numWorkers });
      const states: unknown[] = [];
      const batches = upload ? deviceBatches(loader, { accelerator: open() }) : loader;
      for await (const _ of batches) states.push(loader.stateDict());
      await loader.close();
      return states;
    };
    expect(await statesOf(true)).toEqual(await statesOf(false));
  });

  it('copies memory that is not page-locked too', async () => {
    const loader = new DataLoader(rows, { batchSize: 16 });
    const seen: number[] = [];
    for await (const { y } of deviceBatches(loader, { accelerator: open() }))
      seen.push(...(y.read().data as Float32Array));
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it.each(['the last batch', 'a break', 'an error'])('releases everything after %s', async (ending) => {
    const cuda = open();
    const before = held();
    const loader = new DataLoader(rows, { batchSize: 4 });
    let kept: { x: { address: bigint }; y: { read(): unknown } } | undefined;
    const loop = async () => {
      for await (const batch of deviceBatches(loader, { accelerator: cuda })) {
        kept = batch;
        if (ending === 'a break') break;
        if (ending === 'an error') throw new Error('of the trainer');
      }
    };
    if (ending === 'an error') await expect(loop()).rejects.toThrow('of the trainer');
    else await loop();
    expect(held()).toEqual(before);
    expect(cuda.memoryAllocated()).toBe(0);
    expect(cuda.maxMemoryAllocated()).toBeGreaterThan(0);
    expect(() => kept?.x.address).toThrow(ReleasedBatchError);
    expect(() => kept?.y.read()).toThrow(/was released/);
  });

  it('uses one slot, with a warning, if two do not fit', async () => {
    const cuda = open();
    const before = held();
    standIn.setMemory(3_000);
    const warnings: string[] = [];
    const listen = (warning: Error & { code?: string }) => warnings.push(warning.code ?? '');
    process.on('warning', listen);
    const loader = new DataLoader(rows, { batchSize: 16 });
    const seen: number[] = [];
    for await (const { y } of deviceBatches(loader, { accelerator: cuda }))
      seen.push(...(y.read().data as Float32Array));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(warnings).toContain('MILLRACE_ONE_DEVICE_SLOT');
    expect(held()).toEqual(before);
  });

  it('reports a batch that is too large for the device, releases everything, and leaves the loader usable', async () => {
    const cuda = open();
    const before = held();
    standIn.setMemory(2_000);
    const loader = new DataLoader(rows, { batchSize: 16 });
    const saved = loader.stateDict();
    const loop = async () => {
      for await (const _ of deviceBatches(loader, { accelerator: cuda }));
    };
    await expect(loop()).rejects.toThrow(DeviceMemoryError);
    loader.loadStateDict(saved);
    await expect(loop()).rejects.toThrow(
      /does not fit.*\(device cuda:0, batch 0, bytes 2560, free bytes 2000, total bytes 2000\).*smaller batches/,
    );
    expect(held()).toEqual(before);
    standIn.setMemory(2 ** 32);
    loader.loadStateDict(saved);
    let batches = 0;
    for await (const _ of deviceBatches(loader, { accelerator: cuda })) batches += 1;
    expect(batches).toBe(3);
  });

  it('continues with a warning if pages cannot be locked', async () => {
    const before = getAccelerator();
    setAccelerator(open());
    standIn.fail('cuMemHostRegister', 2);
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.message);
    process.on('warning', listen);
    try {
      const loader = new DataLoader(rows, { batchSize: 4, reuseBuffers: true, pinMemory: true });
      let batches = 0;
      for await (const _ of deviceBatches(loader)) batches += 1;
      await loader.close();
      expect(batches).toBe(10);
      expect(warnings.join('\n')).toMatch(/could not be page-locked.*cuMemHostRegister/);
    } finally {
      process.off('warning', listen);
      setAccelerator(before);
    }
  });

  it('names a failing copy, and releases everything', async () => {
    const cuda = open();
    const before = held();
    standIn.fail('cuMemcpyHtoDAsync', 999, 3);
    const loop = async () => {
      for await (const _ of deviceBatches(new DataLoader(rows, { batchSize: 4 }), { accelerator: cuda }));
    };
    await expect(loop()).rejects.toThrow(/unknown error \(call cuMemcpyHtoDAsync/);
    expect(held()).toEqual(before);
  });
});

describe('deviceBatches without a CUDA device', () => {
  let before: ReturnType<typeof getAccelerator>;
  beforeEach(() => {
    before = getAccelerator();
  });
  afterEach(() => setAccelerator(before));

  it('is an error that lists the alternatives', async () => {
    const batches = deviceBatches(new DataLoader(rows), { accelerator: new CpuAccelerator() });
    await expect(batches.next()).rejects.toThrow(
      /CUDA device \(accelerator cpu\).*Iterate the loader itself/,
    );
  });

  it('makes pinMemory a no-op', async () => {
    setAccelerator(new CpuAccelerator());
    const loader = new DataLoader(rows, { batchSize: 20, pinMemory: true, reuseBuffers: true });
    let batches = 0;
    for await (const _ of loader) batches += 1;
    expect(batches).toBe(2);
  });
});

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
