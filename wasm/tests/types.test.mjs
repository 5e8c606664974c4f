// The types: those of the reports are what the schema says, what the package really returns is of
// its type, and a change of either is seen.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { check, evaluate, list } from '@portcullis/engine';
import { TYPES, fromCheckedInSchema, types } from '../js/types.mjs';
import { files, flow, mistaken } from './shop.mjs';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const installed = (name) => read(`node_modules/@portcullis/engine/${name}`);

test('reports.d.ts is written from the schema', () => {
  assert.equal(readFileSync(TYPES, 'utf8'), fromCheckedInSchema(), 'stale: run node wasm/js/types.mjs');
});

test('a type that the generator does not know is no `any`', () => {
  const schema = { $defs: { A: { type: 'object', properties: { b: { type: 'null' } } } } };
  assert.throws(() => types(schema), /does not know/);
});

test('the package has the schema', () => {
  assert.deepEqual(createRequire(import.meta.url)('@portcullis/engine/schema.json'), JSON.parse(read('../../tests/schema/portcullis.schema.json')));
});

test('the types of the package are those that were looked at', () => {
  const snapshot = new URL('snapshots/index.d.ts', import.meta.url);
  if (env.UPDATE_SNAPSHOTS) writeFileSync(snapshot, installed('index.d.ts'));
  assert.equal(installed('index.d.ts'), readFileSync(snapshot, 'utf8'), 'if meant: UPDATE_SNAPSHOTS=1 scripts/test-npm.sh');
  assert.equal(installed('index.d.cts'), installed('index.d.ts'));
});

/** TypeScript's complaints about a module, with the package beside it. */
function complaints(source) {
  const directory = mkdtempSync(fileURLToPath(new URL('node_modules/.types-', import.meta.url)));
  const tsc = fileURLToPath(new URL('../../scripts/npm/node_modules/.bin/tsc', import.meta.url));
  const options = '--strict --noEmit --exactOptionalPropertyTypes --target es2022 --lib es2022,dom --module nodenext --types';
  try {
    writeFileSync(join(directory, 'module.mts'), source);
    const words = [...options.split(' '), '', join(directory, 'module.mts')];
    const { status, stdout, error } = spawnSync(tsc, words, { encoding: 'utf8' });
    assert.equal(error, undefined);
    return status === 0 ? '' : stdout || 'failed';
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const literal = (name, type, value) => `export const ${name}: ${type} = ${JSON.stringify(value)};\n`;
const imports = "import type { CheckReport, FlowReport, ListReport } from '@portcullis/engine';\n";

const more = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {app: agent}}
spec: {hostNetwork: true, nodeName: node-1}
status: {podIPs: [{ip: 10.2.0.1}, {ip: "fd00::1"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ignored}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 1, targetPort: 5432}]}
`;

test('what is returned is of its type, with nothing that the type does not name', () => {
  const all = { ...files, more, mistaken };
  const flows = ['shop/web', 'shop/agent', '10.2.3.4', 'fd00::9'].map((from) => ({ ...flow, from, port: 80 }));
  const reports = [...evaluate(all, flows), ...evaluate(all, [{ ...flow, to: 'shop/Service/db', port: 1 }])];
  assert.ok(new Set(reports.map(({ verdict }) => verdict)).size >= 2);
  const source = [
    imports,
    literal('checked', 'CheckReport', check(all)),
    literal('listed', 'ListReport', list(all, { siblings: true })),
    literal('flows', 'FlowReport[]', reports),
  ];
  assert.equal(complaints(source.join('')), '');
});

test('what is not of its type is refused', () => {
  const report = check(files);
  assert.match(complaints(imports + literal('a', 'CheckReport', { ...report, more: 1 })), /more.* does not exist/);
  assert.match(complaints(imports + literal('a', 'CheckReport', { summary: report.summary })), /'diagnostics' is missing/);
});

test('the example of README.md in TypeScript compiles', () => {
  const [, example] = /^```ts\n(.*?)^```$/ms.exec(read('../README.md'));
  assert.equal(complaints(example), '');
});
