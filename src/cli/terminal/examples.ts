/** Examples for commands that do not add their own. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  serve: [
    'millrace serve millrace.config.ts',
    'millrace serve loaders.ts --listen unix:/run/train.sock',
    'millrace serve millrace.config.ts --listen 0.0.0.0:7070 --token "$TOKEN" --tls-cert cert.pem --tls-key key.pem',
  ],
  python: ['pip install "$(npx millrace python --path)"'],
  worker: [
    'millrace worker --redis redis://host:6379',
    'millrace worker --redis redis://host:6379 --workers 16',
  ],
  bench: [
    'millrace bench millrace.config.ts',
    'millrace bench "data/*.parquet" --step 50',
    'millrace bench tokens --length 1024 --workers 0 2 4',
  ],
};

/** Text below the help of a command. */
export function examplesText(lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n');
}
