// Measured and printed, never asserted: how soon a key stroke is in the picture, what the page weighs.

import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import { drawn, paste, visit } from './page.mjs';

/** So many workloads in namespaces of ten, each isolated, each open to its neighbour. */
function cluster(count) {
  const documents = [];
  for (let i = 0; i < count; i += 1) {
    const namespace = `team-${Math.floor(i / 10)}`;
    documents.push(`apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w${i}, namespace: ${namespace}}\nspec: {selector: {matchLabels: {app: w${i}}}, template: {metadata: {labels: {app: w${i}}}, spec: {containers: []}}}`);
    documents.push(`apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p${i}, namespace: ${namespace}}\nspec: {podSelector: {matchLabels: {app: w${i}}}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {matchLabels: {app: w${i - 1}}}}], ports: [{port: 80}]}], egress: [{to: [{podSelector: {matchLabels: {app: w${i + 1}}}}], ports: [{port: 80}]}]}`);
  }
  return `${documents.join('\n---\n')}\n`;
}

for (const [count, strokes] of [[100, 30], [1000, 12]]) {
  test(`key stroke to diagram at ${count} workloads and ${count} policies`, (t) => visit({}, async (page) => {
    await paste(page, cluster(count));
    await page.waitForFunction((n) => document.querySelector('.toolbar-stats')?.textContent.includes(`${n.toLocaleString('en')} workloads`), count, { timeout: 60_000 });
    await drawn(page);
    // Into the name of the first workload's namespace, which is drawn whatever is folded.
    await page.keyboard.press('ControlOrMeta+Home');
    for (let i = 0; i < 2; i += 1) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await page.waitForTimeout(1_500);
    const times = [];
    for (let i = 0; i < strokes; i += 1) times.push(await stroke(page, String(i % 10)));
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(0);
    t.diagnostic(`${count} workloads: median ${at(0.5)} ms, p95 ${at(0.95)} ms, engine ${await page.locator('.toolbar-stats').innerText()}`);
  }));
}

/** Milliseconds from a key stroke until the diagram is another. */
async function stroke(page, key) {
  await page.evaluate(() => {
    const graph = document.querySelector('.graph-view, .graph');
    globalThis.answered = new Promise((resolve) => {
      let start = 0;
      addEventListener('keydown', () => { start = performance.now(); }, { once: true, capture: true });
      const seen = new MutationObserver(() => {
        seen.disconnect();
        resolve(performance.now() - start);
      });
      seen.observe(graph, { subtree: true, childList: true, characterData: true });
    });
  });
  await page.keyboard.type(key);
  return page.evaluate(() => globalThis.answered);
}

test('what is loaded', (t) => visit({}, async (page) => {
  const sizes = new Map();
  page.on('response', async (response) => {
    const body = await response.body().catch(() => Buffer.alloc(0));
    sizes.set(new URL(response.url()).pathname, gzipSync(body, { level: 9 }).length);
  });
  await page.goto('about:blank');
  await page.goto(`${process.env.PORTCULLIS_URL}#example=stray-dash`);
  await drawn(page);
  const kb = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  for (const [path, size] of sizes) t.diagnostic(`${kb(size)} gzipped  ${path}`);
  t.diagnostic(`${kb([...sizes.values()].reduce((a, b) => a + b, 0))} gzipped in all`);
}));
