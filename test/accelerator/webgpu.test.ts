// gpuBatches on real devices: software Vulkan (SwiftShader, which Chromium brings) in Node.js and in a browser.
/// <reference types="@webgpu/types" />
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BatchOf, DataLoader, TensorDataset, tensor } from 'millrace';
import { gpuBatches, WebGpuAccelerator } from 'millrace/accelerator';
import { chromium } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { describe, expect, expectTypeOf, it, type TestContext } from 'vitest';
import { executablePath, openPage } from '../setup/browser.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/webgpu/${name}`, import.meta.url));

interface Checks {
  readonly absent?: string;
  readonly [check: string]: unknown;
}

/** Runs the checks in Node.js, on the software device if there is one. */
async function inNode(): Promise<Checks> {
  const folder = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'].find((place) =>
    existsSync(join(place, 'vk_swiftshader_icd.json')),
  );
  const vulkan = folder && {
    VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
    LD_LIBRARY_PATH: folder,
  };
  const env = { ...process.env, ...vulkan };
  const { stdout } = await promisify(execFile)(process.execPath, [fixture('in-node.js')], { env });
  return JSON.parse(stdout) as Checks;
}

/** Runs the checks in Chromium, with its software device. */
async function inBrowser(): Promise<Checks> {
  const { output } = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'esnext',
      rolldownOptions: { input: fixture('in-browser.js'), output: { codeSplitting: false } },
    },
  })) as Rolldown.RolldownOutput;
  const server = createServer((request, response) => {
    const isScript = request.url === '/bundle.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript
        ? output[0].code
        : '<!doctype html><title>-</title><script type="module" src="/bundle.js"></script>',
    );
  }).listen(0, '127.0.0.1');
  const args = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
  const browser = await chromium.launch({ executablePath: executablePath!, args, timeout: 0 });
  try {
    const page = await openPage(browser);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => 'checks' in globalThis);
    expect(problems).toEqual([]);
    return await page.evaluate(() => (globalThis as unknown as { checks: Checks }).checks);
  } finally {
    await browser.close();
    server.close();
  }
}

function needDevice({ absent, device }: Checks, where: string, { skip }: TestContext): void {
  if (absent === undefined) {
    console.warn(`WebGPU in ${where}: ran on ${device}, not on a GPU.`);
    return;
  }
  // With CI=true a device is required; elsewhere a missing one is logged.
  expect(process.env.CI, absent).not.toBe('true');
  console.warn(`SKIPPED: WebGPU in ${where}. ${absent}`);
  skip(absent);
}

function expectKept(checks: Checks): void {
  expect(checks.names).toEqual(['webgpu', 'webgpu:0', 1, true]);
  expect(checks.everyDtype).toEqual({ batches: 24, isEqual: true });
  // Sums of samples i, 64 times each; the last batch has two samples.
  const sums = Array.from({ length: 13 }, (_, k) => (k < 12 ? 64 * (16 * k + 6) : 64 * 97));
  expect(checks.sums).toEqual(sums);
  expect(checks.afterBreak).toEqual({
    held: true,
    left: 0,
    position: 1,
    kept: 'ERR_MILLRACE_RELEASED_BATCH',
  });
  expect(checks.tooLarge).toMatch(
    /^ERR_MILLRACE_DEVICE_MEMORY: A batch does not fit .*largest buffer of the device has 64 bytes \(accelerator webgpu, buffer millrace batch, bytes 200\).*smaller batches/,
  );
  expect(checks.outOfMemory).toEqual({
    said: expect.stringMatching(/^ERR_MILLRACE_DEVICE_MEMORY: .*no memory left \(accelerator webgpu/),
    left: 0,
  });
  expect(checks.lost).toMatch(
    /^ERR_MILLRACE_ACCELERATOR: The WebGPU device was lost: .*batch 1.*Open a new device/,
  );
}

describe('gpuBatches', () => {
  it('keeps its promises in Node.js: bytes, order, memory, errors', async (context) => {
    const checks = await inNode();
    needDevice(checks, 'Node.js', context);
    expectKept(checks);
    expect(checks.isThatOfTheProcess).toBe(true);
  });

  it.skipIf(!executablePath)(
    'keeps its promises in a browser: bytes, order, memory, errors',
    async (context) => {
      const checks = await inBrowser();
      expect(checks.withoutProcess).toEqual(['cpu', 1, 0, [[1, 2, 3]]]);
      needDevice(checks, 'Chromium', context);
      expectKept(checks);
    },
  );

  it('types buffers by the device, and tensors by the dataset', () => {
    const loader = new DataLoader(new TensorDataset({ x: tensor(new Float32Array(4)) }), { batchSize: 2 });
    const batches = gpuBatches(loader, null as unknown as GPUDevice);
    type Batch = BatchOf<typeof batches>;
    expectTypeOf<keyof Batch>().toEqualTypeOf<'x'>();
    expectTypeOf<Batch['x']['buffer']>().toEqualTypeOf<GPUBuffer>();
    expectTypeOf<Batch['x']['dtype']>().toEqualTypeOf<'float32'>();
  });
});

describe('WebGpuAccelerator', () => {
  it('reports what it tried if there is no adapter', async () => {
    const gpu = { requestAdapter: async () => null };
    await expect(WebGpuAccelerator.open({ gpu })).rejects.toThrow(
      /no adapter on this machine \(accelerator webgpu\).*requestAdapter\(\).*libvulkan1/,
    );
  });
});
