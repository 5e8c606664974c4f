// At any size and in any state, all views say what the engine says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, eventually, line, lines, paste, shot, visit } from './page.mjs';

const pod = (namespace, name) => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${name}}}\nspec: {containers: []}\n`;
const pods = (count, spaces) => Array.from({ length: count }, (_, i) => pod(`ns-${i % spaces}`, `w-${i}`)).join('---\n');
const closed = (namespace) => `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed, namespace: ${namespace}}\nspec: {podSelector: {}}\n`;

const view = (page, name) => page.locator('.pane-diagram').getByRole('button', { name, exact: true }).click();
const field = (page, name) => page.locator('.flowbar').getByLabel(name, { exact: true });

async function ask(page, from, to, port = '80') {
  await field(page, 'from').fill(from);
  await field(page, 'to').fill(to);
  await field(page, 'port').fill(port);
}

const verdict = (page) => page.locator('.flowbar .verdict .pill').innerText();

test('200 workloads without policies are open in every view', () => visit({}, async (page) => {
  await paste(page, pods(200, 8));
  await page.waitForSelector('.graph-group.is-collapsed.is-open');
  assert.equal(await page.locator('.graph-group.is-open').count(), 8);
  assert.match(await page.locator('.graph-field').textContent(), /everything can talk to everything/);
  assert.match(await page.locator('.graph-group').first().getAttribute('aria-label'), /^ns-\d 25 workloads, open, Expand/);
  await shot(page, 'open-200');
  await ask(page, 'ns-0/w-0', 'ns-0/w-104');
  await eventually(async () => assert.equal(await verdict(page), '✓ allowed'));
  await view(page, 'List');
  const list = () => page.locator('.flow-table tbody tr').allInnerTexts().then((rows) => rows.map((row) => row.split('\t').map((cell) => cell.trim())));
  assert.deepEqual(await list(), [
    ['outside', 'all workloads (200)', 'any'],
    ['all workloads (200)', 'outside', 'any'],
    ['all workloads (200)', 'all workloads (200)', 'any'],
  ]);
  await shot(page, 'list-open-200');
  await page.getByRole('button', { name: 'List each pair' }).click();
  await eventually(async () => assert.match(await page.locator('.btn.is-more').innerText(), /^Show 300 of 39,900 more$/, '200 × 199 pairs, and outside both ways'));
  await view(page, 'Matrix');
  assert.equal(await page.locator('.matrix-scroll').getAttribute('aria-rowcount'), '202');
  await page.getByRole('searchbox').fill('ns-0/w-0');
  await eventually(async () => assert.match(await page.locator('.matrix-cell.is-allowed').first().getAttribute('aria-label'), /: any$/));
  assert.equal(await page.locator('.matrix-cell.is-none').count(), 0);
  await shot(page, 'matrix-open-200');
}));

test('one closed namespace among many open ones: states and verdicts agree', () => visit({}, async (page) => {
  await paste(page, `${pods(300, 10)}---\n${closed('ns-3')}`);
  await page.waitForSelector('.graph-group.is-collapsed');
  assert.equal(await page.locator('.graph-group.is-open').count(), 9);
  await page.locator('.graph-group[data-group="ns-1"] .graph-group-box').hover();
  // 30 workloads with 8 times 30 others and with what is outside; alike, so said in one place.
  await eventually(async () => assert.equal(await page.locator('.graph-fan').getAttribute('aria-label'), 'ns-1 and 7230 others, both ways: any'));
  assert.equal(await page.locator('.graph-group.is-touched').count(), 8);
  const said = await lines(page);
  assert.ok(said.some((text) => /^ns-3 to ns-1: any/.test(text)), said.join('\n'));
  assert.ok(!said.some((text) => /^ns-1 to ns-3/.test(text)), 'nothing enters what is closed');
  await shot(page, 'overview-300');
  await ask(page, 'ns-1/w-1', 'ns-3/w-3');
  await eventually(async () => assert.equal(await verdict(page), '✕ denied'));
  await eventually(async () => assert.equal(await page.locator('.graph-line.is-selected').getAttribute('aria-label'), 'ns-1/w-1 to ns-3/w-3: TCP 80, denied'));
  const size = await page.locator('.graph-card.is-selected .graph-card-name').first().evaluate((text) => text.getBoundingClientRect().height);
  assert.ok(size >= 11, `a name ${size} px high`);
  await shot(page, 'selected-300');
}));

test('a file that does not parse is left out, which is said wherever something is answered', () => visit({ hash: '#example=stray-dash' }, async (page) => {
  await drawn(page);
  await ask(page, 'bank/teller', 'bank/accounts', '5432');
  await eventually(async () => assert.equal(await verdict(page), '✕ denied'));
  await page.getByRole('tab', { name: 'policies.yaml' }).click();
  await paste(page, '{{- if .Values.x }}\nkind: NetworkPolicy\n');
  await eventually(async () => assert.equal(await verdict(page), '✓ allowed'));
  const left = /policies\.yaml does not parse; answers leave it out/;
  assert.match(await page.locator('.broken-bar').innerText(), left);
  assert.match(await page.locator('.flowbar .verdict').innerText(), /without policies\.yaml/);
  assert.match(await page.locator('.inspector-body .answer').innerText(), left);
  await shot(page, 'broken');
  for (const name of ['List', 'Matrix']) {
    await view(page, name);
    assert.match(await page.locator('.unread').innerText(), left);
  }
  await paste(page, '');
  await eventually(async () => assert.equal(await page.locator('.broken-bar, .unread').count(), 0));
}));

test('a denied question is drawn beside what is allowed on other ports', () => visit({ hash: '#example=ports' }, async (page) => {
  await drawn(page);
  await eventually(async () => assert.equal(await verdict(page), '✕ denied'));
  const said = await page.locator('.graph-line.is-selected').getAttribute('aria-label');
  assert.match(said, /, denied$/);
  assert.equal(await page.locator('.graph-line.is-selected.is-asked-denied').count(), 1);
  const [from, to] = said.split(': ')[0].split(' to ');
  await eventually(async () => assert.equal(await line(page, from, to).count(), 2));
  await shot(page, 'denied-beside-allowed');
}));

test('screen readers hear nothing that does not hold', () => visit({ hash: '#example=stray-dash' }, async (page) => {
  await drawn(page);
  const tree = await page.context().newCDPSession(page).then((session) => session.send('Accessibility.getFullAXTree'));
  const heard = tree.nodes.filter((node) => !node.ignored).map((node) => node.name?.value ?? '').join('\n');
  assert.doesNotMatch(heard, /everything can talk/);
  assert.doesNotMatch(heard, /\?\?/);
  assert.doesNotMatch(heard, /outside (to|and) bank[:,]/, 'accounts is not reached from outside');
}));

test('the matrix goes by keys, keeps its names and is of one port', () => visit({ hash: '#example=payments' }, async (page) => {
  await drawn(page);
  await view(page, 'Matrix');
  const grid = page.locator('.matrix-scroll');
  await grid.focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'End', 'PageDown']) await page.keyboard.press(key);
  const active = await eventually(async () => {
    const id = await grid.getAttribute('aria-activedescendant');
    const [, row, column] = id.split('-').map(Number);
    assert.ok(row > 2 && column > 10, id);
    return id;
  });
  assert.ok(await page.locator(`#${active}`).isVisible());
  assert.match(await page.locator('.matrix-strip').innerText(), / to /);
  const left = await page.locator('.matrix-from').first().evaluate((name) => name.getBoundingClientRect().left);
  assert.ok(left >= (await grid.evaluate((element) => element.getBoundingClientRect().left)) - 1, 'names stick');
  const all = await page.locator('.matrix-cell.is-allowed').count();
  await page.getByLabel(/Show only this port/).fill('53/UDP');
  await eventually(async () => {
    const some = await page.locator('.matrix-cell.is-allowed').count();
    assert.ok(some > 0 && some < all, `${some} of ${all}`);
  });
  await page.getByLabel(/Show only this port/).fill('nope/');
  await page.getByText('not a port').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
}));
