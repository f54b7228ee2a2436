// The real frameworks of Python, each where it is installed. Set MILLRACE_PYTHON to a Python that has them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuideProject } from './guide-project.js';
import { hasPackage, startPython } from './python.js';
import { fixture, ServeProcess, SocketFolder } from './server.js';

const installed = Object.fromEntries(
  ['torch', 'lightning', 'accelerate', 'transformers', 'jax'].map((name) => [name, hasPackage(name)]),
);
const absent = Object.keys(installed).filter((name) => !installed[name]);
if (absent.length > 0) console.log(`Not tested, because Python does not have them: ${absent.join(', ')}.`);

const sockets = new SocketFolder();
let server: ServeProcess;
beforeAll(async () => {
  if (Object.values(installed).some(Boolean))
    server = await ServeProcess.start(fixture('others.js'), sockets.socket('f'));
});
afterAll(async () => {
  await server?.end();
  sockets.remove();
});

async function run(mode: string): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await startPython('frameworks.py', [mode, server.address]).ended;
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
}

describe.skipIf(!installed.torch)('PyTorch', () => {
  let trained: unknown;
  beforeAll(async () => {
    const { weights, ...facts } = await run('plain');
    expect(facts).toEqual({ length: 12, batch_size: 8, batches: 72 });
    trained = weights;
  });

  it('trains the weights that the data has', () => {
    const [slope, offset] = trained as [number, number];
    expect(slope).toBeCloseTo(3, 0);
    expect(offset).toBeCloseTo(-1, 0);
  });

  it('gets tensors that are views of shared memory, whose slots come back', async () => {
    const { equal, free, shared } = await run('tensors');
    expect([equal, free]).toEqual([true, 4]);
    expect(shared).toBeGreaterThan(6);
  });

  it('the loops of the guide run, before and after', async () => {
    const project = new GuideProject('pytorch');
    const before = await project.python('before.py');
    const served = await ServeProcess.start(
      project.path('millrace.config.ts'),
      `unix:${project.path('millrace.sock')}`,
    );
    const after = await project.python('after.py');
    await served.end();
    project.remove();
    expect(Number(/loss (\S+)/.exec(before)![1])).toBeLessThan(0.05);
    expect(Number(/loss (\S+)/.exec(after)![1])).toBeLessThan(0.05);
  });

  it('knows rank and world size from torch.distributed', async () => {
    const { parts } = (await run('distributed')) as { parts: [number, number, number[]][] };
    expect(parts.map(([rank, worldSize]) => [rank, worldSize])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(new Set(parts.flatMap(([, , ids]) => ids)).size).toBe(8);
  });

  it('a loop of DeepSpeed takes it as model_engine.training_dataloader', async () => {
    expect((await run('deepspeed')).weights).toEqual(trained);
  });

  it.skipIf(!installed.lightning)('Lightning trains the same weights', async () => {
    expect(await run('lightning')).toEqual({ weights: trained, steps: 72 });
  });

  it.skipIf(!installed.accelerate)('Accelerate trains the same weights', async () => {
    expect((await run('accelerate')).weights).toEqual(trained);
  });

  it.skipIf(!installed.transformers || !installed.accelerate)(
    'the Trainer of Hugging Face trains the same weights',
    async () => {
      expect(await run('transformers')).toEqual({ weights: trained, steps: 72 });
    },
  );
});

describe.skipIf(!installed.jax)('jax', () => {
  it('gets arrays of jax', async () => {
    const { type, sum } = await run('jax');
    expect(type).toContain('jax');
    expect(sum).toBeGreaterThan(0);
  });
});
