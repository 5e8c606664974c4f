// Each example has a goal, which the page measures while somebody types.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { drawn, eventually, paste, shot, visit } from './page.mjs';

const FOLDER = new URL('../../web/examples/', import.meta.url);
const state = (page) => page.locator('.lesson-goal-state').textContent();

test('a goal is measured while typing, and stays solved', () => visit({ hash: '#example=stray-dash' }, async (page) => {
  await drawn(page);
  await eventually(async () => assert.equal(await state(page), '1 of 4 flows are as wanted'));
  await paste(page, await readFile(new URL('stray-dash/solved.yaml', FOLDER), 'utf8'));
  await eventually(async () => assert.equal(await state(page), '✓ solved'));
  await page.locator('.lesson-goal').scrollIntoViewIfNeeded();
  await shot(page, 'goal');
  await page.reload();
  await page.waitForSelector('.graph-card, .graph-group');
  await page.locator('.examples-menu > summary').click();
  assert.match(await page.locator('.menu-panel').first().textContent(), /Examples · 1 of 17 solved/);
  assert.equal(await page.locator('.menu-done').count(), 1);
}));

test('what cannot be read solves nothing', () => visit({ hash: '#example=stray-dash' }, async (page) => {
  await drawn(page);
  const solved = await readFile(new URL('stray-dash/solved.yaml', FOLDER), 'utf8');
  await paste(page, `${solved}---\nkind: [\n`);
  await eventually(async () => assert.equal(await state(page), '4 of 4 flows are as wanted'));
  await page.locator('.examples-menu > summary').click();
  assert.equal(await page.locator('.menu-done').count(), 0);
}));

test('there is a goal in every example, in both languages', () => visit({ hash: '#example=no-policy' }, async (page) => {
  for (const { id, goal } of JSON.parse(await readFile(new URL('index.json', FOLDER), 'utf8'))) {
    await page.evaluate((hash) => { location.hash = hash; }, `#example=${id}`);
    const all = goal.allow.length + goal.deny.length;
    await eventually(async () => {
      assert.match(await page.locator('.lesson-goal').textContent(), new RegExp(goal.text.replaceAll('`', '').slice(0, 20)));
      assert.match(await state(page), new RegExp(`^\\d of ${all} flows are as wanted$`));
    });
  }
  await page.locator('button[lang="zh-CN"]').click();
  await eventually(async () => assert.match(await state(page), /条流量中/));
}));
