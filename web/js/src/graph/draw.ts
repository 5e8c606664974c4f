// The drawing itself: namespaces, lines, cards and labels as keyed SVG elements.

import type { LayoutResponse, Point, Rect, Route } from "../layout/types";
import { COLLAPSE_ABOVE, groupId, type Line, type Picture } from "./economy";
import type { CardText, Words } from "./scene";
import { Keyed, set, svg } from "./svg";
import { fill, type GraphLabels, type GraphNode } from "./types";

interface GroupItem { rect: Rect; name: string; note: string; whole: string; collapsed: boolean; foldable: boolean; action: string }
interface CardItem { rect: Rect; text: CardText; node: GraphNode; spoken: string }
interface LineItem { line: Line; route: Route; spoken: string }
interface FanItem { end: string; at: Point; text: string }
interface LabelItem { line: Line; at: Point; text: string; w: number; spoken: string }

export class Drawing {
  readonly root = svg("g", { class: "graph-view" });
  private readonly field = svg("g", { class: "graph-field" }, [
    svg("rect", { class: "graph-field-box", rx: 22 }),
    svg("g", { class: "graph-pill is-allowed" }, [svg("rect", { rx: 11, height: 22 }), svg("text", { "text-anchor": "middle", dy: "0.35em" })]),
  ]);
  readonly groups = new Keyed<GroupItem>(layer("graph-groups"), makeGroup, updateGroup);
  readonly headings = new Keyed<GroupItem>(layer("graph-headings"), makeHeading, updateHeading);
  readonly lines = new Keyed<LineItem>(layer("graph-lines"), makeLine, updateLine);
  readonly cards = new Keyed<CardItem>(layer("graph-cards"), makeCard, updateCard);
  readonly fans = new Keyed<FanItem>(layer("graph-fans"), makeFan, updateFan);
  readonly pills = new Keyed<LabelItem>(layer("graph-labels"), makePill, updatePill);

  constructor() {
    this.root.append(this.field, this.groups.layer, this.lines.layer, this.headings.layer, this.cards.layer, this.fans.layer, this.pills.layer);
  }

  show(picture: Picture, words: Words, response: LayoutResponse, labels: GraphLabels): void {
    const groups = groupItems(picture, words, response, labels);
    this.groups.sync(groups);
    this.headings.sync(groups);
    this.lines.sync(lineItems(picture, response, labels));
    this.cards.sync(cardItems(picture, words, response, labels));
    this.pills.sync(labelItems(picture, words, response, labels));
    this.fans.sync(fanItems(picture, response));
    this.showField(picture, response.bounds, labels);
  }

  private showField(picture: Picture, b: Rect, labels: GraphLabels): void {
    set(this.field, { display: picture.openAll ? undefined : "none" });
    const [box, pill] = [this.field.children[0], this.field.children[1]];
    set(box, { x: b.x - 22, y: b.y - 30, width: b.w + 44, height: b.h + 52 });
    const text = `⇄ ${labels.openAll}`;
    const w = text.length * 6.6 + 24;
    pill.children[1].textContent = text;
    set(pill, { transform: `translate(${b.x + b.w / 2} ${b.y - 30})` });
    set(pill.children[0], { x: -w / 2, y: -11, width: w });
  }
}

/** Small pictures have nothing to close. */
function isFoldable(picture: Picture): boolean {
  return picture.groups.reduce((sum, g) => sum + g.count, 0) > COLLAPSE_ABOVE || picture.groups.some((g) => g.collapsed);
}

/** How the ends of lines are called. */
export function endName(picture: Picture, end: string): string {
  if (end.startsWith("ns:")) return end.slice(3);
  const node = picture.nodes.find((n) => n.id === end);
  return node?.title ?? node?.label ?? end;
}

function layer(name: string): SVGGElement {
  return svg("g", { class: name });
}

function groupItems(picture: Picture, words: Words, response: LayoutResponse, labels: GraphLabels) {
  const foldable = isFoldable(picture);
  const out = new Map<string, GroupItem>();
  for (const { name, collapsed } of picture.groups) {
    const rect = response.placement.groups[groupId(name)];
    const text = words.groups.get(name);
    if (!rect || !text) continue;
    const action = fill(collapsed ? labels.expand : labels.collapse, { name });
    out.set(groupId(name), { rect, name: text.name, note: text.note, whole: name, collapsed, foldable, action });
  }
  return out;
}

function cardItems(picture: Picture, words: Words, response: LayoutResponse, labels: GraphLabels) {
  const out = new Map<string, CardItem>();
  for (const node of picture.nodes) {
    const rect = response.placement.nodes[node.id];
    const text = words.cards.get(node.id);
    if (rect && text) out.set(node.id, { rect, text, node, spoken: spokenCard(node, text, labels) });
  }
  return out;
}

