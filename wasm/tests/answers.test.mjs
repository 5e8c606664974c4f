// What the package answers: right, and plain data.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import vm from 'node:vm';
import * as engine from '@portcullis/engine';
import { program } from '../../tests/node/programs.mjs';
import { apps, clusterPolicies, files, flow, mistaken, policy } from './shop.mjs';

const { Model, check, evaluate, explain, format, list, render } = engine;
const pairs = (report) => report.connections.map(({ from, to, allowed }) => `${from} => ${to} : ${allowed}`);
const fromWeb = 'shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432';

test('check finds mistakes, on their line', () => {
  const report = check({ ...files, 'mistaken.yaml': mistaken });
  const finding = report.diagnostics.find(({ severity }) => severity === 'error');
  assert.equal(finding.name, 'unknown-field');
  assert.deepEqual([finding.location.file, finding.location.line], ['mistaken.yaml', 6]);
  assert.equal(report.summary.errors, report.diagnostics.filter(({ severity }) => severity === 'error').length);
  assert.deepEqual(check(files).diagnostics.map(({ code, severity }) => `${code} ${severity}`), ['L01 info']);
});

test('list says who can reach whom', () => {
  const report = list(files, { focus: ['shop/db'] });
  assert.ok(pairs(report).includes(fromWeb));
  assert.deepEqual(report.portSets['TCP 5432'], [{ protocol: 'TCP', port: 5432, endPort: 5432 }]);
  assert.equal(report.summary.policies, 1);
});

test('filters of list do what they say', () => {
  const onlyBlock = { apps, policy: policy.replace(/  - from:\n    - podSelector.*?5432\n/s, '') };
  const doubtful = list(onlyBlock).connections;
  const certain = list(onlyBlock, { certainOnly: true }).connections;
  assert.equal(certain.length, doubtful.length - 1);
  assert.deepEqual(certain, doubtful.filter(({ allowed }) => allowed !== undefined));
  const all = list(files, { expand: true }).connections;
  const into = list(files, { focus: ['shop/db'], direction: 'ingress', expand: true }).connections;
  assert.deepEqual(into, all.filter(({ to }) => to === 'shop/db[StatefulSet]'));
  const withPort = (port) => pairs(list(files, { port, protocol: 'TCP', podCidrs: ['172.16.0.0/12'] }));
  assert.ok(!withPort(80).includes(fromWeb));
  assert.ok(withPort(5432).includes(fromWeb));
  assert.ok(list(files, { siblings: true, expand: true }).connections.length > all.length);
});

test('a list has groups of those who are treated alike', () => {
  const three = ['a', 'b', 'c'].map((name) => `kind: Pod\napiVersion: v1\nmetadata: {name: ${name}, namespace: shop}\n`);
  const model = new Model({ three: three.join('---\n') });
  const report = model.list();
  const { id, name, members } = report.groups.at(-1);
  assert.deepEqual([id, name], ['all workloads', 'all workloads (3)']);
  assert.deepEqual(members, ['shop/a[Pod]', 'shop/b[Pod]', 'shop/c[Pod]']);
  assert.deepEqual(pairs(report).filter((pair) => !pair.includes('addresses')).length, 1);
  assert.match(format(report, 'text'), /^all workloads \(3\) => all workloads \(3\) : All Connections$/m);
  const expanded = model.list({ expand: true }).connections;
  assert.equal(expanded.filter(({ from, to }) => from.includes('[') && to.includes('[')).length, 6);
});

test('options say what the files do not', () => {
  const ask = (options) => evaluate(files, { ...flow, port: 80 }, options);
  assert.deepEqual([ask().verdict, ask().reason], ['unknown', 'address']);
  assert.equal(ask({ podCidrs: ['10.1.0.0/16'] }).verdict, 'deny');
  assert.equal(ask({ podCidrs: ['10.2.0.0/16', '10.3.0.0/16'], nodeCidrs: [] }).verdict, 'allow');
  const nameless = apps.replaceAll(', namespace: shop', '');
  assert.equal(list({ nameless }, { namespace: 'here' }).endpoints.at(-1).namespace, 'here');
  assert.equal(list({ nameless }).endpoints.at(-1).namespace, 'default');
});

test('evaluate answers one flow or many, explain one', () => {
  const one = evaluate(files, flow);
  assert.equal(one.verdict, 'allow');
  assert.equal(one.evidence.ingress.policies[0].rules[0].ports[0].location.line, 12);
  assert.deepEqual(explain(files, flow), one);
  const many = evaluate(files, [flow, { ...flow, protocol: 'UDP' }]);
  assert.deepEqual(many[0], one);
  assert.deepEqual([many[1].protocol, many.length], ['UDP', 2]);
  assert.deepEqual(evaluate(files, []), []);
});

