// A guest's screen: waits until the VM runs, asks for a one-time ticket, connects, and says in words what happens.
const page = document.getElementById('console');
const screen = document.getElementById('screen');
const state = document.getElementById('console-state');
const csrf = document.querySelector('meta[name=csrf-token]').content;
const { default: RFB } = await import(page.dataset.rfb);
let rfb = null;
let timer = 0;
let closeCode = 0;

function say(text) { state.textContent = text; }
function later(ms) { clearTimeout(timer); timer = setTimeout(connect, ms); }

async function connect() {
  clearTimeout(timer);
  rfb?.disconnect();
  rfb = null;
  const now = await fetch(`/console/${page.dataset.vm}/state`).then((r) => (r.ok ? r.json() : { gone: r.status })).catch(() => null);
  if (now?.gone) { say(now.gone === 401 ? page.dataset['4401'] : page.dataset['4403']); return; }
  if (!now?.console) { say(now ? `${now.text}${now.reason ? ': ' + now.reason : ''} – ${page.dataset.waiting}` : page.dataset.lost); later(700); return; }
  say(page.dataset.connecting);
  const answer = await fetch(`/console/${page.dataset.vm}/ticket`, { method: 'POST', headers: { 'X-CSRF-Token': csrf } }).catch(() => null);
  const body = await answer?.json().catch(() => ({}));
  if (!body?.ticket) { say(body?.error ?? page.dataset.lost); later(2000); return; }
  const socket = new WebSocket(`wss://${location.host}/console/${page.dataset.vm}?ticket=${encodeURIComponent(body.ticket)}`);
  closeCode = 0;
  socket.addEventListener('close', (e) => { closeCode = e.code; });
  rfb = new RFB(screen, socket, { shared: true });
  rfb.scaleViewport = true;
  rfb.background = 'transparent';
  rfb.addEventListener('connect', () => { say(page.dataset.connected); page.dataset.ready = '1'; rfb.focus(); });
  rfb.addEventListener('disconnect', () => {
    delete page.dataset.ready;
    const ended = closeCode === 4401 || closeCode === 4403;
    say(page.dataset[closeCode] ?? page.dataset.lost);
    if (!ended) later(1000);
  });
}

document.getElementById('ctrl-alt-del').addEventListener('click', () => { rfb?.sendCtrlAltDel(); rfb?.focus(); });
document.getElementById('again').addEventListener('click', connect);
document.getElementById('full').addEventListener('click', () => {
  if (document.fullscreenElement) document.exitFullscreen(); else page.requestFullscreen();
  rfb?.focus();
});
document.getElementById('paste').addEventListener('click', async () => {
  const text = await navigator.clipboard.readText().catch(() => '');
  for (const c of text.slice(0, 2000)) {
    const code = c === '\n' ? 0xff0d : c.codePointAt(0) < 256 ? c.codePointAt(0) : 0x01000000 + c.codePointAt(0);
    rfb?.sendKey(code, null);
  }
  rfb?.focus();
});
document.getElementById('shot').addEventListener('click', () => {
  const link = document.createElement('a');
  link.download = 'screen.png';
  link.href = screen.querySelector('canvas')?.toDataURL('image/png') ?? '';
  if (link.href) link.click();
});
addEventListener('pagehide', () => rfb?.disconnect());
connect();
