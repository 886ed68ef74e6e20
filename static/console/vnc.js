// VNC, by noVNC.
import RFB from '../@novnc/novnc/core/rfb.js';

export function open({ screen, address, watchOnly, on }) {
  const socket = new WebSocket(address());
  let code = 0;
  socket.addEventListener('close', (e) => { code = e.code; });
  const rfb = new RFB(screen, socket, { shared: true });
  rfb.viewOnly = watchOnly;
  rfb.scaleViewport = true;
  rfb.background = 'transparent';
  rfb.addEventListener('connect', on.connected);
  rfb.addEventListener('disconnect', () => on.closed(code));
  return {
    close: () => rfb.disconnect(),
    focus: () => rfb.focus(),
    ctrlAltDel: () => rfb.sendCtrlAltDel(),
    type(text) {
      for (const c of text) {
        const point = c.codePointAt(0);
        rfb.sendKey(c === '\n' ? 0xff0d : point < 256 ? point : 0x01000000 + point, null);
      }
    },
  };
}
