// The drawing itself: namespaces, lines, cards and labels as keyed SVG elements.

import type { LayoutResponse, Point, Rect, Route } from "../layout/types";
import { groupId, type Fan, type Group, type Line, type Picture } from "./economy";
import { isOpen } from "./overview";
import { lineText, stateText, type CardText, type Words } from "./scene";
import { Keyed, set, svg } from "./svg";
import { fill, type GraphLabels, type GraphNode } from "./types";

interface GroupItem { rect: Rect; name: string; note: string; whole: string; collapsed: boolean; foldable: boolean; open: boolean; action: string; spoken: string }
interface CardItem { rect: Rect; text: CardText; node: GraphNode; spoken: string }
interface LineItem { line: Line; route: Route; spoken: string }
interface FanItem { end: string; at: Point; text: string; spoken: string }
interface LabelItem { line: Line; at: Point; text: string; w: number; spoken: string; alone: boolean }

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
    this.root.append(this.groups.layer, this.lines.layer, this.headings.layer, this.cards.layer, this.fans.layer, this.pills.layer);
  }

  show(picture: Picture, words: Words, response: LayoutResponse, labels: GraphLabels): void {
    const groups = groupItems(picture, words, response, labels);
    this.groups.sync(groups);
    this.headings.sync(groups);
    this.lines.sync(lineItems(picture, response, labels));
    this.cards.sync(cardItems(picture, words, response, labels));
    this.pills.sync(labelItems(picture, words, response, labels));
    this.fans.sync(fanItems(picture, response, labels));
    this.showField(picture, response.bounds, labels);
  }

  /** The statement in place of all lines. Out of the tree when it does not hold, so that nobody hears it. */
  private showField(picture: Picture, b: Rect, labels: GraphLabels): void {
    if (!picture.openAll) return this.field.remove();
    const [box, pill] = [this.field.children[0], this.field.children[1]];
    set(box, { x: b.x - FIELD.side, y: b.y - FIELD.top, width: b.w + 2 * FIELD.side, height: b.h + FIELD.top + FIELD.side });
    const text = `⇄ ${labels.openAll}`;
    const w = text.length * 6.6 + 24;
    pill.children[1].textContent = text;
    set(pill, { transform: `translate(${b.x + b.w / 2} ${b.y - FIELD.top})` });
    set(pill.children[0], { x: -w / 2, y: -11, width: w });
    this.root.prepend(this.field);
  }
}

/** How far the statement's box reaches around the drawing. */
export const FIELD = { side: 22, top: 30 };

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
  const out = new Map<string, GroupItem>();
  for (const group of picture.groups) {
    const { name, collapsed } = group;
    const rect = response.placement.groups[groupId(name)];
    const text = words.groups.get(name);
    if (!rect || !text) continue;
    const action = fill(collapsed ? labels.expand : labels.collapse, { name });
    const open = group.open > 0 && group.open === (group.part ? group.shown : group.count);
    const spoken = spokenGroup(group, labels, action);
    out.set(groupId(name), { rect, name: text.name, note: text.note, whole: name, collapsed, foldable: picture.overview, open, action, spoken });
  }
  return out;
}

function spokenGroup(group: Group, labels: GraphLabels, action: string): string {
  const size = fill(labels.workloads, { n: group.count });
  return [`${group.name} ${size}`, stateText(group, labels), action].filter(Boolean).join(", ");
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
  if (isOpen(node)) parts.push(labels.open);
  return parts.join(", ");
}

