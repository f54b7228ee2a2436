import { Access } from '../../dist/serve/access.js';
import { BatchServer } from '../../dist/serve/batch-server.js';
import { parseListen } from '../../dist/serve/listen-address.js';
import { openServed } from '../../dist/serve/open-served.js';

/** What a test may add to a server. */
export interface LocalServerOptions {
  readonly token?: string;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly allowOrigin?: string;
}

/** A server in the process of the test, where a process of its own would only take longer to start. */
export class LocalServer {
  readonly #server: BatchServer;
  /** As a client writes it. */
  readonly address: string;

  private constructor(server: BatchServer, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async start(config: string, listen: string, options: LocalServerOptions = {}): Promise<LocalServer> {
    const { token, ...others } = options;
    const address = parseListen(listen);
    const server = new BatchServer(await openServed(config), {
      address,
      access: new Access(address, token),
      ...others,
    });
    return new LocalServer(server, await server.listen());
  }

  end(): Promise<void> {
    return this.#server.close('the test is over');
  }
}
