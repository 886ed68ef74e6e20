// Passkeys: the form asks the engine what the browser is to be asked, and sends it the browser's answer.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

// The options come as JSON, with their bytes as base64url.
function options(json) {
  const key = json.publicKey ?? json;
  key.challenge = bytes(key.challenge);
  if (key.user) key.user.id = bytes(key.user.id);
  // Wished for, but not insisted on: many authenticators do not know this extension; the engine asks for the owner's finger anyway.
  if (key.extensions?.credentialProtectionPolicy) key.extensions.enforceCredentialProtectionPolicy = false;
  for (const list of [key.excludeCredentials, key.allowCredentials]) for (const c of list ?? []) c.id = bytes(c.id);
  return { publicKey: key };
}

function answer(credential) {
  const r = credential.response;
  const response = { clientDataJSON: text(r.clientDataJSON) };
  if (r.attestationObject) {
    response.attestationObject = text(r.attestationObject);
    response.transports = r.getTransports?.() ?? [];
  } else {
    response.authenticatorData = text(r.authenticatorData);
    response.signature = text(r.signature);
    response.userHandle = r.userHandle ? text(r.userHandle) : null;
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {}, authenticatorAttachment: credential.authenticatorAttachment };
}

async function ask(form) {
  const csrf = document.querySelector('meta[name=csrf-token]')?.content ?? '';
  const post = async (address, body, kind) => {
    const answered = await fetch(address, { method: 'POST', body, headers: { 'Content-Type': kind, 'X-CSRF-Token': csrf } });
    const json = await answered.json().catch(() => ({}));
    if (!answered.ok) throw Object.assign(new Error(), { told: json.error });
    return json;
  };
  const fields = Object.fromEntries(new FormData(form));
  const wanted = options(await post(form.action, new URLSearchParams(fields), 'application/x-www-form-urlencoded'));
  const credential = form.dataset.passkey === 'add' ? await navigator.credentials.create(wanted) : await navigator.credentials.get(wanted);
  const done = { name: fields.name, then: fields.then, credential: answer(credential) };
  location.href = (await post(form.dataset.answer, JSON.stringify(done), 'application/json')).to;
}

for (const form of document.querySelectorAll('[data-passkey]')) {
  if (!('PublicKeyCredential' in globalThis)) continue;
  form.hidden = false;
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    const say = form.querySelector('[role=alert]');
    say.hidden = true;
    ask(form).catch((why) => { say.textContent = why.told ?? form.dataset.failed; say.hidden = false; });
  });
}
