import { request } from 'node:http';
import type { NeighbourAnswer, NeighbourReport } from './live-server.js';
import { neighbourHeader, reachable } from './page-access.js';

const answerMs = 3_000;

/**
 * Sends a report to the run that has the page.
 *
 * @returns `undefined` where nobody listens there; `'other'` where what listens is no Millrace run.
 */
export function report(
  { host, port }: { readonly host: string; readonly port: number },
  content: NeighbourReport,
): Promise<NeighbourAnswer | 'other' | undefined> {
  const body = JSON.stringify(content);
  const headers = {
    [neighbourHeader]: '1',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve) => {
    const sent = request(
      { host: reachable(host), port, path: '/neighbour', method: 'POST', headers, timeout: answerMs },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => resolve(readAnswer(response.statusCode, Buffer.concat(pieces).toString())));
        response.on('error', () => resolve(undefined));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? undefined : 'other'),
    );
    sent.end(body);
  });
}

function readAnswer(status: number | undefined, body: string): NeighbourAnswer | 'other' {
  if (status !== 200) return 'other';
  try {
    const answer = JSON.parse(body) as Partial<NeighbourAnswer> | null;
    return answer && typeof answer.watched === 'boolean' && typeof answer.server === 'string'
      ? (answer as NeighbourAnswer)
      : 'other';
  } catch {
    return 'other';
  }
}
