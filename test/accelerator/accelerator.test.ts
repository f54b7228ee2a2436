import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CpuAccelerator, getAccelerator, openAccelerator, setAccelerator } from 'millrace/accelerator';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { countNumaNodes } from '../../dist/accelerator/numa-nodes.js';

describe('CpuAccelerator', () => {
  it.each([
    [{ LOCAL_SIZE: '4' }, 2, 4],
    [{ LOCAL_SIZE: '0' }, 2, 2],
    [{}, 3, 3],
    [{}, 0, 1],
  ])('with %j and %d NUMA nodes counts %d devices', (environment, numaNodes, expected) => {
    expect(new CpuAccelerator({ environment, countNumaNodes: () => numaNodes }).deviceCount()).toBe(expected);
  });

  it('rejects a LOCAL_SIZE that is not a number, and names it', () => {
    const device = new CpuAccelerator({ environment: { LOCAL_SIZE: 'two' } });
    expect(() => device.deviceCount()).toThrow(/LOCAL_SIZE.*"two"/);
  });

  it('reports the resident set and its peak', () => {
    const device = new CpuAccelerator();
    const seen = device.memoryAllocated();
    expect(seen).toBeGreaterThan(1e6);
    expect(device.maxMemoryAllocated()).toBeGreaterThanOrEqual(seen);
  });

  it('returns tensors unpinned, and reports the names that DeepSpeed uses', () => {
    const device = new CpuAccelerator({ environment: { LOCAL_RANK: '3' } });
    const tensor = { dtype: 'int32', shape: [1], data: Int32Array.of(1) } as const;
    expect(device.pinMemory(tensor)).toBe(tensor);
    expect([device.currentDeviceName(), device.communicationBackendName(), device.currentDevice()]).toEqual([
      'cpu',
      'gloo',
      3,
    ]);
  });
});

describe('countNumaNodes', () => {
  it('counts nodes with cores, and consecutive nodes with the same cores once', () => {
    const root = mkdtempSync(join(tmpdir(), 'millrace-numa-'));
    try {
      const cores = ['0-7', '0-7', '', '8-15', '0-7'];
      cores.forEach((list, node) => {
        mkdirSync(join(root, `node${node}`));
        writeFileSync(join(root, `node${node}`, 'cpulist'), `${list}\n`);
      });
      writeFileSync(join(root, 'online'), '0-4\n');
      expect(countNumaNodes(root)).toBe(3);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('returns 0 if the system does not list nodes', () => {
    expect(countNumaNodes('/nowhere')).toBe(0);
  });
});

describe('getAccelerator', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  const fresh = async (name: string) => {
    vi.stubEnv('DS_ACCELERATOR', name);
    // The accelerator is chosen once per process; a different query string loads the module again.
    const url = new URL(`../../dist/accelerator/get-accelerator.js?${name}`, import.meta.url).href;
    return ((await import(url)) as { getAccelerator: typeof getAccelerator }).getAccelerator;
  };

  it('is the processor, or a CUDA device if present, and the same object each time', () => {
    expect(getAccelerator().name).toMatch(/^(cpu|cuda)$/);
    expect(getAccelerator()).toBe(getAccelerator());
  });

  it('follows DS_ACCELERATOR=cpu', async () => {
    expect((await fresh('cpu'))().name).toBe('cpu');
  });

  it.each([
    ['xpu', /xpu devices.*Set DS_ACCELERATOR to cpu, cuda or webgpu/],
    ['webgpu', /No WebGPU device has been opened.*openAccelerator/],
  ])('reports a missing %s device with ERR_MILLRACE_ACCELERATOR', async (name, message) => {
    const get = await fresh(name);
    expect(get).toThrow(expect.objectContaining({ code: 'ERR_MILLRACE_ACCELERATOR' }));
    expect(get).toThrow(message);
  });

  it('rejects an unknown name with ERR_MILLRACE_CONFIG and lists the known ones', async () => {
    const get = await fresh('gpu');
    expect(get).toThrow(expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG' }));
    expect(get).toThrow(/DS_ACCELERATOR.*"gpu".*cuda, cpu, xpu/);
  });

  it('is the one that openAccelerator has opened', async () => {
    const before = getAccelerator();
    const opened = await openAccelerator('cpu');
    expect(opened).toBeInstanceOf(CpuAccelerator);
    expect(getAccelerator()).toBe(opened);
    await expect(openAccelerator('mps')).rejects.toThrow(/cannot use mps devices/);
    expect(getAccelerator()).toBe(opened);
    setAccelerator(before);
  });

  it('can be replaced, but only by an object with every method', () => {
    const before = getAccelerator();
    const own = Object.assign(new CpuAccelerator(), { deviceCount: () => 7 });
    setAccelerator(own);
    expect(getAccelerator().deviceCount()).toBe(7);
    setAccelerator(before);
    expect(() => setAccelerator({ name: 'mine' } as never)).toThrow(/deviceCount: must be a function/);
  });
});
