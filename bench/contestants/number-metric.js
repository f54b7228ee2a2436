// The value of a sample is the sample.
export default { name: 'seqlen', batchSize: 1_000, measure: (samples) => samples };
