// Widths of words, and names cut in the middle, where they differ least.

export interface Fonts { name: string; sub: string; label: string }

export class Measure {
  private readonly context = document.createElement("canvas").getContext("2d");
  private readonly widths = new Map<string, number>();

  width(text: string, font: string): number {
    const key = `${font}\n${text}`;
    const known = this.widths.get(key);
    if (known !== undefined) return known;
    if (!this.context) return text.length * 7;
    this.context.font = font;
    const width = this.context.measureText(text).width;
    if (this.widths.size > 20_000) this.widths.clear();
    this.widths.set(key, width);
    return width;
  }

  /** `text`, or its ends around an ellipsis, so that it is at most `room` wide. */
  fitted(text: string, font: string, room: number): string {
    if (this.width(text, font) <= room) return text;
    let [low, high] = [1, text.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.width(cut(text, middle), font) <= room) low = middle;
      else high = middle - 1;
    }
    return cut(text, low);
  }
}

/** The first and last characters of `text`, `keep` of them in all. */
export function cut(text: string, keep: number): string {
  const head = Math.ceil(keep / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (keep - head))}`;
}

export function fontsOf(element: Element): Fonts {
  const family = getComputedStyle(element).fontFamily;
  return { name: `600 13px ${family}`, sub: `400 11px ${family}`, label: `500 11px ${family}` };
}
