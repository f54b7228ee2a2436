import { shownLocation } from '../core/shown-location.js';
import type { ClusterSettings } from '../parts/cluster/run-on-cluster.js';
import { isRemote } from '../storage/url-scheme.js';
import { jobOf, outputOf, type ResolvedConversion, tokenStorage } from './conversion-plan.js';
import { type ConversionOutcome, ConversionRun } from './conversion-run.js';
import { defaultWorkers } from './convert-options.js';
import type { PreparedConversion } from './prepared-conversion.js';
import { detailsOf } from './stored/conversion-details.js';
import type { StoredConversion } from './stored/stored-parts.js';
import { cancelStored, checkNoStorageOptions, runStored } from './stored/stored-run.js';

/**
 * Runs a conversion where its options say: on the workers of a queue, or in threads, with parts beside a local output or
 * in the bucket of a remote one.
 */
export async function runConversion(prepared: PreparedConversion): Promise<ConversionOutcome> {
  const { plan, files, inputs, options } = prepared;
  const cluster = clusterOf(options);
  if (!cluster && !isRemote(options.output)) return new ConversionRun(prepared).run();
  const conversion = storedConversion(prepared);
  if (!cluster) {
    const { numWorkers = defaultWorkers(options) } = options;
    const { parts, writer } = plan;
    const engine = { parts, writer, setup: () => plan.setup(), threads: numWorkers, lanes: plan.lanes ?? 1 };
    return runStored(conversion, engine, options);
  }
  checkNoStorageOptions(prepared.storage);
  const details = detailsOf(inputs, plan, files, options, conversion);
  return runStored(conversion, { cluster, details }, options);
}

/** Removes a conversion from its queue. Returns whether it was there. */
export async function cancelPrepared(prepared: PreparedConversion): Promise<boolean> {
  const { plan, files, inputs, options } = prepared;
  const cluster = clusterOf(options);
  if (!cluster) return false;
  const conversion = storedConversion(prepared);
  return cancelStored(conversion, { cluster, details: detailsOf(inputs, plan, files, options, conversion) });
}

function storedConversion({ plan, files, inputs, options, job }: PreparedConversion): StoredConversion {
  const { to, map } = options;
  return {
    to,
    output: outputOf(options),
    job: job ?? jobOf(plan, files, options),
    inputs: inputs.map(shownLocation),
    samples: plan.samples,
    parts: plan.parts.length,
    ...(to === 'tokens' && { tokens: tokenStorage(options) }),
    ...(map && { maxFailures: map.limits.maxFailures }),
  };
}

function clusterOf({
  redis,
  queue,
  attempts,
  backoffMs,
  pollMs,
  onRefusal,
}: ResolvedConversion):
  | (ClusterSettings & { readonly attempts: number; readonly backoffMs: number })
  | undefined {
  return redis === undefined ? undefined : { redis, queue, attempts, backoffMs, pollMs, onRefusal };
}