test('flows have names and expectations, ports have names and ranges, ends need not be there', () => {
  const flows = [
    { ...flow, name: 'reads', expect: 'allow' },
    { ...flow, expect: 'deny' },
    { ...flow, from: 'shop/{app=web}' },
    { ...flow, port: `1-${flow.port - 1}` },
  ];
  const [named, other, supposed, range] = evaluate(files, flows);
  assert.deepEqual([named.name, named.expect, named.asExpected], ['reads', 'allow', true]);
  assert.deepEqual([other.asExpected, other.name], [false, undefined]);
  assert.deepEqual([supposed.verdict, supposed.source], ['allow', 'shop/{app=web}']);
  assert.equal(range.port, `1-${flow.port - 1}`);
  assert.notEqual(range.verdict, 'allow');
  assert.deepEqual(list(files, { selector: 'app=db' }), list(files, { focus: ['shop/db'] }));
});

test('cluster policies are tiers of the evidence, and rules say what decides', () => {
  const guarded = { ...files, 'guard.yaml': clusterPolicies };
  const { verdict, evidence: { ingress } } = evaluate(guarded, flow);
  assert.deepEqual([verdict, ingress.verdict], ['unknown', 'allow'], 'the name may resolve to the address of the pod');
  assert.deepEqual(ingress.tiers.map(({ tier, outcome }) => [tier, outcome]), [['admin', 'pass'], ['networkPolicy', 'accept']]);
  const deciding = ingress.policies.flatMap(({ policy: { name }, tier, rules }) =>
    rules.filter(({ decides }) => decides).map(({ action, path }) => [name, tier, action, path]));
  assert.deepEqual(deciding, [
    ['guard', 'admin', 'pass', 'spec.ingress[0]'],
    ['db-from-web', 'networkPolicy', 'accept', 'spec.ingress[0]'],
  ]);
  const report = list(guarded, { explain: true, focus: ['shop/web'] });
  const web = report.endpoints.find(({ id }) => id === 'shop/web[Deployment]');
  assert.deepEqual([web.ingress, web.clusterPolicies], ['no', ['ingress', 'egress']]);
});

test('domainNames says what names of policies resolve to', () => {
  const guarded = { ...files, 'guard.yaml': clusterPolicies };
  const out = { from: 'shop/web', to: '192.0.2.7', port: 443 };
  const unknown = evaluate(guarded, out);
  assert.deepEqual([unknown.verdict, unknown.reason], ['unknown', 'name']);
  assert.ok(list(guarded).notes.some(({ reason }) => reason === 'name'));
  const options = { domainNames: ['updates.example.com=192.0.2.7', 'updates.example.com=2001:db8::7'] };
  assert.equal(evaluate(guarded, out, options).verdict, 'allow');
  assert.equal(evaluate(guarded, { ...out, to: '2001:db8::7' }, options).verdict, 'allow');
  assert.equal(evaluate(guarded, { ...out, to: '192.0.2.8' }, options).verdict, 'deny');
  assert.equal(new Model(guarded, options).evaluate(out).verdict, 'allow');
});

test('labels of namespaces that are not in the files are unknown unless options give them', () => {
  const pod = (name, namespace) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } });
  const from = [{ namespaceSelector: { matchLabels: { team: 'ops' } } }];
  const spec = { podSelector: {}, ingress: [{ from }] };
  const metadata = { name: 'p', namespace: 'shop' };
  const np = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec };
  const items = [pod('db', 'shop'), pod('prom', 'mon'), np];
  const all = { 'all.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) };
  const flow = { from: 'mon/prom', to: 'shop/db', port: 80 };
  const { verdict, reason } = evaluate(all, flow);
  assert.deepEqual([verdict, reason], ['unknown', 'namespace']);
  assert.equal(evaluate(all, flow, { namespaceLabels: ['mon=team=ops'] }).verdict, 'allow');
  assert.equal(evaluate(all, flow, { assumeUnlabelledNamespaces: true }).verdict, 'deny');
  const wrong = () => evaluate(all, flow, { namespaceLabels: ['mon'] });
  assert.throws(wrong, /namespaceLabels\[0\].*a namespace and a label/);
});

test('format writes every form, from reports that have been elsewhere too', () => {
  const report = JSON.parse(JSON.stringify(list(files)));
  const starts = { csv: /^\S+,/, dot: /^digraph/, md: /^\|/, mermaid: /^flowchart/, text: / => / };
  for (const [form, start] of Object.entries(starts)) assert.match(format(report, form), start);
  assert.match(format(explain(files, flow), 'text'), /^allowed .*5432$/m);
  assert.match(format(explain(files, flow), 'chain'), /ports\[0\].*policy\.yaml:12/);
});

test('files come by name or as a list, as strings or bytes, of any realm', () => {
  const bytes = new TextEncoder().encode(apps);
  const forms = [
    [{ name: 'apps.yaml', text: apps }, { name: 'policy.yaml', text: policy }],
    { ...files, 'apps.yaml': bytes },
    { ...files, 'apps.yaml': Buffer.from(apps) },
    { ...files, 'apps.yaml': vm.runInNewContext('Uint8Array.from(bytes)', { bytes }) },
    vm.runInNewContext('({ ...files })', { files }),
    Object.assign(Object.create(null), files),
  ];
  for (const form of forms) assert.deepEqual(list(form), list(files));
});

