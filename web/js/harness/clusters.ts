// Invented clusters, the same each time.

import type { GraphData, GraphEdge, GraphNode } from "../src/graph/types";

function workload(namespace: string, label: string, ingress: GraphNode["ingress"] = "yes", egress: GraphNode["egress"] = "no"): GraphNode {
  return { id: `${namespace}/${label}`, kind: "workload", namespace, label, sub: "Deployment · 1 pod", title: `${namespace}/${label}`, ingress, egress };
}

const outside: GraphNode = { id: "outside", kind: "addresses", label: "outside", sub: "all addresses" };

function edges(list: [string, string, string][]): GraphEdge[] {
  return list.map(([from, to, label]) => ({ id: `${from}\n${to}`, from, to, label, state: "allowed" }));
}

/** Eleven services of a shop, each call allowed by name. */
export function boutique(): GraphData {
  const calls: Record<string, [string, string][]> = {
    frontend: [["adservice", "9555"], ["cartservice", "7070"], ["checkoutservice", "5050"], ["currencyservice", "7000"], ["productcatalogservice", "3550"], ["recommendationservice", "8080"], ["shippingservice", "50051"]],
    checkoutservice: [["cartservice", "7070"], ["currencyservice", "7000"], ["emailservice", "8080"], ["paymentservice", "50051"], ["productcatalogservice", "3550"], ["shippingservice", "50051"]],
    recommendationservice: [["productcatalogservice", "3550"]],
    cartservice: [["redis-cart", "6379"]],
    loadgenerator: [["frontend", "8080"]],
  };
  const names = new Set([...Object.keys(calls), ...Object.values(calls).flat().map(([to]) => to)]);
  const list = Object.entries(calls).flatMap(([from, to]) => to.map(([name, port]): [string, string, string] => [`shop/${from}`, `shop/${name}`, `TCP ${port}`]));
  return { nodes: [outside, ...[...names].map((n) => workload("shop", n))], edges: edges([["outside", "shop/frontend", "TCP 8080"], ...list]) };
}

/** The same as a table, as the page gives what is too much to be drawn line by line. */
export function tabled(data: GraphData): GraphData {
  const at = new Map(data.nodes.map((n, i) => [n.id, i]));
  const labels = [...new Set(data.edges.map((e) => e.label))];
  const cells = data.edges.flatMap((e) => [at.get(e.from)!, at.get(e.to)!, labels.indexOf(e.label), e.state === "unknown" ? 1 : 0]);
  const each = data.nodes.map((_, i) => i);
  return { ...data, edges: [], table: { rows: each, columns: each, cells, labels } };
}

/** No policy at all. */
export function openCluster(n: number): GraphData {
  const nodes = Array.from({ length: n }, (_, i) => workload(i % 2 ? "blue" : "green", `svc-${i}`, "no", "no"));
  const all = [outside, ...nodes];
  const pairs = all.flatMap((a) => all.filter((b) => b !== a && (a !== outside || b !== outside)).map((b): [string, string, string] => [a.id, b.id, "any"]));
  return { nodes: all, edges: edges(pairs), allOpen: true };
}

/** `n` workloads in namespaces of about eight: chains within, some calls across, some left open. */
export function cluster(n: number): GraphData {
  const random = generator(7);
  const spaces = Math.max(2, Math.round(n / 8));
  const nodes: GraphNode[] = [];
  for (let i = 0; i < n; i++) {
    const open = random() < 0.15;
    nodes.push(workload(`team-${i % spaces}`, `${["web", "api", "db", "cache", "worker", "queue", "auth", "a-service-with-a-rather-long-name"][Math.floor(i / spaces) % 8]}-${Math.floor(i / spaces / 8)}`.replace(/-0$/, ""), open ? "no" : "yes", random() < 0.5 ? "yes" : "no"));
  }
  const list: [string, string, string][] = [];
  for (let s = 0; s < spaces; s++) {
    const own = nodes.filter((w) => w.namespace === `team-${s}`);
    own.slice(1).forEach((w, i) => list.push([own[Math.floor(i * random())].id, w.id, `TCP ${8000 + i}`]));
    list.push(["outside", own[0].id, "TCP 443"]);
    const other = nodes[Math.floor(random() * n)];
    if (other.namespace !== own[0].namespace) list.push([own[0].id, other.id, "TCP 9090"]);
  }
  for (const to of nodes.filter((w) => w.ingress === "no")) {
    for (const from of nodes.filter((w) => w.egress === "no" && w !== to)) list.push([from.id, to.id, "any"]);
  }
  return { nodes: [outside, ...nodes], edges: edges([...new Map(list.map((e) => [`${e[0]}>${e[1]}`, e])).values()]) };
}

function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}
