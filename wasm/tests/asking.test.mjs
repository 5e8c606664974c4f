// What is described by its name, and what a file of expectations expects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe, Model, PortcullisError, test as tested } from '@portcullis/engine';
import { files } from './shop.mjs';

const expectations = `
expect:
  - {name: web reads the data base, from: shop/web, to: shop/db, port: 5432, expect: allow}
  - {name: web calls nobody, pods: shop/web, expect: no-internet}
`;

test('pods, policies and namespaces are described', () => {
  const pods = describe(files, 'workload', 'shop/db');
  assert.equal(pods.name, 'shop/db[StatefulSet]');
  assert.deepEqual(pods.directions.map(({ direction }) => direction), ['ingress', 'egress']);
  const policy = describe(files, 'policy', 'shop/db-from-web');
  assert.deepEqual(policy.workloads.map(({ id }) => id), ['shop/db[StatefulSet]']);
  const [{ policies: [own] }] = policy.directions;
  assert.deepEqual(own.rules.map(({ path }) => path), ['spec.ingress[0]', 'spec.ingress[1]']);
  const namespace = new Model(files).describe('namespace', 'shop');
  assert.deepEqual(namespace.policies.map(({ policy: { name } }) => name), ['db-from-web']);
});

test('what there is not is not described', () => {
  const thrown = (code, message) => (error) =>
    error instanceof PortcullisError && error.code === code && message.test(error.message);
  assert.throws(() => describe(files, 'pod', 'shop/dbs'), thrown('query', /did you mean `shop\/db`/));
  assert.throws(() => describe(files, 'service', 'shop/db'), thrown('argument', /`kind` must be `pod`/));
  assert.throws(() => describe(files, 'pod', 7), thrown('argument', /`name` must be a string/));
});

test('expectations hold or do not, with what decides', () => {
  const { expectations: [reads, calls], summary } = tested(files, expectations);
  assert.equal(reads.outcome, 'holds');
  assert.equal(calls.outcome, 'fails');
  assert.equal(calls.name, 'web calls nobody');
  assert.equal(summary.policies, 1);
});

test('what expectations leave untested', () => {
  const model = new Model(files);
  assert.equal(model.test(expectations).coverage, undefined);
  const { coverage, mutants } = model.test(expectations, { coverage: true, suggest: true });
  assert.equal(coverage.policies.length, 1);
  assert.ok(mutants.mutants.some(({ outcome }) => outcome === 'noticed'), JSON.stringify(mutants.mutants));
  assert.ok(mutants.suggestions.length > 0);
});

test('texts that are no expectations are refused with their place', () => {
  assert.throws(() => tested(files, 'expect: 7'), /`expectations` is not a file of expectations: expectations:1:/);
  assert.throws(() => tested(files, ''), /expectations/);
  assert.throws(() => tested(files, expectations, { coverge: true }), /coverge.*did you mean `coverage`/s);
});
