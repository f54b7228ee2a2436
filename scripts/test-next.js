// `npm run test:next`: builds and runs examples/next with the package that is published, and compares the batches of its server and of
// its page with those of Node.js. Next.js is installed for this alone: it is large, and no test of `npm test` needs it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { withPackedProject } from './packed-project.js';
import { requireBrowser } from './test-servers.js';
import { build, installPackages, root, run } from './toolchain.js';

const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };

installPackages();
await build();
const executablePath = requireBrowser();
await withPackedProject(
  join(root, 'examples/next'),
  { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
  async (folder) => {
    const next = [join(folder, 'node_modules/next/dist/bin/next')];
    run(process.execPath, [...next, 'build'], { cwd: folder, env });
    const server = spawn(process.execPath, [...next, 'start', '--port', '0'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await compare(folder, await addressOf(server));
    } finally {
      server.kill();
    }
  },
);
console.log('Server and page have the batches of Node.js.');

/** The address that the server prints. */
async function addressOf({ stdout }) {
  for await (const line of createInterface(stdout)) {
    const [address] = line.match(/http:\/\/localhost:\d+/) ?? [];
    if (!address) continue;
    // What it prints later must not fill the pipe.
    stdout.resume();
    return address;
  }
  throw new Error('Next.js ended before it named its address.');
}

async function compare(folder, address) {
  const { batches } = await import(join(folder, 'app/batches.js'));
  const expected = await batches(0);
  assert.deepEqual(await (await fetch(`${address}/api/batches`)).json(), expected, 'the server');
  if (!executablePath) return;
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.goto(address);
    const text = await page.locator('output', { hasText: /./ }).innerText();
    assert.equal(text, expected.join(', '), 'the page');
  } finally {
    await browser.close();
  }
}
