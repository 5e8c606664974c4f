// What a picture says, in lines, marks and words, is held against the flows that it was given: for open,
// closed and mixed clusters of two to two thousand workloads, drawn in full and as an overview.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tabled } from "../harness/clusters";
import { picture, type Line, type Picture } from "../src/graph/economy";
import { edgeEnds, groupBy, groupId } from "../src/graph/flows";
import { lineText, stateText } from "../src/graph/scene";
import { DEFAULT_LABELS, type GraphData, type GraphEdge, type GraphNode } from "../src/graph/types";

const LABELS = { ...DEFAULT_LABELS, some: "{n} of {m}" };
const none = { expanded: new Map<string, boolean>(), selected: new Set<string>() };
const PORTS = ["any", "TCP 80", "TCP 443", "UDP 53"];

function generator(seed: number): () => number {
  let state = seed * 7919 + 11;
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

/** A cluster in which the share `open` of the workloads is under no policy. */
function randomCluster(seed: number, size: number, open: number): GraphData {
  const random = generator(seed);
  const spaces = Math.max(1, Math.round(size / (2 + random() * 14)));
  const isolated = () => (random() < open ? "no" : "yes") as GraphNode["ingress"];
  const nodes: GraphNode[] = Array.from({ length: size }, (_, i) => {
    const namespace = `n${i % spaces}`;
    return { id: `${namespace}/w${i}[Pod]`, kind: "workload", namespace, label: `w${i}`, title: `${namespace}/w${i}`, ingress: isolated(), egress: isolated() };
  });
  nodes.push({ id: "outside", kind: "addresses", label: "outside" });
  const edges: GraphEdge[] = [];
  const put = (from: string, to: string, label: string, state: GraphEdge["state"]) => edges.push({ id: `${from}\n${to}`, from, to, label, state });
  const rules = Array.from({ length: 4 }, () => [`n${Math.floor(random() * spaces)}`, nodes[Math.floor(random() * size)].id, PORTS[Math.floor(random() * 4)]]);
  for (const a of nodes) {
    for (const b of nodes) {
      if (a === b || (!a.namespace && !b.namespace)) continue;
      const free = a.egress !== "yes" && b.ingress !== "yes";
      const rule = rules.find(([space, to]) => a.namespace === space && b.id === to);
      if (free) put(a.id, b.id, "any", "allowed");
      else if (rule) put(a.id, b.id, rule[2], "allowed");
      else if (size <= 60 && random() < 0.03) put(a.id, b.id, PORTS[Math.floor(random() * 4)], random() < 0.1 ? "unknown" : "allowed");
    }
  }
  const workloads = nodes.length - 1;
  return { nodes, edges, allOpen: workloads > 1 && nodes.every((n) => n.ingress !== "yes" && n.egress !== "yes") };
}

class Truth {
  readonly flows: Map<string, GraphEdge>;
  readonly members: Map<string, GraphNode[]>;

  constructor(readonly data: GraphData) {
    this.flows = new Map(data.edges.map((e) => [e.id, e]));
    this.members = groupBy(data.nodes, (n) => (n.namespace ? groupId(n.namespace) : n.id));
    for (const n of data.nodes) this.members.set(n.id, [n]);
  }

  /** Between all that two ends stand for, each node but with itself. */
  pairs(from: string, to: string): [string, string][] {
    const [a, b] = [from, to].map((end) => this.members.get(end) ?? assert.fail(`no end ${end}`));
    return a.flatMap((x) => b.filter((y) => y !== x).map((y): [string, string] => [x.id, y.id]));
  }

  /** What a line says, read as somebody would who sees or hears it. */
  check(line: Line): void {
    const said = lineText(line, LABELS);
    for (const [from, to] of line.both ? [[line.from, line.to], [line.to, line.from]] : [[line.from, line.to]]) {
      const pairs = this.pairs(from, to);
      const own = pairs.map(([a, b]) => this.flows.get(`${a}\n${b}`)).filter((e) => e !== undefined);
      const meant = line.label ? own.filter((e) => e.label === line.label && e.state === line.state) : own;
      const counted = /^([\d,]+) of ([\d,]+)/.exec(said)?.slice(1).map((n) => Number(n.replaceAll(",", "")));
      if (counted) {
        const each = line.edges.filter((id) => edgeEnds(id)![0] === from || this.members.get(from)!.some((n) => n.id === edgeEnds(id)![0]));
        assert.equal(counted[0], new Set(each).size, `${line.from} to ${line.to}: ${said}, but ${each.length} flows`);
        assert.ok(counted[0] <= counted[1], said);
        assert.equal(counted[1], pairs.length, `${line.from} to ${line.to}: ${said}, but ${pairs.length} pairs`);
      } else if (line.pairs > 0 && line.flows === line.pairs) {
        assert.equal(meant.length, pairs.length, `${line.from} to ${line.to} says ${said}, which holds for ${meant.length} of ${pairs.length}`);
      }
    }
    for (const id of line.edges) {
      const flow = this.flows.get(id) ?? assert.fail(`${id} is drawn but denied`);
      if (line.label) assert.equal(flow.label, line.label, `${id} is drawn as ${line.label}`);
    }
  }
}

function checkStates(truth: Truth, shown: Picture): void {
  for (const group of shown.groups) {
    const own = truth.members.get(groupId(group.name))!;
    const open = own.filter((n) => n.ingress === "no" && n.egress === "no").length;
    const isolated = own.filter((n) => n.ingress === "yes" && n.egress === "yes").length;
    const expected = open === own.length ? "open" : open ? `${open} open` : isolated === own.length ? "isolated" : "";
    assert.equal(stateText({ ...group, part: false }, LABELS), expected, group.name);
  }
}

function checkAll(truth: Truth, shown: Picture): void {
  for (const line of [...shown.lines, ...shown.inside.values()]) truth.check(line);
  for (const fan of shown.fans) for (const id of fan.edges) assert.equal(truth.flows.get(id)?.label, fan.label, id);
  if (shown.openAll) {
    const workloads = truth.data.nodes.map((n) => n.id);
    const denied = workloads.flatMap((a) => workloads.filter((b) => b !== a && (a !== "outside" || b !== "outside") && truth.flows.get(`${a}\n${b}`)?.label !== "any"));
    assert.deepEqual(denied, [], "not everything may talk to everything");
  }
  checkStates(truth, shown);
}

for (const [name, open] of [["open", 1], ["closed", 0], ["mixed", 0.5], ["mostly open", 0.9]] as const) {
  for (const size of [2, 3, 5, 8, 13, 30, 60]) {
    test(`${name}, ${size} workloads: every line, mark and word holds, and every flow is said`, () => {
      for (let seed = 1; seed <= 6; seed++) {
        const truth = new Truth(randomCluster(seed, size, open));
        const shown = picture(truth.data, none);
        checkAll(truth, shown);
        const said = new Set([...shown.lines, ...shown.inside.values(), ...shown.fans].flatMap((l) => l.edges));
        const unsaid = [...truth.flows.keys()].filter((id) => !said.has(id)).length;
        if (!shown.openAll) assert.equal(unsaid, shown.undrawn, "flows that are neither drawn nor counted");
        const chosen = truth.data.edges[Math.floor(truth.data.edges.length / 2)];
        if (chosen) checkAll(truth, picture(truth.data, { ...none, selected: new Set([chosen.id]) }));
      }
    });
  }
  for (const size of [61, 150, 400, 2000]) {
    test(`${name}, ${size} workloads: an overview says what holds of whatever is pointed at`, () => {
      const truth = new Truth(randomCluster(size, size, size > 1000 ? Math.min(open, 0.12) : open));
      const data = tabled(truth.data);
      const rest = picture(data, none);
      checkAll(truth, rest);
      assert.deepEqual([rest.lines.length, rest.inside.size], [0, 0]);
      for (const pointed of [groupId("n0"), "outside"]) {
        const shown = picture(data, { ...none, pointed });
        checkAll(truth, shown);
        const own = truth.members.get(pointed)!.map((n) => n.id);
        const flows = truth.data.edges.filter((e) => own.includes(e.from) !== own.includes(e.to));
        const said = new Set([...shown.lines, ...shown.fans].flatMap((l) => l.edges));
        if (shown.groups.length > 1) assert.equal(flows.filter((e) => !said.has(e.id)).length, 0, `${pointed}: flows that are not said`);
      }
      const node = truth.data.nodes[1].id;
      const selected = picture(data, { ...none, selected: new Set([node]) });
      const shownIds = new Set(selected.nodes.map((n) => n.id));
      for (const line of selected.lines) {
        for (const id of line.edges) assert.ok(truth.flows.has(id), id);
        const behind = (end: string) => truth.members.get(end)!.filter((n) => n.id === end || !shownIds.has(n.id)).length;
        if (line.flows > 1 || line.pairs > 1) assert.equal(line.pairs, behind(line.from) * behind(line.to), `${line.from} to ${line.to}`);
      }
    });
  }
}
