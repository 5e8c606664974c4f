import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('serve.mjs', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'serve-'));
const dir = join(scratch, 'dist');
const running = [];

/** Starts a server for `dir`; its address, from what it prints. */
function serve(port) {
  const child = spawn(process.execPath, [SCRIPT, dir, String(port)]);
  running.push(child);
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (data) => {
      printed += data;
      const address = /http:\S+/.exec(printed);
      if (address) resolve({ address: new URL(address[0]), printed });
    });
    child.on('exit', () => reject(new Error(`no server: ${printed}`)));
  });
}

/** Asks for `path` exactly as written; `fetch` would take the dots out of it. */
function get(address, path, method = 'GET') {
  return new Promise((resolve, reject) => {
    const options = { host: address.hostname, port: address.port, path, method };
    const sent = request(options, (response) => {
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () => resolve({ status: response.statusCode, type: response.headers['content-type'], body }));
    });
    sent.on('error', reject).end();
  });
}

let address;

before(async () => {
  mkdirSync(dir);
  writeFileSync(join(dir, 'index.html'), '<p>page');
  writeFileSync(join(dir, 'a b.wasm'), '\0asm');
  writeFileSync(join(scratch, 'secret.txt'), 'secret');
  symlinkSync(join(scratch, 'secret.txt'), join(dir, 'link.txt'));
  ({ address } = await serve(0));
});

after(() => {
  for (const child of running) child.kill();
  rmSync(scratch, { recursive: true });
});

test('it listens on loopback only', () => {
  assert.equal(address.hostname, '127.0.0.1');
});

test('a folder is its index.html', async () => {
  assert.deepEqual(await get(address, '/?x=1'), { status: 200, type: 'text/html; charset=utf-8', body: '<p>page' });
});

test('WebAssembly has its type, and escaped names are read', async () => {
  assert.deepEqual(await get(address, '/a%20b.wasm'), { status: 200, type: 'application/wasm', body: '\0asm' });
});

test('HEAD has no body', async () => {
  assert.deepEqual(await get(address, '/', 'HEAD'), { status: 200, type: 'text/html; charset=utf-8', body: '' });
});

for (const path of ['/missing', '/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/link.txt', '/%', '//']) {
  test(`${path} is not found`, async () => {
    assert.equal((await get(address, path)).status, 404);
  });
}

test('nothing can be written', async () => {
  assert.equal((await get(address, '/', 'POST')).status, 405);
});

test('a taken port is left alone', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address();
  const other = await serve(port);
  taken.close();
  assert.notEqual(other.address.port, String(port));
  assert.match(other.printed, /is taken/);
  assert.equal((await get(other.address, '/')).status, 200);
});
