// What a teacher told and gave, over whatever page is open; a file that a teacher gives, with its progress.
import { localise } from './times.js';
const box = document.getElementById('notices');
const csrf = document.querySelector('meta[name=csrf-token]').content;
let shown = '';
let asked = 0;

async function renew() {
  const mine = ++asked;
  const answer = await fetch(box.dataset.from, { headers: { 'X-Fragment': '1' } }).catch(() => null);
  if (!answer?.ok) return;
  const text = await answer.text();
  // An older answer may come after a newer one.
  if (mine !== asked || text === shown) return;
  shown = text;
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  localise(fresh);
  for (const part of fresh.querySelectorAll('[data-part]')) {
    const place = document.getElementById(part.dataset.part);
    if (!place) continue;
    const inside = place.contains(document.activeElement);
    place.replaceChildren(...part.childNodes);
    if (inside) (place.querySelector('button, a') ?? document.getElementById('screen') ?? document.getElementById('main'))?.focus();
  }
}

// On a console a form that is sent would take the page away.
async function send(e) {
  if (!e.target.closest('#notices, #hand')) return;
  e.preventDefault();
  await fetch(e.target.action, { method: 'POST', headers: { 'X-CSRF-Token': csrf }, redirect: 'manual' }).catch(() => null);
  renew();
}

if (box) {
  document.addEventListener('vireo:changed', (e) => { if (e.detail.some((t) => t === 'class' || t === 'all')) renew(); });
  document.addEventListener('submit', send);
  renew();
}

const form = document.getElementById('class-file');
form?.addEventListener('submit', (e) => {
  e.preventDefault();
  const file = form.querySelector('input[type=file]').files[0];
  if (!file) return;
  const progress = form.querySelector('progress');
  const say = form.querySelector('[role=status]');
  const button = form.querySelector('button');
  const request = new XMLHttpRequest();
  request.open('POST', `${form.action}?${new URLSearchParams({ name: file.name, to: form.to.value })}`);
  request.setRequestHeader('X-CSRF-Token', csrf);
  request.upload.onprogress = (p) => { progress.hidden = false; progress.value = p.loaded / p.total; };
  const failed = (text) => { say.textContent = text; button.disabled = false; progress.hidden = true; };
  request.onload = () => { if (request.status === 200) location.reload(); else failed(request.responseText); };
  request.onerror = () => failed(form.dataset.broken);
  say.textContent = '';
  button.disabled = true;
  request.send(file);
});
