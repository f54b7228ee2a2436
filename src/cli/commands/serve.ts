import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { ConfigError } from '../../core/errors.js';
import { visibleText } from '../../core/visible-text.js';
import { isLoopback } from '../../monitor/dashboard/page-access.js';
import { Access } from '../../serve/access.js';
import { BatchServer } from '../../serve/batch-server.js';
import { type ListenAddress, parseListen } from '../../serve/listen-address.js';
import { openServed } from '../../serve/open-served.js';

interface ServeFlags {
  readonly listen: string;
  readonly token?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly allowOrigin?: string;
}

/** `millrace serve`: gives the batches of loaders to other processes. */
export function serveCommand(): Command {
  return new Command('serve')
    .summary('give batches to PyTorch, jax and other processes')
    .description(
      'Serves the loaders of a configuration until Ctrl-C: to the Python package that comes with Millrace, or to any client of\n' +
        'docs/wire.md. A configuration, and the default export of a module, is the loader "train"; other exports have their names.\n' +
        'Any number of clients, ranks and servers of one configuration get the same batches.',
    )
    .argument('[config]', 'a configuration, or a module that exports loaders', 'millrace.config.ts')
    .option('--listen <address>', 'unix:PATH or HOST:PORT', 'unix:millrace.sock')
    .addOption(
      new Option(
        '--token <token>',
        'what clients must send; needed for an address that other machines reach',
      ).env('MILLRACE_TOKEN'),
    )
    .option('--tls-cert <file>', 'certificate for TLS (PEM), with --tls-key')
    .option('--tls-key <file>', 'private key for TLS (PEM)')
    .option('--allow-origin <origin>', 'web pages of this origin may ask: https://app.example.com')
    .action(serve);
}

async function serve(path: string, flags: ServeFlags): Promise<void> {
  const { listen, token, allowOrigin } = flags;
  const address = parseListen(listen);
  const options = { address, access: new Access(address, token), tls: readTls(flags), allowOrigin };
  const loaders = await openServed(path);
  const server = new BatchServer(loaders, options);
  // Before the address is open, so that the socket is removed whenever the signal comes.
  const signal = new Promise<string>((settle) => {
    process.once('SIGINT', settle);
    process.once('SIGTERM', settle);
  });
  const where = await server.listen();
  warnOfPlainText(address, options.tls !== undefined);
  const names = loaders.map(({ name }) => name);
  process.stdout.write(`${visibleText(`Serving ${names.join(', ')} at ${where}`)}\n`);
  process.stdout.write(
    `In Python: millrace.Loader(${JSON.stringify(where)}, loader=${JSON.stringify(names[0])})\n`,
  );
  await server.close(`the server received ${await signal}`);
}

function readTls({ tlsCert, tlsKey }: ServeFlags): { cert: Buffer; key: Buffer } | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined)
    return { cert: readFileSync(tlsCert), key: readFileSync(tlsKey) };
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  const field = tlsCert === undefined ? '--tls-cert' : '--tls-key';
  throw new ConfigError('millrace serve', [{ field, message: 'is missing: TLS needs both' }]);
}

function warnOfPlainText(address: ListenAddress, hasTls: boolean): void {
  if (hasTls || address.type === 'unix' || isLoopback(address.host)) return;
  process.stderr.write(
    'Without TLS, the token and the batches cross the network unencrypted. Pass --tls-cert and --tls-key, or put a proxy with TLS in front.\n',
  );
}
