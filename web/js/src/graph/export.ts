// The drawing as a file of its own: what the style sheet says is written into each element.

import { svg } from "./svg";

const KEPT = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linecap", "stroke-linejoin", "paint-order", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "display", "transform",
];
const DROPPED = ".graph-line-hit, .graph-fold, .graph-ground";

export function standalone(surface: SVGSVGElement, view: SVGGElement): string | undefined {
  const box = view.getBBox();
  if (box.width === 0) return undefined;
  const copy = surface.cloneNode(true) as SVGSVGElement;
  inline(surface, copy);
  copy.querySelector(".graph-view")?.setAttribute("transform", "");
  copy.querySelectorAll(DROPPED).forEach((element) => element.remove());
  const ground = { x: box.x - 24, y: box.y - 24, width: box.width + 48, height: box.height + 48, style: `fill:${groundColour(surface)}` };
  copy.prepend(svg("rect", ground));
  copy.setAttribute("viewBox", [box.x - 24, box.y - 24, box.width + 48, box.height + 48].join(" "));
  copy.setAttribute("width", String(Math.ceil(box.width + 48)));
  copy.setAttribute("height", String(Math.ceil(box.height + 48)));
  return new XMLSerializer().serializeToString(copy);
}

/** The colour that the drawing lies on in the page. */
function groundColour(surface: SVGSVGElement): string {
  return getComputedStyle(surface).getPropertyValue("--ground").trim() || "white";
}

function inline(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  const own = to as SVGElement;
  const text = KEPT.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";");
  if (from instanceof SVGElement && from.ownerSVGElement && !from.classList.contains("graph-view")) own.setAttribute("style", text);
  for (let i = 0; i < from.children.length; i++) inline(from.children[i], to.children[i]);
}
