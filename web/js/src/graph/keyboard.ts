// Moving through the drawing by keys: arrows to the nearest card that way, brackets along the lines
// of a card, Enter to select.

export type Direction = "left" | "right" | "up" | "down";

const ARROWS: Record<string, Direction> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

export function directionOf(key: string): Direction | undefined {
  return ARROWS[key];
}

/** The card nearest to `from` in a direction; what is off to the side counts as farther away. */
export function nearest(cards: Element[], from: Element, direction: Direction): Element | undefined {
  const origin = middle(from);
  let best: { card: Element; cost: number } | undefined;
  for (const card of cards) {
    if (card === from) continue;
    const at = middle(card);
    const [dx, dy] = [at.x - origin.x, at.y - origin.y];
    const [ahead, aside] = { right: [dx, dy], left: [-dx, dy], down: [dy, dx], up: [-dy, dx] }[direction];
    if (ahead <= 4) continue;
    const cost = ahead + 2.2 * Math.abs(aside);
    if (!best || cost < best.cost) best = { card, cost };
  }
  return best?.card;
}

function middle(element: Element) {
  const r = element.getBoundingClientRect();
  return { x: r.left + r.width / 2, y: r.top + r.height / 2 };
}
