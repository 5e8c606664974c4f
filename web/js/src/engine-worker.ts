// The engine's worker. It runs the same WebAssembly as the page, which compiles it and sends it as
// the first message: nothing is fetched or compiled twice.

// A static import: messages are held back until a worker's modules have run, but not while one
// of them awaits something.
// @ts-expect-error It is made by another build, and found beside this one on the site.
import { initSync } from "../app/portcullis_web.js";

addEventListener("message", (event: MessageEvent<WebAssembly.Module>) => {
  (initSync as (options: { module: WebAssembly.Module }) => unknown)({ module: event.data });
}, { once: true });