test('a model answers as the functions do', () => {
  const model = new Model(files, { podCidrs: ['10.2.0.0/16'] });
  const options = { podCidrs: ['10.2.0.0/16'] };
  assert.deepEqual(model.files, ['apps.yaml', 'policy.yaml']);
  assert.deepEqual(model.check(), check(files, options));
  assert.deepEqual(model.list({ focus: ['shop'] }), list(files, { focus: ['shop'], ...options }));
  assert.deepEqual(model.evaluate([flow]), evaluate(files, [flow], options));
  assert.deepEqual(model.explain(flow), explain(files, flow, options));
});

test('put and remove give the next model and leave this one as it was', () => {
  const model = new Model(files);
  const answer = model.list();
  const open = model.remove('policy.yaml');
  const mended = open.put('policy.yaml', Buffer.from(policy));
  const other = model.put('policy.yaml', policy.replace('5432', '1'));
  assert.equal(open.evaluate({ ...flow, port: 80 }).verdict, 'allow');
  assert.deepEqual(mended.list(), answer);
  assert.equal(other.evaluate({ ...flow, from: '192.0.2.1', port: 1 }).verdict, 'deny');
  assert.deepEqual(model.list(), answer);
  assert.deepEqual(model.remove('nothing of that name').files, model.files);
});

test('import and require give the same classes', () => {
  const required = createRequire(import.meta.url)('@portcullis/engine');
  assert.ok(new required.Model(files) instanceof Model);
  assert.equal(required.PortcullisError, engine.PortcullisError);
});

/** Complains of anything that JSON does not have. */
function assertPlain(value) {
  if (typeof value !== 'object') return assert.ok(['string', 'number', 'boolean'].includes(typeof value), typeof value);
  assert.ok([Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value)));
  Object.values(value).forEach(assertPlain);
}

test('reports are plain data: no Map, no BigInt, no null, no undefined', () => {
  const model = new Model({ ...files, 'mistaken.yaml': mistaken });
  [model.check(), model.list(), model.explain(flow)].forEach(assertPlain);
});

test('keys that mean something to JavaScript are keys', () => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {constructor: c, toString: t}}\n';
  const { endpoints } = list(JSON.parse(`{ "__proto__": ${JSON.stringify(pod)} }`));
  assert.deepEqual(endpoints.at(-1).labels, { constructor: 'c', toString: 't' });
  assert.equal(endpoints.at(-1).location.file, '__proto__');
  assert.equal({}.labels, undefined);
});

// The command, as the tests of the other crates have built it.
function command(directory, ...words) {
  const run = [...words, '-o', 'json', ...Object.keys(files)];
  const { stdout, stderr } = spawnSync(program('portcullis'), run, { cwd: directory, encoding: 'utf8' });
  return stdout === '' ? assert.fail(stderr) : JSON.parse(stdout);
}

test('the command says the same', () => {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const ends = ['--from', flow.from, '--to', flow.to, '--port', `${flow.port}`];
    assert.deepEqual(command(directory, 'list'), list(files));
    assert.deepEqual(command(directory, 'check'), check(files));
    assert.deepEqual(command(directory, 'explain', ...ends), explain(files, flow));
    assert.deepEqual([command(directory, 'eval', ...ends)].flat(), evaluate(files, [flow]));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

const node = `
apiVersion: v1
kind: Pod
metadata: { name: db-0, namespace: shop, labels: { app: db } }
spec: { nodeName: n1 }
status: { phase: Running, podIP: 10.1.0.20 }`;

test('render gives the program of a node', () => {
  const all = { ...files, node };
  const report = render(all, { node: 'n1' });
  const [ipv4, ipv6] = report.families;
  assert.deepEqual([ipv4.family, ipv6.family], ['IPv4', 'IPv6']);
  assert.match(ipv4.ipsetRestore, /^add PCL4-local 10\.1\.0\.20$/m);
  assert.match(ipv4.iptablesRestore, /-d 10\.1\.0\.20\/32 -g PCL-I-/);
  assert.deepEqual(new Model(all).render({ node: 'n1' }), report);
  const dropping = render(all, { node: 'n1', deny: 'drop', comments: true }).families[0].iptablesRestore;
  assert.ok(!dropping.includes('REJECT'));
  assert.match(dropping, /--comment "shop\/db\S* spec\.ingress\[0\]\.from\[0\] policy\.yaml:\d+"/);
  assert.throws(() => render(all, { node: 'n2' }), { code: 'query', argument: 'options.node' });
  assert.throws(() => render(all, {}), { code: 'argument' });
  assert.throws(() => render(all, { node: 'n1', deny: 'no' }), { argument: 'options.deny' });
});
