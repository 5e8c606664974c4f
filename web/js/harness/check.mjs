// Drives the harness page in Chromium: what the unit tests cannot see. Exits 1 on the first failure.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { server, url } = await serve(fileURLToPath(new URL("../dist-harness", import.meta.url)));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

async function open(at, size = { width: 1440, height: 900 }) {
  // axe is evaluated from outside, which the page's own policy forbids to everybody.
  const context = await browser.newContext({ viewport: size, bypassCSP: true });
  const page = await context.newPage();
  const said = [];
  page.on("console", (m) => said.push(m.text()));
  page.on("pageerror", (e) => said.push(`ERROR ${e.message}`));
  await page.goto(`${url}/${at}`);
  await page.waitForSelector("[data-ready]", { state: "attached" });
  await page.waitForTimeout(900);
  return { page, said };
}

async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join("; ")}`);
}

const checks = {
  async "axe finds nothing"() {
    for (const theme of ["light", "dark"]) {
      for (const state of ["", "list", "matrix", "empty", "broken"]) {
        const { page } = await open(`index.html?theme=${theme}&state=${state}`);
        assert.deepEqual(await findings(page), [], `${theme} ${state}`);
        await page.context().close();
      }
    }
    const { page } = await open("index.html?theme=dark", { width: 390, height: 844 });
    assert.deepEqual(await findings(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await page.context().close();
  },

  async "the page's policy lets everything run, and nothing is refused"() {
    const page = await browser.newPage();
    const refused = [];
    page.on("console", (m) => /Content Security Policy|Refused/.test(m.text()) && refused.push(m.text()));
    await page.goto(`${url}/index.html`);
    await page.waitForSelector("[data-ready]", { state: "attached" });
    assert.deepEqual(refused, []);
    await page.close();
  },

  async "a click on a line or its label says which flow"() {
    const { page, said } = await open("index.html");
    await page.click('.graph-pill[data-line="e6"]');
    await page.waitForSelector('.graph-line.is-selected[data-line="e6"]', { state: "attached" });
    assert.ok(said.includes("edge mon/prom shop/db"));
    assert.equal(await page.locator(".graph-line.is-selected").count(), 1);
    await page.context().close();
  },

  async "the diagram is walked by keys"() {
    const { page, said } = await open("index.html");
    await page.focus(".graph");
    await page.keyboard.press("ArrowRight");
    const first = await page.evaluate(() => document.activeElement.dataset.node);
    await page.keyboard.press("ArrowRight");
    const second = await page.evaluate(() => document.activeElement.dataset.node);
    assert.ok(first && second && first !== second, `${first} ${second}`);
    await page.keyboard.press("]");
    assert.ok(await page.evaluate(() => document.activeElement.dataset.line));
    await page.keyboard.press("Enter");
    assert.ok(said.some((s) => s.startsWith("edge ")));
    assert.ok(await page.evaluate(() => document.activeElement.closest(".graph")), "the focus stays");
    await page.context().close();
  },

  async "each file keeps its own undo"() {
    const { page } = await open("index.html");
    const text = (file) => page.evaluate((f) => window.editor.text(f), file);
    const before = await text("policies.yaml");
    await page.click(".cm-content .cm-line:nth-child(3)");
    await page.keyboard.type("abc");
    await page.click('[data-file="workloads.yaml"]');
    await page.click(".cm-content .cm-line:nth-child(3)");
    await page.keyboard.type("xyz");
    await page.click('[data-file="policies.yaml"]');
    await page.click(".cm-content .cm-line:nth-child(4)");
    await page.keyboard.press("Control+z");
    assert.equal(await text("policies.yaml"), before);
    assert.match(await text("workloads.yaml"), /xyz/);
    await page.context().close();
  },

  async "Escape, then Tab, leaves the editor"() {
    const { page } = await open("index.html");
    await page.click(".cm-content .cm-line:nth-child(3)");
    await page.keyboard.press("Escape");
    // The buttons of a note are stops on the way.
    for (let i = 0; i < 4; i++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.closest(".cm-editor")), null);
    await page.context().close();
  },

  async "a fix is applied, and can be undone"() {
    const { page } = await open("index.html");
    const before = await page.evaluate(() => window.editor.text("policies.yaml"));
    await page.click(".cm-note-fix");
    assert.notEqual(await page.evaluate(() => window.editor.text("policies.yaml")), before);
    await page.focus(".cm-content");
    await page.keyboard.press("Control+z");
    assert.equal(await page.evaluate(() => window.editor.text("policies.yaml")), before);
    await page.context().close();
  },

  async "names from manifests are never HTML"() {
    const { page } = await open("index.html");
    await page.evaluate(() => {
      const evil = "<img src=x onerror=alert(1)>";
      window.graph.setData({ nodes: [{ id: evil, kind: "workload", namespace: evil, label: evil, sub: evil }], edges: [] });
      window.editor.setDiagnostics("policies.yaml", [{ code: evil, name: "x", severity: "error", message: `\`${evil}\``, help: evil, location: { file: "", line: 2, column: 1, endLine: 2, endColumn: 4 } }]);
    });
    await page.waitForTimeout(1000);
    assert.equal(await page.locator("img[src]").count(), 0);
    await page.context().close();
  },

  async "ten megabytes can be pasted"() {
    const { page } = await open("index.html");
    const ms = await page.evaluate(() => {
      const begun = performance.now();
      window.editor.setText("policies.yaml", "key: value\n".repeat(950_000));
      return performance.now() - begun;
    });
    assert.equal(await page.evaluate(() => window.editor.text("policies.yaml").length), 950_000 * 11);
    console.log(`   10 MB set in ${Math.round(ms)} ms`);
    await page.context().close();
  },

  async "measured: a change to the diagram, on the page's thread and until drawn"() {
    for (const n of [30, 60, 100, 1000]) {
      const { page } = await open(`stress.html?n=${n}`);
      const [longest, drawn] = await page.evaluate(async () => {
        const times = { longest: 0, drawn: [] };
        new PerformanceObserver((list) => list.getEntries().forEach((e) => (times.longest = Math.max(times.longest, e.duration)))).observe({ type: "longtask" });
        for (let i = 0; i < 20; i++) {
          const edges = window.data.edges.filter((_, at) => at % 20 !== i);
          const begun = performance.now();
          const root = document.querySelector(".graph-lines");
          const changed = new Promise((done) => new MutationObserver(done).observe(root, { childList: true, subtree: true, attributes: true }));
          window.graph.setData({ ...window.data, edges });
          await Promise.race([changed, new Promise((done) => setTimeout(done, 1000))]);
          times.drawn.push(performance.now() - begun);
        }
        return [times.longest, times.drawn.sort((a, b) => a - b)[18]];
      });
      console.log(`   ${n} workloads: p95 ${Math.round(drawn)} ms from data to drawing, longest task ${Math.round(longest)} ms`);
      await page.context().close();
    }
  },
};

let failed = 0;
for (const [name, run] of Object.entries(checks)) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok ${name}\n   ${String(error.message).split("\n").slice(0, 14).join("\n   ")}`);
  }
}
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
