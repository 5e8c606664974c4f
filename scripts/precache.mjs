// Writes into the service worker of a built site which files there are, and a name that changes with
// any of them: `node scripts/precache.mjs SITE`.

import { createHash } from 'node:crypto';
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

const [site] = process.argv.slice(2);
if (!site) throw new Error('usage: node scripts/precache.mjs SITE');

// A service worker has a say in what lies beside it and below.
const worker = join(site, 'service-worker.js');
await rename(join(site, 'js', 'service-worker.js'), worker);

const entries = await readdir(site, { recursive: true, withFileTypes: true });
const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
const files = paths.filter((path) => path !== worker).map((path) => relative(site, path).split(sep).join('/')).sort();
const hash = createHash('sha256');
for (const file of files) hash.update(file).update(await readFile(join(site, file)));
const head = `const FILES=${JSON.stringify(files)};const VERSION=${JSON.stringify(hash.digest('hex').slice(0, 16))};`;
await writeFile(worker, head + await readFile(worker, 'utf8'));
await rm(join(site, 'js', 'service-worker.js'), { force: true });
