import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { NeighborAnswer } from './live-server.js';
import type { NeighborReport } from './neighbor-report.js';
import { isProofOf, localAddressOf, neighborHeader } from './page-access.js';
import { toPageJson } from './page-json.js';

const answerMs = 3_000;
const maxAnswerBytes = 10_000;

/** The page that a run looks for, and the token it must have; without a token, any page will do. */
export interface NeighborPage {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
}

/** `undefined`: no response. `'other'`: not a Millrace run. `'stranger'`: a page with a different token or none. */
export type NeighborReply = NeighborAnswer | 'other' | 'stranger' | undefined;

/**
 * Sends a report to the run that serves the page. A run with a token first has the page prove that it has the same
 * one, then sends the report over the same connection, so that neither the token nor the report reaches another
 * program.
 */
export async function report(page: NeighborPage, content: NeighborReport): Promise<NeighborReply> {
  const { token, port } = page;
  if (token === undefined) return post(page, '/neighbor', toPageJson(content), {});
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const challenge = { nonce: randomBytes(16).toString('base64url'), port };
    const answer = await post(page, '/neighbor', JSON.stringify({ challenge: challenge.nonce }), { agent });
    if (typeof answer !== 'object') return answer;
    if (!isProofOf(token, challenge, answer.proof ?? '')) return 'stranger';
    return await post(page, '/neighbor', toPageJson(content), { agent, reuses: true });
  } finally {
    agent.destroy();
  }
}

function post(
  { host, port }: NeighborPage,
  path: string,
  body: string,
  { agent, reuses = false }: { readonly agent?: Agent; readonly reuses?: boolean },
): Promise<NeighborAnswer | 'other' | undefined> {
  const headers = {
    [neighborHeader]: '1',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve) => {
    const sent = request(
      {
        host: localAddressOf(host),
        port,
        path,
        method: 'POST',
        headers,
        timeout: answerMs,
        ...(agent && { agent }),
      },
      (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => {
          text += piece.toString('latin1');
          if (text.length > maxAnswerBytes) sent.destroy();
        });
        response.on('end', () => resolve(readAnswer(response.statusCode, text)));
        response.on('error', () => resolve(undefined));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? undefined : 'other'),
    );
    sent.on('close', () => resolve(undefined));
    // Only the connection whose peer has proved itself may carry the report.
    sent.on('socket', () => (reuses && !sent.reusedSocket ? sent.destroy() : sent.end(body)));
  });
}

function readAnswer(status: number | undefined, body: string): NeighborAnswer | 'other' {
  if (status !== 200) return 'other';
  try {
    const answer = JSON.parse(body) as Partial<NeighborAnswer> | null;
    return answer && typeof answer.watched === 'boolean' && typeof answer.server === 'string'
      ? (answer as NeighborAnswer)
      : 'other';
  } catch {
    return 'other';
  }
}
