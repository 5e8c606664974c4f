// Cluster policies: the way of a flow through the tiers, step by step.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, cursorAfter, drawn, eventually, shot, visit } from './page.mjs';

const GUARD = { hash: '#example=admin-guard' };

/** Tiers of the inspector, each with its outcome and the policies of its cards. */
const tiers = (page) => page.locator('.tier').evaluateAll((all) => all.map((tier) => [
  tier.querySelector('.tier-name').textContent,
  tier.querySelector('.tier-outcome').textContent,
  ...[...tier.querySelectorAll('.card.is-selected .card-name')].map((name) => name.textContent.trim()),
]));

async function ask(page, from, port) {
  const field = (name) => page.locator('.flowbar').getByLabel(name, { exact: true });
  await field('from').fill(from);
  await field('port').fill(port);
  await field('port').press('Enter');
}

test('each tier is a step, with who decides in it', () => visit(GUARD, async (page) => {
  await drawn(page);
  await eventually(async () => assert.deepEqual(await tiers(page), [
    ['Admin tier', 'passes it on', 'guard priority 10'],
    ['NetworkPolicy', 'accepts', 'records'],
  ]));
  const guard = page.locator('.tier .card').first();
  assert.match(await guard.innerText(), /Pass · ingress\[1\] · monitoring/);
  await shot(page, 'tiers');
  await guard.locator('.line-link').click();
  await eventually(async () => assert.match(await page.locator('.cm-activeLine').innerText(), /name: monitoring/));

  await ask(page, 'watch/scraper', '5432');
  await eventually(async () => assert.deepEqual(await tiers(page), [
    ['Admin tier', 'passes it on', 'guard priority 10'],
    ['NetworkPolicy', 'denies', 'for-the-lab', 'records'],
  ]));

  await ask(page, 'lab/notebook', '5432');
  await eventually(async () => assert.deepEqual(await tiers(page), [
    ['Admin tier', 'denies', 'guard priority 10'],
    ['NetworkPolicy', 'not reached'],
  ]));
  assert.deepEqual(await amber(page), ['- name: everybody-else', '- namespaces: {}']);
  await shot(page, 'tiers-denied');
}));

test('the card says that cluster policies select a workload, and a rule what it does', () => visit(GUARD, async (page) => {
  await drawn(page);
  const spoken = (name) => page.locator('.graph-card', { hasText: name }).getAttribute('aria-label');
  assert.match(await spoken('intake'), /cluster policies apply to ingress/);
  assert.match(await spoken('records'), /isolated for ingress/);
  assert.doesNotMatch(await spoken('notebook'), /ingress/);
  assert.match(await page.locator('.legend').innerText(), /cluster policies only/);
  const rule = page.locator('.card.is-selected').first();
  await cursorAfter(page, '- name: monitoring');
  await eventually(async () => assert.match(await rule.innerText(), /This rule passes on 2 allowed flows/));
  await cursorAfter(page, '- name: everybody-else');
  await eventually(async () => assert.match(await rule.innerText(), /This rule denies what it matches/));
}));

test('an edited action changes the way', () => visit(GUARD, async (page) => {
  await drawn(page);
  await ask(page, 'lab/notebook', '5432');
  await eventually(async () => assert.equal(await page.locator('.inspector-body .answer .pill').innerText(), '✕ denied'));
  await cursorAfter(page, 'action: Deny');
  for (let i = 0; i < 4; i += 1) await page.keyboard.press('Backspace');
  await page.keyboard.type('Pass');
  await eventually(async () => assert.equal(await page.locator('.flowbar .verdict').innerText(), '✓ allowed'));
}));
