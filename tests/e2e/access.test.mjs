// Keyboard, languages, themes, a phone, and what axe finds.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { amber, drawn, eventually, shot, visit } from './page.mjs';

const STRAY = { hash: '#example=stray-dash' };
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function findings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ impact, id, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map((node) => node.target.join(' ')).join('; ')}`);
}

for (const colorScheme of ['light', 'dark']) {
  // axe is evaluated from outside, which the page's own policy forbids to everybody.
  test(`axe finds nothing: ${colorScheme}`, () => visit({ ...STRAY, colorScheme, bypassCSP: true }, async (page) => {
    await drawn(page);
    await page.waitForTimeout(900);
    assert.deepEqual(await findings(page), [], 'explain');
    await shot(page, `desktop-${colorScheme}`);
    for (const view of ['Matrix', 'List']) {
      await page.locator('.pane-diagram').getByRole('button', { name: view, exact: true }).click();
      assert.deepEqual(await findings(page), [], view);
    }
    for (const tab of ['Reach', 'Findings']) {
      await page.locator('.pane-inspector').getByRole('button', { name: tab }).click();
      assert.deepEqual(await findings(page), [], tab);
    }
    await page.locator('.examples-menu summary').click();
    assert.deepEqual(await findings(page), [], 'menu');
    await page.locator('.menu-item', { hasText: 'Start from scratch' }).click();
    await page.waitForSelector('.empty-title');
    assert.deepEqual(await findings(page), [], 'empty');
    await page.locator('.cm-content').click();
    await page.keyboard.type('a: }');
    await page.waitForSelector('.broken-bar');
    await page.waitForTimeout(900);
    assert.deepEqual(await findings(page), [], 'broken');
  }));
}

test('the whole way by keyboard alone', () => visit({}, async (page) => {
  const press = async (key, times = 1) => { for (let i = 0; i < times; i += 1) await page.keyboard.press(key); };
  const active = () => page.evaluate(() => {
    const { activeElement: e } = document;
    return `${e.tagName} ${e.getAttribute('class') ?? ''} ${e.getAttribute('aria-label') ?? e.textContent}`.slice(0, 120);
  });
  const tabTo = async (wanted) => {
    for (let i = 0; i < 60; i += 1) {
      await press('Tab');
      if (wanted.test(await active())) return;
      // The editor keeps Tab for itself: Escape, then Tab, leaves it.
      if (/cm-content/.test(await active())) await press('Escape');
    }
    assert.fail(`no way to ${wanted}`);
  };
  await tabTo(/SUMMARY/);
  await press('Enter');
  await tabTo(/One dash too many/);
  await press('Enter');
  await drawn(page);
  await tabTo(/^svg graph/);
  await press('ArrowRight');
  assert.match(await active(), /graph-card/);
  const way = ['ArrowRight', 'ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp'];
  for (let i = 0; i < 24 && !/accounts/.test(await active()); i += 1) await press(way[i % way.length]);
  assert.match(await active(), /accounts/);
  await press(']');
  assert.match(await active(), /graph-line/);
  await press('Enter');
  await eventually(async () => assert.notEqual((await amber(page)).length, 0));
  await tabTo(/line-link/);
  await press('Enter');
  await eventually(async () => assert.match(await active(), /cm-content/));
  await press('Escape');
  await press('Tab');
  assert.doesNotMatch(await active(), /cm-content/, 'no trap');
  await tabTo(/^INPUT.* from$/);
  await page.keyboard.type('bank/teller');
  await press('Enter');
  await eventually(async () => assert.match(await page.locator('.flow-title').innerText(), /^bank\/teller/));
}));

test('Escape closes the menu and gives the focus back', () => visit(STRAY, async (page) => {
  await page.locator('.examples-menu summary').click();
  await page.locator('.menu-item').nth(2).focus();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.examples-menu[open]').count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
  await page.locator('.graph').focus();
  await page.keyboard.press('Escape');
  await eventually(async () => assert.equal(await page.locator('.graph-line.is-selected').count(), 0));
}));

test('both languages: by the browser, and by the button', () => visit({ ...STRAY, locale: 'zh-CN' }, async (page) => {
  await drawn(page);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  assert.match(await page.locator('.lesson-text').innerText(), /作者想要的是/);
  assert.equal(await page.locator('.flowbar .pill').innerText(), '✓ 允许');
  assert.match(await page.locator('.toolbar-stats').innerText(), /6 个工作负载 · 1 条策略/);
  await shot(page, 'chinese');
  await page.getByRole('button', { name: 'English' }).click();
  await eventually(async () => assert.equal(await page.locator('.flowbar .pill').innerText(), '✓ allowed'));
  await page.reload();
  await drawn(page);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
}));

test('themes: the system decides until somebody chooses', () => visit({ ...STRAY, colorScheme: 'dark' }, async (page) => {
  await drawn(page);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await ground(), 'rgb(14, 20, 27)');
  await page.getByRole('button', { name: 'Theme: system' }).click();
  await eventually(async () => assert.equal(await ground(), 'rgb(246, 247, 249)'));
  await page.reload();
  await drawn(page);
  assert.equal(await ground(), 'rgb(246, 247, 249)');
  await page.getByRole('button', { name: 'Theme: light' }).click();
  await page.getByRole('button', { name: 'Theme: dark' }).click();
  assert.equal(await page.evaluate(() => localStorage.getItem('portcullis.theme')), null);
}));

for (const colorScheme of ['light', 'dark']) {
  test(`a phone shows one pane at a time: ${colorScheme}`, () => visit({ ...STRAY, width: 390, height: 844, hasTouch: true, colorScheme, bypassCSP: true }, async (page) => {
    await drawn(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    assert.match(await page.locator('.flow-why').innerText(), /accounts policies\.yaml:15/);
    assert.deepEqual(await findings(page), [], 'diagram');
    await shot(page, `phone-${colorScheme}`);
    for (const [name, shown] of [['Edit', '.cm-content'], ['Matrix', '.matrix-cells'], ['List', '.flow-table'], ['Explain', '.steps']]) {
      await page.locator('.phone-tabs').getByRole('button', { name }).click();
      await page.locator(shown).waitFor();
      assert.deepEqual(await findings(page), [], name);
      await shot(page, `phone-${name.toLowerCase()}-${colorScheme}`);
    }
    await page.locator('.card .line-link').click();
    await eventually(async () => assert.equal(await page.locator('.cm-content').isVisible(), true));
  }));
}
