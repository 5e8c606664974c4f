// Broken, hostile and enormous texts: the page lives and says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorAfter, drawn, eventually, lines, paste, shot, visit } from './page.mjs';

const STRAY = { hash: '#example=stray-dash' };
const alive = async (page) => {
  await page.getByRole('button', { name: 'Next example' }).click();
  await eventually(async () => assert.match(await page.locator('.flowbar .verdict').innerText(), /allowed|denied/), 15_000);
};

test('a broken document is left out, and what is broken is said with its line', () => visit(STRAY, async (page) => {
  await drawn(page);
  const before = await lines(page);
  await cursorAfter(page, 'kind: NetworkPolicy');
  await page.keyboard.press('Enter');
  await page.keyboard.type('a: }');
  await eventually(async () => assert.match(await page.locator('.broken-bar').innerText(), /^policies\.yaml does not parse; answers leave it out/));
  await eventually(async () => assert.notDeepEqual(await lines(page), before, 'the policy is not counted'));
  await page.waitForTimeout(900);
  await page.locator('.broken-bar .line-link').click();
  await page.keyboard.press('ControlOrMeta+z');
  await eventually(async () => assert.equal(await page.locator('.broken-bar').count(), 0));
  await eventually(async () => assert.deepEqual(await lines(page), before));
}));

test('one of several documents: its number is said', () => visit({}, async (page) => {
  await paste(page, 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\na: [\n');
  await eventually(async () => assert.match(await page.locator('.broken-bar').innerText(), /^manifests\.yaml, document 2 does not parse/));
  await eventually(async () => assert.equal(await page.locator('.graph-card.is-workload').count(), 1, 'the rest is drawn'));
}));

test('hostile names are shown, never run', () => visit({}, async (page) => {
  const hostile = '<img src=x onerror=document.title=1>';
  const long = 'long-'.repeat(40);
  await page.evaluate(({ hostile, long }) => {
    const data = new DataTransfer();
    const documents = [
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {team: "${hostile}"}}`,
      `apiVersion: v1\nkind: Pod\nmetadata: {name: ${long}a, namespace: x}\nspec: {containers: []}`,
      `apiVersion: v1\nkind: Pod\nmetadata: {name: "${hostile}", namespace: x}\nspec: {containers: []}`,
      `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: "${hostile}", namespace: x}\nspec: {podSelector: {}, "${hostile}": 1}`,
    ];
    data.items.add(new File([documents.join('\n---\n')], `${hostile}.yaml`));
    const pane = document.querySelector('.pane-editor');
    for (const type of ['dragover', 'drop']) pane.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }, { hostile, long });
  await eventually(async () => assert.notEqual(await page.locator('.graph-card.is-workload').count(), 0));
  await page.locator('.graph-card.is-workload').first().click();
  await page.locator('.pane-inspector').getByRole('button', { name: 'Findings' }).click();
  assert.match(await page.locator('.findings').innerText(), /<img src=x/);
  assert.match(await page.locator('.tabs').innerText(), /<img src=x/);
  await shot(page, 'hostile');
  await page.locator('.pane-diagram').getByRole('button', { name: 'List' }).click();
  await page.waitForTimeout(900);
  assert.equal(await page.locator('img').count(), 0);
  assert.match(await page.title(), /Portcullis/);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1440);
}));

test('an alias bomb is refused in a moment', () => visit({}, async (page) => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 30; i += 1) bomb.push(`a${i}: &a${i} [${Array(9).fill(`*a${i - 1}`).join(', ')}]`);
  await paste(page, bomb.join('\n'));
  await eventually(async () => assert.match(await page.locator('.broken-bar').innerText(), /manifests\.yaml/), 10_000);
  await alive(page);
}));

test('deep nesting is refused in a moment', () => visit({}, async (page) => {
  await paste(page, '['.repeat(100_000));
  await eventually(async () => assert.notEqual((await page.locator('.broken-bar').allInnerTexts()).join(''), ''), 15_000);
  await alive(page);
}));

test('ten megabytes are pasted, and the page lives', () => visit({}, async (page) => {
  const pod = (i) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c${i}}\ndata: {text: "${'x'.repeat(900)}"}\n---\n`;
  let text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: only}\nspec: {containers: []}\n---\n';
  for (let i = 0; text.length < 10_000_000; i += 1) text += pod(i);
  await paste(page, text);
  await eventually(async () => assert.match(await page.locator('.toolbar-stats').innerText(), /1 workload/), 30_000);
  // There is room for them in the browser.
  await page.waitForTimeout(2_000);
  await page.reload();
  await eventually(async () => assert.match(await page.locator('.toolbar-stats').innerText(), /1 workload/), 30_000);
  await alive(page);
}));
