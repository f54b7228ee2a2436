// The process that reads mutated files for `harness.ts`: it imports a reader, takes paths from its parent, and answers each with
// what came of it. A reader is a module whose default export opens a path: it returns a dataset, an async iterable, or plain values.
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const mostSamples = 2_000;
const microseconds = 1e6;

if (isMainThread) await answerParent();
else watch();

async function answerParent() {
  const { MillraceError } = await import('millrace');
  const { default: open } = await import(process.argv[2]);
  const shared = new Float64Array(new SharedArrayBuffer(8));
  shared[0] = Number.POSITIVE_INFINITY;
  const limits = { cpuSeconds: Number(process.argv[3]), memory: Number(process.argv[4]), shared };
  new Worker(new URL(import.meta.url), { workerData: limits }).unref();
  let stray; // an error that no promise and no call led back to the reader
  let pending;
  process.on('unhandledRejection', (error) => (stray ??= error));
  process.on('uncaughtException', (error) => (stray ??= error));
  // The channel does not hold the process while a file is read. A reader that waits for nothing then ends the loop, which is a hang.
  process.on('beforeExit', () => {
    if (pending === undefined) return;
    writeSync(2, 'it hangs: its promise never settles\n');
    process.exit(99);
  });
  process.on('message', async (path) => {
    process.channel?.unref();
    pending = path;
    stray = undefined;
    shared[0] = cpuNow();
    const answer = await outcome(open, path, MillraceError);
    await setImmediate();
    await setImmediate();
    shared[0] = Number.POSITIVE_INFINITY;
    pending = undefined;
    process.channel?.ref();
    process.send(
      stray === undefined ? answer : { untyped: `outside of the reader's promise: ${described(stray)}` },
    );
  });
  process.send('ready');
}

async function outcome(open, path, MillraceError) {
  try {
    const hash = createHash('sha256');
    const opened = await open(path);
    try {
      await hashSamples(hash, opened?.dataset ?? opened);
    } finally {
      await opened?.close?.();
    }
    return { digest: hash.digest('hex') };
  } catch (error) {
    if (error instanceof MillraceError) {
      const { cause } = error;
      // A sample error counts as its cause.
      if (error.code !== 'ERR_MILLRACE_SAMPLE' || cause instanceof MillraceError)
        return { refused: error.code, message: error.message };
    }
    return { untyped: described(error) };
  }
}

async function hashSamples(hash, opened) {
  if (typeof opened?.get === 'function' && typeof opened.length === 'number') {
    hash.update(`${opened.length}`);
    for (let i = 0; i < Math.min(opened.length, mostSamples); i++) hashValue(hash, await opened.get(i));
  } else if (opened?.[Symbol.asyncIterator]) {
    let count = 0;
    for await (const sample of opened) {
      hashValue(hash, sample);
      if (++count >= mostSamples) break;
    }
  } else hashValue(hash, opened);
}

function hashValue(hash, value) {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.length};`);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (Array.isArray(value)) {
    hash.update(`[${value.length};`);
    for (const item of value) hashValue(hash, item);
  } else if (value instanceof Date) hash.update(`date ${value.getTime()};`);
  else if (value !== null && typeof value === 'object') {
    const keys = Object.keys(value).sort();
    hash.update(`{${keys.length};`);
    for (const key of keys) {
      hash.update(`${key}:`);
      hashValue(hash, value[key]);
    }
  } else hash.update(`${typeof value} ${Object.is(value, -0) ? '-0' : String(value)};`);
}

function described(error) {
  return String(error?.stack ?? error)
    .split('\n')
    .slice(0, 4)
    .join('\n');
}

function cpuNow() {
  const { user, system } = process.cpuUsage();
  return (user + system) / microseconds;
}

/** Ends the process when one file takes too much processor time or memory. It runs in a thread, so a busy loop does not stop it. */
function watch() {
  const { cpuSeconds, memory, shared } = workerData;
  setInterval(() => {
    const took = cpuNow() - shared[0];
    const rss = process.memoryUsage.rss();
    if (took > cpuSeconds) end(`it hangs: more than ${cpuSeconds} seconds of processor time`);
    if (rss > memory) end(`it takes ${Math.round(rss / 2 ** 20)} MiB of memory`);
  }, 50);
}

function end(reason) {
  writeSync(2, `${reason}\n`);
  process.kill(process.pid, 'SIGKILL');
}
