// The package as a program in Node gets it; scripts/test-npm.sh has put it under node_modules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import init, * as imported from '@portcullis/engine';

const require = createRequire(import.meta.url);
const installed = new URL('node_modules/@portcullis/engine/', import.meta.url);
const manifest = require('@portcullis/engine/package.json');

test('import works without any loading', () => {
  assert.equal(imported.version(), manifest.version);
});

test('require works without any loading, and is the same engine', () => {
  const required = require('@portcullis/engine');
  assert.equal(required.version(), manifest.version);
  assert.equal(required.version, imported.version);
});

test('a program written for browsers awaits init in Node too', async () => {
  assert.equal(await init(), undefined);
  assert.equal(await require('@portcullis/engine').default(), undefined);
  imported.initSync();
});

test('it is found from any working directory', () => {
  const path = fileURLToPath(new URL('node.cjs', installed));
  const program = `console.log(require(${JSON.stringify(path)}).version())`;
  const printed = execFileSync(process.execPath, ['-e', program], { cwd: '/', encoding: 'utf8' });
  assert.equal(printed.trim(), manifest.version);
});

test('both entries export the same names', async () => {
  const browser = await import(new URL('browser.js', installed));
  const names = (module) => Object.keys(module).filter((name) => !['default', 'module.exports'].includes(name));
  assert.deepEqual(names(imported).sort(), names(browser).sort());
});

test('classes have their names', () => {
  assert.equal(imported.Model.name, 'Model');
  assert.equal(imported.PortcullisError.name, 'PortcullisError');
});

test('there is one WebAssembly file', () => {
  const wasm = manifest.files.filter((name) => name.endsWith('.wasm'));
  assert.deepEqual(wasm, ['engine_bg.wasm']);
  assert.equal(readFileSync(new URL(wasm[0], installed)).subarray(0, 4).toString('latin1'), '\0asm');
});
