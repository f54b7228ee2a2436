import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';
import * as v from 'valibot';
import { StorageError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { LocalGroup } from './local-group.js';

export interface SocketGroupOptions {
  /** This process, `0 … size - 1`. */
  readonly rank: number;
  /** Processes of the group. */
  readonly size: number;
  /** A path for a Unix socket that no other group uses, in a folder of this user; on Windows, a named pipe. */
  readonly path: string;
  /** Longest wait for all ranks to join, in milliseconds. @defaultValue `60_000` */
  readonly timeoutMs?: number;
}

const schema = v.pipe(
  v.strictObject({
    rank: integerFrom(0),
    size: integerFrom(1),
    path: v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty')),
    timeoutMs: v.optional(integerFrom(1), 60_000),
  }),
  v.forward(
    v.check(({ rank, size }) => rank < size, 'must be below size'),
    ['rank'],
  ),
);

/** A rank of a group over sockets. */
export interface SocketMember {
  readonly rank: number;
  readonly size: number;
  exchange(value: unknown): Promise<unknown[]>;
  close(): Promise<void>;
}

/** Joins a group: rank 0 opens the socket, the others connect to it. All values pass through rank 0. */
export function connectGroup(options: SocketGroupOptions): Promise<SocketMember> {
  const settings = parseOptions('Collectives.overSocket options', schema, options);
  return settings.rank === 0 ? listen(settings) : join(settings);
}

type Settings = v.InferOutput<typeof schema>;

async function listen({ size, path, timeoutMs }: Settings): Promise<SocketMember> {
  const group = new LocalGroup(size);
  const sockets = new Map<number, Socket>();
  // A socket of a run that was killed would refuse the new one.
  if (process.platform !== 'win32') rmSync(path, { force: true });
  const server = createServer();
  const everyone = new Promise<void>((resolve, reject) => {
    if (size === 1) resolve();
    const timer = setTimeout(() => reject(notJoined(path, size - 1 - sockets.size)), timeoutMs);
    server.on('error', (cause) => reject(unreachable(path, cause)));
    server.on('connection', (socket) => {
      let rank = -1;
      receive(socket, (message) => {
        if (rank < 0) {
          rank = message as number;
          sockets.set(rank, socket);
          if (sockets.size === size - 1) {
            clearTimeout(timer);
            resolve();
          }
          return;
        }
        group.exchange(rank, message).then(
          (values) => send(socket, values),
          () => socket.destroy(),
        );
      });
      socket.on('close', () => group.leave(left(rank)));
      socket.on('error', () => undefined);
    });
    if (size === 1) clearTimeout(timer);
  });
  server.listen(path);
  const close = () => closeServer(server, sockets, group);
  try {
    await everyone;
  } catch (error) {
    await close();
    throw error;
  }
  for (const socket of sockets.values()) send(socket, 'joined');
  return { rank: 0, size, exchange: (value) => group.exchange(0, value), close };
}

async function closeServer(
  server: Server,
  sockets: ReadonlyMap<number, Socket>,
  group: LocalGroup,
): Promise<void> {
  group.leave(left(0));
  for (const socket of sockets.values()) socket.end();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

async function join({ rank, size, path, timeoutMs }: Settings): Promise<SocketMember> {
  const socket = await connect(path, timeoutMs);
  const waiting: { resolve(values: unknown[]): void; reject(error: Error): void }[] = [];
  let failure: Error | undefined;
  const next = () =>
    new Promise<unknown[]>((resolve, reject) => {
      if (failure) reject(failure);
      else waiting.push({ resolve, reject });
    });
  const fail = () => {
    failure ??= left(0);
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  socket.on('close', fail);
  socket.on('error', fail);
  receive(socket, (message) => waiting.shift()?.resolve(message as unknown[]));
  const joined = next();
  send(socket, rank);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  await joined.finally(() => clearTimeout(timer));
  return {
    rank,
    size,
    exchange(value) {
      const values = next();
      send(socket, value);
      return values;
    },
    async close() {
      failure ??= left(rank);
      await new Promise<void>((resolve) => socket.end(() => resolve()));
    },
  };
}

/** Connects as soon as rank 0 has opened the socket. */
async function connect(path: string, timeoutMs: number): Promise<Socket> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = createConnection(path, () => {
          socket.off('error', reject);
          resolve(socket);
        });
        socket.once('error', reject);
      });
    } catch (cause) {
      if (performance.now() > end) throw unreachable(path, cause);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A message is its length in bytes, 4 of them, and the bytes of a structured clone. */
function send(socket: Socket, message: unknown): void {
  const body = serialize(message);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  socket.write(head);
  socket.write(body);
}

function receive(socket: Socket, take: (message: unknown) => void): void {
  let pending: Buffer[] = [];
  let bytes = 0;
  let needed = 4;
  socket.on('data', (chunk: Buffer) => {
    pending.push(chunk);
    bytes += chunk.length;
    while (bytes >= needed) {
      const joined = Buffer.concat(pending);
      pending = [joined];
      needed = 4 + joined.readUInt32LE(0);
      if (bytes < needed) return;
      const message = deserialize(joined.subarray(4, needed));
      pending = [joined.subarray(needed)];
      bytes -= needed;
      needed = 4;
      take(message);
    }
  });
}

function left(rank: number): StorageError {
  return new StorageError(`Rank ${rank} of the group has left`, {
    where: { rank },
    next: 'Look at the output of that process: the other ranks cannot continue without it.',
  });
}

function notJoined(path: string, missing: number): StorageError {
  return new StorageError(`${missing} ranks of the group have not joined`, {
    where: { socket: path },
    next: 'Start all processes of the group with the same path and size.',
  });
}

function unreachable(path: string, cause: unknown): StorageError {
  return new StorageError('The socket of the group cannot be reached', {
    where: { socket: path },
    next: 'Start rank 0 with the same path, in a folder in which this user may write.',
    cause,
  });
}
