// Words over the drawing: the whole name of a card whose name was cut, on hover and on focus, and what
// the drawing leaves out.

export class Tip {
  private readonly element = document.createElement("div");

  constructor(private readonly parent: HTMLElement) {
    this.element.className = "graph-tip";
    this.element.setAttribute("aria-hidden", "true");
    this.element.hidden = true;
    parent.append(this.element);
  }

  show(target: Element): void {
    const card = target.closest<SVGElement>("[data-title]");
    const whole = card?.dataset.title;
    const cut = card?.querySelector(".graph-card-name")?.textContent?.includes("…");
    if (!card || !whole || !cut) return this.hide();
    const [at, pane] = [card.getBoundingClientRect(), this.parent.getBoundingClientRect()];
    this.element.textContent = whole;
    this.element.hidden = false;
    this.element.style.left = `${at.left - pane.left + at.width / 2}px`;
    this.element.style.top = `${at.top - pane.top - 8}px`;
  }

  hide(): void {
    this.element.hidden = true;
  }

  destroy(): void {
    this.element.remove();
  }
}

/** One line at the top. */
export class Caption {
  private readonly element = document.createElement("p");

  constructor(parent: HTMLElement) {
    this.element.className = "graph-caption";
    this.element.hidden = true;
    parent.append(this.element);
  }

  show(text: string): void {
    this.element.textContent = text;
    this.element.hidden = text === "";
  }

  destroy(): void {
    this.element.remove();
  }
}
