/** The dataset, unless one of its checksums does not match: what `millrace verify` asks. */
export async function firstChecksumError(dataset) {
  for await (const error of dataset.checksumErrors()) {
    dataset.close();
    throw error;
  }
  return dataset;
}
