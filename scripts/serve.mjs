// A static server for the built playground, on loopback only:
//   node scripts/serve.mjs DIR [PORT]      PORT 0, or one that is taken: any free one
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  // A browser compiles WebAssembly while it loads only under this type.
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
  '.yaml': 'text/plain; charset=utf-8',
};

/** The file that `url` names under `root`, or null where there is none or it lies outside. */
async function fileFor(root, url) {
  try {
    const wanted = join(root, decodeURIComponent(new URL(url, 'http://localhost').pathname));
    const path = await realpath(wanted.endsWith(sep) ? join(wanted, 'index.html') : wanted);
    const inside = path.startsWith(root + sep);
    return inside && (await stat(path)).isFile() ? path : null;
  } catch {
    return null;
  }
}

function refuse(response, status, text) {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

async function answer(root, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse(response, 405, 'only GET and HEAD');
  }
  const path = await fileFor(root, request.url);
  if (path === null) return refuse(response, 404, 'not found');
  response.writeHead(200, {
    'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream',
    // A rebuilt page must show at the next reload.
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
  });
  if (request.method === 'HEAD') return response.end();
  createReadStream(path).on('error', () => response.destroy()).pipe(response);
}

function listen(server, port) {
  server.once('error', (error) => {
    if (error.code !== 'EADDRINUSE' || port === 0) throw error;
    console.log(`Port ${port} is taken; looking for a free one.`);
    listen(server, 0);
  });
  server.listen(port, '127.0.0.1');
}

async function main([dir, port = '8787']) {
  const root = await realpath(dir);
  const server = createServer((request, response) => answer(root, request, response));
  server.once('listening', () => {
    console.log(`Portcullis playground: http://127.0.0.1:${server.address().port}/`);
  });
  listen(server, Number(port));
}

await main(process.argv.slice(2));
