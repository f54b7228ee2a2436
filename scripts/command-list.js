// Writes the list of commands that `millrace --help` and `millrace completion` show.
import { writeCommandList } from '../dist/cli/completion/command-list.js';
import { loadProgram } from '../dist/cli/program.js';

writeCommandList(await loadProgram());
