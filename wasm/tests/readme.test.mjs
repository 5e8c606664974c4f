// The examples of README.md and of the guide: each is run, and prints what stands below it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const { build } = createRequire(new URL('../../scripts/npm/package.json', import.meta.url))('esbuild');
const here = fileURLToPath(new URL('.', import.meta.url));
const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');
const guide = read('../../docs/guide/npm.md');

/** The first example of README.md has the files that the others go on with. */
const files = /^const files = .*?^};\n/ms.exec(readme)[0];

/** Programs of a page; those that begin with a file's name are for the others to import. */
function examples(page) {
  const blocks = [...page.matchAll(/^```js\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?/gms)];
  const modules = blocks.filter(([, program]) => /^\/\/ \w+\.mjs$/m.test(program.split('\n')[0]));
  return {
    modules: modules.map(([, program]) => [program.split('\n')[0].slice(3), program]),
    programs: blocks.filter((block) => !modules.includes(block)),
  };
}

/** A folder in which programs find the package, and the files as manifests. */
function workshop(modules) {
  const directory = mkdtempSync(join(here, 'node_modules/.examples-'));
  mkdirSync(join(directory, 'manifests'));
  for (const [name, program] of modules) writeFileSync(join(directory, name), program);
  for (const [, name, text] of files.matchAll(/'(\S+\.yaml)': `(.*?)`/gs)) {
    writeFileSync(join(directory, 'manifests', name), text);
  }
  return directory;
}

function run(program, modules) {
  const directory = workshop(modules);
  try {
    writeFileSync(join(directory, 'example.mjs'), program);
    return printedBy(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What the program prints, whatever its exit status: one that checks may well end with 1. */
function printedBy(directory) {
  const { stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd: directory, encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout;
}

for (const [title, page] of Object.entries({ 'README.md': readme, 'docs/guide/npm.md': guide })) {
  const { modules, programs } = examples(page);
  for (const [, program, printed] of programs) {
    const last = program.split('\n').findLast((line) => line.includes('(')).trim();
    test(`${title}: ${last}`, () => {
      const known = program.includes('const files') || page === guide;
      const whole = known ? program : program.replace('\n\n', () => `\n${files}\n`);
      assert.equal(run(whole, modules).trimEnd(), printed.trimEnd());
    });
  }
}

test('programs for browsers go through a bundler', async () => {
  const blocks = [...guide.matchAll(/^```js browser\n(.*?)^```$/gms)];
  assert.equal(blocks.length, 2);
  for (const [, contents] of blocks) {
    await build({ stdin: { contents, resolveDir: here }, bundle: true, format: 'esm', platform: 'browser', write: false });
  }
});
