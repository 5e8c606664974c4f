// The literate cases through the npm package, as Node gets it: the same files that the engine and
// the command run. What an expectation means is known to portcullis-cases alone; this asks the
// package and hands over what it answers. scripts/test-npm.sh has put the package in its place.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { program } from './programs.mjs';

const root = new URL('../../', import.meta.url);
const require = createRequire(new URL('wasm/tests/', root));
const { Model } = require('@portcullis/engine');

function portcullisCases(words, input) {
  return spawnSync(program('portcullis-cases'), words, { cwd: fileURLToPath(root), input, encoding: 'utf8', maxBuffer: 2 ** 30 });
}

function answer(model, flow) {
  try {
    return model.evaluate(flow);
  } catch (error) {
    // A refusal, and nothing else: a trap would be a RuntimeError.
    if (error.code !== 'query') throw error;
    return { error: error.message };
  }
}

function answers({ inputs, options, flows }) {
  const model = new Model(inputs, options);
  try {
    return { check: model.check(), list: model.list({ expand: true }), flows: flows.map((flow) => answer(model, flow)) };
  } finally {
    model.free();
  }
}

test('the package answers the cases as expected', () => {
  const questions = portcullisCases(['questions']);
  assert.equal(questions.status, 0, questions.stderr);
  const cases = JSON.parse(questions.stdout);
  assert.ok(cases.length > 500, `only ${cases.length} cases`);
  const judged = portcullisCases(['judge', 'npm package'], JSON.stringify(cases.map(answers)));
  assert.equal(judged.status, 0, judged.stdout + judged.stderr);
  console.log(judged.stdout.trim());
});
