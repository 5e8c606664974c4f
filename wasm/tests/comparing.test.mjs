// What differs between two states, rules of a gate, and whether two sets of policies mean the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diff, equal, gate } from '@portcullis/engine';
import { apps, files, policy } from './shop.mjs';

const rules = (demand) => `rules: [{name: r, ${demand}}]`;
const outside = rules('never: {from: {addresses: [192.0.2.0/24]}, to: {namespace: shop, pods: app=db}}');

test('diff says what is opened and closed', () => {
  const wider = { apps, policy: policy.replace('5432', '5433') };
  const { changes } = diff(files, wider, { podCidrs: ['172.16.0.0/12'] });
  const said = changes.map(({ from, to, before, after, ports }) => [from, to, before, after, ports].join(' '));
  assert.ok(said.includes('shop/web[Deployment] shop/db[StatefulSet] deny allow TCP 5433'), said.join('\n'));
  assert.ok(said.includes('shop/web[Deployment] shop/db[StatefulSet] allow deny TCP 5432'), said.join('\n'));
  assert.deepEqual(diff(files, files).changes, []);
});

test('a rule that holds, and one that a pod breaks that does not exist yet', () => {
  const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n';
  const holds = gate({ ...files, namespace }, outside);
  assert.equal(holds.rules[0].outcome, 'holds');
  assert.deepEqual(holds.summary, { holds: 1, broken: 0, unknown: 0, undecided: 0 });
  const all = rules('never: {from: {addresses: [192.0.2.0/24]}, to: {namespace: shop}}');
  const [broken] = gate({ ...files, namespace }, all).rules;
  assert.equal(broken.outcome, 'broken');
  assert.equal(broken.witnesses[0].verdict, 'allow');
});

test('rules that compare need a state to compare with', () => {
  const compares = rules('no-new-access: {to: {namespace: shop, pods: app=db}}');
  assert.throws(() => gate(files, compares), /must have `before`: rule `r` compares two states/);
  const wider = { apps, policy: policy.replace('5432', '5433') };
  const [opened] = gate(wider, compares, { before: files }).rules;
  assert.equal(opened.outcome, 'broken');
  assert.equal(opened.witnesses[0].before, 'deny');
  assert.equal(gate(files, compares, { before: files }).rules[0].outcome, 'holds');
});

test('rules that are wrong are refused with their place', () => {
  assert.throws(() => gate(files, 'rules: [{name: r, nevr: {}}]'), /never/);
  assert.throws(() => gate(files, ''), /rules/);
  assert.throws(() => gate(files, outside, { before: 7 }), /`options.before` must be texts by name/);
});

test('equal says whether policies mean the same, or shows a flow', () => {
  const renamed = { apps, other: policy.replace('name: db-from-web', 'name: another') };
  assert.equal(equal(files, renamed).outcome, 'equal');
  const narrower = { apps, policy: policy.replace('10.1.0.0/16', '10.2.0.0/16') };
  const { outcome, witnesses } = equal(files, narrower);
  assert.equal(outcome, 'different');
  assert.ok(witnesses.length > 0);
});
