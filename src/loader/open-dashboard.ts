import { CapabilityError } from '../core/errors.js';
import {
  dashboardOfEnvironment,
  type ResolvedDashboard,
  resolveDashboard,
} from '../monitor/dashboard/dashboard-options.js';
import type { Observable } from '../monitor/loader-events.js';

/** Shows a loader on the live page, where its option or the environment asks for that. @throws {@link CapabilityError} in a browser */
export async function openDashboard(
  loader: Observable,
  option: boolean | ResolvedDashboard | undefined,
): Promise<void> {
  const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  const dashboard = option ?? (isNode && dashboardOfEnvironment(process.env));
  if (!dashboard) return;
  if (!isNode)
    throw new CapabilityError('The live page needs Node.js', { next: 'Leave dashboard out in a browser.' });
  const { showOnPage } = await import('../monitor/dashboard/dashboard.js');
  await showOnPage(loader, resolveDashboard(dashboard));
}