/** What is seen comes first, so that who sees the card and speaks can name it. */
function spokenCard(node: GraphNode, text: CardText, labels: GraphLabels): string {
  const whole = node.title ?? node.label;
  const parts = [`${text.name} ${text.sub}`.trim(), ...(whole === text.name ? [] : [whole])];
  if (node.ingress === "yes") parts.push(labels.isolatedIngress);
  if (node.ingress === "selected") parts.push(labels.selectedIngress);
  if (node.egress === "yes") parts.push(labels.isolatedEgress);
  if (node.egress === "selected") parts.push(labels.selectedEgress);
  return parts.join(", ");
}

function spokenLine(picture: Picture, line: Line, labels: GraphLabels): string {
  const label = line.label || fill(labels.flows, { n: line.edges.length });
  return fill(labels.edge, { from: endName(picture, line.from), to: endName(picture, line.to), label, state: labels.states[line.state] });
}

function lineItems(picture: Picture, response: LayoutResponse, labels: GraphLabels) {
  const out = new Map<string, LineItem>();
  for (const line of picture.lines) {
    const route = response.routes[line.id];
    if (route) out.set(line.id, { line, route, spoken: spokenLine(picture, line, labels) });
  }
  return out;
}

function labelItems(picture: Picture, words: Words, response: LayoutResponse, labels: GraphLabels) {
  const out = new Map<string, LabelItem>();
  for (const line of picture.lines) {
    const at = response.routes[line.id]?.label;
    const text = words.labels.get(line.id);
    if (at && text) out.set(line.id, { line, at, ...text, spoken: spokenLine(picture, line, labels) });
  }
  for (const [name, line] of picture.inside) {
    const box = response.placement.groups[groupId(name)];
    const text = words.labels.get(line.id);
    if (!box || !text) continue;
    const shown = { text: `⇄ ${text.text}`, w: text.w + 16 };
    const at = { x: box.x + box.w - (isFoldable(picture) ? 38 : 16) - shown.w / 2, y: box.y + 21 };
    out.set(line.id, { line, at, ...shown, spoken: `${name}: ${labels.inside}, ${text.text}` });
  }
  return out;
}

function makeGroup(key: string): SVGGElement {
  const fold = svg("g", { class: "graph-fold", "data-fold": key.slice(3), "aria-hidden": "true" }, [
    svg("rect", { width: 22, height: 22, rx: 6 }),
    svg("path", { class: "graph-fold-sign" }),
  ]);
  return svg("g", { class: "graph-group", "data-group": key.slice(3) }, [svg("title"), svg("rect", { class: "graph-group-box", rx: 16 }), fold]);
}

function updateGroup(element: SVGGElement, item: GroupItem): void {
  const [title, box, fold] = [...element.children];
  moveTo(element, item.rect);
  set(element, {
    class: `graph-group${item.collapsed ? " is-collapsed" : ""}`,
    role: item.collapsed ? "button" : undefined,
    tabindex: item.collapsed ? -1 : undefined,
    "aria-label": item.collapsed ? `${item.name} ${item.note}, ${item.action}` : undefined,
  });
  title.textContent = item.collapsed ? item.action : item.whole;
  set(box, { width: item.rect.w, height: item.rect.h });
  set(fold, { display: item.foldable ? undefined : "none", transform: `translate(${item.rect.w - 32} ${item.collapsed ? 12 : 9})` });
  set(fold.children[1], { d: item.collapsed ? "M6 11h10M11 6v10" : "M6 11h10" });
}

/** Names of namespaces lie over the lines, with a rim of the ground around them. */
function makeHeading(): SVGGElement {
  return svg("g", { class: "graph-heading", "aria-hidden": "true" }, [svg("text", { class: "graph-group-name", x: 16 })]);
}

function updateHeading(element: SVGGElement, item: GroupItem): void {
  const heading = element.children[0];
  moveTo(element, item.rect);
  set(element, { class: `graph-heading${item.collapsed ? " is-collapsed" : ""}` });
  const gap = item.collapsed ? { x: 16, dy: 22 } : { dx: 7 };
  heading.replaceChildren(`${item.name} `, svg("tspan", { class: "graph-group-note", ...gap }, [item.note]));
  set(heading, { y: item.collapsed ? 33 : 25 });
}

function makeCard(key: string): SVGGElement {
  return svg("g", { class: "graph-card", "data-node": key, role: "button", tabindex: -1 }, [
    svg("rect", { class: "graph-card-box", rx: 10 }),
    svg("rect", { class: "graph-bar-in", x: 0, rx: 2.5, width: 5 }),
    svg("rect", { class: "graph-bar-out", rx: 2.5, width: 5 }),
    svg("text", { class: "graph-card-name" }),
    svg("text", { class: "graph-card-sub" }),
  ]);
}

