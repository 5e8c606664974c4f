// Keeps the page for when there is no network. What the network has is always taken first, so nobody
// works with an old page; what was kept is complete, so a page that is offline is of one piece.

/** What is used of a service worker's scope: the types of pages and of workers do not go together. */
interface Lasting extends Event { waitUntil(work: Promise<void>): void }
interface Fetching extends Lasting { request: Request; respondWith(response: Promise<Response>): void }
interface Scope {
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
}
const worker = globalThis as unknown as Scope;
/** Everything that the page consists of, and a name that changes with it; written in when the site is built. */
declare const FILES: string[];
declare const VERSION: string;

const scope = new URL("./", location.href).href;
const prefix = `portcullis ${scope} `;
const own = prefix + VERSION;

worker.addEventListener("install", (event) => {
  event.waitUntil(keep());
});

async function keep(): Promise<void> {
  const cache = await caches.open(own);
  await cache.addAll(FILES.map((file) => new Request(new URL(file, scope), { cache: "no-cache" })));
  await worker.skipWaiting();
}

worker.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers());
});

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((other) => other.startsWith(prefix) && other !== own).map((other) => caches.delete(other)));
}

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(scope)) event.respondWith(answer(request));
});

async function answer(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(own)).match(request.mode === "navigate" ? new URL("index.html", scope) : request.url, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

export {};
