// The entry that browsers and bundlers get, as far as Node can run it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { build } = createRequire(new URL('../../scripts/npm/package.json', import.meta.url))('esbuild');
const manifest = require('@portcullis/engine/package.json');
const wasm = () => readFileSync(new URL('node_modules/@portcullis/engine/engine_bg.wasm', import.meta.url));

/** A fresh copy of what a bundler makes of a program that uses the package in a browser. */
async function bundled() {
  const result = await build({
    stdin: {
      contents: "export { PortcullisError, check, default as init, initSync, version } from '@portcullis/engine';",
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const text = `${result.outputFiles[0].text}\n// ${Math.random()}`;
  return { text, module: await import(`data:text/javascript,${encodeURIComponent(text)}`) };
}

test('a bundle for browsers asks nothing of Node', async () => {
  const { text } = await bundled();
  assert.doesNotMatch(text, /node:|readFileSync|require\(/);
});

test('init loads the engine from bytes, once for all callers', async () => {
  const { module } = await bundled();
  for (const call of [module.version, () => module.check({})]) {
    assert.throws(call, { name: 'PortcullisError', code: 'load', message: /await `init\(\)` first$/ });
  }
  const first = module.init(wasm());
  assert.equal(module.init(), first);
  await first;
  assert.equal(module.version(), manifest.version);
});

test('a failed load is reported and may be tried again', async () => {
  const { module } = await bundled();
  await assert.rejects(module.init(new Uint8Array([1, 2, 3])), (error) => {
    assert.ok(error instanceof module.PortcullisError);
    assert.ok(error.cause instanceof WebAssembly.CompileError);
    return error.code === 'load';
  });
  assert.throws(() => module.initSync(new Uint8Array(1)), { name: 'PortcullisError', code: 'load' });
  await module.init(wasm());
  assert.equal(module.version(), manifest.version);
});

test('initSync loads the engine at once', async () => {
  const { module } = await bundled();
  module.initSync(wasm());
  assert.equal(module.version(), manifest.version);
  assert.equal(await module.init(), undefined);
});