function updateCard(element: SVGGElement, { rect, text, node, spoken }: CardItem): void {
  const [box, barIn, barOut, name, sub] = [...element.children];
  moveTo(element, rect);
  const kind = text.outside ? "is-outside" : "is-workload";
  const free = node.ingress === "unenforced" || node.egress === "unenforced" ? " is-unenforced" : "";
  const selected = element.classList.contains("is-selected") ? " is-selected" : "";
  set(element, { class: `graph-card ${kind}${free}${selected}`, "aria-label": spoken, "data-title": node.title ?? node.label });
  set(box, { width: rect.w, height: rect.h });
  set(barIn, { ...bar(node.ingress), y: 9, height: rect.h - 18 });
  set(barOut, { ...bar(node.egress), x: rect.w - 5, y: 9, height: rect.h - 18 });
  const anchor = text.outside ? { x: rect.w / 2, "text-anchor": "middle" } : { x: 16, "text-anchor": "start" };
  const middle = rect.h / 2;
  set(name, { ...anchor, y: text.sub ? middle - 4 : middle + 4.5 });
  set(sub, { ...anchor, y: middle + 13 });
  // The space is for readers that join the two lines.
  name.textContent = `${text.name} `;
  sub.textContent = text.sub;
}

function bar(isolation: GraphNode["ingress"]) {
  return {
    display: isolation === "yes" || isolation === "unknown" || isolation === "selected" ? undefined : "none",
    "data-sure": isolation === "unknown" ? "no" : undefined,
    "data-hollow": isolation === "selected" ? "" : undefined,
  };
}

const HEAD = "M0 0L-9.5 -4.4L-9.5 4.4Z";

function makeLine(key: string): SVGGElement {
  return svg("g", { "data-line": key, role: "button", tabindex: -1 }, [
    svg("title"),
    svg("path", { class: "graph-line-hit" }),
    svg("path", { class: "graph-line-glow" }),
    svg("path", { class: "graph-line-stroke" }),
    svg("path", { class: "graph-line-head", d: HEAD }),
    svg("path", { class: "graph-line-head", d: HEAD }),
  ]);
}

function updateLine(element: SVGGElement, { line, route, spoken }: LineItem): void {
  const [title, hit, glow, stroke, head, tail] = [...element.children];
  title.textContent = spoken;
  const bundle = line.edges.length > (line.both ? 2 : 1) ? " is-bundle" : "";
  const selected = element.classList.contains("is-selected") ? " is-selected" : "";
  set(element, { class: `graph-line is-${line.state}${bundle}${selected}`, "aria-label": spoken });
  for (const path of [hit, glow, stroke]) set(path, { d: route.path });
  set(head, { transform: turned(route.end, route.endAngle) });
  set(tail, { transform: turned(route.start, route.startAngle), display: line.both ? undefined : "none" });
}

function turned(at: Point, angle: number): string {
  return `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) rotate(${((angle * 180) / Math.PI).toFixed(1)})`;
}

function makePill(key: string): SVGGElement {
  return svg("g", { "data-line": key, "aria-hidden": "true" }, [
    svg("title"),
    svg("rect", { rx: 10, height: 20, y: -10 }),
    svg("text", { "text-anchor": "middle", dy: "0.35em" }),
  ]);
}

function updatePill(element: SVGGElement, { line, at, text, w, spoken }: LabelItem): void {
  const [title, box, label] = [...element.children];
  const selected = element.classList.contains("is-selected") ? " is-selected" : "";
  set(element, { class: `graph-pill is-${line.state}${selected}`, transform: `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})` });
  title.textContent = spoken;
  set(box, { x: -w / 2, width: w });
  label.textContent = text;
}

function moveTo(element: SVGGElement, r: Rect): void {
  element.style.transform = `translate(${r.x}px, ${r.y}px)`;
}

/** Fans of one end stand under each other, at its lower edge. */
function fanItems(picture: Picture, response: LayoutResponse): Map<string, FanItem> {
  const out = new Map<string, FanItem>();
  const held = new Map<string, number>();
  for (const fan of picture.fans) {
    const rect = response.placement.nodes[fan.end] ?? response.placement.groups[fan.end];
    const row = held.get(fan.end) ?? 0;
    if (!rect || row > 2) continue;
    held.set(fan.end, row + 1);
    const text = { out: `${fan.label} → ${fan.lines}`, in: `${fan.lines} → ${fan.label}`, both: `${fan.label} ⇄ ${fan.lines}` }[fan.way];
    out.set(`${fan.end} ${text}`, { end: fan.end, at: { x: rect.x + rect.w / 2, y: rect.y + rect.h + 4 + row * 23 }, text });
  }
  return out;
}

function makeFan(): SVGGElement {
  return svg("g", { "aria-hidden": "true" }, [svg("rect", { rx: 10, height: 20, y: -10 }), svg("text", { "text-anchor": "middle", dy: "0.35em" })]);
}

function updateFan(element: SVGGElement, { end, at, text }: FanItem): void {
  const w = text.length * 6.4 + 18;
  const node = end.startsWith("ns:") ? undefined : end;
  set(element, { class: "graph-pill graph-fan is-allowed", "data-node": node, transform: `translate(${at.x} ${at.y})` });
  set(element.children[0], { x: -w / 2, width: w });
  element.children[1].textContent = text;
}
