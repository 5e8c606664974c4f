// The diagram: data in, clicks out.
//
// Drawn as SVG, not on a canvas: the elements can be focused, read out, styled by the page's own
// sheet, clicked by a test and saved as a picture. What makes that cheap enough is `economy`: a
// thousand workloads are drawn as their namespaces.

import { endName, Drawing, FIELD } from "./draw";
import { picture, groupId, type Line, type Picture } from "./economy";
import { edgeEnds } from "./flows";
import { standalone } from "./export";
import { directionOf, nearest } from "./keyboard";
import { fontsOf, Measure } from "./measure";
import { Placer } from "./placer";
import { sceneOf, wordsOf } from "./scene";
import { svg } from "./svg";
import type { Rect } from "../layout/types";
import { Caption, Tip } from "./tip";
import { Viewport } from "./viewport";
import { DEFAULT_LABELS, fill, type GraphData, type GraphHandle, type GraphLabels, type GraphOptions } from "./types";

export type * from "./types";

export function createGraph(parent: HTMLElement, options: GraphOptions): GraphHandle {
  return new Diagram(parent, options).handle();
}

class Diagram {
  private readonly drawing = new Drawing();
  private readonly ground = svg("pattern", { id: "graph-dots", width: 24, height: 24, patternUnits: "userSpaceOnUse" }, [
    svg("circle", { class: "graph-dot", cx: 12, cy: 12, r: 1 }),
  ]);
  private readonly surface = svg("svg", { class: "graph", role: "group", tabindex: 0 }, [
    svg("defs", {}, [this.ground]),
    svg("rect", { class: "graph-ground", width: "100%", height: "100%", fill: "url(#graph-dots)" }),
    this.drawing.root,
  ]);
  private readonly viewport: Viewport;
  private readonly placer = new Placer();
  private readonly measure = new Measure();
  private readonly tip: Tip;
  private readonly caption: Caption;
  private readonly expanded = new Map<string, boolean>();
  private labels: GraphLabels;
  private data: GraphData = { nodes: [], edges: [] };
  private shown: Picture | undefined;
  private selected = new Set<string>();
  /** Whether the picture holds lines only because of what is selected. */
  private revealed = false;
  /** A card or a namespace that the pointer rests on, where its lines are drawn only then. */
  private pointed: string | undefined;
  private resting: ReturnType<typeof setTimeout> | undefined;
  /** What has the keyboard's focus, as `node ID` or `line ID`: drawing again must not lose it. */
  private focused: string | undefined;

  constructor(parent: HTMLElement, private readonly options: GraphOptions) {
    this.labels = { ...DEFAULT_LABELS, ...options.labels };
    parent.append(this.surface);
    if (options.dark !== undefined) this.setTheme(options.dark);
    this.surface.setAttribute("aria-label", this.labels.diagram);
    this.viewport = new Viewport(this.surface, this.drawing.root, this.ground, () => this.update(true));
    this.tip = new Tip(parent);
    this.caption = new Caption(parent);
    this.surface.addEventListener("click", (event) => this.clicked(event));
    this.surface.addEventListener("keydown", (event) => this.pressed(event));
    this.surface.addEventListener("focusin", (event) => this.tip.show(event.target as Element));
    this.surface.addEventListener("focusout", (event) => this.left(event));
    this.surface.addEventListener("pointerover", (event) => this.hovered(event));
    this.surface.addEventListener("pointerleave", () => (this.tip.hide(), this.mark("is-hovered", []), this.point(undefined)));
  }

  handle(): GraphHandle {
    return {
      setData: (data, how) => this.setData(data, how),
      select: (ids) => this.select(ids),
      setTheme: (dark) => this.setTheme(dark),
      setLabels: (labels) => this.setLabels(labels),
      fit: () => this.viewport.fit(),
      zoomIn: () => this.viewport.zoomBy(1.25),
      zoomOut: () => this.viewport.zoomBy(0.8),
      relayout: () => this.update(true),
      setExpanded: (namespace, open) => this.setExpanded(namespace, open),
      focus: () => this.surface.focus(),
      exportSvg: () => standalone(this.surface, this.drawing.root),
      destroy: () => this.destroy(),
    };
  }

