// Live pictures of guests' screens: asked for every few seconds while they are seen. The server sends what changed, and nothing else.
const known = new Map();
const seen = new Set();
const watch = new IntersectionObserver((all) => {
  for (const { target, isIntersecting } of all) {
    if (!isIntersecting) { seen.delete(target); continue; }
    seen.add(target);
    renew(target);
  }
});

function draw(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext('2d').drawImage(picture, 0, 0);
}

async function renew(canvas) {
  const address = canvas.dataset.screen;
  const answer = await fetch(address, { cache: 'no-cache' }).catch(() => null);
  if (!answer?.ok || known.get(address)?.tag === answer.headers.get('etag')) return;
  const picture = await createImageBitmap(await answer.blob()).catch(() => null);
  if (!picture) return;
  known.set(address, { tag: answer.headers.get('etag'), picture });
  draw(canvas, picture);
}

// The page may have been put in place of an older one: what was shown is shown at once.
export function screens(root) {
  watch.disconnect();
  seen.clear();
  for (const canvas of root.querySelectorAll('canvas[data-screen]')) {
    const last = known.get(canvas.dataset.screen);
    if (last) draw(canvas, last.picture);
    watch.observe(canvas);
  }
}

setInterval(() => { if (!document.hidden) for (const canvas of seen) renew(canvas); }, 4000);
