// Functions that read data in the page, for tests to call from outside.
import { DataLoader } from 'millrace';
import {
  CsvDataset,
  ImageFolder,
  IndexedDataset,
  JsonlDataset,
  MdsDataset,
  NpzDataset,
  openDataset,
  WebDataset,
} from 'millrace/formats';
import { BlobSource, openSource } from 'millrace/storage';
import { formats } from './formats.js';
import { readSamples } from './read-samples.js';

const remote = (name) => new URL(`/ranges/${name}`, location.href).href;

async function download(name) {
  return (await fetch(remote(name))).blob();
}

/** Writes a file to the origin private file system. @returns Its URL */
async function keep(name) {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('data', { create: true });
  const writer = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await writer.write(await download(name));
  await writer.close();
  return `opfs:///data/${name}`;
}

async function failure(action) {
  try {
    await action();
    return undefined;
  } catch ({ name, code, message }) {
    return { name, code, message };
  }
}

export const storageTests = {
  /** All samples of a file behind a URL, in a picked file, or in the origin private file system. */
  read: async (format, name, place, numWorkers) => {
    const file =
      place === 'url'
        ? remote(name)
        : place === 'file'
          ? new BlobSource(new File([await download(name)], name))
          : await keep(name);
    return readSamples(await formats[format].open(file), numWorkers).catch((error) =>
      Promise.reject(new Error(error.message)),
    );
  },

  failures: async () => ({
    path: await failure(() => openSource('data/table.csv')),
    cache: await failure(() => openSource(remote('table.csv'), { cache: true })),
    noPrivateFile: await failure(() => openSource('opfs:///no/such.csv')),
    damaged: await failure(async () => {
      const bytes = new Uint8Array(await (await download('table.csv.gz')).arrayBuffer());
      await CsvDataset.open(new BlobSource(new Blob([bytes.subarray(0, bytes.length - 20)]), 'table.csv.gz'));
    }),
    severalParts: await failure(() => JsonlDataset.open(remote('rows.jsonl.gz'))),
    imageFolder: await failure(() => ImageFolder.open('pictures')),
    indexed: await failure(() => IndexedDataset.open('corpus')),
    mds: await failure(() => MdsDataset.open('mds')),
    npz: await failure(() => NpzDataset.open(remote('arrays.npz'))),
    webDataset: await failure(() => WebDataset.open(remote('shard-000.tar'))),
    anyFormat: await failure(() => openDataset('data/table.csv')),
    beyond: await failure(() => new BlobSource(new Blob(['abc'])).read(0, 4)),
  }),

  /** A file as an `<input type="file">` provides it. */
  picked: async () => {
    const input =
      document.querySelector('input') ??
      document.body.appendChild(Object.assign(document.createElement('input'), { type: 'file' }));
    if (input.files.length === 0) return undefined;
    const dataset = await CsvDataset.open(new BlobSource(input.files[0]));
    const loader = new DataLoader(dataset, { batchSize: 4, numWorkers: 1 });
    let samples = 0;
    for await (const batch of loader)
      samples += Object.values(batch)[0].shape?.[0] ?? Object.values(batch)[0].length;
    await loader.close();
    return samples;
  },
};
