// SPICE, by spice-html5 (LGPL; its text is beside it: /static/…/@spice-project/spice-html5/COPYING.LESSER).
import './styles.js';
import { SpiceMainConn } from '../@spice-project/spice-html5/src/main.js';
import { Constants } from '../@spice-project/spice-html5/src/enums.js';
import { SpiceMiniData, SpiceMsgcKeyDown, SpiceMsgcKeyUp } from '../@spice-project/spice-html5/src/spicemsg.js';
import { SpiceInputsConn } from '../@spice-project/spice-html5/src/inputs.js';
import { clipboard } from './spice-clipboard.js';

// The package opens every channel by the address of the first, and a ticket opens one.
let next = null;
let ended = null;
globalThis.WebSocket = class extends WebSocket {
  constructor(address, protocol) {
    super(next ? next() : address, protocol);
    const tell = ended;
    this.addEventListener('close', (e) => tell?.(e.code));
  }
};

// QEMU's keyboard keeps sixteen strokes and forgets the rest: they are sent no faster than QEMU itself hands on those of VNC.
const STROKE = 10;
const send = SpiceInputsConn.prototype.send_msg;
SpiceInputsConn.prototype.send_msg = function paced(message) {
  if (![Constants.SPICE_MSGC_INPUTS_KEY_DOWN, Constants.SPICE_MSGC_INPUTS_KEY_UP].includes(message.type)) {
    send.call(this, message);
    return;
  }
  this.strokes ??= [];
  this.strokes.push(message);
  const next = () => {
    if (this.state !== 'ready' || !this.ws) { this.strokes = []; return; }
    send.call(this, this.strokes[0]);
    setTimeout(() => { this.strokes.shift(); if (this.strokes.length) next(); }, STROKE);
  };
  if (this.strokes.length === 1) next();
};

// Keys of a PC by what they write, in rows of scan codes (US layout): what a text is typed by.
const SHIFT = 0x2a, CTRL = 0x1d, ALT = 0x38, DELETE = 0x53;
const KEYS = new Map([['\n', [0x1c, false]], ['\t', [0x0f, false]], [' ', [0x39, false]]]);
for (const [first, plain, shifted] of [
  [0x02, '1234567890-=', '!@#$%^&*()_+'], [0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'], [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
]) {
  [...plain].forEach((c, i) => KEYS.set(c, [first + i, false]));
  [...shifted].forEach((c, i) => KEYS.set(c, [first + i, true]));
}

export function open({ screen, address, on }) {
  screen.replaceChildren();
  let over = false;
  const quiet = () => { over = true; looking.disconnect(); shared.end(); removeEventListener('resize', resized); };
  const end = (code) => { if (!over) { quiet(); main.stop(); on.closed(code); } };
  [next, ended] = [address, end];
  const main = new SpiceMainConn({
    uri: `wss://${location.host}/`, screen_id: screen.id, password: '',
    // A closed channel tells below; the package's words are for its own page.
    onerror: () => {}, onagent: () => { shared.offer(); resized(); },
  });
  const shared = clipboard(main);

  function canvas() { return screen.querySelector('canvas'); }
  function fit() {
    const own = canvas();
    if (!own) return;
    const by = Math.min(screen.clientWidth / own.width, screen.clientHeight / own.height);
    own.style.width = `${Math.floor(own.width * by)}px`;
    own.style.height = `${Math.floor(own.height * by)}px`;
    own.setAttribute('tabindex', '0');
    // The keyboard stays with the guest, wherever the pointer is.
    own.blur = () => {};
  }
  let settling = 0;
  // With its agent, the guest makes its screen as large as the window; X wants multiples of eight.
  function resized() {
    fit();
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (main.agent_connected && !over) main.resize_window(0, screen.clientWidth & ~7, screen.clientHeight & ~7, 32, 0, 0);
    }, 300);
  }
  let told = false;
  const looking = new MutationObserver(() => {
    fit();
    if (canvas() && !told) { told = true; on.connected(); }
  });
  looking.observe(screen, { childList: true });
  addEventListener('resize', resized);

  function key(code, down) {
    if (main.inputs?.state !== 'ready') return;
    const press = down ? new SpiceMsgcKeyDown() : new SpiceMsgcKeyUp();
    press.code = down ? code : code | 0x80;
    const message = new SpiceMiniData();
    message.build_msg(down ? Constants.SPICE_MSGC_INPUTS_KEY_DOWN : Constants.SPICE_MSGC_INPUTS_KEY_UP, press);
    main.inputs.send_msg(message);
  }
  function together(...codes) {
    codes.forEach((code) => key(code, true));
    codes.reverse().forEach((code) => key(code, false));
  }
  return {
    close() { if (!over) { quiet(); main.stop(); } },
    focus: () => canvas()?.focus(),
    ctrlAltDel: () => together(CTRL, ALT, DELETE),
    type(text) {
      for (const c of text) {
        const [code, shifted] = KEYS.get(c) ?? [];
        if (code) together(...(shifted ? [SHIFT, code] : [code]));
      }
    },
  };
}

// The picture is scaled; the guest counts its own pixels.
for (const kind of ['mousemove', 'mousedown', 'mouseup']) {
  document.addEventListener(kind, (e) => {
    const own = e.target;
    if (!(own instanceof HTMLCanvasElement) || !own.clientWidth) return;
    const [x, y] = [e.offsetX * own.width / own.clientWidth, e.offsetY * own.height / own.clientHeight];
    Object.defineProperties(e, { offsetX: { value: Math.round(x) }, offsetY: { value: Math.round(y) } });
  }, true);
}
