// The table of `make bench` for WebAssembly in Node: node bench/node.mjs FOLDER
// FOLDER holds what `portcullis-bench write` wrote: PODS-POLICIES-yaml and -json.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Model } from "../wasm/pkg/node.mjs";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node bench/node.mjs FOLDER");
  process.exit(2);
}

/** Milliseconds of the shortest of some runs, and what the last one returned. */
function best(runs, run) {
  let least = Infinity;
  let value;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    value = run();
    least = Math.min(least, performance.now() - start);
  }
  return [least, value];
}

const files = (place) =>
  Object.fromEntries(readdirSync(place).map((name) => [name, readFileSync(join(place, name), "utf8")]));

const sizes = readdirSync(folder)
  .filter((name) => name.endsWith("-yaml"))
  .map((name) => name.replace(/-yaml$/, ""))
  .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));

/** A thousand flows between pods that the generator of clusters names. */
function flows(size) {
  const namespaces = Math.ceil(Number(size.split("-")[1]) / 11);
  const pod = (i) => `ns${(i * 7) % namespaces}/app${i % 10}-5f8c456796-00000`;
  return Array.from({ length: 1_000 }, (_, i) => ({ from: pod(i), to: pod(i * 3 + 1), port: 9100 }));
}

console.log("| pods / policies | read YAML and compile | read JSON and compile | list | edit one policy | one flow explained | memory |");
console.log("|---|---|---|---|---|---|---|");
for (const size of sizes) {
  const yaml = files(join(folder, `${size}-yaml`));
  const json = files(join(folder, `${size}-json`));
  const bytes = (texts) => Object.values(texts).reduce((sum, text) => sum + text.length, 0) / 1e6;
  const [jsonTime] = best(2, () => new Model(json).free());
  const [yamlTime, model] = best(2, () => new Model(yaml));
  const [list] = best(3, () => model.list({ certainOnly: true }));
  const edited = yaml["policies.yaml"].replace("port: 9100", "port: 9200");
  const [edit] = best(5, () => model.put("policies.yaml", edited));
  const asked = flows(size);
  const [answers] = best(2, () => model.evaluate(asked));
  const row = [
    size.replace("-", " / "),
    `${yamlTime.toFixed(0)} ms (${((bytes(yaml) / yamlTime) * 1e3).toFixed(0)} MB/s)`,
    `${jsonTime.toFixed(0)} ms (${((bytes(json) / jsonTime) * 1e3).toFixed(0)} MB/s)`,
    `${list.toFixed(1)} ms`,
    `${edit.toFixed(2)} ms`,
    `${((answers / asked.length) * 1e3).toFixed(0)} µs`,
    `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
  ];
  console.log(`| ${row.join(" | ")} |`);
}
