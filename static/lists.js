// Lists: what is picked, and suggestions for the search. Without scripts the boxes, their buttons and the search work as well.

let anchor = '';

const boxes = () => [...document.querySelectorAll('input[name=pick][form=bulk]')];

function tell() {
  const form = document.getElementById('bulk');
  if (!form) return;
  const all = boxes(), n = all.filter((b) => b.checked).length, text = form.querySelector('.vireo-picked');
  text.textContent = n ? text.dataset.some.replace('{n}', n) : text.dataset.none;
  for (const button of form.querySelectorAll('button')) button.disabled = !n;
  for (const b of all) b.closest('tr').classList.toggle('vireo-chosen', b.checked);
  const every = document.getElementById('pick-all');
  if (every) { every.checked = n > 0 && n === all.length; every.indeterminate = n > 0 && n < all.length; }
}

/** Sets up a list's table; called again whenever the page was refreshed, with what was picked before. */
export function lists(picked = []) {
  const head = document.querySelector('th.vireo-pick');
  if (head && !document.getElementById('pick-all')) {
    const every = Object.assign(document.createElement('input'), { type: 'checkbox', id: 'pick-all', ariaLabel: head.dataset.all });
    every.addEventListener('change', () => { for (const b of boxes()) b.checked = every.checked; tell(); });
    head.replaceChildren(every);
  }
  for (const b of boxes()) b.checked = picked.includes(b.value);
  tell();
  const search = document.querySelector('input[data-fields]');
  if (search && !search.dataset.ready) combo(search);
}

/** What is picked now. */
export const picked = () => boxes().filter((b) => b.checked).map((b) => b.value);

function range(to) {
  const all = boxes(), a = all.findIndex((b) => b.value === anchor), z = all.indexOf(to);
  if (a < 0) return;
  for (const b of all.slice(Math.min(a, z), Math.max(a, z) + 1)) b.checked = to.checked;
}

document.addEventListener('click', (e) => {
  const box = e.target.closest?.('input[name=pick]');
  if (!box) return;
  if (e.shiftKey) range(box);
  anchor = box.value;
  tell();
});

document.addEventListener('keydown', (e) => {
  if (!e.target.matches?.('input[name=pick]')) return;
  const all = boxes(), at = all.indexOf(e.target), step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (step && all[at + step]) {
    e.preventDefault();
    const next = all[at + step];
    if (e.shiftKey) { e.target.checked = next.checked = true; anchor = next.value; }
    next.focus();
    tell();
  } else if (e.key === 'a' && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    for (const b of all) b.checked = true;
    tell();
  } else if (e.key === 'Escape') {
    for (const b of all) b.checked = false;
    tell();
  }
});

// Compared as numbers; what their columns show is written for people.
const NUMBERS = /^(memory|cpus|vms|hosts|size|.*_size|.*_count)$/;
const SIGNS = ['=', '!=', '<', '<=', '>', '>='];

/** What may stand at the caret of a search: the part that is being typed, and what it can become. */
export function suggest(text, fields) {
  const words = [...text.matchAll(/"[^"]*"?|!=|<=|>=|[=<>]|[^\s=<>!"]+/g)].map((m) => m[0]);
  const part = /[\s]$/.test(text) || !words.length ? '' : words.pop();
  const last = words.at(-1)?.toLowerCase(), before = words.at(-2)?.toLowerCase();
  const names = Object.keys(fields);
  const starts = (list) => list.filter((w) => w.toLowerCase().startsWith(part.replace(/^"/, '').toLowerCase()));
  if (SIGNS.includes(part)) return { part: '', all: fields[last] ?? [], after: ' ' };
  if (SIGNS.includes(last)) return { part, all: starts(fields[before] ?? []), after: ' ' };
  if (last === 'sortby') return { part, all: starts(names), after: ' ' };
  if (before === 'sortby') return { part, all: starts(['asc', 'desc']), after: ' ' };
  if (last === 'page') return { part, all: [], after: '' };
  if (names.includes(last) && !part && !SIGNS.includes(words.at(-2))) return { part, all: SIGNS, after: '' };
  if (names.includes(part.toLowerCase())) return { part: '', all: SIGNS, after: '' };
  if (!last || last === 'and' || last === 'or' || /:$/.test(last)) return { part, all: starts([...names, 'sortby']), after: '' };
  return { part, all: starts(['and', 'or', 'sortby', 'page']), after: ' ' };
}

// Values that stand in the list's own columns.
function fromColumns(fields) {
  for (const th of document.querySelectorAll('th[data-field]')) {
    const known = fields[th.dataset.field];
    if (!known || known.length || NUMBERS.test(th.dataset.field)) continue;
    const seen = new Set();
    for (const row of document.querySelectorAll('tbody tr')) {
      const text = row.cells[th.cellIndex]?.textContent.trim();
      if (text && text.length < 40) seen.add(/[\s"]/.test(text) ? `"${text}"` : text);
    }
    fields[th.dataset.field] = [...seen].slice(0, 30);
  }
  return fields;
}

function combo(input) {
  input.dataset.ready = '1';
  const list = document.createElement('ul');
  list.id = 'search-suggestions';
  list.className = 'vireo-suggestions';
  list.hidden = true;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', input.dataset.list);
  input.after(list);
  for (const [k, v] of Object.entries({ role: 'combobox', 'aria-expanded': 'false', 'aria-controls': list.id, 'aria-autocomplete': 'list' })) input.setAttribute(k, v);
  let now = null, at = -1;
  const close = () => { list.hidden = true; at = -1; input.setAttribute('aria-expanded', 'false'); input.removeAttribute('aria-activedescendant'); };
  const mark = () => [...list.children].forEach((o, i) => {
    o.setAttribute('aria-selected', String(i === at));
    if (i === at) { input.setAttribute('aria-activedescendant', o.id); o.scrollIntoView({ block: 'nearest' }); }
  });
  const open = () => {
    const head = input.value.slice(0, input.selectionStart ?? input.value.length);
    now = suggest(head, fromColumns(JSON.parse(input.dataset.fields)));
    if (!now.all.length || (now.all.length === 1 && now.all[0] === now.part)) { close(); return; }
    at = -1;
    list.replaceChildren(...now.all.map((word, i) => {
      const option = Object.assign(document.createElement('li'), { id: 'suggestion-' + i, textContent: word });
      option.setAttribute('role', 'option');
      option.addEventListener('mousedown', (e) => { e.preventDefault(); take(i); });
      return option;
    }));
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    mark();
  };
  const take = (i) => {
    const caret = input.selectionStart ?? input.value.length;
    const head = input.value.slice(0, caret - now.part.length) + now.all[i] + now.after;
    input.value = head + input.value.slice(caret).trimStart();
    input.setSelectionRange(head.length, head.length);
    open();
  };
  input.addEventListener('input', open);
  input.addEventListener('click', open);
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) {
      e.preventDefault();
      if (list.hidden) { open(); return; }
      at = (at + step + (at < 0 && step < 0 ? 1 : 0) + list.children.length) % list.children.length;
      mark();
    } else if (e.key === 'Escape' && !list.hidden) { e.preventDefault(); e.stopPropagation(); close(); }
    else if ((e.key === 'Enter' || e.key === 'Tab') && at >= 0 && !list.hidden) { e.preventDefault(); take(at); }
  });
}
