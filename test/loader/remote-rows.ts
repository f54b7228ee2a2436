import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { JsonlDataset } from 'millrace/formats';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';

export interface Row {
  readonly file: number;
  readonly row: number;
}

/** Files of rows behind a server that counts, with a cache of their own for every test. */
export class RemoteRows {
  readonly server = new ObjectServer();
  readonly fileCount: number;
  readonly rowsPerFile = 8;
  fileBytes = 0;
  /** The cache. */
  folder = '';
  #urls: string[] = [];

  /** Sets itself up for the tests of a file. */
  constructor(fileCount: number) {
    this.fileCount = fileCount;
    beforeAll(async () => {
      await this.server.start();
    });
    afterAll(() => this.server.stop());
    beforeEach(() => {
      this.folder = mkdtempSync(join(tmpdir(), 'millrace-ahead-'));
      this.server.onRequest = undefined;
      this.#urls = Array.from({ length: fileCount }, (_, file) =>
        this.server.put(`/${file}.jsonl`, this.#bytesOf(file)),
      );
    });
    afterEach(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Opens some of the files; what opening put into the cache goes away again. */
  async openFresh(first = 0, end = this.fileCount): Promise<JsonlDataset<Row>> {
    const { folder } = this;
    const dataset = await aSecondAgo(() =>
      JsonlDataset.open<Row>(this.#urls.slice(first, end), { cache: { folder } }),
    );
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    this.server.requests.length = 0;
    return dataset;
  }

  /** Numbers of the files that were asked for, in order. */
  asked(): number[] {
    return this.server.requests.map(({ url }) => fileOf(url));
  }

  /** Holds back all answers. @returns what was asked for, and how to answer it and all that comes after */
  hold(): { readonly answer: (file: number) => void; readonly release: () => void } {
    const held = new Map<number, () => void>();
    this.server.onRequest = ({ url }, response) => {
      const { bytes, etag } = this.server.objects.get(url!)!;
      held.set(fileOf(url!), () =>
        response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes),
      );
      return true;
    };
    const answer = (file: number) => {
      held.get(file)!();
      held.delete(file);
    };
    const release = () => {
      this.server.onRequest = undefined;
      for (const file of [...held.keys()]) answer(file);
    };
    return { answer, release };
  }

  #bytesOf(file: number): Buffer {
    const rows = Array.from({ length: this.rowsPerFile }, (_, row) => ({
      file,
      row,
      text: 'x'.repeat(1_000),
    }));
    const bytes = Buffer.from(rows.map((value) => `${JSON.stringify(value).padEnd(1_100)}\n`).join(''));
    this.fileBytes = bytes.length;
    return bytes;
  }
}

/** Opens with the date of a second ago: entries of a cache that were opened so long ago are looked for when they are read next. */
export async function aSecondAgo<T>(open: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 1_000 });
  try {
    return await open();
  } finally {
    vi.useRealTimers();
  }
}

/** Waits until something holds, as long as there is hope: the test's own time is the limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** Turns in which what was asked for too early would show. */
export async function settle(): Promise<void> {
  for (let k = 0; k < 200; k++) await turn();
}

function fileOf(url: string): number {
  return Number(/\d+/.exec(url)![0]);
}
