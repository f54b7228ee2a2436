import { createHash } from 'node:crypto';
import { ObjectServer } from '../../storage/object-server.js';
import type { Files } from './layouts.js';

/** A stand-in for the Hugging Face Hub: data sets with commits, branches, gates, and files that another server holds. */
export class HubServer {
  readonly hub = new ObjectServer();
  /** Holds large files, to which the Hub redirects. */
  readonly files = new ObjectServer();
  readonly #repositories = new Map<string, { branches: Map<string, string>; commits: Map<string, Files> }>();
  /** Data sets that need one of these tokens. */
  readonly gates = new Map<string, ReadonlySet<string>>();

  async start(): Promise<this> {
    await Promise.all([this.hub.start(), this.files.start()]);
    this.hub.onRequest = (request, response) => {
      const answer = this.#answer(new URL(request.url!, this.hub.origin), request.headers.authorization);
      if (!answer) response.writeHead(404).end('{"error":"Repository not found"}');
      else response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
      return true;
    };
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all([this.hub.stop(), this.files.stop()]);
  }

  /** Commits files to a branch. @returns the commit */
  commit(name: string, files: Files, branch = 'main'): string {
    const found = this.#repositories.get(name) ?? { branches: new Map(), commits: new Map() };
    this.#repositories.set(name, found);
    const hash = createHash('sha1').update(name).update(String(found.commits.size));
    for (const [path, content] of Object.entries(files)) hash.update(path).update(content);
    const commit = hash.digest('hex');
    found.commits.set(commit, files);
    found.branches.set(branch, commit);
    for (const [path, content] of Object.entries(files))
      this.files.put(`/${commit}/${encodeURIComponent(path)}`, Buffer.from(content));
    return commit;
  }

  #answer(
    url: URL,
    authorization: string | undefined,
  ): { status?: number; headers?: Record<string, string>; body?: string } | undefined {
    const found =
      /^\/api\/datasets\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/.exec(url.pathname) ??
      /^\/datasets\/([^/]+\/[^/]+)\/(resolve)\/([^/]+)\/(.*)$/.exec(url.pathname);
    const [, name = '', action, revision = '', path = ''] = found ?? [];
    const repository = this.#repositories.get(name);
    const tokens = this.gates.get(name);
    if (tokens && !tokens.has(authorization?.replace('Bearer ', '') ?? ''))
      return {
        status: authorization ? 403 : 401,
        headers: { 'x-error-code': 'GatedRepo' },
        body: `Access to dataset ${name} is restricted. (${authorization})`,
      };
    const asked = decodeURIComponent(revision);
    const commit = repository?.branches.get(asked) ?? asked;
    const files = repository?.commits.get(commit);
    if (!files) return undefined;
    if (action === 'revision') return { body: JSON.stringify({ id: name, sha: commit }) };
    if (action === 'tree')
      return {
        body: JSON.stringify(
          Object.entries(files).map(([file, content]) => ({
            type: 'file',
            path: file,
            size: Buffer.from(content).length,
          })),
        ),
      };
    const file = decodeURIComponent(path);
    if (!Object.hasOwn(files, file)) return undefined;
    return {
      status: 302,
      headers: { location: `${this.files.origin}/${commit}/${encodeURIComponent(encodeURIComponent(file))}` },
    };
  }
}
