const SVG = "http://www.w3.org/2000/svg";

/** The page's language, as the server chose it. */
export const language = document.documentElement.lang || "en";

/** The words that the server hands to this page. */
export function words(): Record<string, string> {
  return JSON.parse(document.getElementById("page-words")?.textContent ?? "{}");
}

/** An HTML element with a class and text: Trusted Types leave no room for markup in strings. */
export function element(tag: string, className = "", text = ""): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** An SVG element with its attributes. */
export function shape(tag: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text) made.textContent = text;
  return made;
}

/** The JSON behind an address; anything but a 2xx answer is an error. */
export async function load<T>(path: string): Promise<T> {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json() as Promise<T>;
}
