// The serial line, by xterm.js.
import './styles.js';
import { Terminal } from '../@xterm/xterm/lib/xterm.mjs';
import { FitAddon } from '../@xterm/addon-fit/lib/addon-fit.mjs';

let terminal = null;
let send = () => {};
const encoder = new TextEncoder();

// One for the page's life: what was said before a lost connection stays to be read.
function shown(screen) {
  if (terminal) return terminal;
  terminal = new Terminal({ scrollback: 5000, fontFamily: 'monospace', fontSize: 15, screenReaderMode: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(screen);
  fit.fit();
  addEventListener('resize', () => fit.fit());
  terminal.onData((text) => send(encoder.encode(text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  return terminal;
}

export function open({ screen, address, on }) {
  const view = shown(screen);
  const socket = new WebSocket(address());
  socket.binaryType = 'arraybuffer';
  send = (bytes) => { if (socket.readyState === WebSocket.OPEN) socket.send(bytes); };
  socket.addEventListener('open', on.connected);
  socket.addEventListener('message', (e) => view.write(new Uint8Array(e.data)));
  socket.addEventListener('close', (e) => on.closed(e.code));
  return {
    close: () => socket.close(),
    focus: () => view.focus(),
    type: (text) => view.paste(text),
  };
}
