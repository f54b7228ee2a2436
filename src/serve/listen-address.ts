import { chmodSync, existsSync, lstatSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { resolve } from 'node:path';
import { ConfigError, StorageError } from '../core/errors.js';

/** The address of a server. */
export type ListenAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

/** The longest path of a unix socket that all systems take, in bytes. */
const longestPath = 103;

/** Reads `unix:PATH` or `HOST:PORT`. @throws {@link ConfigError} for anything else */
export function parseListen(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = resolve(text.slice('unix:'.length));
    if (text.length > 'unix:'.length && Buffer.byteLength(path) <= longestPath) return { type: 'unix', path };
    throw wrongAddress(
      `the path of a unix socket has 1 to ${longestPath} bytes, not ${Buffer.byteLength(path)}: ${path}`,
    );
  }
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw wrongAddress(`must be unix:PATH or HOST:PORT, not ${text}`);
  return { type: 'tcp', host, port: Number(port) };
}

/**
 * Opens the address. A unix socket belongs to its user: no other one can connect.
 *
 * @returns the address as clients write it, with the port that was chosen where it was 0
 * @throws {@link StorageError} if the address is in use or cannot be opened
 */
export async function listen(server: Server, address: ListenAddress): Promise<string> {
  if (address.type === 'unix') await removeStale(address.path);
  // The mask holds for the moment in which the socket is made, so that it is never open to others.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((opened, failed) => {
      server.once('error', failed);
      if (address.type === 'unix') server.listen(address.path, opened);
      else server.listen(address.port, address.host, opened);
      process.umask(before);
    });
  } catch (cause) {
    throw new StorageError('The server cannot listen there', {
      where: { address: address.type === 'unix' ? address.path : `${address.host}:${address.port}` },
      next: 'Choose another address with --listen, or stop what uses this one.',
      cause,
    });
  } finally {
    process.umask(before);
  }
  if (address.type === 'unix') {
    chmodSync(address.path, 0o600);
    return `unix:${address.path}`;
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}

/** Removes the socket of a server that was killed. @throws {@link StorageError} if a server has it open, or it is another file */
async function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const isSocket = lstatSync(path).isSocket();
  const inUse = isSocket && (await answers(path));
  if (isSocket && !inUse) {
    rmSync(path, { force: true });
    return;
  }
  throw new StorageError(
    inUse ? 'Another server has this socket open' : 'There is a file that is not a socket',
    {
      where: { file: path },
      next: 'Choose another path with --listen unix:PATH.',
    },
  );
}

function answers(path: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      settle(true);
    });
    socket.on('error', () => settle(false));
  });
}

function wrongAddress(message: string): ConfigError {
  return new ConfigError('millrace serve', [{ field: '--listen', message }]);
}
