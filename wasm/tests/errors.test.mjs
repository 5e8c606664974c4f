// What the package throws: a PortcullisError that says which argument is wrong, whatever it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, PortcullisError, check, evaluate, explain, format, list } from '@portcullis/engine';
import { files, flow } from './shop.mjs';

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  return proxy;
};
const cyclic = () => {
  const object = {};
  return Object.assign(object, { object });
};
const cyclicArray = () => {
  const array = [];
  array.push(array);
  return array;
};
const holes = () => Object.assign([], { length: 2 ** 32 - 1 });
const throwing = (trap) => new Proxy({}, { [trap]: () => { throw new Error('thrown'); } });

/** One of each type, none of which is a string, a number, a boolean, an array or an object. */
const odd = {
  symbol: Symbol('s'),
  bigint: 1n,
  function: () => ({}),
  Map: new Map([['a', '']]),
  Set: new Set(),
  Date: new Date(),
  Promise: Promise.resolve(files),
  RegExp: /x/,
  ArrayBuffer: new ArrayBuffer(1),
  'proxy that throws': revoked(),
};

function assertThrows(call, { code, argument, message, title }) {
  const error = (() => {
    try {
      call();
    } catch (error) {
      return error;
    }
    return assert.fail(`nothing was thrown: ${title}`);
  })();
  assert.ok(error instanceof PortcullisError, String(error?.stack ?? error));
  assert.deepEqual({ code: error.code, argument: error.argument }, { code, argument }, error.message);
  assert.match(error.message, message);
  return error;
}

function assertArgument(call, argument, message) {
  return assertThrows(call, { code: 'argument', argument, message });
}

const functions = {
  check: (given, options) => check(given, options),
  list: (given, options) => list(given, options),
  evaluate: (given, options) => evaluate(given, flow, options),
  explain: (given, options) => explain(given, flow, options),
  Model: (given, options) => new Model(given, options),
};

for (const [name, call] of Object.entries(functions)) {
  test(`${name}: files and options of every wrong type`, () => {
    for (const [kind, value] of Object.entries(odd)) {
      const got = new RegExp(`not an? ${kind}$`);
      assertArgument(() => call(value), 'files', got);
      assertArgument(() => call({ 'a b': value }), 'files["a b"]', got);
      assertArgument(() => call([value]), 'files[0]', got);
      assertArgument(() => call([{ name: value, text: '' }]), 'files[0].name', got);
      assertArgument(() => call(files, value), 'options', got);
      assertArgument(() => call(files, { podCidrs: value }), 'options.podCidrs', got);
      assertArgument(() => call(files, { nodeCidrs: ['10.0.0.0/8', value] }), 'options.nodeCidrs[1]', got);
      assertArgument(() => call(files, { namespace: value }), 'options.namespace', got);
    }
  });
}

test('files of the wrong shape', () => {
  assertArgument(() => check(), 'files', /not undefined$/);
  assertArgument(() => check(null), 'files', /not null$/);
  assertArgument(() => check('kind: Pod'), 'files', /must be texts by name, or an array of files, not a string$/);
  assertArgument(() => check(NaN), 'files', /not NaN$/);
  assertArgument(() => check(new Uint8Array(1)), 'files', /not a Uint8Array$/);
  assertArgument(() => check(cyclic()), 'files["object"]', /not an object$/);
  assertArgument(() => check(cyclicArray()), 'files[0]', /not an array$/);
  assertArgument(() => check(holes()), 'files[0]', /not undefined$/);
  assertArgument(() => check([{ name: 'a' }]), 'files[0]', /must have `text`$/);
  assertArgument(() => check([{ nam: 'a', text: '' }]), 'files[0]', /has no `nam`: did you mean `name`\?$/);
  const twice = [{ name: 'a', text: '' }, { name: 'a', text: '' }];
  assertArgument(() => check(twice), 'files[1].name', /is a duplicate: an earlier file has this name$/);
});

test('bytes that only claim to be such', () => {
  const claimed = { [Symbol.toStringTag]: 'Uint8Array', length: 2 ** 32 - 1 };
  assertArgument(() => check({ a: claimed }), 'files["a"]', /string or a Uint8Array/);
});

test('options that are not known or make no sense', () => {
  assertArgument(() => check(files, { podCIDRs: [] }), 'options', /has no `podCIDRs`: did you mean `podCidrs`\?$/);
  assertArgument(() => check(files, { focus: [] }), 'options', /has no `focus`, only `podCidrs`/);
  assertArgument(() => check(files, { podCidrs: ['10.0.0.0'] }), 'options.podCidrs[0]', /CIDR, such as/);
  assertArgument(() => check(files, { domainNames: ['a.example.com'] }), 'options.domainNames[0]', /a name and an address, such as/);
  assertArgument(() => list(files, { direction: 'both' }), 'options.direction', /`ingress` or `egress`$/);
  assertArgument(() => list(files, { focus: 'shop' }), 'options.focus', /must be an array, not a string$/);
  assertArgument(() => list(files, { certainOnly: 1 }), 'options.certainOnly', /true or false, not 1$/);
  assertArgument(() => list(files, { siblings: 'no' }), 'options.siblings', /true or false/);
  assertArgument(() => list(files, { protocol: 'UDP' }), 'options.protocol', /needs a `port`/);
  assertArgument(() => list(files, { selector: 'app in web' }), 'options.selector', /is not a label selector/);
  assertArgument(() => list(files, { port: 1, protocol: 'ICMP' }), 'options.protocol', /`TCP`, `UDP` or `SCTP`$/);
  assertArgument(() => new Model(files).list({ namespace: 'x' }), 'filter', /has no `namespace`/);
});

