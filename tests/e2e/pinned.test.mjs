// What opens and closes after a state was pinned.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, eventually, paste, shot, visit } from './page.mjs';

const NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n';
const pod = (name) => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}\nspec: {containers: [{name: c, image: c}]}\n---\n`;
const policy = (from, port) => `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: shop}\nspec:\n  podSelector: {matchLabels: {app: db}}\n  ingress:\n    - from: [{podSelector: {matchLabels: {app: ${from}}}}]\n      ports: [{port: ${port}}]\n`;
const shop = (from, port) => NAMESPACE + ['web', 'api', 'db'].map(pod).join('') + policy(from, port);

const said = (page) => page.locator('.pin-show').innerText();

test('what is typed after a pin is counted, listed with its lines, and forgotten with the pin', () => visit({}, async (page) => {
  await paste(page, shop('web', 5432));
  await drawn(page);
  await page.getByRole('button', { name: 'Pin', exact: true }).click();
  await eventually(async () => assert.equal(await said(page), 'nothing changed'));
  await paste(page, shop('api', 5432));
  await eventually(async () => assert.equal(await said(page), '1 opened · 1 closed'));
  await page.locator('.pin-show').click();
  const rows = () => page.locator('.change-table tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.firstChild.textContent.trim())));
  await eventually(async () => assert.deepEqual(await rows(), [
    ['opened', 'shop/api[Pod]', 'shop/db[Pod]', 'TCP 5432'],
    ['closed', 'shop/web[Pod]', 'shop/db[Pod]', 'TCP 5432'],
  ]));
  assert.match(await page.locator('.change-causes').first().innerText(), /^\+ shop\/db ingress\[0\]\.from\[0\] \(app=api; TCP 5432\)/);
  await shot(page, 'pinned');
  await page.locator('.pane-diagram').getByRole('button', { name: 'List' }).click();
  assert.equal(await page.locator('.change-table').count(), 0);
  await page.getByRole('button', { name: 'Forget the pinned state' }).click();
  await eventually(async () => assert.equal(await page.locator('.pin-show').count(), 0));
  await page.getByRole('button', { name: 'Pin', exact: true }).click();
  await eventually(async () => assert.equal(await said(page), 'nothing changed'));
}));
