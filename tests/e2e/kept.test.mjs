// Nothing of one's own is lost: not by links, examples, reloads, other tabs; and what must not be kept is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, eventually, paste, shot, URL_OF_PAGE, visit } from './page.mjs';

const POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: mine, namespace: own}\nspec: {containers: []}\n';
const text = (page) => page.locator('.cm-content').innerText();
const menu = (page) => page.locator('.examples-menu summary').click();
const ready = (page) => page.waitForSelector('.cm-content', { state: 'attached' });

/** Waits until the browser has what was typed last. */
const kept = (page) => page.waitForTimeout(700);

/** Everything that the browser has stored for the page, as one text. */
const stored = (page) => page.evaluate(async () => {
  const open = (name) => new Promise((done) => { const request = indexedDB.open(name); request.onsuccess = () => done(request.result); });
  const all = (store) => new Promise((done) => { const request = store.getAll(); request.onsuccess = () => done(request.result); });
  const sets = [];
  for (const { name } of await indexedDB.databases()) {
    const database = await open(name);
    for (const store of database.objectStoreNames) sets.push(await all(database.transaction(store).objectStore(store)));
    database.close();
  }
  return JSON.stringify([sets, { ...localStorage }, { ...sessionStorage }]);
});

test('a link to an example takes nothing away: own manifests stand first in the menu', () => visit({}, async (page) => {
  await paste(page, POD);
  await kept(page);
  const other = await page.context().newPage();
  await other.goto(`${URL_OF_PAGE}#example=ports`);
  await ready(other);
  assert.doesNotMatch(await text(other), /name: mine/);
  await page.close();
  await menu(other);
  const first = other.locator('.menu-panel > *').nth(1);
  assert.equal(await other.locator('.menu-title').first().innerText(), 'Your manifests');
  assert.match(await first.innerText(), /manifests\.yaml\s+1 file · .*\d:\d\d/);
  await shot(other, 'menu');
  await first.locator('.menu-item').click();
  await eventually(async () => assert.match(await text(other), /name: mine/));
  await other.goBack();
  await eventually(async () => assert.match(await other.locator('.lesson-label').innerText(), /Example \d/));
  await other.goForward();
  await eventually(async () => assert.match(await text(other), /name: mine/));
}));

