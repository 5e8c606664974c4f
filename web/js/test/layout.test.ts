import assert from "node:assert/strict";
import { test } from "node:test";
import { boutique, cluster } from "../harness/clusters";
import { groupId, picture } from "../src/graph/economy";
import type { GraphData } from "../src/graph/types";
import { overlaps } from "../src/layout/geometry";
import { layout } from "../src/layout/index";
import type { LayoutResponse, Placement, Rect, Scene } from "../src/layout/types";

const view = { w: 640, h: 730 };

function sceneFor(data: GraphData, expanded = new Map<string, boolean>()): Scene {
  const { nodes, groups, lines } = picture(data, { expanded, selected: new Set() });
  return {
    nodes: nodes.map((n) => ({ id: n.id, w: 140, h: 48, group: n.namespace && groupId(n.namespace) })),
    groups: groups.map((g) => ({ id: groupId(g.name), w: 168, h: 64, collapsed: g.collapsed })),
    links: lines.map((l) => ({ id: l.id, from: l.from, to: l.to, labelW: 70, both: l.both })),
  };
}

function place(data: GraphData, previous?: Placement): LayoutResponse {
  return layout({ id: 1, scene: sceneFor(data), view, previous });
}

function assertApart(rects: [string, Rect][]): void {
  rects.forEach(([a, r], i) => rects.slice(i + 1).forEach(([b, s]) => assert.ok(!overlaps(r, s), `${a} lies on ${b}`)));
}

for (const [name, data] of [["a shop", boutique()], ["30 workloads", cluster(30)], ["1,000 workloads", cluster(1000)]] as const) {
  test(`${name}: cards and boxes lie apart, every line has a way`, () => {
    const { placement, routes } = place(data);
    assertApart(Object.entries(placement.groups));
    assertApart(Object.entries(placement.nodes));
    for (const link of sceneFor(data).links) assert.ok(routes[link.id], link.id);
  });
}

test("cards lie within their namespace", () => {
  const data = cluster(30);
  const { placement } = place(data);
  for (const n of data.nodes) {
    if (!n.namespace) continue;
    const [card, box] = [placement.nodes[n.id], placement.groups[groupId(n.namespace)]];
    assert.ok(card.x > box.x && card.y > box.y && card.x + card.w < box.x + box.w && card.y + card.h < box.y + box.h);
  }
});

test("the same input gives the same drawing", () => {
  assert.deepEqual(place(cluster(30)), place(cluster(30)));
});

test("nothing moves when only lines change", () => {
  const data = boutique();
  const first = place(data);
  const second = place({ ...data, edges: data.edges.slice(3) }, first.placement);
  assert.equal(second.fresh, false);
  assert.deepEqual(second.placement.nodes, first.placement.nodes);
});

test("a new workload takes a free place and moves no card", () => {
  const data = boutique();
  const first = place(data);
  const more = { ...data, nodes: [...data.nodes, { ...data.nodes[3], id: "shop/new", label: "new" }] };
  const second = place(more, first.placement);
  for (const n of data.nodes) assert.deepEqual(second.placement.nodes[n.id], first.placement.nodes[n.id]);
  assertApart(Object.entries(second.placement.nodes));
});

test("a new namespace finds room beside the others", () => {
  const data = cluster(30);
  const first = place(data);
  const more = { ...data, nodes: [...data.nodes, ...["x", "y", "z"].map((l) => ({ ...data.nodes[3], id: `new/${l}`, namespace: "new", label: l }))] };
  const second = place(more, first.placement);
  for (const n of data.nodes) assert.deepEqual(second.placement.nodes[n.id], first.placement.nodes[n.id]);
  assertApart(Object.entries(second.placement.groups));
});

test("opening a namespace keeps the others in line, and closing it takes that back", () => {
  const data = cluster(200);
  const closed = place(data);
  const open = layout({ id: 2, scene: sceneFor(data, new Map([["team-3", true]])), view, previous: closed.placement });
  assertApart(Object.entries(open.placement.groups));
  const again = layout({ id: 3, scene: sceneFor(data), view, previous: open.placement });
  assert.deepEqual(again.placement.groups, closed.placement.groups);
});

test("removing workloads moves none of the others", () => {
  const data = boutique();
  const first = place(data);
  const fewer = { ...data, nodes: data.nodes.slice(0, -2) };
  const second = place(fewer, first.placement);
  for (const n of fewer.nodes) assert.deepEqual(second.placement.nodes[n.id], first.placement.nodes[n.id]);
});

test("another application is placed anew", () => {
  assert.equal(place(boutique(), place(cluster(30)).placement).fresh, true);
});

test("an empty picture is laid out too", () => {
  assert.deepEqual(place({ nodes: [], edges: [] }).bounds, { x: 0, y: 0, w: 0, h: 0 });
});
