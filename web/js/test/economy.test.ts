import assert from "node:assert/strict";
import { test } from "node:test";
import { boutique, cluster, openCluster } from "../harness/clusters";
import { DATA } from "../harness/mock";
import { FAN_ABOVE, OPEN_ABOVE, picture } from "../src/graph/economy";
import type { GraphData, GraphEdge, GraphNode } from "../src/graph/types";

const none = { expanded: new Map<string, boolean>(), selected: new Set<string>() };

function node(id: string, ingress: GraphNode["ingress"] = "no", egress: GraphNode["egress"] = "no"): GraphNode {
  const [namespace, label] = id.split("/");
  return label ? { id, kind: "workload", namespace, label, ingress, egress } : { id, kind: "addresses", label: id };
}

function edge(from: string, to: string, label = "any", state: GraphEdge["state"] = "allowed"): GraphEdge {
  return { id: `${from}>${to}`, from, to, label, state };
}

/** Every flow is in a line, in a mark, in a fan, or counted as undrawn: none is lost. */
function accountedFor(data: GraphData, shown = picture(data, none)): Set<string> {
  return new Set([...shown.lines, ...shown.inside.values(), ...shown.fans].flatMap((l) => l.edges));
}

test("the drawing's example is drawn flow by flow", () => {
  const { lines, openAll } = picture(DATA, none);
  assert.deepEqual(lines.map((l) => l.edges).sort(), DATA.edges.map((e) => [e.id]).sort());
  assert.equal(openAll, false);
});

test("calls that policies name are never bundled", () => {
  const data = boutique();
  assert.equal(picture(data, none).lines.length, data.edges.length);
});

test("no policy at all is one statement and no line", () => {
  const shown = picture(openCluster(40), none);
  assert.equal(shown.openAll, true);
  assert.equal(shown.lines.length, 0);
});

test("one isolated workload ends the statement", () => {
  const data = openCluster(4);
  data.nodes[1] = { ...data.nodes[1], ingress: "yes" };
  data.edges = data.edges.filter((e) => e.to !== data.nodes[1].id);
  assert.equal(picture(data, none).openAll, false);
});

test("what is open by default goes from namespace to namespace", () => {
  const nodes = ["a/1", "a/2", "b/1", "b/2"].map((id) => node(id)).concat(node("a/3", "yes", "yes"));
  const edges = ["a/1", "a/2"].flatMap((from) => ["b/1", "b/2"].map((to) => edge(from, to)));
  const { lines } = picture({ nodes, edges }, none);
  assert.deepEqual(lines.map((l) => [l.from, l.to, l.edges.length]), [["ns:a", "ns:b", 4]]);
});

test("a selected flow leaves its bundle and is drawn on its own", () => {
  const nodes = ["a/1", "a/2", "b/1", "b/2"].map((id) => node(id)).concat(node("a/3", "yes", "yes"));
  const edges = ["a/1", "a/2"].flatMap((from) => ["b/1", "b/2"].map((to) => edge(from, to)));
  const { lines } = picture({ nodes, edges }, { ...none, selected: new Set(["a/1>b/2"]) });
  assert.ok(lines.some((l) => l.from === "a/1" && l.to === "b/2" && l.edges.length === 1));
});

test("a rule that admits a whole namespace is one line from it", () => {
  const nodes = ["a/1", "a/2", "a/3", "b/db"].map((id) => node(id, "yes"));
  const edges = ["a/1", "a/2", "a/3"].map((from) => edge(from, "b/db", "TCP 5432"));
  const { lines } = picture({ nodes, edges }, none);
  assert.deepEqual(lines.map((l) => [l.from, l.to]), [["ns:a", "b/db"]]);
});

test("but not when one of its workloads is not admitted", () => {
  const nodes = ["a/1", "a/2", "a/3", "a/4", "b/db"].map((id) => node(id, "yes"));
  const edges = ["a/1", "a/2", "a/3"].map((from) => edge(from, "b/db", "TCP 5432"));
  assert.equal(picture({ nodes, edges }, none).lines.length, 3);
});

