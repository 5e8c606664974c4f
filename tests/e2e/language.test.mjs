// What the editor says while somebody writes: suggestions, what stands at a place, whom selectors
// mean, where names lead to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, eventually, paste, shot, visit } from './page.mjs';

const PODS = ['web', 'api', 'db'].map((app) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${app}, namespace: shop}
spec:
  selector: {matchLabels: {app: ${app}}}
  template:
    metadata: {labels: {app: ${app}}}
    spec: {containers: [{name: c, image: c, ports: [{name: http, containerPort: 8080}]}]}
`).join('---\n');

const POLICY = `---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector:
    matchLabels:
      app: db
`;

const suggestions = (page) => page.locator('.cm-tooltip-autocomplete li .cm-completionLabel');

/** Writes at the end of the text. */
async function write(page, text) {
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.type(text, { delay: 30 });
}

/** Takes the first suggestion. What has only just been shown is not taken: it may not be what was meant. */
async function take(page) {
  await page.waitForTimeout(150);
  await page.keyboard.press('Tab');
}

async function opened(page) {
  await paste(page, PODS + POLICY);
  await drawn(page);
}

test('a policy is written with suggestions alone', async () => {
  await visit({}, async (page) => {
    await opened(page);
    await write(page, '  ing');
    await suggestions(page).first().waitFor();
    assert.deepEqual(await suggestions(page).allTextContents(), ['ingress']);
    await take(page);
    // What may follow is suggested at once.
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'from' }).waitFor();
    await take(page);
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'podSelector' }).waitFor();
    await take(page);
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'matchLabels' }).waitFor();
    await shot(page, 'language-complete');
    await take(page);
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'app' }).waitFor();
    assert.match(await page.locator('.cm-tooltip-autocomplete li .cm-completionDetail').first().textContent(), /3 workloads/);
    await take(page);
    // The values of the label are suggested at once, too.
    await page.locator('.cm-tooltip-autocomplete li', { hasText: 'web' }).waitFor();
    await page.keyboard.type('w');
    await eventually(async () => assert.deepEqual(await suggestions(page).allTextContents(), ['web']));
    await take(page);
    const lines = await page.locator('.cm-line').evaluateAll((all) => all.map((line) => {
      const copy = line.cloneNode(true);
      copy.querySelectorAll('.cm-hint').forEach((hint) => hint.remove());
      return copy.textContent;
    }));
    const from = lines.indexOf('  ingress:');
    assert.deepEqual(lines.slice(from, from + 5), ['  ingress:', '    - from:', '        - podSelector:', '            matchLabels:', '              app: web']);
  });
});

test('Enter at the end of a line begins a new one, whatever could be suggested', async () => {
  await visit({}, async (page) => {
    await opened(page);
    await write(page, '  egress: []\n');
    await page.waitForTimeout(400);
    assert.equal(await suggestions(page).count(), 0);
    await page.keyboard.press('Control+Space');
    await suggestions(page).first().waitFor();
    assert.deepEqual(await suggestions(page).allTextContents(), ['policyTypes', 'ingress']);
    await page.keyboard.press('Escape');
    // What is suggested is taken by Tab, or once it was chosen: Enter ends the line.
    await page.keyboard.type('ing');
    await suggestions(page).first().waitFor();
    await page.waitForTimeout(150);
    await page.keyboard.press('Enter');
    await page.keyboard.type('# end');
    await eventually(async () => {
      const lines = await page.locator('.cm-line').allTextContents();
      assert.match(lines[lines.length - 2], /^ *ing$/);
    });
  });
});

test('selectors say whom they mean, and so does what stands at the pointer or the cursor', async () => {
  await visit({}, async (page) => {
    await opened(page);
    const lens = page.locator('.cm-lens');
    await lens.first().waitFor();
    assert.deepEqual(await lens.allTextContents(), ['selects 1 workload']);
    await page.locator('.cm-line', { hasText: 'podSelector' }).locator('span', { hasText: 'podSelector' }).first().hover();
    const told = page.locator('.cm-told');
    await told.waitFor();
    assert.match(await told.textContent(), /matches 1 of 3 workloads.*shop\/db\[Deployment\].*does not match 2 workloads.*shop\/api\[Deployment\]: the pod has app=api/);
    await shot(page, 'language-hover');
    await page.mouse.move(5, 5);
    await told.waitFor({ state: 'detached' });
    await page.locator('.cm-content').click();
    await page.keyboard.press('ControlOrMeta+End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('End');
    await page.keyboard.press('F2');
    await told.waitFor();
    assert.match(await told.textContent(), /app=db/);
    await page.keyboard.press('Escape');
    await told.waitFor({ state: 'detached' });
    await page.keyboard.type('x');
    await page.locator('.cm-lens.is-empty').waitFor();
    assert.deepEqual(await lens.allTextContents(), ['selects nothing']);
  });
});

test('a name leads to what it means', async () => {
  await visit({}, async (page) => {
    await opened(page);
    await page.locator('.cm-content').click();
    await page.keyboard.press('ControlOrMeta+End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('End');
    await page.keyboard.press('F4');
    await page.waitForFunction(() => document.querySelector('.cm-activeLine')?.textContent.includes('labels: {app: db}'));
    await page.keyboard.press('Shift+F4');
    await page.waitForFunction(() => document.querySelector('.cm-activeLine')?.textContent.startsWith('  podSelector:'));
  });
});

test('lenses speak the language of the page', async () => {
  await visit({ locale: 'zh-CN' }, async (page) => {
    await opened(page);
    await page.locator('.cm-lens').first().waitFor();
    assert.deepEqual(await page.locator('.cm-lens').allTextContents(), ['选中 1 个工作负载']);
  });
});

test('a finding with a certain change has a button that makes it, and undo takes it back', async () => {
  await visit({}, async (page) => {
    await paste(page, PODS + POLICY + '  egress:\n    - to:\n        - podSelector: {}\n');
    await drawn(page);
    const fix = page.locator('.cm-note-fix');
    await fix.first().waitFor();
    assert.equal(await fix.first().textContent(), 'Insert policyTypes: [Ingress, Egress]');
    // What stands above moves it.
    await page.locator('.cm-content').click();
    await page.keyboard.press('ControlOrMeta+Home');
    await page.keyboard.type('# of the shop\n');
    await page.waitForTimeout(300);
    await shot(page, 'language-fix');
    await fix.first().click();
    await page.locator('.cm-line', { hasText: /^ {2}policyTypes: \[Ingress, Egress\]/ }).waitFor();
    await fix.first().waitFor({ state: 'detached' });
    const lines = await page.locator('.cm-line').allTextContents();
    const at = lines.findIndex((line) => line.startsWith('  policyTypes'));
    assert.equal(lines[at + 1].slice(0, 9), '  egress:');
    await page.keyboard.press('ControlOrMeta+z');
    await page.locator('.cm-line', { hasText: /^ {2}policyTypes: \[Ingress, Egress\]/ }).waitFor({ state: 'detached' });
  });
});
