// The entry for Node, bundled into node.cjs: ready as soon as it is loaded, since the file is near.
// `import` goes through node.mjs to the same file, so a process has one engine, not two.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { initSync as load } from './engine.js';

load({ module: readFileSync(join(__dirname, 'engine_bg.wasm')) });

export * from './engine.js';
export { PortcullisError } from './error.js';

// So that one program runs in browsers and in Node.
export default async function init() {}

export function initSync() {}
