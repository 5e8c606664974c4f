// Input that means harm, faults of the engine, and long lives. Nothing here may trap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, PortcullisError, check, evaluate, list } from '@portcullis/engine';
import { guarded } from './node_modules/@portcullis/engine/error.js';
import { files, flow, policy } from './shop.mjs';

const codes = (text) => check({ ...files, text }).diagnostics.map(({ code }) => code);
const caught = (call) => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

test('a megabyte of openings is refused, and the other files are answered', () => {
  for (const opening of ['[', '{', '- ', '{"a":', '? ', '"', '&a ', '!!a ', "'", '| ', '#', '---\n', '*a ', '\u{1f980}']) {
    const text = opening.repeat(1_000_000 / opening.length);
    const model = new Model({ ...files, text });
    assert.equal(model.evaluate(flow).verdict, 'allow', opening);
    model.free();
  }
  assert.deepEqual(codes('['.repeat(1_000_000)), ['R04']);
});

test('aliases that would expand to thousands of millions are refused', () => {
  const level = (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`)}]\n`;
  const bomb = `apiVersion: v1\nkind: Pod\na0: &a0 x\n${Array.from({ length: 12 }, level).join('')}`;
  assert.deepEqual(codes(bomb), ['R04']);
});

test('bytes that are no text are refused', () => {
  assert.deepEqual(codes('kind: Pod\0'), ['R05']);
  assert.deepEqual(codes(Uint8Array.of(0x61, 0xff, 0xfe)), ['R05']);
  assert.deepEqual(codes(new Uint8Array(1_000_000)), ['R05']);
});

test('half a pair of surrogates is a character like others', () => {
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: "\ud800"}}\n';
  assert.equal(check({ '\udfff': text }).summary.files, 1);
});

test('names and labels from files come back as they were', () => {
  const name = '<img src=x onerror=alert(1)>\u202e\n\u001b[31m';
  const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: ${JSON.stringify(name)}}\nspec: {}\n`;
  const { diagnostics } = check({ [name]: text });
  assert.equal(diagnostics[0].location.file, name);
});

test('a panic is an error that says what happened, and the engine goes on', () => {
  const before = new Model(files);
  // More than the memory of WebAssembly can hold: Rust panics before it asks for any.
  const huge = new Uint8Array(2 ** 31);
  for (let i = 0; i < 3; i++) {
    const error = caught(() => check({ huge }));
    assert.ok(error instanceof PortcullisError, String(error));
    assert.equal(error.code, 'internal');
    assert.match(error.message, /^the engine has failed, please report it: .*capacity overflow/s);
    assert.ok(error.cause instanceof WebAssembly.RuntimeError);
    assert.equal(evaluate(files, flow).verdict, 'allow');
  }
  assert.equal(caught(() => before.list()).code, 'released');
  before.free();
  const after = new Model(files);
  assert.deepEqual(after.list(), list(files));
  after.free();
});

test('a model that was lost can be freed first thing afterwards', () => {
  {
    const model = new Model(files);
    caught(() => model.put('huge', new Uint8Array(2 ** 31)));
    model.free();
  }
  assert.equal(evaluate(files, flow).verdict, 'allow');
});

// (module (func (export "trap") unreachable) (func (export "answer") (result i32) i32.const 7))
const trapping = Uint8Array.from(
  '0061736d 01000000 0108 02 600000 60 00017f 0303 020001 0711 02 0474726170 0000 06616e73776572 0001 0a0a 02 03 00000b 04 0041070b'
    .replaceAll(' ', '')
    .match(/../g)
    .map((byte) => parseInt(byte, 16)),
);

test('a trap without a panic is an error too, and the instance is not trusted', () => {
  let distrusted = 0;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(trapping));
  const instance = guarded({ ...exports, table: 5 }, () => distrusted++);
  assert.equal(instance.answer(), 7);
  assert.equal(instance.table, 5);
  assert.equal(distrusted, 0);
  const error = caught(() => instance.trap());
  assert.equal(error.code, 'internal');
  assert.match(error.message, /unreachable/);
  assert.ok(error.cause instanceof WebAssembly.RuntimeError);
  assert.equal(distrusted, 1);
});

test('a model asked ten thousand times answers the same and keeps no memory', () => {
  const model = new Model(files);
  const answer = JSON.stringify([model.evaluate(flow), model.list(), model.check()]);
  const refused = caught(() => model.evaluate({ ...flow, from: 'shop/nobody' })).message;
  const memory = () => process.memoryUsage().arrayBuffers;
  let settled;
  for (let i = 0; i < 10_000; i++) {
    const asked = [model.evaluate(flow), model.list(), model.check()];
    if (i % 100 === 0) assert.equal(JSON.stringify(asked), answer);
    assert.equal(caught(() => model.evaluate({ ...flow, from: 'shop/nobody' })).message, refused);
    if (i === 1000) settled = memory();
  }
  assert.ok(memory() - settled < 2 ** 20, `${settled} bytes, then ${memory()}`);
  model.free();
});

test('a model edited two thousand times keeps no memory of what is freed', () => {
  let model = new Model(files);
  const memory = () => process.memoryUsage().arrayBuffers;
  let settled;
  for (let i = 0; i < 2000; i++) {
    const next = model.put('policy.yaml', policy.replace('5432', `${1 + i}`));
    model.free();
    model = next;
    assert.equal(model.list({ focus: ['shop/db'], direction: 'ingress' }).connections.some(({ allowed }) => allowed === `TCP ${1 + i}`), true);
    if (i === 500) settled = memory();
  }
  assert.ok(memory() - settled < 2 ** 20, `${settled} bytes, then ${memory()}`);
  model.free();
});
