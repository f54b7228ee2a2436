import { FormatError, StateMismatchError } from '../../core/errors.js';
import { parseOptions } from '../../core/options.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import type { WorkKind } from '../../parts/cluster/work-kind.js';
import { parseDetails } from '../../parts/cluster/work-payload.js';
import type { TokenizerLike } from '../../tokens/tokenizer.js';
import { findInputs } from '../conversion-input.js';
import { planConversion } from '../conversion-plan.js';
import { convertSchema } from '../convert-options.js';
import { type ConversionDetails, conversionDetails, plannedBy } from './conversion-details.js';
import { finishedConversion } from './publish-stored.js';
import { workLocation } from './stored-parts.js';
import { StoredWorker } from './stored-worker.js';

const workEnding = workLocation('');

/** Conversions and maps as a kind of work. */
export const conversionWork: WorkKind = {
  isDone: async ({ name }, id) =>
    name.endsWith(workEnding) &&
    (await finishedConversion(name.slice(0, -workEnding.length), id)) !== undefined,

  async open(specification, store, allowed) {
    const details = parseDetails(conversionDetails, specification.details);
    const { conversion, inputs } = details;
    if (conversion.job !== specification.id || workLocation(conversion.output) !== store)
      throw new FormatError('The specification is that of another conversion', {
        where: { id: specification.id, output: conversion.output },
        next: 'Start the conversion again.',
      });
    for (const recipe of [details.tokenizer, details.map?.fn]) if (recipe) allowed.check(recipe.module);
    const options = optionsOf(details);
    const files = await findInputs(inputs, {}, options);
    const plan = await planConversion(inputs, files, options, {});
    try {
      if (plannedBy(plan, files) !== details.planned)
        throw new StateMismatchError('This conversion was started with other data, or other code', {
          where: { field: 'planned', wanted: details.planned, here: plannedBy(plan, files) },
          next: 'Use the same data and modules on every machine, or start a new conversion from this one.',
        });
      const setup = plan.setup();
      return (id) => {
        const thread = new StoredWorker({ writer: setup, conversion }, id);
        return {
          get hasFailed() {
            return thread.hasFailed;
          },
          run: ({ part }, onProgress) =>
            part === undefined ? thread.publish(onProgress) : thread.make(plan.parts[part]!, onProgress),
          close: () => thread.close(),
        };
      };
    } finally {
      await plan.writer.close();
    }
  },
};

function optionsOf({ options, tokenizer, map }: ConversionDetails) {
  const { limits, ...given } = options;
  return parseOptions('The options of a conversion', convertSchema, {
    ...given,
    ...(tokenizer && { tokenizer: moduleOf<TokenizerLike>(tokenizer) }),
    ...(map && { map: { fn: moduleOf(map.fn), limits } }),
  } as never);
}

function moduleOf<V>({ module, export: name, calls, options }: NonNullable<ConversionDetails['tokenizer']>) {
  return new WorkerModule<V>(module, { export: name, ...(options !== undefined && { options }) }, calls);
}
