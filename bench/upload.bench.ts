// Copies to a CUDA device: the share of the driver's own bandwidth that a loader reaches. Batches have 64 MiB, the
// order of magnitude of an image batch (256 × 3 × 224 × 224 bytes are 37 MiB); small ones would measure the calls.
import { CudaAccelerator } from 'millrace/accelerator';
import { atLeast, compare, nodeCommand, type Report, resultOf } from './measure.js';

export const title = 'Upload: batches of 64 MiB from the host to a CUDA device';
export const unit = 'GB/s';

const kinds = ['driver pinned', 'driver pageable', 'millrace pinned', 'millrace pageable'];

export default function run(): Report {
  const cuda = openDevice();
  console.error(`${cuda.currentDeviceName()}: ${cuda.modelName()}`);
  const results = compare(
    kinds.map((kind) => ({ name: kind, command: nodeCommand('upload.js', kind, 64, 100) })),
    'rate',
  );
  const ratio = resultOf(results, 'millrace pinned').value / resultOf(results, 'driver pinned').value;
  return { results, goals: [atLeast('of the bandwidth of pinned memory', ratio, 0.9)] };
}

function openDevice(): CudaAccelerator {
  try {
    return new CudaAccelerator();
  } catch (error) {
    console.error(`Not measured: ${(error as Error).message}`);
    process.exit(1);
  }
}
