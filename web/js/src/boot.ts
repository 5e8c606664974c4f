// Starts the page: the chosen theme before anything is painted, then the application. What goes
// wrong is said on the page, as there is nobody else to say it.

/** `light` or `dark` when the user has chosen; absent when the system decides. */
const THEME_KEY = "portcullis.theme";

const root = document.documentElement;

function applyTheme(): void {
  const chosen = stored(THEME_KEY);
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
}

/** Reading the storage throws where it is forbidden. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function fail(kind: "old" | "load", error?: unknown): void {
  document.querySelector(".boot")?.classList.add("is-failed");
  document.querySelector(`[data-failure="${kind}"]`)?.removeAttribute("hidden");
  if (error) console.error(error);
}

async function start(): Promise<void> {
  if (typeof WebAssembly !== "object" || typeof Worker === "undefined") return fail("old");
  try {
    const url = new URL("../app/portcullis_web.js", import.meta.url).href;
    const app = (await import(url)) as { default(): Promise<unknown> };
    await app.default();
    keepForOffline();
  } catch (error) {
    fail("load", error);
  }
}

/** After everything else: what is kept is loaded a second time. Where that is not allowed, the page needs a network. */
function keepForOffline(): void {
  const later = () => void navigator.serviceWorker?.register(new URL("../service-worker.js", import.meta.url)).catch(() => undefined);
  if ("requestIdleCallback" in window) requestIdleCallback(later, { timeout: 4_000 });
  else setTimeout(later, 2_000);
}

applyTheme();
void start();