test('flows of every wrong type', () => {
  for (const [kind, value] of Object.entries(odd)) {
    const got = new RegExp(`not an? ${kind}$`);
    assertArgument(() => evaluate(files, value), 'flow', got);
    const [first, second] = evaluate(files, [flow, value]);
    assert.deepEqual([first.verdict, second.number, second.code], ['allow', 2, 'argument']);
    assert.match(second.error, got);
    for (const field of ['from', 'to', 'protocol', 'port']) {
      assertArgument(() => explain(files, { ...flow, [field]: value }), `flow.${field}`, got);
    }
  }
  assertArgument(() => evaluate(files, {}), 'flow', /must have `from`$/);
  assertArgument(() => evaluate(files, { ...flow, prot: 'TCP' }), 'flow', /has no `prot`/);
  assertArgument(() => explain(files, [flow]), 'flow', /not an array$/);
});

test('ports out of range', () => {
  for (const port of [0, -1, 65536, 1.5, NaN, Infinity, '', 'HTTP', '90-80', '80/ICMP']) {
    assertArgument(() => evaluate(files, { ...flow, port }), 'flow.port', /whole number from 1 to 65535/);
  }
  assertArgument(() => evaluate(files, { ...flow, port: '53/UDP', protocol: 'TCP' }), 'flow.port', /leave out one of the two/);
});

test('reports and forms that are none', () => {
  for (const [kind, value] of Object.entries(odd)) {
    assertArgument(() => format(value, 'text'), 'report', new RegExp(`not an? ${kind}$`));
    assertArgument(() => format(list(files), value), 'form', new RegExp(`not an? ${kind}$`));
  }
  assertArgument(() => format(list(files), 'chain'), 'form', /must be `text`, `csv`/);
  assertArgument(() => format(explain(files, flow), 'dot'), 'form', /must be `text` or `chain`/);
  assertArgument(() => format({ connections: 1 }, 'text'), 'report', /is not a report/);
  assertArgument(() => format({ ...explain(files, flow), verdict: 1n }, 'text'), 'report', /cannot be read/);
  assertArgument(() => format({ connections: [], toJSON: () => undefined }, 'text'), 'report', /is not a report/);
  assertArgument(() => format(check(files), 'text'), 'report', /is not a report of `list`, `diff`, `evaluate` or `explain`/);
});

test('names and texts of put and remove', () => {
  const model = new Model(files);
  for (const value of Object.values(odd)) {
    assertArgument(() => model.put(value, ''), 'name', /must be a string/);
    assertArgument(() => model.put('a', value), 'text', /string or a Uint8Array/);
    assertArgument(() => model.remove(value), 'name', /must be a string/);
  }
});

test('what an argument throws when it is read is the cause', () => {
  for (const trap of ['ownKeys', 'getOwnPropertyDescriptor']) {
    const proxy = new Proxy({ a: '' }, { [trap]: () => { throw new RangeError('thrown'); } });
    const error = assertArgument(() => check(proxy), 'files', /cannot be read/);
    assert.equal(error.cause.message, 'thrown');
  }
  const getter = { get namespace() { throw 5; } };
  assert.equal(assertArgument(() => check(files, getter), 'options.namespace', /cannot be read/).cause, 5);
  assertArgument(() => check(throwing('get')), 'files', /proxy that throws$/);
  assertArgument(() => check(new Proxy([''], { get: () => { throw 5; } })), 'files', /proxy that throws$/);
});

test('questions about nobody', () => {
  const query = (ends, message) => {
    assertThrows(() => evaluate(files, { ...flow, ...ends }), { code: 'query', argument: 'flow', message });
    // The same is the answer to one of several, and the others are answered.
    const answers = evaluate(files, [flow, { ...flow, ...ends, name: 'x' }, flow]);
    assert.deepEqual(answers.map(({ verdict }) => verdict), ['allow', undefined, 'allow']);
    const { number, name, code, error, to } = answers[1];
    assert.deepEqual({ number, name, code, to }, { number: 2, name: 'x', code: 'query', to: { ...flow, ...ends }.to });
    assert.match(error, message);
  };
  query({ from: 'shop/wbe' }, /did you mean `shop\/web`\?$/);
  query({ to: 'nowhere/db' }, /namespace `nowhere`/);
  query({ to: '' }, /is not a pod, workload, node or address/);
  query({ to: 'shop/{app}' }, /`app` is not a label: KEY=VALUE expected/);
});

test('a model that was freed', () => {
  const model = new Model(files);
  model.free();
  const calls = [
    () => model.check(),
    () => model.list(),
    () => model.evaluate(flow),
    () => model.explain(flow),
    () => model.put('a', ''),
    () => model.remove('a'),
    () => model.files,
    () => Model.prototype.check.call({}),
  ];
  for (const call of calls) assertThrows(call, { code: 'released', argument: undefined, message: /create a new one/ });
  // Once more is nothing: whoever tidies up need not know who did before.
  model.free();
});

test('a PortcullisError is an Error like others', () => {
  const error = assertThrows(() => check(1), { code: 'argument', argument: 'files', message: /^`files` must/ });
  assert.equal(String(error), `PortcullisError: ${error.message}`);
  assert.match(error.stack, /errors\.test\.mjs/);
  assert.deepEqual(Object.keys(error).sort(), ['argument', 'code']);
});