  private setData(data: GraphData, how: { relayout?: boolean } = {}): void {
    const anew = how.relayout === true || (data.table === undefined) !== (this.data.table === undefined);
    if (how.relayout) this.expanded.clear();
    this.data = data;
    this.update(anew, this.selectedLook());
  }

  /** Colours are the style sheet's; the attribute chooses among them. */
  private setTheme(dark: boolean): void {
    this.surface.dataset.theme = dark ? "dark" : "light";
  }

  private setLabels(labels: Partial<GraphLabels>): void {
    this.labels = { ...this.labels, ...labels };
    this.surface.setAttribute("aria-label", this.labels.diagram);
    this.update(false);
  }

  private setExpanded(namespace: string, open: boolean): void {
    this.expanded.set(namespace, open);
    this.update(false, open ? [groupId(namespace)] : []);
  }

  /** Of many workloads, the ends of what is selected are to be looked at. */
  private selectedLook(): string[] | undefined {
    const ends = [...this.selected].slice(0, 4).flatMap((id) => edgeEnds(id) ?? [id]);
    return this.data.table && ends.length ? ends : undefined;
  }

  /** Draws what is to be seen now; `look` names what to look at afterwards. */
  private update(anew: boolean, look: string[] = []): void {
    const next = picture(this.data, { expanded: this.expanded, selected: this.selected, pointed: this.pointed });
    const words = wordsOf(next, this.data, this.labels, this.measure, fontsOf(this.surface));
    this.placer.place(sceneOf(next, words), this.viewport.size(), anew, (response) => {
      this.revealed = this.selected.size > 0 && (next.overview || next.undrawn > 0 || this.revealed);
      this.shown = next;
      this.caption.show(this.captionOf(next));
      this.drawing.show(next, words, response, this.labels);
      this.viewport.setBounds(next.openAll ? around(response.bounds) : response.bounds, response.fresh, next.overview);
      this.viewport.show(look.flatMap((id) => response.placement.nodes[id] ?? response.placement.groups[id] ?? []));
      this.surface.dataset.ready = "true";
      this.markSelected();
      this.restoreFocus();
    });
  }

  private captionOf(next: Picture): string {
    if (next.openAll) return "";
    if (next.undrawn) return fill(this.labels.undrawn, { n: next.undrawn.toLocaleString("en") });
    return next.overview && !next.lines.length && !next.fans.length ? this.labels.overview : "";
  }

  private select(ids: string[]): void {
    const before = this.selected;
    this.selected = new Set(ids);
    const changed = [...before, ...ids].filter((id) => before.has(id) !== this.selected.has(id));
    if (changed.some((id) => this.isHidden(id))) this.update(false, this.selectedLook());
    else this.markSelected();
  }

  /** Whether selecting it, or no longer, changes which lines are drawn. */
  private isHidden(id: string): boolean {
    if (this.data.table) return true;
    if (this.drawing.cards.get(id)) return (this.shown?.undrawn ?? 0) > 0 || this.revealed;
    return this.shown?.lines.find((l) => l.edges.length === 1 && l.edges[0] === id) === undefined || this.revealed;
  }

  private markSelected(): void {
    const lines = this.allLines();
    const own = new Set(lines.filter((l) => l.edges.length === 1).map((l) => l.edges[0]));
    const stands = (l: Line) => l.edges.some((e) => this.selected.has(e) && (l.edges.length === 1 || !own.has(e)));
    const chosen = this.selected.size ? lines.filter((l) => this.selected.has(l.id) || stands(l)) : [];
    const nodes = [...this.selected].filter((id) => this.drawing.cards.get(id));
    const ends = nodes.length ? [] : chosen.map((l) => l.to);
    this.mark("is-selected", [...nodes, ...ends, ...chosen.map((l) => l.id)]);
    const fanned = (this.shown?.fans ?? []).filter((f) => this.data.table || nodes.includes(f.end)).flatMap((f) => f.others);
    this.mark("is-touched", [...(nodes.length ? this.touchedBy(new Set(nodes), lines) : []), ...fanned]);
    this.surface.classList.toggle("has-focus-node", nodes.length > 0 && chosen.length === 0);
    this.raise(chosen);
  }

