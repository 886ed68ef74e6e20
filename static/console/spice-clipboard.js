// One clipboard for browser and guest, where the guest has the SPICE agent: spice-protocol's vd_agent.h, the texts of it. Who takes a text
// up tells the other side (grab), which asks for it (request) when it wants it.
import { Constants as C } from '../@spice-project/spice-html5/src/enums.js';
import { SpiceMsgMainAgentData, VDAgentAnnounceCapabilities } from '../@spice-project/spice-html5/src/spicemsg.js';

const TEXT = 1, LONGEST = 1 << 20, HEAD = 20;

class Words {
  constructor(numbers, bytes = new Uint8Array()) { [this.numbers, this.bytes] = [numbers, bytes]; }
  buffer_size() { return this.numbers.length * 4 + this.bytes.length; }
  to_buffer(buffer, at = 0) {
    const view = new DataView(buffer);
    this.numbers.forEach((n, i) => view.setUint32(at + i * 4, n, true));
    new Uint8Array(buffer, at + this.numbers.length * 4).set(this.bytes);
  }
}

export function clipboard(main) {
  let ours = '';
  let theirs = '';
  // What has come of a message that is longer than one piece.
  let parts = null;
  const send = (type, data) => main.send_agent_message(type, data);

  async function offer() {
    if (!main.agent_connected) return;
    const text = await navigator.clipboard.readText().catch(() => '');
    if (!text || text === ours || text === theirs) return;
    ours = text;
    send(C.VD_AGENT_CLIPBOARD_GRAB, new Words([TEXT]));
  }
  function heard(type, data) {
    const first = data.byteLength >= 4 ? new DataView(data).getUint32(0, true) : 0;
    if (type === C.VD_AGENT_CLIPBOARD_GRAB && new Uint32Array(data.slice(0, data.byteLength & ~3)).includes(TEXT)) {
      send(C.VD_AGENT_CLIPBOARD_REQUEST, new Words([TEXT]));
    } else if (type === C.VD_AGENT_CLIPBOARD_REQUEST) {
      const bytes = new TextEncoder().encode(first === TEXT ? ours : '');
      send(C.VD_AGENT_CLIPBOARD, new Words([bytes.length ? TEXT : 0], bytes));
    } else if (type === C.VD_AGENT_CLIPBOARD && first === TEXT) {
      theirs = new TextDecoder().decode(data.slice(4));
      navigator.clipboard.writeText(theirs).catch(() => {});
    }
  }

  const own = [C.VD_AGENT_CLIPBOARD_GRAB, C.VD_AGENT_CLIPBOARD_REQUEST, C.VD_AGENT_CLIPBOARD, C.VD_AGENT_CLIPBOARD_RELEASE];
  const usual = main.process_channel_message;
  main.process_channel_message = (message) => {
    if (message.type !== C.SPICE_MSG_MAIN_AGENT_DATA) return usual.call(main, message);
    if (!parts) {
      const head = new SpiceMsgMainAgentData(message.data);
      if (!own.includes(head.type) || head.size > LONGEST) return usual.call(main, message);
      parts = { type: head.type, left: head.size, bytes: [] };
      message = { ...message, data: message.data.slice(HEAD) };
    }
    parts.bytes.push(message.data);
    parts.left -= message.data.byteLength;
    if (parts.left <= 0) {
      const { type, bytes } = parts;
      parts = null;
      new Blob(bytes).arrayBuffer().then((data) => heard(type, data));
    }
    return true;
  };
  main.announce_agent_capabilities = (request) => {
    const caps = [C.VD_AGENT_CAP_MOUSE_STATE, C.VD_AGENT_CAP_MONITORS_CONFIG, C.VD_AGENT_CAP_REPLY, C.VD_AGENT_CAP_CLIPBOARD_BY_DEMAND];
    send(C.VD_AGENT_ANNOUNCE_CAPABILITIES, new VDAgentAnnounceCapabilities(request, caps.reduce((all, bit) => all | (1 << bit), 0)));
  };
  addEventListener('focus', offer);
  return { offer, end: () => removeEventListener('focus', offer) };
}