test("states are never joined with others", () => {
  const nodes = ["a/1", "a/2", "a/3", "b/db"].map((id) => node(id, "yes"));
  const edges = [edge("a/1", "b/db", "TCP 1"), edge("a/2", "b/db", "TCP 1", "opened"), edge("a/3", "b/db", "TCP 1", "unknown")];
  assert.deepEqual(picture({ nodes, edges }, none).lines.map((l) => l.state).sort(), ["allowed", "opened", "unknown"]);
});

test("the same flow both ways is one line with two arrows", () => {
  const nodes = [node("a/1", "yes"), node("a/2", "yes")];
  const { lines } = picture({ nodes, edges: [edge("a/1", "a/2"), edge("a/2", "a/1")] }, none);
  assert.deepEqual(lines.map((l) => [l.both, l.edges.length]), [[true, 2]]);
});

test("more than sixty workloads are drawn as namespaces, and one can be opened", () => {
  const data = cluster(100);
  const closed = picture(data, none);
  assert.ok(closed.groups.every((g) => g.collapsed));
  assert.equal(closed.nodes.length, 1);
  const opened = picture(data, { ...none, expanded: new Map([["team-1", true]]) });
  assert.equal(opened.nodes.filter((n) => n.namespace === "team-1").length, opened.groups.find((g) => g.name === "team-1")?.count);
});

test("a thousand workloads stay few lines, and no flow is lost", () => {
  const data = cluster(1000);
  const shown = picture(data, none);
  assert.ok(shown.lines.length < 200, `${shown.lines.length} lines`);
  const home = new Map(data.nodes.map((n) => [n.id, n.namespace]));
  const across = data.edges.filter((e) => home.get(e.from) !== home.get(e.to));
  const drawn = accountedFor(data, shown);
  assert.equal(across.filter((e) => !drawn.has(e.id)).length, shown.undrawn);
});

test("what is open by default is counted when it is too much, and drawn for a selected workload", () => {
  const spaces = Array.from({ length: OPEN_ABOVE + 2 }, (_, i) => `n${i}`);
  const nodes = [...spaces.map((s) => node(`${s}/x`)), node("n0/shut", "yes", "yes")];
  const edges = spaces.slice(1).map((s) => edge("n0/x", `${s}/x`));
  const quiet = picture({ nodes, edges }, none);
  assert.deepEqual([quiet.lines.length, quiet.undrawn], [0, edges.length]);
  assert.equal(picture({ nodes, edges }, { ...none, selected: new Set(["n0/x"]) }).lines.length, edges.length);
});

test("many lines alike at one end are said beside it", () => {
  const nodes = [node("dns/dns", "yes"), ...Array.from({ length: FAN_ABOVE + 1 }, (_, i) => node(`n${i % 9}/w${i}`, "yes"))];
  const edges = nodes.slice(1).map((n) => edge(n.id, "dns/dns", "UDP 53"));
  const shown = picture({ nodes, edges }, none);
  assert.equal(accountedFor({ nodes, edges }, shown).size, edges.length);
});

test("a selected workload's lines are fanned too when they are many", () => {
  const nodes = [node("dns/dns", "yes"), ...Array.from({ length: FAN_ABOVE + 1 }, (_, i) => node(`n${i}/w`, "yes"))];
  const edges = nodes.slice(1).map((n) => edge(n.id, "dns/dns", "UDP 53"));
  const { lines, fans } = picture({ nodes, edges }, { ...none, selected: new Set(["dns/dns"]) });
  assert.deepEqual([lines.length, fans.map((f) => [f.end, f.way, f.lines])], [0, [["dns/dns", "in", FAN_ABOVE + 1]]]);
});

test("edges to nodes that are not there are passed over", () => {
  assert.equal(picture({ nodes: [node("a/1")], edges: [edge("a/1", "b/9")] }, none).lines.length, 0);
});
