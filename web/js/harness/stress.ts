// Larger pictures, made from the address: `?case=open`, `?case=shop`, `?n=1000`, `?n=30&theme=dark`.

import type { GraphData, GraphEdge, GraphHandle, GraphNode, GraphOptions } from "../src/graph/types";
import { boutique, cluster, openCluster, tabled } from "./clusters";

interface Parts { createGraph(parent: HTMLElement, options: GraphOptions): Promise<GraphHandle> }

const query = new URLSearchParams(location.search);
const theme = query.get("theme");
if (theme) document.documentElement.dataset.theme = theme;
const parts = (await import(new URL("./js/portcullis.js", import.meta.url).href)) as Parts;
const graph = await parts.createGraph(document.querySelector<HTMLElement>(".graph-host")!, {
  onSelectEdge: (_from, _to, id) => graph.select([id]),
  onSelectNode: (id) => graph.select([id]),
  onSelectBundle: (bundle) => graph.select(bundle.edges),
  onClear: () => graph.select([]),
});
const data = choose();
const begun = performance.now();
graph.setData(data);
const watch = setInterval(() => {
  if (!document.querySelector("[data-ready]")) return;
  clearInterval(watch);
  console.info(`nodes ${data.nodes.length} edges ${data.edges.length} drawn in ${Math.round(performance.now() - begun)} ms`);
}, 2);
Object.assign(window, { graph, data, cluster });

function choose(): GraphData {
  if (query.get("case") === "shop") return boutique();
  if (query.get("case") === "open") return openCluster(Number(query.get("n") ?? 6));
  const data = cluster(Number(query.get("n") ?? 30));
  return data.nodes.length > 60 ? tabled(data) : data;
}

export type { GraphEdge, GraphNode };
