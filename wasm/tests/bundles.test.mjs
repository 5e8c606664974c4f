// Bundles for Node: each is one module in a folder without packages, and answers as it is loaded.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { files } from './shop.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const esbuild = createRequire(new URL('../../scripts/npm/package.json', import.meta.url))('esbuild');
const bundlers = createRequire(new URL('bundlers/package.json', import.meta.url));
// Packages of ES modules alone have no entry for `require`, so that is asked for and imported.
const tool = (name) => import(bundlers.resolve(name));

const PROGRAM = `import { Model, PortcullisError, evaluate } from '@portcullis/engine';
const files = ${JSON.stringify(files)};
const flow = { from: 'shop/web', to: 'shop/db', port: 5432 };
let code;
try { evaluate(files, { ...flow, to: 'shop/none' }); } catch (error) { code = error instanceof PortcullisError && error.code; }
console.log(new Model(files).evaluate(flow).verdict, evaluate(files, { ...flow, port: 80 }).verdict, code);
`;

const source = mkdtempSync(join(here, 'node_modules/.bundle-'));
after(() => rmSync(source, { recursive: true }));
const entry = join(source, 'program.mjs');
writeFileSync(entry, PROGRAM);

const BUNDLERS = {
  async 'esbuild, as ESM'(outfile) {
    await esbuild.build({ entryPoints: [entry], outfile, bundle: true, minify: true, format: 'esm', platform: 'node' });
  },
  async 'esbuild, as CommonJS'(outfile) {
    await esbuild.build({ entryPoints: [entry], outfile, bundle: true, format: 'cjs', platform: 'node' });
  },
  async rollup(file) {
    const { rollup } = await tool('rollup');
    const { nodeResolve } = await tool('@rollup/plugin-node-resolve');
    const onwarn = (warning) => assert.fail(warning.message);
    const bundle = await rollup({ input: entry, plugins: [nodeResolve({ exportConditions: ['node'] })], onwarn });
    await bundle.write({ file, format: 'esm' });
  },
  async webpack(outfile, folder, filename) {
    const { default: webpack } = await tool('webpack');
    const compiler = webpack({
      mode: 'production',
      target: 'node20',
      entry,
      experiments: { outputModule: true },
      output: { path: folder, filename, module: true, library: { type: 'module' } },
    });
    const stats = await new Promise((resolve, reject) => compiler.run((error, stats) => (error ? reject(error) : resolve(stats))));
    assert.equal(stats.hasErrors(), false, stats.toString());
  },
  async 'vite, for its server side'(outfile, folder, filename) {
    const { build } = await tool('vite');
    const output = { entryFileNames: filename };
    await build({
      root: source,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: { ssr: entry, outDir: folder, emptyOutDir: false, rollupOptions: { output } },
    });
  },
};

for (const [name, bundle] of Object.entries(BUNDLERS)) {
  test(`a bundle by ${name} is whole`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-bundle-'));
    const file = name.endsWith('CommonJS') ? 'bundle.cjs' : 'bundle.mjs';
    try {
      await bundle(join(folder, file), folder, file);
      assert.deepEqual(readdirSync(folder), [file]);
      const printed = execFileSync(process.execPath, [join(folder, file)], { cwd: '/', encoding: 'utf8' });
      assert.equal(printed.trim(), 'allow unknown query');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
