// What the browser keeps of the user's own manifests: sets with a name and a time, in IndexedDB, for good
// or until they are deleted. Nothing here leaves the browser.

/** A set as menus name it. */
export interface KeptName { id: string; name: string; time: number; files: number }

/** A set with its texts; what else is in it is the page's. */
export interface Kept extends KeptName { work: unknown }

const DATABASE = "portcullis";
const NAMES = "names";
const WORK = "work";
const CHANNEL = "portcullis.kept";

let opened: Promise<IDBDatabase> | undefined;
const others = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(CHANNEL);

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(NAMES, { keyPath: "id" });
      request.result.createObjectStore(WORK, { keyPath: "id" });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
}

/** Runs in one transaction over both stores; what it returns is there once all of it is written. */
async function within<T>(mode: IDBTransactionMode, act: (names: IDBObjectStore, work: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await database()).transaction([NAMES, WORK], mode);
  const request = act(transaction.objectStore(NAMES), transaction.objectStore(WORK));
  return new Promise((done, failed) => {
    transaction.oncomplete = () => done(request.result);
    transaction.onerror = transaction.onabort = () => failed(transaction.error);
  });
}

/** Names of all sets, the newest first. */
export async function keptNames(): Promise<KeptName[]> {
  const all = await within<KeptName[]>("readonly", (names) => names.getAll() as IDBRequest<KeptName[]>);
  return all.sort((a, b) => b.time - a.time);
}

/** The page's part of a set; `undefined` if there is no such set. */
export async function keptWork(id: string): Promise<unknown> {
  const kept = await within<{ work: unknown } | undefined>("readonly", (_, work) => work.get(id) as IDBRequest<{ work: unknown } | undefined>);
  return kept?.work;
}

export async function keepWork({ work, ...name }: Kept): Promise<void> {
  await within("readwrite", (names, texts) => (names.put(name), texts.put({ id: name.id, work })));
  others?.postMessage("");
}

export async function dropWork(id: string): Promise<void> {
  await within("readwrite", (names, work) => (names.delete(id), work.delete(id)));
  others?.postMessage("");
}

/** Deletes all sets. */
export async function dropAll(): Promise<void> {
  await within("readwrite", (names, work) => (names.clear(), work.clear()));
  others?.postMessage("");
}

/** Calls `heard` when another tab has kept or deleted something. */
export function whenKept(heard: () => void): void {
  others?.addEventListener("message", heard);
}

export function newId(): string {
  const random = crypto.getRandomValues(new Uint32Array(3));
  return [...random].map((part) => part.toString(36)).join("");
}

let release: (() => void) | undefined;

/**
 * Takes a set for this tab, and gives back the one that it had. `false` if another tab has it: whoever
 * writes then writes to a set of its own.
 */
export async function claimWork(id: string): Promise<boolean> {
  release?.();
  release = undefined;
  if (!("locks" in navigator)) return true;
  // A page that is being loaded again may not have been let go of yet.
  for (let tries = 0; tries < 4; tries++) {
    if (await claimed(id)) return true;
    await new Promise((done) => setTimeout(done, 60));
  }
  return false;
}

function claimed(id: string): Promise<boolean> {
  return new Promise((done) => {
    void navigator.locks.request(`${CHANNEL} ${id}`, { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock ? new Promise<void>((free) => (release = free)) : undefined;
    });
  });
}
