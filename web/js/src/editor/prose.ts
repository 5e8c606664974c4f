// A finding as HTML elements. Its words hold the user's text between backticks: they become `code`,
// always through `textContent`.

import type { DiagnosticReport } from "./types";

export function prose(report: DiagnosticReport): HTMLElement {
  const element = document.createElement("span");
  element.className = "finding-text";
  const code = document.createElement("b");
  code.className = "finding-code";
  code.textContent = report.code;
  element.append(code, " ", ...worded(report.message));
  if (report.help) {
    const help = document.createElement("span");
    help.className = "finding-help";
    help.append(...worded(report.help));
    element.append(" ", help);
  }
  return element;
}

/** A text with its code as elements. */
export function worded(text: string): Node[] {
  return text.split("`").map((part, i) => {
    if (i % 2 === 0) return document.createTextNode(part);
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}