test('a changed example is kept too, and an example as it came is not', () => visit({ hash: '#example=ports' }, async (page) => {
  await drawn(page);
  await kept(page);
  assert.doesNotMatch(await stored(page), /NetworkPolicy/);
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+Home');
  await page.keyboard.type('# changed\n');
  await kept(page);
  await page.getByRole('button', { name: 'Next example' }).click();
  await eventually(async () => assert.doesNotMatch(await text(page), /# changed/));
  await menu(page);
  await page.locator('.menu-set .menu-item').first().click();
  await eventually(async () => assert.match(await text(page), /# changed/));
  await page.reload();
  await ready(page);
  await eventually(async () => assert.match(await text(page), /# changed/));
}));

test('bringing back a closed file leaves all that was typed since', () => visit({ hash: '#example=stray-dash' }, async (page) => {
  await drawn(page);
  await page.getByRole('tab', { name: 'cluster.yaml' }).focus();
  await page.keyboard.press('Delete');
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+Home');
  await page.keyboard.type('# since then\n');
  await page.getByText('Closed cluster.yaml').waitFor();
  await page.getByRole('button', { name: 'Bring back' }).click();
  await page.getByRole('tab', { name: 'cluster.yaml' }).waitFor();
  await page.getByRole('tab', { name: 'policies.yaml' }).click();
  await eventually(async () => assert.match(await text(page), /# since then/));
}));

test('two tabs do not write over each other', () => visit({}, async (page) => {
  await paste(page, POD);
  await kept(page);
  const other = await page.context().newPage();
  await other.goto(URL_OF_PAGE);
  await ready(other);
  await paste(other, POD.replace('mine', 'other'));
  await kept(other);
  await page.bringToFront();
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.type('# of the first');
  await eventually(async () => {
    const all = await stored(page);
    for (const part of ['name: mine', '# of the first', 'name: other']) assert.ok(all.includes(part), part);
  });
  await menu(page);
  assert.equal(await page.locator('.menu-set').count(), 2, 'what the other tab keeps is in the menu');
  await page.locator('.menu-set').filter({ hasNot: page.locator('[aria-current]') }).locator('.menu-item').click();
  await eventually(async () => assert.match(await text(page), /name: other/));
  await page.keyboard.press('ControlOrMeta+End');
  await page.locator('.cm-content').click();
  await page.keyboard.type('# in a copy ');
  await kept(page);
  assert.match(await text(other), /name: other/);
  assert.doesNotMatch(await text(other), /in a copy/);
  await menu(page);
  assert.equal(await page.locator('.menu-set').count(), 3, 'what is open elsewhere is a copy here');
}));

test('view, pane, filter and widths are the same after a reload', () => visit({ hash: '#example=payments' }, async (page) => {
  await drawn(page);
  await page.locator('.pane-diagram').getByRole('button', { name: 'List' }).click();
  await page.getByRole('searchbox').fill('gateway');
  await page.locator('.pane-inspector').getByRole('button', { name: 'Findings' }).click();
  await page.getByRole('separator', { name: 'Editor width' }).focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  const width = await page.locator('.pane-editor').evaluate((pane) => pane.offsetWidth);
  await page.reload();
  await page.waitForSelector('.flow-table');
  assert.equal(await page.getByRole('searchbox').inputValue(), 'gateway');
  assert.equal(await page.locator('.pane-inspector [aria-pressed="true"]').innerText().then((name) => name.split('\n')[0]), 'Findings');
  assert.equal(await page.locator('.pane-editor').evaluate((pane) => pane.offsetWidth), width);
}));

test('sets are renamed and deleted, and a deleted one comes back', () => visit({}, async (page) => {
  await paste(page, POD);
  await kept(page);
  await menu(page);
  await page.getByRole('button', { name: /^Rename manifests/ }).click();
  await page.keyboard.type('production');
  await page.keyboard.press('Enter');
  await kept(page);
  await page.getByText('production', { exact: false }).first().waitFor();
  await page.getByRole('button', { name: 'Delete production' }).click();
  await page.waitForSelector('.empty-title');
  assert.doesNotMatch(await stored(page), /name: mine/);
  await page.getByRole('button', { name: 'Bring back' }).click();
  await eventually(async () => assert.match(await stored(page), /name: mine/));
}));

test('what Secrets hold is never stored, and everything is forgotten in one click', () => visit({}, async (page) => {
  await paste(page, `${POD}---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  password: aHVudGVyMg==\nstringData:\n  user: |\n    hunter2\n`);
  await kept(page);
  await page.getByText('values of Secrets are not stored').waitFor();
  const all = await stored(page);
  assert.match(all, /name: mine/);
  assert.match(all, /kind: Secret/);
  assert.doesNotMatch(all, /aHVudGVyMg|hunter2/);
  await menu(page);
  await page.getByRole('button', { name: 'Forget everything' }).click();
  await page.waitForSelector('.empty-title');
  await kept(page);
  assert.doesNotMatch(await stored(page), /mine|manifests\.yaml/);
  await page.reload();
  await page.waitForSelector('.empty-title');
}));

test('what earlier versions of the page stored becomes a set', () => visit({}, async (page) => {
  await page.evaluate((pod) => localStorage.setItem('portcullis.work', JSON.stringify({ files: [['old.yaml', pod]], open: 'old.yaml', flow: ['', '', '', 'TCP'] })), POD);
  await page.reload();
  await ready(page);
  await eventually(async () => assert.match(await text(page), /name: mine/));
  assert.equal(await page.evaluate(() => localStorage.getItem('portcullis.work')), null);
}));

test('a link to an example that there is not says so', () => visit({ hash: '#example=nope' }, async (page) => {
  await page.getByText('There is no example called “nope”').waitFor();
  await page.waitForSelector('.empty-title');
}));

test('once loaded the page works without a network', () => visit({ hash: '#example=stray-dash' }, async (page) => {
  await drawn(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).length))).some((count) => count > 8));
  await page.context().setOffline(true);
  await page.reload();
  await drawn(page);
  assert.equal(await page.locator('.flowbar .pill').innerText(), '✓ allowed');
}));
