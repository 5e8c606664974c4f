// The examples of README.md: each is run, and prints what stands below it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/^```js\n(.*?)^```\n\n```text\n(.*?)^```$/gms)];

/** The first example has the files that the others go on with. */
const files = /^const files = .*?^};\n/ms.exec(examples[0]?.[1])?.[0];

function run(program) {
  const directory = mkdtempSync(join(here, 'node_modules/.readme-'));
  try {
    writeFileSync(join(directory, 'example.mjs'), program);
    return execFileSync(process.execPath, [join(directory, 'example.mjs')], { encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const [, program, printed] of examples) {
  const title = program.split('\n').findLast((line) => line.includes('(')).trim();
  test(`example: ${title}`, () => {
    const whole = program.includes(files) ? program : program.replace(/\n\n/, () => `\n${files}\n`);
    assert.equal(run(whole).trimEnd(), printed.trimEnd());
  });
}

test('every example in JavaScript says what it prints', () => {
  assert.equal(examples.length, readme.match(/^```js$/gm).length);
  assert.ok(files);
});
