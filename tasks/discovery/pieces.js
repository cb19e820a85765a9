// The leaves of a page: elements with text of their own, pictures, and fields. Changes nothing.
// What stands in a field is compared by its picture and not told: it may be anybody's key.
(most) => {
  const PICTURES = ["IMG", "CANVAS", "SVG", "VIDEO", "IFRAME", "PICTURE", "EMBED", "OBJECT", "METER", "PROGRESS"];
  const FIELDS = ["INPUT", "TEXTAREA", "SELECT"];
  const SILENT = ["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD"];
  const pieces = [];
  const walk = (element, path, depth) => {
    if (pieces.length >= most || depth > 100) return;
    const tag = element.tagName.toUpperCase();
    if (SILENT.includes(tag)) return;
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join(" ");
    const text = own.replace(/\s+/g, " ").trim();
    const picture = PICTURES.includes(tag) || FIELDS.includes(tag);
    const background = !picture && !element.firstElementChild && getComputedStyle(element).backgroundImage.includes("url(");
    if (text || picture || background) {
      const box = element.getBoundingClientRect();
      const visible = box.width > 0 && box.height > 0 && (!element.checkVisibility || element.checkVisibility({ checkVisibilityCSS: true }));
      if (visible) {
        pieces.push({
          path,
          kind: picture ? tag.toLowerCase() : background && !text ? "background" : "text",
          text: picture ? "" : text.slice(0, 300),
          box: [box.left + scrollX, box.top + scrollY, box.width, box.height],
        });
      }
    }
    if (picture && tag !== "PICTURE") return;
    let number = 0;
    for (const child of element.children) walk(child, `${path}/${child.tagName.toLowerCase()}:${(number += 1)}`, depth + 1);
  };
  if (document.body) walk(document.body, "body", 0);
  return pieces;
}
