// The entry for bundlers that build for Node: a bundle is one file, put wherever its user likes,
// so the engine is in it instead of next to it. The condition `module` of package.json, which
// bundlers have and Node does not, leads here, from `import` and `require` alike.
import { Buffer } from 'node:buffer';
import { brotliDecompressSync } from 'node:zlib';
import { initSync as load } from './engine.js';
import embedded from './embedded.js';

load({ module: brotliDecompressSync(Buffer.from(embedded, 'base64')) });

export * from './engine.js';
export { PortcullisError } from './error.js';

export default async function init() {}

export function initSync() {}
