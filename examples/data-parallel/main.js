// Data-parallel training in several processes on this machine: node examples/data-parallel/main.js [processes]
//
// Each process loads its share of every global batch, the gradients are summed over a socket, and all take the same
// step. One process then repeats the training alone: the result must be the same, up to the order of floating-point
// additions.
import { fork } from 'node:child_process';
import { createServer } from 'node:net';

const processes = Number(process.argv[2] ?? 3);
if (!Number.isInteger(processes) || processes < 1) {
  console.error('Pass the number of processes: node examples/data-parallel/main.js 3');
  process.exit(2);
}

const together = await train(processes).catch(giveUp);
const alone = await train(1).catch(giveUp);

console.log('process  samples');
for (const { rank, samples } of together)
  console.log(`${String(rank).padStart(7)}  ${String(samples).padStart(7)}`);
console.log(`  alone  ${String(alone[0].samples).padStart(7)}`);
console.log('\nepoch  loss together  loss alone');
together[0].losses.forEach((loss, epoch) => {
  console.log(
    `${String(epoch + 1).padStart(5)}  ${loss.toFixed(6).padStart(13)}  ${alone[0].losses[epoch].toFixed(6).padStart(10)}`,
  );
});

const difference = Math.max(...together.map(({ weights }) => largestDifference(weights, alone[0].weights)));
const isSame = difference < 1e-9;
console.log(
  `\nThe weights differ by at most ${difference.toExponential(1)}: ${isSame ? 'the same model' : 'NOT the same model'}.`,
);
process.exitCode = isSame ? 0 : 1;

/** Starts the processes as a launcher would, and returns the result of each, by rank. */
async function train(worldSize) {
  const port = await freePort();
  const children = Array.from({ length: worldSize }, (_, rank) => {
    const env = {
      ...process.env,
      RANK: rank,
      WORLD_SIZE: worldSize,
      LOCAL_RANK: rank,
      LOCAL_WORLD_SIZE: worldSize,
      MASTER_ADDR: '127.0.0.1',
      MASTER_PORT: port,
    };
    return fork(new URL('./train.js', import.meta.url), { env });
  });
  try {
    return await Promise.all(children.map(resultOf));
  } catch (error) {
    for (const child of children) child.kill();
    throw error;
  }
}

function resultOf(child, rank) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code, signal) =>
      reject(new Error(`Process ${rank} exited early (${signal ?? code}).`)),
    );
  });
}

function giveUp({ message }) {
  console.error(message);
  process.exit(1);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function largestDifference(a, b) {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}