  private allLines(): Line[] {
    return [...(this.shown?.lines ?? []), ...(this.shown?.inside.values() ?? [])];
  }

  /** Lines that end at one of the nodes or stand for a flow that does, and all that these flows reach. */
  private touchedBy(nodes: Set<string>, lines: Line[]): string[] {
    const touched = lines.filter((l) => nodes.has(l.from) || nodes.has(l.to) || l.edges.some((e) => edgeEnds(e)?.some((end) => nodes.has(end))));
    return touched.flatMap((l) => [l.id, l.from, l.to]);
  }

  /** Selected lines are drawn over the others. */
  private raise(lines: Line[]): void {
    for (const { id } of lines) {
      const line = this.drawing.lines.get(id);
      if (!line || line === this.drawing.lines.layer.lastElementChild) continue;
      const held = line === document.activeElement;
      this.drawing.lines.layer.append(line);
      if (held) line.focus({ preventScroll: true });
    }
  }

  private mark(name: string, keys: string[]): void {
    const wanted = new Set(keys);
    for (const layer of [this.drawing.groups, this.drawing.cards, this.drawing.lines, this.drawing.pills]) {
      for (const [key, element] of layer.entries()) element.classList.toggle(name, wanted.has(key));
    }
  }

  private clicked(event: Event): void {
    const target = event.target as Element;
    const fold = target.closest<SVGElement>("[data-fold]")?.dataset.fold ?? target.closest<SVGElement>(".is-collapsed[data-group]")?.dataset.group;
    const line = target.closest<SVGElement>("[data-line]")?.dataset.line;
    const node = target.closest<SVGElement>("[data-node]")?.dataset.node;
    if (fold !== undefined) this.setExpanded(fold, this.isCollapsed(fold));
    else if (line !== undefined) this.selectLine(line);
    else if (node !== undefined) this.options.onSelectNode(node);
    else this.options.onClear?.();
  }

  private isCollapsed(namespace: string): boolean {
    return this.shown?.groups.find((g) => g.name === namespace)?.collapsed ?? false;
  }

  private selectLine(id: string): void {
    const line = this.findLine(id);
    if (!line) return;
    const first = this.data.edges.find((e) => e.id === line.edges[0]);
    const { onSelectBundle } = this.options;
    if (line.edges.length > 1 && onSelectBundle && this.shown) {
      const [from, to] = [endName(this.shown, line.from), endName(this.shown, line.to)];
      onSelectBundle({ from, to, label: line.label, edges: line.edges });
    } else if (first) this.options.onSelectEdge(first.from, first.to, first.id);
  }

  private findLine(id: string): Line | undefined {
    return this.allLines().find((l) => l.id === id);
  }

  private hovered(event: Event): void {
    const target = event.target as Element;
    const line = target.closest<SVGElement>("[data-line]")?.dataset.line;
    this.mark("is-hovered", line ? [line] : []);
    const card = target.closest<SVGElement>("[data-node], [data-group]");
    if (card) this.tip.show(card);
    else this.tip.hide();
    const { node, group } = card?.dataset ?? {};
    const closed = group !== undefined && this.isCollapsed(group) ? groupId(group) : undefined;
    if (!line) this.point(node ?? closed);
  }

