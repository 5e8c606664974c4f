import assert from "node:assert/strict";
import { test } from "node:test";
import { boutique, cluster, openCluster, tabled } from "../harness/clusters";
import { DATA } from "../harness/mock";
import { FAN_ABOVE, OPEN_ABOVE, picture } from "../src/graph/economy";
import { lineText } from "../src/graph/scene";
import { DEFAULT_LABELS, type GraphData, type GraphEdge, type GraphNode } from "../src/graph/types";

const none = { expanded: new Map<string, boolean>(), selected: new Set<string>() };

function node(id: string, ingress: GraphNode["ingress"] = "no", egress: GraphNode["egress"] = "no"): GraphNode {
  const [namespace, label] = id.split("/");
  return label ? { id, kind: "workload", namespace, label, ingress, egress } : { id, kind: "addresses", label: id };
}

function edge(from: string, to: string, label = "any", state: GraphEdge["state"] = "allowed"): GraphEdge {
  return { id: `${from}\n${to}`, from, to, label, state };
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
  data.allOpen = false;
  assert.equal(picture(data, none).openAll, false);
});

test("what is open by default goes to a whole namespace, but from no namespace of which a card is isolated", () => {
  const nodes = ["a/1", "a/2", "b/1", "b/2"].map((id) => node(id)).concat(node("a/3", "yes", "yes"));
  const edges = ["a/1", "a/2"].flatMap((from) => ["b/1", "b/2"].map((to) => edge(from, to)));
  const { lines } = picture({ nodes, edges }, none);
  assert.deepEqual(lines.map((l) => [l.from, l.to, l.flows, l.pairs]), [["a/1", "ns:b", 2, 2], ["a/2", "ns:b", 2, 2]]);
});

test("of what is open by default a card that is selected has all of it, and words where that is not all pairs", () => {
  const spaces = (name: string) => [...Array.from({ length: 9 }, (_, i) => node(`${name}/${i}`)), node(`${name}/x`, "yes")];
  const nodes = [node("a/0"), ...spaces("b")];
  const edges = nodes.filter((n) => n.id !== "a/0" && n.ingress === "no").map((b) => edge("a/0", b.id));
  assert.deepEqual([picture({ nodes, edges }, none).lines.length, picture({ nodes, edges }, none).undrawn], [0, 9]);
  const { lines } = picture({ nodes, edges }, { ...none, selected: new Set(["a/0"]) });
  assert.deepEqual(lines.map((l) => lineText(l, DEFAULT_LABELS)), ["9 of 10 pairs · any"]);
});

test("a namespace is marked as open within only where every pair of it is", () => {
  const nodes = ["a/1", "a/2", "a/3"].map((id) => node(id));
  const all = nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => edge(a.id, b.id)));
  assert.equal(lineText(picture({ nodes, edges: all }, none).inside.get("a")!, DEFAULT_LABELS), "any");
  const { inside, lines } = picture({ nodes, edges: all.slice(1) }, none);
  assert.deepEqual([inside.size, lines.length > 0], [0, true]);
});

test("a selected flow is drawn on its own beside the line that stands for it", () => {
  const nodes = ["a/1", "a/2", "b/1", "b/2"].map((id) => node(id));
  const edges = ["a/1", "a/2"].flatMap((from) => ["b/1", "b/2"].map((to) => edge(from, to)));
  const { lines } = picture({ nodes, edges }, { ...none, selected: new Set(["a/1\nb/2"]) });
  assert.deepEqual(lines.map((l) => [l.from, l.to, l.flows]), [["ns:a", "ns:b", 4], ["a/1", "b/2", 1]]);
});

test("a denied question is a line of its own beside what is allowed on other ports", () => {
  const nodes = [node("a/1"), node("a/2", "yes")];
  const edges = [edge("a/1", "a/2", "TCP 80"), { ...edge("a/1", "a/2", "TCP 443", "asked-denied"), id: "a/1\na/2\nasked" }];
  const { lines } = picture({ nodes, edges }, { ...none, selected: new Set(["a/1\na/2\nasked"]) });
  assert.deepEqual(lines.map((l) => [l.label, l.state]), [["TCP 80", "allowed"], ["TCP 443", "asked-denied"]]);
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

test("a table is drawn as namespaces without lines, and one can be opened", () => {
  const data = tabled(cluster(100));
  const closed = picture(data, none);
  assert.ok(closed.groups.every((g) => g.collapsed));
  assert.deepEqual([closed.nodes.length, closed.lines.length], [1, 0]);
  const opened = picture(data, { ...none, expanded: new Map([["team-1", true]]) });
  assert.equal(opened.nodes.filter((n) => n.namespace === "team-1").length, opened.groups.find((g) => g.name === "team-1")?.count);
});

test("of a table, a selected flow is drawn between its two cards", () => {
  const data = cluster(1000);
  const flow = data.edges.find((e) => e.from !== "outside")!;
  const { nodes, lines, groups } = picture(tabled(data), { ...none, selected: new Set([flow.id]) });
  assert.deepEqual(lines.map((l) => [l.from, l.to, l.label]), [[flow.from, flow.to, flow.label]]);
  assert.deepEqual(nodes.filter((n) => n.namespace).map((n) => n.id).sort(), [flow.from, flow.to].sort());
  assert.ok(groups.filter((g) => !g.collapsed).every((g) => g.part && g.shown < g.count));
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
  assert.deepEqual([lines.length, fans.map((f) => [f.end, f.way, f.flows])], [0, [["dns/dns", "in", FAN_ABOVE + 1]]]);
});

test("edges to nodes that are not there are passed over", () => {
  assert.equal(picture({ nodes: [node("a/1")], edges: [edge("a/1", "b/9")] }, none).lines.length, 0);
});
