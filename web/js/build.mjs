// Bundles the JavaScript parts and the style sheet.
//
//   node build.mjs             → dist/           what the site serves as js/
//   node build.mjs --harness   → dist-harness/   the harness page with everything beside it
//   node build.mjs --tests     → dist-test/      the tests, for `node --test`
//
// Entry points keep their names, because the page and the Rust side ask for them by name; what they
// share goes to chunks whose names change with their content.

import { build } from "esbuild";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const here = fileURLToPath(new URL(".", import.meta.url));
const style = join(here, "../style");
const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  legalComments: "none",
  target: ["chrome111", "firefox115", "safari16.4"],
  logLevel: "warning",
};

export async function buildSite(outdir = join(here, "dist")) {
  await rm(outdir, { recursive: true, force: true });
  await build({
    ...shared,
    entryPoints: {
      boot: "src/boot.ts",
      portcullis: "src/portcullis.ts",
      editor: "src/editor/index.ts",
      graph: "src/graph/index.ts",
      "layout-worker": "src/layout/worker.ts",
      "engine-worker": "src/engine-worker.ts",
    },
    // What the crate `web` is compiled to: beside these files on the site, not here.
    external: ["../app/*"],
    format: "esm",
    splitting: true,
    chunkNames: "chunk-[hash]",
    outdir,
  });
  // Alone in its file: one that is not needed by the page, and may not be a module.
  await build({ ...shared, entryPoints: ["src/service-worker.ts"], format: "iife", outfile: join(outdir, "service-worker.js") });
  await build({ ...shared, entryPoints: [join(style, "index.css")], outfile: join(outdir, "portcullis.css") });
  await cp(join(style, "logo.svg"), join(outdir, "logo.svg"));
}

async function buildHarness() {
  const outdir = join(here, "dist-harness");
  await rm(outdir, { recursive: true, force: true });
  await buildSite(join(outdir, "js"));
  await build({
    ...shared, entryPoints: ["harness/page.ts", "harness/stress.ts"], format: "esm", outdir, external: ["./js/*"],
  });
  for (const page of ["index.html", "stress.html"]) await cp(join(here, "harness", page), join(outdir, page));
}

async function buildTests() {
  const outdir = join(here, "dist-test");
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir);
  const files = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...shared, minify: false, sourcemap: "inline", platform: "node", target: "node20", format: "esm", outdir,
    entryPoints: files.map((name) => join("test", name)),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--tests")) await buildTests();
  else if (process.argv.includes("--harness")) await buildHarness();
  else await buildSite();
}
