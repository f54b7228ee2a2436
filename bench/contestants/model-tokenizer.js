// The tokenizer of the benchmarks as a module, which moves into workers: MILLRACE_BENCH_TOKENIZER names its folder.
import { loadTokenizer } from 'millrace/tokens';

export default await loadTokenizer(process.env.MILLRACE_BENCH_TOKENIZER);
