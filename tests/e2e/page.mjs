// Opens the playground in Chromium, with everything noted that must not happen.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

export const URL_OF_PAGE = process.env.PORTCULLIS_URL ?? 'http://127.0.0.1:8787/';
const OUT = process.env.PORTCULLIS_OUT ?? 'target/e2e';
// A browser for tests asks for nothing from outside of this machine.
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

let browser;
before(async () => {
  await mkdir(OUT, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});
after(() => browser?.close());

/**
 * Runs `steps` on a new page with nothing stored. Fails if a script failed, if the page's own
 * policy refused something, or if anything was asked of another host.
 */
export async function visit(options, steps) {
  const { hash = '', width = 1440, height = 900, allowed = [], ...context } = options;
  const own = await browser.newContext({ viewport: { width, height }, locale: 'en-GB', ...context });
  const page = await own.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && wrong.push(`console: ${message.text()}`));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(URL_OF_PAGE)) wrong.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`refused: ${event.violatedDirective} ${event.blockedURI}`));
  });
  try {
    await page.goto(URL_OF_PAGE + hash);
    await page.waitForSelector('.cm-content', { state: 'attached' });
    await steps(page);
    assert.deepEqual(wrong.filter((text) => !allowed.some((known) => text.includes(known))), []);
  } finally {
    await own.close();
  }
}

export const shot = (page, name) => page.screenshot({ path: join(OUT, `${name}.png`) });

/** Waits until the example's flow is answered and drawn. */
export async function drawn(page) {
  await page.waitForSelector('.graph[data-ready]', { state: 'attached' });
  await page.waitForSelector('.graph-card, .graph-group');
  await page.waitForTimeout(400);
}

/** Names of the lines of the diagram, as they are read out. */
export const lines = (page) => page.locator('.graph-line').evaluateAll((all) => all.map((line) => line.getAttribute('aria-label')));

export const line = (page, from, to) => page.locator(`.graph-line[aria-label^="${from} to ${to}:"]`);

/** Lines of the editor that are amber, as texts without blanks around them. */
export const amber = async (page) => {
  // Hints stand in the line, but are not of its text.
  const texts = await page.locator('.cm-line.cm-amber').evaluateAll((all) => all.map((element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll('.cm-hint').forEach((hint) => hint.remove());
    return copy.textContent.trim();
  }));
  return texts;
};

/** Replaces the text of the open file, as a paste would. */
export async function paste(page, text) {
  await page.locator('.cm-content').click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.evaluate((pasted) => {
    const data = new DataTransfer();
    data.setData('text/plain', pasted);
    document.querySelector('.cm-content').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

/** Puts the cursor at the end of the first line of the open file that has `text`. */
export async function cursorAfter(page, text) {
  await page.locator('.cm-line', { hasText: text }).first().click({ position: { x: 12, y: 8 } });
  await page.keyboard.press('End');
}

/** Tries until `check` does not throw any more. */
export async function eventually(check, within = 5_000) {
  const end = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
}
