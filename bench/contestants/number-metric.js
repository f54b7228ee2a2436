// Each sample is its own value.
export default { name: 'seqlen', batchSize: 1_000, measure: (samples) => samples };
