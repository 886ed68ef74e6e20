// Forms: sections become tabs, a choice fills the fields that follow from it, the person goes on where something is wrong.
// Without scripts the sections stand below each other and an empty field means the default.

function tabs(root) {
  const sections = [...root.querySelectorAll(':scope > [data-tab]')];
  if (sections.length < 2) return;
  const bar = document.createElement('div');
  bar.className = 'vireo-tabs';
  bar.setAttribute('role', 'tablist');
  bar.setAttribute('aria-label', root.dataset.tabs);
  const open = (which, focus) => sections.forEach((section, i) => {
    const tab = bar.children[i];
    section.hidden = section !== which;
    tab.setAttribute('aria-selected', String(section === which));
    tab.tabIndex = section === which ? 0 : -1;
    if (focus && section === which) tab.focus();
  });
  for (const section of sections) {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.id = section.id + '-tab';
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', section.id);
    tab.textContent = section.dataset.tab;
    if (section.querySelector('.vireo-error')) tab.classList.add('vireo-wrong');
    tab.addEventListener('click', () => open(section));
    section.setAttribute('role', 'tabpanel');
    section.setAttribute('aria-labelledby', tab.id);
    section.querySelector('h2')?.remove();
    bar.append(tab);
  }
  bar.addEventListener('keydown', (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const seen = sections.filter((_, i) => !bar.children[i].hidden);
    const at = seen.findIndex((s) => !s.hidden);
    open(seen[(at + step + seen.length) % seen.length], true);
  });
  root.prepend(bar);
  const wrong = sections.find((s) => s.querySelector('.vireo-error'));
  fold(root, bar, sections, open, wrong);
  open(wrong ?? sections[0]);
}

// What few people need is shown when it is asked for, and from then on in this window.
function fold(root, bar, sections, open, wrong) {
  const advanced = (section) => section.dataset.advanced !== undefined;
  if (!sections.some(advanced)) return;
  root.classList.add('vireo-side');
  bar.setAttribute('aria-orientation', 'vertical');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'pf-v6-c-button pf-m-link pf-m-small vireo-advanced';
  const show = (on) => {
    sections.forEach((section, i) => { bar.children[i].hidden = advanced(section) && !on; });
    button.textContent = on ? root.dataset.hide : root.dataset.show;
    button.setAttribute('aria-expanded', String(on));
    if (!on && sections.some((s) => !s.hidden && advanced(s))) open(sections[0]);
  };
  let on = (wrong && advanced(wrong)) || sessionStorage.getItem('vireo-advanced') === '1';
  button.addEventListener('click', () => {
    on = !on;
    sessionStorage.setItem('vireo-advanced', on ? '1' : '0');
    show(on);
  });
  bar.after(button);
  show(on);
}

// What the chosen instance type says.
function typed(form) {
  return JSON.parse(form.elements.instance_type?.selectedOptions?.[0]?.dataset.fill ?? '{}');
}

function fill(form, select, all) {
  const chosen = select.selectedOptions[0]?.dataset.fill;
  if (!chosen) return;
  const others = select.name === 'instance_type' ? {} : typed(form);
  for (const [name, value] of Object.entries(JSON.parse(chosen))) {
    const field = form.elements[name];
    if (name in others) continue;
    if (field?.type === 'checkbox') {
      if (all) field.checked = value === true;
      continue;
    }
    if (!field || (!all && field.value)) continue;
    if (field.tagName !== 'SELECT' || [...field.options].some((o) => o.value === String(value))) field.value = value;
  }
}

function total(form) {
  for (const row of form.querySelectorAll('[data-total]')) {
    const numbers = row.dataset.total.split(' ').map((n) => Number(form.elements[n]?.value));
    row.hidden = false;
    row.querySelector('output').textContent = numbers.every((n) => n > 0) ? numbers.reduce((a, b) => a * b) : '–';
  }
}

for (const form of document.querySelectorAll('form.vireo-form')) {
  for (const root of form.querySelectorAll('[data-tabs]')) tabs(root);
  for (const name of ['instance_type', 'template']) {
    const select = form.elements[name];
    if (!select?.querySelector?.('[data-fill]')) continue;
    fill(form, select, false);
    select.addEventListener('change', () => { fill(form, select, true); total(form); });
  }
  form.addEventListener('input', (e) => {
    // A size or settings of one's own are no instance type's any more.
    if (e.target.name in typed(form)) form.elements.instance_type.value = '';
    if (e.target.name === 'memory') follow(form);
    total(form);
  });
  total(form);
  form.dataset.memory = form.elements.memory?.value ?? '';
  form.querySelector('[aria-invalid]')?.focus();
}

// What the choice above does not read is not asked for: `data-when` names the field, `data-is` the values with which the part counts.
for (const form of document.querySelectorAll('form.vireo-form')) {
  const parts = [...form.querySelectorAll('[data-when]')];
  const show = () => parts.forEach((part) => { part.hidden = !part.dataset.is.split(' ').includes(form.elements[part.dataset.when]?.value); });
  if (parts.length) { show(); form.addEventListener('change', show); }
}

// Who changes only the memory does not want to hear of the two limits that go with it.
function follow(form) {
  const { memory, max_memory: most, guaranteed } = form.elements;
  if (guaranteed && (guaranteed.value === form.dataset.memory || Number(guaranteed.value) > Number(memory.value))) guaranteed.value = memory.value;
  if (most && Number(most.value) < Number(memory.value)) most.value = memory.value;
  form.dataset.memory = memory.value;
}

// A file goes into the field it stands below; without scripts the text is pasted.
for (const file of document.querySelectorAll('input[type=file][data-into]')) {
  file.hidden = false;
  file.addEventListener('change', async () => {
    const chosen = file.files[0];
    if (chosen) document.getElementById(file.dataset.into).value = (await chosen.text()).slice(0, 65536);
    // Only its text is sent.
    file.value = '';
  });
}
