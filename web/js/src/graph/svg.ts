// Small means for SVG elements. Text always goes through `textContent`: names come from manifests.

const NS = "http://www.w3.org/2000/svg";

export type Attributes = Record<string, string | number | undefined>;

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, children: (Node | string)[] = []): SVGElementTagNameMap[K] {
  const element = document.createElementNS(NS, tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** Sets attributes that differ; `undefined` removes one. */
export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
  }
}

/** Children of a layer by key: made once, updated after, removed when no longer wanted. */
export class Keyed<T> {
  private readonly held = new Map<string, SVGGElement>();

  constructor(
    readonly layer: SVGGElement,
    private readonly make: (key: string) => SVGGElement,
    private readonly update: (element: SVGGElement, item: T, key: string) => void,
  ) {}

  sync(items: Map<string, T>): void {
    for (const [key, element] of this.held) {
      if (!items.has(key)) (element.remove(), this.held.delete(key));
    }
    for (const [key, item] of items) {
      let element = this.held.get(key);
      if (!element) {
        element = this.make(key);
        this.held.set(key, element);
        this.layer.append(element);
      }
      this.update(element, item, key);
    }
  }

  get(key: string): SVGGElement | undefined {
    return this.held.get(key);
  }

  entries(): IterableIterator<[string, SVGGElement]> {
    return this.held.entries();
  }
}
