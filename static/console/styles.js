// The pages' policy allows no style in markup. Packages that write some are given these: a style element becomes a sheet of the document, a
// style attribute goes through the object model; the policy allows both.
const make = document.createElement.bind(document);
const set = Element.prototype.setAttribute;

class Sheet {
  constructor(element) {
    this.rules = new CSSStyleSheet();
    document.adoptedStyleSheets.push(this.rules);
    Object.defineProperty(element, 'textContent', { set: (text) => this.rules.replaceSync(text) });
    element.remove = () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.rules);
      Element.prototype.remove.call(element);
    };
  }
}

document.createElement = (name, ...more) => {
  if (name.toLowerCase() !== 'style') return make(name, ...more);
  const stand = make('span');
  stand.hidden = true;
  new Sheet(stand);
  return stand;
};
Element.prototype.setAttribute = function setAttribute(name, value) {
  if (name === 'style') this.style.cssText = value; else set.call(this, name, value);
};
