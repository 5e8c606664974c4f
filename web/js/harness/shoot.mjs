// Screenshots of the harness, to lay beside the drawings:  node harness/shoot.mjs OUT [NAME…]

import { chromium } from "playwright-core";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./serve.mjs";

const SHOTS = {
  light: { at: "index.html?theme=light", size: [1440, 900] },
  dark: { at: "index.html?theme=dark", size: [1440, 900] },
  phone: { at: "index.html?theme=dark", size: [390, 844] },
  "phone-explain": { at: "index.html?theme=light&state=explain", size: [390, 844] },
  "phone-edit": { at: "index.html?theme=light&state=edit", size: [390, 844] },
  empty: { at: "index.html?theme=light&state=empty", size: [1440, 900] },
  broken: { at: "index.html?theme=light&state=broken", size: [1440, 900] },
  list: { at: "index.html?theme=dark&state=list", size: [1440, 900] },
  matrix: { at: "index.html?theme=light&state=matrix", size: [1440, 900] },
  shop: { at: "stress.html?theme=light&case=shop", size: [760, 800] },
  open: { at: "stress.html?theme=light&case=open", size: [760, 800] },
  n30: { at: "stress.html?theme=light&n=30", size: [1200, 860] },
  n60: { at: "stress.html?theme=dark&n=60", size: [1200, 860] },
  "phone-light": { at: "index.html?theme=light", size: [390, 844] },
  middle: { at: "index.html?theme=light", size: [1000, 760] },
  n1000: { at: "stress.html?theme=light&n=1000", size: [1200, 860] },
};
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const [out = "/tmp/shots", ...names] = process.argv.slice(2);
await mkdir(out, { recursive: true });
const { server, url } = await serve(fileURLToPath(new URL("../dist-harness", import.meta.url)));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
for (const [name, { at, size }] of Object.entries(SHOTS)) {
  if (names.length && !names.includes(name)) continue;
  const page = await browser.newPage({ viewport: { width: size[0], height: size[1] } });
  page.on("console", (message) => console.log(name, message.type(), message.text()));
  page.on("pageerror", (error) => console.log(name, "ERROR", error.message));
  await page.goto(`${url}/${at}`);
  await page.waitForSelector("[data-ready]", { state: "attached", timeout: 15000 }).catch(() => console.log(name, "no diagram"));
  await page.waitForTimeout(1100);
  await page.screenshot({ path: join(out, `${name}.png`) });
  await page.close();
}
await browser.close();
server.close();
