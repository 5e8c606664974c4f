// Wires the static page to the real editor and diagram, as the application does.

import type { EditorHandle, EditorOptions } from "../src/editor/types";
import type { GraphHandle, GraphOptions } from "../src/graph/types";
import { DATA, FINDINGS, HINTS, POLICIES, WORKLOADS } from "./mock";

interface Parts {
  createEditor(parent: HTMLElement, options: EditorOptions): Promise<EditorHandle>;
  createGraph(parent: HTMLElement, options: GraphOptions): Promise<GraphHandle>;
}

const find = (selector: string) => document.querySelector<HTMLElement>(selector)!;
const query = new URLSearchParams(location.search);
const theme = query.get("theme");
if (theme) document.documentElement.dataset.theme = theme;

const parts = (await import(new URL("./js/portcullis.js", import.meta.url).href)) as Parts;
const editor = await parts.createEditor(find(".editor-host"), {
  onChange: (file, text) => console.info("change", file, text.length),
  onCursor: (file, line) => console.info("cursor", file, line),
  ask: async <T>(kind: string) => (kind === "margin" ? ({ lenses: [], filled: HINTS } as T) : null),
});
editor.setFiles([{ name: "workloads.yaml", text: WORKLOADS }, { name: "policies.yaml", text: POLICIES }], "policies.yaml");
editor.setDiagnostics("policies.yaml", FINDINGS);
editor.highlight([{ line: 19, endLine: 20 }, { line: 24 }]);

const graph = await parts.createGraph(find(".graph-host"), {
  onSelectEdge: (from, to, id) => (console.info("edge", from, to), graph.select([id])),
  onSelectNode: (id) => graph.select([id]),
  onSelectBundle: (bundle) => (console.info("bundle", bundle.edges.length), graph.select(bundle.edges)),
  onClear: () => graph.select([]),
});
graph.setData(DATA);
graph.select(["e4"]);

find("#zoom-in").addEventListener("click", () => graph.zoomIn());
find("#zoom-out").addEventListener("click", () => graph.zoomOut());
find("#fit").addEventListener("click", () => graph.fit());
find("#theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
});
for (const tab of document.querySelectorAll<HTMLElement>(".tab")) tab.addEventListener("click", () => openTab(tab));
for (const button of document.querySelectorAll<HTMLElement>("[data-show]")) button.addEventListener("click", () => showPane(button.dataset.show!));
find(".flowbar").addEventListener("submit", (event) => event.preventDefault());
state(query.get("state"));
Object.assign(window, { editor, graph, DATA });

function openTab(tab: HTMLElement): void {
  for (const other of document.querySelectorAll(".tab")) other.setAttribute("aria-selected", String(other === tab));
  editor.openFile(tab.dataset.file!);
}

function showPane(view: string): void {
  find(".app").dataset.view = view;
  for (const b of document.querySelectorAll<HTMLElement>(".phone-tabs [data-show]")) b.setAttribute("aria-pressed", String(b.dataset.show === view));
  find("#list-view").hidden = view !== "list";
}

/** Other states of the page, for looking at them: `?state=empty|broken|list`. */
function state(name: string | null): void {
  if (name === "empty") find("#empty-view").hidden = false;
  if (name === "list") find("#list-view").hidden = false;
  if (name === "explain" || name === "edit") showPane(name);
  if (name === "matrix") matrix();
  if (name !== "broken") return;
  find(".broken-bar").hidden = false;
  find(".progress").classList.add("is-running");
  graph.setData(DATA);
}

function matrix(): void {
  const view = find("#matrix-view");
  view.hidden = false;
  const table = view.appendChild(document.createElement("table"));
  table.className = "matrix";
  const head = table.createTHead().insertRow();
  head.append(document.createElement("td"));
  for (const to of DATA.nodes) head.insertAdjacentHTML("beforeend", `<th class="matrix-to" scope="col"><span>${to.id}</span></th>`);
  for (const from of DATA.nodes) {
    const row = table.insertRow();
    row.insertAdjacentHTML("beforeend", `<th class="matrix-from" scope="row">${from.id}</th>`);
    for (const to of DATA.nodes) {
      const edge = DATA.edges.find((e) => e.from === from.id && e.to === to.id);
      const cell = from === to ? "is-self" : edge ? `is-${edge.state}` : "is-none";
      const text = edge ? edge.label.replace("TCP ", "") : from === to ? "" : "·";
      const tag = from === to ? "span" : "button";
      row.insertAdjacentHTML("beforeend", `<td><${tag} class="matrix-cell ${cell}"${tag === "button" ? ` aria-pressed="${edge?.id === "e4"}"` : ""}>${text}</${tag}></td>`);
    }
  }
}