function spokenLine(picture: Picture, line: Line, labels: GraphLabels): string {
  const label = lineText(line, labels);
  return fill(line.both ? labels.both : labels.edge, { from: endName(picture, line.from), to: endName(picture, line.to), label, state: labels.states[line.state] });
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
    if (at && text) out.set(line.id, { line, at, ...text, spoken: spokenLine(picture, line, labels), alone: false });
  }
  for (const [name, line] of picture.inside) {
    const box = response.placement.groups[groupId(name)];
    const text = words.labels.get(line.id);
    if (!box || !text) continue;
    const shown = { text: `⇄ ${text.text}`, w: text.w + 16 };
    const at = { x: box.x + box.w - 16 - shown.w / 2, y: box.y + 21 };
    const whole = line.flows === line.pairs;
    out.set(line.id, { line, at, ...shown, spoken: `${name}: ${whole ? `${labels.inside}, ` : ""}${lineText(line, labels)}`, alone: true });
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
    class: `graph-group${item.collapsed ? " is-collapsed" : ""}${item.open ? " is-open" : ""}`,
    role: item.collapsed ? "button" : undefined,
    tabindex: item.collapsed ? -1 : undefined,
    "aria-label": item.collapsed ? item.spoken : undefined,
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
  const open = isOpen(node) ? " is-open" : "";
  const selected = element.classList.contains("is-selected") ? " is-selected" : "";
  set(element, { class: `graph-card ${kind}${free}${open}${selected}`, "aria-label": spoken, "data-title": node.title ?? node.label });
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
  const part = line.flows < line.pairs ? " is-part" : "";
  const selected = element.classList.contains("is-selected") ? " is-selected" : "";
  set(element, { class: `graph-line is-${line.state}${bundle}${part}${selected}`, "aria-label": spoken });
  for (const path of [hit, glow, stroke]) set(path, { d: route.path });
  set(head, { transform: turned(route.end, route.endAngle) });
  set(tail, { transform: turned(route.start, route.startAngle), display: line.both ? undefined : "none" });
}

function turned(at: Point, angle: number): string {
  return `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) rotate(${((angle * 180) / Math.PI).toFixed(1)})`;
}

function makePill(key: string): SVGGElement {
  return svg("g", { "data-line": key }, [
    svg("title"),
    svg("rect", { rx: 10, height: 20, y: -10 }),
    svg("text", { "text-anchor": "middle", dy: "0.35em" }),
  ]);
}

function updatePill(element: SVGGElement, { line, at, text, w, spoken, alone }: LabelItem): void {
  const [title, box, label] = [...element.children];
  // Words of a line are the line's; a mark that stands for lines speaks for itself.
  set(element, alone ? { role: "button", tabindex: -1, "aria-label": spoken, "aria-hidden": undefined } : { "aria-hidden": "true" });
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
function fanItems(picture: Picture, response: LayoutResponse, labels: GraphLabels): Map<string, FanItem> {
  const out = new Map<string, FanItem>();
  const held = new Map<string, number>();
  for (const fan of picture.fans) {
    const rect = response.placement.nodes[fan.end] ?? response.placement.groups[fan.end];
    const row = held.get(fan.end) ?? 0;
    if (!rect) continue;
    held.set(fan.end, row + 1);
    const n = fan.flows.toLocaleString("en");
    const text = { out: `${fan.label} → ${n}`, in: `${n} → ${fan.label}`, both: `${fan.label} ⇄ ${n}` }[fan.way];
    const at = { x: rect.x + rect.w / 2, y: rect.y + rect.h + 4 + row * 23 };
    out.set(`${fan.end} ${text}`, { end: fan.end, at, text, spoken: spokenFan(picture, fan, labels) });
  }
  return out;
}

function spokenFan(picture: Picture, fan: Fan, labels: GraphLabels): string {
  const pattern = { out: labels.fanOut, in: labels.fanIn, both: labels.fanBoth }[fan.way];
  return fill(pattern, { end: endName(picture, fan.end), n: fan.flows, label: fan.label });
}

function makeFan(): SVGGElement {
  return svg("g", { role: "img" }, [svg("rect", { rx: 10, height: 20, y: -10 }), svg("text", { "text-anchor": "middle", dy: "0.35em" })]);
}

function updateFan(element: SVGGElement, { end, at, text, spoken }: FanItem): void {
  const w = text.length * 6.4 + 18;
  const node = end.startsWith("ns:") ? undefined : end;
  set(element, { class: "graph-pill graph-fan is-allowed", "data-node": node, "aria-label": spoken, transform: `translate(${at.x} ${at.y})` });
  set(element.children[0], { x: -w / 2, width: w });
  element.children[1].textContent = text;
}
