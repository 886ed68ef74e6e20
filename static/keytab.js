// A binary file goes into a form's text field as base64; without scripts it is pasted there.
for (const group of document.querySelectorAll('[data-file-into]')) {
  group.hidden = false;
  group.querySelector('input').addEventListener('change', async (e) => {
    const file = e.target.files[0];
    if (!file || file.size > 65536) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    document.getElementById(group.dataset.fileInto).value = btoa(String.fromCharCode(...bytes));
  });
}
