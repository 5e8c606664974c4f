import { chromium } from 'playwright-core';
const url = process.argv[2];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox','--disable-gpu'] });
for (const [name, opt] of [
  ['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }],
  ['zh', { colorScheme: 'light', locale: 'zh-CN' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
]) {
  const ctx = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...opt });
  const page = await ctx.newPage();
  await page.goto(url);
  await page.waitForSelector('.cm-content', { state: 'attached' });
  await page.waitForSelector('.graph-card, .graph-group', {timeout: 20000}).catch(()=>{});
  await page.waitForTimeout(2500);
  await page.screenshot({ path: `/tmp/shot-${name}.png` });
  await ctx.close();
}
await browser.close();
