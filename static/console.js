// A guest's screen or serial line: waits until the VM runs, asks for a one-time ticket, connects, and says in words what happens. What a
// console speaks is in a module of its own (console/vnc.js, spice.js, serial.js); each gives open({ screen, address, on }).
const page = document.getElementById('console');
const screen = document.getElementById('screen');
const state = document.getElementById('console-state');
const others = document.getElementById('console-others');
const question = document.getElementById('console-question');
const csrf = document.querySelector('meta[name=csrf-token]').content;
const locked = document.getElementById('console-locked');
const { vm, of, entry, protocol } = page.dataset;
const { open } = await import(page.dataset.driver);
// Who tries again waits longer each time, a little by chance: an engine that is back is not met by everybody at once.
const FIRST = 500, LONGEST = 10000, LOOK = 5000;
// Nothing is tried again after these: the session ended, the permission was taken away, somebody took the console over.
const FINAL = [4401, 4403, 4409];
let view = null;
let timer = 0;
let wait = FIRST;
let manner = 'ask';
let attempt = 0;
let inViewer = false;

function say(text) { state.textContent = text; }
function fill(text, name, value) { return text.replace(name, value); }

function later(ms) { clearTimeout(timer); timer = setTimeout(connect, ms); }

function lost(why) {
  const ms = Math.round(wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST);
  say(`${why} – ${fill(page.dataset.again, '{seconds}', Math.ceil(ms / 1000))}`);
  later(ms);
}

async function look() {
  const answer = await fetch(`/console/${vm}/state?of=${of}&entry=${entry}`, { headers: { 'X-Fragment': '1' } }).catch(() => null);
  if (!answer) return null;
  if (!answer.ok) return answer.status < 500 ? { gone: answer.status } : null;
  const now = await answer.json().catch(() => null);
  if (now && locked) locked.hidden = !now.locked;
  if (now) others.textContent = now.others.length ? fill(page.dataset.with, '{names}', now.others.join(', ')) : '';
  return now;
}

function ask(text) {
  document.getElementById('console-asked').textContent = text;
  question.hidden = false;
  question.querySelector('button').focus();
  say('');
}

async function connect() {
  const mine = ++attempt;
  clearTimeout(timer);
  view?.close();
  view = null;
  delete page.dataset.ready;
  question.hidden = true;
  const now = await look();
  if (mine !== attempt) return;
  if (now?.gone) { say(page.dataset[now.gone === 401 ? '4401' : '4403']); return; }
  if (!now) { lost(page.dataset.lost); return; }
  // The engine says when it ends; now and then it is looked at all the same.
  if (now.locked) { say(page.dataset['4423']); later(LONGEST); return; }
  if (now.refused) { say(now.refused); return; }
  if (!now.console) { say(`${now.text}${now.reason ? `: ${now.reason}` : ''} – ${page.dataset.waiting}`); later(700); return; }
  if (page.dataset.viewer && !inViewer) { inViewer = true; if (await viewer()) { say(page.dataset.viewer); return; } }
  say(page.dataset.connecting);
  const body = new URLSearchParams({ of, manner, entry, protocol });
  const answer = await fetch(`/console/${vm}/ticket`, { method: 'POST', headers: { 'X-CSRF-Token': csrf }, body }).catch(() => null);
  const issued = await answer?.json().catch(() => ({}));
  if (mine !== attempt) return;
  if (issued?.asks) { ask(issued.error); return; }
  if (!issued?.ticket) { lost(issued?.error ?? page.dataset.lost); return; }
  const tickets = [issued.ticket, ...issued.channels];
  const address = () => `wss://${location.host}/console/${vm}?ticket=${encodeURIComponent(tickets.shift() ?? '')}`;
  view = await open({ screen, address, watchOnly: entry === 'watch', on: {
    connected() {
      if (mine !== attempt) return;
      say(page.dataset.connected);
      page.dataset.ready = '1';
      [wait, manner] = [FIRST, 'ask'];
      view?.focus();
    },
    closed(code) {
      if (mine !== attempt) return;
      delete page.dataset.ready;
      if (code === 4423) { connect(); return; }
      if (FINAL.includes(code)) { say(page.dataset[code]); return; }
      lost(page.dataset[code] ?? page.dataset.lost);
    },
  } });
}

function click(id, work) {
  document.getElementById(id)?.addEventListener('click', async () => { await work(); view?.focus(); });
}

click('ctrl-alt-del', () => view?.ctrlAltDel());
click('again', () => { wait = FIRST; return connect(); });
click('full', () => (document.fullscreenElement ? document.exitFullscreen() : page.requestFullscreen()));
click('paste', async () => view?.type((await navigator.clipboard.readText().catch(() => '')).slice(0, 2000)));
async function viewer() {
  const answer = await fetch(`/console/${vm}/viewer`, { method: 'POST', headers: { 'X-CSRF-Token': csrf }, body: new URLSearchParams({ protocol }) }).catch(() => null);
  if (!answer?.ok) { say((await answer?.json().catch(() => null))?.error ?? page.dataset.lost); return false; }
  const link = document.createElement('a');
  link.download = 'console.vv';
  link.href = URL.createObjectURL(await answer.blob());
  link.click();
  URL.revokeObjectURL(link.href);
  return true;
}

click('viewer', viewer);
if (page.dataset.full) screen.addEventListener('pointerdown', () => page.requestFullscreen().catch(() => null), { once: true });
click('shot', () => {
  const link = document.createElement('a');
  link.download = 'screen.png';
  link.href = screen.querySelector('canvas')?.toDataURL('image/png') ?? '';
  if (link.href) link.click();
});
for (const button of question.querySelectorAll('button')) {
  button.addEventListener('click', () => { manner = button.dataset.manner; connect(); });
}
setInterval(() => { if (page.dataset.ready) look(); }, LOOK);
document.addEventListener('vireo:changed', (e) => {
  if (!e.detail.some((t) => t === 'class' || t === 'all')) return;
  if (locked && !locked.hidden) connect(); else if (page.dataset.ready) look();
});
addEventListener('pagehide', () => view?.close());
addEventListener('online', () => { wait = FIRST; if (!page.dataset.ready && timer) connect(); });
connect();
