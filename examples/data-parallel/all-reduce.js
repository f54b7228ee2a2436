// Sums vectors over processes of one machine: rank 0 accepts connections from the others. Each sends its vector; rank
// 0 adds them in rank order, so that the sum does not depend on arrival order, and sends it back.
import { connect, createServer } from 'node:net';

/** Joins the group. Every rank calls this with the same port. Resolves when all have joined. */
export async function joinGroup({ rank, worldSize, port }) {
  if (worldSize === 1) return { sum: async (vector) => vector, leave() {} };
  return rank === 0 ? gather(worldSize, port) : follow(rank, port);
}

async function gather(worldSize, port) {
  const byRank = new Map();
  const server = createServer((socket) => {
    const receive = vectorReader(socket);
    // The first message of a client is its rank.
    void receive(1).then(([rank]) => {
      byRank.set(rank, { socket, receive });
      server.emit('joined');
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.on('joined', () => byRank.size === worldSize - 1 && resolve());
    server.listen(port, '127.0.0.1');
  });
  const followers = [...byRank].sort(([a], [b]) => a - b).map(([, follower]) => follower);
  return {
    async sum(vector) {
      const total = vector.slice();
      for (const { receive } of followers) {
        const theirs = await receive(vector.length);
        for (let i = 0; i < total.length; i++) total[i] += theirs[i];
      }
      for (const { socket } of followers) socket.write(bytesOf(total));
      return total;
    },
    leave() {
      for (const { socket } of followers) socket.end();
      server.close();
    },
  };
}

async function follow(rank, port) {
  const socket = await connected(port);
  const receive = vectorReader(socket);
  socket.write(bytesOf(Float64Array.of(rank)));
  return {
    async sum(vector) {
      socket.write(bytesOf(vector));
      return receive(vector.length);
    },
    leave: () => socket.end(),
  };
}

/** Retries, because rank 0 may not be ready yet. */
async function connected(port) {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const problem = await new Promise((resolve) => {
      socket.once('connect', () => resolve(undefined));
      socket.once('error', resolve);
    });
    if (!problem) return socket;
    if (problem.code !== 'ECONNREFUSED') throw problem;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Returns a function that reads the next vector of a given length from a socket. */
function vectorReader(socket) {
  let received = Buffer.alloc(0);
  let waiting;
  let problem;
  const settle = () => {
    if (!waiting) return;
    const { bytes, resolve, reject } = waiting;
    if (received.length < bytes && !problem) return;
    waiting = undefined;
    if (received.length < bytes) reject(problem);
    else resolve(new Float64Array(new Uint8Array(received.subarray(0, bytes)).buffer));
    received = received.subarray(bytes);
  };
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    settle();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    problem = new Error('A process of the group has exited.');
    settle();
  });
  return (length) =>
    new Promise((resolve, reject) => {
      waiting = { bytes: 8 * length, resolve, reject };
      settle();
    });
}

const bytesOf = (vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
