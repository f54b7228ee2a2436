import { batches } from '../../batches.js';

export const dynamic = 'force-dynamic';

/** Batches that two threads of the server make. */
export async function GET() {
  return Response.json(await batches(2));
}