  /** Once the pointer rests: lines that come and go under one that only passes would be noise. */
  private point(end: string | undefined): void {
    if (!this.data.table) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.pointed === end) return;
      this.pointed = end;
      this.update(false);
    }, end ? 90 : 240);
  }

  private pressed(event: KeyboardEvent): void {
    const done = this.act(event.key);
    if (done) event.preventDefault();
  }

  private act(key: string): boolean {
    const direction = directionOf(key);
    if (direction) return this.step(direction);
    if (key === "[" || key === "]") return this.stepLine(key === "]" ? 1 : -1);
    if (key === "Enter" || key === " ") return this.activate();
    if (key === "Escape") return this.options.onClear?.(), this.surface.focus(), true;
    if (key === "+" || key === "=") return this.viewport.zoomBy(1.25), true;
    if (key === "-") return this.viewport.zoomBy(0.8), true;
    if (key === "0") return this.viewport.fit(), true;
    return false;
  }

  private stops(): SVGGElement[] {
    return [...this.surface.querySelectorAll<SVGGElement>(".graph-group.is-collapsed, .graph-card")];
  }

  private step(direction: "left" | "right" | "up" | "down"): boolean {
    const from = this.focusedCard();
    const next = from ? nearest(this.stops(), from, direction) : this.stops()[0];
    if (next) this.focusOn(next as SVGGElement);
    return true;
  }

  private focusedCard(): SVGGElement | undefined {
    const active = document.activeElement?.closest<SVGGElement>("[data-node], [data-group]");
    if (active) return active;
    const node = this.focused?.split("\n")[1];
    return node ? (this.drawing.cards.get(node) ?? this.drawing.groups.get(node)) : undefined;
  }

  private stepLine(by: 1 | -1): boolean {
    const card = this.focusedCard();
    const end = card?.dataset.node ?? groupId(card?.dataset.group ?? "");
    // Its own lines, single flows first, then those of the namespace that it stands in, which are its lines too.
    const home = this.data.nodes.find((n) => n.id === end)?.namespace;
    const at = (box: string) => (this.shown?.lines ?? []).filter((l) => l.from === box || l.to === box);
    const single = (lines: Line[]) => [...lines].sort((a, b) => a.edges.length - b.edges.length);
    const own = [...new Set([...single(at(end)), ...(home === undefined ? [] : at(groupId(home)))])];
    if (!own.length) return true;
    const now = own.findIndex((l) => l.id === (document.activeElement as SVGElement | null)?.dataset.line);
    const next = own[(now + by + own.length + (now < 0 && by < 0 ? 1 : 0)) % own.length];
    const element = this.drawing.lines.get(next.id);
    if (element) this.focusOn(element, end);
    return true;
  }

  private focusOn(element: SVGGElement, card = element.dataset.node ?? groupId(element.dataset.group ?? "")): void {
    this.focused = `${element.dataset.line ?? ""}\n${card}`;
    element.focus({ preventScroll: true });
    this.viewport.reveal(element);
  }

  /** Leaving on purpose forgets the place; an element that was removed under the focus keeps it. */
  private left(event: FocusEvent): void {
    this.tip.hide();
    if ((event.target as Element).isConnected && !this.surface.contains(event.relatedTarget as Node | null)) this.focused = undefined;
  }

  private restoreFocus(): void {
    if (document.activeElement !== document.body || !this.focused) return;
    const [line, card] = this.focused.split("\n");
    const element = this.drawing.lines.get(line) ?? this.drawing.cards.get(card) ?? this.drawing.groups.get(card);
    element?.focus({ preventScroll: true });
    this.focused = undefined;
  }

  private activate(): boolean {
    const active = document.activeElement as SVGElement | null;
    if (active === this.surface) return this.step("right");
    active?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return true;
  }

  private destroy(): void {
    clearTimeout(this.resting);
    this.viewport.destroy();
    this.placer.destroy();
    this.tip.destroy();
    this.caption.destroy();
    this.surface.remove();
  }
}

/** The drawing with the box of the statement that everything is open. */
function around({ x, y, w, h }: Rect): Rect {
  return { x: x - FIELD.side, y: y - FIELD.top - 12, w: w + 2 * FIELD.side, h: h + FIELD.top + FIELD.side + 12 };
}
