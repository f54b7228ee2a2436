// node upload.js <kind> <MiB per batch> <batches>: copies from the host to a CUDA device. `driver pinned` and `driver
// pageable` call the driver directly; `millrace pinned` and `millrace pageable` use a loader whose batches cost
// nothing to make.
import { DataLoader } from 'millrace';
import { CudaAccelerator, deviceBatches, setAccelerator } from 'millrace/accelerator';
import { print } from './report.js';

const [kind, mebibytes, batches] = process.argv.slice(2);
const bytes = Number(mebibytes) * 2 ** 20;
const count = Number(batches);
const cuda = new CudaAccelerator();
setAccelerator(cuda);

if (kind.startsWith('driver')) await throughDriver();
else await throughLoader();

async function throughDriver() {
  const driver = cuda.activate();
  const source =
    kind === 'driver pinned' ? new Uint8Array(driver.allocateHost(bytes).buffer) : new Uint8Array(bytes);
  source.fill(1);
  const target = cuda.allocate(bytes);
  const stream = driver.createStream();
  const copy = () => driver.copyToDevice(target, source, stream);
  copy();
  driver.synchronizeStream(stream);
  const started = performance.now();
  for (let k = 0; k < count; k++) copy();
  driver.synchronizeStream(stream);
  report(started);
}

async function throughLoader() {
  const shape = [bytes / 4096, 4096];
  const dataset = {
    length: shape[0] * (count + 4),
    get: () => new Uint8Array(4096),
    getBatch: (_, { allocate }) => allocate('uint8', shape),
  };
  const pinMemory = kind === 'millrace pinned';
  const loader = new DataLoader(dataset, { batchSize: shape[0], reuseBuffers: pinMemory, pinMemory });
  let seen = 0;
  let started = 0;
  // The first batches allocate slots and lock them.
  for await (const _ of deviceBatches(loader)) if (++seen === 4) started = performance.now();
  cuda.synchronize();
  report(started);
  await loader.close();
}

function report(started) {
  const { user, system } = process.cpuUsage();
  print((bytes * count) / 1e9, (performance.now() - started) / 1_000, (user + system) / 1e6);
}
