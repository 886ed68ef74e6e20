import "./forms.js";
import "./copy.js";
import "./keytab.js";
import "./class.js";
import { lists, picked } from "./lists.js";
import { screens } from "./screens.js";
import { localise } from "./times.js";
// Live pages: when the server says that something changed, the page's main part is fetched again and put in place of the old
// one, unless somebody types, selects or has a menu open there. Works without scripts, too: then the page just does not move.
const live = document.querySelector('[data-live]');
const topics = new Set((live?.dataset.live ?? '').split(' ').filter(Boolean));
const bar = document.getElementById('connection');
let timer = 0;
let wanted = false;
let shown = '';

function busy() {
  const field = document.activeElement;
  const typing = field && live.contains(field) && field.matches('input:not([type=checkbox]), textarea, select') && field.value !== field.defaultValue;
  return typing || !!live.querySelector('[aria-expanded=true]') || String(getSelection()).length > 0;
}

async function refresh() {
  timer = 0;
  if (document.hidden || busy()) { wanted = true; return; }
  wanted = false;
  const answer = await fetch(location.href, { headers: { 'X-Fragment': 'main' } }).catch(() => null);
  if (!answer) return;
  if (answer.status === 401) { location.href = '/sign-in?then=' + encodeURIComponent(location.pathname + location.search); return; }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-live]');
  if (!fresh || fresh.innerHTML === shown) return;
  shown = fresh.innerHTML;
  const focused = document.activeElement;
  const key = focused && live.contains(focused) && (focused.name === 'pick' ? `input[name=pick][value="${CSS.escape(focused.value)}"]` : focused.id ? '#' + CSS.escape(focused.id) : focused.href ? `a[href="${CSS.escape(focused.getAttribute('href'))}"]` : '');
  const before = picked();
  live.replaceChildren(...fresh.childNodes);
  lists(before);
  if (key) live.querySelector(key)?.focus({ preventScroll: true });
  localise(live);
  screens(live);
}

function soon() { if (!timer) timer = setTimeout(refresh, 150); }

if (live) {
  localise(live);
  screens(live);
  lists();
  document.addEventListener('visibilitychange', () => { if (!document.hidden && wanted) refresh(); });
  document.addEventListener('focusout', () => { if (wanted) soon(); });
}

// One stream for the page and for what lies over it.
if (topics.size || document.getElementById('notices')) {
  let lost = 0;
  const changed = (words) => {
    document.dispatchEvent(new CustomEvent('vireo:changed', { detail: words }));
    if (topics.size && words.some((t) => t === 'all' || topics.has(t))) soon();
  };
  const source = new EventSource('/events/stream');
  source.onmessage = (e) => changed(e.data.split(' '));
  // A task may have ended after its page was made and before anything could be heard.
  source.onopen = () => { if (lost) changed(['all']); else if (live?.querySelector('.vireo-steps')) soon(); clearTimeout(lost); lost = 0; if (bar) bar.hidden = true; };
  // A hiccup is over before anybody needs to know.
  source.onerror = () => { lost ||= setTimeout(() => { if (bar) { bar.textContent = bar.dataset.text; bar.hidden = false; } }, 2000); };
  addEventListener('pagehide', () => source.close());
}

document.getElementById('theme')?.addEventListener('click', () => {
  const dark = document.documentElement.classList.toggle('pf-v6-theme-dark');
  localStorage.setItem('vireo-theme', dark ? 'dark' : 'light');
});

const toggle = document.getElementById('nav-toggle');
const sidebar = document.getElementById('sidebar');
function show(open) {
  sidebar.classList.toggle('pf-m-expanded', open);
  sidebar.classList.toggle('pf-m-collapsed', !open);
  toggle.setAttribute('aria-expanded', String(open));
}
if (toggle && sidebar) {
  show(innerWidth >= 1200);
  toggle.addEventListener('click', () => show(toggle.getAttribute('aria-expanded') !== 'true'));
}

document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches?.('input, textarea, select')) return;
  if (e.key === '/') { const s = document.getElementById('search'); if (s) { e.preventDefault(); s.focus(); s.select(); } }
  if (e.key === 'n') document.querySelector('a[data-new]')?.click();
});

// A change is asked for once, however often the button is clicked.
document.addEventListener('submit', (e) => {
  if (e.target.method !== 'post') return;
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  e.target.dataset.sent = '1';
  setTimeout(() => delete e.target.dataset.sent, 3000);
});

// Uploads: the file goes as it is, with its progress shown.
const upload = document.getElementById('upload');
upload?.addEventListener('submit', (e) => {
  e.preventDefault();
  const file = upload.querySelector('input[type=file]').files[0];
  if (!file) return;
  const progress = upload.querySelector('progress');
  const say = upload.querySelector('[role=status]');
  const request = new XMLHttpRequest();
  const fields = new URLSearchParams({ alias: upload.alias.value || file.name, content: upload.content.value, format: upload.format.value, bytes: file.size });
  if (upload.quota) fields.set('quota', upload.quota.value);
  request.open('POST', upload.action + '?' + fields);
  request.setRequestHeader('X-CSRF-Token', document.querySelector('meta[name=csrf-token]').content);
  request.upload.onprogress = (p) => { progress.hidden = false; progress.value = p.loaded / p.total; };
  request.onload = () => { if (request.status === 200) location.href = '/admin/disks'; else say.textContent = request.responseText; };
  request.onerror = () => { say.textContent = upload.dataset.broken; };
  request.send(file);
});
