// What leads others to the page: links with the manifests in them, and files.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { URL_OF_PAGE, drawn, eventually, paste, shot, visit } from './page.mjs';

const EXAMPLE = '#example=default-deny';
const NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n';
const POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n';
const SECRET = '---\napiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: shop}\nstringData: {password: hunter2}\n';

const open = (page) => page.locator('.share-menu > summary').click();
const choose = async (page, name) => {
  await open(page);
  await page.locator('.share-menu .menu-item', { hasText: name }).first().click();
};
const toast = (page) => page.locator('.toast').textContent();
const text = (page) => page.locator('.cm-content').evaluate((content) => content.innerText);
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
const permissions = ['clipboard-read', 'clipboard-write'];

/** The link that the page makes of some manifests. */
async function linkOf(manifests) {
  let link;
  await visit({ permissions }, async (page) => {
    await paste(page, manifests);
    await page.waitForSelector('.share-menu');
    await choose(page, 'Copy a link');
    await eventually(async () => assert.match(await toast(page), /link is copied/));
    link = await clipboard(page);
  });
  assert.ok(link.startsWith(`${URL_OF_PAGE}#work=`), link.slice(0, 80));
  return link.slice(URL_OF_PAGE.length);
}

test('an empty page has nothing to share', () => visit({}, async (page) => {
  assert.equal(await page.locator('.share-menu').count(), 0);
}));

test('a link has the manifests in it, and what Secrets hold is left out', async () => {
  const hash = await linkOf(NAMESPACE + '---\n' + POD + SECRET);
  await visit({ hash }, async (page) => {
    await page.waitForSelector('.graph-card, .graph-group');
    assert.match(await toast(page), /Opened from a link/);
    const shown = await text(page);
    assert.match(shown, /name: web/);
    assert.doesNotMatch(shown, /hunter2/);
    assert.equal(await page.evaluate(() => location.hash), '');
    await page.reload();
    await page.waitForSelector('.graph-card, .graph-group');
    assert.match(await text(page), /name: web/, 'it is kept');
  });
});

test('a link that is opened over own manifests leaves them in the menu', async () => {
  const hash = await linkOf(NAMESPACE + '---\n' + POD);
  await visit({}, async (page) => {
    await paste(page, NAMESPACE.replace('shop', 'mine'));
    await page.waitForTimeout(800);
    await page.evaluate((link) => { location.hash = link; }, hash);
    await eventually(async () => assert.match(await text(page), /name: web/));
    await page.locator('.examples-menu > summary').click();
    await eventually(async () => assert.equal(await page.locator('.menu-set').count(), 2));
  });
});

test('a damaged link says so, and is nothing else', async () => {
  const hash = await linkOf(NAMESPACE + '---\n' + POD);
  for (const wrong of [hash.slice(0, -9), '#work=', '#work=%%%', '#work=AAAA', `${hash.slice(0, 20)}x${hash.slice(20)}`]) {
    await visit({ hash: wrong }, async (page) => {
      assert.match(await toast(page), /damaged/, wrong.slice(0, 30));
      assert.equal((await text(page)).trim(), '');
    });
  }
});

test('what does not fit into a link is offered as a file', () => visit({ permissions }, async (page) => {
  // Nothing that packs well.
  let seed = 7;
  const next = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed.toString(36); };
  const pods = Array.from({ length: 3000 }, (_, n) => POD.replace('name: web', `name: p${n}-${next()}`)).join('---\n');
  await paste(page, pods);
  await page.waitForSelector('.share-menu');
  await choose(page, 'Copy a link');
  await eventually(async () => assert.match(await toast(page), /too much for a link \(\d+ letters\)/));
}));

test('manifests and connections are saved as files', () => visit({ hash: EXAMPLE, acceptDownloads: true }, async (page) => {
  await drawn(page);
  await open(page);
  await shot(page, 'share');
  await page.keyboard.press('Escape');
  const saved = async (name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), choose(page, name)]);
    return [download.suggestedFilename(), await readFile(await download.path(), 'utf8')];
  };
  for (const [name, file, pattern] of [
    ['Manifests (YAML)', 'manifests.yaml', /^---\n# cluster\.yaml\n[^]*\n---\n# policies\.yaml\n/],
    ['(CSV)', 'connections.csv', /^src,dst,conn\n[^]*clinic\/portal/],
    ['Connections for Markdown', 'connections.md', /^\|/],
    ['Mermaid', 'connections.mmd', /^flowchart/],
    ['as a picture', 'diagram.svg', /^<svg[^]*viewBox[^]*archive[^]*<\/svg>$/],
    ['Graphviz', 'connections.dot', /^digraph/],
  ]) {
    const [known, content] = await saved(name);
    assert.equal(known, file);
    assert.match(content, pattern);
    if (file.endsWith('.svg')) {
      const wrong = await page.evaluate((text) => new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror')?.textContent, content);
      assert.equal(wrong, undefined);
      await writeFile('target/e2e/diagram.svg', content);
    }
  }
}));

test('a saved list says what it leaves out', () => visit({ acceptDownloads: true }, async (page) => {
  await paste(page, `${NAMESPACE}---\n${POD}---\nkind: [\n`);
  await page.waitForSelector('.graph-card, .graph-group');
  const [download] = await Promise.all([page.waitForEvent('download'), choose(page, '(CSV)')]);
  assert.match(await readFile(await download.path(), 'utf8'), /shop\/web/);
  await eventually(async () => assert.match(await toast(page), /^Saved without manifests\.yaml/));
}));
