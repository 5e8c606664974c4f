// The main path: choose an example, change a policy, see the edge go, ask why.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, cursorAfter, drawn, eventually, line, lines, shot, visit } from './page.mjs';

const STRAY = { hash: '#example=stray-dash' };

test('an empty page invites, and an invitation opens an example', () => visit({}, async (page) => {
  await page.waitForSelector('.empty-title');
  assert.equal(await page.locator('.empty-example').count(), 3);
  await shot(page, 'empty');
  await page.locator('.empty-example', { hasText: 'One dash too many' }).click();
  await drawn(page);
  assert.match(page.url(), /#example=stray-dash$/);
  assert.match(await page.locator('.toolbar-stats').innerText(), /^6 workloads · 1 policy · [\d.]+ ms$/);
  assert.match(await page.locator('.lesson-text').innerText(), /The author wanted/);
}));

test('every example opens, from the menu and by its address', () => visit({}, async (page) => {
  await page.locator('.examples-menu summary').click();
  const names = await page.locator('.menu-item[aria-current], .menu-item').evaluateAll((items) => items.map((item) => item.firstChild.textContent));
  assert.equal(names.length, 18, 'seventeen examples and the empty file');
  await page.locator('.menu-item', { hasText: 'No policy at all' }).click();
  for (let i = 0; i < 16; i += 1) {
    await eventually(async () => assert.match(await page.locator('.flowbar .verdict').innerText(), /allowed|denied|unknown/));
    assert.equal(await page.locator('.broken-bar').count(), 0);
    await page.getByRole('button', { name: 'Next example' }).click();
  }
  await eventually(() => assert.match(page.url(), /#example=book-reviews$/));
  await drawn(page);
  await shot(page, 'payments');
  assert.ok(await page.getByRole('button', { name: 'Next example' }).isDisabled());
  await page.goBack();
  await eventually(async () => assert.match(await page.locator('.lesson-label').innerText(), /Payments/));
  await page.waitForTimeout(500);
  await shot(page, 'web-shop');
}));

test('without its dash the rule no longer admits the wiki, and the edge goes', () => visit(STRAY, async (page) => {
  await drawn(page);
  assert.match((await lines(page)).join('\n'), /ops\/wiki to bank\/accounts: TCP 5432, allowed/);
  assert.deepEqual(await amber(page), ['- namespaceSelector:', 'matchLabels:', 'team: ops', '- port: 5432']);
  await shot(page, 'stray-dash');
  await cursorAfter(page, '- podSelector');
  await page.keyboard.press('Home');
  await page.keyboard.press('Delete');
  await page.keyboard.type(' ');
  await eventually(async () => {
    const now = (await lines(page)).join('\n');
    assert.match(now, /ops\/backup to bank\/accounts: TCP 5432, allowed/);
    assert.doesNotMatch(now, /ops(\/chat)? to bank\/accounts/);
    assert.equal(await page.locator('.inspector-body .answer .pill').innerText(), '✕ denied');
  });
  assert.equal(await page.locator('.tab-dot').count(), 1, 'the changed file is marked');
  assert.match(await page.locator('.inspector-body').innerText(), /Enters bank\/accounts/);
  await page.keyboard.press('ControlOrMeta+z');
  await page.keyboard.press('ControlOrMeta+z');
  await eventually(async () => assert.match((await lines(page)).join('\n'), /ops(\/chat)? to bank\/accounts/));
}));

test('a clicked edge is explained, and its deciding lines are amber', () => visit(STRAY, async (page) => {
  await drawn(page);
  await page.getByRole('tab', { name: 'cluster.yaml' }).click();
  await line(page, 'bank/backup-tester', 'bank/accounts').dispatchEvent('click');
  await eventually(async () => assert.equal(await page.locator('.flow-title').innerText(), 'bank/backup-tester → bank/accounts'));
  await eventually(async () => assert.deepEqual(await amber(page), ['- podSelector:', 'matchLabels:', 'role: backup', '- port: 5432']));
  assert.equal(await page.getByRole('tab', { selected: true }).innerText().then((text) => text.split('\n')[0]), 'policies.yaml');
  const cards = page.locator('.card.is-selected');
  assert.equal(await cards.count(), 1);
  assert.match(await cards.innerText(), /ingress\[0\]\.from\[1\] · role=backup/);
  await cards.locator('.line-link').click();
  await eventually(async () => assert.match(await page.locator('.cm-activeLine').innerText(), /podSelector/));
}));

test('the flow bar answers what is typed, and says why not', () => visit(STRAY, async (page) => {
  await drawn(page);
  const field = (name) => page.locator('.flowbar').getByLabel(name, { exact: true });
  await field('from').fill('bank/teller');
  await eventually(async () => assert.equal(await page.locator('.flowbar .pill').innerText(), '✕ denied'));
  await field('port').press('Enter');
  await eventually(async () => assert.match(await page.locator('.inspector-body').innerText(), /bank\/teller → bank\/accounts/));
  await eventually(async () => assert.match((await lines(page)).join('\n'), /bank\/teller to bank\/accounts: TCP 5432, denied/));
  await shot(page, 'denied');
  await field('from').fill('203.0.113.7');
  await eventually(async () => assert.match(await page.locator('.inspector-body').innerText(), /outside 203\.0\.113\.7 → bank\/accounts/));
  await field('from').fill('bank/telle');
  await eventually(async () => assert.match(await page.locator('.inspector-body').innerText(), /did you mean bank\/teller\?/));
}));

test('a node shows its reach, a rule under the cursor its edges', () => visit(STRAY, async (page) => {
  await drawn(page);
  await page.locator('.graph-card', { hasText: 'accounts' }).click();
  await eventually(async () => assert.match(await page.locator('.inspector-body').innerText(), /Reached by\s+4/));
  assert.equal(await page.locator('.graph-card.is-selected').count(), 1);
  await page.locator('.reach-item', { hasText: 'ops/chat' }).last().click();
  await eventually(async () => assert.equal(await page.locator('.flow-title').innerText(), 'ops/chat → bank/accounts'));
  await cursorAfter(page, '- podSelector');
  await eventually(async () => assert.match(await page.locator('.card.is-selected').first().innerText(), /This rule admits 1 flow/));
  await eventually(async () => assert.equal(await page.locator('.graph-line.is-selected').getAttribute('aria-label'), 'bank/backup-tester to bank/accounts: TCP 5432, allowed'));
}));

test('list and matrix say the same as the diagram', () => visit({ hash: '#example=payments' }, async (page) => {
  await drawn(page);
  await page.locator('.pane-diagram').getByRole('button', { name: 'List' }).click();
  await page.getByRole('searchbox').fill('pay/gateway');
  await eventually(async () => assert.deepEqual(await page.locator('.flow-table tbody tr').allInnerTexts().then((rows) => rows.map((row) => row.split('\t').map((cell) => cell.trim()))), [
    ['core/orders', 'pay/gateway', 'TCP 8080'],
    ['pay/gateway', 'kube-system/coredns', 'TCP 53,UDP 53'],
    ['pay/gateway', 'pay/cards', 'TCP 8080'],
    ['pay/gateway', 'pay/transfers', 'TCP 8080'],
  ]));
  await shot(page, 'list');
  await page.getByRole('button', { name: 'core/orders to pay/gateway: TCP 8080' }).click();
  await eventually(async () => assert.equal(await page.locator('.flow-title').innerText(), 'core/orders → pay/gateway'));
  assert.equal(await page.locator('.flow-table tr.is-selected').count(), 1);
  await page.getByRole('searchbox').fill('');
  await page.locator('.pane-diagram').getByRole('button', { name: 'Matrix' }).click();
  await page.getByRole('gridcell', { name: 'web/portal to pay/gateway: nothing' }).click();
  await eventually(async () => assert.equal(await page.locator('.inspector-body .answer .pill').innerText(), '✕ denied'));
  await shot(page, 'matrix');
}));

test('files: add, rename, close, bring back', () => visit(STRAY, async (page) => {
  await drawn(page);
  await page.getByRole('button', { name: 'Add a file' }).click();
  const tab = page.getByRole('tab', { name: 'policies-2.yaml' });
  await tab.dblclick();
  await page.getByLabel('New name for policies-2.yaml').fill('extra.yaml');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'extra.yaml' }).waitFor();
  await page.locator('.cm-content').click();
  await page.keyboard.type('apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed, namespace: ops}\nspec: {podSelector: {}}');
  await eventually(async () => assert.match(await page.locator('.toolbar-stats').innerText(), /2 policies/));
  await page.getByRole('tab', { name: 'extra.yaml' }).focus();
  await page.keyboard.press('Delete');
  await eventually(async () => assert.match(await page.locator('.toolbar-stats').innerText(), /1 policy/));
  await page.getByRole('button', { name: 'Bring back' }).click();
  await eventually(async () => assert.match(await page.locator('.toolbar-stats').innerText(), /2 policies/));
}));

test('a dropped file is read', () => visit({}, async (page) => {
  const text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x, labels: {app: a}}\nspec: {containers: []}\n';
  await page.evaluate((content) => {
    const data = new DataTransfer();
    data.items.add(new File([content], 'pods.yaml'));
    const pane = document.querySelector('.pane-editor');
    for (const type of ['dragover', 'drop']) pane.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }, text);
  await page.getByRole('tab', { name: 'pods.yaml' }).waitFor();
  await eventually(async () => assert.match(await page.locator('.toolbar-stats').innerText(), /1 workload · 0 policies/));
  assert.equal(await page.getByRole('tab').count(), 1, 'the empty file made room');
}));

test('nothing is lost on reload, and own work is put aside for an example', () => visit({}, async (page) => {
  await page.locator('.cm-content').click();
  await page.keyboard.type('apiVersion: v1\nkind: Pod\nmetadata: {name: mine}');
  await page.waitForTimeout(500);
  await page.reload();
  await page.waitForSelector('.graph-card');
  assert.match(await page.locator('.cm-content').innerText(), /mine/);
  await page.getByRole('button', { name: 'Next example' }).click();
  await page.getByRole('button', { name: 'Bring back' }).click();
  await eventually(async () => assert.match(await page.locator('.cm-content').innerText(), /mine/));
}));

// Findings come and go under the cursor while somebody types; the browser's cursor must stay.
test('what is typed is what stands there', () => visit({}, async (page) => {
  const text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: mine}';
  for (let i = 0; i < 12; i += 1) {
    await page.locator('.cm-content').click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.press('Delete');
    await page.keyboard.type(text);
    assert.equal(await page.locator('.cm-line').evaluateAll((all) => all.map((line) => line.textContent).join('\n')), text);
  }
}));
