// Makes the npm package out of what wasm-pack left:
//   node wasm/js/assemble.mjs RAW OUT
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '../..');
const { build } = createRequire(join(ROOT, 'scripts/npm/package.json'))('esbuild');

/** The version that the workspace gives all its crates. */
async function workspaceVersion() {
  const manifest = await readFile(join(ROOT, 'Cargo.toml'), 'utf8');
  const version = /^\[workspace\.package\][^[]*?^version = "(.+?)"/ms.exec(manifest)?.[1];
  if (version === undefined) throw new Error('Cargo.toml: no version in [workspace.package]');
  return version;
}

async function writeManifest(out) {
  const manifest = JSON.parse(await readFile(join(HERE, 'package.json'), 'utf8'));
  manifest.version = await workspaceVersion();
  await writeFile(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * wasm-bindgen's types end with how the raw module is loaded and its memory reached, which is
 * none of the user's business; ours take their place. Its classes have `[Symbol.dispose]`, which
 * the reference makes known to whoever's own settings stop short of it.
 */
async function writeTypes(raw, out) {
  const generated = await readFile(join(raw, 'engine.d.ts'), 'utf8');
  const end = generated.indexOf('export type InitInput');
  if (end < 0) throw new Error('engine.d.ts: wasm-bindgen has changed the shape of its types');
  const loading = await readFile(join(HERE, 'init.d.ts'), 'utf8');
  const reference = '/// <reference lib="esnext.disposable" />\n';
  const own = generated.slice(0, end).replace('declare function __wbg_reset_state(): void;\n', '');
  const types = `${reference}${own.trimEnd()}\n${loading}`;
  // TypeScript takes a .d.ts in this package for an ES module; `require` needs its own.
  await Promise.all(['index.d.ts', 'index.d.cts'].map((name) => writeFile(join(out, name), types)));
}

// What wasm-bindgen's module leaves to chance, and what takes its place. Each must be found: where
// a new wasm-bindgen writes something else, the build ends and says so.
const ADAPTATIONS = [
  // Its functions are not in the list of what the module imports: the engine does not call them.
  [/^import \{/m, 'import { guarded, notLoaded, released,'],
  // Whatever comes out of an instance is a PortcullisError, and a broken one is not used again.
  [/wasm = (\w+)\.exports;/g, 'wasm = guarded($1.exports, () => { __wbg_reinit_scheduled = true; });'],
  [/function __wbg_call_guard\(\) \{/, '$&\n    if (wasm === undefined) throw notLoaded();'],
  [/throw new Error\('Invalid stale object from previous Wasm instance'\)/g, 'throw released()'],
  // Freeing what is gone already is nothing; what an earlier instance had is no pointer of this one.
  [/(wasm\.__wbg_\w+_free\(ptr, 0\));/g, 'if (ptr && this.__wbg_inst === __wbg_instance_id) $1;'],
];

async function writeModule(raw, out) {
  let module = await readFile(join(raw, 'engine.js'), 'utf8');
  for (const [pattern, replacement] of ADAPTATIONS) {
    if (module.search(pattern) < 0) throw new Error(`engine.js: wasm-bindgen writes no ${pattern} any more`);
    module = module.replace(pattern, replacement);
  }
  await writeFile(join(out, 'engine.js'), module);
}

async function bundleForRequire(out) {
  await copyFile(join(HERE, 'node.js'), join(out, 'node.js'));
  await build({
    entryPoints: [join(out, 'node.js')],
    outfile: join(out, 'node.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // A class that refers to itself would be called `_Model` in traces and by console.log.
    keepNames: true,
    // Only wasm-bindgen's own asynchronous loader asks for it, and that is not reached here.
    logOverride: { 'empty-import-meta': 'silent' },
  });
  await rm(join(out, 'node.js'));
}

/** The engine as a module without imports, which every bundler takes as it is. */
async function embed(out) {
  const engine = brotliCompressSync(await readFile(join(out, 'engine_bg.wasm'))).toString('base64');
  await writeFile(join(out, 'embedded.js'), `export default '${engine}';\n`);
}

async function main([raw, out]) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await writeModule(raw, out);
  await copyFile(join(raw, 'optimised.wasm'), join(out, 'engine_bg.wasm'));
  const entries = ['browser.js', 'bundled.mjs', 'error.js', 'node.mjs'];
  await Promise.all(entries.map((name) => copyFile(join(HERE, name), join(out, name))));
  await copyFile(join(ROOT, 'LICENSE'), join(out, 'LICENSE'));
  await copyFile(join(ROOT, 'wasm/README.md'), join(out, 'README.md'));
  await copyFile(join(ROOT, 'tests/schema/portcullis.schema.json'), join(out, 'schema.json'));
  await writeManifest(out);
  await writeTypes(raw, out);
  await bundleForRequire(out);
  await embed(out);
}

await main(process.argv.slice(2));
