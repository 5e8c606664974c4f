// Broken, hostile and enormous texts: the page lives and says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorAfter, drawn, eventually, lines, paste, shot, visit } from './page.mjs';

const STRAY = { hash: '#example=stray-dash' };
const alive = async (page) => {
  await page.getByRole('button', { name: 'Next example' }).click();
  await eventually(async () => assert.match(await page.locator('.flowbar .verdict').innerText(), /allowed|denied/), 15_000);
};

test('a broken document keeps the picture, and says where it is broken', () => visit(STRAY, async (page) => {
  await drawn(page);
  const before = await lines(page);
  await cursorAfter(page, 'kind: NetworkPolicy');
  await page.keyboard.press('Enter');
  await page.keyboard.type('a: [b');
  await eventually(async () => assert.match(await page.locator('.broken-bar').innerText(), /^policies\.yaml:/));
  assert.equal(await page.locator('.graph.is-dim').count(), 1);
  assert.deepEqual(await lines(page), before);
  assert.equal(await page.locator('.flowbar .pill').innerText(), '✓ allowed', 'the answer is that of the picture');
  await page.waitForTimeout(900);
  await shot(page, 'broken');
  await page.locator('.broken-bar .line-link').click();
  await page.keyboard.press('ControlOrMeta+z');
  await eventually(async () => assert.equal(await page.locator('.broken-bar').count(), 0));
  assert.equal(await page.locator('.graph.is-dim').count(), 0);
}));

test('one of several documents: its number is said', () => visit({}, async (page) => {
  await paste(page, 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\na: [\n');
  await eventually(async () => assert.match(await page.locator('.broken-bar').innerText(), /^manifests\.yaml, document 2:/));
  await eventually(async () => assert.equal(await page.locator('.graph-card.is-workload').count(), 1, 'the rest is drawn'));
}));

test('hostile names are shown, never run', () => visit({}, async (page) => {
  const name = '<img src=x onerror=document.title=1>';
  const pod = (pod) => `apiVersion: v1\nkind: Pod\nmetadata: {name: "${pod}", namespace: "<b>x</b>", labels: {"<i>": "<u>"}}\nspec: {containers: []}\n`;
  await paste(page, `${pod(name)}---\n${pod(`${'long'.repeat(60)}`)}`);
  await eventually(async () => assert.notEqual(await page.locator('.graph-card.is-workload').count(), 0));
  for (const tab of ['Findings', 'Reach']) await page.locator('.pane-inspector').getByRole('button', { name: tab }).click();
  await page.locator('.graph-card.is-workload').first().click();
  await page.locator('.pane-diagram').getByRole('button', { name: 'List' }).click();
  await page.waitForTimeout(900);
  assert.equal(await page.locator('.app img, .graph b, .flow-table b').count(), 0);
  assert.match(await page.title(), /Portcullis/);
  await shot(page, 'hostile');
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
  await eventually(async () => assert.match(await page.locator('.toast').innerText(), /too large for the browser to keep/), 10_000);
  await alive(page);
}));
